// Random zeros. Evaluation is the identity. A draw is uniform in [0, 1), from the seed of the run.
#ifndef NNF_OPS_DROPOUT
#define NNF_OPS_DROPOUT
include "dialects/nnf/NnfBase.td"

class Nnf_Dropout<string name, string trainingDefault> : Nnf_Function<name> {
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Float, "0.5">:$p,
      DefaultValuedAttr<Nnf_Bool, trainingDefault>:$training);
  let results = (outs Nnf_Tensor:$output);
  let hasInplace = 1;
  let draws = 1;
}

def Nnf_DropoutOp : Nnf_Dropout<"dropout", "true"> {
  let summary = "Zeroes elements";
  let description = [{ Not training, or p = 0: the input bit for bit. }];
  let formula = "input * (draw >= p) / (1 - p), a draw for each element";
  let example = [{ %y = nnf.dropout %x {training = false} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}
def Nnf_Dropout1dOp : Nnf_Dropout<"dropout1d", "true"> {
  let summary = "Zeroes channels of N, C, L or C, L";
  let description = [{ Not training, or p = 0: the input bit for bit. }];
  let formula = "input * (draw >= p) / (1 - p), a draw for each channel";
  let example = [{ %y = nnf.dropout1d %x {training = false} : (tensor<2x4x8xf32>) -> tensor<2x4x8xf32> }];
}
def Nnf_Dropout2dOp : Nnf_Dropout<"dropout2d", "true"> {
  let summary = "Zeroes channels; the first two dimensions are N, C";
  let description = [{ Not training, or p = 0: the input bit for bit. }];
  let formula = "input * (draw >= p) / (1 - p), a draw for each channel";
  let example = [{ %y = nnf.dropout2d %x {training = false} : (tensor<2x4x8xf32>) -> tensor<2x4x8xf32> }];
}
def Nnf_Dropout3dOp : Nnf_Dropout<"dropout3d", "true"> {
  let summary = "Zeroes channels of N, C, D, H, W or C, D, H, W";
  let description = [{ Not training, or p = 0: the input bit for bit. }];
  let formula = "input * (draw >= p) / (1 - p), a draw for each channel";
  let example = [{ %y = nnf.dropout3d %x {training = false} : (tensor<2x4x2x2x2xf32>) -> tensor<2x4x2x2x2xf32> }];
}
def Nnf_AlphaDropoutOp : Nnf_Dropout<"alpha_dropout", "false"> {
  let summary = "Dropout that keeps mean and variance of selu's outputs";
  let description = [{ Not training, or p = 0: the input bit for bit. }];
  let formula = "draw >= p ? a * input + b : a * alpha + b";
  let example = [{ %y = nnf.alpha_dropout %x {training = false} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}
def Nnf_FeatureAlphaDropoutOp : Nnf_Dropout<"feature_alpha_dropout", "false"> {
  let summary = "alpha_dropout of whole channels";
  let description = [{ Not training, or p = 0: the input bit for bit. }];
  let formula = "draw >= p ? a * input + b : a * alpha + b, a draw for each channel";
  let example = [{ %y = nnf.feature_alpha_dropout %x {training = false} : (tensor<2x4x8xf32>) -> tensor<2x4x8xf32> }];
}
#endif
