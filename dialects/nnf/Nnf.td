// All records of the dialect. Families of functions are one file each under ops/.
include "dialects/nnf/NnfBase.td"
include "dialects/nnf/Primitives.td"
include "dialects/nnf/Kernels.td"
include "dialects/nnf/Functions.td"
