// Sorting in rows, a task a block of rows. All elements: a least-significant-digit radix sort of keys and positions. It
// is stable, takes the same steps for any data, and passes over a digit that all keys share are left out. A few of
// many: a list of the best so far, in order.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/kernels/KernelEmitter.h"

using namespace mlir;
namespace nnf {
namespace {

constexpr int64_t digitBits = 8, digits = 1 << digitBits;

/// What both ways share: rows, elements as keys, and the results.
class RowSorter {
public:
  RowSorter(KernelEmitter &emitter, PrimSortOp op)
      : emitter(emitter), k(emitter.k), e(emitter.e), op(op), shape(shapeOf(op.getInput())),
        element(elementOf(op.getInput())), dim(op.getDim()), i64(IntegerType::get(op.getContext(), 64)) {}

protected:
  KernelEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  PrimSortOp op;
  Shape shape;
  Type element;
  int64_t dim;
  Type i64;

  void setScratch(int64_t words) { emitter.function->setAttr("nnf.scratch", k.b.getI64IntegerAttr(words * 8)); }

  /// body(row), with a number among all rows.
  void forAllRows(int64_t elementsPerTask, llvm::function_ref<void(const Indices &, Value)> body) {
    Shape rows(shape);
    rows.erase(rows.begin() + dim);
    Dim count = productOf(op.getContext(), rows);
    int64_t length = std::max<int64_t>(1, KernelEmitter::guess(shape[dim]));
    int64_t block = std::max<int64_t>(1, elementsPerTask / length);
    emitter.forTasks({count.ceilDiv(block)}, [&](ArrayRef<Value> task) {
      Value first = k.mul(task[0], k.constant(block));
      Value end = k.min(k.add(first, k.constant(block)), k.size(count));
      emitter.forRows(rows, first, end, [&](const Indices &row) { body(row, e.linear(rows, row).base); });
    });
  }

  Value elementAt(const Indices &row, Index position) {
    Indices at(row);
    at.insert(at.begin() + dim, position);
    return e.at(op.getInput(), at);
  }

  /// A loop without carried values, whose body has a scope of its own.
  void each(Value begin, Value end, llvm::function_ref<void(Value)> body) {
    k.loop(begin, end, 1, {}, [&](Value i, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      body(i);
      return {};
    });
  }
  void each(Value end, llvm::function_ref<void(Value)> body) { each(k.constant(0), end, body); }

  void onlyIf(Value condition, llvm::function_ref<void()> body) {
    auto branch = scf::IfOp::create(k.b, k.loc, TypeRange{}, condition, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(k.b);
    k.b.setInsertionPoint(branch.thenBlock()->getTerminator());
    ElementEmitter::Scope scope(e);
    body();
  }

  /// Unsigned numbers in the order of the elements: -0 as 0, and every NaN the largest.
  Value keyOf(Value value) {
    OpBuilder &b = k.b;
    Location loc = k.loc;
    unsigned width = element.getIntOrFloatBitWidth();
    bool isVector = k.isVector(value);
    Type bits = IntegerType::get(b.getContext(), width);
    auto number = [&](llvm::APInt n) -> Value { return k.splat(IntegerAttr::get(bits, n), isVector); };
    Value key = value;
    if (isa<FloatType>(element)) {
      Value zero = k.splat(b.getFloatAttr(element, 0), isVector);
      Value isZero = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OEQ, value, zero);
      Value isNan = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::UNO, value, value);
      Value plain = arith::SelectOp::create(b, loc, isZero, zero, value);
      key = arith::BitcastOp::create(b, loc, isVector ? Type(k.vectorOf(bits)) : bits, plain);
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
    return key;
  }
  /// The same in 64 bits.
  Value wideKeyOf(Value value) {
    Value key = keyOf(value);
    return key.getType().isInteger(64) ? key : Value(arith::ExtUIOp::create(k.b, k.loc, i64, key));
  }

  Value compare(arith::CmpIPredicate predicate, Value x, Value y) {
    return arith::CmpIOp::create(k.b, k.loc, predicate, x, y);
  }

