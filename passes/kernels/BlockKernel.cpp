// Map kernels whose lanes do not all lie along the last axis: blocks that are transposed in registers, and columns that
// are interleaved.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/CostModel.h"
#include "passes/kernels/MapKernel.h"
#include "passes/kernels/RegisterTranspose.h"

using namespace mlir;
namespace nnf {
namespace {

class BlockEmitter {
public:
  BlockEmitter(KernelEmitter &emitter, const MapPlan &plan)
      : emitter(emitter), k(emitter.k), e(emitter.e), plan(plan), lanes(plan.lanes) {}

  void emitBlocks();
  void emitColumns();

private:
  Indices at(const Indices &outer, Index across, Index inLast);
  using Block = SmallVector<Value>;
  /// The columns [left, left + count) of `lanes` rows from `top`, for each of `tensors`. Those from `end` on (null:
  /// none) hold anything.
  SmallVector<Block> columnsOf(ArrayRef<Value> tensors, const Indices &outer, Value top, Value left, int64_t count,
                               Value end);
  void block(const Indices &outer, Value top, Value left, bool ragged);
  void columns(const Indices &outer, Value top, Value limit);
  /// Scratch memory of the block of tensor `i`: vector `number`.
  Value loadBlock(unsigned i, Type element, Value number);
  void storeBlock(unsigned i, Type element, Value number, Value value);
  /// Which lanes are below `limit`, a count.
  Value lanesBelow(Value limit);
  static bool isMultiple(Dim size, int64_t of) { return constantOf(size) && *constantOf(size) % of == 0; }

  KernelEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  const MapPlan &plan;
  int64_t lanes;
};

Indices BlockEmitter::at(const Indices &outer, Index across, Index inLast) {
  Indices axes(outer);
  axes.insert(axes.begin() + plan.across, across);
  axes.push_back(inLast);
  return plan.expand(e, axes);
}

Value BlockEmitter::lanesBelow(Value limit) {
  auto type = VectorType::get({lanes}, k.b.getI64Type());
  SmallVector<int64_t> numbers = llvm::to_vector(llvm::seq<int64_t>(0, lanes));
  Value lane = arith::ConstantOp::create(k.b, k.loc, DenseIntElementsAttr::get(type, numbers));
  Value bound = vector::BroadcastOp::create(k.b, k.loc, type, limit);
  return arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::slt, lane, bound);
}

// ---- columns of a block

Value BlockEmitter::loadBlock(unsigned i, Type element, Value number) {
  Value from = k.add(k.constant(i * lanes * lanes * 8), k.mul(number, k.constant(lanes * 8)));
  return k.load(k.elementAddress(emitter.scratch, k.b.getI8Type(), from), element, k.index(k.constant(0), 1));
}

void BlockEmitter::storeBlock(unsigned i, Type element, Value number, Value value) {
  Value to = k.add(k.constant(i * lanes * lanes * 8), k.mul(number, k.constant(lanes * 8)));
  k.store(value, k.elementAddress(emitter.scratch, k.b.getI8Type(), to), element, k.index(k.constant(0), 1));
}

SmallVector<BlockEmitter::Block> BlockEmitter::columnsOf(ArrayRef<Value> tensors, const Indices &outer, Value top,
                                                         Value left, int64_t count, Value end) {
  SmallVector<Block> blocks(tensors.size());
  auto evaluate = [&](Value column, llvm::function_ref<void(unsigned, Value)> take) {
    Indices here = at(outer, k.index(top, 1), k.index(column));
    if (plan.kind == MapPlan::Columns)
      evaluateChecks(emitter, here);
    for (auto [i, tensor] : llvm::enumerate(tensors))
      take(i, k.spread(e.at(tensor, here)));
  };
  if (!plan.loopsOverColumns) {
    ElementEmitter::Scope scope(e);
    for (int64_t c = 0; c < count; ++c) {
      Value column = k.add(left, k.constant(c));
      // Columns past the edge are the last one again.
      if (end)
        column = k.min(column, k.sub(end, k.constant(1)));
      evaluate(column, [&](unsigned i, Value value) { blocks[i].push_back(value); });
    }
    return blocks;
  }
  Value there = k.constant(count);
  if (end)
    there = k.min(there, k.sub(end, left));
  k.loop(k.constant(0), there, 1, {}, [&](Value c, ValueRange) -> SmallVector<Value> {
    ElementEmitter::Scope scope(e);
    evaluate(k.add(left, c), [&](unsigned i, Value value) {
      KernelEmitter::LanesScope all(k, lanes);
      storeBlock(i, elementOf(tensors[i]), c, value);
    });
    return {};
  });
  KernelEmitter::LanesScope all(k, lanes);
  for (auto [i, tensor] : llvm::enumerate(tensors))
    for (int64_t c = 0; c < count; ++c)
      blocks[i].push_back(loadBlock(i, elementOf(tensor), k.constant(c)));
  return blocks;
}

// ---- blocks

/// lanes x lanes elements from (top, left). Of a ragged block those are left out that are not there.
void BlockEmitter::block(const Indices &outer, Value top, Value left, bool ragged) {
  Dim height = plan.axes[plan.across].size, width = plan.width();
  // Where an axis is shorter than a block, it is known what is not there.
  int64_t numRows = std::min(lanes, constantOf(height).value_or(lanes));
  int64_t numColumns = std::min(lanes, constantOf(width).value_or(lanes));
  bool raggedRows = ragged && !isMultiple(height, lanes), raggedColumns = ragged && !isMultiple(width, lanes);
  bool cutsRows = raggedRows && numRows == lanes, cutsColumns = raggedColumns && numColumns == lanes;

  KernelEmitter::LanesScope scope(k, lanes);
  if (raggedRows)
    k.laneMask = lanesBelow(k.sub(k.size(height), top));
  SmallVector<Block> blocks =
      columnsOf(plan.turned, outer, top, left, numColumns, cutsColumns ? k.size(width) : Value());
  k.laneMask = {};
  for (Block &block : blocks) {
    block.resize(lanes, block.back());
    block = transposed(k, block);
  }

  Index leftLanes = k.index(left, 1);
  // Lines of neighbouring rows take turns: none may be stored in parts.
  bool storesLines = llvm::all_of(emitter.kernel.getResultTypes(), [&](Type type) {
    return lanes * elementBytes(cast<RankedTensorType>(type).getElementType()) >= figures::lineBytes &&
           k.target.vectorBytes >= figures::lineBytes;
  });
  auto storeRow = [&](Value row, llvm::function_ref<Value(unsigned)> turned) {
    ElementEmitter::Scope scope(e);
    Indices here = at(outer, k.index(row), leftLanes);
    for (auto [i, tensor] : llvm::enumerate(plan.turned))
      e.bind(tensor, here, turned(i));
    if (raggedColumns)
      k.laneMask = lanesBelow(k.sub(k.size(width), left));
    storeResults(emitter, here, /*pastCaches=*/storesLines);
    k.laneMask = {};
  };
  if (plan.loopsOverRows) {
    for (auto [i, block] : llvm::enumerate(blocks))
      for (int64_t r = 0; r < numRows; ++r)
        storeBlock(i, elementOf(plan.turned[i]), k.constant(r), block[r]);
    Value there = k.constant(numRows);
    if (cutsRows)
      there = k.min(there, k.sub(k.size(height), top));
    k.loop(k.constant(0), there, 1, {}, [&](Value r, ValueRange) -> SmallVector<Value> {
      storeRow(k.add(top, r), [&](unsigned i) { return loadBlock(i, elementOf(plan.turned[i]), r); });
      return {};
    });
    return;
  }
  for (int64_t r = 0; r < numRows; ++r) {
    Value row = k.add(top, k.constant(r));
    emitter.when(cutsRows ? k.less(row, k.size(height)) : Value(),
                 [&] { storeRow(row, [&](unsigned i) { return blocks[i][r]; }); });
  }
}

void BlockEmitter::emitBlocks() {
  MLIRContext *context = emitter.kernel.getContext();
  Dim height = plan.axes[plan.across].size, width = plan.width();
  int64_t taskElements = elementsOfTask(emitter.kernel);
  int64_t bytes = figures::lineBytes;
  for (Value tensor : plan.turned)
    bytes = std::min<int64_t>(bytes, elementBytes(elementOf(tensor)));
  // Blocks side by side that fill cache lines both ways.
  int64_t line = std::max(lanes, figures::lineBytes / bytes);
  auto upTo = [&](Dim size, int64_t limit) {
    return llvm::alignTo(std::clamp<int64_t>(emitter.guess(size), 1, limit), line);
  };
  // Rows of the result are written side by side, what is read lies under each other: a task keeps to a few pages.
  int64_t taskWidth = upTo(width, std::max(figures::pagesRead, 4 * line));
  int64_t taskHeight = upTo(height, std::max(line, taskElements / taskWidth));
  Shape outerSizes = plan.outerSizes(plan.across);
  Dim outerCount = productOf(context, outerSizes);
  int64_t taskOuter = 1;
  if (constantOf(height) && constantOf(width))
    taskOuter = std::max<int64_t>(1, taskElements / (taskWidth * taskHeight));
  SmallVector<Dim> grid{outerCount.ceilDiv(taskOuter), height.ceilDiv(taskHeight), width.ceilDiv(taskWidth)};

  bool whole = isMultiple(height, lanes) && isMultiple(width, lanes);
  emitter.forTasks(grid, [&](ArrayRef<Value> task) {
    auto range = [&](Value number, int64_t length, Dim size) {
      Value first = k.mul(number, k.constant(length));
      return std::pair(first, k.min(k.add(first, k.constant(length)), k.size(size)));
    };
    auto [firstOuter, endOuter] = range(task[0], taskOuter, outerCount);
    auto [top, bottom] = range(task[1], taskHeight, height);
    auto [left, right] = range(task[2], taskWidth, width);
    auto each = [&](Value first, Value end, int64_t step, llvm::function_ref<void(Value)> body) {
      k.loop(first, end, step, {}, [&](Value i, ValueRange) -> SmallVector<Value> {
        ElementEmitter::Scope scope(e);
        body(i);
        return {};
      });
    };
    emitter.forRows(outerSizes, firstOuter, endOuter, [&](const Indices &outer) {
      auto oneBlock = [&](Value i, Value j) {
        if (whole)
          return block(outer, i, j, /*ragged=*/false);
        Value isWhole;
        auto fits = [&](Value from, Dim size) {
          if (!isMultiple(size, lanes)) {
            Value end = k.add(from, k.constant(lanes));
            isWhole = k.both(isWhole, arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::sle, end, k.size(size)));
          }
        };
        fits(i, height), fits(j, width);
        emitter.when(
            isWhole, [&] { block(outer, i, j, /*ragged=*/false); }, [&] { block(outer, i, j, /*ragged=*/true); });
      };
      each(top, bottom, line, [&](Value i) {
        each(left, right, line, [&](Value j) {
          if (line == lanes)
            return oneBlock(i, j);
          Value iEnd = k.min(k.add(i, k.constant(line)), k.size(height));
          Value jEnd = k.min(k.add(j, k.constant(line)), k.size(width));
          each(j, jEnd, lanes, [&](Value j) { each(i, iEnd, lanes, [&](Value i) { oneBlock(i, j); }); });
        });
      });
    });
  });
}

