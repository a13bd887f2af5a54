// Sizes that are inputs of the run: taken from what the model declares for the output, and checked at run time.
#ifndef NNF_COMPILER_IMPORT_ONNX_DECLARED_H
#define NNF_COMPILER_IMPORT_ONNX_DECLARED_H

#include "compiler/import/onnx/Call.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace nnf::onnx {

/// Which given values mean the declared ones; both are lists.
using Accepts = llvm::function_ref<mlir::Value(Primitives &, mlir::Value given, mlir::Value declared)>;

/// The sizes that a parameter says. Where only the run knows them, those the model declares for the output, with a
/// check that they are what is given; an error where nothing is declared.
std::optional<Shape> declaredSizes(Call &call, llvm::StringRef parameter, Accepts accepts);

/// Fails the run unless the parameter, an input of a list, means these sizes.
void checkAgainst(Call &call, llvm::StringRef parameter, llvm::ArrayRef<Dim> sizes, Accepts accepts);

} // namespace nnf::onnx
#endif
