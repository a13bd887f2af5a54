// Elementwise tensor ops, as in `torch`.
#ifndef NNF_OPS_ELEMENTWISE
#define NNF_OPS_ELEMENTWISE
include "dialects/nnf/NnfBase.td"

class Nnf_UnaryTensorOp<string name> : Nnf_Function<name> {
  let arguments = (ins Nnf_Tensor:$input);
  let results = (outs Nnf_Tensor:$output);
  let takes = "input: any dtype [...]";
  let gives = "output: shape of input; its dtype, float32 for integers and bool";
}
class Nnf_NumberOp<string name> : Nnf_UnaryTensorOp<name> {
  let takes = "input: float or integer [...]";
  let gives = "output: as input";
  let errors = "input: dtype bool, expected a number";
}
class Nnf_Test<string name> : Nnf_UnaryTensorOp<name> {
  let gives = "output: bool, shape of input";
}
class Nnf_BinaryTensorOp<string name> : Nnf_Function<name> {
  let arguments = (ins Nnf_TensorOrNumber:$input, Nnf_TensorOrNumber:$other);
  let results = (outs Nnf_Tensor:$output);
  let takes = "input, other: any dtype; the shapes broadcast";
  let gives = "output: promoted dtype, broadcast shape";
  let errors = "other: shape [2] does not broadcast with [2, 3]: sizes 2 and 3 at dimension 1";
}
class Nnf_Comparison<string name> : Nnf_BinaryTensorOp<name> {
  let gives = "output: bool, broadcast shape";
}

