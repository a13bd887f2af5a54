// Storage and registration of the dialect's attributes.
#include "dialects/nnf/Nnf.h"

#define GET_ATTRDEF_CLASSES
#include "dialects/nnf/NnfAttrs.cpp.inc"

void nnf::NnfDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "dialects/nnf/NnfAttrs.cpp.inc"
      >();
}
