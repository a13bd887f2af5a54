#include "dialects/nnf/Dims.h"
#include "dialects/nnf/Nnf.h"

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

Dim simplify(Dim dim) {
  if (isa<AffineConstantExpr, AffineSymbolExpr>(dim))
    return dim;
  unsigned symbols = 0;
  dim.walk([&](AffineExpr e) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(e))
      symbols = std::max(symbols, symbol.getPosition() + 1);
  });
  return simplifyAffineExpr(dim, /*numDims=*/0, symbols);
}

bool sameDim(Dim a, Dim b) { return a == b || isConstant(simplify(a - b), 0); }

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

namespace {
/// Splits products into their symbolic factors and one constant.
int64_t splitFactors(ArrayRef<Dim> dims, Shape &factors) {
  int64_t constant = 1;
  Shape work(dims);
  while (!work.empty()) {
    Dim dim = work.pop_back_val();
    if (std::optional<int64_t> size = constantOf(dim)) {
      constant *= *size;
    } else if (dim.getKind() == AffineExprKind::Mul) {
      auto product = cast<AffineBinaryOpExpr>(dim);
      work.push_back(product.getLHS());
      work.push_back(product.getRHS());
    } else {
      factors.push_back(dim);
    }
  }
  return constant;
}
} // namespace

Dim exactQuotient(ArrayRef<Dim> a, ArrayRef<Dim> b, MLIRContext *context) {
  Shape above, below;
  int64_t numerator = splitFactors(a, above), denominator = splitFactors(b, below);
  for (Dim factor : below) {
    auto found = llvm::find_if(above, [&](Dim other) { return sameDim(other, factor); });
    if (found == above.end())
      return {};
    above.erase(found);
  }
  if (denominator == 0)
    return {};
  if (numerator % denominator == 0)
    return simplify(productOf(context, above) * (numerator / denominator));
  // A sum such as 4*N + 8 may still divide.
  Dim product = simplify(productOf(context, above) * numerator);
  if (product.isMultipleOf(denominator))
    return simplify(product.floorDiv(denominator));
  return {};
}

void collectSymbols(Dim dim, SmallVectorImpl<unsigned> &symbols) {
  dim.walk([&](AffineExpr e) {
    if (auto symbol = dyn_cast<AffineSymbolExpr>(e))
      if (!llvm::is_contained(symbols, symbol.getPosition()))
        symbols.push_back(symbol.getPosition());
  });
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
