// A compilation on its way, for the files that have its methods.
#ifndef NNF_COMPILER_COMPILATION_H
#define NNF_COMPILER_COMPILATION_H

#include "codegen/cpu/Emit.h"
#include "codegen/cuda/Assembler.h"
#include "codegen/driver/WeightsBlock.h"
#include "compiler/Compile.h"
#include "compiler/Header.h"
#include "compiler/OutputFiles.h"
#include "compiler/OutputKind.h"
#include "compiler/Pipeline.h"
#include "compiler/kernels/KernelCache.h"
#include "compiler/kernels/KernelObjects.h"

namespace nnf {

inline std::string messageOf(llvm::Error error) { return llvm::toString(std::move(error)); }

/// A CPU that code is made for, and the kernels for it of all models.
struct Version {
  explicit Version(CpuTarget target) : target(std::move(target)) {}
  CpuTarget target;
  std::unique_ptr<KernelObjects> kernels;        // null: kernels are in the models' own modules
  std::unique_ptr<KernelObjects> prepareKernels; // of what sets weights, where `kernels` is null
};

/// One model on its way: its IR, its temporary weights file and its code.
struct CompiledModel {
  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::string name;
  std::string weightsFile; // temporary; "": the model has no weights, or they are embedded
  WeightsBlock weights;
  bool isEmbedded = false; // the weights, to be appended to what is made of the object
  HeaderModel header;
  std::vector<llvm::SmallVector<char, 0>> prepare; // objects that set weights, one for each version
  llvm::SmallVector<char, 0> code;                 // text, or an object without its weights and perhaps its kernels

  llvm::StringRef text() const { return llvm::StringRef(code.data(), code.size()); }
};

/// What compileModels() does. The methods are in Compile.cpp; those about several CPUs in CompileVersions.cpp.
class Compilation {
public:
  explicit Compilation(const CompileRequest &request) : request(request) {}
  Outcome run();

private:
  const CompileRequest &request;
  Emit emit = Emit::Shared;
  Phase phase = Phase::Code;
  std::vector<Version> versions; // the best first; one, but for a list of CPUs
  std::vector<CudaTarget> gpus;  // kernels are for these, one image each; none: for the CPU
  std::string ptxas;             // "": nothing is assembled
  std::unique_ptr<KernelCache> cache;
  OutputFiles files;
  std::string output; // temporary, until all is well
  std::string warnings;
  std::vector<std::string> filesRead; // the models, and what they name

  Outcome checkRequest();
  Outcome checkTarget();
  Outcome checkGpus();
  Outcome compileOne(const std::string &path, CompiledModel &model);
  mlir::FailureOr<std::vector<DeviceImage>> compileCustomKernels(DeviceCode &device);
  mlir::FailureOr<std::vector<DeviceImage>> compilePrograms(DeviceCode &device);
  mlir::FailureOr<std::vector<DeviceImage>> makeImages(DeviceCode &device);
  mlir::FailureOr<llvm::SmallVector<char, 0>> makeCode(CompiledModel &model);
  mlir::LogicalResult compileVersions(CompiledModel &model, const std::string &path);
  llvm::Error linkDrivers(CompiledModel &model, llvm::MutableArrayRef<llvm::SmallVector<char, 0>> drivers);
  mlir::LogicalResult takeWeights(CompiledModel &model, llvm::ArrayRef<mlir::ModuleOp> modules,
                                  const std::string &path);
  mlir::LogicalResult writeWeights(CompiledModel &model);
  mlir::LogicalResult describe(CompiledModel &model, mlir::ModuleOp module, const CpuTarget &target);
  PipelineOptions optionsFor(const Version &version, CompiledModel &model);
  std::vector<PrepareFor> prepareFor(CompiledModel &model);
  Outcome writeOutput(llvm::MutableArrayRef<CompiledModel> models);
  Outcome writeObjects(llvm::MutableArrayRef<CompiledModel> models);
  llvm::Error finishObject(CompiledModel &model, const std::string &archive, const std::string &object);
  llvm::Expected<std::string> kernelArchive();
  bool hasPrepare(llvm::ArrayRef<CompiledModel> models) const;
  llvm::Error addPrepare(const CompiledModel &model, std::vector<std::string> &objects);
  llvm::Error linkShared(std::vector<std::string> objects, llvm::ArrayRef<std::string> names,
                         const std::string &archive, llvm::ArrayRef<const WeightsBlock *> blocks);
  Outcome writeClass(const HeaderModel &model, const std::string &cHeader);
  Outcome writeDepfile();
  Outcome writeText(llvm::StringRef text, CompiledModel *weightsOf);

  void progress(const llvm::Twine &what) {
    if (request.progress)
      request.progress(what.str());
  }
  /// Where weights go that are not in the output itself.
  std::string weightsPath() const { return request.output + ".weights"; }
  /// The kernels alone, without what launches them.
  bool isDeviceCode() const { return emit == Emit::Cuda || emit == Emit::Ptx || emit == Emit::Cubin; }
  bool isText() const { return emit == Emit::Assembly || emit == Emit::LlvmIr || isDeviceCode(); }
  bool isObject() const { return emit == Emit::Shared || emit == Emit::Object || emit == Emit::Static; }
  bool embedsWeights() const { return isObject() && !request.externalWeights; }
  /// What decides where there is one, and what all versions have in common.
  const CpuTarget &target() const { return versions.front().target; }
  bool hasKernelObjects() const { return versions.front().kernels != nullptr; }
  Outcome keep(const std::string &temporary) {
    if (llvm::Error error = files.keep(temporary))
      return Outcome::fault(messageOf(std::move(error)));
    return {};
  }
};

} // namespace nnf
#endif
