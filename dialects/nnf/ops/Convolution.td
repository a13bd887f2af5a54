// Convolutions, and the sliding blocks they are made of.
#ifndef NNF_OPS_CONVOLUTION
#define NNF_OPS_CONVOLUTION
include "dialects/nnf/NnfBase.td"

class Nnf_Conv<string name, int spatial> : Nnf_Function<name> {
  Nnf_Spatial S = Nnf_Spatial<spatial>;
  let description = [{
    The kernel is not reversed. A length becomes
    `floor((length + 2*padding - dilation*(k - 1) - 1) / stride) + 1`.
  }];
  let takes = "input: float [N, Cin, " # S.axes # "] or [Cin, " # S.axes # [{]
    weight: dtype of input [Cout, Cin/groups, }] # S.kernel # [{]; the kernel's sizes are no symbols
    bias: dtype of input [Cout]
    stride, dilation: at least 1
    padding: at least 0 on both sides; 'valid' is 0; 'same' keeps the length (with stride 1; an odd one goes to the right)
    groups: a divisor of Cin and Cout
  }];
  let gives = "output: dtype of input [N, Cout, " # S.axes # "], without N where input is";
  let errors = S.inputErrors # "weight: rank 1, expected " # S.batchedRank # " [out, in/groups, " # S.kernel # [{]
    weight: shape [4, 2, 3, 3] takes 2 input channels in 1 groups, expected 3 as 'input' has
    weight: 3 channels, expected a multiple of 'groups', 2
    weight: shape [4, 3, K, 3], expected kernel sizes that are numbers
    weight: size 0 at dimension 0, expected at least 1
    weight, bias: dtype float64, expected float32 as 'input' has
    bias: shape [3], expected [out] = [4]
    groups: 0, expected at least 1
    stride, dilation: value 0, expected at least 1
    stride, padding, dilation: 4 entries, expected }] # S.many # [{
    padding: value -1, expected at least 0
    padding: 'full', expected 'valid' or 'same'
    padding: 'same' with stride 2, expected stride 1
  }] # S.windowError;
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$weight, Optional<Nnf_Tensor>:$bias,
      DefaultValuedAttr<Nnf_Ints, "{1}">:$stride, DefaultValuedAttr<Nnf_IntsOrString, "{0}">:$padding,
      DefaultValuedAttr<Nnf_Ints, "{1}">:$dilation, DefaultValuedAttr<Nnf_Int, "1">:$groups);
  let results = (outs Nnf_Tensor:$output);
  let formula = "bias[o] + sum over c, k of input[n, c, p*stride - padding + k*dilation] * weight[o, c, k]";
}

