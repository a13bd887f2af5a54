#ifndef NNF_PASSES_EXPANDMATH
#define NNF_PASSES_EXPANDMATH
include "mlir/Pass/PassBase.td"

def ExpandMath : Pass<"nnf-expand-math"> {
  let summary = "Turn elementary functions and 16-bit float conversions into arithmetic";
  let description = [{
    Needs: `math` and `arith` ops on scalars and vectors of f32 and f64; f16 and bf16 only in conversions and comparisons; structured
    control flow (the reduction of large arguments of sin, cos and tan, and remf, make `scf.if` and `scf.while`).
    Leaves: no op that LLVM turns into a call of libm or compiler-rt on x86-64 with SSE4.2, AArch64 or NVPTX. What has
    no expansion is an error here rather than an undefined symbol later.

    Results are within 2 ulp over the whole range, with C's special cases; NaN in gives NaN out.
  }];
  let options = [
    Option<"hasFma", "has-fma", "bool", "true", "The target has fused multiply-add">,
    Option<"hasF16c", "has-f16c", "bool", "true", "The target converts between f16 and f32">,
    Option<"hasAvx512", "has-avx512", "bool", "false", "The target has AVX-512">,
  ];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect", "::mlir::scf::SCFDialect",
                           "::mlir::vector::VectorDialect", "::mlir::LLVM::LLVMDialect"];
}
#endif
