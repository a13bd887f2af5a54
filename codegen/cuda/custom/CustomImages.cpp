#include "codegen/cuda/custom/CustomImages.h"
#include "codegen/cuda/custom/ClangFrontEnd.h"
#include "codegen/cuda/custom/KernelSource.h"
#include "codegen/cuda/custom/Nvrtc.h"
#include "dialects/nnf/Diagnostics.h"
#include "llvm/ADT/StringSet.h"

using namespace mlir;
namespace nnf {
namespace {

LogicalResult sourceError(const CustomKernel &kernel, llvm::Error error) {
  return argumentError(kernel.location, "source") << llvm::toString(std::move(error));
}

/// Every kernel of this source, as the image's PTX has it.
LogicalResult takeKernels(DeviceCode &code, const std::string &source, StringRef ptx, std::string &head) {
  for (DeviceKernel &kernel : code.kernels) {
    if (!kernel.custom || kernel.custom->source != source)
      continue;
    llvm::Expected<int64_t> shared = checkEntry(ptx, kernel);
    if (!shared)
      return sourceError(*kernel.custom, shared.takeError());
    kernel.staticShared = *shared;
    kernel.symbol = kernel.custom->name;
    kernel.program = source;
    head += titleLine(kernel);
  }
  return success();
}

FailureOr<std::vector<DeviceImage>> compileWithNvrtc(DeviceCode &code, llvm::ArrayRef<CudaTarget> gpus) {
  std::vector<DeviceImage> images;
  llvm::StringSet<> seen;
  for (const DeviceKernel &kernel : code.kernels) {
    if (!kernel.custom || !seen.insert(kernel.custom->source).second)
      continue;
    const CustomKernel &custom = *kernel.custom;
    if (llvm::Error error = checkIncludes(custom.source))
      return sourceError(custom, std::move(error));
    llvm::Expected<const Nvrtc *> nvrtc = Nvrtc::find();
    if (!nvrtc)
      return nodeError(custom.location) << "--cuda-compiler=nvrtc: " << llvm::toString(nvrtc.takeError());
    for (const CudaTarget &gpu : gpus) {
      llvm::Expected<std::string> ptx = (*nvrtc)->compile(custom.source, gpu);
      if (!ptx)
        return sourceError(custom, ptx.takeError());
      std::string head;
      if (failed(takeKernels(code, custom.source, *ptx, head)))
        return failure();
      images.push_back({gpu, /*isCubin=*/false, head + *ptx, versionOfPtx(*ptx), {}, custom.source});
    }
  }
  return images;
}

} // namespace

FailureOr<std::vector<DeviceImage>> compileCustomKernels(DeviceCode &code, llvm::ArrayRef<CudaTarget> gpus,
                                                         CudaCompiler compiler) {
  if (compiler == CudaCompiler::Nvrtc)
    return compileWithNvrtc(code, gpus);
  if (failed(compileWithClang(code)))
    return failure();
  return std::vector<DeviceImage>();
}

} // namespace nnf
