#include "compiler/ModelFile.h"
#include "compiler/import/MlirFile.h"
#include "compiler/import/Onnx.h"

using namespace mlir;
namespace nnf {

std::optional<ModelFormat> formatOfPath(StringRef path) {
  return llvm::StringSwitch<std::optional<ModelFormat>>(path)
      .EndsWith(".nnf", ModelFormat::Nnf)
      .EndsWith(".nnf.txt", ModelFormat::NnfText)
      .EndsWith(".onnx", ModelFormat::Onnx)
      .EndsWith(".mlir", ModelFormat::Mlir)
      .Default(std::nullopt);
}

std::optional<ModelFormat> formatFromName(StringRef name) {
  return llvm::StringSwitch<std::optional<ModelFormat>>(name)
      .Case("nnf", ModelFormat::Nnf)
      .Case("nnf-text", ModelFormat::NnfText)
      .Case("onnx", ModelFormat::Onnx)
      .Case("mlir", ModelFormat::Mlir)
      .Default(std::nullopt);
}

static InFlightDiagnostic unknownFormat(MLIRContext &context, StringRef path) {
  return emitError(UnknownLoc::get(&context))
         << "file '" << path << "': of no known format, expected .nnf, .nnf.txt, .onnx or .mlir [NNFC-E0006]";
}

OwningOpRef<ModuleOp> readModelFile(MLIRContext &context, StringRef path, std::optional<ModelFormat> format,
                                    const ReadOptions &options) {
  if (!format)
    format = formatOfPath(path);
  if (!format) {
    unknownFormat(context, path);
    return {};
  }
  switch (*format) {
  case ModelFormat::Nnf: return readGraphFile(context, path, GraphEncoding::Binary, options);
  case ModelFormat::NnfText: return readGraphFile(context, path, GraphEncoding::Text, options);
  case ModelFormat::Onnx: return readOnnx(context, path, options);
  case ModelFormat::Mlir: return readMlirFile(context, path, options);
  }
  llvm_unreachable("every format has a reader");
}

LogicalResult writeModelFile(ModuleOp module, StringRef path, std::optional<ModelFormat> format, WeightsGo weights) {
  MLIRContext &context = *module.getContext();
  if (!format)
    format = formatOfPath(path);
  if (!format)
    return unknownFormat(context, path);
  switch (*format) {
  case ModelFormat::Nnf: return writeGraphFile(module, path, GraphEncoding::Binary, weights);
  case ModelFormat::NnfText: return writeGraphFile(module, path, GraphEncoding::Text, weights);
  case ModelFormat::Mlir: return writeMlirFile(module, path);
  case ModelFormat::Onnx:
    return emitError(UnknownLoc::get(&context))
           << "file '" << path << "': ONNX is only read, expected .nnf, .nnf.txt or .mlir [NNFC-E0006]";
  }
  llvm_unreachable("every format has a writer or an error");
}

} // namespace nnf
