// What the parameters of interpolate mean.
#ifndef NNF_DIALECTS_NNF_INFER_RESIZING_H
#define NNF_DIALECTS_NNF_INFER_RESIZING_H

#include "dialects/nnf/infer/Arguments.h"

namespace nnf {

enum class Resample { Nearest, NearestExact, Area, Linear, Cubic };

/// A resampling of the spatial dimensions. `factors` holds the scale factors to be used as given; it is empty where
/// the step follows from the sizes.
struct Resampling {
  Resample mode;
  bool alignCorners, antialias;
  Shape sizes;
  llvm::SmallVector<double> factors;
};

struct ResamplingArguments {
  std::optional<Ints> size = {};
  std::optional<llvm::ArrayRef<double>> scaleFactor = {};
  llvm::StringRef mode = "nearest";
  std::optional<bool> alignCorners = {};
  bool recomputeScaleFactor = false, antialias = false;
};

llvm::FailureOr<Resampling> resampling(mlir::Location loc, mlir::Value input, const ResamplingArguments &arguments);

/// The arguments of each of the functions.
template <typename Adaptor> ResamplingArguments resamplingArguments(Adaptor op) {
  ResamplingArguments arguments{op.getSize(), op.getScaleFactor()};
  if constexpr (requires { op.getMode(); }) {
    arguments.mode = op.getMode();
    arguments.alignCorners = op.getAlignCorners();
  }
  if constexpr (requires { op.getAntialias(); }) {
    arguments.recomputeScaleFactor = op.getRecomputeScaleFactor().value_or(false);
    arguments.antialias = op.getAntialias();
  }
  return arguments;
}

} // namespace nnf
#endif
