#include "codegen/cuda/custom/MathLibrary.h"
#include "codegen/cpu/Lowering.h"
#include "codegen/cuda/Target.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Linker/Linker.h"

using namespace mlir;
namespace nnf {
namespace {

constexpr llvm::StringLiteral prefix = "__nnf_";

using Build = Value (*)(OpBuilder &, Location, ValueRange);
template <typename Op> Value build(OpBuilder &b, Location loc, ValueRange operands) {
  return Op::create(b, loc, TypeRange{operands[0].getType()}, operands)->getResult(0);
}

Build functionOf(StringRef name) {
  return llvm::StringSwitch<Build>(name)
      .Case("exp", build<math::ExpOp>)
      .Case("exp2", build<math::Exp2Op>)
      .Case("expm1", build<math::ExpM1Op>)
      .Case("log", build<math::LogOp>)
      .Case("log2", build<math::Log2Op>)
      .Case("log10", build<math::Log10Op>)
      .Case("log1p", build<math::Log1pOp>)
      .Case("sin", build<math::SinOp>)
      .Case("cos", build<math::CosOp>)
      .Case("tan", build<math::TanOp>)
      .Case("atan", build<math::AtanOp>)
      .Case("tanh", build<math::TanhOp>)
      .Case("erf", build<math::ErfOp>)
      .Case("rsqrt", build<math::RsqrtOp>)
      .Case("round", build<math::RoundOp>)
      .Case("pow", build<math::PowFOp>)
      .Default(nullptr);
}

/// "__nnf_exp_f32" as a function of the dialects; false: no such name.
bool addFunction(OpBuilder &b, Location loc, StringRef symbol, unsigned operands) {
  StringRef name = symbol;
  if (!name.consume_front(prefix))
    return false;
  Type type = name.consume_back("_f32")   ? Type(b.getF32Type())
              : name.consume_back("_f64") ? Type(b.getF64Type())
                                          : Type();
  Build make = functionOf(name);
  if (!type || !make || operands != (name == "pow" ? 2u : 1u))
    return false;
  auto function =
      func::FuncOp::create(b, loc, symbol, b.getFunctionType(SmallVector<Type>(operands, type), TypeRange{type}));
  OpBuilder inside = OpBuilder::atBlockBegin(function.addEntryBlock());
  func::ReturnOp::create(inside, loc, make(inside, loc, function.getArguments()));
  return true;
}

} // namespace

LogicalResult linkMathLibrary(llvm::Module &device, MLIRContext &context) {
  context.loadDialect<func::FuncDialect, math::MathDialect, LLVM::LLVMDialect>();
  Location loc = UnknownLoc::get(&context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(loc);
  OpBuilder b = OpBuilder::atBlockEnd(module->getBody());
  SmallVector<std::string> made;
  for (llvm::Function &function : device)
    if (function.isDeclaration() && addFunction(b, loc, function.getName(), function.arg_size()))
      made.push_back(function.getName().str());
  if (made.empty())
    return success();
  PassManager passes(&context, ModuleOp::getOperationName());
  addCpuLowering(passes, CudaTarget::info());
  if (failed(passes.run(*module)))
    return failure();
  std::unique_ptr<llvm::Module> library = translateModuleToLLVMIR(*module, device.getContext(), "nnf.math", true);
  if (!library)
    return failure();
  library->setTargetTriple(device.getTargetTriple());
  library->setDataLayout(device.getDataLayout());
  for (llvm::NamedMDNode &node : llvm::make_early_inc_range(library->named_metadata()))
    library->eraseNamedMetadata(&node);
  if (llvm::Linker::linkModules(device, std::move(library)))
    return emitError(loc) << "internal: functions of mathematics do not link";
  for (const std::string &name : made) {
    llvm::Function *function = device.getFunction(name);
    function->removeFnAttr(llvm::Attribute::NoInline);
    function->addFnAttr(llvm::Attribute::AlwaysInline);
    function->setLinkage(llvm::GlobalValue::InternalLinkage);
  }
  return success();
}

} // namespace nnf
