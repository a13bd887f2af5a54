#ifndef NNF_PASSES_INTEGERCONTRACTIONS
#define NNF_PASSES_INTEGERCONTRACTIONS
include "mlir/Pass/PassBase.td"

def IntegerContractions : Pass<"nnf-integer-contractions", "::mlir::func::FuncOp"> {
  let summary = "Sums of products of scaled integers become sums of integers, scaled once";
  let description = [{
    Needs: convolutions in their own layout. A convolution or product of floats whose operands are narrow integers
    (8-bit ones less their zero points, as quantised models dequantise them) times one scale each, or one for each
    output channel of the constant one: the integers are multiplied in 32 bits, which hold every sum, and the sums are
    scaled.
  }];
}
#endif
