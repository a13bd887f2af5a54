// Groups of ops, and how they leave @main as kernels.
#ifndef NNF_PASSES_GROUPS_OUTLINE_H
#define NNF_PASSES_GROUPS_OUTLINE_H

#include "passes/groups/SizePhases.h"
#include "llvm/ADT/SetVector.h"

namespace nnf {

/// Ops that become one kernel. Its results are the values of members that are used outside.
struct Group {
  mlir::Operation *anchor;
  llvm::SetVector<mlir::Operation *> members;
};

/// The groups of a function. An op is in one group at most; an op in none is cloned into every group that reads it.
class GroupMap {
public:
  Group *create(mlir::Operation *anchor) {
    groups.push_back(std::make_unique<Group>(Group{anchor, {}}));
    add(groups.back().get(), anchor);
    return groups.back().get();
  }
  void add(Group *group, mlir::Operation *op) {
    group->members.insert(op);
    groupOf[op] = group;
  }
  Group *of(mlir::Operation *op) const { return groupOf.lookup(op); }
  /// The concatenation stays an op of its function: its operands are launches' results that are stored in their places
  /// of its buffer. It becomes a group that nothing else is in.
  void placeParts(PrimConcatOp whole) {
    create(whole);
    inPlace.insert(whole);
    for (mlir::Value part : whole.getInputs())
      wholes[part] = whole;
  }
  bool isInPlace(mlir::Operation *op) const { return inPlace.contains(op); }
  /// The concatenation that a value is stored in, or null.
  PrimConcatOp wholeOf(mlir::Value part) const { return wholes.lookup(part); }
  llvm::ArrayRef<std::unique_ptr<Group>> all() const { return groups; }

private:
  llvm::SmallVector<std::unique_ptr<Group>> groups;
  llvm::DenseMap<mlir::Operation *, Group *> groupOf;
  llvm::DenseMap<mlir::Value, PrimConcatOp> wholes;
  llvm::DenseSet<mlir::Operation *> inPlace;
};

/// Makes a kernel of every group and launches them, phase by phase, in an order their values allow; equal kernels are
/// made once.
mlir::LogicalResult outlineGroups(mlir::func::FuncOp function, const GroupMap &groups, const SizePhases &phases);

} // namespace nnf
#endif
