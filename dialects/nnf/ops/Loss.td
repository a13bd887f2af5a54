// Losses of one element or one vector each.
#ifndef NNF_OPS_LOSS
#define NNF_OPS_LOSS
include "dialects/nnf/NnfBase.td"

// size_average and reduce, where given, override reduction: reduce false is none, else size_average false is sum and
// true mean.
class Nnf_Loss<string name, dag parameters, dag after = (ins)> : Nnf_Function<name> {
  let arguments = !con(parameters, (ins OptionalAttr<Nnf_Bool>:$size_average, OptionalAttr<Nnf_Bool>:$reduce,
      DefaultValuedStrAttr<Nnf_String, "mean">:$reduction), after);
  let results = (outs Nnf_Tensor:$output);
}

def Nnf_L1LossOp : Nnf_Loss<"l1_loss", (ins Nnf_Tensor:$input, Nnf_Tensor:$target)> {
  let summary = "Mean absolute error";
  let takes = "input, target: float or integer; the shapes broadcast";
  let gives = "output: promoted dtype, int64 for a sum of integers; [] or, with 'none', the broadcast shape";
  let errors = [{
    input: dtype int64, expected a float with reduction 'mean'
    input: dtype bool, expected a float
    target: shape [3, 5] does not broadcast with [3, 4]: sizes 5 and 4 at dimension 1
  }];
  let formula = "abs(input - target)";
  let example = [{ %y = nnf.l1_loss %x, %t : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32> }];
}

def Nnf_MseLossOp : Nnf_Loss<"mse_loss", (ins Nnf_Tensor:$input, Nnf_Tensor:$target)> {
  let summary = "Mean squared error";
  let takes = "input, target: a float and any dtype; the shapes broadcast";
  let gives = "output: promoted dtype; [] or, with 'none', the broadcast shape";
  let errors = [{
    input: dtype int64, expected a float
    target: shape [3, 5] does not broadcast with [3, 4]: sizes 5 and 4 at dimension 1
  }];
  let formula = "(input - target)^2";
  let example = [{ %y = nnf.mse_loss %x, %t : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32> }];
}

def Nnf_SmoothL1LossOp : Nnf_Loss<"smooth_l1_loss", (ins Nnf_Tensor:$input, Nnf_Tensor:$target), (ins DefaultValuedAttr<Nnf_Float, "1.0">:$beta)> {
  let summary = "Squared error near 0, absolute beyond";
  let takes = [{
    input, target: a float and any dtype; the shapes broadcast
    beta: at least 0; 0 is l1_loss
  }];
  let gives = "output: promoted dtype; [] or, with 'none', the broadcast shape";
  let errors = [{
    input: dtype int64, expected a float
    target: shape [3, 5] does not broadcast with [3, 4]: sizes 5 and 4 at dimension 1
    beta: -1, expected at least 0
  }];
  let formula = "d = abs(input - target); d < beta ? d^2 / (2 * beta) : d - beta / 2";
  let example = [{ %y = nnf.smooth_l1_loss %x, %t : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32> }];
}

def Nnf_HuberLossOp : Nnf_Function<"huber_loss"> {
  let summary = "smooth_l1_loss times delta";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$target, DefaultValuedStrAttr<Nnf_String, "mean">:$reduction, DefaultValuedAttr<Nnf_Float, "1.0">:$delta);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input, target: a float and any dtype; the shapes broadcast
    delta: above 0
  }];
  let gives = "output: promoted dtype; [] or, with 'none', the broadcast shape";
  let errors = [{
    input: dtype int64, expected a float
    target: shape [3, 5] does not broadcast with [3, 4]: sizes 5 and 4 at dimension 1
    delta: 0, expected above 0
  }];
  let formula = "d = abs(input - target); d <= delta ? d^2 / 2 : delta * (d - delta / 2)";
  let example = [{ %y = nnf.huber_loss %x, %t : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32> }];
}

