#include "compiler/builder/GraphBuilder.h"
#include "GraphText.h"
#include "dialects/nnf/Nnf.h"
#include <gmock/gmock.h>

#define GET_OP_CLASSES
#include "dialects/nnf/ops/Activation.h.inc"

namespace nnf {
namespace {

using testing::HasSubstr;
using testing::Not;

class GraphBuilderTest : public testing::Test {
protected:
  GraphBuilderTest() : errors(context), builder(context, "net") {
    x = *builder.addInput("x", builder.ops().getF32Type(), {builder.symbol("N"), builder.size(8)});
  }
  /// The one output of a node that must be right.
  TensorId node(llvm::StringRef function, std::vector<Argument> arguments) {
    auto outputs = builder.addNode(function, arguments, {"n", "", {"n_out"}});
    EXPECT_TRUE(succeeded(outputs)) << errors.first();
    return succeeded(outputs) ? outputs->front() : TensorId();
  }
  /// The error of a node that must be wrong.
  std::string errorOf(llvm::StringRef function, std::vector<Argument> arguments,
                      std::vector<std::string> outputs = {}) {
    EXPECT_TRUE(failed(builder.addNode(function, arguments, {"n", "", outputs})));
    EXPECT_FALSE(builder.finish());
    return errors.first();
  }
  mlir::func::FuncOp finish(std::vector<std::pair<std::string, TensorId>> outputs) {
    EXPECT_TRUE(succeeded(builder.setOutputs(outputs)));
    module = builder.finish();
    EXPECT_TRUE(module) << errors.first();
    return module->lookupSymbol<mlir::func::FuncOp>("main");
  }

