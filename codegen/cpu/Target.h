// The CPU that code is made for.
#ifndef NNF_CODEGEN_CPU_TARGET_H
#define NNF_CODEGEN_CPU_TARGET_H

#include "passes/TargetInfo.h"
#include "llvm/Support/Error.h"
#include "llvm/Target/TargetMachine.h"
#include <memory>
#include <string>

namespace nnf {

struct CpuTargetOptions {
  std::string triple; // "": this machine's
  std::string cpu;    // "native", or a CPU that LLVM knows; "": native, or the plainest CPU of a foreign triple
  unsigned optLevel = 2;
};

/// A validated target. LLVM itself ends the process over a CPU it does not know, so everything is checked here.
class CpuTarget {
public:
  /// Errors: a triple LLVM has no target for, or that is not 64-bit little-endian ELF; a CPU unknown to it; 'native'
  /// for another machine's triple.
  static llvm::Expected<CpuTarget> create(const CpuTargetOptions &options);

  /// A target machine of its own, for one thread.
  std::unique_ptr<llvm::TargetMachine> createMachine() const;

  /// What passes may know.
  TargetInfo info() const;
  /// Bits of NNF_CPU_* that the code may need.
  uint64_t abiFeatures() const;
  /// "x86_64-unknown-linux-gnu znver3"
  std::string text() const { return triple + " " + cpu; }

  /// All that LLVM is told: targets with equal texts give equal code.
  std::string everything() const { return triple + "\n" + cpu + "\n" + features + "\nO" + std::to_string(optLevel); }

  const std::string &getTriple() const { return triple; }
  const std::string &getCpu() const { return cpu; }
  unsigned getOptLevel() const { return optLevel; }
  bool isX86() const { return x86; }
  bool has(llvm::StringRef feature) const;

private:
  const llvm::Target *target = nullptr;
  std::string triple, cpu, features;
  std::shared_ptr<llvm::MCSubtargetInfo> subtarget;
  unsigned optLevel = 2;
  bool x86 = false;
  bool native = false; // for this very machine
};

} // namespace nnf
#endif
