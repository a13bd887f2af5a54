// Tensor ops that move, cut and join data, or make it.
#ifndef NNF_OPS_MOVEMENT
#define NNF_OPS_MOVEMENT
include "dialects/nnf/NnfBase.td"

def Nnf_ReshapeOp : Nnf_Function<"reshape"> {
  let summary = "Other sizes, same elements";
  let description = [{ One entry of shape may be -1: what is left. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$shape);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output.flat[i] = input.flat[i]";
  let example = [{ %y = nnf.reshape %x {shape = array<i64: 2, -1>} : (tensor<4x8xf32>) -> tensor<2x16xf32> }];
}

def Nnf_FlattenOp : Nnf_Function<"flatten"> {
  let summary = "Joins neighbouring dimensions";
  let description = [{ Dimensions start_dim to end_dim become one. }];
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Int, "0">:$start_dim, DefaultValuedAttr<Nnf_Int, "-1">:$end_dim);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output.flat[i] = input.flat[i]";
  let example = [{ %y = nnf.flatten %x {start_dim = 1 : i64} : (tensor<2x4x8xf32>) -> tensor<2x32xf32> }];
}

def Nnf_PermuteOp : Nnf_Function<"permute"> {
  let summary = "Reorders dimensions";
  let description = [{ Dimension i of the output is dimension dims[i] of the input. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$dims);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[i[dims[0]], i[dims[1]], ...] = input[i]";
  let example = [{ %y = nnf.permute %x {dims = array<i64: 2, 0, 1>} : (tensor<2x4x8xf32>) -> tensor<8x2x4xf32> }];
}

def Nnf_TransposeOp : Nnf_Function<"transpose"> {
  let summary = "Swaps two dimensions";
  let description = [{  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$dim0, Nnf_Int:$dim1);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[..., j, ..., i, ...] = input[..., i, ..., j, ...]";
  let example = [{ %y = nnf.transpose %x {dim0 = 0 : i64, dim1 = 1 : i64} : (tensor<4x8xf32>) -> tensor<8x4xf32> }];
}

def Nnf_SqueezeOp : Nnf_Function<"squeeze"> {
  let summary = "Takes away dimensions of size 1";
  let description = [{ No dim: all of them; others stay. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output.flat[i] = input.flat[i]";
  let example = [{ %y = nnf.squeeze %x {dim = array<i64: 1>} : (tensor<4x1x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_UnsqueezeOp : Nnf_Function<"unsqueeze"> {
  let summary = "Adds a dimension of size 1";
  let description = [{ dim counts in the result. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$dim);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output.flat[i] = input.flat[i]";
  let example = [{ %y = nnf.unsqueeze %x {dim = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x1x8xf32> }];
}

def Nnf_FlipOp : Nnf_Function<"flip"> {
  let summary = "Reverses dimensions";
  let description = [{  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$dims);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[i] = input[size - 1 - i]";
  let example = [{ %y = nnf.flip %x {dims = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_RollOp : Nnf_Function<"roll"> {
  let summary = "Shifts with what falls off coming back";
  let description = [{ No dims: the flattened tensor is shifted. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$shifts, OptionalAttr<Nnf_Ints>:$dims);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[(i + shift) mod size] = input[i]";
  let example = [{ %y = nnf.roll %x {shifts = array<i64: 3>, dims = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_ExpandOp : Nnf_Function<"expand"> {
  let summary = "Repeats dimensions of size 1";
  let description = [{ size -1 keeps a dimension; new dimensions come first. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$size);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[i] = input[size == 1 ? 0 : i]";
  let example = [{ %y = nnf.expand %x {size = array<i64: 4, -1>} : (tensor<1x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_CatOp : Nnf_Function<"cat"> {
  let summary = "Joins along a dimension";
  let description = [{ Sizes agree elsewhere; dtypes promote. Tensors of shape [0] do not count. }];
  let arguments = (ins Variadic<Nnf_Tensor>:$tensors, DefaultValuedAttr<Nnf_Int, "0">:$dim);
  let results = (outs Nnf_Tensor:$output);
  let formula = "tensors one after the other along dim";
  let example = [{ %y = nnf.cat %a, %b {dim = 1 : i64} : (tensor<4x8xf32>, tensor<4x2xf32>) -> tensor<4x10xf32> }];
}

def Nnf_StackOp : Nnf_Function<"stack"> {
  let summary = "Joins along a new dimension";
  let description = [{ Shapes are equal; dtypes promote. }];
  let arguments = (ins Variadic<Nnf_Tensor>:$tensors, DefaultValuedAttr<Nnf_Int, "0">:$dim);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[..., i, ...] = tensors[i]";
  let example = [{ %y = nnf.stack %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<2x4x8xf32> }];
}

def Nnf_SplitOp : Nnf_Function<"split"> {
  let summary = "Cuts into pieces";
  let description = [{ One number: pieces of that size, the last one shorter; a list: their sizes. One result a piece. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$split_size_or_sections, DefaultValuedAttr<Nnf_Int, "0">:$dim);
  let results = (outs Variadic<Nnf_Tensor>:$outputs);
  let formula = "outputs one after the other along dim are input";
  let example = [{ %a, %b = nnf.split %x {split_size_or_sections = array<i64: 5>, dim = 1 : i64} : (tensor<4x8xf32>) -> (tensor<4x5xf32>, tensor<4x3xf32>) }];
}

def Nnf_ChunkOp : Nnf_Function<"chunk"> {
  let summary = "Cuts into a number of pieces";
  let description = [{ Pieces of ceil(size / chunks), the last one shorter, perhaps fewer pieces. One result a piece. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$chunks, DefaultValuedAttr<Nnf_Int, "0">:$dim);
  let results = (outs Variadic<Nnf_Tensor>:$outputs);
  let formula = "outputs one after the other along dim are input";
  let example = [{ %a, %b = nnf.chunk %x {chunks = 2 : i64, dim = 1 : i64} : (tensor<4x8xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) }];
}

def Nnf_SliceOp : Nnf_Function<"slice"> {
  let summary = "Cuts out every step-th element from start to end";
  let description = [{ One entry for each of dim; negative ones count from the end, those outside are clamped. No end: to the end. A negative step walks backwards from start to after end. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$dim, OptionalAttr<Nnf_Ints>:$start, OptionalAttr<Nnf_Ints>:$end, DefaultValuedAttr<Nnf_Ints, "{1}">:$step);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[i] = input[start + i*step]";
  let example = [{ %y = nnf.slice %x {dim = array<i64: 1>, start = array<i64: 1>, end = array<i64: 7>, step = array<i64: 2>} : (tensor<4x8xf32>) -> tensor<4x3xf32> }];
}

def Nnf_PixelShuffleOp : Nnf_Function<"pixel_shuffle"> {
  let summary = "Channels become pixels";
  let description = [{ input *, C*r^2, H, W; gives *, C, H*r, W*r. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$upscale_factor);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[c, h*r + i, w*r + j] = input[(c*r + i)*r + j, h, w]";
  let example = [{ %y = nnf.pixel_shuffle %x {upscale_factor = 2 : i64} : (tensor<2x8x3x3xf32>) -> tensor<2x2x6x6xf32> }];
}

def Nnf_PixelUnshuffleOp : Nnf_Function<"pixel_unshuffle"> {
  let summary = "Pixels become channels";
  let description = [{ The inverse of pixel_shuffle: input *, C, H*r, W*r. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$downscale_factor);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[(c*r + i)*r + j, h, w] = input[c, h*r + i, w*r + j]";
  let example = [{ %y = nnf.pixel_unshuffle %x {downscale_factor = 2 : i64} : (tensor<2x2x6x6xf32>) -> tensor<2x8x3x3xf32> }];
}

def Nnf_ChannelShuffleOp : Nnf_Function<"channel_shuffle"> {
  let summary = "Mixes groups of channels";
  let description = [{ input N, C, *; C is a multiple of groups. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$groups);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[k*groups + g] = input[g*(C/groups) + k]";
  let example = [{ %y = nnf.channel_shuffle %x {groups = 2 : i64} : (tensor<2x4x3x3xf32>) -> tensor<2x4x3x3xf32> }];
}

def Nnf_ArangeOp : Nnf_Function<"arange", [AttrSizedOperandSegments]> {
  let summary = "Numbers in steps";
  let description = [{ start <= output < end. Integers give int64, a float float32, or dtype. }];
  let arguments = (ins Optional<Nnf_TensorOrNumber>:$start, Nnf_TensorOrNumber:$end, Optional<Nnf_TensorOrNumber>:$step, OptionalAttr<Nnf_DType>:$dtype);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[i] = start + i*step";
  let example = [{ %n = nnf.number 5 : i64 : tensor<i64> %y = nnf.arange %n {operandSegmentSizes = array<i32: 0, 1, 0>} : (tensor<i64>) -> tensor<5xi64> }];
}

def Nnf_FullOp : Nnf_Function<"full"> {
  let summary = "One number everywhere";
  let description = [{ No dtype: bool, int64 or float32 by the number. }];
  let arguments = (ins Nnf_Ints:$size, Nnf_TensorOrNumber:$fill_value, OptionalAttr<Nnf_DType>:$dtype);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[i] = fill_value";
  let example = [{ %n = nnf.number 2.0 : f64 : tensor<f64> %y = nnf.full %n {size = array<i64: 2, 3>} : (tensor<f64>) -> tensor<2x3xf32> }];
}

def Nnf_TrilOp : Nnf_Function<"tril"> {
  let summary = "Lower triangle";
  let description = [{ The last two dimensions; the rest is 0. }];
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Int, "0">:$diagonal);
  let results = (outs Nnf_Tensor:$output);
  let formula = "j - i <= diagonal ? input[..., i, j] : 0";
  let example = [{ %y = nnf.tril %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_TriuOp : Nnf_Function<"triu"> {
  let summary = "Upper triangle";
  let description = [{ The last two dimensions; the rest is 0. }];
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Int, "0">:$diagonal);
  let results = (outs Nnf_Tensor:$output);
  let formula = "j - i >= diagonal ? input[..., i, j] : 0";
  let example = [{ %y = nnf.triu %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}
#endif
