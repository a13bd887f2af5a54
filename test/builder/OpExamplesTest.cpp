// The example of each record is parsed and verified: it is what the docs show.
#include "GraphText.h"
#include "compiler/builder/FunctionTable.h"
#include "dialects/nnf/Nnf.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include <gtest/gtest.h>
#include <regex>
#include <set>

namespace nnf {
namespace {

/// Splits "a, b<c, d>" at commas outside of brackets.
std::vector<std::string> splitTypes(const std::string &text) {
  std::vector<std::string> parts(1);
  int depth = 0;
  for (char c : text) {
    depth += c == '<' || c == '[';
    depth -= c == '>' || c == ']';
    if (c == ',' && depth == 0)
      parts.emplace_back();
    else
      parts.back() += c;
  }
  return parts;
}

/// The example in a function whose arguments are the values that the example leaves undefined.
std::string wrap(const std::string &example) {
  // One op: results, name, operands, attributes, and the types of the operands.
  static const std::regex op(R"((?:([%\w, ]+) = )?(nnf\.\w+) ((?:%\w+(?:, )?)+)[^:]*(?:\{[^}]*\})? *: \(([^)]*)\) ->)");
  static const std::regex defined(R"((%\w+(?:, *%\w+)*) *=)"), name(R"(%\w+)");
  std::set<std::string> known;
  for (std::sregex_iterator it(example.begin(), example.end(), defined), end; it != end; ++it) {
    std::string list = (*it)[1];
    for (std::sregex_iterator one(list.begin(), list.end(), name); one != end; ++one)
      known.insert(one->str());
  }
  std::string arguments;
  for (std::sregex_iterator it(example.begin(), example.end(), op), end; it != end; ++it) {
    std::string operands = (*it)[3];
    std::vector<std::string> types = splitTypes((*it)[4]);
    size_t i = 0;
    for (std::sregex_iterator one(operands.begin(), operands.end(), name); one != end; ++one, ++i)
      if (i < types.size() && known.insert(one->str()).second)
        arguments += (arguments.empty() ? "" : ", ") + one->str() + ": " + types[i];
  }
  return "func.func @example(" + arguments + ") {\n" + example + "\nreturn\n}\n";
}

class OpExample : public testing::TestWithParam<const Function *> {};

TEST_P(OpExample, IsParsedAndVerified) {
  const Function &function = *GetParam();
  mlir::MLIRContext context;
  context.loadDialect<NnfDialect, mlir::func::FuncDialect>();
  test::Errors errors(context);
  std::string source = wrap(std::string(function.example));
  mlir::OwningOpRef<mlir::ModuleOp> module = mlir::parseSourceString<mlir::ModuleOp>(source, &context);
  ASSERT_TRUE(module) << source << errors.first();
  bool found = false;
  module->walk(
      [&](mlir::Operation *op) { found |= op->getName().getStringRef() == "nnf." + std::string(function.name); });
  EXPECT_TRUE(found) << "the example does not show the function\n" << source;
}

std::vector<const Function *> functions() {
  std::vector<const Function *> list;
  for (const Function &function : allFunctions())
    list.push_back(&function);
  return list;
}
INSTANTIATE_TEST_SUITE_P(Records, OpExample, testing::ValuesIn(functions()),
                         [](const auto &info) { return std::string(info.param->name); });

} // namespace
} // namespace nnf
