#include "compiler/kernels/KernelObjects.h"
#include "codegen/driver/KernelEntry.h"
#include "compiler/kernels/KernelCache.h"
#include "dialects/nnf/Nnf.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/Parallel.h"
#include <chrono>
#include <cmath>
#include <mutex>

using namespace mlir;
namespace nnf {
namespace {

/// A kernel that is not known yet.
struct Missing {
  const KernelSource *source;
  std::string name; // of one of those that are made of it
  std::optional<KernelSource::Code> code;
  std::string error;
};

/// Says how many kernels are made, and how long the others will take. Kernels of the cache take no time, so the rate is
/// that of those that were compiled, and as many of the others are taken to be in the cache as of those so far.
class Progress {
public:
  Progress(ArrayRef<Missing *> all, const PipelineOptions &options) : options(options), count(all.size()) {
    for (const Missing *each : all)
      left += each->source->weight();
  }

  void made(const Missing &each, bool isCompiled) {
    if (!options.progress)
      return;
    std::lock_guard<std::mutex> lock(mutex);
    ++done;
    left -= each.source->weight();
    (isCompiled ? compiled : loaded) += each.source->weight();
    std::string text = "kernels, " + std::to_string(done) + " of " + std::to_string(count);
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    if (compiled > 0)
      text += ", about " + inWords(seconds * double(left) / double(compiled + loaded)) + " left";
    options.progress(text);
  }

private:
  const PipelineOptions &options;
  const size_t count;
  const std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
  std::mutex mutex;
  size_t done = 0, left = 0, compiled = 0, loaded = 0; // but for the first, in weights

  static std::string inWords(double seconds) {
    long whole = std::lround(seconds);
    return whole < 90 ? std::to_string(whole) + " s" : std::to_string((whole + 30) / 60) + " min";
  }
};

/// Where a kernel is launched first: a kernel has no node of its own, since equal ones are one.
Location firstLaunch(ModuleOp module, StringRef kernel) {
  Location found = module.getLoc();
  module.walk([&](LaunchOp launch) {
    if (launch.getKernel() != kernel)
      return WalkResult::advance();
    found = launch.getLoc();
    return WalkResult::interrupt();
  });
  return found;
}

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
  for (auto [kernel, source] : llvm::zip(kernels, sources))
    if (!known.contains(source.symbol()) && numberOf.try_emplace(source.symbol(), missing.size()).second)
      missing.push_back({&source, SymbolTable::getSymbolName(kernel).str(), std::nullopt, ""});
  // The longest first, so that no core is left with one at the end.
  SmallVector<Missing *> order;
  for (Missing &each : missing)
    order.push_back(&each);
  llvm::sort(order, [](Missing *a, Missing *b) { return a->source->weight() > b->source->weight(); });
  Progress progress(order, options);
  auto make = [&](size_t i) {
    Missing &each = *order[i];
    if (cache)
      each.code = cache->load(each.source->hash());
    bool isCompiled = !each.code;
    if (isCompiled)
      each.code = each.source->compile(each.error);
    if (isCompiled && cache && each.code)
      cache->store(each.source->hash(), *each.code);
    progress.made(each, isCompiled);
  };
  if (options.applyMlirFlags) // what they print comes kernel by kernel
    for (size_t i = 0; i < order.size(); ++i)
      make(i);
  else
    llvm::parallelFor(0, order.size(), make);
  for (Missing &each : missing) {
    if (!each.code)
      return emitError(firstLaunch(module, each.name)) << StringRef(each.error).rtrim();
    KernelSource::Code &code = known[each.source->symbol()] = std::move(*each.code);
    objects.push_back(StringRef(code.object.data(), code.object.size()));
  }
  for (auto [kernel, source] : llvm::zip(kernels, sources))
    if (failed(declare(kernel, known[source.symbol()].declaration, source.symbol())))
      return failure();
  return success();
}

} // namespace nnf
