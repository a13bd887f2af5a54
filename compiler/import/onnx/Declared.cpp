#include "compiler/import/onnx/Declared.h"
#include "compiler/import/onnx/Importer.h"
#include "compiler/import/onnx/OpTable.h"

using namespace mlir;
namespace nnf::onnx {

std::optional<Shape> declaredSizes(Call &call, StringRef parameter, Accepts accepts) {
  std::optional<size_t> input = inputOfParameter(call.node.opType, parameter, call.version);
  const Known *known = input ? call.known(*input) : nullptr;
  if (!input || !call.has(*input) || (known && known->sizes()))
    return call.sizes(parameter);
  std::optional<Shape> declared = call.importer.declaredShape(call.node.outputs.front());
  Shape entries = call.inputShape(*input);
  bool fits = declared && entries.size() == 1 && isConstant(entries[0], declared->size());
  if (!fits)
    return call.sizes(parameter); // reports
  checkAgainst(call, parameter, *declared, accepts);
  return declared;
}

void checkAgainst(Call &call, StringRef parameter, ArrayRef<Dim> sizes, Accepts accepts) {
  std::optional<size_t> input = inputOfParameter(call.node.opType, parameter, call.version);
  TensorId given = call.input(*input);
  if (call.hasFailed() || sizes.empty())
    return;
  Known expected{call.element(given), {static_cast<int64_t>(sizes.size())}, {}};
  for (Dim size : sizes)
    expected.values.push_back({size});
  TensorId declared = call.constant(expected);
  std::string message = "node '" + call.node.name + "' (" + call.node.opType + "), argument '" + parameter.str() +
                        "': {value}, expected the size the model declares for '" + call.node.outputs.front() + "'";
  if (call.hasFailed())
    return;
  Primitives p(call.graph().ops(), call.location());
  Value values = p.reshape(call.graph().value(given), {call.size(sizes.size())});
  p.check(accepts(p, values, call.graph().value(declared)), values, message);
}

} // namespace nnf::onnx
