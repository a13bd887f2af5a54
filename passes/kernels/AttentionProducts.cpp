// The products of attention: panels of keys and values, scores, and the mix of values.
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/kernels/AttentionEmitter.h"
#include "passes/kernels/RegisterTile.h"
#include "passes/kernels/RegisterTranspose.h"

using namespace mlir;
namespace nnf {

// ---- what they read

void AttentionEmitter::packQueries(const Tile &tile) {
  k.loop(k.constant(0), k.constant(tile.rows), 1, {}, [&](Value row, ValueRange) -> SmallVector<Value> {
    ElementEmitter::Scope scope(e);
    Index query = k.index(rowAt(tile, row));
    Value to = address(queries, k.mul(row, k.constant(t.depth)));
    emitter.forLanes(t.lanes, k.constant(0), k.constant(t.depth), {}, [&](Index lane, ValueRange) {
      Indices from = operandAt(a.scores.getLhs(), a.scores.getLhsBatch(), a.scores.getLhsContract()[0], a.scoresBatch(),
                               query, lane);
      k.store(k.spread(e.at(a.scores.getLhs(), from)), to, t.element, lane);
      return SmallVector<Value>();
    });
    return {};
  });
}

/// Neighbours in memory are neighbours along the contracted dimension rather than along the columns.
bool AttentionEmitter::liesAlongContracted(PrimDotOp dot, const Shape &shape) {
  auto slow = [&](int64_t inColumns, int64_t inContracted) {
    // What is emitted goes nowhere. Positions are arguments, so that none is known to be 0.
    Block thrownAway;
    OpBuilder::InsertionGuard restore(k.b);
    k.b.setInsertionPointToStart(&thrownAway);
    KernelEmitter::LanesScope lanes(k, t.lanes);
    ElementEmitter::Scope scope(e);
    auto position = [&](int64_t stride) { return k.index(thrownAway.addArgument(k.b.getI64Type(), k.loc), stride); };
    Index column = position(inColumns), contracted = position(inContracted);
    int64_t before = k.slowAccesses;
    e.at(dot.getRhs(), operandAt(dot.getRhs(), dot.getRhsBatch(), dot.getRhsContract()[0], shape, column, contracted));
    return std::exchange(k.slowAccesses, before) - before;
  };
  return slow(0, 1) < slow(1, 0);
}

/// The right operand of `dot` as panels: panel p holds, for each step of the contracted dimension, its columns side by
/// side. Columns past the last are copies of it or zeros.
void AttentionEmitter::pack(PrimDotOp dot, const Shape &shape, Span columns, Span contracted, Value to,
                            int64_t panelElements) {
  auto element = [&](Index column, Index step) {
    Value rhs = dot.getRhs();
    return k.spread(e.at(rhs, operandAt(rhs, dot.getRhsBatch(), dot.getRhsContract()[0], shape, column, step)));
  };
  // The vector of columns from `column` on, of a step.
  auto placeOf = [&](Value column, Value step) {
    Value panel = k.mul(k.floorDiv(column, k.constant(t.panelWidth)), k.constant(panelElements));
    Value inPanel = k.add(k.mul(step, k.constant(t.panelWidth)), k.mod(column, k.constant(t.panelWidth)));
    return k.index(k.add(panel, inPanel), 1);
  };
  if (!liesAlongContracted(dot, shape)) {
    k.loop(k.constant(0), contracted.count, 1, {}, [&](Value step, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      Index stepAt = k.index(k.add(contracted.first, step));
      emitter.forLanes(t.lanes, k.constant(0), columns.count, {}, [&](Index lane, ValueRange) {
        Value loaded = element(k.index(k.add(columns.first, lane.base), 1), stepAt);
        KernelEmitter::LanesScope all(k, t.lanes);
        k.store(loaded, to, t.element, placeOf(lane.base, step));
        return SmallVector<Value>();
      });
      return {};
    });
    return;
  }
  // Squares of lanes x lanes, transposed in registers.
  auto squares = [&](Value group, bool isRagged) {
    Value first = k.mul(group, k.constant(t.lanes)), last = k.sub(columns.count, k.constant(1));
    emitter.forLanes(t.lanes, k.constant(0), contracted.count, {}, [&](Index lane, ValueRange) {
      SmallVector<Value> rows;
      for (int64_t i = 0; i < t.lanes; ++i) {
        Value column = k.add(first, k.constant(i));
        column = k.add(columns.first, isRagged ? k.min(column, last) : column);
        rows.push_back(element(k.index(column), k.index(k.add(contracted.first, lane.base), 1)));
      }
      KernelEmitter::LanesScope all(k, t.lanes);
      for (auto [i, row] : llvm::enumerate(transposed(k, rows)))
        k.store(row, to, t.element, placeOf(first, k.add(lane.base, k.constant(i))));
      return SmallVector<Value>();
    });
  };
  auto forGroups = [&](Value from, Value end, bool isRagged) {
    k.loop(from, end, 1, {}, [&](Value group, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      squares(group, isRagged);
      return {};
    });
  };
  Value whole = k.floorDiv(columns.count, k.constant(t.lanes));
  forGroups(k.constant(0), whole, false);
  forGroups(whole, k.ceilDiv(columns.count, t.lanes), true);
}

// ---- what they compute

Value AttentionEmitter::multiplyAdd(Value x, Value y, Value sum) {
  if (k.target.hasFma)
    return vector::FMAOp::create(k.b, k.loc, x, y, sum);
  return arith::AddFOp::create(k.b, k.loc, sum, times(x, y));
}

/// sums + A B down `steps`, with rows of A in scratch memory at one distance and a panel of B.
SmallVector<Value> AttentionEmitter::multiply(Value rows, int64_t rowStride, Value columns, int64_t rowCount,
                                              int64_t vectors, Value steps, ValueRange sums) {
  SmallVector<Value> addresses;
  for (int64_t r = 0; r < rowCount; ++r)
    addresses.push_back(address(rows, r * rowStride));
  RegisterTile tile;
  tile.element = t.element;
  tile.rows = addresses;
  tile.rowStep = k.constant(1);
  tile.rowDistance = k.constant(rowStride);
  std::optional<int64_t> fixed = getConstantIntValue(steps);
  tile.stepsMultipleOf = fixed && *fixed % 2 == 0 ? 2 : 1;
  tile.columns = columns;
  tile.columnStep = k.constant(t.panelWidth);
  tile.vectors = vectors;
  return tile.multiply(k, k.constant(0), steps, sums);
}

void AttentionEmitter::computeScores(const Tile &tile, const Span &keys) {
  KernelEmitter::LanesScope lanes(k, t.lanes);
  auto panel = [&](Value panelAt, int64_t vectors) {
    Value columns = address(keyPanels, k.mul(panelAt, k.constant(t.depth * t.panelWidth)));
    SmallVector<Value> sums(tile.rows * vectors, number(0));
    sums = multiply(queries, t.depth, columns, tile.rows, vectors, k.constant(t.depth), sums);
    Value to = address(scores, k.mul(panelAt, k.constant(t.panelWidth)));
    for (auto [i, sum] : llvm::enumerate(sums))
      k.store(sum, to, t.element,
              k.index(k.constant(static_cast<int64_t>(i) / vectors * t.scoreStride() +
                                 static_cast<int64_t>(i) % vectors * t.lanes),
                      1));
  };
  auto panels = [&](Value first, Value end) {
    k.loop(first, end, 1, {}, [&](Value panelAt, ValueRange) -> SmallVector<Value> {
      panel(panelAt, 2);
      return {};
    });
  };
  std::optional<int64_t> fixed = k.constantValue(keys.count);
  if (!fixed)
    return panels(k.constant(0), k.ceilDiv(keys.count, t.panelWidth));
  panels(k.constant(0), k.constant(*fixed / t.panelWidth));
  if (int64_t rest = *fixed % t.panelWidth)
    panel(k.constant(*fixed / t.panelWidth), llvm::divideCeil(rest, t.lanes));
}

/// One query: a vector of keys at a time, each key's sum in a register of its own, with lanes along the depth.
void AttentionEmitter::computeScoresInPlace(const Tile &tile, const Span &keys) {
  Value left = a.scores.getLhs(), right = a.scores.getRhs();
  auto vectorOfKeys = [&](Value group, bool isRagged) {
    Value first = k.mul(group, k.constant(t.lanes)), last = k.sub(keys.count, k.constant(1));
    SmallVector<Value> sums;
    {
      KernelEmitter::LanesScope lanes(k, t.lanes);
      sums.assign(t.lanes, number(0));
    }
    sums = emitter.forLanes(t.lanes, k.constant(0), k.constant(t.depth), sums, [&](Index lane, ValueRange carried) {
      Value query = k.spread(e.at(left, operandAt(left, a.scores.getLhsBatch(), a.scores.getLhsContract()[0],
                                                  a.scoresBatch(), k.index(tile.start), lane)));
      SmallVector<Value> next;
      for (int64_t i = 0; i < t.lanes; ++i) {
        Value inBlock = k.add(first, k.constant(i));
        Index key = k.index(k.add(keys.first, isRagged ? k.min(inBlock, last) : inBlock));
        Value loaded = k.spread(e.at(
            right, operandAt(right, a.scores.getRhsBatch(), a.scores.getRhsContract()[0], a.scoresBatch(), key, lane)));
        next.push_back(multiplyAdd(query, loaded, carried[i]));
      }
      return next;
    });
    KernelEmitter::LanesScope lanes(k, t.lanes);
    sums = transposed(k, sums);
    for (int64_t step = t.lanes / 2; step > 0; step /= 2)
      for (int64_t i = 0; i < step; ++i)
        sums[i] = arith::AddFOp::create(k.b, k.loc, sums[i], sums[i + step]);
    k.store(sums[0], scores, t.element, k.index(first, 1));
  };
  auto forGroups = [&](Value from, Value end, bool isRagged) {
    k.loop(from, end, 1, {}, [&](Value group, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      vectorOfKeys(group, isRagged);
      return {};
    });
  };
  Value whole = k.floorDiv(keys.count, k.constant(t.lanes));
  forGroups(k.constant(0), whole, false);
  forGroups(whole, k.ceilDiv(keys.count, t.lanes), true);
}

/// Lanes along the depth of keys, and along the columns of values, lie side by side.
bool AttentionEmitter::canReadInPlace() {
  return liesAlongContracted(a.scores, a.scoresBatch()) && !liesAlongContracted(a.mix, a.mixBatch());
}

SmallVector<Value> AttentionEmitter::mixTile(const Tile &tile, const Span &keys, Value column, size_t vectors,
                                             ValueRange sums) {
  Value columns = address(valuePanels, k.mul(column, k.constant(t.blockKeys)));
  return multiply(scores, t.scoreStride(), columns, tile.rows, vectors, keys.count, sums);
}

SmallVector<Value> AttentionEmitter::mixInPlace(const Span &keys, Value column, ArrayRef<Value> masks,
                                                ValueRange sums) {
  Value values = a.mix.getRhs();
  return k.loop(k.constant(0), keys.count, 1, sums, [&](Value i, ValueRange carried) {
    ElementEmitter::Scope scope(e);
    Value power = k.spread(k.load(scores, t.element, k.index(i)));
    Index key = k.index(k.add(keys.first, i));
    SmallVector<Value> next;
    for (auto [v, mask] : llvm::enumerate(masks)) {
      k.laneMask = mask;
      Index columns = k.index(k.add(column, k.constant(static_cast<int64_t>(v) * t.lanes)), 1);
      Value loaded = k.spread(
          e.at(values, operandAt(values, a.mix.getRhsBatch(), a.mix.getRhsContract()[0], a.mixBatch(), columns, key)));
      k.laneMask = {};
      next.push_back(multiplyAdd(power, loaded, carried[v]));
    }
    return next;
  });
}

} // namespace nnf
