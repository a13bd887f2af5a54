#include "passes/groups/Outline.h"
#include "dialects/nnf/CustomKernels.h"
#include "dialects/nnf/Diagnostics.h"
#include "mlir/IR/IRMapping.h"
#include "passes/LikelySizes.h"
#include "passes/kernels/Placement.h"

using namespace mlir;
namespace nnf {
namespace {

/// A contraction reads the value, perhaps through views: from memory.
bool feedsContraction(Value value) {
  return llvm::any_of(value.getUsers(), [](Operation *user) {
    return isa<PrimDotOp, PrimConvOp>(user) ||
           (isa<PrimReshapeOp, PrimTransposeOp, PrimBroadcastOp, PrimSliceOp>(user) &&
            feedsContraction(user->getResult(0)));
  });
}

/// A constant of one value is written into kernels; a table is an operand.
bool isTable(Operation *op) {
  auto constant = dyn_cast<ConstantOp>(op);
  if (!constant)
    return false;
  auto values = dyn_cast<DenseElementsAttr>(constant.getValue());
  return !values || !values.isSplat() || feedsContraction(constant.getOutput());
}

class Outliner {
public:
  Outliner(func::FuncOp function, const GroupMap &groups, const SizePhases &phases)
      : function(function), groups(groups), phases(phases), context(function.getContext()),
        dialect(context->getLoadedDialect<NnfDialect>()), module(function->getParentOfType<ModuleOp>()) {
    unsigned next = 0;
    for (Operation &op : function.getBody().front())
      position[&op] = next++;
  }

  LogicalResult run() {
    SmallVector<Group *> order;
    if (failed(sortGroups(order)))
      return failure();
    Operation *terminator = function.getBody().front().getTerminator();
    OpBuilder builder(terminator);
    SmallVector<SizeOp> sizes(function.getOps<SizeOp>());
    for (Group *group : order) {
      defineSizes(sizes, phases.of(group->anchor), terminator);
      if (isa<LoopOp, IfOp>(group->anchor) || groups.isInPlace(group->anchor))
        place(group->anchor, terminator);
      else
        launch(builder, *group);
    }
    defineSizes(sizes, UINT_MAX, terminator);
    for (OpOperand &operand : terminator->getOpOperands())
      if (Value stored = results.lookup(operand.get()))
        operand.set(stored);
    eraseGroupedOps();
    return success();
  }

private:
  /// What a group's kernel holds: members and the ops computed where they are read, in order.
  struct Body {
    SmallVector<Operation *> ops;
    SmallVector<Value> inputs, outputs;
  };

  /// Values of other groups, arguments, weights and tables are read; everything else is part of the body.
  bool isInput(Value value, const Group &group) const {
    Operation *producer = value.getDefiningOp();
    if (!producer || isa<WeightOp, RandomKeyOp>(producer) || isTable(producer) || isa<PrimCustomCudaOp>(group.anchor))
      return true;
    Group *other = groups.of(producer);
    return other && other != &group;
  }

  Body bodyOf(const Group &group) const {
    Body body;
    llvm::SetVector<Operation *> ops;
    llvm::SetVector<Value> inputs;
    SmallVector<Operation *> work(group.members.begin(), group.members.end());
    for (Operation *op : work)
      ops.insert(op);
    while (!work.empty())
      for (Value operand : work.pop_back_val()->getOperands()) {
        if (isInput(operand, group))
          inputs.insert(operand);
        else if (ops.insert(operand.getDefiningOp()))
          work.push_back(operand.getDefiningOp());
      }
    body.ops = ordered(group, ops);
    // Operands in the order of first use, so that equal groups have equal kernels.
    llvm::SetVector<Value> byUse;
    for (Operation *op : body.ops)
      for (Value operand : op->getOperands())
        if (inputs.contains(operand))
          byUse.insert(operand);
    body.inputs = byUse.takeVector();
    for (Operation *op : body.ops)
      if (groups.of(op) == &group)
        for (Value result : op->getResults())
          // A workspace is memory for the kernel, read by nobody else.
          if (usedOutside(result, group) || isa<PrimSortOp, PrimLoopOp, PrimCustomCudaOp>(op))
            body.outputs.push_back(result);
    return body;
  }

