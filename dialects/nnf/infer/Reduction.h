// The shape a reduction leaves.
#ifndef NNF_DIALECTS_NNF_INFER_REDUCTION_H
#define NNF_DIALECTS_NNF_INFER_REDUCTION_H

#include "dialects/nnf/infer/Arguments.h"

namespace nnf {

/// `shape` without `dims`, or with size 1 there.
Shape reducedShape(llvm::ArrayRef<Dim> shape, Ints dims, bool keep);

} // namespace nnf
#endif
