// The ops of @main as the driver sees them: launches with their addresses, and what it does between them.
#ifndef NNF_CODEGEN_DRIVER_DRIVERPLAN_H
#define NNF_CODEGEN_DRIVER_DRIVERPLAN_H

#include "codegen/driver/Signature.h"
#include <memory>
#include <variant>

namespace nnf {

/// Where an operand or result lies.
struct Place {
  /// Pointer: where the driver has found it, as the result of a loop does.
  enum Kind { Input, Output, Weight, Region, Pointer } kind;
  int64_t index = 0; // of the input, output, region or pointer
  Dim offset;        // bytes
};

/// Whether the op that gives a value can write it straight into an output: launches do, those whose results make up a
/// concatenation, and loops what they stack, where they know how much that will be.
bool writesOutput(mlir::Value value);

/// In `nnf.regions`, for what needs no memory there.
constexpr int64_t noRegion = INT64_MIN;

/// On a module whose kernels run on a GPU: its descriptor points to the table of that name, nnf_device_code, which is
/// defined when there is code (codegen/cuda/DeviceTable.h).
constexpr llvm::StringLiteral deviceCodeName = "nnf.device_code";

/// On the module of one of several versions of a model: its descriptor's symbol, and on the first one those of all, the
/// best first. That one's is exported under the model's name instead.
constexpr llvm::StringLiteral versionAttr = "nnf.version", versionsAttr = "nnf.versions";

struct LaunchPlan {
  LaunchOp op;
  unsigned kernel;                    // index into DriverPlan::kernels
  llvm::SmallVector<Place> addresses; // operands, then results
  Shape symbols;                      // the kernel's symbol values, in the model's symbols
  Dim tasks;
  /// Of a kernel with its own order of parameters (`nnf.order`): which address, or after all of them which size, each
  /// slot is. Empty: all in turn.
  llvm::ArrayRef<int64_t> order;
  unsigned firstCheck = 0, numChecks = 0; // of the model's table

  bool hasChecks() const { return numChecks > 0; }
  unsigned numSlots() const {
    return (order.empty() ? addresses.size() + symbols.size() : order.size()) + (hasChecks() ? 2 : 0);
  }
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

/// A size that the driver reads. Then it looks at what has waited for it.
struct DataSize {
  int64_t number;
  Place place;             // of the int64
  int64_t check;           // for a size that is negative or makes others overflow
  mlir::Location location; // of the node
};

struct BlockPlan;

struct LoopPlan {
  LoopOp op;
  llvm::SmallVector<Place> inits, captures;
  Place step; // of the int64 that the body reads
  /// Two buffers for each carried tensor, written by turns; none for one whose size each step decides.
  llvm::SmallVector<std::optional<std::pair<Place, Place>>> turns;
  llvm::SmallVector<Place> stacked;    // where their number of steps is known
  llvm::SmallVector<unsigned> growing; // else: temporaries that grow
  unsigned firstPointer;               // of the results that are pointers: carried, then growing ones
  int64_t check;                       // as of DataSize, where the data decide the number of steps
  Place fixed;                         // the region of the body that has a fixed size
  std::unique_ptr<BlockPlan> body;
};

struct IfPlan {
  IfOp op;
  Place condition;
  llvm::SmallVector<Place> captures;
  llvm::SmallVector<std::optional<Place>> results; // none: a pointer, to memory of the branch
  unsigned firstPointer;
  int64_t check;
  struct Branch {
    Place fixed;
    std::unique_ptr<BlockPlan> body;
  } branches[2]; // then, else
};

/// A launch by its number in DriverPlan::launches, or what the driver does itself.
using Step = std::variant<unsigned, DataSize, LoopPlan, IfPlan>;

/// A function: @main, or the body of a loop or a branch.
struct BlockPlan {
  mlir::func::FuncOp function;
  llvm::SmallVector<KeyPlan> keys;
  llvm::SmallVector<Requirement> requirements;
  std::vector<Step> steps;
  struct MemoryRegion {
    llvm::SmallVector<Dim> sizes;      // the largest counts
    std::optional<unsigned> temporary; // memory of its own; none: in the arena
  };
  llvm::SmallVector<MemoryRegion> regions;
  /// For each result of a body: the memory of its own that it is. A loop has that one and the next, by turns.
  llvm::SmallVector<std::optional<unsigned>> temporaries;
  unsigned numPointers = 0;
};

struct DriverPlan {
  Signature signature;
  llvm::SmallVector<mlir::func::FuncOp> kernels;
  std::vector<LaunchPlan> launches;
  llvm::SmallVector<std::string> checks; // messages
  unsigned numTemporaries = 0;
  BlockPlan main;
};

/// Reads what nnf-plan-memory and nnf-pack-weights have left. What does not fit together is reported as an error of the
/// compiler.
mlir::FailureOr<DriverPlan> readDriverPlan(mlir::ModuleOp module);

/// The functions that the driver runs: @main and bodies, not kernels.
llvm::SmallVector<mlir::func::FuncOp> driverFunctions(mlir::ModuleOp module);

} // namespace nnf
#endif
