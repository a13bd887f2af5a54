// Attention of compute capability 9.0 broken on purpose, as HopperTest.cpp does it with products: the queries' barrier,
// the order of keys and values in the ring, products that run beside the softmax, and operands in registers.
#include "test/cuda/BrokenKernels.h"
#include "llvm/IR/IRBuilder.h"

using namespace mlir;

namespace nnf {
namespace {

/// Five slabs of keys and five of values in six places, two groups in each block, edges on all sides.
constexpr char attention[] = R"(
  func.func @main(%q: tensor<132x70x24xf16> {nnf.name = "q"}, %k: tensor<132x520x24xf16> {nnf.name = "k"},
      %v: tensor<132x520x24xf16> {nnf.name = "v"}) -> (tensor<132x70x24xf16> {nnf.name = "y"}) {
    %y = nnf.scaled_dot_product_attention %q, %k, %v
        : (tensor<132x70x24xf16>, tensor<132x520x24xf16>, tensor<132x520x24xf16>) -> tensor<132x70x24xf16>
    return %y : tensor<132x70x24xf16>
  })";

constexpr llvm::StringLiteral phaseWait = "{ .reg .pred p; mbarrier.try_wait.parity", product = "wgmma.mma_async",
                              productWait = "wgmma.wait_group", fence = "wgmma.fence", commit = "wgmma.commit_group",
                              giveBack = "mbarrier.arrive.shared::cta", expect = "mbarrier.arrive.expect_tx",
                              meeting = "bar.sync", sum = "//wgmma.sum";

/// The calls of one name: where they stand in the code of a thread that copies, then of one that multiplies.
enum PhaseWait {
  CopyFirstKeys,
  CopyKeys,
  CopyValues,
  CopyLastValues,
  Queries,
  FirstKeys,
  SecondSlab,
  Values,
  NextSlab,
  PhaseWaits
};
enum Products { OfFirstKeys, OfKeys, OfValues, OfLastValues, ProductGroups };
enum ProductWait { ForFirstScores, ForScores, ForMix, ForLastMix, ProductWaits };
enum GiveBack { GivesFirstKeys, GivesKeys, GivesValues, GiveBacks };
enum Meeting { CopierAtRows, CopierAtStores, AtRows, AtStores, Meetings };
constexpr size_t expectations = 5;

class HopperAttentionTest : public BrokenKernels {
protected:
  /// Of changes that are alike each order has a third: who does what too early is found by what warps know, whatever
  /// the order.
  bool isMine(size_t which) const { return which % 3 == GetParam() % 3; }
  std::string runWith(DeviceChange change) { return run(attention, "sm_90a", unchanged, change); }
  /// Runs with a change of one of the calls of this name, of which there are `count`.
  std::string runWith(llvm::StringRef name, size_t which, size_t count,
                      llvm::function_ref<void(llvm::CallInst &)> change) {
    return runWith([&](llvm::Module &device) {
      llvm::SmallVector<llvm::CallInst *> calls = callsOf(device, name);
      ASSERT_EQ(calls.size(), count);
      change(*calls[which]);
    });
  }
  std::string runWithout(llvm::StringRef name, size_t which, size_t count) {
    return runWith(name, which, count, [](llvm::CallInst &call) { call.eraseFromParent(); });
  }
};

void addTo(llvm::CallInst &call, unsigned operand, int64_t more) {
  llvm::Value *old = call.getArgOperand(operand);
  llvm::IRBuilder<> b(&call);
  call.setArgOperand(operand, b.CreateAdd(old, llvm::ConstantInt::getSigned(old->getType(), more)));
}

testing::Matcher<const std::string &> says(const char *text) { return testing::HasSubstr(text); }
constexpr char underWay[] = "while a copy to it is under way", mayUse[] = "is used while others may still use it",
               hangs[] = "threads wait for threads that never come", noBarrier[] = "that is none for it yet",
               unwritten[] = "before it is written", noProduct[] = "multiplies without a fence",
               takesSums[] = "takes sums of products that it has not waited for", races[] = "threads race for byte",
               allArrived[] = "that all have arrived at";

TEST_P(HopperAttentionTest, unchangedAttentionsRun) {
  if (!isMine(1)) // hopper.py has the others
    return;
  size_t products = 0;
  EXPECT_EQ(runWith([&](llvm::Module &device) { products = callsOf(device, product).size(); }), "it runs");
  // Two of each slab of keys, 24 steps down; eight of each of values.
  EXPECT_EQ(products, 2u + 2 + 8 + 8);
}

TEST_P(HopperAttentionTest, wrongCountsOfBytes) {
  for (size_t which = 0; which < expectations; ++which) {
    if (!isMine(which))
      continue;
    // Of values the phase is over too early, of what comes in one box it never is.
    EXPECT_THAT(runWith(expect, which, expectations, [](llvm::CallInst &call) { addTo(call, 1, -8192); }),
                testing::AnyOf(says(underWay), says(hangs)))
        << which;
    EXPECT_THAT(runWith(expect, which, expectations, [](llvm::CallInst &call) { addTo(call, 1, 16); }), says(hangs))
        << which;
  }
}

TEST_P(HopperAttentionTest, missingBarriersOfTheBlock) {
  EXPECT_THAT(runWithout(deviceBarrier, 0, 1), says(noBarrier));
  EXPECT_THAT(runWithout("fence.mbarrier_init", 0, 1), says(noBarrier));
  for (size_t which = 0; which < Meetings; ++which)
    if (isMine(which))
      EXPECT_THAT(runWithout(meeting, which, Meetings),
                  testing::AnyOf(says(hangs), says(races), says(mayUse), says(underWay)))
          << which;
  auto withoutBoth = [&](Meeting copier, Meeting other) {
    return runWith([&](llvm::Module &device) {
      llvm::SmallVector<llvm::CallInst *> calls = callsOf(device, meeting);
      ASSERT_EQ(calls.size(), Meetings);
      calls[copier]->eraseFromParent();
      calls[other]->eraseFromParent();
    });
  };
  EXPECT_THAT(withoutBoth(CopierAtRows, AtRows), testing::AnyOf(says(mayUse), says(underWay), says(races)));
  EXPECT_THAT(withoutBoth(CopierAtStores, AtStores), testing::AnyOf(says(races), says(unwritten)));
}

TEST_P(HopperAttentionTest, phasesThatNobodyWaitsFor) {
  // The first keys find a free place in any case.
  for (size_t which = CopyKeys; which < PhaseWaits; ++which)
    if (isMine(which))
      EXPECT_THAT(runWith(phaseWait, which, PhaseWaits,
                          [](llvm::CallInst &call) {
                            call.replaceAllUsesWith(llvm::ConstantInt::get(call.getType(), 1));
                            call.eraseFromParent();
                          }),
                  testing::AnyOf(says(mayUse), says(underWay), says(unwritten), says(allArrived)))
          << which;
}

TEST_P(HopperAttentionTest, phasesOfTheOtherParity) {
  for (size_t which = 0; which < PhaseWaits; ++which)
    if (isMine(which))
      EXPECT_THAT(runWith(phaseWait, which, PhaseWaits,
                          [](llvm::CallInst &call) {
                            llvm::IRBuilder<> b(&call);
                            call.setArgOperand(1, b.CreateXor(call.getArgOperand(1), b.getInt32(1)));
                          }),
                  testing::AnyOf(says(hangs), says(mayUse), says(underWay), says(unwritten)))
          << which;
}

TEST_P(HopperAttentionTest, slabsThatAreGivenBackTooEarly) {
  // Before their products are waited for.
  for (auto [gives, waits] : {std::pair(GivesKeys, ForScores), std::pair(GivesValues, ForMix)})
    EXPECT_THAT(runWith([&](llvm::Module &device) {
                  llvm::BasicBlock *after = callsOf(device, giveBack)[gives]->getParent()->getSingleSuccessor();
                  ASSERT_TRUE(after);
                  callsOf(device, productWait)[waits]->moveBefore(after->getFirstInsertionPt());
                }),
                says(mayUse))
        << gives;
  // A warp fewer has to be done with them, or one more than there are; nobody gives them back.
  auto withArrivals = [](int64_t more) {
    return [more](llvm::Module &device) {
      for (llvm::CallInst *made : callsOf(device, "mbarrier.init"))
        if (cast<llvm::ConstantInt>(made->getArgOperand(1))->getSExtValue() > 1)
          addTo(*made, 1, more);
    };
  };
  EXPECT_THAT(runWith(withArrivals(-1)), testing::AnyOf(says(mayUse), says(allArrived)));
  EXPECT_THAT(runWith(withArrivals(1)), says(hangs));
  for (size_t which = 0; which < GiveBacks; ++which)
    if (isMine(which))
      EXPECT_THAT(runWithout(giveBack, which, GiveBacks), says(hangs)) << which;
}

TEST_P(HopperAttentionTest, productsThatAreNotWaitedFor) {
  for (size_t which = 0; which < ProductWaits; ++which)
    if (isMine(which))
      EXPECT_THAT(runWithout(productWait, which, ProductWaits), testing::AnyOf(says(takesSums), says(mayUse))) << which;
  // The scores' products, and the mix of the slab before, which is waited for only later.
  EXPECT_THAT(runWith(productWait, ForScores, ProductWaits, [](llvm::CallInst &call) { addTo(call, 0, 1); }),
              testing::AnyOf(says(takesSums), says(mayUse)));
  EXPECT_THAT(runWith(productWait, ForMix, ProductWaits, [](llvm::CallInst &call) { addTo(call, 0, 1); }),
              testing::AnyOf(says(takesSums), says(mayUse)));
}

TEST_P(HopperAttentionTest, groupsThatAreNotClosed) {
  for (size_t which = 0; which < ProductGroups; ++which)
    if (isMine(which))
      EXPECT_THAT(runWithout(commit, which, ProductGroups), testing::AnyOf(says(takesSums), says(mayUse))) << which;
}

TEST_P(HopperAttentionTest, productsWithoutFence) {
  // The fence before values is one more than the emulator asks for: nothing was written since the one before keys.
  for (size_t which : {OfFirstKeys, OfKeys, OfLastValues})
    if (isMine(which))
      EXPECT_THAT(runWithout(fence, which, ProductGroups), says(noProduct)) << which;
}

TEST_P(HopperAttentionTest, operandsInRegisters) {
  // A word that is not the one that was set.
  EXPECT_THAT(runWith([](llvm::Module &device) { addTo(*callsOf(device, product).back(), 0, 1); }), says(noProduct));
  // Powers of the next slab come while the mix may still read those before: nobody takes sums, which would tell.
  EXPECT_THAT(runWith([](llvm::Module &device) {
                callsOf(device, productWait)[ForMix]->eraseFromParent();
                callsOf(device, giveBack)[GivesValues]->eraseFromParent();
                for (llvm::CallInst *call : callsOf(device, sum)) {
                  call->replaceAllUsesWith(call->getArgOperand(1));
                  call->eraseFromParent();
                }
              }),
              says("changes registers that products may still read"));
}

TEST_P(HopperAttentionTest, registersThatAreNotThere) {
  if (isMine(0))
    EXPECT_THAT(runWithout("setmaxnreg.dec", 0, 1), says(hangs));
  auto with = [&](llvm::StringRef name, int64_t count) {
    return runWith(name, 0, 1, [&](llvm::CallInst &call) {
      call.setArgOperand(0, llvm::ConstantInt::get(call.getArgOperand(0)->getType(), count));
    });
  };
  if (isMine(1))
    EXPECT_THAT(with("setmaxnreg.inc", 248), says(hangs));
  constexpr std::pair<const char *, int64_t> counts[] = {
      {"setmaxnreg.inc", 160}, {"setmaxnreg.dec", 176}, {"setmaxnreg.dec", 16}, {"setmaxnreg.inc", 236}};
  for (auto [which, change] : llvm::enumerate(counts))
    if (isMine(which))
      EXPECT_THAT(with(change.first, change.second), says("asks for a number of registers that it cannot have"))
          << which;
}

TEST_P(HopperAttentionTest, placesThatNoInstructionTakes) {
  // Descriptors that begin within a pattern: of queries, of keys, of values.
  auto with = [&](size_t which, unsigned operand) {
    return runWith(product, which, 20, [&](llvm::CallInst &call) { addTo(call, operand, 8); });
  };
  constexpr std::pair<size_t, unsigned> operands[] = {{0, 0}, {0, 1}, {19, 4}};
  for (auto [which, operand] : llvm::enumerate(operands))
    if (isMine(which))
      EXPECT_THAT(with(operand.first, operand.second), says("what no descriptor can say")) << which;
}

INSTANTIATE_TEST_SUITE_P(orders, HopperAttentionTest, testing::Values(0, 1, 20240609));

} // namespace
} // namespace nnf
