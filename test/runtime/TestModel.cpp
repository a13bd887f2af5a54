#include "TestModel.h"

namespace nnf::test {
namespace {
void doubleElements(const void *const *args, int64_t first, int64_t last, void *) {
  const float *x = static_cast<const float *>(args[0]);
  float *y = static_cast<float *>(const_cast<void *>(args[1]));
  for (int64_t i = first; i < last; ++i)
    y[i] = 2 * x[i];
}
} // namespace

int32_t runDoubling(const nnf_rt *rt, nnf_frame *frame) {
  const void *args[] = {frame->inputs[0], frame->outputs[0]};
  return rt->parallel(rt, 0, doubleElements, frame->symbols[0], 0, args);
}

int32_t sameDims(const int64_t *symbols, int64_t *dims) {
  dims[0] = symbols[0];
  return 0;
}

TestModel doubling() {
  TestModel model;
  model.symbol("N").input("x", NNF_FLOAT32, {symbol(0)}).output("y", NNF_FLOAT32, {symbol(0)});
  model.kernel("double", doubleElements).outputDims(sameDims).run(runDoubling);
  return model;
}

Runner::Runner(TestModel given, nnf_context_options options) : model(std::move(given)) {
  EXPECT_EQ(nnf_program_from_model(&model.get(), &program), NNF_OK) << nnf_error_message(nullptr);
  EXPECT_EQ(nnf_context_create(program, &options, &context), NNF_OK) << nnf_error_message(nullptr);
}

Runner::~Runner() {
  nnf_program_destroy(program); // the context keeps it
  nnf_context_destroy(context);
}

int32_t Runner::run(std::vector<TestTensor *> in, std::vector<TestTensor *> out, const nnf_run_options *options) {
  std::vector<DLTensor *> ins, outs;
  for (TestTensor *tensor : in)
    ins.push_back(tensor ? &tensor->tensor : nullptr);
  for (TestTensor *tensor : out)
    outs.push_back(tensor ? &tensor->tensor : nullptr);
  return nnf_run(context, ins.data(), uint32_t(ins.size()), outs.data(), uint32_t(outs.size()), options);
}

} // namespace nnf::test
