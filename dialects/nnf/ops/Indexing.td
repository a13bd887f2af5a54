// Reads with computed indices, and distances.
#ifndef NNF_OPS_INDEXING
#define NNF_OPS_INDEXING
include "dialects/nnf/NnfBase.td"

def Nnf_GatherOp : Nnf_Function<"gather"> {
  let summary = "Picks along a dimension, elsewhere in place";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$dim, Nnf_Tensor:$index);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dim: where index points
    index: int64 or int32, rank of input (a scalar counts as a vector of one), nowhere larger than input but at dim; or empty
  }];
  let gives = "output: dtype of input, shape of index";
  let errors = [{
    index: dtype float32, expected int64 or int32
    index: rank 1, expected 2 as 'input' has
    index: size 5 at dimension 1, expected at most 4 as 'input' has
    index: run: index 4, expected 0 <= index < 4
  }];
  let formula = "output[i][j] = input[index[i][j]][j] for dim 0";
  let example = [{ %y = nnf.gather %x, %i {dim = 1 : i64} : (tensor<4x8xf32>, tensor<4x2xi64>) -> tensor<4x2xf32> }];
}

def Nnf_IndexSelectOp : Nnf_Function<"index_select"> {
  let summary = "Picks whole slices";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$dim, Nnf_Tensor:$index);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: any dtype [...]
    dim: where index points
    index: int64 or int32 [count] or [], which counts as one
  }];
  let gives = "output: as input, with count at dim";
  let errors = [{
    index: dtype float32, expected int64 or int32
    index: rank 2, expected 0 or 1 [count] or []
    index: size 2, expected 1 for an input of rank 0
    index: run: index 4, expected 0 <= index < 4
  }];
  let formula = "output[..., i, ...] = input[..., index[i], ...]";
  let example = [{ %y = nnf.index_select %x, %i {dim = 0 : i64} : (tensor<4x8xf32>, tensor<2xi64>) -> tensor<2x8xf32> }];
}

def Nnf_NonzeroOp : Nnf_Function<"nonzero"> {
  let summary = "Where elements are not zero, in row-major order";
  let arguments = (ins Nnf_Tensor:$input);
  let results = (outs Nnf_Tensor:$output);
  let takes = "input: any dtype [...]";
  let gives = "output: int64 [n, rank of input], for the n elements that are not zero; NaN is not";
  let hasDataSize = 1;
  let formula = "output[k] = the indices of the k-th element of input that is not zero";
  let source = "torch.nonzero";
  let example = [{ %y = nnf.nonzero %x {nnf.size = 0 : i64} : (tensor<4x8xf32>) -> tensor<?x2xi64, #nnf.dims<[size(0), 2]>> }];
}

def Nnf_PairwiseDistanceOp : Nnf_Function<"pairwise_distance"> {
  let summary = "Distance of vectors";
  let arguments = (ins Nnf_Tensor:$x1, Nnf_Tensor:$x2, DefaultValuedAttr<Nnf_Float, "2.0">:$p, DefaultValuedAttr<Nnf_Float, "1e-06">:$eps, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    x1, x2: float; the shapes broadcast; a scalar counts as a vector of one
    p: the norm, as in norm
    eps: added to each difference
  }];
  let gives = "output: promoted dtype, broadcast shape without the last dimension";
  let errors = [{
    x1, x2: dtype int64, expected a float
    x2: shape [4, 2] does not broadcast with [4, 3]: sizes 2 and 3 at dimension 1
  }];
  let formula = "norm(x1 - x2 + eps, p)";
  let example = [{ %y = nnf.pairwise_distance %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_CosineSimilarityOp : Nnf_Function<"cosine_similarity"> {
  let summary = "Cosine of the angle between vectors";
  let arguments = (ins Nnf_Tensor:$x1, Nnf_Tensor:$x2, DefaultValuedAttr<Nnf_Int, "1">:$dim, DefaultValuedAttr<Nnf_Float, "1e-08">:$eps);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    x1, x2: float; the shapes broadcast
    dim: the dimension of the vectors, in the broadcast shape
    eps: each norm is at least that
  }];
  let gives = "output: promoted dtype, broadcast shape without dim";
  let errors = [{
    x1, x2: dtype int64, expected a float
    x2: shape [4, 2] does not broadcast with [4, 3]: sizes 2 and 3 at dimension 1
  }];
  let formula = "sum(x1 * x2) / (max(norm(x1), eps) * max(norm(x2), eps))";
  let example = [{ %y = nnf.cosine_similarity %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_PdistOp : Nnf_Function<"pdist"> {
  let summary = "Distances of all pairs of rows";
  let description = [{ Pairs (0, 1), (0, 2), ..., (1, 2), ... }];
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Float, "2.0">:$p);
  let results = (outs Nnf_Tensor:$output);
  let takes = [{
    input: float [M, D]
    p: the norm, at least 0; 0 counts entries that differ, and is NaN where one is NaN
  }];
  let gives = "output: dtype of input [M*(M-1)/2]";
  let errors = [{
    input: dtype int64, expected a float
    input: rank 3, expected 2 [M, D]
    p: -1, expected at least 0
  }];
  let formula = "norm(input[i] - input[j], p) for i < j";
  let example = [{ %y = nnf.pdist %x : (tensor<4x8xf32>) -> tensor<6xf32> }];
}
#endif
