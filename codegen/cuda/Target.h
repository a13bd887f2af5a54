// The NVIDIA GPU that code is made for.
#ifndef NNF_CODEGEN_CUDA_TARGET_H
#define NNF_CODEGEN_CUDA_TARGET_H

#include "passes/TargetInfo.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>
#include <string>

namespace nnf {

/// A validated architecture: "sm_80", "sm_90", "sm_90a", …
class CudaTarget {
public:
  /// "": sm_80, the oldest that kernels are written for; its PTX runs on every later GPU. Errors: an architecture that
  /// LLVM does not know, or an older one.
  static llvm::Expected<CudaTarget> create(llvm::StringRef arch);

  std::unique_ptr<llvm::TargetMachine> createMachine() const;
  /// What passes may know: the same for every architecture.
  static TargetInfo info();
  const std::string &getArch() const { return arch; }
  /// 90 of "sm_90a".
  unsigned getCapability() const { return capability; }
  /// "sm_90a": what is made for it runs on that compute capability alone.
  bool isExact() const { return !llvm::isDigit(arch.back()); }

  /// Compute capability 9.0 with all that it has, of which some is in no later one.
  bool isHopper() const { return arch == "sm_90a"; }

private:
  const llvm::Target *target = nullptr;
  std::string arch;
  unsigned capability = 0;
};

} // namespace nnf
#endif
