// Pooling: the sum, mean or maximum of windows.
#ifndef NNF_OPS_POOLING
#define NNF_OPS_POOLING
include "dialects/nnf/NnfBase.td"

// Windows slide as in Windows.h; without a stride it is kernel_size.
class Nnf_Pool<string name, int spatial> : Nnf_Function<name> {
  Nnf_Spatial S = Nnf_Spatial<spatial>;
  string input = "input: float " # S.form # "\n";
  string windows = input # [{
    kernel_size: at least 1
    stride: at least 1; None is kernel_size
    ceil_mode: a last window that overhangs counts too, if it starts inside the input or its left padding
  }];
  string paddings = "padding: at least 0, at most half of kernel_size\n";
  string pooled = "output: dtype of input [N, C, " # S.axes # "], without N where input is\n";
  string indices = "indices: int64, shape of output; only with return_indices";
  string windowErrors = S.inputErrors # [{
    kernel_size, stride: value 0, expected at least 1
    kernel_size, stride: 4 entries, expected }] # S.many # "\n" # S.windowError;
  string paddingErrors = [{
    padding: value -1, expected at least 0
    padding: 2, expected at most half of kernel_size, 1
    padding: 4 entries, expected }] # S.many # "\n";
}
class Nnf_AvgPool<string name, int spatial> : Nnf_Pool<name, spatial> {
  let takes = windows # paddings # [{
    count_include_pad: the divisor counts padding
  }] # !if(!eq(spatial, 1), "", "divisor_override: the divisor, any integer but 0");
  let gives = pooled;
  let errors = windowErrors # paddingErrors #
      !if(!eq(spatial, 1), "", "divisor_override: 0, expected any other number");
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$kernel_size, OptionalAttr<Nnf_Ints>:$stride,
      DefaultValuedAttr<Nnf_Ints, "{0}">:$padding, DefaultValuedAttr<Nnf_Bool, "false">:$ceil_mode,
      DefaultValuedAttr<Nnf_Bool, "true">:$count_include_pad, OptionalAttr<Nnf_Int>:$divisor_override);
  let results = (outs Nnf_Tensor:$output);
  let formula = "sum of window / number of elements in it";
}
class Nnf_MaxPool<string name, int spatial> : Nnf_Pool<name, spatial> {
  let description = [{ Padding never wins. On ties the first wins, with NaN the last NaN. }];
  let takes = windows # paddings # [{
    dilation: at least 1
    return_indices: gives the second result
  }];
  let gives = pooled # indices # ": places in the input's spatial plane, row by row";
  let errors = windowErrors # paddingErrors # "dilation: value 0, expected at least 1";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$kernel_size, OptionalAttr<Nnf_Ints>:$stride,
      DefaultValuedAttr<Nnf_Ints, "{0}">:$padding, DefaultValuedAttr<Nnf_Ints, "{1}">:$dilation,
      DefaultValuedAttr<Nnf_Bool, "false">:$ceil_mode, DefaultValuedAttr<Nnf_Bool, "false">:$return_indices);
  let results = (outs Nnf_Tensor:$output, Optional<Nnf_Tensor>:$indices);
  let formula = "max of window";
}
class Nnf_LpPool<string name, int spatial> : Nnf_Pool<name, spatial> {
  let description = [{ x^p keeps its sign. A window that overhangs counts as if it were full of its mean. }];
  let takes = windows # "norm_type: any number but 0";
  let gives = pooled;
  let errors = windowErrors # "norm_type: 0, expected any other number";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Float:$norm_type, Nnf_Ints:$kernel_size, OptionalAttr<Nnf_Ints>:$stride,
      DefaultValuedAttr<Nnf_Bool, "false">:$ceil_mode);
  let results = (outs Nnf_Tensor:$output);
  let formula = "(sum of window^norm_type)^(1 / norm_type)";
}
class Nnf_AdaptivePool<string name, int spatial> : Nnf_Pool<name, spatial> {
  let description = [{ Window i of o over L is `floor(i*L/o)` to `ceil((i+1)*L/o)`. }];
  string sizes = input # "output_size: " #
      !if(!eq(spatial, 1), "at least 0", "at least 0; -1 keeps a dimension's size") # "\n";
  let errors = S.inputErrors # "output_size: value -2, expected at least " # !if(!eq(spatial, 1), "0", "-1") #
      "\noutput_size: 4 entries, expected " # S.many;
}
class Nnf_AdaptiveAvgPool<string name, int spatial> : Nnf_AdaptivePool<name, spatial> {
  let takes = sizes;
  let gives = pooled;
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$output_size);
  let results = (outs Nnf_Tensor:$output);
  let formula = "mean of window i, floor(i*L/o) to ceil((i+1)*L/o)";
}
class Nnf_AdaptiveMaxPool<string name, int spatial> : Nnf_AdaptivePool<name, spatial> {
  let takes = sizes # "return_indices: gives the second result";
  let gives = pooled # indices # ": places in the input's spatial plane, row by row";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$output_size, DefaultValuedAttr<Nnf_Bool, "false">:$return_indices);
  let results = (outs Nnf_Tensor:$output, Optional<Nnf_Tensor>:$indices);
  let formula = "max of window i, floor(i*L/o) to ceil((i+1)*L/o)";
}

