// Outputs as large as the data say: positions of what is not zero, what a condition picks, and what differs.
#include "compiler/import/onnx/OpTable.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

/// One row for each dimension, where torch has one column.
void nonZero(Call &call) { call.result(call.permute(call.unary("nonzero", call.input(0)), {1, 0})); }

/// Slices along `axis` where the condition is true, or elements of the flat input. A condition may be shorter.
void compress(Call &call) {
  TensorId x = call.input(0);
  Shape condition = call.inputShape(1);
  if (condition.size() != 1)
    return void(call.error("condition") << "shape " << toString(condition) << ", expected rank 1 [NNFC-E0207]");
  int64_t axis = 0;
  if (call.hasAttribute("axis"))
    axis = call.axis(call.integer("axis", 0), call.rank(x));
  else
    x = call.reshape(x, {productOf(call.context(), call.shape(x))});
  TensorId index;
  const Known *known = call.known(1);
  if (std::optional<SmallVector<int64_t>> picks = known ? known->integers() : std::nullopt) {
    Ints places;
    for (auto [i, isPicked] : llvm::enumerate(*picks))
      if (isPicked)
        places.push_back(i);
    index = call.constant(IntegerType::get(call.context(), 64), places);
  } else {
    TensorId places = call.unary("nonzero", call.input(1));
    Shape shape = call.shape(places);
    index = call.reshape(places, ArrayRef(shape).take_front());
  }
  call.result(call.call("index_select", {{"input", x}, {"dim", axis}, {"index", index}}));
}

// ---- Unique

Type i64Of(Primitives &p) { return IntegerType::get(p.context(), 64); }

/// Elements in order along the last dimension, and the number of the run of equal ones that each is in. A NaN equals
/// nothing.
struct Runs {
  Value order, isFirst, number;

  Runs(Primitives &p, Value x) {
    Shape shape = Primitives::shapeOf(x);
    int64_t last = static_cast<int64_t>(shape.size()) - 1;
    Value values;
    std::tie(values, order) = p.sort(x, last, /*descending=*/false, shape[last]);
    Ints by(shape.size(), 0), back(shape.size(), 0);
    by[last] = 1, back[last] = -1;
    Value isBeginning = p.eq(p.iota(shape, last, i64Of(p)), 0);
    isFirst = p.bitOr(isBeginning, p.ne(values, p.pad(values, 0, by, back)));
    number = p.sub(p.cumulate(ReduceKind::Add, p.convert(isFirst, i64Of(p)), last), 1);
  }
};

/// For each row of [columns, rows], a number that is smaller where the row is, compared element by element, and equal
/// where it is equal. Pairs of neighbouring columns become one until there is one.
Value joinColumns(Primitives &p, Value matrix) {
  Shape shape = Primitives::shapeOf(matrix);
  Dim rows = shape[1];
  auto ranks = [&](Value x) {
    Runs runs(p, x);
    Shape all = Primitives::shapeOf(x);
    return p.scatter(ScatterKind::Set, p.full(all, 0, i64Of(p)), {p.iota(all, 0, i64Of(p)), runs.order}, runs.number,
                     {0, 1}, BoundsKind::Fill);
  };
  auto joined = [&](Value first, Value second) { return p.add(p.mul(first, p.size(rows, i64Of(p))), second); };
  std::optional<int64_t> count = constantOf(shape[0]);
  if (!count) {
    // From the last column to the first: how many rows are smaller from there on.
    Value none = p.full({rows}, 0, i64Of(p));
    auto step = [&](Primitives &p, Value number, ValueRange carried, ValueRange captured) -> SmallVector<Value> {
      Value column = p.broadcast(p.sub(p.sub(p.size(shape[0], i64Of(p)), 1), number), {rows}, {});
      Value first = p.gather(captured[0], {column, p.iota({rows}, 0, i64Of(p))}, {0, 1}, BoundsKind::Clamp);
      Value key = joined(first, carried[0]);
      Shape pairs{rows, rows};
      Value isSmaller = p.lt(p.broadcast(key, pairs, {1}), p.broadcast(key, pairs, {0}));
      return {p.sum(p.convert(isSmaller, i64Of(p)), {1})};
    };
    return p.loop(shape[0], /*rows=*/0, {none}, {ranks(matrix)}, step)[0];
  }
  if (*count == 0)
    return p.full({rows}, 0, i64Of(p));
  for (; *count > 1; *count = llvm::divideCeil(*count, 2)) {
    Value rank = p.pad(ranks(matrix), 0, {0, 0}, {*count % 2, 0});
    Dim half = dimOf(p.context(), llvm::divideCeil(*count, 2)), one = dimOf(p.context(), 1);
    rank = p.reshape(rank, {half, dimOf(p.context(), 2), rows});
    auto side = [&](int64_t i) { return p.reshape(p.sliceDim(rank, 1, dimOf(p.context(), i), one), {half, rows}); };
    matrix = joined(side(0), side(1));
  }
  return p.reshape(matrix, {rows});
}

