// The C++ API (builder.h) over GraphBuilder.
#include "compiler/builder/BuilderImpl.h"
#include "compiler/import/DTypes.h"
#include "compiler/import/GraphFile.h"
#include "compiler/import/MlirFile.h"

using namespace mlir;
namespace nnfc {
inline namespace v1 {

Graph::Impl::Impl(const std::string &name) : builder(context, name) {
  context.getDiagEngine().registerHandler([this](Diagnostic &diagnostic) {
    if (!error && diagnostic.getSeverity() == DiagnosticSeverity::Error)
      error = Error{diagnostic.str(), where.file_name(), where.line()};
    return success();
  });
}

InFlightDiagnostic Graph::Impl::fail() { return emitError(UnknownLoc::get(&context)); }

bool Graph::Impl::begin(std::source_location at) {
  where = at;
  if (error)
    return false;
  if (module) {
    fail() << "the graph is finished, expected nothing to be added after save() or compile() [NNFC-E0225]";
    return false;
  }
  return true;
}

ModuleOp Graph::Impl::finish(std::source_location at) {
  where = at;
  if (error)
    return {};
  if (!module) {
    if (failed(builder.setOutputs(outputs)))
      return {};
    module = builder.finish();
  }
  return *module;
}

Graph::Graph(std::string name) : self(std::make_unique<Impl>(name)) {}
Graph::~Graph() = default;
Graph::Graph(Graph &&) noexcept = default;
Graph &Graph::operator=(Graph &&) noexcept = default;

const std::optional<Error> &Graph::error() const { return self->error; }

/// The element type, or null with an error: an enum can hold any number.
static Type elementOf(Graph::Impl &impl, const std::string &what, DType dtype) {
  StringRef name = nnf::dtypeNameOf(static_cast<int>(dtype));
  if (!name.empty())
    return nnf::dtypeFromName(&impl.context, name);
  impl.fail() << what << ": dtype " << static_cast<int>(dtype)
              << ", expected an enumerator of nnfc::DType [NNFC-E0112]";
  return {};
}

Tensor Graph::input(std::string name, DType dtype, std::vector<Dim> dims, Where where) {
  if (!self->begin(where))
    return {};
  std::string what = "input '" + name + "'";
  Type element = elementOf(*self, what, dtype);
  if (!element)
    return {};
  nnf::Shape shape;
  for (const Dim &dim : dims)
    shape.push_back(dim.symbol.empty() ? self->builder.size(dim.size) : self->builder.symbol(dim.symbol));
  FailureOr<nnf::TensorId> tensor = self->builder.addInput(name, element, shape);
  return succeeded(tensor) ? Tensor(self.get(), tensor->number) : Tensor();
}

Tensor Graph::constant(std::string name, DType dtype, std::vector<std::int64_t> sizes, std::span<const std::byte> bytes,
                       Where where) {
  if (!self->begin(where))
    return {};
  std::string what = "constant '" + name + "'";
  Type element = elementOf(*self, what, dtype);
  if (!element)
    return {};
  std::optional<int64_t> needed = nnf::checkedTensorBytes(sizes, nnf::elementBytes(element));
  if (!needed || *needed != static_cast<int64_t>(bytes.size())) {
    InFlightDiagnostic diagnostic = self->fail() << what << ": " << bytes.size() << " bytes, expected ";
    if (needed)
      diagnostic << *needed << " for its sizes and dtype [NNFC-E0115]";
    else
      diagnostic << "sizes whose product is a 64-bit number [NNFC-E0115]";
    return {};
  }
  auto *first = reinterpret_cast<const uint8_t *>(bytes.data());
  return {self.get(), self->builder
                          .addConstant(name, RankedTensorType::get(sizes, element),
                                       std::vector<uint8_t>(first, first + bytes.size()), what)
                          .number};
}

void Graph::output(std::string name, Tensor tensor, Where where) {
  if (!self->begin(where))
    return;
  if (tensor.graph != self.get()) {
    self->fail() << "output '" << name << "': " << (tensor ? "a tensor of another graph" : "no tensor")
                 << ", expected a tensor of this graph [NNFC-E0226]";
    return;
  }
  self->outputs.push_back({std::move(name), {tensor.number}});
}

std::vector<Tensor> Graph::call(const char *function, std::vector<Argument> arguments, std::string node, Where where) {
  if (!self->begin(where))
    return {};
  bool isForeign = false;
  std::vector<nnf::Argument> converted;
  for (const Argument &argument : arguments) {
    auto idOf = [&](Tensor tensor) -> nnf::TensorId {
      if (tensor.graph == self.get())
        return {tensor.number};
      isForeign = true;
      nnf::argumentError(nnf::nodeLocation(&self->context, node, function), argument.name)
          << (tensor ? "a tensor of another graph" : "no tensor") << ", expected a tensor of this graph [NNFC-E0226]";
      return {};
    };
    struct Visitor {
      decltype(idOf) &id;
      nnf::ArgumentValue operator()(std::monostate) { return {}; }
      nnf::ArgumentValue operator()(Tensor v) { return id(v); }
      nnf::ArgumentValue operator()(const std::vector<Tensor> &v) {
        std::vector<nnf::TensorId> ids;
        for (Tensor tensor : v)
          ids.push_back(id(tensor));
        return ids;
      }
      nnf::ArgumentValue operator()(std::int64_t v) { return v; }
      nnf::ArgumentValue operator()(double v) { return v; }
      nnf::ArgumentValue operator()(bool v) { return v; }
      nnf::ArgumentValue operator()(const std::string &v) { return v; }
      nnf::ArgumentValue operator()(const std::vector<std::int64_t> &v) {
        return std::vector<int64_t>(v.begin(), v.end());
      }
      nnf::ArgumentValue operator()(const std::vector<double> &v) { return v; }
      nnf::ArgumentValue operator()(DType v) { return nnf::dtypeNameOf(static_cast<int>(v)).str(); }
    };
    converted.push_back({argument.name, std::visit(Visitor{idOf}, argument.value.content)});
  }
  if (isForeign)
    return {};
  if (!node.empty())
    self->calls.try_emplace(node, where);
  FailureOr<SmallVector<nnf::TensorId>> outputs =
      self->builder.addNode(function, converted, {std::move(node), function});
  if (failed(outputs))
    return {};
  std::vector<Tensor> tensors;
  for (nnf::TensorId tensor : *outputs)
    tensors.push_back({self.get(), tensor.number});
  return tensors;
}

Result<void> Graph::save(const std::string &path, Weights weights, Where where) {
  ModuleOp module = self->finish(where);
  if (!module)
    return *self->error;
  StringRef name(path);
  auto go = weights == Weights::inside ? nnf::WeightsGo::Inside : nnf::WeightsGo::Beside;
  LogicalResult written = failure();
  if (name.ends_with(".nnf"))
    written = nnf::writeGraphFile(module, path, nnf::GraphEncoding::Binary, go);
  else if (name.ends_with(".nnf.txt"))
    written = nnf::writeGraphFile(module, path, nnf::GraphEncoding::Text, go);
  else if (name.ends_with(".mlir"))
    written = nnf::writeMlirFile(module, path);
  else
    self->fail() << "file '" << path << "': of no known format, expected .nnf, .nnf.txt or .mlir [NNFC-E0006]";
  if (failed(written)) {
    // Trying another path is no fault of the graph.
    return *std::exchange(self->error, std::nullopt);
  }
  return {};
}

} // namespace v1
} // namespace nnfc
