#include "codegen/cuda/custom/LinkCustom.h"
#include "codegen/LlvmAnalyses.h"
#include "codegen/cuda/custom/KernelSource.h"
#include "codegen/cuda/custom/MathLibrary.h"
#include "dialects/nnf/Diagnostics.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/IR/PassManager.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Transforms/IPO/AlwaysInliner.h"
#include "llvm/Transforms/IPO/GlobalDCE.h"
#include "llvm/Transforms/Scalar/InferAddressSpaces.h"

using namespace mlir;
namespace nnf {
namespace {

constexpr unsigned genericSpace = 0, sharedSpace = 3;

class CustomLinker {
public:
  CustomLinker(llvm::Module &device, const DeviceCode &code, const DeviceKernel &kernel)
      : device(device), code(code), kernel(kernel), custom(*kernel.custom), context(device.getContext()) {}

  LogicalResult link();

private:
  llvm::Module &device;
  const DeviceCode &code;
  const DeviceKernel &kernel;
  const CustomKernel &custom;
  llvm::LLVMContext &context;
  std::unique_ptr<llvm::Module> module;

  InFlightDiagnostic error() { return argumentError(custom.location, "source"); }
  LogicalResult error(llvm::Error reason) { return error() << llvm::toString(std::move(reason)); }

