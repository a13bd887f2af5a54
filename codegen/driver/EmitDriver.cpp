// @main becomes what runtime/abi.h asks of a model: a descriptor and three functions.
#include "codegen/Passes.h"
#include "codegen/driver/Arena.h"
#include "codegen/driver/Descriptor.h"
#include "codegen/driver/DriverCode.h"
#include "codegen/driver/SizeRanges.h"
#include "codegen/driver/WeightsRecipe.h"
#include "runtime/abi.h"
#include <cstddef>

using namespace mlir;
namespace nnf {
#define GEN_PASS_DEF_EMITDRIVER
#include "codegen/Passes.h.inc"

namespace {

/// Defined by the object writer, which has the bytes.
constexpr StringLiteral weightsName = "nnf.weights";

// ---- the descriptor

/// Sizes as the descriptor has them: fixed, a symbol, or left to output_dims.
SmallVector<int64_t> abiDims(const Signature &signature, RankedTensorType type) {
  SmallVector<int64_t> dims;
  for (Dim dim : shapeOf(type)) {
    if (std::optional<int64_t> size = constantOf(dim))
      dims.push_back(*size);
    else if (auto symbol = dyn_cast<AffineSymbolExpr>(dim); symbol && !derivationOf(dim))
      dims.push_back(-1 - int64_t(*signature.indexOf(symbol.getPosition())));
    else
      dims.push_back(NNF_DIM_COMPUTED);
  }
  return dims;
}

class DescriptorCode {
public:
  DescriptorCode(ModuleOp module, const DriverPlan &plan) : module(module), plan(plan), constants(module) {}

  LogicalResult emit() {
    std::string inputs = tensors("nnf.inputs", plan.signature.inputs, /*areInputs=*/true);
    std::string outputs = tensors("nnf.outputs", plan.signature.outputs, /*areInputs=*/false);
    std::string symbolTable = symbols(), kernelTable = kernels(), launchTable = launches(), checkTable = checks();
    uint64_t weightsBytes = number("nnf.weights_bytes");
    std::string file = text("nnf.weights_file", "");
    bool embedded = weightsBytes > 0 && file.empty();
    if (auto bytes = module->getAttrOfType<StringAttr>(inlineWeightsAttr); bytes && embedded)
      constants.bytes(weightsName, bytes.getValue(), arenaAlignment);
    else if (embedded)
      declareElsewhere(weightsName, /*alignment=*/arenaAlignment);
    bool hasDeviceCode = module->hasAttr(deviceCodeName);
    if (hasDeviceCode)
      declareElsewhere(deviceCodeName, /*alignment=*/8);
    std::string name = text("nnf.name", "model");
    std::string recipe = emitRecipe(module, constants, [&](StringRef symbol) { declareElsewhere(symbol, 8); });
    std::string version = text(versionAttr, "");
    auto versions = module->getAttrOfType<ArrayAttr>(versionsAttr);
    std::string versionTable = versions ? versionList(versions, version) : "";
    Record model(sizeof(nnf_model));
    model.i32(offsetof(nnf_model, abi_major), NNF_ABI_MAJOR)
        .i32(offsetof(nnf_model, abi_minor), NNF_ABI_MINOR)
        .i32(offsetof(nnf_model, struct_size), sizeof(nnf_model))
        .i32(offsetof(nnf_model, flags), 0)
        .address(offsetof(nnf_model, name), constants.text(name))
        .address(offsetof(nnf_model, target), constants.text(text("nnf.target", "")))
        .address(offsetof(nnf_model, producer), constants.text(text("nnf.producer", "nnfc")))
        .i64(offsetof(nnf_model, content_hash), number("nnf.content_hash"))
        .i32(offsetof(nnf_model, num_inputs), plan.signature.inputs.size())
        .i32(offsetof(nnf_model, num_outputs), plan.signature.outputs.size())
        .i32(offsetof(nnf_model, num_symbols), plan.signature.symbols.size())
        .i32(offsetof(nnf_model, num_kernels), plan.kernels.size())
        .i32(offsetof(nnf_model, num_launches), plan.launches.size())
        .i32(offsetof(nnf_model, num_checks), plan.checks.size())
        .address(offsetof(nnf_model, inputs), inputs)
        .address(offsetof(nnf_model, outputs), outputs)
        .address(offsetof(nnf_model, symbols), symbolTable)
        .address(offsetof(nnf_model, kernels), kernelTable)
        .address(offsetof(nnf_model, launches), launchTable)
        .address(offsetof(nnf_model, checks), checkTable)
        .address(offsetof(nnf_model, weights), embedded ? weightsName.str() : "")
        .i64(offsetof(nnf_model, weights_bytes), weightsBytes)
        .i64(offsetof(nnf_model, weights_hash), number("nnf.weights_hash"))
        .address(offsetof(nnf_model, weights_file), weightsBytes && !file.empty() ? constants.text(file) : "")
        .i64(offsetof(nnf_model, cpu_features), number("nnf.cpu_features"))
        .address(offsetof(nnf_model, arena_bytes), arenaName)
        .address(offsetof(nnf_model, output_dims), dimsName)
        .address(offsetof(nnf_model, run), runName)
        .i32(offsetof(nnf_model, num_temporaries), plan.numTemporaries)
        .i32(offsetof(nnf_model, reserved), 0)
        .i64(offsetof(nnf_model, live_bytes), liveBytes())
        .address(offsetof(nnf_model, device), hasDeviceCode ? deviceCodeName.str() : "")
        .address(offsetof(nnf_model, cpu), constants.text(text("nnf.cpu", "")))
        .address(offsetof(nnf_model, versions), versionTable)
        .i32(offsetof(nnf_model, num_versions), versions ? versions.size() : 0)
        .i32(offsetof(nnf_model, reserved1), 0)
        .i64(offsetof(nnf_model, most_arena_bytes), SizeRanges(module).mostArenaBytes().value_or(-1))
        .address(offsetof(nnf_model, recipe), recipe);
    // The version that has the list is the one that the world sees, and nobody sees what prepares weights.
    std::string hidden = !versions && !version.empty() ? version : text(descriptorSymbolAttr, "");
    constants.exported(hidden.empty() ? "nnf_model_" + name : hidden, model, /*isHidden=*/!hidden.empty());
    return success();
  }

private:
  ModuleOp module;
  const DriverPlan &plan;
  Constants constants;

