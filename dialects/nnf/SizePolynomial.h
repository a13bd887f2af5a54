// Sizes as polynomials: sums of products of symbols. MLIR simplifies affine expressions only; to it N*(H*W) and (N*H)*W
// are two unknowns.
#ifndef NNF_DIALECTS_NNF_SIZEPOLYNOMIAL_H
#define NNF_DIALECTS_NNF_SIZEPOLYNOMIAL_H

#include "dialects/nnf/Dims.h"
#include <map>

namespace nnf {

/// A sum of terms, each a number times factors. A factor is a symbol, or a quotient or remainder, which stay as they
/// are.
class SizePolynomial {
public:
  /// Nothing where a number overflows or the products come to very many terms.
  static std::optional<SizePolynomial> of(Dim dim);

  bool isZero() const { return terms.empty(); }
  std::optional<SizePolynomial> times(const SizePolynomial &other) const;
  /// The polynomial that gives this one when multiplied by `divisor`, if there is one; `divisor` is not zero.
  std::optional<SizePolynomial> dividedBy(const SizePolynomial &divisor) const;
  /// Equal polynomials give equal expressions.
  Dim toDim(mlir::MLIRContext *context) const;

private:
  using Factors = llvm::SmallVector<Dim, 4>; ///< in order
  /// Lexicographic by powers, as division needs it: products keep the order of their operands.
  struct Later {
    bool operator()(const Factors &a, const Factors &b) const;
  };

  bool add(const Factors &factors, int64_t number);
  bool add(const SizePolynomial &other, int64_t number);

  std::map<Factors, int64_t, Later> terms; ///< without those whose number is 0; the leading one first
};

} // namespace nnf
#endif
