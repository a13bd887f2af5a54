// Products with little to do at once are cut along the contracted dimension.
#include "passes/Passes.h"
#include "passes/decompose/Primitives.h"
#include "passes/groups/Attention.h"
#include "passes/kernels/KernelEmitter.h"
#include "passes/kernels/Widening.h"
#include "passes/kernels/gpu/TensorProduct.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_SPLITPRODUCTS
#include "passes/Passes.h.inc"
namespace {

using IntList = SmallVector<int64_t>;

/// More parts than these would be summed up longer than they are multiplied.
constexpr int64_t mostParts = 32;
/// A part has whole slabs of every tile, and begins at multiples of 16 bytes.
constexpr int64_t partGrain = 64;
/// Cycles that the sum of the parts takes: a launch, and bytes that go through the second-level cache.
constexpr double cyclesOfSum = 2500, bytesPerCycle = 1000;
/// What is gained is more than the model errs.
constexpr double worthwhile = 0.8;

/// Sizes of a product whose contracted dimension may be cut.
struct Sizes {
  Multiplier multiplier;
  int64_t rows, columns, depth, batches;

  static std::optional<Sizes> of(PrimDotOp dot);
  double cycles(int64_t parts) const;
  int64_t bestParts() const;
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

std::optional<Sizes> Sizes::of(PrimDotOp dot) {
  if (dot.getLhsContract().size() != 1 || !elementOf(dot.getOutput()).isF32())
    return std::nullopt;
  std::optional<int64_t> rows = freeSize(dot.getLhs(), dot.getLhsBatch(), dot.getLhsContract()),
                         columns = freeSize(dot.getRhs(), dot.getRhsBatch(), dot.getRhsContract());
  Type left = elementOf(beforeWidening(dot.getLhs())), right = elementOf(beforeWidening(dot.getRhs()));
  if (!rows || !columns || *rows == 0 || *columns == 0)
    return std::nullopt;
  Sizes sizes{multiplierOf(left == right ? left : Type(Float32Type::get(dot.getContext())), dot), *rows, *columns,
              *constantOf(shapeOf(dot.getLhs())[dot.getLhsContract()[0]]), 1};
  for (int64_t dim : dot.getLhsBatch())
    sizes.batches *= *constantOf(shapeOf(dot.getLhs())[dim]);
  return sizes.batches > 0 ? std::optional(sizes) : std::nullopt;
}

double Sizes::cycles(int64_t parts) const {
  double product = cyclesOfProduct(multiplier, rows, columns, depth / parts, batches * parts);
  if (parts == 1)
    return product;
  return product + cyclesOfSum + double(2 * parts * batches * rows * columns * 4) / bytesPerCycle;
}

int64_t Sizes::bestParts() const {
  int64_t best = 1;
  double least = cycles(1) * worthwhile;
  for (int64_t parts = 2; parts <= mostParts; ++parts)
    if (depth % (parts * partGrain) == 0 && cycles(parts) < least) {
      least = cycles(parts);
      best = parts;
    }
  return best;
}

/// The operand with its contracted dimension cut in two, parts before steps.
Value cut(Primitives &p, Value operand, int64_t dim, int64_t parts) {
  Value narrow = beforeWidening(operand);
  Shape shape = shapeOf(narrow);
  Dim depth = shape[dim];
  shape[dim] = dimOf(p.context(), parts);
  shape.insert(shape.begin() + dim + 1, simplify(depth.floorDiv(parts)));
  Value view = p.reshape(narrow, shape);
  return narrow == operand ? view : p.convert(view, elementOf(operand));
}

/// `dims` of a tensor in which dimension `dim` has become two.
IntList shifted(ArrayRef<int64_t> dims, int64_t dim) {
  IntList result;
  for (int64_t d : dims)
    result.push_back(d > dim ? d + 1 : d);
  return result;
}

void split(PrimDotOp dot, int64_t parts) {
  OpBuilder b(dot);
  Primitives p(b, dot.getLoc());
  int64_t left = dot.getLhsContract()[0], right = dot.getRhsContract()[0];
  IntList leftBatch = shifted(dot.getLhsBatch(), left), rightBatch = shifted(dot.getRhsBatch(), right);
  leftBatch.insert(leftBatch.begin(), left);
  rightBatch.insert(rightBatch.begin(), right);
  Value each = p.dot(cut(p, dot.getLhs(), left, parts), cut(p, dot.getRhs(), right, parts), leftBatch, rightBatch,
                     {left + 1}, {right + 1});
  dot.getOutput().replaceAllUsesWith(p.reduce(ReduceKind::Add, each, {0}));
  dot.erase();
}

struct SplitProducts : impl::SplitProductsBase<SplitProducts> {
  void runOnOperation() override {
    DenseSet<Operation *> ofAttention;
    SmallVector<PrimDotOp> dots;
    getOperation().walk([&](PrimDotOp dot) {
      dots.push_back(dot);
      if (std::optional<Attention> attention = Attention::of(dot))
        for (PrimDotOp product : {attention->scores, attention->mix})
          ofAttention.insert(product);
    });
    for (PrimDotOp dot : dots)
      if (std::optional<Sizes> sizes = Sizes::of(dot); sizes && !ofAttention.contains(dot))
        if (int64_t parts = sizes->bestParts(); parts > 1)
          split(dot, parts);
  }
};

} // namespace
} // namespace nnf
