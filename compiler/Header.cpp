#include "compiler/Header.h"
#include "codegen/driver/SizeRanges.h"
#include "compiler/Compile.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
namespace nnf {
namespace {

/// A prefix for macros: upper case, and no digit in front.
std::string macroPrefix(StringRef name) {
  std::string text = name.upper();
  return llvm::isDigit(text.front()) ? "_" + text : text;
}

} // namespace

/// The sizes of a tensor; -1 where only the run knows.
static std::vector<int64_t> sizesOf(RankedTensorType type) {
  std::vector<int64_t> sizes;
  for (Dim dim : shapeOf(type))
    sizes.push_back(constantOf(dim).value_or(-1));
  return sizes;
}

/// What they are at most; -1: anything.
static std::vector<int64_t> mostOf(RankedTensorType type, const SizeRanges &ranges) {
  std::vector<int64_t> most;
  for (Dim dim : shapeOf(type)) {
    std::optional<SizeRanges::Range> range = ranges.of(dim);
    most.push_back(range ? std::max<int64_t>(range->most, 0) : -1);
  }
  return most;
}

void HeaderModel::describe(ModuleOp module, const Signature &signature) {
  SizeRanges ranges(module);
  if (std::optional<int64_t> bytes = ranges.mostArenaBytes())
    arenaBytes = std::max(arenaBytes.value_or(0), *bytes);
  inputs.clear(), outputs.clear(), sizes.clear();
  for (auto [from, to] : {std::pair(&signature.inputs, &inputs), std::pair(&signature.outputs, &outputs)})
    for (const TensorSignature &tensor : *from)
      to->push_back({tensor.name, abiDType(tensor.type.getElementType()), tensor.type.getRank(), sizesOf(tensor.type),
                     mostOf(tensor.type, ranges), tensor.tied >= 0});
  auto *dialect = module.getContext()->getLoadedDialect<NnfDialect>();
  for (unsigned symbol : signature.symbols)
    if (std::optional<SizeRanges::Range> range = ranges.of(dialect->symbolName(symbol)))
      sizes.push_back({dialect->symbolName(symbol), range->least, range->most});
}

/// A name within a comment.
static std::string commented(StringRef text) {
  std::string out;
  for (char c : text)
    out += llvm::isPrint(c) && c != '*' && c != '/' && c != '\\' ? c : '_';
  return out;
}

std::string quoted(StringRef text) {
  std::string out = "\"";
  for (unsigned char c : text) {
    if (llvm::isPrint(c) && c != '"' && c != '\\' && c != '?') // no trigraphs
      out += static_cast<char>(c);
    else
      out += llvm::formatv("\\{0}{1}{2}", c >> 6, (c >> 3) & 7, c & 7).str();
  }
  return out + "\"";
}

namespace {

StringRef dtypeText(uint32_t dtype) {
  static constexpr StringLiteral names[] = {"",          "NNF_FLOAT32", "NNF_FLOAT64", "NNF_FLOAT16", "NNF_BFLOAT16",
                                            "NNF_INT64", "NNF_INT32",   "NNF_INT16",   "NNF_INT8",    "NNF_UINT8",
                                            "NNF_BOOL",  "NNF_UINT16",  "NNF_UINT32",  "NNF_UINT64"};
  return names[dtype];
}

/// Where a size is open and all have bounds.
std::optional<int64_t> mostElements(const HeaderModel::Tensor &tensor) {
  if (!llvm::is_contained(tensor.dims, -1))
    return std::nullopt;
  int64_t elements = 1;
  for (int64_t size : tensor.most)
    if (size < 0 || llvm::MulOverflow(elements, size, elements))
      return std::nullopt;
  return elements;
}

void addTensors(llvm::raw_ostream &os, StringRef prefix, StringRef kind, ArrayRef<HeaderModel::Tensor> tensors) {
  os << "#define " << prefix << "_NUM_" << kind << "S " << tensors.size() << "\n";
  for (auto [i, tensor] : llvm::enumerate(tensors)) {
    std::string one = (prefix + "_" + kind + "_" + Twine(i)).str();
    os << "#define " << one << "_NAME " << quoted(tensor.name) << "\n";
    os << "#define " << one << "_DTYPE " << tensor.dtype << " /* " << dtypeText(tensor.dtype) << " */\n";
    os << "#define " << one << "_RANK " << tensor.rank << "\n";
    if (std::optional<int64_t> most = mostElements(tensor))
      os << "#define " << one << "_MAX_ELEMENTS " << *most << "\n";
  }
}

} // namespace

std::string headerText(ArrayRef<HeaderModel> models, StringRef guard) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "/* Made by " << producerText() << ". To run a model, see nnf.h of its runtime. */\n"
     << "#ifndef NNF_MODEL_" << guard.upper() << "_H\n#define NNF_MODEL_" << guard.upper() << "_H\n"
     << "#ifdef __cplusplus\nextern \"C\" {\n#endif\n"
     // With the runtime's header or without, in either order. C before C11 takes a typedef only once.
     << "#if defined(NNF_ABI_H) || defined(__cplusplus) || (defined(__STDC_VERSION__) && __STDC_VERSION__ >= 201112L)\n"
     << "#ifndef NNF_ABI_H\ntypedef struct nnf_model nnf_model;\n#endif\n";
  for (const HeaderModel &model : models)
    os << "extern const nnf_model nnf_model_" << model.name << ";\n";
  os << "#else\nstruct nnf_model;\n";
  for (const HeaderModel &model : models)
    os << "extern const struct nnf_model nnf_model_" << model.name << ";\n";
  os << "#endif\n";
  for (const HeaderModel &model : models) {
    std::string prefix = macroPrefix(model.name);
    os << "\n";
    addTensors(os, prefix, "INPUT", model.inputs);
    addTensors(os, prefix, "OUTPUT", model.outputs);
    for (const HeaderModel::Size &size : model.sizes)
      os << "/* " << commented(size.name) << " is " << size.least << " to " << size.most << " */\n";
    if (model.arenaBytes)
      os << "#define " << prefix << "_ARENA_BYTES " << *model.arenaBytes << "\n";
  }
  os << "\n#ifdef __cplusplus\n}\n#endif\n#endif\n";
  return text;
}

} // namespace nnf
