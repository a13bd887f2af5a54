// Tensor ops that move, cut and join data, or make it.
#ifndef NNF_OPS_MOVEMENT
#define NNF_OPS_MOVEMENT
include "dialects/nnf/NnfBase.td"

def Nnf_ReshapeOp : Nnf_Function<"reshape"> {
  let summary = "Other sizes, same elements";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$shape);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    shape: sizes with as many elements as input; one may be -1, what is left
  }];
  let gives = "output: dtype of input, sizes shape";
  let errors = [{
    shape: [5, 5] has another number of elements than 'input', [4, 6]
    shape: entry -2 at 0, expected sizes of at least 0 and one -1 at most
    shape: [5, -1], expected sizes that divide those of 'input', [4, 6]
    shape: [3, -1], expected sizes that divide the 8 elements of 'input', [N, 4]
    shape: [2, 4] has another number of elements than 'input', [N, 4], which has 12
  }];
  let formula = "output.flat[i] = input.flat[i]";
  let example = [{ %y = nnf.reshape %x {shape = array<i64: 2, -1>} : (tensor<4x8xf32>) -> tensor<2x16xf32> }];
}

def Nnf_FlattenOp : Nnf_Function<"flatten"> {
  let summary = "Joins neighbouring dimensions";
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Int, "0">:$start_dim, DefaultValuedAttr<Nnf_Int, "-1">:$end_dim);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    start_dim, end_dim: the first and the last of the dimensions that become one
  }];
  let gives = "output: dtype of input";
  let errors = [{
    start_dim, end_dim: dimension 2, expected -2 to 1 for rank 2
    start_dim: 1, expected at most 'end_dim', 0
  }];
  let formula = "output.flat[i] = input.flat[i]";
  let example = [{ %y = nnf.flatten %x {start_dim = 1 : i64} : (tensor<2x4x8xf32>) -> tensor<2x32xf32> }];
}

def Nnf_PermuteOp : Nnf_Function<"permute"> {
  let summary = "Reorders dimensions";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$dims);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dims: all dimensions of input, in the order of the result's
  }];
  let gives = "output: dtype of input, its sizes in that order";
  let errors = [{
    dims: 2 entries, expected 3, the rank of 'input'
    dims: dimension 2, expected -2 to 1 for rank 2
    dims: dimension 1 twice, expected each once
  }];
  let formula = "output[i[dims[0]], i[dims[1]], ...] = input[i]";
  let example = [{ %y = nnf.permute %x {dims = array<i64: 2, 0, 1>} : (tensor<2x4x8xf32>) -> tensor<8x2x4xf32> }];
}

def Nnf_TransposeOp : Nnf_Function<"transpose"> {
  let summary = "Swaps two dimensions";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$dim0, Nnf_Int:$dim1);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dim0, dim1: the two dimensions
  }];
  let gives = "output: dtype of input, two sizes swapped";
  let errors = "dim0, dim1: dimension 2, expected -2 to 1 for rank 2";
  let formula = "output[..., j, ..., i, ...] = input[..., i, ..., j, ...]";
  let example = [{ %y = nnf.transpose %x {dim0 = 0 : i64, dim1 = 1 : i64} : (tensor<4x8xf32>) -> tensor<8x4xf32> }];
}

