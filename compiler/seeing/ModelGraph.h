// A model as boxes and arrows, before kernels are formed and after. Plain C++.
#ifndef NNF_COMPILER_SEEING_MODELGRAPH_H
#define NNF_COMPILER_SEEING_MODELGRAPH_H

#include <cstdint>
#include <string>
#include <vector>

namespace nnf {

struct ModelGraph {
  enum class Kind { Input, Output, Node, Kernel };
  struct Box {
    Kind kind;
    std::string name; // of the tensor, the node, or the node at a kernel's root; as the model has it
    std::string op;   // the function, or what a kernel computes
    std::vector<std::string> notes;
    int64_t flops = -1, bytes = -1; // of a kernel; -1: unknown
  };
  struct Edge {
    unsigned from, to; // indices of boxes
    std::string type;
  };
  std::vector<Box> boxes;
  std::vector<Edge> edges;
};

} // namespace nnf
#endif
