// Normalizations over batches, instances, layers, channels and vectors.
#include "compiler/import/onnx/OpTable.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

TensorId batchNormWith(Call &call, TensorId x, TensorId mean, TensorId variance) {
  TensorId scale = call.input(1), bias = call.input(2);
  return call.call("batch_norm", {{"input", x},
                                  {"running_mean", mean},
                                  {"running_var", variance},
                                  {"weight", scale},
                                  {"bias", bias},
                                  {"training", false},
                                  {"eps", call.number("epsilon", 1e-5f)}});
}

void batchNormalization(Call &call) {
  TensorId x = call.input(0), mean = call.input(3), variance = call.input(4);
  if (call.version < 9 && !call.flag("spatial", true))
    return call.notThereYet("spatial 0");
  // Version 14 says so; before, a training node was one with more outputs than the first.
  bool isTraining = call.version >= 14 ? call.flag("training_mode") : call.wants(1) || call.wants(2);
  if (call.version < 7 && call.flag("is_test"))
    isTraining = false;
  if (!isTraining)
    return call.output(0, batchNormWith(call, x, mean, variance));
  Ints dims{0};
  for (int64_t d = 2, rank = call.rank(x); d < rank; ++d)
    dims.push_back(d);
  TensorId batchMean = call.call("mean", {{"input", x}, {"dim", list(dims)}});
  TensorId batchVariance = call.call("var", {{"input", x}, {"dim", list(dims)}, {"unbiased", false}});
  call.output(0, batchNormWith(call, x, batchMean, batchVariance));
  double momentum = call.number("momentum", 0.9f);
  auto blend = [&](TensorId old, TensorId now) {
    return call.add(call.mul(old, momentum), call.mul(now, 1 - momentum));
  };
  if (call.wants(1))
    call.output(1, blend(mean, batchMean));
  if (call.wants(2))
    call.output(2, blend(variance, batchVariance));
  // Versions before 14: the statistics of the batch, saved for the gradient.
  if (call.wants(3))
    call.output(3, batchMean);
  if (call.wants(4))
    call.output(4, batchVariance);
}

void instanceNormalization(Call &call) {
  TensorId x = call.input(0), scale = call.input(1), bias = call.input(2);
  call.result(call.call("instance_norm", {{"input", x},
                                          {"weight", scale},
                                          {"bias", bias},
                                          {"use_input_stats", true},
                                          {"eps", call.number("epsilon", 1e-5f)}}));
}

void layerNormalization(Call &call) {
  TensorId x = call.input(0), scale = call.input(1), bias = call.inputOrNone(2);
  Shape shape = call.shape(x);
  int64_t rank = shape.size(), axis = call.axis(call.integer("axis", -1), rank);
  double epsilon = call.number("epsilon", 1e-5f);
  if (call.hasFailed())
    return;
  ArrayRef<Dim> normalized = ArrayRef(shape).drop_front(axis);
  std::optional<SmallVector<int64_t>> sizes = constantsOf(normalized);
  bool isPlain =
      sizes && sameShape(call.shape(scale), normalized) && (!bias || sameShape(call.shape(bias), normalized));
  if (isPlain && !call.wants(1) && !call.wants(2))
    return call.result(call.call(
        "layer_norm",
        {{"input", x}, {"normalized_shape", list(*sizes)}, {"weight", scale}, {"bias", bias}, {"eps", epsilon}}));
  // Statistics in float32, whatever x is.
  Type element = call.element(x), wide = element.isF64() ? element : Type(Float32Type::get(call.context()));
  Ints dims = llvm::to_vector(llvm::seq<int64_t>(axis, rank));
  TensorId y = call.cast(x, wide);
  TensorId mean = call.call("mean", {{"input", y}, {"dim", list(dims)}, {"keepdim", true}});
  TensorId centred = call.sub(y, mean);
  TensorId variance =
      call.call("mean", {{"input", call.mul(centred, centred)}, {"dim", list(dims)}, {"keepdim", true}});
  TensorId inverse = call.unary("rsqrt", call.add(variance, epsilon));
  TensorId result = call.mul(call.cast(call.mul(centred, inverse), element), scale);
  call.output(0, bias ? call.add(result, bias) : result);
  call.output(1, mean);
  call.output(2, inverse);
}

