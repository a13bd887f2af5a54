#include "compiler/builder/Arguments.h"
#include "llvm/Support/Format.h"

using namespace mlir;
namespace nnf {

static std::string numberText(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.9g", value);
  return text;
}

std::string describe(const ArgumentValue &value) {
  auto list = [](size_t size, const char *what) {
    return "a list of " + std::to_string(size) + " " + what + (size == 1 ? "" : "s");
  };
  struct Visitor {
    decltype(list) &listText;
    std::string operator()(std::monostate) { return "None"; }
    std::string operator()(TensorId) { return "a tensor"; }
    std::string operator()(const std::vector<TensorId> &v) { return listText(v.size(), "tensor"); }
    std::string operator()(int64_t v) { return "the integer " + std::to_string(v); }
    std::string operator()(double v) { return "the number " + numberText(v); }
    std::string operator()(bool v) { return v ? "the bool true" : "the bool false"; }
    std::string operator()(const std::string &v) { return "the string '" + v + "'"; }
    std::string operator()(const std::vector<int64_t> &v) { return listText(v.size(), "integer"); }
    std::string operator()(const std::vector<double> &v) { return listText(v.size(), "number"); }
  };
  return std::visit(Visitor{list}, value);
}

static Attribute intsFor(Builder builder, const ArgumentValue &value) {
  if (auto *one = std::get_if<int64_t>(&value))
    return builder.getDenseI64ArrayAttr(*one);
  if (auto *many = std::get_if<std::vector<int64_t>>(&value))
    return builder.getDenseI64ArrayAttr(*many);
  return {};
}

static Attribute floatsFor(Builder builder, const ArgumentValue &value) {
  if (auto *one = std::get_if<double>(&value))
    return builder.getDenseF64ArrayAttr(*one);
  if (auto *many = std::get_if<std::vector<double>>(&value))
    return builder.getDenseF64ArrayAttr(*many);
  if (auto *one = std::get_if<int64_t>(&value))
    return builder.getDenseF64ArrayAttr(static_cast<double>(*one));
  if (auto *many = std::get_if<std::vector<int64_t>>(&value))
    return builder.getDenseF64ArrayAttr(llvm::to_vector(llvm::map_range(*many, [](int64_t i) { return double(i); })));
  return {};
}

Attribute attributeFor(MLIRContext *context, ParameterKind kind, const ArgumentValue &value) {
  Builder builder(context);
  auto *integer = std::get_if<int64_t>(&value);
  auto *text = std::get_if<std::string>(&value);
  switch (kind) {
  case ParameterKind::Int: return integer ? builder.getI64IntegerAttr(*integer) : Attribute();
  case ParameterKind::IntOrInts: return integer ? builder.getI64IntegerAttr(*integer) : intsFor(builder, value);
  case ParameterKind::Float:
    if (auto *number = std::get_if<double>(&value))
      return builder.getF64FloatAttr(*number);
    return integer ? builder.getF64FloatAttr(static_cast<double>(*integer)) : Attribute();
  case ParameterKind::Bool:
    if (auto *flag = std::get_if<bool>(&value))
      return builder.getBoolAttr(*flag);
    return {};
  case ParameterKind::String: return text ? builder.getStringAttr(*text) : Attribute();
  case ParameterKind::Ints: return intsFor(builder, value);
  case ParameterKind::Floats: return floatsFor(builder, value);
  case ParameterKind::IntsOrString: return text ? builder.getStringAttr(*text) : intsFor(builder, value);
  case ParameterKind::DType: {
    Type type = text ? dtypeFromName(context, *text) : Type();
    return type ? TypeAttr::get(type) : Attribute();
  }
  case ParameterKind::Tensor:
  case ParameterKind::Tensors:
  case ParameterKind::TensorOrNumber:
  case ParameterKind::TensorOrInts: break;
  }
  llvm_unreachable("operands are no attributes");
}

Type dtypeFromName(MLIRContext *context, StringRef name) {
  Builder b(context);
  return llvm::StringSwitch<Type>(name)
      .Case("float32", b.getF32Type())
      .Case("float64", b.getF64Type())
      .Case("float16", b.getF16Type())
      .Case("bfloat16", b.getBF16Type())
      .Case("int64", b.getI64Type())
      .Case("int32", b.getI32Type())
      .Case("int16", b.getIntegerType(16))
      .Case("int8", b.getI8Type())
      .Case("uint8", b.getIntegerType(8, /*isSigned=*/false))
      .Case("bool", b.getI1Type())
      .Case("uint16", b.getIntegerType(16, /*isSigned=*/false))
      .Case("uint32", b.getIntegerType(32, /*isSigned=*/false))
      .Case("uint64", b.getIntegerType(64, /*isSigned=*/false))
      .Default(Type());
}

} // namespace nnf