  /// Members in program order, each right after what it needs: where an op that is computed for several readers stands
  /// in @main does not matter, so equal groups come out equal.
  SmallVector<Operation *> ordered(const Group &group, const llvm::SetVector<Operation *> &ops) const {
    SmallVector<Operation *> members(group.members.begin(), group.members.end());
    llvm::sort(members, [&](Operation *a, Operation *b) { return position.lookup(a) < position.lookup(b); });
    llvm::SetVector<Operation *> order;
    for (Operation *member : members) {
      SmallVector<Operation *> stack{member};
      while (!stack.empty()) {
        Operation *op = stack.back();
        size_t before = stack.size();
        for (Value operand : llvm::reverse(op->getOperands()))
          if (Operation *producer = operand.getDefiningOp();
              producer && ops.contains(producer) && !order.contains(producer))
            stack.push_back(producer);
        if (stack.size() > before)
          continue;
        order.insert(op);
        stack.pop_back();
      }
    }
    return order.takeVector();
  }

  bool usedOutside(Value value, const Group &group) const {
    SmallVector<Value> work{value};
    while (!work.empty())
      for (Operation *user : work.pop_back_val().getUsers()) {
        Group *other = groups.of(user);
        if (other == &group)
          continue;
        if (other || user->hasTrait<OpTrait::IsTerminator>() || isa<SizeOp>(user)) // of a group: control flow, too
          return true;
        // An op that is computed where it is read: who reads it?
        llvm::append_range(work, user->getResults());
      }
    return false;
  }

  LogicalResult sortGroups(SmallVectorImpl<Group *> &order) {
    // Depth first along what each group reads; the stack is explicit since graphs can be long.
    DenseMap<Group *, int> state; // 1: on the stack, 2: done
    auto inputsOf = [&](Group *group) {
      SmallVector<Group *> found;
      for (Value input : bodyOf(*group).inputs)
        if (Operation *producer = input.getDefiningOp())
          if (Group *other = groups.of(producer))
            found.push_back(other);
      return found;
    };
    SmallVector<Group *> roots;
    for (auto &group : groups.all())
      roots.push_back(group.get());
    llvm::sort(roots, [&](Group *a, Group *b) {
      auto key = [&](Group *group) { return std::pair(phases.of(group->anchor), position.lookup(group->anchor)); };
      return key(a) < key(b);
    });
    for (Group *root : roots) {
      SmallVector<std::pair<Group *, SmallVector<Group *>>> stack;
      auto enter = [&](Group *group) {
        state[group] = 1;
        stack.push_back({group, inputsOf(group)});
      };
      if (!state.lookup(root))
        enter(root);
      while (!stack.empty()) {
        auto &[group, pending] = stack.back();
        if (pending.empty()) {
          state[group] = 2;
          order.push_back(group);
          stack.pop_back();
          continue;
        }
        Group *next = pending.pop_back_val();
        if (state.lookup(next) == 1)
          return next->anchor->emitError("internal error: fusion closed a cycle");
        if (!state.lookup(next))
          enter(next);
      }
    }
    return success();
  }

  /// Those of `sizes` that an earlier phase than `phase` knows come here, after the launches that write them.
  void defineSizes(SmallVectorImpl<SizeOp> &sizes, unsigned phase, Operation *terminator) {
    llvm::erase_if(sizes, [&](SizeOp size) {
      if (phases.of(size) >= phase)
        return false;
      place(size, terminator);
      return true;
    });
  }

  /// What the driver does itself, in its place among launches.
  void place(Operation *op, Operation *terminator) {
    for (OpOperand &operand : op->getOpOperands())
      operand.set(stored(operand.get()));
    op->moveBefore(terminator);
  }

