// What is said about one function.
#include "FunctionRecord.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;
namespace nnf::tblgen {

static StringRef kindWords(StringRef kind) {
  return StringSwitch<StringRef>(kind)
      .Case("Tensor", "tensor")
      .Case("Tensors", "tensors")
      .Case("TensorOrNumber", "tensor or number")
      .Case("TensorOrInts", "tensor or integers")
      .Case("Int", "integer")
      .Case("IntOrInts", "integer or integers")
      .Case("Float", "number")
      .Case("Bool", "bool")
      .Case("String", "string")
      .Case("Ints", "integer or integers")
      .Case("Floats", "number or numbers")
      .Case("IntsOrString", "integer, integers or string")
      .Case("DType", "dtype");
}

/// Text in which shapes, such as [N, C, H*r], are code: Markdown would read stars and brackets as its own.
static std::string withShapes(StringRef text) {
  std::string result;
  int depth = 0;
  bool isCode = false;
  for (char c : text) {
    isCode ^= c == '`';
    if (c == '[' && !isCode && depth++ == 0)
      result += '`';
    result += c;
    if (c == ']' && !isCode && --depth == 0)
      result += '`';
  }
  return result;
}

static void writeArguments(raw_ostream &os, const FunctionRecord &f) {
  os << "Takes\n";
  for (const ParameterRecord &p : f.parameters) {
    os << "- `" << p.name;
    if (p.presence != Presence::Required)
      os << "=" << p.pythonDefault;
    os << "`: " << kindWords(p.kind) << "; " << withShapes(p.takes) << "\n";
  }
  if (f.hasInplace)
    os << "- `inplace=False`: bool; the result also becomes the new value of `input`\n";
}

static void writeResults(raw_ostream &os, const FunctionRecord &f) {
  os << "\nGives\n";
  for (auto [i, result] : enumerate(f.results)) {
    auto effect = find_if(f.effects, [i = i](const EffectRecord &e) { return e.result == i; });
    os << "- ";
    if (effect != f.effects.end())
      os << "the new value of `" << effect->argument << "`, where it changes\n";
    else
      os << "`" << result.name << "`: " << withShapes(result.is) << "\n";
  }
}

static void writeErrors(raw_ostream &os, const FunctionRecord &f) {
  if (f.errors.empty())
    return;
  os << "\nRefuses, for example\n";
  for (const ErrorRecord &error : f.errors) {
    os << "- ";
    ListSeparator comma;
    for (const std::string &argument : error.arguments)
      os << comma << "`" << argument << "`";
    os << (error.atRun ? ", at run time" : "") << ": `" << error.message << "`\n";
  }
}

std::string FunctionRecord::contract() const {
  std::string text;
  raw_string_ostream os(text);
  os << summary << ".";
  if (!description.empty())
    os << " " << withShapes(description);
  os << "\n\nValue: `" << formula << "`";
  if (!source.empty())
    os << " (" << source << ")";
  os << "\n\n";
  writeArguments(os, *this);
  writeResults(os, *this);
  writeErrors(os, *this);
  return text;
}

std::string FunctionRecord::page() const {
  std::string text = contract();
  raw_string_ostream os(text);
  os << "\n";
  if (!inplaceTwin.empty())
    os << "- in place: `" << inplaceTwin << "`, after which `input` is the result\n";
  if (draws)
    os << "- random: draws numbers that depend on the seed, the run and the node\n";
  if (hasDataSize)
    os << "- the data can decide the size of a result: only the run knows it\n";
  if (!onnx.empty()) {
    os << "- ONNX: ";
    ListSeparator comma;
    for (const auto &[operatorName, since] : onnx)
      os << comma << operatorName << " since operator set " << since;
    os << "\n";
  }
  os << "- targets: " << targets << "; gradient: no\n\n```mlir\n" << example << "\n```\n";
  return text;
}

} // namespace nnf::tblgen
