// data_parallel: how a batch is cut, run on core sets and put together again.
#include "TestModel.h"
#include "runtime/CoreSets.h"
#include "runtime/nnf.hpp"
#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <thread>
#include <unistd.h>

using namespace nnf::test;

namespace {

std::vector<DLDevice> coreSets(int count) {
  std::vector<DLDevice> devices;
  for (int k = 0; k < count; ++k)
    devices.push_back({kDLCPU, k});
  return devices;
}

/// A program and its replicas.
class Parallel {
public:
  explicit Parallel(TestModel given, std::vector<DLDevice> devices, int64_t dim = 0,
                    std::vector<uint8_t> replicated = {}, uint32_t threads = 0)
      : model(std::move(given)) {
    EXPECT_EQ(nnf_program_from_model(&model.get(), &program), NNF_OK) << nnf_error_message(nullptr);
    nnf_replicas_options options = {};
    options.struct_size = sizeof options;
    options.num_devices = uint32_t(devices.size());
    options.device_ids = devices.data();
    options.dim = dim;
    options.threads = threads;
    options.replicated = replicated.empty() ? nullptr : replicated.data();
    EXPECT_EQ(nnf_replicas_create(program, &options, &replicas), NNF_OK) << nnf_error_message(nullptr);
  }
  ~Parallel() {
    nnf_program_destroy(program); // the replicas keep it
    nnf_replicas_destroy(replicas);
  }
  Parallel(const Parallel &) = delete;

  int32_t run(std::vector<TestTensor *> in, std::vector<TestTensor *> out, const nnf_run_options *options = nullptr,
              std::vector<nnf_named_tensor> kwargs = {}) {
    std::vector<DLTensor *> ins, outs;
    for (TestTensor *tensor : in)
      ins.push_back(&tensor->tensor);
    for (TestTensor *tensor : out)
      outs.push_back(tensor ? &tensor->tensor : nullptr);
    return nnf_data_parallel(replicas, ins.data(), uint32_t(ins.size()), kwargs.data(), uint32_t(kwargs.size()),
                             outs.data(), uint32_t(outs.size()), options);
  }
  std::string message() const { return nnf_error_message(nullptr); }

  TestModel model;
  nnf_program *program = nullptr;
  nnf_replicas *replicas = nullptr;
};

std::vector<float> counting(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i)
    values[i] = float(i);
  return values;
}

std::vector<float> doubled(std::vector<float> values) {
  for (float &value : values)
    value *= 2;
  return values;
}

std::mutex partsMutex;
std::vector<int64_t> parts; // the batch sizes that replicas have seen

/// doubling() that notes how large its batch is, and the sum of x as a scalar.
TestModel noting() {
  TestModel model = doubling();
  model.output("sum", NNF_FLOAT32, {});
  model.run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
    {
      std::lock_guard lock(partsMutex);
      parts.push_back(frame->symbols[0]);
    }
    float sum = 0;
    for (int64_t i = 0; i < frame->symbols[0]; ++i)
      sum += static_cast<const float *>(frame->inputs[0])[i];
    *static_cast<float *>(frame->outputs[1]) = sum;
    return runDoubling(rt, frame);
  });
  return model;
}

// torch.chunk's parts: 7 over 3 are 3, 3, 1; 4 over 3 are 2, 2; of nothing there are 3 empty ones.
TEST(DataParallel, partsAreThoseOfChunk) {
  struct Case {
    size_t size;
    int devices;
    std::vector<int64_t> parts;
  };
  for (const Case &one : std::vector<Case>{{7, 3, {1, 3, 3}},
                                           {4, 3, {2, 2}},
                                           {2, 3, {1, 1}},
                                           {1, 4, {1}},
                                           {0, 3, {0, 0, 0}},
                                           {10, 4, {1, 3, 3, 3}},
                                           {8, 2, {4, 4}},
                                           {5, 1, {5}}}) {
    Parallel parallel(noting(), coreSets(one.devices));
    for (int repeat = 0; repeat < 3; ++repeat) {
      parts.clear();
      std::vector<float> in = counting(one.size);
      TestTensor x(in), y, sum;
      ASSERT_EQ(parallel.run({&x}, {&y, &sum}), NNF_OK) << parallel.message();
      std::sort(parts.begin(), parts.end());
      EXPECT_EQ(parts, one.parts) << one.size << " over " << one.devices;
      EXPECT_EQ(y.values<float>(), doubled(in));
      // Scalars become a vector, but for one device, where nothing is joined.
      if (one.devices == 1)
        EXPECT_EQ(sum.tensor.ndim, 0);
      else
        EXPECT_EQ(sum.tensor.shape[0], int64_t(one.parts.size()));
    }
  }
}

