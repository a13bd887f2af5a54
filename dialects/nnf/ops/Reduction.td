// Reductions, as in `torch`.
#ifndef NNF_OPS_REDUCTION
#define NNF_OPS_REDUCTION
include "dialects/nnf/NnfBase.td"

def Nnf_SumOp : Nnf_Function<"sum"> {
  let summary = "Sum";
  let description = [{ No dim: over all. Integers and bool give int64. dtype converts the input first. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim, OptionalAttr<Nnf_DType>:$dtype);
  let results = (outs Nnf_Tensor:$output);
  let formula = "sum of input over dim";
  let example = [{ %y = nnf.sum %x {dim = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_MeanOp : Nnf_Function<"mean"> {
  let summary = "Mean";
  let description = [{ No dim: over all. Floats, or dtype converts the input first. Over nothing it is NaN. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim, OptionalAttr<Nnf_DType>:$dtype);
  let results = (outs Nnf_Tensor:$output);
  let formula = "sum of input over dim / count";
  let example = [{ %y = nnf.mean %x {dim = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_ProdOp : Nnf_Function<"prod"> {
  let summary = "Product";
  let description = [{ No dim: over all. Integers and bool give int64. dtype converts the input first. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Int>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim, OptionalAttr<Nnf_DType>:$dtype);
  let results = (outs Nnf_Tensor:$output);
  let formula = "product of input over dim";
  let example = [{ %y = nnf.prod %x {dim = 1 : i64} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_AmaxOp : Nnf_Function<"amax"> {
  let summary = "Maximum";
  let description = [{ No dim: over all. NaN wins. Reducing an empty dimension is an error. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let formula = "max of input over dim";
  let example = [{ %y = nnf.amax %x {dim = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_AminOp : Nnf_Function<"amin"> {
  let summary = "Minimum";
  let description = [{ No dim: over all. NaN wins. Reducing an empty dimension is an error. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let formula = "min of input over dim";
  let example = [{ %y = nnf.amin %x {dim = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_ArgmaxOp : Nnf_Function<"argmax"> {
  let summary = "Position of the maximum";
  let description = [{ int64; the first of equals; NaN wins. No dim: the flat position. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Int>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let formula = "argmax of input along dim";
  let example = [{ %y = nnf.argmax %x {dim = 1 : i64} : (tensor<4x8xf32>) -> tensor<4xi64> }];
}

def Nnf_ArgminOp : Nnf_Function<"argmin"> {
  let summary = "Position of the minimum";
  let description = [{ int64; the first of equals; NaN wins. No dim: the flat position. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Int>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let formula = "argmin of input along dim";
  let example = [{ %y = nnf.argmin %x {dim = 1 : i64} : (tensor<4x8xf32>) -> tensor<4xi64> }];
}

def Nnf_VarOp : Nnf_Function<"var"> {
  let summary = "Variance";
  let description = [{ No dim: over all. Divides by count - correction; correction is 1, or 0 with unbiased=False, unless given. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "true">:$unbiased, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim, OptionalAttr<Nnf_Int>:$correction);
  let results = (outs Nnf_Tensor:$output);
  let formula = "sum of (input - mean)^2 over dim / (count - correction)";
  let example = [{ %y = nnf.var %x {dim = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_StdOp : Nnf_Function<"std"> {
  let summary = "Standard deviation";
  let description = [{ The square root of var. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "true">:$unbiased, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim, OptionalAttr<Nnf_Int>:$correction);
  let results = (outs Nnf_Tensor:$output);
  let formula = "sqrt(sum of (input - mean)^2 over dim / (count - correction))";
  let example = [{ %y = nnf.std %x {dim = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_AllOp : Nnf_Function<"all"> {
  let summary = "Are all true";
  let description = [{ Any dtype; gives bool. No dim: over all. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let formula = "and of input != 0 over dim";
  let example = [{ %y = nnf.all %x {dim = array<i64: 1>} : (tensor<4x8xi1>) -> tensor<4xi1> }];
}

def Nnf_AnyOp : Nnf_Function<"any"> {
  let summary = "Is one true";
  let description = [{ Any dtype; gives bool. No dim: over all. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let formula = "or of input != 0 over dim";
  let example = [{ %y = nnf.any %x {dim = array<i64: 1>} : (tensor<4x8xi1>) -> tensor<4xi1> }];
}

def Nnf_LogsumexpOp : Nnf_Function<"logsumexp"> {
  let summary = "Logarithm of a sum of exponentials";
  let description = [{ The maximum is subtracted first. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let formula = "log(sum of exp(input) over dim)";
  let example = [{ %y = nnf.logsumexp %x {dim = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_NormOp : Nnf_Function<"norm"> {
  let summary = "Norm";
  let description = [{ p: 0 counts non-zeros, inf and -inf are the largest and smallest absolute value. No dim: over all. }];
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Float, "2.0">:$p, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let formula = "(sum of abs(input)^p over dim)^(1 / p)";
  let example = [{ %y = nnf.norm %x {dim = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}
#endif
