// The C++ class around a compiled model.
#include "compiler/Compile.h"
#include "compiler/Header.h"
#include "runtime/abi.h"
#include "llvm/ADT/StringSet.h"

namespace nnf {
namespace {

using llvm::StringRef;

StringRef elementText(uint32_t dtype) {
  static constexpr llvm::StringLiteral names[] = {"",        "float",    "double",   "nnf::float16", "nnf::bfloat16",
                                                  "int64_t", "int32_t",  "int16_t",  "int8_t",       "uint8_t",
                                                  "bool",    "uint16_t", "uint32_t", "uint64_t"};
  return names[dtype];
}

/// nnf::Shape<nnf::dynamicSize, 3, 8, 8>
std::string shapeText(const HeaderModel::Tensor &tensor) {
  std::string text = "nnf::Shape<";
  for (auto [size, most] : llvm::zip(tensor.dims, tensor.most)) {
    if (text.back() != '<')
      text += ", ";
    text += size >= 0   ? std::to_string(size)
            : most <= 0 ? std::string("nnf::dynamicSize")
                        : "nnf::upTo(" + std::to_string(most) + ")";
  }
  return text + ">";
}

void addTypes(llvm::raw_ostream &os, StringRef kind, llvm::ArrayRef<HeaderModel::Tensor> tensors) {
  os << "  static constexpr size_t num" << kind << "s = " << tensors.size() << ";\n";
  for (auto [i, tensor] : llvm::enumerate(tensors)) {
    StringRef form = kind == "Output" ? "Out" : tensor.isInOut ? "InOut" : "In";
    os << "  /// " << quoted(tensor.name)
       << (tensor.isInOut && kind == "Input" ? ": holds its new value after the run" : "") << "\n  using " << kind << i
       << " = nnf::" << form << "<" << elementText(tensor.dtype) << ", " << shapeText(tensor) << ">;\n";
  }
}

/// "DLTensor *in[] = {in0.dlpack(), nullptr};": an array has one element at least.
void addPointers(llvm::raw_ostream &os, StringRef array, size_t count) {
  os << "    DLTensor *" << array << "[] = {";
  for (size_t i = 0; i < count; ++i)
    os << array << i << ".dlpack(), ";
  os << "nullptr};\n";
}

} // namespace

std::string classText(const HeaderModel &model, StringRef className, StringRef cHeader) {
  std::string text;
  llvm::raw_string_ostream os(text);
  std::string guard = ("NNF_CLASS_" + className + "_HPP").str(); // not in capitals: Net is another class than net
  os << "// Made by " << producerText() << ": a class around a compiled model, for C++20.\n"
     << "#ifndef " << guard << "\n#define " << guard << "\n#include " << quoted(cHeader)
     << "\n#include \"typed.hpp\"\n\n"
     << "/// For one thread at a time; each has its own.\n"
     << "class " << className << " : public nnf::LinkedModel {\npublic:\n"
     << "  static constexpr const char *name = " << quoted(model.name) << ";\n"
     << "  static constexpr uint32_t abiMajor = " << NNF_ABI_MAJOR << ", abiMinor = " << NNF_ABI_MINOR << ";\n"
     << "  /// Bytes of intermediate results, at most; nnf::dynamicSize: the sizes of the inputs decide.\n"
     << "  static constexpr int64_t arenaBytes = "
     << (model.arenaBytes ? std::to_string(*model.arenaBytes) : "nnf::dynamicSize") << ";\n";
  addTypes(os, "Input", model.inputs);
  addTypes(os, "Output", model.outputs);
  os << "  static_assert(abiMajor == NNF_ABI_MAJOR && abiMinor <= NNF_ABI_MINOR, \"the runtime is older than the "
        "model\");\n\n"
     << "  explicit " << className << "(const nnf_context_options &options = nnf::Context::options())\n"
     << "      : LinkedModel(nnf_model_" << model.name << ", options) {}\n\n"
     << "  /// One run. An output without memory gets the context's, until the next run.\n  nnf::Status run(";
  for (size_t i = 0; i < model.inputs.size(); ++i)
    os << "const Input" << i << " &in" << i << ", ";
  for (size_t j = 0; j < model.outputs.size(); ++j)
    os << "const Output" << j << " &out" << j << ", ";
  os << "const nnf_run_options *options = nullptr) {\n";
  addPointers(os, "in", model.inputs.size());
  addPointers(os, "out", model.outputs.size());
  os << "    return runTensors({in, numInputs}, {out, numOutputs}, options);\n  }\n};\n\n#endif\n";
  return text;
}

bool isClassName(StringRef name) {
  static const llvm::StringSet<> taken = {
      // words of C++
      "alignas", "alignof", "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case", "catch", "char",
      "char16_t", "char32_t", "char8_t", "class", "co_await", "co_return", "co_yield", "compl", "concept", "const",
      "const_cast", "consteval", "constexpr", "constinit", "continue", "decltype", "default", "delete", "do", "double",
      "dynamic_cast", "else", "enum", "explicit", "export", "extern", "false", "float", "for", "friend", "goto", "if",
      "inline", "int", "long", "mutable", "namespace", "new", "noexcept", "not", "not_eq", "nullptr", "operator", "or",
      "or_eq", "private", "protected", "public", "register", "reinterpret_cast", "requires", "return", "short",
      "signed", "sizeof", "static", "static_assert", "static_cast", "struct", "switch", "template", "this",
      "thread_local", "throw", "true", "try", "typedef", "typeid", "typename", "union", "unsigned", "using", "virtual",
      "void", "volatile", "wchar_t", "while", "xor", "xor_eq",
      // members of the class, and what it is made of
      "name", "abiMajor", "abiMinor", "arenaBytes", "numInputs", "numOutputs", "run", "nnf", "DLTensor", "std"};
  auto isTensor = [&](StringRef kind) {
    StringRef rest = name;
    return rest.consume_front(kind) && !rest.empty() && llvm::all_of(rest, llvm::isDigit);
  };
  return !name.empty() && !llvm::isDigit(name.front()) && !taken.contains(name) && !isTensor("Input") &&
         !isTensor("Output") && llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

} // namespace nnf
