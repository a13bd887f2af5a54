// Losses of classes: a target of int64 class numbers.
#ifndef NNF_OPS_CLASS_LOSS
#define NNF_OPS_CLASS_LOSS
include "dialects/nnf/NnfBase.td"

def Nnf_NllLossOp : Nnf_Function<"nll_loss"> {
  let summary = "Negative log likelihood of classes";
  let description = [{ A mean divides by the weights of the classes that count. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$target, Optional<Nnf_Tensor>:$weight, OptionalAttr<Nnf_Bool>:$size_average, DefaultValuedAttr<Nnf_Int, "-100">:$ignore_index, OptionalAttr<Nnf_Bool>:$reduce, DefaultValuedStrAttr<Nnf_String, "mean">:$reduction);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [N, C, ...] or [C]
    target: int64 or uint8 [N, ...] or []: classes, 0 to C-1 or ignore_index
    weight: dtype of input [C]; None is 1
    ignore_index: a class that does not count, any integer
  }];
  let gives = "output: dtype of input; [] or, with 'none', the shape of target";
  let errors = [{
    input: dtype int64, expected a float
    input: rank 0, expected at least 1 [N, C, ...] or [C]
    target: dtype int32, expected int64
    target: shape [3], expected the shape of 'input' without the classes = [4]
    target: run: class 5, expected 0 <= class < 5
    target: run: class 0, expected ignore_index, for there are no classes
    weight: shape [4], expected [C] = [5]
    weight: dtype float64, expected float32 as 'input' has
  }];
  let formula = "-weight[target] * input[target]";
  let example = [{ %y = nnf.nll_loss %x, %t : (tensor<4x8xf32>, tensor<4xi64>) -> tensor<f32> }];
}

def Nnf_CrossEntropyOp : Nnf_Function<"cross_entropy"> {
  let summary = "nll_loss of log_softmax";
  let description = [{
    A mean divides by the weights of the classes that count, with probabilities by the number of distributions.
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$target, Optional<Nnf_Tensor>:$weight, OptionalAttr<Nnf_Bool>:$size_average, DefaultValuedAttr<Nnf_Int, "-100">:$ignore_index, OptionalAttr<Nnf_Bool>:$reduce, DefaultValuedStrAttr<Nnf_String, "mean">:$reduction, DefaultValuedAttr<Nnf_Float, "0.0">:$label_smoothing);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [N, C, ...] or [C]
    target: int64 or uint8 [N, ...] or []: classes, 0 to C-1 or ignore_index; or probabilities, as input
    weight: dtype of input [C]; None is 1
    ignore_index: a class that does not count, any integer; below 0 with probabilities
    label_smoothing: the part of the target that is spread over all classes, 0 to 1
  }];
  let gives = "output: dtype of input; [] or, with 'none', the shape of input without C";
  let errors = [{
    input: dtype int64, expected a float
    input: rank 0, expected at least 1 [N, C, ...] or [C]
    target: dtype int32, expected int64
    target: dtype float64, expected float32 as 'input' has
    target: shape [3], expected the shape of 'input' without the classes = [4]
    target: shape [3, 4], expected the shape of 'input' = [4, 5]
    target: run: class 5, expected 0 <= class < 5
    target: run: class 0, expected ignore_index, for there are no classes
    weight: shape [4], expected [C] = [5]
    weight: dtype float64, expected float32 as 'input' has
    ignore_index: 1, expected none with probabilities
    label_smoothing: 1.5, expected 0 to 1
  }];
  let formula = "nll_loss(log_softmax(input), target), or -sum of weight * target * log_softmax(input)";
  let example = [{ %y = nnf.cross_entropy %x, %t : (tensor<4x8xf32>, tensor<4xi64>) -> tensor<f32> }];
}

def Nnf_MultiMarginLossOp : Nnf_Function<"multi_margin_loss"> {
  let summary = "Hinge loss of the classes";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$target, DefaultValuedAttr<Nnf_Float, "1.0">:$p, DefaultValuedAttr<Nnf_Float, "1.0">:$margin, Optional<Nnf_Tensor>:$weight, OptionalAttr<Nnf_Bool>:$size_average, OptionalAttr<Nnf_Bool>:$reduce, DefaultValuedStrAttr<Nnf_String, "mean">:$reduction);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [N, C] or [C] or []
    target: int64 [N], [] or [1]: classes, 0 to C-1
    p: 1 or 2
    margin: any number
    weight: dtype of input [C]; None is 1
  }];
  let gives = "output: dtype of input; [] or, with 'none', the shape of target";
  let errors = [{
    input: dtype int64, expected a float
    input: rank 3, expected 2 or 1 or 0 [N, C] or [C] or []
    target: dtype int32, expected int64
    target: shape [4], expected [N]
    target: shape [2], expected [] or [1]
    target: run: class 5, expected 0 <= class < 5
    p: 3, expected 1 or 2
    weight: shape [4], expected [C] = [5]
    weight: dtype float64, expected float32 as 'input' has
  }];
  let formula = "sum over j != target of weight[target] * max(0, margin - input[target] + input[j])^p / C";
  let example = [{ %y = nnf.multi_margin_loss %x, %t : (tensor<4x8xf32>, tensor<4xi64>) -> tensor<f32> }];
}

