// The messages of nnfc.proto as plain structs, and their two encodings. protobuf itself stays in GraphMessage.cpp.
#ifndef NNF_COMPILER_IMPORT_GRAPHMESSAGE_H
#define NNF_COMPILER_IMPORT_GRAPHMESSAGE_H

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace nnf::message {

/// A size, a symbol, or neither (an error).
using Dim = std::variant<std::monostate, int64_t, std::string>;

/// Where something begins in a file of text; line 0: the file is binary.
struct Position {
  int line = 0, column = 0; ///< counted from 1

  explicit operator bool() const { return line != 0; }
};

struct TensorType {
  int dtype = 0; ///< number of the DType enumerator
  std::vector<Dim> dims;
};

struct Bytes {
  std::string bytes;
};
struct File {
  std::string path;
};

struct Tensor {
  TensorType type;
  std::variant<std::monostate, Bytes, File> content;
};

struct Input {
  std::string name;
  TensorType type;
  Position position = {};
};

struct Constant {
  std::string name;
  Tensor tensor;
  Position position = {};
};

struct TensorName {
  std::string name;
};
struct TensorNames {
  std::vector<std::string> names;
};

struct Argument {
  std::string name;
  std::variant<std::monostate, TensorName, int64_t, double, bool, std::string, std::vector<int64_t>,
               std::vector<double>, TensorNames>
      value;
};

struct Node {
  std::string op, name;
  std::vector<Argument> arguments;
  std::vector<std::string> outputs;
  Position position = {};
};

struct Graph {
  std::string name;
  std::vector<Input> inputs;
  std::vector<Constant> constants;
  std::vector<Node> nodes;
  std::vector<std::string> outputs;
  uint32_t version = 0;
};

/// Decodes a file. False: `error` says where and what ("3:15: ..."), without the file's name.
bool decode(std::string_view file, bool isText, Graph &graph, std::string &error);
/// Encodes a graph, whose bytes it takes. False: `error` says what is wrong.
bool encode(Graph &&graph, bool isText, std::string &file, std::string &error);

} // namespace nnf::message
#endif
