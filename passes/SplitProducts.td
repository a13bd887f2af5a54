#ifndef NNF_PASSES_SPLITPRODUCTS
#define NNF_PASSES_SPLITPRODUCTS
include "mlir/Pass/PassBase.td"

def SplitProducts : Pass<"nnf-split-products", "::mlir::func::FuncOp"> {
  let summary = "Products of few blocks on a GPU: parts of the contracted dimension first, then their sum";
  let description = [{
    A block goes down the whole contracted dimension, so that a product with few tiles leaves most of a GPU idle. Where
    the models of docs/design/0009 and 0014 say that it pays, the dimension becomes two, of which the first is a batch,
    and a reduction adds the parts' products: in order, so that sums are the same in every run. Operands stay where they
    are: a part is a view. Parts are whole slabs; behind the last one may be zeros, which kernels do not read. What
    follows the product goes to the reduction. The products of attentions stay whole. A convolution's channels become
    groups, even ones, whose sums are added the same way.
  }];
}
#endif
