// What the mapping of an ONNX operator sees: one node with its inputs and attributes, and the graph it builds.
#ifndef NNF_COMPILER_IMPORT_ONNX_CALL_H
#define NNF_COMPILER_IMPORT_ONNX_CALL_H

#include "compiler/builder/GraphBuilder.h"
#include "compiler/import/onnx/Known.h"
#include "compiler/import/onnx/Model.h"
#include "passes/decompose/Primitives.h"

namespace nnf::onnx {

class Importer;
struct Scope;

using Ints = llvm::SmallVector<int64_t>;
using Doubles = llvm::SmallVector<double>;

struct Entry;
/// The tensors of an ONNX sequence: a list while importing.
using Sequence = std::vector<Entry>;

/// What a name in an ONNX graph stands for. Only what a function needs as a tensor is put into the graph.
struct Entry {
  std::string name;
  TensorId tensor;                    ///< null: not in the graph yet
  const Tensor *stored = nullptr;     ///< data of the model
  std::shared_ptr<const Known> known; ///< the elements, where they are known
  /// Of a list of integers in the graph: its elements, of which some are known, or come from other tensors.
  std::shared_ptr<const Known> elements;
  std::shared_ptr<const Sequence> sequence; ///< it is no tensor but a sequence of them
  bool isEmptyOptional = false;             ///< it is nothing; an optional that has a value is that value
  bool knownWasRead = false;                ///< `known` has been taken from what is stored, if it can be
  bool isBroken = false;                    ///< reading `stored` failed, and that was reported
};

inline Entry entryOf(TensorId tensor) {
  Entry entry;
  entry.tensor = tensor;
  return entry;
}
inline bool isTensor(const Entry &entry) { return !entry.sequence && !entry.isEmptyOptional; }
/// "a tensor", "a sequence" or "an empty optional".
llvm::StringRef kindOf(const Entry &entry);

/// An error being written, or nothing: only the first of a node is reported, since what follows from it says nothing
/// new.
class Complaint {
public:
  Complaint() = default;
  Complaint(mlir::InFlightDiagnostic &&diagnostic) : diagnostic(std::move(diagnostic)) {}
  template <typename T> Complaint &operator<<(T &&value) {
    if (diagnostic)
      *diagnostic << std::forward<T>(value);
    return *this;
  }

private:
  std::optional<mlir::InFlightDiagnostic> diagnostic;
};

/// One node on its way into the graph. Mappings are formulas: after an error every method returns nothing and does
/// nothing, so they need not look. A null TensorId as an argument of a function is None.
class Call {
public:
  Call(Importer &importer, Scope &scope, const Node &node, int64_t version);

  const Node &node;
  const int64_t version; ///< of the operator set the node's domain has here
  bool hasFailed() const { return failed; }
  /// After an error that somebody else reported.
  void fail() { failed = true; }
  mlir::MLIRContext *context() const;
  GraphBuilder &graph() const;
  mlir::Location location() const { return loc; }

  // ---- errors: "node 'n' (Op): …", "node 'n' (Op), argument 'a': …"
  Complaint error();
  Complaint error(llvm::StringRef argument);
  /// The node needs something that is known but not built yet.
  void notThereYet(const llvm::Twine &what);

  // ---- inputs
  size_t numInputs() const { return node.inputs.size(); }
  bool has(size_t i) const { return i < node.inputs.size() && !node.inputs[i].empty(); }
  /// The input as a tensor; an error when it is omitted.
  TensorId input(size_t i);
  /// The input as a tensor, or null when it is omitted.
  TensorId inputOrNone(size_t i);
  /// Type and sizes of an input, without making it a tensor of the graph.
  mlir::Type inputElement(size_t i);
  Shape inputShape(size_t i);
  int64_t inputRank(size_t i) { return inputShape(i).size(); }
  /// The input's elements, when they are known.
  const Known *known(size_t i);
  /// Whether an input is a constant that the program may set anew.
  bool readsSwappable();
  /// The elements of an input that is a number or a short list, known or integers that only the run knows; else null.
  const Known *elements(size_t i);
  /// The input as a sequence; null after an error, such as that it is a tensor.
  const Sequence *sequence(size_t i);
  /// The input, whatever it is; null after an error.
  Entry *entryOfAnyKind(size_t i);

  // ---- attributes; an error when one has another type
  bool hasAttribute(llvm::StringRef name) const { return node.attribute({name.data(), name.size()}); }
  int64_t integer(llvm::StringRef name, int64_t fallback);
  bool flag(llvm::StringRef name, bool fallback = false) { return integer(name, fallback) != 0; }
  double number(llvm::StringRef name, double fallback);
  std::string text(llvm::StringRef name, llvm::StringRef fallback);
  /// The attribute's integers; `fallback` when it is missing.
  Ints integers(llvm::StringRef name, llvm::ArrayRef<int64_t> fallback = {});
  const Attribute *attribute(llvm::StringRef name, Attribute::Kind kind);
  /// The graph that an attribute is; null after an error.
  const Graph *subgraph(llvm::StringRef name);

  // ---- parameters that are attributes in old versions and inputs in new ones (Versions.h)
  bool hasParameter(llvm::StringRef name) const;
  /// Integers, some of which only the run may know (Scalar::isKnown); nothing when omitted.
  std::optional<llvm::SmallVector<Scalar>> numbers(llvm::StringRef name);
  /// Sizes, those that only the run knows as sizes that the data decide; nothing when omitted. A negative one fails the
  /// run.
  std::optional<Shape> sizes(llvm::StringRef name);
  /// Integers without symbols; an error when only the run knows them.
  std::optional<Ints> constants(llvm::StringRef name);
  /// A number where it is known, else a tensor; None when omitted.
  ArgumentValue numberOrTensor(llvm::StringRef name);

