// NumPy's .npy files: the arrays that go into and come out of a run.
#pragma once
#include "tools/run/Failure.h"
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <vector>

namespace nnf::run {

/// A dense row-major array in memory aligned to 64 bytes. dtype: NNF_FLOAT32, …
struct Array {
  uint32_t dtype = 0;
  std::vector<int64_t> dims;

  uint8_t *data() const { return memory.get(); }
  uint64_t bytes() const { return size; }
  int64_t elements() const;
  /// Sets dtype and dims and makes room for the elements, all zero. False: larger than memory.
  bool allocate(uint32_t dtype, std::vector<int64_t> dims);

private:
  struct Free {
    void operator()(uint8_t *p) const { std::free(p); }
  };
  std::unique_ptr<uint8_t, Free> memory;
  uint64_t size = 0;
};

/// What the text in a .npy header says.
struct NpyHeader {
  std::string descr; // "<f4"
  bool fortranOrder = false;
  std::vector<int64_t> shape;
};

/// Parses the header's dict literal: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`. The keys come in
/// any order, each once; structured dtypes are refused. `header` may hold any bytes.
Failure parseNpyHeader(std::string_view header, NpyHeader &result);

/// Reads a .npy file, format 1 to 3, little-endian, either order. `expected` is the dtype the reader hopes for, or 0:
/// it decides only that `<u2` is read as BFLOAT16 where that is expected (`<V2` always is). Errors name the file.
Failure readNpy(const std::string &path, uint32_t expected, Array &array);

/// The bytes before the data: magic, version, header text, padded so that data starts at a multiple of 64.
std::string npyPreamble(uint32_t dtype, const std::vector<int64_t> &dims);

/// float32[2, 3]
std::string describeType(uint32_t dtype, const std::vector<int64_t> &dims);

} // namespace nnf::run
