// From one model format to another. Plain C++.
#ifndef NNF_COMPILER_CONVERT_H
#define NNF_COMPILER_CONVERT_H

#include "compiler/Compile.h"

namespace nnf {

/// Reads a model and writes it to `output` as .nnf, .nnf.txt or .mlir (by the extension). `weightsBeside`: constants
/// above 1 KB go to a .safetensors file of the same name. To a .safetensors file all constants are written, and no
/// graph. `weightsFrom`: a .safetensors file with new numbers for constants, by name; "": none.
Outcome convertModel(const ModelRequest &request, const std::string &output, bool weightsBeside,
                     const std::string &weightsFrom);

} // namespace nnf
#endif
