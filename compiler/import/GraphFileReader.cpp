// readGraphFile: checks what a file says, then calls GraphBuilder for each of its parts.
#include "compiler/builder/GraphBuilder.h"
#include "compiler/import/DTypes.h"
#include "compiler/import/ExternalFile.h"
#include "compiler/import/GraphFile.h"
#include "compiler/import/GraphMessage.h"
#include "compiler/import/NodeOrder.h"
#include "compiler/import/SafetensorsFile.h"
#include "llvm/Support/Path.h"

using namespace mlir;
namespace nnf {
namespace {

class GraphReader {
public:
  GraphReader(MLIRContext &context, StringRef path, message::Graph &graph, const ReadOptions &options)
      : context(context), fileName(llvm::sys::path::filename(path)), graph(graph), options(options),
        builder(context, graph.name, options), files(path, options.dataDirs, options.filesRead) {}

  OwningOpRef<ModuleOp> read() {
    // Every error also says where in the file its cause is.
    ScopedDiagnosticHandler addPlace(&context, [&](Diagnostic &diagnostic) {
      diagnostic.attachNote(UnknownLoc::get(&context)) << "at " << place();
      return failure();
    });
    if (failed(checkGraph()) || failed(readInputs()) || failed(readConstants()) || failed(readNodes()) ||
        failed(readOutputs()))
      return {};
    return builder.finish();
  }

private:
  /// In text the line and the column; in a binary file the node's place among the others.
  std::string place() const {
    if (message::Position at = currentNode ? graph.nodes[*currentNode].position : current)
      return fileName + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
    return fileName + (currentNode ? ": nodes[" + std::to_string(*currentNode) + "]" : "");
  }
  InFlightDiagnostic error() { return emitError(UnknownLoc::get(&context)); }

  LogicalResult checkGraph();
  LogicalResult define(StringRef name, const std::string &what);
  FailureOr<Type> elementOf(const std::string &what, const message::TensorType &type);
  FailureOr<Dim> dimOf(const std::string &what, const message::Dim &dim);
  LogicalResult readInputs();
  LogicalResult readConstants();
  LogicalResult readConstant(message::Constant &constant);
  LogicalResult checkBools(const std::string &what, StringRef dtype, ArrayRef<uint8_t> bytes);
  llvm::Expected<StoredTensor> openFile(StringRef path);
  LogicalResult readNodes();
  LogicalResult readNode(const message::Node &node);
  FailureOr<ArgumentValue> valueOf(const message::Node &node, const message::Argument &argument);
  LogicalResult readOutputs();

