#include "codegen/cuda/emulator/Retarget.h"
#include "codegen/cuda/emulator/Emulator.h"
#include "dialects/nnf/Diagnostics.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/ReplaceConstant.h"
#include "llvm/IR/Verifier.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Transforms/Utils/Cloning.h"

// Emulator.cpp as bitcode, put here by the build.
extern "C" const char nnf_emulator_bitcode[], nnf_emulator_bitcode_end[];
asm(".pushsection .rodata\n"
    ".global nnf_emulator_bitcode\n"
    "nnf_emulator_bitcode:\n"
    ".incbin \"" NNF_EMULATOR_BITCODE "\"\n"
    ".global nnf_emulator_bitcode_end\n"
    "nnf_emulator_bitcode_end:\n"
    ".popsection\n");

namespace nnf {
namespace {

constexpr unsigned sharedSpace = 3;
constexpr llvm::StringLiteral prefix = "nnf_emu_";

/// One device module on its way to the host.
class Retarget {
public:
  Retarget(llvm::Module &device, llvm::Module &emulator, mlir::Location location, uint64_t seed)
      : device(device), emulator(emulator), context(device.getContext()), location(location), seed(seed),
        pointer(llvm::PointerType::getUnqual(context)), i64(llvm::Type::getInt64Ty(context)),
        i32(llvm::Type::getInt32Ty(context)) {}

  mlir::LogicalResult run(llvm::ArrayRef<DeviceKernel> kernels);

private:
  llvm::Module &device, &emulator;
  llvm::LLVMContext &context;
  mlir::Location location;
  const uint64_t seed;
  llvm::Type *pointer, *i64, *i32;
  unsigned sites = 0;
  const DeviceKernel *current = nullptr;

