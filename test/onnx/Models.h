// Writes small ONNX models from text, for the tests of the reader.
#ifndef NNF_TEST_ONNX_MODELS_H
#define NNF_TEST_ONNX_MODELS_H

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace onnx {
class ModelProto;
}

namespace nnf::test {

/// A model of nodes in ONNX's text form: what stands between the braces of `agraph (…) => (…) { … }`.
///   modelFile("float[N,3] x", "float[N,3] y", "y = Relu(x)", 13)
/// `change` may edit the message before it is written. Returns the path of a file in the test's temporary folder.
std::string modelFile(const std::string &inputs, const std::string &outputs, const std::string &nodes,
                      int64_t opset = 13, const std::function<void(::onnx::ModelProto &)> &change = {});
/// The same, as bytes.
std::string modelBytes(const std::string &inputs, const std::string &outputs, const std::string &nodes,
                       int64_t opset = 13, const std::function<void(::onnx::ModelProto &)> &change = {});
/// A file in the temporary folder with these bytes.
std::string fileOf(const std::string &name, const std::string &bytes);

// ---- changes
using Change = std::function<void(::onnx::ModelProto &)>;
Change all(std::vector<Change> changes);
Change floats(const std::string &name, std::vector<int64_t> dims, std::vector<float> values);
Change ints(const std::string &name, std::vector<int64_t> dims, std::vector<int64_t> values);
/// An initializer in raw bytes, of ONNX's type `type`.
Change raw(const std::string &name, int32_t type, std::vector<int64_t> dims, const std::string &bytes);
Change external(const std::string &name, std::vector<int64_t> dims, const std::string &location,
                const std::string &offset, const std::string &length);
/// Size `value` in dimension `dim` of the first input.
Change inputSize(int dim, int64_t value);
/// The first input becomes a sequence of tensors.
Change sequenceInput();
/// Another domain in opset_import.
Change opsetOf(const std::string &domain, int64_t version);
Change irVersion(int64_t version);
/// A model-local function own.Loop that calls own.Loop.
Change recursiveFunction();
/// A model-local function own.Leaky(x), LeakyRelu with alpha from the call's attribute `slope`.
Change leakyFunction();
/// A sparse initializer: values at flat positions of a tensor with these sizes.
Change sparse(const std::string &name, std::vector<int64_t> dims, std::vector<int64_t> positions,
              std::vector<float> values);
/// y = x + w, with w both in raw_data and in float_data.
std::string twoDataFields();

} // namespace nnf::test
#endif
