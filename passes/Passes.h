// All passes of the project; the records are in Passes.td, in the order they run.
#ifndef NNF_PASSES_PASSES_H
#define NNF_PASSES_PASSES_H

#include "dialects/nnf/Nnf.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Pass/Pass.h"
#include "passes/TargetInfo.h"

namespace nnf {
#define GEN_PASS_DECL
#include "passes/Passes.h.inc"
#define GEN_PASS_REGISTRATION
#include "passes/Passes.h.inc"
} // namespace nnf

#endif
