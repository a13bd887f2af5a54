#include "codegen/cuda/text/Programs.h"
#include "codegen/LlvmAnalyses.h"
#include "codegen/LlvmPipeline.h"
#include "codegen/cuda/custom/ClangFrontEnd.h"
#include "codegen/cuda/custom/Nvrtc.h"
#include "codegen/cuda/text/PrintKernels.h"
#include "codegen/cuda/text/Sources.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/PassManager.h"
#include "llvm/IR/ReplaceConstant.h"
#include "llvm/Linker/Linker.h"
#include "llvm/Transforms/Scalar/ADCE.h"
#include "llvm/Transforms/Scalar/EarlyCSE.h"
#include "llvm/Transforms/Scalar/InferAlignment.h"
#include "llvm/Transforms/Scalar/SROA.h"
#include <set>

using namespace mlir;
namespace nnf {
namespace {

InFlightDiagnostic errorOf(const DeviceCode &code) { return emitError(code.module.get()->getLoc()); }
LogicalResult failedBy(const DeviceCode &code, llvm::Error error) {
  return errorOf(code) << llvm::toString(std::move(error));
}

/// Fewer words for a reader, and no arrays that are used by constants.
void tidy(llvm::Module &module) {
  llvm::SmallVector<llvm::Constant *> arrays;
  for (llvm::GlobalVariable &array : module.globals())
    arrays.push_back(&array);
  llvm::convertUsersOfConstantsToInstructions(arrays);
  llvm::PassBuilder builder;
  LlvmAnalyses analyses;
  analyses.registerWith(builder);
  llvm::FunctionPassManager passes;
  passes.addPass(llvm::SROAPass(llvm::SROAOptions::PreserveCFG));
  passes.addPass(llvm::EarlyCSEPass());
  // Text says the alignment of each access, and an address in it has none: what can be known is known here.
  passes.addPass(llvm::InferAlignmentPass());
  passes.addPass(llvm::ADCEPass());
  for (llvm::Function &function : module)
    if (!function.isDeclaration())
      passes.run(function, analyses.functions);
}

/// The sources of the templates that a kernel calls.
std::set<std::string> templatesOf(const llvm::Function &kernel) {
  std::set<std::string> sources;
  for (const llvm::Instruction &instruction : llvm::instructions(kernel))
    if (auto *call = llvm::dyn_cast<llvm::CallInst>(&instruction))
      if (const llvm::Function *called = call->getCalledFunction(); called && !called->isIntrinsic())
        sources.insert(called->getName().str());
  return sources;
}

llvm::Expected<std::string> programText(const llvm::Module &module, llvm::ArrayRef<const llvm::Function *> kernels,
                                        const std::set<std::string> &templates) {
  std::set<std::string> sources;
  for (const std::string &name : templates)
    if (std::string source = sourceOfTemplate(name); !source.empty())
      sources.insert(source);
    else
      return llvm::createStringError("internal: kernels call '" + name + "', which is no template");
  SourceText text;
  text.append("#define NNF_BESIDE_KERNELS\n");
  if (llvm::Error error = text.add("codegen/cuda/text/Kernel.cuh"))
    return std::move(error);
  for (const std::string &source : sources)
    if (llvm::Error error = text.add(source))
      return std::move(error);
  llvm::Expected<std::string> printed = printKernels(module, kernels);
  if (!printed)
    return printed.takeError();
  text.append("\n// ---- kernels\n\n" + *printed);
  return text.get();
}

bool isAmong(const KernelProgram &program, const DeviceKernel &kernel) {
  return llvm::is_contained(program.kernels, kernel.name);
}

} // namespace

LogicalResult makePrograms(DeviceCode &code, const CudaTarget &target, TextOf which) {
  llvm::LLVMContext context;
  ForwardDiagnostics::install(context, code.module.get()->getLoc());
  std::unique_ptr<llvm::Module> module = translateDeviceCode(code, target, context);
  if (!module)
    return failure();
  tidy(*module);
  std::vector<DeviceKernel> all = code.kernels;
  if (which == TextOf::All)
    all = code.kernelsFor(target);
  else
    all.insert(all.end(), code.hopperKernels.begin(), code.hopperKernels.end());
  std::map<std::set<std::string>, std::vector<const llvm::Function *>> groups;
  for (const DeviceKernel &kernel : all) {
    if (kernel.custom)
      continue;
    const llvm::Function *function = module->getFunction(kernel.name);
    if (std::set<std::string> templates = templatesOf(*function); !templates.empty() || which == TextOf::All)
      groups[templates].push_back(function);
  }
  if (which == TextOf::All) {
    std::set<std::string> templates;
    std::vector<const llvm::Function *> kernels;
    for (const auto &[called, functions] : groups) {
      templates.insert(called.begin(), called.end());
      kernels.insert(kernels.end(), functions.begin(), functions.end());
    }
    groups.clear();
    if (!kernels.empty())
      groups[templates] = kernels;
  }
  for (const auto &[templates, kernels] : groups) {
    llvm::Expected<std::string> text = programText(*module, kernels, templates);
    if (!text)
      return failedBy(code, text.takeError());
    code.programs.push_back({std::move(*text), {}});
    for (const llvm::Function *kernel : kernels)
      code.programs.back().kernels.push_back(kernel->getName().str());
  }
  return success();
}

FailureOr<std::vector<DeviceImage>> compileProgramsWithNvrtc(DeviceCode &code, llvm::ArrayRef<CudaTarget> gpus,
                                                             StringRef producer) {
  std::vector<DeviceImage> images;
  for (const KernelProgram &program : code.programs) {
    llvm::Expected<const Nvrtc *> nvrtc = Nvrtc::find();
    if (!nvrtc) {
      (void)errorOf(code).append("--cuda-compiler=nvrtc: ", llvm::toString(nvrtc.takeError()));
      return failure();
    }
    for (const CudaTarget &gpu : gpus) {
      std::string head = ("// " + producer + ", " + gpu.getArch() + ", by NVRTC\n").str();
      bool isWanted = false;
      for (const DeviceKernel &kernel : code.kernelsFor(gpu))
        if (isAmong(program, kernel)) {
          isWanted = true;
          head += titleLine(kernel);
        }
      if (!isWanted)
        continue;
      llvm::Expected<std::string> ptx = (*nvrtc)->compile(program.text, gpu);
      if (!ptx)
        return failedBy(code, ptx.takeError());
      images.push_back({gpu, /*isCubin=*/false, head + *ptx, versionOfPtx(*ptx), {}, program.text});
    }
    for (std::vector<DeviceKernel> *kernels : {&code.kernels, &code.hopperKernels})
      for (DeviceKernel &kernel : *kernels)
        if (isAmong(program, kernel))
          kernel.program = program.text;
  }
  return images;
}

LogicalResult compileProgramsWithClang(DeviceCode &code) {
  for (KernelProgram &program : code.programs) {
    llvm::Expected<std::string> bitcode = compileTextWithClang(program.text);
    if (!bitcode)
      return failedBy(code, bitcode.takeError());
    program.bitcode = std::move(*bitcode);
  }
  return success();
}

LogicalResult linkPrograms(llvm::Module &device, const DeviceCode &code) {
  for (const KernelProgram &program : code.programs) {
    if (program.bitcode.empty())
      continue;
    auto made = llvm::parseBitcodeFile(llvm::MemoryBufferRef(program.bitcode, "text"), device.getContext());
    if (!made)
      return failedBy(code, made.takeError());
    llvm::Module &module = **made;
    for (llvm::NamedMDNode &node : llvm::make_early_inc_range(module.named_metadata()))
      module.eraseNamedMetadata(&node);
    module.setTargetTriple(device.getTargetTriple());
    module.setDataLayout(device.getDataLayout());
    for (llvm::Function &function : llvm::make_early_inc_range(module)) {
      if (function.isDeclaration())
        continue;
      llvm::Function *printed = device.getFunction(function.getName());
      if (function.getCallingConv() != llvm::CallingConv::PTX_Kernel || !printed) {
        if (function.use_empty())
          function.eraseFromParent(); // for another architecture
        continue;
      }
      function.setAttributes(printed->getAttributes()); // what was known is more than what text says
      printed->deleteBody();
    }
    if (llvm::Linker::linkModules(device, std::move(*made)))
      return errorOf(code) << "internal: what clang makes of kernels as text does not link";
  }
  for (llvm::Function &function : llvm::make_early_inc_range(device))
    if (function.isDeclaration() && function.use_empty())
      function.eraseFromParent(); // templates that text has had
  return success();
}

} // namespace nnf
