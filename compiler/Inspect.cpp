#include "compiler/Inspect.h"
#include "codegen/cpu/Target.h"
#include "codegen/driver/DriverPlan.h"
#include "compiler/Diagnostics.h"
#include "compiler/Pipeline.h"
#include "compiler/ReadModel.h"
#include "compiler/seeing/ReadGraph.h"
#include "compiler/tuning/CheckTuning.h"
#include "dialects/nnf/Diagnostics.h"
#include <numeric>

using namespace mlir;
namespace nnf {
namespace {

void countOps(ModuleOp module, ModelSummary &summary) {
  module.walk([&](Operation *op) {
    if (isa<NnfDialect>(op->getDialect()) &&
        !isa<WeightOp, ConstantOp, NumberOp, YieldOp, RandomKeyOp, RequireOp, SizeOp>(op))
      ++summary.ops[op->getName().stripDialect().str()];
    if (auto weight = dyn_cast<WeightOp>(op)) {
      auto type = cast<RankedTensorType>(weight.getType());
      summary.weights.push_back(
          {weight.getName().str(), typeText(type), type.getNumElements() * elementBytes(type.getElementType())});
    }
  });
}

/// What becomes of weights when the constant part is run.
class WeightCopies {
public:
  /// Which weights each result of @prepare is computed from.
  void readPrepare(ModuleOp module) {
    auto prepare = module.lookupSymbol<func::FuncOp>("prepare");
    if (!prepare)
      return;
    DenseMap<Value, llvm::SetVector<StringAttr>> behind;
    for (Operation &op : prepare.front()) {
      llvm::SetVector<StringAttr> names;
      if (auto weight = dyn_cast<WeightOp>(op))
        names.insert(weight.getNameAttr());
      for (Value operand : op.getOperands())
        names.insert_range(behind[operand]);
      for (Value result : op.getResults())
        behind[result] = names;
    }
    for (auto [i, value] : llvm::enumerate(prepare.front().getTerminator()->getOperands()))
      sources["prepared." + std::to_string(i)] = behind[value].takeVector();
  }

  /// A weight has several copies where it is stored as it is and as something of at least about its size, or as
  /// several such: what is computed from it may be a sum or a scale, which is none.
  void addRepeated(ModuleOp module, ModelSummary &summary) {
    std::map<std::string, int64_t> stored;
    module.walk([&](WeightOp weight) {
      auto type = cast<RankedTensorType>(weight.getType());
      stored[weight.getName().str()] = type.getNumElements() * elementBytes(type.getElementType());
    });
    std::map<std::string, std::vector<int64_t>> copies;
    for (auto [name, bytes] : stored) {
      auto found = sources.find(name);
      if (found == sources.end())
        copies[name].push_back(bytes);
      else
        for (StringAttr source : found->second)
          copies[source.str()].push_back(bytes);
    }
    for (const ModelSummary::Weight &weight : summary.weights) {
      llvm::erase_if(copies[weight.name], [&](int64_t bytes) { return bytes < weight.bytes; });
      const std::vector<int64_t> &sizes = copies[weight.name];
      if (weight.bytes > maxAttributeBytes && sizes.size() > 1)
        summary.repeated.push_back({weight.name, std::to_string(sizes.size()) + " times",
                                    std::accumulate(sizes.begin(), sizes.end(), int64_t(0))});
    }
  }

private:
  std::map<std::string, SmallVector<StringAttr>> sources;
};

void addTensors(const Signature &signature, ModelSummary &summary) {
  for (const TensorSignature &input : signature.inputs)
    summary.inputs.push_back(
        {input.name, typeText(input.type),
         input.tied < 0 ? "" : "in-out, becomes output '" + signature.outputs[input.tied].name + "'"});
  for (const TensorSignature &output : signature.outputs)
    summary.outputs.push_back({output.name, typeText(output.type), ""});
}

void addArena(ModuleOp module, const DriverPlan &plan, ModelSummary &summary) {
  std::optional<int64_t> total = 0;
  for (const BlockPlan::MemoryRegion &memory : plan.main.regions) {
    ArrayRef<Dim> region = memory.sizes;
    std::string text = region.size() == 1 ? toString(region.front())
                                          : "max(" + StringRef(toString(region)).drop_front().drop_back().str() + ")";
    summary.arena += (summary.arena.empty() ? "" : " + ") + text;
    std::optional<int64_t> bytes = region.size() == 1 ? constantOf(region.front()) : std::nullopt;
    total = total && bytes ? std::optional(*total + *bytes) : std::nullopt;
  }
  if (summary.arena.empty())
    summary.arena = "0";
  auto live = module.lookupSymbol("main")->getAttrOfType<IntegerAttr>("nnf.arena_live");
  if (total && live) {
    summary.arenaBytes = *total;
    summary.liveBytes = live.getInt();
  }
}

void addKernels(DriverPlan &plan, ModelSummary &summary) {
  summary.launches = plan.launches.size();
  for (func::FuncOp kernel : plan.kernels) {
    auto title = kernel->getAttrOfType<StringAttr>("nnf.title");
    auto method = kernel->getAttrOfType<StringAttr>("nnf.method");
    auto scratch = kernel->getAttrOfType<IntegerAttr>("nnf.scratch");
    summary.kernels.push_back({kernel.getSymName().str(), title ? title.str() : "", method ? method.str() : "", 0,
                               scratch ? scratch.getInt() : 0, ""});
  }
  for (LaunchPlan &launch : plan.launches) {
    ModelSummary::Kernel &kernel = summary.kernels[launch.kernel];
    if (kernel.launches++ == 0)
      kernel.tasks = toString(launch.tasks);
  }
}

/// Bytes of the arena, and the buffers seen in them so far.
class BufferReader {
public:
  explicit BufferReader(ModelSummary &summary) : summary(summary) {}

