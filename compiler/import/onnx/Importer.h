// Walks an ONNX graph and builds nnf functions from it.
#ifndef NNF_COMPILER_IMPORT_ONNX_IMPORTER_H
#define NNF_COMPILER_IMPORT_ONNX_IMPORTER_H

#include "compiler/builder/GraphBuilder.h"
#include "compiler/import/ExternalFile.h"
#include "compiler/import/ReadOptions.h"
#include "compiler/import/onnx/Call.h"
#include "compiler/import/onnx/StoredTensors.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"
#include <deque>
#include <map>

namespace nnf::onnx {

/// The names one graph, or one body of a function, defines; a subgraph sees those around it.
struct Scope {
  Scope *parent = nullptr;
  const Opsets *opsets = nullptr;
  llvm::StringMap<Entry> entries;
  unsigned depth = 0;

  /// Here or further out; null when nothing has the name.
  Entry *find(llvm::StringRef name);
};

class Importer {
public:
  Importer(mlir::MLIRContext &context, const Model &model, const std::string &path, const ReadOptions &options);

  /// The module, or null after errors.
  mlir::OwningOpRef<mlir::ModuleOp> run();

  // ---- for mappings
  GraphBuilder &builder() { return graph; }
  mlir::MLIRContext *context() { return graph.context(); }

  /// The entry as a tensor of the graph; put into it now if it is not there. Null after an error.
  TensorId tensorOf(Entry &entry);
  const Known *knownOf(Entry &entry);
  /// Whether the entry is a constant that the program may set anew: its numbers are not to be looked at.
  bool isSwappable(const Entry &entry);
  /// The name that the model file has for a stored tensor; inside of functions the entry may have another.
  static llvm::StringRef storedName(const Entry &entry);
  /// Whether the entry is a stored tensor that the graph has as one, rather than numbers that are known.
  bool isData(Entry &entry);
  /// The elements of a number or a short list of integers, known or not; null for other tensors.
  const Known *elementsOf(Entry &entry);
  /// An element as a number while the model runs, a rank-0 int64.
  mlir::Value valueOf(const Scalar &element, mlir::Location location);
  /// An element as a size, 0 where it is negative: the same one whoever asks.
  Dim sizeOf(const Scalar &element, mlir::Location location);
  mlir::Type elementOf(Entry &entry);
  Shape shapeOf(Entry &entry);
  /// Defines a name as data of the model.
  void define(Scope &scope, llvm::StringRef name, std::shared_ptr<const Tensor> tensor);
  /// The sizes the model declares for a value of its main graph, null where it declares none; nothing when it does not
  /// declare a rank.
  std::optional<Shape> declaredShape(llvm::StringRef name);
  /// Adds elements that may have symbols in them.
  TensorId addKnown(const Known &known, llvm::StringRef name, mlir::Location location);

  /// Imports a graph inside another, with these values for its inputs: returns the entries of its outputs.
  mlir::FailureOr<llvm::SmallVector<Entry>> importSubgraph(const Graph &graph, llvm::ArrayRef<Entry> inputs,
                                                           Scope &outer, mlir::Location location);

private:
  mlir::LogicalResult build();
  mlir::LogicalResult addInputs(Scope &scope);
  mlir::LogicalResult addInitializers(const Graph &graph, Scope &scope);
  mlir::LogicalResult importNodes(llvm::ArrayRef<Node> nodes, llvm::ArrayRef<std::string> wanted, Scope &scope);
  mlir::LogicalResult importNode(const Node &node, Scope &scope);
  mlir::LogicalResult expand(const Node &node, const Function &function, Scope &scope);
  void nameOutputs(const Node &node, Scope &scope);
  Dim nameDimension(llvm::StringRef input, size_t index, const Dimension &dimension);
  mlir::FailureOr<Entry *> defineInitializer(Scope &scope, const std::string &name);
  mlir::FailureOr<llvm::ArrayRef<uint8_t>> bytesOf(const Tensor &tensor, std::shared_ptr<const void> &owner);
  bool isSignedZero(const Tensor &tensor);
  mlir::InFlightDiagnostic error() const;

  const Model &model;
  const std::string path;
  const ReadOptions &options;
  GraphBuilder graph;
  StoredTensors stored;
  ExternalFiles files;
  llvm::StringSet<> symbols;   ///< named by the model's inputs
  llvm::StringSet<> fixedDims; ///< of options.dims, those that an input has
  int64_t constantBytes = 0;
  /// Bodies and tensors made while importing; entries and calls point into them.
  std::deque<std::unique_ptr<Function>> definitions;
  std::deque<std::shared_ptr<const Tensor>> madeTensors;
  unsigned expansions = 0, subgraphs = 0;                   ///< of functions, and of bodies of loops and branches
  std::map<std::pair<TensorId, int64_t>, Dim> elementSizes; ///< of elements that only the run knows
};

} // namespace nnf::onnx
#endif
