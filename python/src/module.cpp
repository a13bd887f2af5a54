// nnfc._runtime: the C interface of the runtime, for Python. Arrays go in and come out without being copied: NumPy's by
// their buffers, everything else (torch, JAX, CuPy, …) by DLPack.
#include "runtime/nnf.h"
#include <cstring>
#include <memory>
#include <optional>
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <string>
#include <vector>

namespace py = pybind11;
namespace {

/// Becomes nnfc.Error, with the runtime's message.
struct Failure : std::runtime_error {
  using std::runtime_error::runtime_error;
};

void check(int32_t status, const nnf_context *context = nullptr) {
  if (status != NNF_OK)
    throw Failure(nnf_error_message(context));
}

/// NumPy's dtype. It has no bfloat16 itself: ml_dtypes brings one, and without it such arrays are of uint16.
py::dtype numpyDType(uint32_t dtype) {
  if (dtype != NNF_BFLOAT16)
    return py::dtype(dtype == NNF_BOOL ? "bool" : nnf_dtype_name(dtype));
  try {
    return py::dtype::from_args(py::module_::import("ml_dtypes").attr("bfloat16"));
  } catch (const py::error_already_set &error) {
    if (!error.matches(PyExc_ImportError))
      throw;
    return py::dtype("uint16");
  }
}

/// The DLPack type of a NumPy dtype; `expected` says what uint16 and two opaque bytes stand for.
std::optional<DLDataType> dlpackType(const py::dtype &dtype, uint32_t expected) {
  uint8_t bits = uint8_t(dtype.itemsize() * 8);
  std::string name = py::str(dtype);
  if (name == "bfloat16" || (expected == NNF_BFLOAT16 && (name == "uint16" || name == "|V2")))
    return nnf_dtype_dlpack(NNF_BFLOAT16);
  switch (dtype.kind()) {
  case 'f': return DLDataType{kDLFloat, bits, 1};
  case 'i': return DLDataType{kDLInt, bits, 1};
  case 'u': return DLDataType{kDLUInt, bits, 1};
  case 'b': return nnf_dtype_dlpack(NNF_BOOL);
  default: return std::nullopt;
  }
}

/// A tensor on a Python object's memory, which it keeps.
class Borrowed {
public:
  /// `inOut`: a run writes it, so a copy would not do.
  Borrowed(const py::object &object, const nnf_tensor_info &info, bool inOut) {
    bool hasDlpack = py::hasattr(object, "__dlpack__");
    if (py::isinstance<py::array>(object) || !hasDlpack)
      takeNumpy(object, info, inOut);
    else
      takeDlpack(object, inOut);
  }
  ~Borrowed() {
    if (managed && managed->deleter)
      managed->deleter(managed);
  }
  Borrowed(const Borrowed &) = delete;

  DLTensor *tensor() { return &view; }

private:
  DLTensor view = {};
  std::vector<int64_t> shape;
  py::object owner;
  DLManagedTensor *managed = nullptr;

  void takeNumpy(const py::object &object, const nnf_tensor_info &info, bool inOut) {
    if (inOut && !py::isinstance<py::array>(object))
      throw py::type_error("input '" + std::string(info.name) + "' is changed by the run: expected an array");
    // Python's numbers and lists become arrays of the model's type; arrays keep theirs, which the runtime checks.
    py::array array = py::isinstance<py::array>(object)
                          ? py::reinterpret_borrow<py::array>(object)
                          : py::array(py::module_::import("numpy").attr("asarray")(object, numpyDType(info.dtype)));
    if (inOut && !array.writeable())
      throw py::value_error("input '" + std::string(info.name) + "' is changed by the run, but its array is read-only");
    if (!(array.flags() & py::array::c_style)) {
      if (inOut)
        throw py::value_error("input '" + std::string(info.name) +
                              "' is changed by the run, but its array is not row-major and compact");
      array = py::array(py::module_::import("numpy").attr("ascontiguousarray")(array));
    }
    std::optional<DLDataType> type = dlpackType(array.dtype(), info.dtype);
    if (!type || std::string(py::str(array.dtype().attr("byteorder"))) == ">")
      throw py::type_error("input '" + std::string(info.name) + "': dtype " + std::string(py::str(array.dtype())) +
                           ", expected " + nnf_dtype_name(info.dtype));
    shape.assign(array.shape(), array.shape() + array.ndim());
    view.data = const_cast<void *>(array.data());
    view.device = {kDLCPU, 0};
    view.ndim = int32_t(array.ndim());
    view.dtype = *type;
    view.shape = shape.data();
    owner = array;
  }

  void takeDlpack(py::object object, bool inOut) {
    if (!inOut && py::hasattr(object, "contiguous")) // torch's: itself where it is compact
      object = object.attr("contiguous")();
    if (py::hasattr(object, "detach")) // inference: nothing is differentiated
      object = object.attr("detach")();
    py::object made = object.attr("__dlpack__")();
    auto *found = static_cast<DLManagedTensor *>(PyCapsule_GetPointer(made.ptr(), "dltensor"));
    if (!found)
      throw py::error_already_set();
    PyCapsule_SetName(made.ptr(), "used_dltensor"); // by its protocol: the tensor is ours now
    managed = found;
    view = found->dl_tensor;
    owner = object;
  }
};

class Program {
public:
  Program(const std::string &path, const std::optional<std::string> &name) {
    check(nnf_program_load(path.c_str(), name ? name->c_str() : nullptr, &program));
  }
  ~Program() { nnf_program_destroy(program); }
  Program(const Program &) = delete;

