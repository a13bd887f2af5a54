// The primitives: what fusion, code generation and (later) gradients know. All are pure. Shapes of operands agree
// where they must: broadcasting and conversions are ops of their own.
#ifndef NNF_PRIMITIVES
#define NNF_PRIMITIVES

include "dialects/nnf/NnfBase.td"
include "mlir/IR/EnumAttr.td"

// Ops that compute result[i] from operands[i] alone; all shapes are equal.
def Nnf_Elementwise : NativeOpTrait<"Elementwise"> { let cppNamespace = "::nnf"; }

class Nnf_PrimUnary<string name, string what>
    : Nnf_Prim<name, [Nnf_Elementwise, SameOperandsAndResultType]> {
  let summary = what;
  let arguments = (ins Nnf_Tensor:$input);
  let results = (outs Nnf_Tensor:$output);
}
class Nnf_PrimBinary<string name, string what, list<Trait> traits = []>
    : Nnf_Prim<name, !listconcat([Nnf_Elementwise, SameOperandsAndResultType], traits)> {
  let summary = what;
  let arguments = (ins Nnf_Tensor:$lhs, Nnf_Tensor:$rhs);
  let results = (outs Nnf_Tensor:$output);
}

def Nnf_PrimNegOp : Nnf_PrimUnary<"neg", "-x; integers wrap">;
def Nnf_PrimAbsOp : Nnf_PrimUnary<"abs", "|x|">;
def Nnf_PrimFloorOp : Nnf_PrimUnary<"floor", "largest integer not above x">;
def Nnf_PrimRoundEvenOp : Nnf_PrimUnary<"round_even", "nearest integer, halves to even">;
def Nnf_PrimExpOp : Nnf_PrimUnary<"exp", "e^x">;
def Nnf_PrimExpm1Op : Nnf_PrimUnary<"expm1", "e^x - 1, accurate near 0">;
def Nnf_PrimLogOp : Nnf_PrimUnary<"log", "natural logarithm">;
def Nnf_PrimLog1pOp : Nnf_PrimUnary<"log1p", "log(1 + x), accurate near 0">;
def Nnf_PrimSqrtOp : Nnf_PrimUnary<"sqrt", "square root, correctly rounded">;
def Nnf_PrimSinOp : Nnf_PrimUnary<"sin", "sine, radians">;
def Nnf_PrimCosOp : Nnf_PrimUnary<"cos", "cosine, radians">;
def Nnf_PrimTanOp : Nnf_PrimUnary<"tan", "tangent, radians">;
def Nnf_PrimAtanOp : Nnf_PrimUnary<"atan", "arc tangent, radians">;
def Nnf_PrimTanhOp : Nnf_PrimUnary<"tanh", "hyperbolic tangent">;
def Nnf_PrimErfOp : Nnf_PrimUnary<"erf", "error function">;

def Nnf_PrimAddOp : Nnf_PrimBinary<"add", "x + y", [Commutative]>;
def Nnf_PrimSubOp : Nnf_PrimBinary<"sub", "x - y">;
def Nnf_PrimMulOp : Nnf_PrimBinary<"mul", "x * y", [Commutative]>;
def Nnf_PrimDivOp : Nnf_PrimBinary<"div", "x / y; integers truncate, and a divisor 0 must have been checked">;
def Nnf_PrimRemOp : Nnf_PrimBinary<"rem", "x - trunc(x / y) * y">;
def Nnf_PrimPowOp : Nnf_PrimBinary<"pow", "x to the power y, as C's pow">;
def Nnf_PrimMinOp : Nnf_PrimBinary<"min", "the smaller; NaN if either is NaN", [Commutative]>;
def Nnf_PrimMaxOp : Nnf_PrimBinary<"max", "the larger; NaN if either is NaN", [Commutative]>;
def Nnf_PrimAndOp : Nnf_PrimBinary<"and", "bitwise and; logical on bool", [Commutative]>;
def Nnf_PrimOrOp : Nnf_PrimBinary<"or", "bitwise or; logical on bool", [Commutative]>;
def Nnf_PrimXorOp : Nnf_PrimBinary<"xor", "bitwise exclusive or", [Commutative]>;
def Nnf_PrimShlOp : Nnf_PrimBinary<"shl", "shift left; 0 when the count is not below the width">;
def Nnf_PrimShrOp : Nnf_PrimBinary<"shr", "shift right, arithmetic on signed types">;
def Nnf_PrimNotOp : Nnf_PrimUnary<"not", "bitwise not; logical on bool">;