TEST(DataParallel, resultsGoToTheCallersMemory) {
  Parallel parallel(noting(), coreSets(2));
  std::vector<float> in = counting(5), out(5), sums(2);
  TestTensor x(in), y(out), sum(sums);
  ASSERT_EQ(parallel.run({&x}, {&y, &sum}), NNF_OK) << parallel.message();
  EXPECT_EQ(out, doubled(in));
  EXPECT_EQ(sums, (std::vector<float>{0 + 1 + 2, 3 + 4}));
  ASSERT_EQ(parallel.run({&x}, {&y, nullptr}), NNF_OK) << parallel.message();
  std::vector<float> small(4);
  TestTensor wrong(small);
  EXPECT_EQ(parallel.run({&x}, {&wrong, nullptr}), NNF_ERROR_ARGUMENT);
  EXPECT_THAT(parallel.message(), testing::HasSubstr("output 'y': size 4 in dimension 0, expected 5"));
  EXPECT_EQ(parallel.run({&x}, {&x, nullptr}), NNF_ERROR_ARGUMENT);
  EXPECT_THAT(parallel.message(), testing::HasSubstr("output 'y' overlaps input 'x'"));
}

/// y[A, N] = x[A, N] + s, s a scalar input.
TestModel addingAScalar(int64_t batch) {
  TestModel model;
  model.symbol("A").symbol("N");
  model.input("x", NNF_FLOAT32, {symbol(0), batch}).input("s", NNF_FLOAT32, {});
  model.output("y", NNF_FLOAT32, {symbol(0), batch});
  model.outputDims([](const int64_t *symbols, int64_t *dims) -> int32_t {
    dims[0] = symbols[0];
    dims[1] = symbols[1] ? symbols[1] : 3;
    return 0;
  });
  model.run([](const nnf_rt *, nnf_frame *frame) -> int32_t {
    int64_t count = frame->symbols[0] * (frame->symbols[1] ? frame->symbols[1] : 3);
    for (int64_t i = 0; i < count; ++i)
      static_cast<float *>(frame->outputs[0])[i] =
          static_cast<const float *>(frame->inputs[0])[i] + *static_cast<const float *>(frame->inputs[1]);
    return 0;
  });
  return model;
}

TEST(DataParallel, cutsAlongInnerDimensions) {
  for (int64_t dim : {int64_t(1), int64_t(-1)}) {
    Parallel parallel(addingAScalar(symbol(1)), coreSets(3), dim);
    std::vector<float> in = counting(2 * 7), one = {100};
    TestTensor x(in.data(), NNF_FLOAT32, {2, 7}), s(one.data(), NNF_FLOAT32, {}), y;
    ASSERT_EQ(parallel.run({&x, &s}, {&y}), NNF_OK) << parallel.message();
    EXPECT_EQ(y.tensor.shape[0], 2);
    EXPECT_EQ(y.tensor.shape[1], 7);
    for (float &value : in)
      value += 100;
    EXPECT_EQ(y.values<float>(), in);
  }
}

