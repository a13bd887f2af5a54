// NVIDIA's compiler for CUDA C++, a library of the toolkit that is loaded where it is installed.
#ifndef NNF_CODEGEN_CUDA_CUSTOM_NVRTC_H
#define NNF_CODEGEN_CUDA_CUSTOM_NVRTC_H

#include "codegen/cuda/Target.h"

namespace nnf {

class Nvrtc {
public:
  /// The one of $NNFC_NVRTC, else of $CUDA_HOME, the loader's path, or /usr/local/cuda. An error says where it can be
  /// had. Loaded once, it stays.
  static llvm::Expected<const Nvrtc *> find();

  /// PTX. An error is the compiler's log. Nothing of the source is run; what it includes is the toolkit's. It is
  /// compiled in a process of its own, which has two minutes, where a program can be run that does it (setWorker).
  llvm::Expected<std::string> compile(const std::string &source, const CudaTarget &target) const;

  /// A program that calls runWorker() with the arguments after its own name where the first of them is workerFlag.
  static void setWorker(std::string program);
  static constexpr llvm::StringLiteral workerFlag = "--nvrtc-worker";
  /// Architecture, source file, output file, which gets PTX or what there is to say. Returns an exit status.
  static int runWorker(int argc, char **argv);

private:
  using Program = struct OpaqueProgram *;
  using Result = int; // 0: success

  Result (*create)(Program *, const char *source, const char *name, int headers, const char *const *,
                   const char *const *) = nullptr;
  Result (*destroy)(Program *) = nullptr;
  Result (*compileProgram)(Program, int options, const char *const *) = nullptr;
  Result (*logSize)(Program, size_t *) = nullptr;
  Result (*log)(Program, char *) = nullptr;
  Result (*ptxSize)(Program, size_t *) = nullptr;
  Result (*ptx)(Program, char *) = nullptr;
  const char *(*errorText)(Result) = nullptr;
  enum class Outcome { Compiled, Refused, Failed }; // text: PTX; the log; why
  Outcome compileHere(const std::string &source, llvm::StringRef arch, std::string &text) const;
  Outcome compileElsewhere(const std::string &source, llvm::StringRef arch, std::string &text) const;
  std::string library, includes[2]; // the toolkit's headers, where they are beside it

  /// Why it cannot be loaded; empty: it is.
  std::string load(const std::string &path);
  static llvm::Expected<Nvrtc> open();
};

} // namespace nnf
#endif
