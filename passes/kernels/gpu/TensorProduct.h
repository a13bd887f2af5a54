// Products of matrices that templates multiply, on tensor cores or (exact float32) without, and the tiles they are cut
// into.
#ifndef NNF_PASSES_KERNELS_GPU_TENSORPRODUCT_H
#define NNF_PASSES_KERNELS_GPU_TENSORPRODUCT_H

#include "passes/kernels/gpu/ConvolutionRows.h"
#include "passes/kernels/gpu/Multiplier.h"
#include <string>

namespace nnf {

/// The only op of a kind of contractions in a kernel that has no other kind and no reduction; null: there is none.
template <typename Op> Op soleOf(KernelOp kernel) {
  Op found;
  for (mlir::Operation &op : kernel.getBody().front()) {
    auto one = mlir::dyn_cast<Op>(op);
    if (!one && mlir::isa<PrimDotOp, PrimConvOp, PrimReduceOp, PrimArgReduceOp, PrimReduceWindowOp>(op))
      return {};
    if (one && found)
      return {};
    if (one)
      found = one;
  }
  return found;
}

/// The only product of a kernel in which everything else is elementwise on its result; null: there is none.
PrimDotOp soleProductOf(KernelOp kernel);

/// The buffer of float32, or of the 16-bit floats that an operand is a conversion of.
std::optional<StridedView> productBufferOf(mlir::Value operand);

/// The contracted dimension of which a product multiplies a share.
struct ContractedShares {
  size_t batch; // the dimension of the product's batch that counts shares
  Dim steps;    // of all shares: the last one may be shorter
};

/// An operand's dimensions by their part in the product: those of batches, of rows (columns), and contracted ones.
struct OperandDimensions {
  Shape batchStrides, free, freeStrides, contracted, contractedStrides;
};

/// One operand: 16-bit floats or float32 in memory, in lines at one distance.
struct TensorOperand {
  StridedView view;
  Shape batchStrides;
  Dim lineStride;    // elements between neighbours that no line has both of
  bool alongDepth;   // lines run along the contracted dimension; else along rows (of A) or columns (of B)
  int64_t copyBytes; // of a line that may be copied at once: 16, 8, 4 or 2
  std::optional<ContractedShares> shares = {}; // the buffer ends with the last share's last step

  /// Null where there are no such lines.
  static std::optional<TensorOperand> of(const StridedView &view, const OperandDimensions &dims);
  /// Elements from one row (of A) or column (of B) to the next.
  Dim extentStride() const;
};

/// One of NNF_PRODUCT_TILES, NNF_TF32_TILES or NNF_FLOAT_TILES.
struct ProductTile {
  Multiplier multiplier;
  int64_t rows, columns, depth, slabs;
  int64_t threads;
  int64_t parts;          // in which sums come to shared memory, some rows each
  int64_t moreShared = 0; // bytes beside slabs

  bool isFma() const { return multiplier == Multiplier::Fma; }
  /// Floats of sums that each thread has.
  int64_t sums() const { return rows * columns / threads; }
  /// Rows of sums that are in shared memory at once, and the distance of theirs in floats.
  int64_t spreadRows() const { return rows / parts; }
  int64_t spreadPitch() const;
  /// Of a block: slabs, or later sums in their place.
  int64_t sharedBytes() const;
  /// The template of a kind: "nnf_tf32_product_128x64x16".
  std::string name(llvm::StringRef kind) const;
};

/// Blocks that a GPU runs at once, by a model of it.
int64_t blocksAtOnce(const ProductTile &tile);
/// Cycles that a GPU takes for a product, by a model of it (docs/design/0009).
double cyclesOfProduct(Multiplier multiplier, int64_t rows, int64_t columns, int64_t depth, int64_t batches);
/// The same where templates multiply, however few rows there are: convolutions.
double cyclesOfTiles(Multiplier multiplier, int64_t rows, int64_t columns, int64_t depth, int64_t batches);

/// result[batch, row, column] = sum of a[batch, row, k] * b[batch, k, column] in float32, row and column of any number
/// of dimensions. Of a convolution the rows of A are none that lie in memory, and the batch is its groups: columns go
/// on from one to the next.
struct TensorProduct {
  mlir::Value result;
  mlir::Type element; // of both operands
  Multiplier multiplier;
  TensorOperand a, b;
  Shape batch, rows, columns;
  Dim depth;
  std::optional<ConvolutionRows> convolved; // A; null: it is a matrix
  bool turned = false;                      // results are stored transposed, neighbouring rows beside each other

  static std::optional<TensorProduct> of(KernelOp kernel);
  static std::optional<TensorProduct> ofConvolution(KernelOp kernel);
  /// What a product will be if its operands' buffers are stored: in a graph that has no kernels yet.
  static std::optional<TensorProduct> of(PrimDotOp dot);
  static std::optional<TensorProduct> of(PrimConvOp conv);
  /// That of an operand which ends the last share, if one does.
  std::optional<ContractedShares> shares() const { return a.shares ? a.shares : b.shares; }
  /// The tensor that a convolution on a GPU reads an operand from: what lies behind views of it, or, where copies would
  /// be single elements for that, the operand as it is before it is widened, which has to be stored then.
  static mlir::Value memoryOf(PrimConvOp conv, mlir::Value operand);
  /// The contracted dimension is one that templates go down: they count it in 32 bits. Of exact float32 it has more
  /// than one slab: in code without a loop ptxas runs out of registers, and what is written bounds so shallow a
  /// product.
  bool hasDepthOfTiles() const;
  /// The tile that is likely done first, by a model of the machine.
  ProductTile tile() const;
};

} // namespace nnf
#endif
