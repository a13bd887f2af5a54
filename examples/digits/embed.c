/* The digit recogniser inside a C program: `nnfc compile digits.onnx -o digits.o` writes digits.o and digits.h, and
 * this file links with them and the runtime. Classifies the image below, or one given as 64 numbers 0 to 16 as
 * arguments. The command to build it is in README.md. */
#include "digits.h"
#include "runtime/nnf.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { Pixels = 64, Classes = 10 };

/* A three, written by hand: what the scanner saw, 0 (paper) to 16 (ink). */
// clang-format off
static const float three[Pixels] = {
     0,  2, 16, 16, 16, 12,  0,  0,
     0,  1,  9,  5, 12, 16,  2,  0,
     0,  0,  0,  6, 15, 14,  2,  0,
     0,  0,  1, 16, 16,  1,  0,  0,
     0,  0,  0, 12, 16,  1,  0,  0,
     0,  0,  0,  6, 16,  6,  0,  0,
     0,  0,  0, 12, 16,  5,  0,  0,
     0,  1, 16, 16, 13,  1,  0,  0,
};
// clang-format on

int main(int argc, char **argv) {
  if (argc != 1 && argc != 1 + Pixels) {
    fprintf(stderr, "error: %d arguments, expected none or %d pixels\n", argc - 1, Pixels);
    return 2;
  }
  float image[Pixels];
  for (int p = 0; p < Pixels; ++p)
    image[p] = (argc == 1 ? three[p] : strtof(argv[1 + p], NULL)) / 16;

  int64_t imageDims[4] = {1, 1, 8, 8};
  DLTensor input = {
      .data = image, .device = {kDLCPU, 0}, .ndim = 4, .dtype = nnf_dtype_dlpack(NNF_FLOAT32), .shape = imageDims};
  float logProbabilities[Classes];
  int64_t resultDims[2] = {1, Classes};
  DLTensor output = {
      .data = logProbabilities, .device = {kDLCPU, 0}, .ndim = 2, .dtype = input.dtype, .shape = resultDims};
  DLTensor *inputs[DIGITS_NUM_INPUTS] = {&input}, *outputs[] = {&output};

  nnf_program *program = NULL;
  nnf_context *context = NULL;
  const nnf_context_options alone = {.struct_size = sizeof alone, .threads = 1};
  int32_t status = nnf_program_from_model(&nnf_model_digits, &program);
  if (status == NNF_OK)
    status = nnf_context_create(program, &alone, &context);
  if (status == NNF_OK)
    status = nnf_run(context, inputs, DIGITS_NUM_INPUTS, outputs, 1, NULL);
  if (status != NNF_OK) {
    fprintf(stderr, "error: %s\n", nnf_error_message(context));
    return 1;
  }

  int digit = 0;
  for (int c = 1; c < Classes; ++c)
    if (logProbabilities[c] > logProbabilities[digit])
      digit = c;
  printf("%d (%.1f%%)\n", digit, 100 * expf(logProbabilities[digit]));
  nnf_context_destroy(context);
  nnf_program_destroy(program);
  return 0;
}
