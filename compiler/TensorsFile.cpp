#include "compiler/TensorsFile.h"
#include "codegen/driver/ConstantBytes.h"
#include "compiler/builder/ConstantElements.h"
#include "compiler/import/ExternalFile.h"
#include "compiler/import/OutputFile.h"
#include "compiler/import/SafetensorsFile.h"
#include "dialects/nnf/Nnf.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"

using namespace mlir;
namespace nnf {
namespace {

/// Constants and weights of @main by name.
FailureOr<llvm::MapVector<StringRef, Operation *>> namedConstants(ModuleOp module) {
  llvm::MapVector<StringRef, Operation *> found;
  auto main = module.lookupSymbol<func::FuncOp>("main");
  if (!main || main.isExternal())
    return emitError(module.getLoc()) << "no graph: expected a function @main [NNFC-E0132]";
  for (Operation &op : main.front()) {
    auto name = dyn_cast<NameLoc>(op.getLoc());
    if (!isa<ConstantOp, WeightOp>(op) || !name || name.getName().empty())
      continue;
    if (!found.insert({name.getName().getValue(), &op}).second)
      return emitError(op.getLoc()) << "constant " << name.getName()
                                    << ": there are two of that name, expected one [NNFC-E0107]";
  }
  return found;
}

std::string typeText(StringRef dtype, ArrayRef<int64_t> sizes) {
  auto texts = llvm::map_range(sizes, [](int64_t size) { return std::to_string(size); });
  return (dtype + " [" + llvm::join(texts, ", ") + "]").str();
}

} // namespace

LogicalResult writeTensors(ModuleOp module, StringRef path) {
  auto constants = namedConstants(module);
  if (failed(constants))
    return failure();
  WeightStore &store = module.getContext()->getLoadedDialect<NnfDialect>()->weights();
  std::vector<NamedTensor> tensors;
  for (auto [name, op] : *constants) {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    NamedTensor named{name.str(), {dtypeName(type.getElementType()), type.getShape().vec(), {}, nullptr}};
    if (auto weight = dyn_cast<WeightOp>(op)) {
      const Weight *stored = store.find(weight.getName());
      if (!stored)
        return emitError(op->getLoc()) << "weight '" << weight.getName()
                                       << "': no such weight in the store [NNFC-E0134]";
      named.tensor.bytes = stored->bytes;
      named.tensor.owner = stored->owner;
    } else {
      auto elements = dyn_cast<DenseElementsAttr>(cast<ConstantOp>(op).getValue());
      if (!elements)
        return emitError(op->getLoc()) << "constant '" << name << "': expected its elements in the module [NNFC-E0134]";
      auto owner = std::make_shared<const std::vector<uint8_t>>(bytesOf(elements));
      named.tensor.bytes = *owner;
      named.tensor.owner = owner;
    }
    tensors.push_back(std::move(named));
  }
  return writeWhole(*module.getContext(), path, [&](llvm::raw_ostream &os) { writeSafetensors(tensors, os); });
}

LogicalResult readTensorsInto(ModuleOp module, StringRef path) {
  MLIRContext &context = *module.getContext();
  auto error = [&] { return emitError(UnknownLoc::get(&context)) << "file '" << path << "': "; };
  llvm::Expected<MappedFile> mapped = mapFile(path);
  if (!mapped)
    return emitError(UnknownLoc::get(&context)) << llvm::toString(mapped.takeError());
  llvm::Expected<SafetensorsFile> file = SafetensorsFile::open(*mapped);
  if (!file)
    return error() << llvm::toString(file.takeError());
  auto constants = namedConstants(module);
  if (failed(constants))
    return failure();
  WeightStore &store = context.getLoadedDialect<NnfDialect>()->weights();
  for (StringRef name : file->names()) {
    StoredTensor tensor = llvm::cantFail(file->tensor(name));
    Operation *op = constants->lookup(name);
    if (!op)
      return error() << "tensor '" << name << "': the model has no constant of that name [NNFC-E0119]";
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    std::string dtype = dtypeName(type.getElementType());
    if (tensor.dtype != dtype || ArrayRef<int64_t>(tensor.sizes) != type.getShape())
      return error() << "tensor '" << name << "': " << typeText(tensor.dtype, tensor.sizes) << ", expected "
                     << typeText(dtype, type.getShape()) << " as the model's constant [NNFC-E0119]";
    if (dtype == "bool" && llvm::any_of(tensor.bytes, [](uint8_t byte) { return byte > 1; }))
      return error() << "tensor '" << name << "': a byte other than 0 and 1 in a bool tensor [NNFC-E0115]";
    if (auto weight = dyn_cast<WeightOp>(op)) {
      std::string stored = weight.getName().str();
      store.remove(stored);
      store.addShared(stored, type, tensor.bytes, tensor.owner, ("tensor '" + name + "' of " + path).str());
    } else {
      cast<ConstantOp>(op).setValueAttr(elementsOf(type, tensor.bytes));
    }
  }
  return success();
}

} // namespace nnf
