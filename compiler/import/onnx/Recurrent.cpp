// RNN, GRU and LSTM: the projections of all inputs are one product, and each step adds that of the state. Few steps are
// unrolled, others are a loop of the driver.
#include "compiler/import/onnx/OpTable.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

/// So many steps are unrolled at most: their kernels are shared, but each has its launches.
constexpr int64_t mostUnrolled = 8;

/// An activation by ONNX's name, with its two parameters.
struct Activation {
  std::string name;
  double alpha = 0, beta = 0;
};

std::optional<Activation> activationOf(StringRef name) {
  static const struct {
    StringRef name;
    double alpha, beta;
  } known[] = {{"relu", 0, 0},         {"tanh", 0, 0},
               {"sigmoid", 0, 0},      {"affine", 1, 0},
               {"leakyrelu", 0.01, 0}, {"thresholdedrelu", 1, 0},
               {"scaledtanh", 1, 1},   {"hardsigmoid", 0.2, 0.5},
               {"elu", 1, 0},          {"softsign", 0, 0},
               {"softplus", 0, 0}};
  for (const auto &each : known)
    if (name.equals_insensitive(each.name))
      return Activation{each.name.str(), each.alpha, each.beta};
  return std::nullopt;
}

TensorId apply(Call &call, const Activation &f, TensorId x) {
  if (f.name == "affine")
    return call.add(call.mul(x, f.alpha), f.beta);
  if (f.name == "leakyrelu")
    return call.call("leaky_relu", {{"input", x}, {"negative_slope", f.alpha}});
  if (f.name == "thresholdedrelu")
    return call.call("threshold", {{"input", x}, {"threshold", f.alpha}, {"value", 0.0}});
  if (f.name == "scaledtanh")
    return call.mul(call.unary("tanh", call.mul(x, f.beta)), f.alpha);
  if (f.name == "hardsigmoid")
    return call.call("clamp", {{"input", call.add(call.mul(x, f.alpha), f.beta)}, {"min", 0.0}, {"max", 1.0}});
  if (f.name == "elu")
    return call.call("elu", {{"input", x}, {"alpha", f.alpha}});
  return call.unary(f.name, x);
}

/// Which inputs and how many gates an operator has, in ONNX's order.
struct Cell {
  size_t gates;       ///< rows of W and R over hidden_size
  size_t activations; ///< per direction
  const char *defaultActivations[3];
};
constexpr Cell rnnCell{1, 1, {"tanh", nullptr, nullptr}}, gruCell{3, 2, {"sigmoid", "tanh", nullptr}},
    lstmCell{4, 3, {"sigmoid", "tanh", "tanh"}};

/// One direction: its weights, its functions, and the state it carries from step to step.
struct Direction {
  TensorId inputs;          ///< [T, B, gates * H]: products with W, biases added
  TensorId recurrent, bias; ///< R transposed [H, gates * H]; the recurrent bias [gates * H] where it is apart
  TensorId peephole;        ///< [3 * H] or none
  SmallVector<Activation> f;
  TensorId hidden, cell; ///< [B, H]
  bool reverse = false;
  TensorId sequence; ///< [T, B, H]: the state after each step, in the order of the input
};

class Recurrence {
public:
  Recurrence(Call &call, const Cell &cell) : call(call), cell(cell) {}
  void run();

private:
  bool readShapes();
  bool readActivations();
  Direction directionOf(int64_t d);
  TensorId row(TensorId x, int64_t i);
  TensorId gate(TensorId x, size_t i) {
    return call.slice(x, call.rank(x) - 1, call.size(i * hidden), call.size(hidden));
  }
  TensorId clipped(TensorId x) {
    return clip > 0 ? call.call("clamp", {{"input", x}, {"min", -clip}, {"max", clip}}) : x;
  }
  void step(Direction &d, TensorId input);
  TensorId stepOrKeep(Direction &d, TensorId input, ArgumentValue t);
  void unroll(Direction &d);
  void loop(Direction &d);
  TensorId only(TensorId isOn, TensorId now, TensorId before) {
    return call.call("where", {{"condition", isOn}, {"input", now}, {"other", before}});
  }

