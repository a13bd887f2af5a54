// If, and what is known and not supported.
#include "compiler/import/onnx/Importer.h"
#include "compiler/import/onnx/OpTable.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

void conditional(Call &call) {
  const Known *condition = call.known(0);
  std::optional<int64_t> choice = condition && condition->values.size() == 1 ? condition->integer(0) : std::nullopt;
  if (!choice)
    return call.notThereYet("a condition that only the run knows");
  StringRef name = *choice ? "then_branch" : "else_branch";
  const Attribute *branch = call.attribute(name, Attribute::Kind::Graph);
  if (!branch)
    return void(call.error(name) << "missing, expected a graph");
  FailureOr<SmallVector<Entry>> outputs = call.importer.importSubgraph(*branch->graph, call.scope, call.location());
  if (failed(outputs))
    return call.fail();
  if (outputs->size() != call.node.outputs.size())
    return void(call.error(name) << static_cast<int64_t>(outputs->size()) << " outputs, expected "
                                 << static_cast<int64_t>(call.node.outputs.size()));
  for (auto [i, entry] : llvm::enumerate(*outputs))
    if (call.wants(i))
      call.scope.entries[call.node.outputs[i]] = entry;
}

} // namespace

void addControlFlow(OpTable &table) {
  table.add("If", 1, conditional);
  for (StringRef op : {"SequenceAt", "SequenceConstruct", "SequenceEmpty", "SequenceErase", "SequenceInsert",
                       "SequenceLength", "SequenceMap", "SplitToSequence", "ConcatFromSequence"})
    table.refuse(op, "sequences of tensors are not there yet");
  for (StringRef op : {"Optional", "OptionalGetElement", "OptionalHasElement"})
    table.refuse(op, "optional tensors are not there yet");
  for (StringRef op : {"StringNormalizer", "TfIdfVectorizer", "StringConcat", "StringSplit", "RegexFullMatch"})
    table.refuse(op, "strings are not supported");
  for (StringRef op : {"Loop", "Scan"})
    table.refuse(op, "loops are not there yet");
}

} // namespace nnf::onnx
