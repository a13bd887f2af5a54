#include "compiler/import/onnx/Importer.h"
#include "compiler/import/onnx/OpTable.h"
#include "compiler/import/onnx/Proto.h"
#include "compiler/import/onnx/Schedule.h"
#include "compiler/import/onnx/Tensors.h"

using namespace mlir;
namespace nnf::onnx {

/// Bodies of functions inside bodies of functions …
constexpr unsigned maxDepth = 64;
constexpr unsigned maxSubgraphs = 1 << 14;
/// Calls of functions that are expanded, in all: two bodies that call each other twice grow without end.
constexpr unsigned maxExpansions = 100000;

Entry *Scope::find(StringRef name) {
  for (Scope *scope = this; scope; scope = scope->parent)
    if (auto found = scope->entries.find(name); found != scope->entries.end())
      return &found->second;
  return nullptr;
}

/// Sizes are fixed here, not by the builder.
static ReadOptions optionsOfBuilder(const ReadOptions &options) {
  ReadOptions own;
  own.swappableWeights = options.swappableWeights;
  return own;
}

Importer::Importer(MLIRContext &context, const Model &model, const std::string &path, const ReadOptions &options)
    : model(model), path(path), options(options), graph(context, model.graph.name, optionsOfBuilder(options)),
      stored(model), files(path, options.dataDirs, options.filesRead) {}

InFlightDiagnostic Importer::error() const {
  return emitError(UnknownLoc::get(const_cast<GraphBuilder &>(graph).context())) << path << ": ";
}

// ---- entries

FailureOr<ArrayRef<uint8_t>> Importer::bytesOf(const Tensor &tensor, std::shared_ptr<const void> &owner) {
  owner = tensor.owner;
  if (!tensor.external)
    return ArrayRef(tensor.bytes.data(), tensor.bytes.size());
  const ExternalData &external = *tensor.external;
  auto tensorError = [&] { return error() << "tensor '" << tensor.name << "': "; };
  int64_t expected = tensor.numElements * onnx::bytesOf(tensor.type);
  if (external.length && *external.length != expected)
    return tensorError() << *external.length << " bytes in '" << external.location << "', expected " << expected
                         << " [NNFC-E0307]";
  llvm::Expected<MappedFile> file = files.open(external.location);
  if (!file)
    return tensorError() << llvm::toString(file.takeError());
  int64_t size = file->bytes.size();
  if (external.offset > size || expected > size - external.offset)
    return tensorError() << "bytes " << external.offset << " to " << external.offset + expected << " of '"
                         << external.location << "', which has " << size << " [NNFC-E0307]";
  owner = file->owner;
  return file->bytes.slice(external.offset, expected);
}

const Known *Importer::knownOf(Entry &entry) {
  if (!entry.knownWasRead) {
    entry.knownWasRead = true;
    // A list without elements: no axes, no sizes.
    if (entry.tensor && !entry.known)
      if (Shape shape = shapeOf(entry); shape.size() == 1 && isConstant(shape[0], 0))
        entry.known = std::make_shared<Known>(Known{elementOf(entry), {0}, {}});
    if (entry.stored && entry.stored->numElements <= maxKnownElements) {
      std::shared_ptr<const void> owner;
      FailureOr<ArrayRef<uint8_t>> bytes = bytesOf(*entry.stored, owner);
      entry.isBroken = failed(bytes);
      if (!entry.isBroken)
        if (std::optional<Known> known = onnx::knownOf(context(), entry.stored->type, entry.stored->dims, *bytes))
          entry.known = std::make_shared<Known>(std::move(*known));
    }
  }
  return entry.known.get();
}

/// 0 of all signed bytes, or 128 of unsigned ones.
bool Importer::isSignedZero(const Tensor &tensor) {
  std::shared_ptr<const void> owner;
  FailureOr<ArrayRef<uint8_t>> bytes = bytesOf(tensor, owner);
  uint8_t zero = tensor.type == DataType::UInt8 ? 128 : 0;
  return succeeded(bytes) && llvm::all_of(*bytes, [&](uint8_t byte) { return byte == zero; });
}

bool Importer::isSwappable(const Entry &entry) {
  if (!options.swappableWeights || !entry.stored || !stored.has(entry.stored))
    return false;
  if (entry.stored->type == DataType::Int32)
    return stored.isBias(storedName(entry));
  Type element = elementTypeOf(context(), entry.stored->type);
  if (!element || !GraphBuilder::areWeights(element))
    return false;
  return isa<FloatType>(element) || !stored.isZeroOfStored(storedName(entry)) || !isSignedZero(*entry.stored);
}

StringRef Importer::storedName(const Entry &entry) {
  return entry.stored->name.empty() ? StringRef(entry.name) : StringRef(entry.stored->name);
}

bool Importer::isData(Entry &entry) { return entry.stored && (isSwappable(entry) || !knownOf(entry)); }

const Known *Importer::elementsOf(Entry &entry) {
  if (const Known *known = knownOf(entry))
    return known;
  if (entry.elements || !entry.tensor)
    return entry.elements.get();
  Shape shape = shapeOf(entry);
  Type element = elementOf(entry);
  std::optional<int64_t> count = constantOf(productOf(context(), shape));
  if (shape.size() > 1 || !count || *count > maxRunTimeElements || !element.isSignlessInteger() || element.isInteger(1))
    return nullptr;
  Known elements{element, llvm::to_vector(*constantsOf(shape)), {}};
  for (int64_t i = 0; i < *count; ++i)
    elements.values.push_back({Dim(), 1, entry.tensor, i});
  entry.elements = std::make_shared<Known>(std::move(elements));
  return entry.elements.get();
}

Value Importer::valueOf(const Scalar &element, Location location) {
  Primitives p(graph.ops(), location);
  Type i64 = IntegerType::get(context(), 64);
  if (std::optional<int64_t> number = element.isKnown() ? constantOf(element.size) : std::nullopt)
    return p.number(IntegerAttr::get(i64, *number), i64);
  if (element.isKnown())
    return p.size(element.size, i64);
  Value list = graph.value(element.tensor);
  if (Primitives::rankOf(list) == 1)
    list = p.sliceDim(list, 0, graph.size(element.index), graph.size(1));
  return p.convert(p.reshape(list, {}), i64);
}

Dim Importer::sizeOf(const Scalar &element, Location location) {
  if (element.isKnown())
    return element.size;
  Dim &size = elementSizes[{element.tensor, element.index}];
  if (!size) {
    Primitives p(graph.ops(), location);
    size = graph.addDataSize(graph.adopt(p.max(valueOf(element, location), 0)), location);
  }
  return size;
}

Type Importer::elementOf(Entry &entry) {
  if (entry.tensor)
    return cast<RankedTensorType>(graph.value(entry.tensor).getType()).getElementType();
  return entry.stored ? elementTypeOf(context(), entry.stored->type) : entry.known->element;
}

Shape Importer::shapeOf(Entry &entry) {
  if (entry.tensor)
    return nnf::shapeOf(graph.value(entry.tensor));
  Shape shape;
  if (entry.stored)
    for (int64_t size : entry.stored->dims)
      shape.push_back(graph.size(size));
  else
    for (int64_t size : entry.known->shape)
      shape.push_back(graph.size(size));
  return shape;
}

TensorId Importer::tensorOf(Entry &entry) {
  if (entry.tensor || entry.isBroken)
    return entry.tensor;
  if (!isTensor(entry)) {
    error() << "'" << entry.name << "' is " << kindOf(entry) << ", expected a tensor [NNFC-E0308]";
    return {};
  }
  if (!entry.stored) {
    auto add = [&] { return addKnown(*entry.known, entry.name, NameLoc::get(StringAttr::get(context(), entry.name))); };
    // Sizes that the data decide may be known in this body only, and the entry is seen outside of it.
    if (llvm::any_of(entry.known->values, [](const Scalar &scalar) { return dependsOnData(scalar.size); }))
      return graph.isInBody() ? add() : entry.tensor = add();
    return entry.tensor = graph.outsideBodies(add);
  }
  Type element = elementTypeOf(context(), entry.stored->type);
  if (!element) {
    error() << "tensor '" << entry.name << "' has elements of type " << dataTypeName(entry.stored->type)
            << ", which are not supported [NNFC-E0306]";
    return {};
  }
  int64_t numBytes = entry.stored->numElements * onnx::bytesOf(entry.stored->type);
  constantBytes += numBytes;
  if (numBytes > options.limits.maxTensorBytes || constantBytes > options.limits.maxConstantBytes ||
      static_cast<int64_t>(entry.stored->dims.size()) > options.limits.maxRank) {
    error() << "tensor '" << entry.name << "': " << numBytes << " bytes of rank " << entry.stored->dims.size()
            << ", and " << constantBytes << " bytes of constants so far, expected at most "
            << options.limits.maxTensorBytes << " bytes, rank " << options.limits.maxRank << " and "
            << options.limits.maxConstantBytes << " in all [NNFC-E0114]";
    return {};
  }
  std::shared_ptr<const void> owner;
  FailureOr<ArrayRef<uint8_t>> bytes = bytesOf(*entry.stored, owner);
  if (failed(bytes))
    return {};
  auto type = RankedTensorType::get(entry.stored->dims, element);
  return entry.tensor = graph.addStoredConstant(storedName(entry), type, *bytes, owner,
                                                "tensor '" + entry.name + "' of " + path, isSwappable(entry));
}

TensorId Importer::addKnown(const Known &known, StringRef name, Location location) {
  if (std::optional<std::vector<uint8_t>> bytes = onnx::bytesOf(known))
    return graph.addConstant(name, RankedTensorType::get(known.shape, known.element), std::move(*bytes), path);
  // Sizes that only the run knows, put side by side.
  Primitives p(graph.ops(), location);
  SmallVector<Value> elements;
  for (size_t i = 0; i < known.values.size(); ++i) {
    const Scalar &scalar = known.values[i];
    Value element;
    if (std::optional<double> number = known.number(i); number && known.isFloat())
      element = p.scalar(*number, known.element);
    else if (known.isFloat())
      element = p.mul(p.size(scalar.size, known.element), scalar.factor);
    else
      element = p.size(scalar.size, known.element);
    elements.push_back(p.reshape(element, {graph.size(1)}));
  }
  Shape shape = llvm::to_vector<6>(llvm::map_range(known.shape, [&](int64_t size) { return graph.size(size); }));
  return graph.adopt(p.reshape(p.concat(elements, 0), shape));
}

// ---- inputs and initializers

Dim Importer::nameDimension(StringRef input, size_t index, const Dimension &dimension) {
  if (dimension.size)
    return graph.size(*dimension.size);
  std::string name = dimension.symbol;
  if (name.empty()) {
    name = (input + "_" + Twine(index)).str();
    while (!symbols.insert(name).second)
      name += "_";
  }
  if (auto fixed = options.dims.find(name); fixed != options.dims.end()) {
    fixedDims.insert(name);
    return graph.size(fixed->second);
  }
  return graph.symbol(name);
}

LogicalResult Importer::addInputs(Scope &scope) {
  llvm::StringSet<> constants;
  for (const Tensor &tensor : model.graph.initializers)
    constants.insert(tensor.name);
  for (const SparseTensor &tensor : model.graph.sparseInitializers)
    constants.insert(tensor.values.name);
  for (const ValueInfo &input : model.graph.inputs)
    for (const Dimension &dimension : input.type.dims)
      symbols.insert(dimension.symbol);

  for (const ValueInfo &input : model.graph.inputs) {
    // Before IR version 4 every initializer is an input too; later it is one with a default. It is a constant here.
    if (constants.contains(input.name))
      continue;
    auto inputError = [&] { return error() << "input '" << input.name << "': "; };
    if (input.name.empty())
      return error() << "an input has no name [NNFC-E0308]";
    if (input.type.kind != TypeInfo::Kind::Tensor) {
      const char *kinds[] = {"no type",     "a tensor", "a sparse tensor", "a sequence",
                             "an optional", "a map",    "no tensor"};
      return inputError() << kinds[static_cast<int>(input.type.kind)] << ", expected a tensor [NNFC-E0308]";
    }
    Type element = elementTypeOf(context(), input.type.element);
    if (!element)
      return inputError() << "elements of type " << dataTypeName(input.type.element)
                          << ", which are not supported [NNFC-E0306]";
    if (!input.type.hasShape)
      return inputError() << "no shape, expected one (sizes may be symbolic, the rank may not) [NNFC-E0308]";
    Shape shape;
    for (auto [i, dimension] : llvm::enumerate(input.type.dims)) {
      if (dimension.size && *dimension.size < 0)
        return inputError() << "size " << *dimension.size << " in dimension " << i
                            << ", expected 0 or more [NNFC-E0308]";
      shape.push_back(nameDimension(input.name, i, dimension));
    }
    FailureOr<TensorId> tensor = graph.addInput(input.name, element, shape);
    if (failed(tensor))
      return failure();
    Entry &entry = scope.entries[input.name];
    entry.name = input.name;
    entry.tensor = *tensor;
  }
  for (const auto &[name, size] : options.dims)
    if (!fixedDims.contains(name))
      return error() << "the size '" << name << "' is to be " << size << ", and no input has a size of that name"
                     << graph.namedSizesText() << " [NNFC-E0016]";
  return success();
}

FailureOr<Entry *> Importer::defineInitializer(Scope &scope, const std::string &name) {
  if (name.empty())
    return error() << "an initializer has no name [NNFC-E0106]";
  auto [entry, isNew] = scope.entries.try_emplace(name);
  if (!isNew)
    return error() << "initializer '" << name << "' is there twice [NNFC-E0107]";
  entry->second.name = name;
  return &entry->second;
}

LogicalResult Importer::addInitializers(const Graph &source, Scope &scope) {
  for (const Tensor &tensor : source.initializers) {
    FailureOr<Entry *> entry = defineInitializer(scope, tensor.name);
    if (failed(entry))
      return failure();
    (*entry)->stored = &tensor;
  }
  for (const SparseTensor &sparse : source.sparseInitializers) {
    FailureOr<Entry *> entry = defineInitializer(scope, sparse.values.name);
    if (failed(entry))
      return failure();
    std::string fault;
    std::optional<Tensor> dense = densified(sparse, fault);
    if (!dense)
      return error() << "sparse initializer '" << sparse.values.name << "': " << fault;
    madeTensors.push_back(std::make_shared<Tensor>(std::move(*dense)));
    (*entry)->stored = madeTensors.back().get();
    if (&source == &model.graph)
      stored.add((*entry)->stored);
  }
  return success();
}

void Importer::define(Scope &scope, StringRef name, std::shared_ptr<const Tensor> tensor) {
  Entry &entry = scope.entries[name];
  entry = Entry();
  entry.name = name.str();
  entry.stored = tensor.get();
  madeTensors.push_back(std::move(tensor));
}

std::optional<Shape> Importer::declaredShape(StringRef name) {
  for (const std::vector<ValueInfo> *list : {&model.graph.outputs, &model.graph.values})
    for (const ValueInfo &value : *list) {
      if (value.name != name || value.type.kind != TypeInfo::Kind::Tensor || !value.type.hasShape)
        continue;
      Shape shape;
      for (const Dimension &dimension : value.type.dims) {
        bool isNamed = !dimension.symbol.empty() && symbols.contains(dimension.symbol);
        shape.push_back(dimension.size && *dimension.size >= 0 ? graph.size(*dimension.size)
                        : isNamed                              ? nameDimension(name, 0, dimension)
                                                               : Dim());
      }
      return shape;
    }
  return std::nullopt;
}

// ---- nodes

LogicalResult Importer::importNodes(ArrayRef<Node> nodes, ArrayRef<std::string> wanted, Scope &scope) {
  FailureOr<SmallVector<const Node *>> order = schedule(
      nodes, wanted, [&](StringRef name) { return scope.find(name) != nullptr; },
      [&](StringRef name) { return scope.entries.contains(name); }, *context(), path);
  if (failed(order))
    return failure();
  for (const Node *node : *order)
    if (failed(importNode(*node, scope)))
      return failure();
  return success();
}

LogicalResult Importer::importNode(const Node &node, Scope &scope) {
  auto version = scope.opsets->find(node.domain);
  Location location = siteLocation(context(), NodeSite{node.name, node.opType});
  if (const Function *function = model.functionOf(node))
    return expand(node, *function, scope);
  if (version == scope.opsets->end())
    return nodeError(location) << "domain '" << node.domain << "' has no version in opset_import [NNFC-E0302]";
  Call call(*this, scope, node, version->second);
  const OpTable *table = opTable(node.domain);
  const Mapping *mapping = table ? table->find(node.opType, version->second) : nullptr;
  if (mapping && mapping->evaluate && !call.readsSwappable() && mapping->evaluate(call) && !call.needsTensors())
    return success(!call.hasFailed());
  if (call.hasFailed())
    return failure();
  if (mapping && mapping->convert) {
    mapping->convert(call);
    if (call.hasFailed())
      return failure();
    nameOutputs(node, scope);
    for (size_t i = 0; i < node.outputs.size(); ++i)
      if (call.wants(i) && !scope.entries.contains(node.outputs[i]))
        return nodeError(location) << "output " << i << " ('" << node.outputs[i] << "') is not there yet [NNFC-E0304]";
    return success();
  }

  // ONNX's own definition in terms of other operators.
  std::vector<TypeInfo> types;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    TypeInfo &type = types.emplace_back();
    Entry *entry = call.has(i) ? scope.find(node.inputs[i]) : nullptr;
    if (!entry)
      continue;
    type.kind = TypeInfo::Kind::Tensor;
    type.element = dataTypeOf(elementOf(*entry));
    type.hasShape = true;
    for (Dim dim : shapeOf(*entry))
      type.dims.push_back({constantOf(dim), ""});
  }
  std::unique_ptr<Function> definition = definitionOf(node, version->second, types);
  if (!definition)
    return nodeError(location) << "is not there yet [NNFC-E0304]";
  definitions.push_back(std::move(definition));
  return expand(node, *definitions.back(), scope);
}

