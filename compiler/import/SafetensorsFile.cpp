#include "compiler/import/SafetensorsFile.h"
#include "compiler/import/Limits.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/raw_ostream.h"

using namespace llvm;
namespace nnf {
namespace {

Error broken(const Twine &why) { return createStringError(inconvertibleErrorCode(), why); }

struct DTypeName {
  StringRef file, graph;
  int64_t bytes;
};
constexpr DTypeName dtypes[] = {
    {"F32", "float32", 4}, {"F64", "float64", 8}, {"F16", "float16", 2}, {"BF16", "bfloat16", 2}, {"I64", "int64", 8},
    {"I32", "int32", 4},   {"I16", "int16", 2},   {"I8", "int8", 1},     {"U8", "uint8", 1},      {"BOOL", "bool", 1},
    {"U16", "uint16", 2},  {"U32", "uint32", 4},  {"U64", "uint64", 8}};

/// llvm::json parses nested values by recursion, so the depth is checked first. The format needs three levels.
bool isNestedTooDeeply(StringRef text) {
  constexpr int maxDepth = 16;
  int depth = 0;
  bool inString = false;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (inString) {
      i += c == '\\';
      inString = c != '"';
    } else if (c == '"') {
      inString = true;
    } else if (c == '{' || c == '[') {
      if (++depth > maxDepth)
        return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

/// A list of integers that are not negative.
std::optional<std::vector<int64_t>> integers(const json::Array *array) {
  if (!array)
    return std::nullopt;
  std::vector<int64_t> values;
  for (const json::Value &value : *array) {
    std::optional<int64_t> integer = value.getAsInteger();
    if (!integer || *integer < 0)
      return std::nullopt;
    values.push_back(*integer);
  }
  return values;
}

Expected<StoredTensor> readEntry(StringRef name, const json::Value &value, const MappedFile &file,
                                 ArrayRef<uint8_t> data) {
  const json::Object *entry = value.getAsObject();
  std::optional<StringRef> dtypeText = entry ? entry->getString("dtype") : std::nullopt;
  auto sizes = integers(entry ? entry->getArray("shape") : nullptr);
  auto offsets = integers(entry ? entry->getArray("data_offsets") : nullptr);
  if (!dtypeText || !sizes || !offsets || offsets->size() != 2)
    return broken("tensor '" + name + "': expected dtype, shape and two data_offsets [NNFC-E0118]");
  const DTypeName *dtype = find_if(dtypes, [&](const DTypeName &d) { return d.file == *dtypeText; });
  if (dtype == std::end(dtypes))
    return broken("tensor '" + name + "': dtype " + *dtypeText + ", expected one of " +
                  join(map_range(dtypes, [](const DTypeName &d) { return d.file; }), ", ") + " [NNFC-E0118]");
  int64_t begin = (*offsets)[0], end = (*offsets)[1];
  if (begin > end || end > static_cast<int64_t>(data.size()))
    return broken("tensor '" + name + "': bytes " + Twine(begin) + " to " + Twine(end) + ", expected them within the " +
                  Twine(data.size()) + " bytes of the file's data [NNFC-E0118]");
  std::optional<int64_t> needed = checkedTensorBytes(*sizes, dtype->bytes);
  if (needed != end - begin)
    return broken("tensor '" + name + "': " + Twine(end - begin) + " bytes, expected as many as its sizes need" +
                  (needed ? ": " + std::to_string(*needed) : std::string()) + " [NNFC-E0118]");
  return StoredTensor{dtype->graph.str(), std::move(*sizes), data.slice(begin, end - begin), file.owner};
}

} // namespace

Expected<SafetensorsFile> SafetensorsFile::open(const MappedFile &file) {
  ArrayRef<uint8_t> bytes = file.bytes;
  if (bytes.size() < 8)
    return broken("no .safetensors file: " + Twine(bytes.size()) + " bytes, expected at least 8 [NNFC-E0118]");
  uint64_t length = support::endian::read64le(bytes.data());
  if (length > bytes.size() - 8)
    return broken("truncated: a header of " + Twine(length) + " bytes in a file of " + Twine(bytes.size()) +
                  " [NNFC-E0118]");
  StringRef text(reinterpret_cast<const char *>(bytes.data() + 8), length);
  if (isNestedTooDeeply(text))
    return broken("broken header: nested too deeply [NNFC-E0118]");
  Expected<json::Value> header = json::parse(text);
  if (!header) {
    consumeError(header.takeError());
    return broken("broken header: no JSON [NNFC-E0118]");
  }
  const json::Object *entries = header->getAsObject();
  if (!entries)
    return broken("broken header: no JSON object [NNFC-E0118]");
  SafetensorsFile result;
  for (const auto &[key, value] : *entries) {
    StringRef name = key;
    if (name == "__metadata__")
      continue;
    Expected<StoredTensor> tensor = readEntry(name, value, file, bytes.drop_front(8 + length));
    if (!tensor)
      return tensor.takeError();
    result.tensors[name] = std::move(*tensor);
  }
  return result;
}

Expected<StoredTensor> SafetensorsFile::tensor(StringRef name) const {
  auto found = tensors.find(name);
  if (found == tensors.end())
    return broken("no tensor '" + name + "' in it [NNFC-E0118]");
  return found->second;
}

std::vector<StringRef> SafetensorsFile::names() const {
  std::vector<StringRef> names;
  for (const auto &entry : tensors)
    names.push_back(entry.first());
  llvm::sort(names);
  return names;
}

void writeSafetensors(ArrayRef<NamedTensor> tensors, raw_ostream &os) {
  std::string header;
  raw_string_ostream text(header);
  json::OStream json(text);
  int64_t offset = 0;
  json.object([&] {
    for (const NamedTensor &named : tensors) {
      const DTypeName *dtype = find_if(dtypes, [&](const DTypeName &d) { return d.graph == named.tensor.dtype; });
      assert(dtype != std::end(dtypes) && "every dtype has a name in the format");
      json.attributeObject(named.name, [&] {
        json.attribute("dtype", dtype->file);
        json.attributeArray("shape", [&] {
          for (int64_t size : named.tensor.sizes)
            json.value(size);
        });
        json.attributeArray("data_offsets", [&] {
          json.value(offset);
          offset += named.tensor.bytes.size();
          json.value(offset);
        });
      });
    }
  });
  header.append((8 - header.size() % 8) % 8, ' ');
  char length[8];
  support::endian::write64le(length, header.size());
  os.write(length, 8) << header;
  for (const NamedTensor &named : tensors)
    os.write(reinterpret_cast<const char *>(named.tensor.bytes.data()), named.tensor.bytes.size());
}

} // namespace nnf
