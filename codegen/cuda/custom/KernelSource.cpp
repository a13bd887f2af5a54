#include "codegen/cuda/custom/KernelSource.h"

namespace nnf {
namespace {

using llvm::StringRef;

/// Lines that end in a backslash go on in the next one.
std::string joinedLines(StringRef source) {
  std::string text;
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\\') {
      StringRef rest = source.drop_front(i + 1).ltrim(" \t\v\f");
      if (rest.consume_front("\r\n") || rest.consume_front("\n") || rest.consume_front("\r")) {
        i = source.size() - rest.size() - 1;
        continue;
      }
    }
    text += source[i];
  }
  return text;
}

StringRef skipSpace(StringRef text) {
  for (;;) {
    text = text.ltrim(" \t\v\f");
    if (!text.starts_with("/*"))
      return text;
    size_t end = text.find("*/", 2);
    text = end == StringRef::npos ? "" : text.drop_front(end + 2);
  }
}

StringRef firstLine(StringRef text) {
  return text.take_until([](char c) { return c == '\n' || c == '\r'; });
}

bool isHeaderOfToolkit(StringRef name) {
  auto isPlain = [](char c) { return llvm::isAlnum(c) || c == '_' || c == '-' || c == '.' || c == '/'; };
  return !name.empty() && llvm::all_of(name, isPlain) && !name.starts_with("/") && !name.contains("..");
}

// ---- PTX

/// Bytes of ".u64", ".f32", ".b8", …; 0: no such type.
int64_t bytesOfType(StringRef type) {
  unsigned bits = 0;
  if (type.size() < 2 || type.drop_front(2).getAsInteger(10, bits))
    return 0;
  return bits / 8;
}

/// ".param .align 8 .b8 name[16]" -> 16, ".param .u64 .ptr .align 1 name" -> 8; 0: not understood.
int64_t bytesOfDeclaration(StringRef declaration) {
  int64_t bytes = 0, count = 1;
  llvm::SmallVector<StringRef> words;
  declaration.split(words, ' ', -1, false);
  for (StringRef word : words)
    if (word.starts_with(".") && bytes == 0)
      bytes = bytesOfType(word);
  if (StringRef size = declaration.split('[').second.split(']').first; !size.empty() && size.getAsInteger(10, count))
    return 0;
  return bytes * count;
}

/// The number of threads that a directive names in up to three dimensions; 0: it is not there.
int64_t threadsOf(StringRef head, StringRef directive) {
  StringRef text = head.split(directive).second;
  if (text.size() == head.size() || text.empty())
    return 0;
  int64_t threads = 1;
  llvm::SmallVector<StringRef> sizes;
  firstLine(text).split(sizes, ',');
  for (StringRef size : sizes) {
    int64_t one = 0;
    if (!size.trim().getAsInteger(10, one))
      threads *= one;
  }
  return threads;
}

std::string allEntries(StringRef ptx) {
  std::string names;
  for (StringRef rest = ptx.split(".entry ").second; !rest.empty(); rest = rest.split(".entry ").second)
    names += (names.empty() ? "'" : ", '") +
             rest.take_until([](char c) { return c == '(' || c == '{' || llvm::isSpace(c); }).str() + "'";
  return names;
}

} // namespace

llvm::Error checkIncludes(StringRef source) {
  if (source.contains("?\?=") || source.contains("?\?/") || source.contains("?\?'"))
    return llvm::createStringError("the source has a trigraph, expected none [NNFC-E0402]");
  std::string joined = joinedLines(source);
  StringRef text = joined;
  for (size_t at = 0; at < text.size(); ++at) {
    StringRef rest = text.drop_front(at);
    if (!rest.consume_front("#") && !rest.consume_front("%:"))
      continue;
    rest = skipSpace(rest);
    StringRef word = rest.take_while([](char c) { return llvm::isAlnum(c) || c == '_'; });
    if (!llvm::is_contained({"include", "include_next", "import", "embed"}, word))
      continue;
    StringRef what = firstLine(skipSpace(rest.drop_front(word.size())));
    StringRef name = what;
    bool isNamed = name.consume_front("<") && name.contains('>') && isHeaderOfToolkit(name.split('>').first);
    if (word != "include" || !isNamed)
      return llvm::createStringError("the source has '#" + word + " " + what.take_front(60) +
                                     "', expected headers of CUDA's toolkit alone: #include <name> [NNFC-E0402]");
  }
  return llvm::Error::success();
}

