// What the driver launches a kernel by: void entry(args, first, last, scratch), with the kernel's own arguments in
// slots.
#ifndef NNF_CODEGEN_DRIVER_KERNELENTRY_H
#define NNF_CODEGEN_DRIVER_KERNELENTRY_H

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"

namespace nnf {

/// The kernel of nnf-copy-outputs: it takes where from, where to, and how many bytes.
constexpr llvm::StringLiteral copyKernelName = "nnf.copy";

/// On a kernel without a body: the symbol of its entry, which another object defines.
constexpr llvm::StringLiteral entryAttr = "nnf.entry";

std::string entryName(mlir::func::FuncOp kernel);
/// Emits the entry, which unpacks the slots, at the end of the kernel's module. The kernel itself becomes internal.
void emitEntry(mlir::func::FuncOp kernel, llvm::StringRef name, mlir::LLVM::Linkage linkage);
/// Declares the entry of a kernel that is in another object.
void declareEntry(mlir::func::FuncOp kernel);

} // namespace nnf
#endif
