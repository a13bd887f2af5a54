#include "Subject.h"
#include "Allocations.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dirent.h>
#include <fstream>
#include <time.h>

namespace nnf::soak {
namespace {

int64_t entriesOf(const char *folder) {
  int64_t count = 0;
  DIR *directory = opendir(folder);
  while (directory && readdir(directory))
    ++count;
  closedir(directory);
  return count - 3; // ".", ".." and, of descriptors, our own
}

double secondsOf(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return double(t.tv_sec) + 1e-9 * double(t.tv_nsec);
}

} // namespace

void fail(const std::string &why) {
  fprintf(stderr, "error: %s\n", why.c_str());
  _Exit(1);
}

void expectOk(int32_t status, const nnf_context *context, const char *what) {
  if (status)
    fail(std::string(what) + ": " + nnf_error_message(context));
}

Inputs::Inputs(const nnf_program *program, const std::vector<int64_t> &sizes) {
  uint32_t count = nnf_program_num_inputs(program);
  dims.resize(count);
  data.resize(count);
  all.resize(count);
  for (uint32_t i = 0; i < count; ++i) {
    const nnf_tensor_info &info = *nnf_program_input(program, i);
    uint64_t elements = 1;
    for (uint32_t d = 0; d < info.rank; ++d) {
      dims[i].push_back(info.dims[d] >= 0 ? info.dims[d] : sizes[size_t(-1 - info.dims[d])]);
      elements *= uint64_t(dims[i].back());
    }
    data[i].resize(elements * nnf_dtype_bytes(info.dtype) + 1); // nothing has an address, too
    for (uint64_t e = 0; e < elements; ++e) {
      if (info.dtype == NNF_FLOAT32) {
        float value = float((e * 37 + i) % 101) / 64 - 0.75f;
        memcpy(&data[i][4 * e], &value, 4);
      } else if (info.dtype == NNF_INT64) {
        data[i][8 * e] = uint8_t((e + i) % 3); // indices
      } else {
        fail("inputs are float32 or int64");
      }
    }
    all[i] = {data[i].data(), {kDLCPU, 0}, int(info.rank), nnf_dtype_dlpack(info.dtype), dims[i].data(), nullptr, 0};
    pointers.push_back(&all[i]);
  }
}

Outputs::Outputs(const nnf_program *program) : all(nnf_program_num_outputs(program)) {
  for (DLTensor &tensor : all) {
    tensor.device = {kDLCPU, 0};
    pointers.push_back(&tensor);
  }
}

std::string Outputs::bytes() const {
  std::string text;
  for (const DLTensor &tensor : all) {
    uint64_t bytes = tensor.dtype.bits / 8u;
    for (int d = 0; d < tensor.ndim; ++d) {
      text += std::to_string(tensor.shape[d]) + " ";
      bytes *= uint64_t(tensor.shape[d]);
    }
    text.append(static_cast<const char *>(tensor.data), bytes);
  }
  return text;
}

nnf_program *load(const std::string &path) {
  nnf_program *program = nullptr;
  expectOk(nnf_program_load(path.c_str(), nullptr, &program), nullptr, "load");
  return program;
}

nnf_context *createContext(nnf_program *program, uint32_t threads) {
  nnf_context_options options = {sizeof options, threads, nullptr, nullptr, 0, 0, 0};
  nnf_context *context = nullptr;
  expectOk(nnf_context_create(program, &options, &context), nullptr, "context");
  return context;
}

void run(nnf_context *context, const Inputs &in, Outputs &out, const nnf_run_options *options) {
  expectOk(nnf_run(context, in.tensors(), in.count(), out.tensors(), out.count(), options), context, "run");
}

std::vector<int64_t> sizesOf(const nnf_program *program, uint64_t index, int64_t maxSize) {
  std::vector<int64_t> sizes;
  for (uint32_t s = 0; s < nnf_program_num_symbols(program); ++s) {
    index = index * 6364136223846793005u + 1442695040888963407u;
    sizes.push_back(1 + int64_t(index >> 33) % maxSize);
  }
  return sizes;
}

Usage Usage::now() {
  Usage usage = {livePieces(), entriesOf("/proc/self/fd"), entriesOf("/proc/self/task") + 1, 0, 0};
  {
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
      ++usage.mappings;
    std::ifstream statm("/proc/self/statm");
    int64_t pages = 0;
    statm >> pages >> usage.residentKb;
    usage.residentKb *= 4;
  }
  return usage;
}

std::string Usage::describe() const {
  return std::to_string(pieces) + " pieces of memory, " + std::to_string(descriptors) + " descriptors, " +
         std::to_string(threads) + " threads, " + std::to_string(mappings) + " mappings, " +
         std::to_string(residentKb) + " KB resident";
}

double processCpuSeconds() { return secondsOf(CLOCK_PROCESS_CPUTIME_ID); }
double wallSeconds() { return secondsOf(CLOCK_MONOTONIC); }

} // namespace nnf::soak
