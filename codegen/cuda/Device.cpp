#include "codegen/cuda/Device.h"
#include "codegen/LlvmPipeline.h"
#include "codegen/cuda/Templates.h"
#include "codegen/cuda/custom/LinkCustom.h"
#include "codegen/cuda/text/Programs.h"
#include "codegen/driver/KernelEntry.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Target/LLVMIR/Export.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;
namespace nnf {
namespace {

/// first, last, scratch: what a CPU kernel takes after its own arguments.
constexpr unsigned taskArguments = 3;
/// Blocks in x, y and z: what a kernel in CUDA C++ takes after its own arguments.
constexpr unsigned gridArguments = 3;

int64_t numberOr(Operation *op, StringRef name, int64_t otherwise) {
  auto value = op->getAttrOfType<IntegerAttr>(name);
  return value ? value.getInt() : otherwise;
}

constexpr int64_t mapBytes = 128, mapAlignment = 64;

/// Tensor maps become parameters after all others, whose bytes are the launch's: that is where copies may read them
/// without more ado. Code says nnf_tensor_map_N() where it wants one.
void addMapParameters(LLVM::LLVMFuncOp kernel, unsigned firstMap, unsigned numMaps) {
  Builder b(kernel.getContext());
  for (unsigned i = 0; i < numMaps; ++i) {
    Value map = kernel.getBody().front().addArgument(LLVM::LLVMPointerType::get(b.getContext()), kernel.getLoc());
    kernel.setArgAttr(firstMap + i, LLVM::LLVMDialect::getByValAttrName(),
                      TypeAttr::get(LLVM::LLVMArrayType::get(b.getI8Type(), mapBytes)));
    kernel.setArgAttr(firstMap + i, LLVM::LLVMDialect::getAlignAttrName(), b.getI64IntegerAttr(mapAlignment));
    kernel.setArgAttr(firstMap + i, NVVM::NVVMDialect::getGridConstantAttrName(), b.getUnitAttr());
    std::string name = ("nnf_tensor_map_" + Twine(i)).str();
    kernel.walk([&](LLVM::CallOp call) {
      if (call.getCallee() == StringRef(name)) {
        call.getResult().replaceAllUsesWith(map);
        call.erase();
      }
    });
  }
}

ArrayAttr mapsOf(LLVM::LLVMFuncOp declared) {
  auto maps = declared->getAttrOfType<ArrayAttr>("nnf.maps");
  return maps ? maps : ArrayAttr::get(declared.getContext(), {});
}

std::vector<TensorMap> readMaps(LLVM::LLVMFuncOp declared) {
  std::vector<TensorMap> maps;
  for (auto map : mapsOf(declared).getAsRange<DictionaryAttr>()) {
    auto number = [&](StringRef name) { return map.getAs<IntegerAttr>(name).getInt(); };
    auto numbers = [&](StringRef name) { return llvm::to_vector(map.getAs<DenseI64ArrayAttr>(name).asArrayRef()); };
    maps.push_back({number("slot"), number("offset"), map.getAs<BoolAttr>("bfloat").getValue(), numbers("dims"),
                    numbers("strides"), numbers("box")});
    if (map.contains("lower"))
      maps.back().window = TensorMap::Window{numbers("lower"), numbers("upper"), numbers("steps")};
  }
  return maps;
}

LLVM::LLVMFuncOp makeKernel(LLVM::LLVMFuncOp declared, OpBuilder &b, int64_t threads) {
  auto type = declared.getFunctionType();
  SmallVector<Type> parameters(type.getParams().drop_back(taskArguments));
  unsigned numOwn = parameters.size(), numMaps = mapsOf(declared).size();
  parameters.append(numMaps, LLVM::LLVMPointerType::get(b.getContext()));
  auto kernel = LLVM::LLVMFuncOp::create(b, declared.getLoc(), declared.getSymName(),
                                         LLVM::LLVMFunctionType::get(type.getReturnType(), parameters));
  for (unsigned i = 0; i < numOwn; ++i)
    kernel.setArgAttrs(i, declared.getArgAttrDict(i));
  kernel->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(), b.getUnitAttr());
  kernel->setAttr(NVVM::NVVMDialect::getReqntidAttrName(), b.getDenseI32ArrayAttr({static_cast<int32_t>(threads)}));
  // One block of an SM is enough: without a word ptxas saves registers for more of them, and spills.
  kernel->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(), b.getI32IntegerAttr(1));
  kernel.getBody().takeBody(declared.getBody());
  Block &entry = kernel.getBody().front();
  for (unsigned i = 0; i < taskArguments; ++i) {
    assert(entry.getArguments().back().use_empty() && "a GPU kernel's task is its block");
    entry.eraseArgument(entry.getNumArguments() - 1);
  }
  addMapParameters(kernel, numOwn, numMaps);
  return kernel;
}

