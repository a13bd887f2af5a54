// The CPUs of the process, cut into sets: the "devices" that data_parallel has on a CPU.
#ifndef NNF_RUNTIME_CORESETS_H
#define NNF_RUNTIME_CORESETS_H
#include "Message.h"
#include <cstdint>
#include <sched.h>

namespace nnf::rt {

/// A set of CPUs, for the calls of sched.h. Larger than cpu_set_t, which ends at 1024 CPUs: the kernel refuses a mask
/// shorter than its own.
struct CpuMask {
  static constexpr uint32_t maxCpus = 8192;
  alignas(cpu_set_t) unsigned char bytes[maxCpus / 8] = {};

  cpu_set_t *set() { return reinterpret_cast<cpu_set_t *>(bytes); }
  const cpu_set_t *set() const { return reinterpret_cast<const cpu_set_t *>(bytes); }
  bool has(uint32_t cpu) const { return bytes[cpu / 8] >> cpu % 8 & 1; }
  void add(uint32_t cpu) { bytes[cpu / 8] = static_cast<unsigned char>(bytes[cpu / 8] | 1u << cpu % 8); }
  uint32_t count() const {
    uint32_t count = 0;
    for (unsigned char byte : bytes)
      count += uint32_t(__builtin_popcount(byte));
    return count;
  }
};

/// The CPUs that the calling thread may run on, nodes of memory one after the other and in them threads of a core side
/// by side, so that a stretch of the list shares as much as can be.
struct CpuList {
  uint32_t count = 0, nodes = 0;
  uint16_t cpus[CpuMask::maxCpus];

  int32_t read(Message &message);
  /// The `index`-th of `sets` stretches, as even as can be. Where there are fewer CPUs than sets, sets share them.
  CpuMask coreSet(uint32_t index, uint32_t sets) const;
};

} // namespace nnf::rt
#endif
