#include "codegen/cpu/Emit.h"
#include "codegen/LlvmPipeline.h"
#include "codegen/link/WeightsSection.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/Analysis/TargetTransformInfo.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Object/ObjectFile.h"
#include "llvm/Transforms/Utils/LowerMemIntrinsics.h"
#include <map>

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

/// Copies and fills of memory of which LLVM may make calls of the C library become loops: the emulator's structures
/// where nothing was optimised, a user's kernel that copies a large one.
void expandCopies(llvm::Module &module, const llvm::TargetMachine &machine) {
  // What LLVM stores straight, on every machine that there is code for.
  uint64_t mostStraight = machine.getOptLevel() == llvm::CodeGenOptLevel::None ? 0 : 64;
  for (llvm::Function &function : module) {
    llvm::SmallVector<llvm::MemIntrinsic *> found;
    for (llvm::Instruction &instruction : llvm::instructions(function))
      if (auto *copy = llvm::dyn_cast<llvm::MemIntrinsic>(&instruction)) {
        auto *length = llvm::dyn_cast<llvm::ConstantInt>(copy->getLength());
        if (!length || length->getZExtValue() > mostStraight)
          found.push_back(copy);
      }
    if (found.empty())
      continue;
    llvm::TargetTransformInfo machineInfo = machine.getTargetTransformInfo(function);
    for (llvm::MemIntrinsic *copy : found) {
      if (auto *fill = llvm::dyn_cast<llvm::MemSetInst>(copy))
        llvm::expandMemSetAsLoop(fill);
      else if (auto *move = llvm::dyn_cast<llvm::MemMoveInst>(copy)) {
        if (!llvm::expandMemMoveAsLoop(move, machineInfo))
          continue;
      } else
        llvm::expandMemCpyAsLoop(llvm::cast<llvm::MemCpyInst>(copy), machineInfo);
      copy->eraseFromParent();
    }
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

constexpr llvm::StringLiteral weightsName = "nnf.weights";

/// Defines `nnf.weights` in assembly, so that the bytes never become IR.
void includeWeights(llvm::Module &module, llvm::StringRef file) {
  if (file.empty())
    return;
  module.appendModuleInlineAsm("\t.section " + weightsSection.str() +
                               ",\"a\",@progbits\n"
                               "\t.p2align 6\n"
                               "\t.hidden nnf.weights\n"
                               "nnf.weights:\n" +
                               incbinLine(file) +
                               "\t.size nnf.weights, .-nnf.weights\n"
                               "\t.text\n");
}

/// Defines `nnf.weights` as the begin of a section that gets its bytes later.
void reserveWeights(llvm::Module &module, bool isShared = false) {
  llvm::GlobalVariable *weights = module.getNamedGlobal(weightsName);
  if (!weights || !weights->isDeclaration())
    return;
  weights->setInitializer(llvm::Constant::getNullValue(weights->getValueType()));
  weights->setSection(weightsSection);
  if (isShared)
    return;
  weights->setVisibility(llvm::GlobalValue::DefaultVisibility);
  weights->setLinkage(llvm::GlobalValue::InternalLinkage);
}

/// Assembly is printed with the path that LLVM could open while it wrote.
void renameInText(llvm::SmallVectorImpl<char> &code, const WeightsFile &weights) {
  std::string from = incbinLine(weights.path), to = incbinLine(weights.textAs);
  std::string text(code.begin(), code.end());
  size_t at = text.find(from);
  if (weights.path.empty() || at == std::string::npos)
    return;
  text.replace(at, from.size(), to);
  code.assign(text.begin(), text.end());
}

using Code = llvm::SmallVector<char, 0>;

/// Names of what none of the objects defines.
llvm::Expected<std::string> undefinedSymbols(llvm::ArrayRef<llvm::StringRef> objects) {
  std::map<std::string, bool> isDefined;
  for (llvm::StringRef object : objects) {
    auto file = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, "object"));
    if (!file)
      return file.takeError();
    for (const llvm::object::SymbolRef &symbol : (*file)->symbols()) {
      llvm::Expected<uint32_t> flags = symbol.getFlags();
      if (!flags)
        return flags.takeError();
      llvm::Expected<llvm::StringRef> name = symbol.getName();
      if (!name)
        return name.takeError();
      if (!name->empty())
        isDefined[name->str()] |= !(*flags & llvm::object::SymbolRef::SF_Undefined);
    }
  }
  std::string names;
  for (const auto &[name, defined] : isDefined)
    if (!defined)
      names += (names.empty() ? "" : ", ") + name;
  return names;
}

