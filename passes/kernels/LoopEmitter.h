// Loops whose steps need the ones before, as a CPU's tasks and a GPU's threads go through them.
#ifndef NNF_PASSES_KERNELS_LOOPEMITTER_H
#define NNF_PASSES_KERNELS_LOOPEMITTER_H

#include "passes/kernels/KernelEmitter.h"

namespace nnf {

/// A row of the carried tensors goes through all steps before the next one. Who computes which of its elements, and how
/// they wait for each other, is the target's.
class LoopEmitter {
public:
  using Value = mlir::Value;

  LoopEmitter(KernelEmitter &emitter, PrimLoopOp op)
      : emitter(emitter), k(emitter.k), e(emitter.e), op(op), shape(shapeOf(op.getInits()[0])),
        rows(shape.begin(), shape.begin() + op.getRows()), row(shape.begin() + op.getRows(), shape.end()),
        trips(op.getTrips().getDims()[0]), numCarried(op.getInits().size()) {}
  virtual ~LoopEmitter() = default;

protected:
  KernelEmitter &emitter;
  KernelBuilder &k;
  ElementEmitter &e;
  PrimLoopOp op;
  Shape shape, rows, row; // of the carried tensors, of their first dimensions, and of the rest
  Dim trips;
  unsigned numCarried;

  /// element(index) for those elements of the row at `at` that are computed here.
  virtual void forElements(const Indices &at, llvm::function_ref<void(const Indices &)> element) = 0;
  /// Waits until all elements of the row are stored.
  virtual void meet() {}

  mlir::Block &body() { return op.getBody().front(); }
  void bindArguments();
  void emitRow(const Indices &at);

private:
  void store(const Indices &row, unsigned first, llvm::function_ref<Value(unsigned, const Indices &)> value);
  bool isPerRow(Value value) { return sameShape(shapeOf(value), rows); }
  Value stepCondition();
  void evaluateRowValues(const Indices &row);
  void emitStep(const Indices &row);
};

} // namespace nnf
#endif
