// The contract family: sums of products on register tiles.
#include "passes/kernels/KernelEmitter.h"

using namespace mlir;
namespace nnf {

bool emitContractKernel(KernelOp kernel, const TargetInfo &target) { return false; }

} // namespace nnf
