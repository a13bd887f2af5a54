// What the texts of a launch say: types, sizes, and what a kernel takes.
#include "dialects/nnf/CustomKernels.h"
#include "dialects/nnf/infer/Arguments.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
namespace nnf {
namespace {

constexpr size_t mostTensors = 64, mostParameters = 256;
/// What a GPU of compute capability 8.0 or later takes in one launch (sm_80 has less shared memory than sm_90).
constexpr int64_t mostThreads = 1024, threadsOf[] = {1024, 1024, 64}, blocksOf[] = {INT32_MAX, 65535, 65535};
constexpr int64_t mostShared = 227 << 10;

/// Reads one text. Nothing in it is trusted: its length, depth and numbers have bounds.
class LaunchText {
public:
  using Parameter = CustomLaunch::Parameter;

  LaunchText(Location loc, StringRef argument, StringRef text, ValueRange inputs)
      : loc(loc), argument(argument), text(text), inputs(inputs) {}

  FailureOr<SmallVector<Dim>> sizes() {
    SmallVector<Dim> list;
    if (failed(each([&] { return take(size(), list); })))
      return failure();
    return list;
  }
  FailureOr<SmallVector<Type>> types() {
    SmallVector<Type> list;
    if (failed(each([&] { return take(type(), list); })))
      return failure();
    return list;
  }
  FailureOr<SmallVector<Parameter>> parameters(int64_t numOutputs) {
    SmallVector<Parameter> list;
    if (failed(each([&] { return take(parameter(numOutputs), list); })))
      return failure();
    return list;
  }

private:
  static constexpr size_t mostCharacters = 1 << 16;
  static constexpr unsigned mostDepth = 64;

  Location loc;
  StringRef argument, text;
  ValueRange inputs;
  size_t at = 0;
  unsigned depth = 0;

  MLIRContext *context() const { return loc.getContext(); }

  template <typename T> static LogicalResult take(FailureOr<T> one, SmallVectorImpl<T> &list) {
    if (succeeded(one))
      list.push_back(std::move(*one));
    return one;
  }

  // ---- characters and words

  InFlightDiagnostic error(size_t where) {
    return argumentError(loc, argument) << "at character " << where + 1 << ": ";
  }
  LogicalResult unexpected(StringRef expected) {
    StringRef found = next();
    size_t where = at - found.size();
    auto diagnostic = error(where);
    if (found.empty())
      diagnostic << "the end";
    else
      diagnostic << "'" << found << "'";
    return diagnostic << ", expected " << expected << " [NNFC-E0213]";
  }

  void skipSpace() {
    while (at < text.size() && llvm::isSpace(text[at]))
      ++at;
  }
  /// The next word, number or character; empty at the end.
  StringRef next() {
    skipSpace();
    StringRef rest = text.drop_front(at);
    StringRef word = rest.take_while([](char c) { return llvm::isAlnum(c) || c == '_' || c == '.'; });
    if (word.empty())
      word = rest.take_front(1);
    at += word.size();
    return word;
  }
  StringRef peek() {
    size_t before = at;
    StringRef word = next();
    at = before;
    return word;
  }
  bool consume(StringRef word) {
    if (peek() != word)
      return false;
    next();
    return true;
  }
  LogicalResult expect(StringRef word) {
    if (consume(word))
      return success();
    return unexpected(("'" + word + "'").str());
  }

  /// item, item, …
  LogicalResult each(llvm::function_ref<LogicalResult()> item) {
    if (text.size() > mostCharacters)
      return argumentError(loc, argument)
             << text.size() << " characters, expected at most " << mostCharacters << " [NNFC-E0213]";
    do
      if (failed(item()))
        return failure();
    while (consume(","));
    if (!peek().empty())
      return unexpected("',' or the end");
    return success();
  }

  // ---- sizes

