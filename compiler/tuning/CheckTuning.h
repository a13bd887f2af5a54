// Whether a tuning file fits what is asked for, before anything is compiled.
#ifndef NNF_COMPILER_TUNING_CHECKTUNING_H
#define NNF_COMPILER_TUNING_CHECKTUNING_H

#include "codegen/cpu/Target.h"
#include "compiler/Compile.h"
#include "passes/Tuning.h"

namespace nnf {

/// The machine that a tuning file for this target names.
TunedMachine machineOf(const CpuTarget &target);

/// Errors: a file that cannot be read or is none, vectors or registers of another size, a method that the accuracy
/// asked for rules out. Warnings: another CPU, or caches of other sizes.
Outcome checkTuning(const CodeRequest &code, const CpuTarget &target);

} // namespace nnf
#endif
