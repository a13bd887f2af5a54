// Normalization by statistics of the data.
#ifndef NNF_OPS_NORMALIZATION
#define NNF_OPS_NORMALIZATION
include "dialects/nnf/NnfBase.td"

def Nnf_BatchNormOp : Nnf_Function<"batch_norm", [AttrSizedOperandSegments, SameVariadicResultSize]> {
  let summary = "Normalizes each channel by the statistics of the batch or by running ones";
  let description = [{
    input N, C, *; the others C. Evaluation needs both running tensors. Training uses the batch's mean and biased
    variance, and moves the running ones by momentum towards the mean and the unbiased variance.
  }];
  let arguments = (ins Nnf_Tensor:$input, Optional<Nnf_Tensor>:$running_mean, Optional<Nnf_Tensor>:$running_var,
      Optional<Nnf_Tensor>:$weight, Optional<Nnf_Tensor>:$bias, DefaultValuedAttr<Nnf_Bool, "false">:$training,
      DefaultValuedAttr<Nnf_Float, "0.1">:$momentum, DefaultValuedAttr<Nnf_Float, "1e-05">:$eps);
  // In training both new statistics are given, also that of an argument left out.
  let results = (outs Nnf_Tensor:$output, Optional<Nnf_Tensor>:$new_mean, Optional<Nnf_Tensor>:$new_var);
  let effects = [Effect<"running_mean", 1>, Effect<"running_var", 2>];
  let formula = "(input - mean) / sqrt(var + eps) * weight + bias";
  let source = "Ioffe and Szegedy 2015";
  let example = [{ %y = nnf.batch_norm %x, %m, %v, %w, %b {operandSegmentSizes = array<i32: 1, 1, 1, 1, 1>} : (tensor<2x3x8x8xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>, tensor<3xf32>) -> tensor<2x3x8x8xf32> }];
}

def Nnf_InstanceNormOp : Nnf_Function<"instance_norm", [AttrSizedOperandSegments, SameVariadicResultSize]> {
  let summary = "Normalizes each channel of each sample";
  let description = [{
    input N, C, * of rank 3 or more; the others C. Running statistics, if given, move towards the means over N. Without
    use_input_stats it is batch_norm's evaluation.
  }];
  let arguments = (ins Nnf_Tensor:$input, Optional<Nnf_Tensor>:$running_mean, Optional<Nnf_Tensor>:$running_var,
      Optional<Nnf_Tensor>:$weight, Optional<Nnf_Tensor>:$bias, DefaultValuedAttr<Nnf_Bool, "true">:$use_input_stats,
      DefaultValuedAttr<Nnf_Float, "0.1">:$momentum, DefaultValuedAttr<Nnf_Float, "1e-05">:$eps);
  let results = (outs Nnf_Tensor:$output, Optional<Nnf_Tensor>:$new_mean, Optional<Nnf_Tensor>:$new_var);
  let effects = [Effect<"running_mean", 1>, Effect<"running_var", 2>];
  let formula = "(input - mean) / sqrt(var + eps) * weight + bias, statistics over the spatial dimensions";
  let source = "Ulyanov et al. 2016";
  let example = [{ %y = nnf.instance_norm %x {operandSegmentSizes = array<i32: 1, 0, 0, 0, 0>} : (tensor<2x3x8x8xf32>) -> tensor<2x3x8x8xf32> }];
}

def Nnf_LayerNormOp : Nnf_Function<"layer_norm", [AttrSizedOperandSegments]> {
  let summary = "Normalizes over the trailing dimensions";
  let description = [{ normalized_shape are input's last sizes; weight and bias have that shape. Biased variance. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$normalized_shape, Optional<Nnf_Tensor>:$weight,
      Optional<Nnf_Tensor>:$bias, DefaultValuedAttr<Nnf_Float, "1e-05">:$eps);
  let results = (outs Nnf_Tensor:$output);
  let formula = "(input - mean) / sqrt(var + eps) * weight + bias";
  let source = "Ba et al. 2016";
  let example = [{ %y = nnf.layer_norm %x, %w, %b {normalized_shape = array<i64: 8>, operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_RmsNormOp : Nnf_Function<"rms_norm"> {
  let summary = "Divides by the root mean square over the trailing dimensions";
  let description = [{ normalized_shape are input's last sizes; weight has that shape. No eps: that of the dtype. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$normalized_shape, Optional<Nnf_Tensor>:$weight,
      OptionalAttr<Nnf_Float>:$eps);
  let results = (outs Nnf_Tensor:$output);
  let formula = "input / sqrt(mean(input^2) + eps) * weight";
  let source = "Zhang and Sennrich 2019";
  let example = [{ %y = nnf.rms_norm %x, %w {normalized_shape = array<i64: 8>} : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_GroupNormOp : Nnf_Function<"group_norm", [AttrSizedOperandSegments]> {
  let summary = "Normalizes groups of channels";
  let description = [{ input N, C, *; C is a multiple of num_groups; weight and bias C. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$num_groups, Optional<Nnf_Tensor>:$weight, Optional<Nnf_Tensor>:$bias,
      DefaultValuedAttr<Nnf_Float, "1e-05">:$eps);
  let results = (outs Nnf_Tensor:$output);
  let formula = "(input - mean) / sqrt(var + eps) * weight + bias, statistics over each group";
  let source = "Wu and He 2018";
  let example = [{ %y = nnf.group_norm %x {num_groups = 2 : i64, operandSegmentSizes = array<i32: 1, 0, 0>} : (tensor<2x4x8xf32>) -> tensor<2x4x8xf32> }];
}

def Nnf_LocalResponseNormOp : Nnf_Function<"local_response_norm"> {
  let summary = "Divides by a mean over neighbouring channels";
  let description = [{ input N, C, * of rank 3 or more; an even size has one more channel below. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$size, DefaultValuedAttr<Nnf_Float, "0.0001">:$alpha,
      DefaultValuedAttr<Nnf_Float, "0.75">:$beta, DefaultValuedAttr<Nnf_Float, "1.0">:$k);
  let results = (outs Nnf_Tensor:$output);
  let formula = "input / (k + alpha / size * sum of input^2 over size channels)^beta";
  let source = "Krizhevsky et al. 2012";
  let example = [{ %y = nnf.local_response_norm %x {size = 2 : i64} : (tensor<2x4x8xf32>) -> tensor<2x4x8xf32> }];
}

def Nnf_NormalizeOp : Nnf_Function<"normalize"> {
  let summary = "Divides by the norm";
  let description = [{ eps is the smallest divisor. p may be 0 (count of non-zeros), inf, -inf or negative. }];
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Float, "2.0">:$p,
      DefaultValuedAttr<Nnf_Ints, "{1}">:$dim, DefaultValuedAttr<Nnf_Float, "1e-12">:$eps);
  let results = (outs Nnf_Tensor:$output);
  let formula = "input / max(norm(input, p, dim), eps)";
  let example = [{ %y = nnf.normalize %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}
#endif
