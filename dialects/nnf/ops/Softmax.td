// softmax and its kin: functions of a whole row.
#ifndef NNF_OPS_SOFTMAX
#define NNF_OPS_SOFTMAX
include "dialects/nnf/NnfBase.td"

// `dim` left out: 0 for ranks 0, 1 and 3, else 1. `dtype` converts the input first.
class Nnf_SoftmaxLike<string name> : Nnf_Function<name> {
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Int>:$dim, OptionalAttr<Nnf_DType>:$dtype);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [...]; any dtype where dtype is given
    dim: None is 0 for ranks 0, 1 and 3, else 1
    dtype: a float; input is converted to it first
  }];
  let gives = "output: shape of input; dtype, or that of input";
  let errors = [{
    input: dtype int64, expected a float
    dtype: int64, expected a float
  }];
}

def Nnf_SoftmaxOp : Nnf_SoftmaxLike<"softmax"> {
  let summary = "Positive weights that sum to 1 along dim";
  let description = [{ The maximum is subtracted first. A row of only -inf, or with +inf or NaN, is all NaN. }];
  let formula = "exp(input - max) / sum(exp(input - max))";
  let example = [{ %y = nnf.softmax %x {dim = -1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}
def Nnf_SoftminOp : Nnf_SoftmaxLike<"softmin"> {
  let summary = "softmax of -input";
  let description = [{ As softmax, with the smallest largest. }];
  let takes = [{
    input: float [...]; also an integer where dtype is given
    dim: None is 0 for ranks 0, 1 and 3, else 1
    dtype: a float; input is converted to it first
  }];
  let errors = [{
    input: dtype int64, expected a float
    input: dtype bool, expected a number
    dtype: int64, expected a float
  }];
  let formula = "softmax(-input)";
  let example = [{ %y = nnf.softmin %x {dim = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}
def Nnf_LogSoftmaxOp : Nnf_SoftmaxLike<"log_softmax"> {
  let summary = "Logarithm of softmax";
  let description = [{ Never the logarithm of a softmax that has become 0. }];
  let formula = "input - max - log(sum(exp(input - max)))";
  let example = [{ %y = nnf.log_softmax %x {dim = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}
def Nnf_GumbelSoftmaxOp : Nnf_Function<"gumbel_softmax"> {
  let summary = "softmax of logits with random noise: a soft or hard draw of one class";
  let description = [{ The noise is -log E with E exponentially distributed. }];
  let arguments = (ins Nnf_Tensor:$logits, DefaultValuedAttr<Nnf_Float, "1.0">:$tau,
      DefaultValuedAttr<Nnf_Bool, "false">:$hard, DefaultValuedAttr<Nnf_Float, "1e-10">:$eps,
      DefaultValuedAttr<Nnf_Int, "-1">:$dim);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    logits: float [...]
    tau: what logits and noise are divided by
    hard: 1 at the largest (the first of equals), 0 elsewhere
    eps: without effect
    dim: the dimension that sums to 1
  }];
  let gives = "output: as logits";
  let errors = "logits: dtype int64, expected a float";
  let formula = "softmax((logits - log(E)) / tau)";
  let source = "Jang, Gu and Poole, Categorical reparameterization with Gumbel-softmax (2017)";
  let example = [{ %y = nnf.gumbel_softmax %x {tau = 0.5} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
  let draws = 1;
}
#endif
