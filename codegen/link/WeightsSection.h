// Weights become a section of an object or a shared library without passing through an assembler or a linker: those see
// a section that has a size but no bytes, and the bytes are put behind all else when everything is in its place.
#ifndef NNF_CODEGEN_LINK_WEIGHTSSECTION_H
#define NNF_CODEGEN_LINK_WEIGHTSSECTION_H

#include "codegen/driver/WeightsBlock.h"
#include "llvm/Support/Error.h"
#include <string>

namespace nnf {

/// Of the symbol `nnf.weights` in an object.
constexpr llvm::StringLiteral weightsSection = ".rodata.nnf.weights";

/// A linker script, for a shared library with weights: they are a segment of their own, after all others.
constexpr llvm::StringLiteral weightsScript =
    "SECTIONS { .nnf.weights : { *(.rodata.nnf.weights) } } INSERT AFTER .relro_padding;\n";

/// Gives the empty section of weights in an object its size.
llvm::Error reserveWeights(llvm::SmallVectorImpl<char> &object, int64_t bytes);

/// Appends to an object, or a shared library linked with the script, the bytes that were reserved: the blocks in the
/// order of the linked objects.
llvm::Error appendWeights(const std::string &file, llvm::ArrayRef<const WeightsBlock *> blocks);

} // namespace nnf
#endif
