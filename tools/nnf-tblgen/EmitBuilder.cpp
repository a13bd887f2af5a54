// The C++ API: for each function a struct of its optional parameters, and a method of Graph.
#include "FunctionRecord.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;
namespace nnf::tblgen {

/// A name that is no C++ keyword.
static std::string cppName(StringRef name) {
  static const StringSet<> keywords = {"and",    "or",   "not",   "xor",    "default", "double", "float", "int",
                                       "static", "case", "class", "switch", "delete",  "new",    "bool",  "union"};
  return keywords.contains(name) ? (name + "_").str() : name.str();
}

static StringRef cppType(StringRef kind) {
  return StringSwitch<StringRef>(kind)
      .Case("Tensor", "Tensor")
      .Case("Tensors", "std::vector<Tensor>")
      .Case("TensorOrNumber", "TensorOrNumber")
      .Case("TensorOrInts", "TensorOrInts")
      .Case("Int", "std::int64_t")
      .Case("IntOrInts", "IntOrInts")
      .Case("Float", "double")
      .Case("Bool", "bool")
      .Case("String", "std::string")
      .Case("Ints", "Ints")
      .Case("Floats", "Floats")
      .Case("IntsOrString", "IntsOrString")
      .Case("DType", "DType");
}

static std::string pascal(StringRef name) { return convertToCamelFromSnakeCase(name, /*capitalizeFirst=*/true); }

static bool hasOneOutput(const FunctionRecord &f) { return f.outputs().size() == 1 && !f.outputs()[0].isVariadic; }
static bool hasList(const FunctionRecord &f) {
  return any_of(f.outputs(), [](const ResultRecord &r) { return r.isVariadic; });
}

static std::string resultType(const FunctionRecord &f) {
  return hasOneOutput(f) ? "Tensor" : hasList(f) ? "std::vector<Tensor>" : pascal(f.name) + "Outputs";
}

static void emitOptions(raw_ostream &os, const FunctionRecord &f) {
  os << "/// Optional parameters of Graph::" << cppName(f.name) << ".\nstruct " << pascal(f.name) << "Options {\n";
  for (const ParameterRecord &p : f.parameters) {
    if (p.presence == Presence::Optional)
      os << "  std::optional<" << cppType(p.kind) << "> " << cppName(p.name) << " = {};\n";
    else if (p.presence == Presence::Defaulted)
      os << "  " << cppType(p.kind) << " " << cppName(p.name) << " = " << p.cppDefault << ";\n";
  }
  if (f.hasInplace)
    os << "  bool inplace = false;\n";
  os << "  std::string node = {}; ///< the node's name in messages\n};\n";
  if (hasOneOutput(f) || hasList(f))
    return;
  os << "/// Outputs of Graph::" << cppName(f.name) << ".\nstruct " << pascal(f.name) << "Outputs {\n";
  for (const ResultRecord &r : f.outputs())
    os << "  Tensor " << cppName(r.name) << (r.isOptional ? "; ///< only when asked for\n" : ";\n");
  if (f.outputs().size() > 1 && f.outputs()[1].isOptional)
    os << "  operator Tensor() const { return " << cppName(f.outputs()[0].name) << "; }\n";
  os << "};\n";
}

/// One method; `called` is the function's name or its in-place twin's.
static void emitMethod(raw_ostream &os, const FunctionRecord &f, StringRef called) {
  os << "  /// " << f.summary << ": `" << f.formula << "`.\n";
  os << "  " << resultType(f) << " " << cppName(called) << "(";
  for (const ParameterRecord &p : f.parameters)
    if (p.presence == Presence::Required)
      os << cppType(p.kind) << " " << cppName(p.name) << ", ";
  os << pascal(f.name) << "Options options = {},\n"
     << "      std::source_location where = std::source_location::current()) {\n"
     << "    std::vector<Tensor> outputs = call(\"" << called << "\", {";
  ListSeparator comma;
  for (const ParameterRecord &p : f.parameters) {
    os << comma << "{\"" << p.name << "\", " << (p.presence == Presence::Required ? "" : "options.") << cppName(p.name)
       << "}";
  }
  // The twin changes its argument anyhow.
  if (f.hasInplace && called == f.name)
    os << comma << "{\"inplace\", options.inplace}";
  os << "}, options.node, where);\n";
  if (hasList(f)) {
    os << "    return outputs;\n";
  } else if (hasOneOutput(f)) {
    os << "    return at(outputs, 0);\n";
  } else {
    os << "    return {";
    ListSeparator comma2;
    for (size_t i = 0; i < f.outputs().size(); ++i)
      os << comma2 << "at(outputs, " << i << ")";
    os << "};\n";
  }
  os << "  }\n";
}

void emitBuilder(ArrayRef<FunctionRecord> functions, raw_ostream &os) {
  os << "// Made by nnf-tblgen -gen-builder; included by nnfc/builder.h.\n#ifdef NNFC_FUNCTION_OPTIONS\n"
        "#undef NNFC_FUNCTION_OPTIONS\n";
  for (const FunctionRecord &f : functions)
    emitOptions(os, f);
  os << "#endif\n#ifdef NNFC_FUNCTION_METHODS\n#undef NNFC_FUNCTION_METHODS\n";
  for (const FunctionRecord &f : functions) {
    emitMethod(os, f, f.name);
    if (!f.inplaceTwin.empty())
      emitMethod(os, f, f.inplaceTwin);
  }
  os << "#endif\n";
}

} // namespace nnf::tblgen
