#include "passes/kernels/gpu/HopperProduct.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/kernels/gpu/HopperTiles.h"
#include "passes/kernels/gpu/ImageMap.h"
#include "passes/kernels/gpu/ProductEmitter.h"
#include "passes/kernels/gpu/ProductTiles.h"
#include "passes/kernels/gpu/TileMap.h"

using namespace mlir;
namespace nnf {
namespace {

constexpr int64_t groupRows = 64, groupThreads = 4 * warpThreads, barrierBytes = 8;

/// Groups that multiply, a warp that copies; a barrier for each slab that has come, and for each that is free. A block
/// that stays has sums beside slabs, a barrier for each group's turn to store its own, and a whole group that copies.
constexpr ProductTile hopperTile(int64_t groups, int64_t columns, int64_t slabs, int64_t stagedBytes) {
  return {Multiplier::Half,
          groups * groupRows,
          columns,
          NNF_HOPPER_DEPTH,
          slabs,
          groups * groupThreads + (stagedBytes ? groupThreads : warpThreads),
          groups,
          NNF_HOPPER_ALIGNMENT + 2 * slabs * barrierBytes + (stagedBytes ? stagedBytes + 2 * barrierBytes : 0)};
}
#define NNF_HOPPER_TILE(groups, columns, slabs) hopperTile(groups, columns, slabs, 0),
#define NNF_STAYING_TILE(groups, columns, slabs) hopperTile(groups, columns, slabs, NNF_HOPPER_STAGED_BYTES(columns)),
constexpr ProductTile tiles[] = {NNF_HOPPER_TILES(NNF_HOPPER_TILE)},
                      stayingTiles[] = {NNF_HOPPER_STAYING_TILES(NNF_STAYING_TILE)};
#undef NNF_HOPPER_TILE
#undef NNF_STAYING_TILE

/// What a tile takes: figures of an H100, per multiprocessor (SM) and cycle, as those of TensorProduct.cpp.
namespace machine {
constexpr double multiplyAdds = 2048;
constexpr double bytes = 48;     // from the second-level cache
constexpr double latency = 1000; // cycles until a slab that is asked for is there
constexpr double storing = 1500; // cycles in which the sums of a block's tile are stored
constexpr int64_t sharedBytes = 227 << 10;
} // namespace machine

/// Rows up to which a tile of 64 would be mostly empty: tiles of 16 rows stay.
constexpr int64_t fewestRows = 16;

int64_t residentBlocks(const ProductTile &tile) { return machine::sharedBytes / tile.sharedBytes(); }

/// Sizes of a product that may have code for compute capability 9.0, and the GPU's.
struct HopperSizes {
  int64_t multiprocessors, rows, columns, depth, batches;

  static std::optional<HopperSizes> of(const TensorProduct &p);
  double blocks(const ProductTile &tile) const {
    return double(llvm::divideCeil(rows, tile.rows)) * double(llvm::divideCeil(columns, tile.columns)) *
           double(batches);
  }
  double productCycles(const ProductTile &tile, double resident) const;
  double cyclesOf(const ProductTile &tile) const;
  double cyclesOfStaying(const ProductTile &tile) const;
};

/// Of one block's tile, beside which others run.
double HopperSizes::productCycles(const ProductTile &tile, double resident) const {
  double products = double(tile.rows * tile.columns * tile.depth) / machine::multiplyAdds;
  double reads = double((tile.rows + tile.columns) * tile.depth * operandBytes(tile.multiplier)) / machine::bytes;
  double waits = machine::latency / double(tile.slabs - 1) / resident;
  return double(llvm::divideCeil(depth, tile.depth)) * std::max({products, reads, waits});
}

double HopperSizes::cyclesOf(const ProductTile &tile) const {
  double perMultiprocessor = std::ceil(blocks(tile) / double(multiprocessors));
  double resident = std::min<double>(perMultiprocessor, double(residentBlocks(tile)));
  return perMultiprocessor * (productCycles(tile, resident) + (machine::latency + machine::storing) / resident);
}

/// Blocks that stay wait for a first slab once. While one of the two groups stores, which takes half the time, the
/// other multiplies its half.
double HopperSizes::cyclesOfStaying(const ProductTile &tile) const {
  double perMultiprocessor = std::ceil(blocks(tile) / double(multiprocessors));
  double products = productCycles(tile, 1);
  return perMultiprocessor * std::max(products, (products + machine::storing) / 2) + machine::latency +
         machine::storing;
}

/// How a product is cut: a tile, and whether blocks stay for several.
struct HopperCut {
  const ProductTile *tile = nullptr;
  bool stays = false;
  double cycles = std::numeric_limits<double>::infinity();

