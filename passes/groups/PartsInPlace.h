// Concatenations whose operands are stored where they belong in the result.
#ifndef NNF_PASSES_GROUPS_PARTSINPLACE_H
#define NNF_PASSES_GROUPS_PARTSINPLACE_H

#include "passes/groups/Outline.h"

namespace nnf {

/// Whether the kernels that give the operands of a concatenation can all write into its buffer, so that nothing is
/// copied, and whether that takes no more launches. `groups` has the groups of what comes before; operands without one
/// will be stored by kernels of their own. The result is read by nobody who would compute on while it is copied.
bool canStoreParts(PrimConcatOp whole, const GroupMap &groups, const SizePhases &phases);

/// One kernel for all operands would take seconds to compile, and an element of its result as many questions as there
/// are operands.
bool hasManyOperands(PrimConcatOp whole);
/// Makes of such a concatenation one of concatenations of some, which are returned: kernels that store their parts of
/// it. Where operands are of equal sizes these are equal, too.
llvm::SmallVector<PrimConcatOp> cutConcat(PrimConcatOp whole);

} // namespace nnf
#endif
