// The contract family on a GPU: products of matrices. A block computes a square tile of the result; it goes down the
// contracted dimension in slabs that its threads bring to shared memory, and each thread multiplies a 4x4 piece of the
// tile in registers. Operands are read by evaluating their elements, so any view of a buffer will do; what follows the
// product is evaluated on the registers before the only store.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/kernels/StridedView.h"
#include "passes/kernels/gpu/GpuEmitter.h"
#include "passes/kernels/gpu/TensorProduct.h"

using namespace mlir;
namespace nnf {
namespace {

/// Elements of a side of a thread's piece: 16 bytes of f32.
constexpr int64_t piece = 4;
/// Bytes of a slab in the contracted direction: of one step ptxas may keep everything in registers.
constexpr int64_t slabBytes = 64;

/// One operand: the dimensions of its tensor by their part in the product.
struct Operand {
  Value tensor;
  SmallVector<int64_t> batch, free, contract;
  Shape freeShape;
  bool contractIsContiguous = true; // neighbours in memory are neighbours in the contracted direction

  Operand(Value tensor, ArrayRef<int64_t> batch, ArrayRef<int64_t> contract);
};

Operand::Operand(Value tensor, ArrayRef<int64_t> batchDims, ArrayRef<int64_t> contractDims)
    : tensor(tensor), batch(batchDims), contract(contractDims) {
  Shape shape = shapeOf(tensor);
  for (int64_t i = 0, e = shape.size(); i < e; ++i)
    if (!llvm::is_contained(batch, i) && !llvm::is_contained(contract, i)) {
      free.push_back(i);
      freeShape.push_back(shape[i]);
    }
  auto view = stridedViewOf(tensor);
  if (!free.empty() && !contract.empty())
    contractIsContiguous = view ? !isConstant(view->strides[free.back()], 1) : contract.back() > free.back();
}

struct Product {
  Value result;
  Operand lhs, rhs;
  Shape batch, contract;

  explicit Product(PrimDotOp dot);
};

Product::Product(PrimDotOp dot)
    : result(dot.getOutput()), lhs(dot.getLhs(), dot.getLhsBatch(), dot.getLhsContract()),
      rhs(dot.getRhs(), dot.getRhsBatch(), dot.getRhsContract()) {
  Shape shape = shapeOf(dot.getLhs());
  for (int64_t dim : lhs.batch)
    batch.push_back(shape[dim]);
  for (int64_t dim : lhs.contract)
    contract.push_back(shape[dim]);
}

class GpuContractEmitter {
public:
  GpuContractEmitter(GpuEmitter &emitter, const Product &p, int64_t tile, int64_t lanes)
      : emitter(emitter), k(emitter.k), e(emitter.e), p(p), tile(tile), lanes(lanes), type(elementOf(p.result)),
        slab(slabBytes / elementBytes(type)) {}

  void emit();

private:
  using Accumulators = SmallVector<Value>; // piece rows, each a vector of piece columns
  Accumulators multiply();
  void fetch(const Operand &operand, const SharedArray &to, Value tileStart, Value slabStart);
  Accumulators multiplySlab(const SharedArray &a, const SharedArray &b, ValueRange sums);
  void store(ArrayRef<Value> sums);
  /// position < size, or null when no tile reaches over the edge.
  Value inside(Value position, Dim size, int64_t step);
  Dim product(ArrayRef<Dim> dims) const { return productOf(emitter.kernel.getContext(), dims); }
  /// Elements from one step in the contracted direction to the next in shared memory. A little more than the tile, so
  /// that threads that store a column do not all meet in one bank; vectors stay aligned.
  int64_t pitch() const { return tile + piece; }

  GpuEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  const Product &p;
  const int64_t tile, lanes;
  const Type type;
  const int64_t slab; // elements
  Indices batchAt;
  Value firstRow, firstColumn; // of the block's tile
  Value pieceRow, pieceColumn; // of the thread's piece, in the tile
};

void GpuContractEmitter::emit() {
  Dim rows = product(p.lhs.freeShape), columns = product(p.rhs.freeShape), batches = product(p.batch);
  SmallVector<Dim> grid{batches, rows.ceilDiv(tile), columns.ceilDiv(tile)};
  emitter.setGrid(grid);
  Indices at = e.delinear(grid, k.index(emitter.block));
  batchAt = e.delinear(p.batch, at[0]);
  firstRow = k.mul(at[1].base, k.constant(tile));
  firstColumn = k.mul(at[2].base, k.constant(tile));
  Value perRow = k.constant(tile / piece);
  pieceRow = k.mul(k.floorDiv(emitter.thread, perRow), k.constant(piece));
  pieceColumn = k.mul(k.mod(emitter.thread, perRow), k.constant(piece));
  store(multiply());
}

Value GpuContractEmitter::inside(Value position, Dim size, int64_t step) {
  if (std::optional<int64_t> fixed = constantOf(size); fixed && *fixed % step == 0)
    return {};
  return k.less(position, k.size(size));
}

GpuContractEmitter::Accumulators GpuContractEmitter::multiply() {
  SharedArray a = emitter.shared(type, slab * pitch()), b = emitter.shared(type, slab * pitch());
  Accumulators zeros;
  {
    KernelEmitter::LanesScope scope(k, piece);
    zeros.assign(piece, e.neutral(ReduceKind::Add, type, /*vector=*/true));
  }
  return k.loop(k.constant(0), k.size(product(p.contract)), slab, zeros, [&](Value slabStart, ValueRange sums) {
    ElementEmitter::Scope scope(e);
    fetch(p.lhs, a, firstRow, slabStart);
    fetch(p.rhs, b, firstColumn, slabStart);
    emitter.barrier();
    Accumulators next = multiplySlab(a, b, sums);
    // Nobody overwrites a slab that another thread still reads.
    emitter.barrier();
    return next;
  });
}

/// Brings operand elements (tileStart.., slabStart..) to shared memory, zeros beyond the edges.
void GpuContractEmitter::fetch(const Operand &operand, const SharedArray &to, Value tileStart, Value slabStart) {
  Dim freeSize = product(operand.freeShape), contractSize = product(p.contract);
  int64_t fastest = operand.contractIsContiguous ? slab : tile;
  SmallVector<std::pair<Value, Value>> fetched; // slot, value: all loads are under way before the first store waits
  for (int64_t first = 0; first < tile * slab; first += emitter.threads) {
    Value number = k.add(emitter.thread, k.constant(first));
    Value fast = k.mod(number, k.constant(fastest)), slow = k.floorDiv(number, k.constant(fastest));
    Value inTile = operand.contractIsContiguous ? slow : fast, inSlab = operand.contractIsContiguous ? fast : slow;
    Value free = k.add(tileStart, inTile), contract = k.add(slabStart, inSlab);
    auto element = [&] {
      ElementEmitter::Scope scope(e);
      Indices at(shapeOf(operand.tensor).size());
      auto place = [&](ArrayRef<int64_t> dims, const Indices &indices) {
        for (auto [dim, index] : llvm::zip(dims, indices))
          at[dim] = index;
      };
      place(operand.batch, batchAt);
      place(operand.free, e.delinear(operand.freeShape, k.index(free)));
      place(operand.contract, e.delinear(p.contract, k.index(contract)));
      return e.at(operand.tensor, at);
    };
    Value valid = k.both(inside(free, freeSize, tile), inside(contract, contractSize, slab));
    Value value = valid ? k.branch(valid, element, [&] { return k.zeroOf(type); }) : element();
    fetched.push_back({k.add(k.mul(inSlab, k.constant(pitch())), inTile), value});
  }
  for (auto [slot, value] : fetched)
    emitter.storeShared(value, to, slot);
}

GpuContractEmitter::Accumulators GpuContractEmitter::multiplySlab(const SharedArray &a, const SharedArray &b,
                                                                  ValueRange carried) {
  KernelEmitter::LanesScope scope(k, piece);
  Accumulators sums = llvm::to_vector(carried);
  for (int64_t step = 0; step < slab; ++step) {
    Value row = k.constant(step * pitch());
    Value left = emitter.loadShared(a, k.add(pieceRow, row)), right = emitter.loadShared(b, k.add(pieceColumn, row));
    for (int64_t i = 0; i < piece; ++i) {
      Value scalar = vector::ExtractOp::create(k.b, k.loc, left, i);
      sums[i] = math::FmaOp::create(k.b, k.loc, k.spread(scalar), right, sums[i]);
    }
  }
  return sums;
}

void GpuContractEmitter::store(ArrayRef<Value> sums) {
  Dim rows = product(p.lhs.freeShape), columns = product(p.rhs.freeShape);
  for (int64_t i = 0; i < piece; ++i) {
    Value row = k.add(k.add(firstRow, pieceRow), k.constant(i));
    for (int64_t j = 0; j < piece; j += lanes) {
      Value column = k.add(k.add(firstColumn, pieceColumn), k.constant(j));
      // With lanes the columns are a multiple of them: all are inside, or none.
      emitter.when(k.both(inside(row, rows, tile), inside(column, columns, tile)), [&] {
        ElementEmitter::Scope scope(e);
        KernelEmitter::LanesScope lanesScope(k, lanes);
        Indices at(batchAt);
        llvm::append_range(at, e.delinear(p.lhs.freeShape, k.index(row)));
        if (lanes > 1)
          at.push_back(k.index(column, 1));
        else
          llvm::append_range(at, e.delinear(p.rhs.freeShape, k.index(column)));
        Value sum = lanes > 1 ? sums[i] : Value(vector::ExtractOp::create(k.b, k.loc, sums[i], j));
        e.bind(p.result, at, sum);
        for (unsigned r = 0; r < emitter.numResults(); ++r) {
          Value result = emitter.yielded(r);
          k.store(e.at(result, at), emitter.resultAddress(r), elementOf(result), e.linear(shapeOf(result), at));
        }
      });
    }
  }
}

} // namespace

bool emitGpuContract(KernelOp kernel, const TargetInfo &target) {
  PrimDotOp dot = soleProductOf(kernel);
  if (!dot)
    return false;
  Type type = elementOf(dot.getOutput());
  if (!(type.isF32() || type.isF64()) || elementOf(dot.getLhs()) != type)
    return false;
  Product product(dot);
  // Small products get small tiles, so that less of a tile hangs over the edge.
  int64_t smaller = std::min(KernelEmitter::guess(product.lhs.freeShape), KernelEmitter::guess(product.rhs.freeShape));
  int64_t tile = smaller <= 32 ? 32 : 64;
  int64_t lanes = 1;
  if (product.rhs.freeShape.size() == 1)
    if (std::optional<int64_t> columns = constantOf(product.rhs.freeShape[0]); columns && *columns % piece == 0)
      lanes = piece;
  emitWithLanes(kernel, target, (tile / piece) * (tile / piece), lanes,
                [&](GpuEmitter &emitter, int64_t lanes) { GpuContractEmitter(emitter, product, tile, lanes).emit(); });
  return true;
}

} // namespace nnf
