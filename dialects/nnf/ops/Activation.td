// Activations: functions of one element each, and glu.
#ifndef NNF_OPS_ACTIVATION
#define NNF_OPS_ACTIVATION
include "dialects/nnf/NnfBase.td"

// One tensor of any rank; the result is like it.
class Nnf_Activation<string name> : Nnf_Function<name> {
  let arguments = (ins Nnf_Tensor:$input);
  let results = (outs Nnf_Tensor:$output);
  let takes = "input: float [...]";
  let gives = "output: as input";
  let errors = "input: dtype int64, expected a float";
}

def Nnf_ThresholdOp : Nnf_Activation<"threshold"> {
  let summary = "Keeps what lies above a threshold";
  let description = [{ NaN stays NaN. }];
  let arguments = (ins Nnf_Tensor:$input,
      Nnf_Float:$threshold, Nnf_Float:$value);
  let takes = [{
    input: float or integer [...]
    threshold: any number
    value: any number; it is cast to the dtype of input
  }];
  let errors = [{
    input: dtype bool, expected a float or an integer
    threshold, value: 300, expected a number that int8 can hold
  }];
  let formula = "input > threshold ? input : value";
  let example = [{ %y = nnf.threshold %x {threshold = 0.1, value = 20.0} : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
  let inplaceTwin = "threshold_";
  let hasInplace = 1;
}

def Nnf_ReluOp : Nnf_Activation<"relu"> {
  let summary = "Rectified linear unit";
  let description = [{ NaN stays NaN. }];
  let takes = "input: float or integer [...]";
  let errors = "input: dtype bool, expected a float or an integer";
  let formula = "max(input, 0)";
  let source = "Nair and Hinton 2010";
  let onnx = [OnnxOp<"Relu", 1>];
  let example = [{ %y = nnf.relu %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
  let inplaceTwin = "relu_";
  let hasInplace = 1;
}

def Nnf_HardtanhOp : Nnf_Activation<"hardtanh"> {
  let summary = "Clips to an interval";
  let description = [{ NaN stays NaN; min_val > max_val gives max_val. }];
  let arguments = (ins Nnf_Tensor:$input,
      DefaultValuedAttr<Nnf_Float, "-1.0">:$min_val, DefaultValuedAttr<Nnf_Float, "1.0">:$max_val);
  let takes = [{
    input: float or signed integer [...]
    min_val, max_val: the bounds
  }];
  let errors = [{
    input: dtype uint8, expected a float or a signed integer
    min_val, max_val: 300, expected a number that int8 can hold
  }];
  let formula = "min(max(input, min_val), max_val)";
  let source = "Collobert 2004";
  let example = [{ %y = nnf.hardtanh %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
  let inplaceTwin = "hardtanh_";
  let hasInplace = 1;
}

def Nnf_Relu6Op : Nnf_Activation<"relu6"> {
  let summary = "Clips to 0..6";
  let description = [{ NaN stays NaN. }];
  let takes = "input: float or integer [...]";
  let errors = "input: dtype bool, expected a float or an integer";
  let formula = "min(max(input, 0), 6)";
  let source = "Krizhevsky 2010";
  let example = [{ %y = nnf.relu6 %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
  let hasInplace = 1;
}

def Nnf_EluOp : Nnf_Activation<"elu"> {
  let summary = "Exponential linear unit";
  let description = [{ NaN stays NaN; -inf gives -alpha. }];
  let arguments = (ins Nnf_Tensor:$input,
      DefaultValuedAttr<Nnf_Float, "1.0">:$alpha);
  let takes = [{
    input: float [...]
    alpha: any number
  }];
  let formula = "input > 0 ? input : alpha * (exp(input) - 1)";
  let source = "Clevert et al. 2016";
  let onnx = [OnnxOp<"Elu", 6>];
  let example = [{ %y = nnf.elu %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
  let inplaceTwin = "elu_";
  let hasInplace = 1;
}

def Nnf_SeluOp : Nnf_Activation<"selu"> {
  let summary = "Self-normalising exponential linear unit";
  let description = [{ NaN stays NaN. }];
  let formula = "1.0507009873554805 * (input > 0 ? input : 1.6732632423543772 * (exp(input) - 1))";
  let source = "Klambauer et al. 2017";
  let example = [{ %y = nnf.selu %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
  let inplaceTwin = "selu_";
  let hasInplace = 1;
}

def Nnf_CeluOp : Nnf_Activation<"celu"> {
  let summary = "Continuously differentiable exponential linear unit";
  let arguments = (ins Nnf_Tensor:$input,
      DefaultValuedAttr<Nnf_Float, "1.0">:$alpha);
  let takes = [{
    input: float [...]
    alpha: any number but 0, also a negative one
  }];
  let errors = [{
    input: dtype int64, expected a float
    alpha: 0, expected any other number
  }];
  let formula = "input > 0 ? input : alpha * (exp(input / alpha) - 1)";
  let source = "Barron 2017";
  let onnx = [OnnxOp<"Celu", 12>];
  let example = [{ %y = nnf.celu %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
  let inplaceTwin = "celu_";
  let hasInplace = 1;
}

def Nnf_LeakyReluOp : Nnf_Activation<"leaky_relu"> {
  let summary = "Rectified linear unit that leaks";
  let description = [{ NaN stays NaN. }];
  let arguments = (ins Nnf_Tensor:$input,
      DefaultValuedAttr<Nnf_Float, "0.01">:$negative_slope);
  let takes = [{
    input: float [...]
    negative_slope: any number, also a negative one
  }];
  let formula = "input > 0 ? input : negative_slope * input";
  let source = "Maas et al. 2013";
  let example = [{ %y = nnf.leaky_relu %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
  let inplaceTwin = "leaky_relu_";
  let hasInplace = 1;
}

def Nnf_PreluOp : Nnf_Activation<"prelu"> {
  let summary = "Leaky unit with a learned slope";
  let arguments = (ins Nnf_Tensor:$input,
      Nnf_Tensor:$weight);
  let takes = [{
    input: float [...]
    weight: dtype of input; [], [1] or [C], where C is size 1 of input (1 for rank 0 and 1)
  }];
  let errors = [{
    input: dtype int64, expected a float
    weight: dtype float64, expected float32 as 'input' has
    weight: rank 2, expected 0 or 1 [], [1] or [C]
    weight: shape [7], expected [C] = [8]
  }];
  let formula = "input > 0 ? input : weight * input";
  let source = "He et al. 2015";
  let example = [{ %y = nnf.prelu %x, %w : (tensor<4x8xf32>, tensor<8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_RreluOp : Nnf_Activation<"rrelu"> {
  let summary = "Leaky unit with a random slope";
  let arguments = (ins Nnf_Tensor:$input,
      DefaultValuedAttr<Nnf_Float, "1.0/8">:$lower, DefaultValuedAttr<Nnf_Float, "1.0/3">:$upper,
      DefaultValuedAttr<Nnf_Bool, "false">:$training);
  let takes = [{
    input: float [...]
    lower, upper: the bounds of the slope
    training: draws a slope for each element that is not above 0; otherwise their mean is taken
  }];
  let errors = [{
    input: dtype int64, expected a float
    lower: 0.5, expected at most 'upper', 0.25
  }];
  let formula = "input > 0 ? input : (lower + upper) / 2 * input";
  let source = "Xu et al. 2015";
  let example = [{ %y = nnf.rrelu %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
  let inplaceTwin = "rrelu_";
  let draws = 1;
  let hasInplace = 1;
}

def Nnf_GeluOp : Nnf_Activation<"gelu"> {
  let summary = "Gaussian error linear unit";
  let description = [{ -inf gives NaN. }];
  let arguments = (ins Nnf_Tensor:$input,
      DefaultValuedStrAttr<Nnf_String, "none">:$approximate);
  let takes = [{
    input: float [...]
    approximate: 'none' or 'tanh'
  }];
  let errors = [{
    input: dtype int64, expected a float
    approximate: 'erf', expected 'none' or 'tanh'
  }];
  let formula = "input / 2 * (1 + erf(input / sqrt(2))); tanh: input / 2 * (1 + tanh(sqrt(2 / pi) * (input + 0.044715 * input^3)))";
  let source = "Hendrycks and Gimpel 2016, section 2";
  let onnx = [OnnxOp<"Gelu", 20>];
  let example = [{ %y = nnf.gelu %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_LogsigmoidOp : Nnf_Activation<"logsigmoid"> {
  let summary = "Logarithm of the sigmoid";
  let description = [{ Never overflows. }];
  let formula = "min(input, 0) - log1p(exp(-abs(input)))";
  let example = [{ %y = nnf.logsigmoid %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_HardshrinkOp : Nnf_Activation<"hardshrink"> {
  let summary = "Zero within an interval";
  let description = [{ NaN stays NaN. }];
  let arguments = (ins Nnf_Tensor:$input,
      DefaultValuedAttr<Nnf_Float, "0.5">:$lambd);
  let takes = [{
    input: float [...]
    lambd: half of the interval; below 0 the function is the identity
  }];
  let formula = "-lambd <= input <= lambd ? 0 : input";
  let example = [{ %y = nnf.hardshrink %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_SoftshrinkOp : Nnf_Activation<"softshrink"> {
  let summary = "Shrinks towards zero";
  let description = [{ NaN stays NaN. }];
  let arguments = (ins Nnf_Tensor:$input,
      DefaultValuedAttr<Nnf_Float, "0.5">:$lambd);
  let takes = [{
    input: float [...]
    lambd: at least 0
  }];
  let errors = [{
    input: dtype int64, expected a float
    lambd: -1, expected at least 0
  }];
  let formula = "input > lambd ? input - lambd : input < -lambd ? input + lambd : 0";
  let example = [{ %y = nnf.softshrink %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_TanhshrinkOp : Nnf_Activation<"tanhshrink"> {
  let summary = "What tanh takes away";
  let takes = "input: float or integer [...]";
  let gives = "output: shape of input; its dtype, float32 for integers";
  let errors = "input: dtype bool, expected a float or an integer";
  let formula = "input - tanh(input)";
  let example = [{ %y = nnf.tanhshrink %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_SoftsignOp : Nnf_Activation<"softsign"> {
  let summary = "A slower tanh";
  let description = [{ Infinities give NaN. }];
  let takes = "input: float or integer [...]";
  let gives = "output: shape of input; its dtype, float32 for integers";
  let errors = "input: dtype bool, expected a float or an integer";
  let formula = "input / (1 + abs(input))";
  let onnx = [OnnxOp<"Softsign", 1>];
  let example = [{ %y = nnf.softsign %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_SoftplusOp : Nnf_Activation<"softplus"> {
  let summary = "A smooth relu";
  let arguments = (ins Nnf_Tensor:$input,
      DefaultValuedAttr<Nnf_Float, "1.0">:$beta, DefaultValuedAttr<Nnf_Float, "20.0">:$threshold);
  let takes = [{
    input: float [...]
    beta: any number, also a negative one
    threshold: where `input * beta` is above it, the value is input
  }];
  let formula = "input * beta > threshold ? input : log1p(exp(input * beta)) / beta";
  let source = "Glorot et al. 2011";
  let example = [{ %y = nnf.softplus %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_TanhOp : Nnf_Activation<"tanh"> {
  let summary = "Hyperbolic tangent";
  let takes = "input: any dtype [...]";
  let gives = "output: shape of input; its dtype, float32 for integers and bool";
  let errors = "";
  let formula = "tanh(input)";
  let onnx = [OnnxOp<"Tanh", 6>];
  let example = [{ %y = nnf.tanh %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_SigmoidOp : Nnf_Activation<"sigmoid"> {
  let summary = "Logistic function";
  let description = [{ Never overflows. }];
  let takes = "input: any dtype [...]";
  let gives = "output: shape of input; its dtype, float32 for integers and bool";
  let errors = "";
  let formula = "1 / (1 + exp(-input))";
  let onnx = [OnnxOp<"Sigmoid", 6>];
  let example = [{ %y = nnf.sigmoid %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
}

def Nnf_SiluOp : Nnf_Activation<"silu"> {
  let summary = "Sigmoid linear unit, also swish";
  let description = [{ -inf gives NaN. }];
  let formula = "input * sigmoid(input)";
  let source = "Elfwing et al. 2017";
  let example = [{ %y = nnf.silu %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
  let hasInplace = 1;
}

def Nnf_MishOp : Nnf_Activation<"mish"> {
  let summary = "Self-regularised activation";
  let formula = "input * tanh(log1p(exp(input)))";
  let source = "Misra 2019";
  let onnx = [OnnxOp<"Mish", 18>];
  let example = [{ %y = nnf.mish %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
  let hasInplace = 1;
}

def Nnf_HardswishOp : Nnf_Activation<"hardswish"> {
  let summary = "Piecewise swish";
  let description = [{ NaN stays NaN. }];
  let formula = "input * min(max(input + 3, 0), 6) / 6";
  let source = "Howard et al. 2019";
  let onnx = [OnnxOp<"HardSwish", 14>];
  let example = [{ %y = nnf.hardswish %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
  let hasInplace = 1;
}

def Nnf_HardsigmoidOp : Nnf_Activation<"hardsigmoid"> {
  let summary = "Piecewise sigmoid";
  let description = [{ NaN stays NaN. }];
  let formula = "min(max(input + 3, 0), 6) / 6";
  let source = "Courbariaux et al. 2015";
  let example = [{ %y = nnf.hardsigmoid %x : (tensor<4x8xf32>) -> tensor<4x8xf32> }];
  let hasInplace = 1;
}

def Nnf_GluOp : Nnf_Activation<"glu"> {
  let summary = "Gated linear unit";
  let description = [{ a and b are the halves of input along dim. }];
  let arguments = (ins Nnf_Tensor:$input,
      DefaultValuedAttr<Nnf_Int, "-1">:$dim);
  let takes = [{
    input: float, rank 1 or more
    dim: the dimension that is halved; its size is even
  }];
  let gives = "output: as input, with half the size at dim";
  let errors = [{
    input: dtype int64, expected a float
    input: rank 0, expected at least 1
    input: size 3 at dimension 1, expected an even size
  }];
  let formula = "a * sigmoid(b)";
  let source = "Dauphin et al. 2016";
  let example = [{ %y = nnf.glu %x : (tensor<4x8xf32>) -> tensor<4x4xf32> }];
}
#endif
