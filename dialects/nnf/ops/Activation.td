// Activations: elementwise functions, and softmax and its kin.
#ifndef NNF_OPS_ACTIVATION
#define NNF_OPS_ACTIVATION
include "dialects/nnf/NnfBase.td"

def Nnf_ReluOp : Nnf_Function<"relu"> {
  let summary = "Rectified linear unit";
  let description = [{ Any rank, floating or integer. NaN stays NaN. }];
  let arguments = (ins Nnf_Tensor:$input);
  let results = (outs Nnf_Tensor:$output);
  let formula = "max(input, 0)";
  let source = "Nair and Hinton 2010";
  let onnx = [OnnxOp<"Relu", 1>];
  let example = "%y = nnf.relu %x : (tensor<4x8xf32>) -> tensor<4x8xf32>";
  let inplaceTwin = "relu_";
  let hasInplace = 1;
}
#endif