  FailureOr<int64_t> number(StringRef what, int64_t most) {
    size_t where = (skipSpace(), at);
    StringRef word = next();
    int64_t value = 0;
    if (word.getAsInteger(10, value) || word.front() == '-') {
      at = where;
      return unexpected(what);
    }
    if (value > most)
      return error(where) << what << " " << word << ", expected 0 to " << most << " [NNFC-E0213]", failure();
    return value;
  }
  FailureOr<Value> input() {
    if (inputs.empty())
      return error(at) << "there is no input to name [NNFC-E0213]", failure();
    FailureOr<int64_t> index = number("input", static_cast<int64_t>(inputs.size()) - 1);
    if (failed(index))
      return failure();
    return inputs[*index];
  }

  FailureOr<Dim> combine(char operation, Dim a, Dim b, size_t where) {
    std::optional<int64_t> x = constantOf(a), y = constantOf(b);
    if (operation == '/' || operation == '^') { // '^': rounded up
      if (!y || *y <= 0)
        return error(where) << "a division by " << toString(b) << ", expected a number of at least 1 [NNFC-E0213]",
               failure();
      return simplify(operation == '/' ? a.floorDiv(b) : a.ceilDiv(b));
    }
    int64_t known;
    if (x && y &&
        (operation == '*'   ? llvm::MulOverflow(*x, *y, known)
         : operation == '+' ? llvm::AddOverflow(*x, *y, known)
                            : llvm::SubOverflow(*x, *y, known)))
      return error(where) << "a size that is no 64-bit number [NNFC-E0222]", failure();
    return simplify(operation == '*' ? a * b : operation == '+' ? a + b : a - b);
  }

  /// operand (operator operand)*, for the operators of one rank.
  FailureOr<Dim> chain(StringRef operators, llvm::function_ref<FailureOr<Dim>()> operand) {
    FailureOr<Dim> left = operand();
    while (succeeded(left) && peek().size() == 1 && operators.contains(peek().front())) {
      size_t where = (skipSpace(), at);
      char operation = next().front();
      FailureOr<Dim> right = operand();
      left = failed(right) ? right : combine(operation, *left, *right, where);
    }
    return left;
  }
  FailureOr<Dim> size() {
    return chain("+-", [&] { return chain("*/", [&] { return atom(); }); });
  }

  FailureOr<Dim> atom() {
    if (++depth > mostDepth)
      return error(at) << "more than " << mostDepth << " parentheses in each other [NNFC-E0213]", failure();
    FailureOr<Dim> result = bareAtom();
    --depth;
    return result;
  }
  FailureOr<Dim> bareAtom() {
    size_t where = (skipSpace(), at);
    if (consume("(")) {
      FailureOr<Dim> inner = size();
      return failed(inner) || failed(expect(")")) ? FailureOr<Dim>(failure()) : inner;
    }
    if (!peek().empty() && llvm::isDigit(peek().front())) {
      FailureOr<int64_t> value = number("a size", INT32_MAX);
      return failed(value) ? FailureOr<Dim>(failure()) : dimOf(context(), *value);
    }
    StringRef name = peek();
    if (name == "size" || name == "numel") {
      next();
      if (failed(expect("(")))
        return failure();
      FailureOr<Value> of = input();
      if (failed(of))
        return failure();
      Shape shape = shapeOf(*of);
      Dim result = productOf(context(), shape);
      if (name == "size") {
        if (failed(expect(",")))
          return failure();
        size_t dimAt = (skipSpace(), at);
        FailureOr<int64_t> dim = number("dimension", INT32_MAX);
        if (failed(dim))
          return failure();
        if (*dim >= static_cast<int64_t>(shape.size()))
          return error(dimAt) << "dimension " << *dim << ", expected fewer than the " << shape.size()
                              << " of that input [NNFC-E0210]",
                 failure();
        result = shape[*dim];
      }
      return failed(expect(")")) ? FailureOr<Dim>(failure()) : result;
    }
    if (name == "ceildiv" || name == "min" || name == "max") {
      next();
      if (failed(expect("(")))
        return failure();
      FailureOr<Dim> a = size();
      if (failed(a) || failed(expect(",")))
        return failure();
      FailureOr<Dim> b = size();
      if (failed(b) || failed(expect(")")))
        return failure();
      return name == "ceildiv" ? combine('^', *a, *b, where) : name == "min" ? minOf(*a, *b) : maxOf(*a, *b);
    }
    return unexpected("a size");
  }

