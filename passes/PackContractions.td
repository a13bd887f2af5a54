#ifndef NNF_PASSES_PACKCONTRACTIONS
#define NNF_PASSES_PACKCONTRACTIONS
include "mlir/Pass/PassBase.td"

def PackContractions : Pass<"nnf-pack-contractions", "::mlir::func::FuncOp"> {
  let summary = "Lay the constant operands of contractions out in panels, and the others so that rows are contiguous";
  let description = [{
    Needs: channels-last convolutions. A convolution or product with a constant operand becomes a convolution with
    panels of `panel-width` outputs (nnf.prim.conv, `packed`); the packing is primitives on the weight, which the
    constant part of the graph takes over. A product of two computed operands gets its right one with contiguous columns.
  }];
  let options = [Option<"panelBytes", "panel-bytes", "int64_t", "64", "Bytes of a panel's row: two vector registers">];
}
#endif
