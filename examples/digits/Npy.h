// Reads what this example keeps in .npy files: float32 and int64, row-major, version 1.0.
#pragma once
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <type_traits>
#include <vector>

template <typename T> struct NpyArray {
  std::vector<int64_t> dims;
  std::vector<T> values;
};

/// The array in the file at `path`. Ends the program with a message when there is none of that type.
template <typename T> NpyArray<T> readNpy(const std::string &path) {
  static_assert(std::is_same_v<T, float> || std::is_same_v<T, int64_t>);
  auto fail = [&](const char *why) {
    std::fprintf(stderr, "error: %s: %s\n", path.c_str(), why);
    std::exit(1);
  };
  std::ifstream file(path, std::ios::binary);
  if (!file)
    fail("cannot be read");
  char head[10]; // magic, version, length of the text that follows
  if (!file.read(head, sizeof head) || std::memcmp(head, "\x93NUMPY\x01\x00", 8) != 0)
    fail("not a .npy file of version 1.0");
  std::string text(size_t(uint8_t(head[8]) | uint8_t(head[9]) << 8), ' ');
  if (!file.read(text.data(), std::streamsize(text.size())))
    fail("ends within its header");
  size_t shape = text.find("'shape': (");
  if (text.find(std::is_same_v<T, float> ? "'<f4'" : "'<i8'") == std::string::npos ||
      text.find("'fortran_order': False") == std::string::npos || shape == std::string::npos)
    fail(std::is_same_v<T, float> ? "not row-major float32" : "not row-major int64");

  NpyArray<T> array;
  size_t elements = 1;
  const char *cursor = text.c_str() + shape + std::strlen("'shape': (");
  while (*cursor >= '0' && *cursor <= '9') {
    char *end;
    array.dims.push_back(std::strtoll(cursor, &end, 10));
    elements *= size_t(array.dims.back());
    cursor = end + std::strspn(end, ", ");
  }
  array.values.resize(elements);
  if (!file.read(reinterpret_cast<char *>(array.values.data()), std::streamsize(elements * sizeof(T))))
    fail("ends within its data");
  return array;
}
