// A functional builder of primitives, so that a decomposition reads like its formula.
#ifndef NNF_PASSES_DECOMPOSE_PRIMITIVES_H
#define NNF_PASSES_DECOMPOSE_PRIMITIVES_H

#include "dialects/nnf/Nnf.h"
#include "mlir/IR/Builders.h"

namespace nnf {

/// A tensor, or a number that becomes a constant of the other operand's type and shape.
struct Operand {
  Operand(mlir::Value value) : value(value) {}
  Operand(double number) : number(number) {}
  Operand(int number) : number(number) {}
  mlir::Value value;
  double number = 0;
};

/// A sliding window: one entry per dimension of the tensor it slides over.
struct WindowDims {
  llvm::SmallVector<int64_t> size, stride, dilation, low, high;
};

/// Every method returns the result of one primitive (or of the few its comment names). Binary methods want equal
/// element types and equal shapes, or one rank-0 operand or number, which is broadcast. Nothing is promoted: use
/// `convert`. Constants of a float type keep double precision until they are rounded once to that type.
class Primitives {
public:
  using Value = mlir::Value;
  using Type = mlir::Type;
  using Dims = llvm::ArrayRef<int64_t>;

  Primitives(mlir::OpBuilder &builder, mlir::Location loc) : builder(builder), loc(loc) {}

  mlir::MLIRContext *context() const { return builder.getContext(); }
  mlir::Location location() const { return loc; }

  static Type elementOf(Value x) { return mlir::cast<mlir::RankedTensorType>(x.getType()).getElementType(); }
  static int64_t rankOf(Value x) { return mlir::cast<mlir::RankedTensorType>(x.getType()).getRank(); }
  static Shape shapeOf(Value x) { return nnf::shapeOf(x); }

  // ---- unary
  Value neg(Value x), abs(Value x), floor(Value x), roundEven(Value x), exp(Value x), expm1(Value x), log(Value x),
      log1p(Value x), sqrt(Value x), sin(Value x), cos(Value x), tan(Value x), atan(Value x), tanh(Value x),
      erf(Value x), logicalNot(Value x);
  // ---- binary
  Value add(Operand x, Operand y), sub(Operand x, Operand y), mul(Operand x, Operand y), div(Operand x, Operand y),
      rem(Operand x, Operand y), pow(Operand x, Operand y), min(Operand x, Operand y), max(Operand x, Operand y),
      bitAnd(Operand x, Operand y), bitOr(Operand x, Operand y), bitXor(Operand x, Operand y),
      shl(Operand x, Operand y), shr(Operand x, Operand y);
  /// Compares; the result is bool.
  Value compare(CompareKind kind, Operand x, Operand y);
  Value eq(Operand x, Operand y) { return compare(CompareKind::Eq, x, y); }
  Value ne(Operand x, Operand y) { return compare(CompareKind::Ne, x, y); }
  Value lt(Operand x, Operand y) { return compare(CompareKind::Lt, x, y); }
  Value le(Operand x, Operand y) { return compare(CompareKind::Le, x, y); }
  Value gt(Operand x, Operand y) { return compare(CompareKind::Gt, x, y); }
  Value ge(Operand x, Operand y) { return compare(CompareKind::Ge, x, y); }
  /// condition ? x : y. Numbers and rank-0 operands take the shape of `condition`.
  Value select(Value condition, Operand x, Operand y);
  /// Changes the element type; the value itself when it has that type already.
  Value convert(Value x, Type element);

  // ---- composed: a few primitives each
  /// x ^ exponent for floats: by multiplication, division or root where that is exact or nearly.
  Value power(Value x, double exponent);
  /// x itself when it is a float, else as float32.
  Value toFloat(Value x);
  Value sigmoid(Value x); // 1 / (1 + exp(-x))
  Value square(Value x) { return mul(x, x); }
  Value isNan(Value x) { return ne(x, x); }

  // ---- constants
  /// A rank-0 constant.
  Value scalar(double value, Type element);
  /// A rank-0 constant of an attribute's value.
  Value number(mlir::Attribute value, Type element);
  /// A constant tensor of this shape, every element `value`.
  Value full(llvm::ArrayRef<Dim> shape, double value, Type element);
  /// A 1-D int64 or float constant.
  Value vector(llvm::ArrayRef<int64_t> values, Type element);
  Value vector(llvm::ArrayRef<double> values, Type element);
  /// i[dim] at every position.
  Value iota(llvm::ArrayRef<Dim> shape, int64_t dim, Type element);
  /// 32 random bits (uint32) for each element, those of random node `number`; under `seed` in place of the run's.
  Value randomBits(int64_t number, llvm::ArrayRef<Dim> shape, std::optional<uint32_t> seed = {});
  /// A size as a rank-0 tensor of this element type.
  Value size(Dim dim, Type element);

