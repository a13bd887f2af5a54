// What there is to know of a model without running it. Plain C++.
#ifndef NNF_COMPILER_INSPECT_H
#define NNF_COMPILER_INSPECT_H

#include "compiler/Compile.h"
#include "compiler/seeing/ModelGraph.h"
#include <optional>

namespace nnf {

struct ModelSummary {
  struct Tensor {
    std::string name, type; // "float32 [N, 3, 8, 8]"
    std::string note;       // "in-out, new value: output 'y'"
  };
  struct Weight {
    std::string name, type;
    int64_t bytes;
  };
  struct Kernel {
    std::string name, title, method; // direct, winograd2, attention, … with its blocks
    int64_t launches, scratchBytes;
    std::string tasks; // of its first launch
  };
  std::string name;
  std::vector<Tensor> inputs, outputs;
  std::map<std::string, int64_t> ops; // function -> how often
  std::vector<Weight> weights;
  int64_t weightsBytes = 0;                     // packed
  std::vector<Weight> repeated;                 // stored more than once, in several layouts: all bytes of theirs
  std::string arena;                            // its size in bytes, with symbols: "64 * N"
  std::optional<int64_t> arenaBytes, liveBytes; // where sizes are fixed: the plan, and the least any plan needs
  std::vector<Kernel> kernels;                  // in the order of their first launch
  int64_t launches = 0;
  ModelGraph before, after; // of functions, of kernels

  /// What a launch of @main has in the arena. Launches are counted as in @main.
  struct Buffer {
    std::string name; // the node
    int64_t offset, bytes;
    unsigned first, last; // launches that write it first, and read it last
  };
  std::vector<Buffer> buffers; // where sizes are fixed
};

/// Reads a model and compiles it up to its memory plan.
Outcome inspectModel(const ModelRequest &request, const CodeRequest &code, ModelSummary &summary);

} // namespace nnf
#endif
