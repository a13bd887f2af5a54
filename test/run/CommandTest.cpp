// run and bench as a user calls them: exit status, first line of the error, files.
#include "runtime/nnf.h"
#include "tools/run/Commands.h"
#include "tools/run/Json.h"
#include "tools/run/OutputFile.h"
#include "tools/run/Session.h"
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>

using namespace nnf::run;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;
namespace fs = std::filesystem;

namespace {

class Command : public testing::Test {
protected:
  Command() {
    char name[] = "/tmp/nnf-run-XXXXXX";
    folder = mkdtemp(name);
    fs::copy_file(NNF_TEST_LIBRARY, folder / "models.so");
    writeInput("x.npy", {1, -2});
    request.library = folder / "models.so";
    request.model = "twice";
    request.outputDir = folder / "out";
  }
  ~Command() override { fs::remove_all(folder); }

  void writeInput(const char *name, std::vector<float> values) {
    std::string data(reinterpret_cast<const char *>(values.data()), values.size() * 4);
    ASSERT_FALSE(writeFile(folder / name, {npyPreamble(NNF_FLOAT32, {int64_t(values.size())}), data}));
  }
  int run() {
    out.str("");
    err.str("");
    return runCommand(request, {out, err});
  }
  void expectError(int status, const std::string &text) {
    EXPECT_EQ(run(), status);
    EXPECT_THAT(err.str(), StartsWith("error: "));
    EXPECT_THAT(err.str().substr(0, err.str().find('\n')), HasSubstr(text));
    EXPECT_FALSE(fs::exists(folder / "out" / "y%2Fout.npy"));
  }
  std::string input(const char *file = "x.npy") { return "x=" + (folder / file).string(); }