def Nnf_SqueezeOp : Nnf_Function<"squeeze"> {
  let summary = "Takes away dimensions of size 1";
  let description = [{ Dimensions of another size, and symbolic ones, stay. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dim: the dimensions to take away, each once; None is all of size 1
  }];
  let gives = "output: dtype of input";
  let errors = [{
    dim: dimension 2, expected -2 to 1 for rank 2
    dim: dimension 1 twice, expected each once
  }];
  let formula = "output.flat[i] = input.flat[i]";
  let example = [{ %y = nnf.squeeze %x {dim = array<i64: 1>} : (tensor<4x1x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_UnsqueezeOp : Nnf_Function<"unsqueeze"> {
  let summary = "Adds a dimension of size 1";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$dim);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dim: the place of the new dimension in the result
  }];
  let gives = "output: dtype of input";
  let formula = "output.flat[i] = input.flat[i]";
  let example = [{ %y = nnf.unsqueeze %x {dim = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x1x8xf32> }];
}

def Nnf_FlipOp : Nnf_Function<"flip"> {
  let summary = "Reverses dimensions";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$dims);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dims: the dimensions to reverse, each once
  }];
  let gives = "output: as input";
  let errors = [{
    dims: dimension 2, expected -2 to 1 for rank 2
    dims: dimension 1 twice, expected each once
  }];
  let formula = "output[i] = input[size - 1 - i]";
  let example = [{ %y = nnf.flip %x {dims = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_RollOp : Nnf_Function<"roll"> {
  let summary = "Shifts with what falls off coming back";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$shifts, OptionalAttr<Nnf_Ints>:$dims);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    shifts: how far, for each of dims
    dims: None shifts the flattened tensor
  }];
  let gives = "output: as input";
  let errors = [{
    shifts: 2 entries, expected 1, one for each of 'dims'
    dims: dimension 2, expected -2 to 1 for rank 2
  }];
  let formula = "output[(i + shift) mod size] = input[i]";
  let example = [{ %y = nnf.roll %x {shifts = array<i64: 3>, dims = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_ExpandOp : Nnf_Function<"expand"> {
  let summary = "Repeats dimensions of size 1";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$size);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    size: the result's sizes, new dimensions first; -1 keeps a dimension's
  }];
  let gives = "output: dtype of input, sizes size";
  let errors = [{
    size: 1 entries, expected at least 2, the rank of 'input'
    size: -2 at 1, expected at least -1
    size: -1 at 0, expected at least 0, since the dimension is new
    size: 5 at 1, expected 4 as 'input' has, which is not 1
  }];
  let formula = "output[i] = input[size == 1 ? 0 : i]";
  let example = [{ %y = nnf.expand %x {size = array<i64: 4, -1>} : (tensor<1x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_CatOp : Nnf_Function<"cat"> {
  let summary = "Joins along a dimension";
  let description = [{ Tensors of shape [0] do not count. }];
  let arguments = (ins Variadic<Nnf_Tensor>:$tensors, DefaultValuedAttr<Nnf_Int, "0">:$dim);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    tensors: one or more of any dtypes, rank 1 or more; equal sizes but at dim
    dim: where the sizes add up
  }];
  let gives = "output: promoted dtype";
  let errors = [{
    tensors: rank 0, expected at least 1
    tensors: ranks 2 and 3, expected equal ones
    tensors: shapes [2, 3] and [3, 3], expected equal sizes but at dimension 1
  }];
  let formula = "tensors one after the other along dim";
  let example = [{ %y = nnf.cat %a, %b {dim = 1 : i64} : (tensor<4x8xf32>, tensor<4x2xf32>) -> tensor<4x10xf32> }];
}

def Nnf_StackOp : Nnf_Function<"stack"> {
  let summary = "Joins along a new dimension";
  let arguments = (ins Variadic<Nnf_Tensor>:$tensors, DefaultValuedAttr<Nnf_Int, "0">:$dim);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    tensors: one or more of any dtypes, equal shapes
    dim: the place of the new dimension in the result
  }];
  let gives = "output: promoted dtype";
  let errors = [{
    tensors: shapes [2, 3] and [3, 3], expected equal ones
  }];
  let formula = "output[..., i, ...] = tensors[i]";
  let example = [{ %y = nnf.stack %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<2x4x8xf32> }];
}

def Nnf_SplitOp : Nnf_Function<"split"> {
  let summary = "Cuts into pieces";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$split_size_or_sections, DefaultValuedAttr<Nnf_Int, "0">:$dim);
  let results = (outs Variadic<Nnf_Tensor>:$outputs);
  let takes = [{
    input: any dtype, rank 1 or more
    split_size_or_sections: one number: the size of each piece, the last one may be shorter; a list: their sizes
    dim: what is cut; with one number its size is no symbol
  }];
  let gives = "outputs: as input, but at dim; one a piece, at most 65536";
  let errors = [{
    input: rank 0, expected at least 1
    input: size N is symbolic, expected a number to split
    split_size_or_sections: sections of 6 in all, expected 7
    split_size_or_sections: -1, expected at least 0
    split_size_or_sections: 0, expected at least 1
    split_size_or_sections: sections whose sum is no 64-bit number
    split_size_or_sections: 1 cuts size 100000 into more than 65536 pieces, expected fewer
  }];
  let formula = "outputs one after the other along dim are input";
  let example = [{ %a, %b = nnf.split %x {split_size_or_sections = array<i64: 5>, dim = 1 : i64} : (tensor<4x8xf32>) -> (tensor<4x5xf32>, tensor<4x3xf32>) }];
}

