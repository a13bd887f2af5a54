// RUN: nnf-opt %s -split-input-file -verify-diagnostics
// Inference is the verifier: what an importer says and what the IR's verifier says are the same words.

func.func @rank(%x: tensor<1x3x8x8xf32>, %w: tensor<4x3x3xf32>) -> tensor<1x4x6x6xf32> {
  // expected-error @below {{argument 'weight': rank 3, expected 4 [out, in/groups, kh, kw]}}
  // expected-error @below {{failed to infer returned types}}
  %y = nnf.conv2d %x, %w : (tensor<1x3x8x8xf32>, tensor<4x3x3xf32>) -> tensor<1x4x6x6xf32>
  return %y : tensor<1x4x6x6xf32>
}

// -----

func.func @result_type(%x: tensor<4xf32>) -> tensor<5xf32> {
  // expected-error @below {{failed to infer returned types}}
  // expected-error @below {{inferred type(s) 'tensor<4xf32>' are incompatible with return type(s) of operation 'tensor<5xf32>'}}
  %y = nnf.relu %x : (tensor<4xf32>) -> tensor<5xf32>
  return %y : tensor<5xf32>
}

// -----

func.func @integers(%x: tensor<4xi64>) -> tensor<4xi64> {
  // expected-error @below {{argument 'input': dtype int64, expected a float}}
  // expected-error @below {{failed to infer returned types}}
  %y = nnf.gelu %x : (tensor<4xi64>) -> tensor<4xi64>
  return %y : tensor<4xi64>
}
