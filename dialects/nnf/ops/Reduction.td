// Reductions, as in `torch`.
#ifndef NNF_OPS_REDUCTION
#define NNF_OPS_REDUCTION
include "dialects/nnf/NnfBase.td"

def Nnf_SumOp : Nnf_Function<"sum"> {
  let summary = "Sum";
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim, OptionalAttr<Nnf_DType>:$dtype);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dim: what is summed over, each once; None is all
    dtype: input is converted to it first; None is int64 for integers and bool
  }];
  let gives = "output: dtype, or that of input; the sizes of input without dim";
  let errors = [{
    dim: dimension 2, expected -2 to 1 for rank 2
    dim: dimension 1 twice, expected each once
  }];
  let formula = "sum of input over dim";
  let example = [{ %y = nnf.sum %x {dim = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_MeanOp : Nnf_Function<"mean"> {
  let summary = "Mean";
  let description = [{ Over nothing it is NaN. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim, OptionalAttr<Nnf_DType>:$dtype);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [...]; any dtype where dtype is given
    dim: what is averaged over, each once; None is all
    dtype: a float; input is converted to it first
  }];
  let gives = "output: dtype, or that of input; the sizes of input without dim";
  let errors = [{
    input: dtype int64, expected a float
    dtype: dtype int64, expected a float
    dim: dimension 2, expected -2 to 1 for rank 2
    dim: dimension 1 twice, expected each once
  }];
  let formula = "sum of input over dim / count";
  let example = [{ %y = nnf.mean %x {dim = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_ProdOp : Nnf_Function<"prod"> {
  let summary = "Product";
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Int>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim, OptionalAttr<Nnf_DType>:$dtype);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dim: what is multiplied over; None is all
    dtype: input is converted to it first; None is int64 for integers and bool
  }];
  let gives = "output: dtype, or that of input; the sizes of input without dim";
  let formula = "product of input over dim";
  let example = [{ %y = nnf.prod %x {dim = 1 : i64} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_AmaxOp : Nnf_Function<"amax"> {
  let summary = "Maximum";
  let description = [{ NaN wins. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dim: what is reduced, not empty, each once; None is all
  }];
  let gives = "output: dtype of input; its sizes without dim";
  let errors = [{
    input: size 0 at dimension 1, expected at least 1 element to reduce
    dim: dimension 2, expected -2 to 1 for rank 2
    dim: dimension 1 twice, expected each once
  }];
  let formula = "max of input over dim";
  let example = [{ %y = nnf.amax %x {dim = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_AminOp : Nnf_Function<"amin"> {
  let summary = "Minimum";
  let description = [{ NaN wins. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dim: what is reduced, not empty, each once; None is all
  }];
  let gives = "output: dtype of input; its sizes without dim";
  let errors = [{
    input: size 0 at dimension 1, expected at least 1 element to reduce
    dim: dimension 2, expected -2 to 1 for rank 2
    dim: dimension 1 twice, expected each once
  }];
  let formula = "min of input over dim";
  let example = [{ %y = nnf.amin %x {dim = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_ArgmaxOp : Nnf_Function<"argmax"> {
  let summary = "Position of the maximum";
  let description = [{ The first of equals; NaN wins. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Int>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float or integer [...]
    dim: what is searched, not empty; None is all, with the position in the flattened tensor
  }];
  let gives = "output: int64; the sizes of input without dim";
  let errors = [{
    input: dtype bool, expected a number
    input: size 0 at dimension 1, expected at least 1 element to reduce
  }];
  let formula = "argmax of input along dim";
  let example = [{ %y = nnf.argmax %x {dim = 1 : i64} : (tensor<4x8xf32>) -> tensor<4xi64> }];
}

def Nnf_ArgminOp : Nnf_Function<"argmin"> {
  let summary = "Position of the minimum";
  let description = [{ The first of equals; NaN wins. }];
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Int>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float or integer [...]
    dim: what is searched, not empty; None is all, with the position in the flattened tensor
  }];
  let gives = "output: int64; the sizes of input without dim";
  let errors = [{
    input: dtype bool, expected a number
    input: size 0 at dimension 1, expected at least 1 element to reduce
  }];
  let formula = "argmin of input along dim";
  let example = [{ %y = nnf.argmin %x {dim = 1 : i64} : (tensor<4x8xf32>) -> tensor<4xi64> }];
}

def Nnf_VarOp : Nnf_Function<"var"> {
  let summary = "Variance";
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "true">:$unbiased, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim, OptionalAttr<Nnf_Float>:$correction);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [...]
    dim: what is reduced, each once; None is all
    unbiased: a correction of 1, otherwise of 0
    correction: overrides unbiased; need not be an integer
  }];
  let gives = "output: dtype of input; its sizes without dim";
  let errors = [{
    input: dtype int64, expected a float
    dim: dimension 2, expected -2 to 1 for rank 2
    dim: dimension 1 twice, expected each once
  }];
  let formula = "sum of (input - mean)^2 over dim / (count - correction)";
  let example = [{ %y = nnf.var %x {dim = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_StdOp : Nnf_Function<"std"> {
  let summary = "Standard deviation";
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "true">:$unbiased, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim, OptionalAttr<Nnf_Float>:$correction);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [...]
    dim: what is reduced, each once; None is all
    unbiased: a correction of 1, otherwise of 0
    correction: overrides unbiased; need not be an integer
  }];
  let gives = "output: dtype of input; its sizes without dim";
  let errors = [{
    input: dtype int64, expected a float
    dim: dimension 2, expected -2 to 1 for rank 2
    dim: dimension 1 twice, expected each once
  }];
  let formula = "sqrt(sum of (input - mean)^2 over dim / (count - correction))";
  let example = [{ %y = nnf.std %x {dim = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_AllOp : Nnf_Function<"all"> {
  let summary = "Are all true";
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dim: what is reduced, each once; None is all
  }];
  let gives = "output: bool, of uint8 uint8; the sizes of input without dim";
  let errors = [{
    dim: dimension 2, expected -2 to 1 for rank 2
    dim: dimension 1 twice, expected each once
  }];
  let formula = "and of input != 0 over dim";
  let example = [{ %y = nnf.all %x {dim = array<i64: 1>} : (tensor<4x8xi1>) -> tensor<4xi1> }];
}

def Nnf_AnyOp : Nnf_Function<"any"> {
  let summary = "Is one true";
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dim: what is reduced, each once; None is all
  }];
  let gives = "output: bool, of uint8 uint8; the sizes of input without dim";
  let errors = [{
    dim: dimension 2, expected -2 to 1 for rank 2
    dim: dimension 1 twice, expected each once
  }];
  let formula = "or of input != 0 over dim";
  let example = [{ %y = nnf.any %x {dim = array<i64: 1>} : (tensor<4x8xi1>) -> tensor<4xi1> }];
}

def Nnf_LogsumexpOp : Nnf_Function<"logsumexp"> {
  let summary = "Logarithm of a sum of exponentials";
  let description = [{ The maximum is subtracted first. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dim: what is summed over, each once
  }];
  let gives = "output: dtype of input, float32 for integers and bool; its sizes without dim";
  let errors = [{
    dim: dimension 2, expected -2 to 1 for rank 2
    dim: dimension 1 twice, expected each once
  }];
  let formula = "log(sum of exp(input) over dim)";
  let example = [{ %y = nnf.logsumexp %x {dim = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_NormOp : Nnf_Function<"norm"> {
  let summary = "Norm";
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Float, "2.0">:$p, OptionalAttr<Nnf_Ints>:$dim, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [...]
    p: 0 counts what is not 0, inf and -inf are the largest and the smallest absolute value
    dim: the dimensions of one norm, each once; None is all
  }];
  let gives = "output: dtype of input; its sizes without dim";
  let errors = [{
    input: dtype int64, expected a float
    dim: dimension 2, expected -2 to 1 for rank 2
    dim: dimension 1 twice, expected each once
  }];
  let formula = "(sum of abs(input)^p over dim)^(1 / p)";
  let example = [{ %y = nnf.norm %x {dim = array<i64: 1>} : (tensor<4x8xf32>) -> tensor<4xf32> }];
}
#endif
