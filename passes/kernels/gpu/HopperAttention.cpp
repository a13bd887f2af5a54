#include "passes/kernels/gpu/HopperAttention.h"
#include "passes/kernels/gpu/AttentionEmitter.h"
#include "passes/kernels/gpu/AttentionTiles.h"
#include "passes/kernels/gpu/HopperTiles.h"
#include "passes/kernels/gpu/TileMap.h"

using namespace mlir;
namespace nnf {
namespace {

constexpr int64_t groupRows = 64, groupThreads = 4 * warpThreads, barrierBytes = 8;

/// Groups that multiply, then threads that copy: one warp, or a whole group, which gives its registers to two others;
/// barriers for each slab that has come, for each that is free, and for the queries.
constexpr AttentionTile hopperTile(int64_t groups, int64_t keys, int64_t width, int64_t slabs) {
  int64_t queries = groups * groupRows, copying = NNF_HOPPER_ATTENTION_COPYING(groups);
  return {Multiplier::Half,
          queries,
          keys,
          width,
          groups * groupThreads + copying,
          NNF_HOPPER_ATTENTION_STATE_BYTES(keys, width),
          std::max(NNF_HOPPER_ALIGNMENT + (queries + slabs * keys) * width * 2 + (2 * slabs + 1) * barrierBytes,
                   queries * (width + NNF_ATTENTION_ROW_GAP) * 4),
          copying};
}
#define NNF_HOPPER_TILE(...) hopperTile(__VA_ARGS__),
constexpr AttentionTile tiles[] = {NNF_HOPPER_ATTENTION_TILES(NNF_HOPPER_TILE)};
#undef NNF_HOPPER_TILE

/// Keys up to which a slab would be mostly empty, and there would be nothing to do beside anything.
constexpr int64_t fewestKeys = 64;
/// Blocks that keep every multiprocessor of an H100 busy.
constexpr int64_t enoughBlocks = 132;

/// Sizes of an attention that may have code for compute capability 9.0.
struct HopperSizes {
  int64_t queries, entries, width;

  static std::optional<HopperSizes> of(Attention &a, const GpuAttention &g);
  const AttentionTile &tile() const;
};

std::optional<HopperSizes> HopperSizes::of(Attention &a, const GpuAttention &g) {
  std::optional<int64_t> queries = constantOf(a.queries()), keys = constantOf(a.keys()),
                         entries = constantOf(productOf(a.queries().getContext(), a.mixBatch()));
  if (g.multiplier != Multiplier::Half || !queries || !keys || !entries || *queries < 1 || *entries < 1 ||
      *keys <= fewestKeys)
    return std::nullopt;
  return HopperSizes{*queries, *entries, std::max(a.depth(), a.columns())};
}

/// By width, then with more queries a block if blocks are full and enough.
const AttentionTile &HopperSizes::tile() const {
  const AttentionTile *best = nullptr;
  for (const AttentionTile &tile : tiles) {
    bool isFull = queries > tile.queries / 2 && entries * llvm::divideCeil(queries, tile.queries) >= enoughBlocks;
    if (width <= tile.width && (!best || (tile.width == best->width && isFull)))
      best = &tile;
  }
  return *best;
}

/// Of the operand's own batch. `free` is its dimension that is not contracted, of which a tile has `tileExtent`.
std::optional<TileMap> mapOf(const AttentionOperand &operand, const Shape &batch, Dim free, Dim contracted,
                             int64_t tileExtent) {
  Shape own = batch;
  if (!operand.reshapes.empty()) {
    PrimReshapeOp last = operand.reshapes.back();
    own = shapeOf(last.getInput());
    own.truncate(own.size() - 2);
  }
  TensorOperand asProduct{operand.view, operand.batchStrides, operand.lineStride, operand.alongContracted,
                          operand.copyBytes};
  return TileMap::of(asProduct, own, {free}, contracted, tileExtent);
}

class HopperAttentionEmitter : public GpuAttentionEmitter {
public:
  HopperAttentionEmitter(GpuEmitter &emitter, Attention &attention, const GpuAttention &g, ArrayRef<StoredMix> stored,
                         const AttentionTile &tile, int64_t scoreLanes, int64_t lanes, ArrayRef<TileMap> maps)
      : GpuAttentionEmitter(emitter, attention, g, stored, tile, scoreLanes, lanes), maps(maps) {}

private:
  ArrayRef<TileMap> maps; // of queries, keys and values

