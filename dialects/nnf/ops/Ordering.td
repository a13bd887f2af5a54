// Order: sorting, running sums, and writes to computed places.
#ifndef NNF_OPS_ORDERING
#define NNF_OPS_ORDERING
include "dialects/nnf/NnfBase.td"

def Nnf_SortOp : Nnf_Function<"sort"> {
  let summary = "Sorts along a dimension";
  let description = [{ Two results: values and int64 indices. Always stable; NaN counts as the largest. The work grows with the square of the size. }];
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Int, "-1">:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$descending, DefaultValuedAttr<Nnf_Bool, "false">:$stable);
  let results = (outs Nnf_Tensor:$values, Nnf_Tensor:$indices);
  let formula = "values = input[indices], in order";
  let example = [{ %v, %i = nnf.sort %x : (tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xi64>) }];
}

def Nnf_ArgsortOp : Nnf_Function<"argsort"> {
  let summary = "Indices that would sort";
  let description = [{ int64. Always stable; NaN counts as the largest. The work grows with the square of the size. }];
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Int, "-1">:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$descending, DefaultValuedAttr<Nnf_Bool, "false">:$stable);
  let results = (outs Nnf_Tensor:$output);
  let formula = "indices of sort(input)";
  let example = [{ %i = nnf.argsort %x : (tensor<4x8xf32>) -> tensor<4x8xi64> }];
}

def Nnf_TopkOp : Nnf_Function<"topk"> {
  let summary = "The largest or smallest elements";
  let description = [{ Two results: values and int64 indices, sorted. NaN counts as the largest; the first of equals comes first. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$k, DefaultValuedAttr<Nnf_Int, "-1">:$dim, DefaultValuedAttr<Nnf_Bool, "true">:$largest, DefaultValuedAttr<Nnf_Bool, "true">:$sorted);
  let results = (outs Nnf_Tensor:$values, Nnf_Tensor:$indices);
  let formula = "first k of sort(input)";
  let example = [{ %v, %i = nnf.topk %x {k = 3 : i64} : (tensor<4x8xf32>) -> (tensor<4x3xf32>, tensor<4x3xi64>) }];
}

def Nnf_CumsumOp : Nnf_Function<"cumsum"> {
  let summary = "Running sum";
  let description = [{ Integers and bool give int64; dtype converts the input first. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$dim, OptionalAttr<Nnf_DType>:$dtype);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[i] = sum of input[0..i]";
  let example = [{ %y = nnf.cumsum %x {dim = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_ScatterOp : Nnf_Function<"scatter", [AttrSizedOperandSegments]> {
  let summary = "Writes along a dimension";
  let description = [{ index int64 of input's rank, nowhere larger than input but along dim; src at least of index's sizes, or a number value. Of several writes to one place the last stays. An index outside is a run-time error. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$dim, Nnf_Tensor:$index, Optional<Nnf_TensorOrNumber>:$src, Optional<Nnf_TensorOrNumber>:$value);
  let results = (outs Nnf_Tensor:$output);
  let inplaceTwin = "scatter_";
  let formula = "output = input; output[index[i][j]][j] = src[i][j] for dim 0";
  let example = [{ %y = nnf.scatter %x, %i, %s {dim = 1 : i64, operandSegmentSizes = array<i32: 1, 1, 1, 0>} : (tensor<4x8xf32>, tensor<4x2xi64>, tensor<4x2xf32>) -> tensor<4x8xf32> }];
}

def Nnf_ScatterAddOp : Nnf_Function<"scatter_add"> {
  let summary = "Adds along a dimension";
  let description = [{ As scatter; sums are in the order of index. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$dim, Nnf_Tensor:$index, Nnf_Tensor:$src);
  let results = (outs Nnf_Tensor:$output);
  let inplaceTwin = "scatter_add_";
  let formula = "output = input; output[index[i][j]][j] += src[i][j] for dim 0";
  let example = [{ %y = nnf.scatter_add %x, %i, %s {dim = 1 : i64} : (tensor<4x8xf32>, tensor<4x2xi64>, tensor<4x2xf32>) -> tensor<4x8xf32> }];
}

def Nnf_MaxUnpool1dOp : Nnf_Function<"max_unpool1d"> {
  let summary = "Puts maxima back where they were, over one dimension";
  let description = [{ input [N], C, *; indices int64 of that shape, as max_pool gives them. output_size lists the spatial sizes, or N, C and those. An index outside is a run-time error; of equal ones the last stays. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$indices, Nnf_Ints:$kernel_size, OptionalAttr<Nnf_Ints>:$stride, DefaultValuedAttr<Nnf_Ints, "{0}">:$padding, OptionalAttr<Nnf_Ints>:$output_size);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output = 0; output[n, c].flat[indices] = input";
  let example = [{ %y = nnf.max_unpool1d %x, %i {kernel_size = array<i64: 2>} : (tensor<2x3x4xf32>, tensor<2x3x4xi64>) -> tensor<2x3x8xf32> }];
}

def Nnf_MaxUnpool2dOp : Nnf_Function<"max_unpool2d"> {
  let summary = "Puts maxima back where they were, over two dimensions";
  let description = [{ input [N], C, *; indices int64 of that shape, as max_pool gives them. output_size lists the spatial sizes, or N, C and those. An index outside is a run-time error; of equal ones the last stays. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$indices, Nnf_Ints:$kernel_size, OptionalAttr<Nnf_Ints>:$stride, DefaultValuedAttr<Nnf_Ints, "{0}">:$padding, OptionalAttr<Nnf_Ints>:$output_size);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output = 0; output[n, c].flat[indices] = input";
  let example = [{ %y = nnf.max_unpool2d %x, %i {kernel_size = array<i64: 2>} : (tensor<2x3x2x2xf32>, tensor<2x3x2x2xi64>) -> tensor<2x3x4x4xf32> }];
}

def Nnf_MaxUnpool3dOp : Nnf_Function<"max_unpool3d"> {
  let summary = "Puts maxima back where they were, over three dimensions";
  let description = [{ input [N], C, *; indices int64 of that shape, as max_pool gives them. output_size lists the spatial sizes, or N, C and those. An index outside is a run-time error; of equal ones the last stays. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$indices, Nnf_Ints:$kernel_size, OptionalAttr<Nnf_Ints>:$stride, DefaultValuedAttr<Nnf_Ints, "{0}">:$padding, OptionalAttr<Nnf_Ints>:$output_size);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output = 0; output[n, c].flat[indices] = input";
  let example = [{ %y = nnf.max_unpool3d %x, %i {kernel_size = array<i64: 2>} : (tensor<2x3x2x2x2xf32>, tensor<2x3x2x2x2xi64>) -> tensor<2x3x4x4x4xf32> }];
}
#endif
