#include "codegen/link/WeightsSection.h"
#include "llvm/Object/ELF.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace llvm;
namespace nnf {
namespace {

using Elf = object::ELF64LE;

/// What each block is aligned to: pages, so that a library's weights can be mapped as they lie in the file.
constexpr uint64_t blockAlignment = 4096;

uint64_t aligned(uint64_t offset, uint64_t alignment) { return (offset + alignment - 1) / alignment * alignment; }

/// The first place from `offset` on that differs from `address` by a multiple of `alignment`.
uint64_t congruent(uint64_t offset, uint64_t address, uint64_t alignment) {
  return offset + (address + alignment - offset % alignment) % alignment;
}

/// What a segment of weights is aligned to, in a file that has `bytes` before it. Where address and place in the file
/// agree within a large page, the kernel can map the page cache's large pages as they are: a page table of a few dozen
/// entries, and no misses of the TLB to speak of, for weights that are read anew in each run.
uint64_t alignmentOf(const Elf::Phdr &segment, uint64_t bytes) {
  uint64_t gap = congruent(bytes, segment.p_vaddr, largePageBytes) - bytes;
  bool isWorthIt = segment.p_memsz >= 2 * largePageBytes && gap <= segment.p_memsz / 64;
  return isWorthIt ? largePageBytes : uint64_t(segment.p_align);
}

/// The section of weights; the result can be written if the file can. An error where there is none.
Expected<Elf::Shdr *> findSection(StringRef bytes) {
  Expected<object::ELFFile<Elf>> file = object::ELFFile<Elf>::create(bytes);
  if (!file)
    return file.takeError();
  Expected<Elf::ShdrRange> sections = file->sections();
  if (!sections)
    return sections.takeError();
  for (const Elf::Shdr &section : *sections) {
    Expected<StringRef> name = file->getSectionName(section);
    if (!name)
      return name.takeError();
    if (weightsSection.ends_with(*name) && !name->empty())
      return const_cast<Elf::Shdr *>(&section);
  }
  return createStringError("no section '" + weightsSection + "' [NNFC-E9001]");
}

/// The segment that a section of a shared library is in; null in an object.
Elf::Phdr *segmentOf(const Elf::Shdr &section, StringRef bytes) {
  auto *header = reinterpret_cast<const Elf::Ehdr *>(bytes.data());
  auto *rows = reinterpret_cast<const Elf::Phdr *>(bytes.data() + header->e_phoff);
  for (const Elf::Phdr &row : ArrayRef(rows, header->e_phnum))
    if (row.p_type == ELF::PT_LOAD && row.p_vaddr == section.sh_addr && row.p_filesz == 0)
      return const_cast<Elf::Phdr *>(&row);
  return nullptr;
}

} // namespace

Error reserveWeights(SmallVectorImpl<char> &object, int64_t bytes) {
  Expected<Elf::Shdr *> section = findSection(StringRef(object.data(), object.size()));
  if (!section)
    return section.takeError();
  assert((*section)->sh_size == 0 && "objects come without weights");
  (*section)->sh_type = ELF::SHT_NOBITS;
  (*section)->sh_size = bytes;
  (*section)->sh_addralign = blockAlignment;
  return Error::success();
}

Error appendWeights(const std::string &file, ArrayRef<const WeightsBlock *> blocks) {
  auto fail = [&](const Twine &why) {
    return createStringError("'" + file + "' cannot be written: " + why + " [NNFC-E0125]");
  };
  auto written = WriteThroughMemoryBuffer::getFile(file);
  if (!written)
    return fail(written.getError().message());
  StringRef bytes((*written)->getBufferStart(), (*written)->getBufferSize());
  Expected<Elf::Shdr *> section = findSection(bytes);
  if (!section)
    return section.takeError();
  Elf::Phdr *segment = segmentOf(**section, bytes);
  uint64_t begin = aligned(bytes.size(), blockAlignment);
  if (segment) {
    segment->p_align = alignmentOf(*segment, begin);
    begin = congruent(begin, segment->p_vaddr, segment->p_align);
  }
  std::error_code code;
  raw_fd_ostream os(file, code, sys::fs::CD_OpenExisting, sys::fs::FA_Write, sys::fs::OF_None);
  if (code)
    return fail(code.message());
  uint64_t end = begin;
  for (const WeightsBlock *block : blocks) {
    end = aligned(end, blockAlignment);
    os.seek(end);
    block->write(os);
    end += block->size();
  }
  os.close();
  code = os.error();
  os.clear_error();
  if (code)
    return fail(code.message());
  if (end - begin != (*section)->sh_size)
    return createStringError("internal: " + Twine(end - begin) + " bytes of weights, but the linker has seen " +
                             Twine(uint64_t((*section)->sh_size)));
  (*section)->sh_type = ELF::SHT_PROGBITS;
  (*section)->sh_offset = begin;
  if (segment) {
    segment->p_offset = begin;
    segment->p_filesz = segment->p_memsz;
  }
  return Error::success();
}

} // namespace nnf
