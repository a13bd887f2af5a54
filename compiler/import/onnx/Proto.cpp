#include "compiler/import/onnx/Proto.h"
#include "compiler/import/onnx/Skeleton.h"

#include "google/protobuf/io/coded_stream.h"
#include "google/protobuf/unknown_field_set.h"
#include "onnx/defs/schema.h"
#include "onnx/onnx_pb.h"
#include <algorithm>
#include <bit>
#include <climits>
#include <cstring>
#include <exception>

// The typed data fields are copied as they lie in memory.
static_assert(std::endian::native == std::endian::little);

namespace nnf::onnx {
namespace {

/// A fault of the model; caught in this file.
struct Fault : std::exception {
  explicit Fault(std::string text) : text(std::move(text)) {}
  const char *what() const noexcept override { return text.c_str(); }
  std::string text;
};

std::string quoted(const std::string &name) { return "'" + name + "'"; }

// ---- tensors

int64_t countElements(const std::vector<int64_t> &dims, const std::string &place) {
  // Sizes are checked for overflow in bytes too: no element is over 16 bytes.
  constexpr int64_t limit = INT64_MAX / 16;
  int64_t count = 1;
  for (int64_t dim : dims)
    if (dim < 0)
      throw Fault(place + ": size " + std::to_string(dim) + ", expected 0 or more");
  if (std::find(dims.begin(), dims.end(), 0) != dims.end())
    return 0;
  for (int64_t dim : dims) {
    if (count > limit / dim)
      throw Fault(place + ": the product of its sizes is over 2^59, expected a tensor that fits in memory");
    count *= dim;
  }
  return count;
}

/// Copies one of the typed fields, each value checked to be one of the element type.
template <typename Element, typename Field> std::string packed(const Field &field, const std::string &place) {
  std::string bytes(field.size() * sizeof(Element), '\0');
  for (int i = 0; i < field.size(); ++i) {
    auto element = static_cast<Element>(field[i]);
    if constexpr (std::is_integral_v<Element>)
      if (static_cast<std::decay_t<decltype(field[i])>>(element) != field[i])
        throw Fault(place + ": value " + std::to_string(field[i]) + " at position " + std::to_string(i) +
                    ", which its type cannot hold");
    std::memcpy(bytes.data() + i * sizeof(Element), &element, sizeof(Element));
  }
  return bytes;
}

struct DataField {
  const char *name;
  int64_t length; // values; bytes of raw_data
};

/// The data field a tensor of this type uses when it is not raw.
const char *typedField(DataType type) {
  switch (type) {
  case DataType::Float:
  case DataType::Complex64: return "float_data";
  case DataType::Double:
  case DataType::Complex128: return "double_data";
  case DataType::Int64: return "int64_data";
  case DataType::UInt32:
  case DataType::UInt64: return "uint64_data";
  case DataType::String: return "string_data";
  default: return "int32_data";
  }
}

std::string typedBytes(const ::onnx::TensorProto &proto, DataType type, const std::string &place) {
  switch (type) {
  case DataType::Float: return packed<float>(proto.float_data(), place);
  case DataType::Double: return packed<double>(proto.double_data(), place);
  case DataType::Int64: return packed<int64_t>(proto.int64_data(), place);
  case DataType::UInt64: return packed<uint64_t>(proto.uint64_data(), place);
  case DataType::UInt32: return packed<uint32_t>(proto.uint64_data(), place);
  case DataType::Int32: return packed<int32_t>(proto.int32_data(), place);
  case DataType::Int16: return packed<int16_t>(proto.int32_data(), place);
  case DataType::Int8: return packed<int8_t>(proto.int32_data(), place);
  case DataType::UInt8: return packed<uint8_t>(proto.int32_data(), place);
  case DataType::Bool: return packed<uint8_t>(proto.int32_data(), place);
  case DataType::UInt16:
  case DataType::Float16: // as bits
  case DataType::BFloat16: return packed<uint16_t>(proto.int32_data(), place);
  default: return {};
  }
}

ExternalData externalOf(const ::onnx::TensorProto &proto, const std::string &place) {
  ExternalData external;
  auto number = [&](const std::string &key, const std::string &text) -> int64_t {
    if (text.empty() || text.size() > 18 || text.find_first_not_of("0123456789") != std::string::npos)
      throw Fault(place + ": external data has " + key + " '" + text + "', expected a number of bytes");
    return std::stoll(text);
  };
  for (const auto &entry : proto.external_data()) {
    if (entry.key() == "location")
      external.location = entry.value();
    else if (entry.key() == "offset")
      external.offset = number("offset", entry.value());
    else if (entry.key() == "length")
      external.length = number("length", entry.value());
  }
  if (external.location.empty())
    throw Fault(place + ": external data without a location");
  return external;
}

/// The raw_data of a tensor where it lies in the file, apart from its message.
struct RawData {
  std::span<const uint8_t> bytes;
  std::shared_ptr<const void> owner;
};

/// These load an element from any address; tensors in a message are not aligned.
#if defined(__x86_64__) || defined(__aarch64__)
constexpr bool loadsFromAnywhere = true;
#else
constexpr bool loadsFromAnywhere = false;
#endif

/// Takes the bytes over rather than copying them: weights are most of a model.
Tensor tensorOf(::onnx::TensorProto &proto, const std::string &place, const RawData &apart = {}) {
  Tensor tensor;
  tensor.name = proto.name();
  tensor.type = static_cast<DataType>(proto.data_type());
  tensor.dims.assign(proto.dims().begin(), proto.dims().end());
  tensor.numElements = countElements(tensor.dims, place);
  if (proto.has_segment())
    throw Fault(place + ": stored in segments, which are not supported; expected the whole tensor");

  DataField fields[] = {{"raw_data", int64_t(proto.raw_data().size() + apart.bytes.size())},
                        {"float_data", proto.float_data_size()},
                        {"double_data", proto.double_data_size()},
                        {"int32_data", proto.int32_data_size()},
                        {"int64_data", proto.int64_data_size()},
                        {"uint64_data", proto.uint64_data_size()},
                        {"string_data", proto.string_data_size()}};
  const DataField *used = nullptr;
  for (const DataField &field : fields) {
    if (!field.length)
      continue;
    if (used)
      throw Fault(place + ": data in both " + used->name + " and " + field.name + ", expected exactly one data field");
    used = &field;
  }
  if (proto.data_location() == ::onnx::TensorProto::EXTERNAL) {
    if (used)
      throw Fault(place + ": data in " + used->name + " and in an external file, expected exactly one");
    tensor.external = externalOf(proto, place);
    return tensor;
  }

  int64_t elementBytes = bytesOf(tensor.type);
  if (!elementBytes)
    return tensor; // Strings and the like: refused where they are used.
  if (!used && tensor.numElements)
    throw Fault(place + ": no data, expected " + std::to_string(tensor.numElements) + " elements");
  auto bytes = std::make_shared<std::string>();
  if (used && used->name == std::string_view("raw_data")) {
    if (used->length != tensor.numElements * elementBytes)
      throw Fault(place + ": raw_data has " + std::to_string(used->length) + " bytes, expected " +
                  std::to_string(tensor.numElements * elementBytes) + " for " + std::to_string(tensor.numElements) +
                  " elements of type " + dataTypeName(tensor.type));
    if (loadsFromAnywhere && !apart.bytes.empty() && tensor.type != DataType::Bool) {
      tensor.bytes = apart.bytes;
      tensor.owner = apart.owner;
      return tensor;
    }
    bytes.reset(apart.bytes.empty() ? proto.release_raw_data()
                                    : new std::string(apart.bytes.begin(), apart.bytes.end()));
  } else if (used) {
    if (used->name != std::string_view(typedField(tensor.type)))
      throw Fault(place + ": data in " + used->name + ", expected " + typedField(tensor.type) +
                  " for elements of type " + dataTypeName(tensor.type));
    int64_t expected = tensor.numElements;
    if (tensor.type == DataType::Complex64 || tensor.type == DataType::Complex128)
      return tensor;
    if (used->length != expected)
      throw Fault(place + ": " + used->name + " has " + std::to_string(used->length) + " values, expected " +
                  std::to_string(expected));
    *bytes = typedBytes(proto, tensor.type, place);
  }
  if (tensor.type == DataType::Bool)
    for (char &byte : *bytes)
      byte = byte != 0;
  tensor.bytes = {reinterpret_cast<const uint8_t *>(bytes->data()), bytes->size()};
  tensor.owner = bytes;
  return tensor;
}

SparseTensor sparseOf(::onnx::SparseTensorProto &proto, const std::string &place) {
  SparseTensor sparse;
  sparse.values = tensorOf(*proto.mutable_values(), place + ", values");
  sparse.indices = tensorOf(*proto.mutable_indices(), place + ", indices");
  sparse.dims.assign(proto.dims().begin(), proto.dims().end());
  countElements(sparse.dims, place);
  return sparse;
}

// ---- types

TypeInfo typeOf(const ::onnx::TypeProto &proto) {
  using Kind = TypeInfo::Kind;
  TypeInfo type;
  auto shaped = [&](Kind kind, const auto &tensor) {
    type.kind = kind;
    type.element = static_cast<DataType>(tensor.elem_type());
    type.hasShape = tensor.has_shape();
    for (const auto &dim : tensor.shape().dim()) {
      Dimension &dimension = type.dims.emplace_back();
      if (dim.has_dim_value())
        dimension.size = dim.dim_value();
      else if (dim.has_dim_param())
        dimension.symbol = dim.dim_param();
    }
  };
  switch (proto.value_case()) {
  case ::onnx::TypeProto::kTensorType: shaped(Kind::Tensor, proto.tensor_type()); break;
  case ::onnx::TypeProto::kSparseTensorType: shaped(Kind::SparseTensor, proto.sparse_tensor_type()); break;
  case ::onnx::TypeProto::kSequenceType: type.kind = Kind::Sequence; break;
  case ::onnx::TypeProto::kOptionalType: type.kind = Kind::Optional; break;
  case ::onnx::TypeProto::kMapType: type.kind = Kind::Map; break;
  case ::onnx::TypeProto::VALUE_NOT_SET: type.kind = Kind::Missing; break;
  default: type.kind = Kind::Other; break;
  }
  return type;
}

ValueInfo valueOf(const ::onnx::ValueInfoProto &proto) { return {proto.name(), typeOf(proto.type())}; }

// ---- attributes, nodes, graphs

std::shared_ptr<Graph> graphOf(::onnx::GraphProto &proto, const std::string &place);

/// Files of the first IR versions do not say the type of an attribute: it is that of the field which is there.
::onnx::AttributeProto::AttributeType typeOfAttribute(const ::onnx::AttributeProto &proto) {
  using P = ::onnx::AttributeProto;
  if (proto.type() != P::UNDEFINED)
    return proto.type();
  return proto.has_f()               ? P::FLOAT
         : proto.has_i()             ? P::INT
         : proto.has_s()             ? P::STRING
         : proto.has_t()             ? P::TENSOR
         : proto.has_g()             ? P::GRAPH
         : proto.floats_size()       ? P::FLOATS
         : proto.ints_size()         ? P::INTS
         : proto.strings_size()      ? P::STRINGS
         : proto.has_sparse_tensor() ? P::SPARSE_TENSOR
                                     : P::UNDEFINED;
}

Attribute attributeOf(::onnx::AttributeProto &proto, const std::string &nodePlace) {
  using P = ::onnx::AttributeProto;
  using Kind = Attribute::Kind;
  std::string place = nodePlace + ", attribute " + quoted(proto.name());
  Attribute attribute;
  attribute.name = proto.name();
  attribute.reference = proto.ref_attr_name();
  switch (typeOfAttribute(proto)) {
  case P::FLOAT:
    attribute.kind = Kind::Float;
    attribute.f = proto.f();
    break;
  case P::INT:
    attribute.kind = Kind::Int;
    attribute.i = proto.i();
    break;
  case P::STRING:
    attribute.kind = Kind::String;
    attribute.s = proto.s();
    break;
  case P::TENSOR:
    attribute.kind = Kind::Tensor;
    if (attribute.reference.empty())
      attribute.tensor = std::make_shared<Tensor>(tensorOf(*proto.mutable_t(), place));
    break;
  case P::GRAPH:
    attribute.kind = Kind::Graph;
    if (attribute.reference.empty())
      attribute.graph = graphOf(*proto.mutable_g(), place);
    break;
  case P::FLOATS:
    attribute.kind = Kind::Floats;
    attribute.floats.assign(proto.floats().begin(), proto.floats().end());
    break;
  case P::INTS:
    attribute.kind = Kind::Ints;
    attribute.ints.assign(proto.ints().begin(), proto.ints().end());
    break;
  case P::STRINGS:
    attribute.kind = Kind::Strings;
    attribute.strings.assign(proto.strings().begin(), proto.strings().end());
    break;
  case P::SPARSE_TENSOR:
    attribute.kind = Kind::SparseTensor;
    if (attribute.reference.empty())
      attribute.sparse = std::make_shared<SparseTensor>(sparseOf(*proto.mutable_sparse_tensor(), place));
    break;
  default: attribute.kind = Kind::Other; break;
  }
  return attribute;
}

std::string ownDomain(const std::string &domain) { return domain == "ai.onnx" ? "" : domain; }

Node nodeOf(::onnx::NodeProto &proto) {
  Node node{proto.name(), proto.op_type(), ownDomain(proto.domain()), {}, {}, {}};
  node.inputs.assign(proto.input().begin(), proto.input().end());
  node.outputs.assign(proto.output().begin(), proto.output().end());
  // A node without a name goes by that of its first output.
  if (node.name.empty())
    for (const std::string &output : node.outputs)
      if (node.name.empty())
        node.name = output;
  std::string place = "node " + quoted(node.name) + " (" + node.opType + ")";
  for (::onnx::AttributeProto &attribute : *proto.mutable_attribute()) {
    if (node.attribute(attribute.name()))
      throw Fault(place + ": attribute " + quoted(attribute.name()) + " twice");
    node.attributes.push_back(attributeOf(attribute, place));
  }
  return node;
}

/// `rawData(i)` is that of initializer i, where it is not in the message.
template <typename RawDataOf>
void fill(Graph &graph, ::onnx::GraphProto &proto, const std::string &place, RawDataOf rawData) {
  graph.name = proto.name();
  std::string prefix = place.empty() ? "" : place + ", ";
  for (int i = 0; i < proto.initializer_size(); ++i) {
    ::onnx::TensorProto &tensor = *proto.mutable_initializer(i);
    graph.initializers.push_back(tensorOf(tensor, prefix + "initializer " + quoted(tensor.name()), rawData(i)));
    tensor.Clear();
  }
  for (::onnx::SparseTensorProto &tensor : *proto.mutable_sparse_initializer())
    graph.sparseInitializers.push_back(
        sparseOf(tensor, prefix + "sparse initializer " + quoted(tensor.values().name())));
  for (const auto &value : proto.input())
    graph.inputs.push_back(valueOf(value));
  for (const auto &value : proto.output())
    graph.outputs.push_back(valueOf(value));
  for (const auto &value : proto.value_info())
    graph.values.push_back(valueOf(value));
  graph.nodes.reserve(proto.node_size());
  for (::onnx::NodeProto &node : *proto.mutable_node())
    graph.nodes.push_back(nodeOf(node));
}

std::shared_ptr<Graph> graphOf(::onnx::GraphProto &proto, const std::string &place) {
  auto graph = std::make_shared<Graph>();
  fill(*graph, proto, place, [](int) { return RawData(); });
  return graph;
}

template <typename Imports> Opsets opsetsOf(const Imports &imports) {
  Opsets opsets;
  for (const auto &import : imports) {
    auto [known, isNew] = opsets.try_emplace(ownDomain(import.domain()), import.version());
    if (!isNew && known->second != import.version())
      throw Fault("opset_import names domain " + quoted(import.domain()) + " twice, with versions " +
                  std::to_string(known->second) + " and " + std::to_string(import.version()));
  }
  return opsets;
}

Function functionOf(::onnx::FunctionProto &proto) {
  Function function;
  function.name = proto.name();
  function.domain = ownDomain(proto.domain());
  function.inputs.assign(proto.input().begin(), proto.input().end());
  function.outputs.assign(proto.output().begin(), proto.output().end());
  function.attributes.assign(proto.attribute().begin(), proto.attribute().end());
  function.opsets = opsetsOf(proto.opset_import());
  for (::onnx::NodeProto &node : *proto.mutable_node())
    function.nodes.push_back(nodeOf(node));
  // attribute_proto = 11, defaults of attributes, is newer than the message classes.
  const auto &unknown = proto.GetReflection()->GetUnknownFields(proto);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const auto &field = unknown.field(i);
    ::onnx::AttributeProto attribute;
    if (field.number() != 11 || field.type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED)
      continue;
    if (!attribute.ParseFromString(field.length_delimited()))
      throw Fault("function " + quoted(function.name) + ": a default of an attribute is no valid message");
    function.attributeDefaults.push_back(attributeOf(attribute, "function " + quoted(function.name)));
  }
  return function;
}

/// Protobuf would write its complaints to standard error; ours are better.
struct Quiet {
  google::protobuf::LogSilencer silencer;
};

// ---- from plain structs back to messages, for the schemas

void toProto(const Attribute &attribute, ::onnx::AttributeProto &proto) {
  using P = ::onnx::AttributeProto;
  using Kind = Attribute::Kind;
  proto.set_name(attribute.name);
  switch (attribute.kind) {
  case Kind::Float:
    proto.set_type(P::FLOAT);
    proto.set_f(static_cast<float>(attribute.f));
    break;
  case Kind::Int:
    proto.set_type(P::INT);
    proto.set_i(attribute.i);
    break;
  case Kind::String:
    proto.set_type(P::STRING);
    proto.set_s(attribute.s);
    break;
  case Kind::Floats:
    proto.set_type(P::FLOATS);
    for (double value : attribute.floats)
      proto.add_floats(static_cast<float>(value));
    break;
  case Kind::Ints:
    proto.set_type(P::INTS);
    for (int64_t value : attribute.ints)
      proto.add_ints(value);
    break;
  case Kind::Strings:
    proto.set_type(P::STRINGS);
    for (const std::string &value : attribute.strings)
      proto.add_strings(value);
    break;
  default: break; // No body depends on the others.
  }
}

} // namespace

