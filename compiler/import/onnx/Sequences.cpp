// Sequences of tensors, as long as their lengths are known, and optionals: they are lists, and what they hold, while
// importing, and the graph has none.
#include "compiler/import/onnx/Importer.h"
#include "compiler/import/onnx/OpTable.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

/// Longer ones come to as many nodes.
constexpr int64_t maxLength = 1024;

/// The input's place in a sequence, a number from -limit to limit - 1, made non-negative.
std::optional<int64_t> positionOf(Call &call, size_t input, int64_t limit) {
  const Known *known = call.known(input);
  std::optional<int64_t> at = known && known->values.size() == 1 ? known->integer(0) : std::nullopt;
  if (call.hasFailed())
    return std::nullopt;
  if (!at) {
    call.error("position") << "'" << call.node.inputs[input]
                           << "' is known at run time only, expected a constant [NNFC-E0221]";
    return std::nullopt;
  }
  if (*at < -limit || *at >= limit) {
    call.error("position") << *at << ", expected " << -limit << " to " << limit - 1 << " [NNFC-E0310]";
    return std::nullopt;
  }
  return *at < 0 ? *at + limit : *at;
}

void empty(Call &call) { call.output(0, Sequence()); }

void construct(Call &call) {
  Sequence all;
  for (size_t i = 0; i < call.numInputs(); ++i)
    all.push_back(entryOf(call.input(i)));
  call.output(0, std::move(all));
}

void insert(Call &call) {
  const Sequence *given = call.sequence(0);
  TensorId tensor = call.input(1);
  if (call.hasFailed())
    return;
  Sequence all = *given;
  int64_t end = all.size();
  // A new element can be behind the last one; -1 is in front of the last one.
  std::optional<int64_t> at = end;
  if (call.has(2)) {
    const Known *known = call.known(2);
    bool isEnd = known && known->values.size() == 1 && known->integer(0) == end;
    at = isEnd ? end : positionOf(call, 2, end);
  }
  if (!at)
    return;
  if (end >= maxLength)
    return void(call.error() << "a sequence of over " << maxLength << " tensors, expected fewer [NNFC-E0310]");
  all.insert(all.begin() + *at, entryOf(tensor));
  call.output(0, std::move(all));
}

void erase(Call &call) {
  const Sequence *given = call.sequence(0);
  if (call.hasFailed())
    return;
  Sequence all = *given;
  if (all.empty())
    return void(call.error() << "an empty sequence, expected an element to erase [NNFC-E0310]");
  std::optional<int64_t> at = call.has(1) ? positionOf(call, 1, all.size()) : all.size() - 1;
  if (!at)
    return;
  all.erase(all.begin() + *at);
  call.output(0, std::move(all));
}

void elementAt(Call &call) {
  const Sequence *given = call.sequence(0);
  std::optional<int64_t> at = call.hasFailed() ? std::nullopt : positionOf(call, 1, given->size());
  if (at)
    call.result((*given)[*at].tensor);
}

void length(Call &call) {
  if (const Sequence *given = call.sequence(0))
    call.output(0, Known{IntegerType::get(call.context(), 64), {}, {{call.size(given->size())}}});
}

void split(Call &call) {
  TensorId x = call.input(0);
  Shape shape = call.shape(x);
  int64_t axis = call.axis(call.integer("axis", 0), shape.size());
  if (!call.hasFailed() && shape.empty())
    call.error("input") << "rank 0, expected at least 1 [NNFC-E0207]";
  const Known *pieces = call.known(1);
  if (call.has(1) && !call.hasFailed() && !(pieces && pieces->sizes()))
    call.error("split") << "'" << call.node.inputs[1] << "' is known at run time only, expected constants [NNFC-E0221]";
  if (call.hasFailed())
    return;
  Shape sizes;
  if (pieces && !pieces->shape.empty()) {
    sizes = *pieces->sizes();
    Dim total = call.size(0);
    for (Dim size : sizes)
      total = total + size;
    if (!llvm::all_of(sizes, isNotNegative) || !sameDim(total, shape[axis]))
      return void(call.error("split") << toString(sizes) << ", expected sizes that add up to " << toString(shape[axis])
                                      << " [NNFC-E0310]");
  } else {
    // Pieces of one size, by default 1; the last one has what is left.
    std::optional<int64_t> each = pieces ? pieces->integer(0) : 1, count = constantOf(shape[axis]);
    if (!each || *each < 1)
      return void(call.error("split") << "expected a number that is 1 or more [NNFC-E0310]");
    if (!count)
      return void(call.error() << "dimension " << axis << " has size " << toString(shape[axis])
                               << ", expected a fixed one: it decides the length of a sequence [NNFC-E0221]");
    if (*count / *each > maxLength)
      return void(call.error() << "a sequence of over " << maxLength << " tensors, expected fewer [NNFC-E0310]");
    for (int64_t from = 0; from < *count; from += *each)
      sizes.push_back(call.size(std::min(*each, *count - from)));
  }
  bool keeps = call.has(1) || call.flag("keepdims", true);
  Sequence all;
  Dim start = call.size(0);
  for (Dim size : sizes) {
    TensorId piece = call.slice(x, axis, start, size);
    if (!keeps) {
      Shape rest = shape;
      rest.erase(rest.begin() + axis);
      piece = call.reshape(piece, rest);
    }
    all.push_back(entryOf(piece));
    start = simplify(start + size);
  }
  call.output(0, std::move(all));
}

