// An imported model, as the tests look at it.
#ifndef NNF_TEST_ONNX_IMPORTED_H
#define NNF_TEST_ONNX_IMPORTED_H

#include "compiler/import/Onnx.h"
#include "dialects/nnf/Nnf.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "test/onnx/Models.h"

namespace nnf::test {

struct Imported {
  explicit Imported(const std::string &path, const ReadOptions &options = {}) {
    mlir::ScopedDiagnosticHandler handler(&context, [&](mlir::Diagnostic &diagnostic) {
      ++numErrors;
      if (error.empty())
        error = diagnostic.str();
      return mlir::success();
    });
    module = readOnnx(context, path, options);
    // The file's name says nothing in an expected text.
    if (size_t at = error.find(path + ": "); at == 0)
      error.erase(0, path.size() + 2);
  }

  mlir::func::FuncOp main() { return *module->getOps<mlir::func::FuncOp>().begin(); }

  /// "float32 [N, 4], int64 []", of the outputs; the error when there is no module.
  std::string outputs() {
    if (!module)
      return "error: " + error;
    return texts(main().getResultTypes());
  }
  std::string inputs() { return module ? texts(main().getArgumentTypes()) : "error: " + error; }

  /// "conv2d relu": the ops but for constants and the return; the error when there is no module.
  std::string ops() {
    if (!module)
      return "error: " + error;
    std::string names;
    for (mlir::Operation &op : main().getBody().front()) {
      llvm::StringRef name = op.getName().getStringRef();
      if (!name.consume_front("nnf.") || name == "constant" || name == "weight" || name == "number")
        continue;
      names += (names.empty() ? "" : " ") + name.str();
    }
    return names;
  }

  /// The attribute of the only op of this name, printed; "none" when it has none.
  std::string attribute(llvm::StringRef op, llvm::StringRef name) {
    std::string text = "none";
    if (!module)
      return "error: " + error;
    module->walk([&](mlir::Operation *each) {
      if (each->getName().getStringRef() != "nnf." + op.str())
        return;
      if (auto found = each->getPropertiesAsAttribute())
        if (auto value = llvm::cast<mlir::DictionaryAttr>(found).get(name)) {
          text.clear();
          llvm::raw_string_ostream(text) << value;
        }
    });
    return text;
  }

  mlir::MLIRContext context;
  std::string error;
  unsigned numErrors = 0;
  mlir::OwningOpRef<mlir::ModuleOp> module;

private:
  static std::string texts(mlir::TypeRange types) {
    std::string all;
    for (mlir::Type type : types)
      all += (all.empty() ? "" : ", ") + dtypeName(llvm::cast<mlir::RankedTensorType>(type).getElementType()) + " " +
             toString(shapeOf(type));
    return all;
  }
};

} // namespace nnf::test
#endif
