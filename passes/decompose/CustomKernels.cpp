// Kernels of one's own as a primitive: the texts of the launch become sizes and numbers.
#include "dialects/nnf/CustomKernels.h"
#include "passes/decompose/Decompositions.h"

using namespace mlir;
namespace nnf {
namespace {

Decompositions::Values customCuda(CustomCudaOp op, CustomCudaOp::Adaptor x, Primitives &p) {
  FailureOr<CustomLaunch> launch = readCustomLaunch(op.getLoc(), x);
  if (failed(launch))
    return {Value()};
  using Parameter = CustomLaunch::Parameter;
  SmallVector<int64_t> parameters, bytes;
  SmallVector<Dim> values;
  int64_t inputs = op.getInputs().size(), outputs = op.getOutputs().size();
  for (const Parameter &parameter : launch->parameters) {
    bytes.push_back(parameter.bytes);
    if (parameter.kind == Parameter::Value) {
      parameters.push_back(inputs + outputs + values.size());
      values.push_back(parameter.value);
    } else {
      parameters.push_back(parameter.index + (parameter.kind == Parameter::Output ? inputs : 0));
    }
  }
  OpBuilder builder(op);
  auto made = PrimCustomCudaOp::create(builder, op.getLoc(), op.getResultTypes(), x.getInputs(), op.getSource(),
                                       op.getKernel(), DimsAttr::get(p.context(), launch->grid), launch->block,
                                       launch->sharedBytes, parameters, DimsAttr::get(p.context(), values), bytes);
  return Decompositions::Values(made.getOutputs());
}

} // namespace

// Its operands are what the kernel reads: 16-bit floats stay.
void addCustomKernels(Decompositions &table) { table.addMove<CustomCudaOp>(customCuda); }

} // namespace nnf