  void attend(const SharedArray &shared, Value end) override;
  void call(StringRef function, ArrayRef<Value> arguments);
  void describeMap(unsigned number, const AttentionOperand &operand, const Shape &batch, SmallVector<Value> &to);
};

void HopperAttentionEmitter::call(StringRef function, ArrayRef<Value> arguments) {
  emitter.callTemplate(("nnf_hopper_attention_" + function + "_" + Twine(tile.queries / groupRows) + "x" +
                        Twine(tile.keys) + "x" + Twine(tile.width))
                           .str(),
                       arguments);
}

void HopperAttentionEmitter::describeMap(unsigned number, const AttentionOperand &operand, const Shape &batch,
                                         SmallVector<Value> &to) {
  const TileMap &map = maps[number];
  to.append({mapAddress(emitter, number), constant32(map.outer.size() + 1), constant32(map.placeOfLines()),
             constantBool(operand.alongContracted)});
  Indices entry = entryOf(operand, batch);
  SmallVector<Value> batches;
  for (const TileMap::Dimension &each : map.outer)
    if (each.batch)
      batches.push_back(narrow(k.valueOf(entry[*each.batch])));
  batches.resize(TileMap::mostBatches, constant32(0));
  to.append(batches);
}

void HopperAttentionEmitter::attend(const SharedArray &shared, Value end) {
  Value state = registers(k.b.getI32Type(), tile.stateBytes / 4), scores = registers(k.b.getF32Type(), tile.scores());
  Value bound = registers(k.b.getI32Type(), 1);
  call("begin", {shared.base, narrow(end), bound});
  emitter.when(k.less(k.constant(tile.multiplying() - 1), emitter.thread), [&] {
    SmallVector<Value> arguments;
    describeMap(0, g.query, a.scoresBatch(), arguments);
    describeMap(1, g.key, a.scoresBatch(), arguments);
    describeMap(2, g.value, a.mixBatch(), arguments);
    arguments.append({narrow(firstQuery), narrow(end), shared.base});
    call("copy", arguments);
  });
  emitter.when(k.less(emitter.thread, k.constant(tile.multiplying())), [&] {
    Value isBfloat = constantBool(g.element.isBF16()), depth = constant32(a.depth());
    Value queryAlong = constantBool(g.query.alongContracted), keyAlong = constantBool(g.key.alongContracted),
          valueAlong = constantBool(g.value.alongContracted);
    call("first_scores", {isBfloat, queryAlong, keyAlong, depth, shared.base, state, scores});
    makeLogits(scores, k.constant(0));
    call("first_powers", {isBfloat, shared.base, scores, state});
    Value last = LLVM::LoadOp::create(k.b, k.loc, k.b.getI32Type(), bound);
    last = arith::ExtSIOp::create(k.b, k.loc, k.b.getI64Type(), last);
    k.loop(k.constant(tile.keys), last, tile.keys, {}, [&](Value first, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      call("scores", {isBfloat, queryAlong, keyAlong, valueAlong, depth, shared.base, state, scores});
      makeLogits(scores, first);
      call("powers", {isBfloat, shared.base, scores, state});
      return {};
    });
    call("finish", {isBfloat, valueAlong, shared.base, state});
    store(shared);
  });
}

} // namespace

HopperPart emitHopperAttention(KernelOp kernel, const TargetInfo &target, Attention &attention, const GpuAttention &g,
                               ArrayRef<StoredMix> stored, int64_t scoreLanes, int64_t lanes) {
  HopperPart part = hopperPartOf(kernel);
  std::optional<HopperSizes> sizes = part == HopperPart::None ? std::nullopt : HopperSizes::of(attention, g);
  if (!sizes)
    return HopperPart::None;
  const AttentionTile &tile = sizes->tile();
  MLIRContext *context = kernel.getContext();
  Dim depth = dimOf(context, attention.depth()), columns = dimOf(context, attention.columns());
  const std::optional<TileMap> found[] = {
      mapOf(g.query, attention.scoresBatch(), attention.queries(), depth, tile.queries),
      mapOf(g.key, attention.scoresBatch(), attention.keys(), depth, tile.keys),
      mapOf(g.value, attention.mixBatch(), columns, attention.keys(), tile.width)};
  const AttentionOperand *operands[] = {&g.query, &g.key, &g.value};
  Builder builder(context);
  SmallVector<TileMap> maps;
  SmallVector<Attribute> attributes;
  for (auto [map, operand] : llvm::zip(found, operands)) {
    if (!map)
      return HopperPart::None;
    maps.push_back(*map);
    attributes.push_back(map->attribute(builder, cast<BlockArgument>(operand->view.buffer).getArgNumber()));
  }
  emitWithLanes(kernel, target, tile.threads, std::max(scoreLanes, lanes), [&](GpuEmitter &emitter, int64_t all) {
    emitter.function->setAttr("nnf.maps", builder.getArrayAttr(attributes));
    emitter.keepLoadsBehindWaits();
    emitHopperPart(emitter, part, [&] {
      HopperAttentionEmitter(emitter, attention, g, stored, tile, all > 1 ? scoreLanes : 1, all > 1 ? lanes : 1, maps)
          .emit();
    });
  });
  return part;
}

} // namespace nnf
