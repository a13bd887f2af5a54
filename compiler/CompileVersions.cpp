// One model for several CPUs: what a compilation does then.
#include "codegen/driver/DriverPlan.h"
#include "codegen/link/Link.h"
#include "codegen/link/WeightsSection.h"
#include "compiler/Compilation.h"
#include "compiler/PrepareCode.h"
#include "compiler/Targets.h"

using namespace mlir;
namespace nnf {

/// A driver and kernels for each CPU, around one block of weights: what weights decide is compiled and run once.
LogicalResult Compilation::compileVersions(CompiledModel &model, const std::string &path) {
  Builder builder(model.context.get());
  std::vector<CpuTarget> targets;
  SmallVector<Attribute> symbols;
  for (const Version &version : versions) {
    targets.push_back(version.target);
    symbols.push_back(builder.getStringAttr("nnf.version." + version.target.getCpu()));
  }
  PipelineOptions layout = optionsFor(versions.front(), model);
  layout.target = sharedLayout(targets);
  if (mlir::failed(runConstantPart(*model.module, layout)))
    return failure();
  std::vector<OwningOpRef<ModuleOp>> owned;
  SmallVector<ModuleOp> modules;
  std::vector<PipelineOptions> options;
  for (auto [i, version] : llvm::enumerate(versions)) {
    owned.push_back(i + 1 < versions.size() ? OwningOpRef<ModuleOp>(model.module->clone()) : std::move(model.module));
    modules.push_back(*owned.back());
    modules.back()->setAttr(versionAttr, symbols[i]);
    takePrepareOf(modules.back(), i);
    options.push_back(optionsFor(version, model));
    options.back().constantPartIsDone = true;
  }
  modules.front()->setAttr(versionsAttr, builder.getArrayAttr(symbols));
  for (auto [module, option] : llvm::zip(modules, options))
    if (mlir::failed(runUntilDriver(module, Phase::Code, option)))
      return failure();
  if (mlir::failed(placeWeights(modules)) || mlir::failed(takeWeights(model, modules, path)))
    return failure();
  model.isEmbedded = embedsWeights() && model.weights.size() > 0;
  std::vector<llvm::SmallVector<char, 0>> drivers;
  for (auto [i, version] : llvm::enumerate(versions)) {
    if (mlir::failed(describe(model, modules[i], version.target)) ||
        mlir::failed(runDriver(modules[i], Phase::Code, options[i])))
      return failure();
    FailureOr<llvm::SmallVector<char, 0>> code =
        emitDriver(modules[i], version.target, i == 0 ? WeightsIn::SharedDriver : WeightsIn::OtherDriver);
    if (mlir::failed(code))
      return failure();
    drivers.push_back(std::move(*code));
  }
  if (llvm::Error error = linkDrivers(model, drivers))
    return emitError(builder.getUnknownLoc()) << "internal: " << messageOf(std::move(error));
  return success();
}

/// One object, in which the versions of a model see each other and nobody else does.
llvm::Error Compilation::linkDrivers(CompiledModel &model, MutableArrayRef<llvm::SmallVector<char, 0>> drivers) {
  if (model.isEmbedded)
    if (llvm::Error error = reserveWeights(drivers.front(), model.weights.size()))
      return error;
  std::vector<std::string> objects;
  for (const llvm::SmallVector<char, 0> &driver : drivers) {
    llvm::Expected<std::string> file =
        files.create(request.output + ".driver.o", StringRef(driver.data(), driver.size()));
    if (!file)
      return file.takeError();
    objects.push_back(*file);
  }
  llvm::Expected<std::string> scratch = files.create(request.output + ".versions.o");
  if (!scratch)
    return scratch.takeError();
  llvm::Expected<llvm::SmallVector<char, 0>> whole = linkObject(objects, *scratch);
  if (whole)
    model.code = std::move(*whole);
  return whole.takeError();
}

} // namespace nnf
