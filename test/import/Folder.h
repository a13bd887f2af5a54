// A folder for the files of one test, gone with it.
#ifndef NNF_TEST_IMPORT_FOLDER_H
#define NNF_TEST_IMPORT_FOLDER_H

#include "compiler/import/ExternalFile.h"
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace nnf::test {

class Folder {
public:
  Folder() {
    std::string pattern = std::filesystem::temp_directory_path() / "nnf-import-XXXXXX";
    path = std::filesystem::canonical(mkdtemp(pattern.data()));
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder &) = delete;

  std::string write(const std::string &name, const std::string &content) const {
    std::filesystem::create_directories((path / name).parent_path());
    std::ofstream(path / name, std::ios::binary) << content;
    return path / name;
  }
  std::string read(const std::string &name) const {
    std::stringstream text;
    text << std::ifstream(path / name, std::ios::binary).rdbuf();
    return text.str();
  }
  std::string operator/(const std::string &name) const { return path / name; }
  size_t count() const {
    return std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator());
  }

  std::filesystem::path path;
};

/// A file that lies in memory.
inline MappedFile mapped(const std::string &content) {
  auto owner = std::make_shared<const std::string>(content);
  return {llvm::ArrayRef(reinterpret_cast<const uint8_t *>(owner->data()), owner->size()), owner};
}

/// A .npy file of version 1 as numpy writes it.
inline std::string npy(const std::string &descr, const std::string &shape, const std::string &data,
                       const std::string &fortran = "False") {
  std::string header = "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }";
  header.append(63 - (header.size() + 10) % 64, ' ') += '\n';
  std::string file("\x93NUMPY\x01\x00", 8);
  file += static_cast<char>(header.size() & 255);
  file += static_cast<char>(header.size() >> 8);
  return file + header + data;
}

/// A .safetensors file with this header.
inline std::string safetensors(const std::string &header, const std::string &data) {
  std::string file;
  for (int i = 0; i < 8; ++i)
    file += static_cast<char>(header.size() >> 8 * i & 255);
  return file + header + data;
}

} // namespace nnf::test
#endif
