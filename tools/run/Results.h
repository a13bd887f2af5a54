// What a run has come to, for files and for people.
#pragma once
#include "runtime/abi.h"
#include "tools/run/Commands.h"

namespace nnf::run {

struct Session;

/// An output, or an in-out input after the run.
struct Result {
  const nnf_tensor_info &info;
  std::vector<int64_t> dims;
  const uint8_t *data;
  int64_t elements;
};

/// Of its last run.
std::vector<Result> resultsOf(const Session &session);

/// Writes them to the request's folder, if any, and shows their first elements.
Failure writeResults(const RunRequest &request, const std::vector<Result> &results, Streams streams);

/// A run over the ranks that mpirun has started. Returns the exit status; rank 0 alone says how it ended.
int runOverRanks(const RunRequest &request, Streams streams);

} // namespace nnf::run
