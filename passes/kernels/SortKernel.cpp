// Sorting in rows: a least-significant-digit radix sort of keys and positions, a task a block of rows. It is stable,
// takes the same steps for any data, and passes over a digit that all keys share are left out.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "passes/kernels/KernelEmitter.h"

using namespace mlir;
namespace nnf {
namespace {

constexpr int64_t digitBits = 8, digits = 1 << digitBits;

class SortEmitter {
public:
  SortEmitter(KernelEmitter &emitter, PrimSortOp op)
      : emitter(emitter), k(emitter.k), e(emitter.e), op(op), shape(shapeOf(op.getInput())),
        element(elementOf(op.getInput())), dim(op.getDim()), passes(std::max<int64_t>(1, elementBytes(element))),
        i64(IntegerType::get(op.getContext(), 64)) {}

  void emit() {
    emitter.function->setAttr("nnf.scratch", k.b.getI64IntegerAttr(passes * digits * 8));
    size = k.size(shape[dim]);
    Shape rows(shape);
    rows.erase(rows.begin() + dim);
    Dim count = productOf(op.getContext(), rows);
    int64_t block = std::max<int64_t>(1, 4096 / std::max<int64_t>(1, KernelEmitter::guess(shape[dim])));
    emitter.forTasks({count.ceilDiv(block)}, [&](ArrayRef<Value> task) {
      Value first = k.mul(task[0], k.constant(block));
      Value end = k.min(k.add(first, k.constant(block)), k.size(count));
      emitter.forRows(rows, first, end, [&](const Indices &row) {
        memory = k.mul(e.linear(rows, row).base, k.mul(size, k.constant(4)));
        clearCounters();
        fill(row);
        store(row, distribute());
      });
    });
  }

private:
  KernelEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  PrimSortOp op;
  Shape shape;
  Type element;
  int64_t dim, passes;
  Type i64;
  Value size, memory; // length of a row; where the row's workspace begins

  // ---- memory: keys twice, positions twice, each `size` long; counters of all digits in scratch

  Value counter(Value at) { return k.load(emitter.scratch, i64, k.index(at)); }
  void setCounter(Value at, Value value) { k.store(value, emitter.scratch, i64, k.index(at)); }
  Index place(int64_t part, Value half, Value at) {
    Value start = k.add(memory, k.mul(k.add(k.constant(2 * part), half), size));
    return k.index(k.add(start, at));
  }
  Value read(int64_t part, Value half, Value at) {
    return k.load(emitter.resultAddress(2), i64, place(part, half, at));
  }
  void write(int64_t part, Value half, Value at, Value value) {
    k.store(value, emitter.resultAddress(2), i64, place(part, half, at));
  }
  static constexpr int64_t keys = 0, positions = 1;

  Value elementAt(const Indices &row, Value position) {
    Indices at(row);
    at.insert(at.begin() + dim, k.index(position));
    return e.at(op.getInput(), at);
  }

  /// A loop without carried values, whose body has a scope of its own.
  void each(Value end, llvm::function_ref<void(Value)> body) {
    k.loop(k.constant(0), end, 1, {}, [&](Value i, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      body(i);
      return {};
    });
  }

  void clearCounters() {
    each(k.constant(passes * digits), [&](Value i) { setCounter(i, k.constant(0)); });
  }

