// What this machine can do at most, measured.
#pragma once
#include <cstdint>

namespace nnf::run {

/// The two lines of a roofline, in units per second.
struct Roofline {
  double flops = 0; ///< float32 multiplications and additions, on registers
  double bytes = 0; ///< read from memory that no cache holds

  /// The least time that such work takes, in seconds: the larger of both.
  double seconds(double flops, double bytes) const;
};

/// Measures both on so many threads, for about a third of a second; the best of several rounds. 256 MB of memory are
/// read; `bytes` is 0 where there are none.
Roofline measureRoofline(uint32_t threads);

} // namespace nnf::run
