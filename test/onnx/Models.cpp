#include "test/onnx/Models.h"

#include "onnx/defs/parser.h"
#include "onnx/onnx_pb.h"
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <unistd.h>

namespace nnf::test {

std::string modelBytes(const std::string &inputs, const std::string &outputs, const std::string &nodes, int64_t opset,
                       const Change &change) {
  ::onnx::ModelProto model;
  std::string text = "agraph (" + inputs + ") => (" + outputs + ") {" + nodes + "}";
  ::onnx::OnnxParser parser(text.c_str());
  if (auto status = parser.Parse(*model.mutable_graph()); !status.IsOK())
    throw std::runtime_error("test model: " + status.ErrorMessage() + "\n" + text);
  model.set_ir_version(8);
  auto *import = model.add_opset_import();
  import->set_domain("");
  import->set_version(opset);
  if (change)
    change(model);
  return model.SerializeAsString();
}

std::string fileOf(const std::string &name, const std::string &bytes) {
  static const std::filesystem::path folder = [] {
    auto path = std::filesystem::temp_directory_path() / ("nnf-onnx-test-" + std::to_string(getpid()));
    std::filesystem::create_directories(path);
    std::atexit([] {
      std::error_code ignored;
      std::filesystem::remove_all(
          std::filesystem::temp_directory_path() / ("nnf-onnx-test-" + std::to_string(getpid())), ignored);
    });
    return path;
  }();
  std::string path = (folder / name).string();
  std::ofstream(path, std::ios::binary) << bytes;
  return path;
}

std::string modelFile(const std::string &inputs, const std::string &outputs, const std::string &nodes, int64_t opset,
                      const Change &change) {
  return fileOf("model.onnx", modelBytes(inputs, outputs, nodes, opset, change));
}

Change all(std::vector<Change> changes) {
  return [changes](::onnx::ModelProto &model) {
    for (const Change &change : changes)
      change(model);
  };
}

Change floats(const std::string &name, std::vector<int64_t> dims, std::vector<float> values) {
  return [=](::onnx::ModelProto &model) {
    auto *tensor = model.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(::onnx::TensorProto::FLOAT);
    for (int64_t dim : dims)
      tensor->add_dims(dim);
    for (float value : values)
      tensor->add_float_data(value);
  };
}

Change ints(const std::string &name, std::vector<int64_t> dims, std::vector<int64_t> values) {
  return [=](::onnx::ModelProto &model) {
    auto *tensor = model.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(::onnx::TensorProto::INT64);
    for (int64_t dim : dims)
      tensor->add_dims(dim);
    for (int64_t value : values)
      tensor->add_int64_data(value);
  };
}

Change raw(const std::string &name, int32_t type, std::vector<int64_t> dims, const std::string &bytes) {
  return [=](::onnx::ModelProto &model) {
    auto *tensor = model.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(type);
    for (int64_t dim : dims)
      tensor->add_dims(dim);
    tensor->set_raw_data(bytes);
  };
}

Change external(const std::string &name, std::vector<int64_t> dims, const std::string &location,
                const std::string &offset, const std::string &length) {
  return [=](::onnx::ModelProto &model) {
    auto *tensor = model.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(::onnx::TensorProto::FLOAT);
    for (int64_t dim : dims)
      tensor->add_dims(dim);
    tensor->set_data_location(::onnx::TensorProto::EXTERNAL);
    for (auto [key, value] :
         {std::pair("location", location), std::pair("offset", offset), std::pair("length", length)})
      if (!value.empty()) {
        auto *entry = tensor->add_external_data();
        entry->set_key(key);
        entry->set_value(value);
      }
  };
}

Change inputSize(int dim, int64_t value) {
  return [=](::onnx::ModelProto &model) {
    auto *type = model.mutable_graph()->mutable_input(0)->mutable_type()->mutable_tensor_type();
    type->mutable_shape()->mutable_dim(dim)->set_dim_value(value);
  };
}

Change sequenceInput() {
  return [](::onnx::ModelProto &model) {
    auto *type = model.mutable_graph()->mutable_input(0)->mutable_type();
    *type->mutable_sequence_type()->mutable_elem_type() = ::onnx::TypeProto(*type);
  };
}

Change opsetOf(const std::string &domain, int64_t version) {
  return [=](::onnx::ModelProto &model) {
    auto *import = model.add_opset_import();
    import->set_domain(domain);
    import->set_version(version);
  };
}

Change irVersion(int64_t version) {
  return [=](::onnx::ModelProto &model) { model.set_ir_version(version); };
}

Change recursiveFunction() {
  return [](::onnx::ModelProto &model) {
    auto *import = model.add_opset_import();
    import->set_domain("own");
    import->set_version(1);
    auto *function = model.add_functions();
    function->set_name("Loop");
    function->set_domain("own");
    function->add_input("a");
    function->add_output("b");
    *function->add_opset_import() = *import;
    auto *node = function->add_node();
    node->set_op_type("Loop");
    node->set_domain("own");
    node->add_input("a");
    node->add_output("b");
  };
}

Change leakyFunction() {
  return [](::onnx::ModelProto &model) {
    auto *import = model.add_opset_import();
    import->set_domain("own");
    import->set_version(1);
    auto *function = model.add_functions();
    function->set_name("Leaky");
    function->set_domain("own");
    function->add_input("a");
    function->add_output("b");
    function->add_attribute("slope");
    *function->add_opset_import() = model.opset_import(0);
    auto *node = function->add_node();
    node->set_op_type("LeakyRelu");
    node->add_input("a");
    node->add_output("b");
    auto *attribute = node->add_attribute();
    attribute->set_name("alpha");
    attribute->set_type(::onnx::AttributeProto::FLOAT);
    attribute->set_ref_attr_name("slope");
  };
}

Change sparse(const std::string &name, std::vector<int64_t> dims, std::vector<int64_t> positions,
              std::vector<float> values) {
  return [=](::onnx::ModelProto &model) {
    auto *tensor = model.mutable_graph()->add_sparse_initializer();
    for (int64_t dim : dims)
      tensor->add_dims(dim);
    tensor->mutable_values()->set_name(name);
    tensor->mutable_values()->set_data_type(::onnx::TensorProto::FLOAT);
    tensor->mutable_values()->add_dims(values.size());
    for (float value : values)
      tensor->mutable_values()->add_float_data(value);
    tensor->mutable_indices()->set_data_type(::onnx::TensorProto::INT64);
    tensor->mutable_indices()->add_dims(positions.size());
    for (int64_t position : positions)
      tensor->mutable_indices()->add_int64_data(position);
  };
}

std::string twoDataFields() {
  return modelBytes("float[1] x", "float[1] y", "y = Add(x, w)", 13, [](::onnx::ModelProto &model) {
    floats("w", {1}, {1})(model);
    model.mutable_graph()->mutable_initializer(0)->set_raw_data(std::string(4, '\0'));
  });
}

} // namespace nnf::test