  Call &call;
  const Cell &cell;
  TensorId x, lengths;
  int64_t hidden = 0, numDirections = 1;
  Dim steps, batch;
  double clip = 0;
  bool batchFirst = false, linearBeforeReset = false, inputForget = false;
  std::string direction;
  SmallVector<SmallVector<Activation>> activations;
};

/// x[i] without its first dimension.
TensorId Recurrence::row(TensorId tensor, int64_t i) {
  Shape shape = call.shape(tensor);
  if (call.hasFailed())
    return {};
  return call.reshape(call.slice(tensor, 0, call.size(i), call.size(1)), ArrayRef(shape).drop_front());
}

bool Recurrence::readShapes() {
  direction = call.text("direction", "forward");
  if (direction != "forward" && direction != "reverse" && direction != "bidirectional") {
    call.error("direction") << "'" << direction << "', expected 'forward', 'reverse' or 'bidirectional' [NNFC-E0214]";
    return false;
  }
  numDirections = direction == "bidirectional" ? 2 : 1;
  batchFirst = call.flag("layout");
  linearBeforeReset = call.flag("linear_before_reset");
  inputForget = call.flag("input_forget");
  clip = call.number("clip", 0);
  x = call.input(0);
  if (batchFirst && !call.hasFailed() && call.rank(x) == 3)
    x = call.permute(x, {1, 0, 2});
  Shape shape = call.shape(x), weight = call.inputShape(2);
  if (call.hasFailed())
    return false;
  std::optional<int64_t> size = weight.size() == 3 ? constantOf(weight[2]) : std::nullopt;
  if (shape.size() != 3 || !size || !isConstant(weight[0], numDirections) ||
      !isConstant(weight[1], *size * static_cast<int64_t>(cell.gates))) {
    call.error() << "X of rank " << static_cast<int64_t>(shape.size()) << " and R " << toString(weight)
                 << ", expected rank 3, and [" << numDirections << ", " << static_cast<int64_t>(cell.gates)
                 << " * hidden_size, hidden_size] [NNFC-E0207]";
    return false;
  }
  steps = shape[0];
  batch = shape[1];
  hidden = *size;
  if (int64_t given = call.integer("hidden_size", hidden); given != hidden)
    call.error("hidden_size") << given << ", expected " << hidden << " as in R [NNFC-E0213]";
  lengths = call.inputOrNone(4);
  return !call.hasFailed();
}

bool Recurrence::readActivations() {
  const Attribute *names = call.attribute("activations", Attribute::Kind::Strings);
  size_t wanted = cell.activations * numDirections;
  std::vector<std::string> all;
  if (names)
    all = names->strings;
  else
    for (size_t i = 0; i < wanted; ++i)
      all.push_back(cell.defaultActivations[i % cell.activations]);
  if (all.size() != wanted) {
    call.error("activations") << static_cast<int64_t>(all.size()) << " entries, expected "
                              << static_cast<int64_t>(wanted) << " [NNFC-E0212]";
    return false;
  }
  const Attribute *alphas = call.attribute("activation_alpha", Attribute::Kind::Floats),
                  *betas = call.attribute("activation_beta", Attribute::Kind::Floats);
  activations.resize(numDirections);
  for (size_t i = 0; i < wanted; ++i) {
    std::optional<Activation> f = activationOf(all[i]);
    if (!f) {
      call.error("activations") << "'" << all[i] << "', expected one that ONNX names [NNFC-E0214]";
      return false;
    }
    if (alphas && i < alphas->floats.size())
      f->alpha = alphas->floats[i];
    if (betas && i < betas->floats.size())
      f->beta = betas->floats[i];
    activations[i / cell.activations].push_back(*f);
  }
  return !call.hasFailed();
}

