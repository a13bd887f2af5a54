// The ordered family: what has to go along a dimension step by step, or writes to places that only the data tells.
// What does not depend on each other is spread over tasks and lanes; the rest goes in row-major order, so that results
// do not depend on threads.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/kernels/KernelEmitter.h"

using namespace mlir;
namespace nnf {
namespace {

/// Rows that are worth a task, when each has so many elements.
int64_t rowsPerTask(int64_t rowElements) { return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, rowElements)); }

/// for the indices of `shape`: body(indices), row-major, one loop a dimension.
void forAll(KernelEmitter &emitter, ArrayRef<Dim> shape, llvm::function_ref<void(const Indices &)> body) {
  KernelBuilder &k = emitter.k;
  Indices at;
  std::function<void()> nest = [&] {
    if (at.size() == shape.size())
      return body(at);
    k.loop(k.constant(0), k.size(shape[at.size()]), 1, {}, [&](Value i, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(emitter.e);
      at.push_back(k.index(i));
      nest();
      at.pop_back();
      return {};
    });
  };
  nest();
}

// ---- running sums

class CumulateEmitter {
public:
  CumulateEmitter(KernelEmitter &emitter, PrimCumulateOp op) : emitter(emitter), k(emitter.k), e(emitter.e), op(op) {}

  void emit() {
    Shape shape = shapeOf(op.getInput());
    int64_t dim = op.getDim(), last = static_cast<int64_t>(shape.size()) - 1;
    if (dim == last || isConstant(shape[last], 1))
      emitRows(shape, dim);
    else
      emitColumns(shape, dim);
  }

private:
  KernelEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  PrimCumulateOp op;

  /// One row after the other, element by element.
  void emitRows(const Shape &shape, int64_t dim) {
    Shape rows(shape);
    rows.erase(rows.begin() + dim);
    int64_t block = rowsPerTask(KernelEmitter::guess(shape[dim]));
    Dim count = productOf(op.getContext(), rows);
    emitter.forTasks({count.ceilDiv(block)}, [&](ArrayRef<Value> task) {
      Value first = k.mul(task[0], k.constant(block));
      Value end = k.min(k.add(first, k.constant(block)), k.size(count));
      emitter.forRows(rows, first, end, [&](const Indices &row) { along(shape, dim, row); });
    });
  }

  /// Lanes lie along the last dimension, each with a sum of its own.
  void emitColumns(const Shape &shape, int64_t dim) {
    Shape outer(shape.begin(), shape.end() - 1);
    outer.erase(outer.begin() + dim);
    int64_t lanes = emitter.preferredLanes();
    int64_t block =
        llvm::alignTo(std::clamp<int64_t>(rowsPerTask(KernelEmitter::guess(shape[dim])), lanes, 512), lanes);
    emitter.forTasks({productOf(op.getContext(), outer), shape.back().ceilDiv(block)}, [&](ArrayRef<Value> task) {
      Indices kept = e.delinear(outer, k.index(task[0]));
      Value left = k.mul(task[1], k.constant(block));
      Value right = k.min(k.add(left, k.constant(block)), k.size(shape.back()));
      kept.push_back({});
      emitter.forLanes(lanes, left, right, {}, [&](Index lane, ValueRange) -> SmallVector<Value> {
        kept.back() = lane;
        along(shape, dim, kept);
        return {};
      });
    });
  }

  /// float32 is summed in float64, as torch does: thousands of roundings would show.
  Type sumElement() {
    Type element = elementOf(op.getInput());
    bool isSum = op.getKind() == ReduceKind::Add || op.getKind() == ReduceKind::Mul;
    return isSum && element.isF32() ? Type(Float64Type::get(op.getContext())) : element;
  }

  void along(const Shape &shape, int64_t dim, const Indices &kept) {
    Type element = elementOf(op.getInput()), wide = sumElement();
    Value size = k.size(shape[dim]);
    Value start = e.neutral(op.getKind(), wide, /*vector=*/k.lanes > 1);
    auto typeLike = [&](Value value, Type scalar) { return k.isVector(value) ? Type(k.vectorOf(scalar)) : scalar; };
    k.loop(k.constant(0), size, 1, {start}, [&](Value i, ValueRange carried) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      Value position = op.getReverse() ? k.sub(k.sub(size, k.constant(1)), i) : i;
      Indices at(kept);
      at.insert(at.begin() + dim, k.index(position));
      Value value = e.at(op.getInput(), at);
      if (k.lanes > 1)
        value = k.spread(value);
      if (wide != element)
        value = arith::ExtFOp::create(k.b, k.loc, typeLike(value, wide), value);
      Value sum = e.combine(op.getKind(), wide, carried[0], value), stored = sum;
      if (wide != element)
        stored = arith::TruncFOp::create(k.b, k.loc, typeLike(sum, element), sum);
      k.store(stored, emitter.resultAddress(0), element, e.linear(shape, at));
      return {sum};
    });
  }
};

