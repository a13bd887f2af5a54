// The dialect, its parameter types and the base classes of its records.
#ifndef NNF_BASE
#define NNF_BASE

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Nnf_Dialect : Dialect {
  let name = "nnf";
  let cppNamespace = "::nnf";
  let summary = "Neural-network graphs as torch defines them, and the primitives they are made of";
  let description = [{
    Two levels. *Functions* (`nnf.conv2d`, `nnf.gelu`, …) are torch's functions with all their parameters.
    *Primitives* (`nnf.prim.exp`, `nnf.prim.reduce`, …) are the few pure ops every function decomposes into; fusion
    and code generation know only these. `nnf.kernel` and `nnf.launch` hold fused groups of primitives.
  }];
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    /// The number of the symbol called `name`; a new one when the name is new.
    unsigned symbolId(llvm::StringRef name);
    /// The name of symbol `id`.
    std::string symbolName(unsigned id) const;
    /// The symbol whose value `derived` computes from other sizes; one for equal definitions.
    unsigned derivedSymbol(const DerivedDim &derived);
    /// How symbol `id` is computed; none for a symbol that inputs bind.
    std::optional<DerivedDim> derivationOf(unsigned id) const;
    /// Number of symbols known so far.
    unsigned numSymbols() const;
    /// The weights that `nnf.weight` ops of this context name.
    WeightStore &weights();

    /// Adds the ops of one family of functions.
    template <typename... Ops> void add() { addOperations<Ops...>(); }
    void registerOps();
    void registerAttributes();

  private:
    std::shared_ptr<SymbolTableOfDims> symbols;
    std::shared_ptr<WeightStore> store;

  public:
  }];
}

def Nnf_DimsAttr : AttrDef<Nnf_Dialect, "Dims"> {
  let mnemonic = "dims";
  let summary = "Sizes as affine expressions over named symbols: #nnf.dims<[N, 8, N*2+1]>";
  let parameters = (ins ArrayRefParameter<"::mlir::AffineExpr">:$dims);
  let hasCustomAssemblyFormat = 1;
}

// ---- types of operands and results

def Nnf_Tensor : RankedTensorOf<[AnyFloat, AnyInteger]>;
// A tensor, or a number of the graph: then the operand is an `nnf.number`, which takes part in type promotion only
// by its category, as Python numbers do in torch.
def Nnf_TensorOrNumber : RankedTensorOf<[AnyFloat, AnyInteger]>;

// A tensor of integers, or a list of them in the graph: then the operand is a constant.
def Nnf_TensorOrInts : RankedTensorOf<[AnyInteger]>;

// ---- types of attribute parameters, by the value they hold in a graph file

def Nnf_Int : TypedSignlessIntegerAttrBase<I64, "int64_t", "an integer">;
def Nnf_Float : FloatAttrBase<F64, "a number"> {
  let returnType = "double";
  let convertFromStorage = "$_self.getValueAsDouble()";
}
def Nnf_Bool : Attr<CPred<"::llvm::isa<::mlir::BoolAttr>($_self)">, "a bool"> {
  let storageType = [{ ::mlir::BoolAttr }];
  let returnType = [{ bool }];
  let valueType = I1;
  let constBuilderCall = "$_builder.getBoolAttr($0)";
}
def Nnf_String : Attr<CPred<"::llvm::isa<::mlir::StringAttr>($_self)">, "a string"> {
  let storageType = [{ ::mlir::StringAttr }];
  let returnType = [{ ::llvm::StringRef }];
  let constBuilderCall = "$_builder.getStringAttr($0)";
}
def Nnf_Ints : Attr<CPred<"::llvm::isa<::mlir::DenseI64ArrayAttr>($_self)">, "integers"> {
  let storageType = [{ ::mlir::DenseI64ArrayAttr }];
  let returnType = [{ ::llvm::ArrayRef<int64_t> }];
  let convertFromStorage = "$_self.asArrayRef()";
  let constBuilderCall = "$_builder.getDenseI64ArrayAttr($0)";
}
def Nnf_Floats : Attr<CPred<"::llvm::isa<::mlir::DenseF64ArrayAttr>($_self)">, "numbers"> {
  let storageType = [{ ::mlir::DenseF64ArrayAttr }];
  let returnType = [{ ::llvm::ArrayRef<double> }];
  let convertFromStorage = "$_self.asArrayRef()";
  let constBuilderCall = "$_builder.getDenseF64ArrayAttr($0)";
}
// convN's padding: integers, or 'same' / 'valid'.
def Nnf_IntsOrString
    : Attr<CPred<"::llvm::isa<::mlir::DenseI64ArrayAttr, ::mlir::StringAttr>($_self)">, "integers or a string"> {
  let storageType = [{ ::mlir::Attribute }];
  let returnType = [{ ::mlir::Attribute }];
  let convertFromStorage = "$_self";
  let constBuilderCall = "$_builder.getDenseI64ArrayAttr($0)";
}
// A `dtype=` parameter; a string such as "float32" in a graph file.
def Nnf_DType : Attr<CPred<"::llvm::isa<::mlir::TypeAttr>($_self)">, "a dtype"> {
  let storageType = [{ ::mlir::TypeAttr }];
  let returnType = [{ ::mlir::Type }];
}