def Nnf_BinaryCrossEntropyOp : Nnf_Loss<"binary_cross_entropy", (ins Nnf_Tensor:$input, Nnf_Tensor:$target, Optional<Nnf_Tensor>:$weight)> {
  let summary = "Cross entropy of probabilities";
  let takes = [{
    input: float [...], from 0 to 1
    target: any dtype, shape of input
    weight: broadcasts to the shape of input
  }];
  let gives = "output: dtype promoted from input and target; [] or, with 'none', the shape of input";
  let errors = [{
    input: dtype int64, expected a float
    input: run: a value outside 0 to 1, expected a probability
    target: shape [4], expected the shape of 'input' = [3, 4]
    weight: shape [3], expected one that broadcasts to [3, 4]
    weight: shape [2, 3, 4], expected one that broadcasts to [3, 4]
  }];
  let formula = "-weight * (target * max(log(input), -100) + (1 - target) * max(log(1 - input), -100))";
  let example = [{ %y = nnf.binary_cross_entropy %x, %t : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32> }];
}

def Nnf_BinaryCrossEntropyWithLogitsOp : Nnf_Function<"binary_cross_entropy_with_logits", [AttrSizedOperandSegments]> {
  let summary = "Cross entropy of logits";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$target, Optional<Nnf_Tensor>:$weight, OptionalAttr<Nnf_Bool>:$size_average, OptionalAttr<Nnf_Bool>:$reduce, DefaultValuedStrAttr<Nnf_String, "mean">:$reduction, Optional<Nnf_Tensor>:$pos_weight);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [...]
    target: any dtype, shape of input
    weight, pos_weight: broadcast to the shape of input
  }];
  let gives = "output: dtype promoted from input and target; [] or, with 'none', the shape of input";
  let errors = [{
    input: dtype int64, expected a float
    target: shape [4], expected the shape of 'input' = [3, 4]
    weight, pos_weight: shape [3], expected one that broadcasts to [3, 4]
    weight, pos_weight: shape [2, 3, 4], expected one that broadcasts to [3, 4]
  }];
  let formula = "weight * ((1 - target) * input + (1 + (pos_weight - 1) * target) * log(1 + exp(-input)))";
  let example = [{ %y = nnf.binary_cross_entropy_with_logits %x, %t {operandSegmentSizes = array<i32: 1, 1, 0, 0>} : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32> }];
}

def Nnf_PoissonNllLossOp : Nnf_Function<"poisson_nll_loss"> {
  let summary = "Negative log likelihood of counts";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$target, DefaultValuedAttr<Nnf_Bool, "true">:$log_input, DefaultValuedAttr<Nnf_Bool, "false">:$full, OptionalAttr<Nnf_Bool>:$size_average, DefaultValuedAttr<Nnf_Float, "1e-08">:$eps, OptionalAttr<Nnf_Bool>:$reduce, DefaultValuedStrAttr<Nnf_String, "mean">:$reduction);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input, target: a float and any dtype; the shapes broadcast
    log_input: input is the logarithm of the rate
    full: adds `target * log(target) - target + log(2 * pi * target) / 2` where target > 1
    eps: added to the rate before its logarithm is taken
  }];
  let gives = "output: promoted dtype; [] or, with 'none', the broadcast shape";
  let errors = [{
    input: dtype int64, expected a float
    target: shape [3, 5] does not broadcast with [3, 4]: sizes 5 and 4 at dimension 1
  }];
  let formula = "log_input ? exp(input) - target * input : input - target * log(input + eps)";
  let example = [{ %y = nnf.poisson_nll_loss %x, %t : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32> }];
}

def Nnf_KlDivOp : Nnf_Loss<"kl_div", (ins Nnf_Tensor:$input, Nnf_Tensor:$target), (ins DefaultValuedAttr<Nnf_Bool, "false">:$log_target)> {
  let summary = "Divergence of distributions";
  let takes = [{
    input, target: float; the shapes broadcast
    reduction: 'none', 'mean', 'sum' or 'batchmean': the sum divided by size 0 of input
    log_target: target is a logarithm
  }];
  let gives = "output: promoted dtype; [] or, with 'none', the broadcast shape";
  let errors = [{
    input, target: dtype int64, expected a float
    target: shape [3, 5] does not broadcast with [3, 4]: sizes 5 and 4 at dimension 1
    reduction: 'max', expected 'none' or 'mean' or 'sum' or 'batchmean'
  }];
  let formula = "target * (log(target) - input), or exp(target) * (target - input)";
  let example = [{ %y = nnf.kl_div %x, %t : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32> }];
}

