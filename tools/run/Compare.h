// Two arrays, element by element.
#pragma once
#include "tools/run/Npy.h"
#include <string>

namespace nnf::run {

/// What two numbers may differ by: |a - b| <= absolute + relative * |b|. Integers and bools must be equal; NaN equals
/// NaN, and infinities themselves.
struct Tolerance {
  double absolute = 1e-5, relative = 1e-4;
};

struct Difference {
  bool departs = false;
  int64_t count = 0, elements = 0; ///< that depart, of all
  double largest = 0;              ///< |a - b| of all elements where both are finite
  std::string text;                ///< "at [0, 3]: 1.5, expected 1.25 (…)", or what is wrong with type or sizes
};

/// `b` is the reference.
Difference compareArrays(const Array &a, const Array &b, const Tolerance &tolerance);

} // namespace nnf::run
