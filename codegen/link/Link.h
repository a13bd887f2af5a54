// Objects become libraries, without a toolchain: LLD and LLVM's archive writer as libraries.
#ifndef NNF_CODEGEN_LINK_LINK_H
#define NNF_CODEGEN_LINK_LINK_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/Error.h"
#include <string>

namespace nnf {

/// Links object files to a shared library at `output`, whose DT_SONAME is `soname`. Only nnf_* is exported; nothing may
/// stay undefined. Not to be called from two threads at once: LLD has global state.
llvm::Error linkSharedLibrary(llvm::ArrayRef<std::string> objects, const std::string &output, llvm::StringRef soname);

/// Writes object files into a static library at `output`, object i as `names[i].o`: the same bytes for the same
/// objects.
llvm::Error writeStaticLibrary(llvm::ArrayRef<std::string> objects, llvm::ArrayRef<std::string> names,
                               const std::string &output);

} // namespace nnf
#endif
