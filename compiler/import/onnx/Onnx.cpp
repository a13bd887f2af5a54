#include "compiler/import/Onnx.h"
#include "compiler/import/ExternalFile.h"
#include "compiler/import/onnx/Importer.h"
#include "compiler/import/onnx/Proto.h"

#include "llvm/Support/FileSystem.h"

using namespace mlir;
namespace nnf {

OwningOpRef<ModuleOp> readOnnx(MLIRContext &context, StringRef path, const ReadOptions &options) {
  context.loadDialect<NnfDialect, func::FuncDialect>();
  auto error = [&] { return emitError(UnknownLoc::get(&context)) << path << ": "; };
  llvm::sys::fs::file_status status;
  if (std::error_code code = llvm::sys::fs::status(path, status)) {
    error() << code.message() << " [NNFC-E0101]";
    return {};
  }
  if (!llvm::sys::fs::is_regular_file(status)) {
    error() << "no regular file [NNFC-E0101]";
    return {};
  }
  llvm::Expected<MappedFile> file = mapFile(path);
  if (!file) {
    emitError(UnknownLoc::get(&context)) << llvm::toString(file.takeError());
    return {};
  }
  std::string fault;
  std::unique_ptr<onnx::Model> model = onnx::parseModel({file->bytes.data(), file->bytes.size()}, file->owner, fault);
  if (!model) {
    error() << fault << " [NNFC-E0301]";
    return {};
  }
  return onnx::Importer(context, *model, path.str(), options).run();
}

} // namespace nnf
