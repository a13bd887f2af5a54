// Products of float32 on registers: what tiles without tensor cores do for each slab.
#pragma once

#include "codegen/cuda/templates/Device.cuh"

/// sums[i][first + j] += x[i][s] * y[j][s], step by step: X is [rows][steps], or rows of vectors.
template <int rows, int columns, int steps, int allColumns, typename X>
NNF_DEVICE inline void addProducts(const X (&x)[rows], const float (&y)[columns][steps],
                                   float (&sums)[rows][allColumns], int first = 0) {
#pragma unroll
  for (int s = 0; s < steps; ++s)
#pragma unroll
    for (int i = 0; i < rows; ++i)
#pragma unroll
      for (int j = 0; j < columns; ++j)
        sums[i][first + j] = fused(x[i][s], y[j][s], sums[i][first + j]);
}
