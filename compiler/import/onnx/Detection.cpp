// Boxes in images: the best of those that overlap, and what lies in them.
#include "compiler/import/onnx/OpTable.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

Type i64Of(Primitives &p) { return IntegerType::get(p.context(), 64); }
Type i32Of(Primitives &p) { return IntegerType::get(p.context(), 32); }

/// The boxes of one image each: their sides in both directions, and their areas; [batch, box] or [batch, class, box].
struct Boxes {
  enum { LowY, HighY, LowX, HighX, Area, Count };
  SmallVector<Value, Count> parts;

  /// Of corners [y, x, y, x], any two opposite ones, or of [x, y, width, height] with the centers x, y.
  static Boxes of(Primitives &p, Value given, bool isCentered) {
    Shape shape = Primitives::shapeOf(given);
    auto column = [&](int64_t i) {
      Dim one = dimOf(p.context(), 1);
      return p.reshape(p.sliceDim(given, 2, dimOf(p.context(), i), one), ArrayRef(shape).take_front(2));
    };
    Boxes boxes;
    if (isCentered) {
      for (int64_t center : {1, 0}) {
        Value half = p.mul(column(center + 2), 0.5);
        boxes.parts.append({p.sub(column(center), half), p.add(column(center), half)});
      }
    } else {
      for (int64_t corner : {0, 1})
        boxes.parts.append({p.min(column(corner), column(corner + 2)), p.max(column(corner), column(corner + 2))});
    }
    boxes.parts.push_back(
        p.mul(p.sub(boxes.parts[HighY], boxes.parts[LowY]), p.sub(boxes.parts[HighX], boxes.parts[LowX])));
    return boxes;
  }
};

/// For every candidate how many are selected before it, or -1 where one of those overlaps it too much. `ranks` is 0,
/// and -1 where there is no candidate. Candidates are in order of their scores: one that is met alive is selected.
Value suppress(Primitives &p, Value ranks, const Boxes &boxes, Value limit, Value iouThreshold) {
  Shape shape = Primitives::shapeOf(ranks), rows(shape.begin(), shape.begin() + 2);
  SmallVector<Value> captured(ArrayRef<Value>{boxes.parts});
  captured.append({limit, iouThreshold});
  auto step = [&](Primitives &p, Value number, ValueRange carried, ValueRange captured) -> SmallVector<Value> {
    Value rank = carried[0],
          i64Rows[] = {p.iota(rows, 0, i64Of(p)), p.iota(rows, 1, i64Of(p)), p.broadcast(number, rows, {})};
    auto chosen = [&](Value x) { return p.gather(x, i64Rows, {0, 1, 2}, BoundsKind::Clamp); };
    auto each = [&](Value perRow) { return p.broadcastOver(perRow, shape, {2}); };
    auto common = [&](unsigned low, unsigned high) {
      Value end = p.min(captured[high], each(chosen(captured[high])));
      return p.max(p.sub(end, p.max(captured[low], each(chosen(captured[low])))), 0);
    };
    Value area = captured[Boxes::Area];
    Value intersection = p.mul(common(Boxes::LowY, Boxes::HighY), common(Boxes::LowX, Boxes::HighX));
    Value joined = p.sub(p.add(area, each(chosen(area))), intersection);
    Value isSuppressed = p.gt(p.div(intersection, joined), captured[Boxes::Count + 1]);
    Value isLater = p.gt(p.iota(shape, 2, i32Of(p)), p.convert(number, i32Of(p)));
    Value next = p.select(isSuppressed, -1, p.add(rank, 1));
    next = p.select(p.bitAnd(isLater, p.ge(rank, 0)), next, rank);
    Value own = chosen(rank), isSelected = p.bitAnd(p.ge(own, 0), p.lt(own, captured[Boxes::Count]));
    return {p.select(each(isSelected), next, rank)};
  };
  return p.loop(shape[2], /*rows=*/2, {ranks}, captured, step)[0];
}

