#include "tools/run/OutputFile.h"
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

namespace nnf::run {
namespace {

bool writeAll(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t written = write(file, bytes.data(), bytes.size() < (1u << 30) ? bytes.size() : (1u << 30));
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return false;
    bytes.remove_prefix(size_t(written));
  }
  return true;
}

/// The permissions a newly made file gets; mkstemp's are tighter.
mode_t defaultMode() {
  mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

Failure cannotWrite(const std::string &path) {
  return fault("cannot write '" + path + "': " + strerror(errno) + " [NNFC-E0125]");
}

/// Into a device or a pipe there is nothing to rename over.
bool isSpecial(const std::string &path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

Failure writeSpecial(const std::string &path, std::initializer_list<std::string_view> parts) {
  FILE *file = fopen(path.c_str(), "we");
  bool ok = file != nullptr;
  for (std::string_view part : parts)
    ok = ok && writeAll(fileno(file), part);
  Failure failure = ok ? Failure() : cannotWrite(path);
  if (file)
    fclose(file);
  return failure;
}

} // namespace

Failure writeFile(const std::string &path, std::initializer_list<std::string_view> parts) {
  if (isSpecial(path))
    return writeSpecial(path, parts);
  size_t slash = path.rfind('/');
  std::string temporary = (slash == std::string::npos ? "" : path.substr(0, slash + 1)) + ".nnf-XXXXXX";
  int file = mkstemp(temporary.data());
  if (file < 0)
    return cannotWrite(path);
  bool ok = true;
  for (std::string_view part : parts)
    ok = ok && writeAll(file, part);
  ok = ok && fchmod(file, defaultMode()) == 0;
  int error = errno;
  // Some file systems say only here that there was no room.
  if (close(file) != 0 && ok) {
    ok = false;
    error = errno;
  }
  if (ok && rename(temporary.c_str(), path.c_str()) != 0) {
    ok = false;
    error = errno;
  }
  if (ok)
    return {};
  unlink(temporary.c_str());
  errno = error;
  return cannotWrite(path);
}

Failure checkFolderOf(const std::string &path) {
  if (isSpecial(path))
    return {};
  std::string folder = std::filesystem::path(path).parent_path();
  return access(folder.empty() ? "." : folder.c_str(), W_OK | X_OK) == 0 ? Failure() : cannotWrite(path);
}

Failure makeFolder(const std::string &path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error && !std::filesystem::is_directory(path, error) && !error)
    error = std::make_error_code(std::errc::not_a_directory);
  return error ? fault("cannot make the folder '" + path + "': " + error.message() + " [NNFC-E0125]") : Failure();
}

std::string fileNameOf(std::string_view name) {
  static constexpr char digits[] = "0123456789ABCDEF";
  std::string text;
  for (char c : name) {
    bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
                 (c == '.' && !text.empty());
    if (plain)
      text += c;
    else
      text += {'%', digits[uint8_t(c) >> 4], digits[uint8_t(c) & 15]};
  }
  return text;
}

} // namespace nnf::run
