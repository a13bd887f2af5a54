// What the records say about every function, as data: made by nnf-tblgen from dialects/nnf/Functions.td.
#ifndef NNF_COMPILER_BUILDER_FUNCTIONTABLE_H
#define NNF_COMPILER_BUILDER_FUNCTIONTABLE_H

#include <span>
#include <string>
#include <string_view>

namespace nnf {

/// What a parameter takes. The first four are operands of the op, the others attributes.
enum class ParameterKind {
  Tensor,
  Tensors,
  TensorOrNumber,
  TensorOrInts,
  Int,
  IntOrInts,
  Float,
  Bool,
  String,
  Ints,
  Floats,
  IntsOrString,
  DType,
};

/// Required, None by default, or another default.
enum class Presence { Required, Optional, Defaulted };

struct Parameter {
  std::string_view name;
  ParameterKind kind;
  Presence presence;
  std::string_view defaultText; ///< as Python writes it: "1", "'mean'", "None"; empty where required
  bool isOperand() const { return kind <= ParameterKind::TensorOrInts; }
};

/// One result of the op. An optional or variadic one may be missing.
struct FunctionResult {
  std::string_view name;
  bool isOptional, isVariadic;
};

/// Result `result` is the new value of the argument, and no output of the node.
struct FunctionEffect {
  std::string_view argument;
  unsigned result;
};

/// The ONNX operator with the function's meaning, and its first opset version with it.
struct OnnxOperator {
  std::string_view name;
  int since;
};

struct Function {
  std::string_view name, summary;
  std::string_view page; ///< all that docs/ops has below the signature
  std::string_view example;
  std::string_view inplaceTwin; ///< "relu_"; empty: none
  bool hasInplace;              ///< has a parameter inplace=False
  bool draws;                   ///< can draw random numbers
  bool hasDataSize;             ///< its data can decide a size of a result
  std::span<const Parameter> parameters;
  std::span<const FunctionResult> results;
  std::span<const FunctionEffect> effects;
  std::span<const OnnxOperator> onnx;

  const Parameter *parameter(std::string_view name) const;
  /// "conv2d(input, weight, bias=None, stride=1)", as Python writes it.
  std::string signature() const;
};

/// All functions, sorted by name.
std::span<const Function> allFunctions();
/// The function of that name, or null. In-place twins (`relu_`) are found too; `isTwin` then says so.
const Function *findFunction(std::string_view name, bool *isTwin = nullptr);
/// The function or twin whose name is nearest, for "did you mean"; empty when none is near.
std::string_view nearestFunction(std::string_view name);
/// "a tensor", "integers", as messages name what a parameter takes.
std::string_view kindText(ParameterKind kind);

} // namespace nnf
#endif
