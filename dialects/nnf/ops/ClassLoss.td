// Losses of classes: a target of int64 class numbers.
#ifndef NNF_OPS_CLASS_LOSS
#define NNF_OPS_CLASS_LOSS
include "dialects/nnf/NnfBase.td"

def Nnf_NllLossOp : Nnf_Function<"nll_loss"> {
  let summary = "Negative log likelihood of classes";
  let description = [{ input N, C, * with target N, *; or C with a scalar. Classes outside 0..C-1 but ignore_index are a run-time error. mean divides by the weights of the classes that count. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$target, Optional<Nnf_Tensor>:$weight, OptionalAttr<Nnf_Bool>:$size_average, DefaultValuedAttr<Nnf_Int, "-100">:$ignore_index, OptionalAttr<Nnf_Bool>:$reduce, DefaultValuedStrAttr<Nnf_String, "mean">:$reduction);
  let results = (outs Nnf_Tensor:$output);
  let formula = "-weight[target] * input[target]";
  let example = [{ %y = nnf.nll_loss %x, %t : (tensor<4x8xf32>, tensor<4xi64>) -> tensor<f32> }];
}

def Nnf_CrossEntropyOp : Nnf_Function<"cross_entropy"> {
  let summary = "nll_loss of log_softmax";
  let description = [{ target holds class numbers (int64) as in nll_loss, or probabilities of input's shape; then mean divides by the number of distributions. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$target, Optional<Nnf_Tensor>:$weight, OptionalAttr<Nnf_Bool>:$size_average, DefaultValuedAttr<Nnf_Int, "-100">:$ignore_index, OptionalAttr<Nnf_Bool>:$reduce, DefaultValuedStrAttr<Nnf_String, "mean">:$reduction, DefaultValuedAttr<Nnf_Float, "0.0">:$label_smoothing);
  let results = (outs Nnf_Tensor:$output);
  let formula = "nll_loss(log_softmax(input), target), or -sum of weight * target * log_softmax(input)";
  let example = [{ %y = nnf.cross_entropy %x, %t : (tensor<4x8xf32>, tensor<4xi64>) -> tensor<f32> }];
}

def Nnf_MultiMarginLossOp : Nnf_Function<"multi_margin_loss"> {
  let summary = "Hinge loss of the classes";
  let description = [{ input N, C with target N, or C with a scalar or [1]; p is 1 or 2. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$target, DefaultValuedAttr<Nnf_Int, "1">:$p, DefaultValuedAttr<Nnf_Float, "1.0">:$margin, Optional<Nnf_Tensor>:$weight, OptionalAttr<Nnf_Bool>:$size_average, OptionalAttr<Nnf_Bool>:$reduce, DefaultValuedStrAttr<Nnf_String, "mean">:$reduction);
  let results = (outs Nnf_Tensor:$output);
  let formula = "sum over j != target of weight[target] * max(0, margin - input[target] + input[j])^p / C";
  let example = [{ %y = nnf.multi_margin_loss %x, %t : (tensor<4x8xf32>, tensor<4xi64>) -> tensor<f32> }];
}

def Nnf_MultilabelMarginLossOp : Nnf_Function<"multilabel_margin_loss"> {
  let summary = "Hinge loss of several labels";
  let description = [{ input N, C or C; target int64 of that shape: the labels up to the first -1. Others below -1 or from C on are a run-time error. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$target, OptionalAttr<Nnf_Bool>:$size_average, OptionalAttr<Nnf_Bool>:$reduce, DefaultValuedStrAttr<Nnf_String, "mean">:$reduction);
  let results = (outs Nnf_Tensor:$output);
  let formula = "sum over labels t, non-labels j of max(0, 1 - input[t] + input[j]) / C";
  let example = [{ %y = nnf.multilabel_margin_loss %x, %t : (tensor<4x8xf32>, tensor<4x8xi64>) -> tensor<f32> }];
}

def Nnf_CtcLossOp : Nnf_Function<"ctc_loss"> {
  let summary = "Connectionist temporal classification: how unlikely the targets are, over all alignments";
  let description = [{ log_probs T, N, C with targets N, S, or with all targets one after the other; or T, C with S. Lengths are int64 or int32 N, or integers. A length outside 0..T or 0..S and a label outside 0..C-1 are run-time errors. No alignment is inf, or 0 with zero_infinity. mean divides each loss by its target's length, and by N. }];
  let arguments = (ins Nnf_Tensor:$log_probs, Nnf_Tensor:$targets, Nnf_TensorOrInts:$input_lengths, Nnf_TensorOrInts:$target_lengths, DefaultValuedAttr<Nnf_Int, "0">:$blank, DefaultValuedStrAttr<Nnf_String, "mean">:$reduction, DefaultValuedAttr<Nnf_Bool, "false">:$zero_infinity);
  let results = (outs Nnf_Tensor:$output);
  let formula = "-log of the sum over alignments of targets with blanks of exp(sum over t of log_probs[t, label])";
  let source = "Graves et al. 2006";
  let example = [{ %y = nnf.ctc_loss %x, %t, %i, %l : (tensor<8x2x5xf32>, tensor<2x3xi64>, tensor<2xi64>, tensor<2xi64>) -> tensor<f32> }];
}
#endif
