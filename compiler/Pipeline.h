// The road from a graph to LLVM's dialect, as named phases.
#ifndef NNF_COMPILER_PIPELINE_H
#define NNF_COMPILER_PIPELINE_H

#include "mlir/IR/BuiltinOps.h"
#include "passes/TargetInfo.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace mlir {
class OpPassManager;
class PassManager;
} // namespace mlir

namespace nnf {

class KernelCache;
class KernelObjects;

/// A CPU that gets @prepare as code, which sets weights there.
struct PrepareFor {
  TargetInfo target;
  KernelObjects *kernels;             // of this code: for the CPU alone, whatever else is compiled
  llvm::SmallVector<char, 0> *driver; // an object with the descriptor; stays empty where nothing is prepared
};

/// In the order they run. `--phase=` has their names.
enum class Phase { Input, Primitives, Groups, Tiles, Buffers, Code };

/// "input", "primitives", …
llvm::ArrayRef<llvm::StringLiteral> phaseNames();
std::optional<Phase> phaseOf(llvm::StringRef name);

struct PipelineOptions {
  TargetInfo target;                  // the CPU that runs the driver, and kernels that are not for a GPU
  bool gpuKernels = false;            // kernels are the code of GPU threads
  int64_t winograd = 2;               // outputs of a tile of Winograd's algorithm; 0: it is not used
  std::string tuning;                 // a file with choices for kernels, which has been checked; "": none
  bool emulateGpu = false;            // ... which the emulator of codegen/cuda runs
  KernelObjects *kernels = nullptr;   // what compiles kernels, apart from the module; null: they become functions of it
  KernelCache *cache = nullptr;       // of compiled kernels; null: none
  bool constantPartIsDone = false;    // runConstantPart has been called
  std::vector<PrepareFor> prepareFor; // CPUs that set weights; none: they stay as they are
  bool verifyEach = false;            // verify the IR after every pass
  bool applyMlirFlags = false;        // MLIR's own command-line flags have been parsed
  /// Called with the name of each phase as it begins.
  std::function<void(llvm::StringRef)> progress;
  /// Looks at @prepare, before it is run.
  std::function<void(mlir::ModuleOp)> atPrepare;
  /// Looks at kernels, before they become loops.
  std::function<void(mlir::ModuleOp)> atGroups;
};

/// The passes of a phase, or of a part of one: what stands between two parts of a phase is no pass.
void addPrimitives(mlir::OpPassManager &passes);
void addConstantPart(mlir::OpPassManager &passes, const PipelineOptions &options); // then @prepare is run
void addGroups(mlir::OpPassManager &passes, const PipelineOptions &options);
void addTuning(mlir::OpPassManager &passes, const PipelineOptions &options); // where there is a file
void addTiles(mlir::OpPassManager &passes, const PipelineOptions &options);
void addMemory(mlir::OpPassManager &passes); // then attributes for the driver are set
void addDriver(mlir::OpPassManager &passes);
void addCode(mlir::OpPassManager &passes, const PipelineOptions &options);
/// From primitives to kernels without any of the layouts of `addConstantPart`: for @prepare itself.
inline void addKernels(mlir::OpPassManager &passes, const PipelineOptions &options) {
  addGroups(passes, options);
  addTiles(passes, options);
}

/// Sets what the options say of every pass. Fails where MLIR's flags do not fit, which is reported.
mlir::LogicalResult configure(mlir::PassManager &passes, const PipelineOptions &options);

/// The phase whose IR a module holds: what .mlir text is may be anything up to `Tiles`.
Phase currentPhase(mlir::ModuleOp module);

/// From functions to primitives without what weights alone decide. Leaves a module that is in no phase by name: for
/// several CPUs it is cloned, and each clone goes on with `constantPartIsDone`.
mlir::LogicalResult runConstantPart(mlir::ModuleOp module, const PipelineOptions &options);
/// The phases up to `last`, at most to where the driver begins: kernels, weights and memory are in their places.
mlir::LogicalResult runUntilDriver(mlir::ModuleOp module, Phase last, const PipelineOptions &options);
/// From there to LLVM's dialect, or to the end of `Buffers`.
mlir::LogicalResult runDriver(mlir::ModuleOp module, Phase last, const PipelineOptions &options);

/// Runs the phases after the module's current one, `last` included. `beforeDriver` is called between the halves of
/// `Buffers`; with `stopBeforeDriver` nothing runs after it.
mlir::LogicalResult runPhases(mlir::ModuleOp module, Phase last, const PipelineOptions &options,
                              llvm::function_ref<mlir::LogicalResult()> beforeDriver, bool stopBeforeDriver = false);

} // namespace nnf
#endif
