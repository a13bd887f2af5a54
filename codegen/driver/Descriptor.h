// Constants of the structs in runtime/abi.h. Offsets come from the C compiler (`offsetof`), and every struct built here
// is checked against them: this side holds no layout of its own.
#ifndef NNF_CODEGEN_DRIVER_DESCRIPTOR_H
#define NNF_CODEGEN_DRIVER_DESCRIPTOR_H

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/ImplicitLocOpBuilder.h"

namespace nnf {

/// The fields of one constant struct, in order.
class Record {
public:
  explicit Record(size_t bytes) : bytes(bytes) {}
  Record &i32(size_t offset, uint32_t value) { return add({offset, 4, value, ""}); }
  Record &i64(size_t offset, uint64_t value) { return add({offset, 8, value, ""}); }
  /// The address of a global or function of the module; "" is NULL.
  Record &address(size_t offset, llvm::StringRef symbol) { return add({offset, 0, 0, symbol.str()}); }

  mlir::Type type(mlir::MLIRContext *context) const;
  /// The struct as a value in a global's initializer.
  mlir::Value build(mlir::ImplicitLocOpBuilder &b) const;
  /// Whether a C compiler lays these fields out at their offsets, in `bytes` bytes.
  bool fitsLayout() const;

private:
  struct Field {
    size_t offset;
    int width; // 4, 8; 0: an address
    uint64_t value;
    std::string symbol;
  };
  Record &add(Field field) {
    fields.push_back(std::move(field));
    return *this;
  }
  size_t bytes;
  llvm::SmallVector<Field> fields;
};

/// Makes internal constants at the end of a module and gives their names. Equal strings and lists are one constant.
class Constants {
public:
  explicit Constants(mlir::ModuleOp module);
  std::string text(llvm::StringRef text);
  /// int64_t[]; "" when empty.
  std::string list(llvm::ArrayRef<int64_t> values);
  /// An array of structs; "" when empty.
  std::string table(llvm::StringRef name, llvm::ArrayRef<Record> rows);
  /// Bytes under this name.
  void bytes(llvm::StringRef name, llvm::StringRef content, int64_t alignment);
  /// A struct that other objects see under this name; hidden: those of one library, or that are linked into one object
  /// with this.
  void exported(llvm::StringRef name, const Record &record, bool isHidden = false);

private:
  mlir::LLVM::GlobalOp global(llvm::StringRef name, mlir::Type type, mlir::LLVM::Linkage linkage,
                              mlir::Attribute value);
  template <typename Build> void initialize(mlir::LLVM::GlobalOp global, Build build);

  mlir::ImplicitLocOpBuilder b;
  llvm::StringMap<std::string> texts;
  std::map<std::vector<int64_t>, std::string> lists;
};

} // namespace nnf
#endif
