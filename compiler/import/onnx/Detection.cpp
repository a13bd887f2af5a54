// Boxes in images: the best of those that overlap.
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
    call.error("iou_threshold") << std::to_string(*number) << ", expected 0 to 1";
  TensorId threshold = call.reshape(call.input(3), {});
  if (number)
    return threshold;
  return call.primitives({threshold}, [&](Primitives &p, ArrayRef<Value> in) {
    p.check(p.bitAnd(p.ge(in[0], 0), p.le(in[0], 1)), in[0],
            "node '" + call.node.name + "' (NonMaxSuppression), argument 'iou_threshold': expected 0 to 1");
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
    return void(call.error("boxes") << "shape " << toString(boxShape) << ", expected [images, boxes, 4]");
  if (shape.size() != 3 || !sameDim(shape[0], boxShape[0]) || !sameDim(shape[2], boxShape[1]))
    return void(call.error("scores") << "shape " << toString(shape) << ", expected [" << toString(boxShape[0])
                                     << ", classes, " << toString(boxShape[1]) << "]");
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

} // namespace

void addDetection(OpTable &table) { table.add("NonMaxSuppression", 10, nonMaxSuppression); }

} // namespace nnf::onnx
