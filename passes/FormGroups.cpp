// Fusion: which primitives become one kernel.
#include "dialects/nnf/CustomKernels.h"
#include "mlir/IR/Iterators.h"
#include "passes/Cost.h"
#include "passes/LikelySizes.h"
#include "passes/Passes.h"
#include "passes/groups/Anchors.h"
#include "passes/groups/Attention.h"
#include "passes/groups/ContractionOperand.h"
#include "passes/groups/Outline.h"
#include "passes/groups/PartsInPlace.h"
#include "passes/groups/RowFrame.h"
#include "passes/kernels/Contraction.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/SeparablePlan.h"
#include "passes/kernels/StridedView.h"
#include "passes/kernels/Widening.h"
#include "passes/kernels/gpu/GpuAttention.h"
#include "passes/kernels/gpu/Shares.h"
#include "passes/kernels/gpu/TensorProduct.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_FORMGROUPS
#include "passes/Passes.h.inc"
namespace {

/// A kernel gets no larger than this: longer ones take more than their share of time to compile, and spill registers.
constexpr int64_t maxWeight = 320;
/// Reductions of a row that wait for each other: each pass over the row computes anew what the ones before it did.
constexpr int64_t maxStages = 4;

/// An index out of range is an error of the element it is for: where nothing reads that, there is nothing to compute.
void eraseUnread(func::FuncOp function) {
  function.walk<WalkOrder::PostOrder, ReverseIterator>([](Operation *op) {
    if (op->use_empty() && (isa<PrimGatherOp, PrimScatterOp>(op) || isOpTriviallyDead(op)))
      op->erase();
  });
}

struct Former {
  Former(func::FuncOp function, const SizePhases &phases, bool attention, bool stridedAttention, bool inPlace,
         bool narrowProducts, const TargetInfo &target)
      : function(function), phases(phases), attention(attention), stridedAttention(stridedAttention), inPlace(inPlace),
        narrowProducts(narrowProducts), target(target) {}

  func::FuncOp function;
  const SizePhases &phases;
  bool attention, stridedAttention, inPlace, narrowProducts;
  const TargetInfo &target;
  GroupMap groups;

  /// Ops whose results contractions read from memory, perhaps with other strides.
  DenseSet<Operation *> stored;
  /// Ops that contractions evaluate when they read their rows.
  DenseSet<Operation *> prologues;
  /// Of these, concatenations that nothing is computed of before the contraction.
  DenseSet<Operation *> plainConcats;
  /// Zeros behind the last share of what a product contracts: no kernel reads them.
  DenseSet<Operation *> endsOfShares;

  void run() {
    if (attention)
      for (Operation &op : function.getBody().front())
        if (auto dot = dyn_cast<PrimDotOp>(op); dot && !groups.of(dot))
          formAttention(dot);
    if (target.l2Bytes)
      for (auto conv : function.getBody().front().getOps<PrimConvOp>())
        if (isDepthwise(conv) && !groups.of(conv))
          formSeparable(conv);
    findPrologues();
    storeContractionOperands();
    for (Operation &op : function.getBody().front())
      if (plainConcats.contains(&op) && storeParts(cast<PrimConcatOp>(op)))
        prologues.erase(&op); // read from memory, it needs no tile in scratch
      else if (isAnchor(&op) && !groups.of(&op) && !prologues.contains(&op) && !isInnerBorder(&op))
        growFrom(&op);
      else if (standsAlone(&op))
        groups.create(&op);
    placeTheRest();
  }

  /// What is computed element by element of concatenated tensors, or of one that others read too, can be computed when
  /// a product with few weights reads its rows: it costs little beside the product, and is neither written nor read.
  void findPrologues() {
    constexpr int64_t mostWeights = 128 << 10;
    for (auto conv : function.getBody().front().getOps<PrimConvOp>()) {
      auto weights = constantOf(productOf(conv.getContext(), shapeOf(conv.getWeight())));
      if (!conv.getPacked() || conv.getWinograd() || !isPointwise(conv) || !weights || *weights > mostWeights ||
          groups.of(conv))
        continue;
      llvm::SetVector<Operation *> chain;
      if (!isPrologue(conv, chain))
        continue;
      prologues.insert(chain.begin(), chain.end());
      if (chain.size() == 1 && isa<PrimConcatOp>(chain.front()))
        plainConcats.insert(chain.front());
      // What is repeated is computed once, not for each element.
      for (Operation *op : chain)
        for (Value operand : op->getOperands())
          if (auto broadcast = operand.getDefiningOp<PrimBroadcastOp>())
            if (Operation *producer = behindViews(broadcast.getInput()); producer && producer->hasTrait<Elementwise>())
              stored.insert(producer);
    }
  }

