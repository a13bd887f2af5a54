#include "compiler/ReadModel.h"
#include "codegen/Dialects.h"
#include "codegen/driver/SizeRanges.h"
#include "dialects/nnf/Nnf.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/Path.h"

using namespace mlir;
namespace nnf {
namespace {

/// `--inout IN=OUT`: one buffer for an input and an output of the same type.
LogicalResult tie(ModuleOp module, StringRef input, StringRef output) {
  auto main = module.lookupSymbol<func::FuncOp>("main");
  auto error = [&] {
    return emitError(UnknownLoc::get(module.getContext())) << "--inout " << input << "=" << output << ": ";
  };
  if (!main)
    return error() << "the model has no @main [NNFC-E0015]";
  auto find = [&](unsigned count, auto attribute, StringRef name) -> std::optional<unsigned> {
    for (unsigned i = 0; i < count; ++i)
      if (auto text = dyn_cast_or_null<StringAttr>(attribute(i)); text && text.getValue() == name)
        return i;
    return std::nullopt;
  };
  auto in = find(main.getNumArguments(), [&](unsigned i) { return main.getArgAttr(i, "nnf.name"); }, input);
  auto out = find(main.getNumResults(), [&](unsigned j) { return main.getResultAttr(j, "nnf.name"); }, output);
  if (!in)
    return error() << "the model has no input '" << input << "' [NNFC-E0015]";
  if (!out)
    return error() << "the model has no output '" << output << "' [NNFC-E0015]";
  Type inType = main.getArgumentTypes()[*in], outType = main.getResultTypes()[*out];
  if (inType != outType)
    return error() << "the output's type is " << outType << ", expected the input's, " << inType << " [NNFC-E0015]";
  if (main.getArgAttr(*in, "nnf.inout"))
    return error() << "the input is an in-out input already [NNFC-E0015]";
  for (unsigned i = 0; i < main.getNumArguments(); ++i)
    if (auto tied = main.getArgAttrOfType<IntegerAttr>(i, "nnf.inout"); tied && tied.getInt() == *out)
      return error() << "the output is another input's new value already [NNFC-E0015]";
  main.setArgAttr(*in, "nnf.inout", IntegerAttr::get(IntegerType::get(module.getContext(), 64), *out));
  return success();
}

} // namespace

std::optional<ModelFormat> modelFormatOf(StringRef path, StringRef format) {
  return format.empty() ? formatOfPath(path) : formatFromName(format);
}

std::string identifierOf(StringRef name) {
  std::string text = name.str();
  for (char &c : text)
    if (!llvm::isAlnum(c) && c != '_')
      c = '_';
  return text.empty() ? "_" : text;
}

std::string stemOf(StringRef path) {
  StringRef file = llvm::sys::path::filename(path);
  if (file.consume_back(".nnf.txt"))
    return file.str();
  return llvm::sys::path::stem(file).str();
}

std::unique_ptr<MLIRContext> createContext() {
  DialectRegistry registry;
  registerDialects(registry);
  // A pool of threads costs more to start than most models take; models of one library are compiled side by side.
  auto context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  context->loadDialect<NnfDialect, func::FuncDialect>();
  return context;
}

OwningOpRef<ModuleOp> readModel(MLIRContext &context, const std::string &path, const ModelRequest &request,
                                std::vector<std::string> *filesRead) {
  ReadOptions options;
  options.dims = request.dims;
  options.dataDirs = request.dataDirs;
  options.trustMlir = request.trustMlir;
  options.swappableWeights = request.swappableWeights;
  options.filesRead = filesRead;
  OwningOpRef<ModuleOp> module = readModelFile(context, path, modelFormatOf(path, request.format), options);
  if (!module)
    return {};
  std::string name = identifierOf(request.name.empty() ? stemOf(path) : request.name);
  (*module)->setAttr("nnf.name", StringAttr::get(&context, name));
  if (failed(SizeRanges::add(*module, request.ranges)))
    return {};
  for (const auto &[input, output] : request.inout)
    if (failed(tie(*module, input, output)))
      return {};
  return module;
}

} // namespace nnf