  /// Unsigned numbers in the order of the elements: -0 as 0, and every NaN the largest.
  Value keyOf(Value value) {
    OpBuilder &b = k.b;
    Location loc = k.loc;
    unsigned width = element.getIntOrFloatBitWidth();
    Type bits = IntegerType::get(b.getContext(), width);
    auto number = [&](llvm::APInt n) -> Value { return arith::ConstantOp::create(b, loc, IntegerAttr::get(bits, n)); };
    Value key = value;
    if (isa<FloatType>(element)) {
      Value zero = arith::ConstantOp::create(b, loc, b.getFloatAttr(element, 0));
      Value isZero = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, value, zero);
      Value isNan = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, value, value);
      Value plain = arith::SelectOp::create(b, loc, isZero, zero, value);
      key = arith::BitcastOp::create(b, loc, bits, plain);
      // Negative numbers are larger the smaller their magnitude is: all bits turn; of others the sign bit alone.
      Value sign = arith::ShRSIOp::create(b, loc, key, number(llvm::APInt(width, width - 1)));
      Value turned = arith::OrIOp::create(b, loc, sign, number(llvm::APInt::getSignMask(width)));
      key = arith::XOrIOp::create(b, loc, key, turned);
      key = arith::SelectOp::create(b, loc, isNan, number(llvm::APInt::getAllOnes(width)), key);
    } else if (!element.isUnsignedInteger() && width > 1) {
      key = arith::XOrIOp::create(b, loc, key, number(llvm::APInt::getSignMask(width)));
    }
    if (op.getDescending())
      key = arith::XOrIOp::create(b, loc, key, number(llvm::APInt::getAllOnes(width)));
    return width < 64 ? Value(arith::ExtUIOp::create(b, loc, i64, key)) : key;
  }

  Value digitOf(Value key, Value pass) {
    Value shifted = arith::ShRUIOp::create(k.b, k.loc, key, k.mul(pass, k.constant(digitBits)));
    Value digit = arith::AndIOp::create(k.b, k.loc, shifted, k.constant(digits - 1));
    return k.add(k.mul(pass, k.constant(digits)), digit);
  }

  void fill(const Indices &row) {
    each(size, [&](Value i) {
      Value key = keyOf(elementAt(row, i));
      write(keys, k.constant(0), i, key);
      write(positions, k.constant(0), i, i);
      for (int64_t pass = 0; pass < passes; ++pass) {
        Value at = digitOf(key, k.constant(pass));
        setCounter(at, k.add(counter(at), k.constant(1)));
      }
    });
  }

  /// Counters of a digit become where its elements begin. Returns the largest count.
  Value beginnings(Value pass) {
    Value base = k.mul(pass, k.constant(digits));
    return k.loop(k.constant(0), k.constant(digits), 1, {k.constant(0), k.constant(0)},
                  [&](Value i, ValueRange carried) -> SmallVector<Value> {
                    Value at = k.add(base, i), count = counter(at);
                    setCounter(at, carried[0]);
                    return {k.add(carried[0], count), k.max(carried[1], count)};
                  })[1];
  }

  /// One pass a digit. Returns which half the sorted elements are in.
  Value distribute() {
    Value one = k.constant(1);
    return k.loop(k.constant(0), k.constant(passes), 1, {k.constant(0)},
                  [&](Value pass, ValueRange carried) -> SmallVector<Value> {
                    ElementEmitter::Scope scope(e);
                    Value from = carried[0], to = k.sub(one, from);
                    Value differ = k.less(beginnings(pass), size);
                    auto branch = scf::IfOp::create(k.b, k.loc, TypeRange{}, differ, /*withElseRegion=*/false);
                    {
                      OpBuilder::InsertionGuard guard(k.b);
                      k.b.setInsertionPoint(branch.thenBlock()->getTerminator());
                      each(size, [&](Value i) {
                        Value key = read(keys, from, i), at = digitOf(key, pass), target = counter(at);
                        setCounter(at, k.add(target, one));
                        write(keys, to, target, key);
                        write(positions, to, target, read(positions, from, i));
                      });
                    }
                    return {arith::SelectOp::create(k.b, k.loc, differ, to, from)};
                  })[0];
  }

  void store(const Indices &row, Value half) {
    each(size, [&](Value i) {
      Value position = read(positions, half, i);
      Indices at(row);
      at.insert(at.begin() + dim, k.index(i));
      Index offset = e.linear(shape, at);
      k.store(elementAt(row, position), emitter.resultAddress(0), element, offset);
      k.store(position, emitter.resultAddress(1), i64, offset);
    });
  }
};

} // namespace

void emitSortKernel(KernelOp kernel, PrimSortOp op, const TargetInfo &target) {
  KernelEmitter emitter(kernel, target);
  SortEmitter(emitter, op).emit();
}

} // namespace nnf