TEST(DataParallel, keywordInputs) {
  Parallel parallel(addingAScalar(symbol(1)), coreSets(2));
  std::vector<float> in = counting(6), one = {1};
  TestTensor x(in.data(), NNF_FLOAT32, {3, 2}), s(one.data(), NNF_FLOAT32, {}), y;
  ASSERT_EQ(parallel.run({&x}, {&y}, nullptr, {{"s", &s.tensor}}), NNF_OK) << parallel.message();
  EXPECT_EQ(y.values<float>()[5], 6);
  ASSERT_EQ(parallel.run({}, {&y}, nullptr, {{"s", &s.tensor}, {"x", &x.tensor}}), NNF_OK) << parallel.message();
  EXPECT_EQ(y.values<float>()[4], 5);
  EXPECT_EQ(parallel.run({&x}, {&y}, nullptr, {{"t", &s.tensor}}), NNF_ERROR_ARGUMENT);
  EXPECT_THAT(parallel.message(), testing::HasSubstr("has no input 't'"));
  EXPECT_EQ(parallel.run({&x}, {&y}, nullptr, {{"x", &x.tensor}}), NNF_ERROR_ARGUMENT);
  EXPECT_THAT(parallel.message(), testing::HasSubstr("input 'x' is given twice [NNFC-E0616]"));
  EXPECT_EQ(parallel.run({&x}, {&y}), NNF_ERROR_ARGUMENT);
  EXPECT_THAT(parallel.message(), testing::HasSubstr("1 inputs given, expected 2 [NNFC-E0601]"));
  // A batch of 1 has one part, the scalar two: a replica would have no x.
  TestTensor single(in.data(), NNF_FLOAT32, {1, 2});
  EXPECT_EQ(parallel.run({&single}, {&y}, nullptr, {{"s", &s.tensor}}), NNF_ERROR_ARGUMENT);
  EXPECT_THAT(parallel.message(),
              testing::HasSubstr(
                  "input 'x' has 1 parts and module_kwargs' 's' has 2: a replica would lack one of them [NNFC-E0808]"));
  EXPECT_EQ(parallel.run({&single, &s}, {&y}), NNF_OK) << parallel.message();
}

TEST(DataParallel, fixedSizesMustBeThoseOfTheParts) {
  Parallel parallel(addingAScalar(3), coreSets(2), 1);
  std::vector<float> in = counting(12), one = {1};
  TestTensor x(in.data(), NNF_FLOAT32, {2, 6}), s(one.data(), NNF_FLOAT32, {}), y;
  ASSERT_EQ(parallel.run({&x, &s}, {&y}), NNF_OK) << parallel.message();
  EXPECT_EQ(y.values<float>()[11], 12);
  TestTensor uneven(in.data(), NNF_FLOAT32, {2, 5});
  EXPECT_EQ(parallel.run({&uneven, &s}, {&y}), NNF_ERROR_ARGUMENT);
  EXPECT_THAT(parallel.message(),
              testing::HasSubstr("input 'x': its size 5 in dimension 1 over 2 devices makes parts of "
                                 "3 and one of 2, but the model is compiled for 3 there"));
  Parallel outside(addingAScalar(3), coreSets(2), 2);
  EXPECT_EQ(outside.run({&x, &s}, {&y}), NNF_ERROR_ARGUMENT);
  EXPECT_THAT(outside.message(), testing::HasSubstr("along dimension 2, expected -2 to 1 of its rank 2"));
}

/// y[N] = x[N] * table[i % 2], table is no part of the batch; then table[0] += N.
TestModel withTable() {
  TestModel model = doubling();
  model.input("table", NNF_FLOAT32, {2}).output("moved", NNF_FLOAT32, {2}).tie(1, 1);
  model.outputDims([](const int64_t *symbols, int64_t *dims) -> int32_t {
    dims[0] = symbols[0];
    dims[1] = 2;
    return 0;
  });
  model.run([](const nnf_rt *, nnf_frame *frame) -> int32_t {
    const float *x = static_cast<const float *>(frame->inputs[0]),
                *table = static_cast<const float *>(frame->inputs[1]);
    for (int64_t i = 0; i < frame->symbols[0]; ++i)
      static_cast<float *>(frame->outputs[0])[i] = x[i] * table[i % 2];
    static_cast<float *>(frame->outputs[1])[0] = table[0] + float(frame->symbols[0]);
    static_cast<float *>(frame->outputs[1])[1] = table[1];
    return 0;
  });
  return model;
}

