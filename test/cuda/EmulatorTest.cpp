// Kernels broken on purpose: the emulator must notice, in whatever order it runs threads.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "test/cuda/BrokenKernels.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/IntrinsicsNVPTX.h"
#include "llvm/Transforms/Utils/BasicBlockUtils.h"

using namespace mlir;

namespace nnf {
namespace {

/// A product of 65x33 and 33x30 matrices, too few columns for a template: two slabs and a bit, ragged edges.
constexpr char product[] = R"(
  func.func @main(%a: tensor<65x33xf32> {nnf.name = "a"}, %b: tensor<33x30xf32> {nnf.name = "b"})
      -> (tensor<65x30xf32> {nnf.name = "y"}) {
    %y = nnf.matmul %a, %b : (tensor<65x33xf32>, tensor<33x30xf32>) -> tensor<65x30xf32>
    return %y : tensor<65x30xf32>
  })";
/// The same of 16-bit floats, whose template has copies under way: more slabs than it keeps.
/// Slabs go round twice, and the last one lies where sums come to lie.
constexpr char tensorProduct[] = R"(
  func.func @main(%a: tensor<65x776xf16> {nnf.name = "a"}, %b: tensor<776x72xf16> {nnf.name = "b"})
      -> (tensor<65x72xf16> {nnf.name = "y"}) {
    %y = nnf.matmul %a, %b : (tensor<65x776xf16>, tensor<776x72xf16>) -> tensor<65x72xf16>
    return %y : tensor<65x72xf16>
  })";
/// A convolution with taps beside its input, of more slabs than are under way: its rows are read from the image.
constexpr char convolution[] = R"(
  func.func @main(%x: tensor<1x12x9x8xf32> {nnf.name = "x"}, %w: tensor<40x12x3x3xf32> {nnf.name = "w"})
      -> (tensor<1x40x9x8xf32> {nnf.name = "y"}) {
    %y = nnf.conv2d %x, %w {padding = array<i64: 1, 1>}
      : (tensor<1x12x9x8xf32>, tensor<40x12x3x3xf32>) -> tensor<1x40x9x8xf32>
    return %y : tensor<1x40x9x8xf32>
  })";
/// Attentions of several blocks of keys, on tensor cores and without.
constexpr char attention[] = R"(
  func.func @main(%q: tensor<70x64xf16> {nnf.name = "q"}, %k: tensor<200x64xf16> {nnf.name = "k"},
                  %v: tensor<200x64xf16> {nnf.name = "v"}) -> (tensor<70x64xf16> {nnf.name = "y"}) {
    %y = nnf.scaled_dot_product_attention %q, %k, %v
        : (tensor<70x64xf16>, tensor<200x64xf16>, tensor<200x64xf16>) -> tensor<70x64xf16>
    return %y : tensor<70x64xf16>
  })";
constexpr char floatAttention[] = R"(
  func.func @main(%q: tensor<70x64xf32> {nnf.name = "q"}, %k: tensor<100x64xf32> {nnf.name = "k"},
                  %v: tensor<100x64xf32> {nnf.name = "v"}) -> (tensor<70x64xf32> {nnf.name = "y"}) {
    %y = nnf.scaled_dot_product_attention %q, %k, %v
        : (tensor<70x64xf32>, tensor<100x64xf32>, tensor<100x64xf32>) -> tensor<70x64xf32>
    return %y : tensor<70x64xf32>
  })";
/// Heads whose queries do not stay in registers.
constexpr char wideAttention[] = R"(
  func.func @main(%q: tensor<70x256xf16> {nnf.name = "q"}, %k: tensor<100x256xf16> {nnf.name = "k"},
                  %v: tensor<100x256xf16> {nnf.name = "v"}) -> (tensor<70x256xf16> {nnf.name = "y"}) {
    %y = nnf.scaled_dot_product_attention %q, %k, %v
        : (tensor<70x256xf16>, tensor<100x256xf16>, tensor<100x256xf16>) -> tensor<70x256xf16>
    return %y : tensor<70x256xf16>
  })";
/// Rows that are the work of a block each.
constexpr char longRows[] = R"(
  func.func @main(%x: tensor<3x4099xf32> {nnf.name = "x"}) -> (tensor<3xf32> {nnf.name = "y"}) {
    %y = nnf.amax %x {dim = array<i64: 1>} : (tensor<3x4099xf32>) -> tensor<3xf32>
    return %y : tensor<3xf32>
  })";
