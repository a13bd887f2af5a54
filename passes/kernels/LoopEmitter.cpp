#include "passes/kernels/LoopEmitter.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
namespace nnf {

void LoopEmitter::bindArguments() {
  for (unsigned i = 0; i < numCarried; ++i)
    e.bindBuffer(body().getArgument(1 + i), emitter.resultAddress(i));
  for (auto [argument, captured] : llvm::zip(body().getArguments().drop_front(1 + numCarried), op.getCaptures()))
    e.bindAlias(argument, captured);
}

/// For the elements of the row that are computed here: value(i, element), stored as result first + i for each carried
/// tensor.
void LoopEmitter::store(const Indices &row, unsigned first,
                        llvm::function_ref<Value(unsigned, const Indices &)> value) {
  forElements(row, [&](const Indices &at) {
    SmallVector<Value> values;
    for (unsigned i = 0; i < numCarried; ++i)
      values.push_back(value(i, at));
    for (auto [i, stored] : llvm::enumerate(values))
      k.store(stored, emitter.resultAddress(first + i), elementOf(op.getInits()[i]), e.linear(shape, at));
  });
  meet();
}

/// The condition, one for a row, without which a step leaves all carried tensors as they are; null when there is
/// none.
Value LoopEmitter::stepCondition() {
  Value condition;
  for (auto [i, yielded] : llvm::enumerate(body().getTerminator()->getOperands())) {
    auto select = yielded.getDefiningOp<PrimSelectOp>();
    auto spread = select ? select.getCondition().getDefiningOp<PrimBroadcastOp>() : PrimBroadcastOp();
    if (!spread || select.getOnFalse() != body().getArgument(1 + i) || !isPerRow(spread.getInput()) ||
        !llvm::equal(spread.getDims(), llvm::seq<int64_t>(0, rows.size())) ||
        (condition && condition != spread.getInput()))
      return {};
    condition = spread.getInput();
  }
  return condition;
}

/// Computes what all elements of a row share before the loop over them.
void LoopEmitter::evaluateRowValues(const Indices &row) {
  Indices at(row);
  for (auto [index, size] : llvm::zip_equal(at, rows))
    if (isConstant(size, 1)) // as its readers have it
      index = k.zero();
  for (Operation &op : body().without_terminator())
    for (Value result : op.getResults())
      if (isPerRow(result))
        e.at(result, at);
}

void LoopEmitter::emitStep(const Indices &row) {
  auto yield = cast<YieldOp>(body().getTerminator());
  // Elements of a row read each other's old values: the new ones wait until all are there.
  store(row, numCarried, [&](unsigned i, const Indices &at) { return e.at(yield.getValues()[i], at); });
  store(row, 0, [&](unsigned i, const Indices &at) {
    return k.load(emitter.resultAddress(numCarried + i), elementOf(op.getInits()[i]), e.linear(shape, at));
  });
}

void LoopEmitter::emitRow(const Indices &row) {
  store(row, 0, [&](unsigned i, const Indices &at) { return e.at(op.getInits()[i], at); });
  k.loop(k.constant(0), k.size(trips), 1, {}, [&](Value step, ValueRange) -> SmallVector<Value> {
    ElementEmitter::Scope scope(e);
    e.bind(body().getArgument(0), {}, step);
    Value condition = stepCondition();
    if (condition) {
      auto branch = scf::IfOp::create(k.b, k.loc, TypeRange{}, e.at(condition, row), /*withElseRegion=*/false);
      OpBuilder::InsertionGuard guard(k.b);
      k.b.setInsertionPoint(branch.thenBlock()->getTerminator());
      ElementEmitter::Scope scope(e);
      evaluateRowValues(row);
      emitStep(row);
      return {};
    }
    evaluateRowValues(row);
    emitStep(row);
    return {};
  });
}

} // namespace nnf