/// The op that makes a node's outputs carries their names, so that a graph written again has them.
void Importer::nameOutputs(const Node &node, Scope &scope) {
  Location location = siteLocation(context(), NodeSite{node.name, node.opType});
  Operation *op = nullptr;
  for (const std::string &name : node.outputs) {
    auto entry = scope.entries.find(name);
    if (entry == scope.entries.end() || !entry->second.tensor)
      return;
    Operation *maker = graph.value(entry->second.tensor).getDefiningOp();
    if (!maker || (op && op != maker) || maker->getLoc() != location)
      return;
    op = maker;
  }
  if (op && op->getNumResults() == node.outputs.size())
    op->setLoc(siteLocation(context(), NodeSite{node.name, node.opType, node.outputs}));
}

// ---- functions and subgraphs

namespace {
/// Copies of nodes with the attributes that stand for those of the call replaced by them.
void bindAttributes(std::vector<Node> &nodes, const Node &call, const Function &function) {
  auto valueOf = [&](const std::string &name) -> const Attribute * {
    if (const Attribute *given = call.attribute(name))
      return given;
    for (const Attribute &fallback : function.attributeDefaults)
      if (fallback.name == name)
        return &fallback;
    return nullptr;
  };
  for (Node &node : nodes) {
    std::vector<Attribute> bound;
    for (Attribute &attribute : node.attributes) {
      if (!attribute.reference.empty()) {
        // One without a value is left out: the operator's own default holds.
        if (const Attribute *value = valueOf(attribute.reference)) {
          bound.push_back(*value);
          bound.back().name = attribute.name;
        }
        continue;
      }
      if (attribute.graph) {
        auto copy = std::make_shared<Graph>(*attribute.graph);
        bindAttributes(copy->nodes, call, function);
        attribute.graph = copy;
      }
      bound.push_back(std::move(attribute));
    }
    node.attributes = std::move(bound);
  }
}
} // namespace

