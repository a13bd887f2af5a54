// Result types of padding and resampling.
#include "dialects/nnf/infer/Resizing.h"

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Resizing.h.inc"

using namespace mlir;
namespace nnf {

/// The size a dimension needs for its padding: what is cropped, and what borders are made of.
static int64_t leastSize(StringRef mode, int64_t low, int64_t high) {
  int64_t cropped = std::max<int64_t>(-low, 0) + std::max<int64_t>(-high, 0),
          border = std::max({low, high, int64_t(0)});
  if (mode == "constant")
    return std::max<int64_t>(-(low + high), 0);
  if (mode == "circular")
    return cropped + border;
  return std::max<int64_t>(cropped, mode == "reflect" ? border + 1 : 1);
}

NNF_INFER(PadOp) {
  Value input = op.getInput();
  Shape shape = shapeOf(input);
  Ints pads = op.getPad();
  int64_t rank = shape.size(), pairs = pads.size() / 2;
  StringRef mode = op.getMode();
  if (failed(expectWord(loc, "mode", mode, {"constant", "reflect", "replicate", "circular"})))
    return failure();
  if (pads.size() % 2 || pairs > rank)
    return argumentError(loc, "pad") << pads.size() << " entries, expected an even number of at most " << 2 * rank
                                     << " [NNFC-E0212]";
  if (failed(expectHeld(loc, "value", op.getValue(), elementOf(input))))
    return failure();
  if (mode != "constant") {
    if (op.getValue() != 0)
      return argumentError(loc, "value") << toString(op.getValue()) << ", expected 0 with mode '" << mode
                                         << "' [NNFC-E0213]";
    bool fits = pairs >= 1 && pairs <= 3 && (rank == pairs + 2 || (rank == pairs + 1 && mode != "circular"));
    if (!fits)
      return argumentError(loc, "pad") << pads.size() << " entries for rank " << rank
                                       << ", expected 2 for each dimension after N and C"
                                       << (mode == "circular" ? "" : ", or after C") << ", at most 6, with mode '"
                                       << mode << "' [NNFC-E0212]";
  }
  // Beyond any tensor, and far from where sums of sizes overflow.
  constexpr int64_t mostPadding = int64_t(1) << 40;
  for (int64_t entry : pads)
    if (entry < -mostPadding || entry > mostPadding)
      return argumentError(loc, "pad") << entry << ", expected at most 2^40 either way [NNFC-E0222]";
  for (int64_t i = 0; i < pairs; ++i) {
    int64_t dim = rank - 1 - i, low = pads[2 * i], high = pads[2 * i + 1];
    if (std::optional<int64_t> size = constantOf(shape[dim])) {
      // Circular crops first and wraps what is left.
      int64_t wrapped = *size + std::min<int64_t>(low, 0) + std::min<int64_t>(high, 0);
      int64_t most = mode == "reflect" ? *size - 1 : mode == "circular" ? wrapped : std::max(low, high);
      if (std::max(low, high) > most)
        return argumentError(loc, "pad") << std::max(low, high) << " at dimension " << dim << ", expected at most "
                                         << most << " with mode '" << mode << "' [NNFC-E0213]";
      if (mode == "replicate" && *size == 0)
        return argumentError(loc, "input") << "size 0 at dimension " << dim << ", expected at least 1 [NNFC-E0217]";
      if (*size + low + high < 0)
        return argumentError(loc, "pad") << "(" << low << ", " << high << ") leaves a size of " << *size + low + high
                                         << " at dimension " << dim << ", expected at least 0 [NNFC-E0217]";
    } else if (failed(requireSize(loc, "pad", shape[dim], shape[dim] - leastSize(mode, low, high),
                                  "(" + Twine(low) + ", " + Twine(high) + ") at dimension " + Twine(dim) +
                                      " of size {value}, expected a size of at least " +
                                      Twine(leastSize(mode, low, high)) + " with mode '" + mode + "' [NNFC-E0208]"))) {
      return failure();
    }
    shape[dim] = shape[dim] + (low + high);
  }
  types.push_back(tensorOf(shape, elementOf(input)));
  return success();
}

static FailureOr<Resample> resampleMode(Location loc, StringRef mode, int64_t spatial) {
  struct Mode {
    StringLiteral name;
    Resample kind;
    int64_t spatial; // 0: any
  };
  static constexpr Mode modes[] = {{"nearest", Resample::Nearest, 0}, {"nearest-exact", Resample::NearestExact, 0},
                                   {"area", Resample::Area, 0},       {"linear", Resample::Linear, 1},
                                   {"bilinear", Resample::Linear, 2}, {"bicubic", Resample::Cubic, 2},
                                   {"trilinear", Resample::Linear, 3}};
  for (const Mode &known : modes)
    if (known.name == mode && (known.spatial == 0 || known.spatial == spatial))
      return known.kind;
  auto error = argumentError(loc, "mode") << "'" << mode << "', expected ";
  bool first = true;
  for (const Mode &known : modes)
    if (known.spatial == 0 || known.spatial == spatial) {
      error << (first ? "'" : " or '") << known.name << "'";
      first = false;
    }
  return error << " for " << spatial << " spatial dimensions [NNFC-E0214]";
}

FailureOr<Resampling> resampling(Location loc, Value input, const ResamplingArguments &a) {
  if (failed(expectRank(loc, "input", input, {3, 4, 5}, "[N, C, ...]")) || failed(expectSizes(loc, "input", input, 1)))
    return failure();
  int64_t spatial = rankOf(input) - 2;
  FailureOr<Resample> mode = resampleMode(loc, a.mode, spatial);
  if (failed(mode))
    return failure();
  bool isNearest = *mode == Resample::Nearest || *mode == Resample::NearestExact;
  Type element = elementOf(input);
  if (!isFloat(element) && !(isNearest && element.isUnsignedInteger(8)))
    return argumentError(loc, "input") << "dtype " << dtypeName(element) << ", expected a float"
                                       << (isNearest ? " or uint8" : "") << " [NNFC-E0206]";
  if (a.alignCorners && (isNearest || *mode == Resample::Area))
    return argumentError(loc, "align_corners") << "given, expected none with mode '" << a.mode << "' [NNFC-E0215]";
  if (a.antialias && (spatial != 2 || (*mode != Resample::Linear && *mode != Resample::Cubic)))
    return argumentError(loc, "antialias")
           << "true with mode '" << a.mode << "', expected mode 'bilinear' or 'bicubic' and rank 4 [NNFC-E0215]";
  if (a.size.has_value() == a.scaleFactor.has_value())
    return argumentError(loc, "size") << (a.size ? "given beside 'scale_factor'" : "missing like 'scale_factor'")
                                      << ", expected one of the two [NNFC-E0215]";
  if (a.size && a.recomputeScaleFactor)
    return argumentError(loc, "recompute_scale_factor") << "true with 'size', expected 'scale_factor' [NNFC-E0215]";

  Shape shape = shapeOf(input);
  Resampling result{*mode, a.alignCorners.value_or(false), a.antialias, {}, {}};
  if (a.antialias && (a.size || a.recomputeScaleFactor || result.alignCorners) &&
      !constantsOf(ArrayRef<Dim>(shape).drop_front(2)))
    return argumentError(loc, "antialias")
           << "true with symbolic sizes, expected numbers, or a scale_factor used as given [NNFC-E0215]";
  if (a.size) {
    FailureOr<IntList> sizes = perDim(loc, "size", *a.size, spatial, 1);
    if (failed(sizes))
      return failure();
    for (int64_t size : *sizes)
      result.sizes.push_back(dimOf(loc.getContext(), size));
    return result;
  }
  SmallVector<double> factors(*a.scaleFactor);
  if (factors.size() == 1)
    factors.assign(spatial, factors[0]);
  if (static_cast<int64_t>(factors.size()) != spatial)
    return argumentError(loc, "scale_factor")
           << factors.size() << " entries, expected 1 or " << spatial << " [NNFC-E0212]";
  for (int64_t i = 0; i < spatial; ++i) {
    double factor = factors[i];
    if (!(factor > 0) || std::isinf(factor))
      return argumentError(loc, "scale_factor")
             << toString(factor) << ", expected a finite number above 0 [NNFC-E0213]";
    Dim length = shape[2 + i];
    std::optional<int64_t> known = constantOf(length);
    if (known) {
      double scaled = std::floor(static_cast<double>(*known) * factor);
      if (scaled < 1 || scaled > 0x1p40)
        return argumentError(loc, "scale_factor") << toString(factor) << " makes " << toString(scaled) << " of "
                                                  << *known << ", expected at least 1 [NNFC-E0213]";
      result.sizes.push_back(dimOf(loc.getContext(), static_cast<int64_t>(scaled)));
    } else if (factor == std::floor(factor) && factor < 0x1p20) {
      result.sizes.push_back(simplify(length * static_cast<int64_t>(factor)));
    } else if (1 / factor == std::floor(1 / factor) && factor * (1 / factor) == 1) {
      result.sizes.push_back(simplify(length.floorDiv(static_cast<int64_t>(1 / factor))));
    } else {
      result.sizes.push_back(scaledBy(length, factor));
    }
    Dim size = result.sizes.back();
    if (failed(requireSize(loc, "scale_factor", length, size - 1,
                           toString(factor) + " makes nothing of size {value} at dimension " + Twine(2 + i) +
                               ", expected at least 1 [NNFC-E0217]")))
      return failure();
  }
  if (!a.recomputeScaleFactor)
    result.factors = factors;
  return result;
}

template <typename Adaptor> static LogicalResult resampled(Location loc, Adaptor op, SmallVectorImpl<Type> &types) {
  FailureOr<Resampling> plan = resampling(loc, op.getInput(), resamplingArguments(op));
  if (failed(plan))
    return failure();
  Shape shape = shapeOf(op.getInput());
  llvm::copy(plan->sizes, shape.begin() + 2);
  types.push_back(tensorOf(shape, elementOf(op.getInput())));
  return success();
}
NNF_INFER_BY(InterpolateOp, resampled)
NNF_INFER_BY(UpsampleOp, resampled)
NNF_INFER_BY(UpsampleNearestOp, resampled)
NNF_INFER(UpsampleBilinearOp) {
  if (failed(expectRank(loc, "input", op.getInput(), {4}, "[N, C, H, W]")))
    return failure();
  ResamplingArguments arguments = resamplingArguments(op);
  arguments.mode = "bilinear";
  arguments.alignCorners = true;
  FailureOr<Resampling> plan = resampling(loc, op.getInput(), arguments);
  if (failed(plan))
    return failure();
  Shape shape = shapeOf(op.getInput());
  llvm::copy(plan->sizes, shape.begin() + 2);
  types.push_back(tensorOf(shape, elementOf(op.getInput())));
  return success();
}

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Resizing.cpp.inc"

void nnf::addResizingOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/Resizing.cpp.inc"
      >();
}
