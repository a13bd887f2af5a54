// Products and convolutions of compute capability 9.0 broken on purpose. What is missing is found in every order of
// threads and copies, also where the numbers would be right in most.
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "test/cuda/BrokenKernels.h"
#include "llvm/IR/IRBuilder.h"

using namespace mlir;

namespace nnf {
namespace {

/// Thirteen slabs in six places, edges on all sides.
constexpr char product[] = R"(
  func.func @main(%a: tensor<65x776xf16> {nnf.name = "a"}, %b: tensor<776x72xf16> {nnf.name = "b"})
      -> (tensor<65x72xf16> {nnf.name = "y"}) {
    %y = nnf.matmul %a, %b : (tensor<65x776xf16>, tensor<776x72xf16>) -> tensor<65x72xf16>
    return %y : tensor<65x72xf16>
  })";

/// Taps of one slab each, rows that go on in the second image, edges of rows and columns.
constexpr char convolution[] = R"(
  func.func @main(%x: tensor<2x64x6x7xf16> {nnf.name = "x"}, %w: tensor<24x64x3x3xf16> {nnf.name = "w"})
      -> (tensor<2x24x6x7xf16> {nnf.name = "y"}) {
    %y = nnf.conv2d %x, %w {padding = array<i64: 1, 1>}
        : (tensor<2x64x6x7xf16>, tensor<24x64x3x3xf16>) -> tensor<2x24x6x7xf16>
    return %y : tensor<2x24x6x7xf16>
  })";

constexpr llvm::StringLiteral tap = "cp.async.bulk.tensor.4d.shared::cluster.global.im2col";
constexpr llvm::StringLiteral phaseWait = "{ .reg .pred p; mbarrier.try_wait.parity", tile = "cp.async.bulk.tensor.2d",
                              multiplication = "wgmma.mma_async";

class HopperTest : public BrokenKernels {
protected:
  std::string runWith(DeviceChange change) { return run(product, "sm_90a", unchanged, change); }
};

void setNumber(llvm::CallInst *call, unsigned operand, int64_t value) {
  call->setArgOperand(operand, llvm::ConstantInt::get(call->getArgOperand(operand)->getType(), value));
}
int64_t numberOf(llvm::CallInst *call, unsigned operand) {
  return cast<llvm::ConstantInt>(call->getArgOperand(operand))->getSExtValue();
}

testing::Matcher<const std::string &> says(const char *text) { return testing::HasSubstr(text); }
constexpr char underWay[] = "while a copy to it is under way", mayUse[] = "is used while others may still use it",
               hangs[] = "threads wait for threads that never come", noBarrier[] = "that is none for it yet";

TEST_P(HopperTest, unchangedProductsRun) {
  size_t products = 0;
  EXPECT_EQ(runWith([&](llvm::Module &device) { products = callsOf(device, multiplication).size(); }), "it runs");
  EXPECT_EQ(products, 4u);
}

/// So many bytes more than come are told to the first slab's barrier.
static auto withBytes(int64_t more) {
  return [more](llvm::Module &device) {
    llvm::CallInst *expect = callsOf(device, "mbarrier.arrive.expect_tx").front();
    setNumber(expect, 1, numberOf(expect, 1) + more);
  };
}

TEST_P(HopperTest, wrongCountsOfBytes) {
  // A phase that is over too early: what is used then has not come, or nobody has been told.
  EXPECT_THAT(runWith(withBytes(-8192)), testing::AnyOf(says(underWay), says(mayUse)));
  EXPECT_THAT(runWith(withBytes(16)), says(hangs));
}

TEST_P(HopperTest, missingBarriersOfTheBlock) {
  auto without = [](size_t which) {
    return [which](llvm::Module &device) {
      llvm::SmallVector<llvm::CallInst *> barriers = callsOf(device, deviceBarrier);
      ASSERT_EQ(barriers.size(), 3u);
      barriers[which]->eraseFromParent();
    };
  };
  // Before others use barriers in shared memory, before sums take the place of slabs, before they are read.
  EXPECT_THAT(runWith(without(0)), says(noBarrier));
  EXPECT_THAT(runWith(without(1)), testing::AnyOf(says(mayUse), says(underWay), says("threads race for byte")));
  EXPECT_THAT(runWith(without(2)), testing::AnyOf(says("threads race for byte"), says("before it is written")));
}

