// Types, constants and names in CUDA C++.
#ifndef NNF_CODEGEN_CUDA_TEXT_OPERANDS_H
#define NNF_CODEGEN_CUDA_TEXT_OPERANDS_H

#include "llvm/ADT/DenseMap.h"
#include "llvm/IR/Constants.h"
#include "llvm/IR/DataLayout.h"
#include "llvm/IR/GlobalVariable.h"
#include <string>
#include <vector>

namespace nnf {

constexpr unsigned sharedSpace = 3;

/// Numbers of bits of integers that Kernel.cuh has a type for; 1 is bool.
bool isWordOfText(unsigned bits);

/// How values of one function are written. A value of a vector type is an array; where its elements are meant, the
/// text speaks of element i (NNF_EACH).
class Operands {
public:
  explicit Operands(const llvm::DataLayout &layout) : layout(layout) {}

  /// Of an element; "": there is none. 16-bit floats are the words that they are in memory.
  std::string typeOf(llvm::Type *type) const;
  /// The same as a signed integer.
  std::string signedTypeOf(llvm::Type *type) const;

  void name(const llvm::Value &value, std::string text) { names[&value] = std::move(text); }
  bool isNamed(const llvm::Value &value) const { return names.contains(&value); }
  const std::string &nameOf(const llvm::Value &value) const { return names.find(&value)->second; }

  /// A value, or element i of it. "": there is no text.
  std::string of(const llvm::Value *value);
  /// A number of 16 bits as the float it is rounded from; other floats as they are.
  std::string wide(const llvm::Value *value);
  /// The other way round, of a text.
  static std::string narrowed(llvm::Type *type, const std::string &text);

  /// Arrays that constants of vectors need, one a line.
  std::string takeConstants();

private:
  const llvm::DataLayout &layout;
  llvm::DenseMap<const llvm::Value *, std::string> names;
  std::string constants;
  unsigned numConstants = 0;

  std::string scalar(const llvm::Constant *constant);
  std::string address(const llvm::ConstantExpr *expression);
};

/// `base` and as many bytes behind it.
std::string addressAt(const std::string &base, const std::string &bytes);

/// An array that kernels read: its elements as text; "": there is no text.
std::string elementsOf(const llvm::GlobalVariable &array);

} // namespace nnf
#endif
