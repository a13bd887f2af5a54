#include "compiler/reduce/Reducer.h"
#include "compiler/Diagnostics.h"
#include "compiler/ModelFile.h"
#include "compiler/ReadModel.h"
#include "compiler/import/MlirFile.h"
#include "compiler/reduce/Excerpt.h"
#include "dialects/nnf/Nnf.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Reducer/Tester.h"
#include "llvm/Support/Path.h"

using namespace mlir;
namespace nnf {
namespace {

/// The search: first where the model may end and where it may begin, by halves, then what may be left out between, in
/// ever smaller pieces until no single node can go.
class Reducer {
public:
  /// `tests`: how many there have been.
  Reducer(ModuleOp module, const ReduceRequest &request, unsigned &tests)
      : module(module), request(request), nodes(nodesOf(module).size()), tests(tests),
        arguments({"-c", "if (" + request.test + "); then exit 1; else exit 0; fi"}), tester("/bin/sh", arguments) {
    best.nodes = llvm::BitVector(nodes, true);
  }

  bool start() {
    for (bool keepsOutputs : {false, true}) {
      best.keepsOutputs = keepsOutputs;
      if (isInteresting(best))
        return true;
    }
    return false;
  }

  void run() {
    cutEnd();
    cutBeginning();
    for (size_t piece = best.nodes.count() / 2; piece > 1; piece /= 2)
      leaveOut(piece);
    while (leaveOut(1))
      ;
    Excerpt without = best;
    without.weightsAreInputs = true;
    if (isInteresting(without))
      best = without;
  }

  const Excerpt &found() const { return best; }

private:
  ModuleOp module;
  const ReduceRequest &request;
  const unsigned nodes;
  unsigned &tests;
  std::vector<std::string> arguments; // of the shell: the tester keeps a reference
  Tester tester;                      // MLIR's: a command that ends with another status than 0 is interested
  Excerpt best;

  bool isInteresting(const Excerpt &excerpt) {
    if (tests >= request.maxTests)
      return false;
    OwningOpRef<ModuleOp> part = excerptOf(module, excerpt);
    if (!part)
      return false;
    // What is no model any more is not what is looked for, and says nothing new.
    ScopedDiagnosticHandler quiet(module.getContext(), [](Diagnostic &) { return success(); });
    SmallString<128> file(request.folder);
    llvm::sys::path::append(file, "part.mlir");
    if (failed(verify(*part)) || failed(writeMlirFile(*part, file)))
      return false;
    ++tests;
    if (request.progress)
      request.progress("reducing: " + std::to_string(best.nodes.count()) + " of " + std::to_string(nodes) +
                       " nodes left, test " + std::to_string(tests));
    return tester.isInteresting(file) == Tester::Interestingness::True;
  }

  bool tryNodes(llvm::BitVector kept) {
    if (kept.none() || kept == best.nodes)
      return false;
    Excerpt part = best;
    part.nodes = std::move(kept);
    if (!isInteresting(part))
      return false;
    best = std::move(part);
    return true;
  }

  void cutEnd() {
    unsigned failing = nodes, passing = 0; // how many nodes from the first on
    while (failing - passing > 1) {
      unsigned middle = passing + (failing - passing) / 2;
      llvm::BitVector kept = best.nodes;
      kept.reset(middle, nodes);
      (tryNodes(kept) ? failing : passing) = middle;
    }
  }

  void cutBeginning() {
    unsigned failing = 0, passing = nodes; // the first node
    while (passing - failing > 1) {
      unsigned middle = failing + (passing - failing) / 2;
      llvm::BitVector kept = best.nodes;
      kept.reset(0, middle);
      (tryNodes(kept) ? failing : passing) = middle;
    }
  }

  /// Tries to leave out each piece of so many nodes; whether one could go.
  bool leaveOut(size_t piece) {
    SmallVector<unsigned> left(best.nodes.set_bits());
    bool changed = false;
    for (size_t end = left.size(); end > 0; end -= std::min(piece, end)) {
      llvm::BitVector kept = best.nodes;
      for (size_t i = end - std::min(piece, end); i < end; ++i)
        kept.reset(left[i]);
      changed |= tryNodes(kept);
    }
    return changed;
  }
};

/// Where what a loop or a branch runs fails by itself, it takes the model's place, reduced.
bool stepIntoBody(OwningOpRef<ModuleOp> &part, const ReduceRequest &request, unsigned &tests) {
  for (OwningOpRef<ModuleOp> &body : bodiesOf(*part)) {
    Reducer reducer(*body, request, tests);
    if (!reducer.start())
      continue;
    reducer.run();
    part = excerptOf(*body, reducer.found());
    return true;
  }
  return false;
}

} // namespace

Outcome reduceModel(const ReduceRequest &request, ReduceResult &result) {
  std::optional<ModelFormat> format = modelFormatOf(request.output, "");
  if (!format || *format == ModelFormat::Onnx)
    return Outcome::wrongUsage("output '" + request.output +
                               "': expected a name that ends in .mlir, .nnf or .nnf.txt [NNFC-E0005]");
  std::unique_ptr<MLIRContext> context = createContext();
  DiagnosticSink sink(*context);
  const std::string &path = request.model.models.front();
  OwningOpRef<ModuleOp> module = readModel(*context, path, request.model);
  if (!module)
    return Outcome::fault(sink.errors());
  Reducer reducer(*module, request, result.tests);
  if (!reducer.start())
    return Outcome::fault("'" + path + "' does not fail as it should, expected the command to end with 0 for it: " +
                          request.test + " [NNFC-E0905]");
  reducer.run();
  OwningOpRef<ModuleOp> part = excerptOf(*module, reducer.found());
  while (stepIntoBody(part, request, result.tests))
    ;
  result.nodesBefore = countNodes(*module);
  result.nodesAfter = countNodes(*part);
  part->walk([&](WeightOp) { result.hasWeights = true; });
  return succeeded(writeModelFile(*part, request.output, format)) ? Outcome() : Outcome::fault(sink.errors());
}

} // namespace nnf
