// The passes, in the order they run. Each has its record in <Pass>.td beside its source.
#ifndef NNF_PASSES
#define NNF_PASSES
include "mlir/Pass/PassBase.td"
#endif
