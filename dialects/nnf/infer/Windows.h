// Windows that slide over spatial dimensions: what the arguments of convolutions and pooling mean.
#ifndef NNF_DIALECTS_NNF_INFER_WINDOWS_H
#define NNF_DIALECTS_NNF_INFER_WINDOWS_H

#include "dialects/nnf/infer/Arguments.h"

namespace nnf {

/// How a window slides; every list has one entry per spatial dimension. Output p covers input
/// p*stride - low + k*dilation, k < size.
struct Window {
  bool batched;
  IntList size, stride, low, high, dilation;
};

/// Positions of one window of `size` elements over `in` elements with this padding in all:
///   floor((in + padding - dilation*(size - 1) - 1) / stride) + 1
Dim windowCount(Dim in, int64_t padding, int64_t dilation, Dim size, int64_t stride);

/// The window of a convolution of N,Cin,* or Cin,* by Cout,Cin/groups,K*; fails with the argument at fault.
llvm::FailureOr<Window> convWindow(mlir::Location loc, mlir::Value input, mlir::Value weight, mlir::Value bias,
                                   Ints stride, mlir::Attribute padding, Ints dilation, int64_t groups,
                                   int64_t spatial);

/// The convolution whose output is a transposed convolution: `low` and `high` pad an input spread by `stride`, whose
/// kernel (Cin,Cout/groups,K*) is reversed. high includes output_padding.
llvm::FailureOr<Window> convTransposeWindow(mlir::Location loc, mlir::Value input, mlir::Value weight, mlir::Value bias,
                                            Ints stride, Ints padding, Ints outputPadding, int64_t groups,
                                            Ints dilation, int64_t spatial);

/// The window of a pooling function. `high` is what makes the floor formula give torch's length; in ceil mode the
/// last window starts inside the input or its left padding, so that is
///   min(padding + stride - 1, dilation*(size - 1))
llvm::FailureOr<Window> poolWindow(mlir::Location loc, mlir::Value input, Ints kernelSize, std::optional<Ints> stride,
                                   Ints padding, Ints dilation, bool ceilMode, int64_t spatial);

/// N,C,* or C,* with `spatial` trailing dimensions, all but N known to be at least 1; says whether N is there.
llvm::FailureOr<bool> expectSpatial(mlir::Location loc, mlir::Value input, int64_t spatial);
/// "[N, C, H, W] or [C, H, W]".
std::string spatialForm(int64_t spatial);

/// Input's leading dimensions, then one window count for each spatial one; fails where a count is known to be below 1.
llvm::FailureOr<Shape> windowedShape(mlir::Location loc, mlir::Value input, const Window &window);

} // namespace nnf
#endif