def Nnf_ChunkOp : Nnf_Function<"chunk"> {
  let summary = "Cuts into a number of pieces";
  let description = [{ Pieces of ceil(size / chunks), the last one may be shorter, perhaps fewer pieces. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$chunks, DefaultValuedAttr<Nnf_Int, "0">:$dim);
  let results = (outs Variadic<Nnf_Tensor>:$outputs);
  let takes = [{
    input: any dtype, rank 1 or more
    chunks: how many pieces, 1 to 65536
    dim: what is cut; its size is no symbol
  }];
  let gives = "outputs: as input, but at dim; one a piece";
  let errors = [{
    input: rank 0, expected at least 1
    input: size N is symbolic, expected a number to cut
    chunks: 0, expected at least 1
    chunks: 100000, expected at most 65536
  }];
  let formula = "outputs one after the other along dim are input";
  let example = [{ %a, %b = nnf.chunk %x {chunks = 2 : i64, dim = 1 : i64} : (tensor<4x8xf32>) -> (tensor<4x4xf32>, tensor<4x4xf32>) }];
}

def Nnf_SliceOp : Nnf_Function<"slice"> {
  let summary = "Cuts out every step-th element from start to end";
  let description = [{ A negative step walks backwards from start to after end. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$dim, OptionalAttr<Nnf_Ints>:$start, OptionalAttr<Nnf_Ints>:$end, DefaultValuedAttr<Nnf_Ints, "{1}">:$step);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dim: the dimensions that are cut, each once
    start, end: an entry for each of dim; negative ones count from the end, those outside are clamped; None is all of it
    step: one, or an entry for each of dim; not 0
  }];
  let gives = "output: as input, but at dim";
  let errors = [{
    input: rank 0, expected at least 1
    start, end: 3 entries, expected 2, one for each of 'dim'
    step: 3 entries, expected 1 or 2
    step: 0, expected any other number
    dim: dimension 2, expected -2 to 1 for rank 2
    dim: dimension 1 twice, expected each once
  }];
  let formula = "output[i] = input[start + i*step]";
  let example = [{ %y = nnf.slice %x {dim = array<i64: 1>, start = array<i64: 1>, end = array<i64: 7>, step = array<i64: 2>} : (tensor<4x8xf32>) -> tensor<4x3xf32> }];
}

def Nnf_PixelShuffleOp : Nnf_Function<"pixel_shuffle"> {
  let summary = "Channels become pixels";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$upscale_factor);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [..., C*r*r, H, W]
    upscale_factor: r, 1 to 1048576
  }];
  let gives = "output: dtype of input [..., C, H*r, W*r]";
  let errors = [{
    input: rank 2, expected at least 3 [..., C, H, W]
    input: 6 channels, expected a multiple of 4, the square of 'upscale_factor'
    upscale_factor: 0, expected 1 to 1048576
  }];
  let formula = "output[c, h*r + i, w*r + j] = input[(c*r + i)*r + j, h, w]";
  let example = [{ %y = nnf.pixel_shuffle %x {upscale_factor = 2 : i64} : (tensor<2x8x3x3xf32>) -> tensor<2x2x6x6xf32> }];
}

def Nnf_PixelUnshuffleOp : Nnf_Function<"pixel_unshuffle"> {
  let summary = "Pixels become channels";
  let description = [{ The inverse of pixel_shuffle. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$downscale_factor);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [..., C, H*r, W*r]
    downscale_factor: r, 1 to 1048576
  }];
  let gives = "output: dtype of input [..., C*r*r, H, W]";
  let errors = [{
    input: rank 2, expected at least 3 [..., C, H, W]
    input: a size of 5, expected a multiple of 2, 'downscale_factor'
    downscale_factor: 0, expected 1 to 1048576
  }];
  let formula = "output[(c*r + i)*r + j, h, w] = input[c, h*r + i, w*r + j]";
  let example = [{ %y = nnf.pixel_unshuffle %x {downscale_factor = 2 : i64} : (tensor<2x2x6x6xf32>) -> tensor<2x8x3x3xf32> }];
}