// ---- functions

// The ONNX operator a function is one to one with, and the first opset version with that meaning.
class OnnxOp<string operatorName, int sinceVersion> {
  string name = operatorName;
  int since = sinceVersion;
}

// Result `result` is the new value of the tensor given as `argument`, and no output of the node.
class Effect<string argumentName, int resultNumber> {
  string argument = argumentName;
  int result = resultNumber;
}

// A function of torch. `name` is torch's; operands and attributes are its parameters, in its order.
class Nnf_Function<string name, list<Trait> traits = []>
    : Op<Nnf_Dialect, name, !listconcat([Pure, InferTypeOpAdaptor], traits)> {
  string formula = "";           // one line, in the parameters' names
  string source = "";            // where the formula comes from
  string example = "";           // parsed and verified by a test
  list<OnnxOp> onnx = [];        // one-to-one imports
  string inplaceTwin = "";       // "relu_": a function of that name that also changes `input`
  bit hasInplace = 0;            // has a parameter inplace=False that changes `input`
  list<Effect> effects = [];
  bit draws = 0;                 // can draw random numbers: such nodes are counted
  bit hasDataSize = 0;           // its data can decide a size of a result: such nodes are numbered
  string targets = "cpu, cuda, cuda-emu";
  // For people, in docs/ops and `nnfc ops`. Lines "name: text" or "name, name: text"; what each argument takes (those of
  // Nnf_SharedParameters may be left out), what each result is, and the forms of messages about what is refused
  // ("name: message"; "name: run: message" at run time).
  string takes = "";
  string gives = "";
  string errors = "";
  // Graphs are built by name (compiler/builder); the builders left out are half of all generated code.
  let skipDefaultBuilders = 1;
  let builders = [OpBuilder<(ins "::mlir::TypeRange":$types, "::mlir::ValueRange":$values,
                                 "::llvm::ArrayRef<::mlir::NamedAttribute>":$parameters), [{
    $_state.addTypes(types);
    $_state.addOperands(values);
    $_state.addAttributes(parameters);
  }]>];
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

// What parameters of many functions take, and the messages about them; a record may say something else.
def Nnf_SharedParameters {
  string takes = [{
    reduction: 'none', 'mean' or 'sum'
    size_average: where it or reduce is given they override reduction: False is 'sum', True or None 'mean'
    reduce: where it or size_average is given they override reduction: False is 'none', else size_average decides
    keepdim: what is reduced stays as a size of 1
  }];
  string errors = [{
    reduction: 'max', expected 'none' or 'mean' or 'sum'
    dim: dimension 2, expected -2 to 1 for rank 2
  }];
}

// What is written about functions of `spatial` dimensions after N and C.
class Nnf_Spatial<int spatial> {
  string axes = !cond(!eq(spatial, 1): "L", !eq(spatial, 2): "H, W", true: "D, H, W");
  string kernel = !cond(!eq(spatial, 1): "kw", !eq(spatial, 2): "kh, kw", true: "kd, kh, kw");
  string count = !cast<string>(spatial);
  string batchedRank = !cast<string>(!add(spatial, 2));
  string many = !if(!eq(spatial, 1), "1", "1 or " # count);
  // "[N, C, H, W] or [C, H, W]", and the message about another rank.
  string form = "[N, C, " # axes # "] or [C, " # axes # "]";
  string ranks = batchedRank # " or " # !cast<string>(!add(spatial, 1));
  string inputErrors = [{
    input: dtype int64, expected a float
    input: rank 1, expected }] # ranks # " " # form # [{
    input: size 0 at dimension 1, expected at least 1
  }];
  string windowError = [{
    input: size 2 with padding at dimension 2, expected at least 3, the window's extent
  }];
}

// ---- primitives

class Nnf_Prim<string name, list<Trait> traits = []>
    : Op<Nnf_Dialect, "prim." # name, !listconcat([Pure], traits)> {
  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
}

#endif
