// Draws: uniform, normal, of probabilities, and dropout.
#include "compiler/import/onnx/OpTable.h"
#include "llvm/ADT/bit.h"
#include <numbers>

using namespace mlir;
namespace nnf::onnx {
namespace {

/// What one node draws. An attribute `seed` takes the place of the run's seed; the run and the node count all the same.
class Draws {
public:
  explicit Draws(Call &call) : p(call.graph().ops(), call.location()), number(call.graph().addRandomNode()) {
    // Dropout's is an integer, and a float everywhere else.
    if (const Attribute *given = call.node.attribute("seed"); given && given->kind == Attribute::Kind::Int)
      seed = static_cast<uint32_t>(given->i);
    else if (given)
      seed = llvm::bit_cast<uint32_t>(static_cast<float>(call.number("seed", 0)));
  }

  Primitives p;

  /// Numbers in [0, 1) with as many random bits as `element` has digits, in the type that is computed in.
  Value uniform(ArrayRef<Dim> shape, Type element) {
    unsigned digits = digitsOf(element);
    return unit(words(shape, digits > 32 ? 2 : 1), digits);
  }

  /// Source: Box and Muller, A note on the generation of random normal deviates (1958).
  Value normal(ArrayRef<Dim> shape, Type element) {
    unsigned digits = digitsOf(Call::computed(element)), each = digits > 32 ? 2 : 1;
    SmallVector<Value> drawn = words(shape, 2 * each);
    Value first = unit(ArrayRef(drawn).take_front(each), digits),
          second = unit(ArrayRef(drawn).drop_front(each), digits);
    Value length = p.sqrt(p.mul(p.log1p(p.neg(first)), -2));
    return p.mul(length, p.cos(p.mul(second, 2 * std::numbers::pi)));
  }

private:
  int64_t number;
  std::optional<uint32_t> seed;

  static unsigned digitsOf(Type element) {
    return llvm::APFloat::semanticsPrecision(cast<FloatType>(element).getFloatSemantics());
  }

  /// So many tensors of random words.
  SmallVector<Value> words(ArrayRef<Dim> shape, int64_t count) {
    Shape all(shape);
    all.push_back(dimOf(p.context(), count));
    Value bits = p.randomBits(number, all, seed);
    SmallVector<Value> each;
    for (int64_t i = 0; i < count; ++i)
      each.push_back(p.reshape(p.sliceDim(bits, shape.size(), dimOf(p.context(), i), dimOf(p.context(), 1)), shape));
    return each;
  }

