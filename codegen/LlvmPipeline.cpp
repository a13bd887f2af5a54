#include "codegen/LlvmPipeline.h"
#include "codegen/LlvmAnalyses.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LegacyPassManager.h"

namespace nnf {

ForwardDiagnostics &ForwardDiagnostics::install(llvm::LLVMContext &context, mlir::Location location) {
  auto handler = std::make_unique<ForwardDiagnostics>(location);
  ForwardDiagnostics &result = *handler;
  context.setDiagnosticHandler(std::move(handler));
  return result;
}

bool ForwardDiagnostics::handleDiagnostics(const llvm::DiagnosticInfo &info) {
  if (info.getSeverity() != llvm::DS_Error && info.getSeverity() != llvm::DS_Warning)
    return true;
  std::string text;
  llvm::raw_string_ostream os(text);
  llvm::DiagnosticPrinterRawOStream printer(os);
  info.print(printer);
  if (info.getSeverity() == llvm::DS_Error)
    mlir::emitError(location) << "internal: LLVM: " << text;
  else
    mlir::emitWarning(location) << "LLVM: " << text;
  hasErrors |= info.getSeverity() == llvm::DS_Error;
  return true;
}

/// No library function exists for the code: no call may be recognised, and none be made (memset out of a loop).
static llvm::TargetLibraryInfoImpl noLibrary(const llvm::Triple &triple) {
  llvm::TargetLibraryInfoImpl library(triple);
  library.disableAllFunctions();
  return library;
}

void optimiseModule(llvm::Module &module, llvm::TargetMachine &machine, unsigned level, bool unrollLoops) {
  if (level == 0)
    return;
  llvm::PipelineTuningOptions tuning;
  // Kernels are vectorised where their data is understood; what LLVM would vectorise again are their tails.
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopInterleaving = false;
  tuning.LoopUnrolling = unrollLoops;
  llvm::PassBuilder builder(&machine, tuning);
  LlvmAnalyses analyses;
  analyses.functions.registerPass([&] { return llvm::TargetLibraryAnalysis(noLibrary(machine.getTargetTriple())); });
  analyses.registerWith(builder);
  llvm::OptimizationLevel levels[] = {llvm::OptimizationLevel::O1, llvm::OptimizationLevel::O2,
                                      llvm::OptimizationLevel::O3};
  builder.buildPerModuleDefaultPipeline(levels[std::min(level, 3u) - 1]).run(module, analyses.modules);
}

bool writeMachineCode(llvm::Module &module, llvm::TargetMachine &machine, llvm::CodeGenFileType type,
                      llvm::SmallVectorImpl<char> &code) {
  llvm::raw_svector_ostream os(code);
  llvm::legacy::PassManager passes;
  passes.add(new llvm::TargetLibraryInfoWrapperPass(noLibrary(machine.getTargetTriple())));
  if (machine.addPassesToEmitFile(passes, os, nullptr, type, /*DisableVerify=*/true))
    return false;
  passes.run(module);
  return true;
}

} // namespace nnf
