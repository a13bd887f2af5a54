#include "codegen/cpu/Emit.h"
#include "codegen/LlvmPipeline.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Object/ObjectFile.h"

namespace nnf {
namespace {

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

std::string incbinLine(llvm::StringRef file) {
  std::string line;
  llvm::raw_string_ostream os(line);
  os << "\t.incbin \"";
  os.write_escaped(file);
  os << "\"\n";
  return line;
}

/// Defines `nnf.weights` in assembly, so that the bytes never become IR.
void includeWeights(llvm::Module &module, llvm::StringRef file) {
  if (file.empty())
    return;
  module.appendModuleInlineAsm("\t.section .rodata.nnf.weights,\"a\",@progbits\n"
                               "\t.p2align 6\n"
                               "\t.hidden nnf.weights\n"
                               "nnf.weights:\n" +
                               incbinLine(file) +
                               "\t.size nnf.weights, .-nnf.weights\n"
                               "\t.text\n");
}

/// Assembly is printed with the path that LLVM could open while it wrote.
void renameInText(llvm::SmallVectorImpl<char> &code, const WeightsBytes &weights) {
  std::string from = incbinLine(weights.file), to = incbinLine(weights.textAs);
  std::string text(code.begin(), code.end());
  size_t at = text.find(from);
  if (weights.file.empty() || at == std::string::npos)
    return;
  text.replace(at, from.size(), to);
  code.assign(text.begin(), text.end());
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
                                                     const WeightsBytes &weights,
                                                     llvm::function_ref<mlir::LogicalResult(llvm::Module &)> link) {
  mlir::Location location = mlir::UnknownLoc::get(module.getContext());
  auto internal = [&](const llvm::Twine &text) {
    mlir::emitError(location) << "internal: " << text;
    return mlir::failure();
  };
  llvm::LLVMContext context;
  ForwardDiagnostics &diagnostics = ForwardDiagnostics::install(context, location);
  std::unique_ptr<llvm::Module> llvmModule = mlir::translateModuleToLLVMIR(module, context, "nnf", true);
  if (!llvmModule)
    return mlir::failure(); // reported by the translation
  std::unique_ptr<llvm::TargetMachine> machine = target.createMachine();
  prepare(*llvmModule, *machine);
  if (link) {
    if (mlir::failed(link(*llvmModule)))
      return mlir::failure();
    prepare(*llvmModule, *machine); // what has come in
  }
  optimiseModule(*llvmModule, *machine, target.getOptLevel());
  includeWeights(*llvmModule, kind == CodeKind::LlvmIr ? weights.textAs : weights.file);
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
  if (kind == CodeKind::Assembly)
    renameInText(code, weights);
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
  new llvm::GlobalVariable(module, type, true, llvm::GlobalValue::ExternalLinkage, llvm::ConstantArray::get(type, rows),
                           "nnf_models");
  std::unique_ptr<llvm::TargetMachine> machine = target.createMachine();
  prepare(module, *machine);
  llvm::SmallVector<char, 0> code;
  if (!writeMachineCode(module, *machine, llvm::CodeGenFileType::ObjectFile, code))
    return llvm::createStringError("LLVM writes no objects for " + target.getTriple());
  return code;
}

} // namespace nnf
