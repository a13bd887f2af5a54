#include "compiler/import/onnx/Call.h"
#include "compiler/import/onnx/Importer.h"
#include "compiler/import/onnx/OpTable.h"
#include "compiler/import/onnx/RunTime.h"
#include "dialects/nnf/infer/Arguments.h"

using namespace mlir;
namespace nnf::onnx {

Call::Call(Importer &importer, Scope &scope, const Node &node, int64_t version)
    : node(node), version(version), importer(importer), scope(scope),
      loc(siteLocation(importer.context(), NodeSite{node.name, node.opType})) {}

MLIRContext *Call::context() const { return importer.context(); }
GraphBuilder &Call::graph() const { return importer.builder(); }

// ---- errors

Complaint Call::error() {
  bool isFirst = !failed;
  failed = true;
  return isFirst ? Complaint(nodeError(loc)) : Complaint();
}

Complaint Call::error(StringRef argument) {
  bool isFirst = !failed;
  failed = true;
  return isFirst ? Complaint(argumentError(loc, argument)) : Complaint();
}

void Call::notThereYet(const Twine &what) { error() << what.str() << " is not there yet [NNFC-E0304]"; }

// ---- inputs

StringRef kindOf(const Entry &entry) {
  return entry.sequence ? "a sequence" : entry.isEmptyOptional ? "an empty optional" : "a tensor";
}

Entry *Call::entryOfAnyKind(size_t i) {
  if (failed)
    return nullptr;
  if (!has(i)) {
    error() << "input " << i << " is missing [NNFC-E0204]";
    return nullptr;
  }
  Entry *found = scope.find(node.inputs[i]);
  // Names were resolved when the nodes were sorted; what is missing now was never made.
  if (!found)
    error() << "input '" << node.inputs[i] << "' has no value [NNFC-E0108]";
  return found;
}

Entry *Call::entry(size_t i) {
  Entry *found = entryOfAnyKind(i);
  if (!found || isTensor(*found))
    return found;
  error() << "input '" << node.inputs[i] << "' is " << kindOf(*found) << ", expected a tensor [NNFC-E0310]";
  return nullptr;
}

const Sequence *Call::sequence(size_t i) {
  Entry *found = entryOfAnyKind(i);
  if (found && !found->sequence)
    error() << "input '" << node.inputs[i] << "' is " << kindOf(*found) << ", expected a sequence [NNFC-E0310]";
  return failed ? nullptr : found->sequence.get();
}

TensorId Call::input(size_t i) {
  Entry *found = entry(i);
  if (!found)
    return {};
  TensorId tensor = importer.tensorOf(*found);
  failed |= !tensor;
  return tensor;
}

TensorId Call::inputOrNone(size_t i) { return has(i) ? input(i) : TensorId(); }

Type Call::inputElement(size_t i) {
  Entry *found = entry(i);
  Type element = found ? importer.elementOf(*found) : Type();
  if (found && !element)
    error() << "input '" << node.inputs[i] << "' has elements of type "
            << (found->stored ? dataTypeName(found->stored->type) : "unknown")
            << ", which are not supported [NNFC-E0306]";
  return element ? element : Float32Type::get(context());
}

Shape Call::inputShape(size_t i) {
  Entry *found = entry(i);
  return found ? importer.shapeOf(*found) : Shape();
}

/// Whoever asks goes by the numbers: they cannot be set any more.
static void fixNumbers(Importer &importer, const Known *known, const Entry *entry) {
  if (known && importer.isSwappable(*entry))
    importer.builder().dependOnNumbers(Importer::storedName(*entry));
}

const Known *Call::known(size_t i) {
  if (!has(i))
    return nullptr;
  Entry *found = entry(i);
  const Known *known = found ? importer.knownOf(*found) : nullptr;
  failed |= found && found->isBroken;
  fixNumbers(importer, known, found);
  return known;
}

bool Call::readsSwappable() {
  for (const std::string &name : node.inputs)
    if (Entry *found = name.empty() ? nullptr : scope.find(name); found && importer.isSwappable(*found))
      return true;
  return false;
}

const Known *Call::elements(size_t i) {
  if (!has(i))
    return nullptr;
  Entry *found = entry(i);
  const Known *elements = found ? importer.elementsOf(*found) : nullptr;
  failed |= found && found->isBroken;
  fixNumbers(importer, elements, found);
  return elements;
}

// ---- attributes

const Attribute *Call::attribute(StringRef name, Attribute::Kind kind) {
  const Attribute *found = node.attribute({name.data(), name.size()});
  if (!found)
    return nullptr;
  if (found->kind != kind) {
    std::string_view has = kindText(found->kind), expected = kindText(kind);
    error(name) << StringRef(has.data(), has.size()) << ", expected " << StringRef(expected.data(), expected.size())
                << " [NNFC-E0305]";
    return nullptr;
  }
  return found;
}

const Graph *Call::subgraph(StringRef name) {
  const Attribute *found = attribute(name, Attribute::Kind::Graph);
  if (!found && !failed)
    error(name) << "missing, expected a graph [NNFC-E0305]";
  return found && !failed ? found->graph.get() : nullptr;
}

int64_t Call::integer(StringRef name, int64_t fallback) {
  const Attribute *found = attribute(name, Attribute::Kind::Int);
  return found ? found->i : fallback;
}

double Call::number(StringRef name, double fallback) {
  const Attribute *found = attribute(name, Attribute::Kind::Float);
  return found ? found->f : fallback;
}

std::string Call::text(StringRef name, StringRef fallback) {
  const Attribute *found = attribute(name, Attribute::Kind::String);
  return found ? found->s : fallback.str();
}

Ints Call::integers(StringRef name, ArrayRef<int64_t> fallback) {
  const Attribute *found = attribute(name, Attribute::Kind::Ints);
  return found ? Ints(found->ints.begin(), found->ints.end()) : Ints(fallback);
}

// ---- parameters

bool Call::hasParameter(StringRef name) const {
  std::optional<size_t> i = inputOfParameter(node.opType, name, version);
  return i ? has(*i) : hasAttribute(name);
}

std::optional<SmallVector<Scalar>> Call::numbers(StringRef name) {
  std::optional<size_t> i = inputOfParameter(node.opType, name, version);
  if (failed || !hasParameter(name))
    return std::nullopt;
  if (i) {
    const Known *values = elements(*i);
    if (!failed && (!values || values->isFloat())) {
      std::string type = dtypeName(inputElement(*i)) + " " + toString(inputShape(*i));
      error(name) << "'" << node.inputs[*i] << "' is " << type << ", expected one integer, or a list of at most "
                  << maxRunTimeElements << " [NNFC-E0207]";
    }
    return failed ? std::nullopt : std::optional(values->values);
  }
  const Attribute *found = node.attribute({name.data(), name.size()});
  if (found->kind == Attribute::Kind::Int)
    return SmallVector<Scalar>{{size(found->i)}};
  Ints values = integers(name);
  return llvm::map_to_vector(values, [&](int64_t value) { return Scalar{size(value)}; });
}

std::optional<Shape> Call::sizes(StringRef name) {
  std::optional<SmallVector<Scalar>> values = numbers(name);
  if (!values)
    return std::nullopt;
  Shape sizes;
  for (const Scalar &value : *values)
    sizes.push_back(sizeOf(value, name));
  return sizes;
}

Dim Call::sizeOf(const Scalar &number, StringRef argument) {
  if (failed)
    return size(0);
  if (!number.isKnown()) {
    Primitives p(graph().ops(), loc);
    Value value = importer.valueOf(number, loc);
    p.check(p.ge(value, 0), value, p.message(argument, "{value}, expected a size of 0 or more [NNFC-E0504]"));
  }
  return importer.sizeOf(number, loc);
}

Dim Call::dataSize(TensorId number) {
  TensorId scalar = reshape(cast(number, IntegerType::get(context(), 64)), {});
  return failed ? size(0) : graph().addDataSize(scalar, loc);
}

void Call::require(StringRef argument, Dim value, Dim tested, const Twine &text) {
  require([&](Location) { return requireSize(loc, argument, value, simplify(tested), text); });
}

void Call::require(function_ref<LogicalResult(Location)> judge) {
  if (failed)
    return;
  SizeRequirements requirements;
  CollectRequirements collect(requirements);
  failed = mlir::failed(judge(loc));
  for (const SizeRequirement &require : requirements.conditions)
    RequireOp::create(graph().ops(), loc, DimsAttr::get(context(), {require.value, require.tested}), require.message);
}

void Call::requireEqual(StringRef argument, Dim size, Dim expected, const Twine &text) {
  require(argument, size, size - expected, text);
  require(argument, size, expected - size, text);
}

Dim Call::requireQuotient(StringRef argument, Dim value, Dim divisor, const Twine &text) {
  if (Dim even = exactQuotient({value}, {divisor}, context()))
    return even;
  // Of a divisor 0 nothing is left over: an error, too.
  bool isKnown = constantOf(value) && constantOf(divisor);
  require(argument, value, isKnown || isConstant(divisor, 0) ? size(-1) : (value % divisor) * -1, text);
  return failed ? size(0) : simplify(value.floorDiv(divisor));
}

std::optional<Ints> Call::constants(StringRef name) {
  std::optional<SmallVector<Scalar>> values = numbers(name);
  if (!values)
    return std::nullopt;
  Shape sizes;
  for (const Scalar &value : *values) {
    if (!value.isKnown()) {
      error(name) << "'" << node.inputs[*inputOfParameter(node.opType, name, version)]
                  << "' is known at run time only, expected a constant [NNFC-E0221]";
      return std::nullopt;
    }
    sizes.push_back(value.size);
  }
  std::optional<SmallVector<int64_t>> constants = constantsOf(sizes);
  if (!constants) {
    error(name) << toString(sizes) << ", expected numbers without symbolic sizes [NNFC-E0219]";
    return std::nullopt;
  }
  return Ints(*constants);
}

ArgumentValue Call::numberOrTensor(StringRef name) {
  if (failed || !hasParameter(name))
    return {};
  std::optional<size_t> i = inputOfParameter(node.opType, name, version);
  if (!i) {
    const Attribute *found = node.attribute({name.data(), name.size()});
    if (found->kind == Attribute::Kind::Int)
      return found->i;
    return number(name, 0);
  }
  if (const Known *values = known(*i); values && values->values.size() == 1) {
    if (std::optional<int64_t> whole = values->integer(0))
      return *whole;
    if (std::optional<double> number = values->number(0))
      return *number;
  }
  return input(*i);
}

// ---- outputs

void Call::output(size_t i, TensorId tensor) {
  if (failed || !wants(i))
    return;
  if (std::string why = graph().beyondLimits(shape(tensor), element(tensor)); !why.empty())
    return void(error() << "a result of " << why << " [NNFC-E0114]");
  Entry entry;
  entry.name = node.outputs[i];
  entry.tensor = tensor;
  if (i < evaluated.size() && evaluated[i])
    (evaluated[i]->isWhole() ? entry.known : entry.elements) = evaluated[i];
  scope.entries[node.outputs[i]] = std::move(entry);
}

void Call::output(size_t i, Known known) {
  if (failed || !wants(i))
    return;
  evaluated.resize(std::max(evaluated.size(), i + 1));
  evaluated[i] = std::make_shared<Known>(std::move(known));
  if (!evaluated[i]->isWhole()) {
    hasRunTimeElements = true;
    return;
  }
  Entry entry;
  entry.name = node.outputs[i];
  entry.known = evaluated[i];
  entry.knownWasRead = true;
  scope.entries[node.outputs[i]] = std::move(entry);
}

void Call::output(size_t i, Sequence sequence) {
  Entry entry;
  entry.sequence = std::make_shared<Sequence>(std::move(sequence));
  output(i, entry);
}

void Call::output(size_t i, const Entry &entry) {
  if (failed || !wants(i))
    return;
  Entry &copy = scope.entries[node.outputs[i]] = entry;
  copy.name = node.outputs[i];
}

void Call::outputIsInput(size_t i, size_t input) {
  Entry *source = entryOfAnyKind(input);
  if (!source || !wants(i))
    return;
  // A constant is put into the graph once, under its own name.
  if (importer.isData(*source) && !importer.tensorOf(*source)) {
    failed = true;
    return;
  }
  Entry copy = *source;
  scope.entries[node.outputs[i]] = std::move(copy);
}

std::optional<Shape> Call::declared(size_t i) {
  // Inside functions and branches the same names are other values.
  return wants(i) && scope.depth == 0 ? importer.declaredShape(node.outputs[i]) : std::nullopt;
}

// ---- the graph

Type Call::element(TensorId tensor) {
  if (failed || !tensor)
    return Float32Type::get(context());
  return llvm::cast<RankedTensorType>(graph().value(tensor).getType()).getElementType();
}

Shape Call::shape(TensorId tensor) {
  if (failed || !tensor)
    return {};
  return nnf::shapeOf(graph().value(tensor));
}

Type Call::computed(Type element) { return isHalf(element) ? Float32Type::get(element.getContext()) : element; }

SmallVector<TensorId> Call::callAll(StringRef function, std::vector<Argument> arguments) {
  if (failed)
    return {};
  for (Argument &argument : arguments)
    if (auto *tensor = std::get_if<TensorId>(&argument.value); tensor && !*tensor)
      argument.value = std::monostate();
  FailureOr<SmallVector<TensorId>> outputs = graph().addNode(function, arguments, NodeSite{node.name, node.opType});
  if (failed = mlir::failed(outputs); failed)
    return {};
  return *outputs;
}

TensorId Call::call(StringRef function, std::vector<Argument> arguments) {
  SmallVector<TensorId> outputs = callAll(function, std::move(arguments));
  return outputs.empty() ? TensorId() : outputs.front();
}

TensorId Call::cast(TensorId x, Type element) {
  if (failed || this->element(x) == element)
    return x;
  return call("to", {{"input", x}, {"dtype", dtypeName(element)}});
}

TensorId Call::reshape(TensorId x, ArrayRef<Dim> target) {
  if (failed || sameShape(shape(x), target))
    return x;
  Shape from = shape(x);
  if (std::optional<SmallVector<int64_t>> sizes = constantsOf(target))
    return call("reshape", {{"input", x}, {"shape", list(*sizes)}});
  // One symbolic size can be left to be found.
  Shape others;
  Ints sizes;
  Dim unknown;
  for (Dim dim : target) {
    std::optional<int64_t> size = constantOf(dim);
    sizes.push_back(size.value_or(-1));
    (size ? void(others.push_back(dim)) : void(unknown = dim));
  }
  if (llvm::count(sizes, -1) == 1 && !llvm::is_contained(sizes, 0))
    if (Dim rest = exactQuotient(from, others, context()); rest && sameDim(rest, unknown))
      return call("reshape", {{"input", x}, {"shape", list(sizes)}});
  RunTime r(*this);
  Dim count = productOf(context(), from), ratio = exactQuotient(target, from, context());
  if (!ratio || !isConstant(ratio, 1))
    requireEqual("input", count, productOf(context(), target),
                 "{value} elements in " + toString(from) + ", expected as many as in " + toString(target) +
                     " [NNFC-E0218]");
  return failed ? TensorId() : graph().adopt(r.reshape(graph().value(x), target));
}

TensorId Call::permute(TensorId x, ArrayRef<int64_t> perm) {
  if (failed || llvm::equal(perm, llvm::seq<int64_t>(0, perm.size())))
    return x;
  return call("permute", {{"input", x}, {"dims", list(perm)}});
}

TensorId Call::expand(TensorId x, ArrayRef<Dim> target) {
  if (failed || sameShape(shape(x), target))
    return x;
  if (std::optional<SmallVector<int64_t>> sizes = constantsOf(target))
    return call("expand", {{"input", x}, {"size", list(*sizes)}});
  Shape from = shape(x);
  bool fits = from.size() <= target.size();
  for (size_t i = 0; fits && i < from.size(); ++i) {
    Dim to = target[target.size() - from.size() + i];
    if (isConstant(from[i], 1) || sameDim(from[i], to))
      continue;
    fits = !(constantOf(from[i]) && constantOf(to));
    if (fits)
      require([&](Location) { return requireRepeats(loc, "input", from[i], to, i); });
  }
  if (!fits) {
    error() << "a tensor " << toString(from) << " becomes " << toString(target)
            << ", expected equal sizes, or 1, counted from the end [NNFC-E0209]";
    return {};
  }
  return primitives({x}, [&](Primitives &p, ArrayRef<Value> in) { return p.broadcastTo(in[0], target); });
}

TensorId Call::slice(TensorId x, int64_t dim, Dim start, Dim length, int64_t step) {
  if (failed)
    return {};
  Dim size = shape(x)[dim];
  start = simplify(start);
  length = simplify(length);
  if (step == 1 && isConstant(start, 0) && sameDim(length, size))
    return x;
  Dim last = simplify(start + (length - 1) * step);
  bool isEmpty = isConstant(length, 0);
  bool isInside =
      isEmpty || (step > 0 ? isNotNegative(start) && isBelow(last, size) : isNotNegative(last) && isBelow(start, size));
  std::optional<int64_t> first = constantOf(start), count = constantOf(length);
  // The function cannot count down, and has numbers only.
  if (isInside && first && count && step > 0)
    return call("slice", {{"input", x},
                          {"dim", dim},
                          {"start", isEmpty ? int64_t(0) : *first},
                          {"end", isEmpty ? int64_t(0) : *first + (*count - 1) * step + 1},
                          {"step", step}});
  return primitives({x}, [&](Primitives &p, ArrayRef<Value> in) -> Value {
    if (isInside)
      return p.sliceDim(in[0], dim, start, length, step);
    Type i64 = IntegerType::get(context(), 64);
    Value index = p.add(p.mul(p.iota({length}, 0, i64), p.scalar(step, i64)), p.size(start, i64));
    return p.pick(in[0], dim, index, BoundsKind::Error,
                  nodeMessage(loc, "position {value}, expected one below {bound} [NNFC-E0501]"));
  });
}

TensorId Call::concat(ArrayRef<TensorId> xs, int64_t dim) {
  if (failed || xs.size() == 1)
    return failed ? TensorId() : xs.front();
  return call("cat", {{"tensors", std::vector<TensorId>(xs.begin(), xs.end())}, {"dim", dim}});
}

TensorId Call::constant(const Known &known) {
  if (failed)
    return {};
  TensorId tensor = importer.addKnown(known, node.name, loc);
  failed |= !tensor;
  return tensor;
}

TensorId Call::constant(Type element, double value) {
  Known known{element, {}, {}};
  if (known.isFloat())
    known.values.push_back(known.ofNumber(value));
  else
    known.values.push_back({size(static_cast<int64_t>(value))});
  return constant(known);
}

TensorId Call::constant(Type element, ArrayRef<int64_t> values) {
  Known known{element, {static_cast<int64_t>(values.size())}, {}};
  for (int64_t value : values)
    known.values.push_back(known.isFloat() ? known.ofNumber(static_cast<double>(value)) : Scalar{size(value)});
  return constant(known);
}

TensorId Call::full(ArrayRef<Dim> shape, const Known &value) { return expand(constant(value), shape); }

int64_t Call::axis(int64_t value, int64_t rank, StringRef name, bool scalarOk) {
  int64_t limit = std::max<int64_t>(rank, 1);
  if (!failed && rank == 0 && !scalarOk)
    error(name) << value << " of a scalar, expected a tensor of rank 1 or more [NNFC-E0210]";
  else if (!failed && (value < -limit || value >= limit))
    error(name) << value << ", expected " << -limit << " to " << limit - 1 << " for a tensor of rank " << rank
                << " [NNFC-E0210]";
  if (failed)
    return 0;
  return value < 0 ? value + limit : value;
}

Ints Call::axes(ArrayRef<int64_t> values, int64_t rank, StringRef name) {
  Ints result;
  for (int64_t value : values) {
    int64_t dim = axis(value, rank, name);
    if (!failed && llvm::is_contained(result, dim))
      error(name) << value << " names dimension " << dim << " twice [NNFC-E0211]";
    if (failed)
      return {};
    result.push_back(dim);
  }
  return result;
}

} // namespace nnf::onnx
