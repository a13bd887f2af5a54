// What the kernel families share: the function being emitted, its tasks, and loops over rows and lanes.
#ifndef NNF_PASSES_KERNELS_KERNELEMITTER_H
#define NNF_PASSES_KERNELS_KERNELEMITTER_H

#include "passes/CostModel.h"
#include "passes/kernels/ElementEmitter.h"

namespace nnf {

/// Emits one nnf.kernel as a function on addresses (docs/design/0001). A family calls `begin`, emits one task's work
/// between `taskFirst` and `taskEnd`, and states its grid.
class KernelEmitter {
public:
  using Value = mlir::Value;

  KernelEmitter(KernelOp kernel, const TargetInfo &target);
  ~KernelEmitter();

  KernelOp kernel;
  mutable mlir::func::FuncOp function;
  mlir::OpBuilder builder;
  llvm::DenseMap<unsigned, Value> symbols;
  KernelBuilder k;
  ElementEmitter e;
  Value taskFirst, taskEnd, scratch;

  /// Address of the buffer of a kernel argument.
  Value addressOf(Value argument) const {
    return function.getArgument(mlir::cast<mlir::BlockArgument>(argument).getArgNumber());
  }
  /// Address of result `i`.
  Value resultAddress(unsigned i) const { return results[i]; }
  /// Whether result `i` is too large for whoever reads it to find it in a cache, and the target can store past those:
  /// then lines are not read before they are written.
  bool goesPastCaches(unsigned i);
  /// Result i without the reshapes at its end, which change nothing in a compact buffer.
  Value yielded(unsigned i);
  unsigned numResults() const { return results.size(); }
  /// The shape by whose strides `yielded(i)` lies in memory, and where its element at `at` does.
  Shape resultMemory(unsigned i);
  Index resultOffset(unsigned i, const Indices &at) { return e.linear(resultMemory(i), at); }

  /// All results are of the shape of `value` but for reshapes at their end.
  static bool yieldsShapeOf(KernelOp kernel, Value value);

  /// The grid: its product is the number of tasks.
  void setGrid(llvm::ArrayRef<Dim> grid);

  /// Lanes that suit the element types of the body, of which those of fewer than four bytes count as four: most of what
  /// such tensors are in is wider.
  int64_t preferredLanes();
  /// Lanes of the widest element type of the body: none of its values takes more than a register.
  int64_t lanesOfWidest();

  /// for task in [taskFirst, taskEnd): body(position in each grid dimension).
  void forTasks(llvm::ArrayRef<Dim> grid, llvm::function_ref<void(llvm::ArrayRef<Value>)> body);
  /// if (condition) body() else otherwise(), each in a scope of its own; a null condition is true.
  void when(Value condition, llvm::function_ref<void()> body, llvm::function_ref<void()> otherwise = {});
  /// for each row in [first, end) of a row-major space: body(its indices). Counts up without dividing.
  void forRows(llvm::ArrayRef<Dim> shape, Value first, Value end, llvm::function_ref<void(const Indices &)> body);
  /// Covers [lower, upper) by `lanes` lanes at a time; body(index of the lanes) runs with k.lanes and k.laneMask set.
  /// Values may be carried, the same number for each of `chains` independent chains that take turns in the main loop;
  /// the body gets and gives one chain's.
  using LaneBody = llvm::function_ref<llvm::SmallVector<Value>(Index, mlir::ValueRange)>;
  llvm::SmallVector<Value> forLanes(int64_t lanes, Value lower, Value upper, mlir::ValueRange carried, LaneBody body,
                                    int64_t chains = 1);

  /// Runs the body in `lanes` lanes where none is idle.
  struct LanesScope {
    LanesScope(KernelBuilder &k, int64_t lanes) : k(k), lanes(k.lanes), mask(k.laneMask) {
      k.lanes = lanes;
      k.laneMask = {};
    }
    ~LanesScope() { k.lanes = lanes, k.laneMask = mask; }
    KernelBuilder &k;
    int64_t lanes;
    Value mask;
  };

  /// A size as a number for choosing block sizes: the constant, or a guess where it is symbolic (LikelySizes).
  static int64_t guess(Dim dim);
  static int64_t guess(llvm::ArrayRef<Dim> dims);
  /// The same of batch dimensions: most runs are of one image or sentence, and those have to share out their work, too.
  static int64_t guessBatch(llvm::ArrayRef<Dim> dims);
  /// How many tasks so much work is worth: of some ten microseconds each, and no more than a few threads can share out
  /// evenly.
  static int64_t tasksFor(double multiplyAdds);

private:
  /// The bytes of an element of each tensor of the body.
  llvm::SmallVector<int64_t> elementSizes();

  llvm::SmallVector<Value> results;
};

/// The families, most special first. Each returns false, having emitted nothing, when the kernel is not of its kind;
/// the map takes everything.
bool emitAttentionKernel(KernelOp kernel, const TargetInfo &target);
bool emitContractKernel(KernelOp kernel, const TargetInfo &target);
bool emitWinogradKernel(KernelOp kernel, const TargetInfo &target);
/// The depthwise family takes the convolution, if the channels of its input and weight are contiguous in memory.
bool isDepthwise(PrimConvOp conv);
/// The same of a convolution whose groups have a few channels, as many outputs as inputs, and no more than `lanes`.
bool hasNarrowGroups(PrimConvOp conv, int64_t lanes);
bool emitDepthwiseKernel(KernelOp kernel, const TargetInfo &target);
bool emitSeparableKernel(KernelOp kernel, const TargetInfo &target);
bool emitOrderedKernel(KernelOp kernel, const TargetInfo &target);
void emitSortKernel(KernelOp kernel, PrimSortOp op, const TargetInfo &target);
void emitLoopKernel(KernelOp kernel, PrimLoopOp op, const TargetInfo &target);
bool emitRowKernel(KernelOp kernel, const TargetInfo &target);
void emitMapKernel(KernelOp kernel, const TargetInfo &target);

} // namespace nnf
#endif
