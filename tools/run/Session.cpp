#include "tools/run/Session.h"
#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstring>
#include <ostream>

namespace nnf::run {
namespace {

/// "cpu:0", "cuda:1"
bool readDevice(const std::string &text, DLDevice &device) {
  size_t colon = std::min(text.find(':'), text.size());
  std::string kind = text.substr(0, colon);
  device.device_type = kind == "cuda" ? kDLCUDA : kDLCPU;
  if ((kind != "cpu" && kind != "cuda") || colon == text.size())
    return false;
  const char *end = text.data() + text.size();
  auto [rest, error] = std::from_chars(text.data() + colon + 1, end, device.device_id);
  return error == std::errc() && rest == end && device.device_id >= 0;
}

/// The runtime's words on which model, with what says so here: "choose one of 'a', 'b' with --model NAME [NNFC-…]".
std::string withOption(std::string text, const std::string &chosen) {
  size_t number = text.rfind(" [NNFC-E0702]");
  if (chosen.empty() && number != std::string::npos && text.find("choose one of") != std::string::npos)
    text.insert(number, " with --model NAME");
  return text;
}

bool isForGpu(const Model &model) {
  const nnf_model &descriptor = model.descriptor();
  return descriptor.struct_size > offsetof(nnf_model, device) && descriptor.device;
}

Failure makeReplicas(const ModelRequest &request, const DeviceChoice &choice, const Model &model,
                     DataParallel &replicas) {
  DataParallel::Options options;
  options.device_ids = choice.list;
  if (choice.list.empty() && choice.device.device_type == kDLCPU && isForGpu(model))
    options.device_ids = {cpu(0)}; // `cpu` is no word for all GPUs: the runtime says what the model is for
  options.dim = request.dataParallelDim;
  options.replicated = request.replicated;
  options.threads = request.threads;
  options.seed = request.seed;
  if (Status status = DataParallel::create(model, replicas, options); !status)
    return fault(status.message());
  return {};
}

std::string namesOf(std::span<const nnf_tensor_info> tensors) {
  std::string text;
  for (const nnf_tensor_info &tensor : tensors)
    text += (text.empty() ? "'" : ", '") + std::string(tensor.name) + "'";
  return text.empty() ? "none" : text;
}

/// Splits NAME=FILE. A name may hold '=' itself, so the model's names decide where it ends.
Failure splitInput(const std::string &argument, const Model &model, size_t &input, std::string &file) {
  size_t firstEqual = argument.find('=');
  if (firstEqual == std::string::npos)
    return wrongUsage("--input: found '" + argument + "', expected NAME=FILE.npy [NNFC-E0007]");
  for (size_t equal = firstEqual; equal != std::string::npos; equal = argument.find('=', equal + 1))
    for (size_t i = 0; i < model.inputs().size(); ++i)
      if (argument.compare(0, equal, model.inputs()[i].name) == 0) {
        input = i;
        file = argument.substr(equal + 1);
        return {};
      }
  return fault("--input: model '" + std::string(model.name()) + "' has no input '" + argument.substr(0, firstEqual) +
               "', its inputs are " + namesOf(model.inputs()) + " [NNFC-E0615]");
}

/// The size of each symbol for inputs that are made up; 0: not known yet.
struct SymbolSizes {
  std::vector<int64_t> sizes;
  std::vector<bool> known;
};

std::string unknownSize(const std::string &name, const Model &model) {
  std::string known;
  for (const nnf_symbol_info &symbol : model.symbols())
    known += std::string(known.empty() ? "" : ", ") + "'" + symbol.name + "'";
  return "--dim: model '" + std::string(model.name()) + "' has no size named '" + name + "', " +
         (known.empty() ? "all of its sizes are fixed" : "those that are open are " + known) +
         (name.find('=') == std::string::npos ? "" : ", each with a --dim of its own") + " [NNFC-E0016]";
}

Failure readDims(const std::vector<std::string> &arguments, const Model &model, SymbolSizes &symbols) {
  symbols.sizes.assign(model.symbols().size(), 0);
  symbols.known.assign(model.symbols().size(), false);
  for (const std::string &argument : arguments) {
    size_t equal = argument.rfind('=');
    int64_t size = -1;
    if (equal != std::string::npos) {
      const char *end = argument.data() + argument.size();
      auto [rest, error] = std::from_chars(argument.data() + equal + 1, end, size);
      if (error != std::errc() || rest != end)
        size = -1;
    }
    if (size < 0)
      return wrongUsage("--dim: found '" + argument + "', expected SYMBOL=SIZE [NNFC-E0007]");
    bool found = false;
    for (size_t s = 0; s < model.symbols().size(); ++s)
      if (argument.compare(0, equal, model.symbols()[s].name) == 0) {
        symbols.sizes[s] = size;
        symbols.known[s] = found = true;
      }
    if (!found)
      return fault(unknownSize(argument.substr(0, equal), model));
  }
  return {};
}

/// The smallest size that a symbol allows, but not 0 where more is allowed: an empty tensor shows nothing.
int64_t smallestSize(const nnf_symbol_info &symbol) {
  int64_t least = std::max<int64_t>({symbol.min, symbol.multiple_of, 1});
  if (symbol.multiple_of > 1)
    least = (least - 1) / symbol.multiple_of * symbol.multiple_of + symbol.multiple_of;
  return std::min(least, symbol.max);
}

/// What files, rather than --dim, say of how large a symbol is; both must not say otherwise.
Failure learnFromFiles(const Model &model, const std::vector<Array> &arrays, const std::vector<bool> &given,
                       SymbolSizes &symbols) {
  const SymbolSizes asked = symbols;
  for (size_t i = 0; i < arrays.size(); ++i) {
    const nnf_tensor_info &info = model.inputs()[i];
    if (!given[i] || arrays[i].dims.size() != info.rank)
      continue;
    for (uint32_t d = 0; d < info.rank; ++d)
      if (info.dims[d] < 0) {
        size_t s = size_t(-1 - info.dims[d]);
        if (asked.known[s] && asked.sizes[s] != arrays[i].dims[d])
          return fault("input '" + std::string(info.name) + "': size " + std::to_string(arrays[i].dims[d]) +
                       " in dimension " + std::to_string(d) + ", expected " + std::to_string(asked.sizes[s]) +
                       " as --dim " + model.symbols()[s].name + "=" + std::to_string(asked.sizes[s]) +
                       " says [NNFC-E0605]");
        symbols.sizes[s] = arrays[i].dims[d];
        symbols.known[s] = true;
      }
  }
  return {};
}

Failure fillMissing(const Model &model, const std::vector<bool> &given, uint64_t seed, SymbolSizes &symbols,
                    std::vector<Array> &arrays, std::string &notes) {
  for (size_t i = 0; i < arrays.size(); ++i) {
    if (given[i])
      continue;
    const nnf_tensor_info &info = model.inputs()[i];
    std::vector<int64_t> dims(info.dims, info.dims + info.rank);
    for (int64_t &dim : dims) {
      if (dim >= 0)
        continue;
      size_t s = size_t(-1 - dim);
      if (!symbols.known[s]) {
        symbols.known[s] = true;
        symbols.sizes[s] = smallestSize(model.symbols()[s]);
        notes += "note: size " + std::string(model.symbols()[s].name) + " is " + std::to_string(symbols.sizes[s]) +
                 ", the smallest one: choose with --dim " + model.symbols()[s].name + "=SIZE\n";
      }
      dim = symbols.sizes[s];
    }
    if (!arrays[i].allocate(info.dtype, dims))
      return fault("input '" + std::string(info.name) + "': no memory for " + describeType(info.dtype, dims) +
                   " [NNFC-E0609]");
    fillRandom(arrays[i], seed, uint32_t(i));
  }
  return {};
}

Failure readInputs(const ModelRequest &request, const Model &model, std::vector<bool> &given,
                   std::vector<Array> &arrays) {
  for (const std::string &argument : request.inputs) {
    size_t input = 0;
    std::string file;
    if (Failure failure = splitInput(argument, model, input, file))
      return failure;
    const char *name = model.inputs()[input].name;
    if (given[input])
      return wrongUsage("--input: input '" + std::string(name) + "' is given twice [NNFC-E0616]");
    given[input] = true;
    if (Failure failure = readNpy(file, model.inputs()[input].dtype, arrays[input])) {
      failure.text = "input '" + std::string(name) + "': " + failure.text;
      return failure;
    }
  }
  return {};
}

} // namespace

Failure parseDevice(const std::string &text, DeviceChoice &choice) {
  choice = {};
  if (text.empty())
    return {};
  if (text == "cpu" || text == "cuda-emu") {
    choice.isEmulator = text == "cuda-emu";
    choice.device = cpu(0);
    return {};
  }
  bool isList = text.find(',') != std::string::npos;
  for (size_t begin = 0; begin <= text.size();) {
    size_t end = std::min(text.find(',', begin), text.size());
    std::string one = text.substr(begin, end - begin);
    begin = end + 1;
    DLDevice device;
    if (!readDevice(one, device))
      return wrongUsage("--device: found '" + one +
                        (isList ? "' in '" + text + "', expected cpu:K or cuda:K [NNFC-E0013]"
                                : "', expected cpu, cpu:K, cuda:K or cuda-emu [NNFC-E0013]"));
    if (!choice.list.empty() && device.device_type != choice.list[0].device_type)
      return wrongUsage("--device: found '" + text +
                        "', expected devices of one kind, all cpu:K or all cuda:K [NNFC-E0013]");
    choice.list.push_back(device);
  }
  choice.device = choice.list[0];
  return {};
}

Failure Session::loadModel(const ModelRequest &request) {
  if (Failure failure = parseDevice(request.device, choice))
    return failure;
  if (Status status =
          Model::load(request.library.c_str(), request.model.empty() ? nullptr : request.model.c_str(), model);
      !status)
    return fault(withOption(status.message(), request.model));
  std::string target = model.descriptor().target;
  if (choice.isEmulator && target.find("cuda-emu") == std::string::npos)
    return fault("--device cuda-emu: '" + request.library + "' is compiled for " + target +
                 ", expected a library of nnfc compile --target=cuda-emu [NNFC-E0013]");
  out.resize(model.outputs().size());
  return {};
}

Failure Session::takeInputs(const ModelRequest &request, bool randomInputs, Streams streams) {
  size_t count = model.inputs().size();
  std::vector<bool> given(count, false);
  inputs.resize(count);
  SymbolSizes symbols;
  if (Failure failure = readDims(request.dims, model, symbols))
    return failure;
  if (Failure failure = readInputs(request, model, given, inputs))
    return failure;
  for (size_t i = 0; i < count && !randomInputs; ++i)
    if (!given[i]) {
      std::string name = model.inputs()[i].name, text = "input '";
      text += name;
      text += "' is missing: give --input ";
      text += name;
      return fault(text + "=FILE.npy, or --random-inputs [NNFC-E0602]");
    }
  if (Failure failure = learnFromFiles(model, inputs, given, symbols))
    return failure;
  std::string notes;
  if (Failure failure = fillMissing(model, given, request.seed, symbols, inputs, notes))
    return failure;
  for (Array &array : inputs)
    in.emplace_back(array.data(), array.dtype, array.dims);
  streams.err << notes;
  return {};
}

Failure Session::open(const ModelRequest &request, bool randomInputs, Streams streams) {
  if (!request.wantsReplicas() && !request.replicated.empty())
    return wrongUsage("--replicate " + request.replicated[0] +
                      ": only with several devices (--device cpu:0,cpu:1) or --data-parallel-dim [NNFC-E0004]");
  if (Failure failure = loadModel(request))
    return failure;
  if (Failure failure = takeInputs(request, randomInputs, streams))
    return failure;
  if (request.wantsReplicas()) {
    if (Failure failure = makeReplicas(request, choice, model, replicas))
      return failure;
  } else if (Status status =
                 Context::create(model, context, Context::options(request.threads, request.seed, choice.device));
             !status)
    return fault(status.message());
  return {};
}

bool Session::isOnGpu() const { return isForGpu(model); }

std::string Session::deviceName(const std::string &asked) const {
  if (!asked.empty() || !isOnGpu())
    return asked.empty() ? "cpu" : asked;
  std::string names = "cuda:0";
  for (uint32_t r = 1; r < replicas.size(); ++r)
    names += ",cuda:" + std::to_string(r);
  return names;
}

Failure Session::runOnce(const nnf_run_options *options) {
  if (ranks)
    return runOverRanks(options);
  Status status = replicas ? replicas.run(in, out, options) : context.run(in, out, options);
  return status ? Failure() : fault(status.message());
}

/// Rank 0 alone has inputs; the tensors of others are not looked at.
Failure Session::runOverRanks(const nnf_run_options *options) {
  std::vector<DLTensor *> pointers;
  for (Tensor &tensor : in)
    pointers.push_back(tensor.dlpack());
  for (Tensor &tensor : out)
    pointers.push_back(tensor.dlpack());
  int32_t status = nnf_ranks_run(ranks.get(), pointers.data(), uint32_t(in.size()), nullptr, 0,
                                 pointers.data() + in.size(), uint32_t(out.size()), options);
  return status == NNF_OK ? Failure() : fault(nnf_error_message(nullptr));
}

uint32_t Session::threads() const {
  if (ranks)
    return nnf_ranks_threads(ranks.get());
  uint32_t threads = replicas ? 0 : nnf_context_threads(context.get());
  for (uint32_t r = 0; r < replicas.size(); ++r)
    threads += replicas.threads(r);
  return threads;
}

uint64_t Session::contextBytes() const {
  if (ranks)
    return nnf_ranks_bytes(ranks.get());
  return replicas ? nnf_replicas_bytes(replicas.get()) : nnf_context_bytes(context.get());
}

std::string Session::describeThreads() const {
  if (!replicas)
    return std::to_string(threads()) + " threads";
  std::string threads;
  for (uint32_t r = 0; r < replicas.size(); ++r)
    threads += (r == 0 ? "" : r + 1 < replicas.size() ? ", " : " and ") + std::to_string(replicas.threads(r));
  return std::to_string(replicas.size()) + (replicas.size() == 1 ? " device of " : " devices of ") + threads +
         " threads";
}

} // namespace nnf::run
