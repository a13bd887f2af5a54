#include "compiler/kernels/KernelCode.h"
#include "codegen/cpu/Emit.h"
#include "codegen/driver/KernelEntry.h"
#include "compiler/Diagnostics.h"
#include "compiler/ReadModel.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
namespace nnf {
namespace {

/// Whatever a kernel is called where it comes from.
constexpr StringLiteral kernelName = "kernel";

std::string textOf(Operation *kernel) {
  OwningOpRef<Operation *> copy(kernel->clone());
  SymbolTable::setSymbolName(copy.get(), kernelName);
  std::string text;
  llvm::raw_string_ostream os(text);
  copy->print(os, OpPrintingFlags().useLocalScope());
  return text;
}

std::string declarationOf(func::FuncOp kernel) {
  OwningOpRef<func::FuncOp> copy(kernel.clone());
  copy->eraseBody();
  return textOf(copy.get());
}

} // namespace

KernelSource::KernelSource(Operation *kernel, const CpuTarget &target, const PipelineOptions &options)
    : target(target), options(options), text(textOf(kernel)) {
  // The passes with all their options: whatever they are told of the target is in this text.
  OpPassManager passes(ModuleOp::getOperationName());
  addTiles(passes, options);
  addCode(passes, options);
  std::string all;
  llvm::raw_string_ostream os(all);
  passes.printAsTextualPipeline(os);
  os << '\0' << target.everything() << '\0' << text;
  llvm::BLAKE3 hash;
  hash.update(StringRef(all));
  digest = hash.final();
  entry = "nnf.kernel." + llvm::toHex(ArrayRef<uint8_t>(digest).take_front(16), /*LowerCase=*/true);
}

std::optional<KernelSource::Code> KernelSource::compile(std::string &error) const {
  // A context of its own: symbols of sizes are numbered in the order they come, and must not know of other kernels.
  std::unique_ptr<MLIRContext> context = createContext();
  DiagnosticSink sink(*context);
  auto fail = [&] {
    error = sink.errors();
    return std::nullopt;
  };
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, ParserConfig(context.get()));
  if (!module)
    return fail();
  auto run = [&](auto add) -> LogicalResult {
    PassManager passes(context.get(), ModuleOp::getOperationName());
    if (failed(configure(passes, options)))
      return failure();
    add(passes, options);
    return passes.run(*module);
  };
  if (failed(run(addTiles)))
    return fail();
  auto kernel = module->lookupSymbol<func::FuncOp>(kernelName);
  Code code;
  code.declaration = declarationOf(kernel);
  emitEntry(kernel, entry, LLVM::Linkage::External);
  if (failed(run(addCode)))
    return fail();
  FailureOr<llvm::SmallVector<char, 0>> object = emitObject(*module, target);
  if (failed(object) || sink.hasErrors())
    return fail();
  if (llvm::Error undefined = checkSelfContained(StringRef(object->data(), object->size()))) {
    error = "internal: " + llvm::toString(std::move(undefined)) + "\n";
    return std::nullopt;
  }
  code.object = std::move(*object);
  return code;
}

} // namespace nnf
