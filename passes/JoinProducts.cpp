// Products that read the same rows become one: the rows are read once, and there are fewer, larger launches.
#include "dialects/nnf/Constness.h"
#include "passes/LikelySizes.h"
#include "passes/Passes.h"
#include "passes/groups/Attention.h"
#include "passes/groups/JointEpilogue.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/StridedView.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_JOINPRODUCTS
#include "passes/Passes.h.inc"
namespace {

/// Fewer columns of a larger row than a cache line holds are gathered by whoever reads them.
constexpr int64_t fewestColumnBytes = 64;

bool isContraction(Operation *op) { return isa<PrimDotOp, PrimConvOp>(op); }
bool isViewOfOne(Operation *op) { return isa<PrimReshapeOp, PrimTransposeOp, PrimBroadcastOp, PrimSliceOp>(op); }

struct Joiner {
  func::FuncOp function;
  int64_t l2Bytes;
  Constness constness;
  DenseSet<Operation *> ofAttention; // the products of attentions, which pack what they read, whatever its strides

  void run() {
    for (auto dot : function.getBody().front().getOps<PrimDotOp>())
      if (std::optional<Attention> attention = Attention::of(dot);
          attention && !attention->roundsWeights && !attention->logSum)
        for (PrimDotOp product : {attention->scores, attention->mix})
          ofAttention.insert(product);
    llvm::MapVector<std::pair<Value, Attribute>, SmallVector<Operation *>> products;
    for (Operation &op : function.getBody().front()) {
      // Constants second, so that epilogues are alike in which comes first.
      if (op.hasTrait<OpTrait::IsCommutative>() && op.getNumOperands() == 2 && isRepeatedConstant(op.getOperand(0)) &&
          !isRepeatedConstant(op.getOperand(1)))
        op.setOperands({op.getOperand(1), op.getOperand(0)});
      if (Attribute geometry = geometryOf(&op))
        products[{op.getOperand(0), geometry}].push_back(&op);
    }
    for (auto &[rows, ofOneKind] : products) {
      if (ofOneKind.size() < 2)
        continue;
      // Those that end alike.
      llvm::MapVector<Attribute, SmallVector<Operation *>> alike;
      for (Operation *product : ofOneKind)
        alike[StringAttr::get(product->getContext(), JointEpilogue(product, constness).text())].push_back(product);
      for (auto &[text, candidates] : alike)
        join(candidates);
    }
  }

  bool isRepeatedConstant(Value value) {
    auto broadcast = value.getDefiningOp<PrimBroadcastOp>();
    return constness.isConstant(broadcast ? broadcast.getInput() : value);
  }

  /// What products that become one have in common besides the rows they read: all but their columns. Null where columns
  /// cannot be put side by side.
  Attribute geometryOf(Operation *op) {
    if (!isContraction(op))
      return {};
    Value weight = op->getOperand(1);
    Type element = Primitives::elementOf(op->getResult(0));
    Shape shape = shapeOf(weight);
    if (!isa<FloatType>(element) || elementBytes(element) < 4 || !constantsOf(shape) || !constness.isConstant(weight))
      return {};
    Builder builder(op);
    if (auto conv = dyn_cast<PrimConvOp>(op)) {
      if (conv.getLayout() != 1 || conv.getPacked() || conv.getGroups() != 1 || isNarrow(conv.getOutput()))
        return {};
      SmallVector<int64_t> kernel = *constantsOf(conv.kernelSizes());
      return builder.getArrayAttr({op->getAttrDictionary(), builder.getDenseI64ArrayAttr(kernel)});
    }
    auto dot = cast<PrimDotOp>(op);
    if (!dot.getLhsBatch().empty() || dot.getLhsContract().size() != 1 || shape.size() != 2 ||
        shapeOf(dot.getLhs()).size() < 2 || isNarrow(dot.getOutput()))
      return {};
    return builder.getI64IntegerAttr(dot.getLhsContract()[0]);
  }

