// Every function, by family; also the input of nnf-tblgen.
#ifndef NNF_FUNCTIONS
#define NNF_FUNCTIONS
include "dialects/nnf/ops/Activation.td"
include "dialects/nnf/ops/Softmax.td"
include "dialects/nnf/ops/Convolution.td"
include "dialects/nnf/ops/Pooling.td"
include "dialects/nnf/ops/Normalization.td"
include "dialects/nnf/ops/Linear.td"
include "dialects/nnf/ops/Attention.td"
include "dialects/nnf/ops/Elementwise.td"
include "dialects/nnf/ops/Reduction.td"
include "dialects/nnf/ops/Movement.td"
include "dialects/nnf/ops/Indexing.td"
include "dialects/nnf/ops/Dropout.td"
include "dialects/nnf/ops/Embedding.td"
include "dialects/nnf/ops/Resizing.td"
include "dialects/nnf/ops/Loss.td"
include "dialects/nnf/ops/ClassLoss.td"
include "dialects/nnf/ops/Sampling.td"
include "dialects/nnf/ops/Ordering.td"
include "dialects/nnf/ops/CustomKernels.td"
#endif
