#include "codegen/cuda/custom/Nvrtc.h"
#include "codegen/cuda/ScratchFile.h"
#include "codegen/cuda/custom/KernelSource.h"
#include "llvm/ADT/SmallString.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"
#include <dlfcn.h>

namespace nnf {
namespace {

constexpr llvm::StringLiteral names[] = {"libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so"};

/// Paths to try, the best first; without a folder the loader looks for it.
std::vector<std::string> candidates() {
  std::vector<std::string> paths;
  auto in = [&](const std::string &folder) {
    for (llvm::StringRef name : names)
      paths.push_back(folder + "/" + name.str());
  };
  if (const char *home = getenv("CUDA_HOME"); home && *home) {
    in(std::string(home) + "/lib64");
    in(std::string(home) + "/lib");
  }
  for (llvm::StringRef name : names)
    paths.push_back(name.str());
  in("/usr/local/cuda/lib64");
  in("/usr/local/cuda/lib");
  return paths;
}

} // namespace

std::string Nvrtc::load(const std::string &path) {
  void *handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return dlerror();
  auto get = [&](auto &function, const char *name) {
    function = reinterpret_cast<std::remove_reference_t<decltype(function)>>(dlsym(handle, name));
    return function != nullptr;
  };
  if (!get(create, "nvrtcCreateProgram") || !get(destroy, "nvrtcDestroyProgram") ||
      !get(compileProgram, "nvrtcCompileProgram") || !get(logSize, "nvrtcGetProgramLogSize") ||
      !get(log, "nvrtcGetProgramLog") || !get(ptxSize, "nvrtcGetPTXSize") || !get(ptx, "nvrtcGetPTX") ||
      !get(errorText, "nvrtcGetErrorString"))
    return path + " is no NVRTC: functions are missing";
  // The headers of the toolkit it belongs to: include/ beside lib/ or lib64/, in the toolkit and in PyPI's packages.
  Dl_info info{};
  llvm::SmallString<256> real;
  if (dladdr(reinterpret_cast<void *>(create), &info) && info.dli_fname &&
      !llvm::sys::fs::real_path(info.dli_fname, real)) {
    library = real.str().str();
    for (llvm::StringRef folder = llvm::sys::path::parent_path(real); includes[0].empty() && !folder.empty();
         folder = llvm::sys::path::parent_path(folder))
      if (std::string found = (folder + "/include").str(); llvm::sys::fs::exists(found + "/cuda_fp16.h"))
        includes[0] = found;
    if (std::string found = includes[0] + "/cccl"; !includes[0].empty() && llvm::sys::fs::is_directory(found))
      includes[1] = found;
  }
  return "";
}

llvm::Expected<Nvrtc> Nvrtc::open() {
  Nvrtc found;
  if (const char *named = getenv("NNFC_NVRTC"); named && *named) {
    if (std::string why = found.load(named); !why.empty())
      return llvm::createStringError("NNFC_NVRTC=" + std::string(named) + ": " + why +
                                     "; or --cuda-compiler=clang [NNFC-E0403]");
    return found;
  }
  for (const std::string &path : candidates())
    if (found.load(path).empty())
      return found;
  return llvm::createStringError(
      "NVIDIA's compiler NVRTC was not found: libnvrtc.so is in CUDA's toolkit and in the package nvidia-cuda-nvrtc of "
      "PyPI; expected it in $CUDA_HOME/lib64 or where libraries are, or its path in NNFC_NVRTC; or "
      "--cuda-compiler=clang [NNFC-E0403]");
}

llvm::Expected<const Nvrtc *> Nvrtc::find() {
  struct Once {
    std::optional<Nvrtc> found;
    std::string error;
    Once() {
      if (llvm::Expected<Nvrtc> opened = open())
        found = std::move(*opened);
      else
        error = llvm::toString(opened.takeError());
    }
  };
  static const Once once;
  if (!once.found)
    return llvm::createStringError(once.error);
  return &*once.found;
}

Nvrtc::Outcome Nvrtc::compileHere(const std::string &source, llvm::StringRef arch, std::string &text) const {
  auto failed = [&](const llvm::Twine &call, Result result) {
    text = (call + ": " + errorText(result)).str();
    return Outcome::Failed;
  };
  Program program = nullptr;
  if (Result result = create(&program, source.c_str(), "source", 0, nullptr, nullptr))
    return failed("nvrtcCreateProgram", result);
  struct Destroy {
    const Nvrtc &nvrtc;
    Program program;
    ~Destroy() { nvrtc.destroy(&program); }
  } atEnd{*this, program};
  // "sm_90a" -> "compute_90a". The folder that nnfc runs in is no place for headers.
  std::string architecture = ("--gpu-architecture=compute_" + arch.drop_front(3)).str();
  std::vector<std::string> options{architecture, "--std=c++17", "--no-source-include"};
  for (const std::string &folder : includes)
    if (!folder.empty())
      options.push_back("--include-path=" + folder);
  std::vector<const char *> given;
  for (const std::string &option : options)
    given.push_back(option.c_str());
  Result result = compileProgram(program, static_cast<int>(given.size()), given.data());
  if (result) {
    size_t size = 0;
    if (logSize(program, &size) == 0 && size > 1) {
      text.resize(size);
      log(program, text.data());
      text = llvm::StringRef(text.c_str()).trim().str();
    }
    return text.empty() ? failed("nvrtcCompileProgram", result) : Outcome::Refused;
  }
  size_t size = 0;
  if (Result got = ptxSize(program, &size))
    return failed("nvrtcGetPTXSize", got);
  text.assign(size, '\0');
  if (Result got = ptx(program, text.data()))
    return failed("nvrtcGetPTX", got);
  text = std::string(text.c_str());
  return Outcome::Compiled;
}

static std::string &worker() {
  static std::string program;
  return program;
}

void Nvrtc::setWorker(std::string program) { worker() = std::move(program); }

int Nvrtc::runWorker(int argc, char **argv) {
  auto text = [&]() -> llvm::Expected<std::pair<Outcome, std::string>> {
    auto source = llvm::MemoryBuffer::getFile(argv[1]);
    if (!source)
      return llvm::errorCodeToError(source.getError());
    llvm::Expected<const Nvrtc *> nvrtc = find();
    if (!nvrtc)
      return nvrtc.takeError();
    std::string said;
    Outcome outcome = (*nvrtc)->compileHere((*source)->getBuffer().str(), argv[0], said);
    return std::pair(outcome, said);
  };
  if (argc != 3)
    return static_cast<int>(Outcome::Failed);
  llvm::Expected<std::pair<Outcome, std::string>> made = text();
  if (!made)
    made = std::pair(Outcome::Failed, llvm::toString(made.takeError()));
  llvm::Error written = llvm::writeToOutput(argv[2], [&](llvm::raw_ostream &os) -> llvm::Error {
    os << made->second;
    return llvm::Error::success();
  });
  if (written) {
    llvm::consumeError(std::move(written));
    return static_cast<int>(Outcome::Failed);
  }
  return static_cast<int>(made->first);
}

/// By running the worker: a source may be made to take for ever, or to end the compiler.
Nvrtc::Outcome Nvrtc::compileElsewhere(const std::string &source, llvm::StringRef arch, std::string &text) const {
  constexpr unsigned mostSeconds = 120;
  auto failed = [&](llvm::Error error) {
    text = llvm::toString(std::move(error));
    return Outcome::Failed;
  };
  llvm::Expected<ScratchFile> in = ScratchFile::create("cu"), out = ScratchFile::create("ptx");
  if (!in || !out)
    return failed(llvm::joinErrors(in.takeError(), out.takeError()));
  if (llvm::Error error = in->write(source))
    return failed(llvm::joinErrors(std::move(error), out.takeError()));
  std::string reason;
  llvm::StringRef arguments[] = {worker(), workerFlag, arch, in->path, out->path};
  std::optional<llvm::StringRef> redirects[] = {llvm::StringRef(), llvm::StringRef(), llvm::StringRef()};
  int status = llvm::sys::ExecuteAndWait(worker(), arguments, std::nullopt, redirects, mostSeconds, 0, &reason);
  llvm::Expected<std::string> said = out->read();
  if (!said)
    return failed(said.takeError());
  text = std::move(*said);
  if (status >= 0 && status <= static_cast<int>(Outcome::Failed))
    return static_cast<Outcome>(status);
  text = reason.empty() ? "it ended with status " + std::to_string(status) : llvm::StringRef(reason).rtrim(": ").str();
  return Outcome::Failed;
}

llvm::Expected<std::string> Nvrtc::compile(const std::string &source, const CudaTarget &target) const {
  std::string text;
  switch (worker().empty() ? compileHere(source, target.getArch(), text)
                           : compileElsewhere(source, target.getArch(), text)) {
  case Outcome::Compiled: return text;
  case Outcome::Refused: return refusedSource(text);
  case Outcome::Failed: break;
  }
  return llvm::createStringError("NVRTC (" + library + "): " + text + " [NNFC-E0403]");
}

} // namespace nnf
