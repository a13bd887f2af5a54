#include "codegen/driver/KernelEntry.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

using namespace mlir;
namespace nnf {
namespace {

LLVM::LLVMFuncOp makeEntry(ImplicitLocOpBuilder &b, StringRef name, LLVM::Linkage linkage) {
  auto pointer = LLVM::LLVMPointerType::get(b.getContext());
  Type i64 = b.getI64Type();
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), {pointer, i64, i64, pointer});
  auto entry = LLVM::LLVMFuncOp::create(b, name, type, linkage);
  if (linkage == LLVM::Linkage::External) { // between the objects of one library
    entry.setVisibility_(LLVM::Visibility::Hidden);
    entry.setDsoLocal(true);
  }
  return entry;
}

ImplicitLocOpBuilder builderAfter(func::FuncOp kernel) {
  ImplicitLocOpBuilder b(kernel->getParentOp()->getLoc(), kernel.getContext());
  b.setInsertionPointToEnd(kernel->getParentOfType<ModuleOp>().getBody());
  return b;
}

} // namespace

std::string entryName(func::FuncOp kernel) {
  auto elsewhere = kernel->getAttrOfType<StringAttr>(entryAttr);
  return elsewhere ? elsewhere.str() : kernel.getSymName().str() + ".entry";
}

void emitEntry(func::FuncOp kernel, StringRef name, LLVM::Linkage linkage) {
  if (!kernel.isExternal())
    kernel->setAttr("llvm.linkage", LLVM::LinkageAttr::get(kernel.getContext(), LLVM::Linkage::Internal));
  ImplicitLocOpBuilder b = builderAfter(kernel);
  Block *block = makeEntry(b, name, linkage).addEntryBlock(b);
  b.setInsertionPointToStart(block);
  SmallVector<Value> arguments;
  Value slots = block->getArgument(0);
  for (auto [slot, type] : llvm::enumerate(kernel.getArgumentTypes().drop_back(3))) {
    Value address = slots;
    if (slot > 0)
      address =
          LLVM::GEPOp::create(b, slots.getType(), b.getI8Type(), slots,
                              ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(8 * slot)}, LLVM::GEPNoWrapFlags::inbounds);
    arguments.push_back(LLVM::LoadOp::create(b, type, address));
  }
  for (unsigned i : {1, 2, 3})
    arguments.push_back(block->getArgument(i));
  func::CallOp::create(b, kernel, arguments);
  LLVM::ReturnOp::create(b, ValueRange{});
}

void declareEntry(func::FuncOp kernel) {
  ImplicitLocOpBuilder b = builderAfter(kernel);
  std::string name = entryName(kernel);
  if (!kernel->getParentOfType<ModuleOp>().lookupSymbol(name))
    makeEntry(b, name, LLVM::Linkage::External);
}

} // namespace nnf
