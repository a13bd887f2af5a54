// The nnf dialect: include this to use it.
#ifndef NNF_DIALECTS_NNF_NNF_H
#define NNF_DIALECTS_NNF_NNF_H

#include "dialects/nnf/Diagnostics.h"
#include "dialects/nnf/Dims.h"
#include "dialects/nnf/WeightStore.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace nnf {

/// Names of the symbols that sizes use; their numbers are the positions of AffineSymbolExprs.
class SymbolTableOfDims;

/// Marks primitives that compute result[i] from operands[i] alone.
template <typename ConcreteType> class Elementwise : public mlir::OpTrait::TraitBase<ConcreteType, Elementwise> {};

/// Of a function that can draw: its number among the graph's such nodes (int64), which keys its draws.
constexpr llvm::StringLiteral randomNumberName = "nnf.random";
/// Of a function with results whose sizes its data decide: the number of that size (int64), unique in the graph.
constexpr llvm::StringLiteral sizeNumberName = "nnf.size";

class NnfDialect;
/// Writes "2*N + 1".
void printDim(llvm::raw_ostream &os, Dim dim, const NnfDialect &dialect);
/// Reads what printDim writes.
mlir::FailureOr<Dim> parseDim(mlir::AsmParser &parser, NnfDialect &dialect);

} // namespace nnf

#include "dialects/nnf/NnfDialect.h.inc"
#include "dialects/nnf/NnfEnums.h.inc"
#define GET_ATTRDEF_CLASSES
#include "dialects/nnf/NnfAttrs.h.inc"
#define GET_OP_CLASSES
#include "dialects/nnf/NnfOps.h.inc"

namespace nnf {
/// The functions that a control flow op runs; none for any other op.
llvm::SmallVector<mlir::FlatSymbolRefAttr, 2> bodiesOf(mlir::Operation *op);
/// A primitive with a run-time check of its data, whose text is its attribute `message`.
bool canFail(mlir::Operation *op);
/// Whether the first `count` of `size` elements in order are selected rather than all of them sorted.
bool isSelection(Dim size, Dim count);
/// The shape of the memory that sorting `count` elements along `dim` of `shape` needs, in int64: 4 * size for each row,
/// or nothing where a task's scratch memory is enough.
Shape sortWorkspace(llvm::ArrayRef<Dim> shape, int64_t dim, Dim count);
} // namespace nnf

#endif
