#include "passes/LikelySizes.h"
#include "dialects/nnf/Nnf.h"

using namespace mlir;
namespace nnf {
namespace {

// Passes run on several threads, each on a module or kernel of its own; what asks for sizes has mostly nothing but
// them.
thread_local const LikelySizes *current = nullptr;

std::string nameOf(MLIRContext *context, unsigned symbol) {
  return context->getLoadedDialect<NnfDialect>()->symbolName(symbol);
}

} // namespace

LikelySizes::LikelySizes(Operation *op) : ranges(op->getAttrOfType<DictionaryAttr>(rangesAttr)), outer(current) {
  current = this;
}

LikelySizes::~LikelySizes() { current = outer; }

std::optional<int64_t> LikelySizes::within(Dim dim, int64_t guess) {
  if (std::optional<int64_t> size = constantOf(dim))
    return size;
  DictionaryAttr ranges = current ? current->ranges : DictionaryAttr();
  if (!ranges)
    return std::nullopt;
  // Where a size falls when its names grow, the two change places.
  auto at = [&](size_t end) {
    return constantOf(simplify(substitute(dim, [&](unsigned symbol) {
      auto bounds = ranges.getAs<DenseI64ArrayAttr>(nameOf(dim.getContext(), symbol));
      return bounds && bounds.size() == 2 ? dimOf(dim.getContext(), bounds[end]) : Dim();
    })));
  };
  std::optional<int64_t> first = at(0), second = at(1);
  if (!first || !second)
    return std::nullopt;
  return std::clamp(guess, std::min(*first, *second), std::max(*first, *second));
}

void LikelySizes::copyRanges(Operation *module, ArrayRef<Dim> symbols, Operation *kernel) {
  auto ranges = module->getAttrOfType<DictionaryAttr>(rangesAttr);
  if (!ranges)
    return;
  SmallVector<unsigned> used;
  for (Dim symbol : symbols)
    collectInputSymbols(symbol, used);
  NamedAttrList own;
  for (unsigned symbol : used)
    if (Attribute bounds = ranges.get(nameOf(kernel->getContext(), symbol)))
      own.set(nameOf(kernel->getContext(), symbol), bounds);
  if (!own.empty())
    kernel->setAttr(rangesAttr, own.getDictionary(kernel->getContext()));
}

} // namespace nnf
