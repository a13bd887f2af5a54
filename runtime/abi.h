/* The words a compiled model and the runtime share: plain C, no dependency. The compiler lays these
 * structs out in the object file (codegen/driver), the runtime reads them (runtime/Model.cpp).
 * Append only; a field never changes its meaning. A model with the same abi_major and an abi_minor up to
 * the runtime's own is accepted. docs/design/0002-abi.md says why each field is there. */
#ifndef NNF_ABI_H
#define NNF_ABI_H
#include <stdint.h>
#ifdef __cplusplus
extern "C" {
#endif

#define NNF_ABI_MAJOR 1u
#define NNF_ABI_MINOR 7u

/* Element types, numbered as in the graph file. BOOL is one byte, 0 or 1. */
enum {
  NNF_FLOAT32 = 1,
  NNF_FLOAT64 = 2,
  NNF_FLOAT16 = 3,
  NNF_BFLOAT16 = 4,
  NNF_INT64 = 5,
  NNF_INT32 = 6,
  NNF_INT16 = 7,
  NNF_INT8 = 8,
  NNF_UINT8 = 9,
  NNF_BOOL = 10,
  NNF_UINT16 = 11,
  NNF_UINT32 = 12,
  NNF_UINT64 = 13
};

/* What a call comes back with; also what a driver returns and what the callbacks in nnf_rt hand to it. */
enum {
  NNF_OK = 0,
  NNF_ERROR_ARGUMENT = 1,    /* the call, or a tensor given to it, is wrong */
  NNF_ERROR_DATA = 2,        /* a check of the model failed on the data it was given */
  NNF_ERROR_MODEL = 3,       /* the library, its descriptor or its weights are not usable */
  NNF_ERROR_MEMORY = 4,      /* out of memory */
  NNF_ERROR_UNSUPPORTED = 5, /* this machine or this runtime lacks what the model needs */
  NNF_CANCELLED = 6,         /* the caller asked to stop */
  NNF_ERROR_INTERNAL = 7     /* a fault of compiler or runtime */
};

typedef struct nnf_rt nnf_rt;
typedef struct nnf_frame nnf_frame;

/* A dimension in the descriptor: a size >= 0; -1-s: the size bound to symbol s; NNF_DIM_COMPUTED: only
 * `output_dims` knows it (outputs only). */
#define NNF_DIM_COMPUTED INT64_MIN

enum {
  NNF_TENSOR_INOUT = 1u,         /* input whose buffer holds output `tied` after the run */
  NNF_TENSOR_DATA_DEPENDENT = 2u /* output whose sizes only the run knows: frame->outputs is NULL, the driver asks
                                    alloc_output; what output_dims says of it before the run is not looked at */
};

/* An input or output. */
typedef struct nnf_tensor_info {
  const char *name;
  uint32_t dtype;
  uint32_t rank;
  const int64_t *dims; /* rank entries */
  uint32_t flags;
  int32_t tied; /* input: index of the output that is its new value, else -1; output: index of that input, else -1 */
} nnf_tensor_info;

/* A size that has a name: the run binds it by its inputs. */
typedef struct nnf_symbol_info {
  const char *name;
  int64_t min, max, multiple_of; /* checked when an input binds the symbol */
} nnf_symbol_info;

/* One kernel: runs tasks [first, last) of its grid. Tasks are independent; how a sum is split never depends on
 * how tasks are spread. `args` are 8-byte slots (addresses, then sizes) laid out by the driver; `scratch` is
 * private to the call: scratch_bytes of the kernel's info, 64-byte aligned, or NULL when that is 0. */
typedef void (*nnf_kernel_fn)(const void *const *args, int64_t first, int64_t last, void *scratch);

/* What is known of a kernel. */
typedef struct nnf_kernel_info {
  const char *name; /* "conv2d+add+relu": what was fused */
  nnf_kernel_fn function;
  int64_t scratch_bytes; /* per worker */
} nnf_kernel_info;

/* One launch in the driver, for the profiler and `inspect`. */
typedef struct nnf_launch_info {
  uint32_t kernel; /* index into kernels */
  uint32_t reserved;
  const char *node;     /* name of the graph node at the group's root */
  int64_t flops, bytes; /* per run, with every symbol at its hint; -1: unknown */
} nnf_launch_info;

/* A run-time check (index in range, ...). The text has {value} and {bound} where those go. */
typedef struct nnf_check_info {
  const char *message;
} nnf_check_info;

/* The first failed check of a run, in program order: `order` is UINT64_MAX while none failed, else
 * check index << 32 | a position saturated to 32 bits. Kernels lower it by compare-and-exchange, and only the
 * winner writes value and bound. */
typedef struct nnf_check_state {
  uint64_t order;
  int64_t value, bound;
} nnf_check_state;

/* What one run works on. Pointers to data are 64-byte aligned, but for the caller's own. */
struct nnf_frame {
  uint32_t struct_size;
  uint32_t reserved;
  void *const *inputs; /* data of each input */
  void **outputs;      /* data of each output; NULL: the driver asks rt->alloc_output */
  int64_t *symbols;    /* one per symbol; those that no input binds are 0 and the driver's to write (no driver has any:
                          what data decide it keeps to itself) */
  const uint8_t *weights;
  uint8_t *arena; /* arena_bytes(symbols) bytes */
  nnf_check_state *check;
  uint64_t seed;
  uint64_t run; /* 0 for the first run of a context, then +1 */
};

/* What the runtime offers to a driver. Append only; a driver looks at struct_size before it uses a later field. */
struct nnf_rt {
  uint32_t struct_size;
  uint32_t reserved;
  /* Runs tasks [0, tasks) of kernels[kernel] and returns when all are done. 0, or a status to return at once. */
  int32_t (*parallel)(const nnf_rt *rt, uint32_t launch, nnf_kernel_fn function, int64_t tasks, int64_t scratch_bytes,
                      const void *const *args);
  /* Memory for output `index` with these dims; it lives until the context's next run. NULL: out of memory. */
  void *(*alloc_output)(const nnf_rt *rt, uint32_t index, const int64_t *dims, uint32_t rank);
  /* Reads one int64 that a kernel has written (on a device: waits for it). */
  int64_t (*read_scalar)(const nnf_rt *rt, const int64_t *address);
  /* Fails the run with check `check` of the model; returns the status to return. */
  int32_t (*fail)(const nnf_rt *rt, uint32_t check, int64_t value, int64_t bound);
  /* Non-zero: the caller asked to stop. Looked at between launches. */
  int32_t (*cancelled)(const nnf_rt *rt);
  /* Since 1.1. Memory for intermediate results whose sizes the data have decided: `index` below the model's
   * num_temporaries; it lives until the next such call with that index. NULL: out of memory. */
  void *(*alloc_temporary)(const nnf_rt *rt, uint32_t index, int64_t bytes);
  /* The same memory with room for `bytes`, and what was in its first `used` bytes. NULL: out of memory. */
  void *(*grow_temporary)(const nnf_rt *rt, uint32_t index, int64_t used, int64_t bytes);
  /* Since 1.3. Writes `bytes` bytes for the kernels that follow, into memory of theirs that the driver may not be able
   * to reach itself. `data` is free again when the call returns. */
  int32_t (*write)(const nnf_rt *rt, void *address, const void *data, int64_t bytes);
};

/* ---- code for GPUs (since 1.3) */

enum {
  NNF_DEVICE_NONE = 0,   /* code of the CPU, which a model with code for GPUs does not launch */
  NNF_DEVICE_KERNEL = 1, /* a function of the image: a task of its grid is a block */
  NNF_DEVICE_COPY = 2    /* a copy: slots are where from, where to, and how many bytes */
};

/* How one kernel is launched. Its slots are 8 bytes each, as `parallel` has them. */
typedef struct nnf_device_kernel {
  uint32_t kind; /* NNF_DEVICE_* */
  uint32_t threads;
  uint32_t parameters; /* how many slots the function takes */
  uint32_t checks; /* not 0: the last two slots are the nnf_check_state, which is to be on the device, and the number
                      of the first check */
  uint32_t shared_bytes;        /* dynamic shared memory: what the launch asks for */
  uint32_t static_shared_bytes; /* what the function has by itself; for `inspect` */
  uint32_t registers;           /* of a thread; 0: not known before it is assembled */
  /* Since 1.4. Not 0: threads in these dimensions of the block (of `threads` in all), and after the function's
   * parameters three more slots say how many blocks there are in x, y and z. */
  uint16_t block_y, block_z;
  const char *symbol; /* the function's name in the image */
} nnf_device_kernel;

enum {
  NNF_IMAGE_PTX = 1,  /* text that the driver compiles; ends with a NUL, which `bytes` counts */
  NNF_IMAGE_CUBIN = 2 /* machine code */
};
/* An image with features of one architecture ("sm_90a"): it runs on that compute capability alone. */
#define NNF_IMAGE_EXACT 1u

/* Kernels of a model for one architecture: all, or since 1.4 some of them; of the others the kind is NNF_DEVICE_NONE,
 * and the runtime takes each from the best image that has it. PTX runs on its compute capability and any later one, a
 * cubin on later ones of the same major number, either on none but its own with NNF_IMAGE_EXACT. */
typedef struct nnf_device_image {
  uint32_t kind;       /* NNF_IMAGE_PTX, NNF_IMAGE_CUBIN; others are for later runtimes, to be passed over */
  uint32_t capability; /* 10 * major + minor: 80 */
  uint32_t flags;      /* NNF_IMAGE_EXACT */
  uint32_t
      version; /* of PTX, the text's: 10 * major + minor; of a cubin, the toolkit's CUDA, the same way; 0: unknown */
  const char *arch; /* "sm_90a" */
  const uint8_t *data;
  uint64_t bytes;
  const nnf_device_kernel *kernels; /* as many as the model has */
} nnf_device_image;

/* A tensor map (since 1.5): how copies of whole tiles find them in a tensor of 16-bit floats. A launch makes it of the
 * address in a slot; it is 128 bytes. */
typedef struct nnf_tensor_map {
  uint32_t slot;
  uint32_t dtype;      /* NNF_FLOAT16 or NNF_BFLOAT16 */
  uint64_t offset;     /* bytes behind the slot's address to the first element */
  uint16_t rank;       /* 2 to 5 */
  uint16_t window;     /* since 1.6: 0, or the number of a row of nnf_device_code.windows, from 1 on */
  uint32_t box[5];     /* elements of a tile; its lines, of 128 bytes at most, are permuted in chunks of 16 */
  uint64_t dims[5];    /* elements; those of a line first */
  uint64_t strides[4]; /* bytes, of the dimensions after the first */
} nnf_tensor_map;

/* Of a tensor map whose tiles are what one tap of a convolution reads (since 1.6): box[0] channels at box[1] positions,
 * one position of the result after the other. The tensor's dimensions are channels, one to three spatial ones (the
 * fastest first, as here), and images. */
typedef struct nnf_map_window {
  int32_t lower[3], upper[3]; /* where the first tap is at the first position of the result, counted from the first of
                                 the tensor, and at the last one, counted from the last */
  uint32_t steps[3];          /* positions of the tensor from one of the result to the next */
} nnf_map_window;

/* What launches of a kernel in an image have beside what its nnf_device_kernel says (since 1.5). */
typedef struct nnf_device_launch {
  uint32_t image, kernel;     /* which */
  uint32_t blocks;            /* of the grid; 0: as many as the driver has tasks */
  uint32_t num_maps;          /* at most NNF_MOST_TENSOR_MAPS */
  const nnf_tensor_map *maps; /* parameters of the function, after all others */
} nnf_device_launch;
#define NNF_MOST_TENSOR_MAPS 4u

/* What a model has for GPUs. */
typedef struct nnf_device_code {
  uint32_t struct_size;
  uint32_t num_images;
  const nnf_device_image *images;
  /* Since 1.5. */
  uint32_t num_launches;
  uint32_t num_windows;              /* since 1.6; before, 0 */
  const nnf_device_launch *launches; /* of the kernels that need more than others */
  /* Since 1.6. */
  const nnf_map_window *windows; /* of the tensor maps that have one */
  /* Since 1.7. Of each launch: how many of its blocks a multiprocessor runs at once, which stay until all is done,
   * however many there are, so that no more are begun than there is room for; 0: there are as many as it says. NULL:
   * no blocks stay. */
  const uint32_t *resident;
} nnf_device_code;

/* ---- weights that a program sets (since 1.4) */

/* A constant of the model file. */
typedef struct nnf_raw_weight {
  const char *name; /* in the model file */
  uint32_t dtype;
  uint32_t rank;
  const int64_t *dims;   /* rank sizes */
  int64_t offset;        /* where it lies in the weights as it is; -1: nowhere */
  int64_t prepare_input; /* which input of `prepare` it is; -1: none. Neither: nothing reads it */
} nnf_raw_weight;

/* What becomes of the constants of the model file when a program sets them. */
typedef struct nnf_weights_recipe {
  uint32_t struct_size;
  uint32_t num_raw;
  const nnf_raw_weight *raw;
  const struct nnf_model *prepare; /* computes what lies in the weights otherwise; NULL: nothing does */
  const int64_t *prepared;         /* for each output of `prepare`: where it lies in the weights; -1: nowhere */
} nnf_weights_recipe;

/* The one symbol a model object exports: nnf_model_<name>. */
typedef struct nnf_model {
  uint32_t abi_major, abi_minor;
  uint32_t struct_size;
  uint32_t flags;
  const char *name;
  const char *target;    /* "x86_64-unknown-linux-gnu znver3" */
  const char *producer;  /* "nnfc 0.1.0" */
  uint64_t content_hash; /* of graph, weights and options */
  uint32_t num_inputs, num_outputs, num_symbols, num_kernels, num_launches, num_checks;
  const nnf_tensor_info *inputs;
  const nnf_tensor_info *outputs;
  const nnf_symbol_info *symbols;
  const nnf_kernel_info *kernels;
  const nnf_launch_info *launches;
  const nnf_check_info *checks;
  const uint8_t *weights; /* embedded, 64-byte aligned; NULL: in weights_file */
  uint64_t weights_bytes;
  uint64_t weights_hash;
  const char *weights_file; /* relative to the library; NULL: embedded */
  uint64_t cpu_features;    /* bits of NNF_CPU_*: what the code needs */
  /* Bytes of arena a run with these symbols needs, without what alloc_temporary gives. */
  int64_t (*arena_bytes)(const int64_t *symbols);
  /* Sizes of all outputs, one after the other (room for one at least). Returns 0; -1 when a size would be negative or
   * overflow; 1 + the index of the check that these sizes fail, and then dims[0] is the check's value. */
  int32_t (*output_dims)(const int64_t *symbols, int64_t *dims);
  /* One run. 0, or the status of the first thing that went wrong. */
  int32_t (*run)(const nnf_rt *rt, nnf_frame *frame);
  /* Since 1.1. */
  uint32_t num_temporaries; /* pieces of memory that the driver asks alloc_temporary for */
  uint32_t reserved;
  /* Since 1.2. */
  int64_t live_bytes; /* the most that is alive in the arena at one launch: no plan takes less; -1: sizes are open */
  /* Since 1.3. */
  const nnf_device_code *device; /* NULL: the kernels are the CPU's. Else all memory that kernels see is a GPU's */
  /* Since 1.4. */
  const char *cpu; /* what the code is for: "x86-64-v3" */
  /* The same model compiled for several CPUs, the best first; this descriptor is one of them, and alone has the list.
   * The runtime takes the first whose cpu_features are there. They share weights, inputs, outputs and symbols. */
  const struct nnf_model *const *versions;
  uint32_t num_versions; /* 0: this is the only one */
  uint32_t reserved1;
  int64_t most_arena_bytes; /* what arena_bytes gives at most for symbols within their bounds; -1: no bound is known */
  const nnf_weights_recipe *recipe; /* how a program sets weights; NULL: they stay as they are */
} nnf_model;

/* CPU features a model may need; checked before its first run. */
#define NNF_CPU_SSE4_2 (1ull << 0)
#define NNF_CPU_AVX (1ull << 1)
#define NNF_CPU_AVX2 (1ull << 2)
#define NNF_CPU_FMA (1ull << 3)
#define NNF_CPU_F16C (1ull << 4)
#define NNF_CPU_AVX512F (1ull << 5)
#define NNF_CPU_AVX512BW (1ull << 6)
#define NNF_CPU_AVX512VL (1ull << 7)
#define NNF_CPU_AVX512DQ (1ull << 8)
#define NNF_CPU_BMI2 (1ull << 9)
#define NNF_CPU_AVX512VNNI (1ull << 10)
#define NNF_CPU_AVXVNNI (1ull << 11)
/* Since 1.4. */
#define NNF_CPU_BMI (1ull << 12)
#define NNF_CPU_LZCNT (1ull << 13)
#define NNF_CPU_MOVBE (1ull << 14)
#define NNF_CPU_POPCNT (1ull << 15)
#define NNF_CPU_AVX512CD (1ull << 16)
#define NNF_CPU_AVX512VBMI (1ull << 17)
#define NNF_CPU_AVX512VBMI2 (1ull << 18)
#define NNF_CPU_AVX512IFMA (1ull << 19)
#define NNF_CPU_AVX512BITALG (1ull << 20)
#define NNF_CPU_AVX512VPOPCNTDQ (1ull << 21)
#define NNF_CPU_AVX512BF16 (1ull << 22)
#define NNF_CPU_AVX512FP16 (1ull << 23)
#define NNF_CPU_GFNI (1ull << 24)
#define NNF_CPU_AVXIFMA (1ull << 25)
#define NNF_CPU_AVXNECONVERT (1ull << 26)
#define NNF_CPU_AVXVNNIINT8 (1ull << 27)
#define NNF_CPU_AVXVNNIINT16 (1ull << 28)
#define NNF_CPU_AVX10_2 (1ull << 29)
#define NNF_CPU_APX (1ull << 30)
#define NNF_CPU_SSE4A (1ull << 31)
#define NNF_CPU_FMA4 (1ull << 32)
#define NNF_CPU_XOP (1ull << 33)
#define NNF_CPU_TBM (1ull << 34)

#ifdef __cplusplus
}
#endif
#endif
