// .npy files. The header is the text of a Python dict: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
#include "compiler/import/Limits.h"
#include "compiler/import/StoredTensor.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;
namespace nnf {
namespace {

Error broken(const Twine &why) { return createStringError(inconvertibleErrorCode(), why); }

struct Header {
  std::string descr;
  bool fortranOrder = false;
  std::vector<int64_t> shape;
};

/// Reads the dict from the left. Every step fails on text that numpy does not write.
class HeaderParser {
public:
  explicit HeaderParser(StringRef text) : rest(text) {}

  Expected<Header> parse() {
    Header header;
    bool hasDescr = false, hasOrder = false, hasShape = false;
    if (!take('{'))
      return expected("'{'");
    while (!take('}')) {
      std::string key;
      if (!string(key) || !take(':'))
        return expected("a key");
      if (key == "descr" && !hasDescr) {
        hasDescr = string(header.descr);
        if (!hasDescr)
          return broken("'descr' is no plain dtype, expected one such as '<f4' [NNFC-E0118]");
      } else if (key == "fortran_order" && !hasOrder) {
        hasOrder = word("True") || word("False");
        header.fortranOrder = lastWord == "True";
        if (!hasOrder)
          return expected("True or False");
      } else if (key == "shape" && !hasShape) {
        hasShape = shape(header.shape);
        if (!hasShape)
          return expected("a tuple of sizes");
      } else {
        return broken("key '" + key +
                      "' in the header, expected descr, fortran_order and shape once each [NNFC-E0118]");
      }
      if (!take(',') && !next('}'))
        return expected("','");
    }
    if (!hasDescr || !hasOrder || !hasShape)
      return broken("header without descr, fortran_order or shape [NNFC-E0118]");
    return header;
  }

private:
  Error expected(const Twine &what) {
    return broken("broken header: found '" + rest.take_front(12) + "', expected " + what + " [NNFC-E0118]");
  }
  bool next(char c) {
    rest = rest.ltrim();
    return rest.starts_with(StringRef(&c, 1));
  }
  bool take(char c) {
    if (!next(c))
      return false;
    rest = rest.drop_front();
    return true;
  }
  bool word(StringRef wanted) {
    rest = rest.ltrim();
    lastWord = wanted;
    return rest.consume_front(wanted);
  }
  bool string(std::string &value) {
    rest = rest.ltrim();
    if (rest.empty() || (rest[0] != '\'' && rest[0] != '"'))
      return false;
    size_t end = rest.find(rest[0], 1);
    if (end == StringRef::npos)
      return false;
    value = rest.slice(1, end).str();
    rest = rest.drop_front(end + 1);
    return true;
  }
  bool shape(std::vector<int64_t> &sizes) {
    if (!take('('))
      return false;
    while (!take(')')) {
      rest = rest.ltrim();
      int64_t size;
      if (rest.consumeInteger(10, size) || size < 0)
        return false;
      rest.consume_front("L"); // Python 2 wrote long integers so
      sizes.push_back(size);
      if (!take(',') && !next(')'))
        return false;
    }
    return true;
  }

  StringRef rest, lastWord;
};

StringRef dtypeOf(StringRef descr) {
  // One byte has no order.
  StringRef kind = descr;
  if (!kind.consume_front("<") && !kind.consume_front("|"))
    return "";
  return StringSwitch<StringRef>(kind)
      .Case("f4", "float32")
      .Case("f8", "float64")
      .Case("f2", "float16")
      .Case("V2", "bfloat16")
      .Case("i8", "int64")
      .Case("i4", "int32")
      .Case("i2", "int16")
      .Case("i1", "int8")
      .Case("u1", "uint8")
      .Case("b1", "bool")
      .Case("u2", "uint16")
      .Case("u4", "uint32")
      .Case("u8", "uint64")
      .Default("");
}

int64_t itemBytes(StringRef descr) { return descr.back() - '0'; }

/// Column-major to row-major: walks the result in order, an odometer over its sizes.
std::vector<uint8_t> toRowMajor(ArrayRef<uint8_t> columns, ArrayRef<int64_t> sizes, int64_t item) {
  std::vector<uint8_t> rows(columns.size());
  std::vector<int64_t> index(sizes.size(), 0), stride(sizes.size());
  int64_t step = item;
  for (auto [i, size] : enumerate(sizes)) {
    stride[i] = step;
    step *= size;
  }
  int64_t from = 0;
  for (size_t to = 0; to < rows.size(); to += item) {
    std::copy_n(columns.data() + from, item, rows.data() + to);
    for (size_t i = sizes.size(); i-- > 0;) {
      from += stride[i];
      if (++index[i] < sizes[i])
        break;
      from -= stride[i] * sizes[i];
      index[i] = 0;
    }
  }
  return rows;
}

} // namespace

Expected<StoredTensor> readNumpy(const MappedFile &file) {
  ArrayRef<uint8_t> bytes = file.bytes;
  StringRef text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
  if (!text.starts_with("\x93NUMPY") || bytes.size() < 12)
    return broken("no .npy file [NNFC-E0118]");
  int major = bytes[6];
  if (major < 1 || major > 3)
    return broken("version " + Twine(major) + " of .npy, expected 1 to 3 [NNFC-E0118]");
  size_t prefix = major == 1 ? 10 : 12;
  size_t length = bytes[8] | bytes[9] << 8;
  if (major > 1)
    length |= size_t(bytes[10]) << 16 | size_t(bytes[11]) << 24;
  if (length > bytes.size() - prefix)
    return broken("truncated: a header of " + Twine(length) + " bytes in a file of " + Twine(bytes.size()) +
                  " [NNFC-E0118]");

  Expected<Header> header = HeaderParser(text.substr(prefix, length)).parse();
  if (!header)
    return header.takeError();
  StringRef dtype = dtypeOf(header->descr);
  if (dtype.empty())
    return broken("dtype '" + header->descr + "', expected a little-endian number such as '<f4' [NNFC-E0118]");
  ArrayRef<uint8_t> data = bytes.drop_front(prefix + length);
  std::optional<int64_t> needed = checkedTensorBytes(header->shape, itemBytes(header->descr));
  if (!needed)
    return broken("sizes whose product is no 64-bit number [NNFC-E0118]");
  if (static_cast<int64_t>(data.size()) != *needed)
    return broken("truncated or too long: " + Twine(data.size()) + " bytes of data, expected " + Twine(*needed) +
                  " [NNFC-E0118]");

  StoredTensor tensor{dtype.str(), std::move(header->shape), data, file.owner};
  // Only with two sizes above 1 do the orders differ.
  if (header->fortranOrder && count_if(tensor.sizes, [](int64_t size) { return size > 1; }) > 1) {
    auto rows = std::make_shared<const std::vector<uint8_t>>(toRowMajor(data, tensor.sizes, itemBytes(header->descr)));
    tensor.bytes = *rows;
    tensor.owner = rows;
  }
  return tensor;
}

} // namespace nnf
