// Activations, and softmax and its kin.
#include "compiler/import/onnx/OpTable.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

void leakyRelu(Call &call) {
  TensorId x = call.input(0);
  call.result(call.call("leaky_relu", {{"input", x}, {"negative_slope", call.number("alpha", 0.01f)}}));
}

void selu(Call &call) {
  TensorId x = call.input(0);
  double alpha = call.number("alpha", call.version < 6 ? 1.6732f : 1.67326319217681884765625),
         gamma = call.number("gamma", call.version < 6 ? 1.0507f : 1.05070102214813232421875);
  call.result(call.mul(call.call("elu", {{"input", x}, {"alpha", alpha}}), gamma));
}

void thresholdedRelu(Call &call) {
  TensorId x = call.input(0);
  call.result(call.call("threshold", {{"input", x}, {"threshold", call.number("alpha", 1)}, {"value", 0.0}}));
}

void hardSigmoid(Call &call) {
  TensorId x = call.input(0);
  TensorId line = call.add(call.mul(x, call.number("alpha", 0.2f)), call.number("beta", 0.5));
  call.result(call.call("clamp", {{"input", line}, {"min", 0.0}, {"max", 1.0}}));
}

void shrink(Call &call) {
  TensorId x = call.input(0);
  double bias = call.number("bias", 0), lambd = call.number("lambd", 0.5);
  Type element = call.element(x);
  TensorId high = call.call("where", {{"condition", call.binary("gt", x, lambd)},
                                      {"input", call.cast(call.sub(x, bias), element)},
                                      {"other", call.constant(element, 0)}});
  call.result(call.call("where", {{"condition", call.binary("lt", x, -lambd)},
                                  {"input", call.cast(call.add(x, bias), element)},
                                  {"other", high}}));
}

void prelu(Call &call) {
  TensorId x = call.input(0), slope = call.input(1);
  Shape shape = call.shape(x), weight = call.shape(slope);
  // torch's weight is one number, or one a channel; ONNX's broadcasts from the end (before version 7: a channel).
  Dim total = productOf(call.context(), weight);
  bool isOne = isConstant(total, 1), isPerChannel = call.version < 7 && weight.size() == 1;
  if (!isPerChannel && shape.size() >= 2 && weight.size() + 1 >= shape.size()) {
    size_t channel = weight.size() - (shape.size() - 1);
    isPerChannel = sameDim(weight[channel], total) && sameDim(total, shape[1]);
  }
  if ((isOne || isPerChannel) && call.isFloat(x))
    return call.result(call.call("prelu", {{"input", x}, {"weight", call.reshape(slope, {total})}}));
  call.result(call.call(
      "where", {{"condition", call.binary("lt", x, int64_t(0))}, {"input", call.mul(x, slope)}, {"other", x}}));
}

/// Before version 13 the tensor is seen as a matrix: dimensions before `axis`, and the rest.
template <typename Map> void alongAxis(Call &call, Map map, bool scalarOk = false) {
  TensorId x = call.input(0);
  Shape shape = call.shape(x);
  int64_t rank = shape.size();
  int64_t axis = call.axis(call.integer("axis", call.version < 13 ? 1 : -1), rank, "axis", scalarOk);
  if (call.hasFailed())
    return;
  if (call.version >= 13 || axis == rank - 1)
    return call.result(map(x, axis));
  MLIRContext *context = call.context();
  TensorId matrix = call.reshape(
      x, {productOf(context, ArrayRef(shape).take_front(axis)), productOf(context, ArrayRef(shape).drop_front(axis))});
  call.result(call.reshape(map(matrix, 1), shape));
}

template <const char *const &function> void softmax(Call &call) {
  alongAxis(
      call, [&](TensorId x, int64_t axis) { return call.call(function, {{"input", x}, {"dim", axis}}); },
      /*scalarOk=*/true);
}
constexpr const char *softmaxName = "softmax", *logSoftmaxName = "log_softmax";

/// 1 at the first maximum, 0 elsewhere.
void hardmax(Call &call) {
  alongAxis(call, [&](TensorId x, int64_t axis) {
    TensorId winner = call.call("argmax", {{"input", x}, {"dim", axis}, {"keepdim", true}});
    TensorId spread = call.expand(winner, call.shape(x));
    Type element = call.element(x);
    return call.primitives({spread}, [&](Primitives &p, ArrayRef<Value> in) {
      Value position = p.iota(Primitives::shapeOf(in[0]), axis, Primitives::elementOf(in[0]));
      return p.convert(p.eq(position, in[0]), element);
    });
  });
}

} // namespace

void addActivations(OpTable &table) {
  // Relu, Elu, Celu, Gelu, Mish, HardSwish, Tanh, Sigmoid, Softsign: the functions' records.
  table.add("LeakyRelu", 1, leakyRelu);
  table.add("Selu", 1, selu);
  table.add("ThresholdedRelu", 1, thresholdedRelu);
  table.add("HardSigmoid", 1, hardSigmoid);
  table.add("Shrink", 9, shrink);
  table.add("PRelu", 1, prelu);
  table.add("Softplus", 1, [](Call &call) { call.result(call.unary("softplus", call.input(0))); });
  table.add("Softmax", 1, softmax<softmaxName>);
  table.add("LogSoftmax", 1, softmax<logSoftmaxName>);
  table.add("Hardmax", 1, hardmax);
}

} // namespace nnf::onnx
