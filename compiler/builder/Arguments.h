// From what a graph gives for a parameter to an operand or an attribute.
#ifndef NNF_COMPILER_BUILDER_ARGUMENTS_H
#define NNF_COMPILER_BUILDER_ARGUMENTS_H

#include "compiler/builder/GraphBuilder.h"

namespace nnf {

/// "the integer 3", "a list of 2 tensors", "the string 'same'", for messages.
std::string describe(const ArgumentValue &value);

inline bool isNone(const ArgumentValue &value) { return std::holds_alternative<std::monostate>(value); }

/// The attribute for a parameter that is one, or null when the value is of another kind. A number stands for a list
/// of one, an integer for a number.
mlir::Attribute attributeFor(mlir::MLIRContext *context, ParameterKind kind, const ArgumentValue &value);

} // namespace nnf
#endif