  /// A launch reads its operands and writes its results.
  void read(const LaunchPlan &launch, unsigned at) {
    LaunchOp op = launch.op;
    unsigned numOperands = op.getInputs().size();
    for (auto [i, place] : llvm::enumerate(launch.addresses)) {
      bool isResult = i >= numOperands;
      Value value = isResult ? Value(op.getResult(i - numOperands)) : op.getInputs()[i];
      std::optional<int64_t> offset = constantOf(place.offset);
      auto type = cast<RankedTensorType>(value.getType());
      if (place.kind != Place::Region || !offset || !type.hasStaticShape())
        continue;
      int64_t bytes = type.getNumElements() * elementBytes(type.getElementType());
      if (isResult)
        summary.buffers.push_back({nodeName(op.getLoc()), *offset, bytes, at, at});
      else
        use(*offset, bytes, at);
    }
  }

private:
  ModelSummary &summary;

  /// The newest buffers at these bytes; a concatenation is read as one. What lies under them is dead.
  void use(int64_t offset, int64_t bytes, unsigned at) {
    int64_t missing = bytes;
    for (ModelSummary::Buffer &buffer : llvm::reverse(summary.buffers)) {
      int64_t begin = std::max(buffer.offset, offset), end = std::min(buffer.offset + buffer.bytes, offset + bytes);
      if (missing <= 0)
        return;
      if (begin >= end)
        continue;
      buffer.last = at;
      missing -= end - begin;
    }
  }
};

/// One region of a fixed size is what most models have; of others there is no picture.
void addBuffers(const DriverPlan &plan, ModelSummary &summary) {
  if (!summary.arenaBytes || plan.main.regions.size() > 1)
    return;
  BufferReader reader(summary);
  unsigned at = 0;
  for (const Step &step : plan.main.steps)
    if (const unsigned *launch = std::get_if<unsigned>(&step))
      reader.read(plan.launches[*launch], at++);
}

} // namespace

Outcome inspectModel(const ModelRequest &request, const CodeRequest &code, ModelSummary &summary) {
  llvm::Expected<CpuTarget> target = CpuTarget::create({code.triple, code.cpu, code.optLevel});
  if (!target)
    return Outcome::wrongUsage(llvm::toString(target.takeError()));
  std::unique_ptr<MLIRContext> context = createContext();
  DiagnosticSink sink(*context);
  OwningOpRef<ModuleOp> module = readModel(*context, request.models.front(), request);
  if (!module)
    return Outcome::fault(sink.errors());
  summary.name = cast<StringAttr>((*module)->getAttr("nnf.name")).str();
  countOps(*module, summary);
  summary.before = readGraph(*module);
  PipelineOptions options;
  options.target = target->info();
  options.winograd = code.accuracy == Accuracy::Strict ? 0 : code.accuracy == Accuracy::Relaxed ? 4 : 2;
  options.tuning = code.tuning;
  Outcome done;
  if (!code.tuning.empty())
    if (done = checkTuning(code, *target); !done)
      return done;
  WeightCopies copies;
  options.atPrepare = [&](ModuleOp module) { copies.readPrepare(module); };
  auto look = [&]() -> LogicalResult {
    FailureOr<DriverPlan> plan = readDriverPlan(*module);
    if (failed(plan))
      return failure();
    addTensors(plan->signature, summary);
    addArena(*module, *plan, summary);
    addKernels(*plan, summary);
    addBuffers(*plan, summary);
    summary.after = readGraph(*module);
    copies.addRepeated(*module, summary);
    if (auto bytes = (*module)->getAttrOfType<IntegerAttr>("nnf.weights_bytes"))
      summary.weightsBytes = bytes.getInt();
    return success();
  };
  if (failed(runPhases(*module, Phase::Buffers, options, look, /*stopBeforeDriver=*/true)))
    return Outcome::fault(sink.errors());
  done.warnings += sink.takeWarnings();
  return done;
}

} // namespace nnf