  /// What nnfc's own kernels need is there; a kernel that the model has brought may want more.
  mlir::InFlightDiagnostic lacks() {
    return (current && current->custom ? nodeError(current->custom->location) << "cuda-emu: " : internal())
           << "the emulator has no ";
  }
  llvm::StringRef number() const { return current && current->custom ? " [NNFC-E0401]" : ""; }
  mlir::InFlightDiagnostic internal() { return mlir::emitError(location) << "internal: cuda-emu: "; }
  /// A function of the emulator, declared in the device module.
  llvm::FunctionCallee callee(llvm::StringRef name) {
    llvm::Function *function = emulator.getFunction((prefix + name).str());
    assert(function && "the emulator has it");
    return device.getOrInsertFunction(function->getName(), function->getFunctionType());
  }
  llvm::Function *threadFunction(llvm::Function &kernel);
  mlir::LogicalResult callEmulator(llvm::Function &function);
  mlir::LogicalResult replaceAssembly(llvm::CallInst &call, llvm::Function &function);
  uint64_t placeShared(llvm::Function &function);
  void watchShared(llvm::Function &function);
  llvm::Function *slotFunction(llvm::Function &thread);
  llvm::GlobalVariable *seedVariable();
  void hostFunction(const DeviceKernel &kernel, llvm::Function &slots, uint64_t sharedBytes);
};

/// The kernel with its thread as first parameter, under a name of its own. Attributes stay behind: they speak of a GPU,
/// and a barrier must not be thought to leave memory alone.
llvm::Function *Retarget::threadFunction(llvm::Function &kernel) {
  llvm::SmallVector<llvm::Type *> types{pointer};
  llvm::append_range(types, kernel.getFunctionType()->params());
  auto *function = llvm::Function::Create(llvm::FunctionType::get(kernel.getReturnType(), types, false),
                                          llvm::Function::InternalLinkage, kernel.getName() + ".thread", device);
  function->splice(function->begin(), &kernel);
  for (unsigned i = 0; i < kernel.arg_size(); ++i)
    kernel.getArg(i)->replaceAllUsesWith(function->getArg(i + 1));
  return function;
}

/// Every NVVM intrinsic becomes a call of the emulator.
mlir::LogicalResult Retarget::callEmulator(llvm::Function &function) {
  for (llvm::Instruction &instruction : llvm::make_early_inc_range(llvm::instructions(function))) {
    auto *call = llvm::dyn_cast<llvm::CallInst>(&instruction);
    if (!call)
      continue;
    if (call->isInlineAsm()) {
      if (mlir::failed(replaceAssembly(*call, function)))
        return mlir::failure();
      continue;
    }
    llvm::Function *called = call->getCalledFunction();
    llvm::StringRef name = called ? called->getName() : "";
    if (!name.consume_front("llvm.nvvm."))
      continue;
    std::string inEmulator = name.str();
    std::replace(inEmulator.begin(), inEmulator.end(), '.', '_');
    llvm::Function *body = emulator.getFunction((prefix + inEmulator).str());
    if (!body)
      return lacks() << called->getName().str() << number();
    llvm::IRBuilder<> b(call);
    llvm::SmallVector<llvm::Value *> arguments{function.getArg(0)};
    llvm::append_range(arguments, call->args());
    arguments.push_back(b.getInt32(sites++));
    call->replaceAllUsesWith(b.CreateCall(callee(inEmulator), arguments));
    call->eraseFromParent();
  }
  return mlir::success();
}

/// The instruction that inline PTX is about, without declarations of registers before it.
static llvm::StringRef instructionOf(llvm::StringRef text) {
  if (text.consume_front("{"))
    for (text = text.ltrim(); text.starts_with(".reg"); text = text.split(';').second.ltrim())
      ;
  return text.take_until([](char c) { return c == ' ' || c == ';'; });
}

constexpr unsigned noResult = ~0u;

/// Of each operand of a call the result that takes its register; noResult: none does.
static llvm::SmallVector<unsigned> resultsOfOperands(const llvm::InlineAsm &assembly) {
  llvm::InlineAsm::ConstraintInfoVector constraints = assembly.ParseConstraints();
  llvm::SmallVector<unsigned> results;
  llvm::SmallVector<unsigned> operandOf(constraints.size(), noResult); // of constraints
  for (auto [i, constraint] : llvm::enumerate(constraints))
    if (constraint.Type == llvm::InlineAsm::isInput || constraint.isIndirect) {
      operandOf[i] = results.size();
      results.push_back(noResult);
    }
  unsigned result = 0;
  for (const llvm::InlineAsm::ConstraintInfo &constraint : constraints) {
    if (constraint.Type != llvm::InlineAsm::isOutput || constraint.isIndirect)
      continue;
    if (constraint.hasMatchingInput())
      results[operandOf[constraint.MatchingInput]] = result;
    ++result;
  }
  return results;
}

/// The emulator has instructions that are written as PTX by their names, "." being "_": a function that takes the
/// thread, where the results go, the operands, and the call's number.
mlir::LogicalResult Retarget::replaceAssembly(llvm::CallInst &call, llvm::Function &function) {
  auto *assembly = llvm::cast<llvm::InlineAsm>(call.getCalledOperand());
  std::string instruction = instructionOf(assembly->getAsmString()).str();
  std::string name = instruction;
  std::replace_if(name.begin(), name.end(), [](char c) { return !llvm::isAlnum(c); }, '_');
  // Of an instruction that takes operands in more than one way there is a function for each number of them.
  llvm::SmallVector<unsigned> resultOf = resultsOfOperands(*assembly);
  std::string ofSome = name + "_of_" + std::to_string(llvm::count(resultOf, noResult));
  if (emulator.getFunction((prefix + ofSome).str()))
    name = ofSome;
  llvm::Function *body = emulator.getFunction((prefix + name).str());
  if (!body)
    return lacks() << "'" << instruction << "', which " << function.getName().str() << " is written with" << number();
  llvm::IRBuilder<> b(&call);
  llvm::SmallVector<llvm::Value *> arguments{function.getArg(0)};
  llvm::AllocaInst *results = nullptr;
  if (!call.getType()->isVoidTy()) {
    llvm::IRBuilder<> entry(&*function.getEntryBlock().getFirstInsertionPt());
    arguments.push_back(results = entry.CreateAlloca(call.getType()));
  }
  // Operands that become results lie where those go.
  for (auto [i, operand] : llvm::enumerate(call.args()))
    if (resultOf[i] == noResult)
      arguments.push_back(operand);
    else if (auto *type = llvm::dyn_cast<llvm::StructType>(call.getType()))
      b.CreateStore(operand, b.CreateStructGEP(type, results, resultOf[i]));
    else
      b.CreateStore(operand, results);
  arguments.push_back(b.getInt32(sites++));
  auto typeOf = [](llvm::Value *value) { return value->getType(); };
  if (!llvm::equal(llvm::map_range(arguments, typeOf), body->getFunctionType()->params()))
    return internal() << "'" << instruction << "' has other operands than it knows";
  b.CreateCall(callee(name), arguments);
  if (results)
    call.replaceAllUsesWith(b.CreateLoad(call.getType(), results));
  call.eraseFromParent();
  return mlir::success();
}

/// Each load and store of shared memory is announced; those of other memory lose alignment that x86 would fault over.
void Retarget::watchShared(llvm::Function &function) {
  const llvm::DataLayout &layout = device.getDataLayout();
  for (llvm::Instruction &instruction : llvm::make_early_inc_range(llvm::instructions(function))) {
    auto *load = llvm::dyn_cast<llvm::LoadInst>(&instruction);
    auto *store = llvm::dyn_cast<llvm::StoreInst>(&instruction);
    if (!load && !store)
      continue;
    llvm::Value *address = load ? load->getPointerOperand() : store->getPointerOperand();
    llvm::Type *type = load ? load->getType() : store->getValueOperand()->getType();
    llvm::Align align = load ? load->getAlign() : store->getAlign();
    if (address->getType()->getPointerAddressSpace() == sharedSpace) {
      llvm::IRBuilder<> b(&instruction);
      b.CreateCall(callee("access"), {function.getArg(0), b.CreateAddrSpaceCast(address, pointer),
                                      b.getInt32(layout.getTypeStoreSize(type)), b.getInt32(align.value()),
                                      b.getInt32(store != nullptr)});
    } else if (align > layout.getABITypeAlign(type->getScalarType())) {
      llvm::Align scalar = layout.getABITypeAlign(type->getScalarType());
      load ? load->setAlignment(scalar) : store->setAlignment(scalar);
    }
  }
}

/// Gives the function's shared arrays their places in the emulator's memory; returns the bytes of its own.
uint64_t Retarget::placeShared(llvm::Function &function) {
  llvm::SmallVector<llvm::GlobalVariable *> arrays;
  for (llvm::GlobalVariable &global : device.globals())
    if (global.getAddressSpace() == sharedSpace)
      arrays.push_back(&global);
  // What a launch adds, of no size that is known here, comes after a kernel's own.
  llvm::stable_sort(arrays, [](auto *x, auto *y) { return !x->isDeclaration() && y->isDeclaration(); });
  llvm::SmallVector<llvm::Constant *> constants(arrays.begin(), arrays.end());
  llvm::convertUsersOfConstantsToInstructions(constants);
  uint64_t offset = 0;
  for (llvm::GlobalVariable *array : arrays) {
    llvm::Value *place = nullptr;
    offset = llvm::alignTo(offset, 16);
    for (llvm::User *user : llvm::make_early_inc_range(array->users())) {
      auto *instruction = llvm::dyn_cast<llvm::Instruction>(user);
      if (!instruction || instruction->getFunction() != &function)
        continue;
      if (!place) {
        llvm::IRBuilder<> b(&*function.getEntryBlock().getFirstInsertionPt());
        llvm::Value *base = b.CreateCall(callee("shared"), {function.getArg(0)});
        place = b.CreateAddrSpaceCast(b.CreateConstGEP1_64(b.getInt8Ty(), base, offset), array->getType());
      }
      instruction->replaceUsesOfWith(array, place);
    }
    if (place)
      offset += device.getDataLayout().getTypeAllocSize(array->getValueType());
  }
  return offset;
}

/// f.slots(thread, slots): loads the parameters and runs f.
llvm::Function *Retarget::slotFunction(llvm::Function &thread) {
  auto *function =
      llvm::Function::Create(llvm::FunctionType::get(llvm::Type::getVoidTy(context), {pointer, pointer}, false),
                             llvm::Function::InternalLinkage, thread.getName() + ".slots", device);
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(context, "", function));
  llvm::SmallVector<llvm::Value *> arguments{function->getArg(0)};
  for (unsigned i = 1; i < thread.arg_size(); ++i)
    arguments.push_back(
        b.CreateLoad(thread.getArg(i)->getType(), b.CreateConstGEP1_64(i64, function->getArg(1), i - 1)));
  b.CreateCall(&thread, arguments);
  b.CreateRetVoid();
  return function;
}

/// A tensor map of memory at an address, as the runtime has the driver make it.
static llvm::Value *encodeMap(llvm::IRBuilder<> &b, const TensorMap &map, llvm::Value *address) {
  nnf_emu_map encoded = {};
  encoded.magic = NNF_EMU_MAP_MAGIC;
  encoded.rank = map.dims.size();
  llvm::copy(map.dims, encoded.dims);
  llvm::copy(map.strides, encoded.strides);
  llvm::copy(map.box, encoded.box);
  if (map.window) {
    encoded.is_image = 1;
    llvm::copy(map.window->lower, encoded.lower);
    llvm::copy(map.window->upper, encoded.upper);
    llvm::copy(map.window->steps, encoded.steps);
  }
  std::array<uint64_t, 16> words = {}; // 128 bytes, as any tensor map has
  static_assert(sizeof encoded <= sizeof words);
  memcpy(words.data(), &encoded, sizeof encoded);
  llvm::Constant *constant = llvm::ConstantDataArray::get(b.getContext(), words);
  llvm::AllocaInst *place = b.CreateAlloca(constant->getType());
  place->setAlignment(llvm::Align(64));
  b.CreateStore(constant, place);
  b.CreateStore(b.CreateConstGEP1_64(b.getInt8Ty(), address, map.offset),
                b.CreateConstGEP1_64(b.getInt8Ty(), place, offsetof(nnf_emu_map, base)));
  return place;
}

/// The seed of the order of threads: a variable that a library exports, one for all its models, so that tests have
/// other orders without compiling again.
llvm::GlobalVariable *Retarget::seedVariable() {
  llvm::StringRef name = "nnf_emu_seed";
  if (llvm::GlobalVariable *made = device.getNamedGlobal(name))
    return made;
  return new llvm::GlobalVariable(device, i64, /*isConstant=*/false, llvm::GlobalValue::WeakAnyLinkage,
                                  llvm::ConstantInt::get(i64, seed), name);
}

/// What the driver calls: the kernel's parameters, first, last, scratch.
void Retarget::hostFunction(const DeviceKernel &kernel, llvm::Function &slots, uint64_t sharedBytes) {
  llvm::Function *old = device.getFunction(kernel.name);
  llvm::SmallVector<llvm::Type *> types(old->getFunctionType()->params());
  unsigned count = types.size() - kernel.maps.size(); // tensor maps are made here, not given
  types.truncate(count);
  types.append({i64, i64, pointer});
  old->setName("");
  assert(old->use_empty() && "nothing calls a kernel on the device");
  old->eraseFromParent();
  auto *function = llvm::Function::Create(llvm::FunctionType::get(llvm::Type::getVoidTy(context), types, false),
                                          llvm::Function::ExternalLinkage, kernel.name, device);
  llvm::IRBuilder<> b(llvm::BasicBlock::Create(context, "", function));
  llvm::Value *array = b.CreateAlloca(i64, b.getInt32(count + kernel.maps.size()));
  for (unsigned i = 0; i < count; ++i)
    b.CreateStore(function->getArg(i), b.CreateConstGEP1_64(i64, array, i));
  for (auto [i, map] : llvm::enumerate(kernel.maps))
    b.CreateStore(encodeMap(b, map, function->getArg(map.slot)), b.CreateConstGEP1_64(i64, array, count + i));
  // The last two parameters are the check state and the number of the first check; the emulator's are the last checks.
  llvm::Value *firstFault = b.CreateAdd(function->getArg(count - 1), b.getInt64(kernel.checks - NNF_FAULTS));
  b.CreateCall(callee("run"), {&slots, array, function->getArg(count), function->getArg(count + 1),
                               function->getArg(count + 2), b.getInt32(kernel.threads), b.getInt64(sharedBytes),
                               b.CreateLoad(i64, seedVariable()), function->getArg(count - 2), firstFault,
                               b.getInt32(count), b.getInt32(kernel.maps.size()), b.getInt32(kernel.blocks)});
  b.CreateRetVoid();
}

mlir::LogicalResult Retarget::run(llvm::ArrayRef<DeviceKernel> kernels) {
  for (const DeviceKernel &kernel : kernels) {
    current = &kernel;
    llvm::Function *function = threadFunction(*device.getFunction(kernel.name));
    if (mlir::failed(callEmulator(*function)))
      return mlir::failure();
    uint64_t sharedBytes = llvm::alignTo(placeShared(*function), 16) + kernel.dynamicShared;
    watchShared(*function);
    hostFunction(kernel, *slotFunction(*function), sharedBytes);
  }
  for (llvm::GlobalVariable &global : llvm::make_early_inc_range(device.globals()))
    if (global.getAddressSpace() == sharedSpace && global.use_empty())
      global.eraseFromParent();
  for (llvm::Function &function : llvm::make_early_inc_range(device))
    if (function.getName().starts_with("llvm.nvvm.") && function.use_empty())
      function.eraseFromParent();
  for (llvm::NamedMDNode &node : llvm::make_early_inc_range(device.named_metadata()))
    device.eraseNamedMetadata(&node);
  return mlir::success();
}

} // namespace