Direction Recurrence::directionOf(int64_t d) {
  Direction one;
  one.reverse = direction == "reverse" || d == 1;
  one.f = activations[d];
  TensorId weight = row(call.input(1), d);
  one.inputs = call.binary("matmul", x, call.permute(weight, {1, 0}));
  one.recurrent = call.permute(row(call.input(2), d), {1, 0});
  Type element = call.element(x);
  if (TensorId biases = call.inputOrNone(3)) {
    int64_t size = hidden * static_cast<int64_t>(cell.gates);
    if (Shape shape = call.shape(biases);
        !call.hasFailed() && !sameShape(shape, {call.size(numDirections), call.size(2 * size)}))
      call.error("B") << "shape " << toString(shape) << ", expected [" << numDirections << ", " << 2 * size
                      << "] [NNFC-E0208]";
    TensorId both = row(biases, d);
    TensorId ofInput = call.slice(both, 0, call.size(0), call.size(size)),
             ofState = call.slice(both, 0, call.size(size), call.size(size));
    one.inputs = call.add(one.inputs, ofInput);
    // GRU may scale the state's product with its bias; elsewhere both biases are one sum.
    if (cell.gates == gruCell.gates && linearBeforeReset)
      one.bias = ofState;
    else
      one.inputs = call.add(one.inputs, ofState);
  }
  Known zero{element, {}, {}};
  zero.values.push_back(zero.ofNumber(0));
  auto initial = [&](size_t input) {
    if (!call.has(input))
      return call.full({batch, call.size(hidden)}, zero);
    TensorId given = call.input(input);
    return row(batchFirst ? call.permute(given, {1, 0, 2}) : given, d);
  };
  one.hidden = initial(5);
  if (cell.gates == lstmCell.gates) {
    one.cell = initial(6);
    if (call.has(7))
      one.peephole = row(call.input(7), d);
  }
  return one;
}

void Recurrence::step(Direction &d, TensorId input) {
  if (cell.gates == rnnCell.gates) {
    TensorId sum = call.add(input, call.binary("matmul", d.hidden, d.recurrent));
    d.hidden = apply(call, d.f[0], clipped(sum));
    return;
  }
  if (cell.gates == gruCell.gates) {
    // Gates z, r, h.
    auto ofState = [&](TensorId state, size_t first, size_t count) {
      TensorId weight = call.slice(d.recurrent, 1, call.size(first * hidden), call.size(count * hidden));
      TensorId product = call.binary("matmul", state, weight);
      if (!d.bias)
        return product;
      return call.add(product, call.slice(d.bias, 0, call.size(first * hidden), call.size(count * hidden)));
    };
    TensorId product = ofState(d.hidden, 0, 2);
    TensorId z = apply(call, d.f[0], clipped(call.add(gate(input, 0), gate(product, 0))));
    TensorId r = apply(call, d.f[0], clipped(call.add(gate(input, 1), gate(product, 1))));
    TensorId scaled = linearBeforeReset ? call.mul(r, ofState(d.hidden, 2, 1)) : ofState(call.mul(r, d.hidden), 2, 1);
    TensorId h = apply(call, d.f[1], clipped(call.add(gate(input, 2), scaled)));
    // (1 - z) h + z H
    d.hidden = call.add(h, call.mul(z, call.sub(d.hidden, h)));
    return;
  }
  // Gates i, o, f, c; peepholes i, o, f.
  TensorId sum = call.add(input, call.binary("matmul", d.hidden, d.recurrent));
  auto peeped = [&](TensorId x, size_t i, TensorId state) {
    if (!d.peephole)
      return x;
    TensorId weight = call.slice(d.peephole, 0, call.size(i * hidden), call.size(hidden));
    return call.add(x, call.mul(state, weight));
  };
  TensorId i = apply(call, d.f[0], clipped(peeped(gate(sum, 0), 0, d.cell)));
  TensorId f = inputForget ? call.call("sub", {{"input", int64_t(1)}, {"other", i}})
                           : apply(call, d.f[0], clipped(peeped(gate(sum, 2), 2, d.cell)));
  TensorId c = apply(call, d.f[1], clipped(gate(sum, 3)));
  d.cell = call.add(call.mul(f, d.cell), call.mul(i, c));
  TensorId o = apply(call, d.f[0], clipped(peeped(gate(sum, 1), 1, d.cell)));
  d.hidden = call.mul(o, apply(call, d.f[2], d.cell));
}

/// Makes step t and gives its output. Past the end of a sequence the state stays, and the output is 0.
TensorId Recurrence::stepOrKeep(Direction &d, TensorId input, ArgumentValue t) {
  TensorId hiddenBefore = d.hidden, cellBefore = d.cell;
  step(d, input);
  if (!lengths || call.hasFailed())
    return d.hidden;
  TensorId isOn = call.reshape(call.binary("gt", call.cast(lengths, IntegerType::get(call.context(), 64)), t),
                               {batch, call.size(1)});
  TensorId output = only(isOn, d.hidden, call.constant(call.element(x), 0));
  d.hidden = only(isOn, d.hidden, hiddenBefore);
  if (d.cell)
    d.cell = only(isOn, d.cell, cellBefore);
  return output;
}

