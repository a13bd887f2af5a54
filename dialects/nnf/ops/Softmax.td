// softmax and its kin: functions of a whole row.
#ifndef NNF_OPS_SOFTMAX
#define NNF_OPS_SOFTMAX
include "dialects/nnf/NnfBase.td"

// `dim` left out: 0 for ranks 0, 1 and 3, else 1. `dtype` converts the input first.
class Nnf_SoftmaxLike<string name> : Nnf_Function<name> {
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Int>:$dim, OptionalAttr<Nnf_DType>:$dtype);
  let results = (outs Nnf_Tensor:$output);
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
  let formula = "softmax(-input)";
  let example = [{ %y = nnf.softmin %x {dim = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}
def Nnf_LogSoftmaxOp : Nnf_SoftmaxLike<"log_softmax"> {
  let summary = "Logarithm of softmax";
  let description = [{ Never the logarithm of a softmax that has become 0. }];
  let formula = "input - max - log(sum(exp(input - max)))";
  let example = [{ %y = nnf.log_softmax %x {dim = 1 : i64} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}
#endif
