// A model's message without the bytes of its large tensors, which protobuf would copy several times.
#ifndef NNF_COMPILER_IMPORT_ONNX_SKELETON_H
#define NNF_COMPILER_IMPORT_ONNX_SKELETON_H

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>

namespace nnf::onnx {

struct Skeleton {
  std::string message;
  /// The field raw_data of initializers that have lost it, by their number in the graph. Views into the whole message.
  std::map<int, std::span<const uint8_t>> rawData;
};

/// Nothing where the message is none of a model, or is written in an unusual way: then it is for protobuf to judge.
std::optional<Skeleton> skeletonOf(std::span<const uint8_t> model);

} // namespace nnf::onnx
#endif
