/* The C interface of the nnfc runtime: load a compiled model, ask what it takes and gives, run it.
 *
 *   nnf_program *program; nnf_context *context;
 *   nnf_program_load("net.so", NULL, &program);
 *   nnf_context_create(program, NULL, &context);
 *   DLTensor *in[] = {&x}, *out[] = {&y};           // y.data == NULL: the context allocates it
 *   if (nnf_run(context, in, 1, out, 1, NULL) != NNF_OK) puts(nnf_error_message(context));
 *
 * Every call that can fail returns a status (NNF_OK, NNF_ERROR_*: abi.h); nothing throws, nothing aborts.
 * A program may be used from any number of threads, a context from one at a time. No function here is called
 * nnf_model_*: those names belong to the compiled models. */
#ifndef NNF_NNF_H
#define NNF_NNF_H
#include "abi.h"
#include "dlpack/dlpack.h" /* beside this file where it is installed, else the system's */
#ifdef __cplusplus
extern "C" {
#endif

#define NNF_API __attribute__((visibility("default")))

typedef struct nnf_library nnf_library; /* a shared library with one or more models */
typedef struct nnf_program nnf_program; /* a model that has been checked and has its weights in memory */
typedef struct nnf_context nnf_context; /* what running a program needs: threads, memory, random state */

/* "invalid argument", ... */
NNF_API const char *nnf_status_name(int32_t status);
/* Why the last failed call on `context` failed. NULL: the calling thread's last failed call that had no context.
 * Valid until the next such call; "" when there was none. */
NNF_API const char *nnf_error_message(const nnf_context *context);
/* "float32", ...; "unknown" for a number that is no dtype. */
NNF_API const char *nnf_dtype_name(uint32_t dtype);
/* Bytes of one element; 0 for a number that is no dtype. */
NNF_API uint32_t nnf_dtype_bytes(uint32_t dtype);
/* The DLPack type of a dtype. BOOL is given as uint8; type code 6 with 8 bits is accepted for it too. */
NNF_API DLDataType nnf_dtype_dlpack(uint32_t dtype);

/* ---- libraries and programs ---- */

/* Opens a library and lists its models (the exported table `nnf_models`, ended by NULL). */
NNF_API int32_t nnf_library_open(const char *path, nnf_library **library);
/* Programs made from it, and their models, stay valid. NULL is fine. */
NNF_API void nnf_library_close(nnf_library *library);
/* How many models the library has. */
NNF_API uint32_t nnf_library_num_models(const nnf_library *library);
/* Model `index`, or NULL. It lives as long as the library or a program made from it. */
NNF_API const nnf_model *nnf_library_model(const nnf_library *library, uint32_t index);

/* The model `name` of the library at `path`; NULL: its only one. Checks that this runtime and this CPU can run it,
 * and maps external weights (beside the library; their size and hash must be right). */
NNF_API int32_t nnf_program_load(const char *path, const char *name, nnf_program **program);
/* The same from an open library, which may be closed then. */
NNF_API int32_t nnf_program_from_library(nnf_library *library, const char *name, nnf_program **program);
/* The same from a model linked into this program: &nnf_model_net. */
NNF_API int32_t nnf_program_from_model(const nnf_model *model, nnf_program **program);
/* Contexts made from it stay valid. NULL is fine. */
NNF_API void nnf_program_destroy(nnf_program *program);

/* The model's descriptor, which lives as long as the program: all that abi.h says of a model. */
NNF_API const nnf_model *nnf_program_model(const nnf_program *program);
/* How many inputs it has; nnf_run takes them in this order. */
NNF_API uint32_t nnf_program_num_inputs(const nnf_program *program);
/* How many outputs it has. */
NNF_API uint32_t nnf_program_num_outputs(const nnf_program *program);
/* How many of its sizes have a name. */
NNF_API uint32_t nnf_program_num_symbols(const nnf_program *program);
/* Name, dtype and sizes of an input; NULL when there is no such one. A size -1-s is symbol s. */
NNF_API const nnf_tensor_info *nnf_program_input(const nnf_program *program, uint32_t index);
/* The same of an output; a size NNF_DIM_COMPUTED follows from the inputs', and nnf_output_shapes tells it. */
NNF_API const nnf_tensor_info *nnf_program_output(const nnf_program *program, uint32_t index);
/* Name and bounds of a named size; NULL when there is no such one. */
NNF_API const nnf_symbol_info *nnf_program_symbol(const nnf_program *program, uint32_t index);

/* A tensor given by its name. */
typedef struct nnf_named_tensor {
  const char *name;
  DLTensor *tensor;
} nnf_named_tensor;

/* New weights for a model compiled with --swappable-weights: all constants of the model file that are floating-point
 * numbers or 8-bit integers (and biases of quantised operators), under their names there, as they are there (on the
 * CPU, compact and row-major); those that were compiled in are refused. For a GPU they are copied there. They are
 * prepared as the compiler does it, on the process's threads, and copied: the tensors are the caller's again. Runs that
 * begin after the call have the new weights, runs that have begun end with the old ones, as does a data_parallel with
 * all of its replicas. After a failure the weights are what they were. Any thread may call, at any time; the message is
 * nnf_error_message(NULL). */
NNF_API int32_t nnf_program_set_weights(nnf_program *program, const nnf_named_tensor *weights, uint32_t count);

/* ---- contexts ---- */

/* Threads of the caller's own. `parallel_for` calls body(data, lane) exactly once for each lane in [0, lanes), on any
 * threads, at once or one after the other, and returns when all have returned. */
typedef struct nnf_executor {
  void *user;
  void (*parallel_for)(void *user, uint32_t lanes, void (*body)(void *data, uint32_t lane), void *data);
} nnf_executor;

/* Memory of the caller's own: `alignment` is a power of two; NULL says that there is none. */
typedef struct nnf_allocator {
  void *user;
  void *(*allocate)(void *user, uint64_t bytes, uint64_t alignment);
  void (*release)(void *user, void *data, uint64_t bytes, uint64_t alignment);
} nnf_allocator;

/* How runs of a context are made. All zero is a good choice, but for struct_size. */
typedef struct nnf_context_options {
  uint32_t struct_size;           /* sizeof(nnf_context_options) */
  uint32_t threads;               /* 1: the caller alone; 0: as many as affinity and cgroup quota allow */
  const nnf_executor *executor;   /* copied; NULL: the process's pool */
  const nnf_allocator *allocator; /* copied; NULL: the C library's */
  uint64_t seed;                  /* of random ops */
  /* Since 1.3: a device as DLPack numbers it, which must be one of those the model is compiled for; type 0: the CPU, or
   * CUDA device `device_id` for a model of --target=cuda. */
  int32_t device_type;
  int32_t device_id;
} nnf_context_options;

/* `options` NULL: all zero. Threads never change a result. */
NNF_API int32_t nnf_context_create(nnf_program *program, const nnf_context_options *options, nnf_context **context);
/* Frees what the context owns, outputs that it allocated too. NULL is fine. */
NNF_API void nnf_context_destroy(nnf_context *context);
/* The number the next run has (0 for the first, then +1): with the seed it decides what random ops draw. */
NNF_API void nnf_context_set_run(nnf_context *context, uint64_t run);
/* That number. */
NNF_API uint64_t nnf_context_run(const nnf_context *context);
/* How many threads a run uses at most. */
NNF_API uint32_t nnf_context_threads(const nnf_context *context);
/* Bytes the context holds now: arena, scratch and outputs. */
NNF_API uint64_t nnf_context_bytes(const nnf_context *context);

/* Sizes of the outputs for inputs of these types and sizes (data is not looked at). out_shapes[j] has room for the
 * rank of output j; the sizes of an output that only a run can know are written as -1. */
NNF_API int32_t nnf_output_shapes(nnf_context *context, DLTensor *const in[], uint32_t n_in,
                                  int64_t *const out_shapes[]);

/* Called on the thread that called nnf_run, after each launch. Times are of CLOCK_MONOTONIC. */
typedef struct nnf_profiler {
  void *user;
  void (*launch)(void *user, uint32_t launch, uint64_t begin_ns, uint64_t end_ns, int64_t tasks);
} nnf_profiler;

/* What one run has of its own. */
typedef struct nnf_run_options {
  uint32_t struct_size;         /* sizeof(nnf_run_options) */
  uint32_t reserved;            /* 0 */
  const uint64_t *seed;         /* NULL: the context's */
  const int32_t *cancel;        /* non-zero asks to stop; another thread may set it (atomically) during the run */
  const nnf_profiler *profiler; /* NULL: none */
  void *stream; /* since 1.3, on a GPU: the CUstream that work is enqueued in; NULL: the context's own */
} nnf_run_options;

/* One run: fills in out[] from in[], n_in and n_out as many as the model has. The status tells how it ended; after one
 * other than NNF_OK nnf_error_message(context) names the tensor, what was found and what was expected.
 *   NNF_ERROR_ARGUMENT  a tensor has not the dtype, rank, sizes or layout that it must have, or overlaps another
 *   NNF_ERROR_DATA      a check of the model failed on its values, an index out of range for example
 *   NNF_ERROR_MEMORY    no memory for intermediate results or outputs
 *   NNF_CANCELLED       options->cancel was set
 * Tensors are on the CPU, compact and row-major (or strides NULL), aligned to their elements.
 *   in[i]   has the dtype, rank and sizes of input i; equal symbols are equal sizes.
 *   out[j]  with data: has the dtype, rank and sizes of output j, and overlaps no other tensor of the call.
 *           with data NULL: is filled in whole; the context owns data and shape until its next run. Such a tensor may
 *           be passed again to that run as it is; if the run fails, its data is NULL after it, or still what it was.
 *           NULL: nobody wants to look at this output.
 * In-out inputs: in[i]'s buffer holds the value of the tied output after the run, and only if it succeeds; that
 * output may be given the same buffer. After a failed run the contents of the caller's other output buffers are
 * not defined. Outputs for sizes that only the run knows must have data NULL.
 * On a GPU, cuda:K: tensors may be there (DLPack's kDLCUDA, kDLCUDAManaged), in pinned memory (kDLCUDAHost) or on the
 * CPU, each as it likes. An output with data NULL is filled in on the CPU, or on the GPU where its device says so.
 * A tensor whose address is no multiple of 16 is copied first. Without a stream of the caller's, tensors on the GPU
 * must be ready when the call is made, and all is done when it returns. With one, the run comes after what is in the
 * stream; if all tensors are on the GPU and the model has nothing to check, the call returns when the run is enqueued,
 * and memory of inputs and outputs is the caller's again when the stream has come to its end. The profiler's times are
 * the GPU's. A model without code that this GPU and its driver take, no driver, no GPU: NNF_ERROR_UNSUPPORTED, when a
 * context is made; the first one on a device also copies the weights there. */
NNF_API int32_t nnf_run(nnf_context *context, DLTensor *const in[], uint32_t n_in, DLTensor *const out[],
                        uint32_t n_out, const nnf_run_options *options);

/* ---- data_parallel: one model, a batch, several devices ---- */

/* Replicas of a program on devices: what torch.nn.parallel.data_parallel(module, inputs, device_ids, output_device,
 * dim, module_kwargs) makes for each call is made once here. Weights are shared. */
typedef struct nnf_replicas nnf_replicas;

/* On which devices, and how a batch is cut. */
typedef struct nnf_replicas_options {
  uint32_t struct_size;          /* sizeof(nnf_replicas_options) */
  uint32_t num_devices;          /* 0: every core set (core_sets, or else one for each node of memory), or every GPU */
  const DLDevice *device_ids;    /* {kDLCPU, K}: the K-th core set of the CPU. {kDLCUDA, K}: a GPU */
  const DLDevice *output_device; /* where results come together: NULL, or any of the CPU, whose sets share its memory */
  int64_t dim;                   /* that the batch is cut and joined along; negative: from the last */
  /* How many sets the CPUs of the process (of the calling thread's affinity) are cut into, as evenly as can be; CPUs of
   * one node of memory, package and core stay together. 0: as many as the largest K asks for. Where there are fewer
   * CPUs than sets, set K has CPU K modulo their number. */
  uint32_t core_sets;
  uint32_t threads;          /* of one replica at most; 0: all of its core set */
  const uint8_t *replicated; /* [input] non-zero: not a part of the batch, every replica gets it whole; NULL: none */
  const nnf_allocator *allocator; /* copied; NULL: the C library's */
  uint64_t seed; /* of random ops: replica 0 draws what a context with this seed does, each other one something else */
} nnf_replicas_options;

/* `options` NULL: all zero. The message of a failure here and below is nnf_error_message(NULL). */
NNF_API int32_t nnf_replicas_create(nnf_program *program, const nnf_replicas_options *options, nnf_replicas **replicas);
/* Frees what they own, outputs that they allocated too. NULL is fine. */
NNF_API void nnf_replicas_destroy(nnf_replicas *replicas);
/* How many replicas there are: one for each device. */
NNF_API uint32_t nnf_replicas_count(const nnf_replicas *replicas);
/* Threads that a replica uses at most. */
NNF_API uint32_t nnf_replicas_threads(const nnf_replicas *replicas, uint32_t replica);
/* Bytes that all replicas hold now: arenas, scratch, outputs and copies. */
NNF_API uint64_t nnf_replicas_bytes(const nnf_replicas *replicas);

/* One run of a batch. in[] are the model's first n_in inputs, kwargs[] name the others.
 * Scatter: each input is cut along dim as torch.chunk does, the parts of 7 over 3 devices being 3, 3 and 1 and those of
 * 4 over 3 being 2 and 2; as many replicas run as the input with the fewest parts has. Scalars and inputs marked as
 *   `replicated` go to each as they are. The model's size along dim must be a named one, or what every part has.
 * Gather: outputs are joined along dim in the order of the devices; scalars become a vector, with dim 0 only. With one
 *   device this is nnf_run. out[j] is as for nnf_run; what is allocated belongs to `replicas` until its next run.
 * In-out inputs change when all replicas have succeeded: each part of one that is cut, and a replicated one as the
 *   first replica changed it.
 * All replicas run to their end; the failure of the first that failed is returned, its text says which and where. The
 * options are as for nnf_run, but for profiler and stream, which must be NULL. Tensors are on the CPU, or in pinned
 * memory for a model of --target=cuda. One call at a time. */
NNF_API int32_t nnf_data_parallel(nnf_replicas *replicas, DLTensor *const in[], uint32_t n_in,
                                  const nnf_named_tensor *module_kwargs, uint32_t n_kwargs, DLTensor *const out[],
                                  uint32_t n_out, const nnf_run_options *options);

/* ---- data_parallel over processes: nnf_mpi.h has it for MPI ---- */

/* How this process, one of `size`, reaches the others. Between two ranks the order of messages is kept. The functions
 * return 0, or a status of their own, which ends everything: the ranks can only be destroyed then. */
typedef struct nnf_communicator {
  uint32_t struct_size; /* sizeof(nnf_communicator) */
  int32_t rank, size;
  uint32_t reserved; /* 0 */
  const char *host;  /* what errors call the machine; copied; NULL: they do not say */
  void *user;
  int32_t (*send)(void *user, int32_t to, const void *data, uint64_t bytes);
  int32_t (*receive)(void *user, int32_t from, void *data, uint64_t bytes);
  /* NULL, both: rank 0 sends to one rank after the other. begin_send need not wait until the message is on its way:
   * `data` stays as it is until finish_sends, which waits for all that have been begun. */
  int32_t (*begin_send)(void *user, int32_t to, const void *data, uint64_t bytes);
  int32_t (*finish_sends)(void *user);
} nnf_communicator;

/* A program on this rank, as one of several. */
typedef struct nnf_ranks nnf_ranks;

/* How this rank takes part; zero what is not needed. */
typedef struct nnf_ranks_options {
  uint32_t struct_size;           /* sizeof(nnf_ranks_options) */
  uint32_t threads;               /* of this rank's run at most; 0: as many CPUs as the process may use */
  int64_t dim;                    /* of rank 0: that the batch is cut and joined along; negative: from the last */
  const uint8_t *replicated;      /* of rank 0: [input] non-zero: every rank gets it whole; NULL: none */
  const DLDevice *device;         /* of this rank; NULL: what the program is for */
  const nnf_allocator *allocator; /* of this rank; copied; NULL: the C library's */
  uint64_t seed; /* of random ops: rank 0 draws what a context with this seed does, each other one something else */
} nnf_ranks_options;

/* All ranks make the same calls, each with a program of the same compiled library. `options` NULL: all zero. A failure
 * of one rank is the failure of all: "rank 2 on node7: …". The message is nnf_error_message(NULL). */
NNF_API int32_t nnf_ranks_create(const nnf_communicator *communicator, nnf_program *program,
                                 const nnf_ranks_options *options, nnf_ranks **ranks);
/* Sends nothing. Outputs that were allocated go with it. NULL is fine. */
NNF_API void nnf_ranks_destroy(nnf_ranks *ranks);
/* Threads that this rank uses at most. */
NNF_API uint32_t nnf_ranks_threads(const nnf_ranks *ranks);
/* Bytes that this rank holds now: arena, scratch, parts and outputs. */
NNF_API uint64_t nnf_ranks_bytes(const nnf_ranks *ranks);
/* One run of rank 0's batch, by the rules of nnf_data_parallel: rank 0 gives the tensors and gets the results, those of
 * other ranks are not looked at (NULL and 0). All ranks run to their end; then all get the status and message of the
 * first that failed, and nothing has changed. A seed in rank 0's options is for all; `cancel` is each rank's own. */
NNF_API int32_t nnf_ranks_run(nnf_ranks *ranks, DLTensor *const in[], uint32_t n_in,
                              const nnf_named_tensor *module_kwargs, uint32_t n_kwargs, DLTensor *const out[],
                              uint32_t n_out, const nnf_run_options *options);

#ifdef __cplusplus
}
#endif
#endif
