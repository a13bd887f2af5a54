#include "Program.h"
#include <cerrno>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nnf::rt {
namespace {

// The loader would say of another machine's file that there is none.
#if defined(__x86_64__)
constexpr uint16_t ownMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr uint16_t ownMachine = EM_AARCH64;
#else
constexpr uint16_t ownMachine = EM_NONE; // not compared
#endif

int32_t checkHeaders(int file, const char *path, Message &message) {
  auto wrong = [&](const char *what) {
    return message.fail(NNF_ERROR_MODEL, "'%s' is no compiled library: %s [NNFC-E0701]", path, what);
  };
  struct stat info;
  if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode))
    return wrong("not a regular file");
  uint64_t size = uint64_t(info.st_size);
  ElfW(Ehdr) header;
  if (pread(file, &header, sizeof header, 0) != ssize_t(sizeof header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
    return wrong("not an ELF file");
  if (header.e_type != ET_DYN)
    return wrong("an ELF file, but not a shared object");
  if (header.e_phentsize != sizeof(ElfW(Phdr)) || (ownMachine != EM_NONE && header.e_machine != ownMachine))
    return wrong("an ELF file for another machine");
  for (uint32_t i = 0; i < header.e_phnum; ++i) {
    ElfW(Phdr) segment;
    uint64_t offset = header.e_phoff + uint64_t(i) * sizeof segment;
    if (offset < header.e_phoff || offset > size ||
        pread(file, &segment, sizeof segment, off_t(offset)) != ssize_t(sizeof segment))
      return wrong("cut short in its program headers");
    if (segment.p_filesz > size || segment.p_offset > size - segment.p_filesz)
      return wrong("cut short");
  }
  return NNF_OK;
}

} // namespace

int32_t checkElfFile(const char *path, Message &message) {
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return message.fail(NNF_ERROR_ARGUMENT, "'%s': %s [NNFC-E0701]", path, strerror(errno));
  int32_t status = checkHeaders(file, path, message);
  close(file);
  return status;
}

} // namespace nnf::rt