  /// What is saved and what it costs, in multiply-adds of one core: launches of some 10 microseconds, most of it
  /// waiting for the last thread; rows that come from afar for each product because the second-level cache does not
  /// keep them (at some 13 GB/s, half of it hidden behind the product). The rows of the result lie further apart: the
  /// larger product took up to 1.02 times as long (design/0003).
  bool pays(ArrayRef<Operation *> products) const {
    constexpr double ofALaunch = 8e5, ofAByte = 3, shareLost = 0.01;
    Value rows = products.front()->getOperand(0);
    auto count = [](ArrayRef<Dim> shape) { return static_cast<double>(KernelEmitter::guess(shape)); };
    double bytes = count(shapeOf(rows)) * static_cast<double>(elementBytes(Primitives::elementOf(rows)));
    double weights = 0;
    for (Operation *product : products)
      weights += count(shapeOf(product->getOperand(1)));
    double work = weights * count(ArrayRef(shapeOf(products.front()->getResult(0))).drop_back());
    double ofARead = bytes > 0.5 * static_cast<double>(l2Bytes) ? ofAByte * bytes : 0;
    return static_cast<double>(products.size() - 1) * (ofALaunch + ofARead) >= shareLost * work;
  }

  static int64_t columnsOf(Value value) { return *constantOf(shapeOf(value).back()); }
  static bool isNarrow(Value value) {
    return columnsOf(value) * elementBytes(Primitives::elementOf(value)) < fewestColumnBytes;
  }

  /// Makes one product of those that can be, if there are two.
  void join(SmallVector<Operation *> products) {
    while (products.size() > 1 && pays(products)) {
      JointEpilogue epilogue(products, constness);
      Operation *first = products.front();
      hoistConstants(products, epilogue);
      OpBuilder builder(first);
      Operation *before = first->getPrevNode();
      Value joined = epilogue.emit(builder, first->getLoc(), emitProduct(builder, products));
      SmallVector<Value> slices = slicesOf(builder, joined, epilogue.exits());
      SmallVector<Operation *> others;
      for (auto [product, exit, slice] : llvm::zip(products, epilogue.exits(), slices))
        if (readsAsWell(exit, slice, products))
          others.push_back(product);
      if (others.size() == products.size()) {
        for (auto [exit, slice] : llvm::zip(epilogue.exits(), slices)) {
          Value value = exit;
          value.replaceAllUsesWith(slice);
        }
        constness.forget();
        return;
      }
      while (first->getPrevNode() != before)
        first->getPrevNode()->erase();
      products = others;
    }
  }

  /// Whatever the joined product needs of constants stands before the first of the products.
  void hoistConstants(ArrayRef<Operation *> products, const JointEpilogue &epilogue) {
    Operation *first = products.front();
    llvm::SetVector<Operation *> needed;
    auto need = [&](Value value) {
      if (Operation *op = value.getDefiningOp(); op && first->isBeforeInBlock(op))
        needed.insert(op);
    };
    for (Operation *product : products)
      need(product->getOperand(1));
    llvm::for_each(epilogue.constants(), need);
    for (size_t i = 0; i < needed.size(); ++i)
      llvm::for_each(needed[i]->getOperands(), need);
    SmallVector<Operation *> order = needed.takeVector();
    llvm::sort(order, [](Operation *a, Operation *b) { return a->isBeforeInBlock(b); });
    for (Operation *op : order)
      op->moveBefore(first);
  }

