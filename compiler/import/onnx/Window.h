// The attributes that sliding windows share: kernel, strides, dilations, padding.
#ifndef NNF_COMPILER_IMPORT_ONNX_WINDOW_H
#define NNF_COMPILER_IMPORT_ONNX_WINDOW_H

#include "compiler/import/onnx/Call.h"

namespace nnf::onnx {

/// One entry per spatial dimension. `low` and `high` are numbers of elements of padding.
struct Window {
  Ints kernel, stride, dilation, low, high;
  bool isSymmetric() const { return low == high; }
  int64_t span(size_t i) const { return (kernel[i] - 1) * dilation[i] + 1; }
};

/// Reads strides, dilations, pads and auto_pad of a window with this kernel over an input N, C, *. Errors: lists of
/// another length, strides or dilations below 1, `auto_pad` SAME with a symbolic size and a stride.
Window windowOf(Call &call, llvm::ArrayRef<int64_t> kernel, size_t input = 0);

/// Zeros, or another value, around the spatial dimensions of N, C, *.
TensorId padSpatial(Call &call, TensorId x, llvm::ArrayRef<int64_t> low, llvm::ArrayRef<int64_t> high, double value);

/// "conv2d" for `conv` and two dimensions; an error for more than three.
std::string withDimensions(Call &call, llvm::StringRef function, size_t spatial);

} // namespace nnf::onnx
#endif
