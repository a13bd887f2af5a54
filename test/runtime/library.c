/* Two models in one library, as `nnfc compile a b -o lib.so` makes them: `twice` (y = 2 x) and `plus`, whose addend is
 * in a weights file beside the library. */
#include "runtime/abi.h"
#include <stddef.h>

static const int64_t dims[] = {-1};
static const nnf_tensor_info inputs[] = {{"x", NNF_FLOAT32, 1, dims, 0, -1}};
static const nnf_tensor_info outputs[] = {{"y/out", NNF_FLOAT32, 1, dims, 0, -1}};
static const nnf_symbol_info symbols[] = {{"N", 2, 1000, 2}};

static void twiceKernel(const void *const *args, int64_t first, int64_t last, void *scratch) {
  (void)scratch;
  for (int64_t i = first; i < last; ++i)
    ((float *)args[1])[i] = 2 * ((const float *)args[0])[i];
}
static void plusKernel(const void *const *args, int64_t first, int64_t last, void *scratch) {
  (void)scratch;
  for (int64_t i = first; i < last; ++i)
    ((float *)args[1])[i] = ((const float *)args[0])[i] + *(const float *)args[2];
}
static const nnf_kernel_info kernels[] = {{"mul", twiceKernel, 0}, {"add", plusKernel, 0}};
static const nnf_launch_info launches[] = {{0, 0, "double \"it\"", 8, 64}, {1, 0, "sum", -1, -1}};

static int64_t arena(const int64_t *s) { return 4 * s[0]; }
static int32_t outputDims(const int64_t *s, int64_t *d) {
  d[0] = s[0];
  return 0;
}
static int32_t runTwice(const nnf_rt *rt, nnf_frame *frame) {
  const void *args[] = {frame->inputs[0], frame->outputs[0]};
  return rt->parallel(rt, 0, twiceKernel, frame->symbols[0], 0, args);
}
static int32_t runPlus(const nnf_rt *rt, nnf_frame *frame) {
  const void *args[] = {frame->inputs[0], frame->outputs[0], frame->weights};
  return rt->parallel(rt, 1, plusKernel, frame->symbols[0], 0, args);
}

#define MODEL(symbol, title, function, bytes, hash, file)                                                              \
  __attribute__((visibility("default"))) const nnf_model symbol = {NNF_ABI_MAJOR,                                      \
                                                                   NNF_ABI_MINOR,                                      \
                                                                   sizeof(nnf_model),                                  \
                                                                   0,                                                  \
                                                                   title,                                              \
                                                                   "x86_64-unknown-linux-gnu",                         \
                                                                   "by hand",                                          \
                                                                   1,                                                  \
                                                                   1,                                                  \
                                                                   1,                                                  \
                                                                   1,                                                  \
                                                                   2,                                                  \
                                                                   2,                                                  \
                                                                   0,                                                  \
                                                                   inputs,                                             \
                                                                   outputs,                                            \
                                                                   symbols,                                            \
                                                                   kernels,                                            \
                                                                   launches,                                           \
                                                                   NULL,                                               \
                                                                   NULL,                                               \
                                                                   bytes,                                              \
                                                                   hash,                                               \
                                                                   file,                                               \
                                                                   0,                                                  \
                                                                   arena,                                              \
                                                                   outputDims,                                         \
                                                                   function};
MODEL(nnf_model_twice, "twice", runTwice, 0, 0, NULL)
#ifdef WITH_PLUS
/* XXH64 of the float 0.5, little-endian. */
MODEL(nnf_model_plus, "plus", runPlus, 4, PLUS_HASH, "plus.weights")
__attribute__((visibility("default"))) const nnf_model *const nnf_models[] = {&nnf_model_twice, &nnf_model_plus, NULL};
#else
__attribute__((visibility("default"))) const nnf_model *const nnf_models[] = {&nnf_model_twice, NULL};
void *const unused[] = {(void *)runPlus};
#endif