def Nnf_Conv1dOp : Nnf_Conv<"conv1d", 1> {
  let summary = "Convolution over one dimension";
  let example = [{ %y = nnf.conv1d %x, %w, %b : (tensor<2x3x8xf32>, tensor<4x3x3xf32>, tensor<4xf32>) -> tensor<2x4x6xf32> }];
}
def Nnf_Conv2dOp : Nnf_Conv<"conv2d", 2> {
  let summary = "Convolution over two dimensions";
  let example = [{ %y = nnf.conv2d %x, %w {padding = array<i64: 1>} : (tensor<2x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<2x4x8x8xf32> }];
}
def Nnf_Conv3dOp : Nnf_Conv<"conv3d", 3> {
  let summary = "Convolution over three dimensions";
  let example = [{ %y = nnf.conv3d %x, %w {stride = array<i64: 2>} : (tensor<2x3x8x8x8xf32>, tensor<4x3x2x2x2xf32>) -> tensor<2x4x4x4x4xf32> }];
}

class Nnf_ConvTranspose<string name, int spatial> : Nnf_Function<name> {
  Nnf_Spatial S = Nnf_Spatial<spatial>;
  let description = [{
    A length becomes `(length - 1)*stride - 2*padding + dilation*(k - 1) + output_padding + 1`. Positions that no tap
    reaches hold the bias.
  }];
  let takes = "input: float [N, Cin, " # S.axes # "] or [Cin, " # S.axes # [{]
    weight: dtype of input [Cin, Cout/groups, }] # S.kernel # [{]; the kernel's sizes are no symbols
    bias: dtype of input [Cout]
    stride, dilation: at least 1
    padding: at least 0; what is cropped on both sides, as far as something is left
    output_padding: at least 0, below stride or dilation; it extends the high end
    groups: a divisor of Cin
  }];
  let gives = "output: dtype of input [N, Cout, " # S.axes # "], without N where input is";
  let errors = S.inputErrors # [{
    input: 3 channels, expected a multiple of 'groups', 2
    weight: rank 1, expected }] # S.batchedRank # " [in, out/groups, " # S.kernel # [{]
    weight: shape [2, 2, 4], expected 3 at dimension 0, the channels of 'input'
    weight: shape [4, 3, K, 3], expected kernel sizes that are numbers
    weight: size 0 at dimension 0, expected at least 1
    weight, bias: dtype float64, expected float32 as 'input' has
    bias: shape [3], expected [out] = [4]
    groups: 0, expected at least 1
    stride, dilation: value 0, expected at least 1
    stride, padding, output_padding, dilation: 4 entries, expected }] # S.many # [{
    padding, output_padding: value -1, expected at least 0
    padding: leaves a length of 0, expected at least 1
    output_padding: 2, expected less than 2, the larger of stride and dilation
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$weight, Optional<Nnf_Tensor>:$bias,
      DefaultValuedAttr<Nnf_Ints, "{1}">:$stride, DefaultValuedAttr<Nnf_Ints, "{0}">:$padding,
      DefaultValuedAttr<Nnf_Ints, "{0}">:$output_padding, DefaultValuedAttr<Nnf_Int, "1">:$groups,
      DefaultValuedAttr<Nnf_Ints, "{1}">:$dilation);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[n, o, p*stride - padding + k*dilation] += input[n, c, p] * weight[c, o, k]; + bias[o]";
}

def Nnf_ConvTranspose1dOp : Nnf_ConvTranspose<"conv_transpose1d", 1> {
  let summary = "Transposed convolution over one dimension";
  let example = [{ %y = nnf.conv_transpose1d %x, %w {stride = array<i64: 2>} : (tensor<2x3x4xf32>, tensor<3x5x2xf32>) -> tensor<2x5x8xf32> }];
}
def Nnf_ConvTranspose2dOp : Nnf_ConvTranspose<"conv_transpose2d", 2> {
  let summary = "Transposed convolution over two dimensions";
  let example = [{ %y = nnf.conv_transpose2d %x, %w {stride = array<i64: 2>} : (tensor<2x3x4x4xf32>, tensor<3x5x2x2xf32>) -> tensor<2x5x8x8xf32> }];
}
def Nnf_ConvTranspose3dOp : Nnf_ConvTranspose<"conv_transpose3d", 3> {
  let summary = "Transposed convolution over three dimensions";
  let example = [{ %y = nnf.conv_transpose3d %x, %w : (tensor<2x3x2x2x2xf32>, tensor<3x5x2x2x2xf32>) -> tensor<2x5x3x3x3xf32> }];
}

