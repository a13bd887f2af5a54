// Functions that loops and branches run, and what they capture.
#include "compiler/builder/GraphBuilder.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace nnf {

namespace {
func::FuncOp functionOf(Value value) { return value.getParentRegion()->getParentOfType<func::FuncOp>(); }

std::string describe(Type type) {
  return dtypeName(cast<RankedTensorType>(type).getElementType()) + " " + toString(shapeOf(type));
}

/// The values of all `lists`, each once.
llvm::SetVector<Value> unionOf(ArrayRef<ArrayRef<Value>> lists) {
  llvm::SetVector<Value> all;
  for (ArrayRef<Value> list : lists)
    all.insert(list.begin(), list.end());
  return all;
}

/// Gives a body arguments for all `captures`, in that order, after its own.
void captureAll(const GraphBuilder::Body &body, const llvm::SetVector<Value> &captures) {
  func::FuncOp function = body.function;
  Block &block = function.getBody().front();
  unsigned own = block.getNumArguments() - body.captures.size();
  SmallVector<BlockArgument> before(llvm::drop_begin(block.getArguments(), own));
  for (Value capture : captures) {
    BlockArgument argument = block.addArgument(capture.getType(), function.getLoc());
    if (auto *found = llvm::find(body.captures, capture); found != body.captures.end())
      before[found - body.captures.begin()].replaceAllUsesWith(argument);
  }
  block.eraseArguments(own, before.size());
  function.setFunctionType(
      FunctionType::get(function.getContext(), block.getArgumentTypes(), function.getResultTypes()));
}
} // namespace

SmallVector<TensorId> GraphBuilder::beginBody(ArrayRef<Type> arguments) {
  OpenBody &open = bodies.emplace_back();
  open.outer = builder.saveInsertionPoint();
  open.firstRandomNode = randomNodes;
  Location location = builder.getUnknownLoc();
  builder.setInsertionPointToEnd(module->getBody());
  open.body.function = func::FuncOp::create(builder, location, "body" + std::to_string(numBodies++),
                                            builder.getFunctionType(arguments, {}));
  open.body.function.setPrivate();
  Block *block = open.body.function.addEntryBlock();
  builder.setInsertionPointToStart(block);
  SmallVector<TensorId> tensors;
  for (BlockArgument argument : block->getArguments())
    tensors.push_back(adopt(argument));
  return tensors;
}

GraphBuilder::Body GraphBuilder::endBody(ArrayRef<TensorId> results) {
  SmallVector<Value> returned;
  for (TensorId result : results)
    returned.push_back(value(result));
  func::FuncOp function = bodies.back().body.function;
  func::ReturnOp::create(builder, function.getLoc(), returned);
  function.setFunctionType(
      builder.getFunctionType(function.getBody().front().getArgumentTypes(), ValueRange(returned).getTypes()));
  builder.restoreInsertionPoint(bodies.back().outer);
  Body body = std::move(bodies.back().body);
  bodies.pop_back();
  return body;
}

void GraphBuilder::discardBody() {
  // Ops may be known by their address, so they stay until finish().
  randomNodes = bodies.back().firstRandomNode;
  hasDiscarded = true;
  builder.restoreInsertionPoint(bodies.back().outer);
  bodies.pop_back();
}

void GraphBuilder::eraseDiscarded() {
  SymbolTable symbols(*module);
  llvm::SetVector<Operation *> used;
  used.insert(main);
  for (size_t i = 0; i < used.size(); ++i)
    for (Operation &op : cast<func::FuncOp>(used[i]).getBody().front())
      for (FlatSymbolRefAttr name : bodiesOf(&op))
        used.insert(symbols.lookup(name.getValue()));
  for (auto function : llvm::make_early_inc_range(module->getOps<func::FuncOp>()))
    if (!used.contains(function))
      function.erase();
}

Value GraphBuilder::captured(Value value, size_t depth) {
  if (depth == 0)
    return value;
  OpenBody &open = bodies[depth - 1];
  if (functionOf(value) == open.body.function)
    return value;
  if (auto found = open.inside.find(value); found != open.inside.end())
    return found->second;
  // Bodies have their own copy of what is computed of weights alone: what contractions make of them is made once,
  // before any run.
  if (constness.isConstant(value))
    return copyConstant(value, open);
  Value outside = captured(value, depth - 1);
  open.body.captures.push_back(outside);
  return open.inside[value] = open.body.function.getBody().front().addArgument(value.getType(), value.getLoc());
}

Value GraphBuilder::copyConstant(Value value, OpenBody &open) {
  // Operands first, on a stack of our own: chains can be long.
  SmallVector<Operation *> stack{value.getDefiningOp()};
  OpBuilder::InsertionGuard guard(builder);
  while (!stack.empty()) {
    Operation *op = stack.back();
    size_t before = stack.size();
    IRMapping mapping;
    for (Value operand : op->getOperands())
      if (Value inside = open.inside.lookup(operand))
        mapping.map(operand, inside);
      else
        stack.push_back(operand.getDefiningOp());
    if (stack.size() > before)
      continue;
    stack.pop_back();
    if (open.inside.contains(op->getResult(0)))
      continue;
    if (open.lastConstant)
      builder.setInsertionPointAfter(open.lastConstant);
    else
      builder.setInsertionPointToStart(&open.body.function.getBody().front());
    open.lastConstant = builder.clone(*op, mapping);
    for (auto [outside, inside] : llvm::zip(op->getResults(), open.lastConstant->getResults()))
      open.inside[outside] = inside;
  }
  return open.inside[value];
}

