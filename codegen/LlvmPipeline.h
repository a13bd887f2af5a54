// What every target does with LLVM IR: diagnostics, the optimiser, writing code.
#ifndef NNF_CODEGEN_LLVMPIPELINE_H
#define NNF_CODEGEN_LLVMPIPELINE_H

#include "mlir/IR/Location.h"
#include "llvm/IR/DiagnosticHandler.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

namespace nnf {

/// LLVM's own diagnostics become ours; without this it prints them, and ends the process over errors.
class ForwardDiagnostics : public llvm::DiagnosticHandler {
public:
  explicit ForwardDiagnostics(mlir::Location location) : location(location) {}
  /// Makes one the handler of a context, which owns it.
  static ForwardDiagnostics &install(llvm::LLVMContext &context, mlir::Location location);
  bool handleDiagnostics(const llvm::DiagnosticInfo &info) override;
  bool hasErrors = false;

private:
  mlir::Location location;
};

/// LLVM's pipeline of -O1 to -O3 (0: nothing) as suits kernels whose vectors are chosen before.
void optimiseModule(llvm::Module &module, llvm::TargetMachine &machine, unsigned level, bool unrollLoops = true);

/// False: the target has no such output.
bool writeMachineCode(llvm::Module &module, llvm::TargetMachine &machine, llvm::CodeGenFileType type,
                      llvm::SmallVectorImpl<char> &code);

} // namespace nnf
#endif