void Recurrence::unroll(Direction &d) {
  int64_t count = *constantOf(steps);
  std::vector<TensorId> outputs(count);
  for (int64_t i = 0; i < count && !call.hasFailed(); ++i) {
    int64_t t = d.reverse ? count - 1 - i : i;
    outputs[t] = stepOrKeep(d, row(d.inputs, t), t);
  }
  if (call.wants(0) && !call.hasFailed())
    d.sequence = call.call("stack", {{"tensors", std::move(outputs)}, {"dim", int64_t(0)}});
}

void Recurrence::loop(Direction &d) {
  Type i64 = IntegerType::get(call.context(), 64);
  SmallVector<TensorId> inits{d.hidden};
  if (d.cell)
    inits.push_back(d.cell);
  if (call.hasFailed())
    return;
  SmallVector<Type> types{RankedTensorType::get({}, i64)};
  for (TensorId init : inits)
    types.push_back(call.graph().value(init).getType());
  SmallVector<TensorId> arguments = call.graph().beginBody(types);
  TensorId t = arguments[0];
  if (d.reverse)
    t = call.primitives(
        {t}, [&](Primitives &p, ArrayRef<Value> in) { return p.sub(p.size(simplify(steps - 1), i64), in[0]); });
  TensorId input = call.primitives({d.inputs, t}, [](Primitives &p, ArrayRef<Value> in) {
    return p.gather(in[0], {in[1]}, {0}, BoundsKind::Clamp);
  });
  d.hidden = arguments[1];
  if (d.cell)
    d.cell = arguments[2];
  TensorId output = stepOrKeep(d, input, t);
  if (call.hasFailed())
    return;
  SmallVector<TensorId> results{d.hidden};
  if (d.cell)
    results.push_back(d.cell);
  if (call.wants(0))
    results.push_back(output);
  GraphBuilder::Body body = call.graph().endBody(results);
  FailureOr<SmallVector<TensorId>> made =
      call.graph().addLoop(body, steps, /*isConditional=*/false, inits, call.location());
  if (failed(made))
    return call.fail();
  d.hidden = (*made)[0];
  if (d.cell)
    d.cell = (*made)[1];
  if (!call.wants(0))
    return;
  d.sequence = made->back();
  if (d.reverse)
    d.sequence = call.primitives({d.sequence}, [](Primitives &p, ArrayRef<Value> in) { return p.flip(in[0], {0}); });
}

void Recurrence::run() {
  if (!readShapes() || !readActivations())
    return;
  std::optional<int64_t> count = constantOf(steps);
  bool isUnrolled = count && *count > 0 && *count <= mostUnrolled;
  std::vector<TensorId> sequences, lastHidden, lastCell;
  for (int64_t i = 0; i < numDirections && !call.hasFailed(); ++i) {
    Direction d = directionOf(i);
    isUnrolled ? unroll(d) : loop(d);
    sequences.push_back(d.sequence);
    lastHidden.push_back(d.hidden);
    lastCell.push_back(d.cell);
  }
  if (call.hasFailed())
    return;
  auto stacked = [&](std::vector<TensorId> &parts, int64_t dim) {
    return call.call("stack", {{"tensors", parts}, {"dim", dim}});
  };
  // Y is [T, D, B, H], or [B, T, D, H]; the last states [D, B, H], or [B, D, H].
  if (call.wants(0)) {
    TensorId y = stacked(sequences, 1);
    call.output(0, batchFirst ? call.permute(y, {2, 0, 1, 3}) : y);
  }
  if (call.wants(1))
    call.output(1, stacked(lastHidden, batchFirst ? 1 : 0));
  if (call.wants(2))
    call.output(2, stacked(lastCell, batchFirst ? 1 : 0));
}

template <const Cell &cell> void recurrent(Call &call) { Recurrence(call, cell).run(); }

} // namespace

void addRecurrent(OpTable &table) {
  table.add("RNN", 1, recurrent<rnnCell>);
  table.add("GRU", 1, recurrent<gruCell>);
  table.add("LSTM", 1, recurrent<lstmCell>);
}

} // namespace nnf::onnx
