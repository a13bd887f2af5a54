// The passes, in the order they run. Each has its record in <Pass>.td beside its source.
#ifndef NNF_PASSES
#define NNF_PASSES
include "mlir/Pass/PassBase.td"
include "passes/Decompose.td"
include "passes/ExpandOrdered.td"
include "passes/IntegerContractions.td"
include "passes/FoldScales.td"
include "passes/SplitTransposedConvs.td"
include "passes/AssignLayout.td"
include "passes/JoinProducts.td"
include "passes/PackContractions.td"
include "passes/SplitReductions.td"
include "passes/NarrowProducts.td"
include "passes/SplitAttention.td"
include "passes/SplitProducts.td"
include "passes/SplitPrepare.td"
include "passes/FormGroups.td"
include "passes/ApplyTuning.td"
include "passes/LowerKernels.td"
include "passes/LowerKernelsToGpu.td"
include "passes/ExpandMath.td"
#endif
