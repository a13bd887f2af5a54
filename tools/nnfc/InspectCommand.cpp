// nnfc inspect MODEL_OR_COMPILED
#include "compiler/Inspect.h"
#include "runtime/nnf.h"
#include "tools/nnfc/Command.h"
#include "tools/nnfc/GraphDrawing.h"
#include "tools/run/OutputFile.h"
#include <CLI/CLI.hpp>
#include <iomanip>
#include <ostream>
#include <span>
#include <string_view>

namespace nnf::cli {
namespace {

/// "1536 bytes", "1.5 MB"
std::string bytesText(double bytes) {
  const char *units[] = {"bytes", "KB", "MB", "GB"};
  int unit = 0;
  for (; bytes >= 10000 && unit < 3; ++unit)
    bytes /= 1024;
  char text[64];
  snprintf(text, sizeof text, unit ? "%.1f %s" : "%.0f %s", bytes, units[unit]);
  return text;
}

void print(std::ostream &out, const char *title, const std::vector<ModelSummary::Tensor> &tensors) {
  out << title << "\n";
  for (const ModelSummary::Tensor &tensor : tensors)
    out << "  " << tensor.name << ": " << tensor.type << (tensor.note.empty() ? "" : " (" + tensor.note + ")") << "\n";
}

/// The arena beside the most that is alive at one launch.
void printPlan(std::ostream &out, int64_t arena, int64_t live) {
  out << "  most that is needed at once: " << live << " bytes";
  if (live)
    out << "; the plan takes " << std::fixed << std::setprecision(1) << 100.0 * double(arena) / double(live)
        << " % of that";
  out << "\n";
}

std::string launchesText(uint64_t times) {
  return times == 1 ? "launched once" : "launched " + std::to_string(times) + " times";
}

void print(std::ostream &out, const ModelSummary &model) {
  out << "model " << model.name << "\n";
  print(out, "inputs", model.inputs);
  print(out, "outputs", model.outputs);
  out << "ops\n";
  for (const auto &[name, count] : model.ops)
    out << "  " << name << ": " << count << "\n";
  out << "weights\n  " << model.weights.size() << " tensors, packed with small constants into "
      << bytesText(double(model.weightsBytes)) << "\n";
  for (const ModelSummary::Weight &weight : model.weights)
    out << "  " << weight.name << ": " << weight.type << ", " << bytesText(double(weight.bytes)) << "\n";
  for (const ModelSummary::Weight &weight : model.repeated)
    out << "  stored " << weight.type << ", in different layouts: " << weight.name << ", "
        << bytesText(double(weight.bytes)) << " in all\n";
  out << "memory plan\n  between kernels: " << model.arena << " bytes\n";
  if (model.arenaBytes)
    printPlan(out, *model.arenaBytes, *model.liveBytes);
  out << "kernels\n";
  for (const ModelSummary::Kernel &kernel : model.kernels)
    out << "  " << kernel.name << ": " << kernel.title << ", " << launchesText(kernel.launches) << ", " << kernel.tasks
        << " tasks" << (kernel.method.empty() ? "" : ", " + kernel.method)
        << (kernel.scratchBytes ? ", scratch " + bytesText(double(kernel.scratchBytes)) : "") << "\n";
  out << "  " << model.launches << " launches of " << model.kernels.size() << " kernels\n";
}

// ---- a compiled model, of which the descriptor is left

/// What nnf_program_set_weights takes: all of these at once, under these names.
void printRecipe(std::ostream &out, const nnf_model &model) {
  const nnf_weights_recipe *recipe = model.struct_size > offsetof(nnf_model, recipe) ? model.recipe : nullptr;
  if (!recipe)
    return;
  out << "weights that can be set\n";
  for (const nnf_raw_weight &raw : std::span(recipe->raw, recipe->num_raw)) {
    out << "  " << raw.name << ": " << nnf_dtype_name(raw.dtype) << " [";
    for (uint32_t d = 0; d < raw.rank; ++d)
      out << (d ? ", " : "") << raw.dims[d];
    out << "]" << (raw.offset < 0 && raw.prepare_input < 0 ? " (nothing reads it)" : "") << "\n";
  }
}

std::string typeText(const nnf_model &model, const nnf_tensor_info &tensor) {
  std::string text = std::string(nnf_dtype_name(tensor.dtype)) + " [";
  for (uint32_t d = 0; d < tensor.rank; ++d) {
    int64_t dim = tensor.dims[d];
    text += d ? ", " : "";
    text += dim >= 0 ? std::to_string(dim) : dim == NNF_DIM_COMPUTED ? "computed" : model.symbols[-1 - dim].name;
  }
  return text + "]";
}

ModelSummary summaryOf(const nnf_model &model) {
  ModelSummary summary;
  for (uint32_t i = 0; i < model.num_inputs; ++i)
    summary.inputs.push_back({model.inputs[i].name, typeText(model, model.inputs[i]),
                              model.inputs[i].tied < 0 ? ""
                                                       : std::string("in-out, becomes output '") +
                                                             model.outputs[model.inputs[i].tied].name + "'"});
  for (uint32_t j = 0; j < model.num_outputs; ++j)
    summary.outputs.push_back({model.outputs[j].name, typeText(model, model.outputs[j]), ""});
  return summary;
}

/// What is said of launches of a kernel in an image; NULL: nothing.
const nnf_device_launch *launchOf(const nnf_device_code &code, uint32_t image, uint32_t kernel) {
  uint32_t count = code.struct_size > offsetof(nnf_device_code, launches) ? code.num_launches : 0;
  for (uint32_t i = 0; i < count; ++i)
    if (code.launches[i].image == image && code.launches[i].kernel == kernel)
      return &code.launches[i];
  return nullptr;
}

/// Blocks of a launch that a multiprocessor runs at once and that stay; 0: none do.
uint32_t residentOf(const nnf_device_code &code, const nnf_device_launch &launch) {
  bool isSaid = code.struct_size > offsetof(nnf_device_code, resident) && code.resident;
  return isSaid ? code.resident[&launch - code.launches] : 0;
}

/// NVIDIA's compiler signs what it writes.
bool isByNvrtc(std::string_view ptx) { return ptx.find("// Generated by NVIDIA NVVM Compiler") != ptx.npos; }

/// What a library has for GPUs, and what each kernel takes there.
void printDeviceCode(std::ostream &out, const nnf_model &model) {
  if (model.struct_size < offsetof(nnf_model, device) + sizeof model.device || !model.device)
    return;
  out << "code for GPUs\n";
  for (uint32_t i = 0; i < model.device->num_images; ++i) {
    const nnf_device_image &image = model.device->images[i];
    bool isPtx = image.kind == NNF_IMAGE_PTX;
    if (!isPtx && image.kind != NNF_IMAGE_CUBIN) {
      out << "  of a kind that is not known, " << image.kind << "\n";
      continue;
    }
    unsigned major = image.capability / 10, minor = image.capability % 10, count = 0;
    for (uint32_t k = 0; k < model.num_kernels; ++k)
      count += image.kernels[k].kind == NNF_DEVICE_KERNEL;
    out << "  " << image.arch << ": " << (isPtx ? "PTX" : "machine code");
    if (image.version)
      out << " " << image.version / 10 << "." << image.version % 10;
    if (isPtx && isByNvrtc({reinterpret_cast<const char *>(image.data), image.bytes}))
      out << " by NVRTC";
    out << ", " << bytesText(double(image.bytes)) << ", " << count << " kernels, for compute capability " << major
        << "." << minor
        << (image.flags & NNF_IMAGE_EXACT ? " alone"
            : isPtx                       ? " and later"
                                          : " and later of that major number")
        << "\n";
    for (uint32_t k = 0; k < model.num_kernels; ++k) {
      const nnf_device_kernel &kernel = image.kernels[k];
      if (kernel.kind != NNF_DEVICE_KERNEL)
        continue;
      out << "    " << kernel.symbol << ": " << model.kernels[k].name << ", blocks of ";
      if (kernel.block_y > 0 && kernel.block_z > 0) {
        uint32_t others = uint32_t(kernel.block_y) * kernel.block_z;
        out << kernel.threads / others;
        if (others > 1)
          out << " x " << kernel.block_y;
        if (kernel.block_z > 1)
          out << " x " << kernel.block_z;
      } else {
        out << kernel.threads;
      }
      out << " threads";
      if (kernel.static_shared_bytes + kernel.shared_bytes)
        out << ", " << bytesText(double(kernel.static_shared_bytes + kernel.shared_bytes)) << " of shared memory";
      if (kernel.registers)
        out << ", " << kernel.registers << " registers";
      if (const nnf_device_launch *launch = launchOf(*model.device, i, k)) {
        if (launch->blocks)
          out << ", a grid of " << launch->blocks << (residentOf(*model.device, *launch) ? " that stay" : "");
        if (launch->num_maps)
          out << ", " << launch->num_maps << " tensor maps";
      }
      out << "\n";
    }
  }
}

uint32_t numVersions(const nnf_model &model) {
  return model.struct_size > offsetof(nnf_model, num_versions) ? model.num_versions : 0;
}

/// The CPUs that a library has code for, and which of them the runtime takes here: `chosen`, or none, which `why` says.
void printVersions(std::ostream &out, const nnf_model &model, const nnf_model *chosen, const std::string &why) {
  if (!numVersions(model))
    return;
  out << "code for several CPUs\n";
  for (uint32_t i = 0; i < model.num_versions; ++i) {
    const nnf_model &version = *model.versions[i];
    out << "  " << version.cpu << ": " << version.num_launches << " launches of " << version.num_kernels << " kernels"
        << (&version == chosen ? ", chosen here" : "") << "\n";
  }
  if (!chosen)
    out << "  none is chosen here: " << why << "\n";
}

void print(std::ostream &out, const nnf_model &exported, const nnf_model *chosen, const std::string &why) {
  const nnf_model &model = chosen ? *chosen : exported;
  ModelSummary summary = summaryOf(model);
  out << "model " << model.name << "\n  made by " << model.producer << " for " << model.target << ", ABI "
      << model.abi_major << "." << model.abi_minor << "\n";
  printVersions(out, exported, chosen, why);
  print(out, "inputs", summary.inputs);
  print(out, "outputs", summary.outputs);
  bool hasRange = false;
  for (uint32_t s = 0; s < model.num_symbols; ++s)
    if (const nnf_symbol_info &symbol = model.symbols[s]; symbol.max != INT64_MAX) {
      out << (hasRange ? "" : "sizes\n") << "  " << symbol.name << ": " << symbol.min << " to " << symbol.max << "\n";
      hasRange = true;
    }
  out << "weights\n  " << bytesText(double(model.weights_bytes))
      << (model.weights_file    ? std::string(" in ") + model.weights_file
          : model.weights_bytes ? ", embedded"
                                : "")
      << "\n";
  printRecipe(out, model);
  out << "memory plan\n  between kernels: ";
  bool hasMost = model.struct_size > offsetof(nnf_model, most_arena_bytes) && model.most_arena_bytes >= 0;
  if (model.num_symbols && hasMost)
    out << "at most " << model.most_arena_bytes << " bytes, by the sizes of the inputs\n";
  else if (model.num_symbols)
    out << "depends on the sizes of the inputs\n";
  else
    out << model.arena_bytes(nullptr) << " bytes\n";
  if (!model.num_symbols && model.struct_size >= offsetof(nnf_model, live_bytes) + sizeof model.live_bytes &&
      model.live_bytes >= 0)
    printPlan(out, model.arena_bytes(nullptr), model.live_bytes);
  out << "kernels\n";
  std::vector<uint64_t> launches(model.num_kernels);
  for (uint32_t i = 0; i < model.num_launches; ++i)
    if (model.launches[i].kernel < model.num_kernels)
      ++launches[model.launches[i].kernel];
  for (uint32_t i = 0; i < model.num_kernels; ++i)
    out << "  " << model.kernels[i].name << ", " << launchesText(launches[i])
        << (model.kernels[i].scratch_bytes ? ", scratch " + bytesText(double(model.kernels[i].scratch_bytes)) : "")
        << "\n";
  out << "  " << model.num_launches << " launches of " << model.num_kernels << " kernels\n";
  printDeviceCode(out, model);
}

int inspectLibrary(const std::string &path, const std::string &name, Streams streams) {
  nnf_library *library = nullptr;
  if (nnf_library_open(path.c_str(), &library) != NNF_OK)
    return report(Outcome::fault(nnf_error_message(nullptr)), streams);
  Outcome outcome;
  uint32_t shown = 0;
  for (uint32_t i = 0; i < nnf_library_num_models(library); ++i) {
    const nnf_model *model = nnf_library_model(library, i);
    if (model->abi_major != NNF_ABI_MAJOR || model->struct_size < offsetof(nnf_model, num_temporaries) ||
        !model->name) {
      outcome = Outcome::fault("'" + path + "': model " + std::to_string(i) + " has ABI " +
                               std::to_string(model->abi_major) + "." + std::to_string(model->abi_minor) +
                               ", expected " + std::to_string(NNF_ABI_MAJOR) + " [NNFC-E0703]");
      break;
    }
    if (!name.empty() && name != model->name)
      continue;
    if (shown++)
      streams.out << "\n";
    // What a program would run; it may not come about here, for its CPU or its weights.
    nnf_program *program = nullptr;
    const nnf_model *chosen = nullptr;
    std::string why;
    if (nnf_program_from_library(library, model->name, &program) == NNF_OK)
      chosen = nnf_program_model(program);
    else
      why = nnf_error_message(nullptr);
    print(streams.out, *model, chosen, why);
    nnf_program_destroy(program);
  }
  if (outcome && !shown)
    outcome = Outcome::wrongUsage("--model " + name + ": '" + path + "' holds no such model [NNFC-E0702]");
  nnf_library_close(library);
  return report(outcome, streams);
}

/// The functions of the model, and beside them the kernels they have become.
Outcome drawGraph(const ModelSummary &summary, const std::string &path) {
  std::string text =
      dotOf(summary.name, {{"functions of the model", summary.before}, {"kernels, by estimated cost", summary.after}});
  if (path.ends_with(".svg"))
    if (Outcome outcome = drawSvg(std::string(text), text); !outcome)
      return outcome;
  return outcomeOf(run::writeFile(path, {text}));
}

} // namespace

int inspectCommand(int argc, char **argv, Streams streams) {
  CLI::App app(
      "Shows a model's inputs, outputs, ops, weights, memory plan and kernels; of a compiled one, what is left.",
      "nnfc inspect");
  ModelRequest request;
  CodeRequest code;
  std::string path, name, graph;
  app.add_option("MODEL_OR_COMPILED", path, "what to look at")->required();
  app.add_option("--model", name, "which model, where a library holds several")->type_name("NAME");
  app.add_option("--graph", graph, "draw it, to a .svg or .dot file")->type_name("FILE");
  ModelOptions model(app, request);
  CodeOptions codeOptions(app, code);
  int status;
  if (!parse(app, model, codeOptions, argc, argv, streams, status))
    return status;
  if (!graph.empty() && !graph.ends_with(".svg") && !graph.ends_with(".dot"))
    return report(Outcome::wrongUsage("--graph " + graph + ": expected a file that ends in .svg or .dot [NNFC-E0005]"),
                  streams);
  bool isLibrary = path.ends_with(".so") || isCompiled(path);
  if (!graph.empty() && isLibrary)
    return report(Outcome::wrongUsage("--graph: '" + path +
                                      "' is compiled and has its kernels in a list only, "
                                      "expected a model [NNFC-E0010]"),
                  streams);
  if (isLibrary)
    return inspectLibrary(path, name, streams);
  request.models = {path};
  ModelSummary summary;
  Outcome outcome = inspectModel(request, code, summary);
  if (outcome && !graph.empty()) {
    Outcome drawn = drawGraph(summary, graph);
    drawn.warnings = outcome.warnings + drawn.warnings;
    outcome = drawn;
  }
  if (outcome)
    print(streams.out, summary);
  return report(outcome, streams);
}

} // namespace nnf::cli
