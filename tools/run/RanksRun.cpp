// A run whose batch is cut over the ranks of MPI: rank 0 reads and writes files, cuts and joins as nnf_data_parallel
// does, and every rank runs its part.
#include "tools/run/RanksRun.h"
#include "tools/run/Results.h"
#include <algorithm>
#include <new>
#include <sstream>
#include <unistd.h>

namespace nnf::run {
namespace {

rt::Rows rowsOf(const std::vector<int64_t> &dims, uint32_t dim, uint32_t dtype) {
  return {dims.data(), uint32_t(dims.size()), dim, nnf_dtype_bytes(dtype)};
}

Failure dimOutOfRange(const std::string &what, int64_t dim, int64_t rank) {
  return fault(what + " along dimension " + std::to_string(dim) + ", expected " + std::to_string(-rank) + " to " +
               std::to_string(rank - 1) + " of its rank " + std::to_string(rank) + " [NNFC-E0808]");
}

} // namespace

Failure RankedRun::load(bool randomInputs, Streams streams) {
  ModelRequest own = request;
  own.isDataParallel = false;
  own.replicated.clear();
  if (!isRoot()) // the files are rank 0's
    own.inputs.clear();
  return session.open(own, randomInputs || !isRoot(), streams);
}

/// All ranks must have loaded the same model.
Failure RankedRun::compareModels() const {
  auto hash = int64_t(session.model.descriptor().content_hash);
  if (ranks.broadcast(hash) == hash)
    return {};
  return fault("'" + request.library + "' holds another model there than on rank 0 [NNFC-E0809]");
}

Failure RankedRun::planInput(size_t i) {
  const nnf_tensor_info &info = input(i);
  Cut &cut = inputs[i];
  int64_t rank = info.rank, dim = request.dataParallelDim;
  bool isReplicated =
      std::find(request.replicated.begin(), request.replicated.end(), info.name) != request.replicated.end();
  if (rank == 0 || isReplicated)
    return {};
  if (dim < -rank || dim >= rank)
    return dimOutOfRange("input '" + std::string(info.name) + "': it is to be cut", dim, rank);
  cut.whole = false;
  cut.dim = uint32_t(dim < 0 ? dim + rank : dim);
  const std::vector<int64_t> &dims = session.inputs[i].dims;
  if (dims.size() != info.rank)
    return fault("input '" + std::string(info.name) + "': rank " + std::to_string(dims.size()) + ", expected " +
                 std::to_string(info.rank) + " [NNFC-E0604]");
  cut.chunks = rt::Chunks(dims[cut.dim], ranks.size());
  return {};
}

Failure RankedRun::planOutput(size_t j) {
  const nnf_tensor_info &info = session.model.outputs()[j];
  int64_t rank = info.rank, dim = request.dataParallelDim;
  if (ranks.size() == 1)
    return {};
  if (rank == 0 && dim != 0)
    return fault("output '" + std::string(info.name) + "': scalars can be joined along dimension 0, found dimension " +
                 std::to_string(dim) + " [NNFC-E0808]");
  if (rank > 0 && (dim < -rank || dim >= rank))
    return dimOutOfRange("output '" + std::string(info.name) + "': it is to be joined", dim, rank);
  outputs[j].whole = false;
  outputs[j].dim = uint32_t(dim < 0 ? dim + rank : dim);
  return {};
}

/// On rank 0.
Failure RankedRun::plan() {
  for (const std::string &name : request.replicated)
    if (std::none_of(session.model.inputs().begin(), session.model.inputs().end(),
                     [&](const nnf_tensor_info &info) { return info.name == name; }))
      return fault("--replicate: the model has no input '" + name + "' [NNFC-E0615]");
  int64_t fewest = ranks.size();
  for (size_t i = 0; i < numInputs(); ++i) {
    if (Failure failure = planInput(i))
      return failure;
    if (!inputs[i].whole)
      fewest = std::min(fewest, inputs[i].chunks.count);
  }
  for (size_t j = 0; j < outputs.size(); ++j)
    if (Failure failure = planOutput(j))
      return failure;
  used = numInputs() ? uint32_t(fewest) : 1;
  return {};
}

/// The parts of the inputs go to the ranks that have one. A rank without memory for its part ends, and all with it:
/// somebody waits for it.
void RankedRun::scatter() {
  for (size_t i = 0; i < numInputs(); ++i) {
    if (!isRoot()) {
      std::vector<int64_t> dims = ranks.receiveNumbers(0);
      if (!parts[i].allocate(input(i).dtype, dims))
        throw std::bad_alloc();
      ranks.receive(0, parts[i].data(), parts[i].bytes());
      continue;
    }
    const Array &array = session.inputs[i];
    for (uint32_t r = used; r-- > 0;) { // its own last, which stays
      std::vector<int64_t> dims = array.dims;
      if (!inputs[i].whole)
        dims[inputs[i].dim] = inputs[i].chunks.lengthOf(r);
      Array part;
      if (!part.allocate(array.dtype, dims))
        throw std::bad_alloc();
      if (inputs[i].whole && part.bytes())
        memcpy(part.data(), array.data(), part.bytes());
      else if (part.bytes())
        rowsOf(array.dims, inputs[i].dim, array.dtype)
            .take(array.data(), inputs[i].chunks.size, inputs[i].chunks.first(r), dims[inputs[i].dim], part.data());
      if (r > 0) {
        ranks.sendNumbers(r, dims);
        ranks.send(r, part.data(), part.bytes());
      } else {
        parts[i] = std::move(part);
      }
    }
  }
}

Failure RankedRun::runPart() {
  in.clear();
  for (Array &part : parts)
    in.emplace_back(part.data(), part.dtype, part.dims);
  out.resize(outputs.size());
  // As replicas do: rank 0 draws what a run alone does, the others other numbers.
  uint64_t seed = request.seed + ranks.index() * 0x9E3779B97F4A7C15u;
  nnf_run_options options = {sizeof options, 0, &seed, nullptr, nullptr, nullptr};
  Status status = session.context.run(in, out, &options);
  return status ? Failure() : fault(status.message());
}

/// Makes room for what the parts come to.
Failure RankedRun::join(size_t j, const std::vector<std::vector<int64_t>> &dims, Array &result) const {
  const nnf_tensor_info &info = session.model.outputs()[j];
  const Cut &cut = outputs[j];
  std::vector<int64_t> whole = dims[0];
  if (!cut.whole && info.rank == 0)
    whole = {int64_t(used)};
  for (size_t r = 1; r < dims.size() && info.rank; ++r)
    for (uint32_t d = 0; d < info.rank; ++d) {
      if (d == cut.dim)
        whole[d] += dims[r][d];
      else if (dims[r][d] != dims[0][d])
        return fault("output '" + std::string(info.name) + "': rank " + std::to_string(r) + " has size " +
                     std::to_string(dims[r][d]) + " in dimension " + std::to_string(d) + ", expected " +
                     std::to_string(dims[0][d]) + " as rank 0 [NNFC-E0808]");
    }
  if (!result.allocate(info.dtype, whole))
    return fault("output '" + std::string(info.name) + "': no memory for " + describeType(info.dtype, whole) +
                 " [NNFC-E0609]");
  return {};
}

/// On rank 0: all parts of an output are put in their places.
void RankedRun::receiveParts(size_t j, Array &result, const std::vector<std::vector<int64_t>> &dims) {
  uint32_t rank = uint32_t(dims[0].size());
  int64_t first = 0;
  for (uint32_t r = 0; r < used; ++r) {
    Array received;
    const uint8_t *bytes = out[j].data<uint8_t>();
    if (r > 0) {
      if (!received.allocate(result.dtype, dims[r]))
        throw std::bad_alloc();
      ranks.receive(r, received.data(), received.bytes());
      bytes = received.data();
    }
    int64_t length = rank == 0 ? 1 : dims[r][outputs[j].dim];
    if (result.bytes() == 0)
      continue;
    if (outputs[j].whole)
      memcpy(result.data(), bytes, result.bytes());
    else if (uint32_t(result.dims.size()) > 0)
      rowsOf(result.dims, outputs[j].dim, result.dtype)
          .put(result.data(), result.dims[outputs[j].dim], first, length, bytes);
    first += length;
  }
}

Failure RankedRun::gather() {
  joined.clear();
  for (size_t j = 0; j < outputs.size(); ++j) {
    std::vector<int64_t> own;
    if (hasPart())
      own.assign(out[j].dims().begin(), out[j].dims().end());
    std::vector<std::vector<int64_t>> dims = {own};
    if (!isRoot() && hasPart())
      ranks.sendNumbers(0, own);
    for (uint32_t r = 1; isRoot() && r < used; ++r)
      dims.push_back(ranks.receiveNumbers(r));
    Array result;
    Failure failure = isRoot() ? join(j, dims, result) : Failure();
    if (Failure agreed = ranks.agree(failure, false))
      return agreed;
    if (isRoot())
      receiveParts(j, result, dims);
    else if (hasPart())
      ranks.send(0, out[j].data<uint8_t>(),
                 uint64_t(out[j].elements()) * nnf_dtype_bytes(session.model.outputs()[j].dtype));
    joined.push_back(std::move(result));
  }
  // In-out inputs change part by part; one that all have whole, as rank 0 says.
  for (size_t i = 0; i < numInputs(); ++i) {
    if (!isInOut(i))
      continue;
    const Cut &cut = inputs[i];
    bool isCut = ranks.broadcast(!cut.whole) != 0;
    if (!isRoot()) {
      if (hasPart() && isCut)
        ranks.send(0, parts[i].data(), parts[i].bytes());
      continue;
    }
    Array &whole = session.inputs[i];
    if (!isCut && whole.bytes())
      memcpy(whole.data(), parts[i].data(), whole.bytes());
    for (uint32_t r = 0; isCut && r < used; ++r) {
      std::vector<int64_t> dims = whole.dims;
      dims[cut.dim] = cut.chunks.lengthOf(r);
      Array part;
      if (!part.allocate(whole.dtype, dims))
        throw std::bad_alloc();
      if (r > 0)
        ranks.receive(r, part.data(), part.bytes());
      if (whole.bytes())
        rowsOf(whole.dims, cut.dim, whole.dtype)
            .put(whole.data(), cut.chunks.size, cut.chunks.first(r), cut.chunks.lengthOf(r),
                 r > 0 ? part.data() : parts[i].data());
    }
  }
  return {};
}

Failure RankedRun::open(bool randomInputs, Streams streams) {
  if (Failure failure = ranks.agree(load(randomInputs, streams), false))
    return failure;
  if (Failure failure = ranks.agree(compareModels(), false))
    return failure;
  inputs.resize(numInputs());
  outputs.resize(session.model.outputs().size());
  parts.resize(numInputs());
  if (Failure failure = ranks.agree(isRoot() ? plan() : Failure(), false))
    return failure;
  used = uint32_t(ranks.broadcast(used));
  return {};
}

Failure RankedRun::runOnce() {
  if (hasPart())
    scatter();
  if (Failure failure = ranks.agree(hasPart() ? runPart() : Failure(), true))
    return failure;
  return gather();
}

std::vector<Result> RankedRun::results() const {
  std::vector<Result> results;
  for (size_t j = 0; j < outputs.size(); ++j)
    addResult(results, session.model.outputs()[j], joined[j].dims, joined[j].data());
  for (size_t i = 0; i < numInputs(); ++i)
    if (isInOut(i))
      addResult(results, input(i), session.inputs[i].dims, session.inputs[i].data());
  return results;
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
    RankedRun run(request, ranks);
    if (Failure failure = run.open(request.randomInputs, inner))
      return failure;
    if (Failure failure = run.runOnce())
      return failure;
    return ranks.index() == 0 ? writeResults(request, run.results(), inner) : Failure();
  };
  return commandOverRanks(request, command, streams);
}

} // namespace nnf::run
