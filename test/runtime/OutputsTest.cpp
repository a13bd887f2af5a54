// Outputs: the caller's, the context's, those whose sizes only the run knows, and those that are inputs too.
#include "TestModel.h"
#include <cstring>

using namespace nnf::test;
using testing::ElementsAre;
using testing::HasSubstr;

namespace {

TEST(Outputs, callersBuffer) {
  Runner runner(doubling());
  std::vector<float> in = {1, 2, 3}, out(3);
  TestTensor x(in), y(out);
  EXPECT_EQ(runner.run({&x}, {&y}), NNF_OK) << runner.message();
  EXPECT_THAT(out, ElementsAre(2, 4, 6));
}

TEST(Outputs, contextsBuffer) {
  Runner runner(doubling());
  std::vector<float> in = {1, 2, 3};
  TestTensor x(in), y;
  ASSERT_EQ(runner.run({&x}, {&y}), NNF_OK) << runner.message();
  EXPECT_EQ(y.tensor.ndim, 1);
  EXPECT_EQ(y.tensor.strides, nullptr);
  EXPECT_EQ(y.tensor.dtype.code, kDLFloat);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(y.tensor.data) % 64, 0u);
  EXPECT_THAT(y.values<float>(), ElementsAre(2, 4, 6));
  // The same tensor once more, and with a size that needs more memory.
  std::vector<float> more(1000, 5);
  TestTensor x2(more);
  ASSERT_EQ(runner.run({&x2}, {&y}), NNF_OK) << runner.message();
  EXPECT_EQ(y.values<float>(), std::vector<float>(1000, 10));
  EXPECT_GE(nnf_context_bytes(runner.get()), 4000u);
}