/// Rows that are the work of a warp each.
constexpr char shortRows[] = R"(
  func.func @main(%x: tensor<9x64xf32> {nnf.name = "x"}) -> (tensor<9xf32> {nnf.name = "y"}) {
    %y = nnf.amax %x {dim = array<i64: 1>} : (tensor<9x64xf32>) -> tensor<9xf32>
    return %y : tensor<9xf32>
  })";

using EmulatorTest = BrokenKernels;

template <typename Op> SmallVector<Op> opsOf(ModuleOp module) {
  SmallVector<Op> found;
  module.walk([&](Op op) { found.push_back(op); });
  return found;
}

bool isShared(Value address) { return cast<LLVM::LLVMPointerType>(address.getType()).getAddressSpace() == 3; }

TEST_P(EmulatorTest, unchangedKernelsRun) {
  for (const char *graph : {product, tensorProduct, convolution, longRows, shortRows})
    EXPECT_EQ(run(graph, [](ModuleOp) {}), "it runs");
}

TEST_P(EmulatorTest, missingBarriers) {
  auto without = [](size_t which) {
    return [which](ModuleOp module) {
      SmallVector<NVVM::Barrier0Op> barriers = opsOf<NVVM::Barrier0Op>(module);
      ASSERT_LT(which, barriers.size());
      barriers[which].erase();
    };
  };
  // Before what is read has been written, or while it is: that depends on the order.
  auto readsTooEarly =
      testing::AnyOf(testing::HasSubstr("threads race for byte"), testing::HasSubstr("is read before it is written"));
  EXPECT_THAT(run(product, without(0)), readsTooEarly);
  EXPECT_THAT(run(longRows, without(0)), readsTooEarly);
  // The barrier that keeps a slab until all have read it.
  EXPECT_THAT(run(product, without(1)), testing::HasSubstr("threads race for byte"));
}

TEST_P(EmulatorTest, aBarrierThatOnlySomeReach) {
  // In the branch of the first lane of each warp, so that it meets the one after.
  auto intoBranch = [](ModuleOp module) {
    for (scf::IfOp branch : opsOf<scf::IfOp>(module))
      for (LLVM::StoreOp store : branch.getThenRegion().getOps<LLVM::StoreOp>())
        if (isShared(store.getAddr())) {
          OpBuilder b(store);
          NVVM::Barrier0Op::create(b, store.getLoc());
          return;
        }
    FAIL() << "no store to shared memory in a branch";
  };
  EXPECT_THAT(run(longRows, intoBranch), testing::HasSubstr("threads meet at different barriers"));
  // The same with the one after gone: the others end without it.
  EXPECT_THAT(run(longRows,
                  [&](ModuleOp module) {
                    opsOf<NVVM::Barrier0Op>(module).front().erase();
                    intoBranch(module);
                    // What is read then is not the fault that this is about.
                    for (LLVM::LoadOp load : opsOf<LLVM::LoadOp>(module))
                      if (isShared(load.getAddr())) {
                        OpBuilder b(load);
                        load.replaceAllUsesWith(
                            Value(arith::ConstantOp::create(b, load.getLoc(), b.getZeroAttr(load.getType()))));
                        load.erase();
                      }
                  }),
              testing::HasSubstr("threads wait for threads that never come"));
}

TEST_P(EmulatorTest, shufflesWithoutAllLanes) {
  EXPECT_THAT(run(shortRows,
                  [](ModuleOp module) {
                    NVVM::ShflOp shuffle = opsOf<NVVM::ShflOp>(module).front();
                    OpBuilder b(shuffle);
                    Value half = arith::ConstantOp::create(b, shuffle.getLoc(), b.getI32IntegerAttr(0xffff));
                    shuffle.getThreadMaskMutable().assign(half);
                  }),
              testing::HasSubstr("shuffles with lanes that do not take part"));
}

TEST_P(EmulatorTest, sharedMemoryThatIsTooSmall) {
  EXPECT_THAT(run(product,
                  [](ModuleOp module) {
                    for (auto global : module.getOps<LLVM::GlobalOp>())
                      if (global->hasAttr("nnf.shared_of"))
                        global.setGlobalType(LLVM::LLVMArrayType::get(Float32Type::get(module.getContext()), 16));
                  }),
              testing::HasSubstr("is beyond shared memory"));
}

TEST_P(EmulatorTest, sharedMemoryThatNobodyWrote) {
  EXPECT_THAT(run(product,
                  [](ModuleOp module) {
                    for (LLVM::StoreOp store : opsOf<LLVM::StoreOp>(module))
                      if (isShared(store.getAddr()))
                        return store.erase();
                  }),
              testing::HasSubstr("is read before it is written"));
}

