#include "tools/run/Npy.h"
#include "runtime/nnf.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

namespace nnf::run {
namespace {

struct Descr {
  const char *text; // without byte order
  uint32_t dtype;
};
constexpr Descr descrs[] = {
    {"f4", NNF_FLOAT32}, {"f8", NNF_FLOAT64}, {"f2", NNF_FLOAT16}, {"V2", NNF_BFLOAT16}, {"i8", NNF_INT64},
    {"i4", NNF_INT32},   {"i2", NNF_INT16},   {"i1", NNF_INT8},    {"u1", NNF_UINT8},    {"b1", NNF_BOOL},
    {"u2", NNF_UINT16},  {"u4", NNF_UINT32},  {"u8", NNF_UINT64},
};

constexpr uint64_t maxBytes = uint64_t(1) << 60;
constexpr size_t maxRank = 64;

/// Reads the small subset of Python literals that a header is written in.
class LiteralReader {
public:
  explicit LiteralReader(std::string_view text) : rest(text) {}

  bool take(char c) {
    skipSpace();
    if (rest.empty() || rest.front() != c)
      return false;
    rest.remove_prefix(1);
    return true;
  }
  bool takeWord(std::string_view word) {
    skipSpace();
    if (!rest.starts_with(word))
      return false;
    rest.remove_prefix(word.size());
    return true;
  }
  bool takeString(std::string &value) {
    skipSpace();
    if (rest.empty() || (rest.front() != '\'' && rest.front() != '"'))
      return false;
    size_t end = rest.find(rest.front(), 1);
    if (end == std::string_view::npos)
      return false;
    value = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    return value.find('\\') == std::string::npos;
  }
  bool takeSize(int64_t &value) {
    skipSpace();
    size_t digits = 0;
    value = 0;
    for (; digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9'; ++digits)
      if (__builtin_mul_overflow(value, int64_t(10), &value) ||
          __builtin_add_overflow(value, int64_t(rest[digits] - '0'), &value))
        return false;
    rest.remove_prefix(digits);
    if (digits && !rest.empty() && rest.front() == 'L') // Python 2 wrote long integers so
      rest.remove_prefix(1);
    return digits > 0;
  }
  bool atEnd() {
    skipSpace();
    return rest.empty();
  }

private:
  void skipSpace() {
    while (!rest.empty() &&
           (rest.front() == ' ' || rest.front() == '\n' || rest.front() == '\t' || rest.front() == '\r'))
      rest.remove_prefix(1);
  }
  std::string_view rest;
};

bool takeShape(LiteralReader &reader, std::vector<int64_t> &shape) {
  if (!reader.take('('))
    return false;
  while (!reader.take(')')) {
    int64_t size;
    if (shape.size() == maxRank || !reader.takeSize(size))
      return false;
    shape.push_back(size);
    if (!reader.take(','))
      return reader.take(')');
  }
  return true;
}

/// The dtype of a descr, 0 if we have none; `why` says what is the matter then.
uint32_t dtypeOf(const std::string &descr, uint32_t expected, std::string &why) {
  std::string_view text = descr;
  char order = text.empty() ? 0 : text.front();
  if (order == '>' && text.size() == 3 && text.back() != '1') {
    why = "dtype '" + descr + "' is big-endian, expected little-endian [NNFC-E0617]";
    return 0;
  }
  if (order == '<' || order == '|' || order == '=' || order == '>')
    text.remove_prefix(1);
  if (text == "?")
    text = "b1";
  for (const Descr &known : descrs)
    if (text == known.text)
      return known.dtype == NNF_UINT16 && expected == NNF_BFLOAT16 ? uint32_t(NNF_BFLOAT16) : known.dtype;
  why = "dtype '" + descr + "' is none of the element types a model can have [NNFC-E0617]";
  return 0;
}

/// Bytes of an array; false: more than any memory.
bool arrayBytes(const std::vector<int64_t> &dims, uint32_t elementBytes, uint64_t &bytes) {
  bytes = elementBytes;
  for (int64_t dim : dims)
    if (dim == 0) {
      bytes = 0;
      return true;
    }
  for (int64_t dim : dims)
    if (dim < 0 || __builtin_mul_overflow(bytes, uint64_t(dim), &bytes) || bytes > maxBytes)
      return false;
  return true;
}

/// An open file that closes itself.
class File {
public:
  explicit File(int descriptor) : descriptor(descriptor) {}
  ~File() {
    if (descriptor >= 0)
      close(descriptor);
  }
  File(const File &) = delete;
  int get() const { return descriptor; }

private:
  int descriptor;
};

bool readAll(int file, void *into, uint64_t bytes) {
  uint8_t *p = static_cast<uint8_t *>(into);
  while (bytes > 0) {
    ssize_t got = read(file, p, bytes < (1u << 30) ? bytes : (1u << 30));
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return false;
    p += got;
    bytes -= uint64_t(got);
  }
  return true;
}

/// From column-major to row-major.
bool reorder(Array &array) {
  Array ordered;
  if (!ordered.allocate(array.dtype, array.dims))
    return false;
  size_t rank = array.dims.size();
  uint32_t elementBytes = nnf_dtype_bytes(array.dtype);
  std::vector<int64_t> index(rank, 0), strides(rank, 1);
  for (size_t d = 1; d < rank; ++d)
    strides[d] = strides[d - 1] * array.dims[d - 1];
  for (int64_t i = 0, count = array.elements(); i < count; ++i) {
    int64_t from = 0;
    for (size_t d = 0; d < rank; ++d)
      from += index[d] * strides[d];
    memcpy(ordered.data() + uint64_t(i) * elementBytes, array.data() + uint64_t(from) * elementBytes, elementBytes);
    for (size_t d = rank; d-- > 0;) {
      if (++index[d] < array.dims[d])
        break;
      index[d] = 0;
    }
  }
  array = std::move(ordered);
  return true;
}

/// Reads magic, version and header text.
Failure readHeader(int file, uint64_t fileBytes, NpyHeader &header, uint64_t &preambleBytes) {
  uint8_t start[12];
  if (fileBytes < 10 || !readAll(file, start, 8) || memcmp(start, "\x93NUMPY", 6) != 0)
    return fault("not a .npy file: it does not start with \\x93NUMPY [NNFC-E0617]");
  uint32_t major = start[6];
  if (major < 1 || major > 3)
    return fault("format version " + std::to_string(major) + ", expected 1, 2 or 3 [NNFC-E0617]");
  uint32_t lengthBytes = major == 1 ? 2 : 4;
  if (!readAll(file, start, lengthBytes))
    return fault("cut short in its header [NNFC-E0617]");
  uint64_t length = 0;
  for (uint32_t i = 0; i < lengthBytes; ++i)
    length |= uint64_t(start[i]) << (8 * i);
  preambleBytes = 8 + lengthBytes + length;
  if (preambleBytes > fileBytes || length > (1u << 20))
    return fault("its header has " + std::to_string(length) + " bytes, the whole file " + std::to_string(fileBytes) +
                 " [NNFC-E0617]");
  std::string text(length, '\0');
  if (!readAll(file, text.data(), length))
    return fault("cut short in its header [NNFC-E0617]");
  return parseNpyHeader(text, header);
}

Failure readArray(int file, uint32_t expected, Array &array) {
  struct stat info;
  if (fstat(file, &info) != 0 || !S_ISREG(info.st_mode))
    return fault("not a regular file [NNFC-E0617]");
  uint64_t fileBytes = uint64_t(info.st_size), preambleBytes = 0;
  NpyHeader header;
  if (Failure failure = readHeader(file, fileBytes, header, preambleBytes))
    return failure;
  std::string why;
  uint32_t dtype = dtypeOf(header.descr, expected, why);
  if (!dtype)
    return fault(why);
  uint64_t bytes;
  if (!arrayBytes(header.shape, nnf_dtype_bytes(dtype), bytes) || bytes != fileBytes - preambleBytes)
    return fault(std::to_string(fileBytes - preambleBytes) + " bytes of data, expected those of " +
                 describeType(dtype, header.shape) + " [NNFC-E0617]");
  if (!array.allocate(dtype, header.shape))
    return fault("no memory for its " + std::to_string(bytes) + " bytes [NNFC-E0609]");
  if (!readAll(file, array.data(), bytes))
    return fault("cut short in its data [NNFC-E0617]");
  if (header.fortranOrder && header.shape.size() > 1 && !reorder(array))
    return fault("no memory for its " + std::to_string(bytes) + " bytes [NNFC-E0609]");
  // Compiled code may rely on a bool being 0 or 1.
  if (dtype == NNF_BOOL)
    for (uint64_t i = 0; i < bytes; ++i)
      array.data()[i] = array.data()[i] != 0;
  return {};
}

} // namespace

int64_t Array::elements() const { return dtype ? int64_t(size / nnf_dtype_bytes(dtype)) : 0; }

bool Array::allocate(uint32_t newDType, std::vector<int64_t> newDims) {
  uint64_t bytes;
  if (!arrayBytes(newDims, nnf_dtype_bytes(newDType), bytes))
    return false;
  uint64_t room = (bytes + 64) & ~uint64_t(63); // never nothing, so that data() is never NULL
  // Where the system overcommits, malloc would say yes and the process be killed at the first touch.
  if (struct sysinfo info; sysinfo(&info) == 0 && room / info.mem_unit > uint64_t(info.totalram) + info.totalswap)
    return false;
  memory.reset(static_cast<uint8_t *>(aligned_alloc(64, room)));
  if (!memory)
    return false;
  memset(memory.get(), 0, room);
  dtype = newDType;
  dims = std::move(newDims);
  size = bytes;
  return true;
}

Failure parseNpyHeader(std::string_view header, NpyHeader &result) {
  LiteralReader reader(header);
  auto wrong = [] { return fault("its header is not {'descr': …, 'fortran_order': …, 'shape': (…)} [NNFC-E0617]"); };
  bool haveDescr = false, haveOrder = false, haveShape = false;
  result = {};
  if (!reader.take('{'))
    return wrong();
  while (!reader.take('}')) {
    std::string key;
    if (!reader.takeString(key) || !reader.take(':'))
      return wrong();
    bool ok = false;
    if (key == "descr" && !std::exchange(haveDescr, true)) {
      if (reader.take('['))
        return fault("it holds records (a structured dtype), expected one element type [NNFC-E0617]");
      ok = reader.takeString(result.descr);
    } else if (key == "fortran_order" && !std::exchange(haveOrder, true)) {
      result.fortranOrder = reader.takeWord("True");
      ok = result.fortranOrder || reader.takeWord("False");
    } else if (key == "shape" && !std::exchange(haveShape, true)) {
      ok = takeShape(reader, result.shape);
    }
    if (!ok)
      return wrong();
    if (!reader.take(',')) {
      if (!reader.take('}'))
        return wrong();
      break;
    }
  }
  if (!reader.atEnd() || !haveDescr || !haveOrder || !haveShape)
    return wrong();
  return {};
}

Failure readNpy(const std::string &path, uint32_t expected, Array &array) {
  // Not blocking: opening a pipe would wait for its writer.
  File file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  Failure failure =
      file.get() < 0 ? fault(std::string(strerror(errno)) + " [NNFC-E0101]") : readArray(file.get(), expected, array);
  if (failure)
    failure.text = "'" + path + "': " + failure.text;
  return failure;
}

std::string npyPreamble(uint32_t dtype, const std::vector<int64_t> &dims) {
  const char *descr = "";
  for (const Descr &known : descrs)
    if (known.dtype == dtype)
      descr = known.text;
  bool oneByte = nnf_dtype_bytes(dtype) == 1;
  std::string header =
      std::string("{'descr': '") + (oneByte ? "|" : "<") + descr + "', 'fortran_order': False, 'shape': (";
  for (size_t d = 0; d < dims.size(); ++d)
    header += (d ? ", " : "") + std::to_string(dims[d]);
  header += dims.size() == 1 ? ",), }" : "), }";
  constexpr size_t before = 10; // magic, version 1.0, two bytes of length
  size_t padded = (before + header.size() + 1 + 63) / 64 * 64;
  header.append(padded - before - header.size() - 1, ' ');
  header += '\n';
  std::string preamble("\x93NUMPY\x01\x00", 8);
  preamble += char(header.size() & 0xff);
  preamble += char(header.size() >> 8);
  return preamble + header;
}

std::string describeType(uint32_t dtype, const std::vector<int64_t> &dims) {
  std::string text = nnf_dtype_name(dtype);
  text += "[";
  for (size_t d = 0; d < dims.size(); ++d)
    text += (d ? ", " : "") + std::to_string(dims[d]);
  return text + "]";
}

} // namespace nnf::run
