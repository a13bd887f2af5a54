// The dialect itself: registration, the symbols of sizes, and how sizes are written.
#include "dialects/nnf/Nnf.h"
#include "llvm/Support/Format.h"

using namespace mlir;
namespace nnf {

class SymbolTableOfDims {
public:
  unsigned id(StringRef name) {
    std::lock_guard<std::mutex> lock(mutex);
    auto [it, isNew] = ids.try_emplace(name, names.size());
    if (isNew)
      names.push_back(name.str());
    return it->second;
  }
  std::string name(unsigned id) const {
    std::lock_guard<std::mutex> lock(mutex);
    return id < names.size() ? names[id] : "s" + std::to_string(id);
  }
  unsigned derived(StringRef text, const DerivedDim &definition) {
    unsigned number = id(text);
    std::lock_guard<std::mutex> lock(mutex);
    definitions.try_emplace(number, definition);
    return number;
  }
  std::optional<DerivedDim> definition(unsigned id) const {
    std::lock_guard<std::mutex> lock(mutex);
    auto found = definitions.find(id);
    return found == definitions.end() ? std::nullopt : std::optional(found->second);
  }
  unsigned size() const {
    std::lock_guard<std::mutex> lock(mutex);
    return names.size();
  }

private:
  mutable std::mutex mutex;
  llvm::StringMap<unsigned> ids;
  std::vector<std::string> names;
  llvm::DenseMap<unsigned, DerivedDim> definitions;
};

/// What the names of derived symbols begin with; no name that a graph may use does.
constexpr StringLiteral derivedPrefix = "= ";
/// As DerivedDim::Kind.
constexpr StringLiteral derivedWords[] = {"max", "min", "scaled", "size", "joint"};

void NnfDialect::initialize() {
  symbols = std::make_shared<SymbolTableOfDims>();
  store = std::make_shared<WeightStore>();
  registerOps();
  registerAttributes();
}

unsigned NnfDialect::symbolId(StringRef name) { return symbols->id(name); }
std::string NnfDialect::symbolName(unsigned id) const { return symbols->name(id); }
std::optional<DerivedDim> NnfDialect::derivationOf(unsigned id) const { return symbols->definition(id); }
unsigned NnfDialect::derivedSymbol(const DerivedDim &derived) {
  std::string name;
  llvm::raw_string_ostream os(name);
  os << derivedPrefix << derivedWords[derived.kind] << '(';
  if (derived.kind == DerivedDim::Data) {
    os << derived.number;
  } else {
    printDim(os, derived.a, *this);
    os << ", ";
    if (derived.b)
      printDim(os, derived.b, *this);
    else
      os << llvm::format("%.17e", derived.factor);
  }
  os << ')';
  return symbols->derived(name, derived);
}
unsigned NnfDialect::numSymbols() const { return symbols->size(); }
WeightStore &NnfDialect::weights() { return *store; }

// ---- sizes as text: sums of products, as in "N*2 + 1", "(N + 1) floordiv 2"

static bool isIdentifier(StringRef name) {
  if (name.empty() || !(llvm::isAlpha(name.front()) || name.front() == '_'))
    return false;
  if (name == "floordiv" || name == "ceildiv" || name == "mod")
    return false;
  return llvm::all_of(name, [](char c) { return llvm::isAlnum(c) || c == '_'; });
}

static void printTerm(llvm::raw_ostream &os, Dim dim, const NnfDialect &dialect, int outer) {
  if (auto constant = dyn_cast<AffineConstantExpr>(dim)) {
    os << constant.getValue();
    return;
  }
  if (auto symbol = dyn_cast<AffineSymbolExpr>(dim)) {
    std::string name = dialect.symbolName(symbol.getPosition());
    if (isIdentifier(name)) {
      os << name;
    } else if (dialect.derivationOf(symbol.getPosition())) {
      os << StringRef(name).drop_front(derivedPrefix.size());
    } else {
      os << '"';
      llvm::printEscapedString(name, os);
      os << '"';
    }
    return;
  }
  auto binary = cast<AffineBinaryOpExpr>(dim);
  int level = dim.getKind() == AffineExprKind::Add ? 0 : 1;
  bool parentheses = level < outer;
  if (parentheses)
    os << '(';
  printTerm(os, binary.getLHS(), dialect, level);
  switch (dim.getKind()) {
  case AffineExprKind::Add: os << " + "; break;
  case AffineExprKind::Mul: os << " * "; break;
  case AffineExprKind::Mod: os << " mod "; break;
  case AffineExprKind::FloorDiv: os << " floordiv "; break;
  default: os << " ceildiv "; break;
  }
  printTerm(os, binary.getRHS(), dialect, level + 1);
  if (parentheses)
    os << ')';
}

void printDim(llvm::raw_ostream &os, Dim dim, const NnfDialect &dialect) { printTerm(os, dim, dialect, 0); }

/// max(a, b), min(a, b), joint(a, b), scaled(a, number) or size(number), after the parenthesis.
static FailureOr<Dim> parseDerived(AsmParser &parser, NnfDialect &dialect, DerivedDim::Kind kind) {
  if (kind == DerivedDim::Data) {
    int64_t number;
    if (parser.parseInteger(number) || parser.parseRParen())
      return failure();
    if (number < 0)
      return parser.emitError(parser.getCurrentLocation(), "expected the number of a node, from 0 [NNFC-E0130]");
    return sizeOfData(parser.getContext(), number);
  }
  FailureOr<Dim> a = parseDim(parser, dialect), b = Dim();
  double factor = 1;
  if (failed(a) || failed(parser.parseComma()))
    return failure();
  if (kind == DerivedDim::Scaled) {
    if (failed(parser.parseFloat(factor)))
      return failure();
    if (!(factor > 0) || !std::isfinite(factor))
      return parser.emitError(parser.getCurrentLocation(), "expected a finite factor above 0 [NNFC-E0130]");
  } else if (failed(b = parseDim(parser, dialect))) {
    return failure();
  }
  if (failed(parser.parseRParen()))
    return failure();
  return derivedBy(kind, *a, *b, factor);
}

static FailureOr<Dim> parseFactor(AsmParser &parser, NnfDialect &dialect) {
  if (succeeded(parser.parseOptionalLParen())) {
    FailureOr<Dim> inner = parseDim(parser, dialect);
    if (failed(inner) || failed(parser.parseRParen()))
      return failure();
    return inner;
  }
  int64_t value;
  OptionalParseResult number = parser.parseOptionalInteger(value);
  if (number.has_value()) {
    if (failed(*number))
      return failure();
    return dimOf(parser.getContext(), value);
  }
  std::string name;
  if (failed(parser.parseKeywordOrString(&name)))
    return failure();
  const auto *word = llvm::find(derivedWords, StringRef(name));
  if (word != std::end(derivedWords) && succeeded(parser.parseOptionalLParen()))
    return parseDerived(parser, dialect, static_cast<DerivedDim::Kind>(word - derivedWords));
  return getAffineSymbolExpr(dialect.symbolId(name), parser.getContext());
}

static FailureOr<Dim> parseProduct(AsmParser &parser, NnfDialect &dialect) {
  FailureOr<Dim> left = parseFactor(parser, dialect);
  while (succeeded(left)) {
    bool isMul = succeeded(parser.parseOptionalStar());
    bool isFloor = !isMul && succeeded(parser.parseOptionalKeyword("floordiv"));
    bool isCeil = !isMul && !isFloor && succeeded(parser.parseOptionalKeyword("ceildiv"));
    bool isMod = !isMul && !isFloor && !isCeil && succeeded(parser.parseOptionalKeyword("mod"));
    if (!isMul && !isFloor && !isCeil && !isMod)
      return left;
    FailureOr<Dim> right = parseFactor(parser, dialect);
    if (failed(right))
      return failure();
    if (isMul) {
      left = *left * *right;
      continue;
    }
    std::optional<int64_t> divisor = constantOf(*right);
    if (divisor && *divisor <= 0)
      return parser.emitError(parser.getCurrentLocation(), "expected a positive divisor [NNFC-E0130]");
    left = isFloor ? left->floorDiv(*right) : isCeil ? left->ceilDiv(*right) : *left % *right;
  }
  return left;
}

FailureOr<Dim> parseDim(AsmParser &parser, NnfDialect &dialect) {
  FailureOr<Dim> left = parseProduct(parser, dialect);
  while (succeeded(left) && succeeded(parser.parseOptionalPlus())) {
    FailureOr<Dim> right = parseProduct(parser, dialect);
    if (failed(right))
      return failure();
    left = *left + *right;
  }
  return left;
}

void DimsAttr::print(AsmPrinter &printer) const {
  auto *dialect = getContext()->getLoadedDialect<NnfDialect>();
  printer << "<[";
  llvm::interleaveComma(getDims(), printer, [&](Dim dim) { printDim(printer.getStream(), dim, *dialect); });
  printer << "]>";
}

Attribute DimsAttr::parse(AsmParser &parser, Type) {
  auto *dialect = parser.getContext()->getOrLoadDialect<NnfDialect>();
  Shape dims;
  auto parseOne = [&]() -> ParseResult {
    FailureOr<Dim> dim = parseDim(parser, *dialect);
    if (failed(dim))
      return failure();
    dims.push_back(simplify(*dim));
    return success();
  };
  if (parser.parseLess() || parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, parseOne) ||
      parser.parseGreater())
    return {};
  return DimsAttr::get(parser.getContext(), dims);
}

} // namespace nnf

#include "dialects/nnf/NnfDialect.cpp.inc"
#include "dialects/nnf/NnfEnums.cpp.inc"
