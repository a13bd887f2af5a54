// One step of an optimizer, of ONNX's domain for training.
#include "compiler/import/onnx/OpTable.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

/// What a step knows of one tensor: the rate R and the number T of steps before, rank 0; then X, its gradient G, and
/// what was accumulated.
struct Step {
  Primitives &p;
  Value rate, count, x, gradient;
  ArrayRef<Value> accumulated;

  /// With the gradient of factor/2 * |X|^2.
  Value regularized(double factor) { return p.add(p.mul(x, factor), gradient); }
  Value atFirst(double first, double later) {
    return p.select(p.gt(count, 0), p.full({}, later, Primitives::elementOf(x)), first);
  }
};

/// The new X, and the new accumulated tensors.
using Formula = llvm::function_ref<SmallVector<Value>(Step)>;

/// Inputs are R, T, all X, all G, and all tensors of each accumulated kind; outputs all X, and all of each kind.
void update(Call &call, size_t kinds, Formula formula) {
  size_t each = kinds + 2, count = call.numInputs() < 2 ? 0 : (call.numInputs() - 2) / each;
  if (count == 0 || call.numInputs() != 2 + count * each || call.node.outputs.size() != count * (kinds + 1))
    return void(call.error() << call.numInputs() << " inputs and " << call.node.outputs.size()
                             << " outputs, expected 2 inputs and for each tensor " << each << " more and " << kinds + 1
                             << " outputs [NNFC-E0312]");
  TensorId rate = call.reshape(call.input(0), {}), steps = call.reshape(call.input(1), {});
  for (size_t t = 0; t < count; ++t) {
    SmallVector<TensorId> tensors;
    for (size_t kind = 0; kind < each; ++kind)
      tensors.push_back(call.input(2 + kind * count + t));
    if (call.hasFailed())
      return;
    Primitives p(call.graph().ops(), call.location());
    Type element = call.element(tensors[0]);
    Shape shape = call.shape(tensors[0]);
    SmallVector<Value> values;
    for (TensorId tensor : tensors) {
      Type other = call.element(tensor);
      Shape otherShape = call.shape(tensor);
      if (!isa<FloatType>(other) || other != element || !sameShape(otherShape, shape))
        return void(call.error() << "tensor " << t << " is " << dtypeName(element) << " " << toString(shape) << ", and "
                                 << dtypeName(other) << " " << toString(otherShape)
                                 << " goes with it, expected equal floats [NNFC-E0208]");
      values.push_back(call.graph().value(tensor));
    }
    auto scalar = [&](TensorId x) { return p.convert(call.graph().value(x), element); };
    SmallVector<Value> results =
        formula({p, scalar(rate), scalar(steps), values[0], values[1], ArrayRef(values).drop_front(2)});
    for (auto [kind, result] : llvm::enumerate(results))
      call.output(kind * count + t, call.graph().adopt(result));
  }
}

void momentum(Call &call) {
  double alpha = call.number("alpha", 0), beta = call.number("beta", 0), factor = call.number("norm_coefficient", 0);
  std::string mode = call.text("mode", "");
  for (StringRef name : {"alpha", "beta", "norm_coefficient", "mode"})
    if (!call.hasAttribute(name))
      call.error(name) << "missing, expected a value [NNFC-E0204]";
  if (mode != "standard" && mode != "nesterov")
    call.error("mode") << "'" << mode << "', expected 'standard' or 'nesterov' [NNFC-E0214]";
  update(call, 1, [&](Step s) -> SmallVector<Value> {
    Primitives &p = s.p;
    Value gradient = s.regularized(factor);
    Value next = p.add(p.mul(s.accumulated[0], alpha), p.mul(s.atFirst(1, beta), gradient));
    Value direction = mode == "nesterov" ? p.add(gradient, p.mul(next, alpha)) : next;
    return {p.sub(s.x, p.mul(s.rate, direction)), next};
  });
}

void adagrad(Call &call) {
  double decay = call.number("decay_factor", 0), epsilon = call.number("epsilon", 1e-6f),
         factor = call.number("norm_coefficient", 0);
  update(call, 1, [&](Step s) -> SmallVector<Value> {
    Primitives &p = s.p;
    Value gradient = s.regularized(factor), squares = p.add(s.accumulated[0], p.square(gradient));
    Value rate = p.div(s.rate, p.add(p.mul(s.count, decay), 1));
    return {p.sub(s.x, p.div(p.mul(rate, gradient), p.add(p.sqrt(squares), epsilon))), squares};
  });
}

void adam(Call &call) {
  double alpha = call.number("alpha", 0.9f), beta = call.number("beta", 0.999f),
         epsilon = call.number("epsilon", 1e-6f), factor = call.number("norm_coefficient", 0),
         after = call.number("norm_coefficient_post", 0);
  update(call, 2, [&](Step s) -> SmallVector<Value> {
    Primitives &p = s.p;
    Value gradient = s.regularized(factor);
    Value mean = p.add(p.mul(s.accumulated[0], alpha), p.mul(gradient, 1 - alpha));
    Value squares = p.add(p.mul(s.accumulated[1], beta), p.mul(p.square(gradient), 1 - beta));
    Value corrected = p.div(p.sqrt(p.sub(1, p.pow(beta, s.count))), p.sub(1, p.pow(alpha, s.count)));
    Value rate = p.mul(s.rate, p.select(p.gt(s.count, 0), corrected, 1));
    Value next = p.sub(s.x, p.div(p.mul(rate, mean), p.add(p.sqrt(squares), epsilon)));
    return {p.mul(next, 1 - after), mean, squares};
  });
}

} // namespace

void addTraining(OpTable &table) {
  table.add("Momentum", 1, momentum);
  table.add("Adagrad", 1, adagrad);
  table.add("Adam", 1, adam);
}

} // namespace nnf::onnx
