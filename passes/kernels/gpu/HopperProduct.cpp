#include "passes/kernels/gpu/HopperProduct.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "passes/kernels/gpu/HopperTiles.h"
#include "passes/kernels/gpu/ImageMap.h"
#include "passes/kernels/gpu/ProductEmitter.h"
#include "passes/kernels/gpu/TileMap.h"

using namespace mlir;
namespace nnf {
namespace {

constexpr int64_t groupRows = 64, groupThreads = 4 * warpThreads, barrierBytes = 8;

/// Groups that multiply, a warp that copies; a barrier for each slab that has come, and for each that is free.
constexpr ProductTile hopperTile(int64_t groups, int64_t columns, int64_t slabs) {
  return {Multiplier::Half,
          groups * groupRows,
          columns,
          NNF_HOPPER_DEPTH,
          slabs,
          groups * groupThreads + warpThreads,
          groups,
          NNF_HOPPER_ALIGNMENT + 2 * slabs * barrierBytes};
}
#define NNF_HOPPER_TILE(...) hopperTile(__VA_ARGS__),
constexpr ProductTile tiles[] = {NNF_HOPPER_TILES(NNF_HOPPER_TILE)};
#undef NNF_HOPPER_TILE

/// What a tile takes: figures of an H100, per multiprocessor (SM) and cycle, as those of TensorProduct.cpp.
namespace machine {
constexpr int64_t multiprocessors = 132;
constexpr double multiplyAdds = 2048;
constexpr double bytes = 48;      // from the second-level cache
constexpr double latency = 1000;  // cycles until a slab that is asked for is there
constexpr double perBlock = 2500; // cycles of a block before its first product and after its last
constexpr int64_t sharedBytes = 227 << 10;
} // namespace machine

/// Rows up to which a tile of 64 would be mostly empty: tiles of 16 rows stay.
constexpr int64_t fewestRows = 16;

double cyclesOf(const ProductTile &tile, int64_t rows, int64_t columns, int64_t depth, int64_t batches) {
  double blocks =
      double(llvm::divideCeil(rows, tile.rows)) * double(llvm::divideCeil(columns, tile.columns)) * double(batches);
  double perMultiprocessor = std::ceil(blocks / machine::multiprocessors);
  double resident = std::min<double>(perMultiprocessor, double(machine::sharedBytes / tile.sharedBytes()));
  double products = double(tile.rows * tile.columns * tile.depth) / machine::multiplyAdds;
  double reads = double((tile.rows + tile.columns) * tile.depth * operandBytes(tile.multiplier)) / machine::bytes;
  double waits = machine::latency / double(tile.slabs - 1) / resident;
  return perMultiprocessor * (double(llvm::divideCeil(depth, tile.depth)) * std::max({products, reads, waits}) +
                              machine::perBlock / resident);
}

/// Those of both operands.
struct HopperMaps {
  std::optional<ImageMap> image; // A of a convolution
  std::optional<TileMap> a;      // A of other products
  TileMap b;

  static std::optional<HopperMaps> of(const TensorProduct &p, const ProductTile &tile);
  /// Of a convolution: the dimension of the weights' batch that its taps are.
  static size_t tapBatch(const TensorProduct &p) { return p.batch.size(); }
};

std::optional<HopperMaps> HopperMaps::of(const TensorProduct &p, const ProductTile &tile) {
  if (!p.convolved) {
    std::optional<TileMap> a = TileMap::of(p.a, p.batch, p.rows, p.depth, tile.rows),
                           b = TileMap::of(p.b, p.batch, p.columns, p.depth, tile.columns);
    return a && b ? std::optional(HopperMaps{{}, a, *b}) : std::nullopt;
  }
  std::optional<ImageMap> image = ImageMap::of(p);
  if (!image)
    return std::nullopt;
  // Slabs end with each tap's channels: behind them are zeros, not the next tap's.
  TensorOperand weights = p.b;
  Dim channels = p.convolved->channels;
  weights.batchStrides.push_back(simplify(weights.alongDepth ? channels : channels * weights.lineStride));
  Shape batch = p.batch;
  batch.push_back(dimOf(p.depth.getContext(), image->taps()));
  std::optional<TileMap> b = TileMap::of(weights, batch, p.columns, channels, tile.columns);
  return b ? std::optional(HopperMaps{image, {}, *b}) : std::nullopt;
}

class HopperProductEmitter : public TensorProductEmitter {
public:
  HopperProductEmitter(GpuEmitter &emitter, const TensorProduct &p, const ProductTile &tile, int64_t lanes,
                       const HopperMaps &maps)
      : TensorProductEmitter(emitter, p, tile, lanes), maps(maps) {}

private:
  const HopperMaps &maps;

