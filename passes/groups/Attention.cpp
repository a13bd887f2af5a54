#include "passes/groups/Attention.h"
#include "passes/kernels/Widening.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace nnf {
namespace {

/// Longer vectors than these are rare, and their panels leave the caches.
constexpr int64_t mostElements = 2048;
/// Ops between the products; a search that is longer finds something else.
constexpr size_t mostMembers = 64;

Type elementOf(Value value) { return cast<RankedTensorType>(value.getType()).getElementType(); }

Shape batchOf(Value value) {
  Shape shape = shapeOf(value);
  shape.truncate(shape.size() - 2);
  return shape;
}

bool isRange(ArrayRef<int64_t> dims, int64_t end) { return llvm::equal(dims, llvm::seq<int64_t>(0, end)); }

/// A constant of one value, perhaps repeated.
std::optional<double> numberOf(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<PrimBroadcastOp, PrimReshapeOp>(op))
      break;
    value = op->getOperand(0);
  }
  auto constant = value.getDefiningOp<ConstantOp>();
  auto values = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr();
  if (!values || !values.isSplat() || !isa<FloatType>(values.getElementType()))
    return std::nullopt;
  return values.getSplatValue<APFloat>().convertToDouble();
}

/// select(query >= key, x, -inf)
bool masksLaterKeys(Value logits) {
  auto select = logits.getDefiningOp<PrimSelectOp>();
  auto compare = select ? select.getCondition().getDefiningOp<PrimCompareOp>() : PrimCompareOp();
  if (!compare || compare.getKind() != CompareKind::Ge ||
      numberOf(select.getOnFalse()) != -std::numeric_limits<double>::infinity())
    return false;
  auto query = compare.getLhs().getDefiningOp<PrimIotaOp>(), key = compare.getRhs().getDefiningOp<PrimIotaOp>();
  uint64_t rank = shapeOf(logits).size();
  return query && key && query.getDim() + 2 == rank && key.getDim() + 1 == rank;
}

class Matcher {
public:
  explicit Matcher(PrimDotOp mix) { attention.mix = mix; }

  std::optional<Attention> match();

private:
  template <typename Op> Op take(Value value) {
    auto op = value.getDefiningOp<Op>();
    if (op)
      members.insert(op);
    return op;
  }
  /// Behind a conversion to 16-bit floats and back.
  Value behindRounding(Value weights);
  /// Behind reshapes that split or join the batch.
  Value behindReshapes(Value value);
  /// The result of a reduction of rows, repeated along them.
  PrimReduceOp rowResult(Value repeated, ReduceKind kind);
  /// What a row's weights are where those that count as no number are 0.
  Value behindZeroed(Value weights);
  bool isOfLargest(Value condition);
  bool takeLogits(PrimDotOp scores);
  void takeLogSum();
  bool isClosed() const;

  Attention attention;
  llvm::SetVector<Operation *> members;
  PrimReduceOp largest, total;
};

bool keepsRows(PrimReshapeOp reshape) {
  Shape in = shapeOf(reshape.getInput()), out = shapeOf(reshape.getOutput());
  return in.size() >= 2 && out.size() >= 2 && sameDim(in.back(), out.back()) &&
         sameDim(in.rbegin()[1], out.rbegin()[1]);
}

Value Matcher::behindRounding(Value weights) {
  auto widening = weights.getDefiningOp<PrimConvertOp>();
  auto narrowing =
      widening && isWidening(widening) ? widening.getInput().getDefiningOp<PrimConvertOp>() : PrimConvertOp();
  if (!narrowing || elementOf(narrowing.getInput()) != elementOf(weights))
    return weights;
  members.insert(widening);
  members.insert(narrowing);
  attention.roundsWeights = true;
  return narrowing.getInput();
}

Value Matcher::behindReshapes(Value value) {
  while (auto reshape = value.getDefiningOp<PrimReshapeOp>()) {
    if (!keepsRows(reshape))
      break;
    members.insert(reshape);
    attention.hasOneBatch = false;
    value = reshape.getInput();
  }
  return value;
}

PrimReduceOp Matcher::rowResult(Value repeated, ReduceKind kind) {
  Shape full = shapeOf(repeated);
  int64_t last = static_cast<int64_t>(full.size()) - 1;
  auto broadcast = take<PrimBroadcastOp>(repeated);
  if (!broadcast)
    return {};
  Value row = broadcast.getInput();
  Shape shape = shapeOf(row);
  bool hasOne = shape.size() == full.size() && isConstant(shape.back(), 1);
  if (!isRange(broadcast.getDims(), hasOne ? last + 1 : last))
    return {};
  // Sizes of 1 would be repeated along other dimensions, too.
  for (int64_t i = 0; i < last; ++i)
    if (!sameDim(shape[i], full[i]))
      return {};
  if (hasOne)
    if (auto reshape = take<PrimReshapeOp>(row)) {
      row = reshape.getInput();
      if (!sameShape(shapeOf(row), ArrayRef<Dim>(full).drop_back()))
        return {};
    }
  auto reduce = take<PrimReduceOp>(row);
  if (!reduce || reduce.getKind() != kind || reduce.getBlock() || !llvm::equal(reduce.getDims(), ArrayRef{last}))
    return {};
  return reduce;
}

