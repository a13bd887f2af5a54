// Inputs, constants, outputs, and the finished module. Nodes are in GraphNode.cpp.
#include "compiler/builder/GraphBuilder.h"
#include "compiler/builder/ConstantElements.h"
#include "dialects/nnf/RawWeights.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include <set>

using namespace mlir;
namespace nnf {

GraphBuilder::GraphBuilder(MLIRContext &context, StringRef graphName, const ReadOptions &options)
    : builder(&context), options(options) {
  context.loadDialect<NnfDialect, func::FuncDialect>();
  Location location = builder.getUnknownLoc();
  module = ModuleOp::create(location);
  module->getOperation()->setAttr("nnf.name", builder.getStringAttr(graphName));
  builder.setInsertionPointToEnd(module->getBody());
  main = func::FuncOp::create(builder, location, "main", builder.getFunctionType({}, {}));
  builder.setInsertionPointToStart(main.addEntryBlock());
}

GraphBuilder::~GraphBuilder() = default;

/// Names become C strings, which end at a zero byte.
LogicalResult GraphBuilder::checkName(const char *what, StringRef name) {
  if (!name.contains('\0'))
    return success();
  hasErrors = true;
  std::string shown;
  llvm::raw_string_ostream os(shown);
  llvm::printEscapedString(name, os);
  return emitError(main.getLoc()) << what << " '" << shown << "': a zero byte in its name, expected none [NNFC-E0106]";
}

Dim GraphBuilder::symbol(StringRef name) {
  (void)checkName("size", name); // finish() fails
  if (name.starts_with("= ")) {  // the dialect's own: sizes computed of others
    hasErrors = true;
    emitError(main.getLoc()) << "size '" << name << "': expected a name that does not begin with '= ' [NNFC-E0106]";
  }
  if (auto fixed = options.dims.find(name.str()); fixed != options.dims.end()) {
    fixedSymbolsUsed.insert(name);
    return size(fixed->second);
  }
  return getAffineSymbolExpr(context()->getLoadedDialect<NnfDialect>()->symbolId(name), context());
}

TensorId GraphBuilder::adopt(Value value) {
  values.push_back(value);
  return {static_cast<unsigned>(values.size() - 1)};
}

Dim GraphBuilder::addDataSize(TensorId scalar, Location location) {
  int64_t number = dataSizes++;
  SizeOp::create(builder, location, value(scalar), number);
  return sizeOfData(context(), number);
}

FailureOr<TensorId> GraphBuilder::addInput(StringRef name, Type element, ArrayRef<Dim> shape) {
  Location location = NameLoc::get(builder.getStringAttr(name));
  if (failed(checkName("input", name)))
    return failure();
  if (!inputNames.insert(name).second) {
    hasErrors = true;
    return emitError(location) << "input '" << name
                               << "': there are two inputs of that name, expected one [NNFC-E0107]";
  }
  if (std::string why = beyondLimits(shape, element); !why.empty()) {
    hasErrors = true;
    return emitError(location) << "input '" << name << "': " << why << " [NNFC-E0114]";
  }
  Value argument = main.getBody().front().addArgument(tensorOf(shape, element), location);
  inputs.push_back({name.str(), adopt(argument)});
  return inputs.back().tensor;
}

std::string GraphBuilder::beyondLimits(ArrayRef<Dim> shape, Type element) const {
  const Limits &limits = options.limits;
  if (static_cast<int64_t>(shape.size()) > limits.maxRank)
    return "rank " + std::to_string(shape.size()) + ", expected at most " + std::to_string(limits.maxRank);
  SmallVector<int64_t> known;
  for (Dim dim : shape)
    if (std::optional<int64_t> size = constantOf(dim)) {
      if (*size < 0)
        return "size " + std::to_string(*size) + ", expected at least 0";
      known.push_back(*size);
    }
  std::optional<int64_t> bytes = checkedTensorBytes(known, elementBytes(element));
  if (!bytes || *bytes > limits.maxTensorBytes)
    return "sizes " + toString(shape) + ", expected at most " + std::to_string(limits.maxTensorBytes) + " bytes";
  return "";
}

TensorId GraphBuilder::addConstant(StringRef name, RankedTensorType type, ArrayRef<uint8_t> bytes,
                                   std::shared_ptr<const void> owner, StringRef provenance) {
  assert(static_cast<int64_t>(bytes.size()) == type.getNumElements() * elementBytes(type.getElementType()) &&
         "the bytes of a constant fit its type");
  // Whoever uses it may be outside of the body that is being filled; bodies have copies of constants.
  if (isInBody())
    return outsideBodies([&] { return addConstant(name, type, bytes, std::move(owner), provenance); });
  if (static_cast<int64_t>(bytes.size()) <= maxAttributeBytes)
    return adopt(ConstantOp::create(builder, NameLoc::get(builder.getStringAttr(name)), elementsOf(type, bytes)));
  return addWeight(name, type, bytes, std::move(owner), provenance);
}

TensorId GraphBuilder::addStoredConstant(StringRef name, RankedTensorType type, ArrayRef<uint8_t> bytes,
                                         std::shared_ptr<const void> owner, StringRef provenance, bool canBeSet) {
  if (!options.swappableWeights || !canBeSet)
    return addConstant(name, type, bytes, std::move(owner), provenance);
  if (isInBody())
    return outsideBodies([&] { return addStoredConstant(name, type, bytes, std::move(owner), provenance, canBeSet); });
  TensorId tensor = addWeight(name, type, bytes, std::move(owner), provenance);
  if (llvm::any_of(rawWeights, [&](const RawWeight &other) { return other.name == name; })) {
    hasErrors = true;
    emitError(value(tensor).getLoc()) << "constant '" << name << "': there are two of that name, expected one: weights "
                                      << "that can be set are known by their names [NNFC-E0107]";
  }
  rawWeights.push_back({name.str(), value(tensor).getDefiningOp<WeightOp>().getName().str(), type});
  return tensor;
}

bool GraphBuilder::areWeights(Type element) {
  auto integer = dyn_cast<IntegerType>(element);
  return isa<FloatType>(element) || (integer && integer.getWidth() == 8);
}

void GraphBuilder::listRawWeights() {
  SmallVector<Attribute> list;
  for (const RawWeight &weight : rawWeights)
    if (!compiledIn.contains(weight.name))
      list.push_back(builder.getDictionaryAttr({builder.getNamedAttr("name", builder.getStringAttr(weight.name)),
                                                builder.getNamedAttr("type", TypeAttr::get(weight.type)),
                                                builder.getNamedAttr("weight", builder.getStringAttr(weight.stored))}));
  if (options.swappableWeights)
    (*module)->setAttr(rawWeightsAttr, builder.getArrayAttr(list));
}

TensorId GraphBuilder::addWeight(StringRef name, RankedTensorType type, ArrayRef<uint8_t> bytes,
                                 std::shared_ptr<const void> owner, StringRef provenance) {
  Location location = NameLoc::get(builder.getStringAttr(name));
  WeightStore &store = context()->getLoadedDialect<NnfDialect>()->weights();
  std::string stored;
  // Kernels read bools as 0 or 1; a file may hold other bytes.
  if (type.getElementType().isInteger(1) && llvm::any_of(bytes, [](uint8_t b) { return b > 1; })) {
    std::vector<uint8_t> clean(bytes.size());
    llvm::transform(bytes, clean.begin(), [](uint8_t b) { return b != 0; });
    stored = store.add(name, type, std::move(clean), provenance);
  } else {
    stored = store.addShared(name, type, bytes, std::move(owner), provenance);
  }
  return adopt(WeightOp::create(builder, location, type, builder.getStringAttr(stored)));
}

TensorId GraphBuilder::addConstant(StringRef name, RankedTensorType type, std::vector<uint8_t> bytes,
                                   StringRef provenance) {
  auto owner = std::make_shared<const std::vector<uint8_t>>(std::move(bytes));
  return addConstant(name, type, ArrayRef(owner->data(), owner->size()), owner, provenance);
}

LogicalResult GraphBuilder::setOutputs(ArrayRef<std::pair<std::string, TensorId>> named) {
  llvm::StringSet<> names;
  for (const auto &[name, tensor] : named) {
    if (failed(checkName("output", name)))
      return failure();
    if (!names.insert(name).second) {
      hasErrors = true;
      return emitError(NameLoc::get(builder.getStringAttr(name)))
             << "output '" << name << "': there are two outputs of that name, expected one [NNFC-E0107]";
    }
  }
  outputs.assign(named.begin(), named.end());
  return success();
}

std::string GraphBuilder::namedSizesText() const {
  auto *dialect = context()->getLoadedDialect<NnfDialect>();
  std::set<std::string> names;
  for (StringRef fixed : fixedSymbolsUsed.keys())
    names.insert(fixed.str());
  for (Type type : func::FuncOp(main).getBody().front().getArgumentTypes())
    for (Dim dim : shapeOf(type)) {
      SmallVector<unsigned> symbols;
      collectInputSymbols(dim, symbols);
      for (unsigned symbol : symbols)
        names.insert(std::string(dialect->symbolName(symbol)));
    }
  return names.empty() ? ", and none has a named size"
                       : ", those that are named are '" + llvm::join(names, "', '") + "'";
}

OwningOpRef<ModuleOp> GraphBuilder::finish() {
  if (hasErrors)
    return {};
  for (const auto &[name, size] : options.dims)
    if (!fixedSymbolsUsed.contains(name)) {
      emitError(main.getLoc()) << "size '" << name << "': fixed to " << size << ", but no input has a size of that name"
                               << namedSizesText() << " [NNFC-E0016]";
      return {};
    }
  if (hasDiscarded)
    eraseDiscarded();
  listRawWeights();
  struct Result {
    std::string name;
    Value value;
    bool isEffect;
  };
  SmallVector<Result> results;
  for (const auto &[name, tensor] : outputs)
    results.push_back({name, value(tensor), false});

  // Attributes of arguments are set against the function's type.
  main.setFunctionType(builder.getFunctionType(main.getBody().front().getArgumentTypes(), {}));
  for (auto [i, input] : llvm::enumerate(inputs)) {
    main.setArgAttr(i, "nnf.name", builder.getStringAttr(input.name));
    Value now = value(input.tensor);
    if (now == main.getArgument(i))
      continue;
    auto named = llvm::find_if(outputs, [&](const auto &output) { return output.first == input.name; });
    size_t result = named - outputs.begin();
    if (named == outputs.end()) {
      result = results.size();
      results.push_back({input.name, now, true});
    } else if (value(named->second) != now) {
      emitError(now.getLoc()) << "output '" << input.name << "': has the name of an input that is changed in place, "
                              << "expected that input's new value [NNFC-E0123]";
      return {};
    }
    main.setArgAttr(i, "nnf.inout", builder.getI64IntegerAttr(result));
  }
  if (results.empty()) {
    emitError(main.getLoc()) << "graph '" << (*module)->getAttrOfType<StringAttr>("nnf.name").getValue()
                             << "': no outputs, expected at least one [NNFC-E0111]";
    return {};
  }

  SmallVector<Value> returned;
  for (const Result &result : results)
    returned.push_back(result.value);
  func::ReturnOp::create(builder, main.getLoc(), returned);
  main.setFunctionType(
      builder.getFunctionType(main.getBody().front().getArgumentTypes(), ValueRange(returned).getTypes()));
  for (auto [i, result] : llvm::enumerate(results)) {
    main.setResultAttr(i, "nnf.name", builder.getStringAttr(result.name));
    if (result.isEffect)
      main.setResultAttr(i, "nnf.effect", builder.getUnitAttr());
  }
  if (failed(verify(*module)))
    return {};
  return std::move(module);
}

// ---- names in locations

Location siteLocation(MLIRContext *context, const NodeSite &site) {
  SmallVector<Location> names;
  for (const std::string &output : site.outputs)
    names.push_back(NameLoc::get(StringAttr::get(context, output)));
  if (site.position)
    names.push_back(*site.position);
  Location leaf = names.empty() ? Location(UnknownLoc::get(context)) : FusedLoc::get(context, names);
  auto op = NameLoc::get(StringAttr::get(context, site.op), leaf);
  return NameLoc::get(StringAttr::get(context, site.node), op);
}

SmallVector<StringRef> outputNames(Location location) {
  auto node = dyn_cast<NameLoc>(location);
  auto op = node ? dyn_cast<NameLoc>(node.getChildLoc()) : NameLoc();
  if (!op)
    return {};
  SmallVector<StringRef> names;
  if (auto one = dyn_cast<NameLoc>(op.getChildLoc())) {
    names.push_back(one.getName());
  } else if (auto many = dyn_cast<FusedLoc>(op.getChildLoc())) {
    for (Location part : many.getLocations())
      if (auto name = dyn_cast<NameLoc>(part))
        names.push_back(name.getName());
  }
  return names;
}

} // namespace nnf