  uint64_t number(StringRef attribute) {
    auto value = module->getAttrOfType<IntegerAttr>(attribute);
    return value ? value.getValue().getZExtValue() : 0;
  }
  std::string text(StringRef attribute, StringRef otherwise) {
    auto value = module->getAttrOfType<StringAttr>(attribute);
    return value ? value.str() : otherwise.str();
  }
  void declareElsewhere(StringRef name, int64_t alignment) {
    OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
    auto global = LLVM::GlobalOp::create(b, module.getLoc(), LLVM::LLVMArrayType::get(b.getI8Type(), 0),
                                         /*isConstant=*/true, LLVM::Linkage::External, name, Attribute(), alignment);
    global.setVisibility_(LLVM::Visibility::Hidden);
    global.setDsoLocal(true);
  }

  /// The descriptors of all versions; `own` is this one.
  std::string versionList(ArrayAttr versions, StringRef own) {
    SmallVector<Record> rows;
    for (StringRef symbol : versions.getAsValueRange<StringAttr>()) {
      std::string descriptor = symbol == own ? "nnf_model_" + text("nnf.name", "model") : symbol.str();
      if (symbol != own)
        declareElsewhere(descriptor, /*alignment=*/8);
      rows.push_back(Record(sizeof(const nnf_model *)).address(0, descriptor));
    }
    return constants.table("nnf.versions", rows);
  }

