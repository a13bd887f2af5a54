#include "compiler/builder/FunctionTable.h"
#include "dialects/nnf/Nnf.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include <gmock/gmock.h>

namespace nnf {
namespace {

TEST(FunctionTable, IsSortedAndFindsEveryName) {
  std::string_view before;
  for (const Function &function : allFunctions()) {
    EXPECT_LT(before, function.name);
    before = function.name;
    EXPECT_EQ(findFunction(function.name), &function);
    if (function.inplaceTwin.empty())
      continue;
    bool isTwin = false;
    EXPECT_EQ(findFunction(function.inplaceTwin, &isTwin), &function) << function.inplaceTwin;
    EXPECT_TRUE(isTwin);
  }
}

// The table is made from the records by our backend, the ops by MLIR's: they must tell the same story.
TEST(FunctionTable, AgreesWithTheOps) {
  mlir::MLIRContext context;
  context.loadDialect<NnfDialect>();
  for (const Function &function : allFunctions()) {
    auto op = mlir::RegisteredOperationName::lookup(("nnf." + std::string(function.name)), &context);
    ASSERT_TRUE(op) << function.name;
    EXPECT_TRUE(op->hasInterface<mlir::InferTypeOpInterface>()) << function.name;
    for (const Parameter &parameter : function.parameters)
      if (!parameter.isOperand())
        EXPECT_TRUE(llvm::is_contained(op->getAttributeNames(), llvm::StringRef(parameter.name)))
            << function.name << " " << parameter.name;
  }
}

TEST(FunctionTable, SignatureIsAsInPython) {
  EXPECT_EQ(findFunction("leaky_relu")->signature(), "leaky_relu(input, negative_slope=0.01, inplace=False)");
}

TEST(FunctionTable, NearestName) {
  EXPECT_EQ(nearestFunction("rellu"), "relu");
  EXPECT_EQ(nearestFunction("sigmiod"), "sigmoid");
  EXPECT_EQ(nearestFunction("completely_different"), "");
}

} // namespace
} // namespace nnf
