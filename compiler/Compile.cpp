#include "codegen/cuda/custom/CustomImages.h"
#include "codegen/cuda/emulator/Retarget.h"
#include "codegen/cuda/text/Programs.h"
#include "codegen/driver/DriverPlan.h"
#include "codegen/link/Link.h"
#include "codegen/link/WeightsSection.h"
#include "compiler/Compilation.h"
#include "compiler/Depfile.h"
#include "compiler/Diagnostics.h"
#include "compiler/ReadModel.h"
#include "compiler/Targets.h"
#include "compiler/kernels/OpenCache.h"
#include "compiler/seeing/ExposeNodes.h"
#include "compiler/tuning/CheckTuning.h"
#include "compiler/tuning/TuningReport.h"
#include "dialects/nnf/Diagnostics.h"
#include "mlir/IR/AsmState.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"
#include "passes/kernels/gpu/HopperProduct.h"
#include "passes/kernels/gpu/Multiplier.h"
#include "runtime/Hash.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include <mutex>
#include <set>

using namespace mlir;
namespace nnf {
namespace {

constexpr StringLiteral version = "0.1.0";
/// More makes object files that linkers for the small code model cannot place.
constexpr int64_t maxEmbeddedWeights = int64_t(3) << 29; // 1.5 GB

} // namespace

Outcome Compilation::checkRequest() {
  const std::vector<std::string> &models = request.model.models;
  if (models.empty())
    return Outcome::wrongUsage("no model given [NNFC-E0001]");
  if (request.output.empty())
    return Outcome::wrongUsage("no output given, expected -o OUT [NNFC-E0001]");
  StringRef kind = request.emit;
  if (kind.empty())
    kind = llvm::sys::path::extension(request.output).drop_front(llvm::sys::path::has_extension(request.output));
  std::optional<Emit> found = emitOf(kind);
  if (!found)
    return Outcome::wrongUsage(request.emit.empty()
                                   ? "output '" + request.output +
                                         "': its extension says no kind of output, expected "
                                         ".so, .o, .a, .s, .ll, .cu, .ptx, .cubin or .mlir, or --emit= [NNFC-E0005]"
                                   : "--emit=" + request.emit +
                                         ": expected so, o, a, s, ll, cu, ptx, cubin or mlir [NNFC-E0005]");
  emit = *found;
  if (!request.phase.empty()) {
    std::optional<Phase> named = phaseOf(request.phase);
    if (!named)
      return Outcome::wrongUsage("--phase=" + request.phase + ": expected one of " + llvm::join(phaseNames(), ", ") +
                                 " [NNFC-E0003]");
    if (emit != Emit::Mlir)
      return Outcome::wrongUsage("--phase goes with an output of MLIR text: -o OUT.mlir or --emit=mlir [NNFC-E0004]");
    phase = *named;
  } else if (emit == Emit::Mlir) {
    phase = Phase::Input;
  }
  if (models.size() > 1 && emit != Emit::Shared && emit != Emit::Static)
    return Outcome::wrongUsage(std::to_string(models.size()) + " models given, but this kind of output holds one; .so "
                                                               "and .a hold several [NNFC-E0009]");
  if (models.size() > 1 && !request.model.name.empty())
    return Outcome::wrongUsage("--name goes with one model, not with " + std::to_string(models.size()) +
                               " [NNFC-E0009]");
  if (models.size() > 1 && request.externalWeights)
    return Outcome::wrongUsage("--weights=external goes with one model, not with " + std::to_string(models.size()) +
                               " [NNFC-E0009]");
  if (request.externalWeights && isText())
    return Outcome::wrongUsage("--weights=external: text output has its weights beside it already [NNFC-E0004]");
  if (request.model.swappableWeights && !isObject())
    return Outcome::wrongUsage("--swappable-weights goes with an output of .so, .o or .a [NNFC-E0004]");
  if (!request.cxxClass.empty() && emit != Emit::Object && emit != Emit::Static)
    return Outcome::wrongUsage(
        "--cxx-class goes with an output of .o or .a, beside which the C header is [NNFC-E0004]");
  if (!request.cxxClass.empty() && models.size() > 1)
    return Outcome::wrongUsage("--cxx-class goes with one model, not with " + std::to_string(models.size()) +
                               " [NNFC-E0009]");
  if (!request.cxxClass.empty() && !isClassName(request.cxxClass))
    return Outcome::wrongUsage("--cxx-class=" + request.cxxClass +
                               ": expected a name that C++ takes for a class [NNFC-E0003]");
  std::set<std::string> names;
  for (const std::string &path : models) {
    // A misspelled name is not there at all, whatever its extension says.
    if (!modelFormatOf(path, request.model.format) && !llvm::sys::fs::exists(path))
      return Outcome::fault("'" + path + "': No such file or directory [NNFC-E0101]");
    if (!modelFormatOf(path, request.model.format))
      return Outcome::wrongUsage(request.model.format.empty()
                                     ? "'" + path +
                                           "': its format is not known by its name, expected .nnf, .nnf.txt, "
                                           ".onnx or .mlir, or --format= [NNFC-E0006]"
                                     : "--format=" + request.model.format +
                                           ": expected nnf, nnf-text, onnx or mlir [NNFC-E0006]");
    if (request.model.swappableWeights && modelFormatOf(path, request.model.format) == ModelFormat::Mlir)
      return Outcome::wrongUsage("--swappable-weights goes with .nnf, .nnf.txt and .onnx: found '" + path +
                                 "' [NNFC-E0004]");
    std::string name = identifierOf(stemOf(path));
    if (models.size() > 1 && !names.insert(name).second)
      return Outcome::wrongUsage("two models are called '" + name + "', expected different file names [NNFC-E0009]");
  }
  return checkTarget();
}

Outcome Compilation::checkTarget() {
  const CodeRequest &code = request.code;
  llvm::Expected<std::vector<CpuTarget>> created = cpuTargets(code);
  if (!created)
    return Outcome::wrongUsage(messageOf(created.takeError()));
  for (CpuTarget &each : *created)
    versions.emplace_back(std::move(each));
  if (versions.size() > 1) {
    auto severalGoWith = [&](const std::string &what) {
      return Outcome::wrongUsage("--cpu=" + code.cpu + ": several CPUs go with " + what + " [NNFC-E0004]");
    };
    if (!isObject())
      return severalGoWith("an output of .so, .o or .a");
    if (code.target != "cpu")
      return severalGoWith("--target=cpu");
    if (!code.tuning.empty() || request.report)
      return severalGoWith("no tuning file: one is for one CPU");
  }
  if (!code.tuning.empty()) {
    filesRead.push_back(code.tuning);
    Outcome outcome = checkTuning(code, target());
    warnings += outcome.warnings;
    if (!outcome)
      return outcome;
  }
  if (code.target != "cpu" && code.target != "cuda" && code.target != "cuda-emu")
    return Outcome::wrongUsage("--target=" + code.target + ": expected cpu, cuda or cuda-emu [NNFC-E0003]");
  if (isDeviceCode() && code.target != "cuda")
    return Outcome::wrongUsage((emit == Emit::Ptx     ? "PTX"
                                : emit == Emit::Cubin ? "a cubin"
                                                      : "CUDA C++") +
                               std::string(" is code for GPUs: found --target=") + code.target +
                               ", expected --target=cuda [NNFC-E0004]");
  if (!code.cudaCompiler.empty() && code.target == "cpu")
    return Outcome::wrongUsage("--cuda-compiler goes with --target=cuda or cuda-emu [NNFC-E0004]");
  if (!code.cudaCompiler.empty() && code.cudaCompiler != "nvrtc" && code.cudaCompiler != "clang" &&
      code.cudaCompiler != "clang-text")
    return Outcome::wrongUsage("--cuda-compiler=" + code.cudaCompiler +
                               ": expected nvrtc, clang or clang-text [NNFC-E0004]");
  if (code.cudaCompiler == "nvrtc" && code.target == "cuda-emu")
    return Outcome::wrongUsage(
        "--cuda-compiler=nvrtc makes PTX, which the emulator cannot run: expected clang or clang-text [NNFC-E0004]");
  if (code.allowTf32 && code.target == "cpu")
    return Outcome::wrongUsage("--allow-tf32 goes with --target=cuda or cuda-emu [NNFC-E0004]");
  if (code.allowTf32 && code.accuracy == Accuracy::Strict)
    return Outcome::wrongUsage("--allow-tf32 rounds what is multiplied: expected no --accuracy=strict [NNFC-E0004]");
  if (code.multiprocessors && code.target == "cpu")
    return Outcome::wrongUsage("--cuda-multiprocessors goes with --target=cuda or cuda-emu [NNFC-E0004]");
  if (code.cudaCubin && (code.target != "cuda" || isDeviceCode()))
    return Outcome::wrongUsage("--cuda-cubin goes with a library of --target=cuda [NNFC-E0004]");
  if (code.target == "cpu")
    return code.cudaArch.empty() ? Outcome()
                                 : Outcome::wrongUsage("--cuda-arch goes with --target=cuda or cuda-emu [NNFC-E0004]");
  if (code.target == "cuda-emu" && !(target().isX86() && target().has("fma") && target().has("f16c")))
    return Outcome::wrongUsage("--target=cuda-emu: found " + target().text() +
                               ", expected an x86-64 CPU with FMA and F16C, such as --cpu=x86-64-v3 [NNFC-E0011]");
  return checkGpus();
}

Outcome Compilation::checkGpus() {
  const CodeRequest &code = request.code;
  llvm::Expected<std::vector<CudaTarget>> found = cudaTargets(code, code.target == "cuda" && !isDeviceCode());
  if (!found)
    return Outcome::wrongUsage(messageOf(found.takeError()));
  gpus = std::move(*found);
  if (!code.cudaCubin && emit != Emit::Cubin)
    return {};
  llvm::Expected<std::string> assembler = findPtxas();
  if (!assembler)
    return Outcome::fault((emit == Emit::Cubin ? "output of .cubin: " : "--cuda-cubin: ") +
                          messageOf(assembler.takeError()));
  ptxas = *assembler;
  return {};
}

/// The weights of a model, once they are packed, and what the descriptors of its versions say of them.
LogicalResult Compilation::takeWeights(CompiledModel &model, ArrayRef<ModuleOp> modules, const std::string &path) {
  Builder builder(model.context.get());
  model.weights = WeightsBlock(modules);
  int64_t weightsBytes = model.weights.size();
  if (weightsBytes > maxEmbeddedWeights && !request.externalWeights)
    return emitError(UnknownLoc::get(model.context.get()))
           << "'" << path << "' has " << weightsBytes << " bytes of weights, at most " << maxEmbeddedWeights
           << " can be embedded; use --weights=external [NNFC-E0114]";
  if (weightsBytes > 0) {
    Attribute hash = builder.getI64IntegerAttr(static_cast<int64_t>(model.weights.hash()));
    for (ModuleOp module : modules) {
      module->setAttr("nnf.weights_hash", hash);
      if (request.externalWeights)
        module->setAttr("nnf.weights_file", builder.getStringAttr(llvm::sys::path::filename(weightsPath())));
    }
  }
  return model.weightsFile.empty() ? success() : writeWeights(model);
}

/// Sets what a version's descriptor says of the model as a whole, once its weights are taken.
LogicalResult Compilation::describe(CompiledModel &model, ModuleOp module, const CpuTarget &target) {
  Builder builder(module.getContext());
  std::string targetText = target.text();
  if (!gpus.empty())
    targetText += " " + request.code.target + " " +
                  llvm::join(llvm::map_range(gpus, [](const CudaTarget &gpu) { return gpu.getArch(); }), ",");
  if (request.code.allowTf32)
    targetText += " with tf32";
  if (request.code.multiprocessors)
    targetText += " on " + std::to_string(request.code.multiprocessors) + " multiprocessors";
  if (!request.code.cudaCompiler.empty())
    targetText += " by " + request.code.cudaCompiler;
  if (request.code.target == "cuda")
    module->setAttr(deviceCodeName, builder.getUnitAttr());
  module->setAttr("nnf.target", builder.getStringAttr(targetText));
  module->setAttr("nnf.producer", builder.getStringAttr(producerText()));
  module->setAttr("nnf.cpu_features", builder.getI64IntegerAttr(static_cast<int64_t>(target.abiFeatures())));
  module->setAttr("nnf.cpu", builder.getStringAttr(target.getCpu()));

  // The module as it is now: kernels, launches, the target, the hash of the weights.
  std::string text = "O" + std::to_string(request.code.optLevel) + "\n";
  llvm::raw_string_ostream os(text);
  module->print(os, OpPrintingFlags().useLocalScope());
  module->setAttr("nnf.content_hash",
                  builder.getI64IntegerAttr(static_cast<int64_t>(hash64(text.data(), text.size()))));

  FailureOr<Signature> signature = readSignature(module);
  if (failed(signature))
    return failure();
  if (request.report && failed(request.report->addLaunches(module)))
    return failure();
  model.header.name = model.name;
  model.header.describe(module, *signature);
  return success();
}

/// Into their temporary file, for what refers to it.
LogicalResult Compilation::writeWeights(CompiledModel &model) {
  if (model.weights.size() == 0) {
    model.weightsFile.clear();
    return success();
  }
  llvm::Error error = files.write(model.weightsFile, [&](llvm::raw_ostream &os) { model.weights.write(os); });
  if (error)
    return emitError(UnknownLoc::get(model.context.get())) << messageOf(std::move(error));
  return success();
}

Outcome Compilation::compileOne(const std::string &path, CompiledModel &model) {
  progress("reading " + path);
  model.context = createContext();
  DiagnosticSink sink(*model.context);
  auto failed = [&] {
    warnings += sink.takeWarnings();
    return Outcome::fault(sink.errors());
  };
  filesRead.push_back(path);
  model.module = readModel(*model.context, path, request.model, &filesRead);
  if (!model.module)
    return failed();
  model.name = cast<StringAttr>((*model.module)->getAttr("nnf.name")).str();
  dropRequest(*model.module); // MLIR text may be of another request
  Builder b(model.context.get());
  if (request.code.allowTf32)
    (*model.module)->setAttr(allowTf32, b.getUnitAttr());
  // Kernels have code of its own for this architecture: beside the others' or alone.
  if (llvm::any_of(gpus, [](const CudaTarget &gpu) { return gpu.isHopper(); }))
    (*model.module)->setAttr(hopperCode, b.getStringAttr(gpus.size() > 1 ? "beside" : "alone"));
  if (request.code.multiprocessors)
    (*model.module)->setAttr(multiprocessorsAttr, b.getI64IntegerAttr(request.code.multiprocessors));
  if (request.everyNode)
    *request.everyNode = exposeNodes(*model.module);
  if (phase == Phase::Code && !isDeviceCode() && !embedsWeights()) {
    llvm::Expected<std::string> file = files.create(weightsPath());
    if (!file)
      return Outcome::fault(messageOf(file.takeError()));
    model.weightsFile = *file;
  }
  auto describeAll = [&]() -> LogicalResult {
    return success(succeeded(takeWeights(model, *model.module, path)) &&
                   succeeded(describe(model, *model.module, target())));
  };
  bool isOne = versions.size() == 1;
  if (mlir::failed(isOne ? runPhases(*model.module, phase, optionsFor(versions.front(), model), describeAll)
                         : compileVersions(model, path)) ||
      sink.hasErrors())
    return failed();
  if (isOne && emit != Emit::Mlir) {
    FailureOr<llvm::SmallVector<char, 0>> code = makeCode(model);
    if (mlir::failed(code) || sink.hasErrors())
      return failed();
    model.code = std::move(*code);
    if (model.isEmbedded = embedsWeights() && model.weights.size() > 0; model.isEmbedded)
      if (llvm::Error error = reserveWeights(model.code, model.weights.size()))
        return Outcome::fault("internal: " + messageOf(std::move(error)));
  }
  warnings += sink.takeWarnings();
  return {};
}

/// Kernels in CUDA C++: images of their own, or bitcode that becomes part of nnfc's.
FailureOr<std::vector<DeviceImage>> Compilation::compileCustomKernels(DeviceCode &device) {
  auto custom = llvm::find_if(device.kernels, [](const DeviceKernel &kernel) { return kernel.custom.has_value(); });
  if (device.isEmulated && custom != device.kernels.end() && !request.code.trustKernels)
    return nodeError(custom->custom->location)
           << "the emulator makes code of this machine of a kernel in CUDA C++, which may do whatever a program may: "
              "expected --trust-kernels [NNFC-E0411]";
  bool byClang = device.isEmulated || StringRef(request.code.cudaCompiler).starts_with("clang");
  auto images = nnf::compileCustomKernels(device, gpus, byClang ? CudaCompiler::Clang : CudaCompiler::Nvrtc);
  if (succeeded(images) && isDeviceCode() && !images->empty())
    return emitError(device.module.get()->getLoc())
           << "what NVRTC makes of kernels in CUDA C++ is PTX of its own, and " << request.output
           << " takes one: expected a library, or --cuda-compiler=clang [NNFC-E0004]";
  return images;
}

PipelineOptions Compilation::optionsFor(const Version &version, CompiledModel &model) {
  PipelineOptions options;
  options.target = version.target.info();
  options.gpuKernels = !gpus.empty();
  options.winograd = request.code.accuracy == Accuracy::Strict ? 0 : request.code.accuracy == Accuracy::Relaxed ? 4 : 2;
  options.tuning = request.code.tuning;
  if (request.report)
    options.atGroups = [this](ModuleOp module) { request.report->addKernels(module, target().info()); };
  options.emulateGpu = request.code.target == "cuda-emu";
  options.verifyEach = request.verifyEach;
  options.applyMlirFlags = !request.mlirFlags.empty();
  options.cache = cache.get();
  options.kernels = version.kernels.get();
  if (request.model.swappableWeights)
    options.prepareFor = prepareFor(model);
  std::string name = model.name;
  if (versions.size() > 1)
    name += " for " + version.target.getCpu();
  options.progress = [this, name](StringRef phase) { progress(name + ": " + phase); };
  return options;
}

std::vector<PrepareFor> Compilation::prepareFor(CompiledModel &model) {
  std::vector<PrepareFor> all;
  model.prepare.resize(versions.size());
  for (auto [version, driver] : llvm::zip(versions, model.prepare)) {
    KernelObjects *kernels = version.kernels ? version.kernels.get() : version.prepareKernels.get();
    all.push_back({version.target.info(), kernels, &driver});
  }
  return all;
}

/// nnfc's own kernels where CUDA C++ is asked for: images by NVRTC of those that call templates, or bitcode that
/// becomes part of nnfc's.
FailureOr<std::vector<DeviceImage>> Compilation::compilePrograms(DeviceCode &device) {
  const std::string &compiler = request.code.cudaCompiler;
  bool isText = emit == Emit::Cuda, byNvrtc = compiler == "nvrtc";
  if (!isText && !byNvrtc && compiler != "clang-text")
    return std::vector<DeviceImage>();
  // A file of PTX is one image: it has all kernels by NVRTC.
  bool onlyTemplates = byNvrtc && !isDeviceCode();
  if (failed(makePrograms(device, gpus.front(), onlyTemplates ? TextOf::Templates : TextOf::All)))
    return failure();
  if (isText || device.programs.empty())
    return std::vector<DeviceImage>();
  progress(compiler + ": kernels as CUDA C++");
  if (byNvrtc)
    return compileProgramsWithNvrtc(device, gpus, producerText());
  if (failed(compileProgramsWithClang(device)))
    return failure();
  return std::vector<DeviceImage>();
}

/// PTX for each architecture, and what ptxas makes of it where that is asked for. Machine code comes first: of images
/// that are equally good the runtime takes the first.
FailureOr<std::vector<DeviceImage>> Compilation::makeImages(DeviceCode &device) {
  std::vector<DeviceImage> images, cubins;
  FailureOr<std::vector<DeviceImage>> custom = compileCustomKernels(device);
  if (mlir::failed(custom))
    return failure();
  FailureOr<std::vector<DeviceImage>> programs = compilePrograms(device);
  if (mlir::failed(programs))
    return failure();
  if (isDeviceCode() && !programs->empty())
    images = std::move(*programs); // all kernels
  else
    custom->insert(custom->end(), programs->begin(), programs->end());
  for (const CudaTarget &gpu : images.empty() ? gpus : std::vector<CudaTarget>()) {
    FailureOr<std::string> ptx = emitPtx(device, gpu, producerText());
    if (mlir::failed(ptx))
      return failure();
    images.push_back({gpu, /*isCubin=*/false, *ptx, versionOfPtx(*ptx), {}});
  }
  images.insert(images.end(), custom->begin(), custom->end());
  for (const DeviceImage &image : images) {
    if (ptxas.empty())
      continue;
    progress("ptxas for " + image.target.getArch());
    llvm::Expected<DeviceImage> cubin = assemblePtx(image, ptxas);
    if (!cubin)
      return emitError(device.module.get()->getLoc()) << messageOf(cubin.takeError());
    cubins.push_back(std::move(*cubin));
  }
  images.insert(images.begin(), cubins.begin(), cubins.end());
  return images;
}

/// Text, a driver, or an object with its kernels.
FailureOr<llvm::SmallVector<char, 0>> Compilation::makeCode(CompiledModel &model) {
  progress(model.name + (isDeviceCode() ? ": code for GPUs" : ": machine code"));
  if (hasKernelObjects())
    return emitDriver(*model.module, target());
  DeviceCode device;
  std::vector<DeviceImage> images;
  llvm::function_ref<LogicalResult(llvm::Module &)> link;
  auto linkEmulated = [&](llvm::Module &host) {
    return linkEmulatedKernels(device, gpus.front(), host, request.code.emuSeed);
  };
  auto linkTable = [&](llvm::Module &host) {
    linkDeviceTable(device, images, host);
    return success();
  };
  if (!gpus.empty())
    device = takeDeviceCode(*model.module);
  device.isEmulated = request.code.target == "cuda-emu";
  if (device.isEmulated && (mlir::failed(compileCustomKernels(device)) || mlir::failed(compilePrograms(device))))
    return failure();
  if (emit == Emit::Cuda) {
    if (mlir::failed(compilePrograms(device)))
      return failure();
    StringRef text = device.programs.empty() ? StringRef() : device.programs.front().text;
    return llvm::SmallVector<char, 0>(text.begin(), text.end());
  }
  if (request.code.target == "cuda") {
    FailureOr<std::vector<DeviceImage>> made = makeImages(device);
    if (mlir::failed(made))
      return failure();
    images = std::move(*made);
    link = linkTable;
  } else if (!gpus.empty()) {
    link = linkEmulated;
  }
  if (isDeviceCode()) {
    StringRef bytes = images.front().bytes;
    return llvm::SmallVector<char, 0>(bytes.begin(), bytes.end());
  }
  CodeKind kind = emit == Emit::Assembly ? CodeKind::Assembly
                  : emit == Emit::LlvmIr ? CodeKind::LlvmIr
                  : hasPrepare(model)    ? CodeKind::Part
                                         : CodeKind::Object;
  WeightsFile weights;
  if (isText() && !model.weightsFile.empty())
    weights = {model.weightsFile, weightsPath()};
  return emitCode(*model.module, target(), kind, weights, link);
}

Outcome Compilation::writeText(StringRef text, CompiledModel *weightsOf) {
  if (llvm::Error error = files.write(output, text))
    return Outcome::fault(messageOf(std::move(error)));
  if (weightsOf && !weightsOf->weightsFile.empty())
    if (Outcome outcome = keep(weightsOf->weightsFile); !outcome)
      return outcome;
  return keep(output);
}

/// All kernels, for the linker to take what it needs.
llvm::Expected<std::string> Compilation::kernelArchive() {
  llvm::Expected<std::string> file = files.create(request.output + ".kernels.a");
  SmallVector<StringRef> all;
  for (const Version &version : versions)
    for (const auto *kernels : {version.kernels.get(), version.prepareKernels.get()})
      if (kernels)
        llvm::append_range(all, kernels->all());
  if (file)
    if (llvm::Error error = writeArchive(all, *file))
      return std::move(error);
  return file;
}

/// Whether a model has an object that sets weights.
bool Compilation::hasPrepare(ArrayRef<CompiledModel> models) const {
  return llvm::any_of(models, [](const CompiledModel &model) {
    return llvm::any_of(model.prepare, [](const auto &driver) { return !driver.empty(); });
  });
}

/// The objects that set weights, where there are any.
llvm::Error Compilation::addPrepare(const CompiledModel &model, std::vector<std::string> &objects) {
  for (const llvm::SmallVector<char, 0> &driver : model.prepare) {
    if (driver.empty())
      continue;
    llvm::Expected<std::string> file =
        files.create(request.output + "." + model.name + ".prepare.o", StringRef(driver.data(), driver.size()));
    if (!file)
      return file.takeError();
    objects.push_back(*file);
  }
  return llvm::Error::success();
}

/// Fills a file with the whole of a model: its kernels, and the weights.
llvm::Error Compilation::finishObject(CompiledModel &model, const std::string &archive, const std::string &object) {
  if (!archive.empty()) {
    llvm::Expected<std::string> driver = files.create(object, model.text());
    if (!driver)
      return driver.takeError();
    std::vector<std::string> parts = {*driver, archive};
    if (llvm::Error error = addPrepare(model, parts))
      return error;
    llvm::Expected<llvm::SmallVector<char, 0>> whole = linkObject(parts, object);
    if (!whole)
      return whole.takeError();
    model.code = std::move(*whole);
    if (llvm::Error error = checkSelfContained(model.text()))
      return llvm::createStringError("internal: " + messageOf(std::move(error)));
  }
  if (llvm::Error error = files.write(object, model.text()))
    return error;
  return model.isEmbedded ? appendWeights(object, &model.weights) : llvm::Error::success();
}

Outcome Compilation::writeObjects(MutableArrayRef<CompiledModel> models) {
  auto fail = [](llvm::Error error) { return Outcome::fault(messageOf(std::move(error))); };
  std::string archive;
  if (hasKernelObjects() || hasPrepare(models)) {
    llvm::Expected<std::string> file = kernelArchive();
    if (!file)
      return fail(file.takeError());
    archive = *file;
  }
  if (emit == Emit::Object) {
    llvm::Error error = finishObject(models.front(), archive, output);
    return error ? fail(std::move(error)) : keep(output);
  }
  std::vector<std::string> objects, names;
  std::vector<const WeightsBlock *> blocks;
  StringRef folder = llvm::sys::path::parent_path(request.output);
  for (CompiledModel &model : models) {
    llvm::SmallString<128> path = folder;
    llvm::sys::path::append(path, model.name + ".o");
    llvm::Expected<std::string> object = files.create(path.str().str(), model.text());
    if (!object)
      return fail(object.takeError());
    if (emit == Emit::Static)
      if (llvm::Error error = finishObject(model, archive, *object))
        return fail(std::move(error));
    objects.push_back(*object);
    if (emit == Emit::Shared)
      if (llvm::Error error = addPrepare(model, objects))
        return fail(std::move(error));
    names.push_back(model.name);
    if (model.isEmbedded)
      blocks.push_back(&model.weights);
  }
  llvm::Error error =
      emit == Emit::Static ? writeStaticLibrary(objects, names, output) : linkShared(objects, names, archive, blocks);
  return error ? fail(std::move(error)) : keep(output);
}

llvm::Error Compilation::linkShared(std::vector<std::string> objects, ArrayRef<std::string> names,
                                    const std::string &archive, ArrayRef<const WeightsBlock *> blocks) {
  auto add = [&](llvm::Expected<std::string> file) {
    if (file)
      objects.push_back(*file);
    return file.takeError();
  };
  llvm::Expected<llvm::SmallVector<char, 0>> table = emitModelTable(names, target());
  if (!table)
    return llvm::createStringError("internal: " + messageOf(table.takeError()));
  if (llvm::Error error = add(files.create(request.output + ".table.o", StringRef(table->data(), table->size()))))
    return error;
  if (!archive.empty())
    objects.push_back(archive);
  if (!blocks.empty())
    if (llvm::Error error = add(files.create(request.output + ".script", weightsScript)))
      return error;
  if (llvm::Error error = linkSharedLibrary(objects, output, llvm::sys::path::filename(request.output)))
    return error;
  return blocks.empty() ? llvm::Error::success() : appendWeights(output, blocks);
}

/// The C++ header of `request.cxxClass`, beside the C one.
Outcome Compilation::writeClass(const HeaderModel &model, const std::string &cHeader) {
  if (request.cxxClass.empty())
    return {};
  llvm::SmallString<128> path(cHeader);
  llvm::sys::path::replace_extension(path, ".hpp");
  llvm::Expected<std::string> file =
      files.create(path.str().str(), classText(model, request.cxxClass, llvm::sys::path::filename(cHeader)));
  return file ? keep(*file) : Outcome::fault(messageOf(file.takeError()));
}

Outcome Compilation::writeDepfile() {
  if (request.depfile.empty())
    return {};
  llvm::Expected<std::string> text = depfileText(request.output, filesRead);
  if (!text)
    return Outcome::fault(messageOf(text.takeError()));
  llvm::Expected<std::string> file = files.create(request.depfile, *text);
  return file ? keep(*file) : Outcome::fault(messageOf(file.takeError()));
}

Outcome Compilation::writeOutput(MutableArrayRef<CompiledModel> models) {
  progress("writing " + request.output);
  if (Outcome outcome = writeDepfile(); !outcome)
    return outcome;
  if (emit == Emit::Mlir) {
    std::string text;
    llvm::raw_string_ostream os(text);
    dropRequest(*models.front().module); // whoever compiles the text says it again
    (*models.front().module)->print(os);
    return writeText(text, nullptr);
  }
  if (isText())
    return writeText(models.front().text(), &models.front());
  if (emit != Emit::Shared) {
    SmallVector<HeaderModel> headers;
    for (CompiledModel &model : models)
      headers.push_back(model.header);
    llvm::SmallString<128> path(request.output);
    llvm::sys::path::replace_extension(path, ".h");
    llvm::Expected<std::string> header =
        files.create(path.str().str(), headerText(headers, identifierOf(llvm::sys::path::stem(path))));
    if (!header)
      return Outcome::fault(messageOf(header.takeError()));
    if (Outcome outcome = keep(*header); !outcome)
      return outcome;
    if (Outcome outcome = writeClass(headers.front(), path.str().str()); !outcome)
      return outcome;
  }
  CompiledModel &first = models.front();
  if (request.externalWeights && !first.weightsFile.empty())
    if (Outcome outcome = keep(first.weightsFile); !outcome)
      return outcome;
  return writeObjects(models);
}

Outcome Compilation::run() {
  Outcome outcome = checkRequest();
  if (!outcome) {
    outcome.warnings = warnings;
    return outcome;
  }
  // Now, so that a folder that cannot be written to is not found out after minutes.
  llvm::Expected<std::string> file = files.create(request.output);
  if (!file)
    return Outcome::fault(messageOf(file.takeError()));
  output = *file;
  outcome = openKernelCache(request, cache, [&](const std::string &what) { progress(what); });
  if (!outcome)
    return outcome;
  for (Version &version : versions) {
    if (isObject() && gpus.empty())
      version.kernels = std::make_unique<KernelObjects>(version.target, cache.get());
    else if (request.model.swappableWeights) // which are prepared on the CPU
      version.prepareKernels = std::make_unique<KernelObjects>(version.target, cache.get());
  }
  std::vector<CompiledModel> models(request.model.models.size());
  for (auto [path, model] : llvm::zip(request.model.models, models)) {
    outcome = compileOne(path, model);
    if (emit != Emit::Mlir) { // the IR is not needed again
      model.module = nullptr;
      model.context = nullptr;
    }
    if (!outcome)
      break;
  }
  if (outcome)
    outcome = writeOutput(models);
  outcome.warnings = warnings;
  return outcome;
}

Outcome compileModels(const CompileRequest &request) {
  if (!request.mlirFlags.empty()) {
    static std::once_flag once;
    std::call_once(once, [] {
      registerPassManagerCLOptions();
      registerAsmPrinterCLOptions();
      registerDefaultTimingManagerCLOptions();
    });
    std::vector<const char *> arguments = {"nnfc"};
    for (const std::string &flag : request.mlirFlags)
      arguments.push_back(flag.c_str());
    std::string errors;
    llvm::raw_string_ostream os(errors);
    if (!llvm::cl::ParseCommandLineOptions(arguments.size(), arguments.data(), "", &os))
      return Outcome::wrongUsage("--mlir: " + StringRef(errors).rtrim().str() + " [NNFC-E0001]");
  }
  return Compilation(request).run();
}

std::string producerText() { return ("nnfc " + version).str(); }

} // namespace nnf
