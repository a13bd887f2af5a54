#include "codegen/cuda/Assembler.h"
#include "codegen/cuda/ScratchFile.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

namespace nnf {
namespace {

/// ptxas -v says for each kernel "Compiling entry function 'k0' for …", then "Used 40 registers".
void readRegisters(llvm::StringRef log, DeviceImage &image) {
  llvm::StringRef kernel;
  llvm::SmallVector<llvm::StringRef> lines;
  log.split(lines, '\n');
  for (llvm::StringRef line : lines) {
    if (llvm::StringRef after = line.split("Compiling entry function '").second; !after.empty())
      kernel = after.split('\'').first;
    unsigned registers = 0;
    if (llvm::StringRef after = line.split("Used ").second; !kernel.empty() && !after.consumeInteger(10, registers))
      image.registers[kernel] = registers;
  }
}

} // namespace

llvm::Expected<std::string> findPtxas() {
  auto isThere = [](const std::string &path) { return llvm::sys::fs::can_execute(path); };
  if (const char *named = getenv("NNFC_PTXAS"); named && *named) {
    if (isThere(named))
      return named;
    return llvm::createStringError("NNFC_PTXAS=" + std::string(named) + ": no such program [NNFC-E0404]");
  }
  if (const char *home = getenv("CUDA_HOME"); home && isThere(std::string(home) + "/bin/ptxas"))
    return std::string(home) + "/bin/ptxas";
  if (auto found = llvm::sys::findProgramByName("ptxas"))
    return *found;
  if (std::string usual = "/usr/local/cuda/bin/ptxas"; isThere(usual))
    return usual;
  return llvm::createStringError("NVIDIA's assembler ptxas was not found: it is in CUDA's toolkit and in the package "
                                 "nvidia-cuda-nvcc of PyPI; expected it in $CUDA_HOME/bin or on the PATH, or its path "
                                 "in NNFC_PTXAS [NNFC-E0404]");
}

llvm::Expected<DeviceImage> assemblePtx(const DeviceImage &ptx, llvm::StringRef ptxas) {
  llvm::Expected<ScratchFile> in = ScratchFile::create("ptx"), out = ScratchFile::create("cubin"),
                              log = ScratchFile::create("log");
  for (llvm::Expected<ScratchFile> *file : {&in, &out, &log})
    if (!*file)
      return llvm::joinErrors(llvm::joinErrors(in.takeError(), out.takeError()), log.takeError());
  if (llvm::Error error = in->write(ptx.bytes))
    return llvm::joinErrors(std::move(error), llvm::joinErrors(out.takeError(), log.takeError()));
  std::string arch = "-arch=" + ptx.target.getArch(), reason;
  llvm::StringRef arguments[] = {ptxas, arch, "-v", in->path, "-o", out->path};
  std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(), llvm::StringRef(log->path),
                                                llvm::StringRef(log->path)};
  int status = llvm::sys::ExecuteAndWait(ptxas, arguments, std::nullopt, redirects, 0, 0, &reason);
  llvm::Expected<std::string> said = log->read(), code = out->read();
  if (!said || !code)
    return llvm::joinErrors(said.takeError(), code.takeError());
  if (status != 0)
    return llvm::createStringError(ptxas + " for " + ptx.target.getArch() + ": " +
                                   (reason.empty() ? "exit status " + std::to_string(status) : reason) +
                                   " [NNFC-E0404]\n" + *said);
  DeviceImage image{ptx.target, /*isCubin=*/true, std::move(*code), 0, {}, ptx.source};
  readRegisters(*said, image);
  return image;
}

} // namespace nnf