/// Returns at what byte the message is broken; nothing when it is whole.
static std::optional<int> parse(std::span<const uint8_t> bytes, ::onnx::ModelProto &proto) {
  proto.Clear();
  google::protobuf::io::CodedInputStream stream(bytes.data(), static_cast<int>(bytes.size()));
  stream.SetTotalBytesLimit(INT_MAX);
  stream.SetRecursionLimit(100);
  if (proto.MergePartialFromCodedStream(&stream) && stream.ConsumedEntireMessage())
    return std::nullopt;
  return stream.CurrentPosition();
}

std::unique_ptr<Model> parseModel(std::span<const uint8_t> file, std::shared_ptr<const void> owner,
                                  std::string &error) {
  Quiet quiet;
  try {
    if (file.size() > INT_MAX) {
      error = "the file has " + std::to_string(file.size()) +
              " bytes, and protobuf's limit is 2 GB; expected the weights as external data";
      return nullptr;
    }
    ::onnx::ModelProto proto;
    std::optional<Skeleton> skeleton = skeletonOf(file);
    auto bytesOf = [](const std::string &text) {
      return std::span(reinterpret_cast<const uint8_t *>(text.data()), text.size());
    };
    if (skeleton && parse(bytesOf(skeleton->message), proto))
      skeleton.reset(); // what is wrong is to be found in the whole
    if (!skeleton)
      if (std::optional<int> at = parse(file, proto)) {
        error = "no valid ONNX model: broken at byte " + std::to_string(*at) +
                ", expected a protobuf message onnx.ModelProto";
        return nullptr;
      }
    if (!proto.has_graph()) {
      error = "no valid ONNX model: it has no graph, expected a protobuf message onnx.ModelProto";
      return nullptr;
    }
    auto model = std::make_unique<Model>();
    model->irVersion = proto.ir_version();
    model->producer = proto.producer_name();
    model->opsets = opsetsOf(proto.opset_import());
    // The first files had no opset_import: version 1 then.
    if (proto.opset_import_size() == 0)
      model->opsets[""] = 1;
    fill(model->graph, *proto.mutable_graph(), "", [&](int i) {
      auto found = skeleton ? skeleton->rawData.find(i) : decltype(skeleton->rawData.end())();
      return !skeleton || found == skeleton->rawData.end() ? RawData() : RawData{found->second, owner};
    });
    for (::onnx::FunctionProto &function : *proto.mutable_functions())
      model->functions.push_back(functionOf(function));
    model->indexFunctions();
    return model;
  } catch (const std::bad_alloc &) {
    error = "the model does not fit in memory";
  } catch (const std::exception &fault) {
    error = fault.what();
  }
  return nullptr;
}

