#include "dialects/nnf/MappedBytes.h"
#include <map>
#include <mutex>
#include <sys/mman.h>
#include <unistd.h>

namespace nnf {

namespace {
/// All mappings: only of them it is known that pages come back as they were.
struct Mappings {
  std::mutex mutex;
  std::map<uintptr_t, uintptr_t> endOf; // by their begin
};
Mappings &mappings() {
  static Mappings all;
  return all;
}
uintptr_t addressOf(const void *p) { return reinterpret_cast<uintptr_t>(p); }
} // namespace

std::shared_ptr<const void> ownMapping(void *address, size_t size) {
  Mappings &all = mappings();
  std::lock_guard<std::mutex> lock(all.mutex);
  all.endOf[addressOf(address)] = addressOf(address) + size;
  return {address, [size](const void *p) {
            Mappings &all = mappings();
            std::lock_guard<std::mutex> lock(all.mutex);
            all.endOf.erase(addressOf(p));
            munmap(const_cast<void *>(p), size);
          }};
}

void releaseMapped(llvm::ArrayRef<uint8_t> bytes) {
  static const uintptr_t page = sysconf(_SC_PAGESIZE);
  uintptr_t begin = (addressOf(bytes.begin()) + page - 1) / page * page, end = addressOf(bytes.end()) / page * page;
  if (begin >= end)
    return;
  Mappings &all = mappings();
  std::lock_guard<std::mutex> lock(all.mutex);
  auto after = all.endOf.upper_bound(begin);
  if (after != all.endOf.begin() && end <= std::prev(after)->second)
    madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}

} // namespace nnf
