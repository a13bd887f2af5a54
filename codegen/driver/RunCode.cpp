// The run itself: launches in order, sizes that the data decide, loops and branches.
#include "codegen/driver/DriverCode.h"
#include "passes/math/Philox.h"
#include "runtime/abi.h"
#include "llvm/ADT/SetVector.h"
#include <cstddef>

using namespace mlir;
namespace nnf {
namespace {

using Predicate = LLVM::ICmpPredicate;

struct DriverDialect {
  using And = LLVM::AndOp;
  using Shift = LLVM::LShrOp;
  using Mul = LLVM::MulOp;
  using Xor = LLVM::XOrOp;
  using Add = LLVM::AddOp;
  OpBuilder &b;

  Value constant(uint64_t value) {
    return LLVM::ConstantOp::create(b, b.getUnknownLoc(), b.getI64Type(),
                                    b.getI64IntegerAttr(static_cast<int64_t>(value)));
  }
};

/// A function while it is emitted. Bodies are emitted where they run, with a copy of the sizes known there: what is
/// emitted inside does not reach what comes after.
struct Frame {
  const BlockPlan &plan;
  int64_t check; // for sizes that come out negative or too large; -1: the runtime has looked
  SizeCode sizes;
  SmallVector<std::pair<int64_t, Value>> decided; // sizes by the data, so far
  SmallVector<Value> inputs, outputs, regions;    // addresses; null: not known yet
  SmallVector<Value> pointers;
  SmallVector<Value> loopSteps; // of the loops around, outermost first
  Value turn;                   // of a step: 0 or 1 (i32), which of two temporaries is written

  Frame(const BlockPlan &plan, int64_t check, SizeCode sizes)
      : plan(plan), check(check), sizes(std::move(sizes)), regions(plan.regions.size()), pointers(plan.numPointers) {}

  bool knows(ArrayRef<Dim> dims) const {
    SmallVector<int64_t> numbers;
    for (Dim dim : dims)
      collectDataSizes(dim, numbers);
    return llvm::all_of(numbers,
                        [&](int64_t number) { return llvm::is_contained(llvm::make_first_range(decided), number); });
  }
};

/// What a body is given by the step it runs in; a branch: nothing.
struct StepState {
  Value number; // of the step
  ArrayRef<std::pair<int64_t, Value>> sizes;
};

class RunCode : public DriverCode {
public:
  using DriverCode::DriverCode;
  void emit();

private:
  Value rt, frameAddress, arguments, weights, arena, checkState, parallel, symbols;
  Value dims;  // room for the sizes of an output
  Value words; // room for what is written for kernels; null: their memory is the driver's too
  Block *exit; // takes the status

  /// Calls rt->callback(rt, arguments...); `offset` is the callback's in nnf_rt.
  Value callback(size_t offset, Type result, ArrayRef<Value> given) {
    SmallVector<Type> types{pointer};
    SmallVector<Value> operands{load(pointer, rt, offset), rt};
    for (Value value : given) {
      types.push_back(value.getType());
      operands.push_back(value);
    }
    return LLVM::CallOp::create(b, LLVM::LLVMFunctionType::get(result, types), operands).getResult();
  }
  Value constant64(int64_t value) { return LLVM::ConstantOp::create(b, i64, b.getI64IntegerAttr(value)); }
  /// A new block before the exit, with these arguments; emission goes on where it was.
  Block *newBlock(ArrayRef<Type> types = {}) {
    OpBuilder::InsertionGuard guard(b);
    return b.createBlock(exit, types, SmallVector<Location>(types.size(), b.getLoc()));
  }
  void branch(Value condition, Block *yes, ValueRange given, Block *no) {
    LLVM::CondBrOp::create(b, condition, yes, given, no, ValueRange{});
  }
  void exitUnlessZero(Value status) {
    Block *next = newBlock();
    branch(compare(Predicate::ne, status, constant32(0)), exit, status, next);
    b.setInsertionPointToStart(next);
  }
  void exitIfNull(Value made) {
    Block *next = newBlock();
    branch(compare(Predicate::eq, made, LLVM::ZeroOp::create(b, pointer)), exit, constant32(NNF_ERROR_MEMORY), next);
    b.setInsertionPointToStart(next);
  }
  void failWhen(Value condition, int64_t check, Value value);

