// TfIdfVectorizer: how often sequences of tokens (n-grams) occur in rows of integers.
#include "compiler/import/onnx/OpTable.h"
#include "llvm/ADT/SmallSet.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

/// Each distance between the tokens of an n-gram is a pass over the rows.
constexpr int64_t maxDistances = 256;

struct Pool {
  /// By the number of tokens, from 1: all n-grams of that length, one after the other.
  SmallVector<Ints> grams;
  Ints columns; // of the output, for each n-gram
  int64_t width = 0;
};

std::optional<Pool> poolOf(Call &call) {
  Ints tokens = call.integers("pool_int64s"), starts = call.integers("ngram_counts");
  Pool pool;
  pool.columns = call.integers("ngram_indexes");
  if (call.hasFailed())
    return std::nullopt;
  int64_t total = tokens.size(), grams = 0;
  for (auto [i, start] : llvm::enumerate(starts)) {
    int64_t length = i + 1, end = i + 1 < starts.size() ? starts[i + 1] : total;
    if (start < 0 || end < start || end > total || (end - start) % length) {
      call.error("ngram_counts") << start << " to " << end << " for n-grams of length " << length << " in a pool of "
                                 << total
                                 << ", expected places in the pool that go up by multiples of the length [NNFC-E0213]";
      return std::nullopt;
    }
    pool.grams.emplace_back(tokens.begin() + start, tokens.begin() + end);
    grams += (end - start) / length;
  }
  if (static_cast<int64_t>(pool.columns.size()) != grams) {
    call.error("ngram_indexes") << static_cast<int64_t>(pool.columns.size()) << " of them, expected " << grams
                                << " as there are n-grams [NNFC-E0212]";
    return std::nullopt;
  }
  llvm::SmallSet<int64_t, 32> seen;
  for (int64_t column : pool.columns) {
    if (column < 0 || column > std::numeric_limits<int32_t>::max() || !seen.insert(column).second) {
      call.error("ngram_indexes") << column << ", expected columns from 0, each once [NNFC-E0213]";
      return std::nullopt;
    }
    pool.width = std::max(pool.width, column + 1);
  }
  return pool;
}

/// [rows, n-grams] int64: how often each n-gram of `length` tokens is in the rows [rows, size] with its tokens
/// `distance` places apart.
TensorId countGrams(Call &call, TensorId rows, ArrayRef<int64_t> grams, int64_t length, int64_t distance) {
  Type i64 = IntegerType::get(call.context(), 64);
  Shape shape = call.shape(rows);
  Dim places = maxOf(simplify(shape[1] - (length - 1) * distance), call.size(0));
  int64_t count = grams.size() / length;
  TensorId matches;
  for (int64_t i = 0; i < length; ++i) {
    Ints tokens;
    for (int64_t gram = 0; gram < count; ++gram)
      tokens.push_back(grams[gram * length + i]);
    TensorId at = call.reshape(call.slice(rows, 1, call.size(i * distance), places), {shape[0], call.size(1), places});
    TensorId wanted = call.reshape(call.constant(i64, tokens), {call.size(1), call.size(count), call.size(1)});
    TensorId equal = call.binary("eq", at, wanted);
    matches = i == 0 ? equal : call.binary("logical_and", matches, equal);
  }
  return call.call("sum", {{"input", matches}, {"dim", std::vector<int64_t>{2}}});
}

void tfIdfVectorizer(Call &call) {
  if (call.hasAttribute("pool_strings"))
    return call.notThereYet("a pool of strings");
  std::string mode = call.text("mode", "");
  int64_t longest = call.integer("max_gram_length", 1), shortest = call.integer("min_gram_length", 1),
          skips = call.integer("max_skip_count", 0);
  std::optional<Pool> pool = poolOf(call);
  TensorId x = call.input(0);
  Shape shape = call.shape(x);
  if (call.hasFailed() || !pool)
    return;
  if (shape.empty() || shape.size() > 2 || !call.element(x).isSignlessInteger())
    return void(call.error("X") << "shape " << toString(shape) << " of " << dtypeName(call.element(x))
                                << ", expected [C] or [N, C] of integers [NNFC-E0208]");
  if (mode != "TF" && mode != "IDF" && mode != "TFIDF")
    return void(call.error("mode") << "'" << mode << "', expected TF, IDF or TFIDF [NNFC-E0214]");
  if (shortest < 1 || longest < shortest || longest > static_cast<int64_t>(pool->grams.size()))
    return void(call.error("max_gram_length")
                << shortest << " to " << longest << " tokens, expected lengths from 1 to "
                << static_cast<int64_t>(pool->grams.size()) << ", as 'ngram_counts' has [NNFC-E0213]");
  if (skips < 0 || skips >= maxDistances)
    return void(call.error("max_skip_count") << skips << ", expected 0 to " << maxDistances - 1 << " [NNFC-E0213]");

  Type i64 = IntegerType::get(call.context(), 64), f32 = Float32Type::get(call.context());
  Dim numRows = shape.size() == 2 ? shape[0] : call.size(1);
  TensorId rows = call.reshape(call.cast(x, i64), {numRows, shape.back()});
  SmallVector<TensorId> counts;
  Ints source(pool->width, pool->columns.size()); // of each column; at first, one of zeros behind all n-grams
  int64_t numGrams = 0;
  for (auto [i, grams] : llvm::enumerate(pool->grams)) {
    int64_t length = i + 1, count = grams.size() / length;
    if (count == 0)
      continue;
    TensorId sum;
    // A single token has no distances.
    for (int64_t distance = 1; distance <= (length == 1 ? 1 : skips + 1); ++distance)
      if (length >= shortest && length <= longest) {
        TensorId found = countGrams(call, rows, grams, length, distance);
        sum = sum ? call.add(sum, found) : found;
      }
    counts.push_back(sum ? call.cast(sum, f32) : call.expand(call.constant(f32, 0), {numRows, call.size(count)}));
    for (int64_t gram = 0; gram < count; ++gram, ++numGrams)
      source[pool->columns[numGrams]] = numGrams;
  }
  counts.push_back(call.expand(call.constant(f32, 0), {numRows, call.size(1)}));
  TensorId all = call.concat(counts, 1);
  if (mode == "IDF")
    all = call.cast(call.binary("gt", all, int64_t(0)), f32);
  if (const Attribute *weights = call.attribute("weights", Attribute::Kind::Floats); weights && mode != "TF") {
    if (static_cast<int64_t>(weights->floats.size()) != numGrams)
      return void(call.error("weights") << static_cast<int64_t>(weights->floats.size()) << " of them, expected "
                                        << numGrams << " as there are n-grams [NNFC-E0212]");
    Known factors{f32, {numGrams + 1}, {}};
    for (double weight : weights->floats)
      factors.values.push_back(factors.ofNumber(weight));
    factors.values.push_back(factors.ofNumber(0)); // of the column of zeros
    all = call.mul(all, call.constant(factors));
  }
  TensorId picked =
      call.call("index_select", {{"input", all}, {"dim", int64_t(1)}, {"index", call.constant(i64, source)}});
  call.result(shape.size() == 2 ? picked : call.reshape(picked, {call.size(pool->width)}));
}

} // namespace

void addNGrams(OpTable &table) { table.add("TfIdfVectorizer", 9, tfIdfVectorizer); }

} // namespace nnf::onnx