def Nnf_CompareKind : I32EnumAttr<"CompareKind", "comparison", [
    I32EnumAttrCase<"Eq", 0, "eq">, I32EnumAttrCase<"Ne", 1, "ne">, I32EnumAttrCase<"Lt", 2, "lt">,
    I32EnumAttrCase<"Le", 3, "le">, I32EnumAttrCase<"Gt", 4, "gt">, I32EnumAttrCase<"Ge", 5, "ge">]> {
  let cppNamespace = "::nnf";
  let genSpecializedAttr = 0;
}
def Nnf_CompareKindAttr : EnumAttr<Nnf_Dialect, Nnf_CompareKind, "compare">;

def Nnf_PrimCompareOp : Nnf_Prim<"compare", [Nnf_Elementwise, SameTypeOperands]> {
  let summary = "Compares element by element, as IEEE 754: only ne is true with a NaN";
  let arguments = (ins Nnf_CompareKindAttr:$kind, Nnf_Tensor:$lhs, Nnf_Tensor:$rhs);
  let results = (outs Nnf_Tensor:$output);
  let assemblyFormat = "$kind operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
def Nnf_PrimSelectOp : Nnf_Prim<"select", [Nnf_Elementwise, AllTypesMatch<["onTrue", "onFalse", "output"]>]> {
  let summary = "condition ? onTrue : onFalse, element by element";
  let arguments = (ins Nnf_Tensor:$condition, Nnf_Tensor:$onTrue, Nnf_Tensor:$onFalse);
  let results = (outs Nnf_Tensor:$output);
  let hasVerifier = 1;
}
def Nnf_PrimConvertOp : Nnf_Prim<"convert", [Nnf_Elementwise]> {
  let summary = "Changes the element type";
  let description = [{
    float to float rounds to nearest even; float to integer truncates, saturates and takes NaN to 0; to bool is
    `x != 0`; between integers wraps. Never folded away between floats: a convert is a rounding.
  }];
  let arguments = (ins Nnf_Tensor:$input);
  let results = (outs Nnf_Tensor:$output);
  let hasVerifier = 1;
}

// ---- shape

def Nnf_PrimReshapeOp : Nnf_Prim<"reshape"> {
  let summary = "Same elements in row-major order, other sizes";
  let arguments = (ins Nnf_Tensor:$input);
  let results = (outs Nnf_Tensor:$output);
  let hasVerifier = 1;
  let hasFolder = 1;
}
def Nnf_PrimTransposeOp : Nnf_Prim<"transpose"> {
  let summary = "output[i] = input[j] with j[perm[d]] = i[d]: dimension d of the output is dimension perm[d] of the input";
  let arguments = (ins Nnf_Tensor:$input, DenseI64ArrayAttr:$perm);
  let results = (outs Nnf_Tensor:$output);
  let hasVerifier = 1;
  let hasFolder = 1;
}
def Nnf_PrimBroadcastOp : Nnf_Prim<"broadcast"> {
  let summary = "Input dimension d becomes output dimension dims[d] (increasing); a size 1 is repeated, others are new";
  let arguments = (ins Nnf_Tensor:$input, DenseI64ArrayAttr:$dims);
  let results = (outs Nnf_Tensor:$output);
  let hasVerifier = 1;
  let hasFolder = 1;
}
def Nnf_PrimSliceOp : Nnf_Prim<"slice"> {
  let summary = "output[i] = input[start + i*step]; steps may be negative";
  let arguments = (ins Nnf_Tensor:$input, Nnf_DimsAttr:$start, DenseI64ArrayAttr:$step);
  let results = (outs Nnf_Tensor:$output);
  let hasVerifier = 1;
}
def Nnf_PrimConcatOp : Nnf_Prim<"concat"> {
  let summary = "Operands one after the other along `dim`";
  let arguments = (ins Variadic<Nnf_Tensor>:$inputs, I64Attr:$dim);
  let results = (outs Nnf_Tensor:$output);
  let hasVerifier = 1;
}
def Nnf_PrimPadOp : Nnf_Prim<"pad"> {
  let summary = "`low` and `high` elements of `value` around each dimension, `interior` between neighbours; negative ones crop";
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$value, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high,
                       DenseI64ArrayAttr:$interior);
  let results = (outs Nnf_Tensor:$output);
  let hasVerifier = 1;
}

