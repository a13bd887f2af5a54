// Resize and Upsample, in all their coordinate, rounding and cubic modes.
#include "compiler/import/onnx/OpTable.h"
#include "compiler/import/onnx/RunTime.h"

#include <cmath>

using namespace mlir;
namespace nnf::onnx {
namespace {

/// How one dimension is resized.
struct Axis {
  int64_t dim;
  Dim in, out;
  double scale = 1;                ///< out / in, as the model says it
  double roiStart = 0, roiEnd = 1; ///< for tf_crop_and_resize
  /// In the place of those where only the run knows them, rank-0 float64.
  Value runTimeScale = {}, runTimeStart = {}, runTimeEnd = {};
  bool isRunTime() const { return runTimeScale || runTimeStart; }
  bool isFixed() const { return constantOf(in) && constantOf(out) && !isRunTime(); }
  bool isPlain() const { return !runTimeScale && scale == 1 && sameDim(in, out); }
};

struct Modes {
  std::string mode, coordinates, nearest;
  double cubic = -0.75, outside = 0;
  bool excludesOutside = false, antialias = false;
};

/// The position in the input that element i of the output stands at.
double positionOf(const Modes &modes, const Axis &axis, int64_t in, int64_t out, int64_t i) {
  double at = static_cast<double>(i);
  const std::string &kind = modes.coordinates;
  if (kind == "asymmetric")
    return at / axis.scale;
  if (kind == "align_corners")
    return out == 1 ? 0 : at * static_cast<double>(in - 1) / static_cast<double>(out - 1);
  if (kind == "tf_half_pixel_for_nn")
    return (at + 0.5) / axis.scale;
  if (kind == "tf_crop_and_resize")
    return out == 1
               ? 0.5 * (axis.roiStart + axis.roiEnd) * static_cast<double>(in - 1)
               : axis.roiStart * static_cast<double>(in - 1) +
                     at * (axis.roiEnd - axis.roiStart) * static_cast<double>(in - 1) / static_cast<double>(out - 1);
  if (kind == "pytorch_half_pixel" && out == 1)
    return 0;
  if (kind == "half_pixel_symmetric") {
    double adjustment = static_cast<double>(out) / (axis.scale * static_cast<double>(in));
    double centre = static_cast<double>(in) / 2;
    return centre * (1 - adjustment) + (at + 0.5) / axis.scale - 0.5;
  }
  return (at + 0.5) / axis.scale - 0.5;
}

int64_t nearestTo(const std::string &rounding, double at) {
  if (rounding == "floor")
    return static_cast<int64_t>(std::floor(at));
  if (rounding == "ceil")
    return static_cast<int64_t>(std::ceil(at));
  if (rounding == "round_prefer_ceil")
    return static_cast<int64_t>(std::floor(at + 0.5));
  return static_cast<int64_t>(std::ceil(at - 0.5)); // round_prefer_floor
}

/// Weights of the four neighbours of a point `t` behind the second: Keys' kernel with parameter a.
std::array<double, 4> cubicWeights(double t, double a) {
  auto near = [a](double x) { return ((a + 2) * x - (a + 3)) * x * x + 1; };
  auto far = [a](double x) { return ((a * x - 5 * a) * x + 8 * a) * x - 4 * a; };
  return {far(t + 1), near(t), near(1 - t), far(2 - t)};
}

/// One dimension as a weighted sum of rows picked by tables. Both sizes are fixed.
TensorId resample(Call &call, TensorId x, const Axis &axis, const Modes &modes) {
  int64_t in = *constantOf(axis.in), out = *constantOf(axis.out);
  if (in < 1 || out < 0 || out > (int64_t(1) << 24)) {
    call.error() << "size " << in << " to " << out << ", expected at least one element, and at most 2^24 [NNFC-E0222]";
    return {};
  }
  size_t taps = modes.mode == "nearest" ? 1 : modes.mode == "linear" ? 2 : 4;
  SmallVector<Ints> rows(taps, Ints(out));
  SmallVector<SmallVector<double>> weights(taps, SmallVector<double>(out, 0));
  for (int64_t i = 0; i < out; ++i) {
    double at = positionOf(modes, axis, in, out, i);
    auto clamped = [&](int64_t row) { return std::clamp<int64_t>(row, 0, in - 1); };
    if (taps == 1) {
      rows[0][i] = clamped(nearestTo(modes.nearest, std::clamp(at, -1.0, static_cast<double>(in))));
      weights[0][i] = 1;
      continue;
    }
    if (taps == 2)
      at = std::clamp(at, 0.0, static_cast<double>(in - 1));
    int64_t base = static_cast<int64_t>(std::floor(at));
    double t = at - static_cast<double>(base), total = 0;
    std::array<double, 4> four = taps == 4 ? cubicWeights(t, modes.cubic) : std::array<double, 4>{1 - t, t, 0, 0};
    for (size_t k = 0; k < taps; ++k) {
      int64_t row = base + static_cast<int64_t>(k) - (taps == 4);
      if (modes.excludesOutside && (row < 0 || row >= in))
        four[k] = 0;
      rows[k][i] = clamped(row);
      total += four[k];
    }
    for (size_t k = 0; k < taps; ++k)
      weights[k][i] = modes.excludesOutside ? four[k] / total : four[k];
  }
  Type element = call.element(x);
  int64_t rank = call.rank(x);
  TensorId result;
  for (size_t k = 0; k < taps; ++k) {
    TensorId index = call.constant(IntegerType::get(call.context(), 64), rows[k]);
    TensorId picked = call.call("index_select", {{"input", x}, {"dim", axis.dim}, {"index", index}});
    if (taps == 1)
      return picked;
    Known known{element, Ints(rank, 1), {}};
    known.shape[axis.dim] = out;
    for (double weight : weights[k])
      known.values.push_back(known.ofNumber(weight));
    TensorId share = call.mul(picked, call.constant(known));
    result = result ? call.add(result, share) : share;
  }
  return result;
}

// ---- sizes or numbers that only the run knows: the same in tensors

struct RunTimeAxis {
  RunTimeAxis(RunTime &r, const Axis &axis) : r(r), f64(r.f64()) {
    in = r.size(axis.in, f64);
    out = r.size(axis.out, f64);
    last = r.sub(in, 1);
    auto number = [&](Value value, double known) { return value ? value : r.scalar(known, f64); };
    scale = number(axis.runTimeScale, axis.scale);
    start = number(axis.runTimeStart, axis.roiStart);
    end = number(axis.runTimeEnd, axis.roiEnd);
    index = r.iota({axis.out}, 0, f64);
  }

