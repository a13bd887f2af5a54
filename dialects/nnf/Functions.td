// Every function, by family; also the input of nnf-tblgen.
#ifndef NNF_FUNCTIONS
#define NNF_FUNCTIONS
include "dialects/nnf/ops/Activation.td"
#endif
