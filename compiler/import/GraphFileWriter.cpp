// writeGraphFile: a module of functions as messages.
#include "compiler/builder/GraphBuilder.h"
#include "compiler/import/DTypes.h"
#include "compiler/import/FunctionCall.h"
#include "compiler/import/GraphFile.h"
#include "compiler/import/GraphMessage.h"
#include "compiler/import/OutputFile.h"
#include "compiler/import/SafetensorsFile.h"
#include "llvm/Support/Path.h"

using namespace mlir;
namespace nnf {
namespace {

class GraphWriter {
public:
  GraphWriter(ModuleOp module, func::FuncOp main, WeightsGo weights, std::string sideFile)
      : module(module), main(main), weightsGo(weights), sideFile(std::move(sideFile)) {}

  FailureOr<message::Graph> write();
  /// What goes beside the graph.
  std::vector<NamedTensor> sideTensors;

private:
  std::string nameOf(BlockArgument input) {
    return main.getArgAttrOfType<StringAttr>(input.getArgNumber(), "nnf.name").getValue().str();
  }
  std::string resultName(unsigned i) { return main.getResultAttrOfType<StringAttr>(i, "nnf.name").getValue().str(); }

  LogicalResult findInPlaceChains();
  LogicalResult nameResults();
  std::string freshName(StringRef wanted);
  void bind(Value value, const std::string &name);
  FailureOr<message::TensorType> typeOf(Location location, Value value);
  LogicalResult writeInput(BlockArgument input);
  LogicalResult writeConstant(Operation *op);
  LogicalResult writeNode(Operation *op, const Function &function);
  FailureOr<std::string> use(Operation *user, const Parameter &parameter, Value value);

