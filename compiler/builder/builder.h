// nnfc/builder.h: graphs made in C++.
//
//   nnfc::Graph g("net");
//   auto x = g.input("x", nnfc::float32, {"N", 3, 8, 8});
//   auto w = g.constant("w", {4, 3, 3, 3}, weights);                  // a std::vector<float>
//   auto y = g.relu(g.conv2d(x, w, {.bias = b, .padding = {1, 1}}));
//   g.output("y", y);
//   if (nnfc::Result<void> saved = g.save("net.nnf"); !saved)
//     std::cerr << saved.error().text() << "\n";                      // names your source line
//   g.compile("net.so");
//
// One method for each function of `nnfc ops`: required parameters in torch's order, the others by name in a struct.
// Errors are values: the first one is kept with the line that caused it, calls after it do nothing, and save() and
// compile() return it. A Graph is used by one thread at a time.
#ifndef NNFC_BUILDER_H
#define NNFC_BUILDER_H

#include <concepts>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <ranges>
#include <source_location>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace nnfc {
// The inline namespace is the version of this interface. It also keeps these classes apart from those that protobuf
// makes of the messages of package nnfc.
inline namespace v1 {

/// Element types, numbered as in graph files.
enum class DType {
  float32 = 1,
  float64,
  float16,
  bfloat16,
  int64,
  int32,
  int16,
  int8,
  uint8,
  bool_,
  uint16,
  uint32,
  uint64
};
using enum DType;

/// The dtype of a C++ type that is one.
template <typename T> constexpr DType dtypeOf() {
  if constexpr (std::same_as<T, bool>)
    return bool_;
  else if constexpr (std::floating_point<T>) {
    static_assert(sizeof(T) == 4 || sizeof(T) == 8, "float or double");
    return sizeof(T) == 4 ? float32 : float64;
  } else {
    static_assert(std::integral<T>, "an arithmetic type; give the dtype of others");
    constexpr DType isSigned[] = {int8, int16, int32, int64}, isUnsigned[] = {uint8, uint16, uint32, uint64};
    constexpr int log = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
    return std::signed_integral<T> ? isSigned[log] : isUnsigned[log];
  }
}

/// What went wrong, and which line of the caller's source asked for it.
struct Error {
  std::string message; ///< "node 'stem' (conv2d), argument 'weight': rank 3, expected 4"
  std::string file;
  unsigned line = 0;
  /// "net.cpp:12: node 'stem' …".
  std::string text() const { return file + ":" + std::to_string(line) + ": " + message; }
};

/// A value or an error.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : content(std::move(value)) {}
  Result(Error error) : content(std::move(error)) {}
  /// There is a value.
  explicit operator bool() const { return std::holds_alternative<T>(content); }
  /// Only where there is one.
  T &operator*() { return std::get<T>(content); }
  /// Only where there is one.
  const Error &error() const { return std::get<Error>(content); }

private:
  std::variant<T, Error> content;
};
/// Success or an error.
template <> class [[nodiscard]] Result<void> {
public:
  Result() = default;
  Result(Error error) : problem(std::move(error)) {}
  /// All went well.
  explicit operator bool() const { return !problem; }
  /// Only where there is one.
  const Error &error() const { return *problem; }

private:
  std::optional<Error> problem;
};

/// A tensor of a Graph. After an error it is empty.
class Tensor {
public:
  Tensor() = default;
  /// There is a tensor: it is of a graph without an error so far.
  explicit operator bool() const { return graph != nullptr; }

private:
  friend class Graph;
  Tensor(const void *graph, unsigned number) : graph(graph), number(number) {}
  const void *graph = nullptr;
  unsigned number = 0;
};

/// A fixed size, or the name of one that is bound at run time.
struct Dim {
  Dim(std::integral auto size) : size(static_cast<std::int64_t>(size)) {}
  Dim(const char *symbol) : symbol(symbol) {}
  Dim(std::string symbol) : symbol(std::move(symbol)) {}
  std::int64_t size = 0;
  std::string symbol = {}; ///< empty: `size` counts
};

