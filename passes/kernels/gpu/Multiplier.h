// What multiplies in a template of a GPU's kernels.
#ifndef NNF_PASSES_KERNELS_GPU_MULTIPLIER_H
#define NNF_PASSES_KERNELS_GPU_MULTIPLIER_H

#include "mlir/IR/BuiltinOps.h"

namespace nnf {

enum class Multiplier {
  Half, ///< tensor cores, 16-bit floats
  Tf32, ///< tensor cores, float32 with operands rounded to 10 bits of mantissa
  Fma   ///< float32, exactly
};

/// On modules whose products of float32 may round their operands so (--allow-tf32).
inline constexpr llvm::StringLiteral allowTf32 = "nnf.allow_tf32";

/// For operands of this type in the module that `op` is part of.
inline Multiplier multiplierOf(mlir::Type element, mlir::Operation *op) {
  if (!element.isF32())
    return Multiplier::Half;
  return op->getParentOfType<mlir::ModuleOp>()->hasAttr(allowTf32) ? Multiplier::Tf32 : Multiplier::Fma;
}

inline int64_t operandBytes(Multiplier multiplier) { return multiplier == Multiplier::Half ? 2 : 4; }

/// What the names of its templates begin with.
inline llvm::StringRef templatePrefix(Multiplier multiplier) {
  return multiplier == Multiplier::Half ? "nnf_" : multiplier == Multiplier::Tf32 ? "nnf_tf32_" : "nnf_float_";
}

} // namespace nnf
#endif