// ---- writes to computed places

class ScatterEmitter {
public:
  ScatterEmitter(KernelEmitter &emitter, PrimScatterOp op)
      : emitter(emitter), k(emitter.k), e(emitter.e), op(op), shape(shapeOf(op.getInput())),
        places(shapeOf(op.getIndices()[0])), element(elementOf(op.getInput())), placeOf(shape.size(), -1) {
    for (auto [dim, index] : llvm::zip(op.getScatterDims(), op.getIndices())) {
      auto iota = index.getDefiningOp<PrimIotaOp>();
      bool isScattered = true;
      // An index that counts a dimension of its own is no scattering: result and update stand side by side.
      if (iota && !llvm::is_contained(placeOf, static_cast<int64_t>(iota.getDim())) &&
          fits(places[iota.getDim()], shape[dim])) {
        placeOf[dim] = iota.getDim();
        isScattered = false;
      }
      if (isScattered)
        scattered.push_back(dim);
    }
    for (int64_t dim = 0, rank = shape.size(); dim < rank; ++dim)
      if (!llvm::is_contained(scattered, dim))
        parallel.push_back(dim);
    for (int64_t dim = 0, rank = places.size(); dim < rank; ++dim)
      if (!llvm::is_contained(placeOf, dim))
        sequential.push_back(dim);
  }

  void emit() {
    Shape tasks = sizesOf(parallel, shape), rest = sizesOf(scattered, shape);
    // Lanes lie along the last dimension where all of its elements go to the same place of the others.
    bool lanesFit = !parallel.empty() && parallel.back() == static_cast<int64_t>(shape.size()) - 1 &&
                    placeOf[parallel.back()] < 0 && !isConstant(shape.back(), 1);
    lanes = lanesFit ? emitter.preferredLanes() : 1;
    if (!lanesFit) {
      int64_t block = rowsPerTask(KernelEmitter::guess(rest));
      Dim count = productOf(op.getContext(), tasks);
      emitter.forTasks({count.ceilDiv(block)}, [&](ArrayRef<Value> task) {
        Value first = k.mul(task[0], k.constant(block));
        Value end = k.min(k.add(first, k.constant(block)), k.size(count));
        emitter.forRows(tasks, first, end, [&](const Indices &row) { emitPart(row, {}, {}); });
      });
      return;
    }
    Dim width = tasks.back();
    tasks.pop_back();
    int64_t block = llvm::alignTo(std::clamp<int64_t>(rowsPerTask(KernelEmitter::guess(rest)), 4 * lanes, 512), lanes);
    emitter.forTasks({productOf(op.getContext(), tasks), width.ceilDiv(block)}, [&](ArrayRef<Value> task) {
      Value left = k.mul(task[1], k.constant(block));
      Value right = k.min(k.add(left, k.constant(block)), k.size(width));
      emitPart(e.delinear(tasks, k.index(task[0])), left, right);
    });
  }

private:
  KernelEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  PrimScatterOp op;
  Shape shape, places;
  Type element;
  SmallVector<int64_t> placeOf;                         // for a dimension of the result: that of the updates beside it
  SmallVector<int64_t> parallel, scattered, sequential; // of the result, of the result, of the places
  int64_t lanes = 1;

  static bool fits(Dim part, Dim whole) {
    auto a = constantOf(part), b = constantOf(whole);
    return sameDim(part, whole) || (a && b && *a <= *b);
  }
  static Shape sizesOf(ArrayRef<int64_t> dims, ArrayRef<Dim> shape) {
    return llvm::to_vector(llvm::map_range(dims, [&](int64_t dim) { return shape[dim]; }));
  }

  /// body(result index of the parallel dimensions): once, or for the lanes of a block of the last dimension.
  void forColumns(const Indices &row, Value left, Value right, llvm::function_ref<void(const Indices &)> body) {
    if (!left)
      return body(row);
    emitter.forLanes(lanes, left, right, {}, [&](Index lane, ValueRange) -> SmallVector<Value> {
      Indices all(row);
      all.push_back(lane);
      body(all);
      return {};
    });
  }