  ModuleOp module;
  func::FuncOp main;
  func::ReturnOp returned;
  WeightsGo weightsGo;
  std::string sideFile;
  message::Graph graph;
  llvm::StringSet<> taken;
  unsigned numbersUsed = 0;
  llvm::DenseMap<Value, std::string> wanted; ///< names that graph outputs give to values
  llvm::DenseMap<Value, std::string> names;
  llvm::StringMap<Value> current; ///< what a name means at this point of the file
  /// What changes a graph input: the op, the parameter, and the input's name. The value the op reads may have another
  /// name too, but only a call with this one changes the input.
  llvm::DenseMap<std::pair<Operation *, const Parameter *>, std::string> changesInput;
};

/// The name of an op that is no node: a constant's.
std::string locationName(Location location) {
  auto name = dyn_cast<NameLoc>(location);
  return name ? name.getName().str() : "";
}

/// The argument whose new value result `index` of the op is: an effect's, or "input" of a function with an in-place
/// form.
std::string_view changedArgument(Operation *op, const Function &function, unsigned index) {
  unsigned record = recordResult(op, function, index);
  for (const FunctionEffect &effect : function.effects)
    if (effect.result == record)
      return effect.argument;
  return index == 0 && (function.hasInplace || !function.inplaceTwin.empty()) ? "input" : "";
}

/// From the new value of each in-out input back to the input: the functions on the way are written in place.
LogicalResult GraphWriter::findInPlaceChains() {
  for (BlockArgument input : main.getArguments()) {
    auto result = main.getArgAttrOfType<IntegerAttr>(input.getArgNumber(), "nnf.inout");
    if (!result)
      continue;
    Value value = returned.getOperand(result.getInt());
    while (value != input) {
      Operation *op = value.getDefiningOp();
      const Function *function = op ? functionOf(op) : nullptr;
      std::string_view argument =
          function ? changedArgument(op, *function, cast<OpResult>(value).getResultNumber()) : std::string_view();
      if (argument.empty())
        return emitError(value.getLoc()) << "input '" << nameOf(input) << "': changed by no function that works in "
                                         << "place, which is all a graph file can say [NNFC-E0124]";
      const Parameter *parameter = function->parameter(argument);
      changesInput[{op, parameter}] = nameOf(input);
      value = operandsByParameter(op, *function)[parameter - function->parameters.data()].front();
    }
  }
  return success();
}

/// A graph file's output is the tensor of its name, so values that are outputs are called as their outputs.
LogicalResult GraphWriter::nameResults() {
  for (auto [i, value] : llvm::enumerate(returned.getOperands())) {
    if (main.getResultAttr(i, "nnf.effect"))
      continue;
    std::string name = resultName(i);
    graph.outputs.push_back(name);
    auto input = llvm::find_if(main.getArguments(), [&](BlockArgument argument) { return nameOf(argument) == name; });
    bool isInput = input != main.getArguments().end();
    auto inout = isInput ? main.getArgAttrOfType<IntegerAttr>(input->getArgNumber(), "nnf.inout") : IntegerAttr();
    if (isInput && (inout ? inout.getInt() == static_cast<int64_t>(i) : value == *input))
      continue;
    if (isInput || isa<BlockArgument>(value) || !wanted.try_emplace(value, name).second)
      return emitError(value.getLoc()) << "output '" << name << "': a tensor of another name too, which graph files "
                                       << "cannot say, expected one name [NNFC-E0124]";
    taken.insert(name);
  }
  return success();
}

/// `wantedName`, with a number where it is taken or empty.
std::string GraphWriter::freshName(StringRef wantedName) {
  std::string name = wantedName.str();
  while (name.empty() || !taken.insert(name).second)
    name = (wantedName.empty() ? std::string("t") : (wantedName + ".").str()) + std::to_string(++numbersUsed);
  return name;
}

void GraphWriter::bind(Value value, const std::string &name) {
  names[value] = name;
  current[name] = value;
}

FailureOr<message::TensorType> GraphWriter::typeOf(Location location, Value value) {
  message::TensorType type;
  type.dtype = dtypeNumberOf(dtypeName(cast<RankedTensorType>(value.getType()).getElementType()));
  auto *dialect = module.getContext()->getLoadedDialect<NnfDialect>();
  for (Dim dim : shapeOf(value)) {
    if (std::optional<int64_t> size = constantOf(dim))
      type.dims.emplace_back(*size);
    else if (auto symbol = dyn_cast<AffineSymbolExpr>(dim))
      type.dims.emplace_back(dialect->symbolName(symbol.getPosition()));
    else
      return emitError(location) << "size " << toString(dim)
                                 << " of an input, expected a number or a name [NNFC-E0124]";
  }
  return type;
}

LogicalResult GraphWriter::writeInput(BlockArgument input) {
  std::string name = nameOf(input);
  FailureOr<message::TensorType> type = typeOf(input.getLoc(), input);
  if (failed(type))
    return failure();
  taken.insert(name);
  bind(input, name);
  graph.inputs.push_back({name, std::move(*type)});
  return success();
}

/// The bytes of an attribute: spelled out where it repeats one, and a byte for each bool.
std::string bytesOf(DenseElementsAttr elements) {
  if (elements.getElementType().isInteger(1)) {
    std::string bytes;
    for (bool value : elements.getValues<bool>())
      bytes.push_back(value);
    return bytes;
  }
  ArrayRef<char> raw = elements.getRawData();
  if (!elements.isSplat())
    return std::string(raw.begin(), raw.end());
  std::string bytes;
  for (int64_t i = 0, e = elements.getNumElements(); i < e; ++i)
    bytes.append(raw.begin(), raw.end());
  return bytes;
}

LogicalResult GraphWriter::writeConstant(Operation *op) {
  Value value = op->getResult(0);
  message::Constant constant;
  StringRef storedName;
  if (auto weight = dyn_cast<WeightOp>(op))
    storedName = weight.getName();
  auto given = wanted.find(value);
  std::string hint = locationName(op->getLoc());
  constant.name = given != wanted.end() ? given->second : freshName(hint.empty() ? storedName : StringRef(hint));
  FailureOr<message::TensorType> type = typeOf(op->getLoc(), value);
  if (failed(type))
    return failure();
  constant.tensor.type = std::move(*type);
  bind(value, constant.name);

  if (auto small = dyn_cast<ConstantOp>(op)) {
    auto elements = dyn_cast<DenseElementsAttr>(small.getValue());
    if (!elements)
      return emitError(op->getLoc()) << "constant '" << constant.name
                                     << "': expected its elements in the module [NNFC-E0124]";
    constant.tensor.content = message::Bytes{bytesOf(elements)};
  } else {
    const Weight *weight = module.getContext()->getLoadedDialect<NnfDialect>()->weights().find(storedName);
    if (!weight)
      return emitError(op->getLoc()) << "weight '" << storedName << "': no such weight in the store [NNFC-E0134]";
    if (weightsGo == WeightsGo::Inside) {
      constant.tensor.content = message::Bytes{std::string(weight->bytes.begin(), weight->bytes.end())};
    } else {
      constant.tensor.content = message::File{sideFile + "#" + constant.name};
      sideTensors.push_back(
          {constant.name,
           {dtypeName(weight->type.getElementType()), weight->type.getShape().vec(), weight->bytes, weight->owner}});
    }
  }
  graph.constants.push_back(std::move(constant));
  return success();
}

FailureOr<std::string> GraphWriter::use(Operation *user, const Parameter &parameter, Value value) {
  auto changed = changesInput.find({user, &parameter});
  std::string name = changed != changesInput.end() ? changed->second : names.lookup(value);
  if (!name.empty() && current.lookup(name) == value)
    return name;
  return argumentError(user->getLoc(), parameter.name)
         << "the value of '" << name << "' before it was changed in place, "
         << "which a graph file cannot say [NNFC-E0124]";
}

/// What a graph file gives for an attribute.
decltype(message::Argument::value) messageOf(Attribute attribute) {
  if (auto flag = dyn_cast<BoolAttr>(attribute))
    return flag.getValue();
  if (auto integer = dyn_cast<IntegerAttr>(attribute))
    return integer.getType().isInteger(1) ? decltype(message::Argument::value)(!integer.getValue().isZero())
                                          : integer.getInt();
  if (auto real = dyn_cast<FloatAttr>(attribute))
    return real.getValueAsDouble();
  if (auto text = dyn_cast<StringAttr>(attribute))
    return text.getValue().str();
  if (auto integers = dyn_cast<DenseI64ArrayAttr>(attribute))
    return std::vector<int64_t>(integers.asArrayRef());
  if (auto reals = dyn_cast<DenseF64ArrayAttr>(attribute))
    return std::vector<double>(reals.asArrayRef());
  if (auto type = dyn_cast<TypeAttr>(attribute))
    return dtypeName(type.getValue());
  return {};
}

LogicalResult GraphWriter::writeNode(Operation *op, const Function &function) {
  message::Node node;
  node.name = nodeName(op->getLoc());
  node.op = function.name;
  // Effects happen by themselves; the change of "input" has to be asked for.
  const Parameter *input = function.parameter("input");
  bool hasInputEffect = llvm::any_of(function.effects, [](const FunctionEffect &e) { return e.argument == "input"; });
  auto changed = hasInputEffect ? changesInput.end() : changesInput.find({op, input});
  bool isInPlace = changed != changesInput.end();
  if (isInPlace && !function.inplaceTwin.empty())
    node.op = function.inplaceTwin;

  SmallVector<OperandRange> operands = operandsByParameter(op, function);
  auto attributes = givenAttributes(op, function);
  for (auto [parameter, given] : llvm::zip(function.parameters, operands)) {
    message::Argument argument{std::string(parameter.name), {}};
    if (parameter.kind == ParameterKind::Tensors) {
      message::TensorNames list;
      for (Value value : given) {
        FailureOr<std::string> name = use(op, parameter, value);
        if (failed(name))
          return failure();
        list.names.push_back(*name);
      }
      argument.value = std::move(list);
    } else if (parameter.isOperand() && !given.empty()) {
      if (auto number = given.front().getDefiningOp<NumberOp>()) {
        argument.value = messageOf(number.getValue());
      } else {
        FailureOr<std::string> name = use(op, parameter, given.front());
        if (failed(name))
          return failure();
        argument.value = message::TensorName{*name};
      }
    } else {
      auto *attribute = llvm::find_if(attributes, [&](auto &pair) { return pair.first == &parameter; });
      if (attribute == attributes.end())
        continue;
      argument.value = messageOf(attribute->second);
    }
    node.arguments.push_back(std::move(argument));
  }
  if (isInPlace && function.inplaceTwin.empty())
    node.arguments.push_back({"inplace", true});

  // Outputs get names; effects take the name of what they change.
  SmallVector<StringRef> known = outputNames(op->getLoc());
  for (OpResult result : op->getResults()) {
    unsigned record = recordResult(op, function, result.getResultNumber());
    auto effect = llvm::find_if(function.effects, [&](const FunctionEffect &e) { return e.result == record; });
    if (effect != function.effects.end()) {
      const Parameter *parameter = function.parameter(effect->argument);
      OperandRange argument = operands[parameter - function.parameters.data()];
      auto input = changesInput.find({op, parameter});
      if (!argument.empty())
        bind(result, input != changesInput.end() ? input->second : names.lookup(argument.front()));
      continue;
    }
    auto given = wanted.find(result);
    StringRef hint = node.outputs.size() < known.size() ? known[node.outputs.size()] : StringRef(node.name);
    node.outputs.push_back(given != wanted.end() ? given->second : freshName(hint));
    bind(result, node.outputs.back());
  }
  if (isInPlace)
    current[changed->second] = op->getResult(0);
  graph.nodes.push_back(std::move(node));
  return success();
}

FailureOr<message::Graph> GraphWriter::write() {
  if (auto name = module->getAttrOfType<StringAttr>("nnf.name"))
    graph.name = name.getValue().str();
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (!main.getArgAttrOfType<StringAttr>(i, "nnf.name"))
      return emitError(main.getLoc()) << "input " << i << " of @main has no nnf.name [NNFC-E0132]";
  for (unsigned i = 0; i < main.getNumResults(); ++i)
    if (!main.getResultAttrOfType<StringAttr>(i, "nnf.name"))
      return emitError(main.getLoc()) << "result " << i << " of @main has no nnf.name [NNFC-E0132]";
  returned = cast<func::ReturnOp>(main.getBody().front().getTerminator());
  if (failed(findInPlaceChains()) || failed(nameResults()))
    return failure();
  for (BlockArgument input : main.getArguments())
    if (failed(writeInput(input)))
      return failure();
  for (Operation &op : main.getBody().front().without_terminator()) {
    if (isa<NumberOp>(op))
      continue;
    if (isa<ConstantOp, WeightOp>(op)) {
      if (failed(writeConstant(&op)))
        return failure();
      continue;
    }
    const Function *function = functionOf(&op);
    if (!function)
      return emitError(op.getLoc()) << "op '" << op.getName()
                                    << "' is no function, which is all a graph file holds [NNFC-E0124]";
    if (failed(writeNode(&op, *function)))
      return failure();
  }
  return std::move(graph);
}

} // namespace

LogicalResult writeGraphFile(ModuleOp module, StringRef path, GraphEncoding encoding, WeightsGo weights) {
  MLIRContext &context = *module.getContext();
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal() || !llvm::hasSingleElement(main.getBody()))
    return emitError(module.getLoc()) << "no graph: expected a function @main of one block [NNFC-E0132]";
  StringRef stem = path;
  stem.consume_back(".txt");
  stem.consume_back(".nnf");
  std::string sidePath = (stem + ".safetensors").str();
  GraphWriter writer(module, main, weights, llvm::sys::path::filename(sidePath).str());
  FailureOr<message::Graph> graph = writer.write();
  if (failed(graph))
    return failure();
  std::string text, why;
  if (!message::encode(std::move(*graph), encoding == GraphEncoding::Text, text, why))
    return emitError(UnknownLoc::get(&context)) << "file '" << path << "': " << why;
  if (!writer.sideTensors.empty() &&
      failed(writeWhole(context, sidePath, [&](llvm::raw_ostream &os) { writeSafetensors(writer.sideTensors, os); })))
    return failure();
  return writeWhole(context, path, [&](llvm::raw_ostream &os) { os << text; });
}

} // namespace nnf
