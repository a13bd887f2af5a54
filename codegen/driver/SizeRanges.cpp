#include "codegen/driver/SizeRanges.h"
#include "dialects/nnf/Nnf.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "passes/LikelySizes.h"
#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
namespace nnf {
namespace {

using Range = SizeRanges::Range;

std::optional<Range> sumOf(Range a, Range b) {
  Range sum;
  if (llvm::AddOverflow(a.least, b.least, sum.least) || llvm::AddOverflow(a.most, b.most, sum.most))
    return std::nullopt;
  return sum;
}

/// The least and the most of an operation that is monotone in each operand: it takes them at corners.
template <typename Operation> std::optional<Range> atCorners(Range a, Range b, Operation operation) {
  std::optional<Range> all;
  for (int64_t x : {a.least, a.most})
    for (int64_t y : {b.least, b.most}) {
      std::optional<int64_t> value = operation(x, y);
      if (!value)
        return std::nullopt;
      all = all ? Range{std::min(all->least, *value), std::max(all->most, *value)} : Range{*value, *value};
    }
  return all;
}

std::optional<int64_t> product(int64_t x, int64_t y) {
  int64_t result;
  return llvm::MulOverflow(x, y, result) ? std::nullopt : std::optional(result);
}

} // namespace

SizeRanges::SizeRanges(ModuleOp module)
    : module(module), dialect(*module.getContext()->getLoadedDialect<NnfDialect>()),
      ranges(module->getAttrOfType<DictionaryAttr>(rangesAttr)) {}

/// What a file of MLIR text may have in its place.
static LogicalResult check(ModuleOp module, Attribute ranges) {
  auto isRange = [](NamedAttribute entry) {
    auto bounds = dyn_cast<DenseI64ArrayAttr>(entry.getValue());
    return bounds && bounds.size() == 2 && 0 <= bounds[0] && bounds[0] <= bounds[1];
  };
  auto entries = dyn_cast_or_null<DictionaryAttr>(ranges);
  if (ranges && (!entries || !llvm::all_of(entries.getValue(), isRange)))
    return emitError(module.getLoc()) << "attribute '" << rangesAttr << "': " << ranges
                                      << ", expected array<i64: least, most> for each name [NNFC-E0131]";
  return success();
}

LogicalResult SizeRanges::addAll(ModuleOp module, const std::map<std::string, Range> &ranges) {
  Attribute known = module->getAttr(rangesAttr);
  if (failed(check(module, known)))
    return failure();
  if (ranges.empty())
    return success();
  auto *dialect = module.getContext()->getLoadedDialect<NnfDialect>();
  SmallVector<unsigned> used;
  for (Type type : module.lookupSymbol<func::FuncOp>("main").getArgumentTypes())
    for (Dim dim : shapeOf(type))
      collectInputSymbols(dim, used);
  Builder builder(module.getContext());
  NamedAttrList entries(cast_or_null<DictionaryAttr>(known));
  for (const auto &[name, range] : ranges) {
    if (!llvm::any_of(used, [&](unsigned symbol) { return dialect->symbolName(symbol) == name; }))
      return emitError(module.getLoc()) << "size '" << name << "': given as " << range.least << " to " << range.most
                                        << ", but no input has a size of that name [NNFC-E0016]";
    entries.set(name, builder.getDenseI64ArrayAttr({range.least, range.most}));
  }
  module->setAttr(rangesAttr, entries.getDictionary(module.getContext()));
  return success();
}

std::optional<Range> SizeRanges::of(StringRef name) const {
  auto bounds = ranges ? ranges.getAs<DenseI64ArrayAttr>(name) : DenseI64ArrayAttr();
  if (!bounds || bounds.size() != 2)
    return std::nullopt;
  return Range{bounds[0], bounds[1]};
}

std::optional<Range> SizeRanges::of(Dim dim) const {
  if (std::optional<int64_t> size = constantOf(dim))
    return Range{*size, *size};
  if (auto binary = dyn_cast<AffineBinaryOpExpr>(dim))
    return ofBinary(binary);
  std::optional<DerivedDim> derived = derivationOf(dim);
  if (!derived)
    return of(dialect.symbolName(cast<AffineSymbolExpr>(dim).getPosition()));
  if (derived->kind == DerivedDim::Data)
    return std::nullopt;
  std::optional<Range> a = of(derived->a);
  if (derived->kind == DerivedDim::Scaled) {
    constexpr double exact = 1ll << 53;
    if (!a || derived->factor < 0 || double(a->most) * derived->factor > exact || a->most > int64_t(exact))
      return std::nullopt;
    auto scaled = [&](int64_t size) { return static_cast<int64_t>(std::floor(double(size) * derived->factor)); };
    return Range{scaled(a->least), scaled(a->most)};
  }
  std::optional<Range> b = of(derived->b);
  if (!a || !b)
    return std::nullopt;
  if (derived->kind == DerivedDim::Joint)
    return a->least > 1 ? *a : Range{std::min(a->least, b->least), std::max(a->most, b->most)};
  if (derived->kind == DerivedDim::Max)
    return Range{std::max(a->least, b->least), std::max(a->most, b->most)};
  return Range{std::min(a->least, b->least), std::min(a->most, b->most)};
}

std::optional<Range> SizeRanges::ofBinary(AffineBinaryOpExpr expr) const {
  std::optional<Range> a = of(expr.getLHS()), b = of(expr.getRHS());
  if (!a || !b)
    return std::nullopt;
  if (expr.getKind() == AffineExprKind::Add)
    return sumOf(*a, *b);
  if (expr.getKind() == AffineExprKind::Mul)
    return atCorners(*a, *b, product);
  if (b->least <= 0)
    return std::nullopt;
  if (expr.getKind() == AffineExprKind::Mod)
    return Range{0, a->least >= 0 ? std::min(a->most, b->most - 1) : b->most - 1};
  return atCorners(*a, *b, [&](int64_t x, int64_t y) -> std::optional<int64_t> {
    return expr.getKind() == AffineExprKind::FloorDiv ? llvm::divideFloorSigned(x, y) : llvm::divideCeilSigned(x, y);
  });
}

std::optional<int64_t> SizeRanges::mostArenaBytes() const {
  auto main = ModuleOp(module).lookupSymbol<func::FuncOp>("main");
  Range total = {0, 0};
  for (auto region : main->getAttrOfType<ArrayAttr>("nnf.arena").getAsRange<DimsAttr>()) {
    if (llvm::any_of(region.getDims(), dependsOnData))
      continue; // memory of its own
    Range size = {0, 0};
    for (Dim dim : region.getDims()) {
      std::optional<Range> range = of(dim);
      if (!range)
        return std::nullopt;
      size.most = std::max(size.most, range->most);
    }
    std::optional<Range> sum = sumOf(total, size);
    if (!sum)
      return std::nullopt;
    total = *sum;
  }
  return total.most;
}

} // namespace nnf