def Nnf_ConvTbcOp : Nnf_Function<"conv_tbc"> {
  let summary = "conv1d on time, batch, channels";
  let takes = [{
    input: float [T, B, Cin]
    weight: dtype of input [k, Cin, Cout]
    bias: dtype of input [Cout]
    pad: at least 0; zeros on both sides
  }];
  let gives = "output: dtype of input [T + 2*pad - k + 1, B, Cout]";
  let errors = [{
    input: dtype int64, expected a float
    input: rank 2, expected 3 [T, B, in]
    weight: rank 2, expected 3 [k, in, out]
    weight, bias: dtype float64, expected float32 as 'input' has
    weight: shape [2, 2, 4], expected 3 at dimension 1, the channels of 'input'
    weight: a kernel of 3, expected at most 2, the padded input
    bias: shape [3], expected [out] = [4]
    pad: -1, expected at least 0
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$weight, Nnf_Tensor:$bias, DefaultValuedAttr<Nnf_Int, "0">:$pad);
  let results = (outs Nnf_Tensor:$output);
  let formula = "bias[o] + sum over c, k of input[t + k - pad, b, c] * weight[k, c, o]";
  let example = [{ %y = nnf.conv_tbc %x, %w, %b : (tensor<8x2x3xf32>, tensor<3x3x4xf32>, tensor<4xf32>) -> tensor<6x2x4xf32> }];
}

def Nnf_UnfoldOp : Nnf_Function<"unfold"> {
  let summary = "Sliding blocks as columns";
  let description = [{ Lw is the number of blocks along W. }];
  let takes = [{
    input: float [N, C, H, W] or [C, H, W]
    kernel_size, dilation, stride: at least 1
    padding: at least 0; zeros on both sides
  }];
  let gives = "output: dtype of input [N, C*kH*kW, blocks], without N where input is";
  let errors = Nnf_Spatial<2>.inputErrors # [{
    kernel_size, dilation, stride: value 0, expected at least 1
    kernel_size, dilation, padding, stride: 3 entries, expected 1 or 2
    padding: value -1, expected at least 0
  }] # Nnf_Spatial<2>.windowError;
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$kernel_size, DefaultValuedAttr<Nnf_Ints, "{1}">:$dilation,
      DefaultValuedAttr<Nnf_Ints, "{0}">:$padding, DefaultValuedAttr<Nnf_Ints, "{1}">:$stride);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[n, (c*kH + i)*kW + j, oh*Lw + ow] = input[n, c, oh*stride - padding + i*dilation, ow*stride - padding + j*dilation]";
  let example = [{ %y = nnf.unfold %x {kernel_size = array<i64: 2>} : (tensor<2x3x4x4xf32>) -> tensor<2x12x9xf32> }];
}

def Nnf_FoldOp : Nnf_Function<"fold"> {
  let summary = "Sums overlapping blocks into an image: the transpose of unfold";
  let description = [{ Padding is cropped. Lw is the number of blocks along W. }];
  let takes = [{
    input: float [N, C*kH*kW, blocks] or [C*kH*kW, blocks]; sizes but N and C are no symbols
    output_size: H and W, as many blocks fit in as input has
    kernel_size, dilation, stride: at least 1
    padding: at least 0
  }];
  let gives = "output: dtype of input [N, C, H, W], without N where input is";
  let errors = [{
    input: dtype int64, expected a float
    input: rank 4, expected 3 or 2 [N, C*kH*kW, blocks] or [C*kH*kW, blocks]
    input: size 7 at dimension 1, expected a multiple of 4, the elements of a block
    input: size 8 at dimension 2, expected 9, the number of blocks
    output_size: 1, expected one that holds a block with padding
    output_size, kernel_size, dilation, stride: value 0, expected at least 1
    output_size, kernel_size, dilation, padding, stride: 3 entries, expected 1 or 2
    padding: value -1, expected at least 0
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$output_size, Nnf_Ints:$kernel_size,
      DefaultValuedAttr<Nnf_Ints, "{1}">:$dilation, DefaultValuedAttr<Nnf_Ints, "{0}">:$padding,
      DefaultValuedAttr<Nnf_Ints, "{1}">:$stride);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[n, c, oh*stride - padding + i*dilation, ow*stride - padding + j*dilation] += input[n, (c*kH + i)*kW + j, oh*Lw + ow]";
  let example = [{ %y = nnf.fold %x {output_size = array<i64: 4>, kernel_size = array<i64: 2>} : (tensor<2x12x9xf32>) -> tensor<2x3x4x4xf32> }];
}
#endif
