// Which ONNX operators are known, from which operator-set version on, and how each is mapped. Families of operators
// are one file each; what changed from version to version is here and nowhere else.
#ifndef NNF_COMPILER_IMPORT_ONNX_OPTABLE_H
#define NNF_COMPILER_IMPORT_ONNX_OPTABLE_H

#include "compiler/import/onnx/Call.h"
#include "llvm/ADT/StringMap.h"
#include <map>

namespace nnf::onnx {

/// The newest operator set of ONNX's own domain whose meaning is known.
constexpr int64_t newestOpset = 21;
/// What IR versions after 10 have added are element types, which are refused by name, and where nodes are to run.
constexpr int64_t newestIrVersion = 14;

/// Maps one node: makes its outputs, or reports an error.
using Convert = void (*)(Call &);
/// Computes the outputs while importing, where enough is known about the inputs; false leaves the node to `Convert`.
using Evaluate = bool (*)(Call &);

/// An operator's meaning from one version on.
struct Mapping {
  Convert convert = nullptr;
  Evaluate evaluate = nullptr;
  /// The functions it calls that this build may lack, separated by spaces.
  llvm::StringRef functions;
  /// Why there is no mapping, where a sentence says more than "not there yet".
  llvm::StringRef refusal;
};

class OpTable {
public:
  /// `op` means this from version `since` on.
  void add(llvm::StringRef op, int64_t since, Convert convert, llvm::StringRef functions = "");
  /// All versions of `op` that are in the table can also be evaluated so.
  void addEvaluation(llvm::StringRef op, Evaluate evaluate);
  /// `op` is known, and not supported because of this.
  void refuse(llvm::StringRef op, llvm::StringRef reason);

  /// The mapping of `op` at a version; null when there is none. `introduced` is the first version in the table, 0 when
  /// the table does not have the operator.
  const Mapping *find(llvm::StringRef op, int64_t version, int64_t *introduced = nullptr) const;

private:
  llvm::StringMap<std::map<int64_t, Mapping>> mappings;
};

/// All operators of a domain ("": ONNX's own); null when nothing of it is known.
const OpTable *opTable(llvm::StringRef domain);

/// The input that holds a parameter at this version, if it is an input then; nothing while it is an attribute.
std::optional<size_t> inputOfParameter(llvm::StringRef op, llvm::StringRef parameter, int64_t version);

// The families.
void addElementwise(OpTable &table);
void addActivations(OpTable &table);
void addConvolutions(OpTable &table);
void addPooling(OpTable &table);
void addNormalizations(OpTable &table);
void addProducts(OpTable &table);
void addReductions(OpTable &table);
void addShapeOps(OpTable &table);
void addSlicing(OpTable &table);
void addIndexing(OpTable &table);
void addDataSized(OpTable &table);
void addDetection(OpTable &table);
void addResizing(OpTable &table);
void addGenerators(OpTable &table);
void addQuantization(OpTable &table);
void addSignals(OpTable &table);
void addRecurrent(OpTable &table);
void addRandom(OpTable &table);
void addControlFlow(OpTable &table);
/// Of the domain ai.onnx.preview.training.
void addTraining(OpTable &table);
void addSequences(OpTable &table);
void addNGrams(OpTable &table);
void addEvaluations(OpTable &table);
/// One-to-one operators, from the functions' records; what a family has is left alone.
void addRecords(OpTable &table);

} // namespace nnf::onnx
#endif
