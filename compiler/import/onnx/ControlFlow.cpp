// If, Loop and Scan, and what is known and not supported.
#include "compiler/import/onnx/Importer.h"
#include "compiler/import/onnx/OpTable.h"

using namespace mlir;
namespace nnf::onnx {
namespace {

/// Of a loop that is written out: each step makes its nodes anew.
constexpr int64_t maxUnrolledSteps = 1024;

Type i64Of(Call &call) { return IntegerType::get(call.context(), 64); }

/// A number or truth value as an int64 of rank 0.
TensorId asScalar(Call &call, TensorId x, StringRef argument) {
  Shape shape = call.shape(x);
  if (!call.hasFailed() && !isConstant(productOf(call.context(), shape), 1))
    call.error(argument) << "shape " << toString(shape) << ", expected one element [NNFC-E0207]";
  return call.reshape(call.cast(x, i64Of(call)), {});
}

/// Imports a graph into the body that is being filled; nothing after an error.
std::optional<SmallVector<TensorId>> importBody(Call &call, const Graph &graph, ArrayRef<Entry> inputs) {
  FailureOr<SmallVector<Entry>> outputs = call.importer.importSubgraph(graph, inputs, call.scope, call.location());
  if (failed(outputs)) {
    call.fail();
    return std::nullopt;
  }
  SmallVector<TensorId> tensors;
  for (Entry &output : *outputs) {
    tensors.push_back(call.importer.tensorOf(output));
    if (!tensors.back()) {
      call.fail();
      return std::nullopt;
    }
  }
  return tensors;
}

void outputAll(Call &call, const FailureOr<SmallVector<TensorId>> &tensors) {
  if (failed(tensors))
    return call.fail();
  for (auto [i, tensor] : llvm::enumerate(*tensors))
    call.output(i, tensor);
}

// ---- If

void conditional(Call &call) {
  SmallVector<const Graph *> graphs;
  for (StringRef name : {"then_branch", "else_branch"}) {
    const Graph *graph = call.subgraph(name);
    if (graph && graph->outputs.size() != call.node.outputs.size())
      call.error(name) << static_cast<int64_t>(graph->outputs.size()) << " outputs, expected "
                       << static_cast<int64_t>(call.node.outputs.size()) << " [NNFC-E0309]";
    graphs.push_back(graph);
  }
  if (call.hasFailed())
    return;
  const Known *condition = call.known(0);
  if (std::optional<int64_t> choice =
          condition && condition->values.size() == 1 ? condition->integer(0) : std::nullopt) {
    FailureOr<SmallVector<Entry>> outputs =
        call.importer.importSubgraph(*graphs[*choice ? 0 : 1], {}, call.scope, call.location());
    if (failed(outputs))
      return call.fail();
    for (auto [i, entry] : llvm::enumerate(*outputs))
      if (call.wants(i))
        call.scope.entries[call.node.outputs[i]] = entry;
    return;
  }
  TensorId flag = asScalar(call, call.input(0), "cond");
  if (call.hasFailed())
    return;
  GraphBuilder &graph = call.graph();
  SmallVector<GraphBuilder::Body> bodies;
  for (const Graph *branch : graphs) {
    graph.beginBody({});
    std::optional<SmallVector<TensorId>> results = importBody(call, *branch, {});
    if (!results)
      return;
    bodies.push_back(graph.endBody(*results));
  }
  outputAll(call, graph.addIf(flag, bodies[0], bodies[1], call.location()));
}

// ---- Loop

/// The graph's output `name` is true whenever its input `condition` is, as far as can be seen: loops over a number of
/// steps are written so.
bool staysTrue(const Graph &graph, StringRef name, StringRef condition) {
  for (size_t hops = 0; hops <= graph.nodes.size(); ++hops) {
    if (name == condition)
      return true;
    for (const Tensor &tensor : graph.initializers)
      if (tensor.name == name)
        return tensor.bytes.size() == 1 && tensor.bytes[0] != 0;
    const Node *maker = nullptr;
    for (const Node &node : graph.nodes)
      if (llvm::is_contained(node.outputs, name))
        maker = &node;
    if (maker && maker->opType == "Constant" && maker->attributes.size() == 1 && maker->attributes[0].tensor) {
      const Tensor &tensor = *maker->attributes[0].tensor;
      return tensor.bytes.size() == 1 && tensor.bytes[0] != 0;
    }
    if (!maker || (maker->opType != "Identity" && maker->opType != "Cast") || maker->inputs.size() != 1)
      return false;
    name = maker->inputs[0];
  }
  return false;
}

/// The number of steps that input `i` allows; null where it is left out.
Dim tripsOf(Call &call, size_t i) {
  if (!call.has(i))
    return {};
  const Known *known = call.known(i);
  if (std::optional<Shape> sizes = known ? known->sizes() : std::nullopt; sizes && sizes->size() == 1)
    return maxOf(sizes->front(), call.size(0));
  TensorId count = asScalar(call, call.input(i), "M");
  return call.dataSize(call.call("clamp", {{"input", count}, {"min", int64_t(0)}}));
}

std::optional<int64_t> declaredSize(const ValueInfo &info, size_t d) {
  return info.type.hasShape && d < info.type.dims.size() ? info.type.dims[d].size : std::nullopt;
}

/// The tensors that a loop carries, as its body sees them.
class Carried {
public:
  /// `inputs` and `outputs` are what the body declares.
  Carried(Call &call, ArrayRef<TensorId> inits, ArrayRef<ValueInfo> inputs, ArrayRef<ValueInfo> outputs)
      : call(call), inputs(inputs), outputs(outputs) {
    for (TensorId init : inits) {
      elements.push_back(call.element(init));
      shapes.push_back(call.shape(init));
    }
    inSteps.resize(inits.size());
  }
  SmallVector<Type> types() const {
    return llvm::map_to_vector(llvm::zip(shapes, elements),
                               [](auto pair) -> Type { return tensorOf(std::get<0>(pair), std::get<1>(pair)); });
  }
  /// Finds sizes that a step changes, and that the body does not declare as fixed. True: the body must be imported
  /// again, with sizes of their own for these.
  bool findStepSizes(ArrayRef<TensorId> made) {
    bool found = false;
    for (auto [i, shape] : llvm::enumerate(shapes)) {
      Shape sizes = call.shape(made[i]);
      if (sizes.size() != shape.size())
        continue; // an error of the loop
      for (size_t d = 0; d < shape.size(); ++d) {
        if (isStepSize(i, d) || sameDim(sizes[d], shape[d]))
          continue;
        if (!constantOf(sizes[d]) && (declaredSize(inputs[i], d) || declaredSize(outputs[i], d)))
          continue;
        shape[d] = call.graph().newStepSize();
        inSteps[i].push_back(d);
        found = true;
      }
    }
    return found;
  }
  /// What a step makes, as the type it had: sizes that are not known to be equal must be in a run.
  TensorId asBefore(size_t i, TensorId made) {
    Shape sizes = call.shape(made), expected = sizes;
    if (sizes.size() != shapes[i].size())
      return made;
    for (size_t d = 0; d < sizes.size(); ++d) {
      if (isStepSize(i, d) || sameDim(sizes[d], shapes[i][d]))
        continue;
      expected[d] = shapes[i][d];
      call.requireEqual("body", sizes[d], expected[d],
                        "a carried tensor gets size {value} in dimension " + Twine(d) + ", expected " +
                            toString(expected[d]) + " as in every step [NNFC-E0309]");
    }
    return call.reshape(made, expected);
  }

private:
  Call &call;
  ArrayRef<ValueInfo> inputs, outputs;
  SmallVector<Shape> shapes;
  SmallVector<Type> elements;
  SmallVector<SmallVector<size_t>> inSteps; // of each tensor: the dimensions that have step sizes