/// The threshold as a scalar; 0 when omitted. Outside of 0 to 1 it is an error, of the run where only that knows it.
TensorId iouThreshold(Call &call, Type element) {
  if (!call.has(3))
    return call.constant(element, 0.0);
  const Known *known = call.known(3);
  std::optional<double> number = known && known->values.size() == 1 ? known->number(0) : std::nullopt;
  if (number && !(*number >= 0 && *number <= 1))
    call.error("iou_threshold") << std::to_string(*number) << ", expected 0 to 1 [NNFC-E0213]";
  TensorId threshold = call.reshape(call.input(3), {});
  if (number)
    return threshold;
  return call.primitives({threshold}, [&](Primitives &p, ArrayRef<Value> in) {
    p.check(p.bitAnd(p.ge(in[0], 0), p.le(in[0], 1)), in[0],
            p.message("iou_threshold", "expected 0 to 1 [NNFC-E0213]"));
    return in[0];
  });
}

/// Of the boxes of each class of each image, in order of their scores, those that overlap none selected before.
void nonMaxSuppression(Call &call) {
  TensorId boxes = call.input(0), scores = call.input(1);
  Shape boxShape = call.shape(boxes), shape = call.shape(scores);
  if (call.hasFailed())
    return;
  if (boxShape.size() != 3 || !isConstant(boxShape[2], 4))
    return void(call.error("boxes") << "shape " << toString(boxShape) << ", expected [images, boxes, 4] [NNFC-E0208]");
  if (shape.size() != 3)
    return void(call.error("scores") << "shape " << toString(shape)
                                     << ", expected [images, classes, boxes] [NNFC-E0208]");
  for (auto [ours, theirs, what] : {std::tuple(shape[0], boxShape[0], "images"), {shape[2], boxShape[1], "boxes"}})
    call.requireEqual("scores", ours, theirs,
                      "{value} " + Twine(what) + ", expected " + toString(theirs) + " as 'boxes' has [NNFC-E0208]");
  Type i64 = IntegerType::get(call.context(), 64);
  Dim count = shape[2];
  if (!call.has(2) || isConstant(count, 0)) {
    Known none{i64, {}, {{call.size(0)}}};
    return call.result(call.full({call.size(0), call.size(3)}, none));
  }
  bool isCentered = call.flag("center_point_box");
  TensorId mostTensor = call.cast(call.reshape(call.input(2), {}), i64);
  TensorId overlapTensor = iouThreshold(call, call.element(boxes));
  TensorId scoreTensor = call.has(4) ? call.reshape(call.input(4), {}) : TensorId();
  if (call.hasFailed())
    return;

  GraphBuilder &graph = call.graph();
  Primitives p(graph.ops(), call.location());
  Value keys = graph.value(scores), candidates;
  if (scoreTensor) {
    // Only as deep as the class with most candidates.
    Value passes = p.gt(keys, graph.value(scoreTensor));
    keys = p.select(passes, keys, -infinity);
    candidates = p.sum(p.convert(passes, i64), {2});
    count = call.dataSize(graph.adopt(p.max(p.reduce(ReduceKind::Max, candidates, {0, 1}), 0)));
  }
  Value order = p.sliceDim(p.sort(keys, 2, /*descending=*/true, shape[2]).second, 2, call.size(0), count);
  shape[2] = count;
  Value ranks = p.full(shape, 0, i32Of(p));
  if (candidates)
    ranks = p.select(p.lt(p.iota(shape, 2, i64), p.broadcastOver(candidates, shape, {2})), ranks, -1);
  Boxes sorted = Boxes::of(p, graph.value(boxes), isCentered);
  for (Value &part : sorted.parts)
    part = p.gather(part, {p.iota(shape, 0, i64), order}, {0, 1}, BoundsKind::Clamp);
  constexpr double most = std::numeric_limits<int32_t>::max();
  Value limit = p.convert(p.max(p.min(graph.value(mostTensor), most), 0), i32Of(p));
  ranks = suppress(p, ranks, sorted, limit, graph.value(overlapTensor));

  Value isSelected = p.bitAnd(p.ge(ranks, 0), p.lt(ranks, limit));
  TensorId places = call.unary("nonzero", graph.adopt(isSelected));
  call.result(call.primitives({places}, [&](Primitives &p, ArrayRef<Value> in) {
    Dim selected = Primitives::shapeOf(in[0])[0], one = call.size(1);
    SmallVector<Value> columns, at;
    for (int64_t i = 0; i < 3; ++i) {
      columns.push_back(p.sliceDim(in[0], 1, call.size(i), one));
      at.push_back(p.reshape(columns.back(), {selected}));
    }
    columns[2] = p.unsqueeze(p.gather(order, at, {0, 1, 2}, BoundsKind::Clamp), 1);
    return p.concat(columns, 1);
  }));
}

