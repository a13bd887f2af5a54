// Matrix products, and determinants.
#include "compiler/import/onnx/OpTable.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

/// The product of two tensors. Sizes that are summed over and not known to be equal must be in a run.
TensorId product(Call &call, TensorId a, TensorId b) {
  Shape x = call.shape(a), y = call.shape(b);
  if (call.hasFailed() || x.empty() || y.empty())
    return call.binary("matmul", a, b); // its own error
  size_t row = y.size() == 1 ? 0 : y.size() - 2;
  Dim &columns = x.back(), &rows = y[row];
  if (!sameDim(columns, rows) && !(constantOf(columns) && constantOf(rows))) {
    call.requireEqual("B", rows, columns,
                      "{value} rows, expected " + toString(columns) + " as A has columns [NNFC-E0208]");
    if (constantOf(rows))
      a = call.reshape(a, (columns = rows, x));
    else
      b = call.reshape(b, (rows = columns, y));
  }
  return call.binary("matmul", a, b);
}

void gemm(Call &call) {
  double alpha = call.number("alpha", 1), beta = call.number("beta", 1);
  bool transA = call.flag("transA"), transB = call.flag("transB");
  TensorId a = call.input(0), b = call.input(1), c = call.inputOrNone(2);
  if (call.hasFailed())
    return;
  if (call.rank(a) != 2 || call.rank(b) != 2)
    return void(call.error() << "operands of rank " << call.rank(a) << " and " << call.rank(b)
                             << ", expected matrices [NNFC-E0207]");
  if (transA)
    a = call.permute(a, {1, 0});
  // linear wants the weight as [out, in], which is how exporters store it; the bias is a vector.
  bool isBias = !c || (call.rank(c) == 1 && sameDim(call.shape(c)[0], call.shape(b)[transB ? 0 : 1]));
  Dim columns = call.shape(a)[1], rows = call.shape(b)[transB ? 1 : 0];
  bool isLinear = sameDim(columns, rows) || (constantOf(columns) && constantOf(rows));
  if (transB && alpha == 1 && (beta == 1 || !c) && isBias && isLinear && call.isFloat(a))
    return call.result(call.call("linear", {{"input", a}, {"weight", b}, {"bias", c}}));
  TensorId made = product(call, a, transB ? call.permute(b, {1, 0}) : b);
  // Integers are scaled by integers.
  auto scaled = [&](TensorId x, double factor) {
    if (factor == 1)
      return x;
    return call.isFloat(x) ? call.mul(x, factor) : call.cast(call.mul(x, factor), call.element(x));
  };
  made = scaled(made, alpha);
  call.result(c ? call.add(made, scaled(c, beta)) : made);
}

void matmul(Call &call) {
  TensorId a = call.input(0), b = call.input(1);
  call.result(product(call, a, b));
}

/// 8-bit operands less their zero points; the product is exact in int32.
void matmulInteger(Call &call) {
  Type i32 = IntegerType::get(call.context(), 32);
  TensorId operands[2];
  for (size_t i = 0; i < 2; ++i) {
    operands[i] = call.cast(call.input(i), i32);
    if (!call.has(2 + i))
      continue;
    TensorId zero = call.cast(call.input(2 + i), i32);
    // One a row of A; one a column of B.
    if (Shape shape = call.shape(zero); i == 0 && shape.size() == 1 && !isConstant(shape[0], 1))
      zero = call.reshape(zero, {shape[0], call.size(1)});
    operands[i] = call.sub(operands[i], zero);
  }
  call.result(product(call, operands[0], operands[1]));
}

