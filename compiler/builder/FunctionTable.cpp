#include "compiler/builder/FunctionTable.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringRef.h"

namespace nnf {
namespace {
#include "compiler/builder/FunctionTable.inc"
} // namespace

std::span<const Function> allFunctions() { return functions; }

const Function *findFunction(std::string_view name, bool *isTwin) {
  if (isTwin)
    *isTwin = false;
  auto *found = llvm::lower_bound(functions, name, [](const Function &f, std::string_view n) { return f.name < n; });
  if (found != std::end(functions) && found->name == name)
    return found;
  // A twin is its function's name with an underscore, wherever that sorts.
  if (!name.ends_with('_'))
    return nullptr;
  const Function *function = findFunction(name.substr(0, name.size() - 1));
  if (!function || function->inplaceTwin != name)
    return nullptr;
  if (isTwin)
    *isTwin = true;
  return function;
}

std::string_view nearestFunction(std::string_view name) {
  llvm::StringRef wanted(name.data(), name.size());
  std::string_view nearest;
  unsigned best = std::max<size_t>(1, wanted.size() / 3) + 1;
  auto consider = [&](std::string_view candidate) {
    if (candidate.empty())
      return;
    unsigned distance = wanted.edit_distance(candidate, /*AllowReplacements=*/true, best);
    if (distance < best) {
      best = distance;
      nearest = candidate;
    }
  };
  for (const Function &function : functions) {
    consider(function.name);
    consider(function.inplaceTwin);
  }
  return nearest;
}

const Parameter *Function::parameter(std::string_view wanted) const {
  auto found = std::ranges::find(parameters, wanted, &Parameter::name);
  return found == parameters.end() ? nullptr : &*found;
}

std::string Function::signature() const {
  std::string text = std::string(name) + "(";
  const char *comma = "";
  for (const Parameter &p : parameters) {
    text += comma;
    text += p.name;
    if (p.presence != Presence::Required)
      text.append("=").append(p.defaultText);
    comma = ", ";
  }
  if (hasInplace)
    text.append(comma).append("inplace=False");
  return text + ")";
}

std::string_view kindText(ParameterKind kind) {
  switch (kind) {
  case ParameterKind::Tensor: return "a tensor";
  case ParameterKind::Tensors: return "a list of tensors";
  case ParameterKind::TensorOrNumber: return "a tensor or a number";
  case ParameterKind::TensorOrInts: return "a tensor or a list of integers";
  case ParameterKind::Int: return "an integer";
  case ParameterKind::IntOrInts: return "an integer or a list of integers";
  case ParameterKind::Float: return "a number";
  case ParameterKind::Bool: return "a bool";
  case ParameterKind::String: return "a string";
  case ParameterKind::Ints: return "an integer or a list of integers";
  case ParameterKind::Floats: return "a number or a list of numbers";
  case ParameterKind::IntsOrString: return "an integer, a list of integers or a string";
  case ParameterKind::DType: return "the name of a dtype, such as 'float32'";
  }
  return "";
}

} // namespace nnf
