// Kernels in CUDA C++ that the model has brought: a declaration, and launches with what it takes.
#include "dialects/nnf/CustomKernels.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "passes/kernels/gpu/GpuEmitter.h"

using namespace mlir;
namespace nnf {

bool emitGpuCustom(KernelOp kernel, const TargetInfo &) {
  auto ops = kernel.getBody().getOps<PrimCustomCudaOp>();
  if (ops.empty())
    return false;
  PrimCustomCudaOp op = *ops.begin();
  MLIRContext *context = kernel.getContext();
  auto *dialect = context->getLoadedDialect<NnfDialect>();
  auto module = kernel->getParentOfType<ModuleOp>();

  // The launch binds a size to each value and to each dimension of the grid, in terms of the kernel's own symbols.
  Shape sizes(op.getValues().getDims());
  llvm::append_range(sizes, op.getGrid().getDims());
  SmallVector<unsigned> symbols;
  for (Attribute name : kernel.getSymbols())
    symbols.push_back(dialect->symbolId(cast<StringAttr>(name).getValue()));
  Location location = kernel.getLoc();
  module.walk([&](LaunchOp launch) {
    if (launch.getKernelAttr().getAttr() != kernel.getSymNameAttr())
      return;
    if (isa<UnknownLoc>(location)) // errors of its source name the node
      location = launch.getLoc();
    llvm::DenseMap<unsigned, Dim> bound;
    for (auto [symbol, dim] : llvm::zip_equal(symbols, launch.getSymbols().getDims()))
      bound[symbol] = dim;
    DenseMap<AffineExpr, AffineExpr> replaced;
    for (auto [symbol, dim] : bound)
      replaced[getAffineSymbolExpr(symbol, context)] = dim;
    launch.setSymbolsAttr(
        DimsAttr::get(context, llvm::map_to_vector(sizes, [&](Dim size) { return simplify(size.replace(replaced)); })));
  });

  // Slots in the kernel's order, and the grid. A tensor that is given twice is one argument of the nnf.kernel.
  int64_t numInputs = kernel.getArgumentTypes().size(), numAddresses = numInputs + kernel.getResultTypes().size();
  int64_t given = op.getInputs().size(), tensors = given + op.getOutputs().size();
  SmallVector<int64_t> order;
  for (int64_t parameter : op.getParameters())
    order.push_back(parameter < given     ? cast<BlockArgument>(op.getInputs()[parameter]).getArgNumber()
                    : parameter < tensors ? numInputs + parameter - given
                                          : numAddresses + parameter - tensors);
  for (size_t i = 0; i < 3; ++i)
    order.push_back(numAddresses + sizes.size() - 3 + i);

  OpBuilder b(kernel);
  Type i64 = b.getI64Type(), pointer = LLVM::LLVMPointerType::get(context);
  SmallVector<Type> types;
  for (int64_t slot : order)
    types.push_back(slot < numAddresses ? pointer : i64);
  types.append({i64, i64, pointer});
  auto function = func::FuncOp::create(b, location, kernel.getSymName(), b.getFunctionType(types, {}));
  function.setPrivate();
  SmallVector<Attribute> names;
  Dim blocks = dimOf(context, 1);
  for (size_t i = 0; i < sizes.size(); ++i) {
    names.push_back(b.getStringAttr("custom_" + Twine(i)));
    if (i + 3 >= sizes.size())
      blocks = blocks * getAffineSymbolExpr(dialect->symbolId(cast<StringAttr>(names.back()).getValue()), context);
  }
  int64_t threads = op.getBlock()[0] * op.getBlock()[1] * op.getBlock()[2];
  NamedAttribute attributes[] = {
      b.getNamedAttr("nnf.kernel", b.getUnitAttr()),
      b.getNamedAttr("nnf.title", kernel.getTitleAttr()),
      b.getNamedAttr("nnf.symbols", b.getArrayAttr(names)),
      b.getNamedAttr("nnf.scratch", b.getI64IntegerAttr(0)),
      b.getNamedAttr("nnf.grid", DimsAttr::get(context, {simplify(blocks)})),
      b.getNamedAttr("nnf.block", b.getI64IntegerAttr(threads)),
      b.getNamedAttr("nnf.dynamic_shared", op.getSharedBytesAttr()),
      b.getNamedAttr("nnf.order", b.getDenseI64ArrayAttr(order)),
      b.getNamedAttr("nnf.custom",
                     b.getDictionaryAttr(
                         {b.getNamedAttr("source", op.getSourceAttr()), b.getNamedAttr("kernel", op.getKernelAttr()),
                          b.getNamedAttr("block", op.getBlockAttr()), b.getNamedAttr("bytes", op.getBytesAttr())}))};
  for (NamedAttribute attribute : attributes)
    function->setAttr(attribute.getName(), attribute.getValue());
  return true;
}

} // namespace nnf
