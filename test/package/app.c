/* An application outside the tree: a model from a library (argument 1) or, with LINKED, linked in (net, or what MODEL
 * and MODEL_HEADER say). Reads input 0, float32 [N, 3], from standard input and writes output 0, of the same sizes, to
 * standard output. */
#ifdef LINKED
#ifndef MODEL
#define MODEL nnf_model_net
#define MODEL_HEADER "net.h"
#endif
#include MODEL_HEADER
#endif
#include <nnf.h>
#include <stdio.h>
#include <string.h>

int main(int argc, char **argv) {
  float data[300];
  nnf_program *program = NULL;
  nnf_context *context = NULL;
  int64_t dims[2] = {0, 3};
  DLTensor in, out, *ins[1], *outs[1];
  int32_t status;
  dims[0] = (int64_t)(fread(data, 12, 100, stdin));
  memset(&in, 0, sizeof in);
  memset(&out, 0, sizeof out);
  in.data = data;
  in.device.device_type = kDLCPU;
  in.ndim = 2;
  in.dtype = nnf_dtype_dlpack(NNF_FLOAT32);
  in.shape = dims;
  ins[0] = &in;
  outs[0] = &out;
#ifdef LINKED
  (void)argc, (void)argv;
  status = nnf_program_from_model(&MODEL, &program);
#else
  status = nnf_program_load(argc > 1 ? argv[1] : "", NULL, &program);
#endif
  if (status == NNF_OK)
    status = nnf_context_create(program, NULL, &context);
  if (status == NNF_OK)
    status = nnf_run(context, ins, 1, outs, 1, NULL);
  if (status != NNF_OK) {
    fprintf(stderr, "error: %s\n", nnf_error_message(context));
    return 1;
  }
  fwrite(out.data, 12, (size_t)out.shape[0], stdout);
  nnf_context_destroy(context);
  nnf_program_destroy(program);
  return 0;
}
