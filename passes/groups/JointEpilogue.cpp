#include "passes/groups/JointEpilogue.h"

using namespace mlir;
namespace nnf {
namespace {

/// Longer epilogues are found by nobody: kernels end before.
constexpr size_t mostSteps = 24;

int64_t columnsOf(Value value) { return *constantOf(shapeOf(value).back()); }

/// What a constant holds for each column: a vector of them, or one number (rank 0). Null for anything else.
Value columnConstant(Value value, Constness &constness) {
  if (auto constant = value.getDefiningOp<ConstantOp>()) {
    auto values = dyn_cast<DenseElementsAttr>(constant.getValue());
    return values && values.isSplat() ? value : Value();
  }
  auto broadcast = value.getDefiningOp<PrimBroadcastOp>();
  if (!broadcast || !constness.isConstant(broadcast.getInput()))
    return {};
  int64_t last = static_cast<int64_t>(shapeOf(value).size()) - 1;
  for (auto [dim, size] : llvm::zip(broadcast.getDims(), shapeOf(broadcast.getInput())))
    if (dim != last && !isConstant(size, 1))
      return {};
  return broadcast.getInput();
}

/// The one number of a constant.
std::optional<double> numberOf(Value value) {
  auto constant = value.getDefiningOp<ConstantOp>();
  auto values = constant ? dyn_cast<DenseElementsAttr>(constant.getValue()) : DenseElementsAttr();
  if (!values || !values.isSplat() || !isa<FloatType>(values.getElementType()))
    return std::nullopt;
  return values.getSplatValue<APFloat>().convertToDouble();
}

/// What leaves x as it is in `op` at operand `at`.
std::optional<double> neutral(Operation *op, unsigned at) {
  if (isa<PrimAddOp>(op))
    return -0.0; // x + 0.0 would make 0.0 of -0.0
  if (isa<PrimMulOp>(op))
    return 1.0;
  if (isa<PrimMaxOp>(op))
    return -std::numeric_limits<double>::infinity();
  if (isa<PrimMinOp>(op))
    return std::numeric_limits<double>::infinity();
  if (at == 1 && isa<PrimSubOp>(op))
    return 0.0;
  if (at == 1 && isa<PrimDivOp>(op))
    return 1.0;
  return std::nullopt;
}

bool canBeStep(Operation *op) { return op->hasTrait<Elementwise>() && op->getNumResults() == 1; }

} // namespace

JointEpilogue::JointEpilogue(ArrayRef<Operation *> products, Constness &constness) : constness(constness) {
  Parts results;
  for (Operation *product : products)
    results.push_back(product->getResult(0));
  values.push_back(results);
  while (steps.size() < mostSteps && (takeCommonStep() || takeColumnStep()))
    if (std::optional<size_t> found = exit())
      exitAt = *found;
  // What came after the last exit is no part of it.
  for (const Step &step : ArrayRef(steps).drop_front(exitAt))
    for (Operation *op : step.ops)
      taken.erase(op);
  steps.truncate(exitAt);
}

/// The latest of `values` where it is a product's.
std::optional<size_t> JointEpilogue::valueAt(size_t part, Value value) const {
  for (size_t i = values.size(); i-- > 0;)
    if (values[i][part] == value)
      return i;
  return std::nullopt;
}

std::optional<JointEpilogue::Step> JointEpilogue::stepWith(Operation *first, size_t from) {
  Step step;
  step.ops.push_back(first);
  for (Value operand : first->getOperands()) {
    std::optional<size_t> at = valueAt(0, operand);
    if (!at && !columnConstant(operand, constness))
      return std::nullopt;
    step.operands.push_back(at);
  }
  for (size_t part = 1; part < values[from].size(); ++part) {
    auto matches = [&](Operation *op) {
      if (op->getName() != first->getName() || isStep(op) || op->getAttrDictionary() != first->getAttrDictionary() ||
          Primitives::elementOf(op->getResult(0)) != Primitives::elementOf(first->getResult(0)))
        return false;
      for (auto [operand, at] : llvm::zip(op->getOperands(), step.operands))
        if (valueAt(part, operand) != at || (!at && !columnConstant(operand, constness)))
          return false;
      return true;
    };
    auto users = values[from][part].getUsers();
    auto found = llvm::find_if(users, matches);
    if (found == users.end())
      return std::nullopt;
    step.ops.push_back(*found);
  }
  return step;
}

bool JointEpilogue::takeCommonStep() {
  for (size_t from = 0; from < values.size(); ++from)
    for (Operation *user : values[from][0].getUsers())
      if (canBeStep(user) && !isStep(user))
        if (std::optional<Step> step = stepWith(user, from)) {
          take(*step);
          return true;
        }
  return false;
}

/// Some of the products change their columns by constants, and read the result instead.
bool JointEpilogue::takeColumnStep() {
  if (values.front().size() == 1 || exit() != values.size() - 1)
    return false;
  for (Value first : values.back()) {
    Operation *model = first.hasOneUse() ? *first.user_begin() : nullptr;
    if (!model || !canBeStep(model) || model->getNumOperands() != 2)
      continue;
    unsigned at = model->getOperand(0) == first ? 1 : 0;
    if (!isa<FloatType>(Primitives::elementOf(first)) || !neutral(model, at))
      continue;
    Step step;
    step.operands = {values.size() - 1, values.size() - 1};
    step.operands[at] = std::nullopt;
    bool any = false;
    for (Value value : values.back()) {
      Operation *op = value.hasOneUse() ? *value.user_begin() : nullptr;
      bool takes = op && op->getName() == model->getName() && op->getOperand(1 - at) == value &&
                   columnConstant(op->getOperand(at), constness);
      step.ops.push_back(takes ? op : nullptr);
      any |= takes;
    }
    if (any) {
      take(step);
      return true;
    }
  }
  return false;
}

void JointEpilogue::take(Step step) {
  Parts results;
  for (auto [part, op] : llvm::enumerate(step.ops)) {
    results.push_back(op ? op->getResult(0) : values.back()[part]);
    if (op)
      taken.insert(op);
  }
  values.push_back(results);
  steps.push_back(std::move(step));
}

std::optional<size_t> JointEpilogue::exit() const {
  std::optional<size_t> found;
  for (size_t part = 0; part < values.front().size(); ++part)
    for (const Parts &parts : values) {
      auto isInside = [&](Operation *op) { return isStep(op); };
      if (llvm::all_of(parts[part].getUsers(), isInside))
        continue;
      std::optional<size_t> at = valueAt(part, parts[part]);
      if (found && *found != *at)
        return std::nullopt;
      found = at;
    }
  return found;
}

std::string JointEpilogue::text() const {
  std::string text;
  llvm::raw_string_ostream out(text);
  for (const Step &step : steps) {
    Operation *op = step.model();
    bool ofColumns = false;
    for (auto [i, at] : llvm::enumerate(step.operands))
      ofColumns |= !at && neutral(op, i);
    if (ofColumns)
      continue;
    out << op->getName() << op->getAttrDictionary();
    for (std::optional<size_t> at : step.operands)
      out << (at ? " value" : " constant");
    out << '\n';
  }
  return text;
}

SmallVector<Value> JointEpilogue::constants() const {
  SmallVector<Value> found;
  for (const Step &step : steps)
    for (Operation *op : step.ops)
      for (auto [i, at] : llvm::enumerate(step.operands))
        if (op && !at)
          found.push_back(columnConstant(op->getOperand(i), constness));
  return found;
}

Value JointEpilogue::columnsOfConstant(Primitives &p, const Step &step, size_t operand, ArrayRef<Dim> shape) const {
  Type element = Primitives::elementOf(step.model()->getOperand(operand));
  // Numbers alone are written down: what is made of them would be computed by each run.
  SmallVector<double> numbers;
  SmallVector<Value> vectors;
  for (auto [part, op] : llvm::enumerate(step.ops)) {
    int64_t count = columnsOf(values.front()[part]);
    Value constant = op ? columnConstant(op->getOperand(operand), constness) : Value();
    if (std::optional<double> number = constant ? numberOf(constant) : neutral(step.model(), operand)) {
      numbers.append(count, *number);
      vectors.push_back(p.full({dimOf(p.context(), count)}, *number, element));
    } else if (isConstant(productOf(p.context(), shapeOf(constant)), 1)) {
      vectors.push_back(p.broadcast(p.reshape(constant, {}), {dimOf(p.context(), count)}, {}));
    } else {
      vectors.push_back(p.reshape(constant, {dimOf(p.context(), count)}));
    }
  }
  int64_t last = static_cast<int64_t>(shape.size()) - 1, columns = *constantOf(shape.back());
  if (static_cast<int64_t>(numbers.size()) != columns)
    return p.broadcastAlong(p.concat(vectors, 0), shape, last);
  if (llvm::all_equal(numbers))
    return p.full(shape, numbers.front(), element);
  return p.broadcastAlong(p.vector(ArrayRef<double>(numbers), element), shape, last);
}

Value JointEpilogue::emit(OpBuilder &builder, Location loc, Value joined) const {
  Primitives p(builder, loc);
  SmallVector<Value> made{joined};
  Shape shape = shapeOf(joined);
  for (const Step &step : steps) {
    Operation *model = step.model();
    OperationState state(loc, model->getName().getStringRef());
    for (auto [i, at] : llvm::enumerate(step.operands))
      state.addOperands(at ? made[*at] : columnsOfConstant(p, step, i, shape));
    state.addTypes(tensorOf(shape, Primitives::elementOf(model->getResult(0))));
    state.addAttributes(model->getAttrs());
    made.push_back(builder.create(state)->getResult(0));
  }
  return made.back();
}

} // namespace nnf