llvm::Error refusedSource(StringRef said) {
  said = said.trim();
  size_t end = std::min(said.find('\n'), said.size());
  return llvm::createStringError(said.take_front(end).rtrim() + " [NNFC-E0402]" + said.drop_front(end));
}

llvm::Error parameterError(const CustomKernel &kernel, size_t index, int64_t found) {
  return llvm::createStringError("kernel '" + kernel.name + "' takes " + llvm::Twine(found) + " bytes as parameter " +
                                 llvm::Twine(index) + ", the launch gives " + llvm::Twine(kernel.bytes[index]) +
                                 " [NNFC-E0402]");
}

llvm::Error parameterCountError(const CustomKernel &kernel, size_t found) {
  return llvm::createStringError("kernel '" + kernel.name + "' takes " + llvm::Twine(found) +
                                 " parameters, the launch gives " + llvm::Twine(kernel.bytes.size()) + " [NNFC-E0402]");
}

llvm::Expected<int64_t> checkEntry(StringRef ptx, const DeviceKernel &kernel) {
  const CustomKernel &custom = *kernel.custom;
  size_t begin = StringRef::npos;
  for (size_t at = ptx.find(".entry "); at != StringRef::npos && begin == StringRef::npos;
       at = ptx.find(".entry ", at + 1)) {
    StringRef rest = ptx.drop_front(at + StringRef(".entry ").size()).ltrim();
    if (rest.consume_front(custom.name) && !rest.empty() && !llvm::isAlnum(rest[0]) && rest[0] != '_')
      begin = ptx.size() - rest.size();
  }
  if (begin == StringRef::npos) {
    std::string others = allEntries(ptx);
    return llvm::createStringError("the source has no kernel '" + custom.name + "'" +
                                   (others.empty() ? "" : ", but " + others) +
                                   ", expected extern \"C\" __global__ void " + custom.name + "(...) [NNFC-E0402]");
  }
  StringRef head = ptx.drop_front(begin).split('{').first;
  StringRef list = head.split('(').second.split(')').first;
  llvm::SmallVector<StringRef> parameters;
  list.split(parameters, ',', -1, false);
  llvm::erase_if(parameters, [](StringRef text) { return text.trim().empty(); });
  if (parameters.size() != custom.bytes.size())
    return parameterCountError(custom, parameters.size());
  for (auto [i, parameter] : llvm::enumerate(parameters))
    if (int64_t bytes = bytesOfDeclaration(parameter.trim()); bytes != custom.bytes[i])
      return parameterError(custom, i, bytes);
  if (int64_t exact = threadsOf(head, ".reqntid"); exact && exact != kernel.threads)
    return llvm::createStringError("kernel '" + custom.name + "' is for blocks of " + llvm::Twine(exact) +
                                   " threads, the launch has " + llvm::Twine(kernel.threads) + " [NNFC-E0402]");
  if (int64_t most = threadsOf(head, ".maxntid"); most && most < kernel.threads)
    return llvm::createStringError("kernel '" + custom.name + "' is for blocks of at most " + llvm::Twine(most) +
                                   " threads (__launch_bounds__), the launch has " + llvm::Twine(kernel.threads) +
                                   " [NNFC-E0402]");
  if (head.contains("cluster"))
    return llvm::createStringError("kernel '" + custom.name +
                                   "' asks for clusters of blocks, expected none [NNFC-E0402]");
  int64_t shared = 0;
  llvm::SmallVector<StringRef> lines;
  ptx.split(lines, '\n');
  for (StringRef line : lines)
    if (line = line.trim(); line.starts_with(".shared "))
      shared += bytesOfDeclaration(line);
  return shared;
}

} // namespace nnf
