#include "compiler/OutputKind.h"
#include "llvm/ADT/StringSwitch.h"

namespace nnf {

std::optional<Emit> emitOf(llvm::StringRef text) {
  return llvm::StringSwitch<std::optional<Emit>>(text)
      .Cases({"so", "shared"}, Emit::Shared)
      .Cases({"o", "object"}, Emit::Object)
      .Cases({"a", "static"}, Emit::Static)
      .Cases({"s", "asm"}, Emit::Assembly)
      .Cases({"ll", "llvm-ir"}, Emit::LlvmIr)
      .Cases({"cu", "cuda"}, Emit::Cuda)
      .Case("ptx", Emit::Ptx)
      .Case("cubin", Emit::Cubin)
      .Case("mlir", Emit::Mlir)
      .Default(std::nullopt);
}

} // namespace nnf
