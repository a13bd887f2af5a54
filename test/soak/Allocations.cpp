#include "Allocations.h"
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <dlfcn.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

std::atomic<int64_t> live;
std::atomic<uint64_t> calls;
// Initial-exec: a thread's own memory must not need memory.
__attribute__((tls_model("initial-exec"))) thread_local int64_t callsUntilFailure = -1; // below 0: none fails
__attribute__((tls_model("initial-exec"))) thread_local bool failed;

bool failsNow() {
  ++calls;
  if (callsUntilFailure < 0 || callsUntilFailure-- != 0)
    return false;
  failed = true;
  errno = ENOMEM;
  return true;
}

void *counted(void *memory) {
  if (memory)
    ++live;
  return memory;
}

} // namespace

extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);
void __libc_free(void *);

void *malloc(size_t bytes) { return failsNow() ? nullptr : counted(__libc_malloc(bytes)); }
void *calloc(size_t count, size_t bytes) { return failsNow() ? nullptr : counted(__libc_calloc(count, bytes)); }
void *realloc(void *data, size_t bytes) {
  if (!data)
    return malloc(bytes);
  if (bytes == 0) { // as the C library does
    free(data);
    return nullptr;
  }
  return failsNow() ? nullptr : __libc_realloc(data, bytes);
}
void *aligned_alloc(size_t alignment, size_t bytes) {
  return failsNow() ? nullptr : counted(__libc_memalign(alignment, bytes));
}
void *memalign(size_t alignment, size_t bytes) { return aligned_alloc(alignment, bytes); }
int posix_memalign(void **result, size_t alignment, size_t bytes) {
  *result = aligned_alloc(alignment, bytes);
  return *result ? 0 : ENOMEM;
}
void free(void *data) {
  if (data)
    --live;
  __libc_free(data);
}

void *mmap(void *address, size_t bytes, int protection, int flags, int file, off_t offset) {
  if (failsNow())
    return MAP_FAILED;
  return reinterpret_cast<void *>(syscall(SYS_mmap, address, bytes, protection, flags, file, offset));
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*main)(void *), void *argument) {
  static auto next = reinterpret_cast<decltype(&pthread_create)>(dlsym(RTLD_NEXT, "pthread_create"));
  return failsNow() ? EAGAIN : next(thread, attributes, main, argument);
}
}

namespace nnf::soak {

int64_t livePieces() { return live; }
uint64_t allocationCalls() { return calls; }

FailOnce::FailOnce(int64_t failing) {
  failed = false;
  callsUntilFailure = failing;
}
FailOnce::~FailOnce() { callsUntilFailure = -1; }
bool FailOnce::hasFailed() const { return failed; }

} // namespace nnf::soak