def Nnf_SoftMarginLossOp : Nnf_Loss<"soft_margin_loss", (ins Nnf_Tensor:$input, Nnf_Tensor:$target)> {
  let summary = "Two-class logistic loss";
  let takes = [{
    input: float
    target: any dtype, 1 or -1; the shapes broadcast
  }];
  let gives = "output: promoted dtype; [] or, with 'none', the broadcast shape";
  let errors = [{
    input: dtype int64, expected a float
    target: shape [3, 5] does not broadcast with [3, 4]: sizes 5 and 4 at dimension 1
  }];
  let formula = "log(1 + exp(-target * input))";
  let example = [{ %y = nnf.soft_margin_loss %x, %t : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32> }];
}

def Nnf_HingeEmbeddingLossOp : Nnf_Loss<"hinge_embedding_loss", (ins Nnf_Tensor:$input, Nnf_Tensor:$target, DefaultValuedAttr<Nnf_Float, "1.0">:$margin)> {
  let summary = "Loss of a distance";
  let takes = [{
    input: float
    target: any dtype, 1 or -1; the shapes broadcast
    margin: any number
  }];
  let gives = "output: promoted dtype; [] or, with 'none', the broadcast shape";
  let errors = [{
    input: dtype int64, expected a float
    target: shape [3, 5] does not broadcast with [3, 4]: sizes 5 and 4 at dimension 1
  }];
  let formula = "target == 1 ? input : max(0, margin - input)";
  let example = [{ %y = nnf.hinge_embedding_loss %x, %t : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32> }];
}

def Nnf_MarginRankingLossOp : Nnf_Loss<"margin_ranking_loss", (ins Nnf_Tensor:$input1, Nnf_Tensor:$input2, Nnf_Tensor:$target, DefaultValuedAttr<Nnf_Float, "0.0">:$margin)> {
  let summary = "Loss of a wrong order";
  let takes = [{
    input1, input2: float of one rank; the shapes broadcast
    target: any dtype, 1 or -1, of that rank; it broadcasts, too
    margin: any number
  }];
  let gives = "output: promoted dtype; [] or, with 'none', the broadcast shape";
  let errors = [{
    input: dtype int64, expected a float
    input2, target: rank 1, expected 2 as 'input1' has
    input2, target: shape [3, 5] does not broadcast with [3, 4]: sizes 5 and 4 at dimension 1
  }];
  let formula = "max(0, -target * (input1 - input2) + margin)";
  let example = [{ %y = nnf.margin_ranking_loss %a, %b, %t : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32> }];
}

def Nnf_CosineEmbeddingLossOp : Nnf_Loss<"cosine_embedding_loss", (ins Nnf_Tensor:$input1, Nnf_Tensor:$input2, Nnf_Tensor:$target, DefaultValuedAttr<Nnf_Float, "0.0">:$margin)> {
  let summary = "Loss of an angle";
  let description = [{ cos is cosine_similarity with 1e-12 added to each square; any other target gives 0. }];
  let takes = [{
    input1, input2: float [N, D] or [D]
    target: any dtype [N], or [] for vectors; 1 or -1
    margin: any number
  }];
  let gives = "output: dtype promoted from the inputs; [] or, with 'none', [N]";
  let errors = [{
    input: dtype int64, expected a float
    input1, input2: rank 3, expected 2 [D] or [N, D]
    input2, target: shape [3, 5] does not broadcast with [3, 4]: sizes 5 and 4 at dimension 1
    target: rank 2, expected 0 or 1 [] or [N]
  }];
  let formula = "target == 1 ? 1 - cos : target == -1 ? max(0, cos - margin) : 0";
  let example = [{ %y = nnf.cosine_embedding_loss %a, %b, %t : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4xf32>) -> tensor<f32> }];
}

def Nnf_TripletMarginLossOp : Nnf_Loss<"triplet_margin_loss", (ins Nnf_Tensor:$anchor, Nnf_Tensor:$positive, Nnf_Tensor:$negative, DefaultValuedAttr<Nnf_Float, "1.0">:$margin, DefaultValuedAttr<Nnf_Float, "2.0">:$p, DefaultValuedAttr<Nnf_Float, "1e-06">:$eps, DefaultValuedAttr<Nnf_Bool, "false">:$swap)> {
  let summary = "Loss of distances to a like and an unlike vector";
  let takes = [{
    anchor, positive, negative: float of one rank; the shapes broadcast; a scalar counts as a vector of one
    margin: any number
    p: the norm, as in norm
    eps: added to each difference
    swap: takes the nearer of the distances from negative to anchor and to positive
  }];
  let gives = "output: promoted dtype; [] or, with 'none', the broadcast shape without its last dimension";
  let errors = [{
    input: dtype int64, expected a float
    positive, negative: rank 1, expected 2 as 'anchor' has
    positive, negative: shape [4, 6] does not broadcast with [4, 5]: sizes 6 and 5 at dimension 1
  }];
  let formula = "max(0, norm(anchor - positive + eps, p) - norm(anchor - negative + eps, p) + margin)";
  let example = [{ %y = nnf.triplet_margin_loss %a, %b, %c : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32> }];
}

