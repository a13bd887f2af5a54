// A model whose batch is cut over the ranks of MPI, for `run` and `bench`. All ranks make the same calls.
#pragma once
#include "runtime/Replicas.h"
#include "tools/run/Ranks.h"
#include "tools/run/Results.h"
#include "tools/run/Session.h"

namespace nnf::run {

class RankedRun {
public:
  RankedRun(const ModelRequest &request, Ranks &ranks) : request(request), ranks(ranks) {}
  /// Every rank loads the model; rank 0 has the inputs and says how they are cut.
  Failure open(bool randomInputs, Streams streams);
  /// Scatter, a run on each rank, gather.
  Failure runOnce();
  /// Of the last run, on rank 0.
  std::vector<Result> results() const;

  Session session; ///< of rank 0: the whole inputs; of all: model and context

private:
  /// How one tensor is cut, or joined.
  struct Cut {
    bool whole = true; ///< each rank has all of it
    uint32_t dim = 0;
    rt::Chunks chunks{0, 1};
  };

  const ModelRequest &request;
  Ranks &ranks;
  std::vector<Cut> inputs, outputs;
  uint32_t used = 0;        // ranks that have a part
  std::vector<Array> parts; // of the inputs, here
  std::vector<Tensor> in, out;
  std::vector<Array> joined; // outputs, of rank 0

  bool isRoot() const { return ranks.index() == 0; }
  bool hasPart() const { return ranks.index() < used; }
  size_t numInputs() const { return session.model.inputs().size(); }
  const nnf_tensor_info &input(size_t i) const { return session.model.inputs()[i]; }
  bool isInOut(size_t i) const { return input(i).flags & NNF_TENSOR_INOUT; }

  Failure load(bool randomInputs, Streams streams);
  Failure compareModels() const;
  Failure plan();
  Failure planInput(size_t i);
  Failure planOutput(size_t j);
  void scatter();
  Failure runPart();
  Failure gather();
  Failure join(size_t j, const std::vector<std::vector<int64_t>> &dims, Array &result) const;
  void receiveParts(size_t j, Array &result, const std::vector<std::vector<int64_t>> &dims);
};

/// Starts MPI and calls `command` on every rank. Returns the exit status; rank 0 alone says how it ended.
int commandOverRanks(const ModelRequest &request, const std::function<Failure(Ranks &, Streams)> &command,
                     Streams streams);

} // namespace nnf::run
