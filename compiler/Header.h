// The C header that goes with an object or a static library.
#ifndef NNF_COMPILER_HEADER_H
#define NNF_COMPILER_HEADER_H

#include "codegen/driver/Signature.h"
#include <string>

namespace nnf {

/// What the header says of one model.
struct HeaderModel {
  struct Tensor {
    std::string name;
    uint32_t dtype;
    int64_t rank;
    std::vector<int64_t> dims; ///< -1: a size that only the run knows
    std::vector<int64_t> most; ///< what it may be; -1: anything
    bool isInOut = false;
  };
  std::string name;
  std::vector<Tensor> inputs, outputs;
  std::optional<int64_t> arenaBytes; // where sizes are fixed, or have bounds: the most

  struct Size {
    std::string name;
    int64_t least, most;
  };
  std::vector<Size> sizes; // those with bounds

  /// Of a module whose memory is planned. Of the versions of a model, which differ in their arena alone, each is told.
  void describe(mlir::ModuleOp module, const Signature &signature);
};

/// The text of a header that C and C++ take: `extern const nnf_model nnf_model_<name>;` and macros for each model.
/// `guard` names it among others.
std::string headerText(llvm::ArrayRef<HeaderModel> models, llvm::StringRef guard);

/// A C string: what is not plain ASCII is written in octal, which, unlike \x, ends after three digits.
std::string quoted(llvm::StringRef text);

/// The text of a C++ header beside it: a class `className` around the model, of runtime/typed.hpp's types.
std::string classText(const HeaderModel &model, llvm::StringRef className, llvm::StringRef cHeader);

/// Whether C++ takes a name for a class.
bool isClassName(llvm::StringRef name);

} // namespace nnf
#endif
