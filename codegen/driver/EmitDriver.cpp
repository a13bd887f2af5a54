// @main becomes what runtime/abi.h asks of a model: a descriptor and three functions.
#include "codegen/Passes.h"
#include "codegen/driver/Arena.h"
#include "codegen/driver/Descriptor.h"
#include "codegen/driver/Launches.h"
#include "codegen/driver/SizeCode.h"
#include "runtime/abi.h"
#include <cstddef>

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_EMITDRIVER
#include "codegen/Passes.h.inc"

namespace {

constexpr StringLiteral runName = "nnf.run", arenaName = "nnf.arena_bytes", dimsName = "nnf.output_dims";
/// Defined by the object writer, which has the bytes.
constexpr StringLiteral weightsName = "nnf.weights";

std::string entryName(func::FuncOp kernel) { return kernel.getSymName().str() + ".entry"; }

/// What the functions of the driver share: small builders around LLVM's dialect.
class DriverCode {
public:
  DriverCode(ModuleOp module, const DriverPlan &plan)
      : module(module), plan(plan), b(module.getLoc(), module.getContext()),
        pointer(LLVM::LLVMPointerType::get(module.getContext())), i64(b.getI64Type()), i32(b.getI32Type()) {}

  void emitEntry(func::FuncOp kernel);
  void emitArenaBytes();
  void emitOutputDims();
  void emitRun();

private:
  ModuleOp module;
  const DriverPlan &plan;
  ImplicitLocOpBuilder b;
  Type pointer, i64, i32;

  Block *startFunction(StringRef name, ArrayRef<Type> arguments, Type result) {
    b.setInsertionPointToEnd(module.getBody());
    Type type = LLVM::LLVMFunctionType::get(result, arguments);
    auto function = LLVM::LLVMFuncOp::create(b, name, type, LLVM::Linkage::Internal);
    Block *block = function.addEntryBlock(b);
    b.setInsertionPointToStart(block);
    return block;
  }
  Value at(Value base, int64_t bytes) {
    if (bytes == 0)
      return base;
    return LLVM::GEPOp::create(b, pointer, b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)},
                               LLVM::GEPNoWrapFlags::inbounds);
  }
  Value at(Value base, Value bytes) {
    return LLVM::GEPOp::create(b, pointer, b.getI8Type(), base, ArrayRef<LLVM::GEPArg>{bytes},
                               LLVM::GEPNoWrapFlags::inbounds);
  }
  Value load(Type type, Value base, int64_t bytes) { return LLVM::LoadOp::create(b, type, at(base, bytes)); }
  Value constant32(int64_t value) { return LLVM::ConstantOp::create(b, i32, b.getI32IntegerAttr(value)); }
  /// Code for sizes, with symbols read from the array at `symbols`.
  SizeCode sizes(Value symbols, bool checked) {
    return SizeCode(
        b,
        [this, symbols](unsigned symbol) {
          std::optional<unsigned> index = plan.signature.indexOf(symbol);
          assert(index && "sizes of launches use symbols of the inputs");
          return load(i64, symbols, 8 * int64_t(*index));
        },
        checked);
  }
  Value sizeOfRegion(SizeCode &sizes, ArrayRef<Dim> candidates) {
    Value size = sizes.emit(candidates.front());
    for (Dim other : candidates.drop_front())
      size = sizes.max(size, sizes.emit(other));
    return size;
  }
  /// The data decide one of these sizes.
  static bool isDecidedByData(ArrayRef<Dim> dims) { return llvm::any_of(dims, dependsOnData); }
  llvm::SetVector<Dim> openSizes() const;
  void returnUnlessZero(Value status, Block *exit);
  struct RunState;
  void fetchOutput(unsigned index, RunState &state);
  void allocateTemporary(unsigned region, RunState &state);
  void failWhen(Value condition, int64_t check, Value value, RunState &state);
  void emitDataSize(const DataSize &size, RunState &state);
  Value addressOf(const Place &place, RunState &state);
  void emitKey(const KeyPlan &key, RunState &state);
  void emitLaunch(const LaunchPlan &launch, unsigned index, RunState &state);
};

