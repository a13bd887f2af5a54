// Products on a GPU's tensor cores, and of exact float32 without; convolutions are such products. A template
// that was compiled with nnfc multiplies a tile (codegen/cuda/templates); this writes the kernel around it: where the
// tile's operands lie, and what becomes of its sums. They come back through shared memory, so that a thread has
// neighbouring columns of a row, whatever the tensor cores left it: the graph's own epilogue runs on vectors, and reads
// and stores 16 bytes at once.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "passes/kernels/gpu/BlockOrder.h"
#include "passes/kernels/gpu/HopperProduct.h"
#include "passes/kernels/gpu/ProductEmitter.h"

using namespace mlir;
namespace nnf {

SmallVector<Dim> TensorProductEmitter::tiles() const {
  return {product(p.batch), product(p.rows).ceilDiv(tile.rows), product(p.columns).ceilDiv(tile.columns)};
}

void TensorProductEmitter::placeTile(Value number) {
  SmallVector<Dim> all = tiles();
  Indices at = e.delinear(all, k.index(number));
  batchAt = e.delinear(p.batch, at[0]);
  auto [row, column] = inOrder(at[1].base, at[2].base, all[1], all[2]);
  firstRow = k.mul(row, k.constant(tile.rows));
  firstColumn = k.mul(column, k.constant(tile.columns));
}

void TensorProductEmitter::emit() {
  emitter.setGrid(tiles());
  placeTile(emitter.block);
  SharedArray shared = emitter.shared(k.b.getF32Type(), tile.sharedBytes() / 4);
  Value sums = multiply(shared);
  k.loop(k.constant(0), k.constant(tile.parts), 1, {}, [&](Value part, ValueRange) -> SmallVector<Value> {
    ElementEmitter::Scope scope(e);
    // Nobody multiplies slabs, or reads sums, that are overwritten now.
    emitter.barrier();
    spread(sums, narrow(part), shared);
    emitter.barrier();
    storePart(shared, part);
    return {};
  });
}

Value TensorProductEmitter::multiply(const SharedArray &shared) {
  Value sums = LLVM::AllocaOp::create(k.b, k.loc, LLVM::LLVMPointerType::get(k.b.getContext()), k.b.getF32Type(),
                                      constant32(tile.sums()), /*alignment=*/16);
  SmallVector<Value> arguments;
  if (tile.multiplier == Multiplier::Half)
    arguments.push_back(constantBool(p.element.isBF16()));
  if (p.convolved)
    describeImage(arguments);
  else
    describe(p.a, firstRow, product(p.rows), tile.rows, arguments);
  describe(p.b, firstColumn, product(p.columns), tile.columns, arguments);
  arguments.append({narrow(steps()), shared.base, sums});
  emitter.callTemplate(tile.name(p.convolved ? "convolution" : "product"), arguments);
  return sums;
}

/// The tile of the block that would have this one if blocks took rows of tiles one after the other.
std::pair<Value, Value> TensorProductEmitter::inOrder(Value row, Value column, Dim rowTiles, Dim columnTiles) {
  std::optional<int64_t> rows = constantOf(rowTiles), columns = constantOf(columnTiles);
  int64_t band = rows && columns ? tilesOfBand(*rows, *columns, tile.rows, tile.columns, blocksAtOnce()) : 1;
  if (band == 1)
    return {row, column};
  Value perBand = k.constant(band * *columns), number = k.add(k.mul(row, k.constant(*columns)), column);
  Value inBand = k.mod(number, perBand), first = k.mul(k.floorDiv(number, perBand), k.constant(band));
  Value height = k.constant(band);
  if (*rows % band != 0)
    height = k.min(height, k.sub(k.constant(*rows), first));
  return {k.add(first, k.mod(inBand, height)), k.floorDiv(inBand, height)};
}

/// Down the contracted dimension that the block's batch has.
Value TensorProductEmitter::steps() {
  Value all = k.size(p.depth);
  std::optional<ContractedShares> shares = p.shares();
  if (!shares)
    return all;
  return k.min(all, k.sub(k.size(shares->steps), k.mul(k.valueOf(batchAt[shares->batch]), all)));
}

/// Which rows and columns a thread has without tensor cores depends on how the operands lie.
void TensorProductEmitter::spread(Value sums, Value part, const SharedArray &shared) {
  if (!tile.isFma())
    return emitter.callTemplate(tile.name("spread"), {sums, part, shared.base});
  emitter.callTemplate(tile.name("spread"),
                       {constantBool(p.a.alongDepth), constantBool(p.b.alongDepth), sums, part, shared.base});
}

void TensorProductEmitter::describe(const TensorOperand &operand, Value first, Dim extent, int64_t tileExtent,
                                    SmallVector<Value> &to) {
  Value offset = k.add(k.size(operand.view.offset), k.mul(first, k.size(operand.extentStride())));
  for (auto [index, stride] : llvm::zip(batchAt, operand.batchStrides))
    offset = k.add(offset, k.mul(k.valueOf(index), k.size(stride)));
  Value address = k.elementAddress(emitter.addressOf(operand.view.buffer), elementOf(operand.view.buffer), offset);
  Value left = k.min(k.sub(k.size(extent), first), k.constant(tileExtent));
  to.append({address, k.size(operand.lineStride), constant32(operand.copyBytes), constantBool(operand.alongDepth),
             narrow(left)});
}

void TensorProductEmitter::describeImage(SmallVector<Value> &to) {
  const ConvolutionRows &rows = *p.convolved;
  Indices first = e.delinear(p.rows, k.index(firstRow)); // an image, and positions in it
  Value offset = k.add(k.size(p.a.view.offset), k.mul(k.valueOf(first[0]), k.size(rows.imagePitch)));
  for (auto [index, stride] : llvm::zip(batchAt, p.a.batchStrides))
    offset = k.add(offset, k.mul(k.valueOf(index), k.size(stride)));
  Type element = elementOf(p.a.view.buffer);
  Value left = k.min(k.sub(k.size(product(p.rows)), firstRow), k.constant(tile.rows));
  // What templates divide by: a symbolic size may be 0.
  auto divisor = [&](Dim size) { return narrow(constantOf(size) ? k.size(size) : k.max(k.size(size), k.constant(1))); };
  to.append({k.elementAddress(emitter.addressOf(p.a.view.buffer), element, offset), constant32(p.a.copyBytes),
             narrow(left), k.size(rows.imagePitch), k.size(rows.channelPitch), divisor(rows.channels)});
  for (size_t d = rows.windows.size(); d < spatialDims; ++d)
    to.append({constant32(1), constant32(1), constant32(0), constant32(1), constant32(1), constant32(1), constant32(0),
               constantBool(false), k.constant(0)});
  for (auto [window, at] : llvm::zip(rows.windows, llvm::drop_begin(first)))
    to.append({narrow(k.size(window.extent)), divisor(window.outputs), narrow(k.valueOf(at)), divisor(window.taps),
               constant32(window.stride), constant32(window.dilation), constant32(window.low),
               constantBool(window.padded), k.size(window.pitch)});
}

void TensorProductEmitter::storePart(const SharedArray &shared, Value part) {
  int64_t pieces = tile.spreadRows() * tile.columns / lanes;
  k.loop(emitter.thread, k.constant(pieces), emitter.threads, {}, [&](Value piece, ValueRange) -> SmallVector<Value> {
    ElementEmitter::Scope scope(e);
    storePiece(shared, part, piece);
    return {};
  });
}

/// `lanes` neighbouring columns of a row. Threads beside each other take what lies beside each other in the result.
void TensorProductEmitter::storePiece(const SharedArray &shared, Value part, Value piece) {
  Value spreadRow, inTile;
  if (p.turned) {
    Value perColumn = k.constant(tile.spreadRows());
    spreadRow = k.mod(piece, perColumn), inTile = k.mul(k.floorDiv(piece, perColumn), k.constant(lanes));
  } else {
    Value perRow = k.constant(tile.columns / lanes);
    spreadRow = k.floorDiv(piece, perRow), inTile = k.mul(k.mod(piece, perRow), k.constant(lanes));
  }
  Value row = k.add(k.add(firstRow, k.mul(part, k.constant(tile.spreadRows()))), spreadRow);
  Value there = k.add(k.mul(spreadRow, k.constant(tile.spreadPitch())), inTile);
  storeSums(shared, there, row, k.add(firstColumn, inTile));
}

void TensorProductEmitter::storeSums(const SharedArray &shared, Value there, Value row, Value column) {
  // With lanes the columns are a multiple of them: all are inside, or none.
  Value inside = k.both(k.less(row, k.size(product(p.rows))), k.less(column, k.size(product(p.columns))));
  emitter.when(inside, [&] {
    KernelEmitter::LanesScope lanesScope(k, lanes);
    Value sum = emitter.loadShared(shared, there);
    Indices at = resultAt(row, column);
    e.bind(p.result, at, sum);
    for (unsigned r = 0; r < emitter.numResults(); ++r) {
      Value result = emitter.yielded(r);
      Indices stored(at);
      if (p.turned)
        for (auto [d, from] : llvm::enumerate(result.getDefiningOp<PrimTransposeOp>().getPerm()))
          stored[d] = at[from];
      k.store(e.at(result, stored), emitter.resultAddress(r), elementOf(result), e.linear(shapeOf(result), stored));
    }
  });
}

Indices TensorProductEmitter::resultAt(Value row, Value column) {
  Indices at;
  if (!p.convolved)
    at = batchAt;
  llvm::append_range(at, e.delinear(p.rows, k.index(row)));
  if (p.convolved && !batchAt.empty())
    column = k.add(k.mul(k.valueOf(batchAt[0]), k.size(product(p.columns))), column);
  if (lanes > 1)
    at.push_back(k.index(column, 1));
  else if (p.convolved)
    at.push_back(k.index(column));
  else
    llvm::append_range(at, e.delinear(p.columns, k.index(column)));
  return at;
}

int64_t lanesOfProduct(KernelOp kernel, const TensorProduct &product) {
  std::optional<int64_t> columns = product.columns.size() == 1 ? constantOf(product.columns[0]) : std::nullopt;
  if (!columns || product.turned)
    return 1;
  int64_t bytes = 4;
  for (Value result : kernel.yielded())
    bytes = std::clamp<int64_t>(elementBytes(elementOf(result)), 2, bytes);
  int64_t lanes = 16 / bytes;
  while (*columns % lanes != 0)
    lanes /= 2;
  return lanes;
}

bool emitGpuTensorProduct(KernelOp kernel, const TargetInfo &target) {
  std::optional<TensorProduct> product = TensorProduct::of(kernel);
  if (!product)
    product = TensorProduct::ofConvolution(kernel);
  if (!product)
    return false;
  if (emitHopperProduct(kernel, target, *product) == HopperPart::Whole)
    return true;
  ProductTile tile = product->tile();
  emitWithLanes(
      kernel, target, tile.threads, lanesOfProduct(kernel, *product),
      [&](GpuEmitter &emitter, int64_t lanes) { TensorProductEmitter(emitter, *product, tile, lanes).emit(); });
  return true;
}

} // namespace nnf