/// largest == -inf, for each row or for each element of it.
bool Matcher::isOfLargest(Value condition) {
  auto broadcast = condition.getDefiningOp<PrimBroadcastOp>();
  if (!broadcast)
    return false;
  Shape full = shapeOf(condition), rows = shapeOf(broadcast.getInput());
  int64_t last = static_cast<int64_t>(full.size()) - 1;
  auto compare = broadcast.getInput().getDefiningOp<PrimCompareOp>();
  if (!compare || compare.getKind() != CompareKind::Eq || !sameShape(rows, ArrayRef<Dim>(full).drop_back()) ||
      !isRange(broadcast.getDims(), last))
    return false;
  auto reduce = compare.getLhs().getDefiningOp<PrimReduceOp>();
  std::optional<double> bound = numberOf(compare.getRhs());
  if (!reduce || reduce.getKind() != ReduceKind::Max || bound != -std::numeric_limits<double>::infinity())
    return false;
  members.insert(broadcast);
  members.insert(compare);
  largest = reduce; // that of the softmax: match() compares
  return true;
}

Value Matcher::behindZeroed(Value weights) {
  auto select = weights.getDefiningOp<PrimSelectOp>();
  if (!select || numberOf(select.getOnTrue()) != 0.0)
    return weights;
  Value inside = select.getOnFalse();
  if (isOfLargest(select.getCondition())) {
    attention.zeroed = Attention::Zeroed::Masked;
  } else {
    auto compare = select.getCondition().getDefiningOp<PrimCompareOp>();
    if (!compare || compare.getKind() != CompareKind::Ne || compare.getLhs() != inside || compare.getRhs() != inside)
      return weights;
    members.insert(compare);
    attention.zeroed = Attention::Zeroed::NotANumber;
  }
  members.insert(select);
  return inside;
}

/// Adds what lies between `scores` and the logits: ops that work element by element, and reshapes of the batch.
bool Matcher::takeLogits(PrimDotOp scores) {
  Value logits = attention.logits;
  if (scores.getOutput() == logits)
    return true;
  // From the product on: what depends on it must be of that kind up to the logits.
  SmallVector<Operation *> work(scores->user_begin(), scores->user_end());
  llvm::SetVector<Operation *> found;
  while (!work.empty()) {
    Operation *op = work.pop_back_val();
    if (op->getNumResults() != 1 || found.contains(op))
      continue;
    auto reshape = dyn_cast<PrimReshapeOp>(op);
    if (!(op->hasTrait<Elementwise>() || (reshape && keepsRows(reshape))) || found.size() > mostMembers)
      return false;
    found.insert(op);
    if (reshape)
      attention.hasOneBatch = false;
    if (op->getResult(0) != logits)
      llvm::append_range(work, op->getUsers());
  }
  if (!found.contains(logits.getDefiningOp()))
    return false;
  members.insert_range(found);
  return true;
}

/// select(largest == -inf, -inf, largest + log(total)), if it is computed.
void Matcher::takeLogSum() {
  auto isNever = [](Value value) { return numberOf(value) == -std::numeric_limits<double>::infinity(); };
  for (Operation *user : total->getUsers()) {
    auto log = dyn_cast<PrimLogOp>(user);
    auto sum = log && log->hasOneUse() ? dyn_cast<PrimAddOp>(*log->user_begin()) : PrimAddOp();
    auto select = sum && sum->hasOneUse() ? dyn_cast<PrimSelectOp>(*sum->user_begin()) : PrimSelectOp();
    auto compare = select ? select.getCondition().getDefiningOp<PrimCompareOp>() : PrimCompareOp();
    if (!compare || sum.getLhs() != largest.getOutput() || sum.getRhs() != log.getOutput() ||
        select.getOnFalse() != sum.getOutput() || !isNever(select.getOnTrue()) ||
        compare.getKind() != CompareKind::Eq || compare.getLhs() != largest.getOutput() || !isNever(compare.getRhs()))
      continue;
    for (Operation *op : std::initializer_list<Operation *>{log, sum, select, compare})
      members.insert(op);
    attention.logSum = select.getOutput();
    return;
  }
}

bool Matcher::isClosed() const {
  return llvm::all_of(members, [&](Operation *op) {
    return op == attention.mix || (attention.logSum && op == attention.logSum.getDefiningOp()) ||
           llvm::all_of(op->getUsers(), [&](Operation *user) { return members.contains(user); });
  });
}

std::optional<int64_t> fixedSize(ArrayRef<Dim> shape, int64_t dim) {
  std::optional<int64_t> size = constantOf(shape[dim]);
  return size && *size > 0 && *size <= mostElements ? size : std::nullopt;
}

