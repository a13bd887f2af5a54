// The op classes made from the records, and their registration.
#include "dialects/nnf/Nnf.h"

#define GET_OP_CLASSES
#include "dialects/nnf/NnfOps.cpp.inc"

void nnf::NnfDialect::registerOps() {
  addOperations<
#define GET_OP_LIST
#include "dialects/nnf/NnfOps.cpp.inc"
      >();
}