// What replicas change in place is lost, but for the first device's.
TEST(DataParallel, wholeInputsChangeAsTheFirstReplicaSays) {
  Parallel parallel(withTable(), coreSets(2), 0, {0, 1});
  std::vector<float> in = counting(5), table = {10, 20};
  TestTensor x(in), t(table), y, moved;
  ASSERT_EQ(parallel.run({&x, &t}, {&y, &moved}), NNF_OK) << parallel.message();
  EXPECT_EQ(y.values<float>(), (std::vector<float>{0, 20, 20, 30, 80}));
  EXPECT_EQ(table, (std::vector<float>{13, 20}));
  EXPECT_EQ(moved.values<float>(), (std::vector<float>{13, 20, 12, 20}));
  // Cut, it would have one element for each: the model wants 2.
  Parallel cut(withTable(), coreSets(2));
  EXPECT_EQ(cut.run({&x, &t}, {&y, &moved}), NNF_ERROR_ARGUMENT);
  EXPECT_THAT(cut.message(), testing::HasSubstr("input 'table'"));
  EXPECT_THAT(cut.message(), testing::HasSubstr("or that the input is replicated"));
}

/// x[N] is in-out: doubled. Fails where x begins with a negative number.
TestModel inPlace() {
  TestModel model = doubling();
  model.tie(0, 0).check("x begins with a negative number");
  model.run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
    if (frame->symbols[0] && static_cast<const float *>(frame->inputs[0])[0] < 0)
      return rt->fail(rt, 0, 0, 0);
    return runDoubling(rt, frame);
  });
  return model;
}

TEST(DataParallel, inOutInputsChangeWhenAllSucceed) {
  Parallel parallel(inPlace(), coreSets(2));
  std::vector<float> in = counting(5);
  TestTensor x(in), y(in.data(), NNF_FLOAT32, {5}); // the same buffer
  ASSERT_EQ(parallel.run({&x}, {&y}), NNF_OK) << parallel.message();
  EXPECT_EQ(in, doubled(counting(5)));
  std::vector<float> bad = {1, 2, 3, -4, 5}, before = bad;
  TestTensor b(bad), none;
  EXPECT_EQ(parallel.run({&b}, {&none}), NNF_ERROR_DATA);
  EXPECT_EQ(parallel.message(), "replica 1 on cpu:1: x begins with a negative number");
  EXPECT_EQ(bad, before);
  ASSERT_EQ(parallel.run({&x}, {&y}), NNF_OK) << parallel.message();
}

/// y[M] are the elements of x[N] above 2: sizes only the run knows.
TEST(DataParallel, sizesThatDataDecide) {
  TestModel model;
  model.symbol("N").input("x", NNF_FLOAT32, {symbol(0)});
  model.output("y", NNF_FLOAT32, {NNF_DIM_COMPUTED}, NNF_TENSOR_DATA_DEPENDENT);
  model.run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
    const float *x = static_cast<const float *>(frame->inputs[0]);
    int64_t count = 0;
    for (int64_t i = 0; i < frame->symbols[0]; ++i)
      count += x[i] > 2;
    float *y = static_cast<float *>(rt->alloc_output(rt, 0, &count, 1));
    for (int64_t i = 0; i < frame->symbols[0]; ++i)
      if (x[i] > 2)
        *y++ = x[i];
    return 0;
  });
  Parallel parallel(std::move(model), coreSets(3));
  for (size_t size : {7u, 2u, 30u, 5u}) {
    std::vector<float> in = counting(size), want = counting(size);
    want.erase(want.begin(), want.begin() + int64_t(std::min<size_t>(3, size)));
    TestTensor x(in), y;
    ASSERT_EQ(parallel.run({&x}, {&y}), NNF_OK) << parallel.message();
    EXPECT_EQ(y.values<float>(), want);
  }
}

std::mutex cpusMutex;
std::vector<std::set<int>> cpusOfParts(8);
std::set<std::thread::id> threadsSeen;

/// Tasks note on which CPUs they may run; the replica is known by x's first element.
TestModel whereItRuns() {
  TestModel model = doubling();
  model.run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
    const void *args[] = {frame->inputs[0]};
    return rt->parallel(
        rt, 0,
        [](const void *const *args, int64_t, int64_t, void *) {
          size_t part = size_t(*static_cast<const float *>(args[0]));
          nnf::rt::CpuMask mask;
          sched_getaffinity(0, sizeof mask.bytes, mask.set());
          std::lock_guard lock(cpusMutex);
          for (uint32_t cpu = 0; cpu < nnf::rt::CpuMask::maxCpus; ++cpu)
            if (mask.has(cpu))
              cpusOfParts[part].insert(int(cpu));
          threadsSeen.insert(std::this_thread::get_id());
        },
        64, 0, args);
  });
  return model;
}

