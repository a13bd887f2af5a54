// dtypes as graph files number them.
#ifndef NNF_COMPILER_IMPORT_DTYPES_H
#define NNF_COMPILER_IMPORT_DTYPES_H

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

namespace nnf {

/// Names by nnfc.proto's DType; [0] is none.
constexpr llvm::StringRef dtypeNames[] = {"",      "float32", "float64", "float16", "bfloat16", "int64",  "int32",
                                          "int16", "int8",    "uint8",   "bool",    "uint16",   "uint32", "uint64"};

/// "" for a number that is no dtype.
inline llvm::StringRef dtypeNameOf(int number) {
  return number > 0 && number < static_cast<int>(std::size(dtypeNames)) ? dtypeNames[number] : "";
}
/// The number of a name of the list.
inline int dtypeNumberOf(llvm::StringRef name) { return llvm::find(dtypeNames, name) - std::begin(dtypeNames); }

} // namespace nnf
#endif
