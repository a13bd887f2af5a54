#include "codegen/driver/Descriptor.h"

using namespace mlir;
namespace nnf {

bool Record::fitsLayout() const {
  size_t end = 0, widest = 1;
  for (const Field &field : fields) {
    size_t width = field.width ? field.width : sizeof(void *);
    end = (end + width - 1) / width * width;
    if (end != field.offset)
      return false;
    end += width;
    widest = std::max(widest, width);
  }
  return (end + widest - 1) / widest * widest == bytes;
}

Type Record::type(MLIRContext *context) const {
  SmallVector<Type> types;
  for (const Field &field : fields)
    types.push_back(field.width ? Type(IntegerType::get(context, field.width * 8))
                                : LLVM::LLVMPointerType::get(context));
  return LLVM::LLVMStructType::getLiteral(context, types);
}

Value Record::build(ImplicitLocOpBuilder &b) const {
  assert(fitsLayout() && "the fields of a descriptor are those of abi.h, in order");
  Type pointer = LLVM::LLVMPointerType::get(b.getContext());
  Value result = LLVM::PoisonOp::create(b, type(b.getContext()));
  for (auto [i, field] : llvm::enumerate(fields)) {
    Value value;
    if (field.width) {
      Type integer = b.getIntegerType(field.width * 8);
      value = LLVM::ConstantOp::create(b, integer, b.getIntegerAttr(integer, APInt(field.width * 8, field.value)));
    } else if (field.symbol.empty()) {
      value = LLVM::ZeroOp::create(b, pointer);
    } else {
      value = LLVM::AddressOfOp::create(b, pointer, field.symbol);
    }
    result = LLVM::InsertValueOp::create(b, result, value, ArrayRef<int64_t>{static_cast<int64_t>(i)});
  }
  return result;
}

Constants::Constants(ModuleOp module) : b(module.getLoc(), module.getContext()) {
  b.setInsertionPointToEnd(module.getBody());
}

LLVM::GlobalOp Constants::global(StringRef name, Type type, LLVM::Linkage linkage, Attribute value) {
  return LLVM::GlobalOp::create(b, type, /*isConstant=*/true, linkage, name, value);
}

template <typename Build> void Constants::initialize(LLVM::GlobalOp global, Build build) {
  OpBuilder::InsertionGuard guard(b);
  b.createBlock(&global.getInitializerRegion());
  LLVM::ReturnOp::create(b, build());
}

std::string Constants::text(StringRef text) {
  std::string &name = texts[text];
  if (name.empty()) {
    name = "nnf.text." + std::to_string(texts.size());
    std::string bytes = text.str() + '\0';
    auto type = LLVM::LLVMArrayType::get(b.getI8Type(), bytes.size());
    global(name, type, LLVM::Linkage::Internal, b.getStringAttr(bytes)).setUnnamedAddr(LLVM::UnnamedAddr::Global);
  }
  return name;
}

std::string Constants::list(ArrayRef<int64_t> values) {
  if (values.empty())
    return "";
  std::string &name = lists[values.vec()];
  if (name.empty()) {
    name = "nnf.list." + std::to_string(lists.size());
    auto type = LLVM::LLVMArrayType::get(b.getI64Type(), values.size());
    global(name, type, LLVM::Linkage::Internal, b.getI64TensorAttr(values));
  }
  return name;
}

std::string Constants::table(StringRef name, ArrayRef<Record> rows) {
  if (rows.empty())
    return "";
  // An array of arrays lies in memory as one array, and keeps the insertions of a long table from being quadratic.
  constexpr size_t chunk = 64;
  Type row = rows.front().type(b.getContext());
  SmallVector<Type> parts;
  for (size_t at = 0; at < rows.size(); at += chunk)
    parts.push_back(LLVM::LLVMArrayType::get(row, std::min(chunk, rows.size() - at)));
  Type type = LLVM::LLVMStructType::getLiteral(b.getContext(), parts);
  initialize(global(name, type, LLVM::Linkage::Internal, {}), [&] {
    Value all = LLVM::PoisonOp::create(b, type);
    for (auto [p, part] : llvm::enumerate(parts)) {
      Value some = LLVM::PoisonOp::create(b, part);
      for (size_t i = p * chunk; i < std::min((p + 1) * chunk, rows.size()); ++i)
        some = LLVM::InsertValueOp::create(b, some, rows[i].build(b), ArrayRef<int64_t>{int64_t(i - p * chunk)});
      all = LLVM::InsertValueOp::create(b, all, some, ArrayRef<int64_t>{int64_t(p)});
    }
    return all;
  });
  return name.str();
}

void Constants::bytes(StringRef name, StringRef content, int64_t alignment) {
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), content.size());
  global(name, type, LLVM::Linkage::Internal, b.getStringAttr(content)).setAlignment(alignment);
}

void Constants::exported(StringRef name, const Record &record, bool isHidden) {
  LLVM::GlobalOp made = global(name, record.type(b.getContext()), LLVM::Linkage::External, {});
  if (isHidden) {
    made.setVisibility_(LLVM::Visibility::Hidden);
    made.setDsoLocal(true);
  }
  initialize(made, [&] { return record.build(b); });
}

} // namespace nnf
