#include "passes/kernels/Contraction.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/RegisterTile.h"

using namespace mlir;
namespace nnf {

/// The operand lies in memory: fusion left no computation in front of it.
static bool isBuffer(const StridedView &view) { return isa<BlockArgument>(view.buffer); }

static bool isPadded(PrimConvOp op) {
  auto positive = [](int64_t n) { return n > 0; };
  return llvm::any_of(op.getLow(), positive) || llvm::any_of(op.getHigh(), positive);
}

bool isPointwise(PrimConvOp op) {
  auto isOne = [](Dim size) { return isConstant(size, 1); };
  return op.getGroups() == 1 && !isPadded(op) && llvm::all_of(op.kernelSizes(), isOne) &&
         constantOf(op.channelsPerGroup());
}

/// Rows lie at one distance where each dimension begins where the one inside it ends, and none has padding.
void Contraction::findRowStride() {
  if (llvm::any_of(spatial, [](const SpatialDim &dim) { return dim.padded; }))
    return;
  Dim stride, next;
  for (int64_t i = static_cast<int64_t>(rows.size()) - 1; i >= 0; --i) {
    if (isConstant(rows[i], 1))
      continue;
    if (stride && !sameDim(aRowStrides[i], next))
      return;
    if (!stride)
      stride = aRowStrides[i];
    next = simplify(aRowStrides[i] * rows[i]);
  }
  rowStride = stride;
}

void Contraction::takeImagesAsBatch(int64_t fewestRows) {
  if (batchIsGroup || rows.size() < 2 || constantOf(rows[0]))
    return;
  auto rowsOfImage = constantOf(productOf(result.getContext(), ArrayRef(rows).drop_front()));
  if (!rowsOfImage || *rowsOfImage < fewestRows)
    return;
  batch.push_back(rows[0]);
  aBatchStrides.push_back(aRowStrides[0]);
  bBatchStrides.push_back(dimOf(result.getContext(), 0));
  rows.erase(rows.begin());
  aRowStrides.erase(aRowStrides.begin());
  if (!rowSteps.empty())
    rowSteps.erase(rowSteps.begin());
  for (SpatialDim &dim : spatial)
    --dim.row;
  if (!computedA) {
    rowStride = {};
    findRowStride();
  }
}

PrimPadOp paddingBefore(PrimConvOp op) {
  auto pad = op.getInput().getDefiningOp<PrimPadOp>();
  auto channels = constantOf(op.channelsPerGroup());
  if (!pad || !op.getPacked() || op.getWinograd() || isPadded(op) || !channels || *channels < fewestOfRun)
    return {};
  auto isZero = [](int64_t n) { return n == 0; };
  auto isWithin = [&](ArrayRef<int64_t> list) {
    return list.front() == 0 && list.back() == 0 && llvm::all_of(list, [](int64_t n) { return n >= 0; });
  };
  bool isSpatial = isWithin(pad.getLow()) && isWithin(pad.getHigh()) && llvm::all_of(pad.getInterior(), isZero);
  return isSpatial ? pad : PrimPadOp();
}

Value inputOf(PrimConvOp op) {
  PrimPadOp pad = paddingBefore(op);
  return pad ? pad.getInput() : op.getInput();
}

std::optional<Contraction> Contraction::of(PrimConvOp op, const TargetInfo &target) {
  MLIRContext *context = op.getContext();
  PrimPadOp pad = paddingBefore(op);
  auto view = stridedViewOf(inputOf(op)), weight = stridedViewOf(op.getWeight());
  SmallVector<int64_t> low(op.getLow()), high(op.getHigh());
  if (pad) {
    low = SmallVector<int64_t>(pad.getLow().drop_front().drop_back());
    high = SmallVector<int64_t>(pad.getHigh().drop_front().drop_back());
  }
  bool isComputed = !view || !isBuffer(*view);
  if (!op.getPacked() || op.getWinograd() || !weight || !isBuffer(*weight) || (isComputed && (pad || !isPointwise(op))))
    return std::nullopt;
  if (isComputed) { // a row of it is contiguous in scratch memory
    Shape strides(shapeOf(op.getInput()).size(), dimOf(context, 0));
    strides.back() = dimOf(context, 1);
    view = StridedView{{}, dimOf(context, 0), strides};
  }
  // Panels lie as they were packed, and the row of zeros that taps in the padding read is contiguous.
  OperandTypes types = OperandTypes::of(elementOf(op.getInput()), elementOf(op.getWeight()), elementOf(op.getOutput()));
  bool isRun = pad || isPadded(op) || types.step > 1;
  if (!isCompact(*weight, shapeOf(op.getWeight())) || (isRun && !isConstant(view->strides.back(), 1)))
    return std::nullopt;
  Shape in = shapeOf(inputOf(op)), out = shapeOf(op.getOutput()), kernel = op.kernelSizes();
  Contraction c;
  c.result = op.getOutput();
  c.element = elementOf(op.getOutput());
  c.types = types;
  if (pad)
    c.fill = pad.getValue();
  c.a = *view;
  c.b = *weight;
  if (isComputed) {
    c.computedA = op.getInput();
    c.rowSteps.push_back(1);
    c.rowSteps.append(op.getStride().begin(), op.getStride().end());
  }
  c.packed = true;
  int64_t stored = op.getPacked();
  c.stored = StoredPanels(stored, target.lanes(elementBytes(c.element)));
  c.panelWidth = c.stored.width;
  c.k = op.channelsPerGroup();
  c.aStride = view->strides.back();
  int64_t groups = op.getGroups();
  c.columns = simplify(out.back().floorDiv(groups));
  Dim taps = productOf(context, kernel);
  c.bKStride = dimOf(context, stored);
  c.bTapStride = simplify(c.k * stored);
  c.bPanelStride = simplify(taps * c.bTapStride);
  if (groups > 1) {
    c.batch = {dimOf(context, groups)};
    c.batchIsGroup = true;
    c.aBatchStrides = {simplify(c.k * c.aStride)};
    c.bBatchStrides = {simplify(c.bPanelStride * c.columns.ceilDiv(stored))};
  }
  c.rows = Shape(out.begin(), out.end() - 1);
  c.aRowStrides.push_back(view->strides[0]);
  for (unsigned s = 0; s < op.spatialRank(); ++s) {
    SpatialDim dim;
    dim.row = s + 1;
    dim.extent = in[s + 1];
    dim.kernel = kernel[s];
    dim.stride = op.getStride()[s];
    dim.dilation = op.getKernelDilation()[s];
    dim.low = low[s];
    dim.padded = low[s] > 0 || high[s] > 0;
    dim.inputStride = view->strides[s + 1];
    c.aRowStrides.push_back(simplify(dim.inputStride * dim.stride));
    if (dim.padded || !isConstant(dim.kernel, 1))
      c.spatial.push_back(dim);
    if (dim.low != 0)
      c.a.offset = simplify(c.a.offset - dim.inputStride * dim.low);
  }
  // A last dimension without padding whose taps are neighbours joins the contracted run.
  if (!c.spatial.empty() && groups == 1) {
    SpatialDim &last = c.spatial.back();
    if (!last.padded && last.dilation == 1 && last.row == op.spatialRank() &&
        sameDim(last.inputStride, c.k * c.aStride)) {
      c.k = simplify(c.k * last.kernel);
      c.bTapStride = simplify(c.bTapStride * last.kernel);
      c.spatial.pop_back();
    }
  }
  if (isComputed)
    c.rowStride = c.k;
  else
    c.findRowStride();
  return c;
}

std::optional<Contraction> Contraction::of(PrimDotOp op, const TargetInfo &target) {
  auto lhs = stridedViewOf(op.getLhs()), rhs = stridedViewOf(op.getRhs());
  Shape left = shapeOf(op.getLhs()), right = shapeOf(op.getRhs());
  if (!lhs || !rhs || !isBuffer(*lhs) || !isBuffer(*rhs) || op.getLhsContract().size() != 1)
    return std::nullopt;
  Contraction c;
  c.result = op.getOutput();
  c.element = elementOf(op.getLhs());
  c.types = OperandTypes::of(c.element);
  c.a = *lhs;
  c.b = *rhs;
  int64_t l = op.getLhsContract()[0], r = op.getRhsContract()[0];
  c.k = left[l];
  c.aStride = lhs->strides[l];
  c.bKStride = rhs->strides[r];
  for (auto [lb, rb] : llvm::zip(op.getLhsBatch(), op.getRhsBatch())) {
    c.batch.push_back(left[lb]);
    c.aBatchStrides.push_back(lhs->strides[lb]);
    c.bBatchStrides.push_back(rhs->strides[rb]);
  }
  for (int64_t i = 0, e = left.size(); i < e; ++i)
    if (i != l && !llvm::is_contained(op.getLhsBatch(), i)) {
      c.rows.push_back(left[i]);
      c.aRowStrides.push_back(lhs->strides[i]);
    }
  SmallVector<int64_t> free;
  for (int64_t i = 0, e = right.size(); i < e; ++i)
    if (i != r && !llvm::is_contained(op.getRhsBatch(), i))
      free.push_back(i);
  if (free.size() != 1 || !isConstant(rhs->strides[free[0]], 1))
    return std::nullopt;
  c.columns = right[free[0]];
  c.panelWidth = 2 * target.lanes(elementBytes(c.element));
  c.bPanelStride = dimOf(op.getContext(), c.panelWidth);
  c.bTapStride = dimOf(op.getContext(), 0);
  c.findRowStride();
  return c;
}

std::optional<Contraction> Contraction::of(KernelOp kernel, const TargetInfo &target) {
  std::optional<Contraction> found;
  for (Operation &op : kernel.getBody().front()) {
    if (!isa<PrimDotOp, PrimConvOp>(op))
      continue;
    Type element = elementOf(op.getResult(0));
    auto conv = dyn_cast<PrimConvOp>(op);
    bool isTaken = isa<FloatType>(element) ? elementBytes(element) >= 4 : conv && conv.getPacked();
    if (found || !isTaken)
      return std::nullopt;
    found = conv ? of(conv, target) : of(cast<PrimDotOp>(op), target);
    if (!found)
      return std::nullopt;
  }
  if (!found || !KernelEmitter::yieldsShapeOf(kernel, found->result))
    return std::nullopt;
  return found;
}

Tiling::Tiling(const Contraction &c, const TargetInfo &target, const KernelChoice &choice) {
  MLIRContext *context = c.result.getContext();
  int64_t bytes = elementBytes(c.types.b);
  // Panels may have been cut for another target than the one that runs the constant part.
  lanes = std::min(target.lanes(elementBytes(c.element)), c.panelWidth);
  vectors = std::max<int64_t>(1, c.panelWidth / lanes);
  maxRows = RegisterTile::mostRows(target, vectors);
  if (choice.rows)
    maxRows = std::min(maxRows, *choice.rows);
  restRows = figures::mostRowsOfRest;
  while (maxRows % restRows != 0)
    --restRows;
  rowCount = productOf(context, c.rows);
  panels = simplify(c.columns.ceilDiv(c.panelWidth));
  baseRows = maxRows, longerTiles = 0;
  auto fixed = constantOf(rowCount);
  staticRows = fixed && *fixed > 0;
  if (staticRows) {
    int64_t count = llvm::divideCeilSigned(*fixed, maxRows);
    tiles = dimOf(context, count);
    baseRows = *fixed / count;
    longerTiles = *fixed % count;
  } else {
    tiles = simplify(rowCount.ceilDiv(maxRows));
  }

  auto guess = [](Dim dim) { return KernelEmitter::guess(dim); };
  int64_t taps = 1, stride = 1;
  for (const SpatialDim &dim : c.spatial) {
    taps *= guess(dim.kernel);
    stride *= dim.stride;
  }
  int64_t depth = taps * guess(c.k), numTiles = std::max<int64_t>(1, guess(tiles)),
          numPanels = std::max<int64_t>(1, guess(panels));
  int64_t batches = KernelEmitter::guessBatch(c.batch);
  double weightBytes = double(depth) * double(numPanels) * c.panelWidth * bytes;
  double tileBytes = double(maxRows) * double(std::max<int64_t>(1, guess(c.k))) * stride * elementBytes(c.types.a);
  int64_t cached = std::max<int64_t>(1, static_cast<int64_t>(figures::shareOfL2 * double(target.l2Bytes) / tileBytes));
  double work = double(maxRows) * c.panelWidth * double(depth) * numTiles * numPanels; // of one batch entry
  int64_t tasks = llvm::divideCeilSigned(KernelEmitter::tasksFor(work * double(batches)), batches);
  tilesPerTask = staticRows ? std::min(numTiles, cached) : cached;
  panelsPerTask = numPanels;
  bool weightsStay = weightBytes <= figures::shareOfL2BesideOutput * double(target.l2Bytes);
  panelsInner = c.computedA || choice.panelsInner.value_or(guess(c.columns) > depth && weightsStay);
  if (c.computedA) {
    // A tile of A is made for all panels.
    tilesPerTask = llvm::divideCeilSigned(numTiles, tasks);
  } else if (panelsInner) {
    // The weights stay in cache: complete rows of output are written at once.
    tilesPerTask = std::max<int64_t>(1, std::min(tilesPerTask, llvm::divideCeilSigned(numTiles, tasks)));
  } else {
    // Panels come from afar once for each block of rows. Where all stay in cache for the next, blocks may be small.
    if (weightBytes <= figures::shareOfL2 * double(target.l2Bytes))
      tilesPerTask = std::clamp(llvm::divideCeilSigned(numTiles, tasks), std::min(figures::fewestTiles, tilesPerTask),
                                tilesPerTask);
    // Columns are cut for the rest.
    int64_t rowBlocks = llvm::divideCeilSigned(numTiles, tilesPerTask);
    int64_t columnBlocks = std::min(numPanels, llvm::divideCeilSigned(tasks, rowBlocks));
    panelsPerTask = llvm::divideCeilSigned(numPanels, columnBlocks);
  }
  if (choice.tiles)
    tilesPerTask = std::min(*choice.tiles, numTiles);
  if (choice.panels)
    panelsPerTask = std::min(*choice.panels, numPanels);
  bool wantsChunks = choice.taps.value_or(0) || choice.chunk.value_or(0);
  if (staticRows && numTiles == 1 && !c.computedA && !wantsChunks) {
    // Weights are read once: no chunk of them would be used again, and none needs to be fetched for others.
    panelsAtOnce = std::clamp(maxRows / *fixed, int64_t(1), std::min(figures::mostPanelsAtOnce, numPanels));
    // Strips of a panel lie side by side: all of it, or a part that ends where it does.
    if (int64_t strips = c.stored.strips(); panelsAtOnce >= strips)
      panelsAtOnce -= panelsAtOnce % strips;
    else
      panelsAtOnce = llvm::bit_floor(static_cast<uint64_t>(panelsAtOnce));
    if (!choice.panels || c.stored.strips() > 1)
      panelsPerTask = llvm::alignTo(panelsPerTask, panelsAtOnce);
    if (panelsAtOnce > 1)
      return;
  }
  auto isMany = [&](Dim rows) { return constantOf(rows).value_or(0) > 1; };
  if (!staticRows && !c.computedA && c.stored.strips() == 1 && !wantsChunks && !choice.panels &&
      llvm::none_of(c.rows, isMany))
    panelsOfOneRow = std::min({maxRows, figures::mostPanelsAtOnce, numPanels});
  bool isNarrow = c.types.step == 1 && c.types.b != c.element;
  fewestTilesToCopy = c.packed ? figures::fewestTilesToWiden : figures::fewestTilesToPack;
  // Rows of a panel that are spread over more pages than are translated at once leave the nearest cache half empty,
  // too.
  double spreadBytes = double(depth) * double(guess(c.bKStride)) * double(bytes);
  bool isSpread = !c.packed && spreadBytes > double(figures::pagesRead * figures::pageBytes);
  copiesChunks = !panelsInner && (isNarrow || isSpread) && tilesPerTask >= fewestTilesToCopy;
  int64_t chunkElementBytes = copiesChunks ? elementBytes(c.element) : bytes;
  if (choice.taps || choice.chunk)
    takeChunks(c, choice, chunkElementBytes);
  else
    chooseChunks(c, target, chunkElementBytes);
  if (copiesChunks && !chunk && !constantOf(c.k)) { // a copy has a place of known size
    chunk = figures::chunkBytes(target).wanted / (c.panelWidth * chunkElementBytes);
    chunkBytes = chunk * c.panelWidth * chunkElementBytes;
  }
  chunkBytes = chunkBytes / chunkElementBytes * bytes;
  // Even what will stay in cache has to come there: all that a model has read since has pushed it out.
  if (c.packed && !panelsInner && weightBytes >= double(RegisterTile::fetchedFrom(target)))
    aheadStep = llvm::divideCeilSigned(c.stored.strips() * c.panelWidth * bytes, tilesPerTask);
}

void Tiling::chooseChunks(const Contraction &c, const TargetInfo &target, int64_t bytes) {
  const auto [limit, wanted] = figures::chunkBytes(target);
  chunkBytes = KernelEmitter::guess(c.k) * c.panelWidth * bytes;
  for (const SpatialDim &dim : c.spatial)
    chunkBytes *= KernelEmitter::guess(dim.kernel);
  if (panelsInner || chunkBytes <= limit)
    return;
  for (const SpatialDim &dim : c.spatial) {
    if (chunkBytes <= wanted)
      return;
    chunkBytes /= KernelEmitter::guess(dim.kernel);
    ++outerTaps;
  }
  if (chunkBytes <= limit)
    return;
  int64_t count = llvm::divideCeilSigned(chunkBytes, wanted);
  chunk = llvm::alignTo(llvm::divideCeilSigned(KernelEmitter::guess(c.k), count), 8);
  chunkBytes = chunk * c.panelWidth * bytes;
}

void Tiling::takeChunks(const Contraction &c, const KernelChoice &choice, int64_t bytes) {
  int64_t run = KernelEmitter::guess(c.k);
  outerTaps = std::min<int64_t>(choice.taps.value_or(0), static_cast<int64_t>(c.spatial.size()));
  // Integers are multiplied in steps of a few.
  int64_t wanted = llvm::alignTo(choice.chunk.value_or(0), c.types.step);
  chunk = wanted < run ? wanted : 0;
  chunkBytes = (chunk ? chunk : run) * c.panelWidth * bytes;
  for (const SpatialDim &dim : llvm::drop_begin(c.spatial, outerTaps))
    chunkBytes *= KernelEmitter::guess(dim.kernel);
}

} // namespace nnf
