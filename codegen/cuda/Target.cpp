#include "codegen/cuda/Target.h"
#include "passes/kernels/gpu/GpuEmitter.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Triple.h"
#include <mutex>

extern "C" {
void LLVMInitializeNVPTXTargetInfo();
void LLVMInitializeNVPTXTarget();
void LLVMInitializeNVPTXTargetMC();
void LLVMInitializeNVPTXAsmPrinter();
}

namespace nnf {
namespace {

constexpr llvm::StringLiteral tripleText = "nvptx64-nvidia-cuda";
constexpr unsigned oldest = 80;

void initializeTarget() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
  });
}

/// 90 of "sm_90a"; none when it is not written so.
std::optional<unsigned> numberOf(llvm::StringRef arch) {
  unsigned number = 0;
  if (!arch.consume_front("sm_") || arch.consumeInteger(10, number) || (!arch.empty() && arch != "a" && arch != "f"))
    return std::nullopt;
  return number;
}

} // namespace

llvm::Expected<CudaTarget> CudaTarget::create(llvm::StringRef arch) {
  initializeTarget();
  CudaTarget result;
  result.arch = arch.empty() ? "sm_80" : arch.str();
  std::string reason;
  llvm::Triple triple(tripleText);
  result.target = llvm::TargetRegistry::lookupTarget(triple, reason);
  if (!result.target)
    return llvm::createStringError("internal: this LLVM makes no code for NVIDIA GPUs: " + reason);
  std::optional<unsigned> number = numberOf(result.arch);
  std::unique_ptr<llvm::MCSubtargetInfo> plain(result.target->createMCSubtargetInfo(triple, "", ""));
  if (!number || !plain->isCPUStringValid(result.arch))
    return llvm::createStringError(
        "--cuda-arch: '" + result.arch +
        "' is no architecture that LLVM knows, expected one like sm_80, sm_90 or sm_90a [NNFC-E0012]");
  if (*number < oldest)
    return llvm::createStringError("--cuda-arch: '" + result.arch +
                                   "' is older than sm_80, expected that or newer [NNFC-E0012]");
  result.capability = *number;
  return result;
}

TargetInfo CudaTarget::info() { return gpuTargetInfo(); }

std::unique_ptr<llvm::TargetMachine> CudaTarget::createMachine() const {
  llvm::TargetOptions options;
  // As on the CPU: only llvm.fma and what carries `contract` is fused.
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  // No features: LLVM then writes the lowest PTX version of the architecture, so the oldest drivers take it.
  return std::unique_ptr<llvm::TargetMachine>(target->createTargetMachine(
      llvm::Triple(tripleText), arch, "", options, std::nullopt, std::nullopt, llvm::CodeGenOptLevel::Aggressive));
}

} // namespace nnf