def Nnf_NegOp : Nnf_NumberOp<"neg"> {
  let summary = "Negation";
  let description = [{ Unsigned integers wrap. }];
  let formula = "-input";
  let onnx = [OnnxOp<"Neg", 6>];
  let example = [{ %y = nnf.neg %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_AbsOp : Nnf_NumberOp<"abs"> {
  let summary = "Absolute value";
  let formula = "abs(input)";
  let onnx = [OnnxOp<"Abs", 6>];
  let example = [{ %y = nnf.abs %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_ExpOp : Nnf_UnaryTensorOp<"exp"> {
  let summary = "Exponential";
  let formula = "e^input";
  let onnx = [OnnxOp<"Exp", 6>];
  let example = [{ %y = nnf.exp %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_Expm1Op : Nnf_UnaryTensorOp<"expm1"> {
  let summary = "Exponential less 1, accurate near 0";
  let formula = "e^input - 1";
  let example = [{ %y = nnf.expm1 %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_LogOp : Nnf_UnaryTensorOp<"log"> {
  let summary = "Natural logarithm";
  let formula = "log(input)";
  let onnx = [OnnxOp<"Log", 6>];
  let example = [{ %y = nnf.log %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_Log2Op : Nnf_UnaryTensorOp<"log2"> {
  let summary = "Logarithm to base 2";
  let formula = "log(input) / log(2)";
  let example = [{ %y = nnf.log2 %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_Log1pOp : Nnf_UnaryTensorOp<"log1p"> {
  let summary = "Natural logarithm of 1 + input, accurate near 0";
  let formula = "log(1 + input)";
  let example = [{ %y = nnf.log1p %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_SqrtOp : Nnf_UnaryTensorOp<"sqrt"> {
  let summary = "Square root";
  let formula = "sqrt(input)";
  let onnx = [OnnxOp<"Sqrt", 6>];
  let example = [{ %y = nnf.sqrt %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_RsqrtOp : Nnf_UnaryTensorOp<"rsqrt"> {
  let summary = "Reciprocal of the square root";
  let formula = "1 / sqrt(input)";
  let example = [{ %y = nnf.rsqrt %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_ReciprocalOp : Nnf_UnaryTensorOp<"reciprocal"> {
  let summary = "Reciprocal";
  let formula = "1 / input";
  let onnx = [OnnxOp<"Reciprocal", 6>];
  let example = [{ %y = nnf.reciprocal %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_SquareOp : Nnf_UnaryTensorOp<"square"> {
  let summary = "Square";
  let gives = "output: as input; int64 for bool";
  let formula = "input * input";
  let example = [{ %y = nnf.square %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_SinOp : Nnf_UnaryTensorOp<"sin"> {
  let summary = "Sine";
  let formula = "sin(input)";
  let onnx = [OnnxOp<"Sin", 7>];
  let example = [{ %y = nnf.sin %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_CosOp : Nnf_UnaryTensorOp<"cos"> {
  let summary = "Cosine";
  let formula = "cos(input)";
  let onnx = [OnnxOp<"Cos", 7>];
  let example = [{ %y = nnf.cos %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_TanOp : Nnf_UnaryTensorOp<"tan"> {
  let summary = "Tangent";
  let formula = "sin(input) / cos(input)";
  let onnx = [OnnxOp<"Tan", 7>];
  let example = [{ %y = nnf.tan %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_AtanOp : Nnf_UnaryTensorOp<"atan"> {
  let summary = "Arc tangent";
  let formula = "atan(input)";
  let onnx = [OnnxOp<"Atan", 7>];
  let example = [{ %y = nnf.atan %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_ErfOp : Nnf_UnaryTensorOp<"erf"> {
  let summary = "Error function";
  let formula = "2 / sqrt(pi) * integral of exp(-t^2) from 0 to input";
  let onnx = [OnnxOp<"Erf", 9>];
  let example = [{ %y = nnf.erf %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_FloorOp : Nnf_NumberOp<"floor"> {
  let summary = "Largest integer not above";
  let formula = "floor(input)";
  let onnx = [OnnxOp<"Floor", 6>];
  let example = [{ %y = nnf.floor %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_CeilOp : Nnf_NumberOp<"ceil"> {
  let summary = "Smallest integer not below";
  let formula = "-floor(-input)";
  let onnx = [OnnxOp<"Ceil", 6>];
  let example = [{ %y = nnf.ceil %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_TruncOp : Nnf_NumberOp<"trunc"> {
  let summary = "Integer part";
  let formula = "input < 0 ? ceil(input) : floor(input)";
  let example = [{ %y = nnf.trunc %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_RoundOp : Nnf_Function<"round"> {
  let summary = "Nearest integer, halves to even";
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Int, "0">:$decimals);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float or integer [...]
    decimals: rounds to that many places; 0 for integers
  }];
  let gives = "output: as input";
  let errors = [{
    input: dtype bool, expected a number
    decimals: 1, expected 0 for integers
  }];
  let formula = "round(input * 10^decimals) / 10^decimals";
  let example = [{ %y = nnf.round %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_SignOp : Nnf_UnaryTensorOp<"sign"> {
  let summary = "-1, 0 or 1";
  let description = [{ NaN gives 0. }];
  let gives = "output: as input";
  let formula = "input > 0 ? 1 : input < 0 ? -1 : 0";
  let example = [{ %y = nnf.sign %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_LogicalNotOp : Nnf_Test<"logical_not"> {
  let summary = "Is it zero";
  let formula = "input == 0";
  let example = [{ %y = nnf.logical_not %x : (tensor<4x8xf32>) -> tensor<4x8xi1> }];
}

def Nnf_IsnanOp : Nnf_Test<"isnan"> {
  let summary = "Is it NaN";
  let formula = "input != input";
  let onnx = [OnnxOp<"IsNaN", 9>];
  let example = [{ %y = nnf.isnan %x : (tensor<4x8xf32>) -> tensor<4x8xi1> }];
}

def Nnf_IsinfOp : Nnf_Test<"isinf"> {
  let summary = "Is it infinite";
  let formula = "abs(input) == inf";
  let example = [{ %y = nnf.isinf %x : (tensor<4x8xf32>) -> tensor<4x8xi1> }];
}

def Nnf_AddOp : Nnf_BinaryTensorOp<"add"> {
  let summary = "Sum";
  let arguments = (ins Nnf_TensorOrNumber:$input, Nnf_TensorOrNumber:$other, DefaultValuedAttr<Nnf_Float, "1.0">:$alpha);
  let takes = [{
    input, other: any dtype; the shapes broadcast
    alpha: a number; an integer where the result is no float
  }];
  let errors = [{
    other: shape [2] does not broadcast with [2, 3]: sizes 2 and 3 at dimension 1
    alpha: 0.5, expected an integer for integer tensors
  }];
  let formula = "input + alpha * other";
  let onnx = [OnnxOp<"Add", 7>];
  let example = [{ %y = nnf.add %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_SubOp : Nnf_BinaryTensorOp<"sub"> {
  let summary = "Difference";
  let arguments = (ins Nnf_TensorOrNumber:$input, Nnf_TensorOrNumber:$other, DefaultValuedAttr<Nnf_Float, "1.0">:$alpha);
  let takes = [{
    input, other: float or integer; the shapes broadcast
    alpha: a number; an integer where the result is no float
  }];
  let errors = [{
    input, other: dtype bool, expected a number
    other: shape [2] does not broadcast with [2, 3]: sizes 2 and 3 at dimension 1
    alpha: 0.5, expected an integer for integer tensors
  }];
  let formula = "input - alpha * other";
  let onnx = [OnnxOp<"Sub", 7>];
  let example = [{ %y = nnf.sub %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_MulOp : Nnf_BinaryTensorOp<"mul"> {
  let summary = "Product";
  let formula = "input * other";
  let onnx = [OnnxOp<"Mul", 7>];
  let example = [{ %y = nnf.mul %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_DivOp : Nnf_BinaryTensorOp<"div"> {
  let summary = "Quotient";
  let description = [{ With a rounding_mode integers stay integers. }];
  let arguments = (ins Nnf_TensorOrNumber:$input, Nnf_TensorOrNumber:$other, OptionalAttr<Nnf_String>:$rounding_mode);
  let takes = [{
    input, other: any dtype; the shapes broadcast; with a rounding_mode not both bool
    rounding_mode: 'trunc' or 'floor'; None is the exact quotient
  }];
  let gives = "output: promoted dtype, broadcast shape; float32 for integers without a rounding_mode";
  let errors = [{
    input: dtype bool, expected a number with a rounding_mode
    other: run: 0, expected a divisor other than 0
    other: shape [2] does not broadcast with [2, 3]: sizes 2 and 3 at dimension 1
    rounding_mode: 'up', expected 'trunc' or 'floor'
  }];
  let formula = "input / other, rounded by rounding_mode";
  let example = [{ %y = nnf.div %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_PowOp : Nnf_Function<"pow"> {
  let summary = "Power";
  let arguments = (ins Nnf_TensorOrNumber:$input, Nnf_TensorOrNumber:$exponent);
  let results = (outs Nnf_Tensor:$output);
  let takes = "input, exponent: any dtype, not both bool; the shapes broadcast";
  let gives = "output: promoted dtype, broadcast shape";
  let errors = [{
    input: dtype bool, expected a number
    exponent: -1, expected at least 0 for integers
    exponent: shape [2] does not broadcast with [2, 3]: sizes 2 and 3 at dimension 1
  }];
  let formula = "input ^ exponent";
  let example = [{ %y = nnf.pow %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_MinimumOp : Nnf_BinaryTensorOp<"minimum"> {
  let summary = "The smaller";
  let description = [{ NaN if either is NaN. }];
  let formula = "min(input, other)";
  let example = [{ %y = nnf.minimum %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_MaximumOp : Nnf_BinaryTensorOp<"maximum"> {
  let summary = "The larger";
  let description = [{ NaN if either is NaN. }];
  let formula = "max(input, other)";
  let example = [{ %y = nnf.maximum %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_LogaddexpOp : Nnf_BinaryTensorOp<"logaddexp"> {
  let summary = "Logarithm of the sum of exponentials";
  let description = [{ The larger is taken out first, so nothing overflows. }];
  let takes = "input, other: float; the shapes broadcast";
  let errors = [{
    input: dtype int64, expected a float
    other: shape [2] does not broadcast with [2, 3]: sizes 2 and 3 at dimension 1
  }];
  let formula = "max(input, other) + log(1 + e^-|input - other|)";
  let example = [{ %y = nnf.logaddexp %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_EqOp : Nnf_Comparison<"eq"> {
  let summary = "Equal";
  let formula = "input == other";
  let onnx = [OnnxOp<"Equal", 7>];
  let example = [{ %y = nnf.eq %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xi1> }];
}

def Nnf_NeOp : Nnf_Comparison<"ne"> {
  let summary = "Not equal";
  let formula = "input != other";
  let example = [{ %y = nnf.ne %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xi1> }];
}

def Nnf_LtOp : Nnf_Comparison<"lt"> {
  let summary = "Less";
  let formula = "input < other";
  let onnx = [OnnxOp<"Less", 9>];
  let example = [{ %y = nnf.lt %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xi1> }];
}

def Nnf_LeOp : Nnf_Comparison<"le"> {
  let summary = "Less or equal";
  let formula = "input <= other";
  let onnx = [OnnxOp<"LessOrEqual", 12>];
  let example = [{ %y = nnf.le %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xi1> }];
}

def Nnf_GtOp : Nnf_Comparison<"gt"> {
  let summary = "Greater";
  let formula = "input > other";
  let onnx = [OnnxOp<"Greater", 9>];
  let example = [{ %y = nnf.gt %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xi1> }];
}

def Nnf_GeOp : Nnf_Comparison<"ge"> {
  let summary = "Greater or equal";
  let formula = "input >= other";
  let onnx = [OnnxOp<"GreaterOrEqual", 12>];
  let example = [{ %y = nnf.ge %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xi1> }];
}

def Nnf_LogicalAndOp : Nnf_Comparison<"logical_and"> {
  let summary = "Both are not zero";
  let formula = "input != 0 and other != 0";
  let onnx = [OnnxOp<"And", 7>];
  let example = [{ %y = nnf.logical_and %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xi1> }];
}

def Nnf_LogicalOrOp : Nnf_Comparison<"logical_or"> {
  let summary = "One is not zero";
  let formula = "input != 0 or other != 0";
  let onnx = [OnnxOp<"Or", 7>];
  let example = [{ %y = nnf.logical_or %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xi1> }];
}

def Nnf_LogicalXorOp : Nnf_Comparison<"logical_xor"> {
  let summary = "Just one is not zero";
  let formula = "(input != 0) != (other != 0)";
  let onnx = [OnnxOp<"Xor", 7>];
  let example = [{ %y = nnf.logical_xor %a, %b : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xi1> }];
}

def Nnf_ClampOp : Nnf_Function<"clamp", [AttrSizedOperandSegments]> {
  let summary = "Limits values";
  let description = [{ min > max gives max. }];
  let arguments = (ins Nnf_Tensor:$input, Optional<Nnf_TensorOrNumber>:$min, Optional<Nnf_TensorOrNumber>:$max);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float or integer
    min, max: numbers or tensors that broadcast with input; not both None
  }];
  let gives = "output: promoted dtype, broadcast shape";
  let errors = [{
    min, max: 300, expected a number that int8 can hold
    input: dtype bool, expected a number
    min: missing, expected 'min' or 'max' or both
    min, max: shape [2] does not broadcast with [2, 3]: sizes 2 and 3 at dimension 1
  }];
  let formula = "min(max(input, min), max)";
  let example = [{ %y = nnf.clamp %x, %l, %h {operandSegmentSizes = array<i32: 1, 1, 1>} : (tensor<4x8xf32>, tensor<8xf32>, tensor<8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_WhereOp : Nnf_Function<"where"> {
  let summary = "Chooses element by element";
  let arguments = (ins Nnf_Tensor:$condition, Nnf_TensorOrNumber:$input, Nnf_TensorOrNumber:$other);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    condition: bool or uint8, of which 0 is false
    input, other: any dtype; the shapes of all three broadcast
  }];
  let gives = "output: dtype promoted from input and other, broadcast shape";
  let errors = [{
    condition: dtype int64, expected bool
    input, other: shape [2] does not broadcast with [2, 3]: sizes 2 and 3 at dimension 1
  }];
  let formula = "condition ? input : other";
  let onnx = [OnnxOp<"Where", 9>];
  let example = [{ %y = nnf.where %c, %a, %b : (tensor<4x8xi1>, tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_MaskedFillOp : Nnf_Function<"masked_fill"> {
  let summary = "Writes a number where a mask is true";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$mask, Nnf_TensorOrNumber:$value);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    mask: bool; it broadcasts with input
    value: a number or a scalar tensor, cast to the dtype of input
  }];
  let gives = "output: dtype of input, broadcast shape";
  let errors = [{
    mask: dtype int64, expected bool
    mask: shape [2] does not broadcast with [2, 3]: sizes 2 and 3 at dimension 1
    value: rank 1, expected a number or a scalar
    value: 300, expected a number that int8 can hold
  }];
  let formula = "mask ? value : input";
  let example = [{ %y = nnf.masked_fill %x, %m, %v : (tensor<4x8xf32>, tensor<8xi1>, tensor<f32>) -> tensor<4x8xf32> }];
}

def Nnf_ToOp : Nnf_Function<"to"> {
  let summary = "Another dtype";
  let description = [{ A float becomes an integer by truncation, with saturation, NaN as 0; bool by input != 0. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_DType:$dtype);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dtype: any dtype
  }];
  let gives = "output: dtype, shape of input";
  let formula = "dtype(input)";
  let example = [{ %y = nnf.to %x {dtype = f64} : (tensor<4x8xf32>) -> tensor<4x8xf64> }];
}
#endif
