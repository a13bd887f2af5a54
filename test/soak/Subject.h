// A compiled model under test: tensors for it of any sizes, and what the process takes.
#pragma once
#include "runtime/nnf.h"
#include <cstdint>
#include <string>
#include <vector>

namespace nnf::soak {

/// Ends the program with this message and status 1.
[[noreturn]] void fail(const std::string &why);
/// The same unless `status` is NNF_OK, with the context's message.
void expectOk(int32_t status, const nnf_context *context, const char *what);

struct Options {
  std::string library;
  uint32_t threads = 8;
  uint64_t count = 1000;
  int64_t maxSize = 24; ///< of a symbol
};

/// One set of inputs.
class Inputs {
public:
  /// `sizes`: of the symbols. Values depend on the input and the element alone.
  Inputs(const nnf_program *program, const std::vector<int64_t> &sizes);
  Inputs(const Inputs &) = delete;
  DLTensor *const *tensors() const { return pointers.data(); }
  uint32_t count() const { return uint32_t(pointers.size()); }

private:
  std::vector<std::vector<int64_t>> dims;
  std::vector<std::vector<uint8_t>> data;
  std::vector<DLTensor> all;
  std::vector<DLTensor *> pointers;
};

/// Outputs that the context gives memory to.
class Outputs {
public:
  explicit Outputs(const nnf_program *program);
  Outputs(const Outputs &) = delete;
  DLTensor *const *tensors() { return pointers.data(); }
  uint32_t count() const { return uint32_t(pointers.size()); }
  /// Sizes and bytes of all of them, one after the other.
  std::string bytes() const;

private:
  std::vector<DLTensor> all;
  std::vector<DLTensor *> pointers;
};

nnf_program *load(const std::string &path);
nnf_context *createContext(nnf_program *program, uint32_t threads);
void run(nnf_context *context, const Inputs &in, Outputs &out, const nnf_run_options *options = nullptr);

/// Sizes of the symbols, some combination with each `index`.
std::vector<int64_t> sizesOf(const nnf_program *program, uint64_t index, int64_t maxSize);

/// What the process has now.
struct Usage {
  int64_t pieces, descriptors, threads, mappings, residentKb;
  static Usage now();
  std::string describe() const;
};
double processCpuSeconds();
double wallSeconds();

// What the program does: each is a file. They print figures, one `name value` a line.
void soakRuns(const Options &options);
void soakCycles(const Options &options);
void soakFailures(const Options &options);
void soakCancelling(const Options &options);
void soakCost(const Options &options);
void soakWeights(const Options &options);

} // namespace nnf::soak
