// mlir-opt with the project's dialect and passes.
#include "codegen/Dialects.h"
#include "codegen/Passes.h"
#include "mlir/Conversion/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/LLVMIR/Transforms/Passes.h"
#include "mlir/Dialect/SCF/Transforms/Passes.h"
#include "mlir/Dialect/Vector/Transforms/Passes.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "passes/Passes.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  nnf::registerDialects(registry);
  nnf::registerNnfPasses();
  nnf::registerNnfCodegenPasses();
  mlir::registerTransformsPasses();
  mlir::registerConversionPasses();
  mlir::arith::registerArithPasses();
  mlir::registerSCFPasses();
  mlir::vector::registerVectorPasses();
  mlir::LLVM::registerLLVMPasses();
  return mlir::asMainReturnCode(mlir::MlirOptMain(argc, argv, "nnfc's pass driver\n", registry));
}