/// void k.entry(args, first, last, scratch): unpacks the slots.
void DriverCode::emitEntry(func::FuncOp kernel) {
  Block *block =
      startFunction(entryName(kernel), {pointer, i64, i64, pointer}, LLVM::LLVMVoidType::get(b.getContext()));
  SmallVector<Value> arguments;
  ArrayRef<Type> types = kernel.getArgumentTypes();
  for (auto [slot, type] : llvm::enumerate(types.drop_back(3)))
    arguments.push_back(load(type, block->getArgument(0), 8 * int64_t(slot)));
  for (unsigned i : {1, 2, 3})
    arguments.push_back(block->getArgument(i));
  func::CallOp::create(b, kernel, arguments);
  LLVM::ReturnOp::create(b, ValueRange{});
}

/// int64_t arena_bytes(const int64_t *symbols): -1 when that is no number of bytes.
void DriverCode::emitArenaBytes() {
  Block *block = startFunction(arenaName, {pointer}, i64);
  SizeCode code = sizes(block->getArgument(0), /*checked=*/true);
  Value total = code.constant(0);
  for (ArrayRef<Dim> region : plan.arena)
    if (!isDecidedByData(region))
      total = code.add(total, sizeOfRegion(code, region));
  if (Value bad = code.overflow())
    total = LLVM::SelectOp::create(b, bad, code.constant(-1), total);
  LLVM::ReturnOp::create(b, total);
}

/// Sizes of outputs and intermediate results that may turn out negative.
llvm::SetVector<Dim> DriverCode::openSizes() const {
  llvm::SetVector<Dim> sizes;
  auto add = [&](Type type) {
    for (Dim dim : shapeOf(type))
      if (!isa<AffineSymbolExpr>(dim) && constantOf(dim).value_or(-1) < 0)
        sizes.insert(dim);
  };
  for (const TensorSignature &output : plan.signature.outputs)
    add(output.type);
  for (const LaunchPlan &launch : plan.launches)
    for (Value value : LaunchOp(launch.op).getOutputs())
      add(value.getType());
  return sizes;
}

/// int32_t output_dims(const int64_t *symbols, int64_t *dims). Looks at the sizes of intermediate results too: where
/// one of them would be negative, so would a tensor inside the run. What the graph requires of sizes comes first.
void DriverCode::emitOutputDims() {
  Block *block = startFunction(dimsName, {pointer, pointer}, i32);
  SizeCode code = sizes(block->getArgument(0), /*checked=*/true);
  int64_t slot = 0;
  for (const TensorSignature &output : plan.signature.outputs)
    for (Dim dim : shapeOf(output.type)) {
      int64_t offset = 8 * slot++;
      if (!dependsOnData(dim))
        LLVM::StoreOp::create(b, code.emit(dim), at(block->getArgument(1), offset));
    }
  for (Dim dim : openSizes())
    if (!dependsOnData(dim))
      code.requireNotNegative(code.emit(dim));
  SmallVector<const Requirement *> asked;
  for (const Requirement &require : plan.requirements)
    if (!isDecidedByData({require.value, require.tested}))
      asked.push_back(&require);
  SmallVector<std::pair<Value, Value>> requirements; // value, whether it fails
  for (const Requirement *given : asked) {
    const Requirement &require = *given;
    Value tested = code.emit(require.tested);
    Value fails = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::slt, tested, code.constant(0));
    requirements.push_back({code.emit(require.value), fails});
  }
  Value status = constant32(0);
  if (Value bad = code.overflow())
    status = LLVM::SelectOp::create(b, bad, constant32(-1), status);
  // The first requirement in program order has the word.
  Value found = code.constant(0);
  for (auto [require, pair] : llvm::reverse(llvm::zip_equal(asked, requirements))) {
    found = LLVM::SelectOp::create(b, pair.second, pair.first, found);
    status = LLVM::SelectOp::create(b, pair.second, constant32(1 + require->check), status);
  }
  if (!requirements.empty()) {
    Value address = block->getArgument(1);
    Value before = load(i64, address, 0);
    Value fails = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::sgt, status, constant32(0));
    LLVM::StoreOp::create(b, LLVM::SelectOp::create(b, fails, found, before), address);
  }
  LLVM::ReturnOp::create(b, status);
}

struct DriverCode::RunState {
  Value rt, frame, arguments;
  Value inputs, weights, arena, check, parallel, symbols;
  SizeCode sizes;
  SmallVector<Value> outputs, regions;            // null: not known yet
  Value dims;                                     // room for the sizes of an output
  SmallVector<std::pair<int64_t, Value>> decided; // sizes by the data, so far
  Block *exit;                                    // takes the status

