/* A program around a compiled model, for run.py: reads input 0 (float32 [4, 3]) from standard input and writes output 0
 * (float32 [4, 3]) to standard output. Built with the model's header as C and as C++. */
#include "net.h"
#include "runtime/nnf.h"
#include <stdio.h>
#include <string.h>

#if NET_NUM_INPUTS != 1 || NET_INPUT_0_DTYPE != 1 || NET_INPUT_0_RANK != 2
#error "the header's macros do not say what the model is"
#endif
static const long long arenaBytes = NET_ARENA_BYTES;

int main(void) {
  float in[12], out[12];
  int64_t dims[2] = {4, 3};
  DLTensor input, output;
  DLTensor *inputs[1], *outputs[1];
  nnf_program *program = NULL;
  nnf_context *context = NULL;
  int32_t status;
  if (arenaBytes < 0 || strcmp(NET_INPUT_0_NAME, "a \"b\"?") != 0 || fread(in, 1, sizeof in, stdin) != sizeof in)
    return 2;
  memset(&input, 0, sizeof input);
  input.data = in;
  input.device.device_type = kDLCPU;
  input.ndim = 2;
  input.dtype = nnf_dtype_dlpack(NET_INPUT_0_DTYPE);
  input.shape = dims;
  output = input;
  output.data = out;
  inputs[0] = &input;
  outputs[0] = &output;
  status = nnf_program_from_model(&nnf_model_net, &program);
  if (status == NNF_OK)
    status = nnf_context_create(program, NULL, &context);
  if (status == NNF_OK)
    status = nnf_run(context, inputs, 1, outputs, 1, NULL);
  if (status != NNF_OK) {
    fprintf(stderr, "error: %s\n", nnf_error_message(context));
    return 1;
  }
  nnf_context_destroy(context);
  nnf_program_destroy(program);
  return fwrite(out, 1, sizeof out, stdout) == sizeof out ? 0 : 2;
}
