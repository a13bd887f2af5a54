#include "compiler/OutputFiles.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Signals.h"

namespace nnf {
namespace {

llvm::Error cannotWrite(const std::string &path, const std::error_code &why) {
  return llvm::createStringError("'" + path + "' cannot be written: " + why.message() + " [NNFC-E0125]");
}

} // namespace

OutputFiles::~OutputFiles() {
  for (const File &file : files) {
    llvm::sys::fs::remove(file.temporary);
    llvm::sys::DontRemoveFileOnSignal(file.temporary);
  }
}

llvm::Expected<std::string> OutputFiles::create(const std::string &destination) {
  if (llvm::sys::fs::is_directory(destination))
    return cannotWrite(destination, std::make_error_code(std::errc::is_a_directory));
  llvm::SmallString<128> model = llvm::sys::path::parent_path(destination);
  // The extension stays last: tools look at it.
  llvm::sys::path::append(
      model, ("." + llvm::sys::path::stem(destination) + "-%%%%%%%%" + llvm::sys::path::extension(destination)).str());
  llvm::SmallString<128> path;
  int descriptor;
  // As any program creates files: the umask takes away what it will.
  if (std::error_code code = llvm::sys::fs::createUniqueFile(model, descriptor, path, llvm::sys::fs::OF_None, 0666))
    return cannotWrite(destination, code);
  llvm::sys::fs::file_t file = descriptor;
  llvm::sys::fs::closeFile(file);
  llvm::sys::RemoveFileOnSignal(path);
  files.push_back({path.str().str(), destination});
  return path.str().str();
}

OutputFiles::File *OutputFiles::find(const std::string &temporary) {
  auto file = llvm::find_if(files, [&](const File &f) { return f.temporary == temporary; });
  assert(file != files.end() && "only files made here are written and kept");
  return file;
}

llvm::Error OutputFiles::write(const std::string &temporary, llvm::StringRef bytes) {
  return write(temporary, [&](llvm::raw_ostream &os) { os << bytes; });
}

llvm::Error OutputFiles::write(const std::string &temporary, llvm::function_ref<void(llvm::raw_ostream &)> print) {
  std::error_code code;
  llvm::raw_fd_ostream os(temporary, code);
  if (!code) {
    print(os);
    os.close();
    code = os.error();
    os.clear_error();
  }
  return code ? cannotWrite(find(temporary)->destination, code) : llvm::Error::success();
}

llvm::Expected<std::string> OutputFiles::create(const std::string &destination, llvm::StringRef bytes) {
  llvm::Expected<std::string> path = create(destination);
  if (path)
    if (llvm::Error error = write(*path, bytes))
      return std::move(error);
  return path;
}

llvm::Error OutputFiles::keep(const std::string &temporary) {
  File *file = find(temporary);
  if (std::error_code code = llvm::sys::fs::rename(file->temporary, file->destination))
    return cannotWrite(file->destination, code);
  llvm::sys::DontRemoveFileOnSignal(file->temporary);
  files.erase(file);
  return llvm::Error::success();
}

} // namespace nnf
