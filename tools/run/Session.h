// A loaded model with its inputs in memory: what `run` and `bench` have in common.
#pragma once
#include "runtime/nnf.hpp"
#include "tools/run/Commands.h"
#include "tools/run/Npy.h"
#include <cstring>
#include <functional>
#include <memory>
#include <span>

namespace nnf::run {

/// What --device asks for.
struct DeviceChoice {
  std::vector<DLDevice> list; // cpu:K or cuda:K, each as often as it is named
  DLDevice device = {};       // the first; type 0: what the library is for
  bool isEmulator = false;
};
Failure parseDevice(const std::string &text, DeviceChoice &choice);

struct RanksDeleter {
  void operator()(nnf_ranks *ranks) const { nnf_ranks_destroy(ranks); }
};

struct Session {
  Model model;
  DeviceChoice choice;
  Context context;
  DataParallel replicas;                          // instead of `context` where the batch is cut over devices
  std::unique_ptr<nnf_ranks, RanksDeleter> ranks; // the same over processes
  std::vector<Array> inputs;                      // in the model's order
  std::vector<Tensor> in, out;                    // on `inputs`; outputs are the context's

  Failure loadModel(const ModelRequest &request);
  /// Reads those that are given, fills the others. Notes on choices made go to `streams.err`.
  Failure takeInputs(const ModelRequest &request, bool randomInputs, Streams streams);
  /// Both, and makes a context, or replicas.
  Failure open(const ModelRequest &request, bool randomInputs, Streams streams);
  /// Whether kernels run on a GPU, not on an emulated one.
  bool isOnGpu() const;
  /// "cpu", "cuda:0": of a library, where it runs when nothing is said.
  std::string deviceName(const std::string &asked) const;
  Failure runOnce(const nnf_run_options *options = nullptr);
  /// "4 threads", "2 devices of 4 and 3 threads"
  std::string describeThreads() const;
  uint32_t threads() const;
  uint64_t contextBytes() const;

private:
  Failure runOverRanks(const nnf_run_options *options);
};

/// In-out inputs change with each run; every run is to start from the same values.
class InOutKeeper {
public:
  explicit InOutKeeper(Session &session) : session(session) {
    for (size_t i = 0; i < session.inputs.size(); ++i)
      if (session.model.inputs()[i].flags & NNF_TENSOR_INOUT) {
        const Array &array = session.inputs[i];
        kept.emplace_back(i, std::vector<uint8_t>(array.data(), array.data() + array.bytes()));
      }
  }
  void restore() {
    for (auto &[input, bytes] : kept)
      if (!bytes.empty())
        memcpy(session.inputs[input].data(), bytes.data(), bytes.size());
  }

private:
  Session &session;
  std::vector<std::pair<size_t, std::vector<uint8_t>>> kept;
};

/// Fills `array` with values that depend only on seed, input number and element: floats uniform in [-1, 1), multiples
/// of 1/128 so that every float type has them exactly; int32, int64, uint32 and uint64 0 or 1, since they mostly are
/// indices, of which little is known; 8- and 16-bit integers the whole range of 8 bits; bool both.
void fillRandom(Array &array, uint64_t seed, uint32_t inputNumber);

/// The first elements, as a person reads them: "0.5 -1 3 …".
std::string describeValues(uint32_t dtype, const uint8_t *data, int64_t elements, int64_t limit);

/// Runs a command: its failure, if any, is the first thing on the error stream, its notes follow. Returns the exit
/// status.
int conclude(const std::function<Failure(Streams)> &command, Streams streams);

} // namespace nnf::run
