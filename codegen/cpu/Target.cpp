#include "codegen/cpu/Target.h"
#include "codegen/cpu/Caches.h"
#include "runtime/abi.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/SubtargetFeature.h"
#include "llvm/TargetParser/Triple.h"
#include <mutex>
#include <unistd.h>

namespace nnf {
namespace {

llvm::Error error(const llvm::Twine &text) { return llvm::createStringError(text); }

/// This machine's target is enough for nearly every call; all of them take some milliseconds more.
void initializeTargets(bool nativeOnly) {
  static std::once_flag native, all;
  if (nativeOnly)
    return std::call_once(native, [] {
      llvm::InitializeNativeTarget();
      llvm::InitializeNativeTargetAsmPrinter();
      llvm::InitializeNativeTargetAsmParser(); // .incbin goes through it
    });
  std::call_once(all, [] {
    llvm::InitializeAllTargetInfos();
    llvm::InitializeAllTargets();
    llvm::InitializeAllTargetMCs();
    llvm::InitializeAllAsmPrinters();
    llvm::InitializeAllAsmParsers();
  });
}

std::string hostFeatures() {
  llvm::SubtargetFeatures features;
  std::vector<std::pair<std::string, bool>> sorted;
  for (const auto &feature : llvm::sys::getHostCPUFeatures())
    sorted.push_back({feature.getKey().str(), feature.getValue()});
  llvm::sort(sorted); // a hash table's order is no part of a reproducible compile
  for (const auto &[name, enabled] : sorted)
    features.AddFeature(name, enabled);
  return features.getString();
}

/// A cache of this machine, or the usual size where the system does not tell.
int64_t cacheBytes(int name, int64_t usual) {
  long bytes = sysconf(name);
  return bytes >= 8 << 10 ? bytes : usual;
}

/// A few names a person may have meant: those that share most of the beginning.
std::string similarCpus(const llvm::MCSubtargetInfo &subtarget, llvm::StringRef cpu) {
  std::string text;
  int found = 0;
  for (const llvm::SubtargetSubTypeKV &known : subtarget.getAllProcessorDescriptions()) {
    if (found == 6 || !llvm::StringRef(known.Key).starts_with_insensitive(cpu.take_front(3)))
      continue;
    text += (found++ ? ", " : "; similar ones are ");
    text += known.Key;
  }
  return text;
}

} // namespace

llvm::Expected<CpuTarget> CpuTarget::create(const CpuTargetOptions &options) {
  llvm::Triple host(llvm::sys::getDefaultTargetTriple());
  llvm::Triple triple(options.triple.empty() ? host.str() : llvm::Triple::normalize(options.triple));
  bool isHost = triple.getArch() == host.getArch() && triple.getOS() == host.getOS();
  initializeTargets(isHost);
  CpuTarget result;
  std::string reason;
  result.target = llvm::TargetRegistry::lookupTarget(triple, reason);
  if (!result.target || triple.getArch() == llvm::Triple::UnknownArch)
    return error("--triple: '" + options.triple +
                 "' is no target that LLVM knows, expected one like x86_64-linux-gnu or "
                 "aarch64-linux-gnu [NNFC-E0011]");
  if (!triple.isOSBinFormatELF() || !triple.isArch64Bit() || !triple.isLittleEndian() || triple.isGPU())
    return error("--triple: '" + triple.str() +
                 "' found, expected a 64-bit little-endian CPU with ELF objects [NNFC-E0011]");
  result.triple = triple.str();
  result.x86 = triple.isX86();
  result.optLevel = options.optLevel;

  if (options.cpu == "native" || (options.cpu.empty() && isHost)) {
    if (!isHost)
      return error("--cpu=native: the target " + triple.str() + " is not this machine's (" + host.str() +
                   "); name its CPU [NNFC-E0011]");
    result.cpu = llvm::sys::getHostCPUName().str();
    result.features = hostFeatures();
    result.native = true;
  } else if (!options.cpu.empty()) {
    result.cpu = options.cpu;
  } else {
    result.cpu = result.x86 ? "x86-64-v2" : triple.isRISCV() ? "generic-rv64" : "generic";
    if (triple.isRISCV()) // rv64gc, what distributions are built for
      result.features = "+m,+a,+f,+d,+c";
  }
  std::unique_ptr<llvm::MCSubtargetInfo> plain(result.target->createMCSubtargetInfo(triple, "", ""));
  if (!plain)
    return error("--triple: LLVM generates no code for '" + triple.str() + "' [NNFC-E0011]");
  if (!plain->isCPUStringValid(result.cpu))
    return error("--cpu: '" + result.cpu + "' is no CPU of " + triple.getArchName() + " that LLVM knows" +
                 similarCpus(*plain, result.cpu) + " [NNFC-E0011]");
  result.subtarget.reset(result.target->createMCSubtargetInfo(triple, result.cpu, result.features));
  if (result.x86 && !result.has("64bit"))
    return error("--cpu: '" + result.cpu + "' has no 64-bit mode, expected a CPU that does [NNFC-E0011]");
  if (result.x86 && !result.has("sse4.2"))
    return error("--cpu: '" + result.cpu + "' is older than x86-64-v2, expected that or newer [NNFC-E0011]");
  if (triple.isRISCV() && !result.has("d"))
    return error("--cpu: '" + result.cpu +
                 "' has no double-precision registers, expected a CPU with rv64gc [NNFC-E0011]");
  return result;
}

bool CpuTarget::has(llvm::StringRef feature) const { return subtarget->checkFeatures(("+" + feature).str()); }

std::unique_ptr<llvm::TargetMachine> CpuTarget::createMachine() const {
  llvm::TargetOptions options;
  // Sums are split as the IR says: only llvm.fma and what carries `contract` is fused.
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  options.FunctionSections = true;
  if (llvm::Triple(triple).isRISCV())
    options.MCOptions.ABIName = "lp64d";
  return std::unique_ptr<llvm::TargetMachine>(
      target->createTargetMachine(llvm::Triple(triple), cpu, features, options, llvm::Reloc::PIC_, std::nullopt,
                                  optLevel == 0   ? llvm::CodeGenOptLevel::None
                                  : optLevel == 1 ? llvm::CodeGenOptLevel::Less
                                  : optLevel == 2 ? llvm::CodeGenOptLevel::Default
                                                  : llvm::CodeGenOptLevel::Aggressive));
}

TargetInfo CpuTarget::info() const {
  TargetInfo info;
  if (!x86) { // 128-bit vectors, as on AArch64
    info.vectorBytes = 16;
    info.vectorRegisters = 32;
    return info;
  }
  bool hasAvx512 = has("avx512f") && has("avx512vl") && has("avx512bw") && has("avx512dq");
  info.vectorBytes = hasAvx512 ? 64 : has("avx") ? 32 : 16;
  info.vectorRegisters = hasAvx512 ? 32 : 16;
  info.hasFma = has("fma");
  info.canStorePastCaches = true;
  info.hasF16c = has("f16c");
  info.hasAvx512 = hasAvx512;
  info.hasByteDots = has(hasAvx512 ? "avx512vnni" : "avxvnni");
  if (hasAvx512) { // where the name is a level: what most that have it have at least
    info.l1Bytes = 48 << 10;
    info.l2Bytes = 1 << 20;
  }
  if (std::optional<CacheSizes> caches = cachesOf(cpu)) {
    info.l1Bytes = caches->l1;
    info.l2Bytes = caches->l2;
  }
  if (native) {
    info.l1Bytes = cacheBytes(_SC_LEVEL1_DCACHE_SIZE, info.l1Bytes);
    info.l2Bytes = cacheBytes(_SC_LEVEL2_CACHE_SIZE, info.l2Bytes);
  }
  return info;
}

uint64_t CpuTarget::abiFeatures() const {
  if (!x86)
    return 0;
  constexpr std::pair<const char *, uint64_t> bits[] = {{"sse4.2", NNF_CPU_SSE4_2},
                                                        {"avx", NNF_CPU_AVX},
                                                        {"avx2", NNF_CPU_AVX2},
                                                        {"fma", NNF_CPU_FMA},
                                                        {"f16c", NNF_CPU_F16C},
                                                        {"avx512f", NNF_CPU_AVX512F},
                                                        {"avx512bw", NNF_CPU_AVX512BW},
                                                        {"avx512vl", NNF_CPU_AVX512VL},
                                                        {"avx512dq", NNF_CPU_AVX512DQ},
                                                        {"bmi2", NNF_CPU_BMI2},
                                                        {"avx512vnni", NNF_CPU_AVX512VNNI},
                                                        {"avxvnni", NNF_CPU_AVXVNNI},
                                                        {"bmi", NNF_CPU_BMI},
                                                        {"lzcnt", NNF_CPU_LZCNT},
                                                        {"movbe", NNF_CPU_MOVBE},
                                                        {"popcnt", NNF_CPU_POPCNT},
                                                        {"avx512cd", NNF_CPU_AVX512CD},
                                                        {"avx512vbmi", NNF_CPU_AVX512VBMI},
                                                        {"avx512vbmi2", NNF_CPU_AVX512VBMI2},
                                                        {"avx512ifma", NNF_CPU_AVX512IFMA},
                                                        {"avx512bitalg", NNF_CPU_AVX512BITALG},
                                                        {"avx512vpopcntdq", NNF_CPU_AVX512VPOPCNTDQ},
                                                        {"avx512bf16", NNF_CPU_AVX512BF16},
                                                        {"avx512fp16", NNF_CPU_AVX512FP16},
                                                        {"gfni", NNF_CPU_GFNI},
                                                        {"avxifma", NNF_CPU_AVXIFMA},
                                                        {"avxneconvert", NNF_CPU_AVXNECONVERT},
                                                        {"avxvnniint8", NNF_CPU_AVXVNNIINT8},
                                                        {"avxvnniint16", NNF_CPU_AVXVNNIINT16},
                                                        {"avx10.2", NNF_CPU_AVX10_2},
                                                        {"egpr", NNF_CPU_APX},
                                                        {"sse4a", NNF_CPU_SSE4A},
                                                        {"fma4", NNF_CPU_FMA4},
                                                        {"xop", NNF_CPU_XOP},
                                                        {"tbm", NNF_CPU_TBM}};
  uint64_t features = 0;
  for (auto [name, bit] : bits)
    if (has(name))
      features |= bit;
  return features;
}

} // namespace nnf
