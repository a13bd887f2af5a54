// Models in, libraries out: what `nnfc compile` and everything like it calls. Plain C++: no MLIR in sight.
#ifndef NNF_COMPILER_COMPILE_H
#define NNF_COMPILER_COMPILE_H

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace nnf {

/// How a request ended: exit status 0, 1 (the model, the input or the machine) or 2 (the request).
struct Outcome {
  int status = 0;
  std::string text;     ///< what follows "error: "; more lines may follow
  std::string warnings; ///< whole lines
  explicit operator bool() const { return status == 0; }

  static Outcome fault(std::string text) { return {1, std::move(text), ""}; }
  static Outcome wrongUsage(std::string text) { return {2, std::move(text), ""}; }
};

/// What a size that only the run knows may be; 0 <= least < most.
struct SizeRange {
  int64_t least, most;
};

/// What the models are and how they are read.
struct ModelRequest {
  std::vector<std::string> models;                        ///< paths
  std::string format;                                     ///< nnf, nnf-text, onnx, mlir; "": by extension
  std::string name;                                       ///< of the model; "": its file's stem. Only with one model
  std::map<std::string, int64_t> dims;                    ///< sizes fixed for symbols
  std::map<std::string, SizeRange> ranges;                ///< bounds of sizes that stay open
  std::vector<std::pair<std::string, std::string>> inout; ///< input, output: one buffer
  std::vector<std::string> dataDirs;                      ///< folders that external data may come from
  bool trustMlir = false;                                 ///< MLIR text may be of a later phase, with code in it
  bool swappableWeights = false;                          ///< programs may set weights: docs/embedding.md
};

/// How far results may be from rounding each operation once.
enum class Accuracy {
  Strict,  ///< no algorithm that rounds otherwise: Winograd's is left out
  Default, ///< algorithms whose errors are as small as those of a sum: Winograd's F(2, 3)
  Relaxed  ///< errors some ten times larger are fine: F(4, 3)
};

struct TuningReport;

/// What the code is for.
struct CodeRequest {
  std::string target = "cpu"; ///< cpu, cuda, or cuda-emu: GPU kernels that the CPU of `triple` and `cpu` plays
  std::string triple, cpu;    ///< "": this machine's
  std::string cudaArch;       ///< "": sm_80; several with commas: one image each, beside that for sm_80
  bool cudaCubin = false;     ///< a library gets machine code beside its PTX
  bool trustKernels = false;  ///< kernels in CUDA C++ may run as this machine's code, which the emulator makes of them
  /// "nvrtc": of kernels in CUDA C++ that models bring, and of nnfc's own that call templates; "clang": LLVM's, of
  /// both; "clang-text": the same, but nnfc's own go through the text that NVRTC would get; "": clang of nnfc's own,
  /// and of others nvrtc, for cuda-emu clang.
  std::string cudaCompiler;
  bool allowTf32 = false; ///< products of float32 on GPUs may round what they multiply to tf32
  /// Of the GPU that code for sm_90a is cut for; 0: an H100's.
  unsigned multiprocessors = 0;
  uint64_t emuSeed = 0; ///< the order in which the emulator runs threads; 0: as they are numbered
  unsigned optLevel = 2;
  Accuracy accuracy = Accuracy::Default;
  std::string tuning;   ///< a file with choices for kernels (docs/tuning.md); "": none
  bool useCache = true; ///< of compiled kernels: docs/design/0006
};

/// A tensor that a node computes.
struct NodeOutput {
  std::string tensor; ///< its name
  std::string node;   ///< "node 'stem' (conv2d)"
};

struct CompileRequest {
  ModelRequest model;
  CodeRequest code;
  std::string output;
  std::string emit;             ///< so, o, a, s, ll, ptx, cubin, mlir; "": by the extension of `output`
  std::string phase;            ///< of .mlir output; "": input
  bool externalWeights = false; ///< weights go to a file beside the output
  std::string cxxClass;         ///< with an object or a static library: a class of this name in OUT.hpp; "": none
  std::string depfile;          ///< a file that lists what was read, as make wants it; "": none
  bool verifyEach = false;
  std::vector<std::string> mlirFlags;                ///< of MLIR's pass manager
  std::function<void(const std::string &)> progress; ///< told what happens now
  /// With one model: the results of all nodes become outputs, and are listed here. Null: they do not.
  std::vector<NodeOutput> *everyNode = nullptr;
  TuningReport *report = nullptr; ///< filled in with the kernels that can be tuned; null: not asked for
};

/// Compiles all models into one file. On failure there is no output, whole or half.
Outcome compileModels(const CompileRequest &request);

/// From now on a fatal error inside LLVM or LLD removes temporary files, says "error: internal: …" and ends the process
/// with status 1.
void installFatalErrorHandlers();

/// Names this program as one that does the compiler's work in a process of its own: runCompilerWorker() is called where
/// it gets compilerWorkerFlag as its first argument.
void setCompilerWorker(std::string program);
extern const char *const compilerWorkerFlag;
/// With the arguments after the flag. Returns the exit status.
int runCompilerWorker(int argc, char **argv);

/// "nnfc 0.1.0"
std::string producerText();

} // namespace nnf
#endif
