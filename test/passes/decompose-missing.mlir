// RUN: nnf-opt %s -split-input-file -nnf-decompose -verify-diagnostics

func.func @training_dropout(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{argument 'training': true is not there yet: it needs a random-number primitive}}
  %0 = nnf.dropout %x : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// -----

func.func @random_slopes(%x: tensor<4xf32>) -> tensor<4xf32> {
  // expected-error @below {{argument 'training': true is not there yet: random slopes need a random-number primitive}}
  %0 = nnf.rrelu %x {training = true} : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}
