#include "codegen/cuda/text/Statements.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/IR/InstIterator.h"

namespace nnf {
namespace {

unsigned countOf(llvm::Type *type) {
  auto *vector = llvm::dyn_cast<llvm::FixedVectorType>(type);
  return vector ? vector->getNumElements() : 1;
}

std::string each(llvm::Type *type) {
  return type->isVectorTy() ? "NNF_EACH(" + std::to_string(countOf(type)) + ") " : "";
}

/// A block with several phis takes them at once: what one gets may be what another has been.
bool takesSeveral(const llvm::BasicBlock &block) {
  auto phis = block.phis();
  return phis.begin() != phis.end() && std::next(phis.begin()) != phis.end();
}

/// Says nothing that a compiler of text would not find for itself, or must know.
bool saysNothing(const llvm::Instruction &instruction) {
  auto *call = llvm::dyn_cast<llvm::IntrinsicInst>(&instruction);
  return call && (call->isAssumeLikeIntrinsic() || call->getIntrinsicID() == llvm::Intrinsic::assume);
}

} // namespace

bool Statements::assign(const llvm::Value &value, const std::string &text) {
  if (text.empty())
    return false;
  os << "  " << each(value.getType()) << operands.of(&value) << " = " << text << ";\n";
  return true;
}

void Statements::declare(const llvm::Instruction &value, const std::string &name, const char *suffix) {
  std::string type = operands.typeOf(value.getType());
  declarations += "  " + type + (type.back() == '*' ? "" : " ") + name + suffix;
  if (value.getType()->isVectorTy())
    declarations += "[" + std::to_string(countOf(value.getType())) + "]";
  declarations += ";\n";
}

bool Statements::print(const llvm::Function &function) {
  unsigned numValues = 0, numBlocks = 0;
  for (const llvm::BasicBlock &block : function) {
    blocks[&block] = numBlocks++;
    for (const llvm::Instruction &instruction : block) {
      if (instruction.getType()->isVoidTy() || saysNothing(instruction) || instruction.use_empty())
        continue;
      std::string name = "v" + std::to_string(numValues++);
      if (auto *place = llvm::dyn_cast<llvm::AllocaInst>(&instruction)) {
        std::optional<llvm::TypeSize> bytes = place->getAllocationSize(layout);
        refused = place;
        if (!bytes || bytes->isScalable())
          return false;
        declarations += "  alignas(" + std::to_string(place->getAlign().value()) + ") char " + name + "[" +
                        std::to_string(bytes->getFixedValue()) + "];\n";
        operands.name(instruction, name);
        continue;
      }
      refused = &instruction;
      if (operands.typeOf(instruction.getType()).empty())
        return false;
      operands.name(instruction, name);
      declare(instruction, name);
      if (llvm::isa<llvm::PHINode>(instruction) && takesSeveral(block))
        declare(instruction, name, "next");
    }
  }
  for (const llvm::BasicBlock &block : function) {
    if (blocks[&block] != 0)
      os << "b" << blocks[&block] << ":;\n";
    if (takesSeveral(block))
      for (const llvm::PHINode &phi : block.phis())
        if (operands.isNamed(phi))
          os << "  " << each(phi.getType()) << operands.of(&phi) << " = " << operands.nameOf(phi) << "next"
             << (phi.getType()->isVectorTy() ? "[i]" : "") << ";\n";
    for (const llvm::Instruction &each : block) {
      refused = &each;
      if (!instruction(each))
        return false;
    }
  }
  refused = nullptr;
  return true;
}

/// Goes to a block, whose phis get what they have from here.
bool Statements::edge(const llvm::BasicBlock *from, const llvm::BasicBlock *to) {
  const char *suffix = takesSeveral(*to) ? "next" : "";
  for (const llvm::PHINode &phi : to->phis()) {
    if (!operands.isNamed(phi))
      continue;
    std::string value = operands.of(phi.getIncomingValueForBlock(from));
    if (value.empty())
      return false;
    os << "  " << each(phi.getType()) << operands.nameOf(phi) << suffix << (phi.getType()->isVectorTy() ? "[i]" : "")
       << " = " << value << ";\n";
  }
  os << "  goto b" << blocks[to] << ";\n";
  return true;
}

bool Statements::terminator(const llvm::Instruction &instruction) {
  const llvm::BasicBlock *block = instruction.getParent();
  if (llvm::isa<llvm::ReturnInst>(instruction)) {
    os << "  return;\n";
    return true;
  }
  if (llvm::isa<llvm::UnreachableInst>(instruction)) {
    os << "  __builtin_unreachable();\n";
    return true;
  }
  auto to = [&](const llvm::BasicBlock *target) {
    if (!edge(block, target))
      return false;
    os << "  }\n";
    return true;
  };
  if (auto *choice = llvm::dyn_cast<llvm::SwitchInst>(&instruction)) {
    std::string value = operands.of(choice->getCondition());
    for (const auto &each : choice->cases()) {
      os << "  if (" << value << " == " << operands.of(each.getCaseValue()) << ") {\n";
      if (!to(each.getCaseSuccessor()))
        return false;
    }
    return !value.empty() && edge(block, choice->getDefaultDest());
  }
  auto *branch = llvm::dyn_cast<llvm::BranchInst>(&instruction);
  if (!branch)
    return false;
  if (branch->isUnconditional())
    return edge(block, branch->getSuccessor(0));
  std::string condition = operands.of(branch->getCondition());
  if (condition.empty())
    return false;
  os << "  if (" << condition << ") {\n";
  return to(branch->getSuccessor(0)) && edge(block, branch->getSuccessor(1));
}

bool Statements::load(const llvm::LoadInst &load) {
  std::string from = operands.of(load.getPointerOperand()), name = operands.nameOf(load);
  llvm::Type *type = load.getType();
  if (type->isIntegerTy(1)) { // memory has bytes
    os << "  " << name << " = load<u8, 1>(" << from << ") & 1;\n";
    return !from.empty() && !load.isAtomic() && !load.isVolatile();
  }
  std::string element = type->getScalarType()->isIntegerTy(1) ? "" : operands.typeOf(type);
  if (from.empty() || element.empty() || load.isAtomic() || load.isVolatile() || type->isPtrOrPtrVectorTy())
    return false;
  std::string align = std::to_string(load.getAlign().value());
  if (type->isVectorTy())
    os << "  loadEach<" << element << ", " << countOf(type) << ", " << align << ">(" << from << ", " << name << ");\n";
  else
    os << "  " << name << " = load<" << element << ", " << align << ">(" << from << ");\n";
  return true;
}

bool Statements::store(const llvm::StoreInst &store) {
  std::string to = operands.of(store.getPointerOperand());
  const llvm::Value *value = store.getValueOperand();
  llvm::Type *type = value->getType();
  std::string element = type->isIntegerTy(1)                    ? "u8"
                        : type->getScalarType()->isIntegerTy(1) ? ""
                                                                : operands.typeOf(type);
  std::string what = operands.of(value);
  if (to.empty() || element.empty() || what.empty() || store.isAtomic() || store.isVolatile() ||
      type->isPtrOrPtrVectorTy())
    return false;
  std::string align = std::to_string(store.getAlign().value());
  if (!type->isVectorTy()) {
    os << "  store<" << element << ", " << align << ">(" << to << ", " << what << ");\n";
    return true;
  }
  os << "  {\n    " << element << " all[" << countOf(type) << "];\n    " << each(type) << "all[i] = " << what
     << ";\n    storeEach<" << element << ", " << countOf(type) << ", " << align << ">(" << to << ", all);\n  }\n";
  return true;
}

bool Statements::atomic(const llvm::AtomicRMWInst &atomic) {
  const char *function = nullptr;
  bool isSigned = false;
  switch (atomic.getOperation()) {
  case llvm::AtomicRMWInst::Add:
  case llvm::AtomicRMWInst::FAdd: function = "atomicSum"; break;
  case llvm::AtomicRMWInst::Or: function = "atomicEither"; break;
  case llvm::AtomicRMWInst::Min: isSigned = true; [[fallthrough]];
  case llvm::AtomicRMWInst::UMin: function = "atomicLeast"; break;
  case llvm::AtomicRMWInst::Max: isSigned = true; [[fallthrough]];
  case llvm::AtomicRMWInst::UMax: function = "atomicMost"; break;
  default: return false;
  }
  llvm::Type *type = atomic.getType();
  std::string at = operands.of(atomic.getPointerOperand()), value = operands.of(atomic.getValOperand());
  std::string name = isSigned ? operands.signedTypeOf(type) : operands.typeOf(type);
  if (at.empty() || value.empty() || type->isVectorTy() || type->getScalarSizeInBits() < 32)
    return false;
  std::string text = std::string(function) + "(" + at + ", " + name + "(" + value + "))";
  if (operands.isNamed(atomic))
    return assign(atomic, text);
  os << "  " << text << ";\n";
  return true;
}

/// Vectors are arrays.
bool Statements::element(const llvm::Instruction &instruction) {
  if (auto *taken = llvm::dyn_cast<llvm::ExtractElementInst>(&instruction)) {
    std::string whole = operands.of(taken->getVectorOperand()), index = operands.of(taken->getIndexOperand());
    if (whole.empty() || index.empty())
      return false;
    if (!llvm::StringRef(whole).ends_with("[i]")) // a constant, all elements alike
      return assign(instruction, whole);
    return assign(instruction, whole.substr(0, whole.size() - 2) + index + "]");
  }
  const std::string &name = operands.nameOf(instruction);
  if (auto *put = llvm::dyn_cast<llvm::InsertElementInst>(&instruction)) {
    std::string one = operands.of(put->getOperand(1)), index = operands.of(put->getOperand(2));
    if (one.empty() || index.empty() || !assign(instruction, operands.of(put->getOperand(0))))
      return false;
    os << "  " << name << "[" << index << "] = " << one << ";\n";
    return true;
  }
  auto *mixed = llvm::cast<llvm::ShuffleVectorInst>(&instruction);
  unsigned count = countOf(mixed->getOperand(0)->getType());
  std::string from[2] = {operands.of(mixed->getOperand(0)), operands.of(mixed->getOperand(1))};
  for (auto [i, at] : llvm::enumerate(mixed->getShuffleMask())) {
    if (at < 0)
      continue; // any value will do
    std::string whole = from[static_cast<unsigned>(at) / count];
    if (whole.empty())
      return false;
    if (llvm::StringRef(whole).ends_with("[i]"))
      whole = whole.substr(0, whole.size() - 2) + std::to_string(at % count) + "]";
    os << "  " << name << "[" << i << "] = " << whole << ";\n";
  }
  return true;
}

/// Bits as another type: of elements, or of all of a vector as other elements, the first in the low bits.
bool Statements::reinterpreted(const llvm::BitCastInst &cast) {
  llvm::Type *from = cast.getSrcTy(), *to = cast.getDestTy();
  std::string value = operands.of(cast.getOperand(0)), type = operands.typeOf(to);
  if (value.empty())
    return false;
  unsigned fromBits = from->getScalarSizeInBits(), toBits = to->getScalarSizeInBits();
  if (fromBits == toBits)
    return assign(cast, operands.typeOf(from) == type ? value : "NNF_BITS(" + type + ", " + value + ")");
  if (fromBits < 8 || toBits < 8 || from->isPtrOrPtrVectorTy())
    return false;
  std::string fromWord = "u" + std::to_string(fromBits), toWord = "u" + std::to_string(toBits);
  auto at = [](const std::string &text, unsigned i) {
    return llvm::StringRef(text).ends_with("[i]") ? text.substr(0, text.size() - 2) + std::to_string(i) + "]" : text;
  };
  for (unsigned i = 0; i < countOf(to); ++i) {
    std::string word;
    if (fromBits > toBits) {
      unsigned parts = fromBits / toBits;
      word = toWord + "(NNF_BITS(" + fromWord + ", " + at(value, i / parts) + ") >> " +
             std::to_string(i % parts * toBits) + ")";
    } else {
      unsigned parts = toBits / fromBits;
      for (unsigned j = 0; j < parts; ++j)
        word += (j ? " | " : "") + toWord + "(NNF_BITS(" + fromWord + ", " + at(value, i * parts + j) + ")) << " +
                std::to_string(j * fromBits);
      word = toWord + "(" + word + ")";
    }
    os << "  " << at(operands.of(&cast), i) << " = NNF_BITS(" << type << ", " << word << ");\n";
  }
  return true;
}

bool Statements::templateCall(const llvm::CallInst &call) {
  const llvm::Function *called = call.getCalledFunction();
  if (!called || !call.getType()->isVoidTy())
    return false;
  os << "  " << called->getName() << "(";
  for (auto [i, argument] : llvm::enumerate(call.args())) {
    std::string text = operands.of(argument.get());
    llvm::Type *type = argument->getType();
    if (text.empty() || type->isVectorTy())
      return false;
    if (type->isPointerTy())
      text =
          std::string(type->getPointerAddressSpace() == sharedSpace ? "SharedAddress" : "Address") + "{" + text + "}";
    else if (type->isIntegerTy() && !type->isIntegerTy(1)) // templates count with signs
      text = operands.signedTypeOf(type) + "(" + text + ")";
    os << (i ? ", " : "") << text;
  }
  os << ");\n";
  return true;
}

bool Statements::call(const llvm::CallInst &call) {
  if (saysNothing(call))
    return true;
  auto *known = llvm::dyn_cast<llvm::IntrinsicInst>(&call);
  if (!known)
    return templateCall(call);
  std::string text = intrinsic(*known);
  if (call.getType()->isVoidTy()) {
    os << "  " << text << ";\n";
    return !text.empty();
  }
  return !operands.isNamed(call) || assign(call, text);
}

bool Statements::instruction(const llvm::Instruction &instruction) {
  if (instruction.isTerminator())
    return terminator(instruction);
  if (auto *stored = llvm::dyn_cast<llvm::StoreInst>(&instruction))
    return store(*stored);
  if (auto *called = llvm::dyn_cast<llvm::CallInst>(&instruction))
    return call(*called);
  if (auto *changed = llvm::dyn_cast<llvm::AtomicRMWInst>(&instruction))
    return atomic(*changed);
  if (!operands.isNamed(instruction) || llvm::isa<llvm::PHINode, llvm::AllocaInst>(instruction))
    return true; // nobody reads it, or it is where it is declared
  if (auto *loaded = llvm::dyn_cast<llvm::LoadInst>(&instruction))
    return load(*loaded);
  if (auto *cast = llvm::dyn_cast<llvm::BitCastInst>(&instruction))
    return reinterpreted(*cast);
  if (llvm::isa<llvm::ExtractElementInst, llvm::InsertElementInst, llvm::ShuffleVectorInst>(instruction))
    return element(instruction);
  return assign(instruction, expression(instruction));
}

} // namespace nnf
