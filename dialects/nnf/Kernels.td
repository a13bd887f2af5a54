// What holds the graph together: constants, weights, and after grouping kernels and their launches.
#ifndef NNF_KERNELS
#define NNF_KERNELS

include "dialects/nnf/NnfBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/RegionKindInterface.td"
include "mlir/Interfaces/FunctionInterfaces.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"

def Nnf_ConstantOp : Op<Nnf_Dialect, "constant", [Pure, ConstantLike, AllTypesMatch<["value", "output"]>]> {
  let summary = "A small tensor (up to 1 KB) written in the IR";
  let arguments = (ins ElementsAttr:$value);
  let results = (outs Nnf_Tensor:$output);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
}
def Nnf_NumberOp : Op<Nnf_Dialect, "number", [Pure]> {
  let summary = "A number given where a tensor could stand; in type promotion it counts only by its category";
  let arguments = (ins TypedAttrInterface:$value);
  let results = (outs Nnf_Tensor:$output);
  let assemblyFormat = "attr-dict $value `:` type($output)";
}
def Nnf_WeightOp : Op<Nnf_Dialect, "weight", [Pure]> {
  let summary = "A tensor of the weight store";
  let arguments = (ins StrAttr:$name);
  let results = (outs Nnf_Tensor:$output);
  let assemblyFormat = "$name attr-dict `:` type($output)";
}
def Nnf_RandomKeyOp : Op<Nnf_Dialect, "random_key", [Pure]> {
  let summary = "What tells the draws of one random node in one run from all others: seed, run, number of the node";
  let description = [{ int64[3]; known when a run starts. `number` counts the random nodes of the graph in its order. }];
  let arguments = (ins I64Attr:$number);
  let results = (outs Nnf_Tensor:$output);
  let assemblyFormat = "$number attr-dict `:` type($output)";
}
def Nnf_RequireOp : Op<Nnf_Dialect, "require", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Sizes a run may have: `tested` must not be negative";
  let description = [{
    Looked at before anything runs; the run fails with `message`, where {value} is `value`. What type inference asks of
    sizes that it does not know becomes one of these when the function is decomposed.
  }];
  let arguments = (ins Nnf_DimsAttr:$sizes, StrAttr:$message);
  let assemblyFormat = "$sizes $message attr-dict";
  let extraClassDeclaration = [{
    Dim value() { return getSizes().getDims()[0]; }
    Dim tested() { return getSizes().getDims()[1]; }
  }];
  let hasVerifier = 1;
}
def Nnf_SizeOp : Op<Nnf_Dialect, "size", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "Defines the size `size(number)`: the value of `scalar`, which the run computes";
  let description = [{
    `scalar` is one int64. What has such a size comes after this op, though no value says so: nnf-form-groups sees to
    it. The driver reads the scalar between two launches and then asks for the memory that was waiting for it.
  }];
  let arguments = (ins Nnf_Tensor:$scalar, I64Attr:$number);
  let assemblyFormat = "$scalar `,` $number attr-dict `:` type($scalar)";
  let hasVerifier = 1;
}
def Nnf_KernelOp : Op<Nnf_Dialect, "kernel", [IsolatedFromAbove, Symbol, FunctionOpInterface]> {
  let summary = "A fused group: one future kernel";
  let description = [{
    The body holds primitives and constants only; it names no weight and no node. `symbols` are the sizes it needs, in
    the order of its size arguments. `title` says what was fused.
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<FunctionType>:$function_type, StrArrayAttr:$symbols,
                       StrAttr:$title, OptionalAttr<DictArrayAttr>:$arg_attrs, OptionalAttr<DictArrayAttr>:$res_attrs);
  let regions = (region SizedRegion<1>:$body);
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    ::llvm::ArrayRef<::mlir::Type> getArgumentTypes() { return getFunctionType().getInputs(); }
    ::llvm::ArrayRef<::mlir::Type> getResultTypes() { return getFunctionType().getResults(); }
    ::mlir::Region *getCallableRegion() { return &getBody(); }
    /// The values the kernel writes, in the order of its results.
    ::mlir::OperandRange yielded() { return getBody().front().getTerminator()->getOperands(); }
  }];
}
def Nnf_YieldOp : Op<Nnf_Dialect, "yield", [Pure, Terminator]> {
  let summary = "Ends the body of a kernel or a loop";
  let arguments = (ins Variadic<Nnf_Tensor>:$values);
  let assemblyFormat = "attr-dict ($values^ `:` type($values))?";
}
def Nnf_LaunchOp : Op<Nnf_Dialect, "launch", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "Runs a kernel";
  let description = [{ `symbols` bind the kernel's symbols, in its order; `checks` name the messages of its checks. }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<Nnf_Tensor>:$inputs, Nnf_DimsAttr:$symbols, StrArrayAttr:$checks);
  let results = (outs Variadic<Nnf_Tensor>:$outputs);
  let assemblyFormat = "$kernel `(` $inputs `)` `sizes` $symbols attr-dict `:` functional-type($inputs, $outputs)";
}

#endif
