#include "compiler/Inspect.h"
#include "codegen/cpu/Target.h"
#include "codegen/driver/DriverPlan.h"
#include "compiler/Diagnostics.h"
#include "compiler/Pipeline.h"
#include "compiler/ReadModel.h"
#include "compiler/tuning/CheckTuning.h"

using namespace mlir;
namespace nnf {
namespace {

std::string typeText(RankedTensorType type) {
  return dtypeName(type.getElementType()) + " " + toString(ArrayRef<Dim>(shapeOf(type)));
}

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
    summary.kernels.push_back(
        {kernel.getSymName().str(), title ? title.str() : "", method ? method.str() : "", 0, scratch ? scratch.getInt() : 0, ""});
  }
  for (LaunchPlan &launch : plan.launches) {
    ModelSummary::Kernel &kernel = summary.kernels[launch.kernel];
    if (kernel.launches++ == 0)
      kernel.tasks = toString(launch.tasks);
  }
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
  PipelineOptions options;
  options.target = target->info();
  options.winograd = code.accuracy == Accuracy::Strict ? 0 : code.accuracy == Accuracy::Relaxed ? 4 : 2;
  options.tuning = code.tuning;
  Outcome done;
  if (!code.tuning.empty())
    if (done = checkTuning(code, *target); !done)
      return done;
  auto look = [&]() -> LogicalResult {
    FailureOr<DriverPlan> plan = readDriverPlan(*module);
    if (failed(plan))
      return failure();
    addTensors(plan->signature, summary);
    addArena(*module, *plan, summary);
    addKernels(*plan, summary);
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
