#include "compiler/Prepare.h"
#include "codegen/Passes.h"
#include "codegen/cpu/Emit.h"
#include "codegen/driver/Arena.h"
#include "codegen/driver/ConstantBytes.h"
#include "compiler/PrepareCode.h"
#include "compiler/kernels/KernelObjects.h"
#include "dialects/nnf/MappedBytes.h"
#include "mlir/Pass/PassManager.h"
#include "runtime/abi.h"
#include "llvm/ExecutionEngine/Orc/LLJIT.h"
#include "llvm/Support/Parallel.h"
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <deque>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
namespace nnf {
namespace {

/// What the driver of the constant part runs with.
struct Runtime {
  nnf_rt callbacks;
  ArrayRef<ArrayRef<uint8_t>> inputs;
  int64_t resident = residentBytes(); // when the inputs' pages were last let go

  static int64_t residentBytes() {
    int64_t size = 0, resident = 0;
    if (FILE *file = fopen("/proc/self/statm", "r")) {
      if (fscanf(file, "%" SCNd64 " %" SCNd64, &size, &resident) != 2)
        resident = 0;
      fclose(file);
    }
    return resident * sysconf(_SC_PAGESIZE);
  }
  /// Weights that are a file's take memory only while they are read.
  void releaseInputs() {
    constexpr int64_t step = 64 << 20;
    if (residentBytes() - resident < step)
      return;
    for (ArrayRef<uint8_t> input : inputs)
      releaseMapped(input);
    resident = residentBytes();
  }
};

/// Runs tasks on all cores, in chunks: weights are packed in pieces of a few kilobytes.
int32_t parallelTasks(const nnf_rt *rt, uint32_t, nnf_kernel_fn function, int64_t tasks, int64_t scratchBytes,
                      const void *const *args) {
  if (tasks <= 0)
    return NNF_OK;
  int64_t chunks = std::min<int64_t>(tasks, 64);
  llvm::parallelFor(0, chunks, [&](size_t chunk) {
    std::unique_ptr<uint8_t[]> scratch(scratchBytes ? new uint8_t[scratchBytes + arenaAlignment] : nullptr);
    auto aligned = (reinterpret_cast<uintptr_t>(scratch.get()) + arenaAlignment - 1) / arenaAlignment * arenaAlignment;
    function(args, tasks * int64_t(chunk) / chunks, tasks * int64_t(chunk + 1) / chunks,
             reinterpret_cast<void *>(aligned));
  });
  // The callbacks are the first member, and only here they are made.
  reinterpret_cast<Runtime *>(const_cast<nnf_rt *>(rt))->releaseInputs();
  return NNF_OK;
}

/// Page-aligned memory that nobody fills with zeros first; null when there is none. Not in huge pages: finding them
/// took between nothing and a second.
std::shared_ptr<uint8_t> uninitialised(size_t bytes) {
  void *address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED)
    return nullptr;
  return {static_cast<uint8_t *>(address), [bytes](uint8_t *p) { munmap(p, bytes); }};
}

/// All results have memory already.
void *noOutput(const nnf_rt *, uint32_t, const int64_t *, uint32_t) { return nullptr; }
int64_t readScalar(const nnf_rt *, const int64_t *address) { return *address; }
int32_t failCheck(const nnf_rt *, uint32_t, int64_t, int64_t) { return NNF_ERROR_DATA; }
int32_t neverCancelled(const nnf_rt *) { return 0; }
/// What has sizes of the data is no constant.
void *noTemporary(const nnf_rt *, uint32_t, int64_t) { return nullptr; }
void *noGrowing(const nnf_rt *, uint32_t, int64_t, int64_t) { return nullptr; }
int32_t writeForKernels(const nnf_rt *, void *address, const void *data, int64_t bytes) {
  memcpy(address, data, static_cast<size_t>(bytes));
  return NNF_OK;
}

constexpr nnf_rt callbacks = {sizeof(nnf_rt), 0,           parallelTasks, noOutput,       readScalar, failCheck,
                              neverCancelled, noTemporary, noGrowing,     writeForKernels};

/// A text of a check with its numbers in place.
std::string checkText(StringRef message, const nnf_check_state &state) {
  std::string text = message.str();
  for (auto [name, value] : {std::pair<StringRef, int64_t>("{value}", state.value), {"{bound}", state.bound}})
    if (size_t at = text.find(name); at != std::string::npos)
      text.replace(at, name.size(), std::to_string(value));
  return text;
}

class Preparation {
public:
  Preparation(ModuleOp module, func::FuncOp prepare, const PipelineOptions &options)
      : module(module), prepare(prepare), location(prepare.getLoc()), options(options),
        dialect(*module.getContext()->getLoadedDialect<NnfDialect>()) {}

