// Builds the function a kernel becomes: scalars and vectors of lanes, i64 index arithmetic, loads and stores.
#ifndef NNF_PASSES_KERNELS_KERNELBUILDER_H
#define NNF_PASSES_KERNELS_KERNELBUILDER_H

#include "dialects/nnf/Nnf.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "passes/TargetInfo.h"
#include <map>
#include <set>

namespace nnf {

/// Whole numbers from `lowest` to before `limit`.
struct Range {
  int64_t lowest, limit;
  bool isWithin(int64_t from, int64_t end) const { return from <= lowest && limit <= end; }
  bool isApartFrom(int64_t from, int64_t end) const { return limit <= from || end <= lowest; }
};

/// An index of one tensor dimension at which lanes are evaluated together: lane l stands at base + l*stride, or at
/// perLane[l] where lanes follow no line. A uniform index is the same in every lane.
///
/// An index may be a part of that position: position floordiv `divisor` mod `modulus` (null: not divided, no modulus).
/// Parts of one position are put together again where dimensions are joined (`KernelBuilder::join`), so a division is
/// only emitted where one of them is asked for by itself.
struct Index {
  mlir::Value base;
  int64_t stride = 0;
  mlir::Value perLane;
  Dim divisor = {}, modulus = {};
  /// What is known of every active lane's position.
  std::optional<Range> range = {};

  bool uniform() const { return stride == 0 && !perLane; }
  bool isPart() const { return divisor || modulus; }
  bool operator==(const Index &other) const {
    return isSamePosition(other) && divisor == other.divisor && modulus == other.modulus;
  }
  bool isSamePosition(const Index &other) const {
    return base == other.base && stride == other.stride && perLane == other.perLane;
  }
};
using Indices = llvm::SmallVector<Index, 4>;

/// Emits into one kernel function. Values in registers: floats as they are, integers signless, bool as i1 (i8 in
/// memory). A value is a scalar where all lanes agree, else a vector of `lanes` elements.
class KernelBuilder {
public:
  using Value = mlir::Value;
  using Type = mlir::Type;

  KernelBuilder(mlir::OpBuilder &builder, mlir::Location loc, const TargetInfo &target,
                const llvm::DenseMap<unsigned, Value> &symbols)
      : b(builder), loc(loc), target(target), symbols(symbols) {}

  mlir::OpBuilder &b;
  mlir::Location loc;
  const TargetInfo &target;
  /// Sizes and constants are emitted before this op.
  void setPrologueEnd(mlir::Operation *op) { prologueEnd = op; }
  /// Lanes evaluated together; 1: everything is scalar.
  int64_t lanes = 1;
  /// Which lanes are active, or null: all. A vector of i1.
  Value laneMask;
  /// Masks known to leave the first lane alone. LLVM 22 makes of a masked store of a narrowed vector under such a
  /// constant mask a store of the wide element, on AVX-512: they are stored as scalars.
  llvm::DenseSet<Value> singleLaneMasks;
  /// The mask of the first `count` lanes.
  Value firstLanes(int64_t count);
  /// Whether uniform accesses may touch memory, or null: yes. A scalar i1.
  Value guard;
  /// What has been emitted that is slow in lanes: loads of elements that do not lie side by side, and divisions of
  /// indices. Families compare it for one order of loops and another.
  int64_t slowAccesses = 0;
  /// Where neighbouring lanes were told apart by a bound of theirs, counted in lanes from the first position of an
  /// index whose range is known: on either side of it all lanes go the same way.
  std::set<int64_t> partings;
  void notePartingAt(const Index &x, int64_t position);

  // ---- i64 arithmetic; constants are folded and shared, sizes are computed once in the prologue
  Value constant(int64_t value);
  Value size(Dim dim);
  std::optional<int64_t> constantValue(Value value) const;
  Value add(Value x, Value y), sub(Value x, Value y), mul(Value x, Value y);
  Value floorDiv(Value x, Value y), mod(Value x, Value y), ceilDiv(Value x, int64_t y);
  Value min(Value x, Value y), max(Value x, Value y);
  Value less(Value x, Value y);