// ---- columns

/// `lanes` rows from `top`, of which those below `limit` are there; null: all.
void BlockEmitter::columns(const Indices &outer, Value top, Value limit) {
  int64_t width = *constantOf(plan.width());
  KernelEmitter::LanesScope scope(k, lanes);
  SmallVector<Value> results;
  for (unsigned i = 0; i < emitter.numResults(); ++i)
    results.push_back(emitter.yielded(i));
  if (limit)
    k.laneMask = lanesBelow(k.sub(limit, top));
  SmallVector<Block> blocks = columnsOf(results, outer, top, k.constant(0), width, {});
  k.laneMask = {};
  for (auto [i, result] : llvm::enumerate(results)) {
    Index start = emitter.resultOffset(i, at(outer, k.index(top), k.zero()));
    for (auto [v, value] : llvm::enumerate(interleaved(k, blocks[i]))) {
      Value passed = k.constant(v * lanes);
      if (limit)
        k.laneMask = lanesBelow(k.sub(k.mul(k.sub(limit, top), k.constant(width)), passed));
      k.store(value, emitter.resultAddress(i), elementOf(result), k.index(k.add(start.base, passed), 1),
              emitter.goesPastCaches(i));
    }
    k.laneMask = {};
  }
}

void BlockEmitter::emitColumns() {
  MLIRContext *context = emitter.kernel.getContext();
  Dim height = plan.axes[plan.across].size;
  int64_t width = *constantOf(plan.width());
  int64_t taskRows = llvm::alignTo(std::max<int64_t>(1, elementsOfTask(emitter.kernel) / width), lanes);
  Shape outerSizes = plan.outerSizes(plan.across);
  Dim outerCount = productOf(context, outerSizes);
  int64_t taskOuter = 1;
  if (std::optional<int64_t> rows = constantOf(height); rows && *rows < taskRows)
    taskOuter = std::max<int64_t>(1, taskRows / std::max<int64_t>(1, *rows)), taskRows = llvm::alignTo(*rows, lanes);
  SmallVector<Dim> grid{outerCount.ceilDiv(taskOuter), height.ceilDiv(taskRows)};
  emitter.forTasks(grid, [&](ArrayRef<Value> task) {
    Value firstOuter = k.mul(task[0], k.constant(taskOuter));
    Value endOuter = k.min(k.add(firstOuter, k.constant(taskOuter)), k.size(outerCount));
    Value top = k.mul(task[1], k.constant(taskRows));
    Value bottom = k.min(k.add(top, k.constant(taskRows)), k.size(height));
    emitter.forRows(outerSizes, firstOuter, endOuter, [&](const Indices &outer) {
      emitter.forLanes(lanes, top, bottom, {}, [&](Index lane, ValueRange) -> SmallVector<Value> {
        columns(outer, lane.base, k.laneMask ? bottom : Value());
        return {};
      });
    });
  });
}

} // namespace

void emitBlockKernel(KernelEmitter &emitter, const MapPlan &plan) {
  if (plan.loopsOverColumns || plan.loopsOverRows) {
    int64_t blocks = std::max<int64_t>(plan.turned.size(), emitter.numResults());
    emitter.function->setAttr("nnf.scratch", emitter.builder.getI64IntegerAttr(blocks * plan.lanes * plan.lanes * 8));
  }
  BlockEmitter block(emitter, plan);
  plan.kind == MapPlan::Blocks ? block.emitBlocks() : block.emitColumns();
}

} // namespace nnf