  Value ceil(Value x) { return r.neg(r.floor(r.neg(x))); }
  Value clamped(Value x, Value high) { return r.min(r.max(x, 0), high); }

  /// The positions in the input that the elements of the output stand at.
  Value positions(const std::string &kind) {
    // Of an output of one element nothing is divided.
    Value spans = r.max(r.sub(out, 1), 1), isOne = r.eq(out, 1);
    if (kind == "asymmetric")
      return r.div(index, scale);
    if (kind == "align_corners")
      return r.div(r.mul(index, last), spans);
    if (kind == "tf_half_pixel_for_nn")
      return r.div(r.add(index, 0.5), scale);
    if (kind == "tf_crop_and_resize") {
      Value middle = r.mul(r.mul(r.add(start, end), 0.5), last);
      Value first = r.select(isOne, middle, r.mul(start, last));
      return r.add(r.div(r.mul(r.mul(index, r.sub(end, start)), last), spans), first);
    }
    Value halfPixel = r.sub(r.div(r.add(index, 0.5), scale), 0.5);
    if (kind == "pytorch_half_pixel")
      return r.mul(halfPixel, r.convert(r.logicalNot(isOne), f64));
    if (kind == "half_pixel_symmetric") {
      Value adjustment = r.div(out, r.mul(scale, in));
      return r.add(halfPixel, r.mul(r.mul(in, 0.5), r.sub(1, adjustment)));
    }
    return halfPixel;
  }

  Value nearest(const std::string &rounding, Value at) {
    at = r.max(r.min(at, in), -1);
    Value row = rounding == "floor"               ? r.floor(at)
                : rounding == "ceil"              ? ceil(at)
                : rounding == "round_prefer_ceil" ? r.floor(r.add(at, 0.5))
                                                  : ceil(r.sub(at, 0.5));
    return clamped(row, last);
  }

