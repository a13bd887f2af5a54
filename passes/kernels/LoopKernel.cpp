// Loops whose steps need the ones before: a task takes rows, and goes through all steps of one before the next.
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/kernels/KernelEmitter.h"

using namespace mlir;
namespace nnf {
namespace {

class LoopEmitter {
public:
  LoopEmitter(KernelEmitter &emitter, PrimLoopOp op)
      : emitter(emitter), k(emitter.k), e(emitter.e), op(op), shape(shapeOf(op.getInits()[0])),
        rows(shape.begin(), shape.begin() + op.getRows()), numCarried(op.getInits().size()) {}

  void emit() {
    Shape row(shape.begin() + op.getRows(), shape.end());
    Dim trips = op.getTrips().getDims()[0];
    // A task for each row, unless it is short work.
    int64_t work = std::max<int64_t>(1, KernelEmitter::guess(row) * KernelEmitter::guess(trips));
    int64_t block = std::max<int64_t>(1, 4096 / work);
    Dim count = productOf(op.getContext(), rows);
    bindArguments();
    emitter.forTasks({count.ceilDiv(block)}, [&](ArrayRef<Value> task) {
      Value first = k.mul(task[0], k.constant(block));
      Value end = k.min(k.add(first, k.constant(block)), k.size(count));
      emitter.forRows(rows, first, end, [&](const Indices &at) { emitRow(at, trips); });
    });
  }

private:
  KernelEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  PrimLoopOp op;
  Shape shape, rows; // of the carried tensors, and their first dimensions
  unsigned numCarried;

  Block &body() { return op.getBody().front(); }

  void bindArguments() {
    for (unsigned i = 0; i < numCarried; ++i)
      e.bindBuffer(body().getArgument(1 + i), emitter.resultAddress(i));
    for (auto [argument, captured] : llvm::zip(body().getArguments().drop_front(1 + numCarried), op.getCaptures()))
      e.bindAlias(argument, captured);
  }

  /// For all elements of the row at `row`: value(i, element), stored as result first + i for each carried tensor.
  void forRow(const Indices &row, unsigned first, llvm::function_ref<Value(unsigned, const Indices &)> value) {
    Indices at(row);
    int64_t last = static_cast<int64_t>(shape.size()) - 1;
    int64_t lanes = isConstant(shape[last], 1) ? 1 : emitter.preferredLanes();
    std::function<void()> nest = [&] {
      int64_t dim = at.size();
      auto element = [&](Index index) {
        at.push_back(index);
        if (dim < last) {
          nest();
        } else {
          SmallVector<Value> values;
          for (unsigned i = 0; i < numCarried; ++i)
            values.push_back(value(i, at));
          for (auto [i, stored] : llvm::enumerate(values))
            k.store(stored, emitter.resultAddress(first + i), elementOf(op.getInits()[i]), e.linear(shape, at));
        }
        at.pop_back();
      };
      if (dim == last) {
        emitter.forLanes(lanes, k.constant(0), k.size(shape[dim]), {}, [&](Index lane, ValueRange) {
          element(lane);
          return SmallVector<Value>();
        });
        return;
      }
      k.loop(k.constant(0), k.size(shape[dim]), 1, {}, [&](Value i, ValueRange) {
        ElementEmitter::Scope scope(e);
        element(k.index(i));
        return SmallVector<Value>();
      });
    };
    nest();
  }

  bool isPerRow(Value value) { return sameShape(shapeOf(value), rows); }

  /// The condition, one for a row, without which a step leaves all carried tensors as they are; null when there is
  /// none.
  Value stepCondition() {
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
  void evaluateRowValues(const Indices &row) {
    Indices at(row);
    for (auto [index, size] : llvm::zip_equal(at, rows))
      if (isConstant(size, 1)) // as its readers have it
        index = k.zero();
    for (Operation &op : body().without_terminator())
      for (Value result : op.getResults())
        if (isPerRow(result))
          e.at(result, at);
  }

  void emitStep(const Indices &row) {
    auto yield = cast<YieldOp>(body().getTerminator());
    // Elements of a row read each other's old values: the new ones wait until all are there.
    forRow(row, numCarried, [&](unsigned i, const Indices &at) { return e.at(yield.getValues()[i], at); });
    forRow(row, 0, [&](unsigned i, const Indices &at) {
      return k.load(emitter.resultAddress(numCarried + i), elementOf(op.getInits()[i]), e.linear(shape, at));
    });
  }

  void emitRow(const Indices &row, Dim trips) {
    forRow(row, 0, [&](unsigned i, const Indices &at) { return e.at(op.getInits()[i], at); });
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
};

} // namespace

void emitLoopKernel(KernelOp kernel, PrimLoopOp op, const TargetInfo &target) {
  KernelEmitter emitter(kernel, target);
  LoopEmitter(emitter, op).emit();
}

} // namespace nnf