  // ---- outputs
  bool wants(size_t i) const { return i < node.outputs.size() && !node.outputs[i].empty(); }
  void output(size_t i, TensorId tensor);
  /// Elements that only the run knows: the node must make the tensor as well.
  void output(size_t i, Known known);
  bool needsTensors() const { return hasRunTimeElements; }
  void output(size_t i, Sequence sequence);
  void output(size_t i, const Entry &entry);
  /// The output is the input, whatever that is, under another name.
  void outputIsInput(size_t i, size_t input);
  /// The sizes that the model declares for an output, null where it does not; nothing where not even its rank.
  std::optional<Shape> declared(size_t i);
  /// The single output.
  void result(TensorId tensor) { output(0, tensor); }

  // ---- the graph
  mlir::Type element(TensorId tensor);
  Shape shape(TensorId tensor);
  int64_t rank(TensorId tensor) { return shape(tensor).size(); }
  bool isFloat(TensorId tensor) { return !failed && llvm::isa<mlir::FloatType>(element(tensor)); }

  /// What primitives compute such elements in: float32 for the 16-bit floats.
  static mlir::Type computed(mlir::Type element);

  /// Calls a function with one output.
  TensorId call(llvm::StringRef function, std::vector<Argument> arguments);
  /// Calls a function with several.
  llvm::SmallVector<TensorId> callAll(llvm::StringRef function, std::vector<Argument> arguments);
  TensorId unary(llvm::StringRef function, TensorId x) { return call(function, {{"input", x}}); }
  TensorId binary(llvm::StringRef function, ArgumentValue x, ArgumentValue y) {
    return call(function, {{"input", std::move(x)}, {"other", std::move(y)}});
  }
  TensorId add(TensorId x, ArgumentValue y) { return binary("add", x, std::move(y)); }
  TensorId sub(TensorId x, ArgumentValue y) { return binary("sub", x, std::move(y)); }
  TensorId mul(TensorId x, ArgumentValue y) { return binary("mul", x, std::move(y)); }
  TensorId div(TensorId x, ArgumentValue y) { return binary("div", x, std::move(y)); }

  TensorId cast(TensorId x, mlir::Type element);
  TensorId reshape(TensorId x, llvm::ArrayRef<Dim> shape);
  TensorId permute(TensorId x, llvm::ArrayRef<int64_t> perm);
  /// torch's broadcasting to exactly this shape.
  TensorId expand(TensorId x, llvm::ArrayRef<Dim> shape);
  /// x[start + i*step] for i below `length`, along one dimension. Positions that cannot be shown to be inside are
  /// checked at run time.
  TensorId slice(TensorId x, int64_t dim, Dim start, Dim length, int64_t step = 1);
  TensorId concat(llvm::ArrayRef<TensorId> xs, int64_t dim);
  TensorId constant(const Known &known);
  TensorId constant(mlir::Type element, double value);
  TensorId constant(mlir::Type element, llvm::ArrayRef<int64_t> values);
  TensorId full(llvm::ArrayRef<Dim> shape, const Known &value);

  /// For what torch has no function for: makes primitives, at the node's location.
  template <typename Make> TensorId primitives(llvm::ArrayRef<TensorId> inputs, Make make) {
    llvm::SmallVector<mlir::Value> values;
    for (TensorId input : inputs) {
      if (failed || !input)
        return {};
      values.push_back(graph().value(input));
    }
    if (failed)
      return {};
    Primitives p(graph().ops(), loc);
    return graph().adopt(make(p, values));
  }

  Dim size(int64_t value) const { return dimOf(context(), value); }
  /// The size that an integer tensor of one element holds while the model runs; a negative one fails the run.
  Dim dataSize(TensorId number);
  /// What a run must have of a size: `tested` is not negative. An error now where it is known to be.
  void require(llvm::StringRef argument, Dim value, Dim tested, const llvm::Twine &text);
  /// What `judge`, an inference, requires of the run.
  void require(llvm::function_ref<llvm::LogicalResult(mlir::Location)> judge);
  void requireEqual(llvm::StringRef argument, Dim size, Dim expected, const llvm::Twine &text);
  /// value / divisor, which must come out even.
  Dim requireQuotient(llvm::StringRef argument, Dim value, Dim divisor, const llvm::Twine &text);
  /// An element of a parameter as a size.
  Dim sizeOf(const Scalar &number, llvm::StringRef argument);
  /// An axis in -rank … rank-1, made non-negative; an error outside. `rank` 0 counts as 1 only where `scalarOk`.
  int64_t axis(int64_t value, int64_t rank, llvm::StringRef name = "axis", bool scalarOk = false);
  /// All of them, in the order given, none twice.
  Ints axes(llvm::ArrayRef<int64_t> values, int64_t rank, llvm::StringRef name = "axes");

  Importer &importer;
  Scope &scope;

private:
  /// What an input that is a tensor stands for; null after an error.
  Entry *entry(size_t i);

  mlir::Location loc;
  bool failed = false;
  llvm::SmallVector<std::shared_ptr<const Known>> evaluated; ///< the elements of the outputs, where they are followed
  bool hasRunTimeElements = false;
};

inline std::vector<int64_t> list(llvm::ArrayRef<int64_t> values) { return {values.begin(), values.end()}; }

} // namespace nnf::onnx
#endif
