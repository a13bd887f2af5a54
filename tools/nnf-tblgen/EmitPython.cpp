// The Python builder: a method for each function, with torch's parameters and defaults.
#include "FunctionRecord.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/TableGen/Error.h"

using namespace llvm;
namespace nnf::tblgen {

/// The parameter that asks for an optional output: indices by return_indices, weights by need_weights.
static StringRef askedForBy(const FunctionRecord &f, const ResultRecord &output) {
  for (const ParameterRecord &p : f.parameters)
    if (p.kind == "Bool" && (p.name == "return_" + output.name || p.name == "need_" + output.name))
      return p.name;
  PrintFatalError("function '" + f.name + "': no parameter asks for its optional output '" + output.name + "'");
}

/// A documentation string holds no quotes of three, and no escapes.
static std::string plain(StringRef text) {
  std::string result;
  for (char c : text)
    result += c == '\\' || c == '"' ? '\'' : c;
  return result;
}

/// The function's contract, indented as a method's first statement is.
static void emitDocumentation(raw_ostream &os, const FunctionRecord &f, StringRef called) {
  std::string text = plain(f.contract());
  SmallVector<StringRef> lines;
  StringRef(text).rtrim().split(lines, '\n');
  ListSeparator newline("\n");
  for (StringRef line : lines)
    if (called == f.name || !line.starts_with("- `inplace="))
      os << newline << (line.empty() || line.data() == text.data() ? "" : "        ") << line;
  os << "\n";
  if (called != f.name)
    os << "\n        In place: after it `input` is the result.\n";
}

static void emitMethod(raw_ostream &os, const FunctionRecord &f, StringRef called) {
  bool hasList = any_of(f.outputs(), [](const ResultRecord &r) { return r.isVariadic; });
  os << "\n    def " << called << "(self";
  bool hasInplace = f.hasInplace && called == f.name;
  // arange(start=0, end, …): behind a default Python takes what has none by name only.
  bool byName = false, sawDefault = false;
  for (const ParameterRecord &p : f.parameters) {
    byName |= sawDefault && p.presence == Presence::Required;
    sawDefault |= p.presence != Presence::Required;
  }
  os << (byName ? ", *" : "");
  for (const ParameterRecord &p : f.parameters)
    os << ", " << p.name << (p.presence == Presence::Required ? "" : "=" + p.pythonDefault);
  os << (hasInplace ? ", inplace=False" : "") << (byName ? "" : ", *") << (hasList ? ", pieces" : "")
     << ", node=None):\n";
  os << "        \"\"\"";
  emitDocumentation(os, f, called);
  if (hasList)
    os << "\n        `pieces` is how many outputs there are.\n";
  os << "        \"\"\"\n        return self._call(\"" << called << "\", {";
  ListSeparator comma;
  for (const ParameterRecord &p : f.parameters)
    os << comma << "\"" << p.name << "\": " << p.name;
  if (hasInplace)
    os << comma << "\"inplace\": inplace";
  os << "}, ";
  if (hasList) {
    os << "pieces, node, as_list=True)\n";
    return;
  }
  os << "1";
  for (const ResultRecord &output : ArrayRef(f.outputs()).drop_front())
    os << " + " << (output.isOptional ? "bool(" + askedForBy(f, output).str() + ")" : "1");
  os << ", node)\n";
}

void emitPython(ArrayRef<FunctionRecord> functions, raw_ostream &os) {
  os << "\"\"\"The functions a graph is made of. Made by nnf-tblgen -gen-python.\"\"\"\n\n\nclass Functions:\n"
        "    \"\"\"A method for each function of `nnfc ops`; nnfc.Graph is one.\"\"\"\n";
  for (const FunctionRecord &f : functions) {
    emitMethod(os, f, f.name);
    if (!f.inplaceTwin.empty())
      emitMethod(os, f, f.inplaceTwin);
  }
}

} // namespace nnf::tblgen
