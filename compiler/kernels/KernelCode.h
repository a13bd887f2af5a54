// One kernel from its text to machine code, with nothing else to go by: what the kernel cache rests on.
#ifndef NNF_COMPILER_KERNELS_KERNELCODE_H
#define NNF_COMPILER_KERNELS_KERNELCODE_H

#include "codegen/cpu/Target.h"
#include "compiler/Pipeline.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/BLAKE3.h"
#include <string>

namespace nnf {

/// A kernel to compile. Equal sources give equal code.
class KernelSource {
public:
  /// `kernel`: an nnf.kernel, or the function that one has become.
  KernelSource(mlir::Operation *kernel, const CpuTarget &target, const PipelineOptions &options);

  /// Of everything that decides the code, but for the compiler itself.
  const llvm::BLAKE3Result<> &hash() const { return digest; }
  /// Of the entry that the code defines; the name is made of the hash.
  const std::string &symbol() const { return entry; }
  /// How long it takes to compile, roughly, in no unit.
  size_t weight() const { return text.size(); }

  struct Code {
    /// The kernel as a function without a body: what the driver knows it by.
    std::string declaration;
    /// Defines the entry, a hidden symbol, and needs no other.
    llvm::SmallVector<char, 0> object;
  };
  /// Errors are reported through `error`, as lines without the first "error: ". To be called on any thread.
  std::optional<Code> compile(std::string &error) const;

private:
  const CpuTarget &target;
  const PipelineOptions &options;
  std::string text; // MLIR, the kernel's own name left out
  llvm::BLAKE3Result<> digest;
  std::string entry;
};

} // namespace nnf
#endif
