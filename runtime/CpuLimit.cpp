// How many CPUs the process may use.
#include "Message.h"
#include "ThreadPool.h"
#include <cstdlib>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

namespace nnf::rt {
namespace {

uint32_t affinityCpus() {
  CpuMask mask;
  if (sched_getaffinity(0, sizeof mask.bytes, mask.set()) != 0)
    return 1;
  uint32_t count = mask.count();
  return count ? count : 1;
}

/// Reads a small file as text. False where there is none.
bool readText(const char *path, char *text, size_t capacity) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return false;
  size_t length = 0;
  for (ssize_t got; length + 1 < capacity && (got = read(file, text + length, capacity - 1 - length)) > 0;)
    length += size_t(got);
  close(file);
  text[length] = 0;
  return length > 0;
}

/// Reads a number and steps behind it.
bool takeNumber(const char *&text, long long &number) {
  char *end;
  number = strtoll(text, &end, 10);
  bool found = end != text;
  text = end;
  return found;
}

bool readNumber(const char *path, long long &number) {
  char text[128];
  const char *rest = text;
  return readText(path, text, sizeof text) && takeNumber(rest, number);
}

/// CPUs of a quota of `quota` microseconds in every `period`; 0: no limit.
uint32_t quotaCpus(long long quota, long long period) {
  if (quota <= 0 || period <= 0)
    return 0;
  long long cpus = (quota + period - 1) / period;
  return cpus < 1 ? 1 : cpus > 1'000'000 ? 0 : uint32_t(cpus);
}

uint32_t limitOfVersion2(const char *folder) {
  char path[1200], text[128];
  snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", folder);
  long long quota, period;
  const char *rest = text;
  if (!readText(path, text, sizeof text) || !takeNumber(rest, quota) || !takeNumber(rest, period))
    return 0; // "max 100000" has no number first: no limit
  return quotaCpus(quota, period);
}

uint32_t limitOfVersion1(const char *folder) {
  char path[1200];
  long long quota, period;
  snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_quota_us", folder);
  if (!readNumber(path, quota))
    return 0;
  snprintf(path, sizeof path, "/sys/fs/cgroup/cpu%s/cpu.cfs_period_us", folder);
  return readNumber(path, period) ? quotaCpus(quota, period) : 0;
}

/// The least limit of a group and the groups above it.
uint32_t leastLimit(char *folder, uint32_t (*limitOf)(const char *folder)) {
  uint32_t least = 0;
  for (;;) {
    if (uint32_t limit = limitOf(folder); limit && (!least || limit < least))
      least = limit;
    char *slash = strrchr(folder, '/');
    if (!slash)
      return least;
    *slash = 0;
  }
}

/// Whether the comma-separated controllers of a version 1 line contain "cpu".
bool namesCpu(const char *controllers, const char *end) {
  while (controllers < end) {
    const char *comma = controllers;
    while (comma < end && *comma != ',')
      ++comma;
    if (comma - controllers == 3 && memcmp(controllers, "cpu", 3) == 0)
      return true;
    controllers = comma + 1;
  }
  return false;
}

uint32_t cgroupCpus() {
  char text[4096];
  if (!readText("/proc/self/cgroup", text, sizeof text))
    return 0;
  uint32_t least = 0;
  char *next = nullptr;
  for (char *line = strtok_r(text, "\n", &next); line; line = strtok_r(nullptr, "\n", &next)) {
    // hierarchy-id:controllers:path; version 2 is "0::/path"
    char *controllers = strchr(line, ':');
    char *path = controllers ? strchr(controllers + 1, ':') : nullptr;
    if (!path || path[1] != '/' || strlen(path + 1) > 1024)
      continue;
    uint32_t limit = 0;
    if (path == controllers + 1)
      limit = leastLimit(path + 1, limitOfVersion2);
    else if (namesCpu(controllers + 1, path))
      limit = leastLimit(path + 1, limitOfVersion1);
    if (limit && (!least || limit < least))
      least = limit;
  }
  return least;
}

} // namespace

uint32_t allowedCpus() {
  uint32_t cpus = affinityCpus();
  uint32_t quota = cgroupCpus();
  return quota && quota < cpus ? quota : cpus;
}

} // namespace nnf::rt
