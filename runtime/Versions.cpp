// One model compiled for several CPUs: which version runs here.
#include "Program.h"
#include <cstdlib>

namespace nnf::rt {
namespace {

constexpr uint32_t maxVersions = 64;

/// "x86-64-v4, x86-64-v3"
Text<512> namesOf(const nnf_model &model) {
  Text<512> names;
  for (uint32_t i = 0; i < model.num_versions; ++i)
    names.add("%s%s", i ? ", " : "", model.versions[i]->cpu);
  return names;
}

/// Whoever has checked the one descriptor may use the other in its place.
bool isSameModel(const nnf_model &a, const nnf_model &b) {
  return a.num_inputs == b.num_inputs && a.num_outputs == b.num_outputs && a.num_symbols == b.num_symbols &&
         a.weights_bytes == b.weights_bytes && a.weights_hash == b.weights_hash;
}

int32_t checkVersions(const nnf_model &model, Message &message) {
  auto broken = [&](const char *what) {
    return message.fail(NNF_ERROR_MODEL, "model '%s': broken descriptor: %s [NNFC-E0706]", model.name, what);
  };
  if (model.num_versions > maxVersions || !model.versions)
    return broken("its list of versions");
  for (uint32_t i = 0; i < model.num_versions; ++i) {
    const nnf_model *version = model.versions[i];
    if (!version)
      return broken("a version is missing");
    if (int32_t status = checkDescriptor(*version, message))
      return status;
    // (The list may be of the same descriptor where a linker has not copied it.)
    if (numVersions(*version) && version->versions != model.versions)
      return broken("a version has versions");
    if (version->struct_size <= offsetof(nnf_model, cpu) || !version->cpu)
      return broken("a version names no CPU");
    if (!isSameModel(model, *version))
      return broken("a version is of another model");
  }
  return NNF_OK;
}

} // namespace

int32_t chooseVersion(const nnf_model &model, const nnf_model *&chosen, Message &message) {
  chosen = &model;
  if (numVersions(model) == 0)
    return NNF_OK;
  if (int32_t status = checkVersions(model, message))
    return status;
  // For tests: every version is to be seen at work on one machine.
  const char *asked = getenv("NNFC_CPU");
  if (asked && !*asked)
    asked = nullptr;
  uint64_t available = asked ? 0 : availableCpuFeatures();
  for (uint32_t i = 0; i < model.num_versions; ++i) {
    chosen = model.versions[i];
    if (asked ? strcmp(chosen->cpu, asked) == 0 : (chosen->cpu_features & ~available) == 0)
      return NNF_OK;
  }
  if (asked)
    return message.fail(NNF_ERROR_ARGUMENT, "NNFC_CPU=%s: model '%s' is compiled for %s [NNFC-E0014]", asked,
                        model.name, namesOf(model).str());
  // The last one asks for the least.
  Message lacks;
  checkCpuFeatures(*chosen, lacks);
  return message.fail(NNF_ERROR_UNSUPPORTED, "none of %s runs here: %s", namesOf(model).str(), lacks.text);
}

} // namespace nnf::rt