  void launch(OpBuilder &builder, const Group &group) {
    Body body = bodyOf(group);
    SmallVector<Attribute> checks, symbolNames;
    Shape symbols;
    KernelOp kernel = makeKernel(body, checks, symbolNames, symbols);
    SmallVector<Value> inputs;
    SmallVector<Type> types;
    for (Value input : body.inputs)
      inputs.push_back(stored(input));
    for (Value output : body.outputs)
      types.push_back(output.getType());
    auto launch =
        LaunchOp::create(builder, group.anchor->getLoc(), types, FlatSymbolRefAttr::get(kernel.getSymNameAttr()),
                         inputs, DimsAttr::get(context, symbols), builder.getArrayAttr(checks));
    for (auto [output, result] : llvm::zip(body.outputs, launch.getOutputs()))
      results[output] = result;
  }

  Value stored(Value value) const {
    Value result = results.lookup(value);
    return result ? result : value;
  }

  KernelOp makeKernel(const Body &body, SmallVectorImpl<Attribute> &checks, SmallVectorImpl<Attribute> &symbolNames,
                      Shape &symbols) {
    OpBuilder builder(context);
    builder.setInsertionPoint(function);
    auto typesOf = [](ArrayRef<Value> values) {
      return llvm::to_vector(llvm::map_range(values, [](Value value) { return value.getType(); }));
    };
    collectKernelSymbols(body, symbolNames, symbols);
    Location unknown = builder.getUnknownLoc();
    auto kernel = KernelOp::create(builder, unknown, "kernel",
                                   builder.getFunctionType(typesOf(body.inputs), typesOf(body.outputs)),
                                   builder.getArrayAttr(symbolNames), titleOf(body), nullptr, nullptr);
    for (auto [i, input] : llvm::enumerate(body.inputs))
      if (DimsAttr within = withinOf(input))
        kernel.setArgAttr(i, withinName, within);
    for (auto [i, output] : llvm::enumerate(body.outputs))
      if (DimsAttr within = withinOf(output))
        kernel.setResultAttr(i, withinName, within);
    Block *block = builder.createBlock(&kernel.getBody());
    IRMapping mapping;
    for (Value input : body.inputs)
      mapping.map(input, block->addArgument(input.getType(), unknown));
    for (Operation *op : body.ops) {
      Operation *clone = builder.clone(*op, mapping);
      clone->setLoc(unknown);
      // Messages name nodes and where they stand; kernels are shared, so launches hold them.
      if (auto message = clone->getAttrOfType<StringAttr>("message")) {
        if (canFail(op))
          checks.push_back(builder.getStringAttr(withPlace(message.getValue(), op->getLoc())));
        clone->setAttr("message", builder.getStringAttr(""));
      }
    }
    SmallVector<Value> yielded;
    for (Value output : body.outputs)
      yielded.push_back(mapping.lookup(output));
    YieldOp::create(builder, unknown, yielded);
    renumberDataSizes(kernel, symbols);
    LikelySizes::copyRanges(module, symbols, kernel);
    return unique(kernel);
  }

  /// The shape of what a value is a part of, where that is not in one piece.
  DimsAttr withinOf(Value value) const {
    PrimConcatOp whole = groups.wholeOf(value);
    if (!whole || isOnePiece(shapeOf(whole.getOutput()), whole.getDim()))
      return {};
    return DimsAttr::get(context, shapeOf(whole.getOutput()));
  }

  /// Numbers the sizes that the data decide as the kernel meets them: groups that differ in them alone are equal.
  void renumberDataSizes(KernelOp kernel, const Shape &symbols) const {
    SmallVector<int64_t> numbers;
    for (Dim symbol : symbols)
      collectDataSizes(symbol, numbers);
    if (numbers.empty())
      return;
    auto renumbered = [&](Dim dim) {
      return substitute(dim, [&](unsigned symbol) {
        std::optional<DerivedDim> definition = derivationOf(getAffineSymbolExpr(symbol, context));
        return definition ? sizeOfData(context, llvm::find(numbers, definition->number) - numbers.begin()) : Dim();
      });
    };
    AttrTypeReplacer replacer;
    replacer.addReplacement([&](DimsAttr dims) -> Attribute {
      return DimsAttr::get(context, llvm::map_to_vector(dims.getDims(), renumbered));
    });
    replacer.recursivelyReplaceElementsIn(kernel, /*replaceAttrs=*/true, /*replaceLocs=*/false, /*replaceTypes=*/true);
    kernel.setSymbolsAttr(ArrayAttr::get(context, llvm::map_to_vector(symbols, [&](Dim symbol) -> Attribute {
                                           unsigned position = cast<AffineSymbolExpr>(renumbered(symbol)).getPosition();
                                           return StringAttr::get(context, dialect->symbolName(position));
                                         })));
  }

