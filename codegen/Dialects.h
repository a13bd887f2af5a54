// The dialects that occur anywhere between a graph and LLVM IR.
#ifndef NNF_CODEGEN_DIALECTS_H
#define NNF_CODEGEN_DIALECTS_H

namespace mlir {
class DialectRegistry;
}

namespace nnf {
/// Adds the project's dialect, the upstream ones its passes make, and what the lowering to LLVM needs of them. They
/// are only loaded when first used.
void registerDialects(mlir::DialectRegistry &registry);
} // namespace nnf
#endif
