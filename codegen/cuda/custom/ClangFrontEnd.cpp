#include "codegen/cuda/custom/ClangFrontEnd.h"
#include "codegen/cuda/ScratchFile.h"
#include "codegen/cuda/custom/KernelSource.h"
#include "dialects/nnf/Diagnostics.h"
#include "llvm/Config/llvm-config.h"
#include "llvm/Support/Program.h"

// Prelude.cuh, put here by the build.
extern "C" const char nnf_cuda_prelude[], nnf_cuda_prelude_end[];
asm(".pushsection .rodata\n"
    ".global nnf_cuda_prelude\n"
    "nnf_cuda_prelude:\n"
    ".incbin \"" NNF_CUDA_PRELUDE "\"\n"
    ".global nnf_cuda_prelude_end\n"
    "nnf_cuda_prelude_end:\n"
    ".popsection\n");

using namespace mlir;
namespace nnf {
namespace {

/// Bitcode is read by the LLVM it was written by, so it is the clang of this one.
llvm::Expected<std::string> findClang() {
  if (const char *named = getenv("NNFC_CLANG"); named && *named) {
    if (llvm::sys::fs::can_execute(named))
      return named;
    return llvm::createStringError("NNFC_CLANG=" + std::string(named) + ": no such program [NNFC-E0403]");
  }
  std::string version = std::to_string(LLVM_VERSION_MAJOR), name = "clang++-" + version;
  std::string usual = "/usr/lib/llvm-" + version + "/bin/clang++";
  if (auto found = llvm::sys::findProgramByName(name))
    return *found;
  if (llvm::sys::fs::can_execute(usual))
    return usual;
  return llvm::createStringError("clang " + version +
                                 " was not found, which compiles CUDA C++ for the emulator and for " +
                                 "--cuda-compiler=clang: expected " + name + " on the PATH (Debian's package clang-" +
                                 version + "), or its path in NNFC_CLANG [NNFC-E0403]");
}

/// Bitcode, or what clang says.
llvm::Expected<std::string> compile(StringRef clang, StringRef source, StringRef standard, StringRef level) {
  llvm::Expected<ScratchFile> in = ScratchFile::create("cu"), out = ScratchFile::create("bc"),
                              log = ScratchFile::create("log");
  for (llvm::Expected<ScratchFile> *file : {&in, &out, &log})
    if (!*file)
      return llvm::joinErrors(llvm::joinErrors(in.takeError(), out.takeError()), log.takeError());
  if (llvm::Error error = in->write(source))
    return std::move(error);
  StringRef arguments[] = {clang,
                           "-x",
                           "cuda",
                           "--cuda-device-only",
                           "--cuda-gpu-arch=sm_80",
                           "--cuda-path=/nonexistent",
                           "-nocudainc",
                           "-nocudalib",
                           "-nostdinc",
                           "-Xclang",
                           "-target-feature",
                           "-Xclang",
                           "+ptx70",
                           standard,
                           level,
                           "-fno-strict-aliasing",
                           "-fno-exceptions",
                           "-fno-rtti",
                           "-w",
                           "-fno-color-diagnostics",
                           "-ferror-limit=4",
                           "-emit-llvm",
                           "-c",
                           in->path,
                           "-o",
                           out->path};
  std::optional<StringRef> redirects[] = {StringRef(), StringRef(log->path), StringRef(log->path)};
  constexpr unsigned mostSeconds = 120; // a source may be made to take for ever
  std::string reason;
  int status = llvm::sys::ExecuteAndWait(clang, arguments, std::nullopt, redirects, mostSeconds, 0, &reason);
  llvm::Expected<std::string> said = log->read(), code = out->read();
  if (!said || !code)
    return llvm::joinErrors(said.takeError(), code.takeError());
  if (status != 0)
    return refusedSource(StringRef(*said).trim().empty() ? clang.str() + ": " + reason : *said);
  return std::move(*code);
}

} // namespace

llvm::Expected<std::string> compileTextWithClang(StringRef text) {
  llvm::Expected<std::string> clang = findClang();
  return clang ? compile(*clang, text, "-std=c++20", "-O2") : clang.takeError();
}

LogicalResult compileWithClang(DeviceCode &code) {
  llvm::StringMap<std::string> made;
  for (DeviceKernel &kernel : code.kernels) {
    if (!kernel.custom)
      continue;
    CustomKernel &custom = *kernel.custom;
    std::string &bitcode = made[custom.source];
    if (bitcode.empty()) {
      if (llvm::Error error = checkIncludes(custom.source))
        return argumentError(custom.location, "source") << llvm::toString(std::move(error));
      llvm::Expected<std::string> clang = findClang();
      if (!clang)
        return nodeError(custom.location) << llvm::toString(clang.takeError());
      std::string prelude(nnf_cuda_prelude, nnf_cuda_prelude_end);
      llvm::Expected<std::string> compiled = compile(*clang, prelude + custom.source, "-std=c++17", "-O1");
      if (!compiled)
        return argumentError(custom.location, "source") << llvm::toString(compiled.takeError());
      bitcode = std::move(*compiled);
    }
    custom.bitcode = bitcode;
  }
  return success();
}

} // namespace nnf
