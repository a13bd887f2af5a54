// A model whose batch is cut over the ranks of MPI, for `run` and `bench`. All ranks make the same calls.
#pragma once
#include "tools/run/Ranks.h"
#include "tools/run/Session.h"

namespace nnf::run {

/// On every rank: rank 0 has the inputs, the others the model alone. Each run of `session` is one of all ranks.
Failure openOverRanks(const ModelRequest &request, bool randomInputs, const Ranks &ranks, Session &session,
                      Streams streams);

/// Starts MPI and calls `command` on every rank. Returns the exit status; rank 0 alone says how it ended.
int commandOverRanks(const ModelRequest &request, const std::function<Failure(Ranks &, Streams)> &command,
                     Streams streams);

} // namespace nnf::run
