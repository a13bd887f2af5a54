// The values are tested in test/numeric; here is what may be left, and what is refused.
// RUN: nnf-opt %s -split-input-file -nnf-expand-math -verify-diagnostics | FileCheck %s
// RUN: nnf-opt %s -split-input-file -nnf-expand-math="has-fma=false has-f16c=false" -verify-diagnostics | FileCheck %s --check-prefix=BARE

// What every target computes itself stays.
// CHECK-LABEL: @nothing_to_do
// CHECK-NEXT: math.floor
// CHECK-NEXT: math.sqrt
// CHECK-NEXT: math.copysign
// CHECK-NEXT: return
func.func @nothing_to_do(%x: vector<8xf32>) -> vector<8xf32> {
  %0 = math.floor %x : vector<8xf32>
  %1 = math.sqrt %0 : vector<8xf32>
  %2 = math.copysign %1, %x : vector<8xf32>
  return %2 : vector<8xf32>
}

// -----

// No branch, no division: clamping and arithmetic. The power of two is added to the exponent's bits: a product with it
// would be slow on x86 where it is denormal or zero.
// CHECK-LABEL: @exp
// CHECK-NOT: {{math.exp|scf|divf|mulf}}
// CHECK-COUNT-9: math.fma
// CHECK-NOT: {{math.fma|mulf}}
// CHECK: return
// BARE-LABEL: @exp
// BARE-NOT: math.
func.func @exp(%x: vector<8xf32>) -> vector<8xf32> {
  %0 = math.exp %x : vector<8xf32>
  return %0 : vector<8xf32>
}

// -----

// CHECK-LABEL: @fma
// CHECK-NEXT: math.fma
// BARE-LABEL: @fma
// BARE-NEXT: arith.mulf
// BARE-NEXT: arith.addf
func.func @fma(%a: f64, %b: f64, %c: f64) -> f64 {
  %0 = math.fma %a, %b, %c : f64
  return %0 : f64
}

// -----

// LLVM widens a comparison of 16-bit floats through a call where one side is one number repeated.
// CHECK-LABEL: @compare_bf16
// CHECK: arith.cmpf olt, %{{.*}}, %{{.*}} : vector<8xf32>
// CHECK-NEXT: return
func.func @compare_bf16(%x: bf16, %y: vector<8xbf16>) -> vector<8xi1> {
  %0 = vector.broadcast %x : bf16 to vector<8xbf16>
  %1 = arith.cmpf olt, %0, %y : vector<8xbf16>
  return %1 : vector<8xi1>
}

// -----

// f32 stays f32 but for large arguments; without a fused multiply-add, whose one rounding the reduction lives on, it is
// computed in f64.
// CHECK-LABEL: @sin_f32
// CHECK-NOT: f64
// CHECK: scf.if
// CHECK: arith.extf %{{.*}} : vector<8xf32> to vector<8xf64>
// CHECK: return
// BARE-LABEL: @sin_f32
// BARE-NOT: scf.if
// BARE: arith.extf %{{.*}} : vector<8xf32> to vector<8xf64>
func.func @sin_f32(%x: vector<8xf32>) -> vector<8xf32> {
  %0 = math.sin %x : vector<8xf32>
  return %0 : vector<8xf32>
}

// -----

// Large arguments are behind one branch for the whole vector.
// CHECK-LABEL: @sin
// CHECK: %[[ANY:.*]] = vector.reduction <or>, %{{.*}} : vector<5xi1> into i1
// CHECK: scf.if %[[ANY]]
// CHECK-NOT: math.sin
// CHECK: return
func.func @sin(%x: vector<5xf64>) -> vector<5xf64> {
  %0 = math.sin %x : vector<5xf64>
  return %0 : vector<5xf64>
}

// -----

// Vectors of any rank, and scalars.
// CHECK-LABEL: @ranks
// CHECK-NOT: math.cos
// CHECK: vector.shape_cast %{{.*}} : vector<2x3xi1> to vector<6xi1>
// CHECK-NOT: math.cos
// CHECK: return
func.func @ranks(%x: vector<2x3xf32>, %y: f32) -> (vector<2x3xf32>, f32) {
  %0 = math.cos %x : vector<2x3xf32>
  %1 = math.cos %y : f32
  return %0, %1 : vector<2x3xf32>, f32
}

// -----

// f32 to f16 and back is one instruction with F16C; f64 to f16 goes through an f32 rounded to odd.
// CHECK-LABEL: @half
// CHECK: arith.truncf %{{.*}} : vector<8xf32> to vector<8xf16>
// CHECK-NOT: vector<8xf64> to vector<8xf16>
// CHECK: arith.extf %{{.*}} : vector<8xf16> to vector<8xf32>
// CHECK-NOT: vector<8xf16> to vector<8xf64>
// CHECK: return
// BARE-LABEL: @half
// BARE-NOT: arith.truncf %{{.*}} to vector<8xf16>
// BARE-NOT: arith.extf %{{.*}} : vector<8xf16>
// BARE: return
func.func @half(%x: vector<8xf32>, %y: vector<8xf64>) -> (vector<8xf16>, vector<8xf16>, vector<8xf64>) {
  %0 = arith.truncf %x : vector<8xf32> to vector<8xf16>
  %1 = arith.truncf %y : vector<8xf64> to vector<8xf16>
  %2 = arith.extf %0 : vector<8xf16> to vector<8xf64>
  return %0, %1, %2 : vector<8xf16>, vector<8xf16>, vector<8xf64>
}

// -----

// bf16 is f32's upper half; an integer of 64 bits goes through f64.
// CHECK-LABEL: @bfloat
// CHECK: arith.trunci %{{.*}} : i32 to i16
// CHECK: arith.shli
// CHECK: arith.uitofp %{{.*}} : i64 to f64
// CHECK-NOT: : f64 to bf16
// CHECK: arith.fptosi %{{.*}} : f32 to i32
// CHECK: return
func.func @bfloat(%x: f32, %i: i64) -> (bf16, f32, bf16, i32) {
  %0 = arith.truncf %x : f32 to bf16
  %1 = arith.extf %0 : bf16 to f32
  %2 = arith.uitofp %i : i64 to bf16
  %3 = arith.fptosi %0 : bf16 to i32
  return %0, %1, %2, %3 : bf16, f32, bf16, i32
}

// -----

func.func @no_expansion(%x: f32) -> f32 {
  // expected-error @+1 {{'math.cbrt' on 'f32' has no expansion, expected a function listed in passes/ExpandMath.cpp}}
  %0 = math.cbrt %x : f32
  return %0 : f32
}

// -----

func.func @half_function(%x: f16) -> f16 {
  // expected-error @+1 {{'math.exp' on 'f16' has no expansion, expected f32 or f64}}
  %0 = math.exp %x : f16
  return %0 : f16
}
