#include "dialects/nnf/Dims.h"
#include "dialects/nnf/Nnf.h"
#include "dialects/nnf/SizePolynomial.h"

using namespace mlir;
namespace nnf {

Shape shapeOf(Type type) {
  auto tensor = cast<RankedTensorType>(type);
  if (auto dims = dyn_cast_or_null<DimsAttr>(tensor.getEncoding()))
    return Shape(dims.getDims());
  assert(tensor.hasStaticShape() && "a symbolic size needs its name");
  Shape shape;
  for (int64_t size : tensor.getShape())
    shape.push_back(getAffineConstantExpr(size, type.getContext()));
  return shape;
}

RankedTensorType tensorOf(ArrayRef<Dim> shape, Type element) {
  SmallVector<int64_t> sizes;
  Shape dims;
  bool symbolic = false;
  for (Dim dim : shape) {
    dims.push_back(simplify(dim));
    std::optional<int64_t> size = constantOf(dims.back());
    symbolic |= !size;
    sizes.push_back(size.value_or(ShapedType::kDynamic));
  }
  Attribute encoding = symbolic ? DimsAttr::get(element.getContext(), dims) : DimsAttr();
  return RankedTensorType::get(sizes, element, encoding);
}

RankedTensorType tensorOf(MLIRContext *context, ArrayRef<int64_t> shape, Type element) {
  return RankedTensorType::get(shape, element);
}

std::optional<int64_t> constantOf(Dim dim) {
  if (auto constant = dyn_cast<AffineConstantExpr>(dim))
    return constant.getValue();
  return std::nullopt;
}

std::optional<SmallVector<int64_t>> constantsOf(ArrayRef<Dim> shape) {
  SmallVector<int64_t> sizes;
  for (Dim dim : shape) {
    std::optional<int64_t> size = constantOf(dim);
    if (!size)
      return std::nullopt;
    sizes.push_back(*size);
  }
  return sizes;
}

Dim dimOf(MLIRContext *context, int64_t size) { return getAffineConstantExpr(size, context); }

/// Whether two sizes that a run decides are multiplied.
static bool hasProduct(Dim dim) {
  bool found = false;
  dim.walk([&](AffineExpr e) {
    if (e.getKind() == AffineExprKind::Mul) {
      auto product = cast<AffineBinaryOpExpr>(e);
      found |= !constantOf(product.getLHS()) && !constantOf(product.getRHS());
    }
  });
  return found;
}

Dim simplify(Dim dim) {
  if (isa<AffineConstantExpr, AffineSymbolExpr>(dim))
    return dim;
  if (hasProduct(dim)) {
    std::optional<SizePolynomial> polynomial = SizePolynomial::of(dim);
    if (!polynomial)
      return dim;
    dim = polynomial->toDim(dim.getContext());
    if (isa<AffineConstantExpr, AffineSymbolExpr>(dim) || hasProduct(dim))
      return dim;
  }
  unsigned symbols = 0;
  dim.walk([&](AffineExpr e) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(e))
      symbols = std::max(symbols, symbol.getPosition() + 1);
  });
  return simplifyAffineExpr(dim, /*numDims=*/0, symbols);
}

bool sameDim(Dim a, Dim b) { return a == b || isConstant(simplify(a - b), 0); }

bool maybeSameDim(Dim a, Dim b) {
  std::optional<int64_t> difference = constantOf(simplify(a - b));
  return !difference || *difference == 0;
}

bool sameShape(ArrayRef<Dim> a, ArrayRef<Dim> b) {
  return a.size() == b.size() &&
         llvm::all_of(llvm::zip(a, b), [](auto pair) { return sameDim(std::get<0>(pair), std::get<1>(pair)); });
}

Dim productOf(MLIRContext *context, ArrayRef<Dim> dims) {
  Dim product = dimOf(context, 1);
  for (Dim dim : dims)
    product = product * dim;
  return simplify(product);
}

