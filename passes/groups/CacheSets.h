// Which sets of a cache elements at a distance share.
#ifndef NNF_PASSES_GROUPS_CACHESETS_H
#define NNF_PASSES_GROUPS_CACHESETS_H

#include "dialects/nnf/Nnf.h"

namespace nnf {

/// Elements of a row that lie this far apart, in bytes, share so few sets of a first-level cache that those of
/// neighbouring rows, in the same lines, are gone before they are read. Caches of 64 sets of at least 8 ways.
bool pushesItselfOut(Dim stride, Dim length, int64_t bytes);

} // namespace nnf
#endif
