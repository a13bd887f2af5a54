#include "codegen/cpu/SplitModule.h"
#include "llvm/ADT/EquivalenceClasses.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Bitcode/BitcodeReader.h"
#include "llvm/Bitcode/BitcodeWriter.h"
#include "llvm/IR/InstrTypes.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Parallel.h"

using namespace llvm;
namespace nnf {
namespace {

/// Instructions that are a part's worth: below, reading bitcode costs more than a second core saves.
constexpr size_t partSize = 8000;
constexpr unsigned maxParts = 16;

/// It is called from outside: it is visible there, or nothing but a table refers to it.
bool isRoot(const Function &function) {
  return (!function.hasLocalLinkage() && !function.hasHiddenVisibility()) ||
         none_of(function.users(), [](const User *user) { return isa<Instruction>(user); });
}

/// Copies of a table are as good as one; of something that is written they are not.
bool hasLocalVariables(const Module &module) {
  return any_of(module.globals(), [](const GlobalVariable &global) {
    return global.hasLocalLinkage() && !global.isConstant() && !global.isDeclaration();
  });
}

} // namespace

SplitModule::SplitModule(Module &module, StringRef prefix) : module(module) {
  EquivalenceClasses<const Function *> groups;
  const Function *root = nullptr;
  size_t total = 0;
  for (const Function &function : module) {
    if (function.isDeclaration())
      continue;
    groups.insert(&function);
    total += function.getInstructionCount();
    if (isRoot(function)) {
      groups.unionSets(root ? root : &function, &function);
      root = &function;
    }
    for (const BasicBlock &block : function)
      for (const Instruction &instruction : block)
        if (auto *call = dyn_cast<CallBase>(&instruction))
          if (const Function *callee = call->getCalledFunction(); callee && !callee->isDeclaration())
            groups.unionSets(&function, callee);
  }
  size_t wanted = std::min<size_t>(total / partSize, maxParts);
  if (wanted < 2 || !root || hasLocalVariables(module))
    return;

  // The largest first, each to the part that has the least so far.
  struct Group {
    size_t number = 0, size = 0;
    SmallVector<const Function *> functions;
  };
  MapVector<const Function *, Group> byLeader; // in the module's order
  for (const Function &function : module)
    if (!function.isDeclaration()) {
      Group &group = byLeader[groups.getLeaderValue(&function)];
      if (group.functions.empty())
        group.number = byLeader.size();
      group.size += function.getInstructionCount();
      group.functions.push_back(&function);
    }
  const Function *first = groups.getLeaderValue(root);
  SmallVector<const Group *> order;
  for (auto &[leader, group] : byLeader)
    if (leader != first)
      order.push_back(&group);
  llvm::sort(order, [&](const Group *a, const Group *b) {
    return std::pair(b->size, a->number) < std::pair(a->size, b->number);
  });
  parts = wanted;
  SmallVector<size_t> sizes(parts, 0);
  DenseMap<const Function *, unsigned> numberOf;
  auto put = [&](const Group &group, unsigned part) {
    sizes[part] += group.size;
    for (const Function *function : group.functions)
      numberOf[function] = part;
  };
  put(byLeader[first], 0);
  for (const Group *group : order)
    put(*group, min_element(sizes) - sizes.begin());

  // Names last: they are what the copies know functions by.
  for (Function &function : module) {
    if (function.isDeclaration())
      continue;
    unsigned part = numberOf[&function];
    bool isUsedElsewhere = any_of(function.users(), [&](const User *user) {
      auto *instruction = dyn_cast<Instruction>(user);
      return (instruction ? numberOf[instruction->getFunction()] : 0) != part; // tables are in part 0
    });
    if (function.hasLocalLinkage() && isUsedElsewhere) {
      function.setLinkage(GlobalValue::ExternalLinkage);
      function.setVisibility(GlobalValue::HiddenVisibility);
      function.setName(prefix + "." + function.getName());
    }
    partOf[function.getName()] = part;
  }
}

/// Of everything else declarations stay.
void SplitModule::keepOnly(Module &copy, unsigned part) const {
  for (Function &function : copy)
    if (auto found = partOf.find(function.getName()); found != partOf.end() && found->second != part) {
      function.deleteBody(); // and makes it external
      function.setComdat(nullptr);
    }
  if (part == 0)
    return;
  copy.setModuleInlineAsm("");
  for (GlobalVariable &global : copy.globals())
    if (!global.hasLocalLinkage() && !global.isDeclaration()) {
      global.setInitializer(nullptr);
      global.setLinkage(GlobalValue::ExternalLinkage);
      global.setComdat(nullptr);
    }
}

void SplitModule::forEachPart(function_ref<void(Module &, unsigned)> make) {
  if (parts == 1)
    return make(module, 0);
  SmallVector<char, 0> bitcode;
  raw_svector_ostream os(bitcode);
  WriteBitcodeToFile(module, os);
  parallelFor(0, parts, [&](size_t part) {
    LLVMContext context;
    MemoryBufferRef buffer(StringRef(bitcode.data(), bitcode.size()), module.getModuleIdentifier());
    // It has just been written.
    std::unique_ptr<Module> copy = cantFail(getLazyBitcodeModule(buffer, context));
    keepOnly(*copy, part);
    cantFail(copy->materializeAll());
    make(*copy, part);
  });
}

} // namespace nnf
