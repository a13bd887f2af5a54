#include "compiler/kernels/CompilerIdentity.h"
#include "llvm/ADT/StringExtras.h"
#include <elf.h>
#include <link.h>
#include <sys/stat.h>

namespace nnf {
namespace {

/// The note that linkers write: a hash of all that was linked.
llvm::ArrayRef<uint8_t> buildId(const dl_phdr_info &object) {
  auto padded = [](size_t size) { return (size + 3) / 4 * 4; };
  for (const ElfW(Phdr) &header : llvm::ArrayRef(object.dlpi_phdr, object.dlpi_phnum)) {
    if (header.p_type != PT_NOTE)
      continue;
    auto *at = reinterpret_cast<const uint8_t *>(object.dlpi_addr + header.p_vaddr), *end = at + header.p_memsz;
    while (at + sizeof(ElfW(Nhdr)) <= end) {
      auto *note = reinterpret_cast<const ElfW(Nhdr) *>(at);
      const uint8_t *name = at + sizeof *note, *description = name + padded(note->n_namesz);
      if (note->n_type == NT_GNU_BUILD_ID &&
          llvm::StringRef(reinterpret_cast<const char *>(name), note->n_namesz) == llvm::StringRef("GNU", 4))
        return {description, note->n_descsz};
      at = description + padded(note->n_descsz);
    }
  }
  return {};
}

/// Adds an object to the text; returns whether it can be told.
bool add(const dl_phdr_info &object, std::string &text) {
  std::string path = object.dlpi_name;
  if (path.empty())
    path = "/proc/self/exe";
  if (path.find('/') == std::string::npos) // the kernel's own
    return true;
  if (llvm::ArrayRef<uint8_t> id = buildId(object); !id.empty()) {
    text += llvm::toHex(id, /*LowerCase=*/true) + "\n";
    return true;
  }
  struct stat file;
  if (stat(path.c_str(), &file) != 0)
    return false;
  for (int64_t number : {int64_t(file.st_size), int64_t(file.st_mtim.tv_sec), int64_t(file.st_mtim.tv_nsec)})
    text += std::to_string(number) + " ";
  text += path + "\n";
  return true;
}

} // namespace

std::string compilerIdentity() {
  std::string text;
  int unknown = dl_iterate_phdr(
      [](dl_phdr_info *object, size_t, void *text) { return add(*object, *static_cast<std::string *>(text)) ? 0 : 1; },
      &text);
  return unknown ? "" : text;
}

} // namespace nnf
