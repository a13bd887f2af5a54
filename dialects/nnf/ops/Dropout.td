// Random zeros. Evaluation is the identity. A draw is uniform in [0, 1), from the seed of the run.
#ifndef NNF_OPS_DROPOUT
#define NNF_OPS_DROPOUT
include "dialects/nnf/NnfBase.td"

class Nnf_Dropout<string name, string trainingDefault, string shape = "[...]", int leastRank = 0> : Nnf_Function<name> {
  let description = [{ Not training, or p = 0: the input bit for bit. }];
  let takes = "input: float " # shape # [{; any dtype unless training with p > 0
    p: the probability of a zero, 0 to 1
    training: whether it draws
  }];
  let gives = "output: as input";
  let errors = [{
    p: 1.5, expected 0 to 1
    input: dtype int64, expected a float
  }] # !if(!gt(leastRank, 0), "input: rank 0, expected at least " # !cast<string>(leastRank), "");
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Float, "0.5">:$p,
      DefaultValuedAttr<Nnf_Bool, trainingDefault>:$training);
  let results = (outs Nnf_Tensor:$output);
  let hasInplace = 1;
  let draws = 1;
}

def Nnf_DropoutOp : Nnf_Dropout<"dropout", "true"> {
  let summary = "Zeroes elements";
  let formula = "input * (draw >= p) / (1 - p), a draw for each element";
  let example = [{ %y = nnf.dropout %x {training = false} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}
def Nnf_Dropout1dOp : Nnf_Dropout<"dropout1d", "true", "[N, C, L] or [C, L]", 2> {
  let summary = "Zeroes channels of N, C, L or C, L";
  let formula = "input * (draw >= p) / (1 - p), a draw for each channel";
  let example = [{ %y = nnf.dropout1d %x {training = false} : (tensor<2x4x8xf32>) -> tensor<2x4x8xf32> }];
}
def Nnf_Dropout2dOp : Nnf_Dropout<"dropout2d", "true", "[N, C, ...]", 2> {
  let summary = "Zeroes channels; the first two dimensions are N, C";
  let formula = "input * (draw >= p) / (1 - p), a draw for each channel";
  let example = [{ %y = nnf.dropout2d %x {training = false} : (tensor<2x4x8xf32>) -> tensor<2x4x8xf32> }];
}
def Nnf_Dropout3dOp : Nnf_Dropout<"dropout3d", "true", "[N, C, D, H, W], or [C, ...] at any other rank", 1> {
  let summary = "Zeroes channels of N, C, D, H, W or C, D, H, W";
  let formula = "input * (draw >= p) / (1 - p), a draw for each channel";
  let example = [{ %y = nnf.dropout3d %x {training = false} : (tensor<2x4x2x2x2xf32>) -> tensor<2x4x2x2x2xf32> }];
}
def Nnf_AlphaDropoutOp : Nnf_Dropout<"alpha_dropout", "false"> {
  let summary = "Dropout that keeps mean and variance of selu's outputs";
  let formula = "draw >= p ? a * input + b : a * alpha + b";
  let example = [{ %y = nnf.alpha_dropout %x {training = false} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}
def Nnf_FeatureAlphaDropoutOp : Nnf_Dropout<"feature_alpha_dropout", "false", "[N, C, ...]", 2> {
  let summary = "alpha_dropout of whole channels";
  let formula = "draw >= p ? a * input + b : a * alpha + b, a draw for each channel";
  let example = [{ %y = nnf.feature_alpha_dropout %x {training = false} : (tensor<2x4x8xf32>) -> tensor<2x4x8xf32> }];
}
#endif
