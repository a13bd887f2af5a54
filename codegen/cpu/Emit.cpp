#include "codegen/cpu/Emit.h"
#include "llvm/Analysis/TargetLibraryInfo.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Passes/PassBuilder.h"
#include "mlir/Target/LLVMIR/Export.h"

namespace nnf {
namespace {

/// LLVM's own diagnostics become ours; without this it prints them, and ends the process over errors.
class ForwardDiagnostics : public llvm::DiagnosticHandler {
public:
  explicit ForwardDiagnostics(mlir::Location location) : location(location) {}
  bool handleDiagnostics(const llvm::DiagnosticInfo &info) override {
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
  bool hasErrors = false;

private:
  mlir::Location location;
};

/// No library function exists for the code: no call may be recognised, and none be made (memset out of a loop).
llvm::TargetLibraryInfoImpl noLibrary(const llvm::Triple &triple) {
  llvm::TargetLibraryInfoImpl library(triple);
  library.disableAllFunctions();
  return library;
}

void prepare(llvm::Module &module, const llvm::TargetMachine &machine) {
  module.setTargetTriple(machine.getTargetTriple());
  module.setDataLayout(machine.createDataLayout());
  module.setPICLevel(llvm::PICLevel::BigPIC);
  for (llvm::Function &function : module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", machine.getTargetCPU());
    if (!machine.getTargetFeatureString().empty())
      function.addFnAttr("target-features", machine.getTargetFeatureString());
    // Else LLVM keeps to 256 bits on CPUs that have 512; passes/ chose the width.
    function.addFnAttr("prefer-vector-width", "512");
    function.addFnAttr("no-builtins");
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
}

void optimise(llvm::Module &module, llvm::TargetMachine &machine, unsigned level) {
  if (level == 0)
    return;
  llvm::PipelineTuningOptions tuning;
  // Kernels are vectorised where their data is understood; what LLVM would vectorise again are their tails.
  tuning.LoopVectorization = false;
  tuning.SLPVectorization = false;
  tuning.LoopInterleaving = false;
  tuning.LoopUnrolling = true;
  llvm::PassBuilder builder(&machine, tuning);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager sccs;
  llvm::ModuleAnalysisManager modules;
  functions.registerPass([&] { return llvm::TargetLibraryAnalysis(noLibrary(machine.getTargetTriple())); });
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  llvm::OptimizationLevel levels[] = {llvm::OptimizationLevel::O1, llvm::OptimizationLevel::O2,
                                      llvm::OptimizationLevel::O3};
  builder.buildPerModuleDefaultPipeline(levels[std::min(level, 3u) - 1]).run(module, modules);
}

/// Defines `nnf.weights` in assembly, so that the bytes never become IR.
void includeWeights(llvm::Module &module, llvm::StringRef file) {
  if (file.empty())
    return;
  std::string path;
  llvm::raw_string_ostream(path).write_escaped(file);
  module.appendModuleInlineAsm("\t.section .rodata.nnf.weights,\"a\",@progbits\n"
                               "\t.p2align 6\n"
                               "\t.hidden nnf.weights\n"
                               "nnf.weights:\n"
                               "\t.incbin \"" + path + "\"\n"
                               "\t.size nnf.weights, .-nnf.weights\n"
                               "\t.text\n");
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

/// Names of what an object does not define.
llvm::Expected<std::string> undefinedSymbols(llvm::ArrayRef<char> object) {
  auto file = llvm::object::ObjectFile::createObjectFile(
      llvm::MemoryBufferRef(llvm::StringRef(object.data(), object.size()), "object"));
  if (!file)
    return file.takeError();
  std::string names;
  for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
    llvm::Expected<uint32_t> flags = symbol.getFlags();
    if (!flags)
      return flags.takeError();
    if (!(*flags & llvm::object::SymbolRef::SF_Undefined))
      continue;
    llvm::Expected<llvm::StringRef> name = symbol.getName();
    if (!name)
      return name.takeError();
    if (!name->empty())
      names += (names.empty() ? "" : ", ") + name->str();
  }
  return names;
}

} // namespace

mlir::FailureOr<llvm::SmallVector<char, 0>> emitCode(mlir::ModuleOp module, const CpuTarget &target, CodeKind kind,
                                                     llvm::StringRef weightsFile) {
  mlir::Location location = mlir::UnknownLoc::get(module.getContext());
  auto internal = [&](const llvm::Twine &text) {
    mlir::emitError(location) << "internal: " << text;
    return mlir::failure();
  };
  llvm::LLVMContext context;
  auto handler = std::make_unique<ForwardDiagnostics>(location);
  ForwardDiagnostics &diagnostics = *handler;
  context.setDiagnosticHandler(std::move(handler));
  std::unique_ptr<llvm::Module> llvmModule = mlir::translateModuleToLLVMIR(module, context, "nnf", true);
  if (!llvmModule)
    return mlir::failure(); // reported by the translation
  std::unique_ptr<llvm::TargetMachine> machine = target.createMachine();
  prepare(*llvmModule, *machine);
  optimise(*llvmModule, *machine, target.getOptLevel());
  includeWeights(*llvmModule, weightsFile);
  llvm::SmallVector<char, 0> code;
  if (kind == CodeKind::LlvmIr) {
    llvm::raw_svector_ostream os(code);
    llvmModule->print(os, nullptr);
    return code;
  }
  auto type = kind == CodeKind::Object ? llvm::CodeGenFileType::ObjectFile : llvm::CodeGenFileType::AssemblyFile;
  if (!writeMachineCode(*llvmModule, *machine, type, code))
    return internal("LLVM writes no objects for " + target.getTriple());
  if (diagnostics.hasErrors)
    return mlir::failure();
  if (kind == CodeKind::Object) {
    llvm::Expected<std::string> undefined = undefinedSymbols(code);
    if (!undefined)
      return internal("the object cannot be read back: " + llvm::toString(undefined.takeError()));
    if (!undefined->empty())
      return internal("the code calls " + *undefined + ", but compiled models must need no library");
  }
  return code;
}

llvm::Expected<llvm::SmallVector<char, 0>> emitModelTable(llvm::ArrayRef<std::string> models, const CpuTarget &target) {
  llvm::LLVMContext context;
  llvm::Module module("nnf.table", context);
  llvm::Type *pointer = llvm::PointerType::get(context, 0);
  llvm::SmallVector<llvm::Constant *> rows;
  for (const std::string &name : models)
    rows.push_back(new llvm::GlobalVariable(module, llvm::Type::getInt8Ty(context), true,
                                            llvm::GlobalValue::ExternalLinkage, nullptr, "nnf_model_" + name));
  rows.push_back(llvm::ConstantPointerNull::get(llvm::cast<llvm::PointerType>(pointer)));
  auto *type = llvm::ArrayType::get(pointer, rows.size());
  new llvm::GlobalVariable(module, type, true, llvm::GlobalValue::ExternalLinkage,
                           llvm::ConstantArray::get(type, rows), "nnf_models");
  std::unique_ptr<llvm::TargetMachine> machine = target.createMachine();
  prepare(module, *machine);
  llvm::SmallVector<char, 0> code;
  if (!writeMachineCode(module, *machine, llvm::CodeGenFileType::ObjectFile, code))
    return llvm::createStringError("LLVM writes no objects for " + target.getTriple());
  return code;
}

} // namespace nnf
