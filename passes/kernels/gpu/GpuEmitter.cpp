#include "passes/kernels/gpu/GpuEmitter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
namespace nnf {
namespace {

constexpr unsigned sharedSpace = 3;
/// Of every buffer a kernel is given: the arena and the weights have more, a runtime copies a caller's buffer that has
/// less. Without it a thread could not load 16 bytes at once.
constexpr int64_t bufferAlignment = 16;
/// Members of a shuffle, and the clamp that makes its segments whole warps.
constexpr int64_t allLanes = 0xffffffff, wholeWarp = 31;

unsigned bitsOf(Type type) { return type.getIntOrFloatBitWidth(); }

} // namespace

TargetInfo gpuTargetInfo() {
  TargetInfo info;
  info.vectorBytes = 16;
  info.vectorRegisters = 255 / 4;
  info.hasFma = true;
  info.hasF16c = true;
  info.hasExtremes = true;
  return info;
}

GpuEmitter::GpuEmitter(KernelOp kernel, const TargetInfo &target, int64_t threads)
    : KernelEmitter(kernel, target), threads(threads) {
  function->setAttr("nnf.block", builder.getI64IntegerAttr(threads));
  for (auto [i, type] : llvm::enumerate(function.getArgumentTypes()))
    if (isa<LLVM::LLVMPointerType>(type) && function.getArgAttr(i, "llvm.noalias"))
      function.setArgAttr(i, "llvm.align", builder.getI64IntegerAttr(bufferAlignment));
  auto wide = [&](Value value) -> Value { return arith::ExtUIOp::create(builder, k.loc, builder.getI64Type(), value); };
  Type i32 = builder.getI32Type();
  block = wide(NVVM::BlockIdXOp::create(builder, k.loc, i32));
  thread = wide(NVVM::ThreadIdXOp::create(builder, k.loc, i32));
}

void GpuEmitter::keepLoadsBehindWaits() {
  // Operands may be each other for all that is known then; results still are none of them.
  for (unsigned i = 0; i < kernel.getBody().getNumArguments(); ++i)
    function.removeArgAttr(i, "llvm.noalias");
}

void GpuEmitter::when(Value condition, llvm::function_ref<void()> body) {
  if (!condition)
    return body();
  auto ifOp = scf::IfOp::create(builder, k.loc, TypeRange{}, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard restore(builder);
  builder.setInsertionPoint(ifOp.getThenRegion().front().getTerminator());
  ElementEmitter::Scope scope(e);
  body();
}

// ---- shared memory

SharedArray GpuEmitter::shared(Type element, int64_t count) {
  int64_t bytes = count * bitsOf(element) / 8;
  assert(bytes <= (function->hasAttr("nnf.maps") ? mostSharedBytesOfHopper : mostSharedBytes) && "a block's");
  bool isDynamic = bytes > ownSharedBytes;
  if (isDynamic) {
    assert(!function->hasAttr("nnf.dynamic_shared") && "arrays that are asked for begin at one address");
    function->setAttr("nnf.dynamic_shared", builder.getI64IntegerAttr(bytes));
  }
  // PTX has no dots in names that others may see, as what is asked for is.
  std::string name = (function.getSymName() + (isDynamic ? "_shared" : ".shared") + Twine(numShared++)).str();
  LLVM::GlobalOp global;
  {
    OpBuilder::InsertionGuard restore(builder);
    builder.setInsertionPoint(function);
    global = LLVM::GlobalOp::create(builder, k.loc, LLVM::LLVMArrayType::get(element, isDynamic ? 0 : count),
                                    /*isConstant=*/false, isDynamic ? LLVM::Linkage::External : LLVM::Linkage::Internal,
                                    name, Attribute(),
                                    /*alignment=*/16, sharedSpace);
    global->setAttr("nnf.shared_of", FlatSymbolRefAttr::get(function.getSymNameAttr()));
  }
  return {LLVM::AddressOfOp::create(builder, k.loc, global), element};
}

Value GpuEmitter::sharedAddress(const SharedArray &array, Value index) {
  return LLVM::GEPOp::create(builder, k.loc, array.base.getType(), array.element, array.base,
                             ArrayRef<LLVM::GEPArg>{index}, LLVM::GEPNoWrapFlags::inbounds);
}

// Vectors in shared memory start at multiples of their size up to 16 bytes: the arrays' users see to it.
static unsigned sharedAlignment(Type element, int64_t lanes) {
  return std::min<int64_t>(16, lanes * bitsOf(element) / 8);
}

Value GpuEmitter::loadShared(const SharedArray &array, Value index) {
  Type type = k.lanes > 1 ? Type(k.vectorOf(array.element)) : array.element;
  return LLVM::LoadOp::create(builder, k.loc, type, sharedAddress(array, index),
                              sharedAlignment(array.element, k.lanes));
}

void GpuEmitter::storeShared(Value value, const SharedArray &array, Value index) {
  int64_t lanes = k.isVector(value) ? k.lanes : 1;
  LLVM::StoreOp::create(builder, k.loc, value, sharedAddress(array, index), sharedAlignment(array.element, lanes));
}

void GpuEmitter::callTemplate(StringRef name, ArrayRef<Value> arguments) {
  auto module = function->getParentOfType<ModuleOp>();
  auto declared = module.lookupSymbol<LLVM::LLVMFuncOp>(name);
  if (!declared) {
    OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
    SmallVector<Type> types = llvm::to_vector(llvm::map_range(arguments, [](Value v) { return v.getType(); }));
    declared = LLVM::LLVMFuncOp::create(b, k.loc, name,
                                        LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), types));
    declared->setAttr("nnf.template", b.getUnitAttr());
  }
  LLVM::CallOp::create(k.b, k.loc, declared, arguments);
}