def Nnf_MultilabelMarginLossOp : Nnf_Function<"multilabel_margin_loss"> {
  let summary = "Hinge loss of several labels";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$target, OptionalAttr<Nnf_Bool>:$size_average, OptionalAttr<Nnf_Bool>:$reduce, DefaultValuedStrAttr<Nnf_String, "mean">:$reduction);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [N, C] or [C] or []
    target: int64, shape of input: labels, 0 to C-1, up to the first -1; what follows counts no more
  }];
  let gives = "output: dtype of input; [] or, with 'none', [N]";
  let errors = [{
    input: dtype int64, expected a float
    input: rank 3, expected 2 or 1 or 0 [N, C] or [C] or []
    target: dtype int32, expected int64
    input: size 0 at dimension 1, expected at least 1
    target: shape [3, 4], expected the shape of 'input' = [3, 5]
    target: run: label 5, expected -1 or a class below 5
  }];
  let formula = "sum over labels t, non-labels j of max(0, 1 - input[t] + input[j]) / C";
  let example = [{ %y = nnf.multilabel_margin_loss %x, %t : (tensor<4x8xf32>, tensor<4x8xi64>) -> tensor<f32> }];
}

def Nnf_CtcLossOp : Nnf_Function<"ctc_loss"> {
  let summary = "Connectionist temporal classification: how unlikely the targets are, over all alignments";
  let description = [{ A target without an alignment gives inf. A mean divides each loss by its target's length, and by N. }];
  let arguments = (ins Nnf_Tensor:$log_probs, Nnf_Tensor:$targets, Nnf_TensorOrInts:$input_lengths, Nnf_TensorOrInts:$target_lengths, DefaultValuedAttr<Nnf_Int, "0">:$blank, DefaultValuedStrAttr<Nnf_String, "mean">:$reduction, DefaultValuedAttr<Nnf_Bool, "false">:$zero_infinity);
  let results = (outs Nnf_Tensor:$output);
  let targets = "cpu";
  let takes = [{
    log_probs: float [T, N, C] or [T, C]
    targets: int64 or int32 [N, S], or all targets one after the other; [S] without N: labels, 0 to C-1
    input_lengths: int64 or int32 [N], or [] or [1] without N: 0 to T
    target_lengths: int64 or int32 [N], or [] or [1] without N: 0 to S
    blank: the class that stands for no label, 0 to C-1
    zero_infinity: 0 in place of inf
  }];
  let gives = "output: dtype of log_probs; [] or, with 'none', [N]";
  let errors = [{
    log_probs: dtype int64, expected a float
    log_probs: rank 1, expected 3 or 2 [T, N, C] or [T, C]
    targets: dtype float32, expected int64 or int32
    targets: rank 3, expected 2 or 1 [N, S] or [sum of the target lengths]
    targets: rank 2, expected 1 [S]
    targets: size 3 at dimension 0, expected 2 as 'log_probs' has at dimension 1
    targets: run: label 5, expected 0 <= label < 5
    input_lengths, target_lengths: run: 9, expected 0 <= length <= 8
    target_lengths: run: 5 in all, expected 4, the size of 'targets'
    input_lengths, target_lengths: dtype float32, expected int64 or int32
    input_lengths, target_lengths: rank 0, expected 1 [N]
    input_lengths, target_lengths: rank 2, expected 0 or 1 [] or [1]
    input_lengths, target_lengths: 3 lengths, expected 2, one for each sequence of 'log_probs'
    blank: -1, expected at least 0
    blank: 5, expected a class below 5
  }];
  let formula = "-log of the sum over alignments of targets with blanks of exp(sum over t of log_probs[t, label])";
  let source = "Graves et al. 2006";
  let example = [{ %y = nnf.ctc_loss %x, %t, %i, %l : (tensor<8x2x5xf32>, tensor<2x3xi64>, tensor<2xi64>, tensor<2xi64>) -> tensor<f32> }];
}
#endif
