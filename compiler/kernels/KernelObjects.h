// The kernels of everything that is compiled in one go, each compiled once.
#ifndef NNF_COMPILER_KERNELS_KERNELOBJECTS_H
#define NNF_COMPILER_KERNELS_KERNELOBJECTS_H

#include "compiler/kernels/KernelCode.h"
#include "llvm/ADT/StringMap.h"

namespace nnf {

class KernelCache;

class KernelObjects {
public:
  /// `cache`: null for none.
  KernelObjects(const CpuTarget &target, KernelCache *cache) : target(target), cache(cache) {}

  const CpuTarget &cpu() const { return target; }
  /// Makes of each kernel of a module a declaration with `nnf.entry`, a symbol that one of the objects defines.
  mlir::LogicalResult compile(mlir::ModuleOp module, const PipelineOptions &options);

  /// Those of all modules so far, in the order they came.
  llvm::ArrayRef<llvm::StringRef> all() const { return objects; }

private:
  const CpuTarget &target;
  KernelCache *cache;
  llvm::StringMap<KernelSource::Code> known; // by symbol
  llvm::SmallVector<llvm::StringRef> objects;
};

} // namespace nnf
#endif