TEST_P(HopperTest, barriersThatCopiesDoNotSee) {
  EXPECT_THAT(runWith([](llvm::Module &device) { callsOf(device, "fence.mbarrier_init").front()->eraseFromParent(); }),
              says(noBarrier));
}

TEST_P(HopperTest, phasesThatNobodyWaitsFor) {
  // Of the warp that copies, for a free place; of those that multiply, for what has come.
  for (size_t which : {0, 1})
    EXPECT_THAT(
        runWith([which](llvm::Module &device) {
          llvm::SmallVector<llvm::CallInst *> waits = callsOf(device, phaseWait);
          ASSERT_EQ(waits.size(), 2u);
          waits[which]->replaceAllUsesWith(llvm::ConstantInt::get(waits[which]->getType(), 1));
          waits[which]->eraseFromParent();
        }),
        testing::AnyOf(says(mayUse), says(underWay), says("before it is written"), says("that all have arrived at")))
        << "wait " << which;
}

TEST_P(HopperTest, phasesOfTheOtherParity) {
  for (size_t which : {0, 1})
    EXPECT_THAT(runWith([which](llvm::Module &device) {
                  llvm::CallInst *wait = callsOf(device, phaseWait)[which];
                  llvm::IRBuilder<> b(wait);
                  wait->setArgOperand(1, b.CreateXor(wait->getArgOperand(1), b.getInt32(1)));
                }),
                testing::AnyOf(says(hangs), says(mayUse), says(underWay), says("before it is written")))
        << "wait " << which;
}

TEST_P(HopperTest, slabsThatAreGivenBackTooEarly) {
  // One group of products more may be under way: the one whose slab is given back next.
  EXPECT_THAT(runWith([](llvm::Module &device) {
                for (llvm::CallInst *wait : callsOf(device, "wgmma.wait_group"))
                  if (numberOf(wait, 0) == 1)
                    return setNumber(wait, 0, 2);
                FAIL() << "no wait for all products but one group";
              }),
              says(mayUse));
  // A warp fewer has to be done with it.
  auto withArrivals = [](int64_t more) {
    return [more](llvm::Module &device) {
      for (llvm::CallInst *made : callsOf(device, "mbarrier.init"))
        if (numberOf(made, 1) > 1)
          setNumber(made, 1, numberOf(made, 1) + more);
    };
  };
  EXPECT_THAT(runWith(withArrivals(-1)), testing::AnyOf(says(mayUse), says("that all have arrived at")));
  EXPECT_THAT(runWith(withArrivals(1)), says(hangs));
  // Nobody gives any back.
  EXPECT_THAT(
      runWith([](llvm::Module &device) { callsOf(device, "mbarrier.arrive.shared::cta").front()->eraseFromParent(); }),
      says(hangs));
}

TEST_P(HopperTest, productsThatAreNotWaitedFor) {
  EXPECT_THAT(runWith([](llvm::Module &device) {
                for (llvm::CallInst *wait : callsOf(device, "wgmma.wait_group"))
                  if (numberOf(wait, 0) == 0)
                    return void(wait->eraseFromParent());
                FAIL() << "no wait for all products";
              }),
              says("takes sums of products that it has not waited for"));
}

TEST_P(HopperTest, productsWithoutFence) {
  EXPECT_THAT(runWith([](llvm::Module &device) { callsOf(device, "wgmma.fence").front()->eraseFromParent(); }),
              says("multiplies without a fence"));
}

TEST_P(HopperTest, groupsThatAreNotClosed) {
  EXPECT_THAT(runWith([](llvm::Module &device) { callsOf(device, "wgmma.commit_group").front()->eraseFromParent(); }),
              testing::AnyOf(says("takes sums of products"), says(mayUse), says("multiplies without a fence")));
}

TEST_P(HopperTest, placesThatNoInstructionTakes) {
  // A descriptor that begins within a pattern; a tile at half a line.
  EXPECT_THAT(runWith([](llvm::Module &device) {
                llvm::CallInst *call = callsOf(device, multiplication).front();
                llvm::IRBuilder<> b(call);
                call->setArgOperand(0, b.CreateAdd(call->getArgOperand(0), b.getInt64(8)));
              }),
              says("what no descriptor can say"));
  EXPECT_THAT(runWith([](llvm::Module &device) {
                llvm::CallInst *call = callsOf(device, tile).front();
                llvm::IRBuilder<> b(call);
                call->setArgOperand(0, b.CreateAdd(call->getArgOperand(0), b.getInt32(64)));
              }),
              says("that its tensor map does not describe"));
}

