// Padding and resampling of images.
#ifndef NNF_OPS_RESIZING
#define NNF_OPS_RESIZING
include "dialects/nnf/NnfBase.td"

def Nnf_PadOp : Nnf_Function<"pad"> {
  let summary = "Adds a border";
  let description = [{
    pad holds pairs (low, high) from the last dimension backwards; negative ones crop. mode 'constant' takes any rank;
    'reflect' and 'replicate' pad the S last dimensions of rank S+1 or S+2, 'circular' of rank S+2, S = 1..3.
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$pad, DefaultValuedStrAttr<Nnf_String, "constant">:$mode,
      DefaultValuedAttr<Nnf_Float, "0.0">:$value);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[i] = input[i - low], outside of it value, the mirrored, the nearest or the wrapped element";
  let example = [{ %y = nnf.pad %x {pad = array<i64: 1, 2>} : (tensor<4x8xf32>) -> tensor<4x11xf32> }];
}

class Nnf_Resampling<string name> : Nnf_Function<name> {
  let results = (outs Nnf_Tensor:$output);
  let description = [{
    input N, C, * with S = 1..3 spatial dimensions; one of size and scale_factor. mode: nearest, nearest-exact, area for
    any S; linear for S = 1; bilinear, bicubic for S = 2; trilinear for S = 3. Bicubic has a = -0.75. A scale factor is
    used as given unless recompute_scale_factor. antialias (bilinear, bicubic of rank 4) widens the kernel to the step when
    the size shrinks, with a = -0.5.
  }];
  let formula = "output[p] = sum over taps t of weight(p, t) * input[t]; p maps to (p + 0.5) * step - 0.5, or p * step if align_corners";
}
def Nnf_InterpolateOp : Nnf_Resampling<"interpolate"> {
  let summary = "Resamples to another size";
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$size, OptionalAttr<Nnf_Floats>:$scale_factor,
      DefaultValuedStrAttr<Nnf_String, "nearest">:$mode, OptionalAttr<Nnf_Bool>:$align_corners,
      OptionalAttr<Nnf_Bool>:$recompute_scale_factor, DefaultValuedAttr<Nnf_Bool, "false">:$antialias);
  let example = [{ %y = nnf.interpolate %x {scale_factor = array<f64: 2.0>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x8x8xf32> }];
}
def Nnf_UpsampleOp : Nnf_Resampling<"upsample"> {
  let summary = "interpolate by its old name";
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$size, OptionalAttr<Nnf_Floats>:$scale_factor,
      DefaultValuedStrAttr<Nnf_String, "nearest">:$mode, OptionalAttr<Nnf_Bool>:$align_corners);
  let example = [{ %y = nnf.upsample %x {scale_factor = array<f64: 2.0>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x8x8xf32> }];
}
def Nnf_UpsampleNearestOp : Nnf_Resampling<"upsample_nearest"> {
  let summary = "interpolate with mode nearest";
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$size, OptionalAttr<Nnf_Floats>:$scale_factor);
  let example = [{ %y = nnf.upsample_nearest %x {size = array<i64: 6>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x6x6xf32> }];
}
def Nnf_UpsampleBilinearOp : Nnf_Resampling<"upsample_bilinear"> {
  let summary = "interpolate with mode bilinear and align_corners";
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$size, OptionalAttr<Nnf_Floats>:$scale_factor);
  let example = [{ %y = nnf.upsample_bilinear %x {size = array<i64: 6>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x6x6xf32> }];
}
#endif