  // ---- indices
  Index index(Value base, int64_t stride = 0) { return {base, stride, {}}; }
  Index zero() { return index(constant(0)); }
  Index add(Index x, Index y);
  Index mul(Index x, Value scale);
  Index floorDiv(Index x, Value divisor), mod(Index x, Value divisor);
  /// The one index of two dimensions, the second of `size` elements, if they are parts of one position.
  std::optional<Index> join(Index x, Index y, Dim size);
  /// The index itself: a part is computed.
  Index whole(Index x);
  /// The index as an i64 scalar (uniform) or vector.
  Value valueOf(Index x);
  /// The index a computed i64 scalar or vector stands for.
  Index indexOf(Value value);
  /// lower <= x < upper, as i1 scalar or vector; null when that can be seen to hold.
  Value inBounds(Index x, Value upper);

  // ---- lanes
  bool isVector(Value value) const { return mlir::isa<mlir::VectorType>(value.getType()); }
  /// The type of `lanes` elements.
  mlir::VectorType vectorOf(Type element) const { return mlir::VectorType::get({lanes}, element); }
  /// A scalar repeated in every lane; vectors as they are.
  Value spread(Value value);
  /// Makes all scalar, or all vectors.
  void unify(llvm::MutableArrayRef<Value> values);
  Value splat(mlir::TypedAttr number, bool vector);
  /// Both conditions; either may be null (true).
  Value both(Value x, Value y);
  /// The larger or smaller of two floats of one type, NaN where one is.
  Value extreme(bool isMax, Value x, Value y);
  /// The larger of two; anything of the two where one is NaN.
  Value largerOfNumbers(Value x, Value y);
  /// x * y + sum of numbers of type `element`; of floats one operation where the target has it.
  Value multiplyAdd(Type element, Value x, Value y, Value sum);

  // ---- memory
  /// The type of a tensor element in registers, and in memory.
  static Type registerType(Type element);
  static Type memoryType(Type element);
  /// Reads element `offset` (counted in elements) of a tensor at `address`; inactive lanes read nothing and give 0.
  /// `elements`: how many the tensor has, where that is known.
  Value load(Value address, Type element, Index offset, std::optional<int64_t> elements = {});
  /// Writes all active lanes; past the caches where that is asked for, all lanes are active, and the address suits.
  void store(Value value, Value address, Type element, Index offset, bool pastCaches = false);
  /// Whether some code stores past the caches: such stores are ordered among others by `waitForStores` alone.
  bool storesPastCaches = false;
  void waitForStores();
  /// Address of element `offset`.
  Value elementAddress(Value address, Type element, Value offset);

  // ---- control flow
  using LoopBody = llvm::function_ref<llvm::SmallVector<Value>(Value i, mlir::ValueRange carried)>;
  /// for i in [lower, upper) by step, carrying values. A loop of one known turn is inlined.
  llvm::SmallVector<Value> loop(Value lower, Value upper, int64_t step, mlir::ValueRange carried, LoopBody body);
  /// condition ? onTrue() : onFalse() with control flow; the results are of equal types.
  Value branch(Value condition, llvm::function_ref<Value()> onTrue, llvm::function_ref<Value()> onFalse);

  Value zeroOf(Type type);

private:
  void storePastCaches(Value value, Value at, unsigned align);
  Value loadStrided(Value address, Type element, Index offset, Value mask);
  mlir::OpBuilder prologue() const;
  Value emitDim(mlir::OpBuilder &pre, Dim dim);

  mlir::Operation *prologueEnd = nullptr;
  const llvm::DenseMap<unsigned, Value> &symbols;
  std::map<int64_t, Value> constants;
  llvm::DenseMap<Value, int64_t> known;
  llvm::DenseMap<Dim, Value> sizes;
};

} // namespace nnf
#endif