  bool knows(ArrayRef<Dim> dims) const {
    SmallVector<int64_t> numbers;
    for (Dim dim : dims)
      collectDataSizes(dim, numbers);
    return llvm::all_of(numbers,
                        [&](int64_t number) { return llvm::is_contained(llvm::make_first_range(decided), number); });
  }
};

void DriverCode::returnUnlessZero(Value status, Block *exit) {
  Block *next = b.createBlock(exit);
  b.setInsertionPointToEnd(next->getPrevNode());
  Value failed = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne, status, constant32(0));
  LLVM::CondBrOp::create(b, failed, exit, ValueRange{status}, next, ValueRange{});
  b.setInsertionPointToStart(next);
}

/// The address of an output: the caller's, or memory the runtime gives.
void DriverCode::fetchOutput(unsigned index, RunState &state) {
  RankedTensorType type = plan.signature.outputs[index].type;
  Value given = load(pointer, load(pointer, state.frame, offsetof(nnf_frame, outputs)), 8 * int64_t(index));
  Value null = LLVM::ZeroOp::create(b, pointer);
  SmallVector<Value> extents; // before the branch: later code may use the same sizes
  for (Dim dim : shapeOf(type))
    extents.push_back(state.sizes.emit(dim));
  Block *here = b.getInsertionBlock();
  Block *allocate = b.createBlock(state.exit);
  Block *next = b.createBlock(state.exit, TypeRange{pointer}, {b.getLoc()});
  b.setInsertionPointToEnd(here);
  Value missing = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, given, null);
  LLVM::CondBrOp::create(b, missing, allocate, ValueRange{}, next, ValueRange{given});
  b.setInsertionPointToStart(allocate);
  for (auto [d, extent] : llvm::enumerate(extents))
    LLVM::StoreOp::create(b, extent, at(state.dims, 8 * int64_t(d)));
  auto callback = LLVM::LLVMFunctionType::get(pointer, {pointer, i32, pointer, i32});
  Value callee = load(pointer, state.rt, offsetof(nnf_rt, alloc_output));
  Value made = LLVM::CallOp::create(
                   b, callback, ValueRange{callee, state.rt, constant32(index), state.dims, constant32(type.getRank())})
                   .getResult();
  Value none = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, made, null);
  LLVM::CondBrOp::create(b, none, state.exit, ValueRange{constant32(NNF_ERROR_MEMORY)}, next, ValueRange{made});
  b.setInsertionPointToStart(next);
  state.outputs[index] = next->getArgument(0);
}

/// Memory for a region whose size the data have decided.
void DriverCode::allocateTemporary(unsigned region, RunState &state) {
  auto type = LLVM::LLVMFunctionType::get(pointer, {pointer, i32, i64});
  Value callee = load(pointer, state.rt, offsetof(nnf_rt, alloc_temporary));
  Value bytes = sizeOfRegion(state.sizes, plan.arena[region]);
  Value made = LLVM::CallOp::create(b, type,
                                    ValueRange{callee, state.rt,
                                               constant32(region - (plan.arena.size() - plan.numTemporaries())), bytes})
                   .getResult();
  Value none = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::eq, made, LLVM::ZeroOp::create(b, pointer));
  returnUnlessZero(LLVM::SelectOp::create(b, none, constant32(NNF_ERROR_MEMORY), constant32(NNF_OK)), state.exit);
  state.regions[region] = made;
}

void DriverCode::failWhen(Value condition, int64_t check, Value value, RunState &state) {
  Block *here = b.getInsertionBlock();
  Block *fail = b.createBlock(state.exit);
  Block *next = b.createBlock(state.exit);
  b.setInsertionPointToEnd(here);
  LLVM::CondBrOp::create(b, condition, fail, ValueRange{}, next, ValueRange{});
  b.setInsertionPointToStart(fail);
  auto type = LLVM::LLVMFunctionType::get(i32, {pointer, i32, i64, i64});
  Value callee = load(pointer, state.rt, offsetof(nnf_rt, fail));
  Value zero = LLVM::ConstantOp::create(b, i64, b.getI64IntegerAttr(0));
  Value status =
      LLVM::CallOp::create(b, type, ValueRange{callee, state.rt, constant32(check), value, zero}).getResult();
  LLVM::BrOp::create(b, ValueRange{status}, state.exit);
  b.setInsertionPointToStart(next);
}

