// The C library's allocator, mmap and pthread_create, counted, and made to fail where a test says so.
#pragma once
#include <cstdint>

namespace nnf::soak {

/// Pieces of memory that malloc and its kin have given and nobody has freed.
int64_t livePieces();
/// Calls that asked for memory, of all threads.
uint64_t allocationCalls();

/// While it lives, the `failing`-th call (from 0) of this thread that asks the system for memory or for a thread fails,
/// and no other.
class FailOnce {
public:
  explicit FailOnce(int64_t failing);
  ~FailOnce();
  FailOnce(const FailOnce &) = delete;
  /// Whether there was such a call.
  bool hasFailed() const;
};

} // namespace nnf::soak
