#include "codegen/link/WeightsSection.h"
#include "codegen/driver/Arena.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
namespace nnf {
namespace {

using Elf = object::ELF64LE;

/// The object with every section but the weights moved by `distance`, and the weights' of `bytes` bytes.
Expected<SmallVector<char, 0>> moved(StringRef object, uint64_t distance, uint64_t bytes) {
  Expected<object::ELFFile<Elf>> file = object::ELFFile<Elf>::create(object);
  if (!file)
    return file.takeError();
  Expected<Elf::ShdrRange> sections = file->sections();
  if (!sections)
    return sections.takeError();
  SmallVector<char, 0> result(object.begin(), object.end());
  auto *header = reinterpret_cast<Elf::Ehdr *>(result.data());
  auto *rows = reinterpret_cast<Elf::Shdr *>(result.data() + header->e_shoff);
  bool isFound = false;
  for (const auto &[section, row] : zip(*sections, MutableArrayRef(rows, sections->size()))) {
    Expected<StringRef> name = file->getSectionName(section);
    if (!name)
      return name.takeError();
    if (*name == weightsSection) {
      if (section.sh_size != 0)
        return createStringError("section '" + weightsSection + "' has bytes already");
      row.sh_offset = weightsInObject;
      row.sh_size = bytes;
      isFound = true;
    } else if (section.sh_type != ELF::SHT_NULL) {
      row.sh_offset = section.sh_offset + distance;
    }
  }
  if (!isFound)
    return createStringError("no section '" + weightsSection + "'");
  header->e_shoff = header->e_shoff + distance;
  return result;
}

} // namespace

Error wrapWeights(const std::string &file, int64_t bytes, StringRef object) {
  static_assert(sizeof(Elf::Ehdr) <= weightsInObject && weightsInObject % arenaAlignment == 0);
  // What the sections are aligned to stays.
  constexpr int64_t alignment = 4096;
  uint64_t distance = (weightsInObject + bytes + alignment - 1) / alignment * alignment;
  Expected<SmallVector<char, 0>> rest = moved(object, distance, bytes);
  if (!rest)
    return rest.takeError();
  std::error_code code;
  raw_fd_ostream os(file, code, sys::fs::CD_OpenExisting, sys::fs::FA_Write, sys::fs::OF_None);
  if (!code) {
    os.write(rest->data(), sizeof(Elf::Ehdr));
    os.seek(distance + sizeof(Elf::Ehdr));
    os.write(rest->data() + sizeof(Elf::Ehdr), rest->size() - sizeof(Elf::Ehdr));
    os.close();
    code = os.error();
    os.clear_error();
  }
  return code ? createStringError("'" + file + "' cannot be written: " + code.message()) : Error::success();
}

} // namespace nnf