  // ---- types

  FailureOr<Type> element() {
    Builder b(context());
    auto integer = [&](unsigned bits, bool isUnsigned) -> Type {
      return IntegerType::get(context(), bits, isUnsigned ? IntegerType::Unsigned : IntegerType::Signless);
    };
    Type all[] = {b.getF32Type(),     b.getF64Type(),     b.getF16Type(),    b.getBF16Type(),  integer(64, false),
                  integer(32, false), integer(16, false), integer(8, false), integer(8, true), integer(1, false),
                  integer(16, true),  integer(32, true),  integer(64, true)};
    size_t where = (skipSpace(), at);
    StringRef name = next();
    for (Type type : all)
      if (dtypeName(type) == name)
        return type;
    return error(where) << "dtype '" << name << "', expected "
                        << llvm::join(llvm::map_range(ArrayRef(all).drop_back(), dtypeName), ", ")
                        << " or uint64 [NNFC-E0214]",
           failure();
  }
  FailureOr<Type> type() {
    if (consume("like")) {
      if (failed(expect("(")))
        return failure();
      FailureOr<Value> of = input();
      if (failed(of) || failed(expect(")")))
        return failure();
      return of->getType();
    }
    FailureOr<Type> of = element();
    if (failed(of) || failed(expect("[")))
      return failure();
    Shape shape;
    if (consume("]"))
      return Type(tensorOf(shape, *of));
    do {
      FailureOr<Dim> dim = size();
      if (failed(dim) ||
          failed(requireSize(loc, argument, *dim, *dim, "size {value} of an output, expected at least 0 [NNFC-E0213]")))
        return failure();
      if (shape.size() == 16)
        return error(at) << "more than 16 dimensions [NNFC-E0114]", failure();
      shape.push_back(*dim);
    } while (consume(","));
    if (failed(expect("]")))
      return failure();
    return Type(tensorOf(shape, *of));
  }

  // ---- parameters