LogicalResult Importer::expand(const Node &node, const Function &function, Scope &scope) {
  Location location = siteLocation(context(), NodeSite{node.name, node.opType});
  if (scope.depth >= maxDepth || ++expansions > maxExpansions)
    return nodeError(location) << "functions are nested over " << maxDepth << " deep or called over " << maxExpansions
                               << " times, expected less (do they call themselves?) [NNFC-E0311]";
  if (node.inputs.size() > function.inputs.size() || node.outputs.size() > function.outputs.size())
    return nodeError(location) << node.inputs.size() << " inputs and " << node.outputs.size()
                               << " outputs, expected at most " << function.inputs.size() << " and "
                               << function.outputs.size() << " [NNFC-E0312]";
  Scope body;
  body.opsets = function.opsets.empty() ? scope.opsets : &function.opsets;
  body.depth = scope.depth + 1;
  for (size_t i = 0; i < function.inputs.size(); ++i)
    if (i < node.inputs.size() && !node.inputs[i].empty())
      if (Entry *entry = scope.find(node.inputs[i])) {
        // Into the graph once, not once a call.
        if (isData(*entry) && !tensorOf(*entry))
          return failure();
        body.entries[function.inputs[i]] = *entry;
      }

  auto copy = std::make_unique<Function>(function);
  bindAttributes(copy->nodes, node, function);
  for (Node &inner : copy->nodes) {
    inner.name = node.name + "/" + inner.name;
    // An input of the function that the call omits is omitted inside.
    for (std::string &input : inner.inputs)
      if (llvm::is_contained(function.inputs, input) && !body.entries.contains(input))
        input.clear();
  }
  definitions.push_back(std::move(copy));
  const Function &bound = *definitions.back();

  std::vector<std::string> wanted;
  for (size_t i = 0; i < node.outputs.size(); ++i)
    if (!node.outputs[i].empty())
      wanted.push_back(function.outputs[i]);
  if (failed(importNodes(bound.nodes, wanted, body)))
    return failure();
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i].empty())
      continue;
    Entry *entry = body.find(function.outputs[i]);
    if (!entry)
      return nodeError(location) << "its definition does not make output '" << function.outputs[i] << "' [NNFC-E0309]";
    scope.entries[node.outputs[i]] = *entry;
  }
  return success();
}