/// One integer (for each dimension the same), or a list.
struct Ints {
  Ints() = default;
  Ints(std::integral auto one) : values{static_cast<std::int64_t>(one)} {}
  Ints(std::initializer_list<std::int64_t> list) : values(list) {}
  Ints(std::vector<std::int64_t> list) : values(std::move(list)) {}
  std::vector<std::int64_t> values;
};

/// One number (for each dimension the same), or a list.
struct Floats {
  Floats() = default;
  Floats(double one) : values{one} {}
  Floats(std::initializer_list<double> list) : values(list) {}
  Floats(std::vector<double> list) : values(std::move(list)) {}
  std::vector<double> values;
};

/// Integers, or a word: padding = "same".
struct IntsOrString {
  IntsOrString() = default;
  IntsOrString(std::integral auto one) : value(Ints(one)) {}
  IntsOrString(std::initializer_list<std::int64_t> list) : value(Ints(list)) {}
  IntsOrString(std::vector<std::int64_t> list) : value(Ints(std::move(list))) {}
  IntsOrString(const char *word) : value(std::string(word)) {}
  IntsOrString(std::string word) : value(std::move(word)) {}
  std::variant<Ints, std::string> value;
};

/// A tensor, or a number that takes part in type promotion as Python's numbers do in torch.
struct TensorOrNumber {
  TensorOrNumber(Tensor tensor) : value(tensor) {}
  /// The outputs of a function of which the first is meant.
  template <std::convertible_to<Tensor> T> TensorOrNumber(const T &outputs) : value(static_cast<Tensor>(outputs)) {}
  TensorOrNumber(bool flag) : value(flag) {}
  template <std::integral T> TensorOrNumber(T number) : value(static_cast<std::int64_t>(number)) {}
  template <std::floating_point T> TensorOrNumber(T number) : value(static_cast<double>(number)) {}
  std::variant<Tensor, std::int64_t, double, bool> value;
};

/// A tensor of integers, or a list of them.
struct TensorOrInts {
  TensorOrInts(Tensor tensor) : value(tensor) {}
  template <std::convertible_to<Tensor> T> TensorOrInts(const T &outputs) : value(static_cast<Tensor>(outputs)) {}
  TensorOrInts(std::initializer_list<std::int64_t> list) : value(std::vector<std::int64_t>(list)) {}
  TensorOrInts(std::vector<std::int64_t> list) : value(std::move(list)) {}
  std::variant<Tensor, std::vector<std::int64_t>> value;
};

/// What Graph::call() takes for a parameter; the default is Python's None.
struct Value {
  Value() = default;
  Value(Tensor v) : content(v) {}
  Value(std::vector<Tensor> v) : content(std::move(v)) {}
  Value(bool v) : content(v) {}
  template <std::integral T> Value(T v) : content(static_cast<std::int64_t>(v)) {}
  template <std::floating_point T> Value(T v) : content(static_cast<double>(v)) {}
  Value(const char *v) : content(std::string(v)) {}
  Value(std::string v) : content(std::move(v)) {}
  Value(Ints v) : content(std::move(v.values)) {}
  Value(Floats v) : content(std::move(v.values)) {}
  Value(IntsOrString v) {
    if (auto *word = std::get_if<std::string>(&v.value))
      content = std::move(*word);
    else
      content = std::move(std::get<Ints>(v.value).values);
  }
  Value(TensorOrNumber v) {
    std::visit([this](auto held) { content = held; }, v.value);
  }
  Value(TensorOrInts v) {
    std::visit([this](auto held) { content = std::move(held); }, std::move(v.value));
  }
  Value(DType v) : content(v) {}
  template <typename T> Value(std::optional<T> v) {
    if (v)
      *this = Value(std::move(*v));
  }
  std::variant<std::monostate, Tensor, std::vector<Tensor>, std::int64_t, double, bool, std::string,
               std::vector<std::int64_t>, std::vector<double>, DType>
      content;
};