  const nnf_model &model() const { return *nnf_program_model(program); }

  /// (name, dtype, sizes and names of sizes, is it changed by a run)
  py::list tensors(bool inputs) const {
    py::list result;
    uint32_t count = inputs ? model().num_inputs : model().num_outputs;
    for (uint32_t i = 0; i < count; ++i) {
      const nnf_tensor_info &info = inputs ? model().inputs[i] : model().outputs[i];
      py::list shape;
      for (uint32_t d = 0; d < info.rank; ++d) {
        if (info.dims[d] >= 0)
          shape.append(info.dims[d]);
        else if (info.dims[d] == NNF_DIM_COMPUTED)
          shape.append(py::none());
        else
          shape.append(py::str(model().symbols[-1 - info.dims[d]].name));
      }
      result.append(
          py::make_tuple(info.name, nnf_dtype_name(info.dtype), py::tuple(shape), bool(info.flags & NNF_TENSOR_INOUT)));
    }
    return result;
  }

  nnf_program *program = nullptr;
};

class Context {
public:
  Context(std::shared_ptr<Program> owner, uint32_t threads, uint64_t seed) : program(std::move(owner)) {
    nnf_context_options options = {sizeof options, threads, nullptr, nullptr, seed, 0, 0};
    check(nnf_context_create(program->program, &options, &context));
  }
  ~Context() { nnf_context_destroy(context); }
  Context(const Context &) = delete;

  /// One run; other Python threads go on meanwhile. Returns a NumPy array for each output.
  py::list run(const py::list &inputs) {
    const nnf_model &model = program->model();
    if (inputs.size() != model.num_inputs)
      throw py::type_error(std::to_string(inputs.size()) + " inputs given, expected " +
                           std::to_string(model.num_inputs));
    std::vector<std::unique_ptr<Borrowed>> held;
    std::vector<DLTensor *> in, out;
    for (uint32_t i = 0; i < model.num_inputs; ++i) {
      held.push_back(std::make_unique<Borrowed>(inputs[i], model.inputs[i], model.inputs[i].flags & NNF_TENSOR_INOUT));
      in.push_back(held.back()->tensor());
    }
    std::vector<std::vector<int64_t>> shapes(model.num_outputs);
    std::vector<int64_t *> shapeAddresses;
    for (uint32_t j = 0; j < model.num_outputs; ++j) {
      shapes[j].resize(model.outputs[j].rank + 1);
      shapeAddresses.push_back(shapes[j].data());
    }
    check(nnf_output_shapes(context, in.data(), uint32_t(in.size()), shapeAddresses.data()), context);

    std::vector<py::array> arrays(model.num_outputs);
    std::vector<DLTensor> outputs(model.num_outputs);
    std::vector<bool> isOpen(model.num_outputs);
    for (uint32_t j = 0; j < model.num_outputs; ++j) {
      const nnf_tensor_info &info = model.outputs[j];
      shapes[j].resize(info.rank);
      for (int64_t size : shapes[j])
        isOpen[j] = isOpen[j] || size < 0; // only the run knows it: the context has the memory
      if (!isOpen[j])
        arrays[j] = py::array(numpyDType(info.dtype), shapes[j]);
      outputs[j] = {isOpen[j] ? nullptr : const_cast<void *>(arrays[j].data()),
                    {kDLCPU, 0},
                    int32_t(info.rank),
                    nnf_dtype_dlpack(info.dtype),
                    shapes[j].data(),
                    nullptr,
                    0};
      out.push_back(&outputs[j]);
    }
    int32_t status;
    {
      py::gil_scoped_release others;
      status = nnf_run(context, in.data(), uint32_t(in.size()), out.data(), uint32_t(out.size()), nullptr);
    }
    check(status, context);
    py::list results;
    for (uint32_t j = 0; j < model.num_outputs; ++j) {
      if (isOpen[j]) {
        const nnf_tensor_info &info = model.outputs[j];
        arrays[j] = py::array(numpyDType(info.dtype), std::vector<int64_t>(out[j]->shape, out[j]->shape + info.rank));
        if (arrays[j].nbytes())
          memcpy(arrays[j].mutable_data(), static_cast<uint8_t *>(out[j]->data) + out[j]->byte_offset,
                 size_t(arrays[j].nbytes()));
      }
      results.append(arrays[j]);
    }
    return results;
  }

  uint32_t threads() const { return nnf_context_threads(context); }

private:
  std::shared_ptr<Program> program;
  nnf_context *context = nullptr;
};

} // namespace

PYBIND11_MODULE(_runtime, m) {
  py::register_exception<Failure>(m, "Error", PyExc_RuntimeError);
  py::class_<Program, std::shared_ptr<Program>>(m, "Program")
      .def(py::init<const std::string &, const std::optional<std::string> &>(), py::arg("path"), py::arg("name"))
      .def("tensors", &Program::tensors, py::arg("inputs"))
      .def_property_readonly("name", [](const Program &self) { return self.model().name; })
      .def_property_readonly("target", [](const Program &self) { return self.model().target; });
  py::class_<Context>(m, "Context")
      .def(py::init<std::shared_ptr<Program>, uint32_t, uint64_t>(), py::arg("program"), py::arg("threads"),
           py::arg("seed"))
      .def_property_readonly("threads", &Context::threads)
      .def("run", &Context::run, py::arg("inputs"));
}
