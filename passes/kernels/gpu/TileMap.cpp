#include "passes/kernels/gpu/TileMap.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "passes/kernels/gpu/HopperTiles.h"

using namespace mlir;
namespace nnf {

std::optional<TileMap> TileMap::of(const TensorOperand &operand, ArrayRef<Dim> batch, ArrayRef<Dim> free, Dim depth,
                                   int64_t tileExtent) {
  constexpr int64_t mostExtent = std::numeric_limits<int32_t>::max(), mostStride = int64_t(1) << 40;
  // Shares follow each other along the contracted dimension: which one it is says where a tile begins.
  std::optional<int64_t> extent = constantOf(productOf(depth.getContext(), free)),
                         steps = constantOf(operand.shares ? operand.shares->steps : depth),
                         offset = constantOf(operand.view.offset), stride = constantOf(operand.lineStride);
  // Maps count lines of 16 bytes.
  if (!extent || !steps || !offset || !stride || operand.copyBytes != 16 || *extent < 1 || *steps < 1)
    return std::nullopt;
  TileMap map{*offset * 2, elementOf(operand.view.buffer).isBF16(), operand.alongDepth ? *steps : *extent, {}};
  for (auto [d, sizeAndStride] : llvm::enumerate(llvm::zip(batch, operand.batchStrides))) {
    std::optional<int64_t> size = constantOf(std::get<0>(sizeAndStride)), step = constantOf(std::get<1>(sizeAndStride));
    if (!size || !step || *size < 1)
      return std::nullopt;
    bool countsShares = operand.shares && operand.shares->batch == d;
    if (*size > 1 && *step != 0 && !countsShares) // else one, or the same for all
      map.outer.push_back({*size, *step * 2, 1, d});
  }
  int64_t lines = operand.alongDepth ? *extent : *steps;
  if (*stride == 0 && lines != 1)
    return std::nullopt;
  // The distance of a line that is alone is any that a map may have.
  int64_t any = map.outer.empty() ? int64_t(llvm::alignTo(map.lineElements * 2, 16)) : map.outer.front().bytes;
  map.outer.push_back(
      {lines, *stride != 0 ? *stride * 2 : any, operand.alongDepth ? tileExtent : NNF_HOPPER_DEPTH, {}});
  // A tile has one of a batch, so that it lies the same in shared memory wherever lines are among the dimensions; but
  // the driver wants distances to be multiples of those before.
  llvm::stable_sort(map.outer, [](const Dimension &x, const Dimension &y) { return x.bytes < y.bytes; });
  bool fits = map.outer.size() <= mostBatches + 1 && map.lineElements <= mostExtent;
  for (size_t d = 0; d < map.outer.size(); ++d) {
    const Dimension &each = map.outer[d];
    fits &= each.size <= mostExtent && each.bytes > 0 && each.bytes < mostStride &&
            (d == 0 || each.bytes % map.outer[d - 1].bytes == 0);
  }
  return fits ? std::optional(map) : std::nullopt;
}

Attribute TileMap::attribute(Builder &b, int64_t slot) const {
  // A line of 128 bytes is what chunks are permuted in.
  SmallVector<int64_t> dims{lineElements}, strides, box{NNF_HOPPER_DEPTH};
  for (const Dimension &each : outer) {
    dims.push_back(each.size);
    strides.push_back(each.bytes);
    box.push_back(each.box);
  }
  return b.getDictionaryAttr(
      {b.getNamedAttr("slot", b.getI64IntegerAttr(slot)), b.getNamedAttr("offset", b.getI64IntegerAttr(offsetBytes)),
       b.getNamedAttr("bfloat", b.getBoolAttr(isBfloat)), b.getNamedAttr("dims", b.getDenseI64ArrayAttr(dims)),
       b.getNamedAttr("strides", b.getDenseI64ArrayAttr(strides)), b.getNamedAttr("box", b.getDenseI64ArrayAttr(box))});
}

Value mapAddress(GpuEmitter &emitter, unsigned number) {
  KernelBuilder &k = emitter.k;
  auto module = emitter.function->getParentOfType<ModuleOp>();
  std::string name = ("nnf_tensor_map_" + Twine(number)).str();
  auto declared = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
  if (!declared) {
    OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
    declared = LLVM::LLVMFuncOp::create(b, k.loc, name,
                                        LLVM::LLVMFunctionType::get(LLVM::LLVMPointerType::get(b.getContext()), {}));
    declared->setAttr("nnf.template", b.getUnitAttr());
  }
  return LLVM::CallOp::create(k.b, k.loc, declared, ValueRange{}).getResult();
}

} // namespace nnf
