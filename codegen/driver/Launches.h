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

/// `tested` must not be negative: looked at before anything runs, or when the data have decided its sizes.
struct Requirement {
  Dim value, tested;
  int64_t check; // whose message says what is wrong
};

/// A size that the driver reads between two launches. Then it looks at what has waited for it.
struct DataSize {
  int64_t number;
  Place place;             // of the int64
  size_t launches;         // that come before
  int64_t check;           // for a size that is negative or makes others overflow
  mlir::Location location; // of the node
};

struct DriverPlan {
  Signature signature;
  llvm::SmallVector<mlir::func::FuncOp> kernels;
  llvm::SmallVector<LaunchPlan> launches;
  llvm::SmallVector<KeyPlan> keys;
  llvm::SmallVector<Requirement> requirements;
  llvm::SmallVector<DataSize> dataSizes; // in the order they are read
  llvm::SmallVector<std::string> checks; // messages
  /// Sizes of each region: the largest counts. Those that the data decide come last, and are memory of their own.
  llvm::SmallVector<llvm::SmallVector<Dim>> arena;

  unsigned numTemporaries() const {
    return llvm::count_if(arena, [](llvm::ArrayRef<Dim> region) { return llvm::any_of(region, dependsOnData); });
  }
};

/// Reads what nnf-plan-memory and nnf-pack-weights have left. What does not fit together is reported as an error of the
/// compiler.
mlir::FailureOr<DriverPlan> readDriverPlan(mlir::ModuleOp module);

} // namespace nnf
#endif