FailureOr<SmallVector<Entry>> Importer::importSubgraph(const Graph &source, ArrayRef<Entry> inputs, Scope &outer,
                                                       Location location) {
  if (source.inputs.size() != inputs.size())
    return nodeError(location) << "its graph has " << source.inputs.size() << " inputs, expected " << inputs.size()
                               << " [NNFC-E0309]";
  if (outer.depth >= maxDepth)
    return nodeError(location) << "graphs nested over " << maxDepth << " deep, expected less [NNFC-E0311]";
  // Loops in loops may be written out, or imported again, each time that the outer ones are.
  if (++subgraphs > maxSubgraphs)
    return nodeError(location) << "over " << maxSubgraphs
                               << " bodies of loops and branches, each counted as often as it "
                               << "is imported, expected fewer [NNFC-E0311]";
  int64_t firstSize = graph.nextDataSize();
  Scope inner;
  inner.parent = &outer;
  inner.opsets = outer.opsets;
  inner.depth = outer.depth + 1;
  for (auto [info, input] : llvm::zip(source.inputs, inputs)) {
    Entry &entry = inner.entries[info.name] = input;
    entry.name = info.name;
  }
  std::vector<std::string> wanted;
  for (const ValueInfo &output : source.outputs)
    wanted.push_back(output.name);
  if (failed(addInitializers(source, inner)) || failed(importNodes(source.nodes, wanted, inner)))
    return failure();
  SmallVector<Entry> outputs;
  for (const std::string &name : wanted) {
    Entry *entry = inner.find(name);
    if (!entry)
      return nodeError(location) << "output '" << name << "' of its graph is made by no node [NNFC-E0108]";
    // An outer tensor stays one tensor.
    if (isData(*entry) && !tensorOf(*entry))
      return failure();
    outputs.push_back(*entry);
  }
  // A size that a body has defined is not there outside of it.
  if (graph.isInBody())
    std::erase_if(elementSizes, [&](const auto &element) {
      SmallVector<int64_t> numbers;
      collectDataSizes(element.second, numbers);
      return llvm::any_of(numbers, [&](int64_t number) { return number >= firstSize; });
    });
  return outputs;
}

