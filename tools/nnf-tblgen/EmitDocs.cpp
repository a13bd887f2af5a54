// docs/ops.md: every function, by family.
#include "FunctionRecord.h"
#include "llvm/ADT/MapVector.h"
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

static void emitFunction(raw_ostream &os, const FunctionRecord &f) {
  os << "### " << f.name << "\n\n" << f.summary << ".\n\n    " << f.signature() << "\n\n";
  os << "*Value:* `" << f.formula << "`";
  if (!f.source.empty())
    os << " (" << f.source << ")";
  os << "  \n*Takes:* ";
  ListSeparator comma;
  for (const ParameterRecord &p : f.parameters)
    os << comma << "`" << p.name << "` " << kindWords(p.kind);
  os << "  \n*Gives:* ";
  ListSeparator comma2;
  for (auto [i, result] : enumerate(f.results)) {
    os << comma2 << "`" << result.name << "`";
    if (result.isVariadic)
      os << " (any number)";
    else if (result.isOptional)
      os << " (when asked for)";
    for (const EffectRecord &effect : f.effects)
      if (effect.result == i)
        os << " (the new value of `" << effect.argument << "`, no output)";
  }
  os << "\n";
  if (!f.inplaceTwin.empty() || f.hasInplace) {
    os << "\nIn place: ";
    ListSeparator semicolon("; ");
    if (!f.inplaceTwin.empty())
      os << semicolon << "`" << f.inplaceTwin << "`";
    if (f.hasInplace)
      os << semicolon << "`inplace=True`";
    os << ".\n";
  }
  if (!f.onnx.empty()) {
    os << "\nONNX: ";
    ListSeparator comma3;
    for (const auto &[name, since] : f.onnx)
      os << comma3 << name << " (since opset " << since << ")";
    os << ".\n";
  }
  if (!f.description.empty()) {
    os << "\n" << f.description << "\n";
  }
  os << "\n```mlir\n" << f.example << "\n```\n\n";
}

void emitDocs(ArrayRef<FunctionRecord> functions, raw_ostream &os) {
  MapVector<StringRef, SmallVector<const FunctionRecord *>> families;
  for (const FunctionRecord &f : functions)
    families[f.family].push_back(&f);
  SmallVector<StringRef> names = llvm::to_vector(llvm::make_first_range(families));
  llvm::sort(names);

  os << "<!-- Made by nnf-tblgen -gen-docs from dialects/nnf/ops/; a test compares. -->\n# Ops\n\n"
        "Every function a graph may call, with the parameters it has in torch. Where a parameter takes integers or "
        "numbers for each dimension, one stands for all.\nA parameter that is left out, or None, takes its "
        "default.\n\n";
  for (StringRef family : names) {
    os << "- **" << family << "**: ";
    ListSeparator space(" ");
    for (const FunctionRecord *f : families[family])
      os << space << "[" << f->name << "](#" << f->name << ")";
    os << "\n";
  }
  os << "\n";
  for (StringRef family : names) {
    os << "## " << family << "\n\n";
    for (const FunctionRecord *f : families[family])
      emitFunction(os, *f);
  }
}

} // namespace nnf::tblgen
