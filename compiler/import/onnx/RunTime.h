// Sizes, axes, positions and the like that only the run knows, computed as rank-0 int64 tensors.
#ifndef NNF_COMPILER_IMPORT_ONNX_RUNTIME_H
#define NNF_COMPILER_IMPORT_ONNX_RUNTIME_H

#include "compiler/import/onnx/Call.h"

namespace nnf::onnx {

/// Some element is known to the run only.
bool isRunTime(llvm::ArrayRef<Scalar> elements);

/// Numbers of the run for one node: what Primitives has, and what sizes are made of.
class RunTime : public Primitives {
public:
  explicit RunTime(Call &call) : Primitives(call.graph().ops(), call.location()), call(call) {}

  Type i64() const { return mlir::IntegerType::get(context(), 64); }
  Type f64() const { return mlir::Float64Type::get(context()); }
  Value value(const Scalar &element);
  Value value(Dim dim) { return size(dim, i64()); }
  Value value(int64_t number) { return value(call.size(number)); }
  /// A tensor of one element, of any shape and type.
  Value number(TensorId tensor, Type element);
  llvm::SmallVector<Value> values(llvm::ArrayRef<Scalar> elements);
  Value clamp(Value x, Operand low, Operand high) { return max(min(x, high), low); }
  Value product(llvm::ArrayRef<Value> factors);
  /// Axes as numbers of dimensions, 0 to rank - 1, with a check that they are that.
  llvm::SmallVector<Value> axes(llvm::ArrayRef<Scalar> given, int64_t rank, llvm::StringRef name = "axes");
  /// Whether dimension `dim` is among such axes, a bool.
  Value isAmong(int64_t dim, llvm::ArrayRef<Value> axes);
  /// What stays of `sizes` without those whose flag (a bool) is set, which are so many that `rank` stay.
  llvm::SmallVector<Value> without(llvm::ArrayRef<Value> sizes, llvm::ArrayRef<Value> flags, int64_t rank);

  /// The size that the model declares for a dimension of an output; null where it does not.
  Dim declaredSize(int64_t dim, int64_t rank, size_t output = 0);
  /// A number, 0 or more, as the size of a dimension of an output of the node: what the model declares for it, with a
  /// check; else a size that the data decide.
  Dim outputSize(Value number, int64_t dim, int64_t rank, size_t output = 0);
  Shape outputShape(llvm::ArrayRef<Value> sizes);
  /// The same for an element of a parameter: a negative one fails the run.
  Dim outputSize(const Scalar &number, llvm::StringRef argument, int64_t dim, int64_t rank, size_t output = 0);
  Shape outputShape(llvm::ArrayRef<Scalar> sizes, llvm::StringRef argument);

  /// x at the positions `index`, a list, along dimension `dim`; `fill` (0 when null) where one is outside.
  Value take(Value x, int64_t dim, Value index, Value fill = {});

private:
  /// The declared size, with a check that `number` is that.
  Dim declaredSize(Value number, int64_t dim, int64_t rank, size_t output);

  Call &call;
};

} // namespace nnf::onnx
#endif
