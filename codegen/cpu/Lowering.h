// From loops on addresses to LLVM's dialect.
#ifndef NNF_CODEGEN_CPU_LOWERING_H
#define NNF_CODEGEN_CPU_LOWERING_H

#include "passes/TargetInfo.h"

namespace mlir {
class OpPassManager;
}

namespace nnf {
/// Needs: kernels in scf, arith, math, vector and llvm; the driver in llvm. Leaves: LLVM's dialect only.
void addCpuLowering(mlir::OpPassManager &passes, const TargetInfo &target);
} // namespace nnf
#endif
