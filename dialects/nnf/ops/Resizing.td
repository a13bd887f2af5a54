// Padding and resampling of images.
#ifndef NNF_OPS_RESIZING
#define NNF_OPS_RESIZING
include "dialects/nnf/NnfBase.td"

def Nnf_PadOp : Nnf_Function<"pad"> {
  let summary = "Adds a border";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Ints:$pad, DefaultValuedStrAttr<Nnf_String, "constant">:$mode,
      DefaultValuedAttr<Nnf_Float, "0.0">:$value);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    pad: pairs (low, high) from the last dimension backwards; negative ones crop; at most 2^40 either way
    mode: 'constant' at any rank; 'reflect', 'replicate' at 1 to 3 dimensions after [N, C] or [C]; 'circular' after [N, C]
    value: what 'constant' fills with; 0 for the other modes
  }];
  let gives = "output: dtype of input; each size becomes low + size + high";
  let errors = [{
    mode: 'edge', expected 'constant' or 'reflect' or 'replicate' or 'circular'
    pad: 3 entries, expected an even number of at most 4
    pad: 2 entries for rank 4, expected 2 for each dimension after N and C, or after C, at most 6, with mode 'reflect'
    pad: 2 entries for rank 2, expected 2 for each dimension after N and C, at most 6, with mode 'circular'
    pad: 2000000000000, expected at most 2^40 either way
    pad: 5 at dimension 2, expected at most 4 with mode 'reflect'
    pad: (-2, -2) leaves a size of -1 at dimension 1, expected at least 0
    pad: (4, 0) at dimension 2 of size 3, expected a size of at least 4 with mode 'circular'
    input: size 0 at dimension 2, expected at least 1
    value: 1, expected 0 with mode 'replicate'
    value: 300, expected a number that int8 can hold
  }];
  let formula = "output[i] = input[i - low], outside of it value, the mirrored, the nearest or the wrapped element";
  let example = [{ %y = nnf.pad %x {pad = array<i64: 1, 2>} : (tensor<4x8xf32>) -> tensor<4x11xf32> }];
}

class Nnf_Resampling<string name> : Nnf_Function<name> {
  string sizesTaken = [{
    size: the new spatial sizes, at least 1; or scale_factor, not both
    scale_factor: finite, above 0, makes sizes of at least 1
  }];
  string sizeErrors = [{
    input: size 0 at dimension 2, expected at least 1
    size: missing like 'scale_factor', expected one of the two
    size: given beside 'scale_factor', expected one of the two
    size, scale_factor: 3 entries, expected 1 or 2
    size: value 0, expected at least 1
    scale_factor: -1, expected a finite number above 0
    scale_factor: 0.2 makes 0 of 4, expected at least 1
    scale_factor: 0.2 makes nothing of size 4 at dimension 2, expected at least 1
  }];
  string modesTaken = [{
    input: float [N, C, L], [N, C, H, W] or [N, C, D, H, W]; also uint8 with the modes nearest
    mode: 'nearest', 'nearest-exact', 'area'; 'linear' for one spatial dimension; 'bilinear', 'bicubic' for two; 'trilinear' for three
    align_corners: corner pixels keep their centres; None for nearest, nearest-exact and area
  }];
  string modeErrors = [{
    input: dtype int64, expected a float
    input: dtype int64, expected a float or uint8
    input: rank 2, expected 3 or 4 or 5 [N, C, ...]
    mode: 'linear', expected 'nearest' or 'nearest-exact' or 'area' or 'bilinear' or 'bicubic' for 2 spatial dimensions
    align_corners: given, expected none with mode 'nearest'
  }];
  let results = (outs Nnf_Tensor:$output);
  let description = [{
    A size becomes `floor(size * scale_factor)`. Bicubic has a = -0.75; with antialias the kernel widens to the step
    when the size shrinks, and a = -0.5.
  }];
  let takes = modesTaken # sizesTaken;
  let gives = "output: dtype of input, the spatial sizes resampled";
  let errors = modeErrors # sizeErrors;
  let formula = "output[p] = sum over taps t of weight(p, t) * input[t]; p maps to (p + 0.5) * step - 0.5, or p * step if align_corners";
}
def Nnf_InterpolateOp : Nnf_Resampling<"interpolate"> {
  let summary = "Resamples to another size";
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$size, OptionalAttr<Nnf_Floats>:$scale_factor,
      DefaultValuedStrAttr<Nnf_String, "nearest">:$mode, OptionalAttr<Nnf_Bool>:$align_corners,
      OptionalAttr<Nnf_Bool>:$recompute_scale_factor, DefaultValuedAttr<Nnf_Bool, "false">:$antialias);
  let example = [{ %y = nnf.interpolate %x {scale_factor = array<f64: 2.0>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x8x8xf32> }];
  let takes = modesTaken # sizesTaken # [{
    recompute_scale_factor: the steps are those of the sizes; otherwise of scale_factor as given
    antialias: for 'bilinear' and 'bicubic'
  }];
  let errors = modeErrors # sizeErrors # [{
    recompute_scale_factor: true with 'size', expected 'scale_factor'
    antialias: true with mode 'nearest', expected mode 'bilinear' or 'bicubic' and rank 4
    antialias: true with symbolic sizes, expected numbers, or a scale_factor used as given
  }];
}
def Nnf_UpsampleOp : Nnf_Resampling<"upsample"> {
  let summary = "interpolate by its old name";
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$size, OptionalAttr<Nnf_Floats>:$scale_factor,
      DefaultValuedStrAttr<Nnf_String, "nearest">:$mode, OptionalAttr<Nnf_Bool>:$align_corners);
  let example = [{ %y = nnf.upsample %x {scale_factor = array<f64: 2.0>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x8x8xf32> }];
}
def Nnf_UpsampleNearestOp : Nnf_Resampling<"upsample_nearest"> {
  let summary = "interpolate with mode nearest";
  let description = [{ A size becomes `floor(size * scale_factor)`. }];
  let formula = "output[p] = input[min(floor(p * step), size - 1)], step = 1 / scale_factor, or size / new size";
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$size, OptionalAttr<Nnf_Floats>:$scale_factor);
  let example = [{ %y = nnf.upsample_nearest %x {size = array<i64: 6>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x6x6xf32> }];
  let takes = "input: float or uint8 [N, C, L], [N, C, H, W] or [N, C, D, H, W]\n" # sizesTaken;
  let errors = [{
    input: dtype int64, expected a float or uint8
    input: rank 2, expected 3 or 4 or 5 [N, C, ...]
  }] # sizeErrors;
}
def Nnf_UpsampleBilinearOp : Nnf_Resampling<"upsample_bilinear"> {
  let summary = "interpolate with mode bilinear and align_corners";
  let description = [{ A size becomes `floor(size * scale_factor)`. }];
  let formula = "output[p] = sum over taps t of weight(p, t) * input[t]; p maps to p * step, step = (size - 1) / (new size - 1)";
  let arguments = (ins Nnf_Tensor:$input, OptionalAttr<Nnf_Ints>:$size, OptionalAttr<Nnf_Floats>:$scale_factor);
  let example = [{ %y = nnf.upsample_bilinear %x {size = array<i64: 6>} : (tensor<1x3x4x4xf32>) -> tensor<1x3x6x6xf32> }];
  let takes = "input: float [N, C, H, W]\n" # sizesTaken;
  let errors = [{
    input: dtype int64, expected a float
    input: rank 3, expected 4 [N, C, H, W]
  }] # sizeErrors;
}
#endif