class HopperConvolutionTest : public HopperTest {
protected:
  std::string runWith(DeviceChange change) { return run(convolution, "sm_90a", unchanged, change); }
  /// With an operand of the copy of its image that is `more` than it was.
  std::string withTap(unsigned operand, int64_t more) {
    return runWith([&](llvm::Module &device) {
      llvm::SmallVector<llvm::CallInst *> taps = callsOf(device, tap);
      ASSERT_EQ(taps.size(), 1u);
      llvm::Value *value = taps.front()->getArgOperand(operand);
      llvm::IRBuilder<> b(taps.front());
      taps.front()->setArgOperand(operand, b.CreateAdd(value, llvm::ConstantInt::get(value->getType(), more)));
    });
  }
};

TEST_P(HopperConvolutionTest, unchangedConvolutionsRun) {
  size_t products = 0;
  EXPECT_EQ(runWith([&](llvm::Module &device) { products = callsOf(device, multiplication).size(); }), "it runs");
  EXPECT_EQ(products, 4u);
}

/// What is wrong in whatever order.
class HopperPositionsTest : public HopperConvolutionTest {};

TEST_P(HopperPositionsTest, positionsThatNoMapHas) {
  // Where to, the map, the barrier, a channel, two positions, an image, and how far the tap is ahead in two dimensions.
  for (unsigned position : {4, 5})
    for (int64_t more : {-1, 7}) // in front of the padding, and behind the last position of the result
      EXPECT_THAT(withTap(position, more), says("that its tensor map does not describe")) << position << " " << more;
  // Eight bits for each of two dimensions.
  EXPECT_THAT(withTap(7, 256), says("that its tensor map does not describe"));
  EXPECT_THAT(withTap(0, 64), says("that its tensor map does not describe"));
}

TEST_P(HopperConvolutionTest, wrongCountsOfBytes) {
  EXPECT_THAT(runWith(withBytes(-8192)), testing::AnyOf(says(underWay), says(mayUse)));
  EXPECT_THAT(runWith(withBytes(16)), says(hangs));
}

TEST_P(HopperConvolutionTest, phasesThatNobodyWaitsFor) {
  for (size_t which : {0, 1})
    EXPECT_THAT(
        runWith([which](llvm::Module &device) {
          llvm::CallInst *wait = callsOf(device, phaseWait)[which];
          wait->replaceAllUsesWith(llvm::ConstantInt::get(wait->getType(), 1));
          wait->eraseFromParent();
        }),
        testing::AnyOf(says(mayUse), says(underWay), says("before it is written"), says("that all have arrived at")))
        << "wait " << which;
}

// ---- blocks that stay for several tiles

/// One multiprocessor for three tiles of two groups: five slabs each, in four places, so that every tile begins at
/// another one; edges of rows and columns.
constexpr char tilesOfOneBlock[] = R"(
module attributes {nnf.multiprocessors = 1 : i64} {
  func.func @main(%a: tensor<300x312xf16> {nnf.name = "a"}, %b: tensor<312x200xf16> {nnf.name = "b"})
      -> (tensor<300x200xf16> {nnf.name = "y"}) {
    %y = nnf.matmul %a, %b : (tensor<300x312xf16>, tensor<312x200xf16>) -> tensor<300x200xf16>
    return %y : tensor<300x200xf16>
  }
})";

class HopperStayingTest : public HopperTest {
protected:
  std::string runWith(DeviceChange change) { return run(tilesOfOneBlock, "sm_90a", unchanged, change); }
  std::string runWithLoops(Change change) { return run(tilesOfOneBlock, "sm_90a", change, unchangedDevice); }
  static void unchangedDevice(llvm::Module &) {}
  /// Inputs are ones.
  bool isRight() const {
    constexpr uint16_t half312 = 0x5ce0;
    return !firstOutput.empty() && llvm::all_of(firstOutput, [](uint16_t bits) { return bits == half312; });
  }
};

constexpr llvm::StringLiteral arrival = "mbarrier.arrive.shared::cta", warpBarrier = "bar.warp.sync";

/// Of the thread that copies, for a free place; of those that multiply, for what has come, and for their turn.
enum Wait { ForFree, ForSlab, ForTurn, Waits };
llvm::CallInst *waitOf(llvm::Module &device, int which) {
  llvm::SmallVector<llvm::CallInst *> waits = callsOf(device, phaseWait);
  EXPECT_EQ(waits.size(), size_t(Waits));
  return waits[which];
}

