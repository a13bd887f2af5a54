// digits LIBRARY FOLDER: runs the compiled digit recogniser on the held-out images of FOLDER (images.npy, labels.npy,
// expected.npy: see train.py), says how many it gets right, and draws a few. All it needs is the nnfc runtime.
// Exit status 1 when accuracy is below 97% or a prediction differs from PyTorch's.
#include "Npy.h"
#include "runtime/nnf.hpp"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <span>
#include <unistd.h>

namespace {

constexpr int64_t side = 8, pixels = side * side, classes = 10;
constexpr double promisedAccuracy = 0.97;

struct HeldOut {
  NpyArray<float> images;   // [n, 1, 8, 8], 0 to 1
  NpyArray<int64_t> labels; // [n]
  NpyArray<float> expected; // [n, 10]: PyTorch's log-probabilities
  int64_t count() const { return images.dims[0]; }
};

int64_t winner(const float *logProbabilities) {
  return std::max_element(logProbabilities, logProbabilities + classes) - logProbabilities;
}

[[noreturn]] void fail(const nnf::Status &status) {
  std::fprintf(stderr, "error: %s\n", status.message().c_str());
  std::exit(1);
}

/// Log-probabilities [count, 10] of the first `count` images, until the next run of `context`.
std::span<const float> classify(nnf::Context &context, const HeldOut &data, int64_t count) {
  // Kept between calls: a tensor that the context has filled may be passed again.
  static nnf::Tensor output;
  nnf::Tensor input = nnf::Tensor::of(data.images.values.data(), {count, 1, side, side});
  if (nnf::Status status = context.run({&input, 1}, {&output, 1}); !status)
    fail(status);
  return {output.data<const float>(), size_t(count * classes)};
}

/// Draws images side by side, two characters a pixel, with what was seen and how sure the network is below.
void draw(const HeldOut &data, std::span<const int64_t> chosen, const std::vector<float> &results) {
  static constexpr char shades[] = " .:-=+*#%@";
  const bool colour = isatty(STDOUT_FILENO);
  for (int64_t row = 0; row < side; ++row) {
    for (int64_t image : chosen) {
      std::fputs("  ", stdout);
      for (int64_t column = 0; column < side; ++column) {
        float ink = data.images.values[size_t(image * pixels + row * side + column)];
        if (colour) // the 24 greys of a 256-colour terminal
          std::printf("\x1b[48;5;%dm  ", 232 + int(std::lround(ink * 23)));
        else
          std::printf("%c%c", shades[std::lround(ink * 9)], shades[std::lround(ink * 9)]);
      }
      if (colour)
        std::fputs("\x1b[0m", stdout);
    }
    std::putchar('\n');
  }
  for (int64_t image : chosen) {
    const float *result = results.data() + image * classes;
    int64_t digit = winner(result), label = data.labels.values[size_t(image)];
    char note[16] = "";
    if (digit != label)
      std::snprintf(note, sizeof note, " (is %d)", int(label));
    char line[32];
    std::snprintf(line, sizeof line, "%d %.0f%%%s", int(digit), 100 * std::exp(result[digit]), note);
    std::printf("  %-16s", line);
  }
  std::puts("\n");
}

/// Median time of one run with `count` images, in microseconds.
double medianRun(nnf::Context &context, const HeldOut &data, int64_t count, int runs) {
  using Clock = std::chrono::steady_clock;
  std::vector<double> times;
  for (int run = 0; run < runs; ++run) {
    auto start = Clock::now();
    classify(context, data, count);
    times.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
  }
  std::nth_element(times.begin(), times.begin() + runs / 2, times.end());
  return times[size_t(runs) / 2];
}

} // namespace

int main(int argc, char **argv) {
  if (argc != 3) {
    std::fprintf(stderr, "error: %d arguments, expected 2\nusage: digits LIBRARY FOLDER\n", argc - 1);
    return 2;
  }
  const std::string folder = argv[2];
  HeldOut data = {readNpy<float>(folder + "/images.npy"), readNpy<int64_t>(folder + "/labels.npy"),
                  readNpy<float>(folder + "/expected.npy")};
  const int64_t count = data.count();

  nnf::Model model;
  if (nnf::Status status = nnf::Model::load(argv[1], model); !status)
    fail(status);
  nnf::Context context;
  if (nnf::Status status = nnf::Context::create(model, context); !status)
    fail(status);

  std::span<const float> all = classify(context, data, count);
  const std::vector<float> results(all.begin(), all.end());
  int64_t right = 0, asExpected = 0, firstMistake = -1;
  double largestDifference = 0;
  for (int64_t i = 0; i < count; ++i) {
    int64_t digit = winner(results.data() + i * classes);
    right += digit == data.labels.values[size_t(i)];
    asExpected += digit == winner(data.expected.values.data() + i * classes);
    if (firstMistake < 0 && digit != data.labels.values[size_t(i)])
      firstMistake = i;
  }
  for (size_t i = 0; i < results.size(); ++i)
    largestDifference = std::max(largestDifference, std::fabs(double(results[i]) - data.expected.values[i]));

  std::vector<int64_t> chosen;
  for (int64_t i = 0; i < std::min<int64_t>(count, 5); ++i)
    chosen.push_back(i);
  if (firstMistake >= 0)
    chosen.push_back(firstMistake);
  draw(data, chosen, results);

  const double accuracy = double(right) / double(count);
  std::printf("accuracy       %.2f%%: %lld of %lld held-out images\n", 100 * accuracy, (long long)right,
              (long long)count);
  std::printf("PyTorch        the same digit for %lld of %lld, log-probabilities within %.1e\n", (long long)asExpected,
              (long long)count, largestDifference);
  const double one = medianRun(context, data, 1, 1000), batch = medianRun(context, data, count, 30);
  std::printf("latency        %.1f us for one image, %.2f us an image in a batch of %lld (%u threads)\n", one,
              batch / double(count), (long long)count, nnf_context_threads(context.get()));
  if (accuracy < promisedAccuracy || asExpected != count) {
    std::fprintf(stderr, "error: accuracy %.2f%%, expected at least %.0f%%, and PyTorch's digit for every image\n",
                 100 * accuracy, 100 * promisedAccuracy);
    return 1;
  }
}
