// An op of a function, seen as the call it stands for: what each parameter gets.
#ifndef NNF_COMPILER_IMPORT_FUNCTIONCALL_H
#define NNF_COMPILER_IMPORT_FUNCTIONCALL_H

#include "compiler/builder/FunctionTable.h"
#include "dialects/nnf/Nnf.h"

namespace nnf {

/// The record of the op's function, or null where the op is none.
const Function *functionOf(mlir::Operation *op);

/// The operands of each parameter of the record (none for attributes), in its order.
llvm::SmallVector<mlir::OperandRange> operandsByParameter(mlir::Operation *op, const Function &function);

/// The number of the record's result that op result `index` belongs to.
unsigned recordResult(mlir::Operation *op, const Function &function, unsigned index);

/// The attributes that differ from the record's defaults, in its order.
llvm::SmallVector<std::pair<const Parameter *, mlir::Attribute>> givenAttributes(mlir::Operation *op,
                                                                                 const Function &function);

} // namespace nnf
#endif
