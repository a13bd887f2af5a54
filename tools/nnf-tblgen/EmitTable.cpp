// The function table: what FunctionTable.cpp includes.
#include "FunctionRecord.h"
#include "llvm/ADT/STLExtras.h"

using namespace llvm;
namespace nnf::tblgen {

namespace {
/// A C++ string literal.
struct Quoted {
  StringRef text;
};
raw_ostream &operator<<(raw_ostream &os, Quoted quoted) {
  os << '"';
  for (char c : quoted.text) {
    if (c == '\n')
      os << "\\n";
    else if (c == '"' || c == '\\')
      os << '\\' << c;
    else
      os << c;
  }
  return os << '"';
}

const char *presenceName(Presence presence) {
  switch (presence) {
  case Presence::Required: return "Required";
  case Presence::Optional: return "Optional";
  case Presence::Defaulted: return "Defaulted";
  }
  llvm_unreachable("all are named");
}

/// Writes `constexpr TYPE NAME_OP[] = {entries};` unless there is none.
template <typename List, typename Write>
void emitArray(raw_ostream &os, StringRef type, const Twine &name, const List &list, Write write) {
  if (list.empty())
    return;
  os << "constexpr " << type << " " << name << "[] = {\n";
  for (const auto &entry : list) {
    os << "  {";
    write(entry);
    os << "},\n";
  }
  os << "};\n";
}
} // namespace

void emitTable(ArrayRef<FunctionRecord> functions, raw_ostream &os) {
  os << "// Made by nnf-tblgen -gen-table; included by FunctionTable.cpp.\n";
  for (const FunctionRecord &f : functions) {
    emitArray(os, "Parameter", "parametersOf_" + f.name, f.parameters, [&](const ParameterRecord &p) {
      os << Quoted{p.name} << ", ParameterKind::" << p.kind << ", Presence::" << presenceName(p.presence) << ", "
         << Quoted{p.pythonDefault};
    });
    emitArray(os, "FunctionResult", "resultsOf_" + f.name, f.results,
              [&](const ResultRecord &r) { os << Quoted{r.name} << ", " << r.isOptional << ", " << r.isVariadic; });
    emitArray(os, "FunctionEffect", "effectsOf_" + f.name, f.effects,
              [&](const EffectRecord &e) { os << Quoted{e.argument} << ", " << e.result; });
    emitArray(os, "OnnxOperator", "onnxOf_" + f.name, f.onnx,
              [&](const std::pair<std::string, int> &o) { os << Quoted{o.first} << ", " << o.second; });
  }
  os << "constexpr Function functions[] = {\n";
  for (const FunctionRecord &f : functions) {
    auto list = [&](StringRef what, bool empty) { return empty ? "{}" : (what + "Of_" + f.name).str(); };
    os << "  {" << Quoted{f.name} << ", " << Quoted{f.summary} << ",\n   " << Quoted{f.page()} << ",\n   "
       << Quoted{f.example} << ", " << Quoted{f.inplaceTwin} << ", " << f.hasInplace << ", " << f.draws << ", "
       << f.hasDataSize << ",\n   " << list("parameters", f.parameters.empty()) << ", "
       << list("results", f.results.empty()) << ", " << list("effects", f.effects.empty()) << ", "
       << list("onnx", f.onnx.empty()) << "},\n";
  }
  os << "};\n";
}

} // namespace nnf::tblgen