// The context's memory for an output has grown, and moved, before the run fails: what the caller still has of the run
// before must not pass for memory of its own.
TEST(Outputs, afterAFailedRun) {
  Runner runner(doubling());
  std::vector<float> in = {1, 2, 3}, more(5000, 5), own(5000);
  TestTensor x(in), large(more), y, given(own);
  ASSERT_EQ(runner.run({&x}, {&y}), NNF_OK) << runner.message();
  int32_t cancel = 1;
  nnf_run_options options = runOptions();
  options.cancel = &cancel;
  EXPECT_EQ(runner.run({&large}, {&y}, &options), NNF_CANCELLED);
  EXPECT_EQ(y.tensor.data, nullptr);
  ASSERT_EQ(runner.run({&large}, {&y}), NNF_OK) << runner.message();
  EXPECT_EQ(y.values<float>(), std::vector<float>(5000, 10));
  // The caller's own stays where it is, and so does a tensor of a call that fails before outputs are looked at.
  EXPECT_EQ(runner.run({&large}, {&given}, &options), NNF_CANCELLED);
  EXPECT_EQ(given.tensor.data, own.data());
  EXPECT_EQ(runner.run({}, {&y}), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(y.values<float>(), std::vector<float>(5000, 10));
}

TEST(Outputs, nobodyWants) {
  Runner runner(doubling());
  std::vector<float> in = {1};
  TestTensor x(in);
  EXPECT_EQ(runner.run({&x}, {nullptr}), NNF_OK) << runner.message();
}

TEST(Outputs, wrongOnes) {
  Runner runner(doubling());
  std::vector<float> in = {1, 2, 3}, out(4);
  TestTensor x(in), y(out);
  auto expectError = [&](const char *text) {
    EXPECT_EQ(runner.run({&x}, {&y}), NNF_ERROR_ARGUMENT);
    EXPECT_EQ(runner.message(), text);
  };
  expectError("output 'y': size 4 in dimension 0, expected 3 of [N] [NNFC-E0605]");
  y.dims[0] = 3;
  y.tensor.ndim = 2;
  expectError("output 'y': rank 2, expected 1 [N] [NNFC-E0604]");
  y.tensor.ndim = 1;
  y.tensor.dtype = nnf_dtype_dlpack(NNF_INT32);
  expectError("output 'y': dtype int32, expected float32 [NNFC-E0603]");
  EXPECT_EQ(runner.run({&x}, {}), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(runner.message(), "0 outputs given, expected 1 [NNFC-E0601]");
}

TEST(Outputs, overlap) {
  Runner runner(doubling());
  std::vector<float> memory = {1, 2, 3, 4, 5};
  TestTensor x(memory.data(), NNF_FLOAT32, {3}), y(memory.data() + 2, NNF_FLOAT32, {3});
  EXPECT_EQ(runner.run({&x}, {&y}), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(runner.message(), "output 'y' overlaps input 'x' in memory [NNFC-E0607]");
  EXPECT_THAT(memory, ElementsAre(1, 2, 3, 4, 5));
  TestTensor apart(memory.data() + 3, NNF_FLOAT32, {2}), x2(memory.data(), NNF_FLOAT32, {2});
  EXPECT_EQ(runner.run({&x2}, {&apart}), NNF_OK) << runner.message();
}

TEST(Outputs, lastRunsOutputIsNoInput) {
  Runner runner(doubling());
  std::vector<float> in = {1, 2, 3};
  TestTensor x(in), y;
  ASSERT_EQ(runner.run({&x}, {&y}), NNF_OK);
  TestTensor again;
  EXPECT_EQ(runner.run({&y}, {&again}), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(runner.message(), "input 'x' is the memory this context keeps for output 'y': copy it first [NNFC-E0607]");
}

TEST(Outputs, twoThatOverlap) {
  TestModel model;
  model.output("a", NNF_FLOAT32, {2}).output("b", NNF_FLOAT32, {2});
  model.outputDims([](const int64_t *, int64_t *dims) -> int32_t { return dims[0] = dims[1] = 2, 0; });
  Runner runner(std::move(model));
  float memory[3];
  TestTensor a(memory, NNF_FLOAT32, {2}), b(memory + 1, NNF_FLOAT32, {2});
  EXPECT_EQ(runner.run({}, {&a, &b}), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(runner.message(), "output 'b' overlaps output 'a' in memory [NNFC-E0607]");
}

TEST(Outputs, sizesThatDoNotFit) {
  TestModel model = doubling();
  model.outputDims([](const int64_t *, int64_t *) -> int32_t { return -1; });
  Runner runner(std::move(model));
  std::vector<float> in = {1};
  TestTensor x(in), y;
  EXPECT_EQ(runner.run({&x}, {&y}), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(runner.message(),
            "with inputs of these sizes the size of an output is negative or does not fit in 64 bits [NNFC-E0506]");
}

TEST(Outputs, noMemory) {
  TestModel model = doubling();
  model.outputDims([](const int64_t *, int64_t *dims) -> int32_t { return dims[0] = int64_t(1) << 57, 0; });
  Runner runner(std::move(model));
  std::vector<float> in = {1};
  TestTensor x(in), y;
  EXPECT_EQ(runner.run({&x}, {&y}), NNF_ERROR_MEMORY);
  EXPECT_THAT(runner.message(), HasSubstr("output 'y': no memory for 576460752303423488 bytes [NNFC-E0609]"));
}

TEST(Outputs, noMemoryForArena) {
  TestModel model = doubling();
  model.arenaBytes([](const int64_t *) -> int64_t { return -1; });
  Runner runner(std::move(model));
  std::vector<float> in = {1};
  TestTensor x(in), y;
  EXPECT_EQ(runner.run({&x}, {&y}), NNF_ERROR_MEMORY);
  EXPECT_THAT(runner.message(), HasSubstr("intermediate results"));
}

TEST(Outputs, shapes) {
  TestModel model;
  model.symbol("N").input("x", NNF_FLOAT32, {symbol(0)});
  model.output("y", NNF_FLOAT32, {symbol(0), NNF_DIM_COMPUTED})
      .output("z", NNF_INT64, {NNF_DIM_COMPUTED}, NNF_TENSOR_DATA_DEPENDENT);
  model.outputDims([](const int64_t *symbols, int64_t *dims) -> int32_t {
    dims[0] = symbols[0];
    dims[1] = 2 * symbols[0] + 1;
    dims[2] = 99;
    return 0;
  });
  Runner runner(std::move(model));
  TestTensor x(nullptr, NNF_FLOAT32, {5}); // data is not looked at
  DLTensor *in[] = {&x.tensor};
  int64_t y[2], z[1];
  int64_t *shapes[] = {y, z};
  ASSERT_EQ(nnf_output_shapes(runner.get(), in, 1, shapes), NNF_OK) << runner.message();
  EXPECT_THAT(y, ElementsAre(5, 11));
  EXPECT_THAT(z, ElementsAre(-1));
  shapes[0] = nullptr;
  EXPECT_EQ(nnf_output_shapes(runner.get(), in, 1, shapes), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(runner.message(), "nnf_output_shapes: no room for the sizes of output 'y' (NULL) [NNFC-E0611]");
}

// z holds the positive elements of x.
TestModel positives() {
  TestModel model;
  model.symbol("N").symbol("count").input("x", NNF_FLOAT32, {symbol(0)});
  model.output("z", NNF_FLOAT32, {symbol(1)}, NNF_TENSOR_DATA_DEPENDENT);
  model.run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
    const float *x = static_cast<const float *>(frame->inputs[0]);
    EXPECT_EQ(frame->outputs[0], nullptr);
    EXPECT_EQ(frame->symbols[1], 0);
    alignas(64) int64_t count = 0;
    for (int64_t i = 0; i < frame->symbols[0]; ++i)
      count += x[i] > 0;
    frame->symbols[1] = rt->read_scalar(rt, &count);
    float *z = static_cast<float *>(rt->alloc_output(rt, 0, &frame->symbols[1], 1));
    if (!z)
      return NNF_ERROR_MEMORY;
    for (int64_t i = 0; i < frame->symbols[0]; ++i)
      if (x[i] > 0)
        *z++ = x[i];
    return 0;
  });
  return model;
}

TEST(Outputs, dataDependent) {
  Runner runner(positives());
  std::vector<float> in = {1, -2, 3, -4}, out(4);
  TestTensor x(in), z, given(out);
  ASSERT_EQ(runner.run({&x}, {&z}), NNF_OK) << runner.message();
  EXPECT_THAT(z.values<float>(), ElementsAre(1, 3));
  in = {-1, -1, -1, -1};
  ASSERT_EQ(runner.run({&x}, {&z}), NNF_OK) << runner.message();
  EXPECT_EQ(z.tensor.shape[0], 0);
  EXPECT_EQ(runner.run({&x}, {&given}), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(runner.message(), "output 'z': data is given, expected NULL: only the run knows its sizes [NNFC-E0608]");
}

// y holds 0 … N-1, gathered in memory that grows by one element a step. An odd N asks for a piece that is not there, a
// negative x[0] for a negative size.
TestModel growing() {
  TestModel model;
  model.symbol("N").input("x", NNF_FLOAT32, {symbol(0)}).temporaries(2);
  model.output("y", NNF_INT64, {symbol(0)}, NNF_TENSOR_DATA_DEPENDENT);
  model.run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
    int64_t count = frame->symbols[0];
    auto *other = static_cast<uint8_t *>(rt->alloc_temporary(rt, 0, 64));
    EXPECT_NE(other, nullptr);
    memset(other, 7, 64);
    void *made = rt->grow_temporary(rt, count % 2 ? 2 : 1, 0, 0);
    EXPECT_EQ(made == nullptr, count % 2 == 1);
    for (int64_t i = 0; made && i < count; ++i) {
      made = rt->grow_temporary(rt, 1, 8 * i, 8 * (i + 1));
      EXPECT_EQ(reinterpret_cast<uintptr_t>(made) % 64, 0u);
      static_cast<int64_t *>(made)[i] = i;
    }
    if (!made)
      return NNF_ERROR_MEMORY;
    EXPECT_EQ(other[63], 7);
    memcpy(rt->alloc_output(rt, 0, &count, 1), made, static_cast<size_t>(8 * count));
    bool isNegative = count && static_cast<const float *>(frame->inputs[0])[0] < 0;
    return !isNegative || rt->alloc_temporary(rt, 0, -1) ? NNF_OK : NNF_ERROR_MEMORY;
  });
  return model;
}

TEST(Outputs, temporaries) {
  Runner runner(growing());
  std::vector<float> in(6);
  TestTensor x(in), y;
  ASSERT_EQ(runner.run({&x}, {&y}), NNF_OK) << runner.message();
  EXPECT_THAT(y.values<int64_t>(), ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_GE(nnf_context_bytes(runner.get()), 64u + 8 * 6 + 8 * 6);
  in[0] = -1;
  EXPECT_EQ(runner.run({&x}, {&y}), NNF_ERROR_MEMORY);
  EXPECT_EQ(runner.message(), "no memory for the -1 bytes of intermediate results that these data need [NNFC-E0609]");
  std::vector<float> odd(5);
  TestTensor z(odd);
  EXPECT_EQ(runner.run({&z}, {&y}), NNF_ERROR_INTERNAL);
  EXPECT_EQ(runner.message(), "the driver asks for piece of memory 2, the model has 2 [NNFC-E0707]");
}

TEST(Outputs, driverForgetsOne) {
  TestModel model = positives();
  model.run([](const nnf_rt *, nnf_frame *) -> int32_t { return 0; });
  Runner runner(std::move(model));
  std::vector<float> in = {1};
  TestTensor x(in), z;
  EXPECT_EQ(runner.run({&x}, {&z}), NNF_ERROR_INTERNAL);
  EXPECT_EQ(runner.message(), "the driver of model 'hand' has not given output 'z' a size [NNFC-E0707]");
}

class InOut : public testing::Test {
protected:
  static TestModel model() { return std::move(doubling().tie(0, 0).check("bad")); }
  std::vector<float> data = {1, 2, 3};
  TestTensor x{data};
  Runner runner{model()};
};

TEST_F(InOut, inputHoldsNewValue) {
  TestTensor y;
  ASSERT_EQ(runner.run({&x}, {&y}), NNF_OK) << runner.message();
  EXPECT_THAT(data, ElementsAre(2, 4, 6));
  EXPECT_THAT(y.values<float>(), ElementsAre(2, 4, 6));
  ASSERT_EQ(runner.run({&x}, {nullptr}), NNF_OK) << runner.message();
  EXPECT_THAT(data, ElementsAre(4, 8, 12));
}
TEST_F(InOut, outputIsItsInput) {
  TestTensor y(data);
  ASSERT_EQ(runner.run({&x}, {&y}), NNF_OK) << runner.message();
  EXPECT_THAT(data, ElementsAre(2, 4, 6));
  EXPECT_EQ(y.tensor.data, data.data());
}
TEST_F(InOut, outputElsewhere) {
  std::vector<float> out(3);
  TestTensor y(out);
  ASSERT_EQ(runner.run({&x}, {&y}), NNF_OK) << runner.message();
  EXPECT_THAT(data, ElementsAre(2, 4, 6));
  EXPECT_THAT(out, ElementsAre(2, 4, 6));
}
TEST_F(InOut, failedRunLeavesInput) {
  runner.model.run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
    runDoubling(rt, frame);
    return rt->fail(rt, 0, 0, 0);
  });
  TestTensor y;
  EXPECT_EQ(runner.run({&x}, {&y}), NNF_ERROR_DATA);
  EXPECT_THAT(data, ElementsAre(1, 2, 3));
  EXPECT_EQ(y.tensor.data, nullptr);
}

} // namespace
