// Result types of activations.
#include "dialects/nnf/Nnf.h"

using namespace mlir;
namespace nnf {

LogicalResult ReluOp::inferReturnTypes(MLIRContext *, std::optional<Location>, Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  types.push_back(adaptor.getInput().getType());
  return success();
}

} // namespace nnf
