#include "compiler/kernels/KernelCache.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/CachePruning.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nnf {
namespace {

/// What llvm::pruneCache takes for files of the cache.
constexpr llvm::StringLiteral filePrefix = "llvmcache-";
/// A compile that adds kernels looks at every file's size and age, but not more often than this.
constexpr std::chrono::seconds pruneInterval(60);
/// Larger files are none of ours.
constexpr off_t maxEntryBytes = off_t(1) << 28;

/// The layout of a file: this, the declaration, the object. A change of it changes the magic.
struct Header {
  char magic[8];
  llvm::BLAKE3Result<> key, checksum; // the checksum: of all that follows it
  uint64_t declarationBytes, objectBytes;
};
constexpr char magic[8] = {'n', 'n', 'f', 'k', 'e', 'r', 'n', 1};
constexpr size_t checkedFrom = offsetof(Header, declarationBytes);

llvm::BLAKE3Result<> hashOf(llvm::StringRef bytes) {
  llvm::BLAKE3 hash;
  hash.update(bytes);
  return hash.final();
}

/// It is ours, and nobody else can have written it.
bool isTrusted(const struct stat &status) {
  return status.st_uid == geteuid() && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

bool readAll(int file, char *to, size_t size) {
  while (size > 0) {
    ssize_t got = read(file, to, size);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false;
    to += got;
    size -= got;
  }
  return true;
}

bool writeAll(int file, llvm::StringRef bytes) {
  while (!bytes.empty()) {
    ssize_t put = write(file, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0)
      return false;
    bytes = bytes.drop_front(put);
  }
  return true;
}

} // namespace

struct KernelCache::Key {
  llvm::BLAKE3Result<> bytes;
  std::string fileName() const { return filePrefix.str() + llvm::toHex(bytes, /*LowerCase=*/true); }
};

KernelCache::Key KernelCache::keyOf(const llvm::BLAKE3Result<> &source) const {
  llvm::BLAKE3 hash;
  hash.update(llvm::StringRef(compiler));
  hash.update(source);
  return {hash.final()};
}

std::unique_ptr<KernelCache> KernelCache::open(llvm::StringRef folder, llvm::StringRef compiler, std::string &whyNot,
                                               uint64_t maxBytes) {
  auto refuse = [&](const llvm::Twine &why) {
    whyNot = ("no kernel cache: '" + folder + "' " + why).str();
    return nullptr;
  };
  if (std::error_code code =
          llvm::sys::fs::create_directories(folder, /*IgnoreExisting=*/true, llvm::sys::fs::perms::owner_all))
    return refuse("cannot be made: " + code.message());
  int descriptor = ::open(folder.str().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat status;
  if (descriptor < 0 || fstat(descriptor, &status) != 0) {
    int reason = errno;
    if (descriptor >= 0)
      close(descriptor);
    return refuse("cannot be opened: " + llvm::Twine(strerror(reason)));
  }
  std::unique_ptr<KernelCache> cache(new KernelCache(descriptor, compiler, maxBytes));
  if (status.st_uid != geteuid())
    return refuse("belongs to another user");
  if (!isTrusted(status))
    return refuse("can be written by others, expected a folder of mode 0700");
  if (faccessat(descriptor, ".", R_OK | W_OK | X_OK, AT_EACCESS) != 0)
    return refuse("cannot be written: " + llvm::Twine(strerror(errno)));
  return cache;
}

KernelCache::~KernelCache() {
  if (stored > 0) {
    llvm::CachePruningPolicy policy;
    policy.Interval = pruneInterval;
    policy.Expiration = std::chrono::seconds(0);
    policy.MaxSizePercentageOfAvailableSpace = 0;
    policy.MaxSizeBytes = maxBytes;
    policy.MaxSizeFiles = 0;
    llvm::pruneCache("/proc/self/fd/" + std::to_string(folder), policy);
  }
  close(folder);
}

std::optional<KernelSource::Code> KernelCache::load(const llvm::BLAKE3Result<> &source) {
  Key key = keyOf(source);
  // No link, and no pipe that would wait for its other end.
  int file = openat(folder, key.fileName().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (file < 0)
    return std::nullopt;
  llvm::scope_exit closeFile([&] { close(file); });
  struct stat status;
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode) || !isTrusted(status) ||
      status.st_size < off_t(sizeof(Header)) || status.st_size > maxEntryBytes)
    return std::nullopt;
  std::string bytes(status.st_size, '\0');
  if (!readAll(file, bytes.data(), bytes.size()))
    return std::nullopt;
  Header header;
  memcpy(&header, bytes.data(), sizeof header);
  size_t rest = bytes.size() - sizeof header;
  if (memcmp(header.magic, magic, sizeof magic) != 0 || header.key != key.bytes ||
      header.checksum != hashOf(llvm::StringRef(bytes).drop_front(checkedFrom)) || header.declarationBytes > rest ||
      header.objectBytes != rest - header.declarationBytes)
    return std::nullopt;
  // When it was used last: not every file system notes that by itself.
  const timespec times[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
  (void)futimens(file, times);
  llvm::StringRef data = llvm::StringRef(bytes).drop_front(sizeof header);
  KernelSource::Code code;
  code.declaration = data.take_front(header.declarationBytes).str();
  data = data.drop_front(header.declarationBytes);
  code.object.assign(data.begin(), data.end());
  ++hits;
  return code;
}

void KernelCache::store(const llvm::BLAKE3Result<> &source, const KernelSource::Code &code) {
  Key key = keyOf(source);
  std::string bytes(sizeof(Header), '\0');
  bytes += code.declaration;
  bytes.append(code.object.begin(), code.object.end());
  Header header = {};
  memcpy(header.magic, magic, sizeof magic);
  header.key = key.bytes;
  header.declarationBytes = code.declaration.size();
  header.objectBytes = code.object.size();
  memcpy(bytes.data(), &header, sizeof header);
  header.checksum = hashOf(llvm::StringRef(bytes).drop_front(checkedFrom));
  memcpy(bytes.data(), &header, sizeof header);

  std::string name = key.fileName();
  std::string temporary = name + "." + llvm::utohexstr(llvm::sys::Process::GetRandomNumber());
  int file = openat(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (file < 0)
    return;
  bool isWritten = writeAll(file, bytes);
  isWritten &= close(file) == 0;
  if (isWritten && renameat(folder, temporary.c_str(), folder, name.c_str()) == 0)
    ++stored;
  else
    unlinkat(folder, temporary.c_str(), 0);
}

std::string cacheFolder() {
  auto variable = [](const char *name) -> std::optional<std::string> {
    const char *value = getenv(name);
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
  if (std::optional<std::string> folder = variable("NNFC_CACHE_DIR"))
    return *folder;
  // By its specification, a path that is not absolute is to be ignored.
  if (std::optional<std::string> folder = variable("XDG_CACHE_HOME"); folder && llvm::sys::path::is_absolute(*folder))
    return *folder + "/nnfc";
  std::optional<std::string> home = variable("HOME");
  return home && !home->empty() ? *home + "/.cache/nnfc" : "";
}

std::optional<uint64_t> cacheBytes() {
  const char *value = getenv("NNFC_CACHE_SIZE");
  llvm::StringRef text = value && *value ? value : "1G";
  unsigned shift = text.consume_back("G") ? 30 : text.consume_back("M") ? 20 : text.consume_back("K") ? 10 : 0;
  uint64_t number;
  if (text.getAsInteger(10, number) || number == 0 || number > UINT64_MAX >> shift)
    return std::nullopt;
  return number << shift;
}

} // namespace nnf