// ---- the whole model

LogicalResult Importer::build() {
  if (model.irVersion > newestIrVersion)
    return error() << "IR version " << model.irVersion << ", expected " << newestIrVersion << " or lower [NNFC-E0302]";
  auto own = model.opsets.find("");
  if (own != model.opsets.end() && (own->second < 1 || own->second > newestOpset))
    return error() << "operator set " << own->second << ", expected 1 to " << newestOpset << " [NNFC-E0302]";
  if (static_cast<int64_t>(model.graph.nodes.size()) > options.limits.maxNodes)
    return error() << model.graph.nodes.size() << " nodes, expected at most " << options.limits.maxNodes
                   << " [NNFC-E0120]";
  if (failed(listUnsupported(*context(), path, model)))
    return failure();

  Scope scope;
  scope.opsets = &model.opsets;
  std::vector<std::string> wanted;
  for (const ValueInfo &output : model.graph.outputs)
    wanted.push_back(output.name);
  if (wanted.empty())
    return error() << "the graph has no outputs, expected at least one [NNFC-E0111]";
  if (failed(addInputs(scope)) || failed(addInitializers(model.graph, scope)) ||
      failed(importNodes(model.graph.nodes, wanted, scope)))
    return failure();

  std::vector<std::pair<std::string, TensorId>> outputs;
  for (const ValueInfo &output : model.graph.outputs) {
    Entry *entry = scope.find(output.name);
    if (!entry)
      return error() << "output '" << output.name
                     << "' is made by no node, and is no input or initializer [NNFC-E0108]";
    TensorId tensor = tensorOf(*entry);
    if (!tensor)
      return failure();
    Type declared = elementTypeOf(context(), output.type.element), made = elementOf(*entry);
    if (output.type.kind == TypeInfo::Kind::Tensor && declared && declared != made)
      return error() << "output '" << output.name << "' is " << dtypeName(made) << ", and declared "
                     << dtypeName(declared) << " [NNFC-E0308]";
    outputs.push_back({output.name, tensor});
  }
  return graph.setOutputs(outputs);
}

OwningOpRef<ModuleOp> Importer::run() {
  if (failed(build()))
    return {};
  return graph.finish();
}

} // namespace nnf::onnx