  RunTime &r;
  Type f64;
  Value in, out, last, scale, start, end, index;
};

/// Keys' kernel, as in cubicWeights.
std::array<Value, 4> cubicWeights(RunTime &r, Value t, double a) {
  auto near = [&](Value x) { return r.add(r.mul(r.mul(r.sub(r.mul(x, a + 2), a + 3), x), x), 1); };
  auto far = [&](Value x) { return r.sub(r.mul(r.add(r.mul(r.sub(r.mul(x, a), 5 * a), x), 8 * a), x), 4 * a); };
  return {far(r.add(t, 1)), near(t), near(r.sub(1, t)), far(r.sub(2, t))};
}

TensorId resampleAtRunTime(Call &call, TensorId input, const Axis &axis, const Modes &modes) {
  call.require("X", axis.in, axis.in - 1,
               "size {value} in dimension " + std::to_string(axis.dim) +
                   ", expected at least one element [NNFC-E0217]");
  if (call.hasFailed())
    return {};
  RunTime r(call);
  RunTimeAxis a(r, axis);
  Value x = call.graph().value(input), at = a.positions(modes.coordinates);
  auto rowsAt = [&](Value rows) { return r.take(x, axis.dim, r.convert(rows, r.i64())); };
  if (modes.mode == "nearest")
    return call.graph().adopt(rowsAt(a.nearest(modes.nearest, at)));
  bool isCubic = modes.mode == "cubic";
  if (!isCubic)
    at = a.clamped(at, a.last);
  Value base = r.floor(at), t = r.sub(at, base), total;
  SmallVector<Value> rows, weights;
  if (isCubic)
    llvm::append_range(weights, cubicWeights(r, t, modes.cubic));
  else
    weights = {r.sub(1, t), t};
  for (auto [k, weight] : llvm::enumerate(weights)) {
    Value row = r.add(base, static_cast<double>(k) - isCubic);
    if (modes.excludesOutside)
      weight = r.select(r.bitAnd(r.ge(row, 0), r.le(row, a.last)), weight, 0);
    rows.push_back(a.clamped(row, a.last));
    total = total ? r.add(total, weight) : weight;
  }
  Value result;
  for (auto [row, weight] : llvm::zip(rows, weights)) {
    Value picked = rowsAt(row), share = modes.excludesOutside ? r.div(weight, total) : weight;
    share = r.convert(share, Primitives::elementOf(x));
    Value part = r.mul(picked, r.broadcastAlong(share, Primitives::shapeOf(picked), axis.dim));
    result = result ? r.add(result, part) : part;
  }
  return call.graph().adopt(result);
}

/// The kernel of `linear` or `cubic` at distance d: a triangle, or Keys'.
Value filterAt(RunTime &r, Value d, const Modes &modes) {
  if (modes.mode == "linear")
    return r.max(r.sub(1, d), 0);
  double a = modes.cubic;
  Value near = r.add(r.mul(r.mul(r.sub(r.mul(d, a + 2), a + 3), d), d), 1);
  Value far = r.sub(r.mul(r.add(r.mul(r.sub(r.mul(d, a), 5 * a), d), 8 * a), d), 4 * a);
  return r.select(r.lt(d, 1), near, r.select(r.lt(d, 2), far, 0));
}

/// One dimension as weighted means under a kernel that is stretched where the scale is below 1. How many elements it
/// covers is a size that the data decide where only the run knows the scale.
TensorId antialiased(Call &call, TensorId input, const Axis &axis, const Modes &modes) {
  if (call.hasFailed())
    return {};
  RunTime r(call);
  RunTimeAxis a(r, axis);
  double radius = modes.mode == "linear" ? 1 : 2;
  Value stretch = r.max(r.div(1, a.scale), 1);
  Dim half =
      axis.runTimeScale
          ? call.graph().addDataSize(
                call.graph().adopt(r.convert(a.ceil(r.min(r.mul(stretch, radius), 0x1p32)), r.i64())), call.location())
          : call.size(static_cast<int64_t>(std::ceil(radius * std::max(1 / axis.scale, 1.0))));
  Shape taps{axis.out, simplify(half * 2)};
  Value at = r.broadcastAlong(a.positions(modes.coordinates), taps, 0);
  Value row = r.add(r.sub(r.add(r.floor(at), r.iota(taps, 1, r.f64())), r.size(half, r.f64())), 1);
  Value weight = filterAt(r, r.div(r.abs(r.sub(row, at)), stretch), modes);
  if (modes.excludesOutside)
    weight = r.select(r.bitAnd(r.ge(row, 0), r.le(row, a.last)), weight, 0);
  Value share = r.div(weight, r.broadcastOver(r.sum(weight, {1}), taps, {1}));
  Value x = call.graph().value(input);
  Value picked = r.gather(x, {r.convert(row, r.i64())}, {axis.dim}, BoundsKind::Clamp); // [out, taps, the rest…]
  share = r.broadcast(r.convert(share, Primitives::elementOf(x)), Primitives::shapeOf(picked), {0, 1});
  return call.graph().adopt(r.moveFirst(r.sum(r.mul(picked, share), {1}), axis.dim));
}

/// x where the positions along a dimension are inside the input, else a value of its own.
TensorId cropAtRunTime(Call &call, TensorId input, const Axis &axis, const Modes &modes) {
  if (call.hasFailed())
    return {};
  RunTime r(call);
  RunTimeAxis a(r, axis);
  Value x = call.graph().value(input), at = a.positions(modes.coordinates);
  Value isInside = r.broadcastAlong(r.bitAnd(r.ge(at, 0), r.le(at, a.last)), Primitives::shapeOf(x), axis.dim);
  return call.graph().adopt(r.select(isInside, x, modes.outside));
}

/// torch's function for the whole resizing, where it means the same: N and C stay, one mode for the rest.
TensorId asInterpolate(Call &call, TensorId x, ArrayRef<Axis> axes, const Modes &modes, bool bySize) {
  int64_t rank = axes.size(), spatial = rank - 2;
  if (modes.antialias || spatial < 1 || spatial > 3 || !axes[0].isPlain() || !axes[1].isPlain() ||
      !findFunction("interpolate"))
    return {};
  std::string mode;
  std::vector<Argument> arguments{{"input", x}};
  bool aligned = modes.coordinates == "align_corners";
  bool halfPixel = modes.coordinates == "half_pixel" || modes.coordinates == "pytorch_half_pixel";
  if (modes.mode == "nearest" && modes.coordinates == "asymmetric" && modes.nearest == "floor") {
    mode = "nearest";
  } else if (modes.mode == "linear" && (aligned || halfPixel)) {
    mode = spatial == 1 ? "linear" : spatial == 2 ? "bilinear" : "trilinear";
    arguments.push_back({"align_corners", aligned});
  } else if (modes.mode == "cubic" && spatial == 2 && (aligned || halfPixel) && modes.cubic == -0.75 &&
             !modes.excludesOutside) {
    mode = "bicubic";
    arguments.push_back({"align_corners", aligned});
  } else {
    return {};
  }
  std::vector<int64_t> sizes;
  std::vector<double> scales;
  for (const Axis &axis : axes.drop_front(2)) {
    std::optional<int64_t> out = constantOf(axis.out);
    if (axis.isRunTime())
      return {};
    // torch has no special case for an output of one element.
    if (modes.coordinates == "pytorch_half_pixel" && (!out ? axis.scale < 1 : *out == 1) && !isConstant(axis.in, 1))
      return {};
    if (out)
      sizes.push_back(*out);
    scales.push_back(axis.scale);
  }
  arguments.push_back({"mode", mode});
  if (bySize && sizes.size() == scales.size())
    arguments.push_back({"size", sizes});
  else
    arguments.push_back({"scale_factor", scales});
  return call.call("interpolate", std::move(arguments));
}

/// floor(in * scale): a whole scale keeps a symbolic size affine.
Dim scaledSize(Dim in, double scale) {
  if (!constantOf(in) && scale == std::floor(scale) && scale >= 1 && scale < 1e6)
    return simplify(in * static_cast<int64_t>(scale));
  if (double inverse = 1 / scale; !constantOf(in) && inverse == std::floor(inverse) && inverse >= 1 && inverse < 1e6)
    return simplify(in.floorDiv(static_cast<int64_t>(inverse)));
  return scaledBy(in, scale);
}

void resizeWith(Call &call, const Modes &modes, bool bySize, MutableArrayRef<Axis> axes) {
  if (call.hasFailed())
    return;
  if (modes.mode != "nearest" && modes.mode != "linear" && modes.mode != "cubic")
    return void(call.error("mode") << "'" << modes.mode << "', expected 'nearest', 'linear' or 'cubic' [NNFC-E0214]");
  TensorId x = call.input(0);
  if (llvm::all_of(axes, [](const Axis &axis) { return axis.isPlain(); }) && modes.coordinates != "tf_crop_and_resize")
    return call.outputIsInput(0, 0);
  if (TensorId whole = asInterpolate(call, x, axes, modes, bySize); whole || call.hasFailed())
    return call.result(whole);
  Type element = call.element(x);
  bool isWeighted = modes.mode != "nearest", isNarrow = !call.isFloat(x) || element.getIntOrFloatBitWidth() < 32;
  if (isWeighted && isNarrow)
    x = call.cast(x, Float32Type::get(call.context()));
  Shape shape = call.shape(x);
  for (const Axis &axis : axes) {
    if (axis.isPlain() && modes.coordinates != "tf_crop_and_resize")
      continue;
    if (isWeighted && modes.antialias && (axis.runTimeScale || axis.scale < 1))
      x = antialiased(call, x, axis, modes);
    else
      x = axis.isFixed() ? resample(call, x, axis, modes) : resampleAtRunTime(call, x, axis, modes);
    shape[axis.dim] = axis.out;
  }
  if (modes.coordinates == "tf_crop_and_resize")
    for (const Axis &axis : axes) {
      if (call.hasFailed())
        return;
      if (!axis.isFixed()) {
        x = cropAtRunTime(call, x, axis, modes);
        continue;
      }
      // Positions outside the input take a value of their own.
      int64_t in = *constantOf(axis.in), out = *constantOf(axis.out);
      Known inside{IntegerType::get(call.context(), 1), Ints(shape.size(), 1), {}};
      inside.shape[axis.dim] = out;
      for (int64_t i = 0; i < out; ++i) {
        double at = positionOf(modes, axis, in, out, i);
        inside.values.push_back({call.size(at >= 0 && at <= static_cast<double>(in - 1))});
      }
      if (llvm::all_of(inside.values, [](const Scalar &s) { return isConstant(s.size, 1); }))
        continue;
      x = call.call("where", {{"condition", call.constant(inside)},
                              {"input", x},
                              {"other", call.constant(call.element(x), modes.outside)}});
    }
  if (isWeighted && isNarrow && isa<IntegerType>(element))
    x = call.unary("round", x);
  call.result(call.cast(x, element));
}

SmallVector<Axis> allAxes(Call &call) {
  SmallVector<Axis> axes;
  for (auto [i, size] : llvm::enumerate(call.inputShape(0)))
    axes.push_back({static_cast<int64_t>(i), size, size});
  return axes;
}

/// Numbers of a parameter that is an attribute or an input; nothing when omitted or empty. Rank-0 float64 where only
/// the run knows them.
struct Numbers {
  SmallVector<double> known;
  SmallVector<Value> atRunTime;
  size_t size() const { return std::max(known.size(), atRunTime.size()); }
};
std::optional<Numbers> numbersOf(Call &call, StringRef name, std::optional<size_t> input) {
  if (!input) {
    const Attribute *given = call.attribute(name, Attribute::Kind::Floats);
    if (!given)
      return std::nullopt;
    return Numbers{SmallVector<double>(given->floats.begin(), given->floats.end()), {}};
  }
  if (call.hasFailed() || !call.has(*input))
    return std::nullopt;
  Numbers numbers;
  const Known *known = call.known(*input);
  for (size_t i = 0; known && i < known->values.size(); ++i)
    if (std::optional<double> number = known->number(i))
      numbers.known.push_back(*number);
  if (known && numbers.known.size() == known->values.size())
    return numbers.known.empty() ? std::nullopt : std::optional(numbers);
  Shape shape = call.inputShape(*input);
  std::optional<int64_t> count = shape.size() == 1 ? constantOf(shape[0]) : std::nullopt;
  if (!count || *count > maxRunTimeElements) {
    call.error(name) << toString(shape) << ", expected a list of at most " << maxRunTimeElements << " [NNFC-E0213]";
    return std::nullopt;
  }
  numbers.known.clear();
  TensorId list = call.input(*input);
  RunTime r(call);
  for (int64_t i = 0; i < *count && !call.hasFailed(); ++i)
    numbers.atRunTime.push_back(
        r.convert(r.reshape(r.sliceDim(call.graph().value(list), 0, call.size(i), call.size(1)), {}), r.f64()));
  return numbers;
}
std::optional<Numbers> scalesOf(Call &call) {
  return numbersOf(call, "scales", inputOfParameter(call.node.opType, "scales", call.version));
}

void applyScales(Call &call, MutableArrayRef<Axis *> axes, const Numbers &scales) {
  if (scales.size() != axes.size())
    return void(call.error("scales") << static_cast<int64_t>(scales.size()) << " entries, expected "
                                     << static_cast<int64_t>(axes.size()) << " [NNFC-E0212]");
  RunTime r(call);
  for (auto [axis, scale] : llvm::zip(axes, scales.atRunTime)) {
    r.check(r.gt(scale, 0), scale, r.message("scales", "{value}, expected numbers above 0 [NNFC-E0213]"));
    Value out = r.floor(r.mul(r.size(axis->in, r.f64()), scale));
    axis->runTimeScale = scale;
    // Beyond any size, and still an int64.
    axis->out = r.outputSize(r.convert(r.min(r.max(out, 0), 0x1p62), r.i64()), axis->dim, call.inputRank(0));
  }
  for (auto [axis, scale] : llvm::zip(axes, scales.known)) {
    if (!(scale > 0) || call.hasFailed())
      return void(call.error("scales") << std::to_string(scale) << ", expected numbers above 0 [NNFC-E0213]");
    axis->scale = scale;
    axis->out = scaledSize(axis->in, scale);
  }
}

/// What the sizes say the scale is.
void applySize(RunTime &r, Axis &axis) {
  std::optional<int64_t> in = constantOf(axis.in), out = constantOf(axis.out);
  if (in && out && *in > 0)
    axis.scale = static_cast<double>(*out) / static_cast<double>(*in);
  else if (Dim ratio = exactQuotient({axis.out}, {axis.in}, r.context()); ratio && constantOf(ratio))
    axis.scale = static_cast<double>(*constantOf(ratio));
  else if (!sameDim(axis.in, axis.out))
    axis.runTimeScale = r.div(r.size(axis.out, r.f64()), r.size(axis.in, r.f64()));
}

/// One scale for all: the least, or the largest, of those that the sizes ask for.
void keepAspectRatio(Call &call, MutableArrayRef<Axis *> axes, ArrayRef<Scalar> sizes, bool isLeast) {
  RunTime r(call);
  double known = isLeast ? INFINITY : 0;
  Value open;
  for (auto [axis, size] : llvm::zip(axes, sizes)) {
    std::optional<int64_t> in = constantOf(axis->in), out = size.isKnown() ? constantOf(size.size) : std::nullopt;
    if (in && out) {
      double scale = static_cast<double>(*out) / static_cast<double>(*in);
      known = isLeast ? std::min(known, scale) : std::max(known, scale);
      continue;
    }
    Value scale = r.div(r.convert(r.value(size), r.f64()), r.size(axis->in, r.f64()));
    open = !open ? scale : isLeast ? r.min(open, scale) : r.max(open, scale);
  }
  if (open)
    open = isLeast ? r.min(open, known) : r.max(open, known);
  for (Axis *axis : axes) {
    std::optional<int64_t> in = constantOf(axis->in);
    axis->scale = known;
    axis->runTimeScale = open;
    axis->out = open ? r.outputSize(r.convert(r.floor(r.add(r.mul(r.size(axis->in, r.f64()), open), 0.5)), r.i64()),
                                    axis->dim, call.inputRank(0))
                     : call.size(static_cast<int64_t>(std::floor(static_cast<double>(*in) * known + 0.5)));
  }
}

void upsample(Call &call) {
  SmallVector<Axis> axes = allAxes(call);
  SmallVector<Axis *> all;
  for (Axis &axis : axes)
    all.push_back(&axis);
  if (call.version < 7 && call.hasAttribute("height_scale")) {
    if (axes.size() != 4)
      return void(call.error() << "rank " << static_cast<int64_t>(axes.size()) << ", expected 4 [NNFC-E0207]");
    applyScales(call, all, {{1, 1, call.number("height_scale", 1), call.number("width_scale", 1)}, {}});
  } else if (std::optional<Numbers> scales = scalesOf(call)) {
    applyScales(call, all, *scales);
  } else {
    call.error("scales") << "missing, expected one number for each dimension [NNFC-E0204]";
  }
  std::string mode = call.text("mode", "nearest");
  Modes modes{mode == "bilinear" ? "linear" : mode, "asymmetric", "floor"};
  resizeWith(call, modes, false, axes);
}

void resize(Call &call) {
  SmallVector<Axis> axes = allAxes(call);
  int64_t rank = axes.size();
  if (call.version < 11) {
    SmallVector<Axis *> all;
    for (Axis &axis : axes)
      all.push_back(&axis);
    std::optional<Numbers> scales = scalesOf(call);
    if (!scales)
      return void(call.error("scales") << "missing, expected one number for each dimension [NNFC-E0204]");
    applyScales(call, all, *scales);
    return resizeWith(call, {call.text("mode", "nearest"), "asymmetric", "floor"}, false, axes);
  }
  Modes modes{call.text("mode", "nearest"), call.text("coordinate_transformation_mode", "half_pixel"),
              call.text("nearest_mode", "round_prefer_floor")};
  modes.cubic = call.number("cubic_coeff_a", -0.75);
  modes.outside = call.number("extrapolation_value", 0);
  modes.excludesOutside = call.flag("exclude_outside");
  static constexpr StringRef known[] = {"half_pixel",          "pytorch_half_pixel",   "align_corners",
                                        "asymmetric",          "tf_half_pixel_for_nn", "tf_crop_and_resize",
                                        "half_pixel_symmetric"};
  if (!llvm::is_contained(known, modes.coordinates))
    return void(call.error("coordinate_transformation_mode")
                << "'" << modes.coordinates << "', expected one of " << llvm::join(llvm::ArrayRef(known), ", ")
                << " [NNFC-E0214]");
  modes.antialias = call.flag("antialias");
  Ints named = call.axes(call.integers("axes", llvm::to_vector(llvm::seq<int64_t>(0, rank))), rank);
  if (call.hasFailed())
    return;
  SmallVector<Axis *> chosen;
  for (int64_t dim : named)
    chosen.push_back(&axes[dim]);

  RunTime r(call);
  std::optional<SmallVector<Scalar>> sizes = call.numbers("sizes");
  bool bySize = sizes && !sizes->empty();
  if (bySize) {
    if (sizes->size() != chosen.size())
      return void(call.error("sizes") << static_cast<int64_t>(sizes->size()) << " entries, expected "
                                      << static_cast<int64_t>(chosen.size()) << " [NNFC-E0212]");
    std::string policy = call.text("keep_aspect_ratio_policy", "stretch");
    if (policy == "not_larger" || policy == "not_smaller") {
      keepAspectRatio(call, chosen, *sizes, policy == "not_larger");
    } else {
      for (auto [axis, size] : llvm::zip(chosen, *sizes)) {
        axis->out = r.outputSize(size, "sizes", axis->dim, rank);
        applySize(r, *axis);
      }
    }
  } else if (std::optional<Numbers> scales = scalesOf(call)) {
    applyScales(call, chosen, *scales);
  } else {
    call.error("scales") << "missing, and so is 'sizes', expected one of them [NNFC-E0204]";
  }
  if (modes.coordinates == "tf_crop_and_resize") {
    std::optional<Numbers> roi = numbersOf(call, "roi", 1);
    if (!roi || roi->size() != 2 * chosen.size())
      return void(call.error("roi") << "expected " << static_cast<int64_t>(2 * chosen.size())
                                    << " numbers [NNFC-E0213]");
    for (size_t i = 0, count = chosen.size(); i < count; ++i) {
      if (!roi->known.empty()) {
        chosen[i]->roiStart = roi->known[i];
        chosen[i]->roiEnd = roi->known[count + i];
      } else {
        chosen[i]->runTimeStart = roi->atRunTime[i];
        chosen[i]->runTimeEnd = roi->atRunTime[count + i];
      }
    }
  }
  resizeWith(call, modes, bySize, axes);
}

void gridSample(Call &call) {
  TensorId x = call.input(0), grid = call.input(1);
  std::string mode = call.text("mode", "bilinear");
  // Version 20 names them after polynomials.
  mode = mode == "linear" ? "bilinear" : mode == "cubic" ? "bicubic" : mode;
  call.result(call.call("grid_sample", {{"input", x},
                                        {"grid", grid},
                                        {"mode", mode},
                                        {"padding_mode", call.text("padding_mode", "zeros")},
                                        {"align_corners", call.flag("align_corners")}}));
}

/// theta times each pixel's centre (x, y, z, 1): from -1 to 1 between the first and the last, or between the rims.
TensorId affineGridAtRunTime(Call &call, TensorId theta, ArrayRef<Dim> size, bool alignCorners) {
  RunTime r(call);
  Value matrix = call.graph().value(theta);
  Type element = Primitives::elementOf(matrix);
  int64_t spatial = size.size() - 2;
  Shape out{size[0]};
  out.append(size.begin() + 2, size.end());
  out.push_back(call.size(spatial));
  Value total;
  for (int64_t j = 0; j <= spatial; ++j) {
    Value column = r.squeeze(r.sliceDim(matrix, 2, call.size(j), call.size(1)), 2);
    Value term = r.broadcast(column, out, {0, spatial + 1});
    if (j < spatial) {
      Dim length = size[1 + spatial - j];
      Value i = r.iota({length}, 0, element), count = r.size(length, element);
      Value centre = alignCorners ? r.sub(r.div(r.mul(i, 2), r.max(r.sub(count, 1), 1)), 1)
                                  : r.sub(r.div(r.add(r.mul(i, 2), 1), count), 1);
      if (alignCorners) // the only one is in the middle
        centre = r.select(r.broadcast(r.eq(count, 1), {length}, {}), 0, centre);
      term = r.mul(term, r.broadcastAlong(centre, out, spatial - j));
    }
    total = total ? r.add(total, term) : term;
  }
  return call.graph().adopt(total);
}

void affineGrid(Call &call) {
  TensorId theta = call.input(0);
  std::optional<SmallVector<Scalar>> given = call.numbers("size");
  bool alignCorners = call.flag("align_corners");
  Shape matrix = call.shape(theta), size;
  if (call.hasFailed())
    return;
  if (!given || (given->size() != 4 && given->size() != 5))
    return void(call.error("size") << "expected the sizes of the output, [N, C, H, W] or [N, C, D, H, W] [NNFC-E0213]");
  int64_t spatial = given->size() - 2;
  if (matrix.size() != 3 || !isConstant(matrix[1], spatial) || !isConstant(matrix[2], spatial + 1))
    return void(call.error("theta") << "shape " << toString(matrix) << ", expected [N, " << spatial << ", "
                                    << spatial + 1 << "] [NNFC-E0208]");
  RunTime r(call);
  // The channels are not among the output's sizes.
  for (auto [i, number] : llvm::enumerate(*given))
    size.push_back(i == 0   ? matrix[0]
                   : i == 1 ? call.size(1)
                            : r.outputSize(number, "size", static_cast<int64_t>(i) - 1, spatial + 2));
  if (given->front().isKnown())
    call.requireEqual("size", given->front().size, matrix[0],
                      "{value}, expected " + toString(matrix[0]) + " first [NNFC-E0208]");
  else
    r.check(r.eq(r.value(given->front()), r.value(matrix[0])), r.value(given->front()),
            r.message("size", "{value}, expected " + toString(matrix[0]) + " first [NNFC-E0208]"));
  if (call.hasFailed())
    return;
  if (std::optional<SmallVector<int64_t>> sizes = constantsOf(size))
    return call.result(
        call.call("affine_grid", {{"theta", theta}, {"size", list(*sizes)}, {"align_corners", alignCorners}}));
  call.result(affineGridAtRunTime(call, theta, size, alignCorners));
}

} // namespace

void addResizing(OpTable &table) {
  table.add("AffineGrid", 20, affineGrid, "affine_grid");
  table.add("GridSample", 16, gridSample, "grid_sample");
  table.add("Upsample", 1, upsample);
  table.add("Resize", 10, resize);
}

} // namespace nnf::onnx
