#include "codegen/driver/Arena.h"
#include <gmock/gmock.h>
#include <random>

namespace nnf {
namespace {

using Lifetimes = llvm::SmallVector<Lifetime>;

/// No two values that are alive at the same time share a byte, and all lie in the arena.
void expectApart(const Lifetimes &values, const ArenaPlan &plan) {
  ASSERT_EQ(plan.offsets.size(), values.size());
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_GE(plan.offsets[i], 0);
    EXPECT_EQ(plan.offsets[i] % arenaAlignment, 0);
    EXPECT_LE(plan.offsets[i] + values[i].bytes, plan.bytes);
    for (size_t j = 0; j < i; ++j)
      if (values[i].bytes && values[j].bytes && values[i].overlaps(values[j]))
        EXPECT_TRUE(plan.offsets[i] + values[i].bytes <= plan.offsets[j] ||
                    plan.offsets[j] + values[j].bytes <= plan.offsets[i])
            << i << " and " << j;
  }
}

/// Of the plan to what is alive.
double ratioOf(const Lifetimes &values) {
  ArenaPlan plan = planArena(values);
  expectApart(values, plan);
  return double(plan.bytes) / double(liveBytes(values));
}

/// Layers of a transformer: x is read by the norm and by the sum at the end, twice; the second half has a wide layer.
Lifetimes transformer(int layers, int64_t unit, int64_t wide) {
  Lifetimes values;
  unsigned at = 0;
  values.push_back({unit, at, at + 5}); // x
  for (int layer = 0; layer < layers; ++layer) {
    values.push_back({unit, at + 1, at + 2});        // norm
    values.push_back({3 * unit, at + 2, at + 3});    // queries, keys and values
    values.push_back({unit, at + 3, at + 4});        // attention
    values.back().last = at + 5;                     // projected and added
    values.push_back({unit, at + 5, at + 8});        // x
    values.push_back({unit, at + 6, at + 7});        // norm
    values.push_back({wide * unit, at + 7, at + 8}); // wide
    values.push_back({unit, at + 8, at + 13});       // x
    at += 8;
  }
  return values;
}

TEST(Arena, EmptyAndSingle) {
  EXPECT_EQ(planArena({}).bytes, 0);
  EXPECT_EQ(planArena({{{0, 0, 3}, {128, 1, 2}, {0, 1, 1}}}).bytes, 128);
}

TEST(Arena, ChainTakesTwoNeighbours) { EXPECT_EQ(ratioOf({{64, 0, 1}, {128, 1, 2}, {192, 2, 3}, {64, 3, 4}}), 1.0); }

/// Large values first leave a hole of 3 between them that nothing fits.
TEST(Arena, TransformersTakeWhatIsAlive) {
  for (int64_t wide : {2, 3, 4, 5})
    EXPECT_LE(ratioOf(transformer(12, 605184, wide)), 1.0) << wide;
}

TEST(Arena, RandomGraphsStayNear) {
  double worst = 0, sum = 0;
  constexpr int graphs = 60;
  for (int seed = 0; seed < graphs; ++seed) {
    std::mt19937 draw(seed);
    Lifetimes values;
    for (unsigned at = 0; at < 60; ++at)
      values.push_back({64 * int64_t(1 + draw() % 40), at, at + 1 + unsigned(draw() % 4 ? 0 : draw() % 12)});
    double ratio = ratioOf(values);
    worst = std::max(worst, ratio);
    sum += ratio;
  }
  EXPECT_LE(worst, 1.10);
  EXPECT_LE(sum / graphs, 1.02);
}

TEST(Arena, PlansAreRepeatable) {
  Lifetimes values = transformer(6, 640, 3);
  EXPECT_EQ(planArena(values).offsets, planArena(values).offsets);
}

} // namespace
} // namespace nnf
