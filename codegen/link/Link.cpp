#include "codegen/link/Link.h"
#include "lld/Common/Driver.h"
#include "llvm/Object/ArchiveWriter.h"
#include <mutex>

LLD_HAS_DRIVER(elf)

namespace nnf {

llvm::Error linkSharedLibrary(llvm::ArrayRef<std::string> objects, const std::string &output, llvm::StringRef soname) {
  static std::mutex oneAtATime;
  std::lock_guard<std::mutex> lock(oneAtATime);
  static bool usable = true;
  if (!usable)
    return llvm::createStringError("internal: the linker cannot be run again after it failed");
  std::string sonameFlag = "--soname=" + soname.str();
  // One thread: starting more takes longer than linking. A model's object is small beside its weights, which are
  // copied once.
  std::vector<const char *> arguments = {
      "ld.lld", "-shared",     "--no-undefined",  "--threads=1",   "--hash-style=gnu", "-z", "relro",       "-z", "now",
      "-z",     "noexecstack", "--build-id=none", "--gc-sections", sonameFlag.c_str(), "-o", output.c_str()};
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
