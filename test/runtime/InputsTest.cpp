// What is wrong with an input is said in one line: which, what was found, what was expected.
#include "TestModel.h"

using namespace nnf::test;
using testing::HasSubstr;

namespace {

class Inputs : public testing::Test {
protected:
  // x: float32 [N, 3], m: bool [N], k: int64 []
  static TestModel model() {
    TestModel model;
    model.symbol("N", 2, 8, 2).input("x", NNF_FLOAT32, {symbol(0), 3});
    model.input("m", NNF_BOOL, {symbol(0)}).input("k", NNF_INT64, {});
    return model;
  }
  int32_t run() { return runner.run({&x, &m, &k}, {}); }
  void expectError(const char *text) {
    EXPECT_EQ(run(), NNF_ERROR_ARGUMENT);
    EXPECT_EQ(runner.message(), text);
  }

  alignas(64) float floats[64] = {};
  uint8_t bools[16] = {};
  int64_t number = 0;
  TestTensor x{floats, NNF_FLOAT32, {4, 3}}, m{bools, NNF_BOOL, {4}}, k{&number, NNF_INT64, {}};
  Runner runner{model()};
};

TEST_F(Inputs, rightOnesPass) { EXPECT_EQ(run(), NNF_OK) << runner.message(); }

TEST_F(Inputs, count) {
  EXPECT_EQ(runner.run({&x}, {}), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(runner.message(), "1 inputs given, expected 3 [NNFC-E0601]");
  EXPECT_EQ(nnf_run(runner.get(), nullptr, 3, nullptr, 0, nullptr), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(runner.message(), "the array of inputs is NULL, expected 3 tensors [NNFC-E0611]");
}
TEST_F(Inputs, null) {
  EXPECT_EQ(runner.run({&x, nullptr, &k}, {}), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(runner.message(), "input 'm': no tensor given (NULL) [NNFC-E0602]");
}
TEST_F(Inputs, device) {
  x.tensor.device = {kDLCUDA, 0};
  expectError("input 'x': on device type 2, expected the CPU (1) [NNFC-E0606]");
}
TEST_F(Inputs, dtype) {
  k.tensor.dtype = nnf_dtype_dlpack(NNF_INT32);
  expectError("input 'k': dtype int32, expected int64 [NNFC-E0603]");
}
TEST_F(Inputs, dtypeWithoutName) {
  x.tensor.dtype.lanes = 4;
  expectError("input 'x': dtype type code 2 with 32 bits and 4 lanes, expected float32 [NNFC-E0603]");
}
TEST_F(Inputs, boolIsUint8OrCode6) {
  m.tensor.dtype = {6, 8, 1};
  EXPECT_EQ(run(), NNF_OK) << runner.message();
  m.tensor.dtype = {kDLInt, 8, 1};
  expectError("input 'm': dtype int8, expected bool [NNFC-E0603]");
}
TEST_F(Inputs, rank) {
  x.tensor.ndim = 1;
  expectError("input 'x': rank 1, expected 2 [N, 3] [NNFC-E0604]");
  x.tensor.ndim = -1;
  expectError("input 'x': rank -1, expected 2 [N, 3] [NNFC-E0604]");
}
TEST_F(Inputs, shapeIsNull) {
  x.tensor.shape = nullptr;
  expectError("input 'x': shape is NULL, expected 2 sizes [NNFC-E0611]");
}
TEST_F(Inputs, fixedSize) {
  x.dims = {4, 5};
  expectError("input 'x': size 5 in dimension 1, expected 3 of [N, 3] [NNFC-E0605]");
}
TEST_F(Inputs, negativeSize) {
  m.dims[0] = -4;
  expectError("input 'm': size -4 in dimension 0, expected 0 or more [NNFC-E0605]");
}
TEST_F(Inputs, equalSymbolsAreEqualSizes) {
  m.dims[0] = 6;
  expectError("input 'm': size 6 in dimension 0, expected 4: 'N' is 4 in input 'x' [NNFC-E0605]");
}
TEST_F(Inputs, symbolLimits) {
  x.dims[0] = 0;
  expectError("input 'x': size 0 in dimension 0, expected 2 to 8 for 'N' [NNFC-E0614]");
  x.dims[0] = 10;
  expectError("input 'x': size 10 in dimension 0, expected 2 to 8 for 'N' [NNFC-E0614]");
  x.dims[0] = 3;
  expectError("input 'x': size 3 in dimension 0, expected a multiple of 2 for 'N' [NNFC-E0614]");
}
TEST_F(Inputs, strides) {
  int64_t strides[] = {3, 1};
  x.tensor.strides = strides;
  EXPECT_EQ(run(), NNF_OK) << runner.message();
  strides[0] = 4;
  expectError("input 'x': stride 4 in dimension 0, expected 3: tensors must be compact and row-major [NNFC-E0606]");
  strides[0] = 1, strides[1] = 4;
  expectError("input 'x': stride 4 in dimension 1, expected 1: tensors must be compact and row-major [NNFC-E0606]");
}
TEST_F(Inputs, dataIsNull) {
  x.tensor.data = nullptr;
  expectError("input 'x': data is NULL, expected 48 bytes [NNFC-E0611]");
}
TEST_F(Inputs, misaligned) {
  x.tensor.byte_offset = 2;
  expectError("input 'x': data is at an address that is no multiple of 4, the size of a float32 [NNFC-E0606]");
}
TEST_F(Inputs, failedRunLeavesContextUsable) {
  x.tensor.ndim = 7;
  EXPECT_EQ(run(), NNF_ERROR_ARGUMENT);
  x.tensor.ndim = 2;
  EXPECT_EQ(run(), NNF_OK);
}
TEST_F(Inputs, context) {
  EXPECT_EQ(nnf_run(nullptr, nullptr, 0, nullptr, 0, nullptr), NNF_ERROR_ARGUMENT);
  EXPECT_STREQ(nnf_error_message(nullptr), "nnf_run: context is NULL [NNFC-E0611]");
}
TEST_F(Inputs, options) {
  nnf_run_options options = {};
  EXPECT_EQ(runner.run({&x, &m, &k}, {}, &options), NNF_ERROR_ARGUMENT);
  EXPECT_THAT(runner.message(), HasSubstr("run options: struct_size 0, expected "));
  nnf_profiler profiler = {};
  options = runOptions();
  options.profiler = &profiler;
  EXPECT_EQ(runner.run({&x, &m, &k}, {}, &options), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(runner.message(), "run options: the profiler has no launch [NNFC-E0610]");
}
// A caller built before `profiler` existed: what lies behind its struct is not read.
TEST_F(Inputs, olderOptions) {
  nnf_run_options options = runOptions();
  options.struct_size = offsetof(nnf_run_options, profiler);
  options.profiler = reinterpret_cast<const nnf_profiler *>(1);
  EXPECT_EQ(runner.run({&x, &m, &k}, {}, &options), NNF_OK) << runner.message();
}

TEST(InputSizes, productThatOverflows) {
  TestModel model;
  model.symbol("A").symbol("B").input("x", NNF_FLOAT32, {symbol(0), symbol(1)});
  Runner runner(std::move(model));
  float value = 0;
  TestTensor x(&value, NNF_FLOAT32, {int64_t(1) << 40, int64_t(1) << 40});
  EXPECT_EQ(runner.run({&x}, {}), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(runner.message(), "input 'x': its sizes multiply to more than any memory holds [NNFC-E0609]");
}

TEST(InputSizes, emptyNeedsNoData) {
  Runner runner(doubling());
  TestTensor x(nullptr, NNF_FLOAT32, {0}), y;
  EXPECT_EQ(runner.run({&x}, {&y}), NNF_OK) << runner.message();
  EXPECT_EQ(y.tensor.ndim, 1);
  EXPECT_EQ(y.tensor.shape[0], 0);
}

} // namespace
