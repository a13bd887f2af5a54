// Convolutions, and the sliding blocks they are made of.
#ifndef NNF_OPS_CONVOLUTION
#define NNF_OPS_CONVOLUTION
include "dialects/nnf/NnfBase.td"

class Nnf_Conv<string name> : Nnf_Function<name> {
  let description = [{
    input [N], Cin, *; weight Cout, Cin/groups, K*; bias Cout. The kernel is not reversed. padding is numbers, 'valid'
    or 'same' (stride 1; an odd one goes to the right). A length becomes
    floor((L + 2*padding - dilation*(K - 1) - 1) / stride) + 1.
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$weight, Optional<Nnf_Tensor>:$bias,
      DefaultValuedAttr<Nnf_Ints, "{1}">:$stride, DefaultValuedAttr<Nnf_IntsOrString, "{0}">:$padding,
      DefaultValuedAttr<Nnf_Ints, "{1}">:$dilation, DefaultValuedAttr<Nnf_Int, "1">:$groups);
  let results = (outs Nnf_Tensor:$output);
  let formula = "bias[o] + sum over c, k of input[n, c, p*stride - padding + k*dilation] * weight[o, c, k]";
}

def Nnf_Conv1dOp : Nnf_Conv<"conv1d"> {
  let summary = "Convolution over one dimension";
  let example = [{ %y = nnf.conv1d %x, %w, %b : (tensor<2x3x8xf32>, tensor<4x3x3xf32>, tensor<4xf32>) -> tensor<2x4x6xf32> }];
}
def Nnf_Conv2dOp : Nnf_Conv<"conv2d"> {
  let summary = "Convolution over two dimensions";
  let example = [{ %y = nnf.conv2d %x, %w {padding = array<i64: 1>} : (tensor<2x3x8x8xf32>, tensor<4x3x3x3xf32>) -> tensor<2x4x8x8xf32> }];
}
def Nnf_Conv3dOp : Nnf_Conv<"conv3d"> {
  let summary = "Convolution over three dimensions";
  let example = [{ %y = nnf.conv3d %x, %w {stride = array<i64: 2>} : (tensor<2x3x8x8x8xf32>, tensor<4x3x2x2x2xf32>) -> tensor<2x4x4x4x4xf32> }];
}

class Nnf_ConvTranspose<string name> : Nnf_Function<name> {
  let description = [{
    input [N], Cin, *; weight Cin, Cout/groups, K*; bias Cout. A length becomes
    (L - 1)*stride - 2*padding + dilation*(K - 1) + output_padding + 1; output_padding is below stride or dilation and
    extends the high end. Positions no tap reaches hold the bias.
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$weight, Optional<Nnf_Tensor>:$bias,
      DefaultValuedAttr<Nnf_Ints, "{1}">:$stride, DefaultValuedAttr<Nnf_Ints, "{0}">:$padding,
      DefaultValuedAttr<Nnf_Ints, "{0}">:$output_padding, DefaultValuedAttr<Nnf_Int, "1">:$groups,
      DefaultValuedAttr<Nnf_Ints, "{1}">:$dilation);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[n, o, p*stride - padding + k*dilation] += input[n, c, p] * weight[c, o, k]; + bias[o]";
}

def Nnf_ConvTranspose1dOp : Nnf_ConvTranspose<"conv_transpose1d"> {
  let summary = "Transposed convolution over one dimension";
  let example = [{ %y = nnf.conv_transpose1d %x, %w {stride = array<i64: 2>} : (tensor<2x3x4xf32>, tensor<3x5x2xf32>) -> tensor<2x5x8xf32> }];
}
def Nnf_ConvTranspose2dOp : Nnf_ConvTranspose<"conv_transpose2d"> {
  let summary = "Transposed convolution over two dimensions";
  let example = [{ %y = nnf.conv_transpose2d %x, %w {stride = array<i64: 2>} : (tensor<2x3x4x4xf32>, tensor<3x5x2x2xf32>) -> tensor<2x5x8x8xf32> }];
}
def Nnf_ConvTranspose3dOp : Nnf_ConvTranspose<"conv_transpose3d"> {
  let summary = "Transposed convolution over three dimensions";
  let example = [{ %y = nnf.conv_transpose3d %x, %w : (tensor<2x3x2x2x2xf32>, tensor<3x5x2x2x2xf32>) -> tensor<2x5x3x3x3xf32> }];
}

def Nnf_ConvTbcOp : Nnf_Function<"conv_tbc"> {
  let summary = "conv1d on time, batch, channels";
  let description = [{ input T, B, Cin; weight K, Cin, Cout; bias Cout. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$weight, Nnf_Tensor:$bias, DefaultValuedAttr<Nnf_Int, "0">:$pad);
  let results = (outs Nnf_Tensor:$output);
  let formula = "bias[o] + sum over c, k of input[t + k - pad, b, c] * weight[k, c, o]";
  let example = [{ %y = nnf.conv_tbc %x, %w, %b : (tensor<8x2x3xf32>, tensor<3x3x4xf32>, tensor<4xf32>) -> tensor<6x2x4xf32> }];
}

def Nnf_UnfoldOp : Nnf_Function<"unfold"> {
  let summary = "Sliding blocks as columns";
  let description = [{ input [N], C, H, W; zero padding; row (c*kH + i)*kW + j, column oh*Lw + ow. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$kernel_size, DefaultValuedAttr<Nnf_Ints, "{1}">:$dilation,
      DefaultValuedAttr<Nnf_Ints, "{0}">:$padding, DefaultValuedAttr<Nnf_Ints, "{1}">:$stride);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[n, (c*kH + i)*kW + j, oh*Lw + ow] = input[n, c, oh*stride - padding + i*dilation, ow*stride - padding + j*dilation]";
  let example = [{ %y = nnf.unfold %x {kernel_size = array<i64: 2>} : (tensor<2x3x4x4xf32>) -> tensor<2x12x9xf32> }];
}

def Nnf_FoldOp : Nnf_Function<"fold"> {
  let summary = "Sums overlapping blocks into an image: the transpose of unfold";
  let description = [{ input [N], C*kH*kW, blocks; gives [N], C, output_size. Padding is cropped. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$output_size, Nnf_Ints:$kernel_size,
      DefaultValuedAttr<Nnf_Ints, "{1}">:$dilation, DefaultValuedAttr<Nnf_Ints, "{0}">:$padding,
      DefaultValuedAttr<Nnf_Ints, "{1}">:$stride);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[n, c, oh*stride - padding + i*dilation, ow*stride - padding + j*dilation] += input[n, (c*kH + i)*kW + j, oh*Lw + ow]";
  let example = [{ %y = nnf.fold %x {output_size = array<i64: 4>, kernel_size = array<i64: 2>} : (tensor<2x12x9xf32>) -> tensor<2x3x4x4xf32> }];
}
#endif