// ---- RoiAlign

/// The samples of one direction: so many in each of `bins` equal parts of every region.
struct Grid {
  Value start, binLength, samples; // [regions]: in elements; int64
  Dim bins, size;                  // parts of a region; elements of the image

  /// Where the sample at `step` ([regions] int64) of each bin lies, [regions, bins].
  Value positions(Primitives &p, Value step) const {
    Type element = Primitives::elementOf(start);
    Shape shape{Primitives::shapeOf(start)[0], bins};
    Value offset = p.div(p.mul(p.add(p.convert(step, element), 0.5), binLength), p.convert(samples, element));
    return p.add(p.broadcast(p.add(start, offset), shape, {0}),
                 p.mul(p.iota(shape, 1, element), p.broadcast(binLength, shape, {0})));
  }
};

/// The two elements beside a position, and how much each counts: nothing outside, and the whole on a rim.
struct Neighbours {
  Value index[2], weight[2];

  Neighbours(Primitives &p, Value at, Dim size) {
    Type element = Primitives::elementOf(at), i64 = i64Of(p);
    Value last = p.sub(p.size(size, i64), 1);
    Value isInside = p.bitAnd(p.ge(at, -1), p.le(at, p.size(size, element)));
    at = p.max(at, 0);
    index[0] = p.min(p.convert(p.floor(at), i64), last);
    index[1] = p.min(p.add(index[0], 1), last);
    Value fraction = p.select(p.lt(index[0], last), p.sub(at, p.convert(index[0], element)), 0);
    weight[0] = p.select(isInside, p.sub(1, fraction), 0);
    weight[1] = p.select(isInside, fraction, 0);
  }
};

/// The regions of one node, each in an image of [images, height, width, channels].
struct Regions {
  Value images, batch; // batch: which image, [regions] int64
  Grid y, x;
  bool isMax;

  /// A step adds one sample to every bin of a region that has so many: what it costs is what there are.
  Value pool(Primitives &p, Dim steps) const {
    Shape in = Primitives::shapeOf(images), rows = Primitives::shapeOf(batch), shape{rows[0], y.bins, x.bins, in[3]},
          bins(shape.begin(), shape.begin() + 3);
    Type element = Primitives::elementOf(images);
    Value captures[] = {images, batch, y.start, y.binLength, y.samples, x.start, x.binLength, x.samples};
    auto step = [&](Primitives &p, Value number, ValueRange carried, ValueRange c) -> SmallVector<Value> {
      Grid vertical{c[2], c[3], c[4], y.bins, y.size}, horizontal{c[5], c[6], c[7], x.bins, x.size};
      Value each = p.broadcast(number, rows, {}), columns = p.max(horizontal.samples, 1);
      Neighbours up(p, vertical.positions(p, p.div(each, columns)), y.size),
          across(p, horizontal.positions(p, p.rem(each, columns)), x.size);
      Value sample;
      // The largest is of the weighted elements, not of what is interpolated: so ONNX's definition has it.
      for (int64_t i : {0, 1})
        for (int64_t j : {0, 1}) {
          Value at[] = {p.broadcast(c[1], bins, {0}), p.broadcast(up.index[i], bins, {0, 1}),
                        p.broadcast(across.index[j], bins, {0, 2})};
          Value weight = p.mul(p.broadcast(up.weight[i], bins, {0, 1}), p.broadcast(across.weight[j], bins, {0, 2}));
          Value part = p.mul(p.gather(c[0], at, {0, 1, 2}, BoundsKind::Clamp), p.broadcast(weight, shape, {0, 1, 2}));
          sample = !sample ? part : isMax ? p.max(sample, part) : p.add(sample, part);
        }
      Value next = p.add(carried[0], sample);
      if (isMax)
        next = p.select(p.broadcast(p.eq(each, 0), shape, {0}), sample, p.max(carried[0], sample));
      Value isThere = p.lt(each, p.mul(vertical.samples, horizontal.samples));
      return {p.select(p.broadcast(isThere, shape, {0}), next, carried[0])};
    };
    Value pooled = p.loop(steps, /*rows=*/1, {p.full(shape, 0, element)}, captures, step)[0];
    if (isMax)
      return pooled;
    Value count = p.convert(p.max(p.mul(y.samples, x.samples), 1), element);
    return p.div(pooled, p.broadcast(count, shape, {0}));
  }
};