// ---- make

def Nnf_PrimIotaOp : Nnf_Prim<"iota"> {
  let summary = "output[i] = i[dim], in the output's element type";
  let arguments = (ins I64Attr:$dim);
  let results = (outs Nnf_Tensor:$output);
}
def Nnf_PrimDimOp : Nnf_Prim<"dim"> {
  let summary = "A size as a rank-0 int64 tensor";
  let arguments = (ins Nnf_DimsAttr:$size);
  let results = (outs Nnf_Tensor:$output);
}

def Nnf_PrimRngBitsOp : Nnf_Prim<"rng_bits"> {
  let summary = "32 random bits for each element: Philox4x32-10";
  let description = [{
    `key` is an nnf.random_key. Element i (row-major) is word i & 3 of the block with the counter (i>>2 low, i>>2 high,
    number, run) under the key (seed low, seed high): the same for any target and any number of threads.
    Source: Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011).
  }];
  let arguments = (ins Nnf_Tensor:$key);
  let results = (outs Nnf_Tensor:$output);
  let hasVerifier = 1;
}

// ---- reductions

def Nnf_ReduceKind : I32EnumAttr<"ReduceKind", "reduction", [
    I32EnumAttrCase<"Add", 0, "add">, I32EnumAttrCase<"Mul", 1, "mul">, I32EnumAttrCase<"Max", 2, "max">,
    I32EnumAttrCase<"Min", 3, "min">, I32EnumAttrCase<"And", 4, "and">, I32EnumAttrCase<"Or", 5, "or">]> {
  let cppNamespace = "::nnf";
  let genSpecializedAttr = 0;
}
def Nnf_ReduceKindAttr : EnumAttr<Nnf_Dialect, Nnf_ReduceKind, "reduce">;