/// Reads a size that kernels have computed, and does what has waited for it: sizes are checked, as output_dims checks
/// those known from the start, then memory is asked for.
void DriverCode::emitDataSize(const DataSize &size, RunState &state) {
  b.setLoc(size.location);
  auto isNew = [&](ArrayRef<Dim> dims) {
    if (!state.knows(dims))
      return false;
    SmallVector<int64_t> numbers;
    for (Dim dim : dims)
      collectDataSizes(dim, numbers);
    return llvm::is_contained(numbers, size.number);
  };
  auto type = LLVM::LLVMFunctionType::get(i64, {pointer, pointer});
  Value callee = load(pointer, state.rt, offsetof(nnf_rt, read_scalar));
  Value value = LLVM::CallOp::create(b, type, ValueRange{callee, state.rt, addressOf(size.place, state)}).getResult();
  state.decided.push_back({size.number, value});
  state.sizes.define(sizeOfData(b.getContext(), size.number), value);

  SizeCode checked = sizes(state.symbols, /*checked=*/true);
  for (auto [number, decided] : state.decided)
    checked.define(sizeOfData(b.getContext(), number), decided);
  checked.requireNotNegative(value);
  for (Dim dim : openSizes())
    if (isNew(dim))
      checked.requireNotNegative(checked.emit(dim));
  for (ArrayRef<Dim> region : plan.arena)
    if (isNew(region))
      sizeOfRegion(checked, region);
  failWhen(checked.overflow(), size.check, value, state);
  for (const Requirement &require : plan.requirements)
    if (isNew({require.value, require.tested})) {
      Value tested = state.sizes.emit(require.tested), named = state.sizes.emit(require.value);
      failWhen(LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::slt, tested, state.sizes.constant(0)), require.check, named,
               state);
    }
  for (unsigned region = 0; region < plan.arena.size(); ++region)
    if (isNew(plan.arena[region]))
      allocateTemporary(region, state);
  for (auto [k, output] : llvm::enumerate(plan.signature.outputs))
    if (isNew(shapeOf(output.type)))
      fetchOutput(k, state);
}

Value DriverCode::addressOf(const Place &place, RunState &state) {
  Value base;
  switch (place.kind) {
  case Place::Input: base = load(pointer, state.inputs, 8 * place.index); break;
  case Place::Output: base = state.outputs[place.index]; break;
  case Place::Weight: base = state.weights; break;
  case Place::Arena: base = state.regions[place.index]; break;
  }
  return isConstant(place.offset, 0) ? base : at(base, state.sizes.emit(place.offset));
}

/// Seed, run, number of the node.
void DriverCode::emitKey(const KeyPlan &key, RunState &state) {
  Value address = addressOf(key.place, state);
  LLVM::StoreOp::create(b, load(i64, state.frame, offsetof(nnf_frame, seed)), address);
  LLVM::StoreOp::create(b, load(i64, state.frame, offsetof(nnf_frame, run)), at(address, 8));
  LLVM::StoreOp::create(b, state.sizes.constant(key.number), at(address, 16));
}

void DriverCode::emitLaunch(const LaunchPlan &launch, unsigned index, RunState &state) {
  LaunchOp op = launch.op;
  b.setLoc(op.getLoc());
  SizeCode &sizes = state.sizes;
  int64_t slot = 0;
  auto put = [&](Value value) { LLVM::StoreOp::create(b, value, at(state.arguments, 8 * slot++)); };
  for (const Place &place : launch.addresses)
    put(addressOf(place, state));
  for (Dim size : launch.symbols)
    put(sizes.emit(size));
  if (launch.hasChecks()) {
    put(state.check);
    put(sizes.constant(launch.firstCheck));
  }
  func::FuncOp kernel = plan.kernels[launch.kernel];
  auto scratch = kernel->getAttrOfType<IntegerAttr>("nnf.scratch");
  Value entry = LLVM::AddressOfOp::create(b, pointer, entryName(kernel));
  auto type = LLVM::LLVMFunctionType::get(i32, {pointer, i32, pointer, i64, i64, pointer});
  Value status =
      LLVM::CallOp::create(b, type,
                           ValueRange{state.parallel, state.rt, constant32(index), entry, sizes.emit(launch.tasks),
                                      sizes.constant(scratch ? scratch.getInt() : 0), state.arguments})
          .getResult();
  returnUnlessZero(status, state.exit);
  if (!launch.hasChecks())
    return;
  // What follows a failed check would run on clamped data: stop. The runtime has the check's number.
  Value order = load(i64, state.check, offsetof(nnf_check_state, order));
  Value failed = LLVM::ICmpOp::create(b, LLVM::ICmpPredicate::ne, order, sizes.constant(-1));
  returnUnlessZero(LLVM::SelectOp::create(b, failed, constant32(NNF_ERROR_DATA), constant32(NNF_OK)), state.exit);
}