  /// The kernel itself, or an equal one made before.
  KernelOp unique(KernelOp kernel) {
    std::string text;
    llvm::raw_string_ostream(text) << kernel;
    auto [it, isNew] = known.try_emplace(text, kernel);
    if (!isNew) {
      kernel.erase();
      return it->second;
    }
    std::string prefix = function.getName() == "main" ? "k" : (function.getName() + ".k").str();
    kernel.setSymName(prefix + std::to_string(known.size() - 1));
    return kernel;
  }

  void collectKernelSymbols(const Body &body, SmallVectorImpl<Attribute> &names, Shape &symbols) const {
    SmallVector<unsigned> found;
    auto add = [&](ArrayRef<Dim> dims) {
      for (Dim dim : dims)
        collectSymbols(dim, found);
    };
    for (Value input : body.inputs)
      add(shapeOf(input));
    for (Operation *op : body.ops) {
      for (Value result : op->getResults())
        add(shapeOf(result));
      for (NamedAttribute attribute : op->getAttrs())
        if (auto dims = dyn_cast<DimsAttr>(attribute.getValue()))
          add(dims.getDims());
    }
    for (Value value : llvm::concat<const Value>(body.inputs, body.outputs))
      if (DimsAttr within = withinOf(value))
        add(within.getDims());
    for (unsigned symbol : found) {
      names.push_back(StringAttr::get(context, dialect->symbolName(symbol)));
      symbols.push_back(getAffineSymbolExpr(symbol, context));
    }
  }

  /// "dot+add+tanh": what was fused, without views and repetition.
  StringAttr titleOf(const Body &body) const {
    SmallVector<StringRef> parts;
    for (Operation *op : body.ops) {
      StringRef name = op->getName().stripDialect();
      name.consume_front("prim.");
      bool hidden = isa<ConstantOp, PrimReshapeOp, PrimBroadcastOp, PrimDimOp>(op);
      if (!hidden && !llvm::is_contained(parts, name))
        parts.push_back(name);
    }
    if (parts.empty())
      parts.push_back("copy");
    if (parts.size() > 8) {
      parts.resize(8);
      parts.push_back("…");
    }
    return StringAttr::get(context, llvm::join(parts, "+"));
  }

  void eraseGroupedOps() {
    for (Operation &op : llvm::make_early_inc_range(llvm::reverse(function.getBody().front()))) {
      bool stays = isa<WeightOp, RandomKeyOp, LaunchOp, RequireOp, SizeOp, LoopOp, IfOp>(op) || groups.isInPlace(&op) ||
                   op.hasTrait<OpTrait::IsTerminator>() || (isa<ConstantOp>(op) && !op.use_empty());
      if (!stays) {
        assert(op.use_empty() && "launches read only what is stored");
        op.erase();
      } else if (isa<WeightOp, RandomKeyOp>(op) && op.use_empty()) {
        op.erase();
      }
    }
  }

  func::FuncOp function;
  const GroupMap &groups;
  const SizePhases &phases;
  MLIRContext *context;
  NnfDialect *dialect;
  ModuleOp module;
  DenseMap<Operation *, unsigned> position;
  DenseMap<Value, Value> results; // what a group stored -> result of its launch
  llvm::StringMap<KernelOp> known;
};

} // namespace

LogicalResult outlineGroups(func::FuncOp function, const GroupMap &groups, const SizePhases &phases) {
  return Outliner(function, groups, phases).run();
}

} // namespace nnf