CustomKernel customKernel(DictionaryAttr custom, Location location) {
  auto text = [&](StringRef name) { return custom.getAs<StringAttr>(name).str(); };
  auto numbers = [&](StringRef name) { return llvm::to_vector(custom.getAs<DenseI64ArrayAttr>(name).asArrayRef()); };
  return {text("source"), text("kernel"), numbers("bytes"), numbers("block"), location};
}

/// What the arrays of each kernel take, each at the next multiple of 16.
llvm::StringMap<int64_t> sharedBytes(ModuleOp device) {
  llvm::StringMap<int64_t> bytes;
  for (auto global : device.getOps<LLVM::GlobalOp>())
    if (auto owner = global->getAttrOfType<FlatSymbolRefAttr>("nnf.shared_of"))
      if (auto array = dyn_cast<LLVM::LLVMArrayType>(global.getGlobalType())) {
        int64_t &total = bytes[owner.getValue()];
        total = llvm::alignTo(total, 16) + array.getNumElements() * array.getElementType().getIntOrFloatBitWidth() / 8;
      }
  return bytes;
}

} // namespace

DeviceCode takeDeviceCode(ModuleOp module) {
  DeviceCode code;
  code.module = ModuleOp::create(module.getLoc());
  OpBuilder b = OpBuilder::atBlockEnd(code.module->getBody());
  for (auto global : llvm::make_early_inc_range(module.getOps<LLVM::GlobalOp>()))
    if (global->hasAttr("nnf.shared_of"))
      global->moveBefore(code.module->getBody(), code.module->getBody()->end());
  llvm::StringMap<int64_t> shared = sharedBytes(*code.module);
  for (auto function : llvm::make_early_inc_range(module.getOps<LLVM::LLVMFuncOp>())) {
    if (function->hasAttr("nnf.template"))
      function->moveBefore(code.module->getBody(), code.module->getBody()->end());
    int64_t threads = numberOr(function, "nnf.block", 0), index = numberOr(function, "nnf.index", -1);
    code.numKernels = std::max(code.numKernels, index + 1);
    if (function.getSymName() == copyKernelName)
      code.copyKernel = index;
    auto custom = function->getAttrOfType<DictionaryAttr>("nnf.custom");
    if (threads == 0 || (function.isExternal() && !custom))
      continue;
    auto title = function->getAttrOfType<StringAttr>("nnf.title");
    int64_t parameters = function.getFunctionType().getNumParams() - taskArguments;
    if (custom) {
      parameters -= gridArguments;
    } else {
      makeKernel(function, b, threads);
      function.setLinkage(LLVM::Linkage::External);
    }
    auto variantOf = function->getAttrOfType<FlatSymbolRefAttr>("nnf.variant_of");
    std::vector<DeviceKernel> &kernels = variantOf ? code.hopperKernels : code.kernels;
    kernels.push_back({function.getSymName().str(), title ? title.str() : "", index, threads, parameters,
                       numberOr(function, "nnf.checks", 0), shared.lookup(function.getSymName()),
                       numberOr(function, "nnf.dynamic_shared", 0)});
    if (custom)
      kernels.back().custom = customKernel(custom, function.getLoc());
    kernels.back().maps = readMaps(function);
    kernels.back().blocks = numberOr(function, "nnf.blocks", 0);
    kernels.back().resident = numberOr(function, "nnf.resident", 0);
    if (variantOf) {
      kernels.back().index = numberOr(module.lookupSymbol(variantOf.getAttr()), "nnf.index", -1);
      function.erase(); // no launch of the host's names it
    }
  }
  return code;
}

std::vector<DeviceKernel> DeviceCode::kernelsFor(const CudaTarget &target) const {
  std::vector<DeviceKernel> all = kernels;
  if (target.isHopper())
    for (DeviceKernel &kernel : all)
      for (const DeviceKernel &variant : hopperKernels)
        if (variant.index == kernel.index)
          kernel = variant;
  return all;
}

