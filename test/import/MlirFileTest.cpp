#include "compiler/import/MlirFile.h"
#include "Folder.h"
#include "compiler/builder/GraphBuilder.h"
#include "test/builder/GraphText.h"
#include <gmock/gmock.h>

namespace nnf {
namespace {

using testing::HasSubstr;

class MlirFileTest : public testing::Test {
protected:
  MlirFileTest() : errors(context) {}
  std::string errorOf(const std::string &text, const ReadOptions &options = {}) {
    EXPECT_FALSE(readMlirFile(context, folder.write("net.mlir", text), options));
    return errors.first();
  }
  mlir::MLIRContext context;
  test::Errors errors;
  test::Folder folder;
};

TEST_F(MlirFileTest, RoundTripWithWeightsAndNames) {
  GraphBuilder builder(context, "net");
  auto element = builder.ops().getF32Type();
  TensorId x = *builder.addInput("x", element, {builder.symbol("N"), builder.size(300)});
  TensorId w = builder.addConstant("w", mlir::RankedTensorType::get({300}, element), std::vector<uint8_t>(1200, 5), "");
  TensorId y = *builder.addUnaryOutputNode("prelu", {{"input", x}, {"weight", w}}, {"act", "", {"y"}});
  ASSERT_TRUE(succeeded(builder.setOutputs({{"y", y}})));
  auto module = builder.finish();
  ASSERT_TRUE(module);
  ASSERT_TRUE(succeeded(writeMlirFile(*module, folder / "net.mlir")));
  EXPECT_FALSE((*module)->getAttr("nnf.weights"));

  mlir::MLIRContext other;
  test::Errors otherErrors(other);
  auto again = readMlirFile(other, folder / "net.mlir");
  ASSERT_TRUE(again) << otherErrors.first();
  EXPECT_EQ((*again)->getAttrOfType<mlir::StringAttr>("nnf.weights"), "net.safetensors");
  auto &op = again->lookupSymbol<mlir::func::FuncOp>("main").getBody().front().back();
  mlir::Operation *prelu = op.getOperand(0).getDefiningOp();
  EXPECT_EQ(nodeText(prelu->getLoc()), "node 'act' (prelu)");
  EXPECT_THAT(outputNames(prelu->getLoc()), testing::ElementsAre("y"));
  const Weight *weight = other.getLoadedDialect<NnfDialect>()->weights().find("w");
  ASSERT_TRUE(weight);
  EXPECT_EQ(weight->bytes[1199], 5);
}

TEST_F(MlirFileTest, FixedSizes) {
  ReadOptions options;
  options.dims = {{"N", 3}};
  auto module = readMlirFile(context, folder.write("net.mlir", R"(
    func.func @main(%x: tensor<?x?xf32, #nnf.dims<[N, N * 2]>> {nnf.name = "x"}) -> (tensor<?x?xf32, #nnf.dims<[N, N * 2]>> {nnf.name = "y"}) {
      %y = nnf.relu %x : (tensor<?x?xf32, #nnf.dims<[N, N * 2]>>) -> tensor<?x?xf32, #nnf.dims<[N, N * 2]>>
      return %y : tensor<?x?xf32, #nnf.dims<[N, N * 2]>>
    })"),
                             options);
  ASSERT_TRUE(module) << errors.first();
  EXPECT_THAT(test::textOf(*module), HasSubstr("(tensor<3x6xf32>) -> tensor<3x6xf32>"));
}

TEST_F(MlirFileTest, SizesNeedNames) {
  EXPECT_THAT(errorOf("func.func @main(%x: tensor<?xf32>) -> tensor<?xf32> { return %x : tensor<?xf32> }"),
              HasSubstr("sizes that are not fixed, expected #nnf.dims"));
}
TEST_F(MlirFileTest, NamesFitTheSizes) {
  EXPECT_THAT(errorOf("func.func @main(%x: tensor<?x4xf32, #nnf.dims<[N]>>) { return }"),
              HasSubstr("expected #nnf.dims"));
}
TEST_F(MlirFileTest, NestedTooDeeply) {
  EXPECT_THAT(errorOf("func.func @main() attributes {a = " + std::string(100000, '[')), HasSubstr("nested too deeply"));
}
TEST_F(MlirFileTest, WeightsNeedAFile) {
  EXPECT_THAT(errorOf(R"(func.func @main() -> (tensor<400xf32> {nnf.name = "y"}) {
                           %w = nnf.weight "w" : tensor<400xf32>
                           return %w : tensor<400xf32> })"),
              HasSubstr("weight 'w': the module names no file of weights"));
}
TEST_F(MlirFileTest, NoMain) { EXPECT_EQ(errorOf("module {}"), "no graph: expected a function @main [NNFC-E0132]"); }
TEST_F(MlirFileTest, NoText) { EXPECT_NE(errorOf("\x01\x02"), ""); }

} // namespace
} // namespace nnf
