// Sizes of tensors: constants and affine expressions over named symbols.
#ifndef NNF_DIALECTS_NNF_DIMS_H
#define NNF_DIALECTS_NNF_DIMS_H

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/BuiltinTypes.h"

namespace nnf {

/// One size: an AffineConstantExpr, or an expression over AffineSymbolExpr(NnfDialect::symbolId(name)).
using Dim = mlir::AffineExpr;
using Shape = llvm::SmallVector<Dim, 6>;

/// The sizes of a tensor type. A dynamic size without an encoding asserts: importers always give one.
Shape shapeOf(mlir::Type type);
inline Shape shapeOf(mlir::Value value) { return shapeOf(value.getType()); }

/// The tensor type with these sizes; it has an encoding when one of them is no constant.
mlir::RankedTensorType tensorOf(llvm::ArrayRef<Dim> shape, mlir::Type element);
mlir::RankedTensorType tensorOf(mlir::MLIRContext *context, llvm::ArrayRef<int64_t> shape, mlir::Type element);

/// The size as a constant, if it is one.
std::optional<int64_t> constantOf(Dim dim);
/// All sizes as constants, if they are.
std::optional<llvm::SmallVector<int64_t>> constantsOf(llvm::ArrayRef<Dim> shape);
inline bool isConstant(Dim dim, int64_t value) { return constantOf(dim) == value; }

Dim dimOf(mlir::MLIRContext *context, int64_t size);
/// Canonical form: equal sizes that differ in spelling become one expression wherever that can be seen.
Dim simplify(Dim dim);
/// Provably the same size for every value of the symbols.
bool sameDim(Dim a, Dim b);
/// Not known to differ for every value of the symbols.
bool maybeSameDim(Dim a, Dim b);
bool sameShape(llvm::ArrayRef<Dim> a, llvm::ArrayRef<Dim> b);
/// The product of sizes (1 for none).
Dim productOf(mlir::MLIRContext *context, llvm::ArrayRef<Dim> dims);
/// a / b where b divides a for every value of the symbols; null where that cannot be seen.
Dim exactQuotient(llvm::ArrayRef<Dim> a, llvm::ArrayRef<Dim> b, mlir::MLIRContext *context);

/// "[N, 8, 2*N + 1]", for messages.
std::string toString(llvm::ArrayRef<Dim> shape);
std::string toString(Dim dim);
/// "float32", "int64", …: torch's name of an element type.
std::string dtypeName(mlir::Type element);

/// Numbers of the symbols that occur in a size, added to `symbols` in order of first occurrence. A derived symbol
/// counts as itself.
void collectSymbols(Dim dim, llvm::SmallVectorImpl<unsigned> &symbols);

// ---- sizes that are no affine expression: symbols with a definition

/// What a derived symbol stands for.
struct DerivedDim {
  enum Kind { Max, Min, Scaled, Data, Joint } kind;
  Dim a, b;           // Scaled has no b, Data has neither
  double factor = 1;  // Scaled: floor(a * factor), in float64
  int64_t number = 0; // Data: of the node whose data decide it
};

Dim maxOf(Dim a, Dim b);
Dim minOf(Dim a, Dim b);
/// floor(a * factor), computed in float64 as torch computes a scaled size.
Dim scaledBy(Dim a, double factor);
/// What sizes that broadcast with each other have together: b where a is 1, else a. Of sizes that do not broadcast,
/// any. The order of operands, and one that is there already, make no other size.
Dim jointOf(Dim a, Dim b);
/// The size that the data of node `number` decide: no input binds it, an `nnf.size` defines it while the model runs.
Dim sizeOfData(mlir::MLIRContext *context, int64_t number);
/// One of the four above, of a kind other than Data.
Dim derivedBy(DerivedDim::Kind kind, Dim a, Dim b, double factor);
/// How a size that is one derived symbol is computed; none for any other size.
std::optional<DerivedDim> derivationOf(Dim dim);
/// Provably not negative for every value of the symbols.
bool isNotNegative(Dim dim);
/// The symbols of inputs that a size depends on, through derived ones.
void collectInputSymbols(Dim dim, llvm::SmallVectorImpl<unsigned> &symbols);
/// The numbers of the nodes whose data a size depends on, through derived symbols.
void collectDataSizes(Dim dim, llvm::SmallVectorImpl<int64_t> &numbers);
bool dependsOnData(Dim dim);
/// `dim` with value(symbol) for each symbol that is not computed of others, through those that are; a null value keeps
/// the symbol.
Dim substitute(Dim dim, llvm::function_ref<Dim(unsigned)> value);

} // namespace nnf
#endif
