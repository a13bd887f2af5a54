// Code for GPUs as data of a library: what runtime/abi.h calls nnf_device_code.
#ifndef NNF_CODEGEN_CUDA_DEVICETABLE_H
#define NNF_CODEGEN_CUDA_DEVICETABLE_H

#include "codegen/cuda/Device.h"

namespace nnf {

/// Kernels of a model for one architecture: nnfc's own, or those of one source that another compiler has compiled.
struct DeviceImage {
  CudaTarget target;
  bool isCubin = false;                // else PTX
  std::string bytes;                   // PTX: without the NUL
  unsigned version = 0;                // of the PTX: 70 is 7.0
  llvm::StringMap<unsigned> registers; // of kernels, by their symbols, where they are known
  std::string source = "";             // the program in CUDA C++ that it is of; "": nnfc's own kernels

  /// Whether the kernel's code is in it, which stands among those for its target.
  bool has(const DeviceKernel &kernel) const { return kernel.program == source; }
};

/// The version that PTX text says it is written in: 70 of ".version 7.0"; 0: it says none.
unsigned versionOfPtx(llvm::StringRef ptx);

/// Defines the table of images in `host`, the module of a model's driver, and leaves no CPU code where the kernels'
/// entries were: the runtime launches them by the table.
void linkDeviceTable(const DeviceCode &code, llvm::ArrayRef<DeviceImage> images, llvm::Module &host);

} // namespace nnf
#endif
