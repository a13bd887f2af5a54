// What result types are inferred from: checks of arguments that say what was found and what was expected.
#ifndef NNF_DIALECTS_NNF_INFER_ARGUMENTS_H
#define NNF_DIALECTS_NNF_INFER_ARGUMENTS_H

#include "dialects/nnf/Families.h"
#include "dialects/nnf/Nnf.h"

namespace nnf {

using Ints = llvm::ArrayRef<int64_t>;
using IntList = llvm::SmallVector<int64_t>;

/// Begins the inference of `Op`, which is also its verifier: a body with `loc`, `op` (operands and parameters) and
/// `types` (results, to be filled).
#define NNF_INFER(Op)                                                                                                  \
  static llvm::LogicalResult infer##Op(mlir::Location loc, Op::Adaptor op, llvm::SmallVectorImpl<mlir::Type> &types);  \
  llvm::LogicalResult Op::inferReturnTypes(mlir::MLIRContext *context, std::optional<mlir::Location> location,         \
                                           Adaptor adaptor, llvm::SmallVectorImpl<mlir::Type> &types) {                \
    return infer##Op(location.value_or(mlir::UnknownLoc::get(context)), adaptor, types);                               \
  }                                                                                                                    \
  static llvm::LogicalResult infer##Op(mlir::Location loc, Op::Adaptor op, llvm::SmallVectorImpl<mlir::Type> &types)

/// Inference of `Op` by a rule it shares with others: rule(loc, op, types, further arguments).
#define NNF_INFER_BY(Op, rule, ...)                                                                                    \
  NNF_INFER(Op) { return rule(loc, op, types __VA_OPT__(, ) __VA_ARGS__); }

// ---- element types

inline mlir::Type elementOf(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType()).getElementType();
}
inline int64_t rankOf(mlir::Value value) { return llvm::cast<mlir::RankedTensorType>(value.getType()).getRank(); }
inline bool isFloat(mlir::Type element) { return llvm::isa<mlir::FloatType>(element); }
inline bool isBool(mlir::Type element) { return element.isInteger(1); }
/// An integer other than bool.
inline bool isInt(mlir::Type element) { return llvm::isa<mlir::IntegerType>(element) && !isBool(element); }
inline bool isUnsigned(mlir::Type element) {
  return isBool(element) || (isInt(element) && llvm::cast<mlir::IntegerType>(element).isUnsigned());
}
/// float16 or bfloat16.
inline bool isHalf(mlir::Type element) { return isFloat(element) && element.getIntOrFloatBitWidth() == 16; }

llvm::LogicalResult expectFloat(mlir::Location loc, llvm::StringRef argument, mlir::Value value);
/// int64, or int32 where `narrow` allows it.
llvm::LogicalResult expectIndices(mlir::Location loc, llvm::StringRef argument, mlir::Value value, bool narrow);
llvm::LogicalResult expectBool(mlir::Location loc, llvm::StringRef argument, mlir::Value value);
/// The element type is `element`, that of argument `like`. A null value passes: an argument left out.
llvm::LogicalResult expectElement(mlir::Location loc, llvm::StringRef argument, mlir::Value value, mlir::Type element,
                                  llvm::StringRef like = "input");

// ---- ranks and sizes

/// The rank is one of `ranks`; `form` says what the dimensions are: "[N, C, H, W] or [C, H, W]".
llvm::LogicalResult expectRank(mlir::Location loc, llvm::StringRef argument, mlir::Value value, Ints ranks,
                               llvm::StringRef form);
/// Dimension `dim` has `expected` elements, as `like` has: "the last dimension of 'input'".
llvm::LogicalResult expectSize(mlir::Location loc, llvm::StringRef argument, mlir::Value value, int64_t dim,
                               Dim expected, llvm::StringRef like);
/// The shape is `shape`, dimension by dimension the same; `form` names it: "[C]". A null value passes.
llvm::LogicalResult expectShape(mlir::Location loc, llvm::StringRef argument, mlir::Value value,
                                llvm::ArrayRef<Dim> shape, llvm::StringRef form);
/// No size from dimension `firstDim` on is below 1.
llvm::LogicalResult expectSizes(mlir::Location loc, llvm::StringRef argument, mlir::Value value, int64_t firstDim);

// ---- sizes that only the run knows

/// The size that the data of the node with these attributes decide (Nnf_Function::hasDataSize).
llvm::FailureOr<Dim> sizeOfData(mlir::Location loc, mlir::DictionaryAttr attributes);

/// A condition that a run's sizes must meet: `tested` is not negative. In the message {value} is `value`.
struct SizeRequirement {
  std::string message;
  Dim value, tested;
};

/// What a run's sizes must meet for an op to be what its inference takes it for.
struct SizeRequirements {
  llvm::SmallVector<SizeRequirement> conditions;
  /// Sizes that the conditions make equal, though their expressions differ.
  llvm::SmallVector<std::pair<Dim, Dim>> equal;
};

