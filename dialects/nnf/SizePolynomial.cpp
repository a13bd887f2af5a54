#include "dialects/nnf/SizePolynomial.h"

using namespace mlir;
namespace nnf {

/// Products of sums grow quickly; no model's sizes come near this.
constexpr size_t maxTerms = 64;

/// An order of expressions that is the same in every run; negative when a comes first.
static int64_t compare(Dim a, Dim b) {
  if (a == b)
    return 0;
  if (a.getKind() != b.getKind()) // symbols before what is computed of them
    return (isa<AffineSymbolExpr>(b) - isa<AffineSymbolExpr>(a)) * 16 + static_cast<int64_t>(a.getKind()) -
           static_cast<int64_t>(b.getKind());
  if (auto symbol = dyn_cast<AffineSymbolExpr>(a))
    return static_cast<int64_t>(symbol.getPosition()) - cast<AffineSymbolExpr>(b).getPosition();
  if (auto number = dyn_cast<AffineConstantExpr>(a))
    return number.getValue() < cast<AffineConstantExpr>(b).getValue() ? -1 : 1;
  auto x = cast<AffineBinaryOpExpr>(a), y = cast<AffineBinaryOpExpr>(b);
  int64_t left = compare(x.getLHS(), y.getLHS());
  return left ? left : compare(x.getRHS(), y.getRHS());
}

bool SizePolynomial::Later::operator()(const Factors &a, const Factors &b) const {
  for (auto [x, y] : llvm::zip(a, b))
    if (int64_t order = compare(x, y))
      return order < 0;
  return a.size() > b.size();
}

bool SizePolynomial::add(const Factors &factors, int64_t number) {
  auto [term, isNew] = terms.try_emplace(factors, 0);
  if (llvm::AddOverflow(term->second, number, term->second))
    return false;
  if (term->second == 0)
    terms.erase(term);
  return terms.size() <= maxTerms;
}

bool SizePolynomial::add(const SizePolynomial &other, int64_t number) {
  return llvm::all_of(other.terms, [&](const auto &term) {
    int64_t product;
    return !llvm::MulOverflow(term.second, number, product) && add(term.first, product);
  });
}

std::optional<SizePolynomial> SizePolynomial::of(Dim dim) {
  SizePolynomial result;
  switch (dim.getKind()) {
  case AffineExprKind::Constant: result.add(Factors(), *constantOf(dim)); return result;
  case AffineExprKind::Add:
  case AffineExprKind::Mul: {
    auto binary = cast<AffineBinaryOpExpr>(dim);
    std::optional<SizePolynomial> lhs = of(binary.getLHS()), rhs = of(binary.getRHS());
    if (!lhs || !rhs)
      return std::nullopt;
    if (dim.getKind() == AffineExprKind::Mul)
      return lhs->times(*rhs);
    return lhs->add(*rhs, 1) ? lhs : std::nullopt;
  }
  case AffineExprKind::FloorDiv:
  case AffineExprKind::CeilDiv:
  case AffineExprKind::Mod: {
    // Equal operands make equal factors.
    auto binary = cast<AffineBinaryOpExpr>(dim);
    Dim same = getAffineBinaryOpExpr(dim.getKind(), simplify(binary.getLHS()), simplify(binary.getRHS()));
    if (same.getKind() != dim.getKind())
      return of(same);
    dim = same;
    break;
  }
  default: break;
  }
  result.add({dim}, 1);
  return result;
}

std::optional<SizePolynomial> SizePolynomial::times(const SizePolynomial &other) const {
  SizePolynomial result;
  for (const auto &[left, a] : terms)
    for (const auto &[right, b] : other.terms) {
      Factors factors(left);
      factors.append(right);
      llvm::sort(factors, [](Dim x, Dim y) { return compare(x, y) < 0; });
      int64_t number;
      if (llvm::MulOverflow(a, b, number) || !result.add(factors, number))
        return std::nullopt;
    }
  return result;
}

std::optional<SizePolynomial> SizePolynomial::dividedBy(const SizePolynomial &divisor) const {
  assert(!divisor.isZero() && "division by zero");
  SizePolynomial rest = *this, quotient;
  const auto &[leadingFactors, leadingNumber] = *divisor.terms.begin();
  while (!rest.isZero()) {
    Factors factors = rest.terms.begin()->first;
    int64_t number = rest.terms.begin()->second;
    if (number == INT64_MIN || number % leadingNumber != 0) // by -1 it would overflow
      return std::nullopt;
    for (Dim factor : leadingFactors) {
      auto found = llvm::find(factors, factor);
      if (found == factors.end())
        return std::nullopt;
      factors.erase(found);
    }
    SizePolynomial term;
    term.add(factors, number / leadingNumber);
    std::optional<SizePolynomial> product = term.times(divisor);
    if (!product || !rest.add(*product, -1) || !quotient.add(term, 1))
      return std::nullopt;
  }
  return quotient;
}

Dim SizePolynomial::toDim(MLIRContext *context) const {
  Dim sum = dimOf(context, 0);
  for (const auto &[factors, number] : terms) {
    Dim product = factors.empty() ? dimOf(context, number) : factors.front();
    for (Dim factor : llvm::drop_begin(factors, factors.empty() ? 0 : 1))
      product = product * factor;
    sum = sum + (factors.empty() ? product : product * number);
  }
  return sum;
}

} // namespace nnf
