#include "compiler/kernels/KernelObjects.h"
#include "codegen/driver/KernelEntry.h"
#include "compiler/kernels/KernelCache.h"
#include "dialects/nnf/Nnf.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/Parallel.h"

using namespace mlir;
namespace nnf {
namespace {

/// A kernel that is not known yet.
struct Missing {
  const KernelSource *source;
  std::optional<KernelSource::Code> code;
  std::string error;
};

bool isKernel(Operation &op) {
  auto function = dyn_cast<func::FuncOp>(op);
  return isa<KernelOp>(op) || (function && function->hasAttr("nnf.kernel") && !function.isExternal());
}

LogicalResult declare(Operation *kernel, StringRef declaration, StringRef symbol) {
  OwningOpRef<ModuleOp> parsed = parseSourceString<ModuleOp>(declaration, ParserConfig(kernel->getContext()));
  auto functions = parsed ? llvm::to_vector(parsed->getOps<func::FuncOp>()) : SmallVector<func::FuncOp>();
  if (functions.size() != 1)
    return kernel->emitError("internal: a kernel came back as ") << functions.size() << " functions, expected 1";
  func::FuncOp function = functions.front();
  function->remove();
  kernel->getBlock()->getOperations().insert(kernel->getIterator(), function);
  function.setSymName(SymbolTable::getSymbolName(kernel).getValue());
  function->setAttr(entryAttr, StringAttr::get(kernel->getContext(), symbol));
  kernel->erase();
  return success();
}

} // namespace

LogicalResult KernelObjects::compile(ModuleOp module, const PipelineOptions &options) {
  SmallVector<Operation *> kernels;
  std::vector<KernelSource> sources;
  for (Operation &op : module.getOps())
    if (isKernel(op)) {
      kernels.push_back(&op);
      sources.emplace_back(&op, target, options);
    }
  llvm::StringMap<unsigned> numberOf;
  std::vector<Missing> missing;
  for (const KernelSource &source : sources)
    if (!known.contains(source.symbol()) && numberOf.try_emplace(source.symbol(), missing.size()).second)
      missing.push_back({&source, std::nullopt, ""});
  // The longest first, so that no core is left with one at the end.
  SmallVector<Missing *> order;
  for (Missing &each : missing)
    order.push_back(&each);
  llvm::sort(order, [](Missing *a, Missing *b) { return a->source->weight() > b->source->weight(); });
  auto make = [&](size_t i) {
    Missing &each = *order[i];
    if (cache)
      each.code = cache->load(each.source->hash());
    if (each.code)
      return;
    each.code = each.source->compile(each.error);
    if (cache && each.code)
      cache->store(each.source->hash(), *each.code);
  };
  if (options.applyMlirFlags) // what they print comes kernel by kernel
    for (size_t i = 0; i < order.size(); ++i)
      make(i);
  else
    llvm::parallelFor(0, order.size(), make);
  for (Missing &each : missing) {
    if (!each.code)
      return emitError(module.getLoc()) << StringRef(each.error).rtrim();
    KernelSource::Code &code = known[each.source->symbol()] = std::move(*each.code);
    objects.push_back(StringRef(code.object.data(), code.object.size()));
  }
  for (auto [kernel, source] : llvm::zip(kernels, sources))
    if (failed(declare(kernel, known[source.symbol()].declaration, source.symbol())))
      return failure();
  return success();
}

} // namespace nnf
