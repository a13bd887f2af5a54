/* The smoke test and the benchmark that nnfc_add_model builds around a model: MODEL is its descriptor, declared in
 * MODEL_HEADER. Inputs are made up; a named size is its smallest, or what an argument SYMBOL=SIZE says. The smoke test
 * runs the model twice from new contexts and fails if the results differ; BENCHMARK measures runs for two seconds. */
#define _POSIX_C_SOURCE 200809L
#include "nnf.h"
#include MODEL_HEADER
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct {
  DLTensor *tensors, **pointers;
} Tensors;

static int64_t *sizes; /* of the symbols */

static void die(const char *what, const char *why) {
  fprintf(stderr, "error: %s: %s\n", what, why);
  exit(1);
}

static void *allocate(size_t count, size_t bytes) {
  void *memory = calloc(count ? count : 1, bytes ? bytes : 1);
  if (!memory)
    die("memory", "there is none left");
  return memory;
}

/* The symbol that SYMBOL=SIZE is about, and the size. */
static uint32_t symbolOf(const char *argument, int64_t *size) {
  const char *equals = strchr(argument, '=');
  char *end = NULL;
  *size = equals ? strtoll(equals + 1, &end, 10) : 0;
  if (!equals || end == equals + 1 || *end)
    die(argument, "expected SYMBOL=SIZE");
  for (uint32_t s = 0; s < MODEL.num_symbols; ++s)
    if (strlen(MODEL.symbols[s].name) == (size_t)(equals - argument) &&
        strncmp(MODEL.symbols[s].name, argument, (size_t)(equals - argument)) == 0)
      return s;
  die(argument, "the model has no such named size");
  return 0;
}

/* Sizes: the smallest that a symbol allows, but 0 only where nothing else is; then the arguments'. */
static void chooseSizes(int argc, char **argv) {
  sizes = allocate(MODEL.num_symbols, sizeof *sizes);
  for (uint32_t s = 0; s < MODEL.num_symbols; ++s) {
    const nnf_symbol_info *symbol = &MODEL.symbols[s];
    int64_t multiple = symbol->multiple_of > 1 ? symbol->multiple_of : 1;
    int64_t least = symbol->min > 1 ? symbol->min : 1;
    sizes[s] = (least + multiple - 1) / multiple * multiple;
  }
  for (int a = 1; a < argc; ++a) {
    int64_t size;
    uint32_t s = symbolOf(argv[a], &size);
    sizes[s] = size;
  }
}

/* Floats in [-1, 1), multiples of 1/128; integers and booleans 0 and 1, since they mostly are indices. */
static void fill(void *data, uint32_t dtype, int64_t elements, uint64_t seed) {
  for (int64_t i = 0; i < elements; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    int value = (int)(seed >> 56) - 128;
    switch (dtype) {
    case NNF_FLOAT32: ((float *)data)[i] = (float)value / 128; break;
    case NNF_FLOAT64: ((double *)data)[i] = (double)value / 128; break;
    case NNF_FLOAT16:
    case NNF_BFLOAT16:
      ((uint16_t *)data)[i] = value & 1 ? (dtype == NNF_FLOAT16 ? 0x3800 : 0x3F00) : 0;
      break; /* 0.5 */
    default: /* little-endian: the lowest byte is the first */
      ((uint8_t *)data)[i * nnf_dtype_bytes(dtype)] = (uint8_t)(value & 1);
    }
  }
}

static Tensors makeInputs(void) {
  Tensors in = {allocate(MODEL.num_inputs, sizeof(DLTensor)), allocate(MODEL.num_inputs, sizeof(DLTensor *))};
  for (uint32_t i = 0; i < MODEL.num_inputs; ++i) {
    const nnf_tensor_info *info = &MODEL.inputs[i];
    DLTensor *tensor = in.pointers[i] = &in.tensors[i];
    int64_t elements = 1;
    tensor->shape = allocate(info->rank, sizeof(int64_t));
    for (uint32_t d = 0; d < info->rank; ++d)
      elements *= tensor->shape[d] = info->dims[d] >= 0 ? info->dims[d] : sizes[-1 - info->dims[d]];
    tensor->device.device_type = kDLCPU;
    tensor->ndim = (int)info->rank;
    tensor->dtype = nnf_dtype_dlpack(info->dtype);
    tensor->data = allocate((size_t)elements, nnf_dtype_bytes(info->dtype));
    fill(tensor->data, info->dtype, elements, i + 1);
  }
  return in;
}

static void run(nnf_context *context, Tensors in, Tensors out) {
  if (nnf_run(context, in.pointers, MODEL.num_inputs, out.pointers, MODEL.num_outputs, NULL) != NNF_OK)
    die("run", nnf_error_message(context));
}

static Tensors makeOutputs(void) {
  Tensors out = {allocate(MODEL.num_outputs, sizeof(DLTensor)), allocate(MODEL.num_outputs, sizeof(DLTensor *))};
  for (uint32_t j = 0; j < MODEL.num_outputs; ++j)
    out.pointers[j] = &out.tensors[j];
  return out;
}

static nnf_context *makeContext(nnf_program *program) {
  nnf_context *context;
  if (nnf_context_create(program, NULL, &context) != NNF_OK)
    die("context", nnf_error_message(NULL));
  return context;
}

#ifdef BENCHMARK

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static int use(nnf_program *program) {
  enum { most = 1000000 };
  Tensors in = makeInputs(), out = makeOutputs();
  nnf_context *context = makeContext(program);
  double *times = allocate(most, sizeof *times);
  int count = 0;
  for (int warmup = 0; warmup < 5; ++warmup)
    run(context, in, out);
  double begin = now();
  while (count < most && (count < 10 || now() - begin < 2e6)) {
    double start = now();
    run(context, in, out);
    times[count++] = now() - start;
  }
  qsort(times, (size_t)count, sizeof *times, compare);
  printf("%s: %d runs, %u threads, min %.2f us, p50 %.2f us, p99 %.2f us, %llu bytes\n", MODEL.name, count,
         nnf_context_threads(context), times[0], times[count / 2], times[(count - 1) * 99 / 100],
         (unsigned long long)nnf_context_bytes(context));
  nnf_context_destroy(context);
  return 0;
}

#else

static int use(nnf_program *program) {
  Tensors out[2];
  for (int round = 0; round < 2; ++round) {
    out[round] = makeOutputs();
    run(makeContext(program), makeInputs(), out[round]); /* contexts live on: they own the outputs */
  }
  for (uint32_t j = 0; j < MODEL.num_outputs; ++j) {
    const DLTensor *a = out[0].pointers[j], *b = out[1].pointers[j];
    size_t bytes = nnf_dtype_bytes(MODEL.outputs[j].dtype);
    printf("%s: %s [", MODEL.outputs[j].name, nnf_dtype_name(MODEL.outputs[j].dtype));
    for (int d = 0; d < a->ndim; ++d) {
      if (a->shape[d] != b->shape[d])
        die(MODEL.outputs[j].name, "two runs on the same inputs give different sizes");
      bytes *= (size_t)a->shape[d];
      printf("%s%lld", d ? ", " : "", (long long)a->shape[d]);
    }
    printf("]\n");
    if (memcmp(a->data, b->data, bytes) != 0)
      die(MODEL.outputs[j].name, "two runs on the same inputs give different bytes");
  }
  return 0;
}

#endif

int main(int argc, char **argv) {
  nnf_program *program;
  if (nnf_program_from_model(&MODEL, &program) != NNF_OK)
    die("model", nnf_error_message(NULL));
  chooseSizes(argc, argv);
  return use(program);
}
