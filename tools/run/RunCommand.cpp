#include "tools/run/OutputFile.h"
#include "tools/run/Results.h"
#include "tools/run/Session.h"
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <ostream>
#include <sstream>

namespace nnf::run {
namespace {

template <typename T> T get(const uint8_t *data, int64_t index) {
  T value;
  memcpy(&value, data + uint64_t(index) * sizeof(T), sizeof(T));
  return value;
}

float floatOfBits(uint32_t bits) {
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/// IEEE 754 binary16.
float floatOfHalf(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  float magnitude = exponent == 31
                        ? (fraction ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity())
                    : exponent ? std::ldexp(float(1024 + fraction), exponent - 25)
                               : std::ldexp(float(fraction), -24);
  return bits & 0x8000 ? -magnitude : magnitude;
}

void describeValue(std::ostream &text, uint32_t dtype, const uint8_t *data, int64_t i) {
  switch (dtype) {
  case NNF_FLOAT32: text << get<float>(data, i); break;
  case NNF_FLOAT64: text << get<double>(data, i); break;
  case NNF_FLOAT16: text << floatOfHalf(get<uint16_t>(data, i)); break;
  case NNF_BFLOAT16: text << floatOfBits(uint32_t(get<uint16_t>(data, i)) << 16); break;
  case NNF_INT64: text << get<int64_t>(data, i); break;
  case NNF_INT32: text << get<int32_t>(data, i); break;
  case NNF_INT16: text << get<int16_t>(data, i); break;
  case NNF_INT8: text << int(get<int8_t>(data, i)); break;
  case NNF_UINT8: text << unsigned(get<uint8_t>(data, i)); break;
  case NNF_BOOL: text << (get<uint8_t>(data, i) ? "true" : "false"); break;
  case NNF_UINT16: text << get<uint16_t>(data, i); break;
  case NNF_UINT32: text << get<uint32_t>(data, i); break;
  case NNF_UINT64: text << get<uint64_t>(data, i); break;
  default: text << '?'; break;
  }
}

Failure writeResult(const std::string &folder, const Result &result) {
  std::string preamble = npyPreamble(result.info.dtype, result.dims);
  size_t bytes = size_t(result.elements) * nnf_dtype_bytes(result.info.dtype);
  return writeFile(folder + "/" + fileNameOf(result.info.name) + ".npy",
                   {preamble, {reinterpret_cast<const char *>(result.data), bytes}});
}

/// Unless one of that name is there: a graph input that is changed in place is an output of the same name too.
void addResult(std::vector<Result> &results, const nnf_tensor_info &info, const Tensor &tensor) {
  for (const Result &earlier : results)
    if (strcmp(earlier.info.name, info.name) == 0)
      return;
  int64_t elements = 1;
  for (int64_t size : tensor.dims())
    elements *= size;
  results.push_back({info, {tensor.dims().begin(), tensor.dims().end()}, tensor.data<uint8_t>(), elements});
}

Failure runAndWrite(const RunRequest &request, Streams streams) {
  Session session;
  if (Failure failure = session.open(request, request.randomInputs, streams))
    return failure;
  if (Failure failure = session.runOnce())
    return failure;
  return writeResults(request, resultsOf(session), streams);
}

} // namespace

std::string describeValues(uint32_t dtype, const uint8_t *data, int64_t elements, int64_t limit) {
  std::ostringstream text;
  for (int64_t i = 0; i < elements && i < limit; ++i) {
    text << (i ? " " : "");
    describeValue(text, dtype, data, i);
  }
  if (elements > limit)
    text << " …";
  return text.str();
}

int report(const Failure &failure, Streams streams) {
  if (failure)
    streams.err << "error: " + numbered(failure.text) + "\n"; // at once: mpirun puts lines of its own between writes
  return failure.status;
}

int conclude(const std::function<Failure(Streams)> &command, Streams streams) {
  std::ostringstream notes; // an error comes first on the stream
  Failure failure;
  try {
    failure = command({streams.out, notes});
  } catch (const std::bad_alloc &) {
    failure = fault("out of memory [NNFC-E0609]");
  }
  int status = report(failure, streams);
  streams.err << notes.str();
  return status;
}

std::vector<Result> resultsOf(const Session &session) {
  std::vector<Result> results;
  for (size_t j = 0; j < session.out.size(); ++j)
    addResult(results, session.model.outputs()[j], session.out[j]);
  for (size_t i = 0; i < session.in.size(); ++i)
    if (session.model.inputs()[i].flags & NNF_TENSOR_INOUT)
      addResult(results, session.model.inputs()[i], session.in[i]);
  return results;
}

Failure writeResults(const RunRequest &request, const std::vector<Result> &results, Streams streams) {
  if (!request.outputDir.empty())
    if (Failure failure = makeFolder(request.outputDir))
      return failure;
  for (const Result &result : results) {
    if (!request.outputDir.empty())
      if (Failure failure = writeResult(request.outputDir, result))
        return failure;
    streams.out << result.info.name << ": " << describeType(result.info.dtype, result.dims) << " = "
                << describeValues(result.info.dtype, result.data, result.elements, 8) << "\n";
  }
  return {};
}

int runCommand(const RunRequest &request, Streams streams) {
  if (request.overRanks)
    return runOverRanks(request, streams);
  return conclude([&](Streams inner) { return runAndWrite(request, inner); }, streams);
}

} // namespace nnf::run
