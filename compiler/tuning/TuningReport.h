// Which kernels of a compiled model can be tuned, and which launches run them.
#ifndef NNF_COMPILER_TUNING_TUNINGREPORT_H
#define NNF_COMPILER_TUNING_TUNINGREPORT_H

#include "mlir/IR/BuiltinOps.h"
#include "passes/kernels/Tunable.h"
#include <map>
#include <vector>

namespace nnf {

struct TuningReport {
  std::vector<TunableKernel> kernels;
  /// Of each launch in the order of the model's descriptor: its kernel's number, or -1.
  std::vector<int> launches;
  std::vector<std::string> symbols; ///< sizes that are open

  const TunableKernel *find(llvm::StringRef key) const;

  void addKernels(mlir::ModuleOp module, const TargetInfo &target);
  mlir::LogicalResult addLaunches(mlir::ModuleOp module);

private:
  std::map<std::string, int> byName; // of the kernel in its module
};

} // namespace nnf
#endif
