// What the functions of the driver share: small builders around LLVM's dialect.
#ifndef NNF_CODEGEN_DRIVER_DRIVERCODE_H
#define NNF_CODEGEN_DRIVER_DRIVERCODE_H

#include "codegen/driver/DriverPlan.h"
#include "codegen/driver/KernelEntry.h"
#include "codegen/driver/SizeCode.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace nnf {

constexpr llvm::StringLiteral runName = "nnf.run", arenaName = "nnf.arena_bytes", dimsName = "nnf.output_dims";

class DriverCode {
public:
  DriverCode(mlir::ModuleOp module, const DriverPlan &plan);

  /// int64_t arena_bytes(const int64_t *symbols): -1 when that is no number of bytes.
  void emitArenaBytes();
  /// int32_t output_dims(const int64_t *symbols, int64_t *dims).
  void emitOutputDims();

protected:
  using Value = mlir::Value;

  mlir::ModuleOp module;
  const DriverPlan &plan;
  mlir::ImplicitLocOpBuilder b;
  mlir::Type pointer, i64, i32;

  mlir::Block *startFunction(llvm::StringRef name, llvm::ArrayRef<mlir::Type> arguments, mlir::Type result);
  Value at(Value base, int64_t bytes);
  Value at(Value base, Value bytes);
  Value load(mlir::Type type, Value base, int64_t bytes);
  void store(Value value, Value base, int64_t bytes);
  Value constant32(int64_t value);
  Value compare(mlir::LLVM::ICmpPredicate predicate, Value x, Value y);
  /// Code for sizes, with symbols read from the array at `symbols`.
  SizeCode sizes(Value symbols, bool checked);
  Value sizeOfRegion(SizeCode &sizes, llvm::ArrayRef<Dim> candidates);
  /// Sizes of what a function's ops give that may turn out negative.
  llvm::SetVector<Dim> openSizes(const BlockPlan &block) const;
  /// The data decide one of these sizes.
  static bool isDecidedByData(llvm::ArrayRef<Dim> dims) { return llvm::any_of(dims, dependsOnData); }
};

/// Emits int32_t run(const nnf_rt *rt, nnf_frame *frame).
void emitRun(mlir::ModuleOp module, const DriverPlan &plan);

} // namespace nnf
#endif
