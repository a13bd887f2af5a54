// What one value is computed by; of vectors, element i of it.
#include "codegen/cuda/text/Statements.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/IR/IntrinsicsNVPTX.h"
#include "llvm/IR/Operator.h"

namespace nnf {
namespace {

/// Neither compiler may fuse it with another; what may be (`contract`) is written as C++ does.
std::string floatOperation(const llvm::BinaryOperator &op, const std::string &x, const std::string &y) {
  bool mayFuse = op.hasAllowContract();
  auto either = [&](const char *function, const char *sign) {
    return mayFuse ? x + sign + y : std::string(function) + "(" + x + ", " + y + ")";
  };
  switch (op.getOpcode()) {
  case llvm::Instruction::FAdd: return either("added", " + ");
  case llvm::Instruction::FSub: return either("subtracted", " - ");
  case llvm::Instruction::FMul: return either("multiplied", " * ");
  case llvm::Instruction::FDiv: return x + " / " + y;
  default: return "";
  }
}

} // namespace

std::string Statements::arithmetic(const llvm::BinaryOperator &op) {
  llvm::Type *type = op.getType()->getScalarType();
  if (type->isFloatingPointTy()) {
    std::string x = operands.wide(op.getOperand(0)), y = operands.wide(op.getOperand(1));
    return x.empty() || y.empty() ? "" : Operands::narrowed(type, floatOperation(op, x, y));
  }
  std::string x = operands.of(op.getOperand(0)), y = operands.of(op.getOperand(1)), word = operands.typeOf(type);
  if (x.empty() || y.empty() || word.empty())
    return "";
  unsigned bits = type->getIntegerBitWidth();
  auto as = [&](const std::string &wanted, const char *sign) {
    if (wanted == word && bits >= 32)
      return x + sign + y;
    return word + "(" + wanted + "(" + x + ")" + sign + wanted + "(" + y + "))";
  };
  if (bits == 1) { // arithmetic of one bit
    switch (op.getOpcode()) {
    case llvm::Instruction::And:
    case llvm::Instruction::Mul: return x + " & " + y;
    case llvm::Instruction::Or: return x + " | " + y;
    case llvm::Instruction::Xor:
    case llvm::Instruction::Add:
    case llvm::Instruction::Sub: return x + " != " + y;
    default: return "";
    }
  }
  // Narrow integers become int in C++, which must not overflow.
  std::string wide = bits < 32 ? "u32" : word, sign = operands.signedTypeOf(type);
  switch (op.getOpcode()) {
  case llvm::Instruction::Add: return as(wide, " + ");
  case llvm::Instruction::Sub: return as(wide, " - ");
  case llvm::Instruction::Mul: return as(wide, " * ");
  case llvm::Instruction::UDiv: return as(word, " / ");
  case llvm::Instruction::URem: return as(word, " % ");
  case llvm::Instruction::SDiv: return as(sign, " / ");
  case llvm::Instruction::SRem: return as(sign, " % ");
  case llvm::Instruction::Shl: return as(wide, " << ");
  case llvm::Instruction::LShr: return as(wide, " >> ");
  case llvm::Instruction::AShr: return as(sign, " >> ");
  case llvm::Instruction::And: return as(word, " & ");
  case llvm::Instruction::Or: return as(word, " | ");
  case llvm::Instruction::Xor: return as(word, " ^ ");
  default: return "";
  }
}

std::string Statements::comparison(const llvm::CmpInst &op) {
  llvm::Type *type = op.getOperand(0)->getType()->getScalarType();
  std::string x = operands.wide(op.getOperand(0)), y = operands.wide(op.getOperand(1));
  if (x.empty() || y.empty())
    return "";
  auto is = [&](const char *sign) { return x + sign + y; };
  auto isNot = [&](const char *sign) { return "!(" + x + sign + y + ")"; };
  auto isSigned = [&](const char *sign) {
    std::string as = operands.signedTypeOf(type);
    return as + "(" + x + ")" + sign + as + "(" + y + ")";
  };
  bool isWord = type->isIntegerTy() && !type->isIntegerTy(1);
  switch (op.getPredicate()) {
  case llvm::CmpInst::ICMP_EQ:
  case llvm::CmpInst::FCMP_OEQ: return is(" == ");
  case llvm::CmpInst::ICMP_NE:
  case llvm::CmpInst::FCMP_UNE: return is(" != ");
  case llvm::CmpInst::ICMP_UGT:
  case llvm::CmpInst::FCMP_OGT: return is(" > ");
  case llvm::CmpInst::ICMP_UGE:
  case llvm::CmpInst::FCMP_OGE: return is(" >= ");
  case llvm::CmpInst::ICMP_ULT:
  case llvm::CmpInst::FCMP_OLT: return is(" < ");
  case llvm::CmpInst::ICMP_ULE:
  case llvm::CmpInst::FCMP_OLE: return is(" <= ");
  case llvm::CmpInst::FCMP_ULE: return isNot(" > ");
  case llvm::CmpInst::FCMP_ULT: return isNot(" >= ");
  case llvm::CmpInst::FCMP_UGE: return isNot(" < ");
  case llvm::CmpInst::FCMP_UGT: return isNot(" <= ");
  case llvm::CmpInst::FCMP_ONE: return "(" + x + " < " + y + " || " + x + " > " + y + ")";
  case llvm::CmpInst::FCMP_UEQ: return "!(" + x + " < " + y + " || " + x + " > " + y + ")";
  case llvm::CmpInst::FCMP_ORD: return "(" + x + " == " + x + " && " + y + " == " + y + ")";
  case llvm::CmpInst::FCMP_UNO: return "(" + x + " != " + x + " || " + y + " != " + y + ")";
  case llvm::CmpInst::ICMP_SGT: return isWord ? isSigned(" > ") : "";
  case llvm::CmpInst::ICMP_SGE: return isWord ? isSigned(" >= ") : "";
  case llvm::CmpInst::ICMP_SLT: return isWord ? isSigned(" < ") : "";
  case llvm::CmpInst::ICMP_SLE: return isWord ? isSigned(" <= ") : "";
  default: return "";
  }
}

std::string Statements::conversion(const llvm::CastInst &op) {
  llvm::Type *from = op.getSrcTy()->getScalarType(), *to = op.getDestTy()->getScalarType();
  std::string x = operands.of(op.getOperand(0)), type = operands.typeOf(to);
  if (x.empty() || type.empty())
    return "";
  std::string value = operands.wide(op.getOperand(0));
  bool isFromBit = from->isIntegerTy(1);
  switch (op.getOpcode()) {
  case llvm::Instruction::Trunc: return to->isIntegerTy(1) ? "(" + x + " & 1) != 0" : type + "(" + x + ")";
  case llvm::Instruction::ZExt: return type + "(" + x + ")";
  case llvm::Instruction::SExt:
    return isFromBit ? type + "(-s64(" + x + "))"
                     : type + "(" + operands.signedTypeOf(to) + "(" + operands.signedTypeOf(from) + "(" + x + ")))";
  case llvm::Instruction::FPExt:
    return from->isHalfTy() && to->isDoubleTy() ? "doubleOfHalf(" + x + ")" : type + "(" + value + ")";
  case llvm::Instruction::FPTrunc:
    if (to->isFloatTy() || (to->isHalfTy() && (from->isFloatTy() || from->isDoubleTy())) ||
        (to->isBFloatTy() && from->isFloatTy()))
      return to->isFloatTy() ? "float(" + x + ")" : Operands::narrowed(to, value);
    return "";
  case llvm::Instruction::UIToFP:
  case llvm::Instruction::SIToFP: {
    bool isSigned = op.getOpcode() == llvm::Instruction::SIToFP;
    std::string number = isFromBit  ? (isSigned ? "-s32(" + x + ")" : "s32(" + x + ")")
                         : isSigned ? operands.signedTypeOf(from) + "(" + x + ")"
                                    : x;
    std::string wide = to->isDoubleTy() ? "double" : "float";
    return Operands::narrowed(to, wide + "(" + number + ")");
  }
  case llvm::Instruction::FPToUI: return to->isIntegerTy(1) ? "" : type + "(" + value + ")";
  case llvm::Instruction::FPToSI:
    return to->isIntegerTy(1) ? "" : type + "(" + operands.signedTypeOf(to) + "(" + value + "))";
  case llvm::Instruction::AddrSpaceCast: return "(" + type + ")" + x;
  case llvm::Instruction::PtrToInt: return to->isIntegerTy(64) ? "reinterpret_cast<u64>(" + x + ")" : "";
  case llvm::Instruction::IntToPtr: return from->isIntegerTy(64) ? "reinterpret_cast<" + type + ">(" + x + ")" : "";
  default: return "";
  }
}

/// Bytes behind a base. Indices are signed.
std::string Statements::address(const llvm::GetElementPtrInst &gep) {
  unsigned bits = layout.getIndexTypeSizeInBits(gep.getType());
  llvm::SmallMapVector<llvm::Value *, llvm::APInt, 4> scales;
  llvm::APInt constant(bits, 0);
  if (gep.getType()->isVectorTy() || !llvm::cast<llvm::GEPOperator>(gep).collectOffset(layout, bits, scales, constant))
    return "";
  std::string base = operands.of(gep.getPointerOperand()), bytes;
  if (base.empty())
    return "";
  auto add = [&](const std::string &text) { bytes += (bytes.empty() ? "" : " + ") + text; };
  for (const auto &[index, scale] : scales) {
    std::string text = operands.of(index);
    llvm::Type *type = index->getType();
    if (text.empty() || !isWordOfText(type->getIntegerBitWidth()) || type->isIntegerTy(1))
      return "";
    add((type->isIntegerTy(64) ? "s64(" : "s64(" + operands.signedTypeOf(type) + "(") + text +
        (type->isIntegerTy(64) ? ")" : "))") + " * " + std::to_string(scale.getSExtValue()));
  }
  if (!constant.isZero() || bytes.empty())
    add(std::to_string(constant.getSExtValue()));
  return base + " + (" + bytes + ")";
}

/// A word of another thread of the warp; all of them take part.
std::string Statements::shuffle(const llvm::IntrinsicInst &call, const char *function) {
  auto *members = llvm::dyn_cast<llvm::ConstantInt>(call.getArgOperand(0));
  auto *bounds = llvm::dyn_cast<llvm::ConstantInt>(call.getArgOperand(3));
  std::string word = operands.of(call.getArgOperand(1)), lanes = operands.of(call.getArgOperand(2));
  bool isUp = llvm::StringRef(function) == "wordBelow";
  if (!members || !members->isMinusOne() || !bounds || bounds->getZExtValue() != (isUp ? 0u : 31u) || word.empty() ||
      lanes.empty())
    return "";
  std::string text = std::string(function) + "(";
  if (call.getType()->isFloatTy())
    return "NNF_BITS(float, " + text + "NNF_BITS(u32, " + word + "), " + lanes + "))";
  return text + word + ", " + lanes + ")";
}

std::string Statements::intrinsic(const llvm::IntrinsicInst &call) {
  namespace I = llvm::Intrinsic;
  llvm::Type *type = call.getType()->getScalarType();
  unsigned count = call.arg_size();
  // Of numbers that may be 16 bits wide: exact in float, or rounded once.
  auto function = [&](const char *name) {
    std::string text = std::string(name) + "(";
    for (unsigned i = 0; i < count; ++i) {
      std::string operand = operands.wide(call.getArgOperand(i));
      if (operand.empty())
        return std::string();
      text += (i ? ", " : "") + operand;
    }
    return Operands::narrowed(type, text + ")");
  };
  std::string x = count > 0 ? operands.of(call.getArgOperand(0)) : "", word = operands.typeOf(type);
  std::string y = count > 1 ? operands.of(call.getArgOperand(1)) : "";
  auto chosen = [&](const char *sign, bool isSigned) {
    std::string as = isSigned ? operands.signedTypeOf(type) : word;
    return x.empty() || y.empty() || type->isIntegerTy(1)
               ? ""
               : as + "(" + x + ")" + sign + as + "(" + y + ") ? " + x + " : " + y;
  };
  auto ofBits = [&](const char *name, const std::string &ofNarrow) {
    unsigned bits = type->getIntegerBitWidth();
    std::string wide = bits < 32 ? "u32" : word;
    return x.empty() || bits == 1 ? "" : word + "(" + name + "(" + wide + "(" + x + "))" + ofNarrow + ")";
  };
  switch (call.getIntrinsicID()) {
  case I::nvvm_read_ptx_sreg_tid_x: return "threadInBlock()";
  case I::nvvm_read_ptx_sreg_ctaid_x: return "blockNumber()";
  case I::nvvm_read_ptx_sreg_nctaid_x: return "blocksOfGrid()";
  case I::nvvm_barrier_cta_sync_aligned_all: return x == "0u" ? "meetBlock()" : "";
  case I::nvvm_shfl_sync_bfly_i32:
  case I::nvvm_shfl_sync_bfly_f32: return shuffle(call, "wordFrom");
  case I::nvvm_shfl_sync_up_i32:
  case I::nvvm_shfl_sync_up_f32: return shuffle(call, "wordBelow");
  case I::nvvm_shfl_sync_down_i32:
  case I::nvvm_shfl_sync_down_f32: return shuffle(call, "wordAbove");
  case I::nvvm_shfl_sync_idx_i32:
  case I::nvvm_shfl_sync_idx_f32: return shuffle(call, "wordOfThread");
  case I::fma: return type->isFloatTy() || type->isDoubleTy() ? function("fused") : "";
  case I::fmuladd: return type->isFloatTy() || type->isDoubleTy() ? function("fused") : "";
  case I::fabs: return function("magnitudeOf");
  case I::copysign: return function("withSignOf");
  case I::sqrt: return function("rootOf");
  case I::floor: return function("floorOf");
  case I::ceil: return function("ceilOf");
  case I::trunc: return function("truncated");
  case I::rint:
  case I::nearbyint:
  case I::roundeven: return function("roundedToEven");
  case I::round: return function("rounded");
  case I::minnum: return function("smallerNumber");
  case I::maxnum: return function("largerNumber");
  case I::minimum: return function("smallerOrNone");
  case I::maximum: return function("largerOrNone");
  case I::smin: return chosen(" < ", true);
  case I::smax: return chosen(" > ", true);
  case I::umin: return chosen(" < ", false);
  case I::umax: return chosen(" > ", false);
  case I::abs:
    return x.empty() ? "" : operands.signedTypeOf(type) + "(" + x + ") < 0 ? " + word + "(0u - " + x + ") : " + x;
  case I::ctlz:
    return ofBits("leadingZeros", type->getIntegerBitWidth() < 32
                                      ? " - " + std::to_string(32 - type->getIntegerBitWidth())
                                      : std::string());
  case I::ctpop: return ofBits("countOnes", "");
  case I::cttz: // ones below the lowest one
    if (x.empty() || type->isIntegerTy(1))
      return "";
    return word + "(countOnes(" + (type->getIntegerBitWidth() < 64 ? "u32" : "u64") + "(" + word + "(~" + x + " & (" +
           x + " - 1)))))";
  case I::fptosi_sat:
  case I::fptoui_sat: {
    unsigned bits = type->getIntegerBitWidth();
    bool isSigned = call.getIntrinsicID() == I::fptosi_sat;
    if (bits == 1 || x.empty())
      return "";
    llvm::APInt least = isSigned ? llvm::APInt::getSignedMinValue(bits) : llvm::APInt::getMinValue(bits);
    llvm::APInt most = isSigned ? llvm::APInt::getSignedMaxValue(bits) : llvm::APInt::getMaxValue(bits);
    std::string as = isSigned ? operands.signedTypeOf(type) : word;
    auto bound = [&](const llvm::APInt &value) { return as + "(" + std::to_string(value.getZExtValue()) + "ull)"; };
    return word + "(saturated<" + as + ">(" + operands.wide(call.getArgOperand(0)) + ", " + bound(least) + ", " +
           bound(most) + "))";
  }
  default: return "";
  }
}

std::string Statements::expression(const llvm::Instruction &instruction) {
  if (auto *op = llvm::dyn_cast<llvm::BinaryOperator>(&instruction))
    return arithmetic(*op);
  if (auto *op = llvm::dyn_cast<llvm::CmpInst>(&instruction))
    return comparison(*op);
  if (auto *op = llvm::dyn_cast<llvm::CastInst>(&instruction))
    return conversion(*op);
  if (auto *gep = llvm::dyn_cast<llvm::GetElementPtrInst>(&instruction))
    return address(*gep);
  if (auto *freeze = llvm::dyn_cast<llvm::FreezeInst>(&instruction))
    return operands.of(freeze->getOperand(0));
  if (instruction.getOpcode() == llvm::Instruction::FNeg) {
    std::string x = operands.wide(instruction.getOperand(0));
    return x.empty() ? "" : Operands::narrowed(instruction.getType(), "-(" + x + ")");
  }
  if (auto *choice = llvm::dyn_cast<llvm::SelectInst>(&instruction)) {
    std::string condition = operands.of(choice->getCondition()), x = operands.of(choice->getTrueValue()),
                y = operands.of(choice->getFalseValue());
    return condition.empty() || x.empty() || y.empty() ? "" : condition + " ? " + x + " : " + y;
  }
  return "";
}

} // namespace nnf
