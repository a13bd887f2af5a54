// The one way graphs are made: graph files, ONNX models and the C++ API all call this.
#ifndef NNF_COMPILER_BUILDER_GRAPHBUILDER_H
#define NNF_COMPILER_BUILDER_GRAPHBUILDER_H

#include "compiler/builder/FunctionTable.h"
#include "compiler/import/ReadOptions.h"
#include "dialects/nnf/Constness.h"
#include "dialects/nnf/Nnf.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/ADT/StringSet.h"
#include <compare>
#include <string>
#include <variant>
#include <vector>

namespace nnf {

/// A tensor of a graph: an input, a constant or an output of a node. It stays valid when an in-place function changes
/// the tensor; GraphBuilder::value() is then the new value.
struct TensorId {
  unsigned number = ~0u;
  auto operator<=>(const TensorId &) const = default;
  explicit operator bool() const { return number != ~0u; }
};

/// What a graph may give for a parameter. monostate is Python's None: the parameter takes its default.
using ArgumentValue = std::variant<std::monostate, TensorId, std::vector<TensorId>, int64_t, double, bool, std::string,
                                   std::vector<int64_t>, std::vector<double>>;

struct Argument {
  std::string name;
  ArgumentValue value;
};

/// How a node is called in messages, and what its outputs are called.
struct NodeSite {
  std::string node;                      ///< the node's name; may be empty
  std::string op = "";                   ///< the op as the user wrote it; empty: the function's name
  std::vector<std::string> outputs = {}; ///< names of the outputs, kept in the location; empty: none are known
  /// Its number among the graph's nodes that can draw, which keys its draws; left out: how many were added before it.
  std::optional<int64_t> randomNumber = {};
  /// Where the node stands in a file of text, kept in the location; left out: nowhere.
  std::optional<mlir::Location> position = {};
};

/// Builds one graph: a module whose @main takes the inputs and returns the outputs. Errors are MLIR diagnostics,
/// located at the node; after one, the graph cannot be finished.
class GraphBuilder {
public:
  /// Of the options, limits hold for every tensor made, and symbol() gives the sizes that `dims` fixes.
  GraphBuilder(mlir::MLIRContext &context, llvm::StringRef graphName, const ReadOptions &options = {});
  ~GraphBuilder();

  mlir::MLIRContext *context() const { return builder.getContext(); }

  /// The size bound to `name` at run time (or fixed by the options); equal names are equal sizes.
  Dim symbol(llvm::StringRef name);
  Dim size(int64_t size) { return dimOf(context(), size); }

  /// Adds an input. Fails when an input has that name already, or its type is beyond the limits.
  mlir::FailureOr<TensorId> addInput(llvm::StringRef name, mlir::Type element, llvm::ArrayRef<Dim> shape);
  /// Adds a constant: little-endian row-major bytes (bool: one byte each), as many as the type needs. Up to 1 KB it
  /// becomes an `nnf.constant`, above that a weight; `owner` keeps the bytes alive. `provenance` is for messages.
  TensorId addConstant(llvm::StringRef name, mlir::RankedTensorType type, llvm::ArrayRef<uint8_t> bytes,
                       std::shared_ptr<const void> owner, llvm::StringRef provenance);
  /// The same with bytes the graph takes over.
  TensorId addConstant(llvm::StringRef name, mlir::RankedTensorType type, std::vector<uint8_t> bytes,
                       llvm::StringRef provenance);

  /// A constant that the model file has under this name. With the option `swappableWeights` one that `canBeSet` is a
  /// weight of whatever size; of two with one name an error.
  TensorId addStoredConstant(llvm::StringRef name, mlir::RankedTensorType type, llvm::ArrayRef<uint8_t> bytes,
                             std::shared_ptr<const void> owner, llvm::StringRef provenance, bool canBeSet);
  /// Whether constants of such elements are weights: floating-point numbers, and integers of 8 bits, which stand for
  /// some. Others are sizes and indices.
  static bool areWeights(mlir::Type element);
  /// The graph depends on the numbers of this stored constant: it cannot be set anew.
  void dependOnNumbers(llvm::StringRef name) { compiledIn.insert(name); }

  /// Adds one call of a function. `function` is torch's name (`relu`, `relu_`, `conv2d`), arguments are by the names of
  /// its parameters. Checks name, arguments and kinds, fills in defaults, infers result types, and gives the tensors
  /// that the function changes in place their new values. Returns the outputs; effects are none.
  mlir::FailureOr<llvm::SmallVector<TensorId>> addNode(llvm::StringRef function, llvm::ArrayRef<Argument> arguments,
                                                       const NodeSite &site);
  /// addNode for a function with one output.
  mlir::FailureOr<TensorId> addUnaryOutputNode(llvm::StringRef function, llvm::ArrayRef<Argument> arguments,
                                               const NodeSite &site);

  /// Names the graph's outputs, in order. Fails when two have one name. Called once, before finish().
  mlir::LogicalResult setOutputs(llvm::ArrayRef<std::pair<std::string, TensorId>> outputs);
  /// Returns the verified module; null after errors. Inputs that were changed get a result with their new value and
  /// `nnf.inout`; such a result follows the graph's outputs unless one of them is that value under the input's name.
  mlir::OwningOpRef<mlir::ModuleOp> finish();

  /// The first node that changed a tensor in place, if one did.
  std::optional<mlir::Location> firstEffect() const { return effect; }

  // ---- loops and branches

