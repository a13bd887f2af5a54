// Memory of a context: the caller's allocator or the C library's, and buffers that only ever grow.
#ifndef NNF_RUNTIME_MEMORY_H
#define NNF_RUNTIME_MEMORY_H
#include "nnf.h"
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <sys/mman.h>
#include <sys/sysinfo.h>

namespace nnf::rt {

inline constexpr uint64_t dataAlignment = 64;
/// Memory of several of these asks for large pages: one fault for each instead of 512, and fewer misses of the TLB.
inline constexpr uint64_t largePageBytes = uint64_t(2) << 20;
/// More than any machine has; sums and products that stay below it cannot overflow.
inline constexpr uint64_t maxBytes = uint64_t(1) << 60;

inline uint64_t alignUp(uint64_t bytes) { return (bytes + dataAlignment - 1) & ~(dataAlignment - 1); }

/// Whether the machine can have so much memory at all. Where the system overcommits, malloc would say yes and the
/// process be killed at the first touch.
inline bool machineHas(uint64_t bytes) {
  struct sysinfo info;
  return sysinfo(&info) != 0 || bytes / info.mem_unit <= uint64_t(info.totalram) + info.totalswap;
}

struct Allocator {
  nnf_allocator own = {nullptr, nullptr, nullptr}; // unset: the C library's

  void *allocate(uint64_t bytes) const {
    if (bytes > maxBytes)
      return nullptr;
    if (own.allocate)
      return own.allocate(own.user, bytes, dataAlignment);
    if (!machineHas(bytes))
      return nullptr;
    if (bytes < 2 * largePageBytes)
      return aligned_alloc(dataAlignment, alignUp(bytes));
    void *data = aligned_alloc(largePageBytes, alignUp(bytes));
    // Only a wish. What lies behind the last whole one stays with what malloc put there.
    if (data)
      madvise(data, bytes / largePageBytes * largePageBytes, MADV_HUGEPAGE);
    return data;
  }
  void release(void *data, uint64_t bytes) const {
    if (!data)
      return;
    if (own.release)
      own.release(own.user, data, bytes, dataAlignment);
    else
      free(data);
  }
};

/// 64-byte aligned memory. Growing drops the contents.
struct Buffer {
  uint8_t *data = nullptr;
  uint64_t capacity = 0;

  /// False: out of memory, and the buffer is empty.
  bool reserve(const Allocator &allocator, uint64_t bytes) {
    // An empty tensor still has an address: kernels may compute with it, and NULL means "not given".
    uint64_t wanted = alignUp(bytes ? bytes : 1);
    if (bytes > maxBytes)
      wanted = bytes;
    else if (data && wanted <= capacity)
      return true;
    release(allocator);
    data = static_cast<uint8_t *>(allocator.allocate(wanted));
    capacity = data ? wanted : 0;
    return data != nullptr;
  }
  /// The same, but the first `used` bytes stay, and an own buffer at least doubles: many small steps cost little.
  bool grow(const Allocator &allocator, uint64_t used, uint64_t bytes) {
    if (used == 0 || bytes <= capacity || bytes > maxBytes)
      return reserve(allocator, bytes);
    Buffer larger;
    if (!larger.reserve(allocator, bytes < 2 * capacity ? 2 * capacity : bytes) && !larger.reserve(allocator, bytes))
      return false;
    memcpy(larger.data, data, used);
    release(allocator);
    *this = larger;
    return true;
  }
  void release(const Allocator &allocator) {
    allocator.release(data, capacity);
    data = nullptr;
    capacity = 0;
  }
};

/// Hands out pieces of one allocation; with no memory yet it only counts.
class Carver {
public:
  explicit Carver(uint8_t *memory) : memory(memory) {}
  template <typename T> T *take(uint64_t count) {
    uint64_t offset = used;
    used += alignUp(count * sizeof(T));
    return memory ? reinterpret_cast<T *>(memory + offset) : nullptr;
  }
  uint64_t bytes() const { return used; }

private:
  uint8_t *memory;
  uint64_t used = 0;
};

/// Lays out in `buffer`, which becomes as large as it must and all zero, what `carve` takes of a Carver. It is called
/// twice: to count, and then with the memory. False: out of memory.
template <typename Carve> bool carveInto(Buffer &buffer, const Allocator &allocator, Carve carve) {
  Carver counter(nullptr);
  carve(counter);
  if (!buffer.reserve(allocator, counter.bytes()))
    return false;
  memset(buffer.data, 0, buffer.capacity);
  Carver carver(buffer.data);
  carve(carver);
  return true;
}

} // namespace nnf::rt
#endif