/// int32_t run(const nnf_rt *rt, nnf_frame *frame)
void DriverCode::emitRun() {
  Block *entry = startFunction(runName, {pointer, pointer}, i32);
  Block *exit = b.createBlock(entry->getParent(), {}, TypeRange{i32}, {b.getLoc()});
  LLVM::ReturnOp::create(b, exit->getArgument(0));
  b.setInsertionPointToStart(entry);
  Value rt = entry->getArgument(0), frame = entry->getArgument(1);
  unsigned slots = 1;
  for (const LaunchPlan &launch : plan.launches)
    slots = std::max(slots, launch.numSlots());
  Value symbols = load(pointer, frame, offsetof(nnf_frame, symbols));
  RunState state{
      rt,
      frame,
      LLVM::AllocaOp::create(b, pointer, i64, LLVM::ConstantOp::create(b, i64, b.getI64IntegerAttr(slots)), 8),
      load(pointer, frame, offsetof(nnf_frame, inputs)),
      load(pointer, frame, offsetof(nnf_frame, weights)),
      load(pointer, frame, offsetof(nnf_frame, arena)),
      load(pointer, frame, offsetof(nnf_frame, check)),
      load(pointer, rt, offsetof(nnf_rt, parallel)),
      symbols,
      sizes(symbols, /*checked=*/false),
      SmallVector<Value>(plan.signature.outputs.size()),
      SmallVector<Value>(plan.arena.size()),
      {},
      {},
      exit};
  size_t widest = 1;
  for (const TensorSignature &output : plan.signature.outputs)
    widest = std::max<size_t>(widest, output.type.getRank());
  state.dims = LLVM::AllocaOp::create(b, pointer, i64, state.sizes.constant(widest), 8);
  for (auto [k, output] : llvm::enumerate(plan.signature.outputs))
    if (state.knows(shapeOf(output.type)))
      fetchOutput(k, state);
  Value base = state.arena;
  for (unsigned i = 0, count = plan.arena.size() - plan.numTemporaries(); i < count; ++i) {
    state.regions[i] = base;
    if (i + 1 < count)
      base = at(base, sizeOfRegion(state.sizes, plan.arena[i]));
  }
  for (const KeyPlan &key : plan.keys)
    emitKey(key, state);
  ArrayRef<DataSize> waiting = plan.dataSizes;
  for (unsigned index = 0; index <= plan.launches.size(); ++index) {
    for (; !waiting.empty() && waiting.front().launches == index; waiting = waiting.drop_front())
      emitDataSize(waiting.front(), state);
    if (index < plan.launches.size())
      emitLaunch(plan.launches[index], index, state);
  }
  b.setLoc(module.getLoc());
  LLVM::BrOp::create(b, ValueRange{constant32(NNF_OK)}, exit);
}

// ---- the descriptor

/// Sizes as the descriptor has them: fixed, a symbol, or left to output_dims.
SmallVector<int64_t> abiDims(const Signature &signature, RankedTensorType type) {
  SmallVector<int64_t> dims;
  for (Dim dim : shapeOf(type)) {
    if (std::optional<int64_t> size = constantOf(dim))
      dims.push_back(*size);
    else if (auto symbol = dyn_cast<AffineSymbolExpr>(dim); symbol && !derivationOf(dim))
      dims.push_back(-1 - int64_t(*signature.indexOf(symbol.getPosition())));
    else
      dims.push_back(NNF_DIM_COMPUTED);
  }
  return dims;
}

class DescriptorCode {
public:
  DescriptorCode(ModuleOp module, const DriverPlan &plan) : module(module), plan(plan), constants(module) {}

