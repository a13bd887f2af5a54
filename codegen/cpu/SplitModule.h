// A model's code in parts that are optimised and written apart, one on each core.
#ifndef NNF_CODEGEN_CPU_SPLITMODULE_H
#define NNF_CODEGEN_CPU_SPLITMODULE_H

#include "llvm/ADT/STLFunctionalExtras.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/IR/Module.h"

namespace nnf {

/// Distributes the functions of a module over parts: as many as its size asks for, so that the same module gives the
/// same parts on every machine; 1: it is not worth it, or cannot be. Functions that call each other stay together, and
/// what the module exports is in part 0. Functions that other parts refer to become hidden symbols `<prefix>.<name>`,
/// which must be unique among what is linked together.
class SplitModule {
public:
  SplitModule(llvm::Module &module, llvm::StringRef prefix);

  unsigned numParts() const { return parts; }
  /// Calls make(part, number) for each part, in a context and on a thread of its own where there are several. Without
  /// the module: its bitcode is what the parts are made of.
  void forEachPart(llvm::function_ref<void(llvm::Module &, unsigned)> make);

private:
  llvm::Module &module;
  unsigned parts = 1;
  llvm::StringMap<unsigned> partOf; // functions by name

  void keepOnly(llvm::Module &copy, unsigned part) const;
};

} // namespace nnf
#endif
