#include "dialects/nnf/infer/Arguments.h"
#include "llvm/Support/Format.h"

using namespace mlir;
namespace nnf {

static InFlightDiagnostic dtypeError(Location loc, StringRef argument, Value value) {
  return argumentError(loc, argument) << "dtype " << dtypeName(elementOf(value)) << ", expected ";
}

LogicalResult expectFloat(Location loc, StringRef argument, Value value) {
  if (isFloat(elementOf(value)))
    return success();
  return dtypeError(loc, argument, value) << "a float [NNFC-E0206]";
}

LogicalResult expectIndices(Location loc, StringRef argument, Value value, bool narrow) {
  Type element = elementOf(value);
  if (element.isSignlessInteger(64) || (narrow && element.isSignlessInteger(32)))
    return success();
  return dtypeError(loc, argument, value) << (narrow ? "int64 or int32" : "int64") << " [NNFC-E0206]";
}

LogicalResult expectBool(Location loc, StringRef argument, Value value) {
  if (isBool(elementOf(value)))
    return success();
  return dtypeError(loc, argument, value) << "bool [NNFC-E0206]";
}

LogicalResult expectElement(Location loc, StringRef argument, Value value, Type element, StringRef like) {
  if (!value || elementOf(value) == element)
    return success();
  return dtypeError(loc, argument, value) << dtypeName(element) << " as '" << like << "' has [NNFC-E0206]";
}

LogicalResult expectRank(Location loc, StringRef argument, Value value, Ints ranks, StringRef form) {
  if (llvm::is_contained(ranks, rankOf(value)))
    return success();
  auto error = argumentError(loc, argument) << "rank " << rankOf(value) << ", expected ";
  llvm::interleave(ranks, [&](int64_t rank) { error << rank; }, [&] { error << " or "; });
  return error << " " << form << " [NNFC-E0207]";
}

LogicalResult expectSize(Location loc, StringRef argument, Value value, int64_t dim, Dim expected, StringRef like) {
  Dim found = shapeOf(value)[dim];
  if (agrees(loc, argument, found, expected, dim))
    return success();
  return argumentError(loc, argument) << "size " << toString(found) << " at dimension " << dim << ", expected "
                                      << toString(expected) << " as " << like << " has [NNFC-E0208]";
}

LogicalResult expectShape(Location loc, StringRef argument, Value value, ArrayRef<Dim> shape, StringRef form) {
  if (!value || agree(loc, argument, shapeOf(value), shape))
    return success();
  return argumentError(loc, argument) << "shape " << toString(shapeOf(value)) << ", expected " << form << " = "
                                      << toString(shape) << " [NNFC-E0208]";
}

FailureOr<Dim> sizeOfData(Location loc, DictionaryAttr attributes) {
  auto number = attributes ? attributes.getAs<IntegerAttr>(sizeNumberName) : IntegerAttr();
  if (!number || !number.getType().isInteger(64) || number.getInt() < 0)
    return nodeError(loc) << "its data decide a size: expected an attribute " << sizeNumberName
                          << ", the number (i64) of that size [NNFC-E0136]";
  return sizeOfData(loc.getContext(), number.getInt());
}

LogicalResult expectSizes(Location loc, StringRef argument, Value value, int64_t firstDim) {
  Shape shape = shapeOf(value);
  for (auto [d, dim] : llvm::enumerate(shape))
    if (static_cast<int64_t>(d) >= firstDim &&
        failed(requireSize(loc, argument, dim, dim - 1,
                           "size {value} at dimension " + Twine(d) + ", expected at least 1 [NNFC-E0210]")))
      return failure();
  return success();
}

static thread_local SizeRequirements *collector = nullptr;

CollectRequirements::CollectRequirements(SizeRequirements &found) : outer(collector) { collector = &found; }
CollectRequirements::~CollectRequirements() { collector = outer; }

/// The text with {value} replaced.
static std::string withValue(const llvm::Twine &text, Dim value) {
  std::string result = text.str();
  constexpr StringLiteral mark = "{value}";
  if (size_t at = result.find(mark.str()); at != std::string::npos)
    result.replace(at, mark.size(), toString(value));
  return result;
}

LogicalResult requireSize(Location loc, StringRef argument, Dim value, Dim tested, const llvm::Twine &text) {
  tested = simplify(tested);
  if (std::optional<int64_t> known = constantOf(tested); known && *known < 0)
    return argumentError(loc, argument) << withValue(text, simplify(value));
  if (!isNotNegative(tested) && collector)
    collector->conditions.push_back({argumentMessage(loc, argument, text), simplify(value), tested});
  return success();
}

FailureOr<Dim> requireQuotient(Location loc, StringRef argument, Dim size, Dim divisor, const llvm::Twine &text) {
  MLIRContext *context = loc.getContext();
  if (Dim even = exactQuotient({size}, {divisor}, context))
    return even;
  if ((constantOf(size) && constantOf(divisor)) || isConstant(divisor, 0))
    return argumentError(loc, argument) << withValue(text, size);
  if (failed(requireSize(loc, argument, size, (size % divisor) * -1, text)))
    return failure();
  return simplify(size.floorDiv(divisor));
}

LogicalResult requireEqual(Location loc, StringRef argument, Dim size, Dim expected, const llvm::Twine &text) {
  if (sameDim(size, expected))
    return success();
  if (failed(requireSize(loc, argument, size, size - expected, text)))
    return failure();
  return requireSize(loc, argument, size, expected - size, text);
}

bool agrees(Location loc, StringRef argument, Dim found, Dim expected, int64_t dim) {
  if (sameDim(found, expected))
    return true;
  if (!maybeSameDim(found, expected))
    return false;
  std::string where = " at dimension " + std::to_string(dim) + ", expected ";
  bool isKnown = constantOf(found).has_value();
  std::string text =
      isKnown ? "size " + toString(found) + where + "{value}" : "size {value}" + where + toString(expected);
  // Never an error here: the sizes may be equal.
  if (failed(
          requireEqual(loc, argument, isKnown ? expected : found, isKnown ? found : expected, text + " [NNFC-E0208]")))
    return false;
  if (collector)
    collector->equal.push_back({found, expected});
  return true;
}

bool agree(Location loc, StringRef argument, ArrayRef<Dim> found, ArrayRef<Dim> expected) {
  if (found.size() != expected.size() || !llvm::all_of(llvm::zip(found, expected), [](auto pair) {
        return maybeSameDim(std::get<0>(pair), std::get<1>(pair));
      }))
    return false;
  return llvm::all_of(llvm::seq(found.size()),
                      [&](size_t d) { return agrees(loc, argument, found[d], expected[d], d); });
}

/// `size` is 1 or `other`; {value}, expected `text` or 1.
static LogicalResult requireOneOr(Location loc, StringRef argument, Dim size, Dim other, int64_t dim, Dim text) {
  auto distance = [](Dim a, Dim b) { return maxOf(a - b, b - a); };
  Dim nearest = minOf(distance(size, dimOf(loc.getContext(), 1)), distance(size, other));
  return requireSize(loc, argument, size, nearest * -1,
                     "size {value} at dimension " + Twine(dim) + ", expected " + toString(text) +
                         " or 1 to broadcast [NNFC-E0209]");
}

LogicalResult requireRepeats(Location loc, StringRef argument, Dim size, Dim other, int64_t dim) {
  return requireOneOr(loc, argument, size, other, dim, other);
}

LogicalResult requireJoins(Location loc, StringRef argument, Dim left, Dim right, int64_t dim) {
  Dim joint = jointOf(left, right);
  for (auto [size, other] : {std::pair(left, right), {right, left}})
    if (!sameDim(size, joint) && failed(requireOneOr(loc, argument, size, joint, dim, other)))
      return failure();
  return success();
}

FailureOr<int64_t> wrapDim(Location loc, StringRef argument, int64_t dim, int64_t rank) {
  int64_t bound = std::max<int64_t>(rank, 1);
  if (dim < -bound || dim >= bound)
    return argumentError(loc, argument) << "dimension " << dim << ", expected " << -bound << " to " << bound - 1
                                        << " for rank " << rank << " [NNFC-E0210]";
  return dim < 0 ? dim + bound : dim;
}

FailureOr<IntList> wrapDims(Location loc, StringRef argument, Ints dims, int64_t rank) {
  if (dims.empty())
    return llvm::to_vector(llvm::seq<int64_t>(0, rank));
  IntList wrapped;
  for (int64_t dim : dims) {
    FailureOr<int64_t> one = wrapDim(loc, argument, dim, rank);
    if (failed(one))
      return failure();
    if (llvm::is_contained(wrapped, *one))
      return argumentError(loc, argument) << "dimension " << dim << " twice, expected each once [NNFC-E0211]";
    wrapped.push_back(*one);
  }
  if (rank == 0)
    wrapped.clear();
  return wrapped;
}

FailureOr<IntList> perDim(Location loc, StringRef argument, Ints values, int64_t count, int64_t least) {
  if (values.size() != 1 && static_cast<int64_t>(values.size()) != count)
    return argumentError(loc, argument) << values.size() << " entries, expected 1" << (count == 1 ? "" : " or ")
                                        << (count == 1 ? "" : std::to_string(count)) << " [NNFC-E0212]";
  for (int64_t value : values)
    if (value < least)
      return argumentError(loc, argument) << "value " << value << ", expected at least " << least << " [NNFC-E0213]";
  if (values.size() == 1)
    return IntList(count, values.front());
  return IntList(values);
}

LogicalResult expectWord(Location loc, StringRef argument, StringRef word, ArrayRef<StringRef> words) {
  if (llvm::is_contained(words, word))
    return success();
  auto error = argumentError(loc, argument) << "'" << word << "', expected ";
  llvm::interleave(words, [&](StringRef w) { error << "'" << w << "'"; }, [&] { error << " or "; });
  return error << " [NNFC-E0214]";
}

LogicalResult expectProbability(Location loc, StringRef argument, double value) {
  if (value >= 0 && value <= 1)
    return success();
  return argumentError(loc, argument) << toString(value) << ", expected 0 to 1 [NNFC-E0213]";
}

std::pair<double, double> rangeOf(Type element) {
  double beyond = std::ldexp(1.0, element.getIntOrFloatBitWidth() - !isUnsigned(element));
  return {isUnsigned(element) ? 0 : -beyond, beyond - 1};
}

LogicalResult expectHeld(Location loc, StringRef argument, double number, Type element) {
  if (isFloat(element) || isBool(element))
    return success();
  auto [least, largest] = rangeOf(element);
  if (number <= largest && number >= (isUnsigned(element) ? -largest : least))
    return success();
  return argumentError(loc, argument) << toString(number) << ", expected a number that " << dtypeName(element)
                                      << " can hold [NNFC-E0213]";
}

std::string toString(double number) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.9g", number);
  return text;
}

NumberOp numberOf(Value value) { return value ? value.getDefiningOp<NumberOp>() : NumberOp(); }

std::optional<double> numberAsDouble(Value value) {
  NumberOp number = numberOf(value);
  if (!number)
    return std::nullopt;
  if (auto f = dyn_cast<FloatAttr>(number.getValue()))
    return f.getValueAsDouble();
  auto i = cast<IntegerAttr>(number.getValue());
  if (i.getType().isInteger(1))
    return i.getValue().isZero() ? 0.0 : 1.0;
  return static_cast<double>(i.getValue().getSExtValue());
}

} // namespace nnf