def Nnf_ChannelShuffleOp : Nnf_Function<"channel_shuffle"> {
  let summary = "Mixes groups of channels";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$groups);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [N, C, ...] of rank 3 or more
    groups: at least 1, a divisor of C
  }];
  let gives = "output: as input";
  let errors = [{
    input: rank 2, expected at least 3 [N, C, ...]
    groups: 0, expected at least 1
    groups: 4, expected a divisor of the 6 channels
  }];
  let formula = "output[k*groups + g] = input[g*(C/groups) + k]";
  let example = [{ %y = nnf.channel_shuffle %x {groups = 2 : i64} : (tensor<2x4x3x3xf32>) -> tensor<2x4x3x3xf32> }];
}

def Nnf_ArangeOp : Nnf_Function<"arange", [AttrSizedOperandSegments]> {
  let summary = "Numbers in steps";
  let description = [{ start <= output < end, or the other way with a negative step. }];
  let arguments = (ins Optional<Nnf_TensorOrNumber>:$start, Nnf_TensorOrNumber:$end, Optional<Nnf_TensorOrNumber>:$step, OptionalAttr<Nnf_DType>:$dtype);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    start: no tensor; None is 0
    end: no tensor
    step: no tensor, leads from start towards end; None is 1
    dtype: None is int64, float32 where one of them is a float
  }];
  let gives = "output: dtype [ceil((end - start) / step)], at most 2^40 elements";
  let errors = [{
    start, end, step: a tensor, expected a number
    step: 0, expected a finite number other than 0
    end: -5, expected a finite number that 1 leads to from 0
    end: 1e+15 makes 1e+15 elements, expected at most 2^40
  }];
  let formula = "output[i] = start + i*step";
  let example = [{ %n = nnf.number 5 : i64 : tensor<i64> %y = nnf.arange %n {operandSegmentSizes = array<i32: 0, 1, 0>} : (tensor<i64>) -> tensor<5xi64> }];
}

def Nnf_FullOp : Nnf_Function<"full"> {
  let summary = "One number everywhere";
  let arguments = (ins Nnf_Ints:$size, Nnf_TensorOrNumber:$fill_value, OptionalAttr<Nnf_DType>:$dtype);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    size: sizes of at least 0
    fill_value: a number or a scalar tensor
    dtype: None is bool, int64 or float32, as fill_value is a bool, an integer or a float of any width
  }];
  let gives = "output: dtype, sizes size";
  let errors = [{
    size: -1, expected at least 0
    fill_value: rank 1, expected a number
    fill_value: 300, expected a number that int8 can hold
  }];
  let formula = "output[i] = fill_value";
  let example = [{ %n = nnf.number 2.0 : f64 : tensor<f64> %y = nnf.full %n {size = array<i64: 2, 3>} : (tensor<f64>) -> tensor<2x3xf32> }];
}

def Nnf_TrilOp : Nnf_Function<"tril"> {
  let summary = "Lower triangle";
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Int, "0">:$diagonal);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [..., n, m]
    diagonal: which diagonal is the border: 0 is the main one, above it are positive ones
  }];
  let gives = "output: as input; 0 outside of the triangle";
  let errors = "input: rank 1, expected at least 2";
  let formula = "j - i <= diagonal ? input[..., i, j] : 0";
  let example = [{ %y = nnf.tril %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_TriuOp : Nnf_Function<"triu"> {
  let summary = "Upper triangle";
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Int, "0">:$diagonal);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [..., n, m]
    diagonal: which diagonal is the border: 0 is the main one, above it are positive ones
  }];
  let gives = "output: as input; 0 outside of the triangle";
  let errors = "input: rank 1, expected at least 2";
  let formula = "j - i >= diagonal ? input[..., i, j] : 0";
  let example = [{ %y = nnf.triu %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}
#endif
