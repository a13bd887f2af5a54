// What LLVM's passes run with.
#ifndef NNF_CODEGEN_LLVMANALYSES_H
#define NNF_CODEGEN_LLVMANALYSES_H

#include "llvm/Passes/PassBuilder.h"

namespace nnf {

/// The analysis managers of all kinds, which know each other once they are registered.
struct LlvmAnalyses {
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;

  /// What was registered before stays.
  void registerWith(llvm::PassBuilder &builder) {
    builder.registerModuleAnalyses(modules);
    builder.registerCGSCCAnalyses(components);
    builder.registerFunctionAnalyses(functions);
    builder.registerLoopAnalyses(loops);
    builder.crossRegisterProxies(loops, functions, components, modules);
  }
};

} // namespace nnf
#endif