  static Operation *behindViews(Value value) {
    Operation *op = value.getDefiningOp();
    while (op && isView(op) && op->getNumOperands() == 1)
      op = op->getOperand(0).getDefiningOp();
    return op;
  }

  /// The ops between stored values and a convolution's input, if they are better evaluated there: no producer can take
  /// them on as what follows it.
  bool isPrologue(PrimConvOp conv, llvm::SetVector<Operation *> &chain) const {
    constexpr size_t mostOps = 24;
    bool concatenates = false, onlyShared = true;
    auto isTaken = [&](Operation *op) { return op == conv || chain.contains(op); };
    SmallVector<Value> work{conv.getInput()};
    while (!work.empty()) {
      Value value = work.pop_back_val();
      Operation *op = value.getDefiningOp();
      if (!op || chain.contains(op) || isa<PrimBroadcastOp>(op))
        continue;
      bool isWhole = sameShape(shapeOf(value), shapeOf(conv.getInput()));
      bool isInside = (op->hasTrait<Elementwise>() || isa<PrimConcatOp>(op)) && isWhole && op->getNumResults() == 1 &&
                      llvm::all_of(op->getUsers(), isTaken) && phases.of(op) == phases.of(conv) && !groups.of(op);
      if (!isInside) {
        // Rows of which reductions are made are a kernel of their own.
        if (isWhole && llvm::any_of(op->getUsers(), reducesChannels))
          return false;
        onlyShared &= !isWhole || !llvm::all_of(op->getUsers(), isTaken);
        continue;
      }
      chain.insert(op);
      concatenates |= isa<PrimConcatOp>(op);
      if (!isa<PrimConcatOp>(op))
        llvm::append_range(work, op->getOperands());
      if (chain.size() > mostOps)
        return false;
    }
    return !chain.empty() && (concatenates || onlyShared);
  }

  static bool reducesChannels(Operation *op) {
    auto reduce = dyn_cast<PrimReduceOp>(op);
    return reduce && llvm::is_contained(reduce.getDims(), static_cast<int64_t>(shapeOf(reduce.getInput()).size()) - 1);
  }

  /// A contraction reads its operands many times: from memory.
  void storeContractionOperands() {
    for (Operation &op : function.getBody().front())
      if (isContraction(&op) && !groups.of(&op))
        for (Value operand : op.getOperands())
          storeOperand(&op, operand);
  }

  void store(Value memory) {
    if (Operation *producer = memory.getDefiningOp())
      stored.insert(producer);
  }

  void storeOperand(Operation *op, Value operand) {
    if (auto conv = dyn_cast<PrimConvOp>(op); conv && narrowProducts)
      return store(TensorProduct::memoryOf(conv, operand));
    if (narrowProducts)
      if (std::optional<ViewInShares> cut = ViewInShares::of(beforeWidening(operand))) {
        endsOfShares.insert(cut->pad);
        return store(cut->view.buffer);
      }
    if (Value narrow = beforeWidening(operand); narrowProducts && narrow != operand) {
      std::optional<StridedView> view = stridedViewOf(narrow);
      return store(view ? view->buffer : narrow);
    }
    if (Operation *producer = operand.getDefiningOp(); !producer || !prologues.contains(producer))
      store(memoryOf(op, operand, target));
  }

  // ---- anchors and their consumers

  DenseMap<Group *, int64_t> weights;

  void add(Group *group, Operation *op) {
    groups.add(group, op);
    weights[group] += weightOf(op);
  }
  bool fits(Group *group, int64_t weight) const { return weights.lookup(group) + weight <= maxWeight; }
  bool runsWith(Group *group, Operation *op) const { return phases.of(op) == phases.of(group->anchor); }