  /// The upper bits of one word, or of two that are one number, after the point.
  Value unit(ArrayRef<Value> words, unsigned digits) {
    Type wide = words.size() == 1 ? Type(Float32Type::get(p.context())) : Float64Type::get(p.context());
    auto upper = [&](Value word, unsigned count) { return p.convert(p.shr(word, static_cast<int>(32 - count)), wide); };
    if (words.size() == 1)
      return p.mul(upper(words[0], digits), std::ldexp(1.0, -static_cast<int>(digits)));
    unsigned rest = digits - 32;
    Value number = p.add(p.mul(upper(words[0], 32), std::ldexp(1.0, rest)), upper(words[1], rest));
    return p.mul(number, std::ldexp(1.0, -static_cast<int>(digits)));
  }
};

/// The attribute `dtype`, or the type of the input where it is missing and `likeInput`.
Type elementOfResult(Call &call, bool likeInput, int64_t fallback) {
  if (likeInput && !call.hasAttribute("dtype"))
    return call.inputElement(0);
  int64_t number = call.integer("dtype", fallback);
  Type element = elementTypeOf(call.context(), static_cast<DataType>(number));
  if (!element)
    call.error("dtype") << number << ", expected the number of a type that is supported [NNFC-E0206]";
  return element;
}

/// RandomUniform and RandomNormal, of the attribute `shape` or of the sizes that an input has.
template <bool isNormal, bool likeInput> void random(Call &call) {
  Type element = elementOfResult(call, likeInput, static_cast<int64_t>(DataType::Float));
  Shape shape;
  if (likeInput)
    shape = call.inputShape(0);
  else
    for (int64_t size : call.integers("shape"))
      shape.push_back(call.size(size));
  double low = call.number("low", 0), high = call.number("high", 1), mean = call.number("mean", 0),
         scale = call.number("scale", 1);
  if (call.hasFailed())
    return;
  if (!isa<FloatType>(element))
    return void(call.error("dtype") << dtypeName(element) << ", expected a float [NNFC-E0206]");
  if (!likeInput &&
      (!call.hasAttribute("shape") || llvm::any_of(shape, [](Dim size) { return *constantOf(size) < 0; })))
    return void(call.error("shape") << toString(shape) << ", expected sizes of 0 or more [NNFC-E0213]");
  Draws draws(call);
  Primitives &p = draws.p;
  Value drawn = isNormal ? p.add(p.mul(draws.normal(shape, element), scale), mean)
                         : p.add(p.mul(draws.uniform(shape, element), high - low), low);
  call.result(call.graph().adopt(p.convert(drawn, element)));
}

/// 1 with the probability that the input holds, else 0.
void bernoulli(Call &call) {
  TensorId x = call.input(0);
  Type given = call.element(x), element = elementOfResult(call, /*likeInput=*/true, 0),
       computed = Call::computed(given);
  if (call.hasFailed())
    return;
  if (!isa<FloatType>(given))
    return void(call.error("input") << "dtype " << dtypeName(given) << ", expected a float [NNFC-E0206]");
  Draws draws(call);
  Primitives &p = draws.p;
  Value isOne = p.lt(draws.uniform(call.shape(x), computed), p.convert(call.graph().value(x), computed));
  call.result(call.graph().adopt(p.convert(isOne, element)));
}

/// Classes with the probabilities that the softmax of a row gives them: as many as have no more than the drawn part of
/// the sum before them and in them.
void multinomial(Call &call) {
  TensorId x = call.input(0);
  Shape shape = call.shape(x);
  int64_t count = call.integer("sample_size", 1);
  Type given = call.element(x), computed = Call::computed(given),
       element = elementOfResult(call, /*likeInput=*/false, static_cast<int64_t>(DataType::Int32));
  if (call.hasFailed())
    return;
  if (!isa<FloatType>(given) || shape.size() != 2)
    return void(call.error("input") << dtypeName(given) << " " << toString(shape)
                                    << ", expected floats [rows, classes] [NNFC-E0213]");
  if (count < 1 || !isa<IntegerType>(element))
    return void(call.error() << count << " samples of " << dtypeName(element)
                             << ", expected 1 or more of an integer type [NNFC-E0213]");
  call.require("input", shape[1], shape[1] - 1, "{value} classes, expected at least 1 [NNFC-E0217]");
  if (call.hasFailed())
    return;
  Draws draws(call);
  Primitives &p = draws.p;
  Type i64 = IntegerType::get(call.context(), 64);
  Value logits = p.convert(call.graph().value(x), computed), largest = p.reduce(ReduceKind::Max, logits, {1});
  Value weight = p.exp(p.sub(logits, p.broadcastOver(largest, shape, {1})));
  Value sums = p.cumulate(ReduceKind::Add, weight, 1);
  Shape samples{shape[0], call.size(count)}, pairs{shape[0], call.size(count), shape[1]};
  Value total = p.reshape(p.sliceDim(sums, 1, shape[1] - 1, call.size(1)), {shape[0]});
  Value drawn = p.mul(draws.uniform(samples, computed), p.broadcast(total, samples, {0}));
  Value isBefore = p.le(p.broadcast(sums, pairs, {0, 2}), p.broadcast(drawn, pairs, {0, 1}));
  call.result(call.graph().adopt(p.convert(p.sum(p.convert(isBefore, i64), {2}), element)));
}

// ---- Dropout

/// An attribute or input of one element, where it is known.
std::optional<double> knownNumber(Call &call, size_t i) {
  const Known *known = call.known(i);
  return known && known->values.size() == 1 ? known->number(0) : std::nullopt;
}

/// In training, elements are kept with the probability 1 - ratio, and divided by that. Whether it is training, and the
/// ratio, may be known at run time only.
void dropout(Call &call) {
  bool hasInputs = call.version >= 12;
  std::optional<double> isTraining = 0, ratio = call.number("ratio", 0.5);
  if (hasInputs) {
    isTraining = call.has(2) ? knownNumber(call, 2) : 0;
    ratio = call.has(1) ? knownNumber(call, 1) : 0.5;
  } else if (call.version < 7) {
    isTraining = !call.flag("is_test") && call.wants(1);
  }
  if (ratio && !(*ratio >= 0 && *ratio <= 1))
    return void(call.error("ratio") << std::to_string(*ratio) << ", expected 0 to 1 [NNFC-E0213]");
  // Before version 10 the mask has the type of the input.
  Type maskElement = call.version >= 10 ? Type(IntegerType::get(call.context(), 1)) : call.inputElement(0);
  if (isTraining == 0 || ratio == 0) {
    call.outputIsInput(0, 0);
    if (call.wants(1)) {
      Known one{maskElement, {}, {}};
      one.values.push_back(one.isFloat() ? one.ofNumber(1) : Scalar{call.size(1)});
      call.output(1, call.full(call.inputShape(0), one));
    }
    return;
  }
  TensorId x = call.input(0);
  if (isTraining && ratio && !call.wants(1) && !call.hasAttribute("seed"))
    return call.output(0, call.call("dropout", {{"input", x}, {"p", *ratio}, {"training", true}}));

  Type element = call.element(x), computed = Call::computed(element);
  TensorId ratioTensor = ratio ? call.constant(computed, *ratio) : call.cast(call.reshape(call.input(1), {}), computed);
  TensorId modeTensor =
      isTraining ? TensorId() : call.cast(call.reshape(call.input(2), {}), IntegerType::get(call.context(), 1));
  if (call.hasFailed())
    return;
  Shape shape = call.shape(x);
  GraphBuilder &graph = call.graph();
  Draws draws(call);
  Primitives &p = draws.p;
  Value part = graph.value(ratioTensor);
  if (!ratio)
    p.check(p.bitAnd(p.ge(part, 0), p.le(part, 1)), part, p.message("ratio", "expected 0 to 1 [NNFC-E0213]"));
  Value isKept = p.ge(draws.uniform(shape, computed), part), factor = p.div(1, p.sub(1, part));
  if (modeTensor) {
    Value isOff = p.logicalNot(graph.value(modeTensor));
    isKept = p.bitOr(isKept, isOff);
    factor = p.select(isOff, 1, factor);
  }
  Value scaled = p.mul(p.convert(graph.value(x), computed), factor);
  call.output(0, graph.adopt(p.convert(p.select(isKept, scaled, 0), element)));
  call.output(1, graph.adopt(p.convert(isKept, maskElement)));
}

} // namespace

void addRandom(OpTable &table) {
  table.add("RandomUniform", 1, random</*isNormal=*/false, /*likeInput=*/false>);
  table.add("RandomUniformLike", 1, random<false, true>);
  table.add("RandomNormal", 1, random<true, false>);
  table.add("RandomNormalLike", 1, random<true, true>);
  table.add("Bernoulli", 15, bernoulli);
  table.add("Multinomial", 7, multinomial);
  table.add("Dropout", 1, dropout);
}

} // namespace nnf::onnx
