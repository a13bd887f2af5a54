// Images sampled at computed positions.
#ifndef NNF_OPS_SAMPLING
#define NNF_OPS_SAMPLING
include "dialects/nnf/NnfBase.td"

def Nnf_AffineGridOp : Nnf_Function<"affine_grid"> {
  let summary = "Positions of pixels after an affine map";
  let description = [{
    theta N, 2, 3 with size N, C, H, W gives N, H, W, 2; theta N, 3, 4 with size N, C, D, H, W gives N, D, H, W, 3.
    Coordinates run from -1 to 1, at the corner pixels' centres if align_corners, else at their outer edges.
  }];
  let arguments = (ins Nnf_Tensor:$theta, Nnf_Ints:$size, OptionalAttr<Nnf_Bool>:$align_corners);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[n, ...] = theta[n] * (x, y, [z,] 1)";
  let example = [{ %y = nnf.affine_grid %t {size = array<i64: 2, 1, 3, 4>} : (tensor<2x2x3xf32>) -> tensor<2x3x4x2xf32> }];
}
def Nnf_GridSampleOp : Nnf_Function<"grid_sample"> {
  let summary = "Pixels at the positions of a grid";
  let description = [{
    input N, C, H, W with grid N, h, w, 2 (x along W, then y); input N, C, D, H, W with grid N, d, h, w, 3. mode is
    bilinear, nearest or bicubic (4 dimensions only); padding_mode zeros, border or reflection.
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$grid, DefaultValuedStrAttr<Nnf_String, "bilinear">:$mode,
      DefaultValuedStrAttr<Nnf_String, "zeros">:$padding_mode, OptionalAttr<Nnf_Bool>:$align_corners);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[n, c, p] = sum over taps t near grid[n, p] of weight(p, t) * input[n, c, t]";
  let source = "Jaderberg et al. 2015";
  let example = [{ %y = nnf.grid_sample %x, %g : (tensor<2x3x4x4xf32>, tensor<2x5x6x2xf32>) -> tensor<2x3x5x6xf32> }];
}
#endif
