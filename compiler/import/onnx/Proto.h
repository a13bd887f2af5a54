// Reading ONNX's protobuf messages. The one place that includes protobuf and libonnx, both of which need exceptions
// and run-time type information; no exception leaves it.
#ifndef NNF_COMPILER_IMPORT_ONNX_PROTO_H
#define NNF_COMPILER_IMPORT_ONNX_PROTO_H

#include "compiler/import/onnx/Model.h"

namespace nnf::onnx {

/// Reads the model that a file holds. Large tensors stay where they lie in it, so `owner` keeps these bytes. On failure
/// returns null, and `error` says what was found and what was expected, without the file's name.
std::unique_ptr<Model> parseModel(std::span<const uint8_t> file, std::shared_ptr<const void> owner, std::string &error);

/// The body that ONNX itself defines for an operator, at an operator-set version; null when it has none, or when this
/// libonnx does not know the operator at that version. `inputTypes` are the types of the node's inputs: some bodies
/// depend on them.
std::unique_ptr<Function> definitionOf(const Node &node, int64_t version, const std::vector<TypeInfo> &inputTypes);

/// Whether this libonnx knows an operator of that name, in some operator set up to that version.
bool isNamed(const Node &node, int64_t version);

/// Whether definitionOf can give one for some types of inputs, where it gives none without them.
bool isDefinedByTypes(const Node &node, int64_t version);

} // namespace nnf::onnx
#endif
