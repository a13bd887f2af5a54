// Panels of packed weights as register tiles read them.
#ifndef NNF_PASSES_KERNELS_STOREDPANELS_H
#define NNF_PASSES_KERNELS_STOREDPANELS_H

#include "passes/kernels/KernelBuilder.h"

namespace nnf {

/// Weights that several CPUs share lie in panels for the widest of them; one with shorter vectors reads a panel in
/// strips of its own width, as if those were its panels.
struct StoredPanels {
  int64_t stored = 1; // columns of a panel in memory
  int64_t width = 1;  // of a strip: two vectors, or the panel where it has no more

  StoredPanels() = default;
  StoredPanels(int64_t stored, int64_t lanes) : stored(stored), width(stored % (2 * lanes) == 0 ? 2 * lanes : stored) {}

  int64_t strips() const { return stored / width; }
  /// Where strip `number`, counted through all panels, begins: `panelStride` is the distance of panels, `step` how many
  /// contracted elements of a column lie beside each other. In elements.
  mlir::Value offsetOf(KernelBuilder &k, mlir::Value number, mlir::Value panelStride, int64_t step = 1) const {
    if (strips() == 1)
      return k.mul(number, panelStride);
    mlir::Value count = k.constant(strips());
    return k.add(k.mul(k.floorDiv(number, count), panelStride), k.mul(k.mod(number, count), k.constant(width * step)));
  }
};

} // namespace nnf
#endif
