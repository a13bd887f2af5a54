// Products and convolutions of compute capability 9.0 broken on purpose. What is missing is found in every order of
// threads and copies, also where the numbers would be right in most.
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

INSTANTIATE_TEST_SUITE_P(orders, HopperPositionsTest, testing::Values(0));
INSTANTIATE_TEST_SUITE_P(orders, HopperConvolutionTest, testing::Values(0, 1, 20240607));
INSTANTIATE_TEST_SUITE_P(orders, HopperTest, testing::Values(0, 1, 20240607));

} // namespace
} // namespace nnf
