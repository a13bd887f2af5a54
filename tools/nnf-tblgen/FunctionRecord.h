// A function's record (an Nnf_Function) as the emitters need it, checked.
#ifndef NNF_TOOLS_NNF_TBLGEN_FUNCTIONRECORD_H
#define NNF_TOOLS_NNF_TBLGEN_FUNCTIONRECORD_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/TableGen/Record.h"
#include <string>
#include <vector>

namespace nnf::tblgen {

enum class Presence { Required, Optional, Defaulted };

struct ParameterRecord {
  std::string name;
  std::string kind; ///< an enumerator of nnf::ParameterKind
  Presence presence;
  std::string pythonDefault; ///< "1", "'mean'", "None"; empty where required
  std::string cppDefault;    ///< of the C++ API's option; empty where required or None
  std::string takes;         ///< what it takes, beside what the kind says
};

struct ResultRecord {
  std::string name;
  bool isOptional, isVariadic;
  std::string is; ///< dtype and shape
};

/// The form of a message about arguments.
struct ErrorRecord {
  std::vector<std::string> arguments;
  std::string message;
  bool atRun; ///< depends on the data
};

struct EffectRecord {
  std::string argument;
  unsigned result;
};

struct FunctionRecord {
  std::string name, summary, description, formula, source, example, inplaceTwin, targets;
  std::string family;      ///< the record file's name: "Activation"
  std::string familyTitle; ///< its first line
  bool hasInplace, draws, hasDataSize;
  std::vector<ParameterRecord> parameters;
  std::vector<ResultRecord> results;
  std::vector<EffectRecord> effects;
  std::vector<ErrorRecord> errors;
  std::vector<std::pair<std::string, int>> onnx;

  /// True when result `index` is an effect's, and so no output.
  bool isEffect(unsigned index) const;
  /// The results that are outputs.
  std::vector<ResultRecord> outputs() const;
  /// "conv2d(input, weight, bias=None)".
  std::string signature() const;
  /// What it computes, takes, gives and refuses, in Markdown that reads well as it is.
  std::string contract() const;
  /// What docs/ops and `nnfc ops` say below the signature: that, and where else the function is known.
  std::string page() const;
};

/// All functions by name. A record that breaks a rule (no formula, no example, an argument without a word about what it
/// takes) ends the program.
std::vector<FunctionRecord> readFunctions(const llvm::RecordKeeper &records);

/// What each emitter writes; one file each.
void emitTable(llvm::ArrayRef<FunctionRecord> functions, llvm::raw_ostream &os);
void emitDocs(llvm::ArrayRef<FunctionRecord> functions, llvm::raw_ostream &os);
/// The folder that emitDocs writes the pages of the families to.
extern std::string docsFolder;
void emitBuilder(llvm::ArrayRef<FunctionRecord> functions, llvm::raw_ostream &os);
void emitPython(llvm::ArrayRef<FunctionRecord> functions, llvm::raw_ostream &os);

} // namespace nnf::tblgen
#endif
