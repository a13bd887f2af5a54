// Which compiler this is: code that another one has made is no use to it.
#ifndef NNF_COMPILER_KERNELS_COMPILERIDENTITY_H
#define NNF_COMPILER_KERNELS_COMPILERIDENTITY_H

#include <string>

namespace nnf {
/// Differs between any two builds of this program or of the libraries it runs with: their build ids, or size and time
/// of a file that has none. "": it cannot be told.
std::string compilerIdentity();
} // namespace nnf
#endif
