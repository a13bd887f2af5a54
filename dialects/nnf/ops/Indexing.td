// Reads with computed indices, and distances.
#ifndef NNF_OPS_INDEXING
#define NNF_OPS_INDEXING
include "dialects/nnf/NnfBase.td"

def Nnf_GatherOp : Nnf_Function<"gather"> {
  let summary = "Picks along a dimension, elsewhere in place";
  let description = [{ index int64 of input's rank, nowhere larger than input but along dim. An index outside is a run-time error. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$dim, Nnf_Tensor:$index);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[i][j] = input[index[i][j]][j] for dim 0";
  let example = [{ %y = nnf.gather %x, %i {dim = 1 : i64} : (tensor<4x8xf32>, tensor<4x2xi64>) -> tensor<4x2xf32> }];
}

def Nnf_IndexSelectOp : Nnf_Function<"index_select"> {
  let summary = "Picks whole slices";
  let description = [{ index is a vector, int64 or int32. An index outside is a run-time error. }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Int:$dim, Nnf_Tensor:$index);
  let results = (outs Nnf_Tensor:$output);
  let formula = "output[..., i, ...] = input[..., index[i], ...]";
  let example = [{ %y = nnf.index_select %x, %i {dim = 0 : i64} : (tensor<4x8xf32>, tensor<2xi64>) -> tensor<2x8xf32> }];
}

def Nnf_PairwiseDistanceOp : Nnf_Function<"pairwise_distance"> {
  let summary = "Distance of vectors";
  let description = [{ Over the last dimension; operands broadcast. eps is added to every difference. }];
  let arguments = (ins Nnf_Tensor:$x1, Nnf_Tensor:$x2, DefaultValuedAttr<Nnf_Float, "2.0">:$p, DefaultValuedAttr<Nnf_Float, "1e-06">:$eps, DefaultValuedAttr<Nnf_Bool, "false">:$keepdim);
  let results = (outs Nnf_Tensor:$output);
  let formula = "norm(x1 - x2 + eps, p)";
  let example = [{ %y = nnf.pairwise_distance %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_CosineSimilarityOp : Nnf_Function<"cosine_similarity"> {
  let summary = "Cosine of the angle between vectors";
  let description = [{ Along dim of the broadcast shape. Each norm is at least eps. }];
  let arguments = (ins Nnf_Tensor:$x1, Nnf_Tensor:$x2, DefaultValuedAttr<Nnf_Int, "1">:$dim, DefaultValuedAttr<Nnf_Float, "1e-08">:$eps);
  let results = (outs Nnf_Tensor:$output);
  let formula = "sum(x1 * x2) / (max(norm(x1), eps) * max(norm(x2), eps))";
  let example = [{ %y = nnf.cosine_similarity %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4xf32> }];
}

def Nnf_PdistOp : Nnf_Function<"pdist"> {
  let summary = "Distances of all pairs of rows";
  let description = [{ Pairs (0, 1), (0, 2), ..., (1, 2), ...; p >= 0. }];
  let arguments = (ins Nnf_Tensor:$input, DefaultValuedAttr<Nnf_Float, "2.0">:$p);
  let results = (outs Nnf_Tensor:$output);
  let formula = "norm(input[i] - input[j], p) for i < j";
  let example = [{ %y = nnf.pdist %x : (tensor<4x8xf32>) -> tensor<6xf32> }];
}
#endif