/// Leaves the functions that an image for this target has, and what they call.
static void keepKernelsFor(const DeviceCode &code, const CudaTarget &target, llvm::Module &module) {
  llvm::StringSet<> kept;
  for (const DeviceKernel &kernel : code.kernelsFor(target))
    if (kernel.program.empty())
      kept.insert(kernel.name);
  for (const auto &kernels : {code.kernels, code.hopperKernels})
    for (const DeviceKernel &kernel : kernels)
      if (llvm::Function *function = module.getFunction(kernel.name); function && !kept.contains(kernel.name))
        function->eraseFromParent();
  for (llvm::Function &function : llvm::make_early_inc_range(module))
    if (function.isDeclaration() && function.use_empty())
      function.eraseFromParent();
}

std::unique_ptr<llvm::Module> translateDeviceCode(const DeviceCode &code, const CudaTarget &target,
                                                  llvm::LLVMContext &context) {
  std::unique_ptr<llvm::Module> module = translateModuleToLLVMIR(*code.module, context, "nnf.device", true);
  if (!module)
    return nullptr; // reported by the translation
  std::unique_ptr<llvm::TargetMachine> machine = target.createMachine();
  module->setTargetTriple(machine->getTargetTriple());
  module->setDataLayout(machine->createDataLayout());
  return module;
}

std::unique_ptr<llvm::Module> optimisedDeviceModule(const DeviceCode &code, const CudaTarget &target,
                                                    llvm::LLVMContext &context) {
  std::unique_ptr<llvm::Module> module = translateDeviceCode(code, target, context);
  if (!module)
    return nullptr;
  keepKernelsFor(code, target, *module);
  if (mlir::failed(linkCustomKernels(*module, code)) || mlir::failed(linkPrograms(*module, code)) ||
      mlir::failed(linkTemplates(*module, code.module.get()->getLoc())))
    return nullptr;
  std::unique_ptr<llvm::TargetMachine> machine = target.createMachine();
  for (llvm::Function &function : *module)
    if (!function.isDeclaration())
      function.addFnAttr(llvm::Attribute::NoUnwind);
  // ptxas knows the registers and unrolls loops by them; what comes unrolled it can only spill.
  optimiseModule(*module, *machine, 3, /*unrollLoops=*/false);
  for (llvm::Function &function : *module)
    if (function.isDeclaration() && !function.isIntrinsic()) {
      emitError(code.module.get()->getLoc())
          << "internal: device code calls '" << function.getName().str() << "', but kernels must need no library";
      return nullptr;
    }
  return module;
}

std::string titleLine(const DeviceKernel &kernel) {
  std::string title = kernel.title; // PTX is ASCII, in comments too
  llvm::erase_if(title, [](unsigned char c) { return c >= 0x80; });
  std::string text;
  llvm::raw_string_ostream(text) << "// kernel " << kernel.index << " " << kernel.symbol
                                 << " threads=" << kernel.threads << " parameters=" << kernel.parameters
                                 << " checks=" << kernel.checks << " ";
  llvm::raw_string_ostream os(text);
  if (kernel.custom)
    os << "block=" << kernel.custom->block[0] << "," << kernel.custom->block[1] << "," << kernel.custom->block[2]
       << " ";
  os << title << "\n";
  return text;
}

FailureOr<std::string> emitPtx(const DeviceCode &code, const CudaTarget &target, StringRef producer) {
  Location location = code.module.get()->getLoc();
  llvm::LLVMContext context;
  ForwardDiagnostics &diagnostics = ForwardDiagnostics::install(context, location);
  std::unique_ptr<llvm::Module> module = optimisedDeviceModule(code, target, context);
  if (!module)
    return failure();
  llvm::SmallVector<char, 0> ptx;
  std::unique_ptr<llvm::TargetMachine> machine = target.createMachine();
  if (!writeMachineCode(*module, *machine, llvm::CodeGenFileType::AssemblyFile, ptx) || diagnostics.hasErrors) {
    if (!diagnostics.hasErrors)
      emitError(location) << "internal: LLVM writes no PTX for " << target.getArch();
    return failure();
  }
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "// " << producer << ", " << target.getArch()
     << ". A block is a task of its kernel's grid (docs/design/0004).\n";
  for (const DeviceKernel &kernel : code.kernelsFor(target))
    if (kernel.program.empty())
      os << titleLine(kernel);
  os << StringRef(ptx.data(), ptx.size());
  return text;
}

} // namespace nnf
