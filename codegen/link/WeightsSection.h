// Weights become a section of an object without passing through an assembler: they are a file, and the rest of the
// object is written around them.
#ifndef NNF_CODEGEN_LINK_WEIGHTSSECTION_H
#define NNF_CODEGEN_LINK_WEIGHTSSECTION_H

#include "llvm/Support/Error.h"
#include <string>

namespace nnf {

/// Of the symbol `nnf.weights`. Objects come with it empty.
constexpr llvm::StringLiteral weightsSection = ".rodata.nnf.weights";
/// Where weights begin in a file that becomes an object: after the ELF header, aligned as weights are.
constexpr int64_t weightsInObject = 64;

/// Makes a file that holds `bytes` bytes of weights, from `weightsInObject` on, into the object `object` with these
/// bytes as its section. They are not touched: the object's header goes before them, the rest behind.
llvm::Error wrapWeights(const std::string &file, int64_t bytes, llvm::StringRef object);

} // namespace nnf
#endif
