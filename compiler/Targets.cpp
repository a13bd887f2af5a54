#include "compiler/Targets.h"
#include "compiler/Compile.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/bit.h"
#include <map>
#include <tuple>

namespace nnf {
namespace {

/// Larger is better.
std::pair<int64_t, int> rankOf(const CpuTarget &target) {
  return {target.info().vectorBytes, llvm::popcount(target.abiFeatures())};
}

} // namespace

llvm::Expected<std::vector<CpuTarget>> cpuTargets(const CodeRequest &code) {
  auto error = [&](const llvm::Twine &text) { return llvm::createStringError("--cpu=" + code.cpu + ": " + text); };
  llvm::SmallVector<llvm::StringRef> names;
  llvm::StringRef(code.cpu).split(names, ',');
  std::vector<CpuTarget> targets;
  std::map<uint64_t, std::string> needed;
  for (llvm::StringRef name : names) {
    if (names.size() > 1 && name.empty())
      return error("a name is missing, expected x86-64-v2,x86-64-v3 or the like [NNFC-E0011]");
    llvm::Expected<CpuTarget> target = CpuTarget::create({code.triple, name.str(), code.optLevel});
    if (!target)
      return target.takeError();
    if (names.size() > 1 && !target->isX86())
      return error("several CPUs of " + target->getTriple() +
                   ", expected one: only those of x86-64 are told apart [NNFC-E0011]");
    if (llvm::count(names, name) > 1)
      return error(name + " is named twice [NNFC-E0011]");
    auto [other, isNew] = needed.try_emplace(target->abiFeatures(), name.str());
    if (!isNew)
      return error(other->second + " and " + name +
                   " need the same features of a CPU, so that one would never be chosen [NNFC-E0011]");
    targets.push_back(std::move(*target));
  }
  std::reverse(targets.begin(), targets.end());
  llvm::stable_sort(targets, [](const CpuTarget &a, const CpuTarget &b) { return rankOf(a) > rankOf(b); });
  return targets;
}

llvm::Expected<std::vector<CudaTarget>> cudaTargets(const CodeRequest &code, bool isLibrary) {
  auto error = [&](const llvm::Twine &text) {
    return llvm::createStringError("--cuda-arch=" + code.cudaArch + ": " + text);
  };
  llvm::SmallVector<llvm::StringRef> named;
  llvm::StringRef(code.cudaArch).split(named, ',');
  if (named.size() > 1 && !isLibrary)
    return error("several architectures go into a library of --target=cuda, expected one [NNFC-E0012]");
  if (!code.cudaArch.empty() && llvm::is_contained(named, ""))
    return error("a name is missing, expected sm_80,sm_90a or the like [NNFC-E0012]");
  if (isLibrary && !code.cudaArch.empty())
    named.insert(named.begin(), "");
  std::vector<CudaTarget> gpus;
  for (llvm::StringRef arch : named) {
    llvm::Expected<CudaTarget> device = CudaTarget::create(arch);
    if (!device)
      return device.takeError();
    auto same = llvm::find_if(gpus, [&](const CudaTarget &other) { return other.getArch() == device->getArch(); });
    if (same == gpus.end())
      gpus.push_back(std::move(*device));
    else if (same != gpus.begin() || llvm::count(named, arch) > 1)
      return error(arch + " is named twice [NNFC-E0012]");
  }
  return gpus;
}

TargetInfo sharedLayout(llvm::ArrayRef<CpuTarget> targets) {
  TargetInfo layout = targets.front().info();
  layout.hasByteDots = llvm::all_of(targets, [](const CpuTarget &target) { return target.info().hasByteDots; });
  return layout;
}

} // namespace nnf