TEST(DataParallel, devicesAreCoreSets) {
  nnf::rt::CpuList allowed;
  nnf::rt::Message message;
  ASSERT_EQ(allowed.read(message), NNF_OK) << message.text;
  std::set<int> all(allowed.cpus, allowed.cpus + allowed.count);
  for (int devices : {1, 2, int(allowed.count) + 1}) {
    cpusOfParts.assign(size_t(devices), {});
    threadsSeen.clear();
    Parallel parallel(whereItRuns(), coreSets(devices));
    std::vector<float> in = counting(size_t(devices));
    TestTensor x(in), y;
    ASSERT_EQ(parallel.run({&x}, {&y}), NNF_OK) << parallel.message();
    std::set<int> together;
    size_t sum = 0;
    for (const std::set<int> &cpus : cpusOfParts) {
      together.insert(cpus.begin(), cpus.end());
      sum += cpus.size();
      EXPECT_GE(cpus.size(), size_t(allowed.count) / size_t(devices));
    }
    EXPECT_EQ(together, all);
    EXPECT_EQ(sum, std::max<size_t>(allowed.count, size_t(devices))) << "disjoint while there are CPUs enough";
    EXPECT_EQ(threadsSeen.count(std::this_thread::get_id()), 0u) << "the caller is on no core set";
  }
}

TEST(DataParallel, coreSetsOfManyCpus) {
  nnf::rt::CpuList list;
  list.count = 10;
  for (uint32_t i = 0; i < list.count; ++i)
    list.cpus[i] = uint16_t(100 + i);
  EXPECT_EQ(list.coreSet(0, 3).count(), 3u);
  EXPECT_EQ(list.coreSet(1, 3).count(), 3u);
  EXPECT_EQ(list.coreSet(2, 3).count(), 4u);
  EXPECT_TRUE(list.coreSet(2, 3).has(109));
  EXPECT_TRUE(list.coreSet(11, 12).has(101)) << "more sets than CPUs share them";
}

TEST(DataParallel, refusedDevices) {
  TestModel model = doubling();
  nnf_program *program = nullptr;
  ASSERT_EQ(nnf_program_from_model(&model.get(), &program), NNF_OK);
  struct Case {
    std::vector<DLDevice> devices;
    uint32_t sets;
    int32_t status;
    const char *says;
  };
  for (const Case &one : std::vector<Case>{
           {{{kDLCPU, 0}, {kDLCUDA, 1}}, 0, NNF_ERROR_ARGUMENT, "replica 1 on cuda:1: model 'hand' is compiled for "},
           {{{kDLCUDA, -1}}, 0, NNF_ERROR_ARGUMENT, "device cuda:-1"},
           {{{kDLROCM, 0}}, 0, NNF_ERROR_ARGUMENT, "device of type 10"},
           {{{kDLCPU, -1}}, 0, NNF_ERROR_ARGUMENT, "device cpu:-1"},
           {{{kDLCPU, 0}, {kDLCPU, 2}},
            2,
            NNF_ERROR_ARGUMENT,
            "device cpu:2, expected cpu:0 to cpu:1: there are 2 core sets [NNFC-E0807]"}}) {
    nnf_replicas_options options = {};
    options.struct_size = sizeof options;
    options.num_devices = uint32_t(one.devices.size());
    options.device_ids = one.devices.data();
    options.core_sets = one.sets;
    nnf_replicas *replicas = nullptr;
    EXPECT_EQ(nnf_replicas_create(program, &options, &replicas), one.status);
    EXPECT_THAT(nnf_error_message(nullptr), testing::HasSubstr(one.says));
    EXPECT_EQ(replicas, nullptr);
  }
  nnf_program_destroy(program);
}

