#include "compiler/Header.h"
#include "compiler/Compile.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
namespace nnf {
namespace {

/// A prefix for macros: upper case, and no digit in front.
std::string macroPrefix(StringRef name) {
  std::string text = name.upper();
  return llvm::isDigit(text.front()) ? "_" + text : text;
}

} // namespace

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

void addTensors(llvm::raw_ostream &os, StringRef prefix, StringRef kind, ArrayRef<HeaderModel::Tensor> tensors) {
  os << "#define " << prefix << "_NUM_" << kind << "S " << tensors.size() << "\n";
  for (auto [i, tensor] : llvm::enumerate(tensors)) {
    std::string one = (prefix + "_" + kind + "_" + Twine(i)).str();
    os << "#define " << one << "_NAME " << quoted(tensor.name) << "\n";
    os << "#define " << one << "_DTYPE " << tensor.dtype << " /* " << dtypeText(tensor.dtype) << " */\n";
    os << "#define " << one << "_RANK " << tensor.rank << "\n";
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
    if (model.arenaBytes)
      os << "#define " << prefix << "_ARENA_BYTES " << *model.arenaBytes << "\n";
  }
  os << "\n#ifdef __cplusplus\n}\n#endif\n#endif\n";
  return text;
}

} // namespace nnf
