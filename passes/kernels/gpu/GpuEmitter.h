// What the GPU's kernel families share: the block and thread that run the code, shared memory, and how threads meet.
#ifndef NNF_PASSES_KERNELS_GPU_GPUEMITTER_H
#define NNF_PASSES_KERNELS_GPU_GPUEMITTER_H

#include "passes/kernels/KernelEmitter.h"

namespace nnf {

/// Threads that run in step and can read each other's registers.
inline constexpr int64_t warpThreads = 32;
/// Bytes of shared memory that a kernel may have without asking, and that a block may have at most on every GPU from
/// sm_80 on.
inline constexpr int64_t ownSharedBytes = 48 << 10, mostSharedBytes = 99 << 10;
/// The same of compute capability 9.0.
inline constexpr int64_t mostSharedBytesOfHopper = 227 << 10;

/// An array that the threads of a block share.
struct SharedArray {
  mlir::Value base; // in address space 3
  mlir::Type element;
};

/// Emits one nnf.kernel as code that one GPU thread runs. The function takes what a CPU kernel takes
/// (docs/design/0001), so that launches and the driver are the same: a task of the grid is a block, and first, last and
/// scratch are left unread. `nnf.block` on the function is the number of threads of a block.
class GpuEmitter : public KernelEmitter {
public:
  GpuEmitter(KernelOp kernel, const TargetInfo &target, int64_t threads);

  const int64_t threads;
  Value block, thread; // i64: number of the block in the grid, and of the thread in its block

  /// if (condition) body(); null: always.
  void when(Value condition, llvm::function_ref<void()> body);

  /// Shared memory for `count` elements; not cleared. An array that is more than a kernel has of its own is asked for
  /// at the launch (`nnf.dynamic_shared`): one in a kernel.
  SharedArray shared(mlir::Type element, int64_t count);
  /// Elements [index, index + k.lanes).
  Value loadShared(const SharedArray &array, Value index);
  void storeShared(Value value, const SharedArray &array, Value index);
  /// Calls a template, which the code generator links (codegen/cuda/Templates.h).
  void callTemplate(llvm::StringRef name, llvm::ArrayRef<Value> arguments);
  /// Waits for all threads of the block: each must come here.
  void barrier();
  /// Loads of operands stay behind the products and waits in front of them. Of memory that is known to be constant
  /// (ld.global.nc) ptxas moves them up across all of these, and keeps what they bring in registers until then.
  void keepLoadsBehindWaits();

  /// Reduces one scalar of each thread over groups of `count` neighbouring threads (a power of two up to a block; a
  /// group larger than a warp is the whole block). Every thread gets the result, summed in the same fixed tree. All
  /// threads of the warp or block must come here.
  Value combineThreads(ReduceKind kind, mlir::Type element, Value value, int64_t count);

private:
  /// A register as 32-bit words, which is what shuffles and shared slots hold, and back.
  llvm::SmallVector<Value, 2> toWords(Value value);
  Value fromWords(llvm::ArrayRef<Value> words, mlir::Type type);
  Value constant32(int64_t value);
  Value sharedAddress(const SharedArray &array, Value index);
  unsigned numShared = 0;
};

/// Whether code reads or writes lanes one by one, or some of them only: then vectors do not pay on a GPU.
bool accessesSingleLanes(mlir::func::FuncOp function);

/// Emits with `lanes` elements at a time, so that threads move 16 bytes at once; where that would have to gather or
/// mask, emits again with one.
void emitWithLanes(KernelOp kernel, const TargetInfo &target, int64_t threads, int64_t lanes,
                   llvm::function_ref<void(GpuEmitter &, int64_t lanes)> emit);

/// The families, most special first, as on the CPU.
bool emitGpuCustom(KernelOp kernel, const TargetInfo &target);
bool emitGpuLoop(KernelOp kernel, const TargetInfo &target);
bool emitGpuAttention(KernelOp kernel, const TargetInfo &target);
bool emitGpuTensorProduct(KernelOp kernel, const TargetInfo &target);
bool emitGpuContract(KernelOp kernel, const TargetInfo &target);
bool emitGpuRow(KernelOp kernel, const TargetInfo &target);
void emitGpuMap(KernelOp kernel, const TargetInfo &target);

/// What passes may know of any NVIDIA GPU.
TargetInfo gpuTargetInfo();

} // namespace nnf
#endif
