// Reading and writing at computed positions.
#include "compiler/import/onnx/Broadcast.h"
#include "compiler/import/onnx/Importer.h"
#include "compiler/import/onnx/OpTable.h"
#include "compiler/import/onnx/RunTime.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

/// Indices as int64, with negative ones counted from the end of a dimension of this size.
TensorId wrapped(Call &call, TensorId indices, Dim size) {
  Type i64 = IntegerType::get(call.context(), 64);
  TensorId wide = call.cast(indices, i64);
  if (std::optional<int64_t> length = constantOf(size))
    return call.call(
        "where",
        {{"condition", call.binary("lt", wide, int64_t(0))}, {"input", call.add(wide, *length)}, {"other", wide}});
  return call.primitives({wide}, [&](Primitives &p, ArrayRef<Value> in) {
    Value fromEnd = p.add(in[0], p.size(size, i64));
    return p.select(p.lt(in[0], 0), fromEnd, in[0]);
  });
}

/// Input `i` as wrapped indices; known ones are wrapped while importing.
TensorId indicesInput(Call &call, size_t i, Dim size) {
  const Known *known = call.known(i);
  std::optional<int64_t> length = constantOf(size);
  std::optional<SmallVector<int64_t>> values = known ? known->integers() : std::nullopt;
  bool isPlain = values && (length || llvm::all_of(*values, [](int64_t at) { return at >= 0; }));
  if (!isPlain)
    return wrapped(call, call.input(i), size);
  Known list{IntegerType::get(call.context(), 64), known->shape, {}};
  for (int64_t at : *values) {
    if (length && (at < -*length || at >= *length)) {
      call.error("indices") << at << ", expected " << -*length << " to " << *length - 1 << " [NNFC-E0213]";
      return {};
    }
    list.values.push_back({call.size(at < 0 ? at + *length : at)});
  }
  return call.constant(list);
}

void gather(Call &call) {
  TensorId x = call.input(0);
  Shape shape = call.shape(x), indexShape = call.inputShape(1), result;
  int64_t axis = call.axis(call.integer("axis", 0), shape.size());
  if (call.hasFailed())
    return;
  if (shape.empty())
    return void(call.error("data") << "a scalar, expected rank 1 or more [NNFC-E0207]");
  Dim size = shape[axis];
  result.append(shape.begin(), shape.begin() + axis);
  result.append(indexShape.begin(), indexShape.end());
  result.append(shape.begin() + axis + 1, shape.end());
  // One known row is a slice.
  if (const Known *known = call.known(1); known && known->values.size() == 1) {
    std::optional<int64_t> at = known->integer(0);
    std::optional<int64_t> length = constantOf(size);
    if (at && length && *at >= -*length && *at < *length)
      return call.result(
          call.reshape(call.slice(x, axis, call.size(*at < 0 ? *at + *length : *at), call.size(1)), result));
  }
  TensorId index = indicesInput(call, 1, size);
  // Rows of a matrix: a lookup of embeddings.
  if (axis == 0 && shape.size() == 2 && call.isFloat(x))
    return call.result(call.call("embedding", {{"input", index}, {"weight", x}}));
  TensorId flat = call.reshape(index, {productOf(call.context(), indexShape)});
  call.result(call.reshape(call.call("index_select", {{"input", x}, {"dim", axis}, {"index", flat}}), result));
}

void gatherElements(Call &call) {
  TensorId x = call.input(0);
  Shape shape = call.shape(x);
  int64_t axis = call.axis(call.integer("axis", 0), shape.size());
  if (call.hasFailed() || shape.empty())
    return;
  TensorId index = indicesInput(call, 1, shape[axis]);
  call.result(call.call("gather", {{"input", x}, {"dim", axis}, {"index", index}}));
}

/// The last dimension of `indices` holds positions in the dimensions after the batch dimensions.
struct Components {
  int64_t count = 0; ///< entries of a position
  Shape shape;       ///< of the positions: all of indices but its last dimension
};
std::optional<Components> componentsOf(Call &call, size_t input, int64_t available) {
  Components c;
  c.shape = call.inputShape(input);
  std::optional<int64_t> count = c.shape.empty() ? std::nullopt : constantOf(c.shape.back());
  if (!count || *count < 0 || *count > available) {
    call.error("indices") << "shape " << toString(c.shape) << ", expected a last dimension of at most " << available
                          << " [NNFC-E0208]";
    return std::nullopt;
  }
  c.count = *count;
  c.shape.pop_back();
  return c;
}