FailureOr<SmallVector<TensorId>> GraphBuilder::addLoop(const Body &body, Dim trips, bool isConditional,
                                                       ArrayRef<TensorId> inits, Location location) {
  func::FuncOp function = body.function;
  SmallVector<Value> carried, captures;
  for (TensorId init : inits)
    carried.push_back(value(init));
  for (Value capture : body.captures)
    captures.push_back(captured(capture, bodies.size()));
  ArrayRef<Type> made = function.getResultTypes();
  SmallVector<Type> types;
  SmallVector<int64_t> stepSizes;
  for (auto [i, init] : llvm::enumerate(carried)) {
    types.push_back(function.getArgumentTypes()[1 + i]);
    Shape expected = shapeOf(types[i]), shape = shapeOf(made[i]);
    for (auto [d, pair] : llvm::enumerate(llvm::zip(expected, shapeOf(init)))) {
      auto [inside, given] = pair;
      SmallVector<int64_t> numbers;
      if (inside != given)
        collectDataSizes(inside, numbers);
      stepSizes.push_back(numbers.empty() ? -1 : numbers.front());
      if (!numbers.empty() && shape.size() == expected.size())
        shape[d] = inside;
    }
    if (tensorOf(shape, cast<RankedTensorType>(made[i]).getElementType()) != types[i]) {
      hasErrors = true;
      return nodeError(location) << "a carried tensor becomes " << describe(made[i]) << " after "
                                 << describe(init.getType())
                                 << ", expected one rank and dtype in every step [NNFC-E0137]";
    }
  }
  auto sizes = llvm::all_of(stepSizes, [](int64_t size) { return size < 0; }) ? DenseI64ArrayAttr()
                                                                              : builder.getDenseI64ArrayAttr(stepSizes);
  IntegerAttr number = isConditional ? builder.getI64IntegerAttr(dataSizes++) : IntegerAttr();
  Dim steps = number ? sizeOfData(context(), number.getInt()) : trips;
  for (Type slice : made.drop_front(carried.size())) {
    Shape shape = shapeOf(slice);
    shape.insert(shape.begin(), steps);
    types.push_back(tensorOf(shape, cast<RankedTensorType>(slice).getElementType()));
    if (std::string why = beyondLimits(shape, cast<RankedTensorType>(slice).getElementType()); !why.empty()) {
      hasErrors = true;
      return nodeError(location) << "a result of " << why << " [NNFC-E0114]";
    }
  }
  auto loop = LoopOp::create(builder, location, types, FlatSymbolRefAttr::get(function.getSymNameAttr()),
                             DimsAttr::get(context(), trips ? ArrayRef(trips) : ArrayRef<Dim>()), number, sizes,
                             carried, captures);
  return llvm::map_to_vector(loop.getOutputs(), [&](Value output) { return adopt(output); });
}

FailureOr<SmallVector<TensorId>> GraphBuilder::addIf(TensorId condition, const Body &thenBody, const Body &elseBody,
                                                     Location location) {
  llvm::SetVector<Value> all = unionOf({thenBody.captures, elseBody.captures});
  captureAll(thenBody, all);
  captureAll(elseBody, all);
  func::FuncOp then = thenBody.function, otherwise = elseBody.function;
  SmallVector<Type> types;
  SmallVector<int64_t> sizes;
  if (then.getNumResults() != otherwise.getNumResults()) {
    hasErrors = true;
    return nodeError(location) << "one branch gives " << then.getNumResults() << " results, the other "
                               << otherwise.getNumResults() << ", expected the same [NNFC-E0137]";
  }
  for (auto [a, b] : llvm::zip(then.getResultTypes(), otherwise.getResultTypes())) {
    auto x = cast<RankedTensorType>(a), y = cast<RankedTensorType>(b);
    if (x.getRank() != y.getRank() || x.getElementType() != y.getElementType()) {
      hasErrors = true;
      return nodeError(location) << "one branch gives " << describe(x) << ", the other " << describe(y)
                                 << ", expected one dtype and rank [NNFC-E0137]";
    }
    Shape shape;
    for (auto [one, other] : llvm::zip(shapeOf(x), shapeOf(y))) {
      bool isSame = sameDim(one, other);
      sizes.push_back(isSame ? -1 : dataSizes++);
      shape.push_back(isSame ? one : sizeOfData(context(), sizes.back()));
    }
    types.push_back(tensorOf(shape, x.getElementType()));
  }
  SmallVector<Value> captures;
  for (Value capture : all)
    captures.push_back(captured(capture, bodies.size()));
  auto branch = IfOp::create(builder, location, types, FlatSymbolRefAttr::get(then.getSymNameAttr()),
                             FlatSymbolRefAttr::get(otherwise.getSymNameAttr()), builder.getDenseI64ArrayAttr(sizes),
                             value(condition), captures);
  return llvm::map_to_vector(branch.getOutputs(), [&](Value output) { return adopt(output); });
}

} // namespace nnf