  LogicalResult run() {
    llvm::Expected<CpuTarget> host = CpuTarget::create({"", "native", 2});
    if (!host)
      return error() << llvm::toString(host.takeError());
    makeModule();
    PipelineOptions own = options;
    own.target = host->info();
    own.gpuKernels = own.emulateGpu = false;
    own.kernels = nullptr;
    PassManager groups(module.getContext(), ModuleOp::getOperationName());
    groups.enableVerifier(options.verifyEach);
    addGroups(groups, own);
    KernelObjects kernels(*host, options.cache);
    if (failed(groups.run(*standalone)) || failed(kernels.compile(*standalone, own)))
      return failure();
    takeTablesAsInputs();
    PassManager memory(module.getContext(), ModuleOp::getOperationName());
    memory.enableVerifier(options.verifyEach);
    addMemory(memory);
    PassManager driver(module.getContext(), ModuleOp::getOperationName());
    driver.enableVerifier(options.verifyEach);
    addDriver(driver);
    addCode(driver, own);
    if (failed(memory.run(*standalone)) || failed(kernels.compile(*standalone, own)) || failed(driver.run(*standalone)))
      return failure();
    FailureOr<llvm::SmallVector<char, 0>> object = emitDriver(*standalone, *host);
    if (failed(object))
      return failure();
    SmallVector<StringRef> objects(kernels.all());
    objects.push_back(StringRef(object->data(), object->size()));
    return execute(objects);
  }

private:
  ModuleOp module;
  func::FuncOp prepare;
  Location location; // of @prepare, which the pipeline replaces
  const PipelineOptions &options;
  NnfDialect &dialect;
  OwningOpRef<ModuleOp> standalone;
  SmallVector<Type> resultTypes;
  std::vector<ArrayRef<uint8_t>> inputs;
  std::deque<std::vector<uint8_t>> constants; // bytes of inputs that are no weights

  InFlightDiagnostic error() { return emitError(location) << "internal: constant part of the graph: "; }

  /// @prepare as the @main of a module of its own.
  void makeModule() {
    resultTypes = llvm::to_vector(prepare.getResultTypes());
    standalone = ModuleOp::create(module.getLoc());
    (*standalone)->setAttr("nnf.name", StringAttr::get(module.getContext(), "prepare"));
    prepare->remove();
    standalone->push_back(prepare);
    prepare.setSymName("main");
  }

  ArrayRef<uint8_t> bytesOfWeight(WeightOp weight) {
    const Weight *stored = dialect.weights().find(weight.getName());
    assert(stored && "readers make a weight for every nnf.weight");
    return stored->bytes;
  }
  ArrayRef<uint8_t> bytesOfConstant(ConstantOp constant) {
    constants.push_back(bytesOf(cast<DenseElementsAttr>(constant.getValue())));
    return constants.back();
  }