  std::string tensors(StringRef table, ArrayRef<TensorSignature> tensors, bool areInputs) {
    SmallVector<Record> rows;
    for (const TensorSignature &tensor : tensors) {
      bool isDataDependent = llvm::any_of(shapeOf(tensor.type), dependsOnData);
      Record row(sizeof(nnf_tensor_info));
      row.address(offsetof(nnf_tensor_info, name), constants.text(tensor.name))
          .i32(offsetof(nnf_tensor_info, dtype), abiDType(tensor.type.getElementType()))
          .i32(offsetof(nnf_tensor_info, rank), tensor.type.getRank())
          .address(offsetof(nnf_tensor_info, dims), constants.list(abiDims(plan.signature, tensor.type)))
          .i32(offsetof(nnf_tensor_info, flags), (areInputs && tensor.tied >= 0 ? NNF_TENSOR_INOUT : 0) |
                                                     (isDataDependent ? NNF_TENSOR_DATA_DEPENDENT : 0))
          .i32(offsetof(nnf_tensor_info, tied), tensor.tied);
      rows.push_back(row);
    }
    return constants.table(table, rows);
  }
  int64_t liveBytes() {
    auto live = module.lookupSymbol("main")->getAttrOfType<IntegerAttr>("nnf.arena_live");
    return live ? live.getInt() : -1;
  }
  std::string symbols() {
    SmallVector<Record> rows;
    auto &dialect = *module.getContext()->getLoadedDialect<NnfDialect>();
    SizeRanges ranges(module);
    for (unsigned symbol : plan.signature.symbols) {
      std::optional<SizeRanges::Range> range = ranges.of(dialect.symbolName(symbol));
      Record row(sizeof(nnf_symbol_info));
      row.address(offsetof(nnf_symbol_info, name), constants.text(dialect.symbolName(symbol)))
          .i64(offsetof(nnf_symbol_info, min), range ? range->least : 0)
          .i64(offsetof(nnf_symbol_info, max), range ? range->most : INT64_MAX)
          .i64(offsetof(nnf_symbol_info, multiple_of), 1);
      rows.push_back(row);
    }
    return constants.table("nnf.symbols", rows);
  }
  std::string kernels() {
    SmallVector<Record> rows;
    for (func::FuncOp kernel : plan.kernels) {
      auto title = kernel->getAttrOfType<StringAttr>("nnf.title");
      auto scratch = kernel->getAttrOfType<IntegerAttr>("nnf.scratch");
      Record row(sizeof(nnf_kernel_info));
      row.address(offsetof(nnf_kernel_info, name), constants.text(title ? title.getValue() : kernel.getSymName()))
          .address(offsetof(nnf_kernel_info, function), entryName(kernel))
          .i64(offsetof(nnf_kernel_info, scratch_bytes), scratch ? scratch.getInt() : 0);
      rows.push_back(row);
    }
    return constants.table("nnf.kernels", rows);
  }
  std::string launches() {
    SmallVector<Record> rows;
    for (const LaunchPlan &launch : plan.launches) {
      LaunchOp op = launch.op;
      auto known = [&](StringRef name) -> int64_t {
        auto value = op->getAttrOfType<IntegerAttr>(name);
        return value ? value.getInt() : -1;
      };
      Record row(sizeof(nnf_launch_info));
      row.i32(offsetof(nnf_launch_info, kernel), launch.kernel)
          .i32(offsetof(nnf_launch_info, reserved), 0)
          .address(offsetof(nnf_launch_info, node), constants.text(nodeName(op.getLoc())))
          .i64(offsetof(nnf_launch_info, flops), known("nnf.flops"))
          .i64(offsetof(nnf_launch_info, bytes), known("nnf.bytes"));
      rows.push_back(row);
    }
    return constants.table("nnf.launches", rows);
  }
  std::string checks() {
    SmallVector<Record> rows;
    for (const std::string &message : plan.checks)
      rows.push_back(
          Record(sizeof(nnf_check_info)).address(offsetof(nnf_check_info, message), constants.text(message)));
    return constants.table("nnf.checks", rows);
  }
};

/// Whether it is what some GPUs have in the place of a kernel that is launched.
bool stands(ArrayRef<func::FuncOp> kernels, func::FuncOp function) {
  auto of = function->getAttrOfType<FlatSymbolRefAttr>("nnf.variant_of");
  return of && llvm::any_of(kernels, [&](func::FuncOp kernel) { return kernel.getSymNameAttr() == of.getAttr(); });
}

struct EmitDriver : impl::EmitDriverBase<EmitDriver> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    FailureOr<DriverPlan> plan = readDriverPlan(module);
    if (failed(plan))
      return signalPassFailure();
    DriverCode code(module, *plan);
    for (auto [index, kernel] : llvm::enumerate(plan->kernels)) {
      kernel->setAttr("nnf.index", Builder(module.getContext()).getI64IntegerAttr(index)); // in the descriptor
      if (kernel->hasAttr(entryAttr))
        declareEntry(kernel);
      else
        emitEntry(kernel, entryName(kernel), LLVM::Linkage::Internal);
    }
    code.emitArenaBytes();
    code.emitOutputDims();
    emitRun(module, *plan);
    if (failed(DescriptorCode(module, *plan).emit()))
      return signalPassFailure();
    for (func::FuncOp function : driverFunctions(module))
      function.erase();
    for (auto kernel : llvm::make_early_inc_range(module.getOps<func::FuncOp>()))
      if (kernel->hasAttr("nnf.kernel") && !stands(plan->kernels, kernel) &&
          (kernel->hasAttr(entryAttr) || !llvm::is_contained(plan->kernels, kernel)))
        kernel.erase(); // its entry is all that is needed, or nobody launches it
  }
};

} // namespace
} // namespace nnf
