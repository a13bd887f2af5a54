// Compiles graphs for the emulator with their kernels broken on purpose, and runs them.
#ifndef NNF_TEST_CUDA_BROKENKERNELS_H
#define NNF_TEST_CUDA_BROKENKERNELS_H

#include "codegen/cpu/Emit.h"
#include "codegen/cuda/emulator/Emulator.h"
#include "codegen/cuda/emulator/Retarget.h"
#include "codegen/link/Link.h"
#include "compiler/Diagnostics.h"
#include "compiler/Pipeline.h"
#include "compiler/ReadModel.h"
#include "mlir/Parser/Parser.h"
#include "runtime/nnf.hpp"
#include "llvm/ADT/bit.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Instructions.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <filesystem>
#include <fstream>

namespace nnf {

/// The parameter is the seed of an order of threads.
class BrokenKernels : public testing::TestWithParam<uint64_t> {
protected:
  using Change = llvm::function_ref<void(mlir::ModuleOp)>;
  using DeviceChange = llvm::function_ref<void(llvm::Module &)>;

  /// Of the last run without failure: elements of 16 bits.
  std::vector<uint16_t> firstOutput;

  /// Compiles the graph for the emulator with a change of its kernels in between, or of their device code, runs it on
  /// ones, and returns the message of its failure.
  std::string run(const char *graph, Change change, DeviceChange deviceChange = {}) {
    return run(graph, "sm_80", change, deviceChange);
  }
  std::string run(const char *graph, llvm::StringRef arch, Change change, DeviceChange deviceChange) {
    std::unique_ptr<mlir::MLIRContext> context = createContext();
    DiagnosticSink sink(*context);
    mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceString<mlir::ModuleOp>(graph, context.get());
    if (!module)
      return "parsing: " + sink.errors();
    mlir::Builder b(context.get());
    (*module)->setAttr("nnf.name", b.getStringAttr("broken"));
    auto cpu = llvm::cantFail(CpuTarget::create({"", "native", 0})); // device code is optimised all the same
    auto gpu = llvm::cantFail(CudaTarget::create(arch));
    if (gpu.isHopper())
      (*module)->setAttr("nnf.hopper", b.getStringAttr("alone"));
    PipelineOptions options;
    options.target = cpu.info();
    options.gpuKernels = options.emulateGpu = options.verifyEach = true;
    auto describe = [&] {
      (*module)->setAttr("nnf.target", b.getStringAttr(cpu.text()));
      return mlir::success();
    };
    if (mlir::failed(runPhases(*module, Phase::Tiles, options, describe)))
      return "lowering: " + sink.errors();
    change(*module);
    if (mlir::failed(runPhases(*module, Phase::Code, options, describe)))
      return "lowering what was changed: " + sink.errors();
    DeviceCode device = takeDeviceCode(*module);
    auto link = [&](llvm::Module &host) { return linkEmulatedKernels(device, gpu, host, GetParam(), deviceChange); };
    mlir::FailureOr<llvm::SmallVector<char, 0>> code = emitCode(*module, cpu, CodeKind::Object, {}, link);
    if (mlir::failed(code))
      return "emitting: " + sink.errors();
    return runObject(*code, cpu);
  }

private:
  static void write(const std::string &path, llvm::ArrayRef<char> bytes) {
    std::ofstream(path, std::ios::binary).write(bytes.data(), bytes.size());
  }

  std::string runObject(llvm::ArrayRef<char> object, const CpuTarget &cpu) {
    std::string folder = testing::TempDir() + "/nnf-emulator-" + std::to_string(getpid());
    std::filesystem::create_directories(folder);
    struct Remove {
      std::string folder;
      ~Remove() { std::filesystem::remove_all(folder); }
    } remove{folder};
    std::string model = folder + "/model.o", table = folder + "/table.o", library = folder + "/model.so";
    write(model, object);
    write(table, llvm::cantFail(emitModelTable({"broken"}, cpu)));
    if (llvm::Error error = linkSharedLibrary({model, table}, library, "model.so"))
      return "linking: " + llvm::toString(std::move(error));
    runtime::Model loaded;
    if (Status status = runtime::Model::load(library.c_str(), loaded); !status)
      return "loading: " + status.message();
    runtime::Context context;
    if (Status status = runtime::Context::create(loaded, context, runtime::Context::options(1, 0)); !status)
      return "starting: " + status.message();
    std::vector<std::vector<float>> data; // more than an input of 16-bit floats needs
    std::vector<runtime::Tensor> inputs, outputs(loaded.outputs().size());
    for (const nnf_tensor_info &info : loaded.inputs()) {
      std::vector<int64_t> dims(info.dims, info.dims + info.rank);
      size_t count = 1;
      for (int64_t dim : dims)
        count *= dim;
      constexpr uint32_t halfOnes = 0x3c003c00;
      data.emplace_back(count, info.dtype == NNF_FLOAT16 ? llvm::bit_cast<float>(halfOnes) : 1.0f);
      inputs.emplace_back(data.back().data(), info.dtype, dims);
    }
    Status status = context.run(inputs, outputs);
    if (status && !outputs.empty())
      firstOutput.assign(outputs[0].data<uint16_t>(), outputs[0].data<uint16_t>() + outputs[0].elements());
    return status ? "it runs" : status.message();
  }
};

/// Calls in device code of an intrinsic or of inline assembly whose name begins so.
inline llvm::SmallVector<llvm::CallInst *> callsOf(llvm::Module &device, llvm::StringRef name) {
  llvm::SmallVector<llvm::CallInst *> found;
  for (llvm::Function &function : device)
    for (llvm::Instruction &instruction : llvm::instructions(function))
      if (auto *call = llvm::dyn_cast<llvm::CallInst>(&instruction)) {
        auto *assembly = llvm::dyn_cast<llvm::InlineAsm>(call->getCalledOperand());
        llvm::StringRef called = assembly                    ? assembly->getAsmString()
                                 : call->getCalledFunction() ? call->getCalledFunction()->getName()
                                                             : llvm::StringRef();
        if (called.starts_with(name))
          found.push_back(call);
      }
  return found;
}
inline constexpr llvm::StringLiteral deviceBarrier = "llvm.nvvm.barrier";

inline void unchanged(mlir::ModuleOp) {}

} // namespace nnf
#endif