static const ::onnx::OpSchema *schemaOf(const Node &node, int64_t version) {
  const ::onnx::OpSchema *schema =
      ::onnx::OpSchemaRegistry::Schema(node.opType, static_cast<int>(std::min<int64_t>(version, INT_MAX)), node.domain);
  return schema && !schema->Deprecated() ? schema : nullptr;
}

bool isNamed(const Node &node, int64_t version) {
  Quiet quiet;
  try {
    return schemaOf(node, version) != nullptr;
  } catch (const std::exception &) {
    return false;
  }
}

bool isDefinedByTypes(const Node &node, int64_t version) {
  Quiet quiet;
  try {
    const ::onnx::OpSchema *schema = schemaOf(node, version);
    return schema && schema->HasContextDependentFunction();
  } catch (const std::exception &) {
    return false;
  }
}

std::unique_ptr<Function> definitionOf(const Node &node, int64_t version, const std::vector<TypeInfo> &inputTypes) {
  Quiet quiet;
  try {
    const ::onnx::OpSchema *schema = schemaOf(node, version);
    if (!schema)
      return nullptr;
    ::onnx::FunctionProto body;
    if (schema->HasFunction()) {
      body = *schema->GetFunction();
    } else if (schema->HasContextDependentFunction()) {
      ::onnx::NodeProto call;
      call.set_op_type(node.opType);
      call.set_domain(node.domain);
      for (const std::string &input : node.inputs)
        call.add_input(input);
      for (const std::string &output : node.outputs)
        call.add_output(output);
      for (const Attribute &attribute : node.attributes)
        toProto(attribute, *call.add_attribute());
      std::vector<::onnx::TypeProto> types;
      for (const TypeInfo &type : inputTypes) {
        ::onnx::TypeProto &proto = types.emplace_back();
        if (type.kind == TypeInfo::Kind::Missing)
          continue;
        proto.mutable_tensor_type()->set_elem_type(static_cast<int32_t>(type.element));
        proto.mutable_tensor_type()->mutable_shape();
        for (const Dimension &dim : type.dims) {
          auto *size = proto.mutable_tensor_type()->mutable_shape()->add_dim();
          if (dim.size)
            size->set_dim_value(*dim.size);
        }
      }
      ::onnx::FunctionBodyBuildContextImpl context(call, types);
      if (!schema->BuildContextDependentFunction(context, body))
        return nullptr;
    } else {
      return nullptr;
    }
    schema->BuildFunction(body);
    auto function = std::make_unique<Function>(functionOf(body));
    // Defaults of the operator's attributes are defaults of its body's.
    for (const auto &[name, attribute] : schema->attributes())
      if (attribute.default_value.type() != ::onnx::AttributeProto::UNDEFINED) {
        ::onnx::AttributeProto value = attribute.default_value;
        function->attributeDefaults.push_back(attributeOf(value, node.opType));
      }
    return function;
  } catch (const std::exception &) {
    return nullptr; // The schemas throw on nodes they do not like; the caller has a message of its own.
  }
}

} // namespace nnf::onnx