/// The product of the pivots of Gauss's elimination, the largest element of each column, with a sign for each exchange.
void determinant(Call &call) {
  TensorId x = call.input(0);
  Shape shape = call.shape(x);
  int64_t rank = shape.size(), rows = rank - 2;
  if (call.hasFailed())
    return;
  if (rank < 2)
    return void(call.error("X") << "rank " << rank << ", expected matrices [NNFC-E0207]");
  Dim size = shape[rank - 1];
  call.requireEqual("X", shape[rank - 2], size,
                    "{value} rows, expected " + toString(size) + " as there are columns [NNFC-E0208]");
  call.result(call.primitives({x}, [&](Primitives &p, ArrayRef<Value> in) {
    Type i64 = IntegerType::get(call.context(), 64), element = Call::computed(Primitives::elementOf(in[0]));
    shape[rank - 2] = size;
    Shape batch(shape.begin(), shape.end() - 2), column(shape.begin(), shape.end() - 1);
    Ints all = llvm::to_vector<4>(llvm::seq<int64_t>(0, rank)), kept(all.begin(), all.end() - 2);
    // Elements at computed rows and columns of every matrix.
    auto at = [&](Primitives &p, Value matrix, Value row, Value column) {
      SmallVector<Value> indices;
      for (int64_t d = 0; d < rows; ++d)
        indices.push_back(p.iota(Primitives::shapeOf(row), d, i64));
      indices.append({row, column});
      return p.gather(matrix, indices, all, BoundsKind::Clamp);
    };
    auto step = [&](Primitives &p, Value number, ValueRange carried, ValueRange) -> SmallVector<Value> {
      Value matrix = carried[0], each = p.broadcast(number, batch, {});
      Value below = p.iota(column, rows, i64), first = p.broadcast(number, column, {});
      Value candidates = p.select(p.ge(below, first), p.abs(at(p, matrix, below, first)), -1);
      Value best = p.argReduce(ReduceKind::Max, candidates, rows), pivot = at(p, matrix, best, each);
      auto spread = [&](Value perMatrix) { return p.broadcast(perMatrix, shape, kept); };
      Value i = p.iota(shape, rows, i64), j = p.iota(shape, rows + 1, i64), k = p.broadcast(number, shape, {});
      Value isPivotRow = p.eq(i, k), from = p.select(p.eq(i, spread(best)), k, i);
      // The pivot's row comes up, with the other sign if it was another; its old place gets row k.
      Value pivotRow = at(p, matrix, spread(best), j);
      Value sign = p.select(p.eq(best, each), p.full(batch, 1, element), -1);
      Value factor = p.div(at(p, matrix, from, k), spread(pivot));
      Value isBelow = p.bitAnd(p.gt(i, k), spread(p.ne(pivot, 0)));
      Value rest = at(p, matrix, from, j);
      Value next = p.select(isBelow, p.sub(rest, p.mul(factor, pivotRow)), rest);
      return {p.select(isPivotRow, p.mul(spread(sign), pivotRow), next)};
    };
    Value start = p.reshape(p.convert(in[0], element), shape);
    Value done = p.loop(size, rows, {start}, {}, step)[0];
    Value position = p.iota(column, rows, i64);
    Value product = p.reduce(ReduceKind::Mul, at(p, done, position, position), {rows});
    return p.convert(product, Primitives::elementOf(in[0]));
  }));
}

// ---- Einsum

/// "ij,jk->ik" in parts. Dimensions under an ellipsis get letters of their own, from capital Omega downwards.
struct Equation {
  std::vector<std::string> operands;
  std::string output;
};

constexpr char firstHidden = '\x01';

