#include "tools/run/RanksRun.h"
#include "tools/run/Results.h"
#include <algorithm>
#include <new>
#include <sstream>
#include <unistd.h>

namespace nnf::run {
namespace {

/// Which inputs every rank is to get whole.
Failure markReplicated(const ModelRequest &request, const Model &model, std::vector<uint8_t> &isReplicated) {
  isReplicated.assign(model.inputs().size() + 1, 0);
  for (const std::string &name : request.replicated) {
    auto input = std::find_if(model.inputs().begin(), model.inputs().end(),
                              [&](const nnf_tensor_info &info) { return info.name == name; });
    if (input == model.inputs().end())
      return fault("--replicate: the model has no input '" + name + "' [NNFC-E0615]");
    isReplicated[size_t(input - model.inputs().begin())] = 1;
  }
  return {};
}

} // namespace

Failure openOverRanks(const ModelRequest &request, bool randomInputs, const Ranks &ranks, Session &session,
                      Streams streams) {
  std::vector<uint8_t> isReplicated;
  Failure failure = session.loadModel(request);
  if (!failure && ranks.index() == 0) // the files are rank 0's
    failure = session.takeInputs(request, randomInputs, streams);
  if (!failure)
    failure = markReplicated(request, session.model, isReplicated);
  if (Failure agreed = ranks.agree(failure))
    return agreed;
  nnf_ranks_options options = {};
  options.struct_size = sizeof options;
  options.threads = request.threads;
  options.dim = request.dataParallelDim;
  options.replicated = isReplicated.data();
  options.device = session.choice.device.device_type ? &session.choice.device : nullptr;
  options.seed = request.seed;
  nnf_ranks *made = nullptr;
  if (nnf_ranks_create(&ranks.link(), session.model.get(), &options, &made) != NNF_OK)
    return fault(nnf_error_message(nullptr));
  session.ranks.reset(made);
  return {};
}

int commandOverRanks(const ModelRequest &request, const std::function<Failure(Ranks &, Streams)> &command,
                     Streams streams) {
  ModelRequest plain = request;
  plain.isDataParallel = false;
  if (plain.wantsReplicas())
    return report(wrongUsage("--data-parallel: found --device " + request.device +
                             ", expected cpu or cuda:K: each rank is one device [NNFC-E0004]"),
                  streams);
  Ranks ranks;
  if (Failure failure = ranks.open())
    return report(failure, streams);
  try {
    std::ostringstream notes;
    Failure failure = command(ranks, {streams.out, notes});
    if (ranks.index() != 0)
      return exitDone; // the status is rank 0's: mpirun complains of each rank that has one
    // Before the ranks part: mpirun would complain in the middle of it.
    int status = report(failure, streams);
    streams.err << notes.str();
    return status;
  } catch (const std::bad_alloc &) {
    // Not by way of MPI's end, which waits for the others: this way mpirun ends them.
    streams.err << "error: rank " + std::to_string(ranks.index()) + ": out of memory [NNFC-E0609]\n";
    _exit(exitFault);
  }
}

int runOverRanks(const RunRequest &request, Streams streams) {
  auto command = [&](Ranks &ranks, Streams inner) -> Failure {
    Session session;
    if (Failure failure = openOverRanks(request, request.randomInputs, ranks, session, inner))
      return failure;
    if (Failure failure = session.runOnce())
      return failure;
    return ranks.index() == 0 ? writeResults(request, resultsOf(session), inner) : Failure();
  };
  return commandOverRanks(request, command, streams);
}

} // namespace nnf::run
