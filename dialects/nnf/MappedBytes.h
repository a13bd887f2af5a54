// Memory that is a file's: its pages can be let go, and come back when they are read.
#ifndef NNF_DIALECTS_NNF_MAPPEDBYTES_H
#define NNF_DIALECTS_NNF_MAPPEDBYTES_H

#include "llvm/ADT/ArrayRef.h"
#include <memory>

namespace nnf {

/// Keeps a read-only mapping of a file (mmap) and unmaps it.
std::shared_ptr<const void> ownMapping(void *address, size_t size);

/// Lets go of the pages of bytes that lie in such a mapping; does nothing with others. Weights are read once or twice
/// while a model is compiled, and take no memory afterwards.
void releaseMapped(llvm::ArrayRef<uint8_t> bytes);

} // namespace nnf
#endif
