#include "codegen/cuda/text/Operands.h"
#include "llvm/IR/GetElementPtrTypeIterator.h"
#include "llvm/IR/Operator.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"

namespace nnf {
namespace {

std::string integerText(const llvm::APInt &value) {
  if (value.getBitWidth() == 1)
    return value.isZero() ? "false" : "true";
  uint64_t word = value.getZExtValue();
  const char *suffix = value.getBitWidth() > 32 ? "ull" : "u";
  bool isCount = word < 1 << 16; // else likely bits
  return (isCount ? std::to_string(word) : "0x" + llvm::utohexstr(word, /*LowerCase=*/true)) + suffix;
}

/// Digits that come back as the same number.
std::string floatText(const llvm::APFloat &value, llvm::Type *type) {
  std::string bits = integerText(value.bitcastToAPInt());
  if (type->isHalfTy() || type->isBFloatTy())
    return "u16(" + bits + ")";
  bool isFloat = type->isFloatTy();
  if (!value.isFinite())
    return std::string("NNF_BITS(") + (isFloat ? "float, " : "double, ") + bits + ")";
  std::string text;
  llvm::raw_string_ostream os(text);
  if (isFloat)
    os << llvm::format("%.9g", value.convertToFloat());
  else
    os << llvm::format("%.17g", value.convertToDouble());
  if (llvm::StringRef(text).find_first_of(".e") == llvm::StringRef::npos)
    text += ".0";
  return isFloat ? text + "f" : text;
}

std::string scalarText(const llvm::Constant *constant) {
  if (auto *integer = llvm::dyn_cast<llvm::ConstantInt>(constant))
    return isWordOfText(integer->getBitWidth()) ? integerText(integer->getValue()) : "";
  if (auto *number = llvm::dyn_cast<llvm::ConstantFP>(constant))
    return floatText(number->getValueAPF(), number->getType());
  return "";
}

} // namespace

bool isWordOfText(unsigned bits) { return bits == 1 || bits == 8 || bits == 16 || bits == 32 || bits == 64; }

std::string Operands::typeOf(llvm::Type *type) const {
  type = type->getScalarType();
  if (auto *integer = llvm::dyn_cast<llvm::IntegerType>(type)) {
    unsigned bits = integer->getBitWidth();
    return !isWordOfText(bits) ? "" : bits == 1 ? "bool" : "u" + std::to_string(bits);
  }
  if (type->isFloatTy())
    return "float";
  if (type->isDoubleTy())
    return "double";
  if (type->isHalfTy() || type->isBFloatTy())
    return "u16";
  if (type->isPointerTy())
    return type->getPointerAddressSpace() == sharedSpace ? "NNF_SHARED char *" : "char *";
  return "";
}

std::string Operands::signedTypeOf(llvm::Type *type) const { return "s" + std::to_string(type->getScalarSizeInBits()); }

std::string addressAt(const std::string &base, const std::string &bytes) {
  return bytes.empty() ? base : "(" + base + " + " + bytes + ")";
}

std::string Operands::address(const llvm::ConstantExpr *expression) {
  if (expression->getOpcode() == llvm::Instruction::AddrSpaceCast) {
    std::string from = of(expression->getOperand(0));
    return from.empty() ? "" : "((" + typeOf(expression->getType()) + ")" + from + ")";
  }
  llvm::APInt bytes(layout.getIndexTypeSizeInBits(expression->getType()), 0);
  auto *gep = llvm::dyn_cast<llvm::GEPOperator>(expression);
  if (!gep || !gep->accumulateConstantOffset(layout, bytes))
    return "";
  std::string base = of(gep->getPointerOperand());
  return base.empty() ? "" : addressAt(base, bytes.isZero() ? "" : std::to_string(bytes.getSExtValue()));
}

std::string Operands::scalar(const llvm::Constant *constant) {
  if (llvm::isa<llvm::UndefValue>(constant)) { // poison too: any value will do
    std::string type = typeOf(constant->getType());
    return type.empty() ? "" : constant->getType()->isPointerTy() ? "((" + type + ")0)" : type + "(0)";
  }
  if (llvm::isa<llvm::ConstantPointerNull>(constant))
    return "((" + typeOf(constant->getType()) + ")0)";
  if (auto *expression = llvm::dyn_cast<llvm::ConstantExpr>(constant))
    return address(expression);
  return scalarText(constant);
}

std::string Operands::of(const llvm::Value *value) {
  bool isVector = value->getType()->isVectorTy();
  if (auto known = names.find(value); known != names.end())
    return known->second + (isVector ? "[i]" : "");
  auto *constant = llvm::dyn_cast<llvm::Constant>(value);
  if (!constant)
    return "";
  if (!isVector)
    return scalar(constant);
  if (llvm::Constant *same = constant->getSplatValue(/*AllowPoison=*/true))
    return scalar(same);
  if (llvm::isa<llvm::UndefValue>(constant))
    return scalar(llvm::UndefValue::get(constant->getType()->getScalarType()));
  std::string text;
  unsigned count = llvm::cast<llvm::FixedVectorType>(constant->getType())->getNumElements();
  for (unsigned i = 0; i < count; ++i) {
    llvm::Constant *element = constant->getAggregateElement(i);
    std::string one = element ? scalar(element) : "";
    if (one.empty())
      return "";
    text += (i ? ", " : "") + one;
  }
  std::string array = "c" + std::to_string(numConstants++);
  constants +=
      "  const " + typeOf(constant->getType()) + " " + array + "[" + std::to_string(count) + "] = {" + text + "};\n";
  names[value] = array;
  return array + "[i]";
}

std::string Operands::wide(const llvm::Value *value) {
  std::string text = of(value);
  llvm::Type *type = value->getType()->getScalarType();
  if (text.empty())
    return "";
  return type->isHalfTy() ? "floatOfHalf(" + text + ")" : type->isBFloatTy() ? "floatOfBfloat(" + text + ")" : text;
}

std::string Operands::narrowed(llvm::Type *type, const std::string &text) {
  type = type->getScalarType();
  return type->isHalfTy() ? "halfOf(" + text + ")" : type->isBFloatTy() ? "bfloatOf(" + text + ")" : text;
}

std::string Operands::takeConstants() { return std::move(constants); }

std::string elementsOf(const llvm::GlobalVariable &array) {
  if (!array.hasInitializer())
    return "";
  const llvm::Constant *whole = array.getInitializer();
  auto *type = llvm::dyn_cast<llvm::ArrayType>(whole->getType());
  std::string text;
  for (uint64_t i = 0; type && i < type->getNumElements(); ++i) {
    std::string one = scalarText(whole->getAggregateElement(i));
    if (one.empty())
      return "";
    text += (i ? ", " : "") + one;
  }
  return text;
}

} // namespace nnf