/// LLVM IR of one MLIR module on its way to code.
class Emission {
public:
  Emission(mlir::ModuleOp module, const CpuTarget &target)
      : location(mlir::UnknownLoc::get(module.getContext())), target(target),
        diagnostics(ForwardDiagnostics::install(context, location)),
        llvmModule(mlir::translateModuleToLLVMIR(module, context, "nnf", true)), machine(target.createMachine()) {
    if (llvmModule)
      prepare(*llvmModule, *machine);
  }

  mlir::LogicalResult internal(const llvm::Twine &text) {
    mlir::emitError(location) << "internal: " << text;
    return mlir::failure();
  }
  /// Of the module as it is.
  mlir::FailureOr<Code> write(llvm::CodeGenFileType type) {
    Code code;
    expandCopies(*llvmModule, *machine);
    if (!writeMachineCode(*llvmModule, *machine, type, code))
      return internal("LLVM writes no objects for " + target.getTriple());
    if (diagnostics.hasErrors)
      return mlir::failure();
    return code;
  }

  mlir::Location location;
  const CpuTarget &target;
  llvm::LLVMContext context;
  ForwardDiagnostics &diagnostics;
  std::unique_ptr<llvm::Module> llvmModule; // null: an error, which the translation has reported
  std::unique_ptr<llvm::TargetMachine> machine;
};

} // namespace

mlir::FailureOr<Code> emitCode(mlir::ModuleOp module, const CpuTarget &target, CodeKind kind,
                               const WeightsFile &weights,
                               llvm::function_ref<mlir::LogicalResult(llvm::Module &)> link) {
  Emission emission(module, target);
  if (!emission.llvmModule)
    return mlir::failure();
  llvm::Module &llvmModule = *emission.llvmModule;
  if (link) {
    if (mlir::failed(link(llvmModule)))
      return mlir::failure();
    prepare(llvmModule, *emission.machine); // what has come in
  }
  optimiseModule(llvmModule, *emission.machine, target.getOptLevel());
  if (kind == CodeKind::LlvmIr) {
    includeWeights(llvmModule, weights.textAs);
    Code code;
    llvm::raw_svector_ostream os(code);
    llvmModule.print(os, nullptr);
    return code;
  }
  if (kind == CodeKind::Assembly) {
    includeWeights(llvmModule, weights.path);
    mlir::FailureOr<Code> code = emission.write(llvm::CodeGenFileType::AssemblyFile);
    if (mlir::succeeded(code))
      renameInText(*code, weights);
    return code;
  }
  reserveWeights(llvmModule);
  mlir::FailureOr<Code> code = emission.write(llvm::CodeGenFileType::ObjectFile);
  if (mlir::succeeded(code) && kind == CodeKind::Object)
    if (llvm::Error error = checkSelfContained(llvm::StringRef(code->data(), code->size())))
      return emission.internal(llvm::toString(std::move(error)));
  return code;
}

mlir::FailureOr<Code> emitObject(mlir::ModuleOp module, const CpuTarget &target) {
  Emission emission(module, target);
  if (!emission.llvmModule)
    return mlir::failure();
  optimiseModule(*emission.llvmModule, *emission.machine, target.getOptLevel());
  return emission.write(llvm::CodeGenFileType::ObjectFile);
}

mlir::FailureOr<Code> emitDriver(mlir::ModuleOp module, const CpuTarget &target, WeightsIn weights) {
  Emission emission(module, target);
  if (!emission.llvmModule)
    return mlir::failure();
  emission.machine->setOptLevel(llvm::CodeGenOptLevel::None);
  if (weights != WeightsIn::OtherDriver)
    reserveWeights(*emission.llvmModule, weights == WeightsIn::SharedDriver);
  return emission.write(llvm::CodeGenFileType::ObjectFile);
}

llvm::Error checkSelfContained(llvm::ArrayRef<llvm::StringRef> objects) {
  llvm::Expected<std::string> undefined = undefinedSymbols(objects);
  if (!undefined)
    return llvm::createStringError("the object cannot be read back: " + llvm::toString(undefined.takeError()));
  if (!undefined->empty())
    return llvm::createStringError("the code calls " + *undefined +
                                   ", but compiled models must need no library [NNFC-E9001]");
  return llvm::Error::success();
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
    return llvm::createStringError("LLVM writes no objects for " + target.getTriple() + " [NNFC-E9001]");
  return code;
}

} // namespace nnf