  // ---- shape
  Value reshape(Value x, llvm::ArrayRef<Dim> shape);
  Value transpose(Value x, Dims perm);
  /// Input dimension d becomes output dimension dims[d].
  Value broadcast(Value x, llvm::ArrayRef<Dim> shape, Dims dims);
  /// torch's broadcasting: dimensions are aligned at the end.
  Value broadcastTo(Value x, llvm::ArrayRef<Dim> shape);
  /// A 1-D tensor along dimension `dim` of `shape` (a bias over channels).
  Value broadcastAlong(Value x, llvm::ArrayRef<Dim> shape, int64_t dim);
  /// A tensor that `reducedDims` of `shape` were reduced away from, repeated along them.
  Value broadcastOver(Value x, llvm::ArrayRef<Dim> shape, Dims reducedDims);
  /// x backwards along `dims`.
  Value flip(Value x, Dims dims);
  /// The first dimension moved to place `dim`, the others in their order.
  Value moveFirst(Value x, int64_t dim);
  /// output[i] = x[start + i*step], with `shape` sizes.
  Value slice(Value x, llvm::ArrayRef<Dim> start, Dims step, llvm::ArrayRef<Dim> shape);
  /// Elements [start, start + length) of one dimension.
  Value sliceDim(Value x, int64_t dim, Dim start, Dim length, int64_t step = 1);
  Value concat(mlir::ValueRange xs, int64_t dim);
  Value pad(Value x, Operand value, Dims low, Dims high, Dims interior = {});
  Value unsqueeze(Value x, int64_t dim);
  Value squeeze(Value x, int64_t dim);

  // ---- reductions; reduced dimensions disappear, or stay with size 1 (keep)
  Value reduce(ReduceKind kind, Value x, Dims dims, bool keep = false);
  Value sum(Value x, Dims dims, bool keep = false) { return reduce(ReduceKind::Add, x, dims, keep); }
  Value argReduce(ReduceKind kind, Value x, int64_t dim);
  /// In blocks of the first of `dims`, which stays; see nnf.prim.reduce.
  Value reduceBlocks(ReduceKind kind, Value x, Dims dims, int64_t block);
  Value argReduceBlocks(ReduceKind kind, Value x, int64_t dim, int64_t block);
  /// Mean over dims in x's (float) type: sum / count.
  Value mean(Value x, Dims dims, bool keep = false);
  Value reduceWindow(ReduceKind kind, Value x, const WindowDims &window);
  /// max with the row-major position of the winner in `indexDims`.
  std::pair<Value, Value> maxWindowWithIndex(Value x, const WindowDims &window, Dims indexDims);

  // ---- contractions
  Value dot(Value lhs, Value rhs, Dims lhsBatch, Dims rhsBatch, Dims lhsContract, Dims rhsContract);
  /// N,C,* by O,C/groups,*; see nnf.prim.conv.
  Value conv(Value x, Value weight, Dims stride, Dims low, Dims high, Dims inputDilation, Dims kernelDilation,
             int64_t groups);

  // ---- indexed
  /// See nnf.prim.gather. `message` (bounds Error) may hold {value} and {bound}.
  Value gather(Value x, mlir::ValueRange indices, Dims gatherDims, BoundsKind bounds, llvm::StringRef message = "",
               Value fill = {});
  /// x[…, index[i], …] along one dimension, for an index of rank 1; bounds, message and fill as gather has them.
  Value pick(Value x, int64_t dim, Value index, BoundsKind bounds, llvm::StringRef message = "", Value fill = {});
  /// See nnf.prim.scatter.
  Value scatter(ScatterKind kind, Value x, mlir::ValueRange indices, Value updates, Dims scatterDims, BoundsKind bounds,
                llvm::StringRef message = "");
  /// The first `count` elements of `dim` in order (stable, NaN the largest), and where they were.
  std::pair<Value, Value> sort(Value x, int64_t dim, bool descending, Dim count);
  /// Running sums and the like along `dim`.
  Value cumulate(ReduceKind kind, Value x, int64_t dim, bool reverse = false);
  /// Carried tensors after `trips` steps; see nnf.prim.loop. step(p, number of the step, carried, captured) says what
  /// they become, of primitives on its arguments alone.
  using LoopStep =
      llvm::function_ref<llvm::SmallVector<Value>(Primitives &, Value, mlir::ValueRange, mlir::ValueRange)>;
  llvm::SmallVector<Value> loop(Dim trips, int64_t rows, mlir::ValueRange inits, mlir::ValueRange captures,
                                LoopStep step);
  /// The value of a size that this node's data decide, a rank-0 int64; see nnf.size.
  void defineSize(Dim dim, Value value);
  /// The message of a check on an argument of this node: "node 'emb' (embedding), argument 'input': …".
  std::string message(llvm::StringRef argument, llvm::StringRef text) const;
  /// Fails the run with `message` where `condition` is false; {value} in it is `value` there.
  void check(Value condition, Value value, llvm::StringRef message);

private:
  std::pair<Value, Value> unify(Operand x, Operand y);
  template <typename Op> Value binary(Operand x, Operand y) {
    auto [lhs, rhs] = unify(x, y);
    return Op::create(builder, loc, lhs.getType(), lhs, rhs);
  }
  mlir::OpBuilder &builder;
  mlir::Location loc;
};

} // namespace nnf
#endif
