// The launches of @main as the driver sees them: kernels, slots, addresses.
#ifndef NNF_CODEGEN_DRIVER_LAUNCHES_H
#define NNF_CODEGEN_DRIVER_LAUNCHES_H

#include "codegen/driver/Signature.h"

namespace nnf {

/// Where an operand or result of a launch lies.
struct Place {
  enum Kind { Input, Output, Weight, Arena } kind;
  int64_t index = 0; // of the input, output or arena region
  Dim offset;        // bytes
};

struct LaunchPlan {
  LaunchOp op;
  unsigned kernel;                    // index into DriverPlan::kernels
  llvm::SmallVector<Place> addresses; // operands, then results
  Shape symbols;                      // the kernel's symbol values, in the model's symbols
  Dim tasks;
  unsigned firstCheck = 0, numChecks = 0; // of the model's table

  bool hasChecks() const { return numChecks > 0; }
  unsigned numSlots() const { return addresses.size() + symbols.size() + (hasChecks() ? 2 : 0); }
};

/// A key that the driver writes before the first launch.
struct KeyPlan {
  int64_t number; // of the random node
  Place place;
};

/// Looked at before anything runs: `tested` must not be negative.
struct Requirement {
  Dim value, tested;
  int64_t check; // whose message says what is wrong
};

struct DriverPlan {
  Signature signature;
  llvm::SmallVector<mlir::func::FuncOp> kernels;
  llvm::SmallVector<LaunchPlan> launches;
  llvm::SmallVector<KeyPlan> keys;
  llvm::SmallVector<Requirement> requirements;
  llvm::SmallVector<std::string> checks;           // messages
  llvm::SmallVector<llvm::SmallVector<Dim>> arena; // sizes of each region: the largest counts
};

/// Reads what nnf-plan-memory and nnf-pack-weights have left. What does not fit together is reported as an error of the
/// compiler.
mlir::FailureOr<DriverPlan> readDriverPlan(mlir::ModuleOp module);

} // namespace nnf
#endif
