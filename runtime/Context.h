// Inside of a context: what one run after the other works on. Nothing is allocated in a run but what has grown.
#ifndef NNF_RUNTIME_CONTEXT_H
#define NNF_RUNTIME_CONTEXT_H
#include "Memory.h"
#include "Message.h"
#include "Program.h"
#include "ThreadPool.h"
#include <atomic>

namespace nnf::rt::cuda {
struct DeviceContext;
}

namespace nnf::rt {
class WeightsHold;

struct InputSlot {
  uint8_t *data = nullptr;
  uint64_t bytes = 0;
  DLDevice device = {kDLCPU, 0};
};

struct OutputSlot {
  Buffer own;              ///< the context's memory for it, where the caller gave none
  int64_t *dims = nullptr; ///< sizes in the latest run; rank entries
  uint64_t bytes = 0;
  uint8_t *given = nullptr; ///< the caller's memory; NULL: own is used
  DLDevice givenOn = {kDLCPU, 0};
  bool wantedOnDevice = false; ///< the context's memory for it, in a run on a GPU
  bool known = false;          ///< dims are set: from the start, or by alloc_output
  bool filledBefore = false;   ///< the tensor of this call holds what an earlier run has put into the context's memory
};

} // namespace nnf::rt

struct nnf_context {
  nnf_program *program = nullptr;
  nnf::rt::Allocator allocator;
  nnf_executor executor = {nullptr, nullptr}; // unset: the pool
  nnf::rt::ThreadPool *pool = &nnf::rt::ThreadPool::process();
  uint32_t lanes = 1;
  const nnf::rt::WeightsHold *weights = nullptr; // for the next run, where several are to have the same; NULL: its own
  uint64_t seed = 0, run = 0;
  std::atomic<bool> inUse{false};
  nnf::rt::cuda::DeviceContext *device = nullptr; // where kernels run; NULL: on the CPU
  nnf::rt::Message message;

  nnf::rt::Buffer arena, scratch;
  nnf::rt::Buffer *temporaries = nullptr; // for sizes that the data decide
  nnf::rt::Buffer tables;                 // holds the arrays below
  nnf::rt::InputSlot *inputs = nullptr;
  nnf::rt::OutputSlot *outputs = nullptr;
  int64_t *symbols = nullptr;
  int32_t *symbolInput = nullptr; // which input bound the symbol; -1: none
  int64_t *outputDims = nullptr;  // of all outputs, one after the other
  void **inputPointers = nullptr, **outputPointers = nullptr;

  const nnf_model &model() const { return *program->model; }
  uint32_t numTemporaries() const { return nnf::rt::numTemporaries(model()); }
};

namespace nnf::rt {

/// nnf_context_create with a pool, which outlives the context.
int32_t createContext(nnf_program *program, const nnf_context_options *options, ThreadPool &pool, nnf_context **result,
                      Message &message);

/// The options, with zeroes for what the caller's version of the struct did not have yet.
int32_t readRunOptions(const nnf_run_options *given, nnf_run_options &options, Message &message);

/// Checks `in` against the model and fills inputs and symbols. `withData`: data must be there.
int32_t bindInputs(nnf_context &context, DLTensor *const in[], uint32_t count, bool withData);
/// Computes the outputs' sizes from the symbols. A model's requirement that they do not meet is an error.
int32_t computeOutputDims(nnf_context &context);
/// Checks `out` against the sizes; finds or makes the memory of each output.
int32_t bindOutputs(nnf_context &context, DLTensor *const out[], uint32_t count);
/// After a failed run: tensors that an earlier run had filled in have no data any more, since the memory behind them
/// may be gone. Passed again as they are, they are filled in anew.
void takeBackOutputs(nnf_context &context, DLTensor *const out[]);
/// Hands the context's outputs to the tensors that came without data, and in-out inputs their new values.
void deliverOutputs(nnf_context &context, DLTensor *const out[]);

/// Checks what of tensor `index` does not depend on the model's sizes: device, dtype, rank, strides, memory. The
/// message is the context's.
int32_t checkInputForm(nnf_context &context, uint32_t index, const DLTensor *tensor, uint64_t &bytes);
int32_t checkOutputForm(nnf_context &context, uint32_t index, uint32_t rank, const int64_t *dims,
                        const DLTensor &tensor);
/// Whether two pieces of memory have a byte in common.
bool overlap(const uint8_t *a, uint64_t aBytes, const uint8_t *b, uint64_t bBytes);
/// The data of a tensor, or NULL.
inline uint8_t *dataOf(const DLTensor &tensor) {
  return tensor.data ? static_cast<uint8_t *>(tensor.data) + tensor.byte_offset : nullptr;
}

/// Fails with the text of a check that did not hold, {value} and {bound} replaced.
int32_t reportCheck(nnf_context &context, const nnf_check_state &state, int32_t status);

/// What a run has come to. A failed check comes first: what followed it ran on clamped data. `failure`: the status of
/// what is in the context's message already; `status`: what the driver has returned.
int32_t concludeRun(nnf_context &context, const nnf_check_state &check, int32_t failure, int32_t status);

// Contexts of models with code for GPUs: runtime/cuda.

/// Memory that a context has handed to its caller for an output.
struct KeptMemory {
  const uint8_t *data = nullptr;
  uint64_t bytes = 0;
};

int32_t createOnDevice(nnf_context &context, int ordinal, Message &message);
void destroyOnDevice(nnf_context &context);
/// A run of bound tensors; hands the outputs to the caller.
int32_t runOnDevice(nnf_context &context, const nnf_run_options &options, DLTensor *const out[]);
/// Whether memory of `device` is the context's GPU's own.
bool isOnDevice(const nnf_context &context, const DLDevice &device);
int deviceOrdinal(const nnf_context &context);
uint64_t bytesOnDevice(const nnf_context &context);
KeptMemory keptOnDevice(const nnf_context &context, uint32_t output, bool onDevice);

/// Bytes of a compact tensor; false: more than any memory.
bool tensorBytes(const int64_t *dims, uint32_t rank, uint32_t elementBytes, uint64_t &bytes);

} // namespace nnf::rt
#endif
