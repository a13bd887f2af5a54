// Operators that are one to one with a function: what the function's record says.
#include "compiler/import/onnx/OpTable.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

const nnf::Function *recordOf(StringRef op) {
  for (const nnf::Function &function : allFunctions())
    for (const OnnxOperator &onnx : function.onnx)
      if (StringRef(onnx.name.data(), onnx.name.size()) == op)
        return &function;
  return nullptr;
}

/// Inputs are the operands, in order; attributes are those of the same name.
void convert(Call &call) {
  const nnf::Function *function = recordOf(call.node.opType);
  std::vector<Argument> arguments;
  size_t next = 0;
  for (const Parameter &parameter : function->parameters) {
    std::string name(parameter.name);
    if (parameter.isOperand()) {
      if (parameter.presence == Presence::Required)
        arguments.push_back({name, call.input(next)});
      else
        arguments.push_back({name, call.inputOrNone(next)});
      ++next;
      continue;
    }
    const Attribute *attribute = call.node.attribute(name);
    if (!attribute)
      continue;
    using Kind = Attribute::Kind;
    switch (attribute->kind) {
    case Kind::Int: arguments.push_back({name, attribute->i}); break;
    case Kind::Float: arguments.push_back({name, attribute->f}); break;
    case Kind::String: arguments.push_back({name, attribute->s}); break;
    case Kind::Ints: arguments.push_back({name, attribute->ints}); break;
    case Kind::Floats: arguments.push_back({name, attribute->floats}); break;
    default: call.error(name) << "no number or string, expected one [NNFC-E0305]";
    }
  }
  for (const Attribute &attribute : call.node.attributes)
    // `consumed_inputs` is a hint of the first versions about memory.
    if (!function->parameter(attribute.name) && attribute.name != "consumed_inputs")
      call.error(attribute.name) << "is no attribute of the operator [NNFC-E0305]";
  if (call.numInputs() > next)
    call.error() << call.numInputs() << " inputs, expected at most " << next << " [NNFC-E0312]";
  call.result(call.call(StringRef(function->name.data(), function->name.size()), std::move(arguments)));
}

} // namespace

void addRecords(OpTable &table) {
  for (const nnf::Function &function : allFunctions())
    for (const OnnxOperator &onnx : function.onnx) {
      StringRef name(onnx.name.data(), onnx.name.size());
      // Up to version 6 operators changed in `consumed_inputs` alone.
      int64_t introduced, since = onnx.since <= 6 ? 1 : onnx.since;
      table.find(name, newestOpset, &introduced);
      if (!introduced)
        table.add(name, since, convert);
    }
}

} // namespace nnf::onnx