TEST_P(EmulatorTest, vectorsAtOddPlaces) {
  EXPECT_THAT(run(product,
                  [](ModuleOp module) {
                    for (LLVM::LoadOp load : opsOf<LLVM::LoadOp>(module))
                      if (isShared(load.getAddr()) && isa<VectorType>(load.getType())) {
                        OpBuilder b(load);
                        load.getAddrMutable().assign(LLVM::GEPOp::create(b, load.getLoc(), load.getAddr().getType(),
                                                                         b.getF32Type(), load.getAddr(),
                                                                         ArrayRef<LLVM::GEPArg>{1}));
                        return;
                      }
                    FAIL() << "no vector is read from shared memory";
                  }),
              testing::HasSubstr("is not aligned"));
}

TEST_P(EmulatorTest, stacksThatOverflow) {
  EXPECT_THAT(run(shortRows,
                  [](ModuleOp module) {
                    NVVM::ShflOp shuffle = opsOf<NVVM::ShflOp>(module).front();
                    auto kernel = shuffle->getParentOfType<func::FuncOp>();
                    OpBuilder b(&kernel.getBody().front().front());
                    Location loc = shuffle.getLoc();
                    auto pointer = LLVM::LLVMPointerType::get(b.getContext());
                    auto number = [&](int64_t n) -> Value { return arith::ConstantIntOp::create(b, loc, n, 64); };
                    Value words =
                        LLVM::AllocaOp::create(b, loc, pointer, b.getI64Type(), number(NNF_EMU_STACK_BYTES / 8));
                    auto loop = scf::ForOp::create(b, loc, number(0), number(NNF_EMU_STACK_BYTES / 8), number(1));
                    b.setInsertionPointToStart(loop.getBody());
                    Value word = LLVM::GEPOp::create(b, loc, pointer, b.getI64Type(), words,
                                                     ArrayRef<LLVM::GEPArg>{loop.getInductionVar()});
                    LLVM::StoreOp::create(b, loc, loop.getInductionVar(), word, /*alignment=*/8, /*isVolatile=*/true);
                  }),
              testing::HasSubstr("needs more stack than the emulator gives"));
}

// ---- copies under way, and what warps do together: templates of products and convolutions

TEST_P(EmulatorTest, copiesThatAreNotWaitedFor) {
  // One slab more may be under way than there is: the one that is multiplied now.
  auto waitsForLess = [](llvm::Module &device) {
    for (llvm::CallInst *wait : callsOf(device, "cp.async.wait_group")) {
      auto *pending = cast<llvm::ConstantInt>(wait->getArgOperand(0));
      wait->setArgOperand(0, llvm::ConstantInt::get(pending->getType(), pending->getZExtValue() + 1));
    }
  };
  for (const char *graph : {tensorProduct, convolution})
    EXPECT_THAT(run(graph, unchanged, waitsForLess), testing::HasSubstr("while a copy to it is under way"));
  auto neverWaits = [](llvm::Module &device) {
    for (llvm::CallInst *wait : callsOf(device, "cp.async.wait_group"))
      wait->eraseFromParent();
  };
  for (const char *graph : {tensorProduct, convolution})
    EXPECT_THAT(run(graph, unchanged, neverWaits), testing::HasSubstr("while a copy to it is under way"));
}

TEST_P(EmulatorTest, slabsThatAreOverwrittenTooEarly) {
  // Copies begin before the barrier that says that all have multiplied what was there.
  auto barrierAfterCopies = [](llvm::Module &device) {
    llvm::CallInst *wait = callsOf(device, "cp.async.wait_group").front();
    llvm::CallInst *commit = callsOf(device, "cp.async.commit_group").back();
    for (llvm::CallInst *barrier : callsOf(device, deviceBarrier))
      if (barrier->getParent() == wait->getParent())
        return barrier->moveAfter(commit);
    FAIL() << "no barrier behind the wait";
  };
  EXPECT_THAT(run(tensorProduct, unchanged, barrierAfterCopies),
              testing::AnyOf(testing::HasSubstr("threads race for byte"),
                             testing::HasSubstr("while a copy to it is under way")));
}

