// The GPU's half of a compiled module.
#ifndef NNF_CODEGEN_CUDA_DEVICE_H
#define NNF_CODEGEN_CUDA_DEVICE_H

#include "codegen/cuda/Target.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/IR/Module.h"
#include <optional>
#include <vector>

namespace nnf {

/// A kernel in CUDA C++ that the model has brought.
struct CustomKernel {
  std::string source, name;
  llvm::SmallVector<int64_t> bytes; // of its parameters
  llvm::SmallVector<int64_t> block; // threads in x, y and z
  mlir::Location location;          // of the first node that launches it
  std::string bitcode = "";         // where clang has compiled it
};

/// A tensor map that a launch makes of one of its slots (runtime/abi.h: nnf_tensor_map).
struct TensorMap {
  int64_t slot, offset; // of the tensor's first element: bytes behind the slot's address
  bool isBfloat;        // else float16
  llvm::SmallVector<int64_t> dims, strides, box;
  /// Of each spatial dimension of an image (runtime/abi.h: nnf_map_window).
  struct Window {
    llvm::SmallVector<int64_t> lower, upper, steps;
  };
  std::optional<Window> window = {};
};

struct DeviceKernel {
  std::string name, title;
  int64_t index;                               // in the model's descriptor
  int64_t threads;                             // of a block
  int64_t parameters;                          // addresses, sizes, and the check state and base where it has checks
  int64_t checks;                              // 0: it has none
  int64_t staticShared = 0, dynamicShared = 0; // bytes of shared memory: its own, and what the launch adds
  std::string symbol = name;                   // of its function in an image
  std::optional<CustomKernel> custom = {};
  std::string program = "";         // CUDA C++ that another compiler makes an image of; "": it is in nnfc's own
  std::vector<TensorMap> maps = {}; // parameters after all others
  int64_t blocks = 0;               // of its grid where that is not the driver's; 0: it is
  int64_t resident = 0;             // of blocks that stay: how many a multiprocessor runs at once; 0: none stays
};

/// Kernels of nnfc's own as CUDA C++, with the templates that they call.
struct KernelProgram {
  std::string text;
  std::vector<std::string> kernels; // their names
  std::string bitcode = "";         // where clang has compiled it
};

/// Kernels in LLVM's dialect, apart from the code that launches them.
struct DeviceCode {
  mlir::OwningOpRef<mlir::ModuleOp> module;
  std::vector<DeviceKernel> kernels;
  std::vector<DeviceKernel> hopperKernels; // what stands for some of them on compute capability 9.0, by their index
  int64_t numKernels = 0;                  // of the model, those of the CPU among them
  int64_t copyKernel = -1;                 // which of them copies (nnf-copy-outputs); -1: none
  bool isEmulated = false;                 // it is to run without a GPU
  std::vector<KernelProgram> programs;     // of kernels that go through text

  /// As an image for this target has them.
  std::vector<DeviceKernel> kernelsFor(const CudaTarget &target) const;
};

/// Moves the GPU kernels of a module in LLVM's dialect (nnf-lower-kernels-to-gpu made them) and their shared memory
/// into a module of their own; `module` keeps declarations of them. A kernel of the device code takes what its
/// declaration does but first, last and scratch: the block it runs in is its task.
DeviceCode takeDeviceCode(mlir::ModuleOp module);

/// Device code as LLVM IR, as it was written. Null when that failed; then it is reported.
std::unique_ptr<llvm::Module> translateDeviceCode(const DeviceCode &code, const CudaTarget &target,
                                                  llvm::LLVMContext &context);

/// Translates device code to LLVM IR and optimises it for the GPU. Null when that failed; then it is reported.
std::unique_ptr<llvm::Module> optimisedDeviceModule(const DeviceCode &code, const CudaTarget &target,
                                                    llvm::LLVMContext &context);

/// The line at the head of PTX that speaks of a kernel.
std::string titleLine(const DeviceKernel &kernel);

/// PTX text of nnfc's own kernels, headed by comments that list them with their threads and parameters.
mlir::FailureOr<std::string> emitPtx(const DeviceCode &code, const CudaTarget &target, llvm::StringRef producer);

} // namespace nnf
#endif