  Value addressOf(const Place &place, Frame &frame);
  SmallVector<Value> addressesOf(ArrayRef<Place> places, Frame &frame) {
    return llvm::map_to_vector(places, [&](const Place &place) { return addressOf(place, frame); });
  }
  Value readScalar(Value address) { return callback(offsetof(nnf_rt, read_scalar), i64, {address}); }
  void writeForKernels(ArrayRef<Value> words, Value address);
  static Dim bytesOf(ArrayRef<Dim> shape, Type element) {
    return simplify(productOf(element.getContext(), shape) * elementBytes(element));
  }
  static Dim bytesOf(RankedTensorType type) { return bytesOf(shapeOf(type), type.getElementType()); }

  void fetchOutput(unsigned index, Frame &frame);
  void findMemory(Frame &frame, llvm::function_ref<bool(ArrayRef<Dim>)> isNew);
  void checkSizes(Frame &frame, llvm::function_ref<bool(ArrayRef<Dim>)> isNew);
  void decide(int64_t number, Value value, int64_t check, Frame &frame);
  void emitSteps(Frame &frame);
  void emitKey(const KeyPlan &key, Frame &frame);
  void emitLaunch(unsigned index, Frame &frame);
  Frame enter(const BlockPlan &body, const Place &fixed, int64_t check, Frame &outer, StepState step = {});
  void emitLoop(const LoopPlan &loop, Frame &frame);
  void emitIf(const IfPlan &plan, Frame &frame);
};

void RunCode::failWhen(Value condition, int64_t check, Value value) {
  Block *fail = newBlock(), *next = newBlock();
  branch(condition, fail, {}, next);
  b.setInsertionPointToStart(fail);
  Value status = callback(offsetof(nnf_rt, fail), i32, {constant32(check), value, constant64(0)});
  LLVM::BrOp::create(b, ValueRange{status}, exit);
  b.setInsertionPointToStart(next);
}

// ---- memory

Value RunCode::addressOf(const Place &place, Frame &frame) {
  Value base;
  switch (place.kind) {
  case Place::Input: base = frame.inputs[place.index]; break;
  case Place::Output: base = frame.outputs[place.index]; break;
  case Place::Weight: base = weights; break;
  case Place::Region: base = frame.regions[place.index]; break;
  case Place::Pointer: base = frame.pointers[place.index]; break;
  }
  return isConstant(place.offset, 0) ? base : at(base, frame.sizes.emit(place.offset));
}

/// The address of an output of the model: the caller's, or memory the runtime gives.
void RunCode::fetchOutput(unsigned index, Frame &frame) {
  RankedTensorType type = plan.signature.outputs[index].type;
  Value given = load(pointer, load(pointer, frameAddress, offsetof(nnf_frame, outputs)), 8 * int64_t(index));
  SmallVector<Value> extents; // before the branch: later code may use the same sizes
  for (Dim dim : shapeOf(type))
    extents.push_back(frame.sizes.emit(dim));
  Block *allocate = newBlock(), *next = newBlock(pointer);
  Value isMissing = compare(Predicate::eq, given, LLVM::ZeroOp::create(b, pointer));
  LLVM::CondBrOp::create(b, isMissing, allocate, ValueRange{}, next, ValueRange{given});
  b.setInsertionPointToStart(allocate);
  for (auto [d, extent] : llvm::enumerate(extents))
    store(extent, dims, 8 * int64_t(d));
  Value made = callback(offsetof(nnf_rt, alloc_output), pointer, {constant32(index), dims, constant32(type.getRank())});
  exitIfNull(made);
  LLVM::BrOp::create(b, ValueRange{made}, next);
  b.setInsertionPointToStart(next);
  frame.outputs[index] = next->getArgument(0);
}

/// Memory that has waited for sizes which are new.
void RunCode::findMemory(Frame &frame, llvm::function_ref<bool(ArrayRef<Dim>)> isNew) {
  auto allocate = [&](Value temporary, Value bytes) {
    Value made = callback(offsetof(nnf_rt, alloc_temporary), pointer, {temporary, bytes});
    exitIfNull(made);
    return made;
  };
  for (auto [i, region] : llvm::enumerate(frame.plan.regions))
    if (region.temporary && isNew(region.sizes))
      frame.regions[i] = allocate(constant32(*region.temporary), sizeOfRegion(frame.sizes, region.sizes));
  if (&frame.plan == &plan.main) {
    for (auto [k, output] : llvm::enumerate(plan.signature.outputs))
      if (isNew(shapeOf(output.type)))
        fetchOutput(k, frame);
    return;
  }
  for (auto [k, temporary] : llvm::enumerate(frame.plan.temporaries)) {
    auto type = cast<RankedTensorType>(func::FuncOp(frame.plan.function).getResultTypes()[k]);
    if (!temporary || !isNew(shapeOf(type)))
      continue;
    Value which = constant32(*temporary);
    if (frame.turn)
      which = LLVM::AddOp::create(b, which, frame.turn);
    frame.outputs[k] = allocate(which, frame.sizes.emit(bytesOf(type)));
  }
}

/// Integers that kernels read. Those of a GPU have memory of their own.
void RunCode::writeForKernels(ArrayRef<Value> values, Value address) {
  for (auto [i, value] : llvm::enumerate(values))
    store(value, words ? words : address, 8 * int64_t(i));
  if (words)
    exitUnlessZero(
        callback(offsetof(nnf_rt, write), i32, {address, words, constant64(8 * static_cast<int64_t>(values.size()))}));
}

// ---- sizes

/// What output_dims looks at before a run, for sizes that are known now.
void RunCode::checkSizes(Frame &frame, llvm::function_ref<bool(ArrayRef<Dim>)> isNew) {
  SizeCode checked = sizes(symbols, /*checked=*/true);
  for (auto [number, value] : frame.decided)
    checked.define(sizeOfData(b.getContext(), number), value);
  if (!frame.decided.empty())
    checked.requireNotNegative(frame.decided.back().second);
  for (Dim dim : openSizes(frame.plan))
    if (isNew(dim))
      checked.requireNotNegative(checked.emit(dim));
  for (const BlockPlan::MemoryRegion &region : frame.plan.regions)
    if (region.temporary && isNew(region.sizes))
      sizeOfRegion(checked, region.sizes);
  for (auto [k, temporary] : llvm::enumerate(frame.plan.temporaries)) {
    auto type = cast<RankedTensorType>(func::FuncOp(frame.plan.function).getResultTypes()[k]);
    if (temporary && isNew(shapeOf(type)))
      checked.emit(bytesOf(type));
  }
  if (Value bad = checked.overflow())
    failWhen(bad, frame.check, frame.decided.empty() ? constant64(-1) : frame.decided.back().second);
  for (const Requirement &require : frame.plan.requirements)
    if (isNew({require.value, require.tested})) {
      Value tested = frame.sizes.emit(require.tested), named = frame.sizes.emit(require.value);
      failWhen(compare(Predicate::slt, tested, frame.sizes.constant(0)), require.check, named);
    }
}

/// The data have decided a size: what has waited for it is looked at and gets its memory.
void RunCode::decide(int64_t number, Value value, int64_t check, Frame &frame) {
  frame.decided.push_back({number, value});
  frame.sizes.define(sizeOfData(b.getContext(), number), value);
  frame.check = check;
  auto isNew = [&](ArrayRef<Dim> dims) {
    SmallVector<int64_t> numbers;
    for (Dim dim : dims)
      collectDataSizes(dim, numbers);
    return llvm::is_contained(numbers, number) && frame.knows(dims);
  };
  checkSizes(frame, isNew);
  findMemory(frame, isNew);
}

// ---- steps

/// Seed, run, number of the node. Each step of a loop has a seed of its own, drawn from the one around it.
void RunCode::emitKey(const KeyPlan &key, Frame &frame) {
  Value address = addressOf(key.place, frame), seed = load(i64, frameAddress, offsetof(nnf_frame, seed)),
        run = load(i64, frameAddress, offsetof(nnf_frame, run)), number = constant64(key.number);
  Philox philox(b, b.getLoc(), DriverDialect{b});
  for (Value step : frame.loopSteps) {
    auto words = philox.block({philox.low(step), philox.high(step), philox.low(number), philox.low(run)}, seed);
    seed = LLVM::OrOp::create(b, words[0], LLVM::ShlOp::create(b, words[1], constant64(32)));
  }
  writeForKernels({seed, run, number}, address);
}

void RunCode::emitLaunch(unsigned index, Frame &frame) {
  const LaunchPlan &launch = plan.launches[index];
  LaunchOp op = launch.op;
  b.setLoc(op.getLoc());
  SizeCode &sizes = frame.sizes;
  int64_t slot = 0;
  auto put = [&](Value value) { store(value, arguments, 8 * slot++); };
  SmallVector<Value> given;
  for (const Place &place : launch.addresses)
    given.push_back(addressOf(place, frame));
  for (Dim size : launch.symbols)
    given.push_back(sizes.emit(size));
  if (launch.order.empty())
    llvm::for_each(given, put);
  for (int64_t each : launch.order)
    put(given[each]);
  if (launch.hasChecks()) {
    put(checkState);
    put(sizes.constant(launch.firstCheck));
  }
  func::FuncOp kernel = plan.kernels[launch.kernel];
  auto scratch = kernel->getAttrOfType<IntegerAttr>("nnf.scratch");
  Value entry = LLVM::AddressOfOp::create(b, pointer, entryName(kernel));
  auto type = LLVM::LLVMFunctionType::get(i32, {pointer, i32, pointer, i64, i64, pointer});
  Value status = LLVM::CallOp::create(b, type,
                                      ValueRange{parallel, rt, constant32(index), entry, sizes.emit(launch.tasks),
                                                 sizes.constant(scratch ? scratch.getInt() : 0), arguments})
                     .getResult();
  exitUnlessZero(status);
  if (!launch.hasChecks())
    return;
  // What follows a failed check would run on clamped data: stop. The runtime has the check's number.
  Value order = load(i64, checkState, offsetof(nnf_check_state, order));
  Value failed = compare(Predicate::ne, order, sizes.constant(-1));
  exitUnlessZero(LLVM::SelectOp::create(b, failed, constant32(NNF_ERROR_DATA), constant32(NNF_OK)));
}

void RunCode::emitSteps(Frame &frame) {
  for (const KeyPlan &key : frame.plan.keys)
    emitKey(key, frame);
  for (const Step &step : frame.plan.steps)
    if (auto *launch = std::get_if<unsigned>(&step)) {
      emitLaunch(*launch, frame);
    } else if (auto *size = std::get_if<DataSize>(&step)) {
      b.setLoc(size->location);
      decide(size->number, readScalar(addressOf(size->place, frame)), size->check, frame);
    } else if (auto *loop = std::get_if<LoopPlan>(&step)) {
      emitLoop(*loop, frame);
    } else {
      emitIf(std::get<IfPlan>(step), frame);
    }
}

// ---- loops and branches

/// A frame for a body, with the memory whose size is known before it runs.
Frame RunCode::enter(const BlockPlan &body, const Place &fixed, int64_t check, Frame &outer, StepState step) {
  Frame frame(body, check, outer.sizes);
  frame.decided = outer.decided;
  frame.loopSteps = outer.loopSteps;
  if (step.number) {
    frame.loopSteps.push_back(step.number);
    frame.turn = LLVM::TruncOp::create(b, i32, LLVM::AndOp::create(b, step.number, constant64(1)));
  }
  for (auto [number, value] : step.sizes) {
    frame.decided.push_back({number, value});
    frame.sizes.define(sizeOfData(b.getContext(), number), value);
  }
  frame.outputs.resize(func::FuncOp(body.function).getNumResults());
  for (auto [i, region] : llvm::enumerate(body.regions))
    if (!region.temporary)
      frame.regions[i] = addressOf(fixed, outer);
  auto isKnown = [&](ArrayRef<Dim> dims) { return frame.knows(dims); };
  checkSizes(frame, isKnown);
  findMemory(frame, isKnown);
  return frame;
}

void RunCode::emitLoop(const LoopPlan &loop, Frame &frame) {
  LoopOp op = loop.op;
  b.setLoc(op.getLoc());
  Value trips;
  if (!op.getTrips().getDims().empty())
    trips = frame.sizes.emit(op.getTrips().getDims().front());
  Value step = addressOf(loop.step, frame);
  SmallVector<Value> captures = addressesOf(loop.captures, frame), stacked = addressesOf(loop.stacked, frame);
  SmallVector<Value> sliceBytes;
  for (Value value : op.stacked())
    sliceBytes.push_back(frame.sizes.emit(
        bytesOf(ArrayRef(shapeOf(value)).drop_front(), cast<RankedTensorType>(value.getType()).getElementType())));
  auto grown = [&](unsigned temporary, Value used, Value bytes) {
    Value made = callback(offsetof(nnf_rt, grow_temporary), pointer, {constant32(temporary), used, bytes});
    exitIfNull(made);
    return made;
  };

  // Before a step: its number, where each carried tensor is, where those of one size go and where they go after that,
  // what grows, and the sizes that differ from step to step.
  size_t carried = op.numCarried();
  SmallVector<unsigned> fixed; // carried tensors that keep their size
  for (unsigned i = 0; i < carried; ++i)
    if (loop.turns[i])
      fixed.push_back(i);
  SmallVector<std::pair<unsigned, unsigned>> open; // dimensions of carried tensors
  for (unsigned i = 0; i < carried; ++i)
    for (auto [d, size] : llvm::enumerate(op.openSizes(i)))
      if (size >= 0)
        open.push_back({i, d});
  SmallVector<Value> before{constant64(0)};
  llvm::append_range(before, addressesOf(loop.inits, frame));
  for (unsigned i : fixed)
    before.push_back(addressOf(loop.turns[i]->first, frame));
  for (unsigned i : fixed)
    before.push_back(addressOf(loop.turns[i]->second, frame));
  for (unsigned temporary : loop.growing)
    before.push_back(grown(temporary, constant64(0), constant64(0)));
  for (auto [i, d] : open)
    before.push_back(frame.sizes.emit(shapeOf(op.getInits()[i])[d]));
  SmallVector<Type> types(ValueRange(before).getTypes());
  Block *header = newBlock(types), *body = newBlock(), *done = newBlock();
  LLVM::BrOp::create(b, before, header);

  b.setInsertionPointToStart(header);
  Value number = header->getArgument(0);
  size_t taken = 1;
  auto take = [&](size_t count) {
    ValueRange all = header->getArguments();
    SmallVector<Value> values(all.slice(taken, count));
    taken += count;
    return values;
  };
  SmallVector<Value> now = take(carried), next = take(fixed.size()), after = take(fixed.size()),
                     growing = take(loop.growing.size()), sizes = take(open.size());
  SmallVector<std::pair<int64_t, Value>> openSizes;
  for (auto [at, size] : llvm::zip(open, sizes))
    openSizes.push_back({op.openSizes(at.first)[at.second], size});
  Value goesOn;
  auto require = [&](Value condition) {
    goesOn = goesOn ? Value(LLVM::AndOp::create(b, goesOn, condition)) : condition;
  };
  if (trips)
    require(compare(Predicate::slt, number, trips));
  if (op.getNumber()) {
    // It may go on for long without a launch, which would look.
    Value cancelled = callback(offsetof(nnf_rt, cancelled), i32, {});
    exitUnlessZero(LLVM::SelectOp::create(b, compare(Predicate::ne, cancelled, constant32(0)),
                                          constant32(NNF_CANCELLED), constant32(NNF_OK)));
    require(compare(Predicate::ne, readScalar(now.front()), constant64(0)));
  }
  branch(goesOn, body, {}, done);

  b.setInsertionPointToStart(body);
  writeForKernels(number, step);
  Frame inner = enter(*loop.body, loop.fixed, loop.check, frame, {number, openSizes});
  inner.inputs.push_back(step);
  llvm::append_range(inner.inputs, now);
  llvm::append_range(inner.inputs, captures);
  for (auto [i, address] : llvm::zip(fixed, next))
    inner.outputs[i] = address;
  Value following = LLVM::AddOp::create(b, number, constant64(1));
  SmallVector<Value> grownTo;
  for (auto [i, bytes] : llvm::enumerate(sliceBytes)) {
    Value used = LLVM::MulOp::create(b, number, bytes);
    if (!growing.empty())
      grownTo.push_back(grown(loop.growing[i], used, LLVM::MulOp::create(b, following, bytes)));
    inner.outputs[carried + i] = at(growing.empty() ? stacked[i] : grownTo[i], used);
  }
  emitSteps(inner);
  b.setLoc(op.getLoc());
  SmallVector<Value> again{following};
  llvm::append_range(again, ArrayRef(inner.outputs).take_front(carried));
  llvm::append_range(again, after);
  llvm::append_range(again, next);
  llvm::append_range(again, grownTo);
  for (auto [i, d] : open)
    again.push_back(inner.sizes.emit(shapeOf(func::FuncOp(loop.body->function).getResultTypes()[i])[d]));
  LLVM::BrOp::create(b, again, header);

  b.setInsertionPointToStart(done);
  for (auto [i, address] : llvm::enumerate(now))
    frame.pointers[loop.firstPointer + i] = address;
  for (auto [i, address] : llvm::enumerate(growing))
    frame.pointers[loop.firstPointer + carried + i] = address;
  for (auto [size, value] : openSizes)
    decide(size, value, loop.check, frame);
  if (op.getNumber())
    decide(*op.getNumber(), number, loop.check, frame);
}

void RunCode::emitIf(const IfPlan &plan, Frame &frame) {
  IfOp op = plan.op;
  b.setLoc(op.getLoc());
  SmallVector<Value> captures = addressesOf(plan.captures, frame), results;
  SmallVector<Type> types; // of what a branch hands on: pointers, then sizes
  for (const std::optional<Place> &place : plan.results) {
    results.push_back(place ? addressOf(*place, frame) : Value());
    if (!place)
      types.push_back(pointer);
  }
  size_t numPointers = types.size();
  SmallVector<int64_t> numbers;
  llvm::copy_if(op.getSizes(), std::back_inserter(numbers), [](int64_t number) { return number >= 0; });
  types.append(numbers.size(), i64);
  Block *blocks[] = {newBlock(), newBlock()}, *join = newBlock(types);
  branch(compare(Predicate::ne, readScalar(addressOf(plan.condition, frame)), constant64(0)), blocks[0], {}, blocks[1]);
  for (auto [block, branch] : llvm::zip(blocks, plan.branches)) {
    b.setInsertionPointToStart(block);
    Frame inner = enter(*branch.body, branch.fixed, plan.check, frame);
    inner.inputs = captures;
    for (auto [i, address] : llvm::enumerate(results))
      if (address)
        inner.outputs[i] = address;
    emitSteps(inner);
    b.setLoc(op.getLoc());
    SmallVector<Value> handed;
    for (auto [i, address] : llvm::enumerate(results))
      if (!address)
        handed.push_back(inner.outputs[i]);
    ArrayRef<int64_t> number = op.getSizes();
    for (Type type : func::FuncOp(branch.body->function).getResultTypes())
      for (Dim dim : shapeOf(type)) {
        if (number.front() >= 0)
          handed.push_back(inner.sizes.emit(dim));
        number = number.drop_front();
      }
    LLVM::BrOp::create(b, handed, join);
  }
  b.setInsertionPointToStart(join);
  for (size_t i = 0; i < numPointers; ++i)
    frame.pointers[plan.firstPointer + i] = join->getArgument(i);
  for (auto [i, number] : llvm::enumerate(numbers))
    decide(number, join->getArgument(numPointers + i), plan.check, frame);
}

// ---- the whole

void RunCode::emit() {
  Block *entry = startFunction(runName, {pointer, pointer}, i32);
  exit = b.createBlock(entry->getParent(), {}, TypeRange{i32}, {b.getLoc()});
  LLVM::ReturnOp::create(b, exit->getArgument(0));
  b.setInsertionPointToStart(entry);
  rt = entry->getArgument(0);
  frameAddress = entry->getArgument(1);
  unsigned slots = 1;
  for (const LaunchPlan &launch : plan.launches)
    slots = std::max(slots, launch.numSlots());
  size_t widest = 1;
  for (const TensorSignature &output : plan.signature.outputs)
    widest = std::max<size_t>(widest, output.type.getRank());
  arguments = LLVM::AllocaOp::create(b, pointer, i64, constant64(slots), 8);
  dims = LLVM::AllocaOp::create(b, pointer, i64, constant64(widest), 8);
  constexpr int64_t mostWords = 3;
  if (llvm::any_of(plan.kernels, [](func::FuncOp kernel) { return kernel->hasAttr("nnf.block"); }))
    words = LLVM::AllocaOp::create(b, pointer, i64, constant64(mostWords), 8);
  weights = load(pointer, frameAddress, offsetof(nnf_frame, weights));
  arena = load(pointer, frameAddress, offsetof(nnf_frame, arena));
  checkState = load(pointer, frameAddress, offsetof(nnf_frame, check));
  parallel = load(pointer, rt, offsetof(nnf_rt, parallel));
  symbols = load(pointer, frameAddress, offsetof(nnf_frame, symbols));

  Frame frame(plan.main, /*check=*/-1, sizes(symbols, /*checked=*/false));
  Value inputs = load(pointer, frameAddress, offsetof(nnf_frame, inputs));
  for (size_t i = 0; i < plan.signature.inputs.size(); ++i)
    frame.inputs.push_back(load(pointer, inputs, 8 * int64_t(i)));
  frame.outputs.resize(plan.signature.outputs.size());
  Value base = arena;
  for (auto [i, region] : llvm::enumerate(plan.main.regions))
    if (!region.temporary) {
      frame.regions[i] = base;
      base = at(base, sizeOfRegion(frame.sizes, region.sizes));
    }
  findMemory(frame, [&](ArrayRef<Dim> dims) { return frame.knows(dims); });
  emitSteps(frame);
  b.setLoc(module.getLoc());
  LLVM::BrOp::create(b, ValueRange{constant32(NNF_OK)}, exit);
}

} // namespace

void emitRun(ModuleOp module, const DriverPlan &plan) { RunCode(module, plan).emit(); }

} // namespace nnf
