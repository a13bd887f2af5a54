#include "compiler/import/onnx/OpTable.h"

namespace nnf::onnx {

namespace {
/// A parameter that is an attribute before version `since`, and input number `input` from then on.
struct Move {
  llvm::StringRef op, parameter;
  size_t input;
  int64_t since;
};

constexpr Move moves[] = {
    {"Clip", "min", 1, 11},
    {"Clip", "max", 2, 11},
    {"Dropout", "ratio", 1, 12},
    {"OneHot", "depth", 1, 9},
    {"Pad", "pads", 1, 11},
    {"Pad", "value", 2, 11},
    {"Pad", "axes", 3, 18},
    {"ReduceL1", "axes", 1, 18},
    {"ReduceL2", "axes", 1, 18},
    {"ReduceLogSum", "axes", 1, 18},
    {"ReduceLogSumExp", "axes", 1, 18},
    {"ReduceMax", "axes", 1, 18},
    {"ReduceMean", "axes", 1, 18},
    {"ReduceMin", "axes", 1, 18},
    {"ReduceProd", "axes", 1, 18},
    {"ReduceSum", "axes", 1, 13},
    {"ReduceSumSquare", "axes", 1, 18},
    {"Reshape", "shape", 1, 5},
    {"Slice", "starts", 1, 10},
    {"Slice", "ends", 2, 10},
    {"Slice", "axes", 3, 10},
    {"Slice", "steps", 4, 10},
    {"Split", "split", 1, 13},
    {"Squeeze", "axes", 1, 13},
    {"TopK", "k", 1, 10},
    {"Unsqueeze", "axes", 1, 13},
    {"Upsample", "scales", 1, 9},
    {"AffineGrid", "size", 1, 20},
    {"Col2Im", "image_shape", 1, 18},
    {"Col2Im", "block_shape", 2, 18},
    // Inputs in every version, read as sizes all the same.
    {"CenterCropPad", "shape", 1, 1},
    {"ConstantOfShape", "shape", 0, 1},
    {"CumSum", "axis", 1, 1},
    {"Expand", "shape", 1, 1},
    {"MaxUnpool", "output_shape", 2, 1},
    {"Resize", "scales", 1, 10},
    {"Resize", "scales", 2, 11},
    {"Resize", "sizes", 3, 11},
    {"Tile", "repeats", 1, 6},
    {"Trilu", "k", 1, 1},
};
} // namespace

std::optional<size_t> inputOfParameter(llvm::StringRef op, llvm::StringRef parameter, int64_t version) {
  const Move *newest = nullptr;
  for (const Move &move : moves)
    if (move.op == op && move.parameter == parameter && move.since <= version &&
        (!newest || newest->since < move.since))
      newest = &move;
  if (!newest)
    return std::nullopt;
  return newest->input;
}

void OpTable::add(llvm::StringRef op, int64_t since, Convert convert, llvm::StringRef functions) {
  mappings[op][since] = Mapping{convert, nullptr, functions, ""};
}

void OpTable::addEvaluation(llvm::StringRef op, Evaluate evaluate) {
  for (auto &[since, mapping] : mappings[op])
    mapping.evaluate = evaluate;
}

void OpTable::refuse(llvm::StringRef op, llvm::StringRef reason) {
  mappings[op][1] = Mapping{nullptr, nullptr, "", reason};
}

const Mapping *OpTable::find(llvm::StringRef op, int64_t version, int64_t *introduced) const {
  auto known = mappings.find(op);
  if (introduced)
    *introduced = known == mappings.end() ? 0 : known->second.begin()->first;
  if (known == mappings.end())
    return nullptr;
  auto next = known->second.upper_bound(version);
  return next == known->second.begin() ? nullptr : &std::prev(next)->second;
}

const OpTable *opTable(llvm::StringRef domain) {
  static const OpTable training = [] {
    OpTable table;
    addTraining(table);
    return table;
  }();
  static const OpTable own = [] {
    OpTable table;
    addElementwise(table);
    addActivations(table);
    addConvolutions(table);
    addPooling(table);
    addNormalizations(table);
    addProducts(table);
    addReductions(table);
    addShapeOps(table);
    addSlicing(table);
    addIndexing(table);
    addDataSized(table);
    addDetection(table);
    addResizing(table);
    addGenerators(table);
    addQuantization(table);
    addSignals(table);
    addRecurrent(table);
    addRandom(table);
    addControlFlow(table);
    addSequences(table);
    addNGrams(table);
    addRecords(table);
    addEvaluations(table);
    return table;
  }();
  return domain.empty() ? &own : domain == "ai.onnx.preview.training" ? &training : nullptr;
}

} // namespace nnf::onnx