TEST_P(EmulatorTest, missingBarriersOfTemplates) {
  auto without = [](size_t which) {
    return [which](llvm::Module &device) {
      llvm::SmallVector<llvm::CallInst *> barriers = callsOf(device, deviceBarrier);
      ASSERT_LT(which, barriers.size());
      barriers[which]->eraseFromParent();
    };
  };
  auto isNoticed =
      testing::AnyOf(testing::HasSubstr("threads race for byte"), testing::HasSubstr("is read before it is written"),
                     testing::HasSubstr("while a copy to it is under way"));
  // Of slabs, before sums take their place, and before they are read.
  for (size_t which : {0, 1, 2})
    for (const char *graph : {tensorProduct, convolution})
      EXPECT_THAT(run(graph, unchanged, without(which)), isNoticed) << "barrier " << which;
}

TEST_P(EmulatorTest, missingBarriersOfAttention) {
  auto isNoticed =
      testing::AnyOf(testing::HasSubstr("threads race for byte"), testing::HasSubstr("is read before it is written"),
                     testing::HasSubstr("while a copy to it is under way"));
  // On tensor cores: before queries are read, before scores, before values are mixed, before the mix takes their place,
  // and before it is read. Without, queries are read with the first keys, and the mix takes the place of queries and
  // keys, which nobody reads any more: the barrier in between is for attentions that have no keys.
  for (auto [graph, barriers] : {std::pair(attention, 5), std::pair(floatAttention, 4), std::pair(wideAttention, 4)}) {
    EXPECT_THAT(run(graph, unchanged), testing::HasSubstr("it runs"));
    for (int which = 0; which < barriers; ++which) {
      auto without = [&](llvm::Module &device) {
        llvm::SmallVector<llvm::CallInst *> found = callsOf(device, deviceBarrier);
        ASSERT_EQ(found.size(), size_t(barriers));
        found[which]->eraseFromParent();
      };
      if (graph == floatAttention && which == 2)
        EXPECT_THAT(run(graph, unchanged, without), testing::HasSubstr("it runs"));
      else
        EXPECT_THAT(run(graph, unchanged, without), isNoticed) << "barrier " << which;
    }
  }
}

TEST_P(EmulatorTest, copiesThatAttentionDoesNotWaitFor) {
  for (auto [graph, waits] : {std::pair(attention, 3), std::pair(floatAttention, 2), std::pair(wideAttention, 2)})
    for (int which = 0; which < waits; ++which) {
      auto without = [&](llvm::Module &device) {
        llvm::SmallVector<llvm::CallInst *> found = callsOf(device, "cp.async.wait_group");
        ASSERT_EQ(found.size(), size_t(waits) + 1);
        found[which]->eraseFromParent();
      };
      EXPECT_THAT(run(graph, unchanged, without), testing::HasSubstr("while a copy to it is under way"))
          << "wait " << which;
    }
}

TEST_P(EmulatorTest, addressesOfMatricesThatAreNotAligned) {
  EXPECT_THAT(run(tensorProduct, unchanged,
                  [](llvm::Module &device) {
                    llvm::CallInst *load = callsOf(device, "ldmatrix").front();
                    llvm::IRBuilder<> b(load);
                    load->setArgOperand(0, b.CreateAdd(load->getArgOperand(0), b.getInt32(2)));
                  }),
              testing::HasSubstr("is not aligned"));
}

TEST_P(EmulatorTest, sourcesOfCopiesThatAreNotAligned) {
  EXPECT_THAT(run(tensorProduct, unchanged,
                  [](llvm::Module &device) {
                    llvm::CallInst *copy = callsOf(device, "cp.async.cg").front();
                    llvm::IRBuilder<> b(copy);
                    copy->setArgOperand(1, b.CreateConstGEP1_32(b.getInt8Ty(), copy->getArgOperand(1), 8));
                  }),
              testing::HasSubstr("copies from an address that is not aligned"));
}

TEST_P(EmulatorTest, warpsThatPart) {
  // Lane 0 does without: its warp waits for it, or meets it at another instruction.
  EXPECT_THAT(run(tensorProduct, unchanged,
                  [](llvm::Module &device) {
                    llvm::CallInst *load = callsOf(device, "ldmatrix").front();
                    llvm::IRBuilder<> b(load);
                    auto *lane = b.CreateIntrinsic(b.getInt32Ty(), llvm::Intrinsic::nvvm_read_ptx_sreg_laneid, {});
                    llvm::Instruction *goesOn = llvm::SplitBlockAndInsertIfThen(b.CreateICmpEQ(lane, b.getInt32(0)),
                                                                                load, /*Unreachable=*/false);
                    load->clone()->insertBefore(goesOn->getIterator());
                  }),
              testing::HasSubstr("threads of a warp meet at different instructions"));
}

INSTANTIATE_TEST_SUITE_P(orders, EmulatorTest, testing::Values(0, 1, 20240607));

} // namespace
} // namespace nnf
