#ifndef NNF_PASSES_JOINPRODUCTS
#define NNF_PASSES_JOINPRODUCTS
include "mlir/Pass/PassBase.td"

def JoinProducts : Pass<"nnf-join-products", "::mlir::func::FuncOp"> {
  let summary = "Products and convolutions that read the same rows become one, with their weights side by side";
  let description = [{
    Needs: channels-last convolutions, weights that are not packed yet, equal values computed once. Products with
    constant weights that contract the same dimension of one tensor (projections to queries, keys and values;
    convolutions of equal geometry) become one with the weights' columns one after the other, and what was each one's
    result is a slice of it. What follows all of them alike, element by element, moves with them: biases and scales of
    columns are put side by side, and columns that have none get one that changes nothing. Products stay apart where one
    of them would lose what it computes on its way to memory: an activation that the others lack, a place in a
    concatenation, a result of the graph; and where so much is computed that a launch less is not felt.
  }];
  let options = [Option<"l2Bytes", "l2-bytes", "int64_t", "512 << 10", "Bytes of a core's second-level cache">];
}
#endif