/// Averages, or maxima, of samples between the elements of an image, in each of output_height x output_width parts of
/// every region.
void roiAlign(Call &call) {
  TensorId images = call.input(0), rois = call.input(1), batch = call.input(2);
  Shape in = call.shape(images), roiShape = call.shape(rois), batchShape = call.shape(batch);
  std::string mode = call.text("mode", "avg"),
              coordinates =
                  call.text("coordinate_transformation_mode", call.version >= 16 ? "half_pixel" : "output_half_pixel");
  int64_t ratio = call.integer("sampling_ratio", 0);
  Dim height = call.size(call.integer("output_height", 1)), width = call.size(call.integer("output_width", 1));
  double scale = call.number("spatial_scale", 1);
  if (call.hasFailed())
    return;
  if (mode != "avg" && mode != "max")
    return void(call.error("mode") << "'" << mode << "', expected 'avg' or 'max' [NNFC-E0214]");
  if (coordinates != "half_pixel" && coordinates != "output_half_pixel")
    return void(call.error("coordinate_transformation_mode")
                << "'" << coordinates << "', expected 'half_pixel' or 'output_half_pixel' [NNFC-E0214]");
  if (in.size() != 4)
    return void(call.error("X") << "rank " << in.size()
                                << ", expected 4 [images, channels, height, width] [NNFC-E0207]");
  if (roiShape.size() != 2 || !isConstant(roiShape[1], 4))
    return void(call.error("rois") << "shape " << toString(roiShape) << ", expected [regions, 4] [NNFC-E0208]");
  if (batchShape.size() != 1)
    return void(call.error("batch_indices") << "rank " << batchShape.size() << ", expected 1 [NNFC-E0207]");
  constexpr int64_t mostSamples = 1 << 15;
  if (ratio < 0 || ratio > mostSamples || *constantOf(height) < 1 || *constantOf(width) < 1)
    return void(call.error() << "sampling_ratio " << ratio << " to a size " << toString({height, width})
                             << ", expected 0 to " << mostSamples << ", and sizes of 1 or more [NNFC-E0213]");
  call.requireEqual("batch_indices", batchShape[0], roiShape[0],
                    "{value} of them, expected " + toString(roiShape[0]) + " as 'rois' has [NNFC-E0212]");
  for (int64_t d : {0, 2, 3})
    call.require("X", in[d], in[d] - 1, "size {value} in dimension " + Twine(d) + ", expected at least 1 [NNFC-E0217]");
  if (call.hasFailed())
    return;

  GraphBuilder &graph = call.graph();
  Primitives p(graph.ops(), call.location());
  Type element = call.element(images), computed = Call::computed(element);
  Value regions = p.convert(graph.value(rois), computed), index = p.convert(graph.value(batch), i64Of(p));
  p.check(p.bitAnd(p.ge(index, 0), p.lt(index, p.size(in[0], i64Of(p)))), index,
          p.message("batch_indices", "index {value}, expected 0 <= index < " + toString(in[0])) + " [NNFC-E0501]");
  bool isHalfPixel = coordinates == "half_pixel";
  auto grid = [&](int64_t column, Dim bins, Dim size) {
    auto side = [&](int64_t i) {
      Value at = p.reshape(p.sliceDim(regions, 1, call.size(i), call.size(1)), {roiShape[0]});
      return p.sub(p.mul(at, scale), isHalfPixel ? 0.5 : 0.0);
    };
    Value start = side(column), length = p.sub(side(column + 2), start);
    if (!isHalfPixel)
      length = p.max(length, 1);
    Value binLength = p.div(length, p.size(bins, computed));
    // As many as there are elements in a bin, rounded up.
    Value samples = ratio ? p.full({roiShape[0]}, static_cast<double>(ratio), i64Of(p))
                          : p.max(p.convert(p.neg(p.floor(p.neg(binLength))), i64Of(p)), 0);
    return Grid{start, binLength, samples, bins, size};
  };
  Value pixels = p.convert(p.transpose(graph.value(images), {0, 2, 3, 1}), computed);
  Regions all{pixels, index, grid(1, height, in[2]), grid(0, width, in[3]), mode == "max"};
  Dim steps = call.size(ratio * ratio);
  if (!ratio)
    steps = call.dataSize(graph.adopt(p.max(p.reduce(ReduceKind::Max, p.mul(all.y.samples, all.x.samples), {0}), 0)));
  call.result(graph.adopt(p.convert(p.transpose(all.pool(p, steps), {0, 3, 1, 2}), element)));
}