void join(Call &call) {
  const Sequence *given = call.sequence(0);
  if (call.hasFailed())
    return;
  if (given->empty())
    return void(call.error() << "an empty sequence, expected tensors [NNFC-E0310]");
  bool isNew = call.flag("new_axis");
  SmallVector<TensorId> tensors;
  for (const Entry &entry : *given)
    tensors.push_back(entry.tensor);
  int64_t axis = call.axis(call.integer("axis", 0), call.rank(tensors.front()) + isNew);
  if (call.hasFailed())
    return;
  if (isNew)
    return call.result(
        call.call("stack", {{"tensors", std::vector<TensorId>(tensors.begin(), tensors.end())}, {"dim", axis}}));
  call.result(call.concat(tensors, axis));
}

/// The body, once for each element.
void map(Call &call) {
  const Graph *body = call.subgraph("body");
  const Sequence *given = call.sequence(0);
  if (call.hasFailed())
    return;
  if (body->outputs.size() < call.node.outputs.size())
    return void(call.error("body") << static_cast<int64_t>(body->outputs.size()) << " outputs, expected "
                                   << static_cast<int64_t>(call.node.outputs.size()) << " [NNFC-E0309]");
  std::vector<Sequence> results(body->outputs.size());
  for (size_t step = 0; step < given->size(); ++step) {
    SmallVector<Entry> inputs;
    for (size_t i = 0; i < call.numInputs(); ++i) {
      const Entry *input = call.entryOfAnyKind(i);
      if (!input)
        return;
      if (input->sequence && input->sequence->size() != given->size())
        return void(call.error() << "input '" << call.node.inputs[i] << "' has " << input->sequence->size()
                                 << " tensors, expected " << given->size() << " as the first sequence [NNFC-E0310]");
      inputs.push_back(input->sequence ? (*input->sequence)[step] : *input);
    }
    FailureOr<SmallVector<Entry>> outputs = call.importer.importSubgraph(*body, inputs, call.scope, call.location());
    if (failed(outputs))
      return call.fail();
    for (auto [result, output] : llvm::zip(results, *outputs)) {
      result.push_back(entryOf(call.importer.tensorOf(output)));
      if (!result.back().tensor)
        return call.fail();
    }
  }
  for (auto [i, result] : llvm::enumerate(results))
    call.output(i, result);
}

// ---- optionals

void optional(Call &call) {
  if (call.has(0))
    return call.outputIsInput(0, 0);
  Entry nothing;
  nothing.isEmptyOptional = true;
  call.output(0, nothing);
}

void hasElement(Call &call) {
  const Entry *given = call.has(0) ? call.entryOfAnyKind(0) : nullptr;
  call.output(0, Known{IntegerType::get(call.context(), 1), {}, {{call.size(given && !given->isEmptyOptional)}}});
}

void element(Call &call) {
  const Entry *given = call.entryOfAnyKind(0);
  if (given && given->isEmptyOptional)
    return void(call.error() << "input '" << call.node.inputs[0]
                             << "' is an empty optional, expected one with a value [NNFC-E0310]");
  call.outputIsInput(0, 0);
}

} // namespace

void addSequences(OpTable &table) {
  table.add("SequenceEmpty", 11, empty);
  table.add("SequenceConstruct", 11, construct);
  table.add("SequenceInsert", 11, insert);
  table.add("SequenceErase", 11, erase);
  table.add("SequenceAt", 11, elementAt);
  table.add("SequenceLength", 11, length);
  table.add("SplitToSequence", 11, split);
  table.add("ConcatFromSequence", 11, join);
  table.add("SequenceMap", 17, map);
  table.add("Optional", 15, optional);
  table.add("OptionalHasElement", 15, hasElement);
  table.add("OptionalGetElement", 15, element);
}

} // namespace nnf::onnx
