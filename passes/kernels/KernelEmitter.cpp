#include "passes/kernels/KernelEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "passes/LikelySizes.h"
#include "passes/kernels/Placement.h"

using namespace mlir;
namespace nnf {

/// Gives every op that can fail its number among the kernel's checks; returns how many there are.
static int64_t numberChecks(KernelOp kernel) {
  int64_t count = 0;
  kernel.walk([&](Operation *op) {
    if (canFail(op))
      op->setAttr("check", Builder(op).getI64IntegerAttr(count++));
  });
  return count;
}

static func::FuncOp createFunction(KernelOp kernel) {
  OpBuilder b(kernel);
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  Type i64 = b.getI64Type();
  int64_t checks = numberChecks(kernel);
  SmallVector<Type> types(kernel.getArgumentTypes().size() + kernel.getResultTypes().size(), pointer);
  unsigned numAddresses = types.size();
  types.append(kernel.getSymbols().size(), i64);
  if (checks)
    types.append({pointer, i64});
  types.append({i64, i64, pointer});
  auto function = func::FuncOp::create(b, kernel.getLoc(), kernel.getSymName(), b.getFunctionType(types, {}));
  function.setPrivate();
  function->setAttr("nnf.kernel", b.getUnitAttr());
  function->setAttr("nnf.title", kernel.getTitleAttr());
  function->setAttr("nnf.symbols", kernel.getSymbolsAttr());
  function->setAttr("nnf.scratch", b.getI64IntegerAttr(0));
  if (checks)
    function->setAttr("nnf.checks", b.getI64IntegerAttr(checks));
  for (unsigned i = 0; i < numAddresses; ++i)
    function.setArgAttr(i, "llvm.noalias", b.getUnitAttr());
  Block *entry = function.addEntryBlock();
  b.setInsertionPointToStart(entry);
  func::ReturnOp::create(b, kernel.getLoc());
  return function;
}

KernelEmitter::KernelEmitter(KernelOp kernel, const TargetInfo &target)
    : kernel(kernel), function(createFunction(kernel)), builder(function.getBody().front().getTerminator()),
      k(builder, kernel.getLoc(), target, symbols), e(k) {
  // Sizes and constants go before a marker (dead, so it disappears), the kernel's work between it and the return.
  k.setPrologueEnd(arith::ConstantIntOp::create(builder, kernel.getLoc(), 0, 1));
  unsigned next = 0;
  for (Value argument : kernel.getBody().getArguments())
    e.bindBuffer(argument, function.getArgument(next++));
  for (unsigned i = 0; i < kernel.getResultTypes().size(); ++i)
    results.push_back(function.getArgument(next++));
  auto *dialect = kernel.getContext()->getLoadedDialect<NnfDialect>();
  for (Attribute name : kernel.getSymbols())
    symbols[dialect->symbolId(cast<StringAttr>(name).getValue())] = function.getArgument(next++);
  if (function->hasAttr("nnf.checks")) {
    e.bindChecks(function.getArgument(next), function.getArgument(next + 1));
    next += 2;
  }
  taskFirst = function.getArgument(next++);
  taskEnd = function.getArgument(next++);
  scratch = function.getArgument(next++);
}

KernelEmitter::~KernelEmitter() {
  if (!k.storesPastCaches)
    return;
  builder.setInsertionPoint(function.getBody().front().getTerminator());
  k.waitForStores();
}

bool KernelEmitter::goesPastCaches(unsigned i) {
  std::optional<int64_t> elements = constantOf(productOf(kernel.getContext(), shapeOf(yielded(i))));
  return k.target.canStorePastCaches && elements &&
         *elements >= figures::storedPastCaches(k.target) / elementBytes(elementOf(yielded(i)));
}

static Value beforeReshapes(Value value) {
  while (auto reshape = value.getDefiningOp<PrimReshapeOp>())
    value = reshape.getInput();
  return value;
}

Value KernelEmitter::yielded(unsigned i) { return beforeReshapes(kernel.yielded()[i]); }

Shape KernelEmitter::resultMemory(unsigned i) { return memoryShapeOf(kernel, i, shapeOf(yielded(i))); }

bool KernelEmitter::yieldsShapeOf(KernelOp kernel, Value value) {
  return llvm::all_of(kernel.yielded(),
                      [&](Value result) { return sameShape(shapeOf(beforeReshapes(result)), shapeOf(value)); });
}

void KernelEmitter::setGrid(ArrayRef<Dim> grid) {
  SmallVector<Dim> simplified = llvm::to_vector(llvm::map_range(grid, simplify));
  function->setAttr("nnf.grid", DimsAttr::get(kernel.getContext(), simplified));
}

SmallVector<int64_t> KernelEmitter::elementSizes() {
  SmallVector<int64_t> sizes;
  auto consider = [&](Type type) {
    if (auto tensor = dyn_cast<RankedTensorType>(type))
      sizes.push_back(elementBytes(tensor.getElementType()));
  };
  llvm::for_each(kernel.getArgumentTypes(), consider);
  kernel.getBody().walk([&](Operation *op) { llvm::for_each(op->getResultTypes(), consider); });
  return sizes;
}

int64_t KernelEmitter::preferredLanes() {
  int64_t bytes = 8;
  for (int64_t size : elementSizes())
    bytes = std::min(bytes, std::max<int64_t>(4, size));
  return k.target.lanes(bytes);
}

int64_t KernelEmitter::lanesOfWidest() {
  int64_t bytes = 1;
  for (int64_t size : elementSizes())
    bytes = std::max(bytes, size);
  return k.target.lanes(bytes);
}

int64_t KernelEmitter::guess(Dim dim) { return LikelySizes::of(dim, figures::guessedSize); }

int64_t KernelEmitter::guess(ArrayRef<Dim> dims) {
  int64_t product = 1;
  for (Dim dim : dims)
    if (llvm::MulOverflow(product, guess(dim), product))
      return std::numeric_limits<int64_t>::max();
  return product;
}

int64_t KernelEmitter::guessBatch(ArrayRef<Dim> dims) {
  int64_t product = 1;
  for (Dim dim : dims)
    if (llvm::MulOverflow(product, std::max<int64_t>(1, LikelySizes::of(dim, 1)), product))
      return std::numeric_limits<int64_t>::max();
  return product;
}

int64_t KernelEmitter::tasksFor(double multiplyAdds) {
  return static_cast<int64_t>(std::clamp(multiplyAdds / figures::worthATask, 1.0, figures::mostTasks));
}

void KernelEmitter::forTasks(ArrayRef<Dim> grid, llvm::function_ref<void(ArrayRef<Value>)> body) {
  setGrid(grid);
  k.loop(taskFirst, taskEnd, 1, {}, [&](Value task, ValueRange) -> SmallVector<Value> {
    ElementEmitter::Scope scope(e);
    SmallVector<Value> position;
    for (Index &index : e.delinear(grid, k.index(task)))
      position.push_back(index.base);
    body(position);
    return {};
  });
}

void KernelEmitter::when(Value condition, llvm::function_ref<void()> body, llvm::function_ref<void()> otherwise) {
  if (!condition)
    return body();
  auto branch = scf::IfOp::create(k.b, k.loc, TypeRange{}, condition, static_cast<bool>(otherwise));
  OpBuilder::InsertionGuard restore(k.b);
  k.b.setInsertionPoint(branch.thenBlock()->getTerminator());
  {
    ElementEmitter::Scope scope(e);
    body();
  }
  if (!otherwise)
    return;
  k.b.setInsertionPoint(branch.elseBlock()->getTerminator());
  ElementEmitter::Scope scope(e);
  otherwise();
}

void KernelEmitter::forRows(ArrayRef<Dim> shape, Value first, Value end,
                            llvm::function_ref<void(const Indices &)> body) {
  SmallVector<unsigned> counting;
  for (auto [i, dim] : llvm::enumerate(shape))
    if (!isConstant(dim, 1))
      counting.push_back(i);
  Indices at(shape.size(), k.zero());
  if (counting.size() <= 1) {
    k.loop(first, end, 1, {}, [&](Value row, ValueRange) -> SmallVector<Value> {
      ElementEmitter::Scope scope(e);
      if (!counting.empty())
        at[counting[0]] = k.index(row);
      body(at);
      return {};
    });
    return;
  }
  Indices start = e.delinear(shape, k.index(first));
  SmallVector<Value> initial;
  for (unsigned i : counting)
    initial.push_back(start[i].base);
  k.loop(first, end, 1, initial, [&](Value, ValueRange carried) -> SmallVector<Value> {
    ElementEmitter::Scope scope(e);
    for (auto [i, value] : llvm::zip(counting, carried))
      at[i] = k.index(value);
    body(at);
    SmallVector<Value> next(carried.size());
    Value carry = k.constant(1);
    for (int i = static_cast<int>(counting.size()) - 1; i >= 0; --i) {
      Value sum = k.add(carried[i], carry);
      if (i == 0) {
        next[i] = sum;
        break;
      }
      Value wraps = arith::CmpIOp::create(builder, k.loc, arith::CmpIPredicate::eq, sum, k.size(shape[counting[i]]));
      next[i] = arith::SelectOp::create(builder, k.loc, wraps, k.constant(0), sum);
      carry = arith::ExtUIOp::create(builder, k.loc, builder.getI64Type(), wraps);
    }
    return next;
  });
}

SmallVector<Value> KernelEmitter::forLanes(int64_t lanes, Value lower, Value upper, ValueRange carried, LaneBody body,
                                           int64_t chains) {
  SmallVector<Value> values = llvm::to_vector(carried);
  unsigned perChain = carried.size() / chains;
  auto onFirstChain = [&](ValueRange carried, llvm::function_ref<SmallVector<Value>(ValueRange)> turn) {
    SmallVector<Value> next = turn(carried.take_front(perChain));
    llvm::append_range(next, carried.drop_front(perChain));
    return next;
  };
  if (lanes == 1) {
    assert(chains == 1 && "chains are of vectors");
    LanesScope one(k, 1);
    return k.loop(lower, upper, 1, values, [&](Value i, ValueRange carried) {
      ElementEmitter::Scope scope(e);
      return body(k.index(i), carried);
    });
  }
  Value count = k.sub(upper, lower);
  auto known = k.constantValue(count);
  auto endOfWhole = [&](int64_t step) {
    return k.add(lower, k.mul(k.floorDiv(count, k.constant(step)), k.constant(step)));
  };
  Value start = lower, mainEnd = endOfWhole(lanes);
  LanesScope full(k, lanes);
  if (chains > 1) {
    start = endOfWhole(lanes * chains);
    values = k.loop(lower, start, lanes * chains, values, [&](Value i, ValueRange carried) {
      SmallVector<Value> next;
      for (int64_t chain = 0; chain < chains; ++chain) {
        ElementEmitter::Scope scope(e);
        Value at = k.add(i, k.constant(chain * lanes));
        llvm::append_range(next, body(k.index(at, 1), carried.slice(chain * perChain, perChain)));
      }
      return next;
    });
  }
  if (!known || chains == 1 || *known % (lanes * chains) >= lanes)
    values = k.loop(start, mainEnd, lanes, values, [&](Value i, ValueRange carried) {
      ElementEmitter::Scope scope(e);
      return onFirstChain(carried, [&](ValueRange carried) { return body(k.index(i, 1), carried); });
    });
  if (known && *known % lanes == 0)
    return values;
  Value rest = known ? k.constant(*known % lanes) : k.sub(upper, mainEnd);
  auto tail = [&](ValueRange carried) {
    LanesScope full(k, lanes);
    ElementEmitter::Scope scope(e);
    SmallVector<int32_t> numbers = llvm::to_vector(llvm::seq<int32_t>(0, lanes));
    auto type = VectorType::get({lanes}, builder.getI32Type());
    Value lane = arith::ConstantOp::create(builder, k.loc, DenseIntElementsAttr::get(type, numbers));
    Value limit = arith::TruncIOp::create(builder, k.loc, builder.getI32Type(), rest);
    limit = vector::BroadcastOp::create(builder, k.loc, type, limit);
    k.laneMask = arith::CmpIOp::create(builder, k.loc, arith::CmpIPredicate::slt, lane, limit);
    if (k.constantValue(rest) == 1)
      k.singleLaneMasks.insert(k.laneMask);
    return onFirstChain(carried, [&](ValueRange carried) { return body(k.index(mainEnd, 1), carried); });
  };
  if (k.constantValue(rest))
    return tail(values);
  // A loop of at most one turn: control flow with carried values.
  return k.loop(k.constant(0), k.min(rest, k.constant(1)), 1, values,
                [&](Value, ValueRange carried) { return tail(carried); });
}

} // namespace nnf
