// Products of matrices.
#ifndef NNF_OPS_LINEAR
#define NNF_OPS_LINEAR
include "dialects/nnf/NnfBase.td"

def Nnf_LinearOp : Nnf_Function<"linear"> {
  let summary = "An affine map of the last dimension";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$weight, Optional<Nnf_Tensor>:$bias);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [..., in]
    weight: dtype of input [out, in] or [in]
    bias: dtype of input; it broadcasts to the result; None where weight is [in]
  }];
  let gives = "output: dtype of input [..., out], or [...] where weight is [in]";
  let errors = [{
    input: dtype int64, expected a float
    input: rank 0, expected at least 1 [..., in]
    weight: dtype float64, expected float32 as 'input' has
    weight: rank 3, expected 2 or 1 [out, in] or [in]
    weight: size 7 at dimension 1, expected 8 as the last dimension of 'input' has
    bias: given, expected none with a weight of rank 1
    bias: shape [3], expected one that broadcasts to [2, 5]
    bias: shape [2, 3, 5], expected one that broadcasts to [3, 5]
    bias: dtype float64, expected float32 as 'input' has
  }];
  let formula = "input * transpose(weight) + bias";
  let example = [{ %y = nnf.linear %x, %w, %b : (tensor<4x8xf32>, tensor<5x8xf32>, tensor<5xf32>) -> tensor<4x5xf32> }];
}
def Nnf_BilinearOp : Nnf_Function<"bilinear"> {
  let summary = "A bilinear map of two last dimensions";
  let arguments = (ins Nnf_Tensor:$input1, Nnf_Tensor:$input2, Nnf_Tensor:$weight, Optional<Nnf_Tensor>:$bias);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input1: float [..., in1]
    input2: dtype of input1 [..., in2], leading sizes as input1
    weight: dtype of input1 [out, in1, in2]
    bias: dtype of input1 [out]
  }];
  let gives = "output: dtype of input1 [..., out]";
  let errors = [{
    input1: dtype int64, expected a float
    input1, input2: rank 0, expected at least 1
    input2: shape [3, 2], expected the leading sizes of 'input1', [4, 3]
    weight: rank 2, expected 3 [out, in1, in2]
    weight: size 2 at dimension 1, expected 3 as 'input1' has
    bias: shape [4], expected [out] = [5]
    input2, weight, bias: dtype float64, expected float32 as 'input1' has
  }];
  let formula = "output[o] = sum over i, j of input1[i] * weight[o, i, j] * input2[j]; + bias[o]";
  let example = [{ %y = nnf.bilinear %a, %b, %w : (tensor<4x3xf32>, tensor<4x2xf32>, tensor<5x3x2xf32>) -> tensor<4x5xf32> }];
}
def Nnf_MatmulOp : Nnf_Function<"matmul"> {
  let summary = "Matrix product";
  let description = [{ A vector counts as a row on the left and as a column on the right. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$other);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float or integer [..., n, k] or [k]
    other: dtype of input [..., k, m] or [k]; leading sizes broadcast
  }];
  let gives = "output: dtype of input [..., n, m], without n or m where that side is a vector";
  let errors = [{
    input: dtype bool, expected a number
    other: dtype float64, expected float32 as 'input' has
    input, other: rank 0, expected at least 1
    other: size 7 at dimension 0, expected 8 as the last dimension of 'input' has
    other: shape [3] does not broadcast with [2]: sizes 3 and 2 at dimension 0
  }];
  let formula = "output[..., i, j] = sum over k of input[..., i, k] * other[..., k, j]";
  let onnx = [OnnxOp<"MatMul", 1>];
  let example = [{ %y = nnf.matmul %a, %b : (tensor<2x4x8xf32>, tensor<8x5xf32>) -> tensor<2x4x5xf32> }];
}
def Nnf_BmmOp : Nnf_Function<"bmm"> {
  let summary = "Matrix products of a batch";
  let description = [{ Nothing broadcasts. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$mat2);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float or integer [B, n, k]
    mat2: dtype of input [B, k, m]
  }];
  let gives = "output: dtype of input [B, n, m]";
  let errors = [{
    input: dtype bool, expected a number
    mat2: dtype float64, expected float32 as 'input' has
    input: rank 2, expected 3 [B, n, k]
    mat2: rank 2, expected 3 [B, k, m]
    mat2: size 3 at dimension 0, expected 2 as 'input' has
    mat2: size 7 at dimension 1, expected 8 as the last dimension of 'input' has
  }];
  let formula = "output[b, i, j] = sum over k of input[b, i, k] * mat2[b, k, j]";
  let example = [{ %y = nnf.bmm %a, %b : (tensor<2x4x8xf32>, tensor<2x8x5xf32>) -> tensor<2x4x5xf32> }];
}
#endif
