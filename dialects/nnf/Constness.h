// Which values depend on weights and constants only.
#ifndef NNF_DIALECTS_NNF_CONSTNESS_H
#define NNF_DIALECTS_NNF_CONSTNESS_H

#include "dialects/nnf/Nnf.h"

namespace nnf {

/// Answers for values of one function; remembers until told to forget, which a pass does after it rewrites.
class Constness {
public:
  bool isConstant(mlir::Value value);
  void forget() { known.clear(); }

private:
  llvm::DenseMap<mlir::Operation *, bool> known;
};

} // namespace nnf
#endif
