// From LLVM's dialect to an object file.
#ifndef NNF_CODEGEN_CPU_EMIT_H
#define NNF_CODEGEN_CPU_EMIT_H

#include "codegen/cpu/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/SmallVector.h"

namespace llvm {
class Module;
}

namespace nnf {

enum class CodeKind { Object, Assembly, LlvmIr };

/// Where the bytes of the symbol `nnf.weights` are.
struct WeightsBytes {
  std::string file = "";   // now; "": the module has no embedded weights
  std::string textAs = ""; // by what path text output refers to them
};

/// Translates, optimises and writes a module of LLVM's dialect. Objects contain the weights, text refers to a file.
/// An object is checked to need no symbol from anywhere. Errors are reported on the module's context. `link` may bring
/// more code into the module before it is optimised.
mlir::FailureOr<llvm::SmallVector<char, 0>> emitCode(mlir::ModuleOp module, const CpuTarget &target, CodeKind kind,
                                                     const WeightsBytes &weights = {},
                                                     llvm::function_ref<mlir::LogicalResult(llvm::Module &)> link = {});

/// The same as objects that are linked together: several where the module is large, each written on a core of its own.
/// `name` is the model's, as no other that is linked with it has.
mlir::FailureOr<std::vector<llvm::SmallVector<char, 0>>>
emitObjects(mlir::ModuleOp module, const CpuTarget &target, llvm::StringRef name, const WeightsBytes &weights = {});

/// An object that exports `nnf_models`: the addresses of these models' descriptors, and NULL.
llvm::Expected<llvm::SmallVector<char, 0>> emitModelTable(llvm::ArrayRef<std::string> models, const CpuTarget &target);

} // namespace nnf
#endif