/// Slices along `axis`, or elements, that are not equal: sorted, or in the order in which they come first.
void unique(Call &call) {
  TensorId x = call.input(0);
  Shape shape = call.shape(x);
  bool isSorted = call.flag("sorted", true);
  int64_t axis = 0, rank = shape.size();
  if (call.hasAttribute("axis"))
    axis = call.axis(call.integer("axis", 0), rank);
  else
    x = call.reshape(x, shape = {productOf(call.context(), shape)}), rank = 1;
  if (call.hasFailed())
    return;
  GraphBuilder &graph = call.graph();
  Primitives p(graph.ops(), call.location());
  Type i64 = i64Of(p);
  Value keys = graph.value(x);
  Dim rows = shape[axis];
  if (rank != 1) {
    Ints perm;
    Shape columns(shape);
    columns.erase(columns.begin() + axis);
    for (int64_t d = 0; d < rank; ++d)
      if (d != axis)
        perm.push_back(d);
    perm.push_back(axis);
    keys = joinColumns(p, p.reshape(p.transpose(keys, perm), {productOf(call.context(), columns), rows}));
  }
  auto write = [&](ScatterKind kind, Dim size, Value place, Value what) {
    return p.scatter(kind, p.full({size}, 0, Primitives::elementOf(what)), {place}, what, {0}, BoundsKind::Fill);
  };
  Runs runs(p, keys);
  Value numOf = runs.number;
  Dim count = call.dataSize(graph.adopt(p.sum(p.convert(runs.isFirst, i64), {0})));
  // Equal ones keep their order: the first of a run is the first of all.
  Value first = write(ScatterKind::Set, count, p.select(runs.isFirst, numOf, -1), runs.order);
  if (!isSorted) {
    Value isFirst = write(ScatterKind::Set, rows, runs.order, runs.isFirst);
    Value place = p.sub(p.cumulate(ReduceKind::Add, p.convert(isFirst, i64), 0), 1);
    numOf = p.gather(place, {p.gather(first, {numOf}, {0}, BoundsKind::Clamp)}, {0}, BoundsKind::Clamp);
    first = write(ScatterKind::Set, count, p.select(isFirst, place, -1), p.iota({rows}, 0, i64));
  }
  call.output(0, graph.adopt(p.pick(graph.value(x), axis, first, BoundsKind::Clamp)));
  call.output(1, graph.adopt(first));
  if (call.wants(2))
    call.output(2, graph.adopt(write(ScatterKind::Set, rows, runs.order, numOf)));
  if (call.wants(3))
    call.output(3, graph.adopt(write(ScatterKind::Add, count, numOf, p.full({rows}, 1, i64))));
}

} // namespace

void addDataSized(OpTable &table) {
  table.add("NonZero", 9, nonZero);
  table.add("Compress", 9, compress);
  table.add("Unique", 11, unique);
}

} // namespace nnf::onnx