def Nnf_PrimReduceOp : Nnf_Prim<"reduce"> {
  let summary = "Reduces over `dims` (increasing), which disappear; nothing to reduce gives the neutral element";
  let description = [{
    Float sums are split the same way for any number of threads. max and min of a NaN are NaN. With a `block`, the first
    of `dims` does not disappear: it stays with one result for each block of so many of its elements.
  }];
  let arguments = (ins Nnf_ReduceKindAttr:$kind, Nnf_Tensor:$input, DenseI64ArrayAttr:$dims,
                       DefaultValuedAttr<I64Attr, "0">:$block);
  let results = (outs Nnf_Tensor:$output);
  let assemblyFormat = "$kind operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
def Nnf_PrimArgReduceOp : Nnf_Prim<"arg_reduce"> {
  let summary = "int64 index of the maximum or minimum along `dim`, which disappears; the first of equals, a NaN wins";
  let description = [{ With a `block`, `dim` stays with one index for each block of so many of its elements. }];
  let arguments = (ins Nnf_ReduceKindAttr:$kind, Nnf_Tensor:$input, I64Attr:$dim, DefaultValuedAttr<I64Attr, "0">:$block);
  let results = (outs Nnf_Tensor:$output);
  let assemblyFormat = "$kind operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
def Nnf_PrimReduceWindowOp : Nnf_Prim<"reduce_window"> {
  let summary = "Reduces each window of a sliding grid; elements outside count as the neutral element";
  let description = [{
    One entry per dimension in every list; `size` 1 leaves a dimension alone. Output i covers input
    i*stride - low + k*dilation, k < size. With `withIndex` (max only) a second result holds the int64 row-major
    position of the winner in the dimensions whose bit in `indexDims` is set: the first of equals, the last of NaNs.
  }];
  let arguments = (ins Nnf_ReduceKindAttr:$kind, Nnf_Tensor:$input, DenseI64ArrayAttr:$size, DenseI64ArrayAttr:$stride,
                       DenseI64ArrayAttr:$dilation, DenseI64ArrayAttr:$low, DenseI64ArrayAttr:$high,
                       DenseI64ArrayAttr:$indexDims);
  let results = (outs Nnf_Tensor:$output, Optional<Nnf_Tensor>:$index);
  let assemblyFormat = "$kind operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

// ---- contractions

def Nnf_PrimDotOp : Nnf_Prim<"dot"> {
  let summary = "Sum of products: batch dimensions, then what is left of lhs, then what is left of rhs";
  let arguments = (ins Nnf_Tensor:$lhs, Nnf_Tensor:$rhs, DenseI64ArrayAttr:$lhsBatch, DenseI64ArrayAttr:$rhsBatch,
                       DenseI64ArrayAttr:$lhsContract, DenseI64ArrayAttr:$rhsContract);
  let results = (outs Nnf_Tensor:$output);
  let hasVerifier = 1;
}
def Nnf_PrimConvOp : Nnf_Prim<"conv"> {
  let summary = "Cross-correlation over the spatial dimensions";
  let description = [{
    `layout` 0: input N,C,*, weight O,C/groups,*, output N,O,*. `layout` 1: input N,*,C, weight *,C/groups,O, output
    N,*,O. Lists have one entry per spatial dimension (with layout 1 there may be none: a matrix product). Output p
    covers input (p*stride - low + k*kernelDilation), on the input with inputDilation - 1 gaps between elements; taps
    outside or in gaps do not count.
    `packed` P > 0 (layout 1 only): the weight is groups, ceil(O/groups/P), *, C/groups, P: panels of P outputs, the
    last one filled up with zeros.
    `winograd` M > 0 (packed, one group, all of a kernel of 3 taps at stride 1 without dilation): in place of its taps
    the weight holds, along each spatial dimension, the M + 2 products of Winograd's algorithm F(M, 3).
  }];
  let arguments = (ins Nnf_Tensor:$input, Nnf_Tensor:$weight, DenseI64ArrayAttr:$stride, DenseI64ArrayAttr:$low,
                       DenseI64ArrayAttr:$high, DenseI64ArrayAttr:$inputDilation, DenseI64ArrayAttr:$kernelDilation,
                       I64Attr:$groups, I64Attr:$layout, DefaultValuedAttr<I64Attr, "0">:$packed,
                       DefaultValuedAttr<I64Attr, "0">:$winograd);
  let results = (outs Nnf_Tensor:$output);
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    /// Number of spatial dimensions.
    unsigned spatialRank() { return getStride().size(); }
    /// Sizes of the kernel's spatial dimensions, and its input channels per group.
    Shape kernelSizes();
    Dim channelsPerGroup();
  }];
}

// ---- indexed

def Nnf_BoundsKind : I32EnumAttr<"BoundsKind", "what an index out of range does", [
    I32EnumAttrCase<"Error", 0, "error">, I32EnumAttrCase<"Clamp", 1, "clamp">, I32EnumAttrCase<"Fill", 2, "fill">]> {
  let cppNamespace = "::nnf";
  let genSpecializedAttr = 0;
}
def Nnf_BoundsKindAttr : EnumAttr<Nnf_Dialect, Nnf_BoundsKind, "bounds">;

def Nnf_PrimGatherOp : Op<Nnf_Dialect, "prim.gather",
    [AttrSizedOperandSegments, DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Reads with computed indices";
  let description = [{
    `indices` holds one int64 tensor per entry of `gatherDims`, all of one shape I. The output has I's dimensions first,
    then the input's other dimensions in order: output[i…, o…] = input[o…] with dimension gatherDims[j] at
    indices[j][i…]. `bounds`: error (a run-time check that fails with `message`), clamp, or fill with `fill`.
    Indices may be negative only under clamp and fill.
  }];
  let arguments = (ins Nnf_Tensor:$input, Variadic<Nnf_Tensor>:$indices, Optional<Nnf_Tensor>:$fill,
                       DenseI64ArrayAttr:$gatherDims, Nnf_BoundsKindAttr:$bounds, StrAttr:$message);
  let results = (outs Nnf_Tensor:$output);
  let assemblyFormat = "$bounds operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}
def Nnf_ScatterKind : I32EnumAttr<"ScatterKind", "what a write does to what is there", [
    I32EnumAttrCase<"Set", 0, "set">, I32EnumAttrCase<"Add", 1, "add">, I32EnumAttrCase<"Mul", 2, "mul">,
    I32EnumAttrCase<"Max", 3, "max">, I32EnumAttrCase<"Min", 4, "min">]> {
  let cppNamespace = "::nnf";
  let genSpecializedAttr = 0;
}
def Nnf_ScatterKindAttr : EnumAttr<Nnf_Dialect, Nnf_ScatterKind, "scatter">;

def Nnf_PrimScatterOp : Op<Nnf_Dialect, "prim.scatter",
    [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "The input with updates at computed places";
  let description = [{
    The mirror of gather: `indices` holds one int64 tensor per entry of `scatterDims`, all of one shape I; `updates` has
    I's dimensions first, then the input's other dimensions in order. Updates are applied one after the other in
    row-major order of I: set keeps the last, sums are split the same way for any number of threads. `bounds`: error (a
    run-time check that fails with `message`; nothing is written there) or fill: outside, nothing is written.
  }];
  let arguments = (ins Nnf_ScatterKindAttr:$kind, Nnf_Tensor:$input, Variadic<Nnf_Tensor>:$indices, Nnf_Tensor:$updates,
                       DenseI64ArrayAttr:$scatterDims, Nnf_BoundsKindAttr:$bounds, StrAttr:$message);
  let results = (outs Nnf_Tensor:$output);
  let assemblyFormat = "$kind $bounds operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

// ---- order

def Nnf_PrimSortOp : Nnf_Prim<"sort"> {
  let summary = "The first elements of `dim` in order, and where they were; equal ones keep their order, NaN is the largest";
  let description = [{
    How many is the results' size in `dim`. The third result is memory for the kernel, of no meaning: see sortWorkspace.
  }];
  let arguments = (ins Nnf_Tensor:$input, I64Attr:$dim, BoolAttr:$descending);
  let results = (outs Nnf_Tensor:$values, Nnf_Tensor:$indices, Nnf_Tensor:$workspace);
  let hasVerifier = 1;
}
def Nnf_PrimCumulateOp : Nnf_Prim<"cumulate"> {
  let summary = "output[i] = input[0] (+) … (+) input[i] along `dim`, from the end when `reverse`";
  let description = [{ Sums and products of float32 are kept in float64 on the way. }];
  let arguments = (ins Nnf_ReduceKindAttr:$kind, Nnf_Tensor:$input, I64Attr:$dim, BoolAttr:$reverse);
  let results = (outs Nnf_Tensor:$output);
  let assemblyFormat = "$kind operands attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Nnf_PrimLoopOp : Op<Nnf_Dialect, "prim.loop", [Pure, IsolatedFromAbove, AttrSizedOperandSegments, AttrSizedResultSegments]> {
  let summary = "`trips` steps of a recurrence, each row of the carried tensors by itself";
  let description = [{
    The body takes the step's number (int64, rank 0), the carried tensors and the captured ones, and yields what the
    carried tensors become, computed of what they were. All carried tensors have one shape, whose first `rows`
    dimensions do not mix: a step reads a carried tensor only at the same place of them. The body holds primitives that
    cannot fail. Beside the final values it gives memory for the kernel, of no meaning: one more of each.
  }];
  let arguments = (ins Variadic<Nnf_Tensor>:$inits, Variadic<Nnf_Tensor>:$captures, Nnf_DimsAttr:$trips, I64Attr:$rows);
  let results = (outs Variadic<Nnf_Tensor>:$finals, Variadic<Nnf_Tensor>:$workspaces);
  let regions = (region SizedRegion<1>:$body);
  let hasVerifier = 1;
}

def Nnf_PrimCheckOp : Op<Nnf_Dialect, "prim.check",
    [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Fails the run with `message` when an element of `condition` is false; {value} in the message is `value` there";
  let arguments = (ins Nnf_Tensor:$condition, Nnf_Tensor:$value, StrAttr:$message);
  let assemblyFormat = "operands attr-dict `:` type(operands)";
}

#endif
