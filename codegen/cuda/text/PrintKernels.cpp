#include "codegen/cuda/text/PrintKernels.h"
#include "codegen/cuda/text/Statements.h"

namespace nnf {
namespace {

llvm::Error noText(const llvm::Value &value, const llvm::Twine &where) {
  std::string text;
  llvm::raw_string_ostream(text) << value;
  return llvm::createStringError("internal: " + where + " as CUDA C++: there is no text for '" +
                                 llvm::StringRef(text).trim() + "'");
}

/// Names of IR may have dots.
std::string arrayName(const llvm::GlobalVariable &array) {
  std::string name = array.getName().str();
  std::replace_if(name.begin(), name.end(), [](char c) { return !llvm::isAlnum(c); }, '_');
  return name;
}

std::string declarationOf(const llvm::GlobalVariable &array, const Operands &operands) {
  std::string name = arrayName(array), align = std::to_string(array.getAlign().valueOrOne().value());
  auto *type = llvm::dyn_cast<llvm::ArrayType>(array.getValueType());
  if (!type)
    return "";
  uint64_t count = type->getNumElements();
  if (array.getAddressSpace() == sharedSpace) {
    const llvm::DataLayout &layout = array.getDataLayout();
    uint64_t bytes = layout.getTypeAllocSize(type).getFixedValue();
    // Without elements: what the launch adds.
    return array.isDeclaration()
               ? "extern NNF_SHARED_ARRAY char " + name + "[] __attribute__((aligned(" + align + ")));\n"
               : "static NNF_SHARED_ARRAY char " + name + "[" + std::to_string(bytes) + "] __attribute__((aligned(" +
                     align + ")));\n";
  }
  std::string elements = elementsOf(array), element = operands.typeOf(type->getElementType());
  if (elements.empty() || element.empty())
    return "";
  return "NNF_CONSTANT_ARRAY " + element + " " + name + "[" + std::to_string(count) + "] __attribute__((aligned(" +
         align + "))) = {" + elements + "};\n";
}

llvm::Expected<std::string> kernelText(const llvm::Function &kernel, Operands operands) {
  std::string parameters;
  for (const llvm::Argument &argument : kernel.args()) {
    std::string name = "a" + std::to_string(argument.getArgNo());
    parameters += argument.getArgNo() ? ", " : "";
    if (argument.hasByValAttr()) { // a tensor map
      parameters += "const NNF_GRID_CONSTANT TensorMap " + name;
      operands.name(argument, "((char *)&" + name + ")");
      continue;
    }
    std::string type = operands.typeOf(argument.getType());
    if (type.empty() || argument.getType()->isVectorTy())
      return noText(argument, "kernel '" + kernel.getName() + "'");
    parameters += type + (type.back() != '*' ? " " : argument.hasNoAliasAttr() ? "__restrict__ " : "") + name;
    operands.name(argument, name);
  }
  int threads = 0;
  if (kernel.getFnAttribute("nvvm.reqntid").getValueAsString().getAsInteger(10, threads))
    return noText(kernel, "threads of a kernel");
  Statements body(kernel.getDataLayout(), operands);
  if (!body.print(kernel))
    return noText(*body.refused, "kernel '" + kernel.getName() + "'");
  return "\nNNF_KERNEL(" + std::to_string(threads) + ") void " + kernel.getName().str() + "(" + parameters + ") {\n" +
         body.take() + "}\n";
}

} // namespace

llvm::Expected<std::string> printKernels(const llvm::Module &module, llvm::ArrayRef<const llvm::Function *> kernels) {
  Operands operands(module.getDataLayout());
  std::string text;
  for (const llvm::GlobalVariable &array : module.globals()) {
    if (llvm::none_of(array.users(), [&](const llvm::User *user) {
          auto *instruction = llvm::dyn_cast<llvm::Instruction>(user);
          return instruction && llvm::is_contained(kernels, instruction->getFunction());
        }))
      continue;
    std::string one = declarationOf(array, operands);
    if (one.empty())
      return noText(array, "an array");
    text += one;
    bool isShared = array.getAddressSpace() == sharedSpace;
    operands.name(array, (isShared ? "((NNF_SHARED char *)" : "((char *)") + arrayName(array) + ")");
  }
  for (const llvm::Function *kernel : kernels) {
    llvm::Expected<std::string> one = kernelText(*kernel, operands);
    if (!one)
      return one.takeError();
    text += *one;
  }
  return text;
}

} // namespace nnf
