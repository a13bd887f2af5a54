// Products of matrices.
#ifndef NNF_OPS_LINEAR
#define NNF_OPS_LINEAR
include "dialects/nnf/NnfBase.td"

def Nnf_LinearOp : Nnf_Function<"linear"> {
  let summary = "An affine map of the last dimension";
  let description = [{ input *, in; weight out, in or in (then the result is * and there is no bias); bias broadcasts to the result. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$weight, Optional<Nnf_Tensor>:$bias);
  let results = (outs Nnf_Tensor:$output);
  let formula = "input * transpose(weight) + bias";
  let example = [{ %y = nnf.linear %x, %w, %b : (tensor<4x8xf32>, tensor<5x8xf32>, tensor<5xf32>) -> tensor<4x5xf32> }];
}
def Nnf_BilinearOp : Nnf_Function<"bilinear"> {
  let summary = "A bilinear map of two last dimensions";
  let description = [{ input1 *, in1; input2 *, in2 with equal leading dimensions; weight out, in1, in2; bias out. }];
  let arguments = (ins Nnf_Tensor:$input1, Nnf_Tensor:$input2, Nnf_Tensor:$weight, Optional<Nnf_Tensor>:$bias);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[o] = sum over i, j of input1[i] * weight[o, i, j] * input2[j]; + bias[o]";
  let example = [{ %y = nnf.bilinear %a, %b, %w : (tensor<4x3xf32>, tensor<4x2xf32>, tensor<5x3x2xf32>) -> tensor<4x5xf32> }];
}
def Nnf_MatmulOp : Nnf_Function<"matmul"> {
  let summary = "Matrix product";
  let description = [{ Vectors count as a row on the left and a column on the right; leading dimensions broadcast. Both have one dtype. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$other);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[..., i, j] = sum over k of input[..., i, k] * other[..., k, j]";
  let onnx = [OnnxOp<"MatMul", 1>];
  let example = [{ %y = nnf.matmul %a, %b : (tensor<2x4x8xf32>, tensor<8x5xf32>) -> tensor<2x4x5xf32> }];
}
def Nnf_BmmOp : Nnf_Function<"bmm"> {
  let summary = "Matrix products of a batch";
  let description = [{ input B, n, k; mat2 B, k, m. Nothing broadcasts. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$mat2);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[b, i, j] = sum over k of input[b, i, k] * mat2[b, k, j]";
  let example = [{ %y = nnf.bmm %a, %b : (tensor<2x4x8xf32>, tensor<2x8x5xf32>) -> tensor<2x4x5xf32> }];
}
#endif
