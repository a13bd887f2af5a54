// The body of a kernel in CUDA C++.
#ifndef NNF_CODEGEN_CUDA_TEXT_STATEMENTS_H
#define NNF_CODEGEN_CUDA_TEXT_STATEMENTS_H

#include "codegen/cuda/text/Operands.h"
#include "llvm/IR/Instructions.h"
#include "llvm/IR/IntrinsicInst.h"
#include "llvm/Support/raw_ostream.h"

namespace nnf {

/// Statements for the instructions of one function, block by block, with goto between them: what loops there are a
/// compiler sees for itself.
class Statements {
public:
  Statements(const llvm::DataLayout &layout, Operands &operands) : layout(layout), operands(operands), os(text) {}

  /// False: there is no text for `refused`.
  bool print(const llvm::Function &function);
  const llvm::Instruction *refused = nullptr;

  /// Variables, then blocks.
  std::string take() { return operands.takeConstants() + declarations + text; }

private:
  const llvm::DataLayout &layout;
  Operands &operands;
  std::string declarations, text;
  llvm::raw_string_ostream os;
  llvm::DenseMap<const llvm::BasicBlock *, unsigned> blocks;

  void declare(const llvm::Instruction &value, const std::string &name, const char *suffix = "");
  bool instruction(const llvm::Instruction &instruction);
  bool terminator(const llvm::Instruction &instruction);
  bool call(const llvm::CallInst &call);
  bool edge(const llvm::BasicBlock *from, const llvm::BasicBlock *to);

  bool load(const llvm::LoadInst &load);
  bool store(const llvm::StoreInst &store);
  bool atomic(const llvm::AtomicRMWInst &atomic);
  bool element(const llvm::Instruction &instruction);
  bool reinterpreted(const llvm::BitCastInst &cast);
  bool templateCall(const llvm::CallInst &call);
  std::string expression(const llvm::Instruction &instruction);
  std::string arithmetic(const llvm::BinaryOperator &op);
  std::string comparison(const llvm::CmpInst &op);
  std::string conversion(const llvm::CastInst &op);
  std::string address(const llvm::GetElementPtrInst &gep);
  std::string intrinsic(const llvm::IntrinsicInst &call);
  std::string shuffle(const llvm::IntrinsicInst &call, const char *function);

  /// `value = text;`, for each element where it has some.
  bool assign(const llvm::Value &value, const std::string &text);
};

} // namespace nnf
#endif