// Replicas on one seed draw different numbers; the first draws what a plain run does.
TEST(DataParallel, replicasDrawTheirOwnNumbers) {
  static std::mutex mutex;
  static std::set<uint64_t> seeds;
  TestModel model = doubling();
  model.run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
    std::lock_guard lock(mutex);
    seeds.insert(frame->seed);
    return runDoubling(rt, frame);
  });
  Parallel parallel(std::move(model), coreSets(3));
  uint64_t seed = 42;
  nnf_run_options options = runOptions();
  options.seed = &seed;
  std::vector<float> in = counting(3);
  TestTensor x(in), y;
  ASSERT_EQ(parallel.run({&x}, {&y}, &options), NNF_OK) << parallel.message();
  EXPECT_EQ(seeds.size(), 3u);
  EXPECT_EQ(seeds.count(42), 1u);
}

TEST(DataParallel, cancelled) {
  Parallel parallel(doubling(), coreSets(2));
  int32_t cancel = 1;
  nnf_run_options options = runOptions();
  options.cancel = &cancel;
  std::vector<float> in = counting(4);
  TestTensor x(in), y;
  EXPECT_EQ(parallel.run({&x}, {&y}, &options), NNF_CANCELLED);
  EXPECT_EQ(parallel.message(), "replica 0 on cpu:0: cancelled by the caller [NNFC-E0613]");
  // What an earlier call had filled in has no data after a failure: the memory behind it may have moved.
  ASSERT_EQ(parallel.run({&x}, {&y}), NNF_OK) << parallel.message();
  std::vector<float> more = counting(5000);
  TestTensor large(more);
  EXPECT_EQ(parallel.run({&large}, {&y}, &options), NNF_CANCELLED);
  EXPECT_EQ(y.tensor.data, nullptr);
  ASSERT_EQ(parallel.run({&large}, {&y}), NNF_OK) << parallel.message();
  EXPECT_EQ(y.values<float>(), doubled(more));
}

size_t threadsOfProcess() {
  size_t count = 0;
  if (FILE *status = fopen("/proc/self/status", "r")) {
    char line[256];
    while (fgets(line, sizeof line, status))
      sscanf(line, "Threads: %zu", &count);
    fclose(status);
  }
  return count;
}

// A thousand replicas made and ended leave no thread behind.
TEST(DataParallel, threadsEnd) {
  size_t before = threadsOfProcess();
  for (int round = 0; round < 200; ++round) {
    Parallel parallel(doubling(), coreSets(3));
    std::vector<float> in = counting(9);
    TestTensor x(in), y;
    ASSERT_EQ(parallel.run({&x}, {&y}), NNF_OK) << parallel.message();
    ASSERT_EQ(y.values<float>(), doubled(in));
  }
  // A thread that has been waited for may be counted for a moment more, in `before` too.
  for (int wait = 0; wait < 1000 && threadsOfProcess() > before; ++wait)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_LE(threadsOfProcess(), before);
}

TEST(DataParallel, fromCpp) {
  TestModel model = withTable();
  nnf::Model module;
  ASSERT_TRUE(nnf::Model::from(model.get(), module));
  nnf::DataParallel::Options options;
  options.device_ids = {nnf::cpu(0), nnf::cpu(1)};
  options.replicated = {"table"};
  std::vector<float> in = counting(5), table = {1, 2};
  nnf::Tensor x = nnf::Tensor::of(in.data(), {5}), t = nnf::Tensor::of(table.data(), {2});
  nnf::Tensor outputs[2];
  nnf::DataParallel replicas;
  nnf::DataParallel::Named kwargs[] = {{"table", t}};
  nnf::Status status = nnf::data_parallel(module, {&x, 1}, options, kwargs, outputs, replicas);
  ASSERT_TRUE(status) << status.message();
  EXPECT_EQ(outputs[0].dims()[0], 5);
  EXPECT_EQ(outputs[0].data<float>()[4], 8);
  EXPECT_EQ(replicas.size(), 2u);
  options.replicated = {"tables"};
  EXPECT_EQ(nnf::DataParallel::create(module, replicas, options).message(),
            "replicated: the model has no input 'tables' [NNFC-E0615]");
}

} // namespace
