// The op classes of primitives and graphs, and the registration of all ops.
#include "dialects/nnf/Families.h"
#include "dialects/nnf/Nnf.h"

#define GET_OP_CLASSES
#include "dialects/nnf/NnfOps.cpp.inc"

void nnf::NnfDialect::registerOps() {
  addOperations<
#define GET_OP_LIST
#include "dialects/nnf/NnfOps.cpp.inc"
      >();
#define NNF_FAMILY(family) add##family##Ops(*this);
#include "dialects/nnf/Families.inc"
#undef NNF_FAMILY
}