def Nnf_AvgPool1dOp : Nnf_AvgPool<"avg_pool1d", 1> {
  let summary = "Mean of windows over one dimension";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$kernel_size, OptionalAttr<Nnf_Ints>:$stride,
      DefaultValuedAttr<Nnf_Ints, "{0}">:$padding, DefaultValuedAttr<Nnf_Bool, "false">:$ceil_mode,
      DefaultValuedAttr<Nnf_Bool, "true">:$count_include_pad);
  let example = [{ %y = nnf.avg_pool1d %x {kernel_size = array<i64: 2>} : (tensor<2x3x4xf32>) -> tensor<2x3x2xf32> }];
}
def Nnf_MaxPool1dOp : Nnf_MaxPool<"max_pool1d", 1> {
  let summary = "Maximum of windows over one dimension";
  let example = [{ %y, %i = nnf.max_pool1d %x {kernel_size = array<i64: 2>, return_indices = true} : (tensor<2x3x4xf32>) -> (tensor<2x3x2xf32>, tensor<2x3x2xi64>) }];
}
def Nnf_LpPool1dOp : Nnf_LpPool<"lp_pool1d", 1> {
  let summary = "Power mean of windows over one dimension, without the mean";
  let example = [{ %y = nnf.lp_pool1d %x {norm_type = 2.0, kernel_size = array<i64: 2>} : (tensor<2x3x4xf32>) -> tensor<2x3x2xf32> }];
}
def Nnf_AdaptiveAvgPool1dOp : Nnf_AdaptiveAvgPool<"adaptive_avg_pool1d", 1> {
  let summary = "Mean of windows over one dimension, as many as asked for";
  let example = [{ %y = nnf.adaptive_avg_pool1d %x {output_size = array<i64: 1>} : (tensor<2x3x4xf32>) -> tensor<2x3x1xf32> }];
}
def Nnf_AdaptiveMaxPool1dOp : Nnf_AdaptiveMaxPool<"adaptive_max_pool1d", 1> {
  let summary = "Maximum of windows over one dimension, as many as asked for";
  let example = [{ %y = nnf.adaptive_max_pool1d %x {output_size = array<i64: 2>} : (tensor<2x3x4xf32>) -> tensor<2x3x2xf32> }];
}
def Nnf_AvgPool2dOp : Nnf_AvgPool<"avg_pool2d", 2> {
  let summary = "Mean of windows over two dimensions";
  let example = [{ %y = nnf.avg_pool2d %x {kernel_size = array<i64: 2>} : (tensor<2x3x4x4xf32>) -> tensor<2x3x2x2xf32> }];
}
def Nnf_MaxPool2dOp : Nnf_MaxPool<"max_pool2d", 2> {
  let summary = "Maximum of windows over two dimensions";
  let example = [{ %y, %i = nnf.max_pool2d %x {kernel_size = array<i64: 2>, return_indices = true} : (tensor<2x3x4x4xf32>) -> (tensor<2x3x2x2xf32>, tensor<2x3x2x2xi64>) }];
}
def Nnf_LpPool2dOp : Nnf_LpPool<"lp_pool2d", 2> {
  let summary = "Power mean of windows over two dimensions, without the mean";
  let example = [{ %y = nnf.lp_pool2d %x {norm_type = 2.0, kernel_size = array<i64: 2>} : (tensor<2x3x4x4xf32>) -> tensor<2x3x2x2xf32> }];
}
def Nnf_AdaptiveAvgPool2dOp : Nnf_AdaptiveAvgPool<"adaptive_avg_pool2d", 2> {
  let summary = "Mean of windows over two dimensions, as many as asked for";
  let example = [{ %y = nnf.adaptive_avg_pool2d %x {output_size = array<i64: 1>} : (tensor<2x3x4x4xf32>) -> tensor<2x3x1x1xf32> }];
}
def Nnf_AdaptiveMaxPool2dOp : Nnf_AdaptiveMaxPool<"adaptive_max_pool2d", 2> {
  let summary = "Maximum of windows over two dimensions, as many as asked for";
  let example = [{ %y = nnf.adaptive_max_pool2d %x {output_size = array<i64: 2>} : (tensor<2x3x4x4xf32>) -> tensor<2x3x2x2xf32> }];
}
def Nnf_AvgPool3dOp : Nnf_AvgPool<"avg_pool3d", 3> {
  let summary = "Mean of windows over three dimensions";
  let example = [{ %y = nnf.avg_pool3d %x {kernel_size = array<i64: 2>} : (tensor<2x3x4x4x4xf32>) -> tensor<2x3x2x2x2xf32> }];
}
def Nnf_MaxPool3dOp : Nnf_MaxPool<"max_pool3d", 3> {
  let summary = "Maximum of windows over three dimensions";
  let example = [{ %y, %i = nnf.max_pool3d %x {kernel_size = array<i64: 2>, return_indices = true} : (tensor<2x3x4x4x4xf32>) -> (tensor<2x3x2x2x2xf32>, tensor<2x3x2x2x2xi64>) }];
}
def Nnf_LpPool3dOp : Nnf_LpPool<"lp_pool3d", 3> {
  let summary = "Power mean of windows over three dimensions, without the mean";
  let example = [{ %y = nnf.lp_pool3d %x {norm_type = 2.0, kernel_size = array<i64: 2>} : (tensor<2x3x4x4x4xf32>) -> tensor<2x3x2x2x2xf32> }];
}
def Nnf_AdaptiveAvgPool3dOp : Nnf_AdaptiveAvgPool<"adaptive_avg_pool3d", 3> {
  let summary = "Mean of windows over three dimensions, as many as asked for";
  let example = [{ %y = nnf.adaptive_avg_pool3d %x {output_size = array<i64: 1>} : (tensor<2x3x4x4x4xf32>) -> tensor<2x3x1x1x1xf32> }];
}
def Nnf_AdaptiveMaxPool3dOp : Nnf_AdaptiveMaxPool<"adaptive_max_pool3d", 3> {
  let summary = "Maximum of windows over three dimensions, as many as asked for";
  let example = [{ %y = nnf.adaptive_max_pool3d %x {output_size = array<i64: 2>} : (tensor<2x3x4x4x4xf32>) -> tensor<2x3x2x2x2xf32> }];
}

