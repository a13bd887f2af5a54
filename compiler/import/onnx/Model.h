// An ONNX model as plain structs: what protobuf read, with nothing of protobuf left, so that the rest of the importer
// needs neither exceptions nor run-time type information. Nothing here is checked against the graph yet.
#ifndef NNF_COMPILER_IMPORT_ONNX_MODEL_H
#define NNF_COMPILER_IMPORT_ONNX_MODEL_H

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace nnf::onnx {

/// TensorProto.DataType, by ONNX's numbers.
enum class DataType : int32_t {
  Undefined = 0,
  Float = 1,
  UInt8 = 2,
  Int8 = 3,
  UInt16 = 4,
  Int16 = 5,
  Int32 = 6,
  Int64 = 7,
  String = 8,
  Bool = 9,
  Float16 = 10,
  Double = 11,
  UInt32 = 12,
  UInt64 = 13,
  Complex64 = 14,
  Complex128 = 15,
  BFloat16 = 16,
  Float8E4M3FN = 17,
  Float8E4M3FNUZ = 18,
  Float8E5M2 = 19,
  Float8E5M2FNUZ = 20,
  UInt4 = 21,
  Int4 = 22,
};

/// ONNX's own name of a type, in lower case ("float", "int64"); "type 23" when this reader does not know it.
std::string dataTypeName(DataType type);
/// Bytes an element takes in raw data; 0 for strings and unknown types.
int64_t bytesOf(DataType type);

/// Where a tensor's bytes are, when they are not in the model.
struct ExternalData {
  std::string location;
  int64_t offset = 0;
  std::optional<int64_t> length;
};

/// Dense data. `bytes` are little-endian and row-major, exactly as many as type and sizes need (bool: one byte, 0 or
/// 1); empty when the data is external, or when the type is one without bytes (strings).
struct Tensor {
  std::string name;
  DataType type = DataType::Undefined;
  std::vector<int64_t> dims;
  int64_t numElements = 0;
  std::span<const uint8_t> bytes;
  std::shared_ptr<const void> owner; ///< keeps `bytes` alive
  std::optional<ExternalData> external;
};

/// values[i] stands at indices[i]: a flat index, or one per dimension. Everything else is 0.
struct SparseTensor {
  Tensor values, indices;
  std::vector<int64_t> dims;
};

struct Dimension {
  std::optional<int64_t> size;
  std::string symbol; ///< empty: unnamed
};

struct TypeInfo {
  enum class Kind { Missing, Tensor, SparseTensor, Sequence, Optional, Map, Other };
  Kind kind = Kind::Missing;
  DataType element = DataType::Undefined;
  bool hasShape = false;
  std::vector<Dimension> dims;
};

struct ValueInfo {
  std::string name;
  TypeInfo type;
};

struct Graph;

struct Attribute {
  enum class Kind { Float, Int, String, Tensor, Graph, Floats, Ints, Strings, SparseTensor, Other };
  std::string name;
  Kind kind = Kind::Other;
  std::string reference; ///< in a function's body: the attribute of the call that this one stands for
  double f = 0;
  int64_t i = 0;
  std::string s;
  std::vector<double> floats;
  std::vector<int64_t> ints;
  std::vector<std::string> strings;
  std::shared_ptr<const Tensor> tensor;
  std::shared_ptr<const SparseTensor> sparse;
  std::shared_ptr<const Graph> graph;
};
/// "an integer", "floats": what an attribute holds, for messages.
std::string_view kindText(Attribute::Kind kind);

struct Node {
  std::string name, opType, domain;         ///< domain "ai.onnx" is written as ""
  std::vector<std::string> inputs, outputs; ///< an empty name is an omitted one
  std::vector<Attribute> attributes;

  const Attribute *attribute(std::string_view name) const;
};

struct Graph {
  std::string name;
  std::vector<Node> nodes;
  std::vector<Tensor> initializers;
  std::vector<SparseTensor> sparseInitializers; ///< named by `values.name`
  std::vector<ValueInfo> inputs, outputs, values;
};

/// Operator-set versions by domain; "" is ONNX's own.
using Opsets = std::map<std::string, int64_t, std::less<>>;

struct Function {
  std::string name, domain;
  std::vector<std::string> inputs, outputs, attributes;
  std::vector<Attribute> attributeDefaults;
  std::vector<Node> nodes;
  Opsets opsets; ///< empty: the model's
};

struct Model {
  int64_t irVersion = 0;
  std::string producer;
  Opsets opsets;
  Graph graph;
  std::vector<Function> functions;

  /// The function of the model that a node calls; null when its operator is none of them.
  const Function *functionOf(const Node &node) const;
  /// Called once, when `functions` is complete.
  void indexFunctions();

private:
  std::map<std::pair<std::string, std::string>, size_t> functionNumbers; ///< by domain and name
};

} // namespace nnf::onnx
#endif
