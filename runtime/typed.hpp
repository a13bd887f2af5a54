// What the classes are made of that `nnfc compile --cxx-class` writes around a model: tensors whose element type and
// sizes the C++ compiler knows. Header-only, C++20, no exceptions.
//
//   Detector d;                                   // made of detector.onnx; its header says what it takes
//   std::array<float, Detector::Input0::elements> image;
//   Detector::Output0 boxes;
//   if (nnf::Status s = d.run(image, boxes); !s) ...
//   const float *y = boxes.data();                // until the next run
#ifndef NNF_TYPED_HPP
#define NNF_TYPED_HPP
#include "nnf.hpp"
#include <array>

namespace nnf {
inline namespace runtime {

/// The bits of an IEEE 754 binary16, which C++20 has no type for.
struct float16 {
  uint16_t bits;
};
/// The bits of a bfloat16: the upper half of a float.
struct bfloat16 {
  uint16_t bits;
};

/// The dtype of a C++ type: dtypeOf, and of float16 and bfloat16.
template <typename T> constexpr uint32_t elementType() {
  if constexpr (std::is_same_v<T, float16>)
    return NNF_FLOAT16;
  else if constexpr (std::is_same_v<T, bfloat16>)
    return NNF_BFLOAT16;
  else
    return dtypeOf<T>();
}

/// A size that only the run knows.
inline constexpr int64_t dynamicSize = -1;
/// The same with an upper bound, in a Shape.
constexpr int64_t upTo(int64_t most) { return dynamicSize - most; }

/// The sizes of a tensor.
template <int64_t... sizes> struct Shape {
  static constexpr size_t rank = sizeof...(sizes);
  static constexpr std::array<int64_t, rank> dims = {(sizes < 0 ? dynamicSize : sizes)...};
  /// What each may be at most; dynamicSize: anything.
  static constexpr std::array<int64_t, rank> maxDims = {(sizes < dynamicSize ? dynamicSize - sizes : sizes)...};
  static constexpr bool isFixed = ((sizes >= 0) && ...);
  static constexpr bool isBounded = ((sizes != dynamicSize) && ...);
  static constexpr size_t dynamicSizes = (size_t(sizes < 0) + ... + 0);
  static constexpr int64_t elements = isFixed ? (sizes * ... * 1) : dynamicSize;
  static constexpr int64_t maxElements =
      isBounded ? ((sizes < 0 ? dynamicSize - sizes : sizes) * ... * 1) : dynamicSize;
};

/// A tensor of a model: T its elements (const where they are only read), S its Shape.
template <typename T, typename S> class TypedTensor {
public:
  using Element = std::remove_const_t<T>;
  using Sizes = S;
  static constexpr uint32_t dtype = elementType<Element>();
  static constexpr size_t rank = S::rank;
  static constexpr std::array<int64_t, rank> shape = S::dims;
  static constexpr int64_t elements = S::elements;
  /// With dynamic sizes that have bounds (`nnfc compile --dim N=1:32`): what to make room for.
  static constexpr std::array<int64_t, rank> maxShape = S::maxDims;
  static constexpr int64_t maxElements = S::maxElements;

  /// An output that the context makes room for.
  TypedTensor() = default;
  /// Where all sizes are fixed: exactly so many elements.
  template <size_t count>
    requires(S::isFixed && int64_t(count) == S::elements)
  TypedTensor(T (&data)[count]) : TypedTensor(static_cast<T *>(data)) {}
  template <size_t count>
    requires(S::isFixed && int64_t(count) == S::elements)
  TypedTensor(std::array<Element, count> &data) : TypedTensor(data.data()) {}
  template <size_t count>
    requires(S::isFixed && int64_t(count) == S::elements && std::is_const_v<T>)
  TypedTensor(const std::array<Element, count> &data) : TypedTensor(data.data()) {}
  /// At a pointer: nobody checks that there are S::elements of them.
  explicit TypedTensor(T *data)
    requires(S::isFixed)
      : TypedTensor(data, std::array<int64_t, 0>()) {}
  /// Otherwise the dynamic sizes, in order: TypedTensor(data, {8}) of [dynamicSize, 3] is [8, 3].
  TypedTensor(T *data, std::array<int64_t, S::dynamicSizes> dynamicSizes) : isGiven(true) {
    tensor.data = const_cast<Element *>(data);
    tensor.device = {kDLCPU, 0};
    tensor.ndim = int(rank);
    tensor.dtype = nnf_dtype_dlpack(dtype);
    size_t next = 0;
    for (size_t d = 0; d < rank; ++d)
      sizes[d] = S::dims[d] < 0 ? dynamicSizes[next++] : S::dims[d];
  }

  /// The elements, row-major; NULL before a run has made room for them.
  T *data() const {
    uint8_t *bytes = static_cast<uint8_t *>(tensor.data);
    return bytes ? reinterpret_cast<T *>(bytes + tensor.byte_offset) : nullptr;
  }
  /// The sizes, outermost first, the dynamic ones as given or as the last run found; none before that run.
  std::span<const int64_t> dims() const {
    return {isGiven ? sizes.data() : tensor.shape, isGiven || tensor.shape ? rank : 0};
  }
  /// As runs take it. A run fills in what it makes room for, here too: nothing of the tensor's own changes by that.
  DLTensor *dlpack() const {
    if (isGiven)
      tensor.shape = const_cast<int64_t *>(sizes.data()); // here, not once: the tensor may have been copied
    return &tensor;
  }

private:
  mutable DLTensor tensor = {};
  std::array<int64_t, rank ? rank : 1> sizes = {};
  bool isGiven = false;
};

/// An input that is only read.
template <typename T, typename S> using In = TypedTensor<const T, S>;
/// An input whose buffer holds its new value after the run.
template <typename T, typename S> using InOut = TypedTensor<T, S>;
/// An output.
template <typename T, typename S> using Out = TypedTensor<T, S>;

/// A model that is linked into the program, with a context: what the generated classes inherit.
class LinkedModel {
public:
  /// It can run.
  explicit operator bool() const { return bool(made); }
  /// How making it went: the runtime may not suit the model, nor the CPU, nor the memory do.
  const Status &status() const { return made; }
  /// For calls of nnf.h; it stays this object's.
  nnf_context *context() const { return ownContext.get(); }
  /// Names, types and sizes, for those who do not know them while compiling.
  const Model &model() const { return ownModel; }

protected:
  LinkedModel(const nnf_model &descriptor, const nnf_context_options &options) {
    made = Model::from(descriptor, ownModel);
    if (made)
      made = Context::create(ownModel, ownContext, options);
  }
  Status runTensors(std::span<DLTensor *const> in, std::span<DLTensor *const> out, const nnf_run_options *options) {
    if (!made)
      return made;
    int32_t code = nnf_run(ownContext.get(), in.data(), uint32_t(in.size()), out.data(), uint32_t(out.size()), options);
    return Status(code, ownContext.get());
  }

private:
  Model ownModel;
  Context ownContext;
  Status made;
};

} // namespace runtime
} // namespace nnf
#endif
