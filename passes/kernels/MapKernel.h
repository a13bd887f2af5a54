// What the ways of a map kernel share.
#ifndef NNF_PASSES_KERNELS_MAPKERNEL_H
#define NNF_PASSES_KERNELS_MAPKERNEL_H

#include "passes/kernels/MapPlan.h"

namespace nnf {

/// How many elements make a task, by the work that each takes.
int64_t elementsOfTask(KernelOp kernel);

void evaluateChecks(KernelEmitter &emitter, const Indices &at);
/// Evaluates checks and results at an index, and stores the results.
void storeResults(KernelEmitter &emitter, const Indices &at, bool pastCaches = false);

/// Map kernels of other kinds than MapPlan::Rows.
void emitBlockKernel(KernelEmitter &emitter, const MapPlan &plan);

} // namespace nnf
#endif
