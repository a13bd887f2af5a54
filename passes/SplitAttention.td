#ifndef NNF_PASSES_SPLITATTENTION
#define NNF_PASSES_SPLITATTENTION
include "mlir/Pass/PassBase.td"

def SplitAttention : Pass<"nnf-split-attention", "::mlir::func::FuncOp"> {
  let summary = "Attentions of few queries and many keys on a GPU: parts of the keys first, then their mixes together";
  let description = [{
    A block goes through all keys of its queries, so that an attention of few queries and heads (one token at a time)
    leaves most of a GPU idle. Where a model says that it pays, the keys are cut in even parts, which are a batch: each
    part is an attention of its own, whose logarithm of powers is a second result. From these the parts' mixes are
    weighed and added, in order, so that every run gives the same bits. Operands stay where they are: a part is a view.
    Causal attentions stay whole: their queries look at as many keys as there are queries.
  }];
}
#endif
