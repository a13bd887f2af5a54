#include "codegen/cuda/Templates.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Support/Error.h"

// The templates as bitcode, put here by the build.
extern "C" const char nnf_template_bitcode[], nnf_template_bitcode_end[];
asm(".pushsection .rodata\n"
    ".balign 4\n"
    ".global nnf_template_bitcode\n"
    "nnf_template_bitcode:\n"
    ".incbin \"" NNF_TEMPLATE_BITCODE "\"\n"
    ".global nnf_template_bitcode_end\n"
    "nnf_template_bitcode_end:\n"
    ".popsection\n");

namespace nnf {

/// What kernels want of templates.
static llvm::SmallVector<std::string> undefinedFunctions(const llvm::Module &module) {
  llvm::SmallVector<std::string> names;
  for (const llvm::Function &function : module)
    if (function.isDeclaration() && !function.isIntrinsic())
      names.push_back(function.getName().str());
  return names;
}

mlir::LogicalResult linkTemplates(llvm::Module &device, mlir::Location location) {
  llvm::SmallVector<std::string> wanted = undefinedFunctions(device);
  if (wanted.empty())
    return mlir::success();
  auto internal = [&](const llvm::Twine &text) {
    mlir::emitError(location) << "internal: templates of kernels: " << text;
    return mlir::failure();
  };
  // Bodies are read when they are linked.
  llvm::StringRef bitcode(nnf_template_bitcode, nnf_template_bitcode_end - nnf_template_bitcode);
  auto templates = llvm::getLazyBitcodeModule(llvm::MemoryBufferRef(bitcode, "templates"), device.getContext());
  if (!templates)
    return internal(llvm::toString(templates.takeError()));
  if (llvm::Error error = (*templates)->materializeMetadata())
    return internal(llvm::toString(std::move(error)));
  for (llvm::NamedMDNode &node : llvm::make_early_inc_range((*templates)->named_metadata()))
    (*templates)->eraseNamedMetadata(&node);
  (*templates)->setTargetTriple(device.getTargetTriple());
  (*templates)->setDataLayout(device.getDataLayout());
  if (llvm::Linker::linkModules(device, std::move(*templates), llvm::Linker::LinkOnlyNeeded))
    return internal("they do not link");
  for (const std::string &name : wanted) {
    llvm::Function *function = device.getFunction(name);
    if (!function || function->isDeclaration())
      return internal("there is no '" + name + "'");
    // The processor is the kernel's, not the one they were compiled for.
    function->removeFnAttr("target-cpu");
    function->removeFnAttr("target-features");
    function->removeFnAttr(llvm::Attribute::NoInline);
    function->addFnAttr(llvm::Attribute::AlwaysInline);
    function->setLinkage(llvm::GlobalValue::InternalLinkage);
  }
  return mlir::success();
}

} // namespace nnf
