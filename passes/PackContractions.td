#ifndef NNF_PASSES_PACKCONTRACTIONS
#define NNF_PASSES_PACKCONTRACTIONS
include "mlir/Pass/PassBase.td"

def PackContractions : Pass<"nnf-pack-contractions", "::mlir::func::FuncOp"> {
  let summary = "Lay the constant operands of contractions out in panels, and the others so that rows are contiguous";
  let description = [{
    Needs: channels-last convolutions. A convolution or product with a constant operand becomes a convolution with
    panels of `panel-width` outputs (nnf.prim.conv, `packed`); the packing is primitives on the weight, which the
    constant part of the graph takes over. Where Winograd's algorithm pays (or a tuning file asks for it), it is of
    transformed weights. A product of two computed operands gets its right one with contiguous columns.
  }];
  let options = [
    Option<"vectorBytes", "vector-bytes", "int64_t", "32", "Bytes of a vector register; a panel's row takes two">,
    Option<"winograd", "winograd", "int64_t", "0", "Outputs of a tile of Winograd's algorithm: 2, 4, or 0 for never">,
    Option<"tuning", "tuning", "std::string", "", "A tuning file: its methods go before what seems to pay">,
  ];
}
#endif