  /// Writes result `i` of a row.
  void store(const Indices &row, Value i, Value position) {
    Indices at(row);
    at.insert(at.begin() + dim, k.index(i));
    Index offset = e.linear(shapeOf(op.getValues()), at);
    k.store(elementAt(row, k.index(position)), emitter.resultAddress(0), element, offset);
    k.store(position, emitter.resultAddress(1), i64, offset);
  }
};

class SortEmitter : RowSorter {
public:
  SortEmitter(KernelEmitter &emitter, PrimSortOp op)
      : RowSorter(emitter, op), passes(std::max<int64_t>(1, elementBytes(element))),
        isInScratch(isConstant(shapeOf(op.getWorkspace()).back(), 0)) {}

  void emit() {
    int64_t counters = passes * digits;
    setScratch(counters + (isInScratch ? 4 * *constantOf(shape[dim]) : 0));
    size = k.size(shape[dim]);
    forAllRows(4096, [&](const Indices &row, Value number) {
      memory = isInScratch ? k.constant(counters) : k.mul(number, k.mul(size, k.constant(4)));
      clearCounters();
      fill(row);
      Value half = distribute();
      each(k.size(shapeOf(op.getValues())[dim]), [&](Value i) { store(row, i, read(positions, half, i)); });
    });
  }

private:
  int64_t passes;
  bool isInScratch;
  Value size, memory; // length of a row; where the row's workspace begins

  // ---- memory: counters of all digits in scratch; in the workspace keys twice, positions twice, each `size` long

  Value counter(Value at) { return k.load(emitter.scratch, i64, k.index(at)); }
  void setCounter(Value at, Value value) { k.store(value, emitter.scratch, i64, k.index(at)); }
  Value workspace() const { return isInScratch ? emitter.scratch : emitter.resultAddress(2); }
  Index place(int64_t part, Value half, Value at) {
    Value start = k.add(memory, k.mul(k.add(k.constant(2 * part), half), size));
    return k.index(k.add(start, at));
  }
  Value read(int64_t part, Value half, Value at) { return k.load(workspace(), i64, place(part, half, at)); }
  void write(int64_t part, Value half, Value at, Value value) {
    k.store(value, workspace(), i64, place(part, half, at));
  }
  static constexpr int64_t keys = 0, positions = 1;

  void clearCounters() {
    each(k.constant(passes * digits), [&](Value i) { setCounter(i, k.constant(0)); });
  }

  Value digitOf(Value key, Value pass) {
    Value shifted = arith::ShRUIOp::create(k.b, k.loc, key, k.mul(pass, k.constant(digitBits)));
    Value digit = arith::AndIOp::create(k.b, k.loc, shifted, k.constant(digits - 1));
    return k.add(k.mul(pass, k.constant(digits)), digit);
  }

  void fill(const Indices &row) {
    each(size, [&](Value i) {
      Value key = wideKeyOf(elementAt(row, k.index(i)));
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
                    onlyIf(differ, [&] {
                      each(size, [&](Value i) {
                        Value key = read(keys, from, i), at = digitOf(key, pass), target = counter(at);
                        setCounter(at, k.add(target, one));
                        write(keys, to, target, key);
                        write(positions, to, target, read(positions, from, i));
                      });
                    });
                    return {arith::SelectOp::create(k.b, k.loc, differ, to, from)};
                  })[0];
  }
};

/// Keeps a list of the best in scratch, in order. Elements are compared with the list's last in vectors; one that comes
/// before it is put into its place, and what stands behind moves on by one.
class SelectEmitter : RowSorter {
public:
  SelectEmitter(KernelEmitter &emitter, PrimSortOp op)
      : RowSorter(emitter, op), count(*constantOf(shapeOf(op.getValues())[dim])), size(*constantOf(shape[dim])),
        listLanes(k.target.lanes(8)), entries(llvm::alignTo(count, listLanes)) {}