  void growFrom(Operation *anchor) {
    if (auto concat = dyn_cast<PrimConcatOp>(anchor); concat && storeParts(concat))
      return;
    Group *group = groups.create(anchor);
    if (auto reduce = dyn_cast<PrimReduceOp>(anchor))
      growRows(group, reduce);
    else if (!isOrdered(anchor))
      storeTurned(group, growEpilogue(group, anchor));
  }

  /// A convolution's kernel on a GPU stores its result in the order of dimensions that the graph goes on with.
  void storeTurned(Group *group, Value value) {
    if (!narrowProducts || !isa<PrimConvOp>(group->anchor) || !value.hasOneUse())
      return;
    auto transpose = dyn_cast<PrimTransposeOp>(*value.user_begin());
    if (transpose && !groups.of(transpose) && runsWith(group, transpose))
      groups.add(group, transpose);
  }

  /// Operands of a concatenation go straight into its buffer, if nothing computes on with it while it is copied.
  bool storeParts(PrimConcatOp concat) {
    auto computesOn = [&](Operation *user) { return user->hasTrait<Elementwise>() && !groups.of(user); };
    auto isPrologue = [&](Value part) { return prologues.contains(part.getDefiningOp()); };
    bool isCut = hasManyOperands(concat) && phases.of(concat) == 0;
    if (!inPlace || llvm::any_of(concat.getInputs(), isPrologue) ||
        (llvm::all_of(concat->getUsers(), computesOn) && !isCut))
      return false;
    bool fits = canStoreParts(concat, groups, phases);
    if (!fits && !isCut)
      return false;
    if (!fits)
      for (PrimConcatOp cut : cutConcat(concat))
        groups.create(cut);
    // A view that is copied keeps its sizes, whatever those are that its source is stored under.
    for (Value part : concat.getInputs())
      if (Operation *producer = part.getDefiningOp(); !groups.of(producer) && isView(producer))
        groups.create(producer);
    groups.placeParts(concat);
    return true;
  }

  /// The attention that ends in this product, if there is one. A CPU's packs what it reads, through views of any
  /// strides, and computes with weights as they are; a GPU's may round them as the graph does.
  void formAttention(PrimDotOp mix) {
    std::optional<Attention> found = Attention::of(mix);
    if (!found || ((found->roundsWeights || found->logSum) && !stridedAttention))
      return;
    std::optional<GpuAttention> strided = stridedAttention ? GpuAttention::of(*found) : std::nullopt;
    if (stridedAttention && !strided)
      return;
    int64_t weight = 0;
    for (Operation *op : found->members) {
      if (groups.of(op) || phases.of(op) != phases.of(mix))
        return;
      weight += weightOf(op);
    }
    if (weight > maxWeight)
      return;
    Group *group = groups.create(mix);
    for (Operation *op : found->members)
      if (op != mix)
        add(group, op);
    if (strided)
      for (AttentionOperand *operand : {&strided->query, &strided->key, &strided->value})
        store(operand->view.buffer);
    else
      for (Value operand : {found->scores.getLhs(), found->scores.getRhs(), mix.getRhs()})
        store(beforeViews(operand));
    if (!found->logSum) // what follows reads the other result, too
      storeMoved(group, growEpilogue(group, mix));
  }

  /// A depthwise convolution with the pointwise ones before and after it, where it pays to keep what is between in
  /// cache.
  void formSeparable(PrimConvOp depthwise) {
    auto isFree = [&](Operation *op) { return !groups.of(op) && phases.of(op) == phases.of(depthwise); };
    std::optional<SeparableConv> found = bestSeparable(depthwise, isFree, target);
    if (!found)
      return;
    int64_t weight = 0;
    for (Operation *op : found->members)
      weight += weightOf(op);
    if (weight > maxWeight)
      return;
    Group *group = groups.create(found->last());
    for (Operation *op : found->members)
      if (op != group->anchor)
        add(group, op);
    for (PrimConvOp conv : {found->expand, found->depthwise, found->project})
      if (conv)
        storeOperand(conv, conv.getWeight());
    std::optional<StridedView> view = stridedViewOf(found->input());
    store(view && found->canRead(*view) ? view->buffer : found->input());
    growEpilogue(group, group->anchor);
  }