Dim exactQuotient(ArrayRef<Dim> a, ArrayRef<Dim> b, MLIRContext *context) {
  std::optional<SizePolynomial> above = SizePolynomial::of(productOf(context, a)),
                                below = SizePolynomial::of(productOf(context, b));
  if (!above || !below || below->isZero())
    return {};
  std::optional<SizePolynomial> quotient = above->dividedBy(*below);
  return quotient ? simplify(quotient->toDim(context)) : Dim();
}

void collectSymbols(Dim dim, SmallVectorImpl<unsigned> &symbols) {
  dim.walk([&](AffineExpr e) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(e))
      if (!llvm::is_contained(symbols, symbol.getPosition()))
        symbols.push_back(symbol.getPosition());
  });
}

static NnfDialect &dialectOf(Dim dim) { return *dim.getContext()->getLoadedDialect<NnfDialect>(); }

static Dim derived(MLIRContext *context, const DerivedDim &definition) {
  return getAffineSymbolExpr(context->getLoadedDialect<NnfDialect>()->derivedSymbol(definition), context);
}

std::optional<DerivedDim> derivationOf(Dim dim) {
  auto symbol = dyn_cast<AffineSymbolExpr>(dim);
  return symbol ? dialectOf(dim).derivationOf(symbol.getPosition()) : std::nullopt;
}

bool isNotNegative(Dim dim) {
  if (std::optional<int64_t> size = constantOf(dim))
    return *size >= 0;
  if (isa<AffineSymbolExpr>(dim)) {
    std::optional<DerivedDim> definition = derivationOf(dim);
    if (!definition)
      return true;
    switch (definition->kind) {
    case DerivedDim::Max: return isNotNegative(definition->a) || isNotNegative(definition->b);
    case DerivedDim::Min:
    case DerivedDim::Joint: return isNotNegative(definition->a) && isNotNegative(definition->b);
    case DerivedDim::Scaled: return isNotNegative(definition->a);
    case DerivedDim::Data: return true;
    }
  }
  auto binary = cast<AffineBinaryOpExpr>(dim);
  return dim.getKind() == AffineExprKind::Mod || (isNotNegative(binary.getLHS()) && isNotNegative(binary.getRHS()));
}

/// The larger of a and b where that can be told.
static Dim largerOf(Dim a, Dim b) {
  Dim difference = simplify(a - b);
  if (isNotNegative(difference))
    return a;
  return isNotNegative(simplify(b - a)) ? b : Dim();
}

Dim maxOf(Dim a, Dim b) {
  a = simplify(a), b = simplify(b);
  if (Dim larger = largerOf(a, b))
    return larger;
  return derived(a.getContext(), {DerivedDim::Max, a, b});
}

Dim minOf(Dim a, Dim b) {
  a = simplify(a), b = simplify(b);
  if (Dim larger = largerOf(a, b))
    return larger == a ? b : a;
  return derived(a.getContext(), {DerivedDim::Min, a, b});
}

Dim scaledBy(Dim a, double factor) {
  a = simplify(a);
  if (std::optional<int64_t> size = constantOf(a)) {
    double scaled = std::floor(static_cast<double>(*size) * factor);
    return dimOf(a.getContext(), static_cast<int64_t>(std::min(scaled, 0x1p62)));
  }
  return derived(a.getContext(), {DerivedDim::Scaled, a, {}, factor});
}

/// The operands of nested joint sizes, each once.
static void collectJoined(Dim dim, SmallVectorImpl<Dim> &parts) {
  std::optional<DerivedDim> definition = derivationOf(dim);
  if (definition && definition->kind == DerivedDim::Joint) {
    collectJoined(definition->a, parts);
    collectJoined(definition->b, parts);
  } else if (!isConstant(dim, 1) && llvm::none_of(parts, [&](Dim part) { return sameDim(part, dim); })) {
    parts.push_back(dim);
  }
}