/// One contracted dimension, and on each side one that is neither that nor batch; the batch comes first in the result.
bool isMatrixProduct(PrimDotOp dot) {
  Shape left = shapeOf(dot.getLhs()), right = shapeOf(dot.getRhs());
  return dot.getLhsContract().size() == 1 && left.size() == dot.getLhsBatch().size() + 2 && right.size() == left.size();
}

std::optional<Attention> Matcher::match() {
  PrimDotOp mix = attention.mix;
  auto element = dyn_cast<FloatType>(elementOf(mix.getOutput()));
  if (!element || element.getWidth() < 32 || !isMatrixProduct(mix))
    return std::nullopt;
  int64_t rank = shapeOf(mix.getLhs()).size();
  if (!isRange(mix.getLhsBatch(), rank - 2) || mix.getLhsContract()[0] != rank - 1)
    return std::nullopt;
  members.insert(mix);

  Value weights = behindZeroed(behindReshapes(behindRounding(behindReshapes(mix.getLhs()))));
  auto quotient = take<PrimDivOp>(behindReshapes(weights));
  if (!quotient)
    return std::nullopt;
  auto power = take<PrimExpOp>(quotient.getLhs());
  total = rowResult(quotient.getRhs(), ReduceKind::Add);
  auto shifted = power ? take<PrimSubOp>(power.getInput()) : PrimSubOp();
  if (!shifted || !total || total.getInput() != power.getOutput())
    return std::nullopt;
  attention.logits = shifted.getLhs();
  PrimReduceOp compared = largest;
  largest = rowResult(shifted.getRhs(), ReduceKind::Max);
  if (!largest || largest.getInput() != attention.logits || (compared && compared != largest) ||
      elementOf(attention.logits) != element)
    return std::nullopt;
  attention.largest = largest.getOutput();
  attention.total = total.getOutput();
  takeLogSum();

  // The first product among what the logits are made of whose result nobody else reads.
  llvm::SetVector<Operation *> behind;
  if (Operation *op = attention.logits.getDefiningOp())
    behind.insert(op);
  llvm::SetVector<Operation *> outside = members;
  bool hadOneBatch = attention.hasOneBatch;
  for (size_t i = 0; i < behind.size() && behind.size() <= mostMembers; ++i) {
    Operation *op = behind[i];
    auto scores = dyn_cast<PrimDotOp>(op);
    if (!scores) {
      if (op->hasTrait<Elementwise>() || isa<PrimReshapeOp>(op))
        for (Value operand : op->getOperands())
          if (Operation *producer = operand.getDefiningOp())
            behind.insert(producer);
      continue;
    }
    Shape shape = shapeOf(scores.getOutput());
    members = outside;
    attention.hasOneBatch = hadOneBatch;
    members.insert(scores);
    if (!isMatrixProduct(scores) || elementOf(scores.getOutput()) != element ||
        !fixedSize(shapeOf(scores.getLhs()), scores.getLhsContract()[0]) || !takeLogits(scores) || !isClosed())
      continue;
    Shape logits = shapeOf(attention.logits);
    if (!sameDim(shape.back(), logits.back()) || !sameDim(shape.rbegin()[1], logits.rbegin()[1]))
      continue;
    Shape out = shapeOf(mix.getOutput());
    auto isNothing = [](Dim dim) { return isConstant(dim, 0); };
    if (!fixedSize(out, rank - 1) || llvm::any_of(out, isNothing) || isNothing(shape.back()))
      return std::nullopt;
    attention.scores = scores;
    attention.isCausal = masksLaterKeys(attention.logits);
    attention.members.assign(members.begin(), members.end());
    return attention;
  }
  return std::nullopt;
}

} // namespace

std::optional<Attention> Attention::of(PrimDotOp mix) { return Matcher(mix).match(); }

Shape Attention::scoresBatch() { return batchOf(scores.getOutput()); }
Shape Attention::logitsBatch() { return batchOf(logits); }
Shape Attention::mixBatch() { return batchOf(mix.getOutput()); }

int64_t Attention::depth() { return *constantOf(shapeOf(scores.getLhs())[scores.getLhsContract()[0]]); }
int64_t Attention::columns() { return *constantOf(shapeOf(mix.getOutput()).back()); }

Value beforeViews(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<PrimReshapeOp, PrimTransposeOp, PrimBroadcastOp, PrimSliceOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

std::optional<int64_t> freeDim(ArrayRef<int64_t> batch, ArrayRef<int64_t> contracted, int64_t rank) {
  std::optional<int64_t> found;
  for (int64_t dim = 0; dim < rank; ++dim)
    if (!llvm::is_contained(batch, dim) && !llvm::is_contained(contracted, dim)) {
      if (found)
        return std::nullopt;
      found = dim;
    }
  return found;
}

} // namespace nnf
