// Order: sorting, running sums, and writes to computed places.
#ifndef NNF_OPS_ORDERING
#define NNF_OPS_ORDERING
include "dialects/nnf/NnfBase.td"

def Nnf_SortOp : Nnf_Function<"sort"> {
  let summary = "Sorts along a dimension";
  let description = [{ Always stable; NaN counts as the largest. }];
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Int, "-1">:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$descending, DefaultValuedAttr<Nnf_Bool, "false">:$stable);
  let results = (outs Nnf_Tensor:$values, Nnf_Tensor:$indices);
  let takes = [{
    input: any dtype [...]
    dim: what is sorted
    descending: the largest first
    stable: without effect
  }];
  let gives = [{
    values: as input
    indices: int64, shape of input
  }];
  let formula = "values = input[indices], in order";
  let example = [{ %v, %i = nnf.sort %x : (tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xi64>) }];
}

def Nnf_ArgsortOp : Nnf_Function<"argsort"> {
  let summary = "Indices that would sort";
  let description = [{ Always stable; NaN counts as the largest. }];
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Int, "-1">:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$descending, DefaultValuedAttr<Nnf_Bool, "false">:$stable);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dim: what is sorted
    descending: the largest first
    stable: without effect
  }];
  let gives = "output: int64, shape of input";
  let formula = "indices of sort(input)";
  let example = [{ %i = nnf.argsort %x : (tensor<4x8xf32>) -> tensor<4x8xi64> }];
}