/// While one lives, what inference on this thread cannot judge is added to `found`: decomposition makes nnf.require of
/// the conditions. Otherwise it is taken to hold, since the same inference is run again then.
class CollectRequirements {
public:
  explicit CollectRequirements(SizeRequirements &found);
  ~CollectRequirements();
  CollectRequirements(const CollectRequirements &) = delete;
  CollectRequirements &operator=(const CollectRequirements &) = delete;

private:
  SizeRequirements *outer;
};

/// `tested` must not be negative: an error now where that is known, else a requirement of the run. {value} in the text
/// is `value`: "size {value} at dimension 2, expected at least 1".
llvm::LogicalResult requireSize(mlir::Location loc, llvm::StringRef argument, Dim value, Dim tested,
                                const llvm::Twine &text);
/// size / divisor, which must come out even; "{value} channels, expected a multiple of 4".
llvm::FailureOr<Dim> requireQuotient(mlir::Location loc, llvm::StringRef argument, Dim size, Dim divisor,
                                     const llvm::Twine &text);
/// The two sizes must be equal.
llvm::LogicalResult requireEqual(mlir::Location loc, llvm::StringRef argument, Dim size, Dim expected,
                                 const llvm::Twine &text);

/// Whether dimension `dim` has `expected` elements. Where only the run knows, it is required to find so, and the op is
/// decomposed as if the sizes were one. False where it can never be: the caller says what it expected.
bool agrees(mlir::Location loc, llvm::StringRef argument, Dim found, Dim expected, int64_t dim);
/// The same for all sizes of two shapes.
bool agree(mlir::Location loc, llvm::StringRef argument, llvm::ArrayRef<Dim> found, llvm::ArrayRef<Dim> expected);
/// The size of dimension `dim`, which is no number or 1, is repeated to `other` where it is 1, and else equal to it.
llvm::LogicalResult requireRepeats(mlir::Location loc, llvm::StringRef argument, Dim size, Dim other, int64_t dim);
/// Two sizes of dimension `dim`, not both numbers, broadcast: they are equal, or one is 1.
llvm::LogicalResult requireJoins(mlir::Location loc, llvm::StringRef argument, Dim left, Dim right, int64_t dim);

// ---- parameters

/// A dimension of a tensor of this rank, counted from 0; negative ones count from the end. A scalar counts as rank 1.
llvm::FailureOr<int64_t> wrapDim(mlir::Location loc, llvm::StringRef argument, int64_t dim, int64_t rank);
/// The same for several, none twice, in the order given. None given: all dimensions.
llvm::FailureOr<IntList> wrapDims(mlir::Location loc, llvm::StringRef argument, Ints dims, int64_t rank);
/// One entry for each of `count` dimensions from one or `count` entries, none below `least`.
llvm::FailureOr<IntList> perDim(mlir::Location loc, llvm::StringRef argument, Ints values, int64_t count,
                                int64_t least);
llvm::LogicalResult expectWord(mlir::Location loc, llvm::StringRef argument, llvm::StringRef word,
                               llvm::ArrayRef<llvm::StringRef> words);

/// The least and the largest number of an integer type; those of 64 bits as the nearest double.
std::pair<double, double> rangeOf(mlir::Type element);
/// A number that becomes one of `element`: an integer type must hold it. As in PyTorch, negative ones wrap in unsigned
/// types, and what is behind the point is dropped.
llvm::LogicalResult expectHeld(mlir::Location loc, llvm::StringRef argument, double number, mlir::Type element);

llvm::LogicalResult expectProbability(mlir::Location loc, llvm::StringRef argument, double value);

/// "0.5", "1e-12": a parameter's number in a message.
std::string toString(double number);

/// The number that `value` is, when it was given as one.
NumberOp numberOf(mlir::Value value);
/// That number as a double; none where `value` is a tensor.
std::optional<double> numberAsDouble(mlir::Value value);

// ---- rules several functions share

/// One floating input; the result is like it.
template <typename Adaptor>
llvm::LogicalResult likeFloatInput(mlir::Location loc, Adaptor op, llvm::SmallVectorImpl<mlir::Type> &types) {
  types.push_back(op.getInput().getType());
  return expectFloat(loc, "input", op.getInput());
}
/// One input of any type; the result is like it.
template <typename Adaptor>
llvm::LogicalResult likeInput(mlir::Location, Adaptor op, llvm::SmallVectorImpl<mlir::Type> &types) {
  types.push_back(op.getInput().getType());
  return llvm::success();
}
/// One input; integers and bool give float32.
template <typename Adaptor>
llvm::LogicalResult floatOfInput(mlir::Location, Adaptor op, llvm::SmallVectorImpl<mlir::Type> &types) {
  mlir::Type element = elementOf(op.getInput());
  if (!isFloat(element))
    element = mlir::Float32Type::get(element.getContext());
  types.push_back(tensorOf(shapeOf(op.getInput()), element));
  return llvm::success();
}

} // namespace nnf
#endif