Dim jointOf(Dim a, Dim b) {
  SmallVector<Dim> parts;
  collectJoined(simplify(a), parts);
  collectJoined(simplify(b), parts);
  if (parts.empty())
    return dimOf(a.getContext(), 1);
  // A number other than 1 is what the others are, or are repeated to.
  if (const Dim *number = llvm::find_if(parts, constantOf); number != parts.end())
    return *number;
  llvm::sort(parts, [](Dim x, Dim y) { return toString(x) < toString(y); });
  Dim joint = parts.front();
  for (Dim part : ArrayRef(parts).drop_front())
    joint = derived(joint.getContext(), {DerivedDim::Joint, joint, part});
  return joint;
}

Dim sizeOfData(MLIRContext *context, int64_t number) { return derived(context, {DerivedDim::Data, {}, {}, 1, number}); }

/// Calls `visit` with each symbol that has no operands, and its definition if it has one.
static void walkLeaves(Dim dim, llvm::function_ref<void(unsigned, const std::optional<DerivedDim> &)> visit) {
  SmallVector<unsigned> found;
  collectSymbols(dim, found);
  for (unsigned symbol : found) {
    std::optional<DerivedDim> definition = dialectOf(dim).derivationOf(symbol);
    if (!definition || !definition->a) {
      visit(symbol, definition);
      continue;
    }
    walkLeaves(definition->a, visit);
    if (definition->b)
      walkLeaves(definition->b, visit);
  }
}

void collectInputSymbols(Dim dim, SmallVectorImpl<unsigned> &symbols) {
  walkLeaves(dim, [&](unsigned symbol, const std::optional<DerivedDim> &definition) {
    if (!definition && !llvm::is_contained(symbols, symbol))
      symbols.push_back(symbol);
  });
}

void collectDataSizes(Dim dim, SmallVectorImpl<int64_t> &numbers) {
  walkLeaves(dim, [&](unsigned, const std::optional<DerivedDim> &definition) {
    if (definition && !llvm::is_contained(numbers, definition->number))
      numbers.push_back(definition->number);
  });
}

bool dependsOnData(Dim dim) {
  SmallVector<int64_t> numbers;
  collectDataSizes(dim, numbers);
  return !numbers.empty();
}

Dim derivedBy(DerivedDim::Kind kind, Dim a, Dim b, double factor) {
  switch (kind) {
  case DerivedDim::Max: return maxOf(a, b);
  case DerivedDim::Min: return minOf(a, b);
  case DerivedDim::Joint: return jointOf(a, b);
  case DerivedDim::Scaled: return scaledBy(a, factor);
  case DerivedDim::Data: break;
  }
  llvm_unreachable("what data decide is not derived of sizes");
}

Dim substitute(Dim dim, llvm::function_ref<Dim(unsigned)> value) {
  SmallVector<unsigned> symbols;
  collectSymbols(dim, symbols);
  llvm::DenseMap<AffineExpr, AffineExpr> replaced;
  for (unsigned symbol : symbols) {
    Dim self = getAffineSymbolExpr(symbol, dim.getContext()), now;
    std::optional<DerivedDim> definition = derivationOf(self);
    if (definition && definition->kind != DerivedDim::Data) {
      Dim a = substitute(definition->a, value), b = definition->b ? substitute(definition->b, value) : Dim();
      now = derivedBy(definition->kind, a, b, definition->factor);
    } else {
      now = value(symbol);
    }
    if (now)
      replaced[self] = now;
  }
  return simplify(dim.replace(replaced));
}

std::string toString(Dim dim) {
  std::string text;
  llvm::raw_string_ostream os(text);
  printDim(os, dim, *dim.getContext()->getLoadedDialect<NnfDialect>());
  return text;
}

std::string toString(ArrayRef<Dim> shape) {
  return "[" + llvm::join(llvm::map_range(shape, [](Dim dim) { return toString(dim); }), ", ") + "]";
}

std::string dtypeName(Type element) {
  if (isa<BFloat16Type>(element))
    return "bfloat16";
  if (auto f = dyn_cast<FloatType>(element))
    return "float" + std::to_string(f.getWidth());
  auto i = cast<IntegerType>(element);
  if (i.getWidth() == 1)
    return "bool";
  return (i.isUnsigned() ? "uint" : "int") + std::to_string(i.getWidth());
}

} // namespace nnf