  LogicalResult emit() {
    std::string inputs = tensors("nnf.inputs", plan.signature.inputs, /*areInputs=*/true);
    std::string outputs = tensors("nnf.outputs", plan.signature.outputs, /*areInputs=*/false);
    std::string symbolTable = symbols(), kernelTable = kernels(), launchTable = launches(), checkTable = checks();
    uint64_t weightsBytes = number("nnf.weights_bytes");
    std::string file = text("nnf.weights_file", "");
    bool embedded = weightsBytes > 0 && file.empty();
    if (embedded)
      declareWeights();
    std::string name = text("nnf.name", "model");
    Record model(sizeof(nnf_model));
    model.i32(offsetof(nnf_model, abi_major), NNF_ABI_MAJOR)
        .i32(offsetof(nnf_model, abi_minor), NNF_ABI_MINOR)
        .i32(offsetof(nnf_model, struct_size), sizeof(nnf_model))
        .i32(offsetof(nnf_model, flags), 0)
        .address(offsetof(nnf_model, name), constants.text(name))
        .address(offsetof(nnf_model, target), constants.text(text("nnf.target", "")))
        .address(offsetof(nnf_model, producer), constants.text(text("nnf.producer", "nnfc")))
        .i64(offsetof(nnf_model, content_hash), number("nnf.content_hash"))
        .i32(offsetof(nnf_model, num_inputs), plan.signature.inputs.size())
        .i32(offsetof(nnf_model, num_outputs), plan.signature.outputs.size())
        .i32(offsetof(nnf_model, num_symbols), plan.signature.symbols.size())
        .i32(offsetof(nnf_model, num_kernels), plan.kernels.size())
        .i32(offsetof(nnf_model, num_launches), plan.launches.size())
        .i32(offsetof(nnf_model, num_checks), plan.checks.size())
        .address(offsetof(nnf_model, inputs), inputs)
        .address(offsetof(nnf_model, outputs), outputs)
        .address(offsetof(nnf_model, symbols), symbolTable)
        .address(offsetof(nnf_model, kernels), kernelTable)
        .address(offsetof(nnf_model, launches), launchTable)
        .address(offsetof(nnf_model, checks), checkTable)
        .address(offsetof(nnf_model, weights), embedded ? weightsName.str() : "")
        .i64(offsetof(nnf_model, weights_bytes), weightsBytes)
        .i64(offsetof(nnf_model, weights_hash), number("nnf.weights_hash"))
        .address(offsetof(nnf_model, weights_file), weightsBytes && !file.empty() ? constants.text(file) : "")
        .i64(offsetof(nnf_model, cpu_features), number("nnf.cpu_features"))
        .address(offsetof(nnf_model, arena_bytes), arenaName)
        .address(offsetof(nnf_model, output_dims), dimsName)
        .address(offsetof(nnf_model, run), runName)
        .i32(offsetof(nnf_model, num_temporaries), plan.numTemporaries())
        .i32(offsetof(nnf_model, reserved), 0);
    constants.exported("nnf_model_" + name, model);
    return success();
  }

private:
  ModuleOp module;
  const DriverPlan &plan;
  Constants constants;

  uint64_t number(StringRef attribute) {
    auto value = module->getAttrOfType<IntegerAttr>(attribute);
    return value ? value.getValue().getZExtValue() : 0;
  }
  std::string text(StringRef attribute, StringRef otherwise) {
    auto value = module->getAttrOfType<StringAttr>(attribute);
    return value ? value.str() : otherwise.str();
  }
  void declareWeights() {
    OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
    auto weights = LLVM::GlobalOp::create(b, module.getLoc(), LLVM::LLVMArrayType::get(b.getI8Type(), 0),
                                          /*isConstant=*/true, LLVM::Linkage::External, weightsName, Attribute(),
                                          /*alignment=*/arenaAlignment);
    weights.setVisibility_(LLVM::Visibility::Hidden);
    weights.setDsoLocal(true);
  }

