#ifndef NNF_PASSES_FORMGROUPS
#define NNF_PASSES_FORMGROUPS
include "mlir/Pass/PassBase.td"

def FormGroups : Pass<"nnf-form-groups", "::mlir::ModuleOp"> {
  let summary = "Fuse primitives into groups and outline each as an nnf.kernel";
  let description = [{
    Needs: @main holds primitives, constants and weights. Leaves: @main launches kernels; equal groups share one.
    A contraction, a reduction, a window or a concatenation is the anchor of a group; elementwise consumers join it
    while nobody else needs the value between, reductions over the same rows join each other. What is cheap to compute
    again is computed where it is read; everything else is stored by a group of its own.
  }];
  let options = [
    Option<"attention", "attention", "bool", "false",
           "Two products with a softmax between them are one group: the target has kernels for it">,
    Option<"stridedAttention", "strided-attention", "bool", "false",
           "Attentions are those of a GPU's kernels, which read queries, keys and values in lines at one distance">,
    Option<"l2Bytes", "l2-bytes", "int64_t", "0",
           "Bytes of second-level cache: a depthwise convolution and the pointwise ones around it are one group where the images between them leave it; 0: never">,
    Option<"vectorBytes", "vector-bytes", "int64_t", "32", "Bytes of a vector register">,
    Option<"vectorRegisters", "vector-registers", "int64_t", "16", "How many vector registers there are">,
    Option<"inPlace", "in-place", "bool", "false",
           "Operands of concatenations are stored in the concatenation's buffer: kernels write at any address">,
    Option<"narrowProducts", "narrow-products", "bool", "false",
           "Products read 16-bit floats from memory, not what they are converted to">,
  ];
}
#endif