class Nnf_FractionalMaxPool<string name, int spatial> : Nnf_Pool<name, spatial> {
  let takes = input # [{
    kernel_size: at least 1
    output_size: at least 1; or output_ratio, not both
    output_ratio: a share of each size, more than 0 and less than 1
    return_indices: gives the second result
    _random_samples: dtype of input [N, C, }] # S.count # [{], 1 for N without a batch: what shifts the windows, in [0, 1); None draws it
  }];
  let gives = pooled # indices # ": places in the input's spatial plane, row by row";
  let errors = S.inputErrors # [{
    kernel_size: value 0, expected at least 1
    kernel_size, output_size, output_ratio: 4 entries, expected }] # S.many # [{
    kernel_size: 4 with an output of 3 from size 4, expected a smaller one
    output_size: missing like 'output_ratio', expected one of the two
    output_size: given beside 'output_ratio', expected one of the two
    output_size: value 0, expected at least 1
    output_ratio: 1.5, expected more than 0 and less than 1
    output_ratio: 0.1 makes nothing of size 4, expected at least 1
    _random_samples: dtype float64, expected float32 as 'input' has
    _random_samples: shape [2, 3, 1], expected [N, C, }] # S.count # "] = [2, 3, " # S.count # "]";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$kernel_size, OptionalAttr<Nnf_Ints>:$output_size, OptionalAttr<Nnf_Floats>:$output_ratio, DefaultValuedAttr<Nnf_Bool, "false">:$return_indices, Optional<Nnf_Tensor>:$_random_samples);
  let results = (outs Nnf_Tensor:$output, Optional<Nnf_Tensor>:$indices);
  let formula = "max of input in the window that begins at trunc((i + u) * a) - trunc(u * a), a = (size - kernel_size) / (output_size - 1)";
  let source = "Graham 2014";
  let draws = 1;
}
def Nnf_FractionalMaxPool2dOp : Nnf_FractionalMaxPool<"fractional_max_pool2d", 2> {
  let summary = "Maximum of windows at random distances over two dimensions";
  let example = [{ %y = nnf.fractional_max_pool2d %x {kernel_size = array<i64: 2>, output_size = array<i64: 2>} : (tensor<2x3x5x5xf32>) -> tensor<2x3x2x2xf32> }];
}
def Nnf_FractionalMaxPool3dOp : Nnf_FractionalMaxPool<"fractional_max_pool3d", 3> {
  let summary = "Maximum of windows at random distances over three dimensions";
  let example = [{ %y = nnf.fractional_max_pool3d %x {kernel_size = array<i64: 2>, output_ratio = array<f64: 0.5>} : (tensor<2x3x5x5x5xf32>) -> tensor<2x3x2x2x2xf32> }];
}
#endif
