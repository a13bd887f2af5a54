// What everything that uses the dialect includes. Families of functions are one file each under ops/, and have their
// own headers (Families.h).
include "dialects/nnf/NnfBase.td"
include "dialects/nnf/Primitives.td"
include "dialects/nnf/Kernels.td"