  Indices resultIndex(const Indices &parallelAt, const Indices &scatteredAt) const {
    Indices at(shape.size());
    for (auto [dim, index] : llvm::zip(parallel, parallelAt))
      at[dim] = index;
    for (auto [dim, index] : llvm::zip(scattered, scatteredAt))
      at[dim] = index;
    return at;
  }

  void emitPart(const Indices &row, Value left, Value right) {
    forAll(emitter, sizesOf(scattered, shape), [&](const Indices &scatteredAt) {
      forColumns(row, left, right, [&](const Indices &parallelAt) {
        Indices at = resultIndex(parallelAt, scatteredAt);
        k.store(e.at(op.getInput(), at), emitter.resultAddress(0), element, e.linear(shape, at));
      });
    });
    // Rows of the result that no update stands beside keep the input.
    Value isBeside;
    for (auto [dim, index] : llvm::zip(parallel, row))
      if (placeOf[dim] >= 0 && !sameDim(shape[dim], places[placeOf[dim]]))
        isBeside = k.both(isBeside, k.less(index.base, k.size(places[placeOf[dim]])));
    onlyIf(isBeside, [&] {
      forAll(emitter, sizesOf(sequential, places),
             [&](const Indices &sequentialAt) { update(row, sequentialAt, left, right); });
    });
  }

  void onlyIf(Value condition, llvm::function_ref<void()> body) {
    if (!condition)
      return body();
    auto branch = scf::IfOp::create(k.b, k.loc, TypeRange{}, condition, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPoint(branch.thenBlock()->getTerminator());
    ElementEmitter::Scope scope(e);
    body();
  }

  void update(const Indices &row, const Indices &sequentialAt, Value left, Value right) {
    Indices placeAt(places.size());
    for (auto [dim, index] : llvm::zip(sequential, sequentialAt))
      placeAt[dim] = index;
    for (auto [dim, index] : llvm::zip(parallel, row))
      if (placeOf[dim] >= 0)
        placeAt[placeOf[dim]] = index;
    Indices scatteredAt;
    Value inside;
    for (int64_t dim : scattered) {
      Value index = op.getIndices()[llvm::find(op.getScatterDims(), dim) - op.getScatterDims().begin()];
      Value position = e.at(index, placeAt), extent = k.size(shape[dim]);
      Value valid = k.inBounds(k.indexOf(position), extent);
      if (valid && op.getBounds() == BoundsKind::Error)
        e.check(valid, position, extent, op->getAttrOfType<IntegerAttr>("check").getInt());
      inside = k.both(inside, valid);
      scatteredAt.push_back(k.indexOf(position));
    }
    onlyIf(inside, [&] {
      forColumns(row, left, right, [&](const Indices &parallelAt) {
        Indices at = resultIndex(parallelAt, scatteredAt), updateAt(placeAt);
        for (auto [dim, index] : llvm::zip(parallel, parallelAt))
          if (placeOf[dim] < 0)
            updateAt.push_back(index);
        Index offset = e.linear(shape, at);
        Value value = e.at(op.getUpdates(), updateAt);
        if (op.getKind() != ScatterKind::Set) {
          SmallVector<Value> both{k.load(emitter.resultAddress(0), element, offset), value};
          k.unify(both);
          value = e.combine(reduceKind(), element, both[0], both[1]);
        }
        k.store(value, emitter.resultAddress(0), element, offset);
      });
    });
  }

  ReduceKind reduceKind() {
    switch (op.getKind()) {
    case ScatterKind::Mul: return ReduceKind::Mul;
    case ScatterKind::Max: return ReduceKind::Max;
    case ScatterKind::Min: return ReduceKind::Min;
    default: return ReduceKind::Add;
    }
  }
};

} // namespace

bool emitOrderedKernel(KernelOp kernel, const TargetInfo &target) {
  for (Operation &op : kernel.getBody().front()) {
    if (auto cumulate = dyn_cast<PrimCumulateOp>(op)) {
      KernelEmitter emitter(kernel, target);
      CumulateEmitter(emitter, cumulate).emit();
      return true;
    }
    if (auto scatter = dyn_cast<PrimScatterOp>(op)) {
      KernelEmitter emitter(kernel, target);
      ScatterEmitter(emitter, scatter).emit();
      return true;
    }
    if (auto sort = dyn_cast<PrimSortOp>(op)) {
      emitSortKernel(kernel, sort, target);
      return true;
    }
    if (auto loop = dyn_cast<PrimLoopOp>(op)) {
      emitLoopKernel(kernel, loop, target);
      return true;
    }
  }
  return false;
}

} // namespace nnf
