#include "passes/kernels/gpu/HopperProduct.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "passes/kernels/gpu/HopperTiles.h"
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

class HopperProductEmitter : public TensorProductEmitter {
public:
  HopperProductEmitter(GpuEmitter &emitter, const TensorProduct &p, const ProductTile &tile, int64_t lanes,
                       ArrayRef<TileMap> maps)
      : TensorProductEmitter(emitter, p, tile, lanes), maps(maps) {}

private:
  ArrayRef<TileMap> maps; // of A and B

  Value multiply(const SharedArray &shared) override;
  void spread(Value sums, Value part, const SharedArray &shared) override {
    emitter.callTemplate("nnf_hopper_spread_" + name(), {sums, part, shared.base});
  }
  std::string name() const { return (Twine(tile.parts) + "x" + Twine(tile.columns)).str(); }
  int64_t blocksAtOnce() const override {
    return machine::multiprocessors * (machine::sharedBytes / tile.sharedBytes());
  }
  Value firstStep(const TensorOperand &operand);
  void describeMap(unsigned number, const TensorOperand &operand, Value first, SmallVector<Value> &to);
};

/// Of the block's share of the contracted dimension in the operand's map.
Value HopperProductEmitter::firstStep(const TensorOperand &operand) {
  return operand.shares ? k.mul(k.valueOf(batchAt[operand.shares->batch]), k.size(p.depth)) : k.constant(0);
}

void HopperProductEmitter::describeMap(unsigned number, const TensorOperand &operand, Value first,
                                       SmallVector<Value> &to) {
  const TileMap &map = maps[number];
  to.append({mapAddress(emitter, number), constant32(map.outer.size() + 1), constant32(map.placeOfLines()),
             constantBool(operand.alongDepth), narrow(first), narrow(firstStep(operand))});
  SmallVector<Value> batches;
  for (const TileMap::Dimension &each : map.outer)
    if (each.batch)
      batches.push_back(narrow(k.valueOf(batchAt[*each.batch])));
  batches.resize(TileMap::mostBatches, constant32(0));
  to.append(batches);
}

Value HopperProductEmitter::multiply(const SharedArray &shared) {
  Value sums = LLVM::AllocaOp::create(k.b, k.loc, LLVM::LLVMPointerType::get(k.b.getContext()), k.b.getF32Type(),
                                      constant32(tile.columns / 2), /*alignment=*/16);
  SmallVector<Value> arguments{constantBool(p.element.isBF16())};
  describeMap(0, p.a, firstRow, arguments);
  describeMap(1, p.b, firstColumn, arguments);
  arguments.append({narrow(steps()), shared.base, sums});
  emitter.callTemplate("nnf_hopper_product_" + name(), arguments);
  return sums;
}

/// Sizes of a product that may have code for compute capability 9.0.
struct HopperSizes {
  int64_t rows, columns, depth, batches;

  static std::optional<HopperSizes> of(const TensorProduct &p);
  const ProductTile &tile() const;
};

std::optional<HopperSizes> HopperSizes::of(const TensorProduct &p) {
  if (p.convolved || p.turned || p.multiplier != Multiplier::Half)
    return std::nullopt;
  MLIRContext *context = p.depth.getContext();
  std::optional<int64_t> rows = constantOf(productOf(context, p.rows)),
                         columns = constantOf(productOf(context, p.columns)), depth = constantOf(p.depth),
                         batches = constantOf(productOf(context, p.batch));
  if (!rows || !columns || !depth || !batches || *rows <= fewestRows || *batches < 1)
    return std::nullopt;
  return HopperSizes{*rows, *columns, *depth, *batches};
}

const ProductTile &HopperSizes::tile() const {
  auto cycles = [&](const ProductTile &tile) { return cyclesOf(tile, rows, columns, depth, batches); };
  return *llvm::min_element(tiles, [&](const ProductTile &x, const ProductTile &y) { return cycles(x) < cycles(y); });
}

} // namespace

bool isProductOfHopper(const TensorProduct &p) {
  std::optional<HopperSizes> sizes = HopperSizes::of(p);
  return sizes && TileMap::of(p.a, p.batch, p.rows, p.depth, sizes->tile().rows) &&
         TileMap::of(p.b, p.batch, p.columns, p.depth, sizes->tile().columns);
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
  std::optional<TileMap> a = TileMap::of(p.a, p.batch, p.rows, p.depth, tile.rows),
                         b = TileMap::of(p.b, p.batch, p.columns, p.depth, tile.columns);
  if (!a || !b)
    return HopperPart::None;
  const TileMap maps[] = {*a, *b};
  auto slotOf = [](const TensorOperand &operand) {
    return int64_t(cast<BlockArgument>(operand.view.buffer).getArgNumber());
  };
  emitWithLanes(kernel, target, tile.threads, lanesOfProduct(kernel, p), [&](GpuEmitter &emitter, int64_t lanes) {
    Builder builder(context);
    emitter.function->setAttr(
        "nnf.maps", builder.getArrayAttr({a->attribute(builder, slotOf(p.a)), b->attribute(builder, slotOf(p.b))}));
    emitHopperPart(emitter, part, [&] { HopperProductEmitter(emitter, p, tile, lanes, maps).emit(); });
  });
  return part;
}

} // namespace nnf
