#include "compiler/import/onnx/Model.h"

namespace nnf::onnx {

std::string dataTypeName(DataType type) {
  switch (type) {
  case DataType::Undefined: return "undefined";
  case DataType::Float: return "float";
  case DataType::UInt8: return "uint8";
  case DataType::Int8: return "int8";
  case DataType::UInt16: return "uint16";
  case DataType::Int16: return "int16";
  case DataType::Int32: return "int32";
  case DataType::Int64: return "int64";
  case DataType::String: return "string";
  case DataType::Bool: return "bool";
  case DataType::Float16: return "float16";
  case DataType::Double: return "double";
  case DataType::UInt32: return "uint32";
  case DataType::UInt64: return "uint64";
  case DataType::Complex64: return "complex64";
  case DataType::Complex128: return "complex128";
  case DataType::BFloat16: return "bfloat16";
  case DataType::Float8E4M3FN: return "float8e4m3fn";
  case DataType::Float8E4M3FNUZ: return "float8e4m3fnuz";
  case DataType::Float8E5M2: return "float8e5m2";
  case DataType::Float8E5M2FNUZ: return "float8e5m2fnuz";
  case DataType::UInt4: return "uint4";
  case DataType::Int4: return "int4";
  }
  return "type " + std::to_string(static_cast<int32_t>(type));
}

int64_t bytesOf(DataType type) {
  switch (type) {
  case DataType::Bool:
  case DataType::Int8:
  case DataType::UInt8: return 1;
  case DataType::Int16:
  case DataType::UInt16:
  case DataType::Float16:
  case DataType::BFloat16: return 2;
  case DataType::Float:
  case DataType::Int32:
  case DataType::UInt32: return 4;
  case DataType::Double:
  case DataType::Int64:
  case DataType::UInt64:
  case DataType::Complex64: return 8;
  case DataType::Complex128: return 16;
  default: return 0;
  }
}

std::string_view kindText(Attribute::Kind kind) {
  switch (kind) {
  case Attribute::Kind::Float: return "a float";
  case Attribute::Kind::Int: return "an integer";
  case Attribute::Kind::String: return "a string";
  case Attribute::Kind::Tensor: return "a tensor";
  case Attribute::Kind::Graph: return "a graph";
  case Attribute::Kind::Floats: return "floats";
  case Attribute::Kind::Ints: return "integers";
  case Attribute::Kind::Strings: return "strings";
  case Attribute::Kind::SparseTensor: return "a sparse tensor";
  case Attribute::Kind::Other: break;
  }
  return "something else";
}

const Attribute *Node::attribute(std::string_view name) const {
  for (const Attribute &attribute : attributes)
    if (attribute.name == name)
      return &attribute;
  return nullptr;
}

void Model::indexFunctions() {
  for (size_t i = 0; i < functions.size(); ++i)
    functionNumbers.try_emplace({functions[i].domain, functions[i].name}, i);
}

const Function *Model::functionOf(const Node &node) const {
  auto number = functionNumbers.find({node.domain, node.opType});
  return number == functionNumbers.end() ? nullptr : &functions[number->second];
}

} // namespace nnf::onnx
