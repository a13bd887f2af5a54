// The functions of the driver beside the run: what the runtime asks before one.
#include "codegen/driver/DriverCode.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
namespace nnf {

DriverCode::DriverCode(ModuleOp module, const DriverPlan &plan)
    : module(module), plan(plan), b(module.getLoc(), module.getContext()),
      pointer(LLVM::LLVMPointerType::get(module.getContext())), i64(b.getI64Type()), i32(b.getI32Type()) {}

Block *DriverCode::startFunction(StringRef name, ArrayRef<Type> arguments, Type result) {
  b.setInsertionPointToEnd(module.getBody());
  Type type = LLVM::LLVMFunctionType::get(result, arguments);
  auto function = LLVM::LLVMFuncOp::create(b, name, type, LLVM::Linkage::Internal);
  Block *block = function.addEntryBlock(b);
  b.setInsertionPointToStart(block);
  return block;
}

Value DriverCode::at(Value base, int64_t bytes) {
  if (bytes == 0)
    return base;
  return LLVM::GEPOp::create(b, pointer, b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)},
                             LLVM::GEPNoWrapFlags::inbounds);
}

Value DriverCode::at(Value base, Value bytes) {
  return LLVM::GEPOp::create(b, pointer, b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{bytes},
                             LLVM::GEPNoWrapFlags::inbounds);
}

Value DriverCode::load(Type type, Value base, int64_t bytes) { return LLVM::LoadOp::create(b, type, at(base, bytes)); }
void DriverCode::store(Value value, Value base, int64_t bytes) { LLVM::StoreOp::create(b, value, at(base, bytes)); }
Value DriverCode::constant32(int64_t value) { return LLVM::ConstantOp::create(b, i32, b.getI32IntegerAttr(value)); }
Value DriverCode::compare(LLVM::ICmpPredicate predicate, Value x, Value y) {
  return LLVM::ICmpOp::create(b, predicate, x, y);
}

SizeCode DriverCode::sizes(Value symbols, bool checked) {
  return SizeCode(
      b,
      [this, symbols](unsigned symbol) {
        std::optional<unsigned> index = plan.signature.indexOf(symbol);
        assert(index && "sizes of launches use symbols of the inputs");
        return load(i64, symbols, 8 * int64_t(*index));
      },
      checked);
}

Value DriverCode::sizeOfRegion(SizeCode &sizes, ArrayRef<Dim> candidates) {
  Value size = sizes.emit(candidates.front());
  for (Dim other : candidates.drop_front())
    size = sizes.max(size, sizes.emit(other));
  return size;
}

llvm::SetVector<Dim> DriverCode::openSizes(const BlockPlan &block) const {
  llvm::SetVector<Dim> sizes;
  auto add = [&](ValueRange values) {
    for (Value value : values)
      for (Dim dim : shapeOf(value))
        if (!isa<AffineSymbolExpr>(dim) && constantOf(dim).value_or(-1) < 0)
          sizes.insert(dim);
  };
  add(func::FuncOp(block.function).front().getTerminator()->getOperands());
  for (const Step &step : block.steps)
    if (auto *launch = std::get_if<unsigned>(&step))
      add(LaunchOp(plan.launches[*launch].op).getOutputs());
    else if (auto *loop = std::get_if<LoopPlan>(&step))
      add(LoopOp(loop->op).getOutputs());
    else if (auto *branch = std::get_if<IfPlan>(&step))
      add(IfOp(branch->op).getOutputs());
  return sizes;
}

void DriverCode::emitArenaBytes() {
  Block *block = startFunction(arenaName, {pointer}, i64);
  SizeCode code = sizes(block->getArgument(0), /*checked=*/true);
  Value total = code.constant(0);
  for (const BlockPlan::MemoryRegion &region : plan.main.regions)
    if (!region.temporary)
      total = code.add(total, sizeOfRegion(code, region.sizes));
  if (Value bad = code.overflow())
    total = LLVM::SelectOp::create(b, bad, code.constant(-1), total);
  LLVM::ReturnOp::create(b, total);
}

/// Looks at the sizes of intermediate results too: where
/// one of them would be negative, so would a tensor inside the run. What the graph requires of sizes comes first.
void DriverCode::emitOutputDims() {
  Block *block = startFunction(dimsName, {pointer, pointer}, i32);
  SizeCode code = sizes(block->getArgument(0), /*checked=*/true);
  int64_t slot = 0;
  for (const TensorSignature &output : plan.signature.outputs)
    for (Dim dim : shapeOf(output.type)) {
      int64_t offset = 8 * slot++;
      if (!dependsOnData(dim))
        store(code.emit(dim), block->getArgument(1), offset);
    }
  for (Dim dim : openSizes(plan.main))
    if (!dependsOnData(dim))
      code.requireNotNegative(code.emit(dim));
  SmallVector<const Requirement *> asked;
  for (const Requirement &require : plan.main.requirements)
    if (!isDecidedByData({require.value, require.tested}))
      asked.push_back(&require);
  SmallVector<std::pair<Value, Value>> requirements; // value, whether it fails
  for (const Requirement *given : asked) {
    const Requirement &require = *given;
    Value tested = code.emit(require.tested);
    Value fails = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::slt, tested, code.constant(0));
    requirements.push_back({code.emit(require.value), fails});
  }
  Value status = constant32(0);
  if (Value bad = code.overflow())
    status = LLVM::SelectOp::create(b, bad, constant32(-1), status);
  // The first requirement in program order has the word.
  Value found = code.constant(0);
  for (auto [require, pair] : llvm::reverse(llvm::zip_equal(asked, requirements))) {
    found = LLVM::SelectOp::create(b, pair.second, pair.first, found);
    status = LLVM::SelectOp::create(b, pair.second, constant32(1 + require->check), status);
  }
  if (!requirements.empty()) {
    Value address = block->getArgument(1);
    Value before = load(i64, address, 0);
    Value fails = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::sgt, status, constant32(0));
    LLVM::StoreOp::create(b, LLVM::SelectOp::create(b, fails, found, before), address);
  }
  LLVM::ReturnOp::create(b, status);
}

} // namespace nnf
