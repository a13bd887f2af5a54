// Products and convolutions with little to do at once are cut along the contracted dimension.
#include "passes/LikelySizes.h"
#include "passes/Passes.h"
#include "passes/decompose/Primitives.h"
#include "passes/groups/Attention.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/Widening.h"
#include "passes/kernels/gpu/HopperProduct.h"
#include "passes/kernels/gpu/Shares.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_SPLITPRODUCTS
#include "passes/Passes.h.inc"
namespace {

using IntList = SmallVector<int64_t>;

/// More parts than these would be summed up longer than they are multiplied.
constexpr int64_t mostParts = 32;
/// A part has whole slabs of every tile, and begins at multiples of 16 bytes. The last one may be shorter.
constexpr int64_t partGrain = 64;
/// Cycles that the sum of the parts takes: a launch, and bytes that go through the second-level cache.
constexpr double cyclesOfSum = 2500, bytesPerCycle = 1000;
/// What is gained is more than the model errs.
constexpr double worthwhile = 0.8;

/// Which GPUs a split is for.
enum class Machines {
  Any,    // sm_80's code
  Both,   // the same, and that of compute capability 9.0 beside it: a split that suits both
  Hopper, // the latter alone
};

/// Sizes of a product whose contracted dimension may be cut.
struct Sizes {
  Multiplier multiplier;
  int64_t rows, columns, depth, batches;
  Machines machines = Machines::Any;
  int64_t multiprocessors = multiprocessorsOfH100; // of compute capability 9.0
  bool isConvolution = false;

