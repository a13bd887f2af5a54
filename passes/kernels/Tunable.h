// Kernels that a tuning file may steer: what they are called there, and what there is to choose.
#ifndef NNF_PASSES_KERNELS_TUNABLE_H
#define NNF_PASSES_KERNELS_TUNABLE_H

#include "dialects/nnf/Nnf.h"
#include "passes/TargetInfo.h"
#include "passes/Tuning.h"

namespace nnf {

/// On an nnf.kernel: its choice, as text. The kernel's code and its place in the kernel cache depend on it.
constexpr llvm::StringLiteral choiceAttr = "nnf.choice";
/// What the attribute says; without one, or where its text is no choice, nothing.
KernelChoice choiceOf(KernelOp kernel);

/// What decides how long a convolution with constant weights takes, apart from what is fused to it.
struct ContractionShape {
  mlir::Type element;
  Shape input; // channels last
  int64_t outputs;
  llvm::ArrayRef<int64_t> taps, stride, low, high, dilation;
  int64_t groups;
};
/// "conv/float32/in=1x56x56x64/out=64/taps=3x3/pad=1x1,1x1": what is as usual is left out.
std::string contractionKey(const ContractionShape &shape);

/// A kernel around a contraction of fixed sizes.
struct TunableKernel {
  std::string key;           // docs/tuning.md
  KernelChoice choice;       // all fields: what its code does now
  int64_t tiles, panels;     // in all, as `choice` counts them
  int64_t mostRows;          // of a register tile
  int64_t run = 0;           // contracted elements within a tap
  int64_t spatial = 0;       // dimensions whose taps can be stepped through
  bool computesRows = false; // a tile's rows are computed, for all panels
  bool canWinograd = false;

  static std::optional<TunableKernel> of(KernelOp kernel, const TargetInfo &target);
  /// Why the kernel cannot be as chosen; "" where it can.
  std::string objectionTo(const KernelChoice &wanted) const;
};

} // namespace nnf
#endif
