#ifndef NNF_PASSES_APPLYTUNING
#define NNF_PASSES_APPLYTUNING
include "mlir/Pass/PassBase.td"

def ApplyTuning : Pass<"nnf-apply-tuning", "::mlir::ModuleOp"> {
  let summary = "Write down on each kernel what a tuning file says of it";
  let description = [{
    Needs: kernels, of contractions whose methods are those of the file (nnf-pack-contractions). Leaves: the attribute
    `nnf.choice` on kernels that the file has a line for; what else would decide gives way to it (nnf-lower-kernels).
  }];
  let options = [
    Option<"tuning", "tuning", "std::string", "", "A tuning file">,
    Option<"vectorBytes", "vector-bytes", "int64_t", "32", "Bytes of a vector register">,
    Option<"vectorRegisters", "vector-registers", "int64_t", "16", "How many vector registers there are">,
    Option<"l1Bytes", "l1-bytes", "int64_t", "32768", "Bytes of first-level data cache">,
    Option<"l2Bytes", "l2-bytes", "int64_t", "524288", "Bytes of second-level cache">,
  ];
}
#endif
