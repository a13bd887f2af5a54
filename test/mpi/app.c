/* A plain C program that runs a model over the ranks of MPI: app LIBRARY DIM REPLICATED PREFIX [FILE:DTYPE:SIZES ...]
 * REPLICATED has a 1 for each input that all ranks get whole. Rank 0 reads the inputs, runs twice (the second time with
 * the output tensors of the first), and writes PREFIX.out<j> and PREFIX.in<i>: a line of sizes, then bytes. Each rank
 * prints what an error says. */
#include <nnf_mpi.h>
#include <stdio.h>
#include <string.h>

#define MOST 8

static DLTensor inputs[MOST], outputs[MOST];
static DLTensor *ins[MOST], *outs[MOST];
static int64_t sizes[MOST][MOST];

static uint64_t bytes_of(const DLTensor *tensor) {
  uint64_t bytes = (uint64_t)tensor->dtype.bits / 8;
  int d;
  for (d = 0; d < tensor->ndim; ++d)
    bytes *= (uint64_t)tensor->shape[d];
  return bytes;
}

static int read_input(int index, const char *text) {
  char path[500];
  unsigned dtype = 0;
  const char *colon = strchr(text, ':');
  DLTensor *tensor = &inputs[index];
  FILE *file;
  if (!colon || (size_t)(colon - text) >= sizeof path)
    return 1;
  memcpy(path, text, (size_t)(colon - text));
  path[colon - text] = 0;
  dtype = (unsigned)strtoul(colon + 1, (char **)&text, 10);
  memset(tensor, 0, sizeof *tensor);
  tensor->device.device_type = kDLCPU;
  tensor->dtype = nnf_dtype_dlpack(dtype);
  tensor->shape = sizes[index];
  while (*text && text[1])
    sizes[index][tensor->ndim++] = (int64_t)strtol(text + 1, (char **)&text, 10);
  tensor->data = calloc(1, bytes_of(tensor) + 1);
  ins[index] = tensor;
  file = fopen(path, "rb");
  if (!file || fread(tensor->data, 1, bytes_of(tensor), file) != bytes_of(tensor))
    return 1;
  return fclose(file);
}

static int write_tensor(const char *prefix, const char *kind, unsigned index, const DLTensor *tensor) {
  char path[500];
  int d;
  FILE *file;
  snprintf(path, sizeof path, "%s.%s%u", prefix, kind, index);
  file = fopen(path, "wb");
  if (!file)
    return 1;
  for (d = 0; d < tensor->ndim; ++d)
    fprintf(file, "%lld ", (long long)tensor->shape[d]);
  fprintf(file, "\n");
  fwrite(tensor->data, 1, bytes_of(tensor), file);
  return fclose(file);
}

int main(int argc, char **argv) {
  int rank = 0, i;
  nnf_program *program = NULL;
  nnf_mpi *ranks = NULL;
  nnf_ranks_options options;
  uint8_t replicated[MOST] = {0};
  uint32_t n_in = 0, n_out = 0, j;
  int32_t status;
  MPI_Init(&argc, &argv);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  if (argc < 5)
    return 2;
  for (i = 0; argv[3][i] && i < MOST; ++i)
    replicated[i] = argv[3][i] == '1';
  memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.dim = strtol(argv[2], NULL, 10);
  options.replicated = replicated;
  options.threads = 1;
  status = nnf_program_load(argv[1], NULL, &program);
  if (status == NNF_OK) {
    n_out = nnf_program_num_outputs(program);
    status = nnf_mpi_create(MPI_COMM_WORLD, program, &options, &ranks);
  }
  if (rank == 0 && status == NNF_OK) {
    for (i = 5; i < argc; ++i)
      if (read_input((int)n_in++, argv[i]))
        MPI_Abort(MPI_COMM_WORLD, 2);
    for (j = 0; j < n_out; ++j)
      outs[j] = &outputs[j];
  } else {
    n_out = 0;
  }
  for (i = 0; i < 2 && status == NNF_OK; ++i)
    status = nnf_mpi_run(ranks, ins, n_in, NULL, 0, outs, n_out, NULL);
  if (status != NNF_OK)
    printf("rank %d gets status %d: %s\n", rank, (int)status, nnf_error_message(NULL));
  for (j = 0; j < n_in && rank == 0; ++j)
    write_tensor(argv[4], "in", j, &inputs[j]);
  for (j = 0; j < n_out && status == NNF_OK; ++j)
    write_tensor(argv[4], "out", j, &outputs[j]);
  nnf_mpi_destroy(ranks);
  nnf_program_destroy(program);
  MPI_Finalize();
  return 0;
}