mlir::LogicalResult linkEmulatedKernels(const DeviceCode &code, const CudaTarget &target, llvm::Module &host,
                                        uint64_t seed, llvm::function_ref<void(llvm::Module &)> change) {
  mlir::Location location = code.module.get()->getLoc();
  auto internal = [&](const llvm::Twine &text) {
    mlir::emitError(location) << "internal: cuda-emu: " << text;
    return mlir::failure();
  };
  llvm::LLVMContext &context = host.getContext();
  std::unique_ptr<llvm::Module> device = optimisedDeviceModule(code, target, context);
  if (!device)
    return mlir::failure();
  if (change)
    change(*device);
  llvm::StringRef bitcode(nnf_emulator_bitcode, nnf_emulator_bitcode_end - nnf_emulator_bitcode);
  auto emulator = llvm::parseBitcodeFile(llvm::MemoryBufferRef(bitcode, "emulator"), context);
  if (!emulator)
    return internal(llvm::toString(emulator.takeError()));
  for (llvm::Module *module : {device.get(), emulator->get()}) {
    module->setTargetTriple(host.getTargetTriple());
    module->setDataLayout(host.getDataLayout());
  }
  if (mlir::failed(Retarget(*device, **emulator, location, seed).run(code.kernels)))
    return mlir::failure();
  std::string reason;
  llvm::raw_string_ostream os(reason);
  if (llvm::verifyModule(*device, &os))
    return internal(reason);
  for (llvm::NamedMDNode &node : llvm::make_early_inc_range((*emulator)->named_metadata()))
    (*emulator)->eraseNamedMetadata(&node);
  if (llvm::Linker::linkModules(host, std::move(device)) || llvm::Linker::linkModules(host, std::move(*emulator)))
    return internal("the emulator does not link");
  // Several models may end in one library: each has its own.
  for (llvm::Function &function : host)
    if (!function.isDeclaration() && function.getName().starts_with(prefix))
      function.setLinkage(llvm::GlobalValue::InternalLinkage);
  for (const DeviceKernel &kernel : code.kernels) {
    llvm::Function *function = host.getFunction(kernel.name);
    function->setVisibility(llvm::GlobalValue::DefaultVisibility);
    function->setLinkage(llvm::GlobalValue::InternalLinkage);
  }
  return mlir::success();
}

} // namespace nnf