  /// What only moves rows of `value` with its last dimension, as heads are joined: the group stores them there.
  void storeMoved(Group *group, Value value) {
    if (!value.hasOneUse())
      return;
    Operation *user = *value.user_begin();
    if (groups.of(user) || !runsWith(group, user))
      return;
    if (auto transpose = dyn_cast<PrimTransposeOp>(user)) {
      if (transpose.getPerm().back() == static_cast<int64_t>(transpose.getPerm().size()) - 1) {
        groups.add(group, user);
        storeMoved(group, transpose.getOutput());
      }
    } else if (isa<PrimReshapeOp>(user)) {
      groups.add(group, user);
      if (Shape shape = shapeOf(user->getResult(0)); !shape.empty() && sameDim(shape.back(), shapeOf(value).back()))
        storeMoved(group, user->getResult(0));
    }
  }

  /// Elementwise consumers, as long as one value comes out of them: nothing in between has a reader elsewhere. Returns
  /// that value.
  Value growEpilogue(Group *group, Operation *anchor) {
    if (anchor->getNumResults() == 0)
      return {};
    Value last = anchor->getResult(0);
    llvm::SetVector<Operation *> consumers;
    while (Value exit = absorb(group, last, consumers)) {
      int64_t weight = 0;
      for (Operation *op : consumers)
        weight += weightOf(op);
      if (!fits(group, weight))
        break;
      for (Operation *op : consumers)
        add(group, op);
      last = exit;
    }
    return last;
  }

  /// The conversion is the kernel's whose product reads it: what is stored is narrow.
  bool widensOperand(Operation *op) const {
    auto convert = dyn_cast<PrimConvertOp>(op);
    return narrowProducts && convert && isWidening(convert) && llvm::any_of(op->getUsers(), isContraction);
  }

  /// The fewest elementwise ops that read all of `value` (x in select(x <= 0, 0, x) has two readers) and give one
  /// value to the rest of the graph; null when there are none.
  Value absorb(Group *group, Value value, llvm::SetVector<Operation *> &consumers) const {
    constexpr size_t maxConsumers = 24;
    consumers.clear();
    auto isTaken = [&](Operation *op) { return consumers.contains(op); };
    auto canTake = [&](Operation *op) {
      return isTaken(op) || (op->hasTrait<Elementwise>() && !groups.of(op) && !prologues.contains(op) &&
                             op->getNumResults() == 1 && runsWith(group, op) && !widensOperand(op));
    };
    SmallVector<Value> open{value};
    while (consumers.size() <= maxConsumers) {
      if (!consumers.empty() && open.size() == 1)
        return open.front();
      Value next;
      for (Value candidate : open)
        if (!candidate.use_empty() && llvm::all_of(candidate.getUsers(), canTake)) {
          next = candidate;
          break;
        }
      if (!next)
        return {};
      consumers.insert(next.user_begin(), next.user_end());
      open.clear();
      for (Operation *op : consumers)
        if (op->use_empty() || !llvm::all_of(op->getUsers(), isTaken))
          open.push_back(op->getResult(0));
    }
    return {};
  }

  /// Everything that works on the rows of `anchor`: the same reductions, what is elementwise on whole rows or on their
  /// results, and broadcasts from one to the other.
  void growRows(Group *group, PrimReduceOp anchor) {
    RowFrame frame(anchor);
    stages[anchor] = 1;
    // Only what is new can bring in more.
    SmallVector<Operation *> work(group->members.begin(), group->members.end());
    auto join = [&](Operation *op) {
      add(group, op);
      stages[op] = stageOf(op);
      work.push_back(op);
    };
    for (PrimReduceOp sibling : readersOfRow(anchor.getInput(), frame))
      if (fits(group, weightOf(sibling)) && runsWith(group, sibling) &&
          !closesCycle(group, sibling.getOperation(), /*mayFeed=*/true))
        join(sibling);
    while (!work.empty()) {
      Operation *member = work.pop_back_val();
      for (Operation *user : member->getUsers())
        if (canJoin(group, user, frame) && !closesCycle(group, user, /*mayFeed=*/false))
          join(user);
      // What the member needs besides: other reductions of the same rows, with all that is between.
      for (const SmallVector<Operation *> &path : siblingsBehind(member, frame)) {
        int64_t weight = 0;
        for (Operation *op : path)
          weight += weightOf(op);
        if (fits(group, weight) && llvm::all_of(path, [&](Operation *op) { return canJoin(group, op, frame); }) &&
            !closesCycle(group, path, /*mayFeed=*/true))
          llvm::for_each(path, join);
      }
    }
  }

