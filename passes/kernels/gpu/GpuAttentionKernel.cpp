// Attention on a GPU, as one kernel. Templates that were compiled with nnfc multiply (codegen/cuda/templates): scores,
// and the mix of values by powers of the logits. This writes the kernel around them: where operands lie, the loop over
// blocks of keys, what the graph makes of a score (it is evaluated on the registers that scores are in), and what
// becomes of the mix, which comes back through shared memory, so that threads have neighbouring columns of a row.
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/kernels/gpu/AttentionEmitter.h"
#include "passes/kernels/gpu/HopperAttention.h"

using namespace mlir;
namespace nnf {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
/// Neighbouring keys whose scores a thread has: pairs come of one instruction's result.
constexpr int64_t pair = 2;
/// Threads that share rows of a tile without tensor cores, and rows and keys of each.
constexpr int64_t sharers = 8, piece = 4;

} // namespace

void GpuAttentionEmitter::emit() {
  SmallVector<Dim> grid = batchGrid();
  grid.push_back(a.queries().ceilDiv(tile.queries));
  emitter.setGrid(grid);
  Indices position = e.delinear(grid, k.index(emitter.block));
  Value number = k.valueOf(position.pop_back_val());
  batch.assign(position.begin(), position.end());
  Value end = k.size(a.keys());
  if (a.isCausal) // the longest rows first: short ones fill the gaps that blocks leave at the end
    number = k.sub(k.sub(k.size(grid.back()), k.constant(1)), number);
  firstQuery = k.mul(number, k.constant(tile.queries));
  if (a.isCausal)
    end = k.min(end, k.min(k.add(firstQuery, k.constant(tile.queries)), k.size(a.queries())));

  SharedArray shared = emitter.shared(k.b.getF32Type(), tile.sharedBytes / 4);
  attend(shared, end);
}

void GpuAttentionEmitter::attend(const SharedArray &shared, Value end) {
  Value state = registers(k.b.getI32Type(), tile.stateBytes / 4), scores = registers(k.b.getF32Type(), tile.scores());
  SmallVector<Value> query, key, value;
  beginOperand(g.query, a.scoresBatch(), firstQuery, query);
  beginOperand(g.key, a.scoresBatch(), {}, key);
  beginOperand(g.value, a.mixBatch(), {}, value);
  Value queryAlong = query.back(), keyAlong = key.back(), valueAlong = value.back();
  Value depth = constant32(a.depth()), columns = constant32(a.columns());
  SmallVector<Value> kind; // of 16-bit floats
  if (tile.multiplier == Multiplier::Half)
    kind.push_back(constantBool(g.element.isBF16()));
  Value queries = k.min(k.sub(k.size(a.queries()), firstQuery), k.constant(tile.queries)), end32 = narrow(end);
  auto call = [&](StringRef function, std::initializer_list<ArrayRef<Value>> arguments) {
    SmallVector<Value> all;
    for (ArrayRef<Value> some : arguments)
      llvm::append_range(all, some);
    emitter.callTemplate(tile.name(function), all);
  };

  call("begin", {query, narrow(queries), key, {depth, end32, shared.base, state}});
  k.loop(k.constant(0), end, tile.keys, {}, [&](Value first, ValueRange) -> SmallVector<Value> {
    ElementEmitter::Scope scope(e);
    Value first32 = narrow(first);
    if (tile.isFma())
      call("scores", {{queryAlong, keyAlong}, value, {depth, columns, first32, end32, shared.base, scores}});
    else
      call("scores",
           {kind, {queryAlong, keyAlong}, value, {depth, columns, first32, end32, shared.base, state, scores}});
    makeLogits(scores, first);
    if (tile.isFma())
      call("mix", {key, {queryAlong, valueAlong, depth, first32, end32, shared.base, scores, state}});
    else
      call("mix", {kind, key, {valueAlong, depth, columns, first32, end32, shared.base, scores, state}});
    return {};
  });
  if (tile.isFma())
    call("spread", {{queryAlong, valueAlong, state, shared.base}});
  else
    call("spread", {{state, shared.base}});
  store(shared);
}