TEST_P(HopperStayingTest, unchangedProductsRun) {
  size_t products = 0, parts = 0;
  EXPECT_EQ(runWith([&](llvm::Module &device) {
              products = callsOf(device, multiplication).size();
              parts = callsOf(device, warpBarrier).size();
            }),
            "it runs");
  EXPECT_EQ(products, 4u);
  EXPECT_EQ(parts, 4u); // or there are none that stay
  EXPECT_TRUE(isRight());
}

TEST_P(HopperStayingTest, phasesThatNobodyWaitsFor) {
  for (int which : {ForFree, ForSlab, ForTurn})
    EXPECT_THAT(runWith([which](llvm::Module &device) {
                  llvm::CallInst *wait = waitOf(device, which);
                  wait->replaceAllUsesWith(llvm::ConstantInt::get(wait->getType(), 1));
                  wait->eraseFromParent();
                }),
                testing::AnyOf(says(mayUse), says(underWay), says("before it is written"),
                               says("that all have arrived at"), says("threads race for byte")))
        << "wait " << which;
}

TEST_P(HopperStayingTest, phasesOfTheOtherParity) {
  // Of turns, the second group would be the first: nothing is wrong with that.
  for (int which : {ForFree, ForSlab})
    EXPECT_THAT(runWith([which](llvm::Module &device) {
                  llvm::CallInst *wait = waitOf(device, which);
                  llvm::IRBuilder<> b(wait);
                  wait->setArgOperand(1, b.CreateXor(wait->getArgOperand(1), b.getInt32(1)));
                }),
                testing::AnyOf(says(hangs), says(mayUse), says(underWay), says("before it is written"),
                               says("threads race for byte")))
        << "wait " << which;
}

/// Lets a number that slabs of a tile go on with be, with each tile, what it was in the beginning.
void beginAnew(llvm::Value *number) {
  auto *phi = llvm::dyn_cast<llvm::PHINode>(number);
  for (unsigned i = 0; phi && i < phi->getNumIncomingValues(); ++i) {
    if (auto *ofTile = llvm::dyn_cast<llvm::PHINode>(phi->getIncomingValue(i)))
      for (llvm::Value *first : ofTile->incoming_values())
        if (!llvm::isa<llvm::BinaryOperator>(first))
          return phi->setIncomingValue(i, first);
  }
  FAIL() << "no number that is carried on";
}

TEST_P(HopperStayingTest, phasesThatAreNotCarriedOn) {
  for (int which : {ForFree, ForSlab})
    EXPECT_THAT(runWith([which](llvm::Module &device) { beginAnew(waitOf(device, which)->getArgOperand(1)); }),
                testing::AnyOf(says(hangs), says(mayUse), says(underWay), says("before it is written")))
        << "wait " << which;
  // Of turns, that of the first group alone: if neither did, they would begin in turns.
  EXPECT_THAT(runWith([](llvm::Module &device) {
                auto *parity = llvm::dyn_cast<llvm::PHINode>(waitOf(device, ForTurn)->getArgOperand(1));
                ASSERT_NE(parity, nullptr);
                llvm::ZExtInst *isFirst = nullptr;
                llvm::BinaryOperator *flip = nullptr;
                for (llvm::Value *value : parity->incoming_values()) {
                  isFirst = isFirst ? isFirst : llvm::dyn_cast<llvm::ZExtInst>(value);
                  flip = flip ? flip : llvm::dyn_cast<llvm::BinaryOperator>(value);
                }
                ASSERT_TRUE(isFirst && flip);
                llvm::IRBuilder<> b(flip->getNextNode());
                llvm::Value *next = b.CreateSelect(isFirst->getOperand(0), parity, flip);
                flip->replaceUsesWithIf(next, [&](llvm::Use &use) { return use.getUser() == parity; });
              }),
              testing::AnyOf(says(hangs), says("threads race for byte")));
}

TEST_P(HopperStayingTest, arrivalsThatAreMissing) {
  // For a slab's place, for that of a tile's last slab, for the other group's turn.
  for (size_t which : {0, 1, 2})
    EXPECT_THAT(runWith([which](llvm::Module &device) {
                  llvm::SmallVector<llvm::CallInst *> arrivals = callsOf(device, arrival);
                  ASSERT_EQ(arrivals.size(), 3u);
                  arrivals[which]->eraseFromParent();
                }),
                says(hangs))
        << "arrival " << which;
}