  fs::path folder;
  RunRequest request;
  std::ostringstream out, err;
};

TEST_F(Command, runWritesOutputs) {
  request.inputs = {input()};
  ASSERT_EQ(run(), 0) << err.str();
  EXPECT_EQ(err.str(), "");
  EXPECT_EQ(out.str(), "y/out: float32[2] = 2 -4\n");
  Array array;
  ASSERT_FALSE(readNpy(folder / "out" / "y%2Fout.npy", 0, array));
  EXPECT_THAT(array.dims, ElementsAre(2));
  EXPECT_EQ(reinterpret_cast<float *>(array.data())[1], -4);
}

TEST_F(Command, threadsAndLaterRunsGiveTheSameBytes) {
  request.randomInputs = true;
  request.dims = {"N=1000"};
  request.threads = 1;
  ASSERT_EQ(run(), 0) << err.str();
  std::string first = out.str();
  for (uint32_t threads : {2, 5}) {
    request.threads = threads;
    ASSERT_EQ(run(), 0) << err.str();
    EXPECT_EQ(out.str(), first);
  }
  request.seed = 1;
  ASSERT_EQ(run(), 0) << err.str();
  EXPECT_NE(out.str(), first);
}

TEST_F(Command, sizesOfRandomInputs) {
  request.randomInputs = true;
  ASSERT_EQ(run(), 0) << err.str();
  EXPECT_THAT(out.str(), StartsWith("y/out: float32[2] = "));
  EXPECT_THAT(err.str(), HasSubstr("note: size N is 2, the smallest one: choose with --dim N=SIZE"));
  request.dims = {"N=6"};
  ASSERT_EQ(run(), 0) << err.str();
  EXPECT_THAT(out.str(), StartsWith("y/out: float32[6] = "));
  EXPECT_EQ(err.str(), "");
}

TEST_F(Command, errorsOfInput) {
  expectError(1, "input 'x' is missing: give --input x=FILE.npy, or --random-inputs");
  request.inputs = {"x"};
  expectError(2, "--input: found 'x', expected NAME=FILE.npy");
  request.inputs = {input(), input()};
  expectError(2, "--input: input 'x' is given twice");
  request.inputs = {"z=a.npy"};
  expectError(1, "--input: model 'twice' has no input 'z', its inputs are 'x'");
  request.inputs = {"x=/nowhere.npy"};
  expectError(1, "input 'x': '/nowhere.npy': No such file");
  writeInput("three.npy", {1, 2, 3});
  request.inputs = {input("three.npy")};
  expectError(1, "input 'x': size 3 in dimension 0, expected a multiple of 2 for 'N'");
  ASSERT_FALSE(writeFile(folder / "ints.npy", {npyPreamble(NNF_INT32, {2}), "12345678"}));
  request.inputs = {input("ints.npy")};
  expectError(1, "input 'x': dtype int32, expected float32");
}

TEST(Report, everyErrorHasANumber) {
  std::ostringstream out, err;
  EXPECT_EQ(report(fault("of a library"), {out, err}), exitFault);
  EXPECT_EQ(err.str(), "error: of a library [NNFC-E9002]\n");
  EXPECT_EQ(numbered("two\nlines"), "two [NNFC-E9002]\nlines");
  EXPECT_EQ(numbered("one [NNFC-E0101]\nmore"), "one [NNFC-E0101]\nmore");
}

TEST_F(Command, errorsOfOptions) {
  request.inputs = {input()};
  request.device = "cuda:0";
  expectError(1, "it does not run on a GPU");
  request.device = "cuda:0,cuda:1";
  expectError(1, "replica 0 on cuda:0: model 'twice' is compiled for ");
  request.device = "cpu:0,cuda:1";
  expectError(2, "--device: found 'cpu:0,cuda:1', expected devices of one kind, all cpu:K or all cuda:K");
  request.device = "cuda-emu";
  expectError(1, "expected a library of nnfc compile --target=cuda-emu");
  request.device = "tpu";
  expectError(2, "--device: found 'tpu', expected cpu, cpu:K, cuda:K or cuda-emu");
  request.device = "cpu";
  request.dims = {"N"};
  expectError(2, "--dim: found 'N', expected SYMBOL=SIZE");
  request.dims = {"N=-3"};
  expectError(2, "--dim: found 'N=-3', expected SYMBOL=SIZE");
  request.dims = {"M=3"};
  expectError(1, "--dim: model 'twice' has no size named 'M'");
  request.inputs.clear();
  request.randomInputs = true;
  request.dims = {"N=4611686018427387904"};
  expectError(1, "input 'x': no memory for float32[4611686018427387904]");
  request.dims = {"N=1000000000000"};
  expectError(1, "input 'x': no memory for float32[1000000000000]");
  request.dims.clear();
  request.model = "";
  expectError(1, "holds 2 models, choose one of 'twice', 'plus' with --model NAME [NNFC-E0702]");
  request.library = folder / "x.npy";
  expectError(1, "is no compiled library: not an ELF file");
}

TEST_F(Command, outputFolderCannotBeMade) {
  request.inputs = {input()};
  request.outputDir = folder / "x.npy" / "out";
  EXPECT_EQ(run(), 1);
  EXPECT_THAT(err.str(), StartsWith("error: cannot make the folder '"));
}

TEST_F(Command, bench) {
  BenchRequest bench;
  static_cast<ModelRequest &>(bench) = request;
  bench.iterations = 20;
  bench.json = folder / "bench.json";
  bench.profile = folder / "trace.json";
  bench.threads = 1;
  ASSERT_EQ(benchCommand(bench, {out, err}), 0) << err.str();
  EXPECT_THAT(out.str(), HasSubstr("20 runs, 1 threads"));
  EXPECT_THAT(out.str(), HasSubstr("double \"it\": mul"));
  nlohmann::json report = nlohmann::json::parse(std::ifstream(bench.json));
  EXPECT_EQ(report["model"], "twice");
  EXPECT_EQ(report["iterations"], 20);
  EXPECT_EQ(report["threads"], 1);
  EXPECT_EQ(report["inputs"]["x"], "float32[2]");
  const nlohmann::json &latency = report["latency_us"];
  EXPECT_LE(latency["min"], latency["p50"]);
  EXPECT_LE(latency["p50"], latency["p90"]);
  EXPECT_LE(latency["p90"], latency["p99"]);
  EXPECT_LE(latency["p99"], latency["max"]);
  EXPECT_GT(report["throughput_per_s"], 0);
  EXPECT_GT(report["peak_memory_bytes"], 1'000'000);
  const nlohmann::json &kernel = report["kernels"][0];
  EXPECT_EQ(kernel["kernel"], "mul");
  EXPECT_EQ(kernel["calls"], 1);
  EXPECT_GT(report["roofline"]["gflops_per_s"], 0.1);
  EXPECT_GT(report["roofline"]["gbytes_per_s"], 0.01);
  nlohmann::json trace = nlohmann::json::parse(std::ifstream(bench.profile));
  ASSERT_GE(trace["traceEvents"].size(), 4u); // two names, a run, its launch
  EXPECT_EQ(trace["traceEvents"][2]["name"], "run 0");
  const nlohmann::json &event = trace["traceEvents"][3];
  EXPECT_EQ(event["ph"], "X");
  EXPECT_EQ(event["name"], "mul");
  EXPECT_EQ(event["args"]["node"], "double \"it\"");
  EXPECT_EQ(event["args"]["flops"], 8);
  EXPECT_GE(event["dur"], 0);
}

TEST_F(Command, benchCannotWrite) {
  BenchRequest bench;
  static_cast<ModelRequest &>(bench) = request;
  bench.iterations = 1;
  bench.json = folder / "none" / "bench.json";
  EXPECT_EQ(benchCommand(bench, {out, err}), 1);
  EXPECT_THAT(err.str(), StartsWith("error: cannot write '"));
}

TEST(RandomInputs, everyDTypeInRange) {
  for (uint32_t dtype = NNF_FLOAT32; dtype <= NNF_UINT64; ++dtype) {
    Array a, b, other;
    ASSERT_TRUE(a.allocate(dtype, {500}) && b.allocate(dtype, {500}) && other.allocate(dtype, {500}));
    fillRandom(a, 7, 0);
    fillRandom(b, 7, 0);
    fillRandom(other, 7, 1);
    EXPECT_EQ(memcmp(a.data(), b.data(), a.bytes()), 0) << nnf_dtype_name(dtype);
    EXPECT_NE(memcmp(a.data(), other.data(), a.bytes()), 0) << nnf_dtype_name(dtype);
  }
  // The 16-bit floats hold the same numbers as float32.
  Array wide, half, brain;
  ASSERT_TRUE(wide.allocate(NNF_FLOAT32, {500}) && half.allocate(NNF_FLOAT16, {500}) &&
              brain.allocate(NNF_BFLOAT16, {500}));
  fillRandom(wide, 3, 2);
  fillRandom(half, 3, 2);
  fillRandom(brain, 3, 2);
  std::string expected = describeValues(NNF_FLOAT32, wide.data(), 500, 500);
  EXPECT_EQ(describeValues(NNF_FLOAT16, half.data(), 500, 500), expected);
  EXPECT_EQ(describeValues(NNF_BFLOAT16, brain.data(), 500, 500), expected);
  for (int i = 0; i < 500; ++i) {
    float value = reinterpret_cast<float *>(wide.data())[i];
    EXPECT_TRUE(value >= -1 && value < 1 && value * 128 == std::round(value * 128)) << value;
  }
}

TEST(Values, asAPersonReadsThem) {
  const uint16_t halves[] = {0x3C00, 0xC000, 0x7C00, 0x0001, 0x7E00};
  EXPECT_EQ(describeValues(NNF_FLOAT16, reinterpret_cast<const uint8_t *>(halves), 5, 4), "1 -2 inf 5.96046e-08 …");
  const int8_t bytes[] = {-1, 65};
  EXPECT_EQ(describeValues(NNF_INT8, reinterpret_cast<const uint8_t *>(bytes), 2, 8), "-1 65");
  const uint8_t bools[] = {1, 0};
  EXPECT_EQ(describeValues(NNF_BOOL, bools, 2, 8), "true false");
}

TEST(Json, strings) {
  EXPECT_EQ(jsonString("a\"b\\c\n"), "\"a\\\"b\\\\c\\u000a\"");
  EXPECT_EQ(jsonString("\xc3\xa9"), "\"\xc3\xa9\"");
  for (const char *invalid : {"\xff", "\xc3", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xc0\x80", "\xe0\x80\x80"})
    EXPECT_NO_THROW(
        EXPECT_THAT(nlohmann::json::parse(jsonString(invalid)).get<std::string>(), HasSubstr("\xef\xbf\xbd")));
  EXPECT_EQ(jsonNumber(INFINITY), "null");
  EXPECT_EQ(jsonNumber(0.1), "0.1");
}

/// nnf-run itself, as a process.
int shell(const std::string &command, std::string &errorLine) {
  FILE *pipe = popen((command + " 2>&1 >/dev/null").c_str(), "r");
  char line[4096] = "";
  errorLine = "";
  while (pipe && fgets(line, sizeof line, pipe)) // to the end: a closed pipe would end the program
    if (errorLine.empty())
      errorLine = line;
  int status = pipe ? pclose(pipe) : -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST_F(Command, program) {
  std::string line, library = (folder / "models.so").string();
  EXPECT_EQ(
      shell(NNF_RUN " " + library + " --model twice --input " + input() + " --output-dir " + request.outputDir, line),
      0)
      << line;
  EXPECT_TRUE(fs::exists(folder / "out" / "y%2Fout.npy"));
  EXPECT_EQ(shell(NNF_RUN " --input " + input() + " " + library + " --model=twice --threads 1", line), 0)
      << "an --input takes one value, not the library behind it: " << line;
  EXPECT_EQ(shell(NNF_RUN " bench " + library + " --model twice --iterations 3", line), 0) << line;
  EXPECT_EQ(shell(NNF_RUN " --help", line), 0);
  EXPECT_EQ(shell(NNF_RUN, line), 2);
  EXPECT_THAT(line, StartsWith("error: "));
  EXPECT_EQ(shell(NNF_RUN " " + library + " --colour red", line), 2);
  EXPECT_THAT(line, StartsWith("error: "));
  EXPECT_EQ(shell(NNF_RUN " " + library + " --seed banana", line), 2);
  EXPECT_THAT(line, StartsWith("error: "));
  EXPECT_EQ(shell(NNF_RUN " " + library + " --model twice", line), 1);
  EXPECT_THAT(line, StartsWith("error: input 'x' is missing"));
}

} // namespace