  /// Weights and constants go in as inputs: their bytes are read where they lie.
  void takeTablesAsInputs() {
    auto main = standalone->lookupSymbol<func::FuncOp>("main");
    llvm::DenseMap<Attribute, Value> known;
    SmallVector<Type> types;
    for (Operation &op : llvm::make_early_inc_range(main.front())) {
      auto weight = dyn_cast<WeightOp>(op);
      auto constant = dyn_cast<ConstantOp>(op);
      if (!weight && !constant)
        continue;
      Value &argument = known[weight ? Attribute(weight.getNameAttr()) : Attribute(constant.getValue())];
      if (!argument) {
        argument = main.front().addArgument(op.getResult(0).getType(), op.getLoc());
        types.push_back(argument.getType());
        inputs.push_back(weight ? bytesOfWeight(weight) : bytesOfConstant(constant));
      }
      op.getResult(0).replaceAllUsesWith(argument);
      op.erase();
    }
    main.setType(FunctionType::get(module.getContext(), types, main.getResultTypes()));
  }

  LogicalResult execute(ArrayRef<StringRef> objects) {
    auto jit = llvm::orc::LLJITBuilder().create();
    if (!jit)
      return error() << llvm::toString(jit.takeError());
    for (StringRef object : objects) {
      auto buffer = llvm::MemoryBuffer::getMemBuffer(object, "prepare", false);
      if (llvm::Error failure = (*jit)->addObjectFile(std::move(buffer)))
        return error() << llvm::toString(std::move(failure));
    }
    auto symbol = (*jit)->lookup("nnf_model_prepare");
    if (!symbol)
      return error() << llvm::toString(symbol.takeError());
    const nnf_model &model = *symbol->toPtr<const nnf_model *>();

    std::vector<void *> inputAddresses, outputAddresses;
    for (ArrayRef<uint8_t> input : inputs)
      inputAddresses.push_back(const_cast<uint8_t *>(input.data())); // kernels do not write inputs
    SmallVector<int64_t> offsets;
    int64_t resultBytes = 0;
    for (Type type : resultTypes) {
      offsets.push_back(resultBytes);
      resultBytes += alignToArena(bytesOfResult(type));
    }
    // A byte more: a result without elements has an address, too, for none would ask the driver to find one.
    std::shared_ptr<uint8_t> results = uninitialised(resultBytes + 1);
    std::shared_ptr<uint8_t> arena = uninitialised(model.arena_bytes(nullptr) + 1);
    if (!results || !arena)
      return error() << "no memory of " << resultBytes + model.arena_bytes(nullptr) << " bytes [NNFC-E0609]";
    for (int64_t offset : offsets)
      outputAddresses.push_back(results.get() + offset);
    nnf_check_state check = {UINT64_MAX, 0, 0};
    nnf_frame frame = {};
    frame.struct_size = sizeof frame;
    frame.inputs = inputAddresses.data();
    frame.outputs = outputAddresses.data();
    frame.weights = model.weights;
    frame.arena = arena.get();
    frame.check = &check;
    Runtime runtime{callbacks, inputs};
    int32_t status = model.run(&runtime.callbacks, &frame);
    if (check.order != UINT64_MAX)
      return emitError(location) << checkText(model.checks[check.order >> 32].message, check);
    if (status != NNF_OK)
      return error() << "its driver stopped with status " << status << " [NNFC-E0707]";
    for (auto [i, type] : llvm::enumerate(resultTypes)) {
      std::string name = "prepared." + std::to_string(i);
      if (dialect.weights().find(name))
        return error() << "the model has a weight that is called '" << name << "' itself [NNFC-E0107]";
      dialect.weights().addShared(name, cast<RankedTensorType>(type),
                                  ArrayRef(results.get() + offsets[i], bytesOfResult(type)), results,
                                  "computed from weights");
    }
    return success();
  }

  static int64_t bytesOfResult(Type type) {
    auto tensor = cast<RankedTensorType>(type);
    return tensor.getNumElements() * elementBytes(tensor.getElementType());
  }
};

} // namespace

LogicalResult runPrepare(ModuleOp module, const PipelineOptions &options) {
  auto prepare = module.lookupSymbol<func::FuncOp>("prepare");
  if (!prepare)
    return success();
  if (failed(compilePrepare(module, prepare, options)))
    return failure();
  return Preparation(module, prepare, options).run();
}

} // namespace nnf