void GpuEmitter::barrier() { NVVM::Barrier0Op::create(builder, k.loc); }

// ---- threads together

Value GpuEmitter::constant32(int64_t value) {
  return arith::ConstantOp::create(builder, k.loc, builder.getI32IntegerAttr(static_cast<int32_t>(value)));
}

SmallVector<Value, 2> GpuEmitter::toWords(Value value) {
  unsigned bits = bitsOf(value.getType());
  Type i32 = builder.getI32Type();
  if (isa<FloatType>(value.getType()))
    value = arith::BitcastOp::create(builder, k.loc, builder.getIntegerType(bits), value);
  if (bits < 32)
    return {arith::ExtUIOp::create(builder, k.loc, i32, value)};
  if (bits == 32)
    return {value};
  Value high = arith::ShRUIOp::create(builder, k.loc, value, k.constant(32));
  return {arith::TruncIOp::create(builder, k.loc, i32, value), arith::TruncIOp::create(builder, k.loc, i32, high)};
}

Value GpuEmitter::fromWords(ArrayRef<Value> words, Type type) {
  unsigned bits = bitsOf(type);
  Value value = words[0];
  if (bits < 32) {
    value = arith::TruncIOp::create(builder, k.loc, builder.getIntegerType(bits), value);
  } else if (bits == 64) {
    Value low = arith::ExtUIOp::create(builder, k.loc, builder.getI64Type(), words[0]);
    Value high = arith::ExtUIOp::create(builder, k.loc, builder.getI64Type(), words[1]);
    value = arith::OrIOp::create(builder, k.loc, low, arith::ShLIOp::create(builder, k.loc, high, k.constant(32)));
  }
  return isa<FloatType>(type) ? Value(arith::BitcastOp::create(builder, k.loc, type, value)) : value;
}

Value GpuEmitter::combineThreads(ReduceKind kind, Type element, Value value, int64_t count) {
  assert(llvm::isPowerOf2_64(count) && count <= threads && (count <= warpThreads || count == threads));
  Type i32 = builder.getI32Type(), type = value.getType();
  for (int64_t distance = std::min(count, warpThreads) / 2; distance > 0; distance /= 2) {
    SmallVector<Value, 2> words;
    for (Value word : toWords(value))
      words.push_back(NVVM::ShflOp::create(builder, k.loc, i32, constant32(allLanes), word, constant32(distance),
                                           constant32(wholeWarp), NVVM::ShflKind::bfly, UnitAttr()));
    value = e.combine(kind, element, value, fromWords(words, type));
  }
  if (count <= warpThreads)
    return value;
  // One slot for each warp; every thread then reads all slots. A slot is written once in a kernel, so one barrier does.
  int64_t warps = count / warpThreads;
  SmallVector<Value, 2> words = toWords(value);
  int64_t wordCount = words.size();
  SharedArray slots = shared(i32, warps * wordCount);
  Value lane = k.mod(thread, k.constant(warpThreads)), warp = k.floorDiv(thread, k.constant(warpThreads));
  Value isFirst = arith::CmpIOp::create(builder, k.loc, arith::CmpIPredicate::eq, lane, k.constant(0));
  KernelEmitter::LanesScope scalar(k, 1);
  when(isFirst, [&] {
    for (auto [i, word] : llvm::enumerate(words))
      storeShared(word, slots, k.add(k.mul(warp, k.constant(wordCount)), k.constant(i)));
  });
  barrier();
  SmallVector<Value> partial;
  for (int64_t w = 0; w < warps; ++w) {
    SmallVector<Value, 2> read;
    for (int64_t i = 0; i < wordCount; ++i)
      read.push_back(loadShared(slots, k.constant(w * wordCount + i)));
    partial.push_back(fromWords(read, type));
  }
  for (int64_t size = warps; size > 1; size /= 2)
    for (int64_t i = 0; i < size / 2; ++i)
      partial[i] = e.combine(kind, element, partial[i], partial[i + size / 2]);
  return partial[0];
}

// ---- vectors where they pay

bool accessesSingleLanes(func::FuncOp function) {
  return function
      .walk([](Operation *op) {
        return isa<LLVM::masked_gather, LLVM::masked_scatter, LLVM::MaskedLoadOp, LLVM::MaskedStoreOp>(op)
                   ? WalkResult::interrupt()
                   : WalkResult::advance();
      })
      .wasInterrupted();
}

void emitWithLanes(KernelOp kernel, const TargetInfo &target, int64_t threads, int64_t lanes,
                   llvm::function_ref<void(GpuEmitter &, int64_t)> emit) {
  if (lanes > 1) {
    GpuEmitter emitter(kernel, target, threads);
    emit(emitter, lanes);
    if (!accessesSingleLanes(emitter.function))
      return;
    auto module = emitter.function->getParentOfType<ModuleOp>();
    for (auto global : llvm::make_early_inc_range(module.getOps<LLVM::GlobalOp>()))
      if (auto owner = global->getAttrOfType<FlatSymbolRefAttr>("nnf.shared_of");
          owner && owner.getAttr() == emitter.function.getSymNameAttr())
        global.erase();
    emitter.function.erase();
  }
  GpuEmitter emitter(kernel, target, threads);
  emit(emitter, 1);
}

} // namespace nnf