Indices GpuAttentionEmitter::entryOf(const AttentionOperand &operand, const Shape &batch) {
  Indices entry = batchAt(batch);
  Shape shape = batch;
  for (PrimReshapeOp reshape : operand.reshapes) {
    Shape before = shapeOf(reshape.getInput());
    before.truncate(before.size() - 2);
    entry = e.reshaped(shape, before, entry);
    shape = before;
  }
  return entry;
}

/// What a template is told of an operand from its row (key, column) `first` on; null: all of it.
void GpuAttentionEmitter::beginOperand(const AttentionOperand &operand, const Shape &batch, Value first,
                                       SmallVector<Value> &to) {
  Value offset = k.size(operand.view.offset);
  Indices entry = entryOf(operand, batch);
  for (auto [index, stride] : llvm::zip_equal(entry, operand.batchStrides))
    offset = k.add(offset, k.mul(k.valueOf(index), k.size(stride)));
  if (first)
    offset = k.add(offset, k.mul(first, k.size(operand.freeStride())));
  Value address = k.elementAddress(emitter.addressOf(operand.view.buffer), g.element, offset);
  to.append(
      {address, k.size(operand.lineStride), constant32(operand.copyBytes), constantBool(operand.alongContracted)});
}

// ---- logits

Value GpuAttentionEmitter::score(Value scores, int64_t number) {
  return LLVM::GEPOp::create(k.b, k.loc, scores.getType(), k.b.getF32Type(), scores,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(number)}, LLVM::GEPNoWrapFlags::inbounds);
}

/// A thread's scores as the templates leave them. What all have in common is a value, what differs a number: values
/// that a loop over keys does not change would each stay in registers of their own.
GpuAttentionEmitter::Runs GpuAttentionEmitter::runs() {
  Runs runs;
  Value thread = emitter.thread;
  auto scaled = [&](Value x, int64_t factor) { return k.mul(x, k.constant(factor)); };
  if (tile.isFma()) {
    Value group = k.floorDiv(thread, k.constant(sharers)), member = k.mod(thread, k.constant(sharers));
    bool queryAlong = g.query.alongContracted, keyAlong = g.key.alongContracted;
    runs.row = queryAlong ? group : scaled(group, piece);
    runs.key = keyAlong ? member : scaled(member, piece);
    for (int64_t i = 0; i < piece; ++i)
      for (int64_t j = 0; j < piece; j += scoreLanes)
        runs.all.push_back({queryAlong ? i * (tile.queries / piece) : i, keyAlong ? j * sharers : j, i * piece + j});
    return runs;
  }
  int64_t warpRows = tile.queries / (tile.multiplying() / warpThreads), keyPieces = tile.keys / 8;
  Value warp = k.floorDiv(thread, k.constant(warpThreads)), lane = k.mod(thread, k.constant(warpThreads));
  runs.row = k.add(scaled(warp, warpRows), k.floorDiv(lane, k.constant(4)));
  runs.key = scaled(k.mod(lane, k.constant(4)), pair);
  // Rows of a key one after the other: what is read of the key alone need not wait in registers.
  for (int64_t i = 0; i < warpRows / 16; ++i)
    for (int64_t j = 0; j < keyPieces; ++j)
      for (int64_t e = 0; e < pair; e += scoreLanes)
        for (int64_t half = 0; half < 2; ++half)
          runs.all.push_back({i * 16 + half * 8, j * 8 + e, (i * keyPieces + j) * 4 + half * pair + e});
  return runs;
}

void GpuAttentionEmitter::makeLogits(Value scores, Value firstKey) {
  Runs runs = this->runs();
  runs.row = k.add(firstQuery, runs.row);
  runs.key = k.add(firstKey, runs.key);
  std::optional<int64_t> keys = constantOf(a.keys());
  if (!keys || *keys % tile.keys != 0) // as templates count keys: in 32 bits
    runs.keysLeft = narrow(k.sub(k.size(a.keys()), runs.key));
  for (const Run &run : runs.all)
    makeLogits(scores, runs, run);
}

