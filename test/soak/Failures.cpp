// Each allocation, mapping and start of a thread fails once, in loading, contexts, runs and replicas: the answer is a
// status with a message, or the right result with fewer threads, and all memory is given back.
#include "Allocations.h"
#include "Subject.h"
#include <filesystem>

namespace nnf::soak {
namespace {

/// What one attempt came to.
struct Outcome {
  int32_t status = NNF_OK;
  std::string message, result;
  bool hasFailed = false;
};

struct Attempt {
  const Options &options;
  nnf_program *program = nullptr;
  nnf_context *context = nullptr;
  nnf_replicas *replicas = nullptr;

  ~Attempt() {
    nnf_replicas_destroy(replicas);
    nnf_context_destroy(context);
    nnf_program_destroy(program);
  }
};

/// Loads, runs small and then large, on a context and on two replicas. Nothing of the test's own asks for memory while
/// calls are made to fail.
Outcome attempt(const Options &options, nnf_program *shape, int64_t failing) {
  std::vector<int64_t> symbols(nnf_program_num_symbols(shape), 2);
  Inputs small(shape, symbols);
  symbols.assign(symbols.size(), options.maxSize);
  Inputs large(shape, symbols);
  Outputs out(shape), ofReplicas(shape);
  Attempt its{options};
  Outcome outcome;
  const char *message = "";
  {
    FailOnce failOnce(failing);
    auto step = [&](int32_t status, bool ofContext) {
      outcome.status = status;
      if (status)
        message = nnf_error_message(ofContext ? its.context : nullptr);
      return status == NNF_OK;
    };
    nnf_context_options three = {sizeof three, 3, nullptr, nullptr, 0, 0, 0};
    DLDevice devices[] = {{kDLCPU, 0}, {kDLCPU, 1}};
    nnf_replicas_options two = {};
    two.struct_size = sizeof two;
    two.num_devices = 2;
    two.device_ids = devices;
    (void)(step(nnf_program_load(options.library.c_str(), nullptr, &its.program), false) &&
           step(nnf_context_create(its.program, &three, &its.context), false) &&
           step(nnf_run(its.context, small.tensors(), small.count(), out.tensors(), out.count(), nullptr), true) &&
           step(nnf_run(its.context, large.tensors(), large.count(), out.tensors(), out.count(), nullptr), true) &&
           step(nnf_replicas_create(its.program, &two, &its.replicas), false) &&
           step(nnf_data_parallel(its.replicas, large.tensors(), large.count(), nullptr, 0, ofReplicas.tensors(),
                                  ofReplicas.count(), nullptr),
                false));
    outcome.hasFailed = failOnce.hasFailed();
  }
  outcome.message = message;
  if (outcome.status == NNF_OK)
    outcome.result = out.bytes() + ofReplicas.bytes();
  // With memory again, what has come about works.
  if (outcome.status && its.context) {
    run(its.context, large, out);
    if (its.replicas)
      expectOk(nnf_data_parallel(its.replicas, large.tensors(), large.count(), nullptr, 0, ofReplicas.tensors(),
                                 ofReplicas.count(), nullptr),
               nullptr, "data_parallel after a failure");
  }
  return outcome;
}

/// Lets each call fail once. Returns how many there are.
int64_t failEach(const Options &options, nnf_program *shape, const std::string &right, int64_t &asErrors) {
  for (int64_t failing = 0;; ++failing) {
    Outcome outcome = attempt(options, shape, failing);
    std::string place = "call " + std::to_string(failing) + " failed: ";
    if (!outcome.hasFailed)
      return failing;
    if (outcome.status == NNF_OK && outcome.result != right)
      fail(place + "another result");
    // The loader says of some of its own failures no more than that it cannot open the file.
    bool isLoaders = outcome.status == NNF_ERROR_MODEL && outcome.message.starts_with(options.library + ": ");
    if (outcome.status != NNF_OK && outcome.status != NNF_ERROR_MEMORY && !isLoaders)
      fail(place + "status " + nnf_status_name(outcome.status) + ", expected out of memory: " + outcome.message);
    if (outcome.status != NNF_OK && outcome.message.empty())
      fail(place + "no message");
    asErrors += outcome.status != NNF_OK;
  }
}

} // namespace

void soakFailures(const Options &given) {
  nnf_program *shape = load(given.library);
  // A file of its own, which the loader has not loaded yet.
  Options options = given;
  options.library += ".again.so";
  std::filesystem::copy_file(given.library, options.library, std::filesystem::copy_options::overwrite_existing);
  std::string right = attempt(options, shape, -1).result;
  // Twice: what the C library keeps for good it has after the first time.
  int64_t asErrors = 0;
  failEach(options, shape, right, asErrors);
  int64_t before = livePieces();
  asErrors = 0;
  int64_t calls = failEach(options, shape, right, asErrors);
  if (livePieces() != before)
    fail(std::to_string(livePieces() - before) + " pieces of memory are lost in " + std::to_string(calls) +
         " failures");
  nnf_program_destroy(shape);
  printf("calls %lld\nerrors %lld\n", (long long)calls, (long long)asErrors);
}

} // namespace nnf::soak