  Value multiply(const SharedArray &shared) override;
  void spread(Value sums, Value part, const SharedArray &shared) override {
    emitter.callTemplate("nnf_hopper_spread_" + name(), {sums, part, shared.base});
  }
  std::string name() const { return (Twine(tile.parts) + "x" + Twine(tile.columns)).str(); }
  int64_t blocksAtOnce() const override {
    return machine::multiprocessors * (machine::sharedBytes / tile.sharedBytes());
  }
  Value firstStep(const TensorOperand &operand);
  void describeMap(unsigned number, const TileMap &map, const TensorOperand &operand, Value first,
                   SmallVector<Value> &to);
  void describeBatches(const TileMap &map, SmallVector<Value> &to);
  void describeImageMap(SmallVector<Value> &to);
  void describeWeights(SmallVector<Value> &to);
};

/// Of the block's share of the contracted dimension in the operand's map.
Value HopperProductEmitter::firstStep(const TensorOperand &operand) {
  return operand.shares ? k.mul(k.valueOf(batchAt[operand.shares->batch]), k.size(p.depth)) : k.constant(0);
}

void HopperProductEmitter::describeMap(unsigned number, const TileMap &map, const TensorOperand &operand, Value first,
                                       SmallVector<Value> &to) {
  to.append({mapAddress(emitter, number), constant32(map.outer.size() + 1), constant32(map.placeOfLines()),
             constantBool(operand.alongDepth), narrow(first), narrow(firstStep(operand))});
  describeBatches(map, to);
}

/// Taps are counted where slabs are copied.
void HopperProductEmitter::describeBatches(const TileMap &map, SmallVector<Value> &to) {
  SmallVector<Value> batches;
  for (const TileMap::Dimension &each : map.outer)
    if (each.batch)
      batches.push_back(*each.batch < batchAt.size() ? narrow(k.valueOf(batchAt[*each.batch])) : constant32(0));
  batches.resize(TileMap::mostBatches, constant32(0));
  to.append(batches);
}

/// Where the tile's first row is in the image.
void HopperProductEmitter::describeImageMap(SmallVector<Value> &to) {
  const ImageMap &image = *maps.image;
  Indices first = e.delinear(p.rows, k.index(firstRow)); // an image, and positions of the result in it
  Value channel = batchAt.empty() ? k.constant(0) : k.mul(k.valueOf(batchAt[0]), k.constant(image.channels));
  to.append({mapAddress(emitter, 0), constant32(image.windows.size()), narrow(channel), narrow(k.valueOf(first[0]))});
  SmallVector<Value> at, taps, dilations;
  for (auto [window, output] : llvm::zip(image.windows, llvm::reverse(llvm::drop_begin(first)))) {
    at.push_back(narrow(k.add(k.mul(k.valueOf(output), k.constant(window.step)), k.constant(window.lower))));
    taps.push_back(constant32(window.taps));
    dilations.push_back(constant32(window.dilation));
  }
  at.resize(spatialDims, constant32(0));
  taps.resize(spatialDims, constant32(1));
  dilations.resize(spatialDims, constant32(1));
  to.append(at);
  to.push_back(constant32(image.channels));
  to.append(taps);
  to.append(dilations);
}

void HopperProductEmitter::describeWeights(SmallVector<Value> &to) {
  int64_t batches = 0, taps = -1; // which of the map's; one tap is none of them
  for (const TileMap::Dimension &each : maps.b.outer) {
    if (each.batch == HopperMaps::tapBatch(p))
      taps = batches;
    batches += each.batch.has_value();
  }
  to.append({mapAddress(emitter, 1), constant32(maps.b.outer.size() + 1), constant32(maps.b.placeOfLines()),
             constantBool(p.b.alongDepth), narrow(firstColumn), constant32(taps)});
  describeBatches(maps.b, to);
}

Value HopperProductEmitter::multiply(const SharedArray &shared) {
  Value sums = LLVM::AllocaOp::create(k.b, k.loc, LLVM::LLVMPointerType::get(k.b.getContext()), k.b.getF32Type(),
                                      constant32(tile.columns / 2), /*alignment=*/16);
  SmallVector<Value> arguments{constantBool(p.element.isBF16())};
  if (p.convolved) {
    describeImageMap(arguments);
    describeWeights(arguments);
  } else {
    describeMap(0, *maps.a, p.a, firstRow, arguments);
    describeMap(1, maps.b, p.b, firstColumn, arguments);
    arguments.push_back(narrow(steps()));
  }
  arguments.append({shared.base, sums});
  emitter.callTemplate((p.convolved ? "nnf_hopper_convolution_" : "nnf_hopper_product_") + name(), arguments);
  return sums;
}

/// Sizes of a product that may have code for compute capability 9.0.
struct HopperSizes {
  int64_t rows, columns, depth, batches;