/// Each score becomes its logit.
void GpuAttentionEmitter::makeLogits(Value scores, const Runs &runs, const Run &run) {
  ElementEmitter::Scope scope(e);
  KernelEmitter::LanesScope lanesScope(k, scoreLanes);
  // What the graph reads for a score is read for the last query and key in place of those that are not there.
  Value query = k.add(runs.row, k.constant(run.row)), key = k.add(runs.key, k.constant(run.key)), isThere;
  std::optional<int64_t> queries = constantOf(a.queries());
  if (!queries || *queries % tile.queries != 0)
    query = k.min(query, k.sub(k.size(a.queries()), k.constant(1)));
  if (runs.keysLeft) {
    Value number = constant32(run.key);
    isThere = arith::CmpIOp::create(k.b, k.loc, arith::CmpIPredicate::slt, number, runs.keysLeft);
    Value last = arith::SubIOp::create(k.b, k.loc, runs.keysLeft, constant32(scoreLanes));
    number = arith::MinSIOp::create(k.b, k.loc, number, last);
    key = k.add(runs.key, arith::ExtSIOp::create(k.b, k.loc, k.b.getI64Type(), number));
  }
  SmallVector<Value> places, loaded;
  for (int64_t lane = 0; lane < scoreLanes; ++lane) {
    places.push_back(score(scores, run.score + lane));
    loaded.push_back(LLVM::LoadOp::create(k.b, k.loc, k.b.getF32Type(), places.back()));
  }
  Index row = k.index(query), column = k.index(key, scoreLanes > 1);
  Value value = loaded[0];
  if (scoreLanes > 1)
    value = vector::FromElementsOp::create(k.b, k.loc, k.vectorOf(k.b.getF32Type()), loaded);
  e.bind(a.scores.getOutput(), at(a.scoresBatch(), row, column), value);
  Value logit = k.spread(e.at(a.logits, at(a.logitsBatch(), row, column)));
  for (auto [lane, place] : llvm::enumerate(places)) {
    Value number = k.isVector(logit) ? Value(vector::ExtractOp::create(k.b, k.loc, logit, lane)) : logit;
    if (isThere) {
      Value never = arith::ConstantOp::create(k.b, k.loc, k.b.getF32FloatAttr(-infinity));
      number = arith::SelectOp::create(k.b, k.loc, isThere, number, never);
    }
    LLVM::StoreOp::create(k.b, k.loc, number, place);
  }
}

// ---- results

void GpuAttentionEmitter::store(const SharedArray &shared) {
  int64_t pieces = tile.queries * (a.columns() / lanes);
  k.loop(emitter.thread, k.constant(pieces), tile.multiplying(), {},
         [&](Value piece, ValueRange) -> SmallVector<Value> {
           ElementEmitter::Scope scope(e);
           storePiece(shared, piece);
           return {};
         });
  if (a.logSum)
    storeLogSums(shared);
}

/// `lanes` neighbouring columns of a query.
void GpuAttentionEmitter::storePiece(const SharedArray &shared, Value piece) {
  Value perRow = k.constant(a.columns() / lanes);
  Value row = k.floorDiv(piece, perRow), column = k.mul(k.mod(piece, perRow), k.constant(lanes));
  Value query = k.add(firstQuery, row);
  emitter.when(k.less(query, k.size(a.queries())), [&] {
    Value line = k.mul(row, k.constant(tile.spreadPitch())), total;
    {
      KernelEmitter::LanesScope scalar(k, 1);
      total = emitter.loadShared(shared, k.add(line, k.constant(tile.width)));
    }
    Value factor = mixFactor(k, a, total);
    KernelEmitter::LanesScope lanesScope(k, lanes);
    Value mix = finishedMix(k, a, emitter.loadShared(shared, k.add(line, column)), factor);
    Indices position = at(a.mixBatch(), k.index(query), k.index(column, lanes > 1));
    e.bind(a.mix.getOutput(), position, mix);
    for (const StoredMix &result : stored)
      k.store(e.at(result.value, position), emitter.resultAddress(result.number), elementOf(result.result),
              result.placeOf(e, position));
  });
}