  MLIRContext &context;
  std::string fileName;
  message::Graph &graph;
  const ReadOptions &options;
  GraphBuilder builder;
  ExternalFiles files;
  llvm::StringMap<SafetensorsFile> safetensors;
  llvm::StringMap<std::string> definitions; ///< tensor name -> what defines it
  llvm::StringMap<TensorId> tensors;
  llvm::DenseMap<const message::Node *, int64_t> randomNumbers; ///< in file order, of nodes that can draw
  int64_t constantBytes = 0;
  std::optional<unsigned> currentNode;
  message::Position current; ///< of the input or the constant that is being read
};

std::string nodeTextOf(const message::Node &node) {
  return node.name.empty() ? "node (" + node.op + ")" : "node '" + node.name + "' (" + node.op + ")";
}

LogicalResult GraphReader::checkGraph() {
  if (graph.version > 1)
    return error() << "graph '" << graph.name << "': version " << graph.version << ", expected 0 or 1 [NNFC-E0105]";
  if (static_cast<int64_t>(graph.nodes.size()) > options.limits.maxNodes)
    return error() << "graph '" << graph.name << "': " << graph.nodes.size() << " nodes, expected at most "
                   << options.limits.maxNodes << " [NNFC-E0120]";
  for (const message::Input &input : graph.inputs) {
    current = input.position;
    if (failed(define(input.name, "input '" + input.name + "'")))
      return failure();
  }
  for (const message::Constant &constant : graph.constants) {
    current = constant.position;
    if (failed(define(constant.name, "constant '" + constant.name + "'")))
      return failure();
  }
  current = {};
  for (auto [i, node] : llvm::enumerate(graph.nodes)) {
    currentNode = i;
    if (const Function *function = findFunction(node.op); function && function->draws)
      randomNumbers.try_emplace(&node, randomNumbers.size());
    for (const std::string &output : node.outputs)
      if (failed(define(output, nodeTextOf(node))))
        return failure();
  }
  currentNode.reset();
  return success();
}

LogicalResult GraphReader::define(StringRef name, const std::string &what) {
  if (name.empty())
    return error() << what << ": a tensor without a name, expected one [NNFC-E0106]";
  if (static_cast<int64_t>(name.size()) > options.limits.maxNameBytes)
    return error() << "a tensor's name has " << name.size() << " bytes, expected at most "
                   << options.limits.maxNameBytes << " [NNFC-E0106]";
  auto [it, isNew] = definitions.try_emplace(name, what);
  if (isNew)
    return success();
  return error() << what << ": defines tensor '" << name << "', which " << it->second
                 << " defines too, expected one definition [NNFC-E0107]";
}

FailureOr<Type> GraphReader::elementOf(const std::string &what, const message::TensorType &type) {
  if (StringRef name = dtypeNameOf(type.dtype); !name.empty())
    return dtypeFromName(&context, name);
  InFlightDiagnostic diagnostic = error() << what << ": dtype ";
  if (type.dtype == 0)
    diagnostic << "unspecified";
  else
    diagnostic << type.dtype;
  return diagnostic << ", expected one of " << llvm::join(llvm::drop_begin(dtypeNames), ", ") << " [NNFC-E0112]";
}

FailureOr<Dim> GraphReader::dimOf(const std::string &what, const message::Dim &dim) {
  if (auto *size = std::get_if<int64_t>(&dim)) {
    if (*size >= 0)
      return builder.size(*size);
    return error() << what << ": size " << *size << ", expected at least 0 [NNFC-E0113]";
  }
  auto *symbol = std::get_if<std::string>(&dim);
  if (!symbol || symbol->empty())
    return error() << what << ": a size that is neither a number nor a name, expected one of them [NNFC-E0113]";
  if (static_cast<int64_t>(symbol->size()) > options.limits.maxNameBytes)
    return error() << what << ": a size's name has " << symbol->size() << " bytes, expected at most "
                   << options.limits.maxNameBytes << " [NNFC-E0106]";
  return builder.symbol(*symbol);
}

LogicalResult GraphReader::readInputs() {
  for (const message::Input &input : graph.inputs) {
    current = input.position;
    std::string what = "input '" + input.name + "'";
    FailureOr<Type> element = elementOf(what, input.type);
    if (failed(element))
      return failure();
    Shape shape;
    for (const message::Dim &size : input.type.dims) {
      FailureOr<Dim> dim = dimOf(what, size);
      if (failed(dim))
        return failure();
      shape.push_back(*dim);
    }
    FailureOr<TensorId> tensor = builder.addInput(input.name, *element, shape);
    if (failed(tensor))
      return failure();
    tensors[input.name] = *tensor;
  }
  current = {};
  return success();
}

// ---- constants

LogicalResult GraphReader::readConstants() {
  for (message::Constant &constant : graph.constants) {
    current = constant.position;
    if (failed(readConstant(constant)))
      return failure();
  }
  current = {};
  return success();
}

/// "float32 [4, 3]".
std::string typeText(StringRef dtype, ArrayRef<int64_t> sizes) {
  auto texts = llvm::map_range(sizes, [](int64_t size) { return std::to_string(size); });
  return (dtype + " [" + llvm::join(texts, ", ") + "]").str();
}

LogicalResult GraphReader::checkBools(const std::string &what, StringRef dtype, ArrayRef<uint8_t> bytes) {
  if (dtype != "bool")
    return success();
  auto wrong = llvm::find_if(bytes, [](uint8_t byte) { return byte > 1; });
  if (wrong == bytes.end())
    return success();
  return error() << what << ": byte " << static_cast<unsigned>(*wrong)
                 << " in a bool tensor, expected 0 or 1 [NNFC-E0115]";
}

LogicalResult GraphReader::readConstant(message::Constant &constant) {
  std::string what = "constant '" + constant.name + "'";
  const message::TensorType &declared = constant.tensor.type;
  FailureOr<Type> element = elementOf(what, declared);
  if (failed(element))
    return failure();
  SmallVector<int64_t> sizes;
  for (const message::Dim &dim : declared.dims) {
    auto *size = std::get_if<int64_t>(&dim);
    if (!size) {
      auto *symbol = std::get_if<std::string>(&dim);
      return error() << what << ": size '" << (symbol ? *symbol : "") << "', expected a number [NNFC-E0113]";
    }
    if (*size < 0)
      return error() << what << ": size " << *size << ", expected at least 0 [NNFC-E0113]";
    sizes.push_back(*size);
  }
  StringRef dtype = dtypeNameOf(declared.dtype);
  std::optional<int64_t> needed = checkedTensorBytes(sizes, elementBytes(*element));
  if (static_cast<int64_t>(sizes.size()) > options.limits.maxRank)
    return error() << what << ": rank " << sizes.size() << ", expected at most " << options.limits.maxRank
                   << " [NNFC-E0114]";
  if (!needed || *needed > options.limits.maxTensorBytes)
    return error() << what << ": " << typeText(dtype, sizes) << ", expected at most " << options.limits.maxTensorBytes
                   << " bytes [NNFC-E0114]";
  constantBytes += *needed;
  if (constantBytes > options.limits.maxConstantBytes)
    return error() << what << ": constants up to this one have " << constantBytes << " bytes, expected at most "
                   << options.limits.maxConstantBytes << " [NNFC-E0114]";

  auto type = RankedTensorType::get(sizes, *element);
  std::string provenance = what + " of " + fileName;
  bool canBeSet = GraphBuilder::areWeights(*element);
  if (auto *inside = std::get_if<message::Bytes>(&constant.tensor.content)) {
    if (static_cast<int64_t>(inside->bytes.size()) != *needed)
      return error() << what << ": " << inside->bytes.size() << " bytes of data, expected " << *needed << " for "
                     << typeText(dtype, sizes) << " [NNFC-E0115]";
    auto owner = std::make_shared<const std::string>(std::move(inside->bytes));
    ArrayRef bytes(reinterpret_cast<const uint8_t *>(owner->data()), owner->size());
    if (failed(checkBools(what, dtype, bytes)))
      return failure();
    tensors[constant.name] = builder.addStoredConstant(constant.name, type, bytes, owner, provenance, canBeSet);
    return success();
  }
  auto *file = std::get_if<message::File>(&constant.tensor.content);
  if (!file)
    return error() << what << ": no data, expected data or a file [NNFC-E0116]";
  llvm::Expected<StoredTensor> stored = openFile(file->path);
  if (!stored)
    return error() << what << ": " << llvm::toString(stored.takeError());
  bool isDTypeRight = stored->dtype == dtype || (dtype == "bfloat16" && stored->dtype == "uint16");
  if (!isDTypeRight || ArrayRef<int64_t>(stored->sizes) != ArrayRef<int64_t>(sizes))
    return error() << what << ": file '" << file->path << "': " << typeText(stored->dtype, stored->sizes)
                   << ", expected " << typeText(dtype, sizes) << " [NNFC-E0119]";
  if (failed(checkBools(what, dtype, stored->bytes)))
    return failure();
  tensors[constant.name] =
      builder.addStoredConstant(constant.name, type, stored->bytes, stored->owner, provenance, canBeSet);
  return success();
}

/// The tensor of "w.npy" or "model.safetensors#key"; errors name the file.
llvm::Expected<StoredTensor> GraphReader::openFile(StringRef path) {
  auto inFile = [](StringRef file, llvm::Error error) {
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   "file '" + file + "': " + llvm::toString(std::move(error)));
  };
  if (size_t hash = path.find(".safetensors#"); hash != StringRef::npos) {
    StringRef file = path.take_front(hash + StringRef(".safetensors").size());
    auto known = safetensors.find(file);
    if (known == safetensors.end()) {
      llvm::Expected<MappedFile> mapped = files.open(file);
      if (!mapped)
        return mapped.takeError();
      llvm::Expected<SafetensorsFile> opened = SafetensorsFile::open(*mapped);
      if (!opened)
        return inFile(file, opened.takeError());
      known = safetensors.try_emplace(file, std::move(*opened)).first;
    }
    llvm::Expected<StoredTensor> tensor = known->second.tensor(path.drop_front(file.size() + 1));
    if (!tensor)
      return inFile(file, tensor.takeError());
    return tensor;
  }
  if (!path.ends_with(".npy"))
    return llvm::createStringError(llvm::inconvertibleErrorCode(),
                                   "file '" + path +
                                       "': expected a path ending in .npy, or in .safetensors#key [NNFC-E0117]");
  llvm::Expected<MappedFile> mapped = files.open(path);
  if (!mapped)
    return mapped.takeError();
  llvm::Expected<StoredTensor> tensor = readNumpy(*mapped);
  if (!tensor)
    return inFile(path, tensor.takeError());
  return tensor;
}

// ---- nodes

LogicalResult GraphReader::readNodes() {
  NodeOrder order = orderNodes(graph);
  if (!order.cycle.empty()) {
    auto names = llvm::map_range(order.cycle, [&](unsigned i) { return nodeTextOf(graph.nodes[i]); });
    currentNode = order.cycle.front();
    return error() << llvm::join(names, ", ") << ": each reads from the next and the last from the first, "
                   << "expected no cycle [NNFC-E0109]";
  }
  for (unsigned i : order.nodes) {
    currentNode = i;
    if (failed(readNode(graph.nodes[i])))
      return failure();
  }
  if (std::optional<Location> effect = builder.firstEffect(); effect && order.firstOutOfOrder) {
    currentNode = order.firstOutOfOrder;
    return error() << nodeTextOf(graph.nodes[*currentNode]) << ": reads a tensor that a later node makes, expected "
                   << "nodes in topological order, because " << nodeText(*effect)
                   << " changes a tensor in place [NNFC-E0110]";
  }
  currentNode.reset();
  return success();
}

LogicalResult GraphReader::readNode(const message::Node &node) {
  Location location = nodeLocation(&context, node.name, node.op);
  if (node.op.empty())
    return nodeError(location) << "no op, expected the name of a function [NNFC-E0121]";
  std::vector<Argument> arguments;
  for (const message::Argument &argument : node.arguments) {
    FailureOr<ArgumentValue> value = valueOf(node, argument);
    if (failed(value))
      return failure();
    arguments.push_back({argument.name, std::move(*value)});
  }
  bool isTwin;
  const Function *function = findFunction(node.op, &isTwin);
  bool mayHaveEffect = function && (isTwin || function->hasInplace || !function->effects.empty());
  if (function && node.outputs.empty() && !mayHaveEffect)
    return nodeError(location) << "no outputs, expected " << function->results.size() << " [NNFC-E0121]";
  NodeSite site{node.name, node.op, node.outputs, randomNumbers.lookup(&node)};
  if (node.position)
    site.position = FileLineColLoc::get(&context, fileName, node.position.line, node.position.column);
  FailureOr<SmallVector<TensorId>> outputs = builder.addNode(node.op, arguments, site);
  if (failed(outputs))
    return failure();
  for (auto [name, tensor] : llvm::zip(node.outputs, *outputs))
    tensors[name] = tensor;
  return success();
}

FailureOr<ArgumentValue> GraphReader::valueOf(const message::Node &node, const message::Argument &argument) {
  auto find = [&](const std::string &name) -> FailureOr<TensorId> {
    auto found = tensors.find(name);
    if (found != tensors.end())
      return found->second;
    return argumentError(nodeLocation(&context, node.name, node.op), argument.name)
           << "tensor '" << name << "' is not there, expected an input, a constant or an output of a node [NNFC-E0108]";
  };
  if (auto *one = std::get_if<message::TensorName>(&argument.value)) {
    FailureOr<TensorId> tensor = find(one->name);
    if (failed(tensor))
      return failure();
    return ArgumentValue(*tensor);
  }
  if (auto *many = std::get_if<message::TensorNames>(&argument.value)) {
    std::vector<TensorId> list;
    for (const std::string &name : many->names) {
      FailureOr<TensorId> tensor = find(name);
      if (failed(tensor))
        return failure();
      list.push_back(*tensor);
    }
    return ArgumentValue(std::move(list));
  }
  struct Visitor {
    ArgumentValue operator()(const message::TensorName &) { return {}; }
    ArgumentValue operator()(const message::TensorNames &) { return {}; }
    ArgumentValue operator()(std::monostate) { return {}; }
    ArgumentValue operator()(int64_t v) { return v; }
    ArgumentValue operator()(double v) { return v; }
    ArgumentValue operator()(bool v) { return v; }
    ArgumentValue operator()(const std::string &v) { return v; }
    ArgumentValue operator()(const std::vector<int64_t> &v) { return v; }
    ArgumentValue operator()(const std::vector<double> &v) { return v; }
  };
  return std::visit(Visitor{}, argument.value);
}

LogicalResult GraphReader::readOutputs() {
  SmallVector<std::pair<std::string, TensorId>> outputs;
  for (const std::string &name : graph.outputs) {
    auto found = tensors.find(name);
    if (found == tensors.end())
      return error() << "output '" << name << "': no tensor of that name, expected an input, a constant or an output "
                     << "of a node [NNFC-E0108]";
    outputs.push_back({name, found->second});
  }
  return builder.setOutputs(outputs);
}

} // namespace

OwningOpRef<ModuleOp> readGraphFile(MLIRContext &context, StringRef path, GraphEncoding encoding,
                                    const ReadOptions &options) {
  auto error = [&] { return emitError(UnknownLoc::get(&context)); };
  llvm::Expected<MappedFile> file = mapFile(path);
  if (!file) {
    error() << llvm::toString(file.takeError());
    return {};
  }
  message::Graph graph;
  std::string why;
  std::string_view bytes(reinterpret_cast<const char *>(file->bytes.data()), file->bytes.size());
  if (!message::decode(bytes, encoding == GraphEncoding::Text, graph, why)) {
    error() << llvm::sys::path::filename(path) << (encoding == GraphEncoding::Text ? ":" : ": ") << why;
    return {};
  }
  return GraphReader(context, path, graph, options).read();
}

} // namespace nnf
