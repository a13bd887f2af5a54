#include "compiler/import/NodeOrder.h"
#include <gmock/gmock.h>

namespace nnf {
namespace {

using testing::ElementsAre;

/// {"a", "b"} reads b, makes a.
message::Graph chain(std::vector<std::pair<std::string, std::string>> nodes) {
  message::Graph graph;
  for (auto &[output, input] : nodes)
    graph.nodes.push_back({"relu", output, {{"input", message::TensorName{input}}}, {output}});
  return graph;
}

TEST(NodeOrder, FileOrderStaysWhereItCan) {
  NodeOrder order = orderNodes(chain({{"b", "x"}, {"a", "x"}, {"c", "b"}}));
  EXPECT_THAT(order.nodes, ElementsAre(0, 1, 2));
  EXPECT_FALSE(order.firstOutOfOrder);
}

TEST(NodeOrder, ReadersGoAfterMakers) {
  NodeOrder order = orderNodes(chain({{"c", "b"}, {"d", "x"}, {"b", "a"}, {"a", "x"}}));
  EXPECT_THAT(order.nodes, ElementsAre(1, 3, 2, 0));
  EXPECT_EQ(order.firstOutOfOrder, 0u);
}

TEST(NodeOrder, ACycleIsNamed) {
  NodeOrder order = orderNodes(chain({{"tail", "a"}, {"a", "c"}, {"b", "a"}, {"c", "b"}, {"free", "x"}}));
  ASSERT_EQ(order.cycle.size(), 3u);
  EXPECT_THAT(order.cycle, testing::UnorderedElementsAre(1, 2, 3));
}

TEST(NodeOrder, ANodeThatReadsItself) { EXPECT_THAT(orderNodes(chain({{"a", "a"}})).cycle, ElementsAre(0)); }

TEST(NodeOrder, LongChainsBackwardsNeedNoStack) {
  std::vector<std::pair<std::string, std::string>> nodes;
  for (int i = 200000; i > 0; --i)
    nodes.push_back({std::to_string(i), std::to_string(i - 1)});
  NodeOrder order = orderNodes(chain(nodes));
  EXPECT_EQ(order.nodes.size(), 200000u);
  EXPECT_EQ(order.nodes.front(), 199999u);
}

} // namespace
} // namespace nnf
