// From LLVM's dialect to an object file.
#ifndef NNF_CODEGEN_CPU_EMIT_H
#define NNF_CODEGEN_CPU_EMIT_H

#include "codegen/cpu/Target.h"
#include "llvm/ADT/SmallVector.h"
#include "mlir/IR/BuiltinOps.h"

namespace nnf {

enum class CodeKind { Object, Assembly, LlvmIr };

/// Translates, optimises and writes a module of LLVM's dialect. `weightsFile`: where the bytes of the symbol
/// `nnf.weights` are, "" when the module has none; objects contain them, text refers to the file by that path.
/// An object is checked to need no symbol from anywhere. Errors are reported on the module's context.
mlir::FailureOr<llvm::SmallVector<char, 0>> emitCode(mlir::ModuleOp module, const CpuTarget &target, CodeKind kind,
                                                     llvm::StringRef weightsFile);

/// An object that exports `nnf_models`: the addresses of these models' descriptors, and NULL.
llvm::Expected<llvm::SmallVector<char, 0>> emitModelTable(llvm::ArrayRef<std::string> models, const CpuTarget &target);

} // namespace nnf
#endif