  FailureOr<Parameter> parameter(int64_t numOutputs) {
    size_t where = (skipSpace(), at);
    StringRef kind = next();
    if (!llvm::is_contained({"input", "output", "int32", "int64", "float32", "float64"}, kind)) {
      at = where;
      return unexpected("input, output, int32, int64, float32 or float64");
    }
    if (failed(expect("(")))
      return failure();
    Parameter made;
    if (kind == "input" || kind == "output") {
      int64_t count = kind == "input" ? inputs.size() : numOutputs;
      if (count == 0)
        return error(at) << "there is no " << kind << " to name [NNFC-E0213]", failure();
      FailureOr<int64_t> index = number(kind, count - 1);
      if (failed(index))
        return failure();
      made = {kind == "input" ? Parameter::Input : Parameter::Output, *index, {}, 8};
    } else {
      FailureOr<Dim> value = kind.starts_with("float") ? floatBits(kind) : size();
      if (failed(value))
        return failure();
      made = {Parameter::Value, 0, *value, kind.ends_with("32") ? 4 : 8};
      auto fits = [&](Dim tested) {
        return succeeded(requireSize(loc, argument, *value, tested,
                                     "{value} as an int32, expected -2147483648 to 2147483647 [NNFC-E0213]"));
      };
      if (kind == "int32" && !(fits(*value - INT32_MIN) && fits(dimOf(context(), INT32_MAX) - *value)))
        return failure();
    }
    return failed(expect(")")) ? FailureOr<Parameter>(failure()) : made;
  }
  /// A number as the integer of its bits.
  FailureOr<Dim> floatBits(StringRef kind) {
    size_t where = (skipSpace(), at);
    StringRef word = text.drop_front(at).take_until([](char c) { return c == ')' || c == ','; }).rtrim();
    at += word.size();
    double value = 0;
    if (word.getAsDouble(value))
      return error(where) << "'" << word << "', expected a number [NNFC-E0213]", failure();
    int64_t bits = kind == "float32" ? static_cast<int64_t>(llvm::bit_cast<uint32_t>(static_cast<float>(value)))
                                     : llvm::bit_cast<int64_t>(value);
    return dimOf(context(), bits);
  }
};

LogicalResult checkSource(Location loc, CustomCudaOp::Adaptor op) {
  if (op.getInputs().size() > mostTensors)
    return argumentError(loc, "inputs") << op.getInputs().size() << " tensors, expected at most " << mostTensors
                                        << " [NNFC-E0212]";
  StringRef name = op.getKernel();
  auto isWord = [](char c) { return llvm::isAlnum(c) || c == '_'; };
  if (name.empty() || name.size() > 512 || !llvm::all_of(name, isWord) || llvm::isDigit(name.front()))
    return argumentError(loc, "kernel") << "'" << name.take_front(80) << "', expected a name of C++ [NNFC-E0213]";
  if (size_t zero = op.getSource().find('\0'); zero != StringRef::npos)
    return argumentError(loc, "source") << "byte " << zero << " is NUL, expected text [NNFC-E0213]";
  return success();
}

FailureOr<SmallVector<int64_t>> numbersOf(Location loc, StringRef argument, ArrayRef<Dim> sizes) {
  SmallVector<int64_t> numbers;
  for (Dim size : sizes) {
    std::optional<int64_t> known = constantOf(size);
    if (!known)
      return argumentError(loc, argument)
                 << "size " << toString(size) << " is symbolic, expected a number [NNFC-E0219]",
             failure();
    numbers.push_back(*known);
  }
  return numbers;
}

LogicalResult readBlock(Location loc, CustomCudaOp::Adaptor op, CustomLaunch &launch) {
  FailureOr<SmallVector<Dim>> sizes = LaunchText(loc, "block", op.getBlock(), op.getInputs()).sizes();
  if (failed(sizes))
    return failure();
  if (sizes->size() > 3)
    return argumentError(loc, "block") << sizes->size() << " sizes, expected 1 to 3 [NNFC-E0212]";
  FailureOr<SmallVector<int64_t>> numbers = numbersOf(loc, "block", *sizes);
  if (failed(numbers))
    return failure();
  launch.block = *numbers;
  launch.block.resize(3, 1);
  int64_t threads = 1;
  for (auto [dim, count] : llvm::enumerate(launch.block)) {
    if (count < 1 || count > threadsOf[dim])
      return argumentError(loc, "block") << count << " threads in dimension " << dim << ", expected 1 to "
                                         << threadsOf[dim] << " [NNFC-E0213]";
    threads *= count;
  }
  if (threads > mostThreads)
    return argumentError(loc, "block") << threads << " threads, expected at most " << mostThreads << " [NNFC-E0213]";
  return success();
}

LogicalResult readGrid(Location loc, CustomCudaOp::Adaptor op, CustomLaunch &launch) {
  FailureOr<SmallVector<Dim>> sizes = LaunchText(loc, "grid", op.getGrid(), op.getInputs()).sizes();
  if (failed(sizes))
    return failure();
  if (sizes->size() > 3)
    return argumentError(loc, "grid") << sizes->size() << " sizes, expected 1 to 3 [NNFC-E0212]";
  launch.grid = *sizes;
  launch.grid.resize(3, dimOf(loc.getContext(), 1));
  for (auto [dim, blocks] : llvm::enumerate(launch.grid)) {
    std::string text =
        ("{value} blocks in dimension " + Twine(dim) + ", expected 0 to " + Twine(blocksOf[dim]) + " [NNFC-E0213]")
            .str();
    if (failed(requireSize(loc, "grid", blocks, blocks, text)) ||
        failed(requireSize(loc, "grid", blocks, dimOf(loc.getContext(), blocksOf[dim]) - blocks, text)))
      return failure();
  }
  return success();
}

LogicalResult readShared(Location loc, CustomCudaOp::Adaptor op, CustomLaunch &launch) {
  constexpr StringLiteral argument = "shared_memory";
  FailureOr<SmallVector<Dim>> sizes = LaunchText(loc, argument, op.getSharedMemory(), op.getInputs()).sizes();
  if (failed(sizes))
    return failure();
  FailureOr<SmallVector<int64_t>> numbers = numbersOf(loc, argument, *sizes);
  if (failed(numbers))
    return failure();
  if (numbers->size() != 1)
    return argumentError(loc, argument) << numbers->size() << " sizes, expected 1 [NNFC-E0212]";
  launch.sharedBytes = numbers->front();
  if (launch.sharedBytes < 0 || launch.sharedBytes > mostShared)
    return argumentError(loc, argument) << launch.sharedBytes << " bytes, expected 0 to " << mostShared
                                        << " [NNFC-E0213]";
  return success();
}

LogicalResult readParameters(Location loc, CustomCudaOp::Adaptor op, CustomLaunch &launch) {
  using Parameter = CustomLaunch::Parameter;
  if (StringRef(op.getArguments()).trim().empty()) {
    for (size_t i = 0; i < op.getInputs().size(); ++i)
      launch.parameters.push_back({Parameter::Input, static_cast<int64_t>(i), {}, 8});
    for (size_t i = 0; i < launch.results.size(); ++i)
      launch.parameters.push_back({Parameter::Output, static_cast<int64_t>(i), {}, 8});
    return success();
  }
  FailureOr<SmallVector<Parameter>> parameters =
      LaunchText(loc, "arguments", op.getArguments(), op.getInputs()).parameters(launch.results.size());
  if (failed(parameters))
    return failure();
  if (parameters->size() > mostParameters)
    return argumentError(loc, "arguments")
           << parameters->size() << " entries, expected at most " << mostParameters << " [NNFC-E0212]";
  launch.parameters = *parameters;
  return success();
}

} // namespace

FailureOr<CustomLaunch> readCustomLaunch(Location loc, CustomCudaOp::Adaptor op) {
  CustomLaunch launch;
  if (failed(checkSource(loc, op)))
    return failure();
  FailureOr<SmallVector<Type>> types = LaunchText(loc, "types", op.getTypes(), op.getInputs()).types();
  if (failed(types))
    return failure();
  if (types->size() > mostTensors)
    return argumentError(loc, "types") << types->size() << " outputs, expected 1 to " << mostTensors << " [NNFC-E0212]",
           failure();
  launch.results = *types;
  if (failed(readBlock(loc, op, launch)) || failed(readGrid(loc, op, launch)) || failed(readShared(loc, op, launch)) ||
      failed(readParameters(loc, op, launch)))
    return failure();
  return launch;
}

NNF_INFER(CustomCudaOp) {
  FailureOr<CustomLaunch> launch = readCustomLaunch(loc, op);
  if (failed(launch))
    return failure();
  types.append(launch->results.begin(), launch->results.end());
  return success();
}

LogicalResult PrimCustomCudaOp::verify() {
  int64_t tensors = getInputs().size() + getOutputs().size(), values = getValues().getDims().size();
  if (getGrid().getDims().size() != 3 || getBlock().size() != 3)
    return emitOpError() << "has no grid and block of three sizes [NNFC-E0135]";
  if (getBytes().size() != getParameters().size())
    return emitOpError() << "has " << getParameters().size() << " parameters and bytes of " << getBytes().size()
                         << " [NNFC-E0135]";
  for (int64_t parameter : getParameters())
    if (parameter < 0 || parameter >= tensors + values)
      return emitOpError() << "names parameter " << parameter << " of " << tensors << " tensors and " << values
                           << " values [NNFC-E0135]";
  return success();
}

} // namespace nnf

#define GET_OP_CLASSES
#include "dialects/nnf/ops/CustomKernels.cpp.inc"

void nnf::addCustomKernelsOps(NnfDialect &dialect) {
  dialect.add<
#define GET_OP_LIST
#include "dialects/nnf/ops/CustomKernels.cpp.inc"
      >();
}
