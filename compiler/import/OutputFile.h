// Files that are there whole or not at all.
#ifndef NNF_COMPILER_IMPORT_OUTPUTFILE_H
#define NNF_COMPILER_IMPORT_OUTPUTFILE_H

#include "mlir/IR/MLIRContext.h"
#include "mlir/Support/LogicalResult.h"
#include "llvm/Support/raw_ostream.h"

namespace nnf {

/// Writes a file under a temporary name in its folder and renames it. Fails with a diagnostic that names the path.
mlir::LogicalResult writeWhole(mlir::MLIRContext &context, llvm::StringRef path,
                               llvm::function_ref<void(llvm::raw_ostream &)> write);

} // namespace nnf
#endif