  bool isStepSize(size_t i, size_t d) const { return llvm::is_contained(inSteps[i], d); }
};

/// A step's slice of a stacked output. A size that the step decides must be the one that the body declares.
TensorId asStacked(Call &call, TensorId slice, const ValueInfo &info, int64_t firstOfBody) {
  Shape sizes = call.shape(slice), expected = sizes;
  for (auto [d, size] : llvm::enumerate(sizes)) {
    SmallVector<int64_t> numbers;
    collectDataSizes(size, numbers);
    if (llvm::all_of(numbers, [&](int64_t number) { return number < firstOfBody; }))
      continue;
    std::optional<int64_t> declared = declaredSize(info, d);
    if (!declared || *declared < 0) {
      call.error("body") << "output '" << info.name << "' of a step has sizes " << toString(sizes)
                         << " that each step decides anew, expected declared ones [NNFC-E0309]";
      return {};
    }
    expected[d] = call.size(*declared);
    call.requireEqual("body", size, expected[d],
                      "output '" + Twine(info.name) + "' gets size {value} in dimension " + Twine(d) +
                          ", expected the declared " + toString(expected[d]) + " [NNFC-E0309]");
  }
  return call.reshape(slice, expected);
}

Entry knownEntry(Call &call, Type element, int64_t value) {
  Entry entry;
  entry.known = std::make_shared<Known>(Known{element, {}, {{call.size(value)}}});
  entry.knownWasRead = true;
  return entry;
}

/// A loop that carries a sequence or an empty optional (`carriedKind`), which the graph cannot: step after step, as
/// long as its end is known.
void unrolledLoop(Call &call, const Graph &graph, Dim trips, std::optional<int64_t> condition, StringRef carriedKind) {
  std::optional<int64_t> count = trips ? constantOf(trips) : maxUnrolledSteps + 1;
  if (call.hasFailed())
    return;
  if (!count)
    return void(call.error("M") << toString(trips) << ", expected a constant: the loop carries " << carriedKind
                                << " [NNFC-E0221]");
  SmallVector<Entry> carried;
  for (size_t i = 2; i < call.numInputs(); ++i) {
    const Entry *given = call.entryOfAnyKind(i);
    carried.push_back(!given || isTensor(*given) ? entryOf(call.input(i)) : *given);
  }
  std::vector<std::vector<TensorId>> scanned(graph.outputs.size() - 1 - carried.size());
  int64_t step = 0;
  for (; step < *count && condition != 0 && !call.hasFailed(); ++step) {
    if (!condition)
      return void(call.error() << "whether step " << step << " is made is known at run time only, expected a constant: "
                               << "the loop carries " << carriedKind << " [NNFC-E0221]");
    if (step == maxUnrolledSteps)
      return void(call.error() << "over " << maxUnrolledSteps << " steps, expected fewer: the loop carries "
                               << carriedKind << " [NNFC-E0311]");
    SmallVector<Entry> inputs{knownEntry(call, i64Of(call), step),
                              knownEntry(call, IntegerType::get(call.context(), 1), 1)};
    // PyTorch has it as a list of one number, and bodies that want it so.
    if (graph.inputs[0].type.hasShape && graph.inputs[0].type.dims.size() == 1)
      inputs[0].known = std::make_shared<Known>(Known{i64Of(call), {1}, {{call.size(step)}}});
    inputs.append(carried);
    FailureOr<SmallVector<Entry>> outputs = call.importer.importSubgraph(graph, inputs, call.scope, call.location());
    if (failed(outputs))
      return call.fail();
    const Known *stays = call.importer.knownOf(outputs->front());
    condition = stays && stays->values.size() == 1 ? stays->integer(0) : std::nullopt;
    for (auto [i, output] : llvm::enumerate(llvm::drop_begin(*outputs))) {
      if (i < carried.size()) {
        carried[i] = output;
        continue;
      }
      scanned[i - carried.size()].push_back(call.importer.tensorOf(output));
      if (!scanned[i - carried.size()].back())
        return call.fail();
    }
  }
  if (!scanned.empty() && step == 0)
    return void(call.error() << "no step is made, expected one for the sizes of what it collects [NNFC-E0309]");
  for (auto [i, entry] : llvm::enumerate(carried))
    call.output(i, entry);
  for (auto [i, tensors] : llvm::enumerate(scanned))
    call.output(carried.size() + i, call.call("stack", {{"tensors", tensors}, {"dim", int64_t(0)}}));
}

void loop(Call &call) {
  const Graph *graph = call.subgraph("body");
  if (!graph)
    return;
  if (call.numInputs() < 2)
    return void(call.error() << static_cast<int64_t>(call.numInputs()) << " inputs, expected at least 2 [NNFC-E0312]");
  size_t carried = call.numInputs() - 2;
  if (graph->inputs.size() != carried + 2 || graph->outputs.size() < carried + 1 ||
      graph->outputs.size() < call.node.outputs.size() + 1)
    return void(call.error("body") << static_cast<int64_t>(graph->inputs.size()) << " inputs and "
                                   << static_cast<int64_t>(graph->outputs.size()) << " outputs, expected "
                                   << static_cast<int64_t>(carried + 2) << " inputs, and outputs for the condition and "
                                   << static_cast<int64_t>(std::max(carried, call.node.outputs.size()))
                                   << " more [NNFC-E0309]");
  bool isConditional = !staysTrue(*graph, graph->outputs[0].name, graph->inputs[1].name);
  Dim trips = tripsOf(call, 0);
  const Known *condition = call.known(1);
  std::optional<int64_t> begins = condition && condition->values.size() == 1 ? condition->integer(0) : std::nullopt;
  if (!call.has(1))
    begins = 1;
  if (!isConditional && !trips && !call.hasFailed())
    return void(call.error("M") << "missing, and the condition stays true: the loop has no end [NNFC-E0309]");
  for (size_t i = 0; i < carried; ++i)
    if (const Entry *given = call.entryOfAnyKind(2 + i); given && !isTensor(*given))
      return unrolledLoop(call, *graph, trips, begins, kindOf(*given));
  SmallVector<TensorId> inits;
  if (isConditional)
    inits.push_back(begins ? call.constant(i64Of(call), ArrayRef<int64_t>{*begins != 0}) : call.input(1));
  if (isConditional)
    inits.front() = asScalar(call, inits.front(), "cond");
  else if (begins && *begins == 0)
    trips = call.size(0);
  else if (!begins)
    trips =
        call.dataSize(call.primitives({asScalar(call, call.input(1), "cond")}, [&](Primitives &p, ArrayRef<Value> in) {
          return p.select(p.ne(in[0], 0), p.size(trips, i64Of(call)), 0);
        }));
  for (size_t i = 0; i < carried; ++i)
    inits.push_back(call.input(2 + i));
  if (call.hasFailed())
    return;

  size_t first = isConditional; // of the carried tensors of the node
  Carried carriedTensors(call, ArrayRef(inits).drop_front(first), ArrayRef(graph->inputs).drop_front(2),
                         ArrayRef(graph->outputs).drop_front(1));
  int64_t firstOfBody;
  std::optional<SmallVector<TensorId>> results;
  do {
    if (results)
      call.graph().discardBody();
    SmallVector<Type> types(1 + first, RankedTensorType::get({}, i64Of(call)));
    llvm::append_range(types, carriedTensors.types());
    firstOfBody = call.graph().nextDataSize();
    SmallVector<TensorId> arguments = call.graph().beginBody(types);
    SmallVector<Entry> entries{entryOf(arguments[0])};
    // A step is made only while the condition is true.
    entries.push_back(knownEntry(call, IntegerType::get(call.context(), 1), 1));
    for (TensorId argument : ArrayRef(arguments).drop_front(1 + first))
      entries.push_back(entryOf(argument));
    results = importBody(call, *graph, entries);
    if (!results)
      return;
  } while (carriedTensors.findStepSizes(ArrayRef(*results).drop_front()));
  if (isConditional)
    results->front() = asScalar(call, results->front(), "body");
  else
    results->erase(results->begin());
  for (size_t i = 0; i < carried && !call.hasFailed(); ++i)
    (*results)[first + i] = carriedTensors.asBefore(i, (*results)[first + i]);
  for (size_t i = inits.size(); i < results->size() && !call.hasFailed(); ++i)
    (*results)[i] = asStacked(call, (*results)[i], graph->outputs[1 + i - isConditional], firstOfBody);
  if (call.hasFailed())
    return;
  GraphBuilder::Body body = call.graph().endBody(*results);
  FailureOr<SmallVector<TensorId>> made = call.graph().addLoop(body, trips, isConditional, inits, call.location());
  if (succeeded(made) && isConditional)
    made->erase(made->begin());
  outputAll(call, made);
}

// ---- Scan

/// Axis, and whether the steps go backwards.
struct ScanAxis {
  int64_t axis;
  bool isReversed;
};

/// x without dimension `axis`, at the position that `index` (int64, rank 0) holds, which is inside.
TensorId sliceAt(Call &call, TensorId x, int64_t axis, TensorId index) {
  return call.primitives({x, index}, [&](Primitives &p, ArrayRef<Value> in) {
    return p.gather(in[0], {in[1]}, {axis}, BoundsKind::Clamp);
  });
}

struct ScanParts {
  const Graph &graph;
  SmallVector<TensorId> states, sequences;
  SmallVector<ScanAxis> inputAxes, outputAxes;
  TensorId length = {}; ///< of version 8: the number of steps, where it is less than what is scanned has
};

/// The states in the end, then the stacked outputs; empty after an error.
SmallVector<TensorId> scan(Call &call, const ScanParts &parts) {
  Dim steps = call.shape(parts.sequences.front())[parts.inputAxes.front().axis];
  for (auto [x, axis] : llvm::zip(parts.sequences, parts.inputAxes)) {
    call.requireEqual("scan_input_axes", call.shape(x)[axis.axis], steps,
                      "{value} steps, expected " + toString(steps) + " as the first scanned input has [NNFC-E0208]");
    if (call.hasFailed())
      return {};
  }
  Dim most = steps;
  if (parts.length) {
    steps = call.dataSize(parts.length);
    call.require("sequence_lens", steps, most - steps,
                 "{value} steps, expected at most " + toString(most) + " [NNFC-E0208]");
    if (call.hasFailed())
      return {};
  }
  int64_t firstOfBody = call.graph().nextDataSize();
  Carried states(call, parts.states, parts.graph.inputs, parts.graph.outputs);
  SmallVector<Type> types{RankedTensorType::get({}, i64Of(call))};
  llvm::append_range(types, states.types());
  SmallVector<TensorId> arguments = call.graph().beginBody(types);
  SmallVector<Entry> entries;
  for (TensorId argument : ArrayRef(arguments).drop_front())
    entries.push_back(entryOf(argument));
  for (auto [x, axis] : llvm::zip(parts.sequences, parts.inputAxes)) {
    TensorId step = arguments.front();
    if (axis.isReversed)
      step = call.primitives({step}, [&](Primitives &p, ArrayRef<Value> in) {
        return p.sub(p.size(simplify(steps - 1), i64Of(call)), in[0]);
      });
    entries.push_back(entryOf(sliceAt(call, x, axis.axis, step)));
  }
  if (call.hasFailed())
    return {};
  std::optional<SmallVector<TensorId>> results = importBody(call, parts.graph, entries);
  if (!results)
    return {};
  for (size_t i = 0; i < parts.states.size() && !call.hasFailed(); ++i)
    (*results)[i] = states.asBefore(i, (*results)[i]);
  for (size_t i = parts.states.size(); i < results->size() && !call.hasFailed(); ++i)
    (*results)[i] = asStacked(call, (*results)[i], parts.graph.outputs[i], firstOfBody);
  if (call.hasFailed())
    return {};
  GraphBuilder::Body body = call.graph().endBody(*results);
  FailureOr<SmallVector<TensorId>> made =
      call.graph().addLoop(body, steps, /*isConditional=*/false, parts.states, call.location());
  if (failed(made)) {
    call.fail();
    return {};
  }
  for (size_t i = parts.states.size(); i < made->size() && !call.hasFailed(); ++i) {
    TensorId &y = (*made)[i];
    ScanAxis place = parts.outputAxes[i - parts.states.size()];
    if (place.isReversed)
      y = call.primitives({y}, [](Primitives &p, ArrayRef<Value> in) { return p.flip(in[0], {0}); });
    // Zeros where no step was made.
    if (!sameDim(steps, most))
      y = call.primitives({y}, [&](Primitives &p, ArrayRef<Value> in) {
        return p.pick(in[0], 0, p.iota({most}, 0, i64Of(call)), BoundsKind::Fill, "",
                      p.scalar(0, Primitives::elementOf(in[0])));
      });
    int64_t rank = call.rank(y), axis = call.axis(place.axis, rank, "scan_output_axes");
    y = call.primitives({y}, [&](Primitives &p, ArrayRef<Value> in) { return p.moveFirst(in[0], axis); });
  }
  return *made;
}

/// Axes and directions of `count` inputs or outputs.
SmallVector<ScanAxis> scanAxes(Call &call, StringRef axes, StringRef directions, size_t count) {
  Ints axis = call.integers(axes, Ints(count, 0)), direction = call.integers(directions, Ints(count, 0));
  if (axis.size() != count || direction.size() != count)
    call.error(axis.size() != count ? axes : directions)
        << static_cast<int64_t>(axis.size() != count ? axis.size() : direction.size()) << " entries, expected "
        << static_cast<int64_t>(count) << " [NNFC-E0212]";
  SmallVector<ScanAxis> result;
  for (size_t i = 0; i < count && !call.hasFailed(); ++i)
    result.push_back({axis[i], direction[i] != 0});
  return result;
}

/// Reads the parts that all versions have; `first` is the first state among the inputs.
std::optional<ScanParts> scanParts(Call &call, size_t first) {
  const Graph *graph = call.subgraph("body");
  int64_t sequences = call.integer("num_scan_inputs", 0), all = static_cast<int64_t>(call.numInputs() - first);
  if (!graph)
    return std::nullopt;
  if (sequences < 1 || sequences > all) {
    call.error("num_scan_inputs") << sequences << ", expected 1 to " << all << " [NNFC-E0213]";
    return std::nullopt;
  }
  size_t states = all - sequences;
  if (graph->outputs.size() < states) {
    call.error("body") << static_cast<int64_t>(graph->outputs.size()) << " outputs, expected at least "
                       << static_cast<int64_t>(states) << ", one for each state [NNFC-E0309]";
    return std::nullopt;
  }
  ScanParts parts{*graph, {}, {}, {}, {}, {}};
  for (size_t i = 0; i < states; ++i)
    parts.states.push_back(call.input(first + i));
  for (size_t i = states; i < static_cast<size_t>(all); ++i)
    parts.sequences.push_back(call.input(first + i));
  // Version 8 has a batch in front of everything.
  auto expectRank = [&](ArrayRef<TensorId> tensors, size_t least, StringRef what) {
    for (TensorId x : tensors)
      if (Shape shape = call.shape(x); !call.hasFailed() && shape.size() < least)
        call.error() << what << " of shape " << toString(shape) << ", expected rank " << least
                     << " or more [NNFC-E0207]";
  };
  expectRank(parts.states, first, "a state");
  expectRank(parts.sequences, first + 1, "a scanned input");
  return call.hasFailed() ? std::nullopt : std::optional(std::move(parts));
}

void scan9(Call &call) {
  std::optional<ScanParts> parts = scanParts(call, 0);
  if (!parts)
    return;
  size_t stacked = parts->graph.outputs.size() - parts->states.size();
  parts->inputAxes = scanAxes(call, "scan_input_axes", "scan_input_directions", parts->sequences.size());
  parts->outputAxes = scanAxes(call, "scan_output_axes", "scan_output_directions", stacked);
  if (call.hasFailed())
    return;
  for (auto [axis, x] : llvm::zip(parts->inputAxes, parts->sequences))
    axis.axis = call.axis(axis.axis, call.rank(x), "scan_input_axes");
  if (call.hasFailed())
    return;
  outputAll(call, scan(call, *parts));
}

/// Version 8: a batch in front of everything, each entry scanned by itself.
void scan8(Call &call) {
  std::optional<ScanParts> parts = scanParts(call, 1);
  if (!parts)
    return;
  TensorId lengths = call.inputOrNone(0);
  if (lengths && call.rank(lengths) != 1)
    call.error("sequence_lens") << "rank " << call.rank(lengths) << ", expected 1 [NNFC-E0207]";
  parts->inputAxes = scanAxes(call, "", "directions", parts->sequences.size());
  parts->outputAxes.assign(parts->graph.outputs.size() - parts->states.size(), {0, false});
  if (call.hasFailed())
    return;
  Dim batch = call.shape(parts->sequences.front())[0];
  SmallVector<TensorId> all = llvm::to_vector(llvm::concat<TensorId>(parts->states, parts->sequences));
  if (lengths)
    all.push_back(lengths);
  for (TensorId x : all) {
    call.requireEqual("body", call.shape(x)[0], batch,
                      "a batch of {value}, expected " + toString(batch) +
                          " as the first scanned input has [NNFC-E0208]");
    if (call.hasFailed())
      return;
  }
  TensorId entry = call.graph().beginBody({RankedTensorType::get({}, i64Of(call))}).front();
  for (SmallVector<TensorId> *list : {&parts->states, &parts->sequences})
    for (TensorId &x : *list)
      x = sliceAt(call, x, 0, entry);
  if (lengths)
    parts->length = sliceAt(call, lengths, 0, entry);
  if (call.hasFailed())
    return;
  SmallVector<TensorId> results = scan(call, *parts);
  if (call.hasFailed())
    return;
  GraphBuilder::Body body = call.graph().endBody(results);
  outputAll(call, call.graph().addLoop(body, batch, /*isConditional=*/false, {}, call.location()));
}

} // namespace

void addControlFlow(OpTable &table) {
  table.add("If", 1, conditional);
  table.add("Loop", 1, loop);
  table.add("Scan", 8, scan8);
  table.add("Scan", 9, scan9);
  for (StringRef op : {"StringNormalizer", "StringConcat", "StringSplit", "RegexFullMatch"})
    table.refuse(op, "strings are not supported");
  table.refuse("ImageDecoder", "files of images are not supported, expected their elements as a tensor");
}

} // namespace nnf::onnx