  static HopperCut of(const HopperSizes &sizes);
};

/// Blocks of one tile where blocks that stay would gain nothing, or have nothing to go on to.
HopperCut HopperCut::of(const HopperSizes &sizes) {
  HopperCut best;
  auto consider = [&](const ProductTile &tile, bool stays, double cycles) {
    if (cycles < best.cycles)
      best = {&tile, stays, cycles};
  };
  for (const ProductTile &tile : tiles)
    consider(tile, false, sizes.cyclesOf(tile));
  for (const ProductTile &tile : stayingTiles)
    if (sizes.blocks(tile) > double(sizes.multiprocessors * residentBlocks(tile)))
      consider(tile, true, sizes.cyclesOfStaying(tile));
  return best;
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
                       const HopperMaps &maps, int64_t multiprocessors)
      : TensorProductEmitter(emitter, p, tile, lanes), maps(maps), multiprocessors(multiprocessors) {}

  /// The kernel of blocks that stay: each goes on by as many tiles as there are blocks.
  void emitStaying();

private:
  const HopperMaps &maps;
  const int64_t multiprocessors;

  Value multiply(const SharedArray &shared) override;
  void spread(Value sums, Value part, const SharedArray &shared) override { call("spread", {sums, part, shared.base}); }
  void call(StringRef function, ArrayRef<Value> arguments) {
    emitter.callTemplate(("nnf_hopper_" + function + "_" + Twine(tile.parts) + "x" + Twine(tile.columns)).str(),
                         arguments);
  }
  Value registers(Type type, int64_t count) {
    return LLVM::AllocaOp::create(k.b, k.loc, LLVM::LLVMPointerType::get(k.b.getContext()), type, constant32(count),
                                  /*alignment=*/16);
  }
  int64_t blocksAtOnce() const override { return multiprocessors * residentBlocks(tile); }
  Value firstStep(const TensorOperand &operand);
  void describeMap(unsigned number, const TileMap &map, const TensorOperand &operand, Value first,
                   SmallVector<Value> &to);
  void describeBatches(const TileMap &map, SmallVector<Value> &to);
  void describeImageMap(SmallVector<Value> &to);
  void describeWeights(SmallVector<Value> &to);
  void describeOperands(SmallVector<Value> &to);
  Value slabsOfTile();
  void storeStaged(const SharedArray &shared, int64_t half);
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

void HopperProductEmitter::describeOperands(SmallVector<Value> &to) {
  if (p.convolved) {
    describeImageMap(to);
    describeWeights(to);
    return;
  }
  describeMap(0, *maps.a, p.a, firstRow, to);
  describeMap(1, maps.b, p.b, firstColumn, to);
  to.push_back(narrow(steps()));
}

Value HopperProductEmitter::multiply(const SharedArray &shared) {
  Value sums = registers(k.b.getF32Type(), tile.columns / 2);
  SmallVector<Value> arguments{constantBool(p.element.isBF16())};
  describeOperands(arguments);
  arguments.append({shared.base, sums});
  call(p.convolved ? "convolution" : "product", arguments);
  return sums;
}

// ---- blocks that stay

Value HopperProductEmitter::slabsOfTile() {
  return maps.image ? k.constant(maps.image->depth() / tile.depth) : k.ceilDiv(steps(), tile.depth);
}

void HopperProductEmitter::emitStaying() {
  MLIRContext *context = emitter.kernel.getContext();
  int64_t all = *constantOf(product(tiles())), blocks = blocksAtOnce();
  emitter.setGrid({dimOf(context, blocks)});
  SharedArray shared = emitter.shared(k.b.getF32Type(), tile.sharedBytes() / 4);
  Value sums = registers(k.b.getF32Type(), tile.columns / 2),
        state = registers(k.b.getI32Type(), NNF_HOPPER_STATE_BYTES / 4);
  call("stay", {mapAddress(emitter, 0), mapAddress(emitter, 1), shared.base, state});
  emitter.function->setAttr("nnf.blocks", k.b.getI64IntegerAttr(blocks));
  emitter.function->setAttr("nnf.resident", k.b.getI64IntegerAttr(residentBlocks(tile)));
  // A GPU of fewer multiprocessors gets fewer blocks.
  Value step = NVVM::GridDimXOp::create(k.b, k.loc, k.b.getI32Type());
  step = arith::ExtUIOp::create(k.b, k.loc, k.b.getI64Type(), step);
  auto forTiles = [&](llvm::function_ref<void()> body) {
    auto loop = scf::ForOp::create(k.b, k.loc, emitter.block, k.constant(all), step);
    OpBuilder::InsertionGuard restore(k.b);
    k.b.setInsertionPointToStart(loop.getBody());
    ElementEmitter::Scope scope(e);
    placeTile(loop.getInductionVar());
    body();
  };
  int64_t multiplying = tile.parts * groupThreads;
  emitter.when(k.less(k.constant(multiplying - 1), emitter.thread), [&] {
    emitter.callTemplate("nnf_hopper_give_registers", {});
    emitter.when(k.less(emitter.thread, k.constant(multiplying + 1)), [&] {
      forTiles([&] {
        SmallVector<Value> arguments;
        describeOperands(arguments);
        arguments.append({shared.base, state});
        call(p.convolved ? "copy_convolution" : "copy_product", arguments);
      });
    });
  });
  emitter.when(k.less(emitter.thread, k.constant(multiplying)), [&] {
    emitter.callTemplate("nnf_hopper_take_registers", {});
    forTiles([&] {
      call("tile", {constantBool(p.element.isBF16()), constantBool(maps.image || p.a.alongDepth),
                    constantBool(p.b.alongDepth), narrow(slabsOfTile()), shared.base, state, sums});
      // No loop: the first half's registers are free for what becomes of it.
      for (int64_t half : {0, 1}) {
        ElementEmitter::Scope scope(e);
        call("stage", {constantBool(p.turned), sums, constant32(half), shared.base});
        storeStaged(shared, half);
      }
      call("pass", {shared.base});
    });
  });
}

/// The half of its sums that each warp has in shared memory. Neighbouring threads take what lies beside each other in
/// the result.
void HopperProductEmitter::storeStaged(const SharedArray &shared, int64_t half) {
  constexpr int64_t warpRows = 16, groupWarps = 4;
  int64_t rows = p.turned ? warpRows : warpRows / 2, columns = p.turned ? tile.columns / 2 : tile.columns;
  int64_t pitch = tile.spreadPitch() * columns / tile.columns;
  Value warp = k.floorDiv(emitter.thread, k.constant(warpThreads));
  Value stagedFirst = k.mul(k.mod(warp, k.constant(groupWarps)), k.constant(rows));
  Value first = k.add(k.add(firstRow, k.mul(warp, k.constant(warpRows))), k.constant(p.turned ? 0 : half * rows));
  Value firstStaged = k.add(firstColumn, k.constant(p.turned ? half * columns : 0));
  Value minor = k.constant(p.turned ? rows : columns / lanes);
  k.loop(k.mod(emitter.thread, k.constant(warpThreads)), k.constant(rows * columns / lanes), warpThreads, {},
         [&](Value piece, ValueRange) -> SmallVector<Value> {
           ElementEmitter::Scope scope(e);
           Value row = k.floorDiv(piece, minor), column = k.mod(piece, minor);
           if (p.turned)
             std::swap(row, column);
           column = k.mul(column, k.constant(lanes));
           Value there = k.add(k.mul(k.add(stagedFirst, row), k.constant(pitch)), column);
           storeSums(shared, there, k.add(first, row), k.add(firstStaged, column));
           return {};
         });
}

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
  return HopperSizes{multiprocessorsOf(p.result.getDefiningOp()), *rows, *columns, *depth, *batches};
}

} // namespace

bool isProductOfHopper(const TensorProduct &p) {
  std::optional<HopperSizes> sizes = HopperSizes::of(p);
  return sizes && HopperMaps::of(p, *HopperCut::of(*sizes).tile);
}

double cyclesOnHopper(int64_t multiprocessors, int64_t rows, int64_t columns, int64_t depth, int64_t batches) {
  return HopperCut::of({multiprocessors, rows, columns, depth, batches}).cycles;
}

HopperPart emitHopperProduct(KernelOp kernel, const TargetInfo &target, const TensorProduct &p) {
  HopperPart part = hopperPartOf(kernel);
  std::optional<HopperSizes> sizes = part == HopperPart::None ? std::nullopt : HopperSizes::of(p);
  if (!sizes)
    return HopperPart::None;
  MLIRContext *context = kernel.getContext();
  HopperCut cut = HopperCut::of(*sizes);
  const ProductTile &tile = *cut.tile;
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
    emitHopperPart(emitter, part, [&] {
      HopperProductEmitter product(emitter, p, tile, lanes, *maps, sizes->multiprocessors);
      cut.stays ? product.emitStaying() : product.emit();
    });
  });
  return part;
}

} // namespace nnf
