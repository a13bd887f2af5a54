// Ops that move, cut, join and make data as primitives. They keep the element type.
#include "dialects/nnf/infer/Movement.h"
#include "passes/decompose/Decompositions.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Movement.h.inc"

using namespace mlir;
namespace nnf {
namespace {

template <typename Op> Value reshaped(Op op, typename Op::Adaptor x, Primitives &p) {
  return p.reshape(x.getInput(), shapeOf(op.getOutput()));
}

Value transpose(TransposeOp op, TransposeOp::Adaptor x, Primitives &p) {
  int64_t rank = p.rankOf(x.getInput());
  if (rank == 0)
    return x.getInput();
  IntList perm = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::swap(perm[*wrapDim(op.getLoc(), "dim0", op.getDim0(), rank)],
            perm[*wrapDim(op.getLoc(), "dim1", op.getDim1(), rank)]);
  return p.transpose(x.getInput(), perm);
}

Value flip(FlipOp op, FlipOp::Adaptor x, Primitives &p) {
  if (op.getDims().empty())
    return x.getInput();
  return p.flip(x.getInput(), *wrapDims(op.getLoc(), "dims", op.getDims(), p.rankOf(x.getInput())));
}

/// The last `shift` elements of a dimension come first; shift counts modulo the size.
Value rolled(Primitives &p, Value x, int64_t dim, int64_t shift) {
  Dim size = shapeOf(x)[dim];
  if (isConstant(size, 0))
    return x;
  Dim first = simplify(dimOf(p.context(), -shift) % size);
  if (std::optional<int64_t> known = constantOf(size))
    first = dimOf(p.context(), (-shift % *known + *known) % *known);
  if (isConstant(first, 0))
    return x;
  Dim zero = dimOf(p.context(), 0);
  return p.concat({p.sliceDim(x, dim, first, simplify(size - first)), p.sliceDim(x, dim, zero, first)}, dim);
}

Value roll(RollOp op, RollOp::Adaptor operands, Primitives &p) {
  Value x = operands.getInput();
  Shape shape = shapeOf(x);
  if (!op.getDims() || op.getDims()->empty()) {
    Value flat = p.reshape(x, {productOf(p.context(), shape)});
    return p.reshape(rolled(p, flat, 0, op.getShifts()[0]), shape);
  }
  for (auto [dim, shift] : llvm::zip_equal(*op.getDims(), op.getShifts()))
    if (!shape.empty())
      x = rolled(p, x, *wrapDim(op.getLoc(), "dims", dim, shape.size()), shift);
  return x;
}

Value cat(CatOp op, CatOp::Adaptor x, Primitives &p) {
  SmallVector<Value> tensors;
  for (Value tensor : catOperands(x.getTensors()))
    tensors.push_back(p.convert(tensor, elementOf(op.getOutput())));
  return p.concat(tensors, *wrapDim(op.getLoc(), "dim", op.getDim(), p.rankOf(tensors[0])));
}

Value stack(StackOp op, StackOp::Adaptor x, Primitives &p) {
  int64_t dim = *wrapDim(op.getLoc(), "dim", op.getDim(), rankOf(op.getOutput()));
  SmallVector<Value> tensors;
  for (Value tensor : x.getTensors())
    tensors.push_back(p.unsqueeze(p.convert(tensor, elementOf(op.getOutput())), dim));
  return p.concat(tensors, dim);
}

/// Pieces one after the other along `dim`, as long as the results are.
template <typename Op> Decompositions::Values pieces(Op op, typename Op::Adaptor x, Primitives &p) {
  int64_t dim = *wrapDim(op.getLoc(), "dim", op.getDim(), p.rankOf(x.getInput()));
  Decompositions::Values outputs;
  Dim start = dimOf(p.context(), 0);
  for (Value output : op.getOutputs()) {
    Dim length = shapeOf(output)[dim];
    outputs.push_back(p.sliceDim(x.getInput(), dim, start, length));
    start = start + length;
  }
  return outputs;
}

Value slice(SliceOp op, SliceOp::Adaptor x, Primitives &p) {
  Shape shape = shapeOf(x.getInput()), starts(shape.size(), dimOf(p.context(), 0));
  SmallVector<int64_t> steps(shape.size(), 1);
  Ints from = op.getStart().value_or(Ints()), to = op.getEnd().value_or(Ints());
  for (auto [i, given] : llvm::enumerate(op.getDim())) {
    int64_t dim = *wrapDim(op.getLoc(), "dim", given, shape.size());
    Range range =
        *sliceRange(op.getLoc(), shape[dim], from.empty() ? std::nullopt : std::optional(from[i]),
                    to.empty() ? std::nullopt : std::optional(to[i]), op.getStep()[op.getStep().size() == 1 ? 0 : i]);
    starts[dim] = range.start;
    steps[dim] = range.step;
    shape[dim] = range.length;
  }
  return p.slice(x.getInput(), starts, steps, shape);
}

/// *, C*r*r, H, W to *, C, H*r, W*r.
Value pixelShuffle(PixelShuffleOp op, PixelShuffleOp::Adaptor x, Primitives &p) {
  Shape in = shapeOf(x.getInput()), out = shapeOf(op.getOutput());
  int64_t leading = in.size() - 3;
  Dim r = dimOf(p.context(), op.getUpscaleFactor());
  Shape split(ArrayRef<Dim>(in).take_front(leading));
  split.append({out[leading], r, r, in[leading + 1], in[leading + 2]});
  IntList perm = llvm::to_vector(llvm::seq<int64_t>(0, leading + 1));
  perm.append({leading + 3, leading + 1, leading + 4, leading + 2});
  return p.reshape(p.transpose(p.reshape(x.getInput(), split), perm), out);
}

/// *, C, H*r, W*r to *, C*r*r, H, W.
Value pixelUnshuffle(PixelUnshuffleOp op, PixelUnshuffleOp::Adaptor x, Primitives &p) {
  Shape in = shapeOf(x.getInput()), out = shapeOf(op.getOutput());
  int64_t leading = in.size() - 3;
  Dim r = dimOf(p.context(), op.getDownscaleFactor());
  Shape split(ArrayRef<Dim>(in).take_front(leading + 1));
  split.append({out[leading + 1], r, out[leading + 2], r});
  IntList perm = llvm::to_vector(llvm::seq<int64_t>(0, leading + 1));
  perm.append({leading + 2, leading + 4, leading + 1, leading + 3});
  return p.reshape(p.transpose(p.reshape(x.getInput(), split), perm), out);
}

Value channelShuffle(ChannelShuffleOp op, ChannelShuffleOp::Adaptor x, Primitives &p) {
  Shape shape = shapeOf(x.getInput());
  int64_t groups = op.getGroups();
  Shape split{shape[0], dimOf(p.context(), groups), shape[1].floorDiv(groups)};
  llvm::append_range(split, ArrayRef<Dim>(shape).drop_front(2));
  IntList perm{0, 2, 1};
  llvm::append_range(perm, llvm::seq<int64_t>(3, split.size()));
  return p.reshape(p.transpose(p.reshape(x.getInput(), split), perm), shape);
}

/// x where column - row compares so with the diagonal, else 0.
template <typename Op> Value triangle(Op op, Value x, CompareKind kind, Primitives &p) {
  Shape shape = shapeOf(x);
  int64_t last = shape.size() - 1;
  Type i64 = IntegerType::get(p.context(), 64);
  Value offset = p.sub(p.iota(shape, last, i64), p.iota(shape, last - 1, i64));
  Value kept = p.compare(kind, offset, static_cast<double>(static_cast<int64_t>(op.getDiagonal())));
  return p.select(kept, x, 0);
}

/// Floats are computed in float64 and rounded once, as torch does.
Value arange(ArangeOp op, ArangeOp::Adaptor, Primitives &p) {
  Steps steps = *arangeSteps(op.getLoc(), op.getStart(), op.getEnd(), op.getStep(), op.getDtype());
  Type wide = isFloat(steps.element) ? Type(Float64Type::get(p.context())) : steps.element;
  Value x = p.iota(shapeOf(op.getOutput()), 0, wide);
  if (steps.step != 1)
    x = p.mul(x, steps.step);
  if (steps.start != 0)
    x = p.add(x, steps.start);
  return p.convert(x, steps.element);
}

} // namespace

void addMovement(Decompositions &table) {
  table.addMove<ReshapeOp>([](auto op, auto x, auto &p) { return reshaped(op, x, p); });
  table.addMove<FlattenOp>([](auto op, auto x, auto &p) { return reshaped(op, x, p); });
  table.addMove<SqueezeOp>([](auto op, auto x, auto &p) { return reshaped(op, x, p); });
  table.addMove<UnsqueezeOp>([](auto op, auto x, auto &p) { return reshaped(op, x, p); });
  table.addMove<PermuteOp>([](auto op, auto x, auto &p) -> Value {
    if (op.getDims().empty())
      return x.getInput();
    return p.transpose(x.getInput(), *wrapDims(op.getLoc(), "dims", op.getDims(), p.rankOf(x.getInput())));
  });
  table.addMove<TransposeOp>(transpose);
  table.addMove<FlipOp>(flip);
  table.addMove<RollOp>(roll);
  table.addMove<ExpandOp>(
      [](auto op, auto x, auto &p) { return p.broadcastTo(x.getInput(), shapeOf(op.getOutput())); });
  table.addMove<CatOp>(cat);
  table.addMove<StackOp>(stack);
  table.addMove<SplitOp>([](auto op, auto x, auto &p) { return pieces(op, x, p); });
  table.addMove<ChunkOp>([](auto op, auto x, auto &p) { return pieces(op, x, p); });
  table.addMove<SliceOp>(slice);
  table.addMove<PixelShuffleOp>(pixelShuffle);
  table.addMove<PixelUnshuffleOp>(pixelUnshuffle);
  table.addMove<ChannelShuffleOp>(channelShuffle);
  table.addMove<TrilOp>([](auto op, auto x, auto &p) { return triangle(op, x.getInput(), CompareKind::Le, p); });
  table.addMove<TriuOp>([](auto op, auto x, auto &p) { return triangle(op, x.getInput(), CompareKind::Ge, p); });
  table.addMove<ArangeOp>(arange);
  table.addMove<FullOp>([](auto op, auto x, auto &p) {
    return p.broadcastTo(p.convert(x.getFillValue(), elementOf(op.getOutput())), shapeOf(op.getOutput()));
  });
}

} // namespace nnf
