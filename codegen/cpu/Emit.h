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

enum class CodeKind {
  Object, ///< which is checked to need no symbol from anywhere
  Part,   ///< an object that is linked with others before that is checked
  Assembly,
  LlvmIr
};

/// Where the bytes of the symbol `nnf.weights` are, for what refers to a file of them: text.
struct WeightsFile {
  std::string path = "";   // now; "": the module has no embedded weights
  std::string textAs = ""; // by what path text output refers to them
};

/// Translates, optimises and writes a module of LLVM's dialect. Text refers to a file of weights; an object has an
/// empty section for them (codegen/link/WeightsSection.h). Errors are reported on the module's context. `link` may
/// bring more code into the module before it is optimised.
mlir::FailureOr<llvm::SmallVector<char, 0>> emitCode(mlir::ModuleOp module, const CpuTarget &target, CodeKind kind,
                                                     const WeightsFile &weights = {},
                                                     llvm::function_ref<mlir::LogicalResult(llvm::Module &)> link = {});

/// The same as an object that may need symbols of others.
mlir::FailureOr<llvm::SmallVector<char, 0>> emitObject(mlir::ModuleOp module, const CpuTarget &target);

/// Which object has the section of weights that a driver names.
enum class WeightsIn {
  Driver,       ///< its own
  SharedDriver, ///< its own, which the drivers of other versions of the model name too
  OtherDriver
};

/// The same for a module that is a driver alone. Each of its instructions runs once between two launches: to optimise
/// them takes longer than all runs of many models gain.
mlir::FailureOr<llvm::SmallVector<char, 0>> emitDriver(mlir::ModuleOp module, const CpuTarget &target,
                                                       WeightsIn weights = WeightsIn::Driver);

/// Fails, with the reason, where objects that are linked together need a symbol that none of them defines.
llvm::Error checkSelfContained(llvm::ArrayRef<llvm::StringRef> objects);

/// An object that exports `nnf_models`: the addresses of these models' descriptors, and NULL.
llvm::Expected<llvm::SmallVector<char, 0>> emitModelTable(llvm::ArrayRef<std::string> models, const CpuTarget &target);

} // namespace nnf
#endif
