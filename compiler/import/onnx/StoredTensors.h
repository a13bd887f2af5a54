// What a program may set of a model: its tensors, and which of them are the integers that quantised models have as
// weights.
#ifndef NNF_COMPILER_IMPORT_ONNX_STOREDTENSORS_H
#define NNF_COMPILER_IMPORT_ONNX_STOREDTENSORS_H

#include "compiler/import/onnx/Model.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/StringSet.h"

namespace nnf::onnx {

/// Integers of 8 bits are data; those of 32 where an operator of quantised models adds them as its bias. Others are
/// sizes, axes and indices.
class StoredTensors {
public:
  explicit StoredTensors(const Model &model);

  bool isBias(llvm::StringRef name) const { return biases.contains(name); }
  /// Tensors that the model itself has. Those of functions' bodies stand for several.
  bool has(const Tensor *tensor) const { return tensors.contains(tensor); }
  void add(const Tensor *tensor) { tensors.insert(tensor); }
  /// A zero point of a tensor that is stored itself. Where it is that of signed bytes, products of bytes rely on it.
  bool isZeroOfStored(llvm::StringRef name) const { return zeros.contains(name); }

private:
  llvm::DenseSet<const Tensor *> tensors;
  llvm::StringSet<> names, biases, zeros;

  void findStored(const Graph &graph);
  void findRoles(const Graph &graph);
};

} // namespace nnf::onnx
#endif
