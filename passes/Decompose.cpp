// Functions become primitives, each by its entry in the table of decompositions.
#include "dialects/nnf/infer/Arguments.h"
#include "passes/Passes.h"
#include "passes/decompose/Decompositions.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_DECOMPOSE
#include "passes/Passes.h.inc"

const Decompositions &decompositions() {
  static const Decompositions table = [] {
    Decompositions all;
    addActivations(all);
    addSoftmaxes(all);
    addConvolutions(all);
    addPooling(all);
    addAdaptivePooling(all);
    addFractionalPooling(all);
    addNormalizations(all);
    addLinear(all);
    addAttention(all);
    addElementwise(all);
    addReductions(all);
    addMovement(all);
    addIndexing(all);
    addDropout(all);
    addResizing(all);
    addEmbeddings(all);
    addPadding(all);
    addSampling(all);
    addOrdering(all);
    addLosses(all);
    addClassLosses(all);
    addCtc(all);
    addCustomKernels(all);
    return all;
  }();
  return table;
}

namespace {
bool isFunction(Operation *op);
LogicalResult rewrite(Operation *op);

struct Decompose : impl::DecomposeBase<Decompose> {
  void runOnOperation() override {
    SmallVector<Operation *> functions;
    SmallVector<NumberOp> numbers;
    getOperation().walk([&](Operation *op) {
      if (auto number = dyn_cast<NumberOp>(op))
        numbers.push_back(number);
      else if (isFunction(op))
        functions.push_back(op);
    });
    for (Operation *op : functions)
      if (failed(rewrite(op)))
        return signalPassFailure();
    for (NumberOp number : llvm::reverse(numbers))
      if (number.use_empty())
        number.erase();
  }
};

/// A function of torch: not a primitive, nor what holds the graph together.
bool isFunction(Operation *op) {
  return isa_and_nonnull<NnfDialect>(op->getDialect()) && !op->getName().stripDialect().starts_with("prim.") &&
         !isa<ConstantOp, NumberOp, WeightOp, KernelOp, LaunchOp, YieldOp, RandomKeyOp, RequireOp, SizeOp, LoopOp,
              IfOp>(op);
}

/// Type a function computes in: float32 for the 16-bit floats, else the type itself.
Type computed(Type element) { return isHalf(element) ? Float32Type::get(element.getContext()) : element; }

/// What inference asks of sizes that only the run knows, as ops. Gives the pairs of sizes that are equal then.
FailureOr<SmallVector<std::pair<Dim, Dim>>> requireSizes(Operation *op, OpBuilder &builder) {
  SizeRequirements requirements;
  {
    CollectRequirements collect(requirements);
    SmallVector<Type> types;
    auto inferring = cast<InferTypeOpInterface>(op);
    if (failed(inferring.inferReturnTypes(op->getContext(), op->getLoc(), op->getOperands(),
                                          op->getRawDictionaryAttrs(), op->getPropertiesStorage(), op->getRegions(),
                                          types)))
      return failure();
  }
  for (const SizeRequirement &require : requirements.conditions)
    RequireOp::create(builder, op->getLoc(), DimsAttr::get(op->getContext(), {require.value, require.tested}),
                      require.message);
  return requirements.equal;
}

/// Sizes that a run has found equal, as one expression: a number where there is one, else the name of an input's size.
class EqualSizes {
public:
  explicit EqualSizes(ArrayRef<std::pair<Dim, Dim>> pairs) {
    for (auto [a, b] : pairs) {
      Dim from = (*this)(a), to = (*this)(b);
      if (kindOf(from) < kindOf(to))
        std::swap(from, to);
      if (!sameDim(from, to))
        replacements.push_back({from, to});
    }
  }
  Dim operator()(Dim dim) const {
    for (auto [from, to] : replacements)
      dim = replaced(dim, from, to);
    return dim;
  }
  Type operator()(Type type) const {
    return tensorOf(llvm::map_to_vector<6>(shapeOf(type), *this), cast<RankedTensorType>(type).getElementType());
  }

private:
  enum Kind { Number, Name, Expression };
  static Kind kindOf(Dim dim) {
    if (constantOf(dim))
      return Number;
    return isa<AffineSymbolExpr>(dim) && !derivationOf(dim) ? Name : Expression;
  }
  static Dim replaced(Dim dim, Dim from, Dim to) {
    if (sameDim(dim, from))
      return to;
    // Names also within the sizes that are derived of them.
    if (kindOf(from) == Name)
      return substitute(
          dim, [&](unsigned symbol) { return symbol == cast<AffineSymbolExpr>(from).getPosition() ? to : Dim(); });
    return simplify(dim.replace(from, to));
  }
  SmallVector<std::pair<Dim, Dim>> replacements;
};

LogicalResult rewrite(Operation *op) {
  const Decompositions::Entry *entry = decompositions().find(op);
  if (!entry)
    return nodeError(op->getLoc()) << op->getName().stripDialect()
                                   << " is not there yet: it has no decomposition [NNFC-E0401]";

  OpBuilder builder(op);
  Primitives p(builder, op->getLoc());
  SmallVector<Value> operands;
  for (Value operand : op->getOperands()) {
    if (NumberOp number = numberOf(operand))
      operand = p.number(number.getValue(), elementOf(operand));
    if (!entry->moves)
      operand = p.convert(operand, computed(elementOf(operand)));
    operands.push_back(operand);
  }
  auto equal = requireSizes(op, builder);
  if (failed(equal))
    return failure();
  SmallVector<Type> types(op->getResultTypes());
  if (EqualSizes one(*equal); !equal->empty()) {
    for (auto [operand, own] : llvm::zip_equal(operands, op->getOpOperands())) {
      bool isOwn = operand == own.get();
      operand = p.reshape(operand, shapeOf(one(operand.getType())));
      // Decompositions look at the op's operands, too.
      if (isOwn)
        own.set(operand);
      else if (!numberOf(own.get()))
        own.set(p.reshape(own.get(), shapeOf(one(own.get().getType()))));
    }
    for (Value result : op->getResults())
      result.setType(one(result.getType()));
  }
  SmallVector<Value> results = entry->rewrite(op, operands, p);
  if (llvm::is_contained(results, Value()))
    return failure();

  assert(results.size() == op->getNumResults() && "a decomposition gives every result");
  for (auto [result, type, value] : llvm::zip_equal(op->getResults(), types, results)) {
    // A reshape between spellings of one size is none: folding removes it.
    value = p.reshape(p.convert(value, elementOf(result)), shapeOf(type));
    assert(value.getType() == type);
    result.replaceAllUsesWith(value);
  }
  op->erase();
  return success();
}
} // namespace
} // namespace nnf
