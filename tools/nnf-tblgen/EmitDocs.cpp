// docs/ops: a page for each family of functions, and an index.
#include "FunctionRecord.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/TableGen/Error.h"

using namespace llvm;
namespace nnf::tblgen {

static constexpr StringLiteral madeBy =
    "<!-- Made by nnf-tblgen -gen-docs from dialects/nnf/ops/; a test compares. -->\n";

using Functions = SmallVector<const FunctionRecord *>;

/// "ClassLoss": "class-loss.md".
static std::string pageName(StringRef family) {
  std::string name;
  for (char c : family) {
    if (isUpper(c) && !name.empty())
      name += '-';
    name += toLower(c);
  }
  return name + ".md";
}

/// Calls write(stream) for a file of the folder.
template <typename Write> static void writeFile(StringRef name, Write write) {
  SmallString<128> path(docsFolder);
  sys::path::append(path, name);
  std::error_code error;
  raw_fd_ostream os(path, error);
  if (error)
    PrintFatalError("cannot write " + path.str() + ": " + error.message());
  write(os);
}

static void writeFamily(raw_ostream &os, StringRef family, ArrayRef<const FunctionRecord *> functions) {
  os << madeBy << "# " << family << "\n\n" << functions.front()->familyTitle << " [All functions](README.md)\n\n";
  for (const FunctionRecord *f : functions)
    os << "## " << f->name << "\n\n    " << f->signature() << "\n\n" << f->page() << "\n";
}

static constexpr StringLiteral preface = R"(# Functions

What a graph may call: each function with the parameters it has in torch. `nnfc ops NAME` prints the same; [coverage.md](coverage.md) has what tests say of each.

- *float* is float32, float64, float16 or bfloat16; 16-bit floats are computed in float32 and rounded once. *integer* is int8, int16, int32, int64 or uint8. *any dtype* is these and bool.
- Shapes that *broadcast* are aligned at the end, and sizes of 1 are repeated. A *promoted* dtype is that of torch: bool gives way to integers, integers to floats, narrow to wide; tensors with dimensions decide, scalars and then numbers count only where they are of a higher kind.
- A parameter that is left out, or None, takes its default. Where one takes integers or numbers for each dimension, one stands for all. A negative `dim` counts from the end; a scalar counts as rank 1.
- Sizes may be symbols, such as N: sizes of the same symbol are equal, and what else must hold for the sizes of a run is checked by the run: that others are equal, or broadcast.

A message names the node, the function and the argument: `node 'stem' (conv2d), argument 'weight': rank 3, expected 4 [out, in/groups, kh, kw]`. The pages have what follows the argument, with the values of one call. Every function also refuses

- `missing, expected a tensor`, `the string 'x', expected an integer`, `a list of 2 integers, expected a number`: arguments that are missing or of another kind
- `no parameter of that name, expected one of input, dim`
- `size 7 at dimension 1, expected 8`, `size 3 at dimension 0, expected M or 1 to broadcast`: sizes of a run that must be equal, or 1

)";

static void writeIndex(raw_ostream &os, const MapVector<StringRef, Functions> &families, ArrayRef<StringRef> names) {
  os << madeBy << preface;
  for (StringRef family : names) {
    std::string page = pageName(family);
    const Functions &functions = families.find(family)->second;
    os << "**[" << family << "](" << page << ")**: " << functions.front()->familyTitle << "\n";
    ListSeparator space(" ");
    for (const FunctionRecord *f : functions)
      os << space << "[" << f->name << "](" << page << "#" << f->name << ")";
    os << "\n\n";
  }
}

void emitDocs(ArrayRef<FunctionRecord> functions, raw_ostream &) {
  if (docsFolder.empty())
    PrintFatalError("-gen-docs needs -docs-folder");
  if (std::error_code error = sys::fs::create_directories(docsFolder))
    PrintFatalError("cannot make " + docsFolder + ": " + error.message());
  MapVector<StringRef, Functions> families;
  for (const FunctionRecord &f : functions)
    families[f.family].push_back(&f);
  SmallVector<StringRef> names = llvm::to_vector(llvm::make_first_range(families));
  llvm::sort(names);
  for (StringRef family : names)
    writeFile(pageName(family), [&](raw_ostream &os) { writeFamily(os, family, families.find(family)->second); });
  writeFile("README.md", [&](raw_ostream &os) { writeIndex(os, families, names); });
}

} // namespace nnf::tblgen
