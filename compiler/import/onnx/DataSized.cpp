// Outputs as large as the data say: positions of what is not zero, and what a condition picks.
#include "compiler/import/onnx/OpTable.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

/// One row for each dimension, where torch has one column.
void nonZero(Call &call) { call.result(call.permute(call.unary("nonzero", call.input(0)), {1, 0})); }

/// Slices along `axis` where the condition is true, or elements of the flat input. A condition may be shorter.
void compress(Call &call) {
  TensorId x = call.input(0);
  Shape condition = call.inputShape(1);
  if (condition.size() != 1)
    return void(call.error("condition") << "shape " << toString(condition) << ", expected rank 1");
  int64_t axis = 0;
  if (call.hasAttribute("axis"))
    axis = call.axis(call.integer("axis", 0), call.rank(x));
  else
    x = call.reshape(x, {productOf(call.context(), call.shape(x))});
  TensorId index;
  const Known *known = call.known(1);
  if (std::optional<SmallVector<int64_t>> picks = known ? known->integers() : std::nullopt) {
    Ints places;
    for (auto [i, isPicked] : llvm::enumerate(*picks))
      if (isPicked)
        places.push_back(i);
    index = call.constant(IntegerType::get(call.context(), 64), places);
  } else {
    TensorId places = call.unary("nonzero", call.input(1));
    Shape shape = call.shape(places);
    index = call.reshape(places, ArrayRef(shape).take_front());
  }
  call.result(call.call("index_select", {{"input", x}, {"dim", axis}, {"index", index}}));
}

} // namespace

void addDataSized(OpTable &table) {
  table.add("NonZero", 9, nonZero);
  table.add("Compress", 9, compress);
}

} // namespace nnf::onnx
