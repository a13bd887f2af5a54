#include "passes/kernels/gpu/GpuAttention.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/Widening.h"
#include "passes/kernels/gpu/AttentionTiles.h"
#include "passes/kernels/gpu/GpuEmitter.h"
#include <numeric>

using namespace mlir;
namespace nnf {
namespace {

constexpr AttentionTile tensorTile(Multiplier multiplier, int64_t queries, int64_t keys, int64_t width, int64_t warps) {
  bool isHalf = multiplier == Multiplier::Half;
  return {multiplier,
          queries,
          keys,
          width,
          warps * warpThreads,
          isHalf ? NNF_ATTENTION_STATE_BYTES(queries, width, warps)
                 : NNF_TF32_ATTENTION_STATE_BYTES(queries, width, warps),
          std::max((queries + 2 * keys) * width * (isHalf ? 2 : 4), queries * (width + NNF_ATTENTION_ROW_GAP) * 4)};
}
/// Behind queries, keys and values are the powers.
constexpr AttentionTile floatTile(int64_t queries, int64_t keys, int64_t width) {
  return {Multiplier::Fma,
          queries,
          keys,
          width,
          queries * 2,
          NNF_FLOAT_ATTENTION_STATE_BYTES(width),
          std::max((queries + 2 * keys) * width * 4 + queries * (keys + NNF_ATTENTION_POWER_GAP) * 4,
                   queries * (width + NNF_ATTENTION_ROW_GAP) * 4)};
}

#define NNF_HALF_TILE(...) tensorTile(Multiplier::Half, __VA_ARGS__),
#define NNF_TF32_TILE(...) tensorTile(Multiplier::Tf32, __VA_ARGS__),
#define NNF_FLOAT_TILE(...) floatTile(__VA_ARGS__),
constexpr AttentionTile halfTiles[] = {NNF_ATTENTION_TILES(NNF_HALF_TILE)};
constexpr AttentionTile tf32Tiles[] = {NNF_TF32_ATTENTION_TILES(NNF_TF32_TILE)};
constexpr AttentionTile floatTiles[] = {NNF_FLOAT_ATTENTION_TILES(NNF_FLOAT_TILE)};
#undef NNF_HALF_TILE
#undef NNF_TF32_TILE
#undef NNF_FLOAT_TILE

ArrayRef<AttentionTile> tilesOf(Multiplier multiplier) {
  switch (multiplier) {
  case Multiplier::Half: return halfTiles;
  case Multiplier::Tf32: return tf32Tiles;
  case Multiplier::Fma: return floatTiles;
  }
  llvm_unreachable("a multiplier has tiles");
}

/// Blocks that keep every multiprocessor of a GPU busy: more queries a block read keys and values less often, if there
/// are still so many.
constexpr int64_t enoughBlocks = 108;

/// What a tile takes: figures of an A100, per multiprocessor (SM) and cycle, as those of TensorProduct.cpp.
namespace machine {
constexpr double multiprocessors = 108, bytes = 40, latency = 700, perBlock = 2000;
constexpr int64_t sharedBytes = 160000, residentBlocks = 3;
/// What puts parts together: a launch, and bytes that go through the second-level cache.
constexpr double together = 2500, bytesOfCache = 1000;
constexpr double multiplyAdds(Multiplier multiplier) {
  return multiplier == Multiplier::Half ? 1024 : multiplier == Multiplier::Tf32 ? 512 : 64;
}
} // namespace machine

bool changesBatchOnly(PrimReshapeOp reshape) {
  Shape in = shapeOf(reshape.getInput()), out = shapeOf(reshape.getOutput());
  return in.size() >= 2 && out.size() >= 2 && sameDim(in.back(), out.back()) &&
         sameDim(in.rbegin()[1], out.rbegin()[1]);
}

} // namespace

std::optional<AttentionOperand> AttentionOperand::of(Value operand, ArrayRef<int64_t> batch, int64_t contracted) {
  Value value = beforeWidening(operand);
  bool batchIsFirst = llvm::equal(batch, llvm::seq<int64_t>(0, batch.size()));
  llvm::SmallVector<PrimReshapeOp> reshapes;
  std::optional<StridedView> view;
  while (!(view = stridedViewOf(value))) {
    auto reshape = value.getDefiningOp<PrimReshapeOp>();
    if (!reshape || !batchIsFirst || !changesBatchOnly(reshape))
      return std::nullopt;
    reshapes.push_back(reshape);
    value = reshape.getInput();
  }
  if (view->buffer.getDefiningOp<ConstantOp>())
    return std::nullopt;
  // Reshapes of the batch keep the other two dimensions, and there are no others.
  int64_t rank = shapeOf(value).size(), shift = rank - static_cast<int64_t>(shapeOf(operand).size());
  contracted += shift;
  AttentionOperand result{*view, {}, {}, false, 0, reshapes};
  Dim along = view->strides[contracted], across;
  auto isBatch = [&](int64_t dim) { return reshapes.empty() ? llvm::is_contained(batch, dim) : dim < rank - 2; };
  if (reshapes.empty())
    for (int64_t dim : batch)
      result.batchStrides.push_back(view->strides[dim]);
  for (int64_t dim = 0; dim < rank; ++dim)
    if (isBatch(dim)) {
      if (!reshapes.empty())
        result.batchStrides.push_back(view->strides[dim]);
    } else if (dim != contracted) {
      across = view->strides[dim];
    }
  result.alongContracted = isConstant(along, 1) || isConstant(shapeOf(value)[contracted], 1);
  if (!result.alongContracted && !isConstant(across, 1))
    return std::nullopt;
  result.lineStride = result.alongContracted ? across : along;
  // Buffers begin at multiples of 16 bytes.
  int64_t divisor = std::gcd(result.lineStride.getLargestKnownDivisor(), view->offset.getLargestKnownDivisor());
  for (Dim stride : result.batchStrides)
    divisor = std::gcd(divisor, stride.getLargestKnownDivisor());
  result.copyBytes = 16;
  while (divisor * elementBytes(elementOf(view->buffer)) % result.copyBytes != 0)
    result.copyBytes /= 2;
  return result;
}

Dim AttentionOperand::freeStride() const { return alongContracted ? lineStride : dimOf(lineStride.getContext(), 1); }

int64_t AttentionTile::spreadPitch() const { return width + NNF_ATTENTION_ROW_GAP; }

std::string AttentionTile::name(llvm::StringRef function) const {
  return (templatePrefix(multiplier) + "attention_" + function + "_" + Twine(queries) + "x" + Twine(keys) + "x" +
          Twine(width))
      .str();
}

std::optional<GpuAttention> GpuAttention::of(Attention &a) {
  auto query = AttentionOperand::of(a.scores.getLhs(), a.scores.getLhsBatch(), a.scores.getLhsContract()[0]);
  auto key = AttentionOperand::of(a.scores.getRhs(), a.scores.getRhsBatch(), a.scores.getRhsContract()[0]);
  auto value = AttentionOperand::of(a.mix.getRhs(), a.mix.getRhsBatch(), a.mix.getRhsContract()[0]);
  if (!query || !key || !value || !elementOf(a.mix.getOutput()).isF32())
    return std::nullopt;
  Type element = elementOf(query->view.buffer);
  if (!(element.isF32() || element.isF16() || element.isBF16()) || elementOf(key->view.buffer) != element ||
      elementOf(value->view.buffer) != element)
    return std::nullopt;
  Multiplier multiplier = multiplierOf(element, a.mix);
  if (std::max(a.depth(), a.columns()) > tilesOf(multiplier).back().width)
    return std::nullopt;
  return GpuAttention{element, multiplier, *query, *key, *value};
}

double GpuAttention::cycles(Attention &a, int64_t parts) const {
  int64_t entries = std::max<int64_t>(1, KernelEmitter::guess(a.mixBatch())) * parts;
  int64_t queries = std::max<int64_t>(1, KernelEmitter::guess(a.queries())),
          keys = KernelEmitter::guess(a.keys()) / parts;
  AttentionTile tile = tileOf(a, entries);
  double perMultiprocessor =
      std::ceil(double(entries * llvm::divideCeil(queries, tile.queries)) / machine::multiprocessors);
  double resident =
      std::min<double>(perMultiprocessor, std::min(machine::residentBlocks, machine::sharedBytes / tile.sharedBytes));
  double elements = double(tile.keys * (a.depth() + a.columns()));
  double products = elements * double(tile.queries) / machine::multiplyAdds(multiplier);
  double reads = elements * double(operandBytes(multiplier)) / machine::bytes;
  // Keys and values of a block are waited for one after the other.
  double waits = 2 * machine::latency / resident;
  double cycles = perMultiprocessor * (double(llvm::divideCeil(keys, tile.keys)) * std::max({products, reads, waits}) +
                                       machine::perBlock / resident);
  double moved = 2.0 * double(entries * queries * (a.columns() + 1)) * 4;
  return parts == 1 ? cycles : cycles + machine::together + moved / machine::bytesOfCache;
}

AttentionTile GpuAttention::tile(Attention &a) const {
  return tileOf(a, std::max<int64_t>(1, KernelEmitter::guess(a.mixBatch())));
}

AttentionTile GpuAttention::tileOf(Attention &a, int64_t entries) const {
  int64_t queries = std::max<int64_t>(1, KernelEmitter::guess(a.queries()));
  std::optional<AttentionTile> best;
  for (const AttentionTile &tile : tilesOf(multiplier)) {
    bool fits = std::max(a.depth(), a.columns()) <= tile.width;
    bool isFull = entries * llvm::divideCeil(queries, tile.queries) >= enoughBlocks && queries > tile.queries / 2;
    // By width, then by queries.
    if (fits && (!best || (tile.width == best->width && isFull)))
      best = tile;
  }
  return *best;
}

} // namespace nnf
