// The attributes that sliding windows share: kernel, strides, dilations, padding.
#ifndef NNF_COMPILER_IMPORT_ONNX_WINDOW_H
#define NNF_COMPILER_IMPORT_ONNX_WINDOW_H

#include "compiler/import/onnx/Call.h"

namespace nnf::onnx {

/// One entry per spatial dimension. `low` and `high` are numbers of elements of padding. Where the padding depends on a
/// symbolic size (SAME with a stride), they are the most it can be, and of what is padded so, `length` elements from
/// `start` on count; null elsewhere.
struct Window {
  Ints kernel, stride, dilation, low, high;
  Shape start, length;
  bool isCut() const {
    return llvm::any_of(length, [](Dim size) { return bool(size); });
  }
  bool isSymmetric() const { return low == high && !isCut(); }
  int64_t span(size_t i) const { return (kernel[i] - 1) * dilation[i] + 1; }
};

/// Reads strides, dilations, pads and auto_pad of a window with this kernel over an input N, C, *. Errors: lists of
/// another length, strides or dilations below 1.
Window windowOf(Call &call, llvm::ArrayRef<int64_t> kernel, size_t input = 0);

/// The kernel's sizes, from the weight; `kernel_shape` may repeat them.
Ints kernelOf(Call &call, size_t weightInput);

/// Zeros, or another value, around the spatial dimensions of N, C, *.
TensorId padSpatial(Call &call, TensorId x, const Window &window, double value);
TensorId padSpatial(Call &call, TensorId x, llvm::ArrayRef<int64_t> low, llvm::ArrayRef<int64_t> high, double value);

/// "conv2d" for `conv` and two dimensions; an error for more than three.
std::string withDimensions(Call &call, llvm::StringRef function, size_t spatial);

} // namespace nnf::onnx
#endif
