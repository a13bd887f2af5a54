// The families of functions: each has its records in ops/<Family>.td and its classes in infer/<Family>.cpp, so that
// only its own files are compiled again when it changes.
#ifndef NNF_DIALECTS_NNF_FAMILIES_H
#define NNF_DIALECTS_NNF_FAMILIES_H

namespace nnf {
class NnfDialect;
#define NNF_FAMILY(family) void add##family##Ops(NnfDialect &dialect);
#include "dialects/nnf/Families.inc"
#undef NNF_FAMILY
} // namespace nnf
#endif
