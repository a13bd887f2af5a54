// Pooling: the sum, mean or maximum of windows.
#ifndef NNF_OPS_POOLING
#define NNF_OPS_POOLING
include "dialects/nnf/NnfBase.td"

// input [N], C, *. No stride: stride is kernel_size. ceil_mode takes the ceiling, less one if the last window would
// start in the right padding.
class Nnf_AvgPool<string name> : Nnf_Function<name> {
  let description = [{
    input [N], C, *. No stride: stride is kernel_size. padding at most half of the kernel. In ceil mode the last window
    starts inside the input or its left padding. The divisor counts padding unless count_include_pad is false.
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$kernel_size, OptionalAttr<Nnf_Ints>:$stride,
      DefaultValuedAttr<Nnf_Ints, "{0}">:$padding, DefaultValuedAttr<Nnf_Bool, "false">:$ceil_mode,
      DefaultValuedAttr<Nnf_Bool, "true">:$count_include_pad, OptionalAttr<Nnf_Int>:$divisor_override);
  let results = (outs Nnf_Tensor:$output);
  let formula = "sum of window / number of elements in it";
}
class Nnf_MaxPool<string name> : Nnf_Function<name> {
  let description = [{
    input [N], C, *. No stride: stride is kernel_size. padding at most half of the kernel; it never wins. On ties the
    first wins, with NaN the last NaN. indices, if asked for, are int64 and flat in the input's spatial plane.
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$kernel_size, OptionalAttr<Nnf_Ints>:$stride,
      DefaultValuedAttr<Nnf_Ints, "{0}">:$padding, DefaultValuedAttr<Nnf_Ints, "{1}">:$dilation,
      DefaultValuedAttr<Nnf_Bool, "false">:$ceil_mode, DefaultValuedAttr<Nnf_Bool, "false">:$return_indices);
  let results = (outs Nnf_Tensor:$output, Optional<Nnf_Tensor>:$indices);
  let formula = "max of window";
}
class Nnf_LpPool<string name> : Nnf_Function<name> {
  let description = [{
    input [N], C, *. x^p keeps its sign. A window that overhangs in ceil mode counts as if it were full of its mean.
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Float:$norm_type, Nnf_Ints:$kernel_size, OptionalAttr<Nnf_Ints>:$stride,
      DefaultValuedAttr<Nnf_Bool, "false">:$ceil_mode);
  let results = (outs Nnf_Tensor:$output);
  let formula = "(sum of window^norm_type)^(1 / norm_type)";
}
class Nnf_AdaptiveAvgPool<string name> : Nnf_Function<name> {
  let description = [{
    input [N], C, *. Window i of o over L is floor(i*L/o) to ceil((i+1)*L/o). A size of -1 keeps that dimension's; a
    size 0 gives an empty result.
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$output_size);
  let results = (outs Nnf_Tensor:$output);
  let formula = "mean of window i, floor(i*L/o) to ceil((i+1)*L/o)";
}
class Nnf_AdaptiveMaxPool<string name> : Nnf_Function<name> {
  let description = [{
    input [N], C, *. Window i of o over L is floor(i*L/o) to ceil((i+1)*L/o). A size of -1 keeps that dimension's.
    indices, if asked for, are int64 and flat in the input's spatial plane.
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$output_size, DefaultValuedAttr<Nnf_Bool, "false">:$return_indices);
  let results = (outs Nnf_Tensor:$output, Optional<Nnf_Tensor>:$indices);
  let formula = "max of window i, floor(i*L/o) to ceil((i+1)*L/o)";
}

def Nnf_AvgPool1dOp : Nnf_AvgPool<"avg_pool1d"> {
  let summary = "Mean of windows over one dimension";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$kernel_size, OptionalAttr<Nnf_Ints>:$stride,
      DefaultValuedAttr<Nnf_Ints, "{0}">:$padding, DefaultValuedAttr<Nnf_Bool, "false">:$ceil_mode,
      DefaultValuedAttr<Nnf_Bool, "true">:$count_include_pad);
  let example = [{ %y = nnf.avg_pool1d %x {kernel_size = array<i64: 2>} : (tensor<2x3x4xf32>) -> tensor<2x3x2xf32> }];
}
def Nnf_MaxPool1dOp : Nnf_MaxPool<"max_pool1d"> {
  let summary = "Maximum of windows over one dimension";
  let example = [{ %y, %i = nnf.max_pool1d %x {kernel_size = array<i64: 2>, return_indices = true} : (tensor<2x3x4xf32>) -> (tensor<2x3x2xf32>, tensor<2x3x2xi64>) }];
}
def Nnf_LpPool1dOp : Nnf_LpPool<"lp_pool1d"> {
  let summary = "Power mean of windows over one dimension, without the mean";
  let example = [{ %y = nnf.lp_pool1d %x {norm_type = 2.0, kernel_size = array<i64: 2>} : (tensor<2x3x4xf32>) -> tensor<2x3x2xf32> }];
}
def Nnf_AdaptiveAvgPool1dOp : Nnf_AdaptiveAvgPool<"adaptive_avg_pool1d"> {
  let summary = "Mean of windows over one dimension, as many as asked for";
  let example = [{ %y = nnf.adaptive_avg_pool1d %x {output_size = array<i64: 1>} : (tensor<2x3x4xf32>) -> tensor<2x3x1xf32> }];
}
def Nnf_AdaptiveMaxPool1dOp : Nnf_AdaptiveMaxPool<"adaptive_max_pool1d"> {
  let summary = "Maximum of windows over one dimension, as many as asked for";
  let example = [{ %y = nnf.adaptive_max_pool1d %x {output_size = array<i64: 2>} : (tensor<2x3x4xf32>) -> tensor<2x3x2xf32> }];
}
def Nnf_AvgPool2dOp : Nnf_AvgPool<"avg_pool2d"> {
  let summary = "Mean of windows over two dimensions";
  let example = [{ %y = nnf.avg_pool2d %x {kernel_size = array<i64: 2>} : (tensor<2x3x4x4xf32>) -> tensor<2x3x2x2xf32> }];
}
def Nnf_MaxPool2dOp : Nnf_MaxPool<"max_pool2d"> {
  let summary = "Maximum of windows over two dimensions";
  let example = [{ %y, %i = nnf.max_pool2d %x {kernel_size = array<i64: 2>, return_indices = true} : (tensor<2x3x4x4xf32>) -> (tensor<2x3x2x2xf32>, tensor<2x3x2x2xi64>) }];
}
def Nnf_LpPool2dOp : Nnf_LpPool<"lp_pool2d"> {
  let summary = "Power mean of windows over two dimensions, without the mean";
  let example = [{ %y = nnf.lp_pool2d %x {norm_type = 2.0, kernel_size = array<i64: 2>} : (tensor<2x3x4x4xf32>) -> tensor<2x3x2x2xf32> }];
}
def Nnf_AdaptiveAvgPool2dOp : Nnf_AdaptiveAvgPool<"adaptive_avg_pool2d"> {
  let summary = "Mean of windows over two dimensions, as many as asked for";
  let example = [{ %y = nnf.adaptive_avg_pool2d %x {output_size = array<i64: 1>} : (tensor<2x3x4x4xf32>) -> tensor<2x3x1x1xf32> }];
}
def Nnf_AdaptiveMaxPool2dOp : Nnf_AdaptiveMaxPool<"adaptive_max_pool2d"> {
  let summary = "Maximum of windows over two dimensions, as many as asked for";
  let example = [{ %y = nnf.adaptive_max_pool2d %x {output_size = array<i64: 2>} : (tensor<2x3x4x4xf32>) -> tensor<2x3x2x2xf32> }];
}
def Nnf_AvgPool3dOp : Nnf_AvgPool<"avg_pool3d"> {
  let summary = "Mean of windows over three dimensions";
  let example = [{ %y = nnf.avg_pool3d %x {kernel_size = array<i64: 2>} : (tensor<2x3x4x4x4xf32>) -> tensor<2x3x2x2x2xf32> }];
}
def Nnf_MaxPool3dOp : Nnf_MaxPool<"max_pool3d"> {
  let summary = "Maximum of windows over three dimensions";
  let example = [{ %y, %i = nnf.max_pool3d %x {kernel_size = array<i64: 2>, return_indices = true} : (tensor<2x3x4x4x4xf32>) -> (tensor<2x3x2x2x2xf32>, tensor<2x3x2x2x2xi64>) }];
}
def Nnf_LpPool3dOp : Nnf_LpPool<"lp_pool3d"> {
  let summary = "Power mean of windows over three dimensions, without the mean";
  let example = [{ %y = nnf.lp_pool3d %x {norm_type = 2.0, kernel_size = array<i64: 2>} : (tensor<2x3x4x4x4xf32>) -> tensor<2x3x2x2x2xf32> }];
}
def Nnf_AdaptiveAvgPool3dOp : Nnf_AdaptiveAvgPool<"adaptive_avg_pool3d"> {
  let summary = "Mean of windows over three dimensions, as many as asked for";
  let example = [{ %y = nnf.adaptive_avg_pool3d %x {output_size = array<i64: 1>} : (tensor<2x3x4x4x4xf32>) -> tensor<2x3x1x1x1xf32> }];
}
def Nnf_AdaptiveMaxPool3dOp : Nnf_AdaptiveMaxPool<"adaptive_max_pool3d"> {
  let summary = "Maximum of windows over three dimensions, as many as asked for";
  let example = [{ %y = nnf.adaptive_max_pool3d %x {output_size = array<i64: 2>} : (tensor<2x3x4x4x4xf32>) -> tensor<2x3x2x2x2xf32> }];
}

class Nnf_FractionalMaxPool<string name> : Nnf_Function<name> {
  let description = [{ Takes output_size or output_ratio, a share of each size. _random_samples N, C, one for each spatial dimension (1, C, … without a batch) in [0, 1) shifts the windows; drawn when left out. return_indices gives the row-major position of each maximum, int64. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$kernel_size, OptionalAttr<Nnf_Ints>:$output_size, OptionalAttr<Nnf_Floats>:$output_ratio, DefaultValuedAttr<Nnf_Bool, "false">:$return_indices, Optional<Nnf_Tensor>:$_random_samples);
  let results = (outs Nnf_Tensor:$output, Optional<Nnf_Tensor>:$indices);
  let formula = "max of input in the window that begins at trunc((i + u) * a) - trunc(u * a), a = (size - kernel_size) / (output_size - 1)";
  let source = "Graham 2014";
  let draws = 1;
}
def Nnf_FractionalMaxPool2dOp : Nnf_FractionalMaxPool<"fractional_max_pool2d"> {
  let summary = "Maximum of windows at random distances over two dimensions";
  let example = [{ %y = nnf.fractional_max_pool2d %x {kernel_size = array<i64: 2>, output_size = array<i64: 2>} : (tensor<2x3x5x5xf32>) -> tensor<2x3x2x2xf32> }];
}
def Nnf_FractionalMaxPool3dOp : Nnf_FractionalMaxPool<"fractional_max_pool3d"> {
  let summary = "Maximum of windows at random distances over three dimensions";
  let example = [{ %y = nnf.fractional_max_pool3d %x {kernel_size = array<i64: 2>, output_ratio = array<f64: 0.5>} : (tensor<2x3x5x5x5xf32>) -> tensor<2x3x2x2x2xf32> }];
}
#endif
