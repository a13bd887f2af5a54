// Normalization by statistics of the data.
#ifndef NNF_OPS_NORMALIZATION
#define NNF_OPS_NORMALIZATION
include "dialects/nnf/NnfBase.td"

def Nnf_BatchNormOp : Nnf_Function<"batch_norm", [AttrSizedOperandSegments, SameVariadicResultSize]> {
  let summary = "Normalizes each channel by the statistics of the batch or by running ones";
  let description = [{
    Training uses the batch's mean and biased variance, and moves the running ones by momentum towards the mean and
    the unbiased variance. A running tensor that is None is not kept.
  }];
  let arguments = (ins Nnf_Tensor:$input, Optional<Nnf_Tensor>:$running_mean, Optional<Nnf_Tensor>:$running_var,
      Optional<Nnf_Tensor>:$weight, Optional<Nnf_Tensor>:$bias, DefaultValuedAttr<Nnf_Bool, "false">:$training,
      DefaultValuedAttr<Nnf_Float, "0.1">:$momentum, DefaultValuedAttr<Nnf_Float, "1e-05">:$eps);
  // In training both new statistics are given, also that of an argument left out.
  let results = (outs Nnf_Tensor:$output, Optional<Nnf_Tensor>:$new_mean, Optional<Nnf_Tensor>:$new_var);
  let effects = [Effect<"running_mean", 1>, Effect<"running_var", 2>];
  let takes = [{
    input: float [N, C, ...]
    running_mean, running_var: dtype of input [C]; not None unless training; changed in training
    weight, bias: dtype of input [C]; None is a weight of 1, a bias of 0
    training: statistics of the batch, otherwise the running ones
    momentum: the weight of the new statistics in the running ones
    eps: added to the variance
  }];
  let gives = [{
    output: as input
    new_mean, new_var: as running_mean
  }];
  let errors = [{
    input: dtype int64, expected a float
    input: rank 1, expected at least 2 [N, C, ...]
    input: shape [1, 3] has one value per channel, expected more than one
    input: 1 value per channel, expected more than one
    running_mean, running_var: missing, expected a tensor [C] when training is false
    running_mean, running_var, weight, bias: shape [4], expected [C] = [3]
    running_mean, running_var, weight, bias: dtype float64, expected float32 as 'input' has
  }];
  let formula = "(input - mean) / sqrt(var + eps) * weight + bias";
  let source = "Ioffe and Szegedy 2015";
  let example = [{ %y = nnf.batch_norm %x, %m, %v, %w, %b {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>} : (tensor<2x3x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3x8x8xf32> }];
}

def Nnf_InstanceNormOp : Nnf_Function<"instance_norm", [AttrSizedOperandSegments, SameVariadicResultSize]> {
  let summary = "Normalizes each channel of each sample";
  let description = [{
    Running statistics, if given, move towards the means over N of the instances' means and unbiased variances.
  }];
  let arguments = (ins Nnf_Tensor:$input, Optional<Nnf_Tensor>:$running_mean, Optional<Nnf_Tensor>:$running_var,
      Optional<Nnf_Tensor>:$weight, Optional<Nnf_Tensor>:$bias, DefaultValuedAttr<Nnf_Bool, "true">:$use_input_stats,
      DefaultValuedAttr<Nnf_Float, "0.1">:$momentum, DefaultValuedAttr<Nnf_Float, "1e-05">:$eps);
  let results = (outs Nnf_Tensor:$output, Optional<Nnf_Tensor>:$new_mean, Optional<Nnf_Tensor>:$new_var);
  let effects = [Effect<"running_mean", 1>, Effect<"running_var", 2>];
  let takes = [{
    input: float [N, C, ...] of rank 3 or more
    running_mean, running_var: dtype of input [C]; changed where use_input_stats
    weight, bias: dtype of input [C]; None is a weight of 1, a bias of 0
    use_input_stats: statistics of each instance; otherwise the running ones, as batch_norm in evaluation
    momentum: the weight of the new statistics in the running ones
    eps: added to the variance
  }];
  let gives = [{
    output: as input
    new_mean, new_var: as running_mean
  }];
  let errors = [{
    input: dtype int64, expected a float
    input: rank 2, expected at least 3 [N, C, ...]
    input: shape [2, 3, 1] has one value per channel, expected more than one
    input: 1 value per channel, expected more than one
    running_mean, running_var: missing, expected a tensor [C] when use_input_stats is false
    running_mean, running_var, weight, bias: shape [4], expected [C] = [3]
    running_mean, running_var, weight, bias: dtype float64, expected float32 as 'input' has
  }];
  let formula = "(input - mean) / sqrt(var + eps) * weight + bias, statistics over the spatial dimensions";
  let source = "Ulyanov et al. 2016";
  let example = [{ %y = nnf.instance_norm %x {operandSegmentSizes = array<i32: 1, 0, 0, 0, 0>} : (tensor<2x3x8x8xf32>) -> tensor<2x3x8x8xf32> }];
}

def Nnf_LayerNormOp : Nnf_Function<"layer_norm", [AttrSizedOperandSegments]> {
  let summary = "Normalizes over the trailing dimensions";
  let description = [{ The variance is the biased one. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$normalized_shape, Optional<Nnf_Tensor>:$weight,
      Optional<Nnf_Tensor>:$bias, DefaultValuedAttr<Nnf_Float, "1e-05">:$eps);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [..., normalized_shape]
    normalized_shape: the last sizes of input, at least one
    weight, bias: dtype of input, shape normalized_shape; None is a weight of 1, a bias of 0
    eps: added to the variance
  }];
  let gives = "output: as input";
  let errors = [{
    input: dtype int64, expected a float
    normalized_shape: empty, expected the last sizes of 'input'
    normalized_shape: [4], expected the last sizes of 'input', [4, 8]
    weight, bias: shape [4], expected normalized_shape = [8]
    weight, bias: dtype float64, expected float32 as 'input' has
  }];
  let formula = "(input - mean) / sqrt(var + eps) * weight + bias";
  let source = "Ba et al. 2016";
  let example = [{ %y = nnf.layer_norm %x, %w, %b {normalized_shape = array<i64: 8>, operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_RmsNormOp : Nnf_Function<"rms_norm"> {
  let summary = "Divides by the root mean square over the trailing dimensions";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$normalized_shape, Optional<Nnf_Tensor>:$weight,
      OptionalAttr<Nnf_Float>:$eps);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [..., normalized_shape]
    normalized_shape: the last sizes of input, at least one
    weight: dtype of input, shape normalized_shape; None is 1
    eps: added to the mean square; None is the machine epsilon of the dtype
  }];
  let gives = "output: as input";
  let errors = [{
    input: dtype int64, expected a float
    normalized_shape: empty, expected the last sizes of 'input'
    normalized_shape: [4], expected the last sizes of 'input', [4, 8]
    weight: shape [4], expected normalized_shape = [8]
    weight: dtype float64, expected float32 as 'input' has
  }];
  let formula = "input / sqrt(mean(input^2) + eps) * weight";
  let source = "Zhang and Sennrich 2019";
  let example = [{ %y = nnf.rms_norm %x, %w {normalized_shape = array<i64: 8>} : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_GroupNormOp : Nnf_Function<"group_norm", [AttrSizedOperandSegments]> {
  let summary = "Normalizes groups of channels";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$num_groups, Optional<Nnf_Tensor>:$weight, Optional<Nnf_Tensor>:$bias,
      DefaultValuedAttr<Nnf_Float, "1e-05">:$eps);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [N, C, ...]
    num_groups: at least 1, a divisor of C
    weight, bias: dtype of input [C]; None is a weight of 1, a bias of 0
    eps: added to the variance
  }];
  let gives = "output: as input";
  let errors = [{
    input: dtype int64, expected a float
    input: rank 1, expected at least 2 [N, C, ...]
    input: shape [2, 4] has one value per group, expected more than one
    input: 1 value per group, expected more than one
    num_groups: 0, expected at least 1
    num_groups: 4, expected a divisor of the 6 channels
    weight, bias: shape [3], expected [C] = [6]
    weight, bias: dtype float64, expected float32 as 'input' has
  }];
  let formula = "(input - mean) / sqrt(var + eps) * weight + bias, statistics over each group";
  let source = "Wu and He 2018";
  let example = [{ %y = nnf.group_norm %x {num_groups = 2 : i64, operandSegmentSizes = array<i32: 1, 0, 0>} : (tensor<2x4x8xf32>) -> tensor<2x4x8xf32> }];
}

def Nnf_LocalResponseNormOp : Nnf_Function<"local_response_norm"> {
  let summary = "Divides by a mean over neighbouring channels";
  let description = [{ Channels outside count as 0. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$size, DefaultValuedAttr<Nnf_Float, "0.0001">:$alpha,
      DefaultValuedAttr<Nnf_Float, "0.75">:$beta, DefaultValuedAttr<Nnf_Float, "1.0">:$k);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [N, C, ...] of rank 3 or more
    size: channels in a sum, at least 1; an even number has one more below
    alpha, beta, k: any numbers
  }];
  let gives = "output: as input";
  let errors = [{
    input: dtype int64, expected a float
    input: rank 2, expected at least 3 [N, C, ...]
    size: 0, expected at least 1
  }];
  let formula = "input / (k + alpha / size * sum of input^2 over size channels)^beta";
  let source = "Krizhevsky et al. 2012";
  let example = [{ %y = nnf.local_response_norm %x {size = 2 : i64} : (tensor<2x4x8xf32>) -> tensor<2x4x8xf32> }];
}

def Nnf_NormalizeOp : Nnf_Function<"normalize"> {
  let summary = "Divides by the norm";
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Float, "2.0">:$p,
      DefaultValuedAttr<Nnf_Ints, "{1}">:$dim, DefaultValuedAttr<Nnf_Float, "1e-12">:$eps);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [...]
    p: 0 counts what is not 0, inf and -inf are the largest and the smallest absolute value, others may be negative
    dim: the dimensions of one norm, each once
    eps: the smallest divisor
  }];
  let gives = "output: as input";
  let errors = [{
    input: dtype int64, expected a float
    dim: dimension 2, expected -2 to 1 for rank 2
    dim: dimension 1 twice, expected each once
  }];
  let formula = "input / max(norm(input, p, dim), eps)";
  let example = [{ %y = nnf.normalize %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}
#endif
