// Libraries and programs: from a file or a linked-in descriptor to a model that can be run.
#include "Program.h"
#include "WeightsVersion.h"
#include "cuda/Device.h"
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <dlfcn.h>
#include <link.h>
#include <new>

namespace nnf::rt {
namespace {

template <typename T> T *create() {
  void *memory = malloc(sizeof(T));
  return memory ? new (memory) T : nullptr;
}

/// "'a', 'b'": the models of a library, for an error text.
void addModelNames(Text<512> &text, const nnf_library &library) {
  for (uint32_t i = 0; i < library.numModels; ++i)
    text.add("%s'%s'", i ? ", " : "", library.models[i]->name ? library.models[i]->name : "");
}

int32_t findModel(const nnf_library &library, const char *name, const nnf_model *&model, Message &message) {
  if (!name && library.numModels == 1) {
    model = library.models[0];
    return NNF_OK;
  }
  Text<512> names;
  addModelNames(names, library);
  if (!name)
    return message.fail(NNF_ERROR_ARGUMENT, "'%s' holds %u models, choose one of %s [NNFC-E0702]", library.path,
                        library.numModels, names.str());
  for (uint32_t i = 0; i < library.numModels; ++i) {
    const nnf_model *candidate = library.models[i];
    if (candidate->name && strcmp(candidate->name, name) == 0) {
      model = candidate;
      return NNF_OK;
    }
  }
  return message.fail(NNF_ERROR_ARGUMENT, "'%s' holds no model '%s', but %s [NNFC-E0702]", library.path, name,
                      names.str());
}

/// The file that a linked-in model is in: this program or one of its libraries. The descriptor of a library may have
/// been copied into the program (a copy relocation); what it points to is where it was made.
bool findHolder(const nnf_model *model, char (&path)[PATH_MAX]) {
  Dl_info info;
  link_map *holder = nullptr;
  if (!dladdr1(model->weights_file, &info, reinterpret_cast<void **>(&holder), RTLD_DL_LINKMAP) || !holder)
    return false;
  // The loader has no name for the program itself, and argv[0] may be anything.
  return realpath(holder->l_name[0] ? holder->l_name : "/proc/self/exe", path) != nullptr;
}

void release(nnf_library *library) {
  if (!library || library->references.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  if (library->handle)
    dlclose(library->handle);
  free(library->path);
  free(library);
}

int32_t openLibrary(const char *path, nnf_library &library, Message &message) {
  // An absolute path: dlopen searches the system's folders for a bare name.
  library.path = realpath(path, nullptr);
  if (!library.path)
    return message.fail(errno == ENOMEM ? NNF_ERROR_MEMORY : NNF_ERROR_ARGUMENT, "'%s': %s [NNFC-E0701]", path,
                        strerror(errno));
  if (int32_t status = checkElfFile(library.path, message))
    return status;
  library.handle = dlopen(library.path, RTLD_NOW | RTLD_LOCAL);
  if (!library.handle)
    return message.fail(NNF_ERROR_MODEL, "%s [NNFC-E0701]", dlerror());
  library.models = static_cast<const nnf_model *const *>(dlsym(library.handle, "nnf_models"));
  if (!library.models)
    return message.fail(NNF_ERROR_MODEL,
                        "'%s' is no library of compiled models: it does not export 'nnf_models' [NNFC-E0701]", path);
  while (library.models[library.numModels])
    ++library.numModels;
  if (library.numModels == 0)
    return message.fail(NNF_ERROR_MODEL, "'%s' holds no models [NNFC-E0702]", path);
  return NNF_OK;
}

} // namespace

int32_t createProgram(const nnf_model *exported, nnf_library *library, nnf_program **result, Message &message) {
  if (int32_t status = checkDescriptor(*exported, message))
    return status;
  const nnf_model *model = exported;
  if (int32_t status = chooseVersion(*exported, model, message))
    return status;
  if (int32_t status = checkCpuFeatures(*model, message))
    return status;
  nnf_program *program = create<nnf_program>();
  if (!program)
    return message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  program->model = model;
  program->weights = model->weights;
  if (model->weights_file) {
    char path[PATH_MAX];
    bool found =
        library ? snprintf(path, sizeof path, "%s", library->path) < int(sizeof path) : findHolder(model, path);
    int32_t status = found ? mapWeights(*model, path, program->mapped, message)
                           : message.fail(NNF_ERROR_MODEL,
                                          "model '%s': weights file '%s': the folder of the program "
                                          "that holds the model is not known [NNFC-E0705]",
                                          model->name, model->weights_file);
    if (status) {
      release(program);
      return status;
    }
    program->weights = program->mapped.data;
  }
  for (uint32_t i = 0; i < model->num_kernels; ++i)
    if (model->kernels[i].scratch_bytes > program->scratchBytes)
      program->scratchBytes = model->kernels[i].scratch_bytes;
  for (uint32_t i = 0; i < model->num_outputs; ++i)
    program->totalRank += model->outputs[i].rank;
  if (library) {
    library->references.fetch_add(1, std::memory_order_relaxed);
    program->library = library;
  }
  *result = program;
  return NNF_OK;
}

Message &threadMessage() {
  static thread_local Message message;
  return message;
}

nnf_program *retain(nnf_program *program) {
  program->references.fetch_add(1, std::memory_order_relaxed);
  return program;
}

void release(nnf_program *program) {
  if (!program || program->references.fetch_sub(1, std::memory_order_acq_rel) != 1)
    return;
  releaseWeights(*program); // their copies on GPUs, before these are given back
  cuda::unloadFromDevices(*program);
  unmap(program->mapped);
  release(program->library);
  free(program);
}

} // namespace nnf::rt

using namespace nnf::rt;

int32_t nnf_library_open(const char *path, nnf_library **result) {
  if (!path || !result)
    return threadMessage().fail(NNF_ERROR_ARGUMENT, "nnf_library_open: path or library is NULL [NNFC-E0611]");
  *result = nullptr;
  nnf_library *library = create<nnf_library>();
  if (!library)
    return threadMessage().fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  if (int32_t status = openLibrary(path, *library, threadMessage())) {
    release(library);
    return status;
  }
  *result = library;
  return NNF_OK;
}

void nnf_library_close(nnf_library *library) { release(library); }
uint32_t nnf_library_num_models(const nnf_library *library) { return library ? library->numModels : 0; }
const nnf_model *nnf_library_model(const nnf_library *library, uint32_t index) {
  return library && index < library->numModels ? library->models[index] : nullptr;
}

int32_t nnf_program_from_library(nnf_library *library, const char *name, nnf_program **program) {
  if (!library || !program)
    return threadMessage().fail(NNF_ERROR_ARGUMENT,
                                "nnf_program_from_library: library or program is NULL [NNFC-E0611]");
  *program = nullptr;
  const nnf_model *model = nullptr;
  if (int32_t status = findModel(*library, name, model, threadMessage()))
    return status;
  return createProgram(model, library, program, threadMessage());
}

int32_t nnf_program_load(const char *path, const char *name, nnf_program **program) {
  if (!path || !program)
    return threadMessage().fail(NNF_ERROR_ARGUMENT, "nnf_program_load: path or program is NULL [NNFC-E0611]");
  *program = nullptr;
  nnf_library *library = nullptr;
  if (int32_t status = nnf_library_open(path, &library))
    return status;
  int32_t status = nnf_program_from_library(library, name, program);
  release(library);
  return status;
}

int32_t nnf_program_from_model(const nnf_model *model, nnf_program **program) {
  if (!model || !program)
    return threadMessage().fail(NNF_ERROR_ARGUMENT, "nnf_program_from_model: model or program is NULL [NNFC-E0611]");
  *program = nullptr;
  return createProgram(model, nullptr, program, threadMessage());
}

void nnf_program_destroy(nnf_program *program) { release(program); }

const nnf_model *nnf_program_model(const nnf_program *program) { return program ? program->model : nullptr; }
uint32_t nnf_program_num_inputs(const nnf_program *program) { return program ? program->model->num_inputs : 0; }
uint32_t nnf_program_num_outputs(const nnf_program *program) { return program ? program->model->num_outputs : 0; }
uint32_t nnf_program_num_symbols(const nnf_program *program) { return program ? program->model->num_symbols : 0; }
const nnf_tensor_info *nnf_program_input(const nnf_program *program, uint32_t index) {
  return index < nnf_program_num_inputs(program) ? &program->model->inputs[index] : nullptr;
}
const nnf_tensor_info *nnf_program_output(const nnf_program *program, uint32_t index) {
  return index < nnf_program_num_outputs(program) ? &program->model->outputs[index] : nullptr;
}
const nnf_symbol_info *nnf_program_symbol(const nnf_program *program, uint32_t index) {
  return index < nnf_program_num_symbols(program) ? &program->model->symbols[index] : nullptr;
}
