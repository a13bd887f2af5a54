// Outputs that no kernel writes, or that two names stand for, are copied.
#include "codegen/Passes.h"
#include "codegen/driver/DriverPlan.h"
#include "codegen/driver/KernelEntry.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_COPYOUTPUTS
#include "codegen/Passes.h.inc"

namespace {

constexpr int64_t bytesPerTask = 1 << 16;

/// @nnf.copy(source, target, bytes, first, last, scratch): vectors of 32 bytes, then single ones.
void addCopyKernel(ModuleOp module) {
  MLIRContext *context = module.getContext();
  ImplicitLocOpBuilder b(NameLoc::get(StringAttr::get(context, copyKernelName)), context);
  b.setInsertionPointToEnd(module.getBody());
  Type pointer = LLVM::LLVMPointerType::get(context), i64 = b.getI64Type();
  auto type = b.getFunctionType({pointer, pointer, i64, i64, i64, pointer}, {});
  auto kernel = func::FuncOp::create(b, copyKernelName, type);
  kernel.setPrivate();
  for (unsigned i : {0, 1})
    kernel.setArgAttr(i, "llvm.noalias", b.getUnitAttr());
  Dim bytes = getAffineSymbolExpr(context->getLoadedDialect<NnfDialect>()->symbolId("bytes"), context);
  kernel->setAttr("nnf.kernel", b.getUnitAttr());
  kernel->setAttr("nnf.symbols", b.getStrArrayAttr({"bytes"}));
  kernel->setAttr("nnf.grid", DimsAttr::get(context, {bytes.ceilDiv(bytesPerTask)}));
  kernel->setAttr("nnf.scratch", b.getI64IntegerAttr(0));
  kernel->setAttr("nnf.title", b.getStringAttr("copy"));
  Block *body = kernel.addEntryBlock();
  b.setInsertionPointToStart(body);
  Value source = body->getArgument(0), target = body->getArgument(1), total = body->getArgument(2);
  auto constant = [&](int64_t value) -> Value { return arith::ConstantIntOp::create(b, i64, value); };
  Value task = constant(bytesPerTask);
  Value begin = arith::MulIOp::create(b, body->getArgument(3), task);
  Value end = arith::MinSIOp::create(b, arith::MulIOp::create(b, body->getArgument(4), task), total);
  // Floor of the length to whole vectors; begin is a multiple of the task's size.
  Value wide = arith::AndIOp::create(b, arith::SubIOp::create(b, end, begin), constant(~int64_t(31)));
  Value middle = arith::AddIOp::create(b, begin, wide);
  auto copyLoop = [&](Value from, Value to, int64_t step, Type unit) {
    auto loop = scf::ForOp::create(b, from, to, constant(step));
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(loop.getBody());
    auto at = [&](Value base) {
      return LLVM::GEPOp::create(b, pointer, b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{loop.getInductionVar()});
    };
    Value piece = LLVM::LoadOp::create(b, unit, at(source), /*alignment=*/1);
    LLVM::StoreOp::create(b, piece, at(target), /*alignment=*/1);
  };
  copyLoop(begin, middle, 32, VectorType::get({32}, b.getI8Type()));
  copyLoop(middle, end, 1, b.getI8Type());
  func::ReturnOp::create(b);
}

struct CopyOutputs : impl::CopyOutputsBase<CopyOutputs> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    bool copied = false;
    for (func::FuncOp function : driverFunctions(module))
      copied |= copyOutputs(function);
    if (copied && !module.lookupSymbol(copyKernelName))
      addCopyKernel(module);
  }

  /// Whether there was something to copy.
  bool copyOutputs(func::FuncOp function) {
    Operation *terminator = function.front().getTerminator();
    OpBuilder builder(terminator);
    DenseSet<Value> claimed;
    bool copied = false;
    for (OpOperand &operand : terminator->getOpOperands()) {
      Value storage = storageOf(operand.get());
      if (writesOutput(storage) && claimed.insert(storage).second)
        continue;
      auto type = cast<RankedTensorType>(operand.get().getType());
      Shape shape = shapeOf(type);
      shape.push_back(dimOf(&getContext(), elementBytes(type.getElementType())));
      auto copy = LaunchOp::create(
          builder, operand.get().getLoc(), TypeRange{type}, copyKernelName, ValueRange{operand.get()},
          DimsAttr::get(&getContext(), {productOf(&getContext(), shape)}), builder.getStrArrayAttr({}));
      operand.set(copy.getResult(0));
      copied = true;
    }
    return copied;
  }
};

} // namespace
} // namespace nnf