/// Version 18 has one scale a group, version 21 one a channel.
void groupNormalization(Call &call) {
  TensorId x = call.input(0), scale = call.input(1), bias = call.input(2);
  int64_t groups = call.integer("num_groups", 0);
  Shape shape = call.shape(x);
  if (call.hasFailed())
    return;
  if (call.version < 21 && shape.size() >= 2)
    for (TensorId *vector : {&scale, &bias}) {
      Dim each = exactQuotient({shape[1]}, call.shape(*vector), call.context());
      if (!each)
        return void(call.error("scale") << toString(call.shape(*vector)) << " for " << toString(shape[1])
                                        << " channels [NNFC-E0208]");
      TensorId column = call.reshape(*vector, {call.size(groups), call.size(1)});
      *vector = call.reshape(call.expand(column, {call.size(groups), each}), {shape[1]});
    }
  call.result(call.call("group_norm", {{"input", x},
                                       {"num_groups", groups},
                                       {"weight", scale},
                                       {"bias", bias},
                                       {"eps", call.number("epsilon", 1e-5f)}}));
}

void lrn(Call &call) {
  TensorId x = call.input(0);
  int64_t size = call.integer("size", 0);
  // Of an even window ONNX has the odd channel above, torch below.
  auto flipped = [&](TensorId tensor) {
    return size % 2 ? tensor : call.call("flip", {{"input", tensor}, {"dims", std::vector<int64_t>{1}}});
  };
  call.result(flipped(call.call("local_response_norm", {{"input", flipped(x)},
                                                        {"size", size},
                                                        {"alpha", call.number("alpha", 1e-4f)},
                                                        {"beta", call.number("beta", 0.75)},
                                                        {"k", call.number("bias", 1)}})));
}

void lpNormalization(Call &call) {
  TensorId x = call.input(0);
  int64_t axis = call.axis(call.integer("axis", -1), call.inputRank(0)), p = call.integer("p", 2);
  if (p != 1 && p != 2)
    return void(call.error("p") << p << ", expected 1 or 2 [NNFC-E0213]");
  TensorId magnitude = p == 1 ? call.unary("abs", x) : call.mul(x, x);
  TensorId norm = call.call("sum", {{"input", magnitude}, {"dim", std::vector<int64_t>{axis}}, {"keepdim", true}});
  call.result(call.div(x, p == 1 ? norm : call.unary("sqrt", norm)));
}

void meanVarianceNormalization(Call &call) {
  TensorId x = call.input(0);
  Ints dims = call.axes(call.integers("axes", {0, 2, 3}), call.inputRank(0));
  auto mean = [&](TensorId tensor) {
    return call.call("mean", {{"input", tensor}, {"dim", list(dims)}, {"keepdim", true}});
  };
  TensorId centred = call.sub(x, mean(x));
  TensorId deviation = call.unary("sqrt", mean(call.mul(centred, centred)));
  call.result(call.div(centred, call.add(deviation, 1e-9)));
}

} // namespace

void addNormalizations(OpTable &table) {
  table.add("BatchNormalization", 1, batchNormalization);
  table.add("InstanceNormalization", 1, instanceNormalization);
  table.add("LayerNormalization", 17, layerNormalization);
  table.add("GroupNormalization", 18, groupNormalization, "group_norm");
  table.add("LRN", 1, lrn, "local_response_norm");
  table.add("LpNormalization", 1, lpNormalization);
  table.add("MeanVarianceNormalization", 9, meanVarianceNormalization);
}

} // namespace nnf::onnx
