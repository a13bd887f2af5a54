#include "compiler/import/OutputFile.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
namespace nnf {

LogicalResult writeWhole(MLIRContext &context, StringRef path, llvm::function_ref<void(llvm::raw_ostream &)> write) {
  auto fail = [&](const std::string &why) {
    return emitError(UnknownLoc::get(&context))
           << "file '" << path << "': cannot be written: " << why << " [NNFC-E0125]";
  };
  llvm::Expected<llvm::sys::fs::TempFile> temporary = llvm::sys::fs::TempFile::create(path + ".%%%%%%.tmp");
  if (!temporary)
    return fail(llvm::toString(temporary.takeError()));
  std::error_code streamError;
  {
    llvm::raw_fd_ostream os(temporary->FD, /*shouldClose=*/false);
    write(os);
    os.flush();
    streamError = os.error();
    os.clear_error();
  }
  if (streamError) {
    llvm::consumeError(temporary->discard());
    return fail(streamError.message());
  }
  if (llvm::Error error = temporary->keep(path))
    return fail(llvm::toString(std::move(error)));
  return success();
}

} // namespace nnf
