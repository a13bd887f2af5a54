// External weights: a file beside the library, mapped and checked.
#include "Hash.h"
#include "Program.h"
#include <cerrno>
#include <climits>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nnf::rt {
namespace {

/// A relative path that stays in its folder.
bool staysInside(const char *path) {
  if (path[0] == 0 || path[0] == '/')
    return false;
  for (const char *part = path; part;) {
    const char *slash = strchr(part, '/');
    size_t length = slash ? size_t(slash - part) : strlen(part);
    if (length == 2 && part[0] == '.' && part[1] == '.')
      return false;
    part = slash ? slash + 1 : nullptr;
  }
  return true;
}

int32_t mapFile(int file, const nnf_model &model, const char *path, MappedFile &mapped, Message &message) {
  struct stat info;
  if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode))
    return message.fail(NNF_ERROR_MODEL, "model '%s': weights file '%s' is not a regular file [NNFC-E0705]", model.name,
                        path);
  if (uint64_t(info.st_size) != model.weights_bytes)
    return message.fail(NNF_ERROR_MODEL, "model '%s': weights file '%s' has %llu bytes, expected %llu [NNFC-E0705]",
                        model.name, path, (unsigned long long)info.st_size, (unsigned long long)model.weights_bytes);
  if (model.weights_bytes == 0)
    return NNF_OK;
  void *data = mmap(nullptr, model.weights_bytes, PROT_READ, MAP_PRIVATE, file, 0);
  if (data == MAP_FAILED)
    return message.fail(NNF_ERROR_MEMORY, "model '%s': weights file '%s': %s [NNFC-E0705]", model.name, path,
                        strerror(errno));
  mapped.data = static_cast<const uint8_t *>(data);
  mapped.bytes = model.weights_bytes;
  uint64_t hash = hash64(mapped.data, mapped.bytes);
  if (hash != model.weights_hash)
    return message.fail(NNF_ERROR_MODEL,
                        "model '%s': weights file '%s' has hash %016llx, expected %016llx: it is not "
                        "the file the model was compiled with [NNFC-E0705]",
                        model.name, path, (unsigned long long)hash, (unsigned long long)model.weights_hash);
  return NNF_OK;
}

} // namespace

int32_t mapWeights(const nnf_model &model, const char *libraryPath, MappedFile &mapped, Message &message) {
  if (!staysInside(model.weights_file))
    return message.fail(NNF_ERROR_MODEL, "model '%s': weights file '%s' is not below the library's folder [NNFC-E0705]",
                        model.name, model.weights_file);
  const char *slash = strrchr(libraryPath, '/');
  char path[PATH_MAX];
  int length =
      snprintf(path, sizeof path, "%.*s%s", slash ? int(slash + 1 - libraryPath) : 0, libraryPath, model.weights_file);
  if (length < 0 || size_t(length) >= sizeof path)
    return message.fail(NNF_ERROR_MODEL, "model '%s': the path of weights file '%s' is too long [NNFC-E0705]",
                        model.name, model.weights_file);
  // Not blocking: opening a pipe would wait for its writer.
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    return message.fail(NNF_ERROR_MODEL, "model '%s': weights file '%s': %s [NNFC-E0705]", model.name, path,
                        strerror(errno));
  int32_t status = mapFile(file, model, path, mapped, message);
  close(file);
  return status;
}

void mapCachedWeights(const nnf_program &program) {
#ifdef MADV_POPULATE_READ
  constexpr uintptr_t page = 4096, block = 1024 * page;
  uintptr_t begin = reinterpret_cast<uintptr_t>(program.weights), end = begin + program.model->weights_bytes;
  // Whole pages of them.
  begin = (begin + page - 1) / page * page;
  end = end / page * page;
  if (begin >= end)
    return;
  // What is not there comes from the disk in large pages then.
  madvise(reinterpret_cast<void *>(begin), end - begin, MADV_HUGEPAGE);
  for (; begin < end; begin += block) {
    uintptr_t bytes = end - begin < block ? end - begin : block;
    unsigned char isCached[block / page];
    if (mincore(reinterpret_cast<void *>(begin), bytes, isCached) != 0)
      return;
    bool areAll = true;
    for (uintptr_t i = 0; i < bytes / page; ++i)
      areAll &= isCached[i] & 1;
    if (areAll && madvise(reinterpret_cast<void *>(begin), bytes, MADV_POPULATE_READ) != 0)
      return;
  }
#endif
}

void unmap(MappedFile &mapped) {
  if (mapped.data)
    munmap(const_cast<uint8_t *>(mapped.data), mapped.bytes);
  mapped = {};
}

} // namespace nnf::rt