  llvm::Function *findKernel();
  LogicalResult checkKernel(llvm::Function &function);
  LogicalResult inlineAll(llvm::Function &function);
  LogicalResult placeShared();
  llvm::Function *emulated(llvm::Function &function);
};

llvm::Function *CustomLinker::findKernel() {
  llvm::Function *function = module->getFunction(custom.name);
  if (function && !function->isDeclaration() && function->getCallingConv() == llvm::CallingConv::PTX_Kernel)
    return function;
  std::string others;
  for (llvm::Function &other : *module)
    if (other.getCallingConv() == llvm::CallingConv::PTX_Kernel)
      others += (others.empty() ? ", but '" : ", '") + other.getName().str() + "'";
  error() << "the source has no kernel '" << custom.name << "'" << others << ", expected extern \"C\" __global__ void "
          << custom.name << "(...) [NNFC-E0402]";
  return nullptr;
}

LogicalResult CustomLinker::checkKernel(llvm::Function &function) {
  if (function.arg_size() != custom.bytes.size())
    return error(parameterCountError(custom, function.arg_size()));
  for (auto [i, argument] : llvm::enumerate(function.args())) {
    llvm::Type *type = argument.hasByValAttr() ? argument.getParamByValType() : argument.getType();
    int64_t bytes = module->getDataLayout().getTypeAllocSize(type);
    if (bytes != custom.bytes[i] || argument.hasByValAttr())
      return error(parameterError(custom, i, bytes));
  }
  if (llvm::Attribute most = function.getFnAttribute("nvvm.maxntid"); most.isValid()) {
    int64_t threads = 1;
    llvm::SmallVector<StringRef> sizes;
    most.getValueAsString().split(sizes, ',');
    for (StringRef size : sizes) {
      int64_t one = 1;
      if (!size.trim().getAsInteger(10, one))
        threads *= one;
    }
    if (threads < kernel.threads)
      return error() << "kernel '" << custom.name << "' is for blocks of at most " << threads
                     << " threads (__launch_bounds__), the launch has " << kernel.threads << " [NNFC-E0402]";
  }
  return success();
}

/// Nothing is called in the end: the emulator knows kernels alone, and PTX needs no stack.
LogicalResult CustomLinker::inlineAll(llvm::Function &function) {
  for (llvm::Function &other : *module) {
    // The processor is the model's, not the one it was compiled for.
    other.removeFnAttr("target-cpu");
    other.removeFnAttr("target-features");
    if (&other == &function || other.isDeclaration())
      continue;
    other.setLinkage(llvm::GlobalValue::InternalLinkage);
    if (other.getCallingConv() == llvm::CallingConv::PTX_Kernel)
      continue;
    other.removeFnAttr(llvm::Attribute::NoInline);
    other.removeFnAttr(llvm::Attribute::OptimizeNone);
    other.addFnAttr(llvm::Attribute::AlwaysInline);
  }
  llvm::PassBuilder builder;
  LlvmAnalyses analyses;
  analyses.registerWith(builder);
  llvm::ModulePassManager passes;
  passes.addPass(llvm::AlwaysInlinerPass(/*InsertLifetime=*/false));
  passes.addPass(llvm::GlobalDCEPass());
  // In CUDA C++ an address may be of any memory. What can be told is told before anything is optimised: accesses to
  // shared memory are shorter, and the emulator looks at them.
  passes.addPass(llvm::createModuleToFunctionPassAdaptor(llvm::InferAddressSpacesPass(genericSpace)));
  passes.run(*module, analyses.modules);
  for (llvm::Instruction &instruction : llvm::instructions(function)) {
    auto *call = llvm::dyn_cast<llvm::CallBase>(&instruction);
    if (!call || call->isInlineAsm())
      continue;
    llvm::Function *called = call->getCalledFunction();
    if (!called)
      return error() << "kernel '" << custom.name
                     << "' calls through an address, expected functions by their names [NNFC-E0402]";
    if (!called->isIntrinsic())
      return error() << "kernel '" << custom.name << "' calls '" << called->getName().str() << "', "
                     << (called->isDeclaration() ? "which neither the source nor nnfc has: --cuda-compiler=nvrtc has "
                                                   "all of CUDA [NNFC-E0402]"
                                                 : "which calls itself [NNFC-E0402]");
  }
  return success();
}

/// Shared memory of the launch, which the source declares without a size, and names that no other source has.
LogicalResult CustomLinker::placeShared() {
  int64_t bytes = 0;
  for (llvm::GlobalVariable &global : llvm::make_early_inc_range(module->globals())) {
    if (global.getAddressSpace() != sharedSpace) {
      if (!global.isDeclaration())
        global.setLinkage(llvm::GlobalValue::InternalLinkage);
      else if (!global.use_empty())
        return error() << "variable '" << global.getName().str() << "' is declared and not defined [NNFC-E0402]";
      continue;
    }
    if (!global.isDeclaration()) {
      global.setLinkage(llvm::GlobalValue::InternalLinkage);
      bytes += module->getDataLayout().getTypeAllocSize(global.getValueType());
      continue;
    }
    if (!code.isEmulated) {
      global.setName(kernel.name + "_dynamic");
      continue;
    }
    auto *type = llvm::ArrayType::get(llvm::Type::getInt8Ty(context), kernel.dynamicShared);
    auto *array =
        new llvm::GlobalVariable(*module, type, false, llvm::GlobalValue::InternalLinkage, llvm::UndefValue::get(type),
                                 kernel.name + ".dynamic", nullptr, llvm::GlobalValue::NotThreadLocal, sharedSpace);
    array->setAlignment(llvm::Align(16));
    global.replaceAllUsesWith(array);
    global.eraseFromParent();
  }
  if (bytes > mostStaticShared)
    return error() << "kernel '" << custom.name << "' declares " << bytes
                   << " bytes of shared memory, expected at most " << mostStaticShared
                   << ", and the rest as shared_memory [NNFC-E0402]";
  return success();
}

/// The kernel with slots as parameters: addresses and integers as the driver has them, the blocks in x, y and z, and
/// what the emulator reports by. Where a block and a thread are comes from their numbers.
llvm::Function *CustomLinker::emulated(llvm::Function &function) {
  llvm::Type *pointer = llvm::PointerType::getUnqual(context), *i64 = llvm::Type::getInt64Ty(context),
             *i32 = llvm::Type::getInt32Ty(context);
  SmallVector<llvm::Type *> types;
  for (llvm::Argument &argument : function.args())
    types.push_back(argument.getType()->isPointerTy() ? pointer : i64);
  types.append({i64, i64, i64, pointer, i64});
  auto *made = llvm::Function::Create(llvm::FunctionType::get(llvm::Type::getVoidTy(context), types, false),
                                      llvm::GlobalValue::ExternalLinkage, "", *module);
  made->setCallingConv(llvm::CallingConv::PTX_Kernel);
  made->addFnAttr("nvvm.reqntid", std::to_string(kernel.threads));
  made->splice(made->begin(), &function);
  llvm::IRBuilder<> b(&*made->getEntryBlock().getFirstInsertionPt());
  for (auto [i, argument] : llvm::enumerate(function.args())) {
    llvm::Value *slot = made->getArg(i);
    llvm::Type *type = argument.getType();
    if (!type->isPointerTy()) {
      slot = b.CreateTrunc(slot, b.getIntNTy(type->getPrimitiveSizeInBits()));
      slot = b.CreateBitCast(slot, type);
    }
    argument.replaceAllUsesWith(slot);
  }
  llvm::Value *grid[3], *block[3];
  auto number = [&](StringRef name) {
    return b.CreateCall(
        module->getOrInsertFunction(("llvm.nvvm.read.ptx.sreg." + name).str(), llvm::FunctionType::get(i32, false)));
  };
  llvm::Value *blockNumber = number("ctaid.x"), *threadNumber = number("tid.x");
  for (unsigned i = 0; i < 3; ++i) {
    grid[i] = b.CreateTrunc(made->getArg(function.arg_size() + i), i32);
    block[i] = b.getInt32(custom.block[i]);
  }
  auto split = [&](llvm::Value *position, llvm::Value **sizes, llvm::Value **parts) {
    parts[0] = b.CreateURem(position, sizes[0]);
    llvm::Value *rest = b.CreateUDiv(position, sizes[0]);
    parts[1] = b.CreateURem(rest, sizes[1]);
    parts[2] = b.CreateUDiv(rest, sizes[1]);
  };
  llvm::Value *blockAt[3], *threadAt[3];
  split(blockNumber, grid, blockAt);
  split(threadNumber, block, threadAt);
  for (llvm::Instruction &instruction : llvm::make_early_inc_range(llvm::instructions(*made))) {
    auto *call = llvm::dyn_cast<llvm::CallInst>(&instruction);
    llvm::Function *called = call ? call->getCalledFunction() : nullptr;
    StringRef name = called ? called->getName() : "";
    if (!name.consume_front("llvm.nvvm.read.ptx.sreg.") || call == blockNumber || call == threadNumber)
      continue;
    llvm::Value *value = nullptr;
    if (name == "warpsize")
      value = b.getInt32(32);
    else if (name.size() > 2 && name[name.size() - 2] == '.' && name.back() >= 'x' && name.back() <= 'z') {
      unsigned dim = name.back() - 'x';
      StringRef which = name.drop_back(2);
      value = which == "tid"      ? threadAt[dim]
              : which == "ntid"   ? block[dim]
              : which == "ctaid"  ? blockAt[dim]
              : which == "nctaid" ? grid[dim]
                                  : nullptr;
    }
    if (!value)
      continue; // the emulator's own
    call->replaceAllUsesWith(value);
    call->eraseFromParent();
  }
  function.eraseFromParent();
  return made;
}

LogicalResult CustomLinker::link() {
  auto parsed = llvm::parseBitcodeFile(llvm::MemoryBufferRef(custom.bitcode, custom.name), context);
  if (!parsed)
    return error() << llvm::toString(parsed.takeError()) << " [NNFC-E0403]"; // by another clang
  module = std::move(*parsed);
  for (llvm::NamedMDNode &node : llvm::make_early_inc_range(module->named_metadata()))
    module->eraseNamedMetadata(&node);
  module->setTargetTriple(device.getTargetTriple());
  module->setDataLayout(device.getDataLayout());
  llvm::Function *function = findKernel();
  if (!function || failed(checkKernel(*function)) || failed(linkMathLibrary(*module, *custom.location.getContext())) ||
      failed(inlineAll(*function)) || failed(placeShared()))
    return failure();
  if (code.isEmulated) {
    function = emulated(*function);
  } else {
    function->removeFnAttr("nvvm.maxntid");
    function->addFnAttr("nvvm.reqntid", std::to_string(custom.block[0]) + "," + std::to_string(custom.block[1]) + "," +
                                            std::to_string(custom.block[2]));
  }
  if (llvm::GlobalValue *other = module->getNamedValue(kernel.name); other && other != function)
    other->setName(""); // of the source, and internal by now
  function->setName(kernel.name);
  function->setLinkage(llvm::GlobalValue::ExternalLinkage);
  // A kernel that only some other launch takes is left out.
  for (llvm::Function &other : llvm::make_early_inc_range(*module))
    if (&other != function && !other.isDeclaration() && other.use_empty())
      other.eraseFromParent();
  if (llvm::Linker::linkModules(device, std::move(module)))
    return nodeError(custom.location) << "internal: its kernel does not link";
  return success();
}

} // namespace

LogicalResult linkCustomKernels(llvm::Module &device, const DeviceCode &code) {
  for (const DeviceKernel &kernel : code.kernels)
    if (kernel.custom && !kernel.custom->bitcode.empty() && failed(CustomLinker(device, code, kernel).link()))
      return failure();
  return success();
}

} // namespace nnf
