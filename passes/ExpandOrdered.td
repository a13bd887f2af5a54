#ifndef NNF_PASSES_EXPANDORDERED
#define NNF_PASSES_EXPANDORDERED
include "mlir/Pass/PassBase.td"

def ExpandOrdered : Pass<"nnf-expand-ordered", "::mlir::func::FuncOp"> {
  let summary = "Sorts, running sums and scatters as reductions over all pairs of positions";
  let description = [{
    A reduction that stores no pair: the work grows with the product of the two sizes, but nothing waits for anything.
    Taken for sorts of at most `longest` elements, which it does in vectors, unless few of them are wanted; with `all`,
    for every ordered primitive but loops, as for targets that have no kernels of theirs.
  }];
  let options = [
    Option<"longest", "longest", "int64_t", "64", "Elements of a row that is sorted so">,
    Option<"all", "all", "bool", "false", "Expand every ordered primitive">,
  ];
}
#endif
