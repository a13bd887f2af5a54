#include "CoreSets.h"
#include <cstdio>
#include <cstdlib>
#include <dirent.h>

namespace nnf::rt {
namespace {

struct Place {
  long node, package, core;
  uint16_t cpu;
};

long readTopology(uint32_t cpu, const char *name, long absent) {
  char path[128];
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u/topology/%s", cpu, name);
  FILE *file = fopen(path, "re");
  if (!file)
    return absent;
  long value;
  if (fscanf(file, "%ld", &value) != 1)
    value = absent;
  fclose(file);
  return value;
}

/// The node of memory a CPU is near to: its folder has an entry nodeN. 0 where it has none.
long nodeOf(uint32_t cpu) {
  char path[64];
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%u", cpu);
  DIR *folder = opendir(path);
  if (!folder)
    return 0;
  long node = 0;
  while (dirent *entry = readdir(folder))
    if (sscanf(entry->d_name, "node%ld", &node) == 1)
      break;
  closedir(folder);
  return node;
}

int order(const void *left, const void *right) {
  const Place &a = *static_cast<const Place *>(left), &b = *static_cast<const Place *>(right);
  const long differences[] = {a.node - b.node, a.package - b.package, a.core - b.core, long(a.cpu) - long(b.cpu)};
  for (long difference : differences)
    if (difference)
      return difference < 0 ? -1 : 1;
  return 0;
}

} // namespace

int32_t CpuList::read(Message &message) {
  CpuMask allowed;
  if (sched_getaffinity(0, sizeof allowed.bytes, allowed.set()) != 0 || allowed.count() == 0)
    return message.fail(NNF_ERROR_UNSUPPORTED, "the system does not say which CPUs the process may use [NNFC-E0609]");
  Place *places = static_cast<Place *>(malloc(allowed.count() * sizeof(Place)));
  if (!places)
    return message.fail(NNF_ERROR_MEMORY, "out of memory [NNFC-E0609]");
  count = 0;
  for (uint32_t cpu = 0; cpu < CpuMask::maxCpus; ++cpu)
    if (allowed.has(cpu))
      places[count++] = {nodeOf(cpu), readTopology(cpu, "physical_package_id", 0),
                         readTopology(cpu, "core_id", long(cpu)), uint16_t(cpu)};
  qsort(places, count, sizeof(Place), order);
  nodes = 0;
  for (uint32_t i = 0; i < count; ++i) {
    nodes += i == 0 || places[i].node != places[i - 1].node;
    cpus[i] = places[i].cpu;
  }
  free(places);
  return NNF_OK;
}

CpuMask CpuList::coreSet(uint32_t index, uint32_t sets) const {
  CpuMask mask;
  if (count < sets) {
    mask.add(cpus[index % count]);
    return mask;
  }
  uint64_t first = uint64_t(count) * index / sets, end = uint64_t(count) * (index + 1) / sets;
  for (uint64_t i = first; i < end; ++i)
    mask.add(cpus[i]);
  return mask;
}

} // namespace nnf::rt
