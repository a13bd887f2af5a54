// What a tuning file says: choices for single kernels, in place of what the cost model makes of sizes and the target.
#ifndef NNF_PASSES_TUNING_H
#define NNF_PASSES_TUNING_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace nnf {

/// How a kernel around a contraction is computed and cut. What is absent is left to the cost model.
struct KernelChoice {
  std::optional<int64_t> winograd; ///< outputs of a tile of Winograd's algorithm: 2 or 4; 0: direct sums
  std::optional<int64_t> rows;     ///< of a register tile, at most
  std::optional<int64_t> tiles;    ///< of a task: register tiles; with Winograd's algorithm, tiles of outputs
  std::optional<int64_t> panels;   ///< of a task
  std::optional<bool> panelsInner; ///< a tile goes through all panels before the next one
  std::optional<int64_t> taps;     ///< spatial dimensions that are stepped through tap by tap, outside of the rows
  std::optional<int64_t> chunk;    ///< elements of the contracted run between two partial sums; 0: all of it

  bool isDefault() const { return !winograd; }
  /// "default", or "direct rows=12 tiles=5 panels=2 order=inner taps=0 chunk=0" with what there is.
  std::string text() const;
  /// The inverse. Errors say which word was found and what was expected.
  static llvm::Expected<KernelChoice> parse(llvm::ArrayRef<llvm::StringRef> words);
  static llvm::Expected<KernelChoice> parse(llvm::StringRef text);
};

/// The machine that times are of.
struct TunedMachine {
  std::string cpu; ///< as LLVM calls it
  int64_t vectorBytes = 0, vectorRegisters = 0, l1Bytes = 0, l2Bytes = 0;
  std::string text() const;
};

/// A tuning file: docs/tuning.md has its format.
class Tuning {
public:
  struct Line {
    unsigned number; ///< in the file
    std::string key;
    KernelChoice choice;
  };

  /// Errors begin with the file's name and the line's number, and say what was found and what was expected.
  static llvm::Expected<Tuning> read(llvm::StringRef path);
  static llvm::Expected<Tuning> parse(llvm::StringRef text, llvm::StringRef path);

  const TunedMachine &getMachine() const { return machine; }
  const std::vector<Line> &all() const { return lines; }
  /// The line of a kernel, or null.
  const Line *find(llvm::StringRef key) const;
  /// A line that gives the method of a contraction, or null. All kernels around it take the same: it is decided before
  /// there are kernels.
  const Line *methodOf(llvm::StringRef contraction) const;

  /// A key is "CONTRACTION|WHAT IS AROUND IT".
  static llvm::StringRef contractionOf(llvm::StringRef key) { return key.split('|').first; }

private:
  TunedMachine machine;
  std::vector<Line> lines;
  llvm::StringMap<unsigned> byKey, byContraction; // index into `lines`
};

} // namespace nnf
#endif