std::optional<Equation> parseEquation(Call &call, StringRef text) {
  Equation equation;
  std::string plain;
  for (char c : text)
    if (c != ' ')
      plain += c;
  auto [left, right] = StringRef(plain).split("->");
  bool isExplicit = StringRef(plain).contains("->");
  SmallVector<StringRef> terms;
  left.split(terms, ',');
  if (terms.size() != call.numInputs()) {
    call.error("equation") << static_cast<int64_t>(terms.size()) << " terms, expected "
                           << static_cast<int64_t>(call.numInputs()) << ", one for each input [NNFC-E0313]";
    return std::nullopt;
  }
  int64_t hidden = 0;
  auto expanded = [&](StringRef term, int64_t rank) -> std::optional<std::string> {
    auto [before, after] = term.split("...");
    bool hasEllipsis = term.contains("...");
    int64_t letters = before.size() + after.size(), rest = rank < 0 ? hidden : rank - letters;
    for (char c : before.str() + after.str())
      if (!llvm::isAlpha(c))
        return std::nullopt;
    if (rank >= 0 && (hasEllipsis ? rest < 0 || rest > 20 : rest != 0))
      return std::nullopt;
    if (!hasEllipsis)
      return term.str();
    if (rank >= 0)
      hidden = std::max(hidden, rest);
    std::string all = before.str();
    for (int64_t i = rest; i-- > 0;)
      all += static_cast<char>(firstHidden + i);
    return all + after.str();
  };
  for (auto [i, term] : llvm::enumerate(terms)) {
    std::optional<std::string> letters = expanded(term, call.inputRank(i));
    if (!letters) {
      call.error("equation") << "term '" << term << "' for an input of rank " << call.inputRank(i)
                             << ", expected one letter for each dimension [NNFC-E0313]";
      return std::nullopt;
    }
    equation.operands.push_back(*letters);
  }
  if (isExplicit) {
    std::optional<std::string> letters = expanded(right, -1);
    if (!letters) {
      call.error("equation") << "result '" << right << "', expected letters [NNFC-E0313]";
      return std::nullopt;
    }
    equation.output = *letters;
  } else {
    // Hidden dimensions, then every letter that occurs once, in order of the alphabet.
    for (int64_t i = hidden; i-- > 0;)
      equation.output += static_cast<char>(firstHidden + i);
    std::map<char, int> counts;
    for (const std::string &operand : equation.operands)
      for (char c : operand)
        ++counts[c];
    for (auto [c, count] : counts)
      if (count == 1 && llvm::isAlpha(c))
        equation.output += c;
  }
  return equation;
}

struct Term {
  TensorId tensor;
  std::string letters;
};

/// x[i, i] for a letter that occurs twice: elements off the diagonal are zeroed and summed away.
void takeDiagonals(Call &call, Term &term) {
  for (size_t i = 0; i < term.letters.size() && !call.hasFailed(); ++i) {
    size_t j = term.letters.find(term.letters[i], i + 1);
    if (j == std::string::npos)
      continue;
    Shape shape = call.shape(term.tensor);
    if (!sameDim(shape[i], shape[j]))
      return void(call.error("equation") << "a letter stands for sizes " << toString(shape[i]) << " and "
                                         << toString(shape[j]) << ", expected one size [NNFC-E0313]");
    term.tensor = call.primitives({term.tensor}, [&](Primitives &p, ArrayRef<Value> in) {
      Type i64 = IntegerType::get(call.context(), 64);
      Value isOn = p.eq(p.iota(shape, i, i64), p.iota(shape, j, i64));
      return p.sum(p.select(isOn, in[0], p.full(shape, 0, Primitives::elementOf(in[0]))), {static_cast<int64_t>(j)});
    });
    term.letters.erase(j, 1);
    --i;
  }
}

/// Sums away the letters that neither `kept` nor the rest of the product needs.
void sumAway(Call &call, Term &term, const std::string &kept) {
  std::vector<int64_t> dims;
  std::string letters;
  for (auto [i, c] : llvm::enumerate(term.letters))
    if (kept.find(c) == std::string::npos)
      dims.push_back(i);
    else
      letters += c;
  if (dims.empty())
    return;
  Type element = call.element(term.tensor);
  term.tensor = call.cast(call.call("sum", {{"input", term.tensor}, {"dim", dims}}), element);
  term.letters = letters;
}

Ints positions(const std::string &letters, const std::string &order) {
  Ints perm;
  for (char c : order)
    perm.push_back(letters.find(c));
  return perm;
}

