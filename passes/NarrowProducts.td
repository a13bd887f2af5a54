#ifndef NNF_PASSES_NARROWPRODUCTS
#define NNF_PASSES_NARROWPRODUCTS
include "mlir/Pass/PassBase.td"

def NarrowProducts : Pass<"nnf-narrow-products", "::mlir::func::FuncOp"> {
  let summary = "Products of 16-bit floats read them as they are stored";
  let description = [{
    A product's operands are float32, and those of a 16-bit model conversions to it. Views between the two (transposes,
    reshapes, slices, broadcasts) come to stand in front of the conversion, so that it is the last thing before the
    product: tensor cores multiply what lies behind it.
  }];
}
#endif