/// The largest element in each bin of each region, 0 where a bin is empty. Source: Girshick 2015, "Fast R-CNN".
void maxRoiPool(Call &call) {
  TensorId images = call.input(0), rois = call.input(1);
  Shape in = call.shape(images), regions = call.shape(rois);
  Ints pooled = call.integers("pooled_shape");
  double scale = call.number("spatial_scale", 1);
  if (call.hasFailed())
    return;
  if (in.size() != 4 || regions.size() != 2 || !isConstant(regions[1], 5))
    return void(call.error() << "X of shape " << toString(in) << " and rois of shape " << toString(regions)
                             << ", expected [images, channels, height, width] and [regions, 5] [NNFC-E0208]");
  if (pooled.size() != 2 || pooled[0] < 1 || pooled[1] < 1)
    return void(call.error("pooled_shape") << "expected two sizes of 1 or more [NNFC-E0213]");
  GraphBuilder &graph = call.graph();
  Primitives p(graph.ops(), call.location());
  Type element = call.element(images), computed = Call::computed(element), i64 = i64Of(p);
  Value given = p.convert(graph.value(rois), computed);
  auto column = [&](int64_t i) { return p.reshape(p.sliceDim(given, 1, call.size(i), call.size(1)), {regions[0]}); };
  auto corner = [&](int64_t i) {
    // Half of an element is rounded away from zero.
    Value at = p.mul(column(i), scale), size = p.floor(p.add(p.abs(at), 0.5));
    return p.convert(p.select(p.lt(at, 0), p.neg(size), size), i64);
  };
  Value image = p.convert(column(0), i64);
  p.check(p.bitAnd(p.ge(image, 0), p.lt(image, p.size(in[0], i64))), image,
          p.message("rois", "image {value}, expected 0 <= image < " + toString(in[0])) + " [NNFC-E0501]");
  constexpr double nothing = -std::numeric_limits<double>::infinity();
  Value x = p.convert(p.pick(graph.value(images), 0, image, BoundsKind::Clamp), computed);
  // Along the width, then along the height.
  for (int64_t side : {1, 0}) {
    int64_t d = 2 + side, bins = pooled[side];
    Value start = corner(side ? 1 : 2), length = p.max(p.add(p.sub(corner(side ? 3 : 4), start), 1), 1);
    Shape marks{regions[0], call.size(bins), in[d]};
    auto rim = [&](Value bin, int64_t roundedUp) {
      Value share = p.add(p.mul(bin, p.broadcast(length, marks, {0})), static_cast<double>(roundedUp));
      return p.add(p.div(share, static_cast<double>(bins)), p.broadcast(start, marks, {0}));
    };
    Value bin = p.iota(marks, 1, i64), at = p.iota(marks, 2, i64);
    Value isInside = p.bitAnd(p.ge(at, rim(bin, 0)), p.lt(at, rim(p.add(bin, 1), bins - 1)));
    Shape wide = Primitives::shapeOf(x);
    wide.insert(wide.begin() + d, call.size(bins));
    Value seen = p.select(p.broadcast(isInside, wide, {0, d, d + 1}), p.broadcastOver(x, wide, {d}), nothing);
    x = p.reduce(ReduceKind::Max, seen, {d + 1});
  }
  call.result(graph.adopt(p.convert(p.select(p.eq(x, nothing), 0, x), element)));
}

} // namespace

void addDetection(OpTable &table) {
  table.add("NonMaxSuppression", 10, nonMaxSuppression);
  table.add("RoiAlign", 10, roiAlign);
  table.add("MaxRoiPool", 1, maxRoiPool);
}

} // namespace nnf::onnx
