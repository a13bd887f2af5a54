// NVIDIA's assembler, where there is one: PTX to machine code.
#ifndef NNF_CODEGEN_CUDA_ASSEMBLER_H
#define NNF_CODEGEN_CUDA_ASSEMBLER_H

#include "codegen/cuda/DeviceTable.h"

namespace nnf {

/// The path of ptxas: $NNFC_PTXAS, $CUDA_HOME/bin, the PATH, /usr/local/cuda/bin. Errors: there is none.
llvm::Expected<std::string> findPtxas();

/// Assembles a PTX image for its own architecture, with the registers that each kernel takes. Errors: ptxas cannot be
/// run, or does not take the text.
llvm::Expected<DeviceImage> assemblePtx(const DeviceImage &ptx, llvm::StringRef ptxas);

} // namespace nnf
#endif
