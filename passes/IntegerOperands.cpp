#include "passes/IntegerOperands.h"

using namespace mlir;
namespace nnf {
namespace {

Type integer(Primitives &p, unsigned bits) { return IntegerType::get(p.context(), bits); }
Type unsignedByte(Primitives &p) { return IntegerType::get(p.context(), 8, IntegerType::Unsigned); }

constexpr int64_t mostOfWord = (1 << 15) - 1;

/// The weight as signed bytes, if its zero point is that of them: 0, or 128 where they are unsigned.
Value signedBytes(Primitives &p, Value weight) {
  std::optional<CentredBytes> found = CentredBytes::of(weight);
  if (!found)
    return {};
  auto zero = found->zero ? uniformInteger(found->zero) : std::optional<int64_t>(0);
  bool isUnsigned = Primitives::elementOf(found->bytes).isUnsignedInteger();
  if (zero != (isUnsigned ? 128 : 0))
    return {};
  Value bytes = isUnsigned ? p.convert(p.bitXor(found->bytes, 128), integer(p, 8)) : found->bytes;
  return found->viewed(p, bytes);
}

bool hasPadding(PrimConvOp op) {
  auto isZero = [](int64_t n) { return n == 0; };
  return !llvm::all_of(op.getLow(), isZero) || !llvm::all_of(op.getHigh(), isZero);
}

} // namespace

bool isNarrowProduct(Value lhs, Value rhs) {
  if (!Primitives::elementOf(lhs).isInteger(32) || !Primitives::elementOf(rhs).isInteger(32))
    return false;
  auto x = magnitudeOf(lhs), y = magnitudeOf(rhs);
  return x && y && *x <= mostOfWord && *y <= mostOfWord;
}

IntegerOperands IntegerOperandMaker::make(Primitives &p, PrimConvOp op) {
  if (auto bytes = asBytes(p, op))
    return *bytes;
  return asWords(p, op);
}

std::optional<IntegerOperands> IntegerOperandMaker::asBytes(Primitives &p, PrimConvOp op) {
  // What is constant is computed at compile time, on a machine that need not have the instruction.
  if (!byteDots || constness.isConstant(op.getInput()))
    return std::nullopt;
  std::optional<CentredBytes> input = CentredBytes::of(op.getInput());
  if (!input)
    return std::nullopt;
  Value zero; // of the input, rank 0
  if (input->zero && uniformInteger(input->zero) != 0) {
    zero = repeatedNumber(p, input->zero);
    if (!zero)
      return std::nullopt;
  }
  IntegerOperands found;
  found.weight = signedBytes(p, op.getWeight());
  if (!found.weight)
    return std::nullopt;
  found.low = SmallVector<int64_t>(op.getLow());
  found.high = SmallVector<int64_t>(op.getHigh());
  Value bytes = input->bytes;
  if (!Primitives::elementOf(bytes).isUnsignedInteger()) {
    bytes = unsignedBytes(bytes);
    zero = zero ? p.add(zero, 128) : p.scalar(128, integer(p, 32));
  }
  found.input = input->viewed(p, bytes);
  if (!zero) {
    alignChannels(p, op, found, 4, 0);
    return found;
  }
  // What lies outside counts as 0 once the zero point is taken: it is the zero point.
  Value fill = p.convert(zero, unsignedByte(p));
  if (hasPadding(op)) {
    SmallVector<int64_t> low{0}, high{0};
    low.append(found.low);
    high.append(found.high);
    low.push_back(0);
    high.push_back(0);
    found.input = p.pad(found.input, fill, low, high);
    found.low.assign(found.low.size(), 0);
    found.high.assign(found.high.size(), 0);
  }
  int64_t last = Primitives::rankOf(found.weight) - 1;
  SmallVector<int64_t> summed = llvm::to_vector(llvm::seq<int64_t>(0, last));
  Value sums = p.sum(p.convert(found.weight, integer(p, 32)), summed);
  found.correction = p.mul(sums, zero);
  alignChannels(p, op, found, 4, fill);
  return found;
}

IntegerOperands IntegerOperandMaker::asWords(Primitives &p, PrimConvOp op) {
  IntegerOperands found;
  found.input = words(p, op.getInput());
  found.weight = p.convert(op.getWeight(), integer(p, 16));
  found.low = SmallVector<int64_t>(op.getLow());
  found.high = SmallVector<int64_t>(op.getHigh());
  alignChannels(p, op, found, 2, 0);
  return found;
}

/// The tensor's elements as words. Where their 8-bit form is computed and others read it, they read these.
Value IntegerOperandMaker::words(Primitives &p, Value tensor) {
  std::optional<CentredBytes> found = CentredBytes::of(tensor);
  std::optional<int64_t> zero = !found ? std::nullopt : found->zero ? uniformInteger(found->zero) : 0;
  if (!zero || !found->bytes.getDefiningOp() || constness.isConstant(tensor))
    return p.convert(tensor, integer(p, 16));
  Value bytes = found->bytes;
  Value &known = centred[{bytes, *zero}];
  if (known)
    return found->viewed(p, known);
  OpBuilder builder(bytes.getContext());
  builder.setInsertionPointAfterValue(bytes);
  Primitives here(builder, bytes.getLoc());
  Value wide = here.convert(bytes, integer(p, 32));
  Value stored = known = here.convert(*zero ? here.sub(wide, static_cast<double>(*zero)) : wide, integer(p, 16));
  Value again = here.convert(stored, integer(p, 32));
  Value back = here.convert(*zero ? here.add(again, static_cast<double>(*zero)) : again, Primitives::elementOf(bytes));
  bytes.replaceAllUsesExcept(back, wide.getDefiningOp());
  centred[{back, *zero}] = stored;
  return found->viewed(p, stored);
}

/// Signed bytes, 128 more, as unsigned ones. Where they are computed, others read those.
Value IntegerOperandMaker::unsignedBytes(Value bytes) {
  Value &known = shifted[bytes];
  if (known)
    return known;
  OpBuilder builder(bytes.getContext());
  builder.setInsertionPointAfterValue(bytes);
  Primitives p(builder, bytes.getLoc());
  Value sameBits = p.convert(bytes, unsignedByte(p)), stored = p.bitXor(sameBits, 128);
  known = stored;
  if (bytes.getDefiningOp()) {
    Value back = p.convert(p.bitXor(stored, 128), integer(p, 8));
    bytes.replaceAllUsesExcept(back, sameBits.getDefiningOp());
    shifted[back] = stored;
  }
  return stored;
}

/// Channels of a group in whole steps: more of them with weights of 0.
void IntegerOperandMaker::alignChannels(Primitives &p, PrimConvOp op, IntegerOperands &operands, int64_t step,
                                        Operand fill) {
  int64_t channels = *constantOf(op.channelsPerGroup()), missing = llvm::alignTo(channels, step) - channels;
  if (!missing)
    return;
  Shape shape = shapeOf(operands.input), split(shape);
  split.back() = dimOf(p.context(), op.getGroups());
  split.push_back(dimOf(p.context(), channels));
  SmallVector<int64_t> low(split.size(), 0), high(split.size(), 0);
  high.back() = missing;
  Value input = operands.input;
  if (op.getGroups() == 1) {
    input = p.pad(input, fill, ArrayRef(low).drop_front(), ArrayRef(high).drop_front());
  } else {
    shape.back() = dimOf(p.context(), op.getGroups() * (channels + missing));
    input = p.reshape(p.pad(p.reshape(input, split), fill, low, high), shape);
  }
  operands.input = input;
  SmallVector<int64_t> weightLow(Primitives::rankOf(operands.weight), 0), weightHigh(weightLow);
  weightHigh[weightHigh.size() - 2] = missing;
  operands.weight = p.pad(operands.weight, 0, weightLow, weightHigh);
}

// ---- floats

/// The narrowest float type that holds all sums of so many products; null where the operands may be too large.
static Type floatFor(Value lhs, Value rhs, Dim terms) {
  if (!isNarrowProduct(lhs, rhs))
    return {};
  constexpr int64_t most32 = int64_t(1) << 24;
  auto count = constantOf(terms);
  int64_t product = std::max<int64_t>(1, *magnitudeOf(lhs) * *magnitudeOf(rhs));
  if (count && *count <= most32 / product)
    return Float32Type::get(lhs.getContext());
  return Float64Type::get(lhs.getContext());
}

/// In place of the sums of `op`, which wrap, those of `floats`.
static void replaceByFloats(Primitives &p, Operation *op, Value floats) {
  bool isNarrow = Primitives::elementOf(floats).isF32();
  op->getResult(0).replaceAllUsesWith(p.convert(isNarrow ? floats : p.convert(floats, integer(p, 64)), integer(p, 32)));
  op->erase();
}

PrimConvOp convOfFloats(PrimConvOp op) {
  Dim terms = simplify(productOf(op.getContext(), op.kernelSizes()) * op.channelsPerGroup());
  Type type = floatFor(op.getInput(), op.getWeight(), terms);
  if (!type)
    return {};
  OpBuilder builder(op);
  Primitives p(builder, op.getLoc());
  auto floats =
      PrimConvOp::create(builder, op.getLoc(), tensorOf(shapeOf(op.getOutput()), type), p.convert(op.getInput(), type),
                         p.convert(op.getWeight(), type), op.getStride(), op.getLow(), op.getHigh(),
                         op.getInputDilation(), op.getKernelDilation(), op.getGroups(), op.getLayout());
  replaceByFloats(p, op, floats);
  return floats;
}

PrimDotOp dotOfFloats(PrimDotOp op) {
  Dim terms = dimOf(op.getContext(), 1);
  for (int64_t dim : op.getLhsContract())
    terms = simplify(terms * shapeOf(op.getLhs())[dim]);
  Type type = floatFor(op.getLhs(), op.getRhs(), terms);
  if (!type)
    return {};
  OpBuilder builder(op);
  Primitives p(builder, op.getLoc());
  Value floats = p.dot(p.convert(op.getLhs(), type), p.convert(op.getRhs(), type), op.getLhsBatch(), op.getRhsBatch(),
                       op.getLhsContract(), op.getRhsContract());
  replaceByFloats(p, op, floats);
  return floats.getDefiningOp<PrimDotOp>();
}

} // namespace nnf
