#ifndef NNF_PASSES_SPLITREDUCTIONS
#define NNF_PASSES_SPLITREDUCTIONS
include "mlir/Pass/PassBase.td"

def SplitReductions : Pass<"nnf-split-reductions", "::mlir::func::FuncOp"> {
  let summary = "Reductions of much to little: in blocks first, then of the blocks' results";
  let description = [{
    A row is one task, so that a reduction with few results would be one thread's work. It becomes one with a result for
    each block of elements, and a small one of those. Blocks come from sizes alone: sums are split the same way for any
    number of threads. A position is found in each block, and then the block whose extreme is the first of the best.
    With sizes that only the run knows, a row whose result goes back to its own elements (softmax) stays whole, and so
    does one whose elements took more work than their sum.
  }];
}
#endif