  /// The number of reductions of a row on the longest way to an op's result.
  DenseMap<Operation *, int64_t> stages;
  int64_t stageOf(Operation *op) const {
    int64_t stage = 0;
    for (Value operand : op->getOperands())
      stage = std::max(stage, stages.lookup(operand.getDefiningOp()));
    return stage + isa<PrimReduceOp>(op);
  }

  bool canJoin(Group *group, Operation *op, const RowFrame &frame) const {
    return !groups.of(op) && !prologues.contains(op) && runsWith(group, op) && frame.takes(op) &&
           stageOf(op) <= maxStages && fits(group, weightOf(op));
  }

  /// Reductions of the frame that read what `input` is made of, element by element.
  SmallVector<PrimReduceOp> readersOfRow(Value input, const RowFrame &frame) const {
    constexpr size_t mostOps = 32;
    auto isStep = [&](Operation *op) {
      return op && op->hasTrait<Elementwise>() && !groups.of(op) && frame.isFull(op->getResult(0));
    };
    llvm::SetVector<Value> values; // of the elements: first what is read, then what is made of it
    values.insert(input);
    for (size_t i = 0; i < values.size() && values.size() < mostOps; ++i)
      if (Operation *producer = values[i].getDefiningOp(); isStep(producer))
        for (Value operand : producer->getOperands())
          if (Operation *source = operand.getDefiningOp(); !source || !isView(source))
            values.insert(operand);
    SmallVector<PrimReduceOp> found;
    for (size_t i = 0; i < values.size() && values.size() < mostOps; ++i)
      for (Operation *user : values[i].getUsers()) {
        if (auto reduce = dyn_cast<PrimReduceOp>(user); reduce && !groups.of(user) && frame.takes(user))
          found.push_back(reduce);
        else if (isStep(user))
          values.insert(user->getResult(0));
      }
    return found;
  }

