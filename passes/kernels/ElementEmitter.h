// Evaluates tensor values of a kernel's body at an index: the heart of code generation. A group needs no intermediate
// tensors: asking for one element of its result asks for the elements it is made of, down to loads of the operands.
#ifndef NNF_PASSES_KERNELS_ELEMENTEMITTER_H
#define NNF_PASSES_KERNELS_ELEMENTEMITTER_H

#include "passes/kernels/KernelBuilder.h"

namespace nnf {

/// The address of each buffer, the values that are already computed, and how to compute the rest.
class ElementEmitter {
public:
  using Value = mlir::Value;

  ElementEmitter(KernelBuilder &k) : k(k) { scopes.emplace_back(); }

  /// `tensor` is stored at `address`, row-major, and compact unless it is an operand that is part of a larger tensor.
  void bindBuffer(Value tensor, Value address) { buffers[tensor] = address; }
  /// `tensor` is another name of `other`, as the arguments of a loop's body are.
  void bindAlias(Value tensor, Value other) { aliases[tensor] = other; }
  /// The run-time check state and the number of the kernel's first check.
  void bindChecks(Value state, Value base) { checkState = state, checkBase = base; }

  /// Within a Scope, results computed before stay usable, and what is computed or bound inside is forgotten at its
  /// end: one is opened for every region of control flow and every change of mask.
  struct Scope {
    Scope(ElementEmitter &emitter) : emitter(emitter) { emitter.scopes.emplace_back(); }
    ~Scope() { emitter.scopes.pop_back(); }
    ElementEmitter &emitter;
  };

  /// Says that `tensor` at `at` is `value` until the scope ends.
  void bind(Value tensor, const Indices &at, Value value) { scopes.back()[tensor].push_back({at, value}); }

  /// The value of `tensor` at `at`: a scalar where all lanes agree, else a vector. Inactive lanes hold anything.
  Value at(Value tensor, const Indices &at);

  /// Offset of an element in a compact row-major tensor of this shape.
  Index linear(llvm::ArrayRef<Dim> shape, const Indices &at);
  /// Row-major position -> indices, least significant last.
  Indices delinear(llvm::ArrayRef<Dim> shape, Index position);
  /// The same as parts of the position, which cost nothing where they come together again.
  Indices split(llvm::ArrayRef<Dim> shape, Index position);
  /// Where the element at `at` of a tensor of shape `from` is when it is reshaped to `to`.
  Indices reshaped(llvm::ArrayRef<Dim> from, llvm::ArrayRef<Dim> to, const Indices &at);

  /// The neutral element of a reduction, and one step of it.
  Value neutral(ReduceKind kind, mlir::Type element, bool vector);
  Value combine(ReduceKind kind, mlir::Type element, Value x, Value y);
  /// One step of `reduce`, which may know more of its elements.
  Value combine(PrimReduceOp reduce, Value x, Value y);
  /// Reduces the lanes of a vector to a scalar, in a fixed tree order; inactive lanes must hold the neutral element.
  Value combineLanes(ReduceKind kind, mlir::Type element, Value vector);
  Value combineLanes(PrimReduceOp reduce, Value vector);
  /// What is found later is better than what was found before, as an extreme: beyond it, or the first NaN.
  Value beats(ReduceKind kind, mlir::Type element, Value later, Value before);

  /// Evaluates a check at an index.
  void check(PrimCheckOp op, const Indices &at);
  /// Fails the run unless `condition` holds in every active lane.
  void check(Value condition, Value value, Value bound, int64_t checkNumber);

  /// The turns of one window dimension that stay inside: bounds for uniform positions, a mask else.
  struct Taps {
    Value first, end;
    bool masked;
  };
  Taps taps(Index start, int64_t size, int64_t dilation, Value extent);

  KernelBuilder &k;

private:
  Value combineLanes(Value vector, llvm::function_ref<Value(Value, Value)> step);
  struct Known {
    Indices at;
    Value value;
  };
  Value compute(Value tensor, const Indices &at);
  Value elementwise(mlir::Operation *op, const Indices &at);
  Value constant(ConstantOp op, const Indices &at);
  /// What a view shows at an index, and where in it; nothing for other ops.
  std::optional<std::pair<Value, Indices>> behindView(mlir::Operation *op, const Indices &at);
  /// The index that `tensor`, of positions, gives: a line over the lanes where it is a sum of indices and of what all
  /// lanes share.
  Index positionAt(Value tensor, const Indices &at);
  Value pad(PrimPadOp op, const Indices &at);
  mlir::Value eitherSide(mlir::Value inside, const Indices &at, llvm::function_ref<mlir::Value()> evaluate,
                         mlir::Value fill);
  Value concat(PrimConcatOp op, const Indices &at);
  Value reduce(PrimReduceOp op, const Indices &at);
  Value argReduce(PrimArgReduceOp op, const Indices &at);
  Value reduceWindow(PrimReduceWindowOp op, unsigned result, const Indices &at);
  Value dot(PrimDotOp op, const Indices &at);
  Value conv(PrimConvOp op, const Indices &at);
  Value gather(PrimGatherOp op, const Indices &at);
  Value rngBits(PrimRngBitsOp op, const Indices &at);
  /// Evaluates under a further condition; lanes (or all) outside read nothing and give 0.
  Value under(Value condition, llvm::function_ref<Value()> evaluate);
  llvm::DenseMap<Value, Value> buffers, aliases;
  llvm::SmallVector<llvm::DenseMap<Value, llvm::SmallVector<Known, 1>>> scopes;
  Value checkState, checkBase;
};

/// The element type of a tensor.
inline mlir::Type elementOf(mlir::Value tensor) {
  return mlir::cast<mlir::RankedTensorType>(tensor.getType()).getElementType();
}
/// All lanes stand at the same element.
inline bool allUniform(const Indices &at) {
  return llvm::all_of(at, [](const Index &i) { return i.uniform(); });
}

/// One elementwise primitive on registers: scalars, or vectors of one length.
mlir::Value emitElementwise(KernelBuilder &k, mlir::Operation *op, llvm::ArrayRef<mlir::Value> operands);

} // namespace nnf
#endif
