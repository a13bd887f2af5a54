#include "codegen/link/Link.h"
#include "lld/Common/Driver.h"
#include "llvm/ObjCopy/ConfigManager.h"
#include "llvm/ObjCopy/ObjCopy.h"
#include "llvm/Object/ArchiveWriter.h"
#include "llvm/Object/ObjectFile.h"
#include <mutex>

LLD_HAS_DRIVER(elf)

namespace nnf {

namespace {

llvm::Error runLinker(std::vector<const char *> arguments, llvm::ArrayRef<std::string> objects) {
  static std::mutex oneAtATime;
  std::lock_guard<std::mutex> lock(oneAtATime);
  static bool usable = true;
  if (!usable)
    return llvm::createStringError("internal: the linker cannot be run again after it failed");
  // One thread: starting more takes longer than linking. A model's object is small beside its weights, which are
  // copied once.
  arguments.insert(arguments.begin(), {"ld.lld", "--threads=1", "-z", "noexecstack", "--build-id=none"});
  for (const std::string &object : objects)
    arguments.push_back(object.c_str());
  std::string out, err;
  llvm::raw_string_ostream outStream(out), errStream(err);
  lld::Result result = lld::lldMain(arguments, outStream, errStream, {{lld::Gnu, &lld::elf::link}});
  usable = result.canRunAgain;
  if (result.retCode != 0)
    return llvm::createStringError("internal: the linker failed: " + (err.empty() ? "no reason given" : err));
  return llvm::Error::success();
}

/// Hidden symbols become local.
llvm::Expected<llvm::SmallVector<char, 0>> localised(llvm::StringRef object) {
  llvm::objcopy::ConfigManager config;
  config.ELF.LocalizeHidden = true;
  auto file = llvm::object::ObjectFile::createObjectFile(llvm::MemoryBufferRef(object, "object"));
  if (!file)
    return file.takeError();
  llvm::SmallVector<char, 0> result;
  llvm::raw_svector_ostream os(result);
  if (llvm::Error error = llvm::objcopy::executeObjcopyOnBinary(config, **file, os))
    return std::move(error);
  return result;
}

} // namespace

llvm::Error linkSharedLibrary(llvm::ArrayRef<std::string> objects, const std::string &output, llvm::StringRef soname) {
  std::string sonameFlag = "--soname=" + soname.str();
  return runLinker({"-shared", "--no-undefined", "--hash-style=gnu", "-z", "relro", "-z", "now", "--gc-sections",
                    sonameFlag.c_str(), "-o", output.c_str()},
                   objects);
}

llvm::Expected<llvm::SmallVector<char, 0>> linkObject(llvm::ArrayRef<std::string> objects, const std::string &scratch) {
  if (llvm::Error error = runLinker({"-r", "-o", scratch.c_str()}, objects))
    return std::move(error);
  auto linked = llvm::MemoryBuffer::getFile(scratch, /*IsText=*/false, /*RequiresNullTerminator=*/false);
  if (!linked)
    return llvm::createStringError("'" + scratch + "' cannot be read: " + linked.getError().message() +
                                   " [NNFC-E0101]");
  return localised((*linked)->getBuffer());
}

llvm::Error writeArchive(llvm::ArrayRef<llvm::StringRef> objects, const std::string &output) {
  std::vector<llvm::NewArchiveMember> members;
  for (llvm::StringRef object : objects)
    members.emplace_back(llvm::MemoryBufferRef(object, "kernel.o"));
  return llvm::writeArchive(output, members, llvm::SymtabWritingMode::NormalSymtab, llvm::object::Archive::K_GNU,
                            /*Deterministic=*/true, /*Thin=*/false);
}

llvm::Error writeStaticLibrary(llvm::ArrayRef<std::string> objects, llvm::ArrayRef<std::string> names,
                               const std::string &output) {
  std::vector<llvm::NewArchiveMember> members;
  std::vector<std::string> memberNames; // members refer to them
  for (const std::string &name : names)
    memberNames.push_back(name + ".o");
  for (size_t i = 0; i < objects.size(); ++i) {
    llvm::Expected<llvm::NewArchiveMember> member = llvm::NewArchiveMember::getFile(objects[i], /*Deterministic=*/true);
    if (!member)
      return member.takeError();
    members.push_back(std::move(*member));
    members.back().MemberName = memberNames[i];
  }
  return llvm::writeArchive(output, members, llvm::SymtabWritingMode::NormalSymtab, llvm::object::Archive::K_GNU,
                            /*Deterministic=*/true, /*Thin=*/false);
}

} // namespace nnf
