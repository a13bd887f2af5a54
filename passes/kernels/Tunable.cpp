#include "passes/kernels/Tunable.h"
#include "passes/Cost.h"
#include "passes/kernels/Contraction.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/RegisterTile.h"
#include "passes/kernels/WinogradPlan.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MD5.h"

using namespace mlir;
namespace nnf {

KernelChoice choiceOf(KernelOp kernel) {
  auto text = kernel->getAttrOfType<StringAttr>(choiceAttr);
  if (!text)
    return {};
  llvm::Expected<KernelChoice> choice = KernelChoice::parse(text.getValue());
  if (choice)
    return *choice;
  consumeError(choice.takeError());
  return {};
}

/// "1x56x56x64"
static std::string timesText(ArrayRef<int64_t> sizes) {
  std::string text;
  for (int64_t size : sizes)
    text += (text.empty() ? "" : "x") + std::to_string(size);
  return text.empty() ? "1" : text;
}

/// "/NAME=SIZES", where any size is not `usual`.
static std::string unlessAll(int64_t usual, StringRef name, ArrayRef<int64_t> sizes) {
  bool isUsual = llvm::all_of(sizes, [&](int64_t size) { return size == usual; });
  return isUsual ? "" : ("/" + name + "=" + timesText(sizes)).str();
}

std::string contractionKey(const ContractionShape &shape) {
  auto input = constantsOf(shape.input);
  std::string text = "conv/" + dtypeName(shape.element) + "/in=" + (input ? timesText(*input) : "?") +
                     "/out=" + std::to_string(shape.outputs) + unlessAll(1, "taps", shape.taps) +
                     unlessAll(1, "stride", shape.stride);
  auto isZero = [](int64_t n) { return n == 0; };
  if (!llvm::all_of(shape.low, isZero) || !llvm::all_of(shape.high, isZero))
    text += "/pad=" + timesText(shape.low) + "," + timesText(shape.high);
  return text + unlessAll(1, "dilation", shape.dilation) + unlessAll(1, "groups", {shape.groups});
}

static std::string contractionOf(PrimConvOp op) {
  SmallVector<int64_t> taps = *constantsOf(op.kernelSizes());
  if (op.getWinograd())
    taps.assign(taps.size(), 3);
  return contractionKey({elementOf(op.getInput()), shapeOf(op.getInput()), *constantOf(shapeOf(op.getOutput()).back()),
                         taps, op.getStride(), op.getLow(), op.getHigh(), op.getKernelDilation(),
                         static_cast<int64_t>(op.getGroups())});
}

/// The numbers of a shape in the order they have in memory; none where only the run knows one.
static std::optional<std::string> numbers(const Shape &shape) {
  auto sizes = constantsOf(shape);
  if (!sizes)
    return std::nullopt;
  std::string text;
  for (int64_t size : *sizes)
    text += (text.empty() ? "" : ",") + std::to_string(size);
  return text;
}

static std::optional<std::string> contractionOf(PrimDotOp op, const Contraction &c) {
  auto batch = constantsOf(c.batch), rows = constantsOf(c.rows);
  auto columns = constantOf(c.columns), depth = constantOf(c.k);
  Shape left(c.aBatchStrides), right(c.bBatchStrides);
  llvm::append_range(left, c.aRowStrides);
  left.push_back(c.aStride);
  right.push_back(c.bKStride);
  auto leftSteps = numbers(left), rightSteps = numbers(right);
  if (!batch || !rows || !columns || !depth || !leftSteps || !rightSteps)
    return std::nullopt;
  return "dot/" + dtypeName(c.element) + (batch->empty() ? "" : "/batch=" + timesText(*batch)) +
         "/rows=" + timesText(*rows) + "/out=" + std::to_string(*columns) + "/in=" + std::to_string(*depth) +
         "/steps=" + *leftSteps + ";" + *rightSteps;
}

/// What a kernel computes around its contraction, in the order of its body, and how many tensors of the result's size
/// it reads for it: "add+add+maximum/reads=1".
static std::string surroundings(KernelOp kernel, Value result, Value input) {
  SmallVector<std::string> names;
  for (Operation &op : kernel.getBody().front()) {
    if (isView(&op) || isa<PrimConvOp, PrimDotOp, YieldOp>(op))
      continue;
    std::string name = op.getName().stripDialect().drop_front(StringRef("prim.").size()).str();
    names.push_back(name);
  }
  std::string text = names.empty() ? "plain" : llvm::join(names, "+");
  constexpr size_t readable = 60;
  if (text.size() > readable)
    text = std::to_string(names.size()) + "ops." +
           llvm::MD5::hash(llvm::arrayRefFromStringRef(text)).digest().str().take_front(8).str();
  unsigned reads = llvm::count_if(kernel.getBody().getArguments(), [&](Value argument) {
    return argument != input && sameShape(shapeOf(argument), shapeOf(result));
  });
  if (reads)
    text += "/reads=" + std::to_string(reads);
  if (kernel.getResultTypes().size() > 1)
    text += "/writes=" + std::to_string(kernel.getResultTypes().size());
  return text;
}

/// Where the rows of a convolution's input do not follow each other: "/steps=" and their distances.
static std::string stepsOf(const StridedView &view, PrimConvOp op) {
  return isCompact(view, shapeOf(op.getInput())) ? "" : "/steps=" + numbers(view.strides).value_or("?");
}

static std::optional<TunableKernel> ofDirect(KernelOp kernel, const Contraction &c, const TargetInfo &target) {
  TunableKernel tunable;
  std::string around = surroundings(kernel, c.result, c.a.buffer);
  if (auto conv = c.result.getDefiningOp<PrimConvOp>()) {
    tunable.key = contractionOf(conv) + "|" + around;
    // As it was before its weights were packed.
    auto isOne = [](int64_t n) { return n == 1; };
    tunable.canWinograd = conv.getGroups() == 1 && (conv.spatialRank() == 1 || conv.spatialRank() == 2) &&
                          llvm::all_of(conv.kernelSizes(), [](Dim n) { return isConstant(n, 3); }) &&
                          llvm::all_of(conv.getStride(), isOne) && llvm::all_of(conv.getKernelDilation(), isOne);
    // Rows of a view lie elsewhere.
    tunable.key += c.computedA ? "/computed" : stepsOf(*stridedViewOf(conv.getInput()), conv);
  } else {
    auto contraction = contractionOf(c.result.getDefiningOp<PrimDotOp>(), c);
    if (!contraction)
      return std::nullopt;
    tunable.key = *contraction + "|" + around;
  }
  Tiling t(c, target, choiceOf(kernel));
  auto tiles = constantOf(t.tiles), panels = constantOf(t.panels), run = constantOf(c.k);
  if (!tiles || !panels || !run || *tiles < 1 || *panels < 1 || *run < 1)
    return std::nullopt;
  tunable.choice.winograd = 0;
  tunable.choice.rows = t.maxRows;
  tunable.choice.tiles = t.tilesPerTask;
  tunable.choice.panels = std::min(t.panelsPerTask, *panels);
  tunable.choice.panelsInner = t.panelsInner;
  tunable.choice.taps = t.outerTaps;
  tunable.choice.chunk = t.chunk;
  tunable.tiles = *tiles, tunable.panels = *panels, tunable.run = *run;
  tunable.mostRows = RegisterTile::mostRows(target, t.vectors);
  tunable.spatial = static_cast<int64_t>(c.spatial.size());
  tunable.computesRows = static_cast<bool>(c.computedA);
  return tunable;
}

static TunableKernel ofWinograd(KernelOp kernel, WinogradConv &conv, const TargetInfo &target) {
  WinogradPlan plan(conv.op, target, choiceOf(kernel));
  TunableKernel tunable;
  tunable.key = contractionOf(conv.op) + "|" + surroundings(kernel, conv.op.getOutput(), conv.input.buffer);
  tunable.key += stepsOf(conv.input, conv.op);
  tunable.choice.winograd = plan.w.outputs;
  tunable.choice.rows = plan.rows;
  tunable.choice.tiles = plan.blockTiles;
  tunable.choice.panels = plan.panelsOfTask;
  tunable.tiles = plan.tilesGuess(), tunable.panels = plan.panels;
  tunable.mostRows = RegisterTile::mostRows(target, plan.vectors);
  tunable.canWinograd = true;
  return tunable;
}

std::optional<TunableKernel> TunableKernel::of(KernelOp kernel, const TargetInfo &target) {
  if (!kernel.getSymbols().empty()) // sizes that only the run knows: nothing to measure
    return std::nullopt;
  std::optional<Contraction> contraction = Contraction::of(kernel, target);
  if (contraction)
    return ofDirect(kernel, *contraction, target);
  std::optional<WinogradConv> conv = WinogradConv::of(kernel);
  if (conv)
    return ofWinograd(kernel, *conv, target);
  return std::nullopt;
}

std::string TunableKernel::objectionTo(const KernelChoice &wanted) const {
  if (wanted.isDefault())
    return "";
  auto found = [](const char *name, int64_t value) { return std::string(name) + "=" + std::to_string(value); };
  if (wanted.winograd != choice.winograd)
    return "'" + wanted.text() + "' found, but the kernel is '" +
           KernelChoice{choice.winograd, {}, {}, {}, {}, {}, {}}.text() + "'";
  if (wanted.rows && *wanted.rows > mostRows)
    return found("rows", *wanted.rows) + " found, expected at most " + std::to_string(mostRows) +
           ", for which there are registers";
  if (wanted.panels && *wanted.panels > panels)
    return found("panels", *wanted.panels) + " found, expected at most " + std::to_string(panels) + ", all there are";
  if (computesRows && wanted.panelsInner == false)
    return "order=outer found, expected inner: the kernel computes its rows, tile by tile";
  if (wanted.taps && *wanted.taps > spatial)
    return found("taps", *wanted.taps) + " found, expected at most " + std::to_string(spatial) +
           ", dimensions with taps of their own";
  bool inner = wanted.panelsInner.value_or(*choice.panelsInner);
  if ((wanted.taps.value_or(0) || wanted.chunk.value_or(0)) && inner)
    return "taps or chunk found with order=inner, expected order=outer: chunks are for all rows of a task";
  if (wanted.chunk.value_or(0) && (wanted.taps.value_or(0) != spatial || *wanted.chunk >= run))
    return found("chunk", *wanted.chunk) + " found, expected less than the " + std::to_string(run) +
           " elements of a run, and taps=" + std::to_string(spatial);
  return "";
}

} // namespace nnf