  mlir::MLIRContext context;
  test::Errors errors;
  GraphBuilder builder;
  TensorId x;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

TEST_F(GraphBuilderTest, ANodeKeepsSymbolsNamesAndDefaults) {
  mlir::func::FuncOp main = finish({{"y", node("leaky_relu", {{"input", x}, {"negative_slope", int64_t(2)}})}});
  auto op = *main.getOps<LeakyReluOp>().begin();
  EXPECT_EQ(op.getNegativeSlope(), 2.0);
  EXPECT_EQ(toString(shapeOf(op.getOutput())), "[N, 8]");
  EXPECT_EQ(nodeText(op.getLoc()), "node 'n' (leaky_relu)");
  EXPECT_THAT(outputNames(op.getLoc()), testing::ElementsAre("n_out"));
  EXPECT_EQ(main.getArgAttrOfType<mlir::StringAttr>(0, "nnf.name"), "x");
  EXPECT_EQ(main.getResultAttrOfType<mlir::StringAttr>(0, "nnf.name"), "y");
}

TEST_F(GraphBuilderTest, ATwinChangesItsArgumentForLaterNodes) {
  TensorId first = node("relu_", {{"input", x}});
  TensorId second = node("tanh", {{"input", x}});
  mlir::func::FuncOp main = finish({{"y", second}});
  EXPECT_EQ(builder.value(first), (*main.getOps<ReluOp>().begin()).getOutput());
  EXPECT_EQ((*main.getOps<TanhOp>().begin()).getInput(), (*main.getOps<ReluOp>().begin()).getOutput());
  // The caller's buffer is to hold relu's result.
  ASSERT_EQ(main.getNumResults(), 2u);
  EXPECT_EQ(main.getArgAttrOfType<mlir::IntegerAttr>(0, "nnf.inout").getInt(), 1);
  EXPECT_TRUE(main.getResultAttr(1, "nnf.effect"));
  EXPECT_EQ(main.getResultAttrOfType<mlir::StringAttr>(1, "nnf.name"), "x");
}

TEST_F(GraphBuilderTest, InplaceTrueDoesTheSameAndFalseDoesNot) {
  node("relu", {{"input", x}, {"inplace", true}});
  node("tanh", {{"input", x}});
  TensorId last = node("relu", {{"input", x}, {"inplace", false}});
  mlir::func::FuncOp main = finish({{"y", last}});
  EXPECT_EQ(main.getNumResults(), 2u);
  EXPECT_EQ((*main.getOps<TanhOp>().begin()).getInput(), (*main.getOps<ReluOp>().begin()).getOutput());
}

TEST_F(GraphBuilderTest, AnOutputThatNamesAChangedInputIsItsNewValue) {
  node("relu_", {{"input", x}});
  mlir::func::FuncOp main = finish({{"x", x}});
  EXPECT_EQ(main.getNumResults(), 1u);
  EXPECT_EQ(main.getArgAttrOfType<mlir::IntegerAttr>(0, "nnf.inout").getInt(), 0);
  EXPECT_FALSE(main.getResultAttr(0, "nnf.effect"));
}

TEST_F(GraphBuilderTest, ChangingATensorDoesNotChangeWhatWasMadeFromIt) {
  TensorId y = node("tanh", {{"input", x}});
  TensorId z = node("relu_", {{"input", y}});
  node("sigmoid", {{"input", z}, {"_stacklevel", int64_t(3)}});
  EXPECT_EQ(builder.value(y), builder.value(z));
  node("tanh", {{"input", z}});
  mlir::func::FuncOp main = finish({{"y", y}});
  EXPECT_EQ(main.getNumResults(), 1u);
  EXPECT_FALSE(main.getArgAttr(0, "nnf.inout"));
}

TEST_F(GraphBuilderTest, LargeConstantsAreWeights) {
  auto element = builder.ops().getF32Type();
  builder.addConstant("small", mlir::RankedTensorType::get({256}, element), std::vector<uint8_t>(1024), "here");
  builder.addConstant("large", mlir::RankedTensorType::get({257}, element), std::vector<uint8_t>(1028), "there");
  mlir::func::FuncOp main = finish({{"y", x}});
  ASSERT_EQ(std::distance(main.getOps<ConstantOp>().begin(), main.getOps<ConstantOp>().end()), 1);
  auto weight = *main.getOps<WeightOp>().begin();
  EXPECT_EQ(weight.getName(), "large");
  const Weight *stored = context.getLoadedDialect<NnfDialect>()->weights().find("large");
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->bytes.size(), 1028u);
  EXPECT_EQ(stored->provenance, "there");
}

TEST_F(GraphBuilderTest, BoolConstantsAreNormalised) {
  builder.addConstant("flags", mlir::RankedTensorType::get({1030}, builder.ops().getI1Type()),
                      std::vector<uint8_t>(1030, 7), "");
  const Weight *stored = context.getLoadedDialect<NnfDialect>()->weights().find("flags");
  EXPECT_EQ(stored->bytes[1029], 1);
}

TEST_F(GraphBuilderTest, FixedSymbolsAreNumbers) {
  ReadOptions options;
  options.dims = {{"N", 4}};
  GraphBuilder fixed(context, "net", options);
  TensorId input = *fixed.addInput("x", fixed.ops().getF32Type(), {fixed.symbol("N")});
  EXPECT_TRUE(succeeded(fixed.setOutputs({{"x", input}})));
  auto made = fixed.finish();
  ASSERT_TRUE(made);
  EXPECT_THAT(test::textOf(*made), HasSubstr("tensor<4xf32>"));
}

TEST_F(GraphBuilderTest, AFixedSymbolNobodyHasIsAnError) {
  ReadOptions options;
  options.dims = {{"M", 4}};
  GraphBuilder fixed(context, "net", options);
  EXPECT_FALSE(fixed.finish());
  EXPECT_EQ(errors.first(),
            "size 'M': fixed to 4, but no input has a size of that name, and none has a named size [NNFC-E0016]");
}

TEST_F(GraphBuilderTest, UnknownOp) {
  EXPECT_EQ(errorOf("rellu", {}), "node 'n' (rellu): op 'rellu' is unknown, did you mean 'relu'? [NNFC-E0201]");
}
TEST_F(GraphBuilderTest, UnknownArgument) {
  EXPECT_EQ(errorOf("leaky_relu", {{"input", x}, {"slope", 1.0}}),
            "node 'n' (leaky_relu), argument 'slope': no parameter of that name, expected one of input, "
            "negative_slope, inplace [NNFC-E0202]");
}
TEST_F(GraphBuilderTest, MissingArgument) {
  EXPECT_EQ(errorOf("relu", {}), "node 'n' (relu), argument 'input': missing, expected a tensor [NNFC-E0204]");
}
TEST_F(GraphBuilderTest, ArgumentTwice) {
  EXPECT_EQ(errorOf("relu", {{"input", x}, {"input", x}}),
            "node 'n' (relu), argument 'input': given twice, expected once [NNFC-E0203]");
}
TEST_F(GraphBuilderTest, WrongKind) {
  EXPECT_EQ(errorOf("relu", {{"input", 2.5}}),
            "node 'n' (relu), argument 'input': the number 2.5, expected a tensor [NNFC-E0205]");
}
TEST_F(GraphBuilderTest, WrongKindOfAttribute) {
  EXPECT_EQ(errorOf("leaky_relu", {{"input", x}, {"negative_slope", std::string("a")}}),
            "node 'n' (leaky_relu), argument 'negative_slope': the string 'a', expected a number [NNFC-E0205]");
}
TEST_F(GraphBuilderTest, InplaceMustBeBool) {
  EXPECT_EQ(errorOf("relu", {{"input", x}, {"inplace", int64_t(1)}}),
            "node 'n' (relu), argument 'inplace': the integer 1, expected a bool [NNFC-E0205]");
}
TEST_F(GraphBuilderTest, WrongNumberOfOutputs) {
  EXPECT_EQ(errorOf("relu", {{"input", x}}, {"a", "b"}), "node 'n' (relu): 2 outputs named, expected 1 [NNFC-E0122]");
}
TEST_F(GraphBuilderTest, TwoInputsOfOneName) {
  EXPECT_TRUE(failed(builder.addInput("x", builder.ops().getF32Type(), {})));
  EXPECT_EQ(errors.first(), "input 'x': there are two inputs of that name, expected one [NNFC-E0107]");
}
TEST_F(GraphBuilderTest, NoOutputs) {
  EXPECT_FALSE(builder.finish());
  EXPECT_EQ(errors.first(), "graph 'net': no outputs, expected at least one [NNFC-E0111]");
}
TEST_F(GraphBuilderTest, HugeInput) {
  Dim huge = builder.size(int64_t(1) << 31);
  EXPECT_TRUE(failed(builder.addInput("huge", builder.ops().getF32Type(), {huge, huge, huge})));
  EXPECT_THAT(errors.first(), HasSubstr("input 'huge': sizes [2147483648, 2147483648, 2147483648], expected at most"));
}

} // namespace
} // namespace nnf
