// The one translation unit that sees protobuf.
#include "compiler/import/GraphMessage.h"
#include "compiler/import/nnfc.pb.h"
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/text_format.h>
#include <limits>
#include <mutex>

namespace nnf::message {
namespace {

/// protobuf logs to standard error what it also reports; the first line there is ours.
void quietProtobuf() {
  static std::once_flag once;
  std::call_once(once, [] { google::protobuf::SetLogHandler(nullptr); });
}

/// Keeps the first error of the text parser.
class FirstError : public google::protobuf::io::ErrorCollector {
public:
  explicit FirstError(std::string &text) : text(text) {}
  void AddError(int line, google::protobuf::io::ColumnNumber column, const std::string &message) override {
    if (text.empty())
      text = std::to_string(line + 1) + ":" + std::to_string(column + 1) + ": " + message;
  }

private:
  std::string &text;
};

// ---- from protobuf

TensorType fromProto(const nnfc::TensorType &proto) {
  TensorType type;
  type.dtype = proto.dtype();
  type.dims.reserve(proto.dims_size());
  for (const nnfc::Dim &dim : proto.dims()) {
    switch (dim.value_case()) {
    case nnfc::Dim::kSize: type.dims.emplace_back(dim.size()); break;
    case nnfc::Dim::kSymbol: type.dims.emplace_back(dim.symbol()); break;
    case nnfc::Dim::VALUE_NOT_SET: type.dims.emplace_back(); break;
    }
  }
  return type;
}

Constant fromProto(nnfc::Constant &proto) {
  Constant constant{proto.name(), {fromProto(proto.tensor().type()), {}}};
  if (proto.tensor().has_data())
    constant.tensor.content = Bytes{std::move(*proto.mutable_tensor()->mutable_data())};
  else if (proto.tensor().has_file())
    constant.tensor.content = File{proto.tensor().file()};
  return constant;
}

template <typename T, typename Field> std::vector<T> listOf(const Field &field) { return {field.begin(), field.end()}; }

Argument fromProto(const nnfc::Argument &proto) {
  Argument argument{proto.name(), {}};
  switch (proto.value_case()) {
  case nnfc::Argument::kTensor: argument.value = TensorName{proto.tensor()}; break;
  case nnfc::Argument::kI: argument.value = int64_t(proto.i()); break;
  case nnfc::Argument::kF: argument.value = proto.f(); break;
  case nnfc::Argument::kB: argument.value = proto.b(); break;
  case nnfc::Argument::kS: argument.value = proto.s(); break;
  case nnfc::Argument::kInts: argument.value = listOf<int64_t>(proto.ints().values()); break;
  case nnfc::Argument::kFloats: argument.value = listOf<double>(proto.floats().values()); break;
  case nnfc::Argument::kTensors: argument.value = TensorNames{listOf<std::string>(proto.tensors().names())}; break;
  case nnfc::Argument::VALUE_NOT_SET: break;
  }
  return argument;
}

Graph fromProto(nnfc::Graph &proto) {
  Graph graph;
  graph.name = proto.name();
  for (const nnfc::Input &input : proto.inputs())
    graph.inputs.push_back({input.name(), fromProto(input.type())});
  for (nnfc::Constant &constant : *proto.mutable_constants())
    graph.constants.push_back(fromProto(constant));
  for (const nnfc::Node &node : proto.nodes()) {
    graph.nodes.push_back({node.op(), node.name(), {}, listOf<std::string>(node.outputs())});
    for (const nnfc::Argument &argument : node.arguments())
      graph.nodes.back().arguments.push_back(fromProto(argument));
  }
  graph.outputs = listOf<std::string>(proto.outputs());
  graph.version = proto.version();
  return graph;
}

/// Where the parts of `graph` begin in the text that it was parsed from.
void addPositions(const google::protobuf::TextFormat::ParseInfoTree &tree, Graph &graph) {
  auto add = [&](int field, auto &parts) {
    const google::protobuf::FieldDescriptor *descriptor = nnfc::Graph::descriptor()->FindFieldByNumber(field);
    for (size_t i = 0; i < parts.size(); ++i) {
      google::protobuf::TextFormat::ParseLocation location = tree.GetLocation(descriptor, static_cast<int>(i));
      parts[i].position = {location.line + 1, location.column + 1}; // unknown is -1
    }
  };
  add(nnfc::Graph::kInputsFieldNumber, graph.inputs);
  add(nnfc::Graph::kConstantsFieldNumber, graph.constants);
  add(nnfc::Graph::kNodesFieldNumber, graph.nodes);
}

// ---- to protobuf

void toProto(const TensorType &type, nnfc::TensorType &proto) {
  proto.set_dtype(static_cast<nnfc::DType>(type.dtype));
  for (const Dim &dim : type.dims) {
    nnfc::Dim &added = *proto.add_dims();
    if (auto *size = std::get_if<int64_t>(&dim))
      added.set_size(*size);
    else if (auto *symbol = std::get_if<std::string>(&dim))
      added.set_symbol(*symbol);
  }
}

void toProto(const Argument &argument, nnfc::Argument &proto) {
  proto.set_name(argument.name);
  struct Visitor {
    nnfc::Argument &proto;
    void operator()(std::monostate) {}
    void operator()(const TensorName &v) { proto.set_tensor(v.name); }
    void operator()(int64_t v) { proto.set_i(v); }
    void operator()(double v) { proto.set_f(v); }
    void operator()(bool v) { proto.set_b(v); }
    void operator()(const std::string &v) { proto.set_s(v); }
    void operator()(const std::vector<int64_t> &v) { proto.mutable_ints()->mutable_values()->Add(v.begin(), v.end()); }
    void operator()(const std::vector<double> &v) { proto.mutable_floats()->mutable_values()->Add(v.begin(), v.end()); }
    void operator()(const TensorNames &v) {
      proto.mutable_tensors();
      for (const std::string &name : v.names)
        proto.mutable_tensors()->add_names(name);
    }
  };
  std::visit(Visitor{proto}, argument.value);
}

void toProto(Graph &graph, nnfc::Graph &proto) {
  proto.set_name(graph.name);
  for (const Input &input : graph.inputs) {
    nnfc::Input &added = *proto.add_inputs();
    added.set_name(input.name);
    toProto(input.type, *added.mutable_type());
  }
  for (Constant &constant : graph.constants) {
    nnfc::Constant &added = *proto.add_constants();
    added.set_name(constant.name);
    toProto(constant.tensor.type, *added.mutable_tensor()->mutable_type());
    if (auto *data = std::get_if<Bytes>(&constant.tensor.content))
      added.mutable_tensor()->set_data(std::move(data->bytes));
    else if (auto *file = std::get_if<File>(&constant.tensor.content))
      added.mutable_tensor()->set_file(file->path);
  }
  for (const Node &node : graph.nodes) {
    nnfc::Node &added = *proto.add_nodes();
    added.set_op(node.op);
    added.set_name(node.name);
    for (const Argument &argument : node.arguments)
      toProto(argument, *added.add_arguments());
    for (const std::string &output : node.outputs)
      added.add_outputs(output);
  }
  for (const std::string &output : graph.outputs)
    proto.add_outputs(output);
  proto.set_version(graph.version);
}

constexpr size_t maxMessageBytes = std::numeric_limits<int>::max();

} // namespace

bool decode(std::string_view file, bool isText, Graph &graph, std::string &error) {
  quietProtobuf();
  if (file.size() > maxMessageBytes) {
    error = std::to_string(file.size()) +
            " bytes, expected at most 2 GiB: keep weights in files beside the graph [NNFC-E0104]";
    return false;
  }
  google::protobuf::io::ArrayInputStream stream(file.data(), static_cast<int>(file.size()));
  nnfc::Graph proto;
  google::protobuf::TextFormat::ParseInfoTree tree;
  if (isText) {
    google::protobuf::TextFormat::Parser parser;
    FirstError collector(error);
    parser.RecordErrorsTo(&collector);
    parser.WriteLocationsTo(&tree);
    if (!parser.Parse(&stream, &proto)) {
      if (error.empty())
        error = "no graph in protobuf text format";
      error += " [NNFC-E0102]";
      return false;
    }
  } else if (!proto.ParseFromZeroCopyStream(&stream)) {
    error = "no binary graph file: broken or truncated, or a name in it is no UTF-8 [NNFC-E0103]";
    return false;
  }
  graph = fromProto(proto);
  if (isText)
    addPositions(tree, graph);
  return true;
}

bool encode(Graph &&graph, bool isText, std::string &file, std::string &error) {
  quietProtobuf();
  nnfc::Graph proto;
  toProto(graph, proto);
  if (isText) {
    if (google::protobuf::TextFormat::PrintToString(proto, &file))
      return true;
  } else if (proto.ByteSizeLong() <= maxMessageBytes && proto.SerializeToString(&file)) {
    return true;
  }
  error = "the graph with its weights has over 2 GiB, expected less: keep weights in a file beside it [NNFC-E0104]";
  return false;
}

} // namespace nnf::message