  static std::optional<HopperSizes> of(const TensorProduct &p);
  const ProductTile &tile() const;
};

std::optional<HopperSizes> HopperSizes::of(const TensorProduct &p) {
  if (p.multiplier != Multiplier::Half)
    return std::nullopt;
  MLIRContext *context = p.depth.getContext();
  std::optional<int64_t> rows = constantOf(productOf(context, p.rows)),
                         columns = constantOf(productOf(context, p.columns)), depth = constantOf(p.depth),
                         batches = constantOf(productOf(context, p.batch));
  if (!rows || !columns || !depth || !batches || *rows <= fewestRows || *batches < 1)
    return std::nullopt;
  if (std::optional<ImageMap> image = ImageMap::of(p))
    depth = image->depth();
  return HopperSizes{*rows, *columns, *depth, *batches};
}

const ProductTile &HopperSizes::tile() const {
  auto cycles = [&](const ProductTile &tile) { return cyclesOf(tile, rows, columns, depth, batches); };
  return *llvm::min_element(tiles, [&](const ProductTile &x, const ProductTile &y) { return cycles(x) < cycles(y); });
}

} // namespace

bool isProductOfHopper(const TensorProduct &p) {
  std::optional<HopperSizes> sizes = HopperSizes::of(p);
  return sizes && HopperMaps::of(p, sizes->tile());
}

double cyclesOnHopper(int64_t rows, int64_t columns, int64_t depth, int64_t batches) {
  HopperSizes sizes{rows, columns, depth, batches};
  return cyclesOf(sizes.tile(), rows, columns, depth, batches);
}

HopperPart emitHopperProduct(KernelOp kernel, const TargetInfo &target, const TensorProduct &p) {
  HopperPart part = hopperPartOf(kernel);
  std::optional<HopperSizes> sizes = part == HopperPart::None ? std::nullopt : HopperSizes::of(p);
  if (!sizes)
    return HopperPart::None;
  MLIRContext *context = kernel.getContext();
  const ProductTile &tile = sizes->tile();
  std::optional<HopperMaps> maps = HopperMaps::of(p, tile);
  if (!maps)
    return HopperPart::None;
  auto slotOf = [](const TensorOperand &operand) {
    return int64_t(cast<BlockArgument>(operand.view.buffer).getArgNumber());
  };
  emitWithLanes(kernel, target, tile.threads, lanesOfProduct(kernel, p), [&](GpuEmitter &emitter, int64_t lanes) {
    Builder builder(context);
    Attribute a = maps->image ? maps->image->attribute(builder, slotOf(p.a), tile.rows)
                              : maps->a->attribute(builder, slotOf(p.a));
    emitter.function->setAttr("nnf.maps", builder.getArrayAttr({a, maps->b.attribute(builder, slotOf(p.b))}));
    emitHopperPart(emitter, part, [&] { HopperProductEmitter(emitter, p, tile, lanes, *maps).emit(); });
  });
  return part;
}

} // namespace nnf
