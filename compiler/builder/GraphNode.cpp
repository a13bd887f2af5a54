// GraphBuilder::addNode: one call of a function, checked, becomes one op.
#include "compiler/builder/Arguments.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/Allocator.h"

using namespace mlir;
namespace nnf {
namespace {

/// Properties of an op that does not exist yet.
class PendingProperties {
public:
  explicit PendingProperties(RegisteredOperationName name) : name(name) {
    if (int bytes = name.getOpPropertyByteSize()) {
      storage = llvm::allocate_buffer(bytes, alignof(std::max_align_t));
      name.initOpProperties(storage, nullptr);
    }
  }
  ~PendingProperties() {
    if (!storage)
      return;
    name.destroyOpProperties(storage);
    llvm::deallocate_buffer(storage, name.getOpPropertyByteSize(), alignof(std::max_align_t));
  }
  PendingProperties(const PendingProperties &) = delete;

  LogicalResult set(const NamedAttrList &attributes, Location location) {
    if (!storage || attributes.empty())
      return success();
    return name.setOpPropertiesFromAttribute(name, storage, attributes.getDictionary(location.getContext()),
                                             [&] { return nodeError(location); });
  }
  OpaqueProperties get() { return storage; }

private:
  RegisteredOperationName name;
  void *storage = nullptr;
};

/// How many of `found` results each result of the record is: 1, 0 for a missing optional one, any for a list.
SmallVector<int32_t> resultSegments(const Function &function, size_t found) {
  size_t required = llvm::count_if(function.results, [](auto &r) { return !r.isOptional && !r.isVariadic; });
  assert(found >= required && "inference gives all results");
  size_t spare = found - required;
  SmallVector<int32_t> segments;
  for (const FunctionResult &result : function.results) {
    size_t taken = result.isVariadic ? spare : result.isOptional ? std::min<size_t>(spare, 1) : 1;
    segments.push_back(taken);
    if (result.isVariadic || result.isOptional)
      spare -= taken;
  }
  assert(spare == 0 && "inference gives no more results than the record has");
  return segments;
}

/// The arguments of a call, one for each parameter of the record, in its order.
struct BoundArguments {
  SmallVector<const ArgumentValue *> values;
  bool inplace = false;
};

/// "float32 [N, 3]".
std::string typeText(Value value) {
  return dtypeName(cast<RankedTensorType>(value.getType()).getElementType()) + " " + toString(shapeOf(value));
}

std::string parameterNames(const Function &function) {
  std::string names =
      llvm::join(llvm::map_range(function.parameters, [](const Parameter &p) { return std::string(p.name); }), ", ");
  return function.hasInplace ? names + ", inplace" : names;
}

FailureOr<BoundArguments> bind(const Function &function, ArrayRef<Argument> arguments, Location location) {
  static const ArgumentValue none;
  BoundArguments bound;
  bound.values.assign(function.parameters.size(), &none);
  llvm::StringMap<bool> given;
  for (const Argument &argument : arguments) {
    if (!given.try_emplace(argument.name, true).second)
      return argumentError(location, argument.name) << "given twice, expected once [NNFC-E0203]";
    // torch's own plumbing of warnings.
    if (argument.name == "_stacklevel")
      continue;
    if (function.hasInplace && argument.name == "inplace") {
      auto *flag = std::get_if<bool>(&argument.value);
      if (!flag && !isNone(argument.value))
        return argumentError(location, "inplace") << describe(argument.value) << ", expected a bool [NNFC-E0205]";
      bound.inplace |= flag && *flag;
      continue;
    }
    const Parameter *parameter = function.parameter(argument.name);
    if (!parameter)
      return argumentError(location, argument.name)
             << "no parameter of that name, expected one of " << parameterNames(function) << " [NNFC-E0202]";
    bound.values[parameter - function.parameters.data()] = &argument.value;
  }
  for (auto [parameter, value] : llvm::zip(function.parameters, bound.values))
    if (parameter.presence == Presence::Required && isNone(*value))
      return argumentError(location, parameter.name)
             << "missing, expected " << kindText(parameter.kind) << " [NNFC-E0204]";
  return bound;
}

/// Re-emits what a verifier said as an error of the node: "operand #1" means nothing to a user.
LogicalResult verifyAsNode(Operation *op, Location location) {
  std::string said;
  {
    ScopedDiagnosticHandler capture(op->getContext(), [&](Diagnostic &diagnostic) {
      if (said.empty())
        said = diagnostic.str();
      return success();
    });
    if (succeeded(verify(op, /*verifyRecursively=*/false)))
      return success();
  }
  StringRef text(said);
  text.consume_front(("'" + op->getName().getStringRef() + "' op ").str());
  return nodeError(location) << text;
}

} // namespace

/// A number of the graph where a tensor could stand.
Value GraphBuilder::number(Location location, const ArgumentValue &value) {
  TypedAttr attribute;
  if (auto *integer = std::get_if<int64_t>(&value))
    attribute = builder.getI64IntegerAttr(*integer);
  else if (auto *real = std::get_if<double>(&value))
    attribute = builder.getF64FloatAttr(*real);
  else if (auto *flag = std::get_if<bool>(&value))
    attribute = builder.getBoolAttr(*flag);
  else
    return {};
  return NumberOp::create(builder, location, RankedTensorType::get({}, attribute.getType()), attribute);
}

/// A list of integers of the graph where a tensor could stand; one integer is a scalar.
Value GraphBuilder::integers(Location location, const ArgumentValue &value) {
  Type i64 = builder.getI64Type();
  if (auto *one = std::get_if<int64_t>(&value))
    return ConstantOp::create(builder, location, DenseElementsAttr::get(RankedTensorType::get({}, i64), *one));
  auto *list = std::get_if<std::vector<int64_t>>(&value);
  if (!list)
    return {};
  auto type = RankedTensorType::get({static_cast<int64_t>(list->size())}, i64);
  return ConstantOp::create(builder, location, DenseElementsAttr::get(type, ArrayRef<int64_t>(*list)));
}

FailureOr<SmallVector<TensorId>> GraphBuilder::addNode(StringRef name, ArrayRef<Argument> arguments,
                                                       const NodeSite &givenSite) {
  NodeSite site = givenSite;
  if (site.op.empty())
    site.op = name.str();
  Location location = siteLocation(context(), site);
  // Taken back at the end: every way out before is an error.
  bool hadErrors = std::exchange(hasErrors, true);

  bool isTwin;
  const Function *function = findFunction(std::string_view(name.data(), name.size()), &isTwin);
  if (!function) {
    InFlightDiagnostic error = nodeError(location) << "op '" << name << "' is unknown";
    if (std::string_view nearest = nearestFunction(name); !nearest.empty())
      error << ", did you mean '" << nearest << "'? [NNFC-E0201]";
    else
      error << ", `nnfc ops` lists those there are [NNFC-E0201]";
    return error;
  }
  FailureOr<BoundArguments> bound = bind(*function, arguments, location);
  if (failed(bound))
    return failure();

  // Operands and attributes, in the record's order.
  SmallVector<Value> operands;
  SmallVector<int32_t> operandSegments;
  NamedAttrList attributes;
  for (auto [parameter, value] : llvm::zip(function->parameters, bound->values)) {
    auto wrongKind = [&, &parameter = parameter, value = value] {
      return argumentError(location, parameter.name)
             << describe(*value) << ", expected " << kindText(parameter.kind) << " [NNFC-E0205]";
    };
    if (!parameter.isOperand()) {
      if (isNone(*value))
        continue;
      Attribute attribute = attributeFor(context(), parameter.kind, *value);
      if (!attribute)
        return wrongKind();
      attributes.append(StringRef(parameter.name), attribute);
      continue;
    }
    size_t before = operands.size();
    if (parameter.kind == ParameterKind::Tensors) {
      if (!isNone(*value)) {
        auto *tensors = std::get_if<std::vector<TensorId>>(value);
        if (!tensors)
          return wrongKind();
        for (TensorId tensor : *tensors)
          operands.push_back(this->value(tensor));
      }
    } else if (auto *tensor = std::get_if<TensorId>(value)) {
      operands.push_back(this->value(*tensor));
    } else if (!isNone(*value)) {
      Value written = parameter.kind == ParameterKind::TensorOrNumber ? number(location, *value)
                      : parameter.kind == ParameterKind::TensorOrInts ? integers(location, *value)
                                                                      : Value();
      if (!written)
        return wrongKind();
      operands.push_back(written);
    }
    operandSegments.push_back(operands.size() - before);
  }

  // Result types, by the op's own inference.
  std::string opName = ("nnf." + StringRef(function->name)).str();
  auto registered = RegisteredOperationName::lookup(opName, context());
  assert(registered && "every record is an op of the dialect");
  auto *inference = registered->getInterface<InferTypeOpInterface>();
  assert(inference && "every function infers its result types");
  if (registered->hasTrait<OpTrait::AttrSizedOperandSegments>())
    attributes.append("operandSegmentSizes", builder.getDenseI32ArrayAttr(operandSegments));
  PendingProperties properties(*registered);
  if (failed(properties.set(attributes, location)))
    return failure();
  SmallVector<Type> types;
  NamedAttrList sizeNumber;
  if (function->hasDataSize)
    sizeNumber.append(sizeNumberName, builder.getI64IntegerAttr(dataSizes));
  if (failed(inference->inferReturnTypes(context(), location, operands, sizeNumber.getDictionary(context()),
                                         properties.get(), {}, types)))
    return failure();
  for (Type type : types) {
    auto tensor = cast<RankedTensorType>(type);
    if (std::string why = beyondLimits(shapeOf(tensor), tensor.getElementType()); !why.empty())
      return nodeError(location) << "a result of " << why << " [NNFC-E0114]";
  }
  SmallVector<int32_t> segments = resultSegments(*function, types.size());
  if (registered->hasTrait<OpTrait::AttrSizedResultSegments>()) {
    NamedAttrList sizes;
    sizes.append("resultSegmentSizes", builder.getDenseI32ArrayAttr(segments));
    if (failed(properties.set(sizes, location)))
      return failure();
  }
  Operation *op = builder.insert(Operation::create(location, *registered, types, operands, std::move(sizeNumber),
                                                   properties.get(), BlockRange(), /*numRegions=*/0));
  if (failed(verifyAsNode(op, location)))
    return failure();
  if (function->draws) {
    op->setAttr(randomNumberName, builder.getI64IntegerAttr(site.randomNumber.value_or(randomNodes)));
    ++randomNodes;
  }
  dataSizes += function->hasDataSize;

  // Outputs are handles; effects are new values of handles there are.
  SmallVector<TensorId> results;
  SmallVector<std::pair<StringRef, Value>> changes;
  unsigned next = 0;
  for (auto [i, count] : llvm::enumerate(segments)) {
    auto effect = llvm::find_if(function->effects, [&, i = i](const FunctionEffect &e) { return e.result == i; });
    for (int32_t k = 0; k < count; ++k, ++next) {
      if (effect == function->effects.end())
        results.push_back(adopt(op->getResult(next)));
      else
        changes.push_back({effect->argument, op->getResult(next)});
    }
  }
  bool inplace = isTwin || bound->inplace;
  if (inplace)
    changes.push_back({"input", op->getResult(0)});
  for (auto [argument, changed] : changes) {
    const ArgumentValue &given = *bound->values[function->parameter(argument) - function->parameters.data()];
    auto *tensor = std::get_if<TensorId>(&given);
    if (!tensor) {
      if (isNone(given))
        continue;
      return argumentError(location, argument)
             << describe(given) << ", expected a tensor, which is changed in place [NNFC-E0205]";
    }
    if (value(*tensor).getType() != changed.getType())
      return argumentError(location, argument) << "changed in place from " << typeText(value(*tensor)) << " to "
                                               << typeText(changed) << ", expected the same type [NNFC-E0206]";
    rebind(*tensor, changed);
    if (!effect)
      effect = location;
  }
  if (!site.outputs.empty() && site.outputs.size() != results.size())
    return nodeError(location) << site.outputs.size() << (site.outputs.size() == 1 ? " output" : " outputs")
                               << " named, expected " << results.size() << " [NNFC-E0122]";
  hasErrors = hadErrors;
  return results;
}

FailureOr<TensorId> GraphBuilder::addUnaryOutputNode(StringRef function, ArrayRef<Argument> arguments,
                                                     const NodeSite &site) {
  FailureOr<SmallVector<TensorId>> outputs = addNode(function, arguments, site);
  if (failed(outputs))
    return failure();
  if (outputs->size() == 1)
    return outputs->front();
  hasErrors = true;
  return nodeError(siteLocation(context(), site)) << outputs->size() << " outputs, expected 1 [NNFC-E0122]";
}

} // namespace nnf