/// A parameter of Graph::call() by its name.
struct Argument {
  const char *name;
  Value value;
};

#define NNFC_FUNCTION_OPTIONS
#include <nnfc/functions.inc>

/// What save() does with constants above 1 KB.
enum class Weights { inside, beside };

/// How compile() compiles; as the options of `nnfc compile` of the same names.
struct CompileOptions {
  std::string name = {};   ///< of the model in the library; empty: the graph's name
  std::string cpu = {};    ///< "native", "x86-64-v3", …; empty: native
  std::string triple = {}; ///< empty: this machine's
  unsigned opt_level = 2;
  std::map<std::string, std::int64_t> dims = {}; ///< sizes fixed for names
  bool external_weights = false;                 ///< weights go to a file beside the output
};

/// A graph under construction.
class Graph {
public:
  using Where = std::source_location;

  /// `name` is the model's name in the library.
  explicit Graph(std::string name);
  ~Graph();
  Graph(Graph &&) noexcept;
  Graph &operator=(Graph &&) noexcept;

  /// Adds an input. Equal names among `dims` are equal sizes.
  Tensor input(std::string name, DType dtype, std::vector<Dim> dims, Where where = Where::current());
  /// Adds a constant from its bytes: little-endian, row-major, a bool a byte. The bytes are copied.
  Tensor constant(std::string name, DType dtype, std::vector<std::int64_t> sizes, std::span<const std::byte> bytes,
                  Where where = Where::current());
  /// The same from elements: as many as the sizes say, each as large as the dtype.
  template <std::ranges::contiguous_range R>
    requires(!std::same_as<std::ranges::range_value_t<R>, std::byte>)
  Tensor constant(std::string name, DType dtype, std::vector<std::int64_t> sizes, const R &elements,
                  Where where = Where::current()) {
    return constant(std::move(name), dtype, std::move(sizes), std::as_bytes(std::span(elements)), where);
  }
  /// The same; the dtype is that of the elements.
  template <std::ranges::contiguous_range R>
    requires std::is_arithmetic_v<std::ranges::range_value_t<R>>
  Tensor constant(std::string name, std::vector<std::int64_t> sizes, const R &elements,
                  Where where = Where::current()) {
    return constant(std::move(name), dtypeOf<std::ranges::range_value_t<R>>(), std::move(sizes),
                    std::as_bytes(std::span(elements)), where);
  }
  /// Adds an output; outputs keep this order.
  void output(std::string name, Tensor tensor, Where where = Where::current());

#define NNFC_FUNCTION_METHODS
#include <nnfc/functions.inc>

  /// Calls a function by its name: "conv2d", "relu_". Returns its outputs, none after an error.
  std::vector<Tensor> call(const char *function, std::vector<Argument> arguments, std::string node = {},
                           Where where = Where::current());

  /// The first error so far.
  const std::optional<Error> &error() const;
  /// Writes *.nnf, *.nnf.txt or *.mlir. Nothing can be added afterwards.
  Result<void> save(const std::string &path, Weights weights = Weights::inside, Where where = Where::current());

  /// Compiles to what the extension of `output` says: *.so, *.o (with a *.h beside it), *.a, *.s, *.ll. Nothing can be
  /// added afterwards. Needs the whole compiler, nnfCompiler.
  Result<void> compile(const std::string &output, const CompileOptions &options = {}, Where where = Where::current());

  struct Impl;
  /// For the compiler itself.
  Impl &impl() { return *self; }

private:
  static Tensor at(const std::vector<Tensor> &outputs, std::size_t index) {
    return index < outputs.size() ? outputs[index] : Tensor();
  }
  std::unique_ptr<Impl> self;
};

} // namespace v1
} // namespace nnfc
#endif
