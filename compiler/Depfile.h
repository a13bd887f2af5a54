// What an output was made of, for make and Ninja.
#ifndef NNF_COMPILER_DEPFILE_H
#define NNF_COMPILER_DEPFILE_H

#include "llvm/Support/Error.h"
#include <string>
#include <vector>

namespace nnf {

/// "OUT: FILE FILE...", each file once, escaped as C compilers do. An error: a name that no such file can hold.
llvm::Expected<std::string> depfileText(llvm::StringRef output, std::vector<std::string> files);

} // namespace nnf
#endif
