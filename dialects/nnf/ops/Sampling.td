// Images sampled at computed positions.
#ifndef NNF_OPS_SAMPLING
#define NNF_OPS_SAMPLING
include "dialects/nnf/NnfBase.td"

def Nnf_AffineGridOp : Nnf_Function<"affine_grid"> {
  let summary = "Positions of pixels after an affine map";
  let description = [{ Coordinates run from -1 to 1. }];
  let arguments = (ins Nnf_Tensor:$theta, Nnf_Ints:$size, OptionalAttr<Nnf_Bool>:$align_corners);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    theta: float [N, 2, 3] or [N, 3, 4]
    size: that of the image, [N, C, H, W] or [N, C, D, H, W], each at least 1
    align_corners: -1 and 1 are the centres of the corner pixels, otherwise (or None) their outer edges
  }];
  let gives = "output: dtype of theta [N, H, W, 2] or [N, D, H, W, 3]";
  let errors = [{
    theta: dtype int64, expected a float
    theta: rank 2, expected 3 [N, 2, 3] or [N, 3, 4]
    theta: shape [2, 3, 4], expected [N, 2, 3] = [2, 2, 3]
    size: 3 entries, expected 4 [N, C, H, W] or 5 [N, C, D, H, W]
    size: 0, expected at least 1
  }];
  let formula = "output[n, ...] = theta[n] * (x, y, [z,] 1)";
  let example = [{ %y = nnf.affine_grid %t {size = array<i64: 2, 1, 3, 4>} : (tensor<2x2x3xf32>) -> tensor<2x3x4x2xf32> }];
}
def Nnf_GridSampleOp : Nnf_Function<"grid_sample"> {
  let summary = "Pixels at the positions of a grid";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$grid, DefaultValuedStrAttr<Nnf_String, "bilinear">:$mode,
      DefaultValuedStrAttr<Nnf_String, "zeros">:$padding_mode, OptionalAttr<Nnf_Bool>:$align_corners);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [N, C, H, W] or [N, C, D, H, W]
    grid: dtype of input [N, h, w, 2] or [N, d, h, w, 3]: positions in -1 to 1, x along W first
    mode: 'bilinear', 'nearest', or 'bicubic' for two spatial dimensions
    padding_mode: 'zeros', 'border' or 'reflection': what is outside
    align_corners: -1 and 1 are the centres of the corner pixels, otherwise (or None) their outer edges
  }];
  let gives = "output: dtype of input [N, C, h, w] or [N, C, d, h, w]";
  let errors = [{
    input: dtype int64, expected a float
    input: rank 3, expected 4 or 5 [N, C, H, W] or [N, C, D, H, W]
    input: size 0 at dimension 2, expected at least 1
    grid: dtype float64, expected float32 as 'input' has
    grid: rank 5, expected 4 as 'input' has
    grid: size 3 at dimension 0, expected 2 as 'input' has
    grid: last size 3, expected 2
    mode: 'area', expected 'bilinear' or 'nearest' or 'bicubic'
    mode: 'bicubic' with rank 5, expected rank 4
    padding_mode: 'circular', expected 'zeros' or 'border' or 'reflection'
  }];
  let formula = "output[n, c, p] = sum over taps t near grid[n, p] of weight(p, t) * input[n, c, t]";
  let source = "Jaderberg et al. 2015";
  let example = [{ %y = nnf.grid_sample %x, %g : (tensor<2x3x4x4xf32>, tensor<2x5x6x2xf32>) -> tensor<2x3x5x6xf32> }];
}
#endif
