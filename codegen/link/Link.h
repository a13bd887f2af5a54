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

/// Links object files, and what they need of archives, to one object. Hidden symbols become local in it, so that two
/// such objects with equal names inside can be linked together. `scratch` is a file to work in.
llvm::Expected<llvm::SmallVector<char, 0>> linkObject(llvm::ArrayRef<std::string> objects, const std::string &scratch);

/// Writes objects into an archive for the linker.
llvm::Error writeArchive(llvm::ArrayRef<llvm::StringRef> objects, const std::string &output);

/// Writes object files into a static library at `output`, object i as `names[i].o`: the same bytes for the same
/// objects.
llvm::Error writeStaticLibrary(llvm::ArrayRef<std::string> objects, llvm::ArrayRef<std::string> names,
                               const std::string &output);

} // namespace nnf
#endif