/// The product of two terms, keeping the letters in `kept`: one batched matrix product.
Term multiply(Call &call, Term a, Term b, const std::string &kept) {
  sumAway(call, a, kept + b.letters);
  sumAway(call, b, kept + a.letters);
  std::string batch, left, right, summed;
  for (char c : a.letters) {
    bool inB = b.letters.find(c) != std::string::npos, isKept = kept.find(c) != std::string::npos;
    (!inB ? left : isKept ? batch : summed) += c;
  }
  for (char c : b.letters)
    if (a.letters.find(c) == std::string::npos)
      right += c;
  TensorId x = call.permute(a.tensor, positions(a.letters, batch + left + summed));
  TensorId y = call.permute(b.tensor, positions(b.letters, batch + summed + right));
  if (call.hasFailed())
    return {};
  Shape xs = call.shape(x), ys = call.shape(y);
  auto take = [&](ArrayRef<Dim> shape, size_t from, size_t count) { return shape.slice(from, count); };
  // A size 1 broadcasts.
  Shape batchSizes, summedSizes;
  for (size_t i = 0; i < batch.size(); ++i)
    batchSizes.push_back(isConstant(xs[i], 1) ? ys[i] : xs[i]);
  for (size_t i = 0; i < summed.size(); ++i)
    summedSizes.push_back(isConstant(xs[batch.size() + left.size() + i], 1) ? ys[batch.size() + i]
                                                                            : xs[batch.size() + left.size() + i]);
  ArrayRef<Dim> leftSizes = take(xs, batch.size(), left.size()),
                rightSizes = take(ys, batch.size() + summed.size(), right.size());
  MLIRContext *context = call.context();
  auto joined = [&](std::initializer_list<ArrayRef<Dim>> parts) {
    Shape shape;
    for (ArrayRef<Dim> part : parts)
      shape.append(part.begin(), part.end());
    return shape;
  };
  x = call.expand(x, joined({batchSizes, leftSizes, summedSizes}));
  y = call.expand(y, joined({batchSizes, summedSizes, rightSizes}));
  Dim n = productOf(context, batchSizes), k = productOf(context, summedSizes);
  x = call.reshape(x, {n, productOf(context, leftSizes), k});
  y = call.reshape(y, {n, k, productOf(context, rightSizes)});
  TensorId product = call.call("bmm", {{"input", x}, {"mat2", y}});
  return {call.reshape(product, joined({batchSizes, leftSizes, rightSizes})), batch + left + right};
}

void einsum(Call &call) {
  std::optional<Equation> equation = parseEquation(call, call.text("equation", ""));
  if (!equation || call.hasFailed())
    return;
  SmallVector<Term> terms;
  for (auto [i, letters] : llvm::enumerate(equation->operands)) {
    terms.push_back({call.input(i), letters});
    takeDiagonals(call, terms.back());
  }
  for (char c : equation->output)
    if (llvm::none_of(terms, [c](const Term &term) { return term.letters.find(c) != std::string::npos; }) ||
        llvm::count(equation->output, c) != 1)
      return void(
          call.error("equation") << "a letter of the result that no input has, or that is there twice [NNFC-E0313]");
  Term result = terms.front();
  for (size_t i = 1; i < terms.size(); ++i) {
    std::string kept = equation->output;
    for (size_t j = i + 1; j < terms.size(); ++j)
      kept += terms[j].letters;
    result = multiply(call, result, terms[i], kept);
  }
  sumAway(call, result, equation->output);
  call.result(call.permute(result.tensor, positions(result.letters, equation->output)));
}

} // namespace

void addProducts(OpTable &table) {
  table.add("Gemm", 1, gemm);
  table.add("Det", 11, determinant);
  table.add("MatMul", 1, matmul);
  table.add("MatMulInteger", 10, matmulInteger);
  table.add("Einsum", 12, einsum);
}

} // namespace nnf::onnx
