// Concatenations whose operands are stored where they belong in the result.
#ifndef NNF_PASSES_GROUPS_PARTSINPLACE_H
#define NNF_PASSES_GROUPS_PARTSINPLACE_H

#include "passes/groups/Outline.h"

namespace nnf {

/// Whether the kernels that give the operands of a concatenation can all write into its buffer, so that nothing is
/// copied, and whether that takes no more launches. `groups` has the groups of what comes before; operands without one
/// will be stored by kernels of their own. The result is read by nobody who would compute on while it is copied.
bool canStoreParts(PrimConcatOp whole, const GroupMap &groups, const SizePhases &phases);

} // namespace nnf
#endif
