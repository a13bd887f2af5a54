#include "compiler/import/onnx/Skeleton.h"

namespace nnf::onnx {
namespace {

using Bytes = std::span<const uint8_t>;

// Numbers of fields, and how a field is written: https://protobuf.dev/programming-guides/encoding.
constexpr uint64_t modelGraph = 7, graphInitializer = 5, tensorRawData = 9;
enum WireType : unsigned { Varint = 0, Fixed64 = 1, Length = 2, Fixed32 = 5 };
/// Less is not worth it.
constexpr size_t minRawData = 1024;

struct Field {
  uint64_t number;
  unsigned type;
  Bytes whole, content; // with and without tag and length
};

std::optional<uint64_t> takeVarint(Bytes &rest) {
  uint64_t value = 0;
  for (unsigned i = 0; i < 10 && i < rest.size(); ++i) {
    value |= uint64_t(rest[i] & 0x7f) << (7 * i);
    if (rest[i] < 0x80) {
      rest = rest.subspan(i + 1);
      return value;
    }
  }
  return std::nullopt;
}

std::optional<Field> takeField(Bytes &rest) {
  Bytes begin = rest;
  std::optional<uint64_t> tag = takeVarint(rest);
  if (!tag)
    return std::nullopt;
  Field field = {*tag >> 3, unsigned(*tag & 7), {}, {}};
  std::optional<uint64_t> size = 0;
  switch (field.type) {
  case Varint:
    if (!takeVarint(rest))
      return std::nullopt;
    break;
  case Fixed64: size = 8; break;
  case Fixed32: size = 4; break;
  case Length: size = takeVarint(rest); break;
  default: return std::nullopt; // groups, which nobody writes any more
  }
  if (!size || *size > rest.size())
    return std::nullopt;
  field.content = rest.first(*size);
  rest = rest.subspan(*size);
  field.whole = begin.first(begin.size() - rest.size());
  return field;
}

void append(std::string &message, Bytes bytes) {
  message.append(reinterpret_cast<const char *>(bytes.data()), bytes.size());
}

void appendVarint(std::string &message, uint64_t value) {
  for (; value >= 0x80; value >>= 7)
    message += char(value | 0x80);
  message += char(value);
}

void appendMessage(std::string &message, uint64_t number, const std::string &content) {
  appendVarint(message, number << 3 | Length);
  appendVarint(message, content.size());
  message += content;
}

/// Calls use(field, message) for each field of a message; it adds to the new message what is to stay.
template <typename Use> bool rewrite(Bytes bytes, std::string &message, Use use) {
  while (!bytes.empty()) {
    std::optional<Field> field = takeField(bytes);
    if (!field || !use(*field, message))
      return false;
  }
  return true;
}

class Builder {
public:
  std::optional<Skeleton> run(Bytes model) {
    bool isDone = rewrite(model, skeleton.message, [&](const Field &field, std::string &message) {
      return nested(field, message, modelGraph, [&](Bytes graph, std::string &message) {
        return rewrite(graph, message, [&](const Field &field, std::string &message) {
          return nested(field, message, graphInitializer,
                        [&](Bytes tensor, std::string &message) { return initializer(tensor, message); });
        });
      });
    });
    return isDone ? std::optional(std::move(skeleton)) : std::nullopt;
  }

private:
  Skeleton skeleton;
  int numInitializers = 0;

  /// A field of this number is a message to be rewritten, others stay as they are.
  template <typename Rewrite>
  bool nested(const Field &field, std::string &message, uint64_t number, Rewrite rewriteContent) {
    if (field.number != number || field.type != Length) {
      append(message, field.whole);
      return true;
    }
    std::string content;
    if (!rewriteContent(field.content, content))
      return false;
    appendMessage(message, number, content);
    return true;
  }

  bool initializer(Bytes tensor, std::string &message) {
    int number = numInitializers++, count = 0;
    return rewrite(tensor, message, [&](const Field &field, std::string &message) {
      if (field.number != tensorRawData || field.type != Length) {
        append(message, field.whole);
        return true;
      }
      if (++count > 1) // of several the last is meant
        return false;
      if (field.content.size() < minRawData)
        append(message, field.whole);
      else
        skeleton.rawData[number] = field.content;
      return true;
    });
  }
};

} // namespace

std::optional<Skeleton> skeletonOf(std::span<const uint8_t> model) { return Builder().run(model); }

} // namespace nnf::onnx