def Nnf_TripletMarginWithDistanceLossOp : Nnf_Function<"triplet_margin_with_distance_loss"> {
  let summary = "triplet_margin_loss with pairwise_distance";
  let description = [{ A distance_function cannot be written in a graph. }];
  let arguments = (ins Nnf_Tensor:$anchor, Nnf_Tensor:$positive, Nnf_Tensor:$negative, DefaultValuedAttr<Nnf_Float, "1.0">:$margin, DefaultValuedAttr<Nnf_Bool, "false">:$swap, DefaultValuedStrAttr<Nnf_String, "mean">:$reduction);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    anchor, positive, negative: float of one rank; the shapes broadcast; a scalar counts as a vector of one
    margin: any number
    swap: takes the nearer of the distances from negative to anchor and to positive
  }];
  let gives = "output: promoted dtype; [] or, with 'none', the broadcast shape without its last dimension";
  let errors = [{
    input: dtype int64, expected a float
    positive, negative: rank 1, expected 2 as 'anchor' has
    positive, negative: shape [4, 6] does not broadcast with [4, 5]: sizes 6 and 5 at dimension 1
  }];
  let formula = "max(0, pairwise_distance(anchor, positive) - pairwise_distance(anchor, negative) + margin)";
  let example = [{ %y = nnf.triplet_margin_with_distance_loss %a, %b, %c : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32> }];
}

def Nnf_MultilabelSoftMarginLossOp : Nnf_Loss<"multilabel_soft_margin_loss", (ins Nnf_Tensor:$input, Nnf_Tensor:$target, Optional<Nnf_Tensor>:$weight)> {
  let summary = "Logistic loss of several labels";
  let description = [{ The mean is over the last dimension. }];
  let takes = [{
    input: float, rank 1 or more
    target: any dtype, shape of input
    weight: broadcasts to the shape of input
  }];
  let gives = [{
    output: dtype promoted from input and target; [] or, with 'none', the shape of input without its last dimension
  }];
  let errors = [{
    input: dtype int64, expected a float
    input: rank 0, expected at least 1
    target: shape [4], expected the shape of 'input' = [3, 4]
    weight: shape [3], expected one that broadcasts to [3, 4]
    weight: shape [2, 3, 4], expected one that broadcasts to [3, 4]
  }];
  let formula = "-mean(weight * (target * logsigmoid(input) + (1 - target) * logsigmoid(-input)))";
  let example = [{ %y = nnf.multilabel_soft_margin_loss %x, %t : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32> }];
}

def Nnf_GaussianNllLossOp : Nnf_Function<"gaussian_nll_loss"> {
  let summary = "Negative log likelihood of a normal distribution";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$target, Nnf_Tensor:$var, DefaultValuedAttr<Nnf_Bool, "false">:$full, DefaultValuedAttr<Nnf_Float, "1e-06">:$eps, DefaultValuedStrAttr<Nnf_String, "mean">:$reduction);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input, target: float; the shapes broadcast
    var: float, not negative; the shape of input, or that with a last size of 1, or without the last dimension
    full: adds `log(2 * pi) / 2`
    eps: the smallest variance; smaller ones count as it
  }];
  let gives = "output: promoted dtype; [] or, with 'none', the broadcast shape";
  let errors = [{
    input: dtype int64, expected a float
    target: shape [3, 5] does not broadcast with [3, 4]: sizes 5 and 4 at dimension 1
    var: shape [4], expected [3, 4], or that with a last size of 1 or without the last dimension
    var: run: a value below 0 or NaN, expected at least 0
  }];
  let formula = "(log(v) + (input - target)^2 / v) / 2, v = max(var, eps); full adds log(2 * pi) / 2";
  let example = [{ %y = nnf.gaussian_nll_loss %x, %t, %v : (tensor<4x8xf32>, tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<f32> }];
}
#endif