  void emit() {
    setScratch(2 * (entries + 1));
    forAllRows(65536, [&](const Indices &row, Value) {
      k.store(k.constant(0), emitter.scratch, i64, entry(keys, k.constant(0)));
      // What is compared with a list that is not yet full comes before the places that are empty.
      each(k.constant(count), [&](Value i) { insert(wideKeyOf(elementAt(row, k.index(i))), i, i); });
      int64_t lanes = k.target.lanes(std::max<int64_t>(4, elementBytes(element)));
      emitter.forLanes(lanes, k.constant(count), k.constant(size), {}, [&](Index at, ValueRange) -> SmallVector<Value> {
        Value key = keyOf(k.spread(elementAt(row, at))), last = lastKey();
        if (!key.getType().isInteger(64) && !getElementTypeOrSelf(key.getType()).isInteger(64))
          last = arith::TruncIOp::create(k.b, k.loc, getElementTypeOrSelf(key.getType()), last);
        Value better = k.both(compare(arith::CmpIPredicate::ult, key, k.spread(last)), k.laneMask);
        Value any = vector::ReductionOp::create(k.b, k.loc, vector::CombiningKind::OR, better);
        onlyIf(any, [&] {
          KernelEmitter::LanesScope scalar(k, 1);
          Value end = k.min(k.add(at.base, k.constant(lanes)), k.constant(size));
          each(at.base, end, [&](Value i) {
            Value one = wideKeyOf(elementAt(row, k.index(i)));
            onlyIf(compare(arith::CmpIPredicate::ult, one, lastKey()), [&] { insert(one, i, {}); });
          });
        });
        return {};
      });
      each(k.constant(count),
           [&](Value i) { store(row, i, k.load(emitter.scratch, i64, entry(positions, k.add(i, k.constant(1))))); });
    });
  }

private:
  int64_t count, size, listLanes, entries;
  static constexpr int64_t keys = 0, positions = 1;

  /// Entry i of the list. Entry 0 is not of it, and has a key that nothing comes before.
  Index entry(int64_t part, Value i) {
    return k.index(k.add(k.constant(part * (entries + 1)), i), k.lanes > 1 ? 1 : 0);
  }
  Value lastKey() {
    KernelEmitter::LanesScope scalar(k, 1);
    return k.load(emitter.scratch, i64, entry(keys, k.constant(count)));
  }

  /// Puts an element behind all that it does not come before; from the end, so that each entry is read before it is
  /// written. Entries above `filled` are empty; null: none is.
  void insert(Value key, Value position, Value filled) {
    KernelEmitter::LanesScope vectors(k, listLanes);
    each(k.constant(entries / listLanes), [&](Value turn) {
      Value first = k.sub(k.constant(entries - listLanes + 1), k.mul(turn, k.constant(listLanes)));
      Value before = k.sub(first, k.constant(1));
      auto read = [&](int64_t part, Value at) { return k.load(emitter.scratch, i64, entry(part, at)); };
      auto comesBefore = [&](Value others, Value at) -> Value {
        Value less = compare(arith::CmpIPredicate::ult, k.spread(key), others);
        if (!filled)
          return less;
        Value isEmpty = compare(arith::CmpIPredicate::sgt, k.valueOf(k.index(at, 1)), k.spread(filled));
        return arith::OrIOp::create(k.b, k.loc, less, isEmpty);
      };
      Value mineKeys = read(keys, first), othersKeys = read(keys, before);
      Value isHere = comesBefore(mineKeys, first), isMoved = comesBefore(othersKeys, before);
      auto write = [&](int64_t part, Value mine, Value others, Value given) {
        Value kept = arith::SelectOp::create(k.b, k.loc, isHere, k.spread(given), mine);
        k.store(arith::SelectOp::create(k.b, k.loc, isMoved, others, kept), emitter.scratch, i64, entry(part, first));
      };
      write(keys, mineKeys, othersKeys, key);
      write(positions, read(positions, first), read(positions, before), position);
    });
  }
};

} // namespace

void emitSortKernel(KernelOp kernel, PrimSortOp op, const TargetInfo &target) {
  KernelEmitter emitter(kernel, target);
  if (isSelection(shapeOf(op.getInput())[op.getDim()], shapeOf(op.getValues())[op.getDim()]))
    SelectEmitter(emitter, op).emit();
  else
    SortEmitter(emitter, op).emit();
}

} // namespace nnf
