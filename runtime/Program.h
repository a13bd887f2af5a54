// Inside of libraries and programs.
#ifndef NNF_RUNTIME_PROGRAM_H
#define NNF_RUNTIME_PROGRAM_H
#include "Message.h"
#include "nnf.h"
#include <atomic>
#include <cstddef>
#include <pthread.h>

struct nnf_library {
  std::atomic<uint32_t> references{1};
  void *handle = nullptr; // of dlopen
  char *path = nullptr;   // resolved, absolute
  const nnf_model *const *models = nullptr;
  uint32_t numModels = 0;
};

namespace nnf::rt::cuda {
struct LoadedProgram;
}

namespace nnf::rt {
struct WeightsVersion;

/// External weights, mapped for reading.
struct MappedFile {
  const uint8_t *data = nullptr;
  uint64_t bytes = 0;
};

/// Maps `model`'s weights file, which is named relative to the folder of `libraryPath`, and checks size and hash.
int32_t mapWeights(const nnf_model &model, const char *libraryPath, MappedFile &mapped, Message &message);
void unmap(MappedFile &mapped);
/// Maps what of the weights is in the page cache at once: kernels would meet a fault every 16 pages. What is not there
/// is left to be read when it is needed.
void mapCachedWeights(const nnf_program &program);

/// Whether an ELF file has all the bytes its program headers speak of: the loader would die of a bus error over one
/// that was cut short.
int32_t checkElfFile(const char *path, Message &message);

/// Bits of NNF_CPU_*. Not free: a virtual machine is left for each leaf that is read.
uint64_t availableCpuFeatures();

/// Of a model for several CPUs, the version that runs here: the best, or that of NNFC_CPU. A model for one is itself.
int32_t chooseVersion(const nnf_model &model, const nnf_model *&chosen, Message &message);

/// Whether this CPU (and its system) has what the model's code needs; names the first that is missing.
int32_t checkCpuFeatures(const nnf_model &model, Message &message);

/// Of a model of any ABI this runtime takes.
inline uint32_t numTemporaries(const nnf_model &model) {
  return model.struct_size > offsetof(nnf_model, num_temporaries) ? model.num_temporaries : 0;
}

inline uint32_t numVersions(const nnf_model &model) {
  return model.struct_size > offsetof(nnf_model, num_versions) ? model.num_versions : 0;
}

/// -1: not known.
inline int64_t mostArenaBytes(const nnf_model &model) {
  return model.struct_size > offsetof(nnf_model, most_arena_bytes) ? model.most_arena_bytes : -1;
}

/// How weights are set; NULL: they are not.
inline const nnf_weights_recipe *recipeOf(const nnf_model &model) {
  return model.struct_size > offsetof(nnf_model, recipe) ? model.recipe : nullptr;
}

/// Whether a descriptor is one this runtime can work with.
int32_t checkDescriptor(const nnf_model &model, Message &message);
} // namespace nnf::rt

struct nnf_program {
  std::atomic<uint32_t> references{1};
  nnf_library *library = nullptr; // NULL: the model is linked in
  const nnf_model *model = nullptr;
  nnf::rt::MappedFile mapped;
  const uint8_t *weights = nullptr;  // that the model came with
  std::atomic_flag weightsAreMapped; // or about to be, by the first context
  pthread_mutex_t weightsMutex = PTHREAD_MUTEX_INITIALIZER;
  nnf::rt::WeightsVersion *version = nullptr; // that runs begin with now, under the mutex; NULL: `weights`
  int64_t scratchBytes = 0;                   // most that any kernel wants, per lane
  uint32_t totalRank = 0;                     // of all outputs
  pthread_mutex_t deviceMutex = PTHREAD_MUTEX_INITIALIZER;
  nnf::rt::cuda::LoadedProgram *loaded = nullptr; // on GPUs, where contexts have asked for it; under the mutex
};

namespace nnf::rt {
/// A program of a model that is linked in (`library` NULL) or a library's.
int32_t createProgram(const nnf_model *model, nnf_library *library, nnf_program **result, Message &message);
nnf_program *retain(nnf_program *program);
void release(nnf_program *program);
} // namespace nnf::rt
#endif