/// Component k of every position, wrapped.
Value component(Primitives &p, Value indices, int64_t k, ArrayRef<Dim> shape, Dim size) {
  Type i64 = IntegerType::get(p.context(), 64);
  int64_t last = Primitives::rankOf(indices) - 1;
  Value at = p.convert(p.reshape(p.sliceDim(indices, last, dimOf(p.context(), k), dimOf(p.context(), 1)), shape), i64);
  return p.select(p.lt(at, 0), p.add(at, p.size(size, i64)), at);
}

std::string boundsMessage(Call &call) {
  return "node '" + call.node.name + "' (" + call.node.opType + "): index {value}, expected one below {bound}";
}

void gatherND(Call &call) {
  TensorId x = call.input(0), indices = call.input(1);
  Shape shape = call.shape(x);
  int64_t batch = call.integer("batch_dims", 0), rank = shape.size();
  if (call.hasFailed())
    return;
  if (batch < 0 || batch >= rank || batch >= call.rank(indices))
    return void(call.error("batch_dims") << batch << ", expected less than the ranks of data and indices [NNFC-E0207]");
  std::optional<Components> c = componentsOf(call, 1, rank - batch);
  if (!c)
    return;
  // A position without entries is that of the whole.
  if (c->count == 0) {
    Shape result(c->shape);
    result.append(shape.begin() + batch, shape.end());
    return call.result(call.primitives({x}, [&](Primitives &p, ArrayRef<Value> in) {
      Ints dims;
      for (int64_t d = 0; d < rank; ++d)
        dims.push_back(d < batch ? d : d - batch + static_cast<int64_t>(c->shape.size()));
      return p.broadcast(in[0], result, dims);
    }));
  }
  call.result(call.primitives({x, indices}, [&](Primitives &p, ArrayRef<Value> in) {
    SmallVector<Value> at;
    Ints dims;
    for (int64_t d = 0; d < batch; ++d) {
      at.push_back(p.iota(c->shape, d, IntegerType::get(call.context(), 64)));
      dims.push_back(d);
    }
    for (int64_t k = 0; k < c->count; ++k) {
      at.push_back(component(p, in[1], k, c->shape, shape[batch + k]));
      dims.push_back(batch + k);
    }
    return p.gather(in[0], at, dims, BoundsKind::Error, boundsMessage(call));
  }));
}

/// What a write does, by the attribute of later versions.
ScatterKind scatterKind(Call &call) {
  std::string reduction = call.text("reduction", "none");
  auto kind = llvm::StringSwitch<std::optional<ScatterKind>>(reduction)
                  .Case("none", ScatterKind::Set)
                  .Case("add", ScatterKind::Add)
                  .Case("mul", ScatterKind::Mul)
                  .Case("max", ScatterKind::Max)
                  .Case("min", ScatterKind::Min)
                  .Default(std::nullopt);
  if (!kind)
    call.error("reduction") << "'" << reduction << "', expected 'none', 'add', 'mul', 'min' or 'max' [NNFC-E0214]";
  return kind.value_or(ScatterKind::Set);
}

/// x with the updates at `index` along `axis`.
TensorId scattered(Call &call, ScatterKind kind, TensorId x, int64_t axis, TensorId index, TensorId updates) {
  if (kind == ScatterKind::Set || kind == ScatterKind::Add)
    return call.call(kind == ScatterKind::Set ? "scatter" : "scatter_add",
                     {{"input", x}, {"dim", axis}, {"index", index}, {"src", updates}});
  Shape places = call.shape(index), shape = call.shape(x), written = call.shape(updates);
  if (places.size() != shape.size() || !sameShape(places, written)) {
    call.error("updates") << "shape " << toString(written) << ", expected " << toString(places)
                          << " as 'indices' has, and the rank of 'data' [NNFC-E0207]";
    return {};
  }
  return call.primitives({x, index, updates}, [&](Primitives &p, ArrayRef<Value> in) {
    Type element = Primitives::elementOf(in[0]), computed = Call::computed(element);
    SmallVector<Value> at;
    Ints dims;
    for (int64_t d = 0, rank = shape.size(); d < rank; ++d) {
      at.push_back(d == axis ? in[1] : p.iota(places, d, IntegerType::get(call.context(), 64)));
      dims.push_back(d);
    }
    Value result = p.scatter(kind, p.convert(in[0], computed), at, p.convert(in[2], computed), dims, BoundsKind::Error,
                             boundsMessage(call));
    return p.convert(result, element);
  });
}

void scatterElements(Call &call) {
  TensorId x = call.input(0), updates = call.input(2);
  Shape shape = call.shape(x);
  int64_t axis = call.axis(call.integer("axis", 0), shape.size());
  ScatterKind kind = scatterKind(call);
  if (call.hasFailed() || shape.empty())
    return;
  call.result(scattered(call, kind, x, axis, indicesInput(call, 1, shape[axis]), updates));
}

