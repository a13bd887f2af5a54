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

// ---- control flow: functions of the module that the driver runs

// Their bodies are functions of their own, so that all passes see lists of ops; outer values are captures.
class Nnf_ControlFlow<string name, list<Trait> traits = []>
    : Op<Nnf_Dialect, name, !listconcat([DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
                                         DeclareOpInterfaceMethods<SymbolUserOpInterface>], traits)>;

def Nnf_LoopOp : Nnf_ControlFlow<"loop", [AttrSizedOperandSegments]> {
  let summary = "Runs a function step after step";
  let description = [{
    The function takes the number of the step (int64, rank 0), the carried tensors and the captured ones; it returns what
    the carried tensors become, each of the type it had, and then the step's slice of each stacked tensor. `trips` holds
    the number of steps; empty: no bound. With `number` the first carried tensor (int64, rank 0) says before each step
    whether it is made (not 0), and `size(number)` is how many were. Results are the carried tensors in the end, and the
    stacked ones, whose first dimension counts the steps.

    A size of a carried tensor that differs from step to step is `size(number)`, in the function the one before the step
    and after the loop the last one, with the number in `sizes` at its place (counted over all dimensions of all carried
    tensors; -1 elsewhere). Without `sizes` all stay.
  }];
  let arguments = (ins FlatSymbolRefAttr:$body, Nnf_DimsAttr:$trips, OptionalAttr<I64Attr>:$number,
                       OptionalAttr<DenseI64ArrayAttr>:$sizes, Variadic<Nnf_Tensor>:$inits, Variadic<Nnf_Tensor>:$captures);
  let results = (outs Variadic<Nnf_Tensor>:$outputs);
  let assemblyFormat = [{
    $body `from` `(` $inits `)` `captures` `(` $captures `)` `trips` $trips (`while` $number^)?
    (`sizes` $sizes^)? attr-dict `:` functional-type(operands, results)
  }];
  let extraClassDeclaration = [{
    ::mlir::OperandRange carried() { return getInits(); }
    unsigned numCarried() { return getInits().size(); }
    ::mlir::ResultRange stacked() { return getOutputs().drop_front(numCarried()); }
    /// The size the stacked tensors have in their first dimension.
    Dim steps();
    /// For each dimension of a carried tensor the number of the size it has before a step; -1: it stays.
    ::llvm::SmallVector<int64_t> openSizes(unsigned carried);
    bool isOpen(unsigned carried);
    /// The type with these sizes in it: of the function's argument and of the result, where a tensor of `type` comes in.
    ::mlir::Type asCarried(unsigned carried, ::mlir::Type type);
    /// The numbers of all sizes that it defines for what comes after it.
    ::llvm::SmallVector<int64_t> definedSizes();
  }];
}
def Nnf_IfOp : Nnf_ControlFlow<"if"> {
  let summary = "Runs one of two functions";
  let description = [{
    `condition` (int64, rank 0) is not 0: `then_body`, else `else_body`. Both take the captures and return the results. A
    size that differs between them is `size(number)` in the results, with the number in `sizes` at its place (counted
    over all dimensions of all results; -1 elsewhere).
  }];
  let arguments = (ins FlatSymbolRefAttr:$then_body, FlatSymbolRefAttr:$else_body, DenseI64ArrayAttr:$sizes,
                       Nnf_Tensor:$condition, Variadic<Nnf_Tensor>:$captures);
  let results = (outs Variadic<Nnf_Tensor>:$outputs);
  let extraClassDeclaration = [{
    /// The numbers of all sizes that it defines for what comes after it.
    ::llvm::SmallVector<int64_t> definedSizes();
  }];
  let assemblyFormat = [{
    $condition `then` $then_body `else` $else_body `captures` `(` $captures `)` `sizes` $sizes attr-dict `:`
    functional-type(operands, results)
  }];
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
