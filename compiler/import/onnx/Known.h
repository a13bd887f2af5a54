// Tensors whose elements are known while importing: constants, and integers computed from sizes. ONNX writes sizes as
// tensors (Shape, Gather, Concat, Reshape, …); evaluated here, they become sizes again. Elements that only the run
// knows are followed through what moves them, so that those beside them stay known.
#ifndef NNF_COMPILER_IMPORT_ONNX_KNOWN_H
#define NNF_COMPILER_IMPORT_ONNX_KNOWN_H

#include "compiler/builder/GraphBuilder.h"
#include "compiler/import/onnx/Model.h"
#include "dialects/nnf/Nnf.h"
#include <optional>

namespace nnf::onnx {

/// One element: `size` for integers and bools (0 or 1), `size * factor` for floats. An integer that only the run knows
/// has no `size`: it is element `index` of `tensor`.
struct Scalar {
  Dim size;
  double factor = 1;
  TensorId tensor = {};
  int64_t index = 0;
  bool isKnown() const { return bool(size); }
};

/// A small tensor in row-major order. All elements are known, except in what Importer::elementsOf gives.
struct Known {
  mlir::Type element;
  llvm::SmallVector<int64_t> shape;
  llvm::SmallVector<Scalar> values;

  /// All elements are known.
  bool isWhole() const {
    return llvm::all_of(values, [](const Scalar &value) { return value.isKnown(); });
  }
  bool isFloat() const { return llvm::isa<mlir::FloatType>(element); }
  /// Element i as a number, when it has no symbol.
  std::optional<double> number(size_t i) const;
  /// Element i as an integer without symbols; nothing for floats.
  std::optional<int64_t> integer(size_t i) const;
  /// All elements, when all are integers without symbols.
  std::optional<llvm::SmallVector<int64_t>> integers() const;
  /// All elements, when all are integers.
  std::optional<Shape> sizes() const;
  /// A float made of a number, rounded to the element type.
  Scalar ofNumber(double value) const;
};

/// Above this many elements a tensor is data.
constexpr int64_t maxKnownElements = 1024;
/// A list of sizes, axes and the like that only the run knows has no more elements than this.
constexpr int64_t maxRunTimeElements = 64;

/// The element type of ONNX's type; null for strings and others without one.
mlir::Type elementTypeOf(mlir::MLIRContext *context, DataType type);

/// The elements of a stored tensor with these bytes, when they are few and of a type that can be known.
std::optional<Known> knownOf(mlir::MLIRContext *context, DataType type, llvm::ArrayRef<int64_t> dims,
                             llvm::ArrayRef<uint8_t> bytes);
/// The bytes of a tensor of numbers; nothing when an element has a symbol.
std::optional<std::vector<uint8_t>> bytesOf(const Known &known);

/// a <= b, provably.
inline bool isAtMost(Dim a, Dim b) { return isNotNegative(simplify(b - a)); }
/// a < b, provably.
inline bool isBelow(Dim a, Dim b) { return isNotNegative(simplify(b - a - 1)); }

} // namespace nnf::onnx
#endif
