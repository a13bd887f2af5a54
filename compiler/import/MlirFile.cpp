#include "compiler/import/MlirFile.h"
#include "compiler/builder/FunctionTable.h"
#include "compiler/builder/GraphBuilder.h"
#include "compiler/import/ExternalFile.h"
#include "compiler/import/OutputFile.h"
#include "compiler/import/SafetensorsFile.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"
#include <set>

using namespace mlir;
namespace nnf {
namespace {

/// The parser descends for each bracket; text nested deeper than any model would overflow the stack.
bool isNestedTooDeeply(StringRef text) {
  constexpr int maxDepth = 256;
  int depth = 0;
  for (char c : text) {
    if (StringRef("([{<").contains(c)) {
      if (++depth > maxDepth)
        return true;
    } else if (StringRef(")]}").contains(c) || (c == '>' && depth > 0)) {
      // `->` closes nothing; then the count is too low by one, which errs on the side of reading.
      --depth;
    }
  }
  return false;
}

/// Attributes that files may carry. The rest are the passes' notes to each other, and trusted by them.
LogicalResult checkAttributes(Operation *op, ArrayRef<StringRef> allowed) {
  for (NamedAttribute attribute : op->getDiscardableAttrs())
    if (!llvm::is_contained(allowed, attribute.getName().getValue()))
      return emitError(op->getLoc()) << "attribute " << attribute.getName() << ": not known here, expected "
                                     << (allowed.empty() ? "none" : llvm::join(allowed, " or ")) << " [NNFC-E0131]";
  return success();
}

/// The name of an input or output, which becomes a C string.
LogicalResult checkName(func::FuncOp main, const char *what, unsigned i, Attribute attribute, llvm::StringSet<> &seen) {
  auto error = [&] { return emitError(main.getLoc()) << "@main, " << what << " " << i << ": "; };
  auto name = dyn_cast_or_null<StringAttr>(attribute);
  if (!name || name.empty())
    return error() << "no name, expected nnf.name = \"…\" [NNFC-E0132]";
  if (name.getValue().contains('\0'))
    return error() << "a zero byte in its name, expected none [NNFC-E0106]";
  if (!seen.insert(name.getValue()).second)
    return error() << "named " << name << " as another one is, expected different names [NNFC-E0107]";
  return success();
}

/// Each function beside @main is the body of one loop or branch, and @main reaches all of them: nothing runs itself.
LogicalResult checkBodies(ModuleOp module, func::FuncOp main) {
  constexpr size_t deepest = 64;
  llvm::StringMap<func::FuncOp> functions;
  for (auto function : module.getOps<func::FuncOp>())
    functions[function.getSymName()] = function;
  llvm::DenseSet<Operation *> seen{main};
  std::vector<std::pair<func::FuncOp, size_t>> work{{main, 0}};
  while (!work.empty()) {
    auto [function, depth] = work.back();
    work.pop_back();
    for (Operation &op : function.front())
      for (FlatSymbolRefAttr name : bodiesOf(&op)) {
        func::FuncOp body = functions.lookup(name.getValue());
        if (!body || !seen.insert(body).second || depth == deepest)
          return emitError(op.getLoc()) << "runs " << name << ", expected a function of its own, nested " << deepest
                                        << " deep at most [NNFC-E0132]";
        work.push_back({body, depth + 1});
      }
  }
  for (auto &[name, function] : functions)
    if (!seen.contains(function))
      return emitError(function.getLoc())
             << "function @" << name << " is run by nothing, expected a loop or branch [NNFC-E0132]";
  return success();
}

/// A graph is a function @main of the dialect's functions and primitives on tensors, with the bodies of its loops and
/// branches. Nothing else is read: machine code in a model would be run, by the compiler itself where it belongs to a
/// constant.
LogicalResult checkGraph(ModuleOp module) {
  if (failed(checkAttributes(module, {"nnf.name", "nnf.weights", "nnf.ranges"})))
    return failure();
  func::FuncOp main;
  for (Operation &op : *module.getBody()) {
    auto function = dyn_cast<func::FuncOp>(op);
    if (!function)
      return emitError(op.getLoc()) << "'" << op.getName() << "' beside the graph, expected functions [NNFC-E0131]";
    bool isMain = function.getSymName() == "main";
    // Other names mean something to passes.
    if (isMain ? bool(main) : !function.getSymName().starts_with("body"))
      return emitError(op.getLoc())
             << "function @" << function.getSymName()
             << ", expected one @main, and @body… for what its loops and branches run [NNFC-E0132]";
    if (!llvm::hasSingleElement(function.getBody()) || function.isPrivate() == isMain)
      return emitError(op.getLoc()) << "@" << function.getSymName() << ": expected a "
                                    << (isMain ? "public" : "private")
                                    << " function with a body of one block [NNFC-E0132]";
    if (failed(checkAttributes(function, {})))
      return failure();
    if (isMain)
      main = function;
  }
  if (!main)
    return emitError(module.getLoc()) << "no graph: expected a function @main [NNFC-E0132]";
  WalkResult result = module.walk([&](Operation *op) {
    if (op == module)
      return WalkResult::advance();
    bool isFunction = isa<func::FuncOp>(op) && op->getParentOp() == module;
    bool isReturn = isa<func::ReturnOp>(op) && op->getParentOp()->getParentOp() == module;
    bool isGraph = isa_and_nonnull<NnfDialect>(op->getDialect()) && !isa<KernelOp, LaunchOp>(op);
    if (!isFunction && !isReturn && !isGraph) {
      emitError(op->getLoc()) << "'" << op->getName()
                              << "', expected functions and primitives of the dialect nnf [NNFC-E0131]";
      return WalkResult::interrupt();
    }
    bool areTensors = llvm::all_of(op->getResultTypes(), llvm::IsaPred<RankedTensorType>);
    for (Region &region : op->getRegions())
      for (Block &block : region)
        areTensors &= llvm::all_of(block.getArgumentTypes(), llvm::IsaPred<RankedTensorType>);
    if (!areTensors) {
      emitError(op->getLoc()) << "'" << op->getName()
                              << "': a value of another type, expected tensors of known rank [NNFC-E0133]";
      return WalkResult::interrupt();
    }
    if (isFunction)
      return WalkResult::advance();
    const Function *function = findFunction(op->getName().stripDialect());
    SmallVector<StringRef> allowed;
    if (function && function->draws)
      allowed.push_back(randomNumberName);
    if (function && function->hasDataSize)
      allowed.push_back(sizeNumberName);
    return WalkResult(checkAttributes(op, allowed));
  });
  return failure(result.wasInterrupted() || failed(checkBodies(module, main)));
}

/// Numbers the nodes that can draw, where the file does not.
LogicalResult numberRandomNodes(ModuleOp module) {
  std::set<int64_t> taken;
  SmallVector<Operation *> open;
  for (auto graph : module.getOps<func::FuncOp>())
    for (Operation &op : graph.front()) {
      const Function *function = findFunction(op.getName().stripDialect());
      auto key = dyn_cast<RandomKeyOp>(op);
      if (!key && (!function || !function->draws))
        continue;
      Attribute given = key ? key.getNumberAttr() : op.getAttr(randomNumberName);
      auto number = dyn_cast_or_null<IntegerAttr>(given);
      if (!given)
        open.push_back(&op);
      else if (!number || !number.getType().isInteger(64) || number.getInt() < 0 ||
               !taken.insert(number.getInt()).second)
        return emitError(op.getLoc()) << randomNumberName << " = " << given
                                      << ", expected a number (i64) from 0, another for each node [NNFC-E0136]";
    }
  int64_t next = 0;
  for (Operation *op : open) {
    while (!taken.insert(next).second)
      ++next;
    op->setAttr(randomNumberName, Builder(module.getContext()).getI64IntegerAttr(next));
  }
  return success();
}

/// No two sizes that data decide have one number. After verification, which asks for the numbers.
LogicalResult checkDataSizes(ModuleOp module) {
  std::set<int64_t> taken;
  auto isGiven = [](int64_t number) { return number != -1; };
  for (auto function : module.getOps<func::FuncOp>())
    for (Operation &op : function.front()) {
      SmallVector<int64_t> numbers;
      if (auto number = op.getAttrOfType<IntegerAttr>(sizeNumberName))
        numbers.push_back(number.getInt());
      if (auto size = dyn_cast<SizeOp>(op))
        numbers.push_back(size.getNumber());
      if (auto loop = dyn_cast<LoopOp>(op)) {
        llvm::copy_if(loop.getSizes().value_or(ArrayRef<int64_t>()), std::back_inserter(numbers), isGiven);
        if (loop.getNumber())
          numbers.push_back(*loop.getNumber());
      }
      if (auto branch = dyn_cast<IfOp>(op))
        llvm::copy_if(branch.getSizes(), std::back_inserter(numbers), isGiven);
      for (int64_t number : numbers)
        if (number < 0 || !taken.insert(number).second)
          return emitError(op.getLoc()) << "size(" << number
                                        << "), expected a number from 0, another for each node [NNFC-E0136]";
    }
  return success();
}

/// What @main's inputs and outputs are called and which of them are one buffer. After verification.
LogicalResult checkSignature(func::FuncOp main) {
  llvm::StringSet<> inputs, outputs;
  llvm::DenseSet<int64_t> tied;
  for (unsigned i = 0; i < main.getNumArguments(); ++i) {
    if (failed(checkName(main, "input", i, main.getArgAttr(i, "nnf.name"), inputs)))
      return failure();
    Attribute attribute = main.getArgAttr(i, "nnf.inout");
    if (!attribute)
      continue;
    auto result = dyn_cast<IntegerAttr>(attribute);
    if (!result || !result.getType().isInteger(64) || result.getInt() < 0 || result.getInt() >= main.getNumResults() ||
        main.getResultTypes()[result.getInt()] != main.getArgumentTypes()[i] || !tied.insert(result.getInt()).second)
      return emitError(main.getLoc()) << "@main, input " << i << ": nnf.inout = " << attribute
                                      << ", expected the number (i64) of an output of its type, each once [NNFC-E0132]";
  }
  for (unsigned j = 0; j < main.getNumResults(); ++j)
    if (failed(checkName(main, "output", j, main.getResultAttr(j, "nnf.name"), outputs)))
      return failure();
  if (main.getNumResults() == 0)
    return emitError(main.getLoc()) << "@main: no outputs, expected at least one [NNFC-E0111]";
  return success();
}

/// Every tensor has a rank within the limits, and names for the sizes it leaves open.
LogicalResult checkTypes(ModuleOp module, const Limits &limits) {
  auto check = [&](Location location, Type type) -> LogicalResult {
    auto tensor = dyn_cast<RankedTensorType>(type);
    if (!tensor)
      return success();
    if (tensor.getRank() > limits.maxRank)
      return emitError(location) << "rank " << tensor.getRank() << ", expected at most " << limits.maxRank
                                 << " [NNFC-E0114]";
    auto dims = dyn_cast_or_null<DimsAttr>(tensor.getEncoding());
    if (dims ? tensorOf(dims.getDims(), tensor.getElementType()) != tensor
             : !tensor.hasStaticShape() || tensor.getEncoding())
      return emitError(location) << "type " << tensor << ": sizes that are not fixed, expected #nnf.dims<[…]> with one "
                                 << "entry a size [NNFC-E0133]";
    SmallVector<int64_t> known;
    for (int64_t size : tensor.getShape())
      if (!ShapedType::isDynamic(size))
        known.push_back(size);
    if (!tensor.getElementType().isIntOrFloat())
      return emitError(location) << "type " << tensor << ": expected elements that are numbers [NNFC-E0133]";
    std::optional<int64_t> bytes = checkedTensorBytes(known, elementBytes(tensor.getElementType()));
    if (!bytes || *bytes > limits.maxTensorBytes)
      return emitError(location) << "type " << tensor << ": expected at most " << limits.maxTensorBytes
                                 << " bytes [NNFC-E0114]";
    return success();
  };
  WalkResult result = module.walk([&](Operation *op) {
    for (Type type : op->getResultTypes())
      if (failed(check(op->getLoc(), type)))
        return WalkResult::interrupt();
    for (Region &region : op->getRegions())
      for (Block &block : region)
        for (BlockArgument argument : block.getArguments())
          if (failed(check(argument.getLoc(), argument.getType())))
            return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

LogicalResult readWeights(ModuleOp module, StringRef path, const ReadOptions &options) {
  SmallVector<WeightOp> weights;
  module.walk([&](WeightOp weight) { weights.push_back(weight); });
  if (weights.empty())
    return success();
  auto side = module->getAttrOfType<StringAttr>("nnf.weights");
  if (!side)
    return emitError(weights.front().getLoc()) << "weight '" << weights.front().getName() << "': the module names no "
                                               << "file of weights, expected the attribute nnf.weights [NNFC-E0134]";
  auto error = [&](llvm::Error why) {
    return emitError(UnknownLoc::get(module.getContext()))
           << "file '" << side.getValue() << "': " << llvm::toString(std::move(why));
  };
  ExternalFiles files(path, options.dataDirs, options.filesRead);
  llvm::Expected<MappedFile> mapped = files.open(side.getValue());
  if (!mapped)
    return emitError(UnknownLoc::get(module.getContext())) << llvm::toString(mapped.takeError());
  llvm::Expected<SafetensorsFile> file = SafetensorsFile::open(*mapped);
  if (!file)
    return error(file.takeError());
  WeightStore &store = module.getContext()->getLoadedDialect<NnfDialect>()->weights();
  llvm::StringMap<std::pair<RankedTensorType, std::string>> added;
  for (WeightOp weight : weights) {
    auto type = cast<RankedTensorType>(weight.getType());
    if (auto known = added.find(weight.getName()); known != added.end() && known->second.first == type) {
      weight.setName(known->second.second);
      continue;
    }
    llvm::Expected<StoredTensor> tensor = file->tensor(weight.getName());
    if (!tensor)
      return error(tensor.takeError());
    if (tensor->dtype != dtypeName(type.getElementType()) || ArrayRef<int64_t>(tensor->sizes) != type.getShape())
      return emitError(weight.getLoc()) << "weight '" << weight.getName() << "': the file has another dtype or other "
                                        << "sizes, expected " << type << " [NNFC-E0134]";
    std::string name = store.addShared(weight.getName(), type, tensor->bytes, tensor->owner,
                                       ("weight '" + weight.getName() + "' of " + side.getValue()).str());
    added[weight.getName()] = {type, name};
    weight.setName(name);
  }
  return success();
}

} // namespace

LogicalResult fixSymbols(ModuleOp module, const std::map<std::string, int64_t> &dims) {
  if (dims.empty())
    return success();
  auto *dialect = module.getContext()->getLoadedDialect<NnfDialect>();
  llvm::DenseMap<unsigned, Dim> fixed;
  for (const auto &[name, size] : dims)
    fixed[dialect->symbolId(name)] = dimOf(module.getContext(), size);
  SmallVector<unsigned> used;
  auto replaced = [&](ArrayRef<Dim> shape) {
    Shape result;
    for (Dim dim : shape) {
      collectInputSymbols(dim, used);
      result.push_back(substitute(dim, [&](unsigned symbol) { return fixed.lookup(symbol); }));
    }
    return result;
  };
  AttrTypeReplacer replacer;
  replacer.addReplacement([&](RankedTensorType type) -> std::optional<std::pair<Type, WalkResult>> {
    if (!isa_and_nonnull<DimsAttr>(type.getEncoding()))
      return std::nullopt;
    return std::make_pair(Type(tensorOf(replaced(shapeOf(type)), type.getElementType())), WalkResult::skip());
  });
  replacer.addReplacement([&](DimsAttr attribute) -> std::optional<std::pair<Attribute, WalkResult>> {
    return std::make_pair(Attribute(DimsAttr::get(module.getContext(), replaced(attribute.getDims()))),
                          WalkResult::skip());
  });
  replacer.recursivelyReplaceElementsIn(module, /*replaceAttrs=*/true, /*replaceLocs=*/false, /*replaceTypes=*/true);
  for (const auto &[name, size] : dims)
    if (!llvm::is_contained(used, dialect->symbolId(name)))
      return emitError(module.getLoc()) << "size '" << name << "': fixed to " << size
                                        << ", but no input has a size of that name [NNFC-E0016]";
  return success();
}

OwningOpRef<ModuleOp> readMlirFile(MLIRContext &context, StringRef path, const ReadOptions &options) {
  context.loadDialect<NnfDialect, func::FuncDialect>();
  llvm::Expected<MappedFile> file = mapFile(path);
  if (!file) {
    emitError(UnknownLoc::get(&context)) << llvm::toString(file.takeError());
    return {};
  }
  StringRef text(reinterpret_cast<const char *>(file->bytes.data()), file->bytes.size());
  if (isNestedTooDeeply(text)) {
    emitError(UnknownLoc::get(&context)) << "file '" << path << "': nested too deeply [NNFC-E0120]";
    return {};
  }
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, path), llvm::SMLoc());
  // Verifiers rely on what checkTypes() checks.
  ParserConfig config(&context, /*verifyAfterParse=*/false);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, config);
  bool isGraph = !options.trustMlir;
  if (!module || (isGraph && failed(checkGraph(*module))) || failed(checkTypes(*module, options.limits)) ||
      failed(verify(*module)))
    return {};
  auto main = module->lookupSymbol<func::FuncOp>("main");
  if (!main) {
    emitError(module->getLoc()) << "no graph: expected a function @main [NNFC-E0132]";
    return {};
  }
  if (failed(checkSignature(main)) || failed(numberRandomNodes(*module)) || failed(checkDataSizes(*module)) ||
      failed(readWeights(*module, path, options)) || failed(fixSymbols(*module, options.dims)))
    return {};
  // Fixed sizes may not fit each other.
  if (!options.dims.empty() && failed(verify(*module)))
    return {};
  return module;
}

LogicalResult writeMlirFile(ModuleOp module, StringRef path) {
  MLIRContext &context = *module.getContext();
  std::vector<NamedTensor> tensors;
  llvm::StringSet<> seen;
  WalkResult walked = module.walk([&](WeightOp op) {
    if (!seen.insert(op.getName()).second)
      return WalkResult::advance();
    const Weight *weight = context.getLoadedDialect<NnfDialect>()->weights().find(op.getName());
    if (!weight) {
      emitError(op.getLoc()) << "weight '" << op.getName() << "': no such weight in the store [NNFC-E0134]";
      return WalkResult::interrupt();
    }
    tensors.push_back(
        {op.getName().str(),
         {dtypeName(weight->type.getElementType()), weight->type.getShape().vec(), weight->bytes, weight->owner}});
    return WalkResult::advance();
  });
  if (walked.wasInterrupted())
    return failure();

  SmallString<128> sidePath(path);
  llvm::sys::path::replace_extension(sidePath, ".safetensors");
  Attribute before = module->getAttr("nnf.weights");
  if (tensors.empty()) {
    module->removeAttr("nnf.weights");
  } else {
    if (failed(writeWhole(context, sidePath, [&](llvm::raw_ostream &os) { writeSafetensors(tensors, os); })))
      return failure();
    module->setAttr("nnf.weights", StringAttr::get(&context, llvm::sys::path::filename(sidePath)));
  }
  LogicalResult result = writeWhole(context, path, [&](llvm::raw_ostream &os) {
    module.print(os, OpPrintingFlags().enableDebugInfo(/*enable=*/true, /*prettyForm=*/false));
    os << "\n";
  });
  if (before)
    module->setAttr("nnf.weights", before);
  else
    module->removeAttr("nnf.weights");
  return result;
}

} // namespace nnf
