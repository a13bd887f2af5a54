#include "compiler/import/ExternalFile.h"
#include "dialects/nnf/MappedBytes.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Path.h"
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

using namespace llvm;
namespace nnf {

static Error errorOf(const Twine &text) { return createStringError(inconvertibleErrorCode(), text); }

/// Maps the open file and closes it.
static Expected<MappedFile> mapDescriptor(int descriptor, StringRef path) {
  struct stat status;
  if (fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(descriptor);
    return errorOf("file '" + path + "': no regular file [NNFC-E0101]");
  }
  size_t size = status.st_size;
  if (size == 0) {
    close(descriptor);
    return MappedFile{};
  }
  void *address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  int why = errno;
  close(descriptor);
  if (address == MAP_FAILED)
    return errorOf("file '" + path + "': cannot be mapped: " + strerror(why) + " [NNFC-E0101]");
  return MappedFile{ArrayRef(static_cast<const uint8_t *>(address), size), ownMapping(address, size)};
}

// O_NONBLOCK: opening a named pipe must not wait for its writer.
static constexpr int readFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

Expected<MappedFile> mapFile(StringRef path) {
  int descriptor = open(path.str().c_str(), readFlags);
  if (descriptor < 0)
    return errorOf("file '" + path + "': " + strerror(errno) + " [NNFC-E0101]");
  return mapDescriptor(descriptor, path);
}

/// The path without links, or "" (errno says why).
static std::string resolve(const std::string &path) {
  std::unique_ptr<char, decltype(&free)> resolved(realpath(path.c_str(), nullptr), free);
  return resolved ? resolved.get() : "";
}

ExternalFiles::ExternalFiles(StringRef modelPath, ArrayRef<std::string> dataDirs, std::vector<std::string> *filesRead)
    : filesRead(filesRead) {
  auto add = [&](const std::string &folder) {
    int descriptor = folder.empty() ? -1 : ::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0)
      roots.push_back({folder, descriptor});
  };
  std::string model = resolve(modelPath.str());
  add(sys::path::parent_path(model).str());
  for (const std::string &folder : dataDirs)
    add(resolve(folder));
}

ExternalFiles::~ExternalFiles() {
  for (const Root &root : roots)
    close(root.descriptor);
}

/// Opens folder/relative following no link at all: the path was resolved, so a link is one that appeared since.
static int openWithoutLinks(int folder, const std::string &relative) {
  open_how how = {};
  how.flags = readFlags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  int descriptor = syscall(SYS_openat2, folder, relative.c_str(), &how, sizeof how);
  if (descriptor >= 0 || (errno != ENOSYS && errno != EPERM))
    return descriptor;
  // Older kernels, and sandboxes that block openat2: the same, a component at a time.
  SmallVector<StringRef> parts;
  StringRef(relative).split(parts, '/', -1, /*KeepEmpty=*/false);
  int at = dup(folder);
  for (auto [i, part] : enumerate(parts)) {
    if (at < 0)
      break;
    int flags = i + 1 == parts.size() ? readFlags | O_NOFOLLOW : O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int next = part == ".." ? -1 : openat(at, part.str().c_str(), flags);
    int why = errno;
    close(at);
    errno = why;
    at = next;
  }
  return at;
}

Expected<int> ExternalFiles::openBelow(const std::string &resolved, StringRef path) {
  for (const Root &root : roots) {
    StringRef relative = resolved;
    if (!relative.consume_front(root.path) || !(root.path == "/" || relative.consume_front("/")))
      continue;
    int descriptor = openWithoutLinks(root.descriptor, relative.str());
    if (descriptor >= 0)
      return descriptor;
    return errorOf("file '" + path + "': " + strerror(errno) + " [NNFC-E0101]");
  }
  return errorOf("file '" + path + "': outside the folder of the model, expected a file inside it [NNFC-E0117]");
}

Expected<MappedFile> ExternalFiles::open(StringRef path) {
  if (auto known = opened.find(path); known != opened.end())
    return known->second;
  if (path.empty() || path.contains('\0'))
    return errorOf("file '" + path + "': no path, expected one relative to the model [NNFC-E0117]");
  if (sys::path::is_absolute(path))
    return errorOf("file '" + path + "': an absolute path, expected one relative to the model [NNFC-E0117]");
  // A path that climbs out is refused for what it says, whatever is there.
  int depth = 0;
  for (auto part = sys::path::begin(path), end = sys::path::end(path); part != end; ++part) {
    depth += *part == ".." ? -1 : *part == "." ? 0 : 1;
    if (depth < 0)
      return errorOf("file '" + path + "': outside the folder of the model, expected a file inside it [NNFC-E0117]");
  }
  for (const Root &root : roots) {
    std::string resolved = resolve(root.path + "/" + path.str());
    if (resolved.empty()) {
      if (errno == ENOENT || errno == ENOTDIR)
        continue;
      return errorOf("file '" + path + "': " + strerror(errno) + " [NNFC-E0101]");
    }
    Expected<int> descriptor = openBelow(resolved, path);
    if (!descriptor)
      return descriptor.takeError();
    Expected<MappedFile> file = mapDescriptor(*descriptor, path);
    if (file) {
      opened[path] = *file;
      if (filesRead)
        filesRead->push_back(resolved);
    }
    return file;
  }
  return errorOf("file '" + path + "': not found [NNFC-E0101]");
}

} // namespace nnf
