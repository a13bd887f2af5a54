#include "compiler/Pipeline.h"
#include "codegen/Passes.h"
#include "codegen/cpu/Lowering.h"
#include "codegen/cuda/Target.h"
#include "compiler/Prepare.h"
#include "compiler/kernels/KernelObjects.h"
#include "compiler/seeing/Work.h"
#include "dialects/nnf/CustomKernels.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "passes/Passes.h"

using namespace mlir;
namespace nnf {

// ---- the table of contents

void addPrimitives(OpPassManager &passes) {
  passes.addNestedPass<func::FuncOp>(createDecompose());
  // Decompositions are written as formulas: equal subterms and unused halves go here.
  passes.addNestedPass<func::FuncOp>(createCanonicalizerPass());
  passes.addNestedPass<func::FuncOp>(createCSEPass());
}

void addConstantPart(OpPassManager &passes, const PipelineOptions &options) {
  ExpandOrderedOptions ordered;
  ordered.all = options.gpuKernels;
  passes.addNestedPass<func::FuncOp>(createExpandOrdered(ordered));
  // Before scales are folded: integers are to stay integers. (A GPU's products are of floats.)
  if (!options.gpuKernels)
    passes.addNestedPass<func::FuncOp>(createIntegerContractions());
  // While convolutions still have their own layout: a scale is one dimension of the weight.
  passes.addNestedPass<func::FuncOp>(createFoldScales());
  // Before layouts: phases are cut from the convolution's own.
  passes.addNestedPass<func::FuncOp>(createSplitTransposedConvs());
  AssignLayoutOptions layout;
  layout.ordersPixels = !options.gpuKernels; // GPUs read a convolution's image as it lies
  passes.addNestedPass<func::FuncOp>(createAssignLayout(layout));
  passes.addNestedPass<func::FuncOp>(createCanonicalizerPass());
  if (!options.gpuKernels) { // panels for the caches and registers of a CPU
    // Before panels: columns are put side by side while they are columns. What reads the same rows must be one value.
    passes.addNestedPass<func::FuncOp>(createCSEPass());
    JoinProductsOptions products;
    products.l2Bytes = options.target.l2Bytes;
    passes.addNestedPass<func::FuncOp>(createJoinProducts(products));
    PackContractionsOptions panels;
    panels.vectorBytes = options.target.vectorBytes;
    panels.hasF16c = options.target.hasF16c;
    panels.byteDots = options.target.hasByteDots;
    panels.winograd = options.winograd;
    panels.tuning = options.tuning;
    passes.addNestedPass<func::FuncOp>(createPackContractions(panels));
    // After layouts, which turn what is reduced: blocks are chosen by what is contiguous.
    passes.addNestedPass<func::FuncOp>(createSplitReductions());
  } else {
    passes.addNestedPass<func::FuncOp>(createNarrowProducts());
    passes.addNestedPass<func::FuncOp>(createSplitAttention());
    passes.addNestedPass<func::FuncOp>(createSplitProducts());
  }
  passes.addNestedPass<func::FuncOp>(createCanonicalizerPass());
  passes.addNestedPass<func::FuncOp>(createCSEPass());
  // Last: everything the passes before have made of weights is computed once, now.
  SplitPrepareOptions prepare;
  prepare.keepNarrow = options.gpuKernels;
  passes.addPass(createSplitPrepare(prepare));
}

void addGroups(OpPassManager &passes, const PipelineOptions &options) {
  FormGroupsOptions groups;
  groups.attention = true;
  groups.stridedAttention = options.gpuKernels;
  groups.l2Bytes = options.gpuKernels ? 0 : options.target.l2Bytes;
  groups.vectorBytes = options.target.vectorBytes;
  groups.vectorRegisters = options.target.vectorRegisters;
  groups.narrowProducts = options.gpuKernels;
  groups.inPlace = !options.gpuKernels; // a GPU's kernels count on addresses of 16 bytes
  passes.addPass(createFormGroups(groups));
}

void addTuning(OpPassManager &passes, const PipelineOptions &options) {
  ApplyTuningOptions tuning;
  tuning.tuning = options.tuning;
  tuning.vectorBytes = options.target.vectorBytes;
  tuning.vectorRegisters = options.target.vectorRegisters;
  tuning.l1Bytes = options.target.l1Bytes;
  tuning.l2Bytes = options.target.l2Bytes;
  passes.addPass(createApplyTuning(tuning));
}

void addTiles(OpPassManager &passes, const PipelineOptions &options) {
  if (options.gpuKernels) {
    passes.addPass(createLowerKernelsToGpu());
    if (options.emulateGpu)
      passes.addPass(createPrepareEmulation());
    return;
  }
  LowerKernelsOptions kernels;
  kernels.vectorBytes = options.target.vectorBytes;
  kernels.vectorRegisters = options.target.vectorRegisters;
  kernels.hasFma = options.target.hasFma;
  kernels.hasByteDots = options.target.hasByteDots;
  kernels.canStorePastCaches = options.target.canStorePastCaches;
  kernels.l1Bytes = options.target.l1Bytes;
  kernels.l2Bytes = options.target.l2Bytes;
  passes.addPass(createLowerKernels(kernels));
}

void addMemory(OpPassManager &passes) {
  // Before the plan: an output that is copied must not claim the buffer of what it is copied from.
  passes.addPass(createCopyOutputs());
  passes.addPass(createPackWeights());
  passes.addPass(createPlanMemory());
}

void addDriver(OpPassManager &passes) { passes.addPass(createEmitDriver()); }

void addCode(OpPassManager &passes, const PipelineOptions &options) {
  // Kernels and driver go to LLVM's dialect on one way; the target says what kernels may leave to it.
  addCpuLowering(passes, options.gpuKernels ? CudaTarget::info() : options.target);
}

// ---- running it

static constexpr llvm::StringLiteral names[] = {"input", "primitives", "groups", "tiles", "buffers", "code"};

llvm::ArrayRef<llvm::StringLiteral> phaseNames() { return names; }

std::optional<Phase> phaseOf(StringRef name) {
  auto found = llvm::find(names, name);
  if (found == std::end(names))
    return std::nullopt;
  return static_cast<Phase>(found - std::begin(names));
}

LogicalResult configure(PassManager &passes, const PipelineOptions &options) {
  passes.enableVerifier(options.verifyEach);
  if (!options.applyMlirFlags)
    return success();
  if (failed(applyPassManagerCLOptions(passes)))
    return failure();
  applyDefaultTimingPassManagerCLOptions(passes);
  return success();
}

Phase currentPhase(ModuleOp module) {
  if (!module.getOps<KernelOp>().empty())
    return Phase::Groups;
  for (auto function : module.getOps<func::FuncOp>())
    if (function->hasAttr("nnf.kernel"))
      return Phase::Tiles;
  return Phase::Input;
}

namespace {

/// Runs the passes that `add` adds as those of a phase.
template <typename Add> LogicalResult runPasses(ModuleOp module, const PipelineOptions &options, Add add) {
  PassManager passes(module.getContext(), ModuleOp::getOperationName());
  if (failed(configure(passes, options)))
    return failure();
  add(passes);
  return passes.run(module);
}

template <typename Add> LogicalResult runPhase(ModuleOp module, Phase phase, const PipelineOptions &options, Add add) {
  if (options.progress)
    options.progress(names[static_cast<size_t>(phase)]);
  return runPasses(module, options, add);
}

LogicalResult tune(ModuleOp module, Phase current, const PipelineOptions &options) {
  if (options.tuning.empty())
    return success();
  if (current > Phase::Groups)
    return emitError(module.getLoc())
           << "tuning: its kernels are loops already, expected an earlier phase [NNFC-E0406]";
  return runPasses(module, options, [&](OpPassManager &p) { addTuning(p, options); });
}

LogicalResult makeTiles(ModuleOp module, Phase current, const PipelineOptions &options) {
  if (options.kernels) {
    if (options.progress)
      options.progress("kernels");
    return options.kernels->compile(module, options);
  }
  if (current >= Phase::Tiles)
    return success();
  return runPhase(module, Phase::Tiles, options, [&](OpPassManager &p) { addTiles(p, options); });
}

/// A CPU has no code for kernels in CUDA C++.
LogicalResult refuseCustomKernels(ModuleOp module) {
  LogicalResult result = success();
  module.walk([&](PrimCustomCudaOp op) {
    result =
        nodeError(op.getLoc()) << "a kernel in CUDA C++ runs on a GPU: expected --target=cuda (--device cuda:K), or "
                                  "cuda-emu [NNFC-E0401]";
  });
  return result;
}

LogicalResult makePrimitives(ModuleOp module, const PipelineOptions &options) {
  if (failed(runPhase(module, Phase::Primitives, options, [](OpPassManager &p) { addPrimitives(p); })))
    return failure();
  return options.gpuKernels ? success() : refuseCustomKernels(module);
}

LogicalResult prepareConstants(ModuleOp module, const PipelineOptions &options) {
  if (failed(runPhase(module, Phase::Groups, options, [&](OpPassManager &p) { addConstantPart(p, options); })))
    return failure();
  if (options.atPrepare)
    options.atPrepare(module);
  return runPrepare(module, options);
}

} // namespace

LogicalResult runConstantPart(ModuleOp module, const PipelineOptions &options) {
  if (currentPhase(module) >= Phase::Groups)
    return success();
  return success(succeeded(makePrimitives(module, options)) && succeeded(prepareConstants(module, options)));
}

LogicalResult runUntilDriver(ModuleOp module, Phase last, const PipelineOptions &options) {
  Phase current = currentPhase(module);
  auto wanted = [&](Phase phase) { return current < phase && phase <= last; };
  if (!options.constantPartIsDone && wanted(Phase::Primitives) && failed(makePrimitives(module, options)))
    return failure();
  if (wanted(Phase::Groups)) {
    if (!options.constantPartIsDone && failed(prepareConstants(module, options)))
      return failure();
    if (failed(runPhase(module, Phase::Groups, options, [&](OpPassManager &p) { addGroups(p, options); })))
      return failure();
  }
  if (last >= Phase::Groups) {
    if (failed(tune(module, current, options)))
      return failure();
    if (options.atGroups)
      options.atGroups(module);
  }
  if (last > Phase::Groups)
    recordWork(module); // while kernels say what they compute
  if (last >= Phase::Tiles && failed(makeTiles(module, current, options)))
    return failure();
  if (!wanted(Phase::Buffers))
    return success();
  if (failed(runPhase(module, Phase::Buffers, options, [](OpPassManager &p) { addMemory(p); })))
    return failure();
  // A kernel may have come to copy outputs.
  return options.kernels && last == Phase::Code ? options.kernels->compile(module, options) : success();
}

LogicalResult runDriver(ModuleOp module, Phase last, const PipelineOptions &options) {
  if (failed(runPhase(module, Phase::Buffers, options, [](OpPassManager &p) { addDriver(p); })))
    return failure();
  if (last < Phase::Code)
    return success();
  return runPhase(module, Phase::Code, options, [&](OpPassManager &p) { addCode(p, options); });
}

LogicalResult runPhases(ModuleOp module, Phase last, const PipelineOptions &options,
                        llvm::function_ref<LogicalResult()> beforeDriver, bool stopBeforeDriver) {
  if (failed(runUntilDriver(module, last, options)))
    return failure();
  if (last < Phase::Buffers)
    return success();
  if (failed(beforeDriver()))
    return failure();
  return stopBeforeDriver ? success() : runDriver(module, last, options);
}

} // namespace nnf
