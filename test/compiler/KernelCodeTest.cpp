#include "compiler/kernels/KernelCode.h"
#include "compiler/Diagnostics.h"
#include "compiler/ReadModel.h"
#include "dialects/nnf/Nnf.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Object/ObjectFile.h"
#include <gmock/gmock.h>

using namespace mlir;

namespace nnf {
namespace {

constexpr char add[] = R"(
  nnf.kernel @some(%a: tensor<4x8xf32>, %b: tensor<4x8xf32>) -> tensor<4x8xf32> attributes {symbols = [], title = "add"} {
    %0 = nnf.prim.add %a, %b : (tensor<4x8xf32>, tensor<4x8xf32>) -> tensor<4x8xf32>
    nnf.yield %0 : tensor<4x8xf32>
  })";
constexpr char ofSizes[] = R"(
  nnf.kernel @sizes(%a: tensor<?x?xf32, #nnf.dims<[N, M]>>) -> tensor<?x?xf32, #nnf.dims<[M, N]>>
      attributes {symbols = ["N", "M"], title = "transpose"} {
    %0 = nnf.prim.transpose %a {perm = array<i64: 1, 0>}
        : (tensor<?x?xf32, #nnf.dims<[N, M]>>) -> tensor<?x?xf32, #nnf.dims<[M, N]>>
    nnf.yield %0 : tensor<?x?xf32, #nnf.dims<[M, N]>>
  })";

/// A kernel of a module, and the source it gives.
struct Kernel {
  explicit Kernel(const std::string &text, const char *cpu = "x86-64-v3", unsigned level = 2)
      : context(createContext()), sink(*context), module(parseSourceString<ModuleOp>(text, context.get())),
        target(llvm::cantFail(CpuTarget::create({"x86_64-linux-gnu", cpu, level}))) {
    options.target = target.info();
    EXPECT_TRUE(module) << sink.errors();
  }
  KernelSource source() { return KernelSource(&module->getBody()->front(), target, options); }
  KernelSource::Code compile() {
    std::string error;
    std::optional<KernelSource::Code> code = source().compile(error);
    EXPECT_TRUE(code) << error;
    return code ? *code : KernelSource::Code();
  }

  std::unique_ptr<MLIRContext> context;
  DiagnosticSink sink;
  OwningOpRef<ModuleOp> module;
  CpuTarget target;
  PipelineOptions options;
};

std::string replaced(std::string text, const std::string &from, const std::string &to) {
  for (size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

TEST(KernelSource, HashIsOfWhatDecidesTheCode) {
  std::string symbol = Kernel(add).source().symbol();
  EXPECT_EQ(Kernel(replaced(add, "@some", "@other")).source().symbol(), symbol);
  EXPECT_EQ(Kernel(replaced(add, "%a", "%x")).source().symbol(), symbol);
  EXPECT_NE(Kernel(replaced(add, "8x", "9x")).source().symbol(), symbol);
  EXPECT_NE(Kernel(replaced(add, "4x8", "8x4")).source().symbol(), symbol);
  EXPECT_NE(Kernel(replaced(add, "prim.add", "prim.mul")).source().symbol(), symbol);
  EXPECT_NE(Kernel(add, "x86-64-v2").source().symbol(), symbol);
  EXPECT_NE(Kernel(add, "x86-64-v4").source().symbol(), symbol);
  EXPECT_NE(Kernel(add, "haswell").source().symbol(), symbol); // the same registers, another schedule
  EXPECT_NE(Kernel(add, "x86-64-v3", 3).source().symbol(), symbol);
  EXPECT_NE(Kernel(replaced(add, "title", "nnf.choice = \"direct\", title")).source().symbol(), symbol);
  // Every fact that passes are told.
  for (auto change : {+[](TargetInfo &t) { t.vectorBytes = 16; }, +[](TargetInfo &t) { t.vectorRegisters = 32; },
                      +[](TargetInfo &t) { t.hasFma = false; }, +[](TargetInfo &t) { t.hasF16c = false; },
                      +[](TargetInfo &t) { t.hasByteDots = true; }, +[](TargetInfo &t) { t.l1Bytes = 1 << 16; },
                      +[](TargetInfo &t) { t.l2Bytes = 1 << 21; }}) {
    Kernel changed(add);
    change(changed.options.target);
    EXPECT_NE(changed.source().symbol(), symbol);
  }
}

TEST(KernelSource, CodeDoesNotDependOnWhatElseThereIs) {
  KernelSource::Code code = Kernel(ofSizes).compile();
  // Other symbols have come first, so that N and M have other numbers here.
  Kernel later(ofSizes);
  NnfDialect *dialect = later.context->getLoadedDialect<NnfDialect>();
  Kernel other(replaced(replaced(ofSizes, "N", "K"), "M", "N"));
  for (const char *name : {"Z", "Y", "M"})
    dialect->symbolId(name);
  EXPECT_EQ(later.compile().object, code.object);
  EXPECT_EQ(later.compile().declaration, code.declaration);
  EXPECT_NE(other.source().symbol(), later.source().symbol());
}

TEST(KernelSource, ObjectDefinesTheEntryAndNeedsNothing) {
  for (const char *text : {add, ofSizes}) {
    Kernel kernel(text);
    KernelSource::Code code = kernel.compile();
    auto object = llvm::object::ObjectFile::createObjectFile(
        llvm::MemoryBufferRef(llvm::StringRef(code.object.data(), code.object.size()), "object"));
    ASSERT_TRUE(bool(object)) << llvm::toString(object.takeError());
    std::vector<std::string> visible;
    for (const llvm::object::SymbolRef &symbol : (*object)->symbols()) {
      uint32_t flags = llvm::cantFail(symbol.getFlags());
      EXPECT_FALSE(flags & llvm::object::SymbolRef::SF_Undefined && !llvm::cantFail(symbol.getName()).empty());
      if (flags & llvm::object::SymbolRef::SF_Global) {
        visible.push_back(llvm::cantFail(symbol.getName()).str());
        EXPECT_TRUE(flags & llvm::object::SymbolRef::SF_Hidden);
      }
    }
    EXPECT_EQ(visible, std::vector<std::string>{kernel.source().symbol()});
  }
}

TEST(KernelSource, DeclarationHasWhatTheDriverAsks) {
  std::string declaration = Kernel(ofSizes).compile().declaration;
  for (const char *part : {"func.func private @kernel(", "nnf.kernel", "nnf.grid = #nnf.dims<[",
                           "nnf.scratch = ", "nnf.symbols = [\"N\", \"M\"]", "nnf.title = \"transpose\""})
    EXPECT_THAT(declaration, testing::HasSubstr(part));
  EXPECT_THAT(declaration, testing::Not(testing::HasSubstr("return")));
}

TEST(KernelSource, WhatCannotBeLoweredIsAnError) {
  // Panels that no contraction on tiles reads.
  Kernel kernel(R"(
    nnf.kernel @sums(%x: tensor<1x6x6x4xf32>, %w: tensor<1x1x3x3x4x32xf32>) -> tensor<1x4x4xf32>
        attributes {symbols = [], title = "conv+reduce"} {
      %0 = nnf.prim.conv %x, %w {groups = 1 : i64, high = array<i64: 0, 0>, inputDilation = array<i64: 1, 1>,
          kernelDilation = array<i64: 1, 1>, layout = 1 : i64, low = array<i64: 0, 0>, packed = 32 : i64,
          stride = array<i64: 1, 1>} : (tensor<1x6x6x4xf32>, tensor<1x1x3x3x4x32xf32>) -> tensor<1x4x4x8xf32>
      %1 = nnf.prim.reduce add %0 {dims = array<i64: 3>} : (tensor<1x4x4x8xf32>) -> tensor<1x4x4xf32>
      nnf.yield %1 : tensor<1x4x4xf32>
    })");
  std::string error;
  EXPECT_FALSE(kernel.source().compile(error));
  EXPECT_THAT(error, testing::HasSubstr("packed weights in a kernel that is no contraction on tiles [NNFC-E9001]"));
}

} // namespace
} // namespace nnf
