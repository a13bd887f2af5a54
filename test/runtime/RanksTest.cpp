// data_parallel over ranks that are threads here: each has the program and its own end of the messages.
#include "TestModel.h"
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

using namespace nnf::test;
using testing::HasSubstr;

namespace {

/// Messages between ranks, in order.
struct Post {
  std::mutex mutex;
  std::condition_variable arrived;
  std::map<std::pair<int, int>, std::vector<std::vector<uint8_t>>> queues;
  int failAfter = -1; // that many messages get through
};

struct End {
  Post *post;
  int rank;
  /// Sends that are begun: they reach the others when they are finished, with what the data is by then.
  struct Begun {
    int32_t to;
    const void *data;
    uint64_t bytes;
  };
  std::vector<Begun> begun = {};

  static int32_t send(void *user, int32_t to, const void *data, uint64_t bytes) {
    auto &end = *static_cast<End *>(user);
    std::lock_guard lock(end.post->mutex);
    if (end.post->failAfter == 0)
      return 13;
    if (end.post->failAfter > 0)
      --end.post->failAfter;
    auto *begin = static_cast<const uint8_t *>(data);
    end.post->queues[{end.rank, to}].emplace_back(begin, begin + bytes);
    end.post->arrived.notify_all();
    return 0;
  }
  static int32_t receive(void *user, int32_t from, void *data, uint64_t bytes) {
    auto &end = *static_cast<End *>(user);
    std::unique_lock lock(end.post->mutex);
    auto &queue = end.post->queues[{from, end.rank}];
    end.post->arrived.wait(lock, [&] { return !queue.empty() || end.post->failAfter == 0; });
    if (queue.empty())
      return 13;
    EXPECT_EQ(queue.front().size(), bytes);
    memcpy(data, queue.front().data(), std::min<size_t>(bytes, queue.front().size()));
    queue.erase(queue.begin());
    return 0;
  }
  static int32_t beginSend(void *user, int32_t to, const void *data, uint64_t bytes) {
    static_cast<End *>(user)->begun.push_back({to, data, bytes});
    return 0;
  }
  static int32_t finishSends(void *user) {
    auto &end = *static_cast<End *>(user);
    int32_t status = 0;
    // The last rank first: between two ranks alone the order counts.
    for (int32_t to = 2; to >= 0; --to)
      for (const Begun &one : end.begun)
        if (int32_t failed = one.to == to ? send(user, to, one.data, one.bytes) : 0)
          status = failed;
    end.begun.clear();
    return status;
  }
};

enum class Sends { oneByOne, begun };

nnf_communicator linkOf(End &end, int32_t rank, int32_t count, Sends sends) {
  nnf_communicator link = {};
  link.struct_size = sizeof link;
  link.rank = rank;
  link.size = count;
  link.host = "here";
  link.user = &end;
  link.send = End::send;
  link.receive = End::receive;
  if (sends == Sends::begun) {
    link.begin_send = End::beginSend;
    link.finish_sends = End::finishSends;
  }
  return link;
}

/// y[N] = 2 x[N]; an element below 0 fails.
struct Doubling {
  Doubling() {
    model.symbol("N").input("x", NNF_FLOAT32, {symbol(0)}).output("y", NNF_FLOAT32, {symbol(0)});
    model.check("element is {value}, expected >= {bound}");
    model.outputDims(sameDims).run([](const nnf_rt *rt, nnf_frame *frame) -> int32_t {
      const float *x = static_cast<const float *>(frame->inputs[0]);
      float *y = static_cast<float *>(frame->outputs[0]);
      for (int64_t i = 0; i < frame->symbols[0]; ++i) {
        if (x[i] < 0)
          return rt->fail(rt, 0, int64_t(x[i]), 0);
        y[i] = 2 * x[i];
      }
      return 0;
    });
  }
  TestModel model;
};

/// y[2, N] = 2 x[2, N], whose parts along N are no stretches of memory.
struct RowsDoubling {
  RowsDoubling() {
    model.symbol("N").input("x", NNF_FLOAT32, {2, symbol(0)}).output("y", NNF_FLOAT32, {2, symbol(0)});
    model.outputDims([](const int64_t *symbols, int64_t *dims) -> int32_t {
      dims[0] = 2;
      dims[1] = symbols[0];
      return 0;
    });
    model.run([](const nnf_rt *, nnf_frame *frame) -> int32_t {
      for (int64_t i = 0; i < 2 * frame->symbols[0]; ++i)
        static_cast<float *>(frame->outputs[0])[i] = 2 * static_cast<const float *>(frame->inputs[0])[i];
      return 0;
    });
  }
  TestModel model;
};

struct Outcome {
  int32_t status = -1;
  std::string message;
};

/// Three ranks run a batch of rank 0's, so often. `rows` of x, if any, are cut along their length.
std::vector<Outcome> runOver(std::vector<float> x, std::vector<float> &y, int failAfter = -1, int times = 1,
                             Sends sends = Sends::begun, int64_t rows = 0) {
  constexpr int count = 3;
  Doubling plain;
  RowsDoubling inRows;
  const nnf_model &model = rows ? inRows.model.get() : plain.model.get();
  nnf_ranks_options options = {};
  options.struct_size = sizeof options;
  options.dim = rows ? 1 : 0;
  Post post;
  post.failAfter = failAfter;
  std::vector<Outcome> outcomes(count);
  std::vector<std::thread> threads;
  for (int rank = 0; rank < count; ++rank)
    threads.emplace_back([&, rank] {
      End end{&post, rank};
      nnf_communicator link = linkOf(end, rank, count, sends);
      nnf_program *program = nullptr;
      nnf_ranks *ranks = nullptr;
      EXPECT_EQ(nnf_program_from_model(&model, &program), NNF_OK);
      outcomes[rank].status = nnf_ranks_create(&link, program, &options, &ranks);
      TestTensor out;
      TestTensor in(x.data(), NNF_FLOAT32,
                    rows ? std::vector<int64_t>{rows, int64_t(x.size()) / rows}
                         : std::vector<int64_t>{int64_t(x.size())});
      DLTensor *ins[] = {&in.tensor}, *outs[] = {&out.tensor};
      for (int i = 0; i < times && outcomes[rank].status == NNF_OK; ++i)
        outcomes[rank].status = rank == 0 ? nnf_ranks_run(ranks, ins, 1, nullptr, 0, outs, 1, nullptr)
                                          : nnf_ranks_run(ranks, nullptr, 0, nullptr, 0, nullptr, 0, nullptr);
      outcomes[rank].message = nnf_error_message(nullptr);
      if (rank == 0 && outcomes[rank].status == NNF_OK)
        y = out.values<float>();
      nnf_ranks_destroy(ranks);
      nnf_program_destroy(program);
    });
  for (std::thread &thread : threads)
    thread.join();
  return outcomes;
}

TEST(Ranks, cutRunAndJoin) {
  for (Sends sends : {Sends::oneByOne, Sends::begun})
    for (size_t size : {7, 3, 2, 1, 0}) {
      std::vector<float> x(size), y, twice(size);
      for (size_t i = 0; i < size; ++i)
        twice[i] = 2 * (x[i] = float(i));
      for (const Outcome &outcome : runOver(x, y, -1, 2, sends))
        EXPECT_EQ(outcome.status, NNF_OK) << outcome.message;
      EXPECT_EQ(y, twice);
    }
}

/// All parts are on their way at once: each has its own memory until the sends are finished.
TEST(Ranks, cutRows) {
  for (Sends sends : {Sends::oneByOne, Sends::begun})
    for (size_t size : {14, 6, 2}) {
      std::vector<float> x(size), y, twice(size);
      for (size_t i = 0; i < size; ++i)
        twice[i] = 2 * (x[i] = float(i));
      for (const Outcome &outcome : runOver(x, y, -1, 2, sends, 2))
        EXPECT_EQ(outcome.status, NNF_OK) << outcome.message;
      EXPECT_EQ(y, twice);
    }
}

TEST(Ranks, allGetTheFailureOfOne) {
  std::vector<float> y;
  for (const Outcome &outcome : runOver({1, 2, 3, 4, -5, 6, -7}, y)) {
    EXPECT_EQ(outcome.status, NNF_ERROR_DATA);
    EXPECT_EQ(outcome.message, "rank 1 on here: element is -5, expected >= 0");
  }
}

TEST(Ranks, endWhereAMessageIsLost) {
  for (int failAfter = 0; failAfter < 80; ++failAfter) {
    std::vector<float> y;
    int failed = 0;
    Sends sends = failAfter % 2 ? Sends::begun : Sends::oneByOne;
    for (const Outcome &outcome : runOver({1, 2, 3, 4, 5, 6, 7}, y, failAfter / 2, 1, sends)) {
      failed += outcome.status != NNF_OK;
      if (outcome.status != NNF_OK) {
        EXPECT_EQ(outcome.status, NNF_ERROR_INTERNAL);
        EXPECT_THAT(outcome.message, HasSubstr(" failed with status 13 [NNFC-E0809]"));
      }
    }
    if (failAfter < 20)
      EXPECT_GT(failed, 0) << failAfter;
  }
}

TEST(Ranks, wrongCommunicators) {
  Doubling source;
  nnf_program *program = nullptr;
  ASSERT_EQ(nnf_program_from_model(&source.model.get(), &program), NNF_OK);
  nnf_ranks *ranks = nullptr;
  End nobody{nullptr, 0};
  nnf_communicator link = linkOf(nobody, 3, 3, Sends::oneByOne);
  EXPECT_EQ(nnf_ranks_create(&link, program, nullptr, &ranks), NNF_ERROR_ARGUMENT);
  EXPECT_STREQ(nnf_error_message(nullptr),
               "communicator: rank 3 of 3, expected 0 to one less than there are [NNFC-E0610]");
  link = linkOf(nobody, 0, 1, Sends::oneByOne);
  link.send = nullptr;
  EXPECT_EQ(nnf_ranks_create(&link, program, nullptr, &ranks), NNF_ERROR_ARGUMENT);
  EXPECT_STREQ(nnf_error_message(nullptr), "communicator: it has no send or no receive [NNFC-E0610]");
  link = linkOf(nobody, 0, 1, Sends::begun);
  link.finish_sends = nullptr;
  EXPECT_EQ(nnf_ranks_create(&link, program, nullptr, &ranks), NNF_ERROR_ARGUMENT);
  EXPECT_STREQ(nnf_error_message(nullptr),
               "communicator: it has no finish_sends beside begin_send, expected both or neither [NNFC-E0610]");
  link = linkOf(nobody, 0, 1, Sends::oneByOne); // a program built before there were such sends
  link.struct_size = offsetof(nnf_communicator, begin_send);
  ASSERT_EQ(nnf_ranks_create(&link, program, nullptr, &ranks), NNF_OK) << nnf_error_message(nullptr);
  EXPECT_GT(nnf_ranks_threads(ranks), 0u);
  nnf_ranks_destroy(ranks);
  nnf_program_destroy(program);
}

} // namespace