  std::string tensors(StringRef table, ArrayRef<TensorSignature> tensors, bool areInputs) {
    SmallVector<Record> rows;
    for (const TensorSignature &tensor : tensors) {
      bool isDataDependent = llvm::any_of(shapeOf(tensor.type), dependsOnData);
      Record row(sizeof(nnf_tensor_info));
      row.address(offsetof(nnf_tensor_info, name), constants.text(tensor.name))
          .i32(offsetof(nnf_tensor_info, dtype), abiDType(tensor.type.getElementType()))
          .i32(offsetof(nnf_tensor_info, rank), tensor.type.getRank())
          .address(offsetof(nnf_tensor_info, dims), constants.list(abiDims(plan.signature, tensor.type)))
          .i32(offsetof(nnf_tensor_info, flags), (areInputs && tensor.tied >= 0 ? NNF_TENSOR_INOUT : 0) |
                                                     (isDataDependent ? NNF_TENSOR_DATA_DEPENDENT : 0))
          .i32(offsetof(nnf_tensor_info, tied), tensor.tied);
      rows.push_back(row);
    }
    return constants.table(table, rows);
  }
  std::string symbols() {
    SmallVector<Record> rows;
    auto &dialect = *module.getContext()->getLoadedDialect<NnfDialect>();
    for (unsigned symbol : plan.signature.symbols) {
      Record row(sizeof(nnf_symbol_info));
      row.address(offsetof(nnf_symbol_info, name), constants.text(dialect.symbolName(symbol)))
          .i64(offsetof(nnf_symbol_info, min), 0)
          .i64(offsetof(nnf_symbol_info, max), INT64_MAX)
          .i64(offsetof(nnf_symbol_info, multiple_of), 1);
      rows.push_back(row);
    }
    return constants.table("nnf.symbols", rows);
  }
  std::string kernels() {
    SmallVector<Record> rows;
    for (func::FuncOp kernel : plan.kernels) {
      auto title = kernel->getAttrOfType<StringAttr>("nnf.title");
      auto scratch = kernel->getAttrOfType<IntegerAttr>("nnf.scratch");
      Record row(sizeof(nnf_kernel_info));
      row.address(offsetof(nnf_kernel_info, name), constants.text(title ? title.getValue() : kernel.getSymName()))
          .address(offsetof(nnf_kernel_info, function), entryName(kernel))
          .i64(offsetof(nnf_kernel_info, scratch_bytes), scratch ? scratch.getInt() : 0);
      rows.push_back(row);
    }
    return constants.table("nnf.kernels", rows);
  }
  std::string launches() {
    SmallVector<Record> rows;
    for (const LaunchPlan &launch : plan.launches) {
      func::FuncOp kernel = plan.kernels[launch.kernel];
      LaunchOp op = launch.op;
      auto known = [&](StringRef name) -> int64_t {
        auto value = kernel->getAttrOfType<IntegerAttr>(name);
        return value ? value.getInt() : -1;
      };
      Record row(sizeof(nnf_launch_info));
      row.i32(offsetof(nnf_launch_info, kernel), launch.kernel)
          .i32(offsetof(nnf_launch_info, reserved), 0)
          .address(offsetof(nnf_launch_info, node), constants.text(nodeName(op.getLoc())))
          .i64(offsetof(nnf_launch_info, flops), known("nnf.flops"))
          .i64(offsetof(nnf_launch_info, bytes), known("nnf.bytes"));
      rows.push_back(row);
    }
    return constants.table("nnf.launches", rows);
  }
  std::string checks() {
    SmallVector<Record> rows;
    for (const std::string &message : plan.checks)
      rows.push_back(
          Record(sizeof(nnf_check_info)).address(offsetof(nnf_check_info, message), constants.text(message)));
    return constants.table("nnf.checks", rows);
  }
};

struct EmitDriver : impl::EmitDriverBase<EmitDriver> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<DriverPlan> plan = readDriverPlan(module);
    if (failed(plan))
      return signalPassFailure();
    DriverCode code(module, *plan);
    for (auto [index, kernel] : llvm::enumerate(plan->kernels)) {
      kernel->setAttr("nnf.index", Builder(module.getContext()).getI64IntegerAttr(index)); // in the descriptor
      hideKernel(kernel);
      code.emitEntry(kernel);
    }
    code.emitArenaBytes();
    code.emitOutputDims();
    code.emitRun();
    if (failed(DescriptorCode(module, *plan).emit()))
      return signalPassFailure();
    module.lookupSymbol("main")->erase();
    for (auto kernel : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (kernel->hasAttr("nnf.kernel") && !llvm::is_contained(plan->kernels, kernel))
        kernel.erase(); // nobody launches it
  }

  /// Internal, and kept apart from its entry: the arguments' noalias is worth more than the call.
  static void hideKernel(func::FuncOp kernel) {
    MLIRContext *context = kernel.getContext();
    kernel->setAttr("llvm.linkage", LLVM::LinkageAttr::get(context, LLVM::Linkage::Internal));
    kernel->setAttr("no_inline", UnitAttr::get(context));
  }
};

} // namespace
} // namespace nnf
