// Error texts in fixed memory: reporting out-of-memory must not need memory.
#ifndef NNF_RUNTIME_MESSAGE_H
#define NNF_RUNTIME_MESSAGE_H
#include "nnf.h"
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>

namespace nnf::rt {

struct Message {
  char text[1024] = "";

  /// Sets the text and returns `status`, so that a failure is one statement.
  __attribute__((format(printf, 3, 4))) int32_t fail(int32_t status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return status;
  }
};

/// The calling thread's message for calls without a context.
Message &threadMessage();

/// A piece of an error text, built up with printf formats and cut at its end.
template <size_t capacity> class Text {
public:
  __attribute__((format(printf, 2, 3))) void add(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int wanted = vsnprintf(text + length, capacity - length, format, arguments);
    va_end(arguments);
    if (wanted > 0)
      length = size_t(wanted) < capacity - length ? length + size_t(wanted) : capacity - 1;
  }
  const char *str() const { return text; }

private:
  char text[capacity] = {};
  size_t length = 0;
};

/// A caller's options, which may be of an older version of the struct and shorter: what it did not have yet is 0. NULL
/// is all 0. `least` is the size of the first version.
template <typename Options>
int32_t takeOptions(const Options *given, size_t least, const char *what, Options &options, Message &message) {
  options = {};
  options.struct_size = sizeof options;
  if (!given)
    return NNF_OK;
  if (given->struct_size < least)
    return message.fail(NNF_ERROR_ARGUMENT, "%s options: struct_size %u, expected %zu [NNFC-E0610]", what,
                        given->struct_size, sizeof options);
  memcpy(&options, given, given->struct_size < sizeof options ? given->struct_size : sizeof options);
  options.struct_size = sizeof options;
  return NNF_OK;
}

} // namespace nnf::rt
#endif
