#include "passes/kernels/gpu/TensorProduct.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/Widening.h"
#include "passes/kernels/gpu/GpuEmitter.h"
#include "passes/kernels/gpu/ProductTiles.h"
#include "passes/kernels/gpu/Shares.h"
#include <numeric>

using namespace mlir;
namespace nnf {
namespace {

constexpr ProductTile tensorTile(Multiplier multiplier, int64_t rows, int64_t columns, int64_t depth, int64_t warpRows,
                                 int64_t warpColumns, int64_t slabs) {
  return {multiplier, rows, columns, depth, slabs, warpRows * warpColumns * warpThreads, warpRows};
}
/// 8 x 8 sums of each thread, halves of 64 rows.
constexpr ProductTile floatTile(int64_t rows, int64_t columns, int64_t depth, int64_t slabs) {
  return {Multiplier::Fma, rows, columns, depth, slabs, rows * columns / 64, rows / 64};
}

#define NNF_HALF_TILE(...) tensorTile(Multiplier::Half, __VA_ARGS__),
#define NNF_TF32_TILE(...) tensorTile(Multiplier::Tf32, __VA_ARGS__),
#define NNF_FLOAT_TILE(...) floatTile(__VA_ARGS__),
constexpr ProductTile halfTiles[] = {NNF_PRODUCT_TILES(NNF_HALF_TILE)};
constexpr ProductTile tf32Tiles[] = {NNF_TF32_TILES(NNF_TF32_TILE)};
constexpr ProductTile floatTiles[] = {NNF_FLOAT_TILES(NNF_FLOAT_TILE)};
#undef NNF_HALF_TILE
#undef NNF_TF32_TILE
#undef NNF_FLOAT_TILE

ArrayRef<ProductTile> tilesOf(Multiplier multiplier) {
  switch (multiplier) {
  case Multiplier::Half: return halfTiles;
  case Multiplier::Tf32: return tf32Tiles;
  case Multiplier::Fma: return floatTiles;
  }
  llvm_unreachable("a multiplier has tiles");
}

/// Rows or columns up to which a tile of exact float32 would be half empty: smaller ones have a kernel of their own.
constexpr int64_t fewest = 32;

/// What a tile takes: figures of an A100, per multiprocessor (SM) and cycle. Sizes matter, not the last per cent: they
/// decide whether blocks fill the machine, and whether a tile is bound by products or by what it reads.
namespace machine {
constexpr int64_t multiprocessors = 108;
/// Multiply-adds: tensor cores have half as many of tf32.
constexpr double ofMultiplier(Multiplier multiplier) {
  return multiplier == Multiplier::Half ? 1024 : multiplier == Multiplier::Tf32 ? 512 : 64;
}
constexpr double bytes = 40;            // from the second-level cache to shared memory
constexpr double latency = 700;         // cycles until a slab that is asked for is there
constexpr double perBlock = 2000;       // cycles of a block before its first product and after its last
constexpr int64_t sharedBytes = 160000; // that blocks of an SM share
constexpr int64_t residentBlocks = 3;   // of templates, by their registers
constexpr int64_t residentSmall = 8;    // of the generated kernel
} // namespace machine

/// Elements between neighbours in a space of several dimensions, if they are all equally far apart. One place has no
/// neighbours: then a null Dim.
std::optional<Dim> strideOf(ArrayRef<Dim> shape, ArrayRef<Dim> strides) {
  Dim stride, next;
  for (size_t d = shape.size(); d-- > 0;) {
    if (isConstant(shape[d], 1))
      continue;
    if (stride && !sameDim(strides[d], next))
      return std::nullopt;
    if (!stride)
      stride = strides[d];
    next = simplify(strides[d] * shape[d]);
  }
  return stride;
}

OperandDimensions dimensionsOf(Value operand, const StridedView &view, ArrayRef<int64_t> batch,
                               ArrayRef<int64_t> contract) {
  OperandDimensions dims;
  Shape shape = shapeOf(operand);
  for (int64_t d : batch)
    dims.batchStrides.push_back(view.strides[d]);
  for (int64_t d : contract) {
    dims.contracted.push_back(shape[d]);
    dims.contractedStrides.push_back(view.strides[d]);
  }
  for (int64_t d = 0, e = shape.size(); d < e; ++d)
    if (!llvm::is_contained(batch, d) && !llvm::is_contained(contract, d)) {
      dims.free.push_back(shape[d]);
      dims.freeStrides.push_back(view.strides[d]);
    }
  return dims;
}

/// Cycles until all blocks are done.
double cyclesOf(const ProductTile &tile, int64_t rows, int64_t columns, int64_t depth, int64_t batches) {
  double blocks = double(llvm::divideCeil(rows, tile.rows)) * double(llvm::divideCeil(columns, tile.columns)) *
                  double(std::max<int64_t>(batches, 1));
  double perMultiprocessor = std::ceil(blocks / machine::multiprocessors);
  double resident =
      std::min<double>(perMultiprocessor, std::min(machine::residentBlocks, machine::sharedBytes / tile.sharedBytes()));
  double products = double(tile.rows * tile.columns * tile.depth) / machine::ofMultiplier(tile.multiplier);
  double reads = double((tile.rows + tile.columns) * tile.depth * operandBytes(tile.multiplier)) / machine::bytes;
  double waits = machine::latency / double(tile.slabs - 1) / resident;
  double slab = std::max({products, reads, waits});
  return perMultiprocessor * (double(llvm::divideCeil(depth, tile.depth)) * slab + machine::perBlock / resident);
}

} // namespace

/// The generated kernel (GpuContract.cpp) has one slab at a time, which it waits for.
static double cyclesOfFewRows(int64_t rows, int64_t columns, int64_t depth, int64_t batches) {
  constexpr int64_t tile = fewest, slab = 16;
  double blocks = double(llvm::divideCeil(rows, tile)) * double(llvm::divideCeil(columns, tile)) * double(batches);
  double perMultiprocessor = std::ceil(blocks / machine::multiprocessors);
  double resident = std::min<double>(perMultiprocessor, machine::residentSmall);
  double products = tile * tile * slab / machine::ofMultiplier(Multiplier::Fma), waits = machine::latency / resident;
  return perMultiprocessor *
         (double(llvm::divideCeil(depth, slab)) * std::max(products, waits) + machine::perBlock / resident);
}

int64_t blocksAtOnce(const ProductTile &tile) {
  return machine::multiprocessors * std::min(machine::residentBlocks, machine::sharedBytes / tile.sharedBytes());
}

double cyclesOfProduct(Multiplier multiplier, int64_t rows, int64_t columns, int64_t depth, int64_t batches) {
  if (multiplier == Multiplier::Fma && std::min(rows, columns) <= fewest)
    return cyclesOfFewRows(rows, columns, depth, batches);
  return cyclesOfTiles(multiplier, rows, columns, depth, batches);
}

double cyclesOfTiles(Multiplier multiplier, int64_t rows, int64_t columns, int64_t depth, int64_t batches) {
  double least = std::numeric_limits<double>::infinity();
  for (const ProductTile &tile : tilesOf(multiplier))
    least = std::min(least, cyclesOf(tile, rows, columns, depth, batches));
  return least;
}

PrimDotOp soleProductOf(KernelOp kernel) {
  auto dot = soleOf<PrimDotOp>(kernel);
  return dot && KernelEmitter::yieldsShapeOf(kernel, dot.getOutput()) ? dot : PrimDotOp();
}

std::optional<StridedView> productBufferOf(Value operand) {
  std::optional<StridedView> view = stridedViewOf(beforeWidening(operand));
  return view && isa<BlockArgument>(view->buffer) ? view : std::nullopt;
}

std::optional<TensorOperand> TensorOperand::of(const StridedView &view, const OperandDimensions &dims) {
  MLIRContext *context = view.buffer.getContext();
  std::optional<Dim> along = strideOf(dims.contracted, dims.contractedStrides),
                     across = strideOf(dims.free, dims.freeStrides);
  if (!along || !across)
    return std::nullopt;
  auto isLine = [](Dim stride) { return !stride || isConstant(stride, 1); };
  TensorOperand result{view, dims.batchStrides, {}, isLine(*along), 0};
  if (!result.alongDepth && !isLine(*across))
    return std::nullopt;
  Dim stride = result.alongDepth ? *across : *along;
  result.lineStride = stride ? stride : dimOf(context, 0);
  // Buffers begin at multiples of 16 bytes.
  int64_t divisor = std::gcd(result.lineStride.getLargestKnownDivisor(), view.offset.getLargestKnownDivisor());
  for (Dim batchStride : dims.batchStrides)
    divisor = std::gcd(divisor, batchStride.getLargestKnownDivisor());
  result.copyBytes = 16;
  while (divisor * elementBytes(elementOf(view.buffer)) % result.copyBytes != 0)
    result.copyBytes /= 2;
  return result;
}

Dim TensorOperand::extentStride() const { return alongDepth ? lineStride : dimOf(lineStride.getContext(), 1); }

int64_t ProductTile::spreadPitch() const { return columns + NNF_PRODUCT_ROW_GAP; }

int64_t ProductTile::sharedBytes() const {
  return std::max((rows + columns) * depth * operandBytes(multiplier) * slabs + moreShared,
                  spreadRows() * spreadPitch() * 4);
}

std::string ProductTile::name(StringRef kind) const {
  return (templatePrefix(multiplier) + kind + "_" + Twine(rows) + "x" + Twine(columns) + "x" + Twine(depth)).str();
}

/// An operand of a product whose buffer is a block argument, or (in a graph) whatever is stored.
static std::optional<TensorOperand> operandOf(Value operand, ArrayRef<int64_t> batch, ArrayRef<int64_t> contract) {
  Value narrow = beforeWidening(operand);
  if (std::optional<ViewInShares> cut = ViewInShares::of(narrow)) {
    const int64_t *counter = llvm::find(batch, cut->dim);
    if (counter == batch.end() || !llvm::equal(contract, ArrayRef(cut->dim + 1)))
      return std::nullopt;
    std::optional<TensorOperand> result =
        TensorOperand::of(cut->view, dimensionsOf(operand, cut->view, batch, contract));
    if (result)
      result->shares = ContractedShares{size_t(counter - batch.begin()), cut->elements};
    return result;
  }
  std::optional<StridedView> view = stridedViewOf(narrow);
  return view ? TensorOperand::of(*view, dimensionsOf(operand, *view, batch, contract)) : std::nullopt;
}

std::optional<TensorProduct> TensorProduct::of(KernelOp kernel) {
  PrimDotOp dot = soleProductOf(kernel);
  std::optional<TensorProduct> product = dot ? of(dot) : std::nullopt;
  bool isStored = product && isa<BlockArgument>(product->a.view.buffer) && isa<BlockArgument>(product->b.view.buffer);
  return isStored ? product : std::nullopt;
}

std::optional<TensorProduct> TensorProduct::of(PrimDotOp dot) {
  std::optional<TensorOperand> a = operandOf(dot.getLhs(), dot.getLhsBatch(), dot.getLhsContract()),
                               b = operandOf(dot.getRhs(), dot.getRhsBatch(), dot.getRhsContract());
  if (!a || !b || !elementOf(dot.getOutput()).isF32())
    return std::nullopt;
  Type element = elementOf(a->view.buffer);
  if (element != elementOf(b->view.buffer))
    return std::nullopt;
  if (a->shares && b->shares && (a->shares->batch != b->shares->batch || !sameDim(a->shares->steps, b->shares->steps)))
    return std::nullopt;
  OperandDimensions left = dimensionsOf(dot.getLhs(), a->view, dot.getLhsBatch(), dot.getLhsContract()),
                    right = dimensionsOf(dot.getRhs(), b->view, dot.getRhsBatch(), dot.getRhsContract());
  Multiplier multiplier = multiplierOf(element, dot);
  if (multiplier == Multiplier::Fma &&
      std::min(KernelEmitter::guess(left.free), KernelEmitter::guess(right.free)) <= fewest)
    return std::nullopt;
  TensorProduct product{dot.getOutput(), element, multiplier, *a, *b, {}, left.free, right.free, {}, {}};
  Shape shape = shapeOf(dot.getLhs());
  for (int64_t d : dot.getLhsBatch())
    product.batch.push_back(shape[d]);
  product.depth = productOf(dot.getContext(), left.contracted);
  if (!product.hasDepthOfTiles())
    return std::nullopt;
  return product;
}

bool TensorProduct::hasDepthOfTiles() const {
  std::optional<int64_t> steps = constantOf(depth);
  return !steps || (*steps <= std::numeric_limits<int32_t>::max() / 2 &&
                    !(multiplier == Multiplier::Fma && *steps <= floatTiles[0].depth));
}

ProductTile TensorProduct::tile() const {
  auto guess = [](ArrayRef<Dim> dims) { return std::max<int64_t>(1, KernelEmitter::guess(dims)); };
  auto cycles = [&](const ProductTile &tile) {
    return cyclesOf(tile, guess(rows), guess(columns), guess(depth), guess(batch));
  };
  return *llvm::min_element(tilesOf(multiplier),
                            [&](const ProductTile &x, const ProductTile &y) { return cycles(x) < cycles(y); });
}

} // namespace nnf
