#include "tools/run/Compare.h"
#include "runtime/nnf.h"
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>

namespace nnf::run {
namespace {

template <typename T> T at(const Array &array, int64_t i) {
  T value;
  memcpy(&value, array.data() + size_t(i) * sizeof value, sizeof value);
  return value;
}

double ofHalf(uint16_t bits) {
  int exponent = bits >> 10 & 31, fraction = bits & 1023;
  double magnitude =
      exponent == 31 ? (fraction ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity())
      : exponent     ? std::ldexp(1024 + fraction, exponent - 25)
                     : std::ldexp(fraction, -24);
  return bits & 0x8000 ? -magnitude : magnitude;
}

double ofBfloat(uint16_t bits) {
  uint32_t wide = uint32_t(bits) << 16;
  float value;
  memcpy(&value, &wide, sizeof value);
  return value;
}

bool isFloat(uint32_t dtype) {
  return dtype == NNF_FLOAT32 || dtype == NNF_FLOAT64 || dtype == NNF_FLOAT16 || dtype == NNF_BFLOAT16;
}

double floatAt(const Array &array, int64_t i) {
  switch (array.dtype) {
  case NNF_FLOAT64: return at<double>(array, i);
  case NNF_FLOAT16: return ofHalf(at<uint16_t>(array, i));
  case NNF_BFLOAT16: return ofBfloat(at<uint16_t>(array, i));
  default: return at<float>(array, i);
  }
}

/// As decimal text; integers of 64 bits keep all digits.
std::string textAt(const Array &array, int64_t i) {
  char text[64];
  if (isFloat(array.dtype)) {
    snprintf(text, sizeof text, "%.9g", floatAt(array, i));
    return text;
  }
  switch (array.dtype) {
  case NNF_INT64: return std::to_string(at<int64_t>(array, i));
  case NNF_INT32: return std::to_string(at<int32_t>(array, i));
  case NNF_INT16: return std::to_string(at<int16_t>(array, i));
  case NNF_INT8: return std::to_string(at<int8_t>(array, i));
  case NNF_UINT16: return std::to_string(at<uint16_t>(array, i));
  case NNF_UINT32: return std::to_string(at<uint32_t>(array, i));
  case NNF_UINT64: return std::to_string(at<uint64_t>(array, i));
  default: return std::to_string(at<uint8_t>(array, i));
  }
}

std::string placeOf(const Array &array, int64_t element) {
  std::string text;
  for (size_t d = array.dims.size(); d-- > 0;) {
    text = std::to_string(element % array.dims[d]) + (text.empty() ? "" : ", ") + text;
    element /= array.dims[d];
  }
  return "[" + text + "]";
}

} // namespace

Difference compareArrays(const Array &a, const Array &b, const Tolerance &tolerance) {
  Difference difference;
  if (a.dtype != b.dtype || a.dims != b.dims) {
    difference.departs = true;
    difference.text = describeType(a.dtype, a.dims) + ", expected " + describeType(b.dtype, b.dims);
    return difference;
  }
  difference.elements = a.elements();
  size_t elementBytes = nnf_dtype_bytes(a.dtype);
  int64_t worst = -1;
  double worstExcess = 0;
  for (int64_t i = 0; i < difference.elements; ++i) {
    double excess = 0; // over what is allowed
    if (!isFloat(a.dtype)) {
      excess = memcmp(a.data() + size_t(i) * elementBytes, b.data() + size_t(i) * elementBytes, elementBytes) ? 1 : 0;
    } else {
      double x = floatAt(a, i), y = floatAt(b, i);
      if (std::isfinite(x) && std::isfinite(y)) {
        difference.largest = std::max(difference.largest, std::fabs(x - y));
        excess = std::fabs(x - y) - (tolerance.absolute + tolerance.relative * std::fabs(y));
      } else if (!(std::isnan(x) && std::isnan(y)) && x != y) {
        excess = std::numeric_limits<double>::infinity();
      }
    }
    if (excess <= 0)
      continue;
    ++difference.count;
    if (worst < 0 || excess > worstExcess) {
      worst = i;
      worstExcess = excess;
    }
  }
  difference.departs = difference.count > 0;
  if (difference.departs)
    difference.text = "at " + placeOf(a, worst) + ": " + textAt(a, worst) + ", expected " + textAt(b, worst) + " (" +
                      std::to_string(difference.count) + " of " + std::to_string(difference.elements) +
                      " elements depart)";
  return difference;
}

} // namespace nnf::run