/// One of each query, by the graph's own code on the largest logit and the total.
void GpuAttentionEmitter::storeLogSums(const SharedArray &shared) {
  constexpr double naturalLogarithmOf2 = 0.693147180559945309417;
  k.loop(emitter.thread, k.constant(tile.queries), tile.multiplying(), {},
         [&](Value row, ValueRange) -> SmallVector<Value> {
           ElementEmitter::Scope scope(e);
           Value query = k.add(firstQuery, row);
           emitter.when(k.less(query, k.size(a.queries())), [&] {
             KernelEmitter::LanesScope scalar(k, 1);
             Value line = k.mul(row, k.constant(tile.spreadPitch()));
             Value total = emitter.loadShared(shared, k.add(line, k.constant(tile.width))),
                   largest = emitter.loadShared(shared, k.add(line, k.constant(tile.width + 1)));
             Value factor = arith::ConstantOp::create(k.b, k.loc, k.b.getF32FloatAttr(naturalLogarithmOf2));
             Indices position = batchAt(a.logitsBatch());
             position.push_back(k.index(query));
             e.bind(a.total, position, total);
             e.bind(a.largest, position, arith::MulFOp::create(k.b, k.loc, largest, factor));
             for (auto [number, result] : llvm::enumerate(emitter.kernel.yielded()))
               if (beforeViews(result) == a.logSum)
                 k.store(e.at(a.logSum, position), emitter.resultAddress(number), elementOf(result),
                         e.linear(shapeOf(a.logSum), position));
           });
           return {};
         });
}

namespace {

/// Columns that a thread stores at once: 16 bytes of the narrowest result.
int64_t lanesOf(Attention &a, ArrayRef<StoredMix> stored) {
  int64_t bytes = 4;
  for (const StoredMix &result : stored)
    bytes = std::clamp<int64_t>(elementBytes(elementOf(result.result)), 2, bytes);
  int64_t lanes = 16 / bytes;
  while (a.columns() % lanes != 0)
    lanes /= 2;
  return lanes;
}

/// Scores that go through the graph's code at once. Pairs are inside or outside as a whole where keys are even.
int64_t scoreLanesOf(Attention &a, const GpuAttention &g) {
  bool isEven = a.keys().getLargestKnownDivisor() % pair == 0;
  return isEven && !(g.multiplier == Multiplier::Fma && g.key.alongContracted) ? pair : 1;
}

} // namespace

bool emitGpuAttention(KernelOp kernel, const TargetInfo &target) {
  for (PrimDotOp dot : kernel.getBody().getOps<PrimDotOp>()) {
    std::optional<Attention> attention = Attention::of(dot);
    if (!attention)
      continue;
    std::optional<GpuAttention> g = GpuAttention::of(*attention);
    std::optional<SmallVector<StoredMix>> stored = storedMixes(kernel, dot, attention->logSum);
    if (!g || !stored)
      return false;
    int64_t scoreLanes = scoreLanesOf(*attention, *g), storeLanes = lanesOf(*attention, *stored);
    if (emitHopperAttention(kernel, target, *attention, *g, *stored, scoreLanes, storeLanes) == HopperPart::Whole)
      return true;
    AttentionTile tile = g->tile(*attention);
    emitWithLanes(kernel, target, tile.threads, std::max(scoreLanes, storeLanes),
                  [&](GpuEmitter &emitter, int64_t lanes) {
                    GpuAttentionEmitter(emitter, *attention, *g, *stored, tile, lanes > 1 ? scoreLanes : 1,
                                        lanes > 1 ? storeLanes : 1)
                        .emit();
                  });
    return true;
  }
  return false;
}

} // namespace nnf