  static std::optional<Sizes> of(PrimDotOp dot);
  static std::optional<Sizes> of(PrimConvOp conv);
  /// With `share` of the contracted dimension in each of `parts`.
  double cycles(int64_t share, int64_t parts) const;
  /// The cost of parts in relation to that of the whole.
  double relativeCost(int64_t share, int64_t parts) const;
};

/// The elements of an operand that are neither batch nor contracted.
std::optional<int64_t> freeSize(Value operand, ArrayRef<int64_t> batch, ArrayRef<int64_t> contract) {
  int64_t size = 1;
  for (auto [dim, length] : llvm::enumerate(shapeOf(operand))) {
    std::optional<int64_t> fixed = constantOf(length);
    if (!fixed)
      return std::nullopt;
    if (!llvm::is_contained(batch, dim) && !llvm::is_contained(contract, dim))
      size *= *fixed;
  }
  return size;
}

template <typename Op> Machines machinesOf(Op op) {
  auto asked = op->template getParentOfType<ModuleOp>()->template getAttrOfType<StringAttr>(hopperCode);
  std::optional<TensorProduct> product = asked ? TensorProduct::of(op) : std::nullopt;
  if (!product || !isProductOfHopper(*product))
    return Machines::Any;
  return asked.getValue() == "alone" ? Machines::Hopper : Machines::Both;
}

std::optional<Sizes> Sizes::of(PrimDotOp dot) {
  if (dot.getLhsContract().size() != 1 || !elementOf(dot.getOutput()).isF32())
    return std::nullopt;
  std::optional<int64_t> rows = freeSize(dot.getLhs(), dot.getLhsBatch(), dot.getLhsContract()),
                         columns = freeSize(dot.getRhs(), dot.getRhsBatch(), dot.getRhsContract());
  Type left = elementOf(beforeWidening(dot.getLhs())), right = elementOf(beforeWidening(dot.getRhs()));
  if (!rows || !columns || *rows == 0 || *columns == 0)
    return std::nullopt;
  Sizes sizes{multiplierOf(left == right ? left : Type(Float32Type::get(dot.getContext())), dot),
              *rows,
              *columns,
              *constantOf(shapeOf(dot.getLhs())[dot.getLhsContract()[0]]),
              1,
              machinesOf(dot),
              multiprocessorsOf(dot)};
  for (int64_t dim : dot.getLhsBatch())
    sizes.batches *= *constantOf(shapeOf(dot.getLhs())[dim]);
  return sizes.batches > 0 ? std::optional(sizes) : std::nullopt;
}

/// Of a convolution the contracted dimension is the channels of a group.
std::optional<Sizes> Sizes::of(PrimConvOp conv) {
  std::optional<TensorProduct> product = TensorProduct::of(conv);
  if (!product)
    return std::nullopt;
  auto count = [&](ArrayRef<Dim> dims) { return constantOf(productOf(conv.getContext(), dims)); };
  std::optional<int64_t> rows = count(product->rows), columns = count(product->columns),
                         depth = constantOf(product->depth);
  if (!rows || !columns || !depth || *rows == 0 || *columns == 0 || *depth == 0)
    return std::nullopt;
  return Sizes{product->multiplier,     *rows, *columns, *depth, int64_t(conv.getGroups()), machinesOf(conv),
               multiprocessorsOf(conv),
               /*isConvolution=*/true};
}

double Sizes::cycles(int64_t share, int64_t parts) const {
  double product = machines == Machines::Hopper ? cyclesOnHopper(multiprocessors, rows, columns, share, batches * parts)
                   : isConvolution              ? cyclesOfTiles(multiplier, rows, columns, share, batches * parts)
                                                : cyclesOfProduct(multiplier, rows, columns, share, batches * parts);
  if (parts == 1)
    return product;
  return product + cyclesOfSum + double(2 * parts * batches * rows * columns * 4) / bytesPerCycle;
}

double Sizes::relativeCost(int64_t share, int64_t parts) const {
  if (machines != Machines::Both)
    return cycles(share, parts) / cycles(depth, 1);
  // Neither is worth more than the other: the mean of factors.
  Sizes any(*this), hopper(*this);
  any.machines = Machines::Any, hopper.machines = Machines::Hopper;
  return std::sqrt(any.relativeCost(share, parts) * hopper.relativeCost(share, parts));
}

/// Elements of a part of the contracted dimension; null: it stays whole.
std::optional<int64_t> bestShare(const Sizes &sizes) {
  std::optional<int64_t> best;
  double least = worthwhile;
  // Nothing to contract has no parts.
  for (int64_t parts = 2; parts <= mostParts && sizes.depth > partGrain; ++parts) {
    int64_t share = llvm::alignTo(llvm::divideCeil(sizes.depth, parts), partGrain);
    if (llvm::divideCeil(sizes.depth, share) != uint64_t(parts))
      continue; // so many whole slabs for each leave the last ones nothing
    if (double cost = sizes.relativeCost(share, parts); cost < least) {
      least = cost;
      best = share;
    }
  }
  return best;
}

/// The operand with its contracted dimension cut in two, parts before steps.
Value cut(Primitives &p, Value operand, int64_t dim, int64_t share) {
  Value narrow = beforeWidening(operand);
  Value view = cutInShares(p, narrow, dim, share);
  return narrow == operand ? view : p.convert(view, elementOf(operand));
}

/// `dims` of a tensor in which dimension `dim` has become two.
IntList shifted(ArrayRef<int64_t> dims, int64_t dim) {
  IntList result;
  for (int64_t d : dims)
    result.push_back(d > dim ? d + 1 : d);
  return result;
}

void split(PrimDotOp dot, int64_t share) {
  OpBuilder b(dot);
  Primitives p(b, dot.getLoc());
  int64_t left = dot.getLhsContract()[0], right = dot.getRhsContract()[0];
  IntList leftBatch = shifted(dot.getLhsBatch(), left), rightBatch = shifted(dot.getRhsBatch(), right);
  leftBatch.insert(leftBatch.begin(), left);
  rightBatch.insert(rightBatch.begin(), right);
  Value each = p.dot(cut(p, dot.getLhs(), left, share), cut(p, dot.getRhs(), right, share), leftBatch, rightBatch,
                     {left + 1}, {right + 1});
  dot.getOutput().replaceAllUsesWith(p.reduce(ReduceKind::Add, each, {0}));
  dot.erase();
}

// ---- convolutions

/// Channels of a part; null: the convolution stays whole. Parts are even: they are groups.
std::optional<int64_t> bestChannels(PrimConvOp conv, const Sizes &sizes) {
  int64_t channels = *constantOf(conv.channelsPerGroup()), taps = sizes.depth / channels;
  // Channels of a part, and its output channels, begin at multiples of 16 bytes; on compute capability 9.0 groups of
  // other than whole slabs would lose its code (ImageMap.cpp).
  int64_t grain = 16 / operandBytes(sizes.multiplier), ofChannels = sizes.machines == Machines::Any ? grain : partGrain;
  std::optional<int64_t> best;
  double least = worthwhile;
  for (int64_t parts = 2; parts <= mostParts && sizes.columns % grain == 0; ++parts)
    if (int64_t share = channels / parts; channels % parts == 0 && share % ofChannels == 0 && taps * share >= partGrain)
      if (double cost = sizes.relativeCost(taps * share, parts); cost < least) {
        least = cost;
        best = share;
      }
  return best;
}

/// A group becomes several, each with some of its channels and all of its output channels, and their sum.
void split(PrimConvOp conv, int64_t channels) {
  OpBuilder b(conv);
  Primitives p(b, conv.getLoc());
  auto dim = [&](int64_t size) { return dimOf(p.context(), size); };
  Shape weight = shapeOf(conv.getWeight()), out = shapeOf(conv.getOutput());
  int64_t groups = conv.getGroups(), parts = *constantOf(conv.channelsPerGroup()) / channels,
          columns = *constantOf(out.back()) / groups, taps = weight.size() - 2;

  // [taps, parts x channels, groups x columns] to [taps, channels, groups x parts x columns]
  Value narrow = beforeWidening(conv.getWeight());
  Shape apart(weight.begin(), weight.begin() + taps), joined = apart;
  apart.append({dim(parts), dim(channels), dim(groups), dim(columns)});
  joined.append({dim(channels), dim(groups * parts * columns)});
  IntList order = llvm::to_vector(llvm::seq<int64_t>(0, taps));
  order.append({taps + 1, taps + 2, taps, taps + 3});
  Value moved = p.reshape(p.transpose(p.reshape(narrow, apart), order), joined);
  if (narrow != conv.getWeight())
    moved = p.convert(moved, elementOf(conv.getWeight()));

  Shape each = out;
  each.back() = dim(groups * parts * columns);
  auto made = cast<PrimConvOp>(b.clone(*conv));
  made.getWeightMutable().assign(moved);
  made.setGroups(groups * parts);
  made.getOutput().setType(tensorOf(each, elementOf(conv.getOutput())));

  Shape cut(ArrayRef(out).drop_back());
  if (groups > 1)
    cut.push_back(dim(groups));
  int64_t ofParts = cut.size();
  cut.append({dim(parts), dim(columns)});
  Value sum = p.reduce(ReduceKind::Add, p.reshape(made.getOutput(), cut), {ofParts});
  conv.getOutput().replaceAllUsesWith(p.reshape(sum, out));
  conv.erase();
}

struct SplitProducts : impl::SplitProductsBase<SplitProducts> {
  void runOnOperation() override {
    LikelySizes likelySizes(getOperation()->getParentOfType<ModuleOp>());
    DenseSet<Operation *> ofAttention;
    SmallVector<PrimDotOp> dots;
    SmallVector<PrimConvOp> convs;
    getOperation().walk([&](PrimConvOp conv) { convs.push_back(conv); });
    getOperation().walk([&](PrimDotOp dot) {
      dots.push_back(dot);
      if (std::optional<Attention> attention = Attention::of(dot))
        for (PrimDotOp product : {attention->scores, attention->mix})
          ofAttention.insert(product);
    });
    for (PrimDotOp dot : dots)
      if (std::optional<Sizes> sizes = Sizes::of(dot); sizes && !ofAttention.contains(dot))
        if (std::optional<int64_t> share = bestShare(*sizes))
          split(dot, *share);
    for (PrimConvOp conv : convs)
      if (std::optional<Sizes> sizes = Sizes::of(conv))
        if (std::optional<int64_t> channels = bestChannels(conv, *sizes))
          split(conv, *channels);
  }
};

} // namespace
} // namespace nnf
