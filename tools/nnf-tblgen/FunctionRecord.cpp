// From TableGen's records to FunctionRecord.
#include "FunctionRecord.h"
#include "mlir/TableGen/Argument.h"
#include "mlir/TableGen/Attribute.h"
#include "mlir/TableGen/Operator.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/Support/Path.h"
#include "llvm/TableGen/Error.h"

using namespace llvm;
namespace tg = mlir::tblgen;
namespace nnf::tblgen {

bool FunctionRecord::isEffect(unsigned index) const {
  return any_of(effects, [&](const EffectRecord &effect) { return effect.result == index; });
}

std::vector<ResultRecord> FunctionRecord::outputs() const {
  std::vector<ResultRecord> outputs;
  for (auto [i, result] : enumerate(results))
    if (!isEffect(i))
      outputs.push_back(result);
  return outputs;
}

std::string FunctionRecord::signature() const {
  std::vector<std::string> parts;
  for (const ParameterRecord &p : parameters)
    parts.push_back(p.presence == Presence::Required ? p.name : p.name + "=" + p.pythonDefault);
  if (hasInplace)
    parts.push_back("inplace=False");
  return name + "(" + join(parts, ", ") + ")";
}

[[noreturn]] static void fail(const Record &def, const Twine &why) {
  PrintFatalError(def.getLoc(), "function '" + def.getValueAsString("opName") + "': " + why);
}

/// "{1, 1}" -> "1, 1"; also what stands in "::llvm::ArrayRef<int64_t>({1, 1})".
static StringRef insideBraces(StringRef text) {
  size_t open = text.find('{'), close = text.rfind('}');
  return open == StringRef::npos || close == StringRef::npos ? text : text.slice(open + 1, close).trim();
}

/// Both spellings of a default value, out of what the record says in C++.
static void readDefault(const Record &def, ParameterRecord &parameter, StringRef text) {
  text = text.trim();
  StringRef kind = parameter.kind;
  if (kind == "Bool") {
    if (text != "true" && text != "false")
      fail(def, "default of '" + parameter.name + "' is " + text + ", expected true or false");
    parameter.pythonDefault = text == "true" ? "True" : "False";
    parameter.cppDefault = text.str();
  } else if (kind == "String") {
    StringRef bare = text;
    bare.consume_front("\"");
    bare.consume_back("\"");
    parameter.pythonDefault = ("'" + bare + "'").str();
    parameter.cppDefault = ("\"" + bare + "\"").str();
  } else if (kind == "Ints" || kind == "Floats" || kind == "IntsOrString") {
    StringRef inside = insideBraces(text);
    parameter.pythonDefault = inside.contains(',') || inside.empty() ? ("(" + inside + ")").str() : inside.str();
    parameter.cppDefault = ("{" + inside + "}").str();
  } else if (kind == "Int" || kind == "Float") {
    parameter.pythonDefault = parameter.cppDefault = text.str();
  } else {
    fail(def, "parameter '" + parameter.name + "' of kind " + kind + " cannot have a default");
  }
}

/// The Nnf_ kind below wrappers such as ConfinedAttr.
static std::string kindOf(const Record &def, StringRef parameter, const Record *constraint) {
  while (constraint) {
    StringRef name = constraint->getName();
    if (name.consume_front("Nnf_"))
      return name.str();
    const RecordVal *base = constraint->getValue("baseAttr");
    const auto *init = base ? dyn_cast<DefInit>(base->getValue()) : nullptr;
    constraint = init ? init->getDef() : nullptr;
  }
  fail(def, "parameter '" + parameter + "' has none of the kinds of NnfBase.td");
}

static ParameterRecord readParameter(const Record &def, const tg::Operator &op, int index) {
  static const StringSet<> kinds = {"Tensor", "TensorOrNumber", "TensorOrInts", "Int",    "IntOrInts",    "Float",
                                    "Bool",   "String",         "Ints",         "Floats", "IntsOrString", "DType"};
  ParameterRecord parameter;
  parameter.name = op.getArgName(index).str();
  parameter.presence = Presence::Required;
  tg::Argument argument = op.getArg(index);
  if (auto *operand = dyn_cast<tg::NamedTypeConstraint *>(argument)) {
    const Record *constraint = &operand->constraint.getDef();
    if (operand->isOptional() || operand->isVariadic())
      constraint = constraint->getValueAsDef("baseType");
    parameter.kind = kindOf(def, parameter.name, constraint);
    if (operand->isVariadic()) {
      if (parameter.kind != "Tensor")
        fail(def, "'" + parameter.name + "': only tensors come as lists");
      parameter.kind = "Tensors";
    }
    if (operand->isOptional()) {
      parameter.presence = Presence::Optional;
      parameter.pythonDefault = "None";
    }
  } else if (auto *attribute = dyn_cast<tg::NamedAttribute *>(argument)) {
    parameter.kind = kindOf(def, parameter.name, &attribute->attr.getBaseAttr().getDef());
    if (attribute->attr.hasDefaultValue()) {
      parameter.presence = Presence::Defaulted;
      readDefault(def, parameter, attribute->attr.getDefaultValue());
    } else if (attribute->attr.isOptional()) {
      parameter.presence = Presence::Optional;
      parameter.pythonDefault = "None";
    }
  } else {
    fail(def, "argument '" + parameter.name + "' is neither an operand nor an attribute");
  }
  if (parameter.kind != "Tensors" && !kinds.contains(parameter.kind))
    fail(def, "parameter '" + parameter.name + "': kind " + parameter.kind + " is unknown to nnf-tblgen");
  return parameter;
}

/// Without the indentation that the record has.
static std::string textOf(const Record &def, StringRef field) {
  SmallVector<StringRef> lines;
  def.getValueAsString(field).trim().split(lines, '\n');
  return join(map_range(lines, [](StringRef line) { return line.trim(); }), "\n");
}

/// "stride, padding: at least 0"
struct NamedLine {
  std::vector<std::string> names;
  std::string text;
};
static std::vector<NamedLine> namedLines(const Record &def, StringRef field) {
  std::vector<NamedLine> result;
  SmallVector<StringRef> lines;
  def.getValueAsString(field).split(lines, '\n', -1, /*KeepEmpty=*/false);
  for (StringRef line : lines) {
    if (line.trim().empty())
      continue;
    auto [names, text] = line.split(": ");
    if (text.trim().empty())
      PrintFatalError(def.getLoc(), field + " has a line without a name and a text: " + line);
    NamedLine &named = result.emplace_back();
    named.text = text.trim();
    SmallVector<StringRef> parts;
    names.split(parts, ',');
    for (StringRef part : parts)
      named.names.push_back(part.trim().str());
  }
  return result;
}

/// Gives `set(thing, text)` what the lines of `field` say about each thing.
template <typename Things, typename Set>
static void describe(const Record &def, StringRef field, Things &things, Set set) {
  for (const NamedLine &line : namedLines(def, field))
    for (const std::string &name : line.names) {
      auto found = find_if(things, [&](const auto &thing) { return thing.name == name; });
      if (found == things.end())
        fail(def, field + " names '" + name + "', which is not there");
      set(*found, line.text);
    }
}

/// Markdown takes stars outside of code and of shapes as its own.
static void expectNoStars(const Record &def, StringRef text) {
  int depth = 0;
  bool isCode = false;
  for (char c : text) {
    isCode ^= c == '`';
    depth += (c == '[') - (c == ']');
    if (c == '*' && !isCode && depth == 0)
      fail(def, "a star outside of `code` and [shapes]: " + text);
  }
}

/// The words that are for people: takes, gives, errors.
static void readWords(const Record &def, const Record &shared, FunctionRecord &function) {
  describe(def, "takes", function.parameters, [](ParameterRecord &p, std::string text) { p.takes = text; });
  describe(def, "gives", function.results, [](ResultRecord &r, std::string text) { r.is = text; });
  for (const NamedLine &line : namedLines(shared, "takes"))
    for (ParameterRecord &parameter : function.parameters)
      if (parameter.takes.empty() && is_contained(line.names, parameter.name))
        parameter.takes = line.text;
  for (const ParameterRecord &parameter : function.parameters)
    if (parameter.takes.empty())
      fail(def, "takes says nothing about '" + parameter.name + "'");
    else
      expectNoStars(def, parameter.takes);
  for (const ResultRecord &result : function.results)
    if (result.is.empty())
      fail(def, "gives says nothing about '" + result.name + "'");
    else
      expectNoStars(def, result.is);

  std::vector<std::string> named;
  auto add = [&](const NamedLine &line) {
    StringRef message = line.text;
    bool atRun = message.consume_front("run: ");
    function.errors.push_back({line.names, message.str(), atRun});
  };
  for (const NamedLine &line : namedLines(def, "errors")) {
    append_range(named, line.names);
    add(line);
  }
  for (const NamedLine &line : namedLines(shared, "errors"))
    if (any_of(function.parameters, [&](const ParameterRecord &p) { return p.name == line.names[0]; }) &&
        !is_contained(named, line.names[0]))
      add(line);
}

static FunctionRecord readFunction(const Record &def, const Record &shared) {
  tg::Operator op(def);
  FunctionRecord function;
  auto text = [&](StringRef field) { return textOf(def, field); };
  function.name = def.getValueAsString("opName").str();
  function.summary = text("summary");
  function.description = text("description");
  function.formula = text("formula");
  function.source = text("source");
  function.example = text("example");
  function.inplaceTwin = text("inplaceTwin");
  function.targets = text("targets");
  function.hasInplace = def.getValueAsBit("hasInplace");
  function.draws = def.getValueAsBit("draws");
  function.hasDataSize = def.getValueAsBit("hasDataSize");
  const MemoryBuffer *file = SrcMgr.getMemoryBuffer(SrcMgr.FindBufferContainingLoc(def.getLoc().back()));
  function.family = sys::path::stem(file->getBufferIdentifier()).str();
  function.familyTitle = file->getBuffer().split('\n').first.ltrim("/ ").str();
  for (int i = 0; i < op.getNumArgs(); ++i)
    function.parameters.push_back(readParameter(def, op, i));
  for (const tg::NamedTypeConstraint &result : op.getResults())
    function.results.push_back({result.name.str(), result.isOptional(), result.isVariadic(), ""});
  for (const Record *effect : def.getValueAsListOfDefs("effects"))
    function.effects.push_back(
        {effect->getValueAsString("argument").str(), static_cast<unsigned>(effect->getValueAsInt("result"))});
  for (const Record *onnx : def.getValueAsListOfDefs("onnx"))
    function.onnx.push_back({onnx->getValueAsString("name").str(), static_cast<int>(onnx->getValueAsInt("since"))});

  // The rules a record must keep.
  if (function.summary.empty())
    fail(def, "no summary");
  if (function.formula.empty())
    fail(def, "no formula");
  if (function.example.empty())
    fail(def, "no example");
  if (function.formula.find('\n') != std::string::npos)
    fail(def, "the formula has more than one line");
  auto isOperand = [&](StringRef name) {
    return any_of(function.parameters, [&](const ParameterRecord &p) {
      return p.name == name && (p.kind == "Tensor" || p.kind == "TensorOrNumber");
    });
  };
  if ((!function.inplaceTwin.empty() || function.hasInplace) && !isOperand("input"))
    fail(def, "an in-place form without an operand 'input'");
  for (const EffectRecord &effect : function.effects) {
    if (!isOperand(effect.argument))
      fail(def, "effect on '" + effect.argument + "', which is no tensor argument");
    if (effect.result >= function.results.size())
      fail(def, "effect on '" + effect.argument + "' by a result that does not exist");
  }
  if (function.outputs().empty())
    fail(def, "no output");
  expectNoStars(def, function.description);
  readWords(def, shared, function);
  return function;
}

std::vector<FunctionRecord> readFunctions(const RecordKeeper &records) {
  std::vector<FunctionRecord> functions;
  const Record *shared = records.getDef("Nnf_SharedParameters");
  for (const Record *def : records.getAllDerivedDefinitions("Nnf_Function"))
    functions.push_back(readFunction(*def, *shared));
  llvm::sort(functions, [](const FunctionRecord &a, const FunctionRecord &b) { return a.name < b.name; });
  return functions;
}

} // namespace nnf::tblgen