def Nnf_TopkOp : Nnf_Function<"topk"> {
  let summary = "The largest or smallest elements";
  let description = [{ NaN counts as the largest; the first of equals comes first. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$k, DefaultValuedAttr<Nnf_Int, "-1">:$dim, DefaultValuedAttr<Nnf_Bool, "true">:$largest, DefaultValuedAttr<Nnf_Bool, "true">:$sorted);
  let results = (outs Nnf_Tensor:$values, Nnf_Tensor:$indices);
  let takes = [{
    input: any dtype [...]
    k: 0 to the size at dim
    dim: what is searched
    largest: the largest, otherwise the smallest
    sorted: without effect; they are always in order
  }];
  let gives = [{
    values: as input, with k at dim
    indices: int64, shape of values
  }];
  let errors = "k: 5, expected 0 to 4";
  let formula = "first k of sort(input)";
  let example = [{ %v, %i = nnf.topk %x {k = 3 : i64} : (tensor<4x8xf32>) -> (tensor<4x3xf32>, tensor<4x3xi64>) }];
}

def Nnf_CumsumOp : Nnf_Function<"cumsum"> {
  let summary = "Running sum";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$dim, OptionalAttr<Nnf_DType>:$dtype);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dim: what is summed along
    dtype: input is converted to it first; None is int64 for integers and bool
  }];
  let gives = "output: dtype, or that of input; shape of input";
  let formula = "output[i] = sum of input[0..i]";
  let example = [{ %y = nnf.cumsum %x {dim = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_CumprodOp : Nnf_Function<"cumprod"> {
  let summary = "Running product";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$dim, OptionalAttr<Nnf_DType>:$dtype);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dim: what is multiplied along
    dtype: input is converted to it first; None is int64 for integers and bool
  }];
  let gives = "output: dtype, or that of input; shape of input";
  let formula = "output[i] = product of input[0..i]";
  let example = [{ %y = nnf.cumprod %x {dim = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_ScatterOp : Nnf_Function<"scatter", [AttrSizedOperandSegments]> {
  let summary = "Writes along a dimension";
  let description = [{ Of several writes to one place the last stays. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$dim, Nnf_Tensor:$index, Optional<Nnf_TensorOrNumber>:$src, Optional<Nnf_TensorOrNumber>:$value);
  let results = (outs Nnf_Tensor:$output);
  let inplaceTwin = "scatter_";
  let takes = [{
    input: any dtype [...]
    dim: where index points
    index: int64 or int32, rank of input (a scalar counts as a vector of one), nowhere larger than input but at dim; or empty
    src: dtype of input, nowhere smaller than index; or a number
    value: a number instead of src
  }];
  let gives = "output: as input";
  let errors = [{
    index: dtype float32, expected int64 or int32
    index: rank 1, expected 2 as 'input' has
    index: size 5 at dimension 1, expected at most 4 as 'input' has
    index: run: index 4, expected 0 <= index < 4
    src, value: 300, expected a number that int8 can hold
    src: given beside 'value', expected one of the two
    src: missing like 'value', expected one of the two
    src: dtype float64, expected float32 as 'input' has
    src: rank 1, expected 2 as 'input' has
    src: size 1 at dimension 0, expected at least 2 as 'index' has
  }];
  let formula = "output = input; output[index[i][j]][j] = src[i][j] for dim 0";
  let example = [{ %y = nnf.scatter %x, %i, %s {dim = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0>} : (tensor<4x8xf32>, tensor<4x2xi64>, tensor<4x2xf32>) -> tensor<4x8xf32> }];
}

def Nnf_ScatterAddOp : Nnf_Function<"scatter_add"> {
  let summary = "Adds along a dimension";
  let description = [{ Sums are in the order of index. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$dim, Nnf_Tensor:$index, Nnf_Tensor:$src);
  let results = (outs Nnf_Tensor:$output);
  let inplaceTwin = "scatter_add_";
  let takes = [{
    input: any dtype [...]; the sum of bools is whether there is one
    dim: where index points
    index: int64 or int32, rank of input (a scalar counts as a vector of one), nowhere larger than input but at dim; or empty
    src: dtype of input, nowhere smaller than index
  }];
  let gives = "output: as input";
  let errors = [{
    index: dtype float32, expected int64 or int32
    index: rank 1, expected 2 as 'input' has
    index: size 5 at dimension 1, expected at most 4 as 'input' has
    index: run: index 4, expected 0 <= index < 4
    src: dtype float64, expected float32 as 'input' has
    src: rank 1, expected 2 as 'input' has
    src: size 1 at dimension 0, expected at least 2 as 'index' has
  }];
  let formula = "output = input; output[index[i][j]][j] += src[i][j] for dim 0";
  let example = [{ %y = nnf.scatter_add %x, %i, %s {dim = 1 : i64} : (tensor<4x8xf32>, tensor<4x2xi64>, tensor<4x2xf32>) -> tensor<4x8xf32> }];
}

class Nnf_MaxUnpool<string name, int spatial> : Nnf_Function<name> {
  Nnf_Spatial S = Nnf_Spatial<spatial>;
  let description = [{ Of several writes to one place the last stays. }];
  let takes = "input: float " # S.form # [{
    indices: int64, shape of input: places in the output's spatial plane, as max_pool gives them
    kernel_size: at least 1
    stride: at least 1; None is kernel_size
    padding: at least 0, at most half of kernel_size
    output_size: the spatial sizes, or N, C and those, each less than stride from `(length - 1)*stride - 2*padding + kernel_size`, which None is
  }];
  let gives = "output: dtype of input [N, C, " # S.axes # "], without N where input is";
  let errors = S.inputErrors # [{
    indices: dtype float32, expected int64
    indices: shape [2, 3, 4], expected the shape of 'input' = [2, 3, 5]
    indices: run: index 8, expected 0 <= index < 8
    kernel_size, stride: value 0, expected at least 1
    kernel_size, stride, padding: 4 entries, expected }] # S.many # [{
    padding: value -1, expected at least 0
    padding: 2, expected at most half of kernel_size, 1
    padding: leaves a length of 0, expected at least 1
    output_size: 4 entries, expected }] # S.count # " or " # S.batchedRank # [{
    output_size: 7, expected less than 2 away from 4
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$indices, Nnf_Ints:$kernel_size, OptionalAttr<Nnf_Ints>:$stride,
      DefaultValuedAttr<Nnf_Ints, "{0}">:$padding, OptionalAttr<Nnf_Ints>:$output_size);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output = 0; output[n, c].flat[indices] = input";
}
def Nnf_MaxUnpool1dOp : Nnf_MaxUnpool<"max_unpool1d", 1> {
  let summary = "Puts maxima back where they were, over one dimension";
  let example = [{ %y = nnf.max_unpool1d %x, %i {kernel_size = array<i64: 2>} : (tensor<2x3x4xf32>, tensor<2x3x4xi64>) -> tensor<2x3x8xf32> }];
}

def Nnf_MaxUnpool2dOp : Nnf_MaxUnpool<"max_unpool2d", 2> {
  let summary = "Puts maxima back where they were, over two dimensions";
  let example = [{ %y = nnf.max_unpool2d %x, %i {kernel_size = array<i64: 2>} : (tensor<2x3x2x2xf32>, tensor<2x3x2x2xi64>) -> tensor<2x3x4x4xf32> }];
}

def Nnf_MaxUnpool3dOp : Nnf_MaxUnpool<"max_unpool3d", 3> {
  let summary = "Puts maxima back where they were, over three dimensions";
  let example = [{ %y = nnf.max_unpool3d %x, %i {kernel_size = array<i64: 2>} : (tensor<2x3x2x2x2xf32>, tensor<2x3x2x2x2xi64>) -> tensor<2x3x4x4x4xf32> }];
}
#endif