/// Positions become rows of a matrix [outer, inner], and the scatter one along its first dimension.
void scatterND(Call &call) {
  TensorId x = call.input(0), indices = call.input(1), updates = call.input(2);
  Shape shape = call.shape(x);
  ScatterKind kind = scatterKind(call);
  std::optional<Components> c = call.hasFailed() ? std::nullopt : componentsOf(call, 1, shape.size());
  if (!c)
    return;
  MLIRContext *context = call.context();
  Dim outer = productOf(context, ArrayRef(shape).take_front(c->count)),
      inner = productOf(context, ArrayRef(shape).drop_front(c->count)), count = productOf(context, c->shape);
  TensorId rows = call.primitives({indices}, [&](Primitives &p, ArrayRef<Value> in) {
    Type i64 = IntegerType::get(context, 64);
    Value row = p.full(c->shape, 0, i64);
    for (int64_t k = 0; k < c->count; ++k)
      row = p.add(p.mul(row, p.size(shape[k], i64)), component(p, in[0], k, c->shape, shape[k]));
    return p.broadcast(p.reshape(row, {count}), {count, inner}, {0});
  });
  TensorId result =
      scattered(call, kind, call.reshape(x, {outer, inner}), 0, rows, call.reshape(updates, {count, inner}));
  call.result(call.reshape(result, shape));
}

void oneHot(Call &call) {
  Shape shape = call.inputShape(0);
  int64_t rank = shape.size(), axis = call.axis(call.integer("axis", -1), rank + 1);
  Shape depthShape = call.inputShape(1), valuesShape = call.inputShape(2);
  if (call.hasFailed())
    return;
  if (valuesShape.size() != 1)
    return void(call.error("values") << toString(valuesShape) << ", expected [2], off and on [NNFC-E0208]");
  call.requireEqual("values", valuesShape[0], call.size(2), "size {value}, expected 2, off and on [NNFC-E0208]");
  if (call.hasFailed())
    return;
  if (!isConstant(productOf(call.context(), depthShape), 1))
    return void(call.error("depth") << toString(depthShape) << ", expected one number [NNFC-E0213]");
  // It may be a float.
  Scalar depth;
  const Known *known = call.known(1);
  if (known && known->isFloat())
    depth.size = call.size(static_cast<int64_t>(known->number(0).value_or(0)));
  else if (known)
    depth = known->values[0];
  else if (const Known *elements = call.elements(1))
    depth = elements->values[0];
  else
    depth.tensor = call.reshape(call.cast(call.input(1), IntegerType::get(call.context(), 64)), {});
  Dim size = RunTime(call).outputSize(depth, "depth", axis, rank + 1);
  TensorId index = wrapped(call, call.input(0), size), values = call.input(2);
  Shape spread(shape);
  spread.insert(spread.begin() + axis, size);
  Ints dims;
  for (int64_t i = 0; i < rank; ++i)
    dims.push_back(i < axis ? i : i + 1);
  call.result(call.primitives({index, values}, [&](Primitives &p, ArrayRef<Value> in) {
    Value isHot = p.eq(p.iota(spread, axis, Primitives::elementOf(in[0])), p.broadcast(in[0], spread, dims));
    auto value = [&](int64_t i) { return p.reshape(p.sliceDim(in[1], 0, call.size(i), call.size(1)), {}); };
    return p.select(isHot, value(1), value(0));
  }));
}

/// The first sequence_lens[n] steps of each sequence backwards, the rest as they are.
void reverseSequence(Call &call) {
  TensorId x = call.input(0), lengths = call.input(1);
  Shape shape = call.shape(x);
  int64_t rank = shape.size(), batch = call.axis(call.integer("batch_axis", 1), rank, "batch_axis"),
          time = call.axis(call.integer("time_axis", 0), rank, "time_axis");
  if (call.hasFailed())
    return;
  TensorId index = call.primitives({lengths}, [&](Primitives &p, ArrayRef<Value> in) {
    Type i64 = IntegerType::get(call.context(), 64);
    Value step = p.iota(shape, time, i64), length = p.broadcastAlong(p.convert(in[0], i64), shape, batch);
    return p.select(p.lt(step, length), p.sub(p.sub(length, 1), step), step);
  });
  call.result(call.call("gather", {{"input", x}, {"dim", time}, {"index", index}}));
}

} // namespace

void addIndexing(OpTable &table) {
  table.add("Gather", 1, gather);
  table.add("GatherElements", 11, gatherElements);
  table.add("GatherND", 11, gatherND);
  table.add("Scatter", 9, scatterElements, "scatter");
  table.add("ScatterElements", 11, scatterElements, "scatter");
  table.add("ScatterND", 11, scatterND, "scatter");
  table.add("OneHot", 9, oneHot);
  table.add("ReverseSequence", 10, reverseSequence);
}

} // namespace nnf::onnx
