#ifndef NNF_PASSES_PACKCONTRACTIONS
#define NNF_PASSES_PACKCONTRACTIONS
include "mlir/Pass/PassBase.td"

def PackContractions : Pass<"nnf-pack-contractions", "::mlir::func::FuncOp"> {
  let summary = "Lay the constant operands of contractions out in panels, and the others so that rows are contiguous";
  let description = [{
    Needs: channels-last convolutions. A convolution or product with a constant operand becomes a convolution with
    panels of `panel-width` outputs (nnf.prim.conv, `packed`); the packing is primitives on the weight, which the
    constant part of the graph takes over. Where Winograd's algorithm pays (or a tuning file asks for it), it is of transformed weights. Weights that
    are 16-bit floats stay so in panels. 32-bit integers that are seen to be narrow become panels of signed bytes, with
    an input of unsigned ones, or of words, their zero points taken out of the sums; where tiles do not take them,
    floats that hold the same sums. A product of two computed operands gets its right one with contiguous columns.
  }];
  let options = [
    Option<"vectorBytes", "vector-bytes", "int64_t", "32", "Bytes of a vector register; a panel's row takes two">,
    Option<"hasF16c", "has-f16c", "bool", "true", "The target converts between f16 and f32">,
    Option<"byteDots", "byte-dots", "bool", "false", "The target adds products of bytes to 32 bits">,
    Option<"winograd", "winograd", "int64_t", "0", "Outputs of a tile of Winograd's algorithm: 2, 4, or 0 for never">,
    Option<"tuning", "tuning", "std::string", "", "A tuning file: its methods go before what seems to pay">,
  ];
}
#endif
