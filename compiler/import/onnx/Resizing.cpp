// Resize and Upsample, in all their coordinate, rounding and cubic modes.
#include "compiler/import/onnx/OpTable.h"

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
  bool isPlain() const { return scale == 1 && sameDim(in, out); }
};

struct Modes {
  std::string mode, coordinates, nearest;
  double cubic = -0.75, outside = 0;
  bool excludesOutside = false;
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
    call.error() << "size " << in << " to " << out << ", expected at least one element, and at most 2^24";
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

/// torch's function for the whole resizing, where it means the same: N and C stay, one mode for the rest.
TensorId asInterpolate(Call &call, TensorId x, ArrayRef<Axis> axes, const Modes &modes, bool bySize) {
  int64_t rank = axes.size(), spatial = rank - 2;
  if (spatial < 1 || spatial > 3 || !axes[0].isPlain() || !axes[1].isPlain() || !findFunction("interpolate"))
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

/// The sizes that a policy about the aspect ratio makes of the wanted ones; scales are set accordingly.
void keepAspectRatio(Call &call, MutableArrayRef<Axis> axes, const std::string &policy) {
  double scale = policy == "not_larger" ? INFINITY : 0;
  for (Axis &axis : axes)
    scale = policy == "not_larger" ? std::min(scale, axis.scale) : std::max(scale, axis.scale);
  for (Axis &axis : axes) {
    std::optional<int64_t> in = constantOf(axis.in);
    if (!in)
      return void(call.error("keep_aspect_ratio_policy")
                  << "over the symbolic size " << toString(axis.in) << ", expected a fixed size");
    axis.scale = scale;
    axis.out = call.size(static_cast<int64_t>(std::floor(static_cast<double>(*in) * scale + 0.5)));
  }
}

/// floor(in * scale): a whole scale keeps a symbolic size symbolic.
Dim scaledSize(Call &call, Dim in, double scale) {
  if (std::optional<int64_t> size = constantOf(in)) {
    double out = std::floor(static_cast<double>(*size) * scale);
    if (out >= 0 && out < 1e12)
      return call.size(static_cast<int64_t>(out));
  } else if (scale == std::floor(scale) && scale >= 1 && scale < 1e6) {
    return simplify(in * static_cast<int64_t>(scale));
  } else if (double inverse = 1 / scale; inverse == std::floor(inverse) && inverse >= 1 && inverse < 1e6) {
    return simplify(in.floorDiv(static_cast<int64_t>(inverse)));
  }
  call.error("scales") << std::to_string(scale) << " times the size " << toString(in)
                       << ", expected a whole number, or one over it, for a symbolic size";
  return in;
}

void resizeWith(Call &call, const Modes &modes, bool bySize, MutableArrayRef<Axis> axes) {
  if (call.hasFailed())
    return;
  if (modes.mode != "nearest" && modes.mode != "linear" && modes.mode != "cubic")
    return void(call.error("mode") << "'" << modes.mode << "', expected 'nearest', 'linear' or 'cubic'");
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
    if (!constantOf(axis.in) || !constantOf(axis.out))
      return void(call.error() << "resizes " << toString(axis.in) << " to " << toString(axis.out) << " with mode '"
                               << modes.mode << "', '" << modes.coordinates
                               << "', expected fixed sizes, or a mode that torch.nn.functional.interpolate has");
    x = resample(call, x, axis, modes);
    shape[axis.dim] = axis.out;
  }
  if (modes.coordinates == "tf_crop_and_resize")
    for (const Axis &axis : axes) {
      if (call.hasFailed())
        return;
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

/// Numbers of a parameter that is an attribute or an input; nothing when omitted or empty.
std::optional<SmallVector<double>> numbersOf(Call &call, StringRef name) {
  std::optional<size_t> input = inputOfParameter(call.node.opType, name, call.version);
  if (!input) {
    const Attribute *given = call.attribute(name, Attribute::Kind::Floats);
    if (!given)
      return std::nullopt;
    return SmallVector<double>(given->floats.begin(), given->floats.end());
  }
  if (!call.has(*input))
    return std::nullopt;
  const Known *known = call.known(*input);
  SmallVector<double> numbers;
  for (size_t i = 0; known && i < known->values.size(); ++i)
    if (std::optional<double> number = known->number(i))
      numbers.push_back(*number);
  if (!known || numbers.size() != known->values.size()) {
    call.error(name) << "'" << call.node.inputs[*input] << "' is known at run time only, expected constants";
    return std::nullopt;
  }
  return numbers.empty() ? std::nullopt : std::optional<SmallVector<double>>(numbers);
}

void applyScales(Call &call, MutableArrayRef<Axis *> axes, ArrayRef<double> scales) {
  if (scales.size() != axes.size())
    return void(call.error("scales") << static_cast<int64_t>(scales.size()) << " entries, expected "
                                     << static_cast<int64_t>(axes.size()));
  for (auto [axis, scale] : llvm::zip(axes, scales)) {
    if (!(scale > 0) || call.hasFailed())
      return void(call.error("scales") << std::to_string(scale) << ", expected numbers above 0");
    axis->scale = scale;
    axis->out = scaledSize(call, axis->in, scale);
  }
}

void upsample(Call &call) {
  SmallVector<Axis> axes = allAxes(call);
  SmallVector<Axis *> all;
  for (Axis &axis : axes)
    all.push_back(&axis);
  if (call.version < 7 && call.hasAttribute("height_scale")) {
    if (axes.size() != 4)
      return void(call.error() << "rank " << static_cast<int64_t>(axes.size()) << ", expected 4");
    applyScales(call, all, {1, 1, call.number("height_scale", 1), call.number("width_scale", 1)});
  } else if (std::optional<SmallVector<double>> scales = numbersOf(call, "scales")) {
    applyScales(call, all, *scales);
  } else {
    call.error("scales") << "missing, expected one number for each dimension";
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
    std::optional<SmallVector<double>> scales = numbersOf(call, "scales");
    if (!scales)
      return void(call.error("scales") << "missing, expected one number for each dimension");
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
                << "'" << modes.coordinates << "', expected one of " << llvm::join(llvm::ArrayRef(known), ", "));
  if (call.flag("antialias"))
    return call.notThereYet("antialias");
  Ints named = call.axes(call.integers("axes", llvm::to_vector(llvm::seq<int64_t>(0, rank))), rank);
  if (call.hasFailed())
    return;
  SmallVector<Axis *> chosen;
  for (int64_t dim : named)
    chosen.push_back(&axes[dim]);

  std::optional<Shape> sizes = call.sizes("sizes");
  bool bySize = sizes && !sizes->empty();
  if (bySize) {
    if (sizes->size() != chosen.size())
      return void(call.error("sizes") << toString(*sizes) << ", expected " << static_cast<int64_t>(chosen.size())
                                      << " entries");
    for (auto [axis, size] : llvm::zip(chosen, *sizes)) {
      axis->out = size;
      std::optional<int64_t> in = constantOf(axis->in), out = constantOf(size);
      if (in && out && *in > 0)
        axis->scale = static_cast<double>(*out) / static_cast<double>(*in);
      else if (Dim ratio = exactQuotient({size}, {axis->in}, call.context()); ratio && constantOf(ratio))
        axis->scale = static_cast<double>(*constantOf(ratio));
      else if (!sameDim(axis->in, size))
        return void(call.error("sizes") << toString(axis->in) << " to " << toString(size)
                                        << ", expected fixed sizes, or a multiple of the symbolic size");
    }
    std::string policy = call.text("keep_aspect_ratio_policy", "stretch");
    if (policy == "not_larger" || policy == "not_smaller") {
      SmallVector<Axis> some;
      for (Axis *axis : chosen)
        some.push_back(*axis);
      keepAspectRatio(call, some, policy);
      for (auto [axis, kept] : llvm::zip(chosen, some))
        *axis = kept;
    }
  } else if (std::optional<SmallVector<double>> scales = numbersOf(call, "scales")) {
    applyScales(call, chosen, *scales);
  } else {
    call.error("scales") << "missing, and so is 'sizes', expected one of them";
  }
  if (modes.coordinates == "tf_crop_and_resize") {
    const Known *roi = call.known(1);
    if (!roi || roi->values.size() != 2 * chosen.size())
      return void(call.error("roi") << "expected " << static_cast<int64_t>(2 * chosen.size()) << " constants");
    for (size_t i = 0; i < chosen.size(); ++i) {
      chosen[i]->roiStart = roi->number(i).value_or(0);
      chosen[i]->roiEnd = roi->number(chosen.size() + i).value_or(1);
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

void affineGrid(Call &call) {
  TensorId theta = call.input(0);
  std::optional<Ints> size = call.constants("size");
  if (!size)
    return void(call.error("size") << "missing, expected the sizes of the output");
  call.result(call.call("affine_grid",
                        {{"theta", theta}, {"size", list(*size)}, {"align_corners", call.flag("align_corners")}}));
}

} // namespace

void addResizing(OpTable &table) {
  table.add("AffineGrid", 20, affineGrid, "affine_grid");
  table.add("GridSample", 16, gridSample, "grid_sample");
  table.add("Upsample", 1, upsample);
  table.add("Resize", 10, resize);
}

} // namespace nnf::onnx