  /// Each reduction of the frame that `member` needs through ops that could join, after it those ops, in order.
  SmallVector<SmallVector<Operation *>> siblingsBehind(Operation *member, const RowFrame &frame) const {
    llvm::SetVector<Operation *> behind;
    auto visit = [&](Operation *op) {
      for (Value operand : op->getOperands())
        if (Operation *producer = operand.getDefiningOp();
            producer && !groups.of(producer) && !isa<PrimReduceOp>(op) && frame.takes(producer))
          behind.insert(producer);
    };
    visit(member);
    for (size_t i = 0; i < behind.size(); ++i)
      visit(behind[i]);
    SmallVector<SmallVector<Operation *>> paths;
    for (Operation *op : behind) {
      if (!isa<PrimReduceOp>(op))
        continue;
      llvm::SetVector<Operation *> path;
      path.insert(op);
      for (size_t i = 0; i < path.size(); ++i)
        for (Operation *user : path[i]->getUsers())
          if (behind.contains(user))
            path.insert(user);
      SmallVector<Operation *> ordered = path.takeVector();
      llvm::sort(ordered, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
      paths.push_back(ordered);
    }
    return paths;
  }

  /// With `joining`, the group would need a result of an op outside that needs one of its own. `mayFeed`: members may
  /// need the joining ops, not only the other way round.
  bool closesCycle(Group *group, ArrayRef<Operation *> joining, bool mayFeed) const {
    SmallVector<Operation *> work;
    DenseSet<Operation *> seen;
    auto isInside = [&](Operation *op) { return groups.of(op) == group || llvm::is_contained(joining, op); };
    auto push = [&](Operation *user, bool fromInside) {
      for (Value operand : user->getOperands())
        if (Operation *producer = operand.getDefiningOp())
          if (!(fromInside && isInside(producer)) && seen.insert(producer).second)
            work.push_back(producer);
    };
    for (Operation *op : joining)
      push(op, /*fromInside=*/true);
    if (mayFeed)
      for (Operation *member : group->members)
        push(member, /*fromInside=*/true);
    while (!work.empty()) {
      Operation *next = work.pop_back_val();
      if (isInside(next))
        return true;
      push(next, /*fromInside=*/false);
      // A group runs as a whole.
      if (Group *other = groups.of(next))
        for (Operation *member : other->members)
          if (seen.insert(member).second)
            push(member, /*fromInside=*/false);
    }
    return false;
  }

  // ---- everything else: computed where it is read, or stored

  struct Readers {
    llvm::SmallSetVector<Group *, 4> groups;
    bool needsBuffer = false; // some reader wants an address
    bool isReturned = false;  // or read as it is stored
  };
  DenseMap<Operation *, Readers> readersOf; // of ops that are computed where they are read

  Readers readers(Operation *op) {
    Readers found;
    for (OpOperand &use : op->getUses()) {
      Operation *user = use.getOwner();
      if (user->hasTrait<OpTrait::IsTerminator>() || isa<SizeOp>(user) || standsAlone(user) || groups.isInPlace(user)) {
        found.isReturned = true;
      } else if (Group *group = groups.of(user)) {
        found.groups.insert(group);
        found.needsBuffer |= wantsBuffer(use);
      } else {
        Readers &through = readersOf[user];
        found.groups.insert(through.groups.begin(), through.groups.end());
        found.needsBuffer |= through.needsBuffer || wantsBuffer(use);
      }
    }
    return found;
  }

  /// The ways in which an op is evaluated in the kernels that read it, as hashes: one for each path of views between
  /// it and what a kernel stores. Elementwise readers ask at their own index, a view at another.
  DenseMap<Operation *, llvm::SmallSetVector<size_t, 4>> waysOf;
  static constexpr size_t manyWays = 8;

  llvm::SmallSetVector<size_t, 4> ways(Operation *op) {
    llvm::SmallSetVector<size_t, 4> found;
    for (OpOperand &use : op->getUses()) {
      Operation *user = use.getOwner();
      llvm::SmallSetVector<size_t, 4> through = waysOf.lookup(user);
      if (Group *group = groups.of(user); group && through.empty())
        through.insert(llvm::hash_value(group));
      for (size_t way : through) {
        if (found.size() > manyWays)
          return found;
        size_t viewed = llvm::hash_combine(user, use.getOperandNumber(), way);
        found.insert(user->hasTrait<Elementwise>() ? way : viewed);
      }
    }
    return found;
  }

  /// Evaluated where it is read, the op makes the kernels neither too large nor much work twice.
  bool isBounded(Operation *op, const Readers &found) {
    size_t count = waysOf[op].size();
    int64_t weight = weightOf(op) * static_cast<int64_t>(count);
    if (count > (isCostly(op) ? 2 : manyWays))
      return false;
    return llvm::all_of(found.groups, [&](Group *group) { return fits(group, weight); });
  }

  /// The kernel of `producer` can store its result under other sizes, too. Ordered ones store each result once.
  bool storesFor(Operation *producer) const {
    return !standsAlone(producer) && !groups.isInPlace(producer) &&
           (!isOrdered(producer) || (producer->getNumResults() == 1 && producer->hasOneUse()));
  }

  void placeTheRest() {
    for (Operation &op : llvm::reverse(function.getBody().front())) {
      if (groups.of(&op) || op.hasTrait<OpTrait::IsTerminator>() || isa<WeightOp, RandomKeyOp, RequireOp, SizeOp>(op))
        continue;
      Readers found = readers(&op);
      if (isa<ConstantOp>(op) && !found.isReturned) {
        readersOf[&op] = found;
        continue;
      }
      if (isa<ConstantOp>(op))
        continue; // the driver copies constants that are outputs
      if (found.isReturned && isa<PrimReshapeOp>(op))
        if (Operation *producer = op.getOperand(0).getDefiningOp())
          if (Group *group = groups.of(producer); group && storesFor(producer) && runsWith(group, &op)) {
            groups.add(group, &op); // other sizes for what the group stores
            continue;
          }
      if (op.use_empty() && isMemoryEffectFree(&op))
        continue;
      waysOf[&op] = ways(&op);
      if (computedWhereRead(&op, found) && (weightOf(&op) == 0 || isBounded(&op, found))) {
        readersOf[&op] = found;
        for (Group *group : found.groups)
          weights[group] += weightOf(&op) * static_cast<int64_t>(waysOf[&op].size());
        continue;
      }
      waysOf.erase(&op); // its own index
      if (Group *row = rowThatStores(&op, found)) {
        add(row, &op);
        stages[&op] = stageOf(&op);
        continue;
      }
      weights[groups.create(&op)] = weightOf(&op);
    }
  }

  /// The passes over a row in which a row kernel needs elements of a value: by the number of the reduction, and one
  /// that stores results.
  static constexpr int64_t storingPass = maxStages + 1;
  llvm::SmallSetVector<int64_t, 4> passesOf(Operation *op) const {
    llvm::SmallSetVector<int64_t, 4> passes;
    SmallVector<Operation *> work{op};
    DenseSet<Operation *> seen;
    while (!work.empty()) {
      Operation *next = work.pop_back_val();
      Group *group = groups.of(next);
      for (Operation *user : next->getUsers()) {
        if (group && groups.of(user) != group)
          passes.insert(storingPass);
        else if (isa<PrimReduceOp>(user))
          passes.insert(stages.lookup(user));
        else if (seen.insert(user).second)
          work.push_back(user);
      }
    }
    return passes;
  }

  /// The first of the row groups that read an op's result and can store it on their way, or null.
  Group *rowThatStores(Operation *op, const Readers &found) const {
    if (found.needsBuffer || !op->hasTrait<Elementwise>())
      return nullptr;
    Group *first = nullptr;
    for (Group *group : found.groups) {
      auto anchor = dyn_cast<PrimReduceOp>(group->anchor);
      if (!anchor || (first && first->anchor->isBeforeInBlock(anchor)))
        continue;
      RowFrame frame(anchor);
      // Costly elements would be computed by the pass that stores them and by those that read them.
      bool isCheap = !isCostly(op) || !frame.isFull(op->getResult(0));
      if (isCheap && canJoin(group, op, frame) && !closesCycle(group, op, /*mayFeed=*/true))
        first = group;
    }
    return first;
  }

  bool computedWhereRead(Operation *op, const Readers &found) const {
    if (found.isReturned || found.groups.empty() || stored.contains(op))
      return false;
    if (isa<PrimReshapeOp, ConstantOp, PrimDimOp, PrimIotaOp>(op) || endsOfShares.contains(op))
      return true;
    if (found.needsBuffer)
      return false;
    if (isView(op))
      return true;
    if (found.groups.size() == 1) {
      auto row = dyn_cast<PrimReduceOp>(found.groups.front()->anchor);
      // Each pass over a row computes what it reads.
      return !row || !isCostly(op) || (RowFrame(row).isFull(op->getResult(0)) && passesOf(op).size() == 1);
    }
    // Several products read what is stored before this conversion.
    if (auto convert = dyn_cast<PrimConvertOp>(op); narrowProducts && convert && isWidening(convert))
      if (Operation *producer = behindViews(convert.getInput());
          !producer || stored.contains(producer) || endsOfShares.contains(producer))
        return true;
    // One cheap op for several readers: cheaper than storing its result.
    return op->hasTrait<Elementwise>() && !isCostly(op) && llvm::all_of(op->getOperands(), [](Value operand) {
             Operation *producer = operand.getDefiningOp();
             return !producer || isa<WeightOp, ConstantOp>(producer) || isAnchor(producer);
           });
  }
};

struct FormGroups : impl::FormGroupsBase<FormGroups> {
  using FormGroupsBase::FormGroupsBase;
  void runOnOperation() override {
    LikelySizes likelySizes(getOperation());
    TargetInfo target;
    target.l2Bytes = l2Bytes;
    target.vectorBytes = vectorBytes;
    target.vectorRegisters = vectorRegisters;
    for (func::FuncOp function : llvm::to_vector(getOperation().getOps<func::FuncOp>())) {
      eraseUnread(function);
      FailureOr<SizePhases> phases = SizePhases::of(function);
      if (failed(phases))
        return signalPassFailure();
      Former former(function, *phases, attention, stridedAttention, inPlace, narrowProducts, target);
      former.run();
      if (failed(outlineGroups(function, former.groups, *phases)))
        return signalPassFailure();
    }
  }
};

} // namespace
} // namespace nnf
