// What a caller may ask of the readers of models.
#ifndef NNF_COMPILER_IMPORT_READOPTIONS_H
#define NNF_COMPILER_IMPORT_READOPTIONS_H

#include "compiler/import/Limits.h"
#include <map>
#include <string>
#include <vector>

namespace nnf {

struct ReadOptions {
  Limits limits;
  /// More folders that a model's external files may come from, besides the model's own.
  std::vector<std::string> dataDirs;
  /// Told of each file that a model names and that is read; null: nobody asks.
  std::vector<std::string> *filesRead = nullptr;
  /// Sizes fixed for symbols: {"N", 8}. One that no input has is an error.
  std::map<std::string, int64_t> dims;
  /// MLIR text may hold what the compiler itself wrote at a later phase: kernels, loops, attributes of passes. Code in
  /// it is run as it stands, so never for a file from elsewhere.
  bool trustMlir = false;
  /// All constants of the model that can be set are weights, and `nnf.raw_weights` of the module lists those that the
  /// program may set anew (codegen/driver/WeightsRecipe.h).
  bool swappableWeights = false;
};

} // namespace nnf
#endif
