#ifndef NNF_PASSES_SPLITPRODUCTS
#define NNF_PASSES_SPLITPRODUCTS
include "mlir/Pass/PassBase.td"

def SplitProducts : Pass<"nnf-split-products", "::mlir::func::FuncOp"> {
  let summary = "Products of few rows and columns on a GPU: parts of the contracted dimension first, then their sum";
  let description = [{
    A block goes down the whole contracted dimension, so that a product with few tiles leaves most of a GPU idle. Where
    the model of docs/design/0009 says that it pays, the dimension becomes two, of which the first is a batch, and a
    reduction adds the parts' products: in order, so that sums are the same in every run. Operands stay where they are:
    a part is a view. What follows the product goes to the reduction. The products of attentions stay whole.
  }];
}
#endif