  Value emitProduct(OpBuilder &builder, ArrayRef<Operation *> products) {
    Operation *first = products.front();
    Primitives p(builder, first->getLoc());
    SmallVector<Value> weights;
    for (Operation *product : products) {
      auto dot = dyn_cast<PrimDotOp>(product);
      bool isTurned = dot && dot.getRhsContract()[0] == 1;
      weights.push_back(isTurned ? p.transpose(dot.getRhs(), {1, 0}) : product->getOperand(1));
    }
    Value weight = p.concat(weights, static_cast<int64_t>(shapeOf(weights.front()).size()) - 1);
    if (auto dot = dyn_cast<PrimDotOp>(first))
      return p.dot(dot.getLhs(), weight, {}, {}, dot.getLhsContract(), {0});
    auto conv = cast<PrimConvOp>(first);
    Shape shape = shapeOf(conv.getOutput());
    shape.back() = shapeOf(weight).back();
    return PrimConvOp::create(builder, conv.getLoc(), tensorOf(shape, Primitives::elementOf(conv.getOutput())),
                              conv.getInput(), weight, conv.getStride(), conv.getLow(), conv.getHigh(),
                              conv.getInputDilation(), conv.getKernelDilation(), conv.getGroups(), conv.getLayout());
  }

  SmallVector<Value> slicesOf(OpBuilder &builder, Value joined, ArrayRef<Value> exits) {
    Primitives p(builder, joined.getLoc());
    SmallVector<Value> slices;
    int64_t first = 0;
    for (Value exit : exits) {
      int64_t columns = columnsOf(exit);
      slices.push_back(p.sliceDim(joined, static_cast<int64_t>(shapeOf(joined).size()) - 1, dimOf(p.context(), first),
                                  dimOf(p.context(), columns)));
      first += columns;
    }
    return slices;
  }

  /// Whoever reads `exit` takes a slice of larger rows as well, and nobody would have computed on with it before it was
  /// stored.
  bool readsAsWell(Value exit, Value slice, ArrayRef<Operation *> products) {
    auto isFollowing = [&](Operation *user) {
      return user->hasTrait<Elementwise>() && !isTakenElsewhere(user, exit, products);
    };
    if (llvm::all_of(exit.getUsers(), isFollowing))
      return false;
    return readsView(exit, slice);
  }

  /// An op of two computed operands follows the one that comes last, if that is another product.
  bool isTakenElsewhere(Operation *user, Value exit, ArrayRef<Operation *> products) {
    for (Value operand : user->getOperands()) {
      if (operand == exit)
        continue;
      Operation *op = operand.getDefiningOp();
      while (op && op->hasTrait<Elementwise>() && op->hasOneUse() && op->getNumOperands() > 0)
        op = op->getOperand(0).getDefiningOp();
      if (op && isContraction(op) && op->hasOneUse() && !llvm::is_contained(products, op))
        return true;
    }
    return false;
  }

  /// The readers of `from`, through views, would read `to` at the same cost.
  bool readsView(Value from, Value to) {
    bool isStrided = !stridedViewOf(from) || stridedViewOf(to);
    for (OpOperand &use : from.getUses()) {
      Operation *user = use.getOwner();
      if (isViewOfOne(user)) {
        OpBuilder builder(user);
        Operation *viewed = builder.clone(*user);
        viewed->setOperand(0, to);
        bool reads = readsView(user->getResult(0), viewed->getResult(0));
        viewed->erase();
        if (!reads)
          return false;
        continue;
      }
      // Results and what wants a buffer of its own would be copied; a part of a concatenation is where it is made.
      bool takesViews = user->hasTrait<Elementwise>() || isContraction(user) || isa<PrimReduceOp, PrimPadOp>(user) ||
                        (isa<PrimConcatOp>(user) && isViewOfOne(from.getDefiningOp()));
      if (!takesViews || (!isStrided && !ofAttention.contains(user)))
        return false;
    }
    return true;
  }
};

struct JoinProducts : impl::JoinProductsBase<JoinProducts> {
  using JoinProductsBase::JoinProductsBase;
  void runOnOperation() override {
    LikelySizes likelySizes(getOperation()->getParentOfType<ModuleOp>());
    Joiner{getOperation(), l2Bytes, {}, {}}.run();
  }
};

} // namespace
} // namespace nnf