  /// Begins a function that a loop or a branch will run: what is added next goes into it, until endBody(). Returns its
  /// arguments. Tensors from outside can be used as they are; they are captured.
  llvm::SmallVector<TensorId> beginBody(llvm::ArrayRef<mlir::Type> arguments);
  /// A finished function, for one loop or branch.
  struct Body {
    mlir::func::FuncOp function;
    llvm::SmallVector<mlir::Value> captures; // of the function around it, in the order of its last arguments
  };
  Body endBody(llvm::ArrayRef<TensorId> results);
  /// In place of endBody(): what was added since is not used.
  void discardBody();
  /// A size of a carried tensor that differs from step to step, for the argument of a body.
  Dim newStepSize() { return sizeOfData(context(), dataSizes++); }
  /// `body` step after step; see nnf.loop. Its arguments are the step's number and the carried tensors, with step sizes
  /// where they do not keep those of `inits`. `trips` is null where only the data end the loop; `isConditional`: the
  /// first carried tensor (int64, rank 0) says before each step whether it is made. Returns the carried tensors in the
  /// end, then the stacked ones.
  mlir::FailureOr<llvm::SmallVector<TensorId>> addLoop(const Body &body, Dim trips, bool isConditional,
                                                       llvm::ArrayRef<TensorId> inits, mlir::Location location);
  /// One of two functions without arguments; see nnf.if. `condition` is an int64 of rank 0. Sizes in which the results
  /// of the two differ are decided by the data.
  mlir::FailureOr<llvm::SmallVector<TensorId>> addIf(TensorId condition, const Body &thenBody, const Body &elseBody,
                                                     mlir::Location location);
  /// Calls make() so that what it adds is outside of all bodies.
  template <typename Make> auto outsideBodies(Make make) {
    mlir::OpBuilder::InsertionGuard guard(builder);
    std::vector<OpenBody> inside;
    if (!bodies.empty())
      builder.restoreInsertionPoint(bodies.front().outer);
    inside.swap(bodies);
    auto made = make();
    inside.swap(bodies);
    return made;
  }
  bool isInBody() const { return !bodies.empty(); }

  // ---- for importers that make ops themselves (shape arithmetic)

  mlir::OpBuilder &ops() { return builder; }
  /// A handle for a value made by hand.
  TensorId adopt(mlir::Value value);
  /// The tensor's value now, after the in-place functions added so far.
  mlir::Value value(TensorId tensor) { return captured(values[tensor.number], bodies.size()); }
  /// What is beyond the limits about such a tensor ("rank 40, expected at most 16"); empty: nothing. addNode asks
  /// itself.
  std::string beyondLimits(llvm::ArrayRef<Dim> shape, mlir::Type element) const;
  /// For an error about a size that no input has: ", those that are named are 'N', 'time'".
  std::string namedSizesText() const;
  /// The size that a rank-0 int64 tensor holds while the model runs; a negative one fails the run.
  Dim addDataSize(TensorId scalar, mlir::Location location);
  /// All such sizes from now on have at least this number.
  int64_t nextDataSize() const { return dataSizes; }
  /// The number of a node that draws without being a function's.
  int64_t addRandomNode() { return randomNodes++; }
  /// Gives the tensor a new value, of the same type, for every later node.
  void rebind(TensorId tensor, mlir::Value newValue) { values[tensor.number] = newValue; }

private:
  struct Input {
    std::string name;
    TensorId tensor;
  };
  /// A function that is being filled.
  struct OpenBody {
    Body body;
    llvm::DenseMap<mlir::Value, mlir::Value> inside; // of values from outside
    mlir::Operation *lastConstant = nullptr;         // copied into it
    mlir::OpBuilder::InsertPoint outer;
    int64_t firstRandomNode; // of those added since it was begun
  };
  /// The value as the body of that depth sees it; 0 is @main.
  mlir::Value captured(mlir::Value value, size_t depth);
  mlir::Value copyConstant(mlir::Value value, OpenBody &body);
  void eraseDiscarded();

  mlir::Value number(mlir::Location location, const ArgumentValue &value);
  mlir::Value integers(mlir::Location location, const ArgumentValue &value);
  mlir::LogicalResult checkName(const char *what, llvm::StringRef name);

  mlir::OpBuilder builder;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::func::FuncOp main;
  std::vector<mlir::Value> values; // by TensorId
  std::vector<OpenBody> bodies;    // outermost first
  int64_t numBodies = 0;           // begun so far
  bool hasDiscarded = false;       // there are bodies that nothing runs
  Constness constness;
  std::vector<Input> inputs;
  llvm::StringSet<> inputNames;
  std::vector<std::pair<std::string, TensorId>> outputs;
  ReadOptions options;
  llvm::StringSet<> fixedSymbolsUsed;
  struct RawWeight {
    std::string name, stored; // in the model file; in the store
    mlir::RankedTensorType type;
  };
  std::vector<RawWeight> rawWeights;
  llvm::StringSet<> compiledIn; // stored constants whose numbers the graph depends on
  TensorId addWeight(llvm::StringRef name, mlir::RankedTensorType type, llvm::ArrayRef<uint8_t> bytes,
                     std::shared_ptr<const void> owner, llvm::StringRef provenance);
  void listRawWeights();
  std::optional<mlir::Location> effect;
  int64_t randomNodes = 0; // added so far
  int64_t dataSizes = 0;   // nodes that can have one, added so far
  bool hasErrors = false;
};

/// The location of a node with the names of its outputs, as GraphBuilder gives it to ops.
mlir::Location siteLocation(mlir::MLIRContext *context, const NodeSite &site);
/// The names of the node's outputs, or none where the location does not know them.
llvm::SmallVector<llvm::StringRef> outputNames(mlir::Location location);
/// The element type a dtype's name says ("float32", "bool"), or null.
mlir::Type dtypeFromName(mlir::MLIRContext *context, llvm::StringRef name);

} // namespace nnf
#endif