TEST_P(HopperStayingTest, countsOfArrivals) {
  // Of one group's warps at the other's turn; of both groups' at a slab's place.
  for (int64_t count : {4, 8})
    for (int64_t more : {-1, 1})
      EXPECT_THAT(
          runWith([&](llvm::Module &device) {
            for (llvm::CallInst *made : callsOf(device, "mbarrier.init"))
              if (numberOf(made, 1) == count)
                setNumber(made, 1, count + more);
          }),
          testing::AnyOf(says(hangs), says(mayUse), says("that all have arrived at"), says("threads race for byte")))
          << count << " " << more;
}

TEST_P(HopperStayingTest, sumsInSharedMemoryThatNobodyWaitsFor) {
  size_t count = 0;
  auto without = [&](size_t which) {
    return runWith([&, which](llvm::Module &device) {
      llvm::SmallVector<llvm::CallInst *> barriers = callsOf(device, warpBarrier);
      count = barriers.size();
      barriers[which]->eraseFromParent();
    });
  };
  // Before the first half of sums is read, before the second takes its place, before that is read, and before the turn
  // is passed on.
  for (size_t which = 0; which == 0 || which < count; ++which)
    EXPECT_THAT(without(which), testing::AnyOf(says("threads race for byte"), says("before it is written")))
        << "barrier " << which;
  EXPECT_EQ(count, 4u);
}

TEST_P(HopperStayingTest, missingBarriersOfTheBlock) {
  EXPECT_THAT(runWith([](llvm::Module &device) {
                llvm::SmallVector<llvm::CallInst *> barriers = callsOf(device, deviceBarrier);
                ASSERT_EQ(barriers.size(), 1u);
                barriers[0]->eraseFromParent();
              }),
              says(noBarrier));
}

/// Loops over tiles: of the thread that copies, of those that multiply.
llvm::SmallVector<scf::ForOp> loopsOverTiles(ModuleOp module) {
  llvm::SmallVector<scf::ForOp> loops;
  module.walk([&](scf::ForOp loop) {
    if (!loop->getParentOfType<scf::ForOp>())
      loops.push_back(loop);
  });
  EXPECT_EQ(loops.size(), 2u);
  return loops;
}
void setStep(scf::ForOp loop, int64_t step) {
  OpBuilder b(loop);
  loop.setStep(arith::ConstantOp::create(b, loop.getLoc(), b.getI64IntegerAttr(step)));
}

TEST_P(HopperStayingTest, tilesThatAreSkipped) {
  EXPECT_EQ(runWithLoops([](ModuleOp module) {
              for (scf::ForOp loop : loopsOverTiles(module))
                setStep(loop, 2);
            }),
            "it runs");
  EXPECT_FALSE(isRight());
  // One side alone: slabs that nobody takes, or that nobody brings.
  for (size_t which : {0, 1})
    EXPECT_THAT(runWithLoops([which](ModuleOp module) { setStep(loopsOverTiles(module)[which], 2); }), says(hangs));
}

TEST_P(HopperStayingTest, tilesThatOneSideHasTwice) {
  // The last one once more.
  for (size_t which : {0, 1})
    EXPECT_THAT(runWithLoops([which](ModuleOp module) {
                  scf::ForOp loop = loopsOverTiles(module)[which];
                  OpBuilder b(loop);
                  Value one = arith::ConstantOp::create(b, loop.getLoc(), b.getI64IntegerAttr(1));
                  Value last = arith::SubIOp::create(b, loop.getLoc(), loop.getUpperBound(), one);
                  loop.setUpperBound(arith::AddIOp::create(b, loop.getLoc(), loop.getUpperBound(), one));
                  b.setInsertionPointToStart(loop.getBody());
                  Value number = arith::MinSIOp::create(b, loop.getLoc(), loop.getInductionVar(), last);
                  loop.getInductionVar().replaceAllUsesExcept(number, number.getDefiningOp());
                }),
                says(hangs));
}

INSTANTIATE_TEST_SUITE_P(orders, HopperStayingTest, testing::Values(0, 1, 20240607));
INSTANTIATE_TEST_SUITE_P(orders, HopperPositionsTest, testing::Values(0));
INSTANTIATE_TEST_SUITE_P(orders, HopperConvolutionTest, testing::Values(0, 1, 20240607));
INSTANTIATE_TEST_SUITE_P(orders, HopperTest, testing::Values(0, 1, 20240607));

} // namespace
} // namespace nnf
