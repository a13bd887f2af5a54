// From a file to a program: libraries, weights beside them, and all that may be wrong with them.
#include "TestModel.h"
#include <cstring>
#include <filesystem>
#include <fstream>
#include <link.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace nnf::test;
using testing::AllOf;
using testing::HasSubstr;
namespace fs = std::filesystem;

namespace {

/// A folder of its own with copies of the test libraries.
class Load : public testing::Test {
protected:
  Load() {
    char name[] = "/tmp/nnf-load-XXXXXX";
    folder = mkdtemp(name);
    library = folder / "models.so";
    fs::copy_file(NNF_TEST_LIBRARY, library);
    writeWeights("\x00\x00\x00\x3f"); // 0.5f
  }
  ~Load() override { fs::remove_all(folder); }

  template <size_t n> void writeWeights(const char (&bytes)[n]) {
    std::ofstream(folder / "plus.weights", std::ios::binary).write(bytes, n - 1);
  }
  int32_t load(const char *name) {
    nnf_program_destroy(program);
    program = nullptr;
    return nnf_program_load(library.c_str(), name, &program);
  }
  void expectError(const char *name, int32_t status, testing::Matcher<std::string> message) {
    EXPECT_EQ(load(name), status);
    EXPECT_EQ(program, nullptr);
    EXPECT_THAT(std::string(nnf_error_message(nullptr)), message);
  }
  std::vector<float> runOnce() {
    nnf_context *context;
    EXPECT_EQ(nnf_context_create(program, nullptr, &context), NNF_OK);
    std::vector<float> in = {1, 2};
    TestTensor x(in), y;
    DLTensor *ins[] = {&x.tensor}, *outs[] = {&y.tensor};
    EXPECT_EQ(nnf_run(context, ins, 1, outs, 1, nullptr), NNF_OK) << nnf_error_message(context);
    std::vector<float> values = y.values<float>();
    nnf_context_destroy(context);
    nnf_program_destroy(program);
    program = nullptr;
    return values;
  }

  fs::path folder, library;
  nnf_program *program = nullptr;
};

TEST_F(Load, modelsByName) {
  ASSERT_EQ(load("twice"), NNF_OK) << nnf_error_message(nullptr);
  EXPECT_EQ(runOnce(), (std::vector<float>{2, 4}));
  ASSERT_EQ(load("plus"), NNF_OK) << nnf_error_message(nullptr);
  EXPECT_EQ(runOnce(), (std::vector<float>{1.5, 2.5}));
}

TEST_F(Load, libraryListsItsModels) {
  nnf_library *opened;
  ASSERT_EQ(nnf_library_open(library.c_str(), &opened), NNF_OK) << nnf_error_message(nullptr);
  ASSERT_EQ(nnf_library_num_models(opened), 2u);
  EXPECT_STREQ(nnf_library_model(opened, 0)->name, "twice");
  EXPECT_STREQ(nnf_library_model(opened, 1)->name, "plus");
  EXPECT_EQ(nnf_library_model(opened, 2), nullptr);
  // A program keeps what it needs.
  ASSERT_EQ(nnf_program_from_library(opened, "twice", &program), NNF_OK);
  nnf_library_close(opened);
  EXPECT_EQ(nnf_program_num_inputs(program), 1u);
  EXPECT_EQ(nnf_program_num_outputs(program), 1u);
  EXPECT_EQ(nnf_program_num_symbols(program), 1u);
  EXPECT_STREQ(nnf_program_input(program, 0)->name, "x");
  EXPECT_STREQ(nnf_program_output(program, 0)->name, "y/out");
  EXPECT_STREQ(nnf_program_symbol(program, 0)->name, "N");
  EXPECT_EQ(nnf_program_input(program, 1), nullptr);
  EXPECT_EQ(runOnce(), (std::vector<float>{2, 4}));
}

TEST_F(Load, whichModel) {
  expectError(nullptr, NNF_ERROR_ARGUMENT, HasSubstr("holds 2 models, choose one of 'twice', 'plus'"));
  expectError("thrice", NNF_ERROR_ARGUMENT, HasSubstr("holds no model 'thrice', but 'twice', 'plus'"));
  fs::copy_file(NNF_TEST_LIBRARY_OF_ONE, library, fs::copy_options::overwrite_existing);
  fs::rename(library, folder / "one.so"); // the loader knows the other under that name
  library = folder / "one.so";
  EXPECT_EQ(load(nullptr), NNF_OK) << nnf_error_message(nullptr);
  EXPECT_EQ(runOnce(), (std::vector<float>{2, 4}));
}

TEST_F(Load, fileIsMissing) {
  library = folder / "none.so";
  expectError(nullptr, NNF_ERROR_ARGUMENT, AllOf(HasSubstr("none.so"), HasSubstr("No such file")));
}
TEST_F(Load, folderInsteadOfFile) {
  library = folder;
  expectError(nullptr, NNF_ERROR_MODEL, HasSubstr("not a regular file"));
}
TEST_F(Load, pipeInsteadOfFile) {
  library = folder / "pipe";
  ASSERT_EQ(mkfifo(library.c_str(), 0600), 0);
  expectError(nullptr, NNF_ERROR_MODEL, HasSubstr("not a regular file"));
}
TEST_F(Load, notElf) {
  library = folder / "text.so";
  std::ofstream(library)
      << "this is no library at all, but it is long enough to hold the header of one, at least so far";
  expectError(nullptr, NNF_ERROR_MODEL, HasSubstr("not an ELF file"));
}
TEST_F(Load, libraryForAnotherMachine) {
  std::fstream file(library, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(offsetof(ElfW(Ehdr), e_machine));
  uint16_t machine = EM_SPARC;
  file.write(reinterpret_cast<const char *>(&machine), sizeof machine);
  file.close();
  expectError("twice", NNF_ERROR_MODEL, HasSubstr("an ELF file for another machine"));
}
TEST_F(Load, libraryWithoutModels) {
  library = NNF_RUNTIME_LIBRARY;
  expectError(nullptr, NNF_ERROR_MODEL, HasSubstr("does not export 'nnf_models'"));
}

// The system's loader maps what the headers say and dies of a bus error when it is not there.
TEST_F(Load, cutShort) {
  uint64_t bytes = fs::file_size(library);
  int refused = 0;
  for (uint64_t length :
       {uint64_t(0), uint64_t(3), uint64_t(63), uint64_t(64), uint64_t(100), uint64_t(400), bytes / 4, bytes / 2}) {
    fs::path part = folder / ("part" + std::to_string(length) + ".so");
    fs::copy_file(library, part);
    fs::resize_file(part, length);
    EXPECT_EQ(nnf_program_load(part.c_str(), "twice", &program), NNF_ERROR_MODEL) << length << " bytes";
    EXPECT_THAT(nnf_error_message(nullptr), HasSubstr("no compiled library")) << length << " bytes";
    ++refused;
  }
  EXPECT_EQ(refused, 8);
}

TEST_F(Load, weightsMissing) {
  fs::remove(folder / "plus.weights");
  expectError("plus", NNF_ERROR_MODEL,
              AllOf(HasSubstr("model 'plus': weights file"), HasSubstr("No such file or directory [NNFC-E0705]")));
  EXPECT_EQ(load("twice"), NNF_OK) << "which needs none";
  nnf_program_destroy(program);
  program = nullptr;
}
TEST_F(Load, weightsOfAnotherSize) {
  writeWeights("12345");
  expectError("plus", NNF_ERROR_MODEL, HasSubstr("has 5 bytes, expected 4"));
}
TEST_F(Load, weightsOfAnotherModel) {
  writeWeights("\x00\x00\x00\x40");
  expectError("plus", NNF_ERROR_MODEL,
              AllOf(HasSubstr("expected b3a124678a998092"), HasSubstr("not the file the model was compiled with")));
}
TEST_F(Load, weightsInAPipe) {
  fs::remove(folder / "plus.weights");
  ASSERT_EQ(mkfifo((folder / "plus.weights").c_str(), 0600), 0);
  expectError("plus", NNF_ERROR_MODEL, HasSubstr("is not a regular file"));
}
TEST_F(Load, weightsOutsideTheFolder) {
  for (const char *path : {"../plus.weights", "/etc/passwd", "a/../../b", "..", ""}) {
    static nnf_model model; // in the program, as linked-in models are: their file says which folder
    model = TestModel().get();
    model.weights_file = path;
    model.weights_bytes = 4;
    EXPECT_EQ(nnf_program_from_model(&model, &program), NNF_ERROR_MODEL);
    EXPECT_THAT(nnf_error_message(nullptr), HasSubstr("is not below the library's folder"));
  }
}

TEST_F(Load, weightsOfALinkedInModel) {
  fs::path weights = fs::read_symlink("/proc/self/exe").parent_path() / "nnf-linked-in-test.weights";
  std::ofstream(weights, std::ios::binary).write("\x00\x00\x00\x3f", 4);
  static nnf_model model;
  model = TestModel().get();
  model.weights_file = "nnf-linked-in-test.weights";
  model.weights_bytes = 4;
  model.weights_hash = 0xb3a124678a998092u;
  EXPECT_EQ(nnf_program_from_model(&model, &program), NNF_OK) << nnf_error_message(nullptr);
  nnf_program_destroy(program);
  program = nullptr;
  fs::remove(weights);
}

TEST_F(Load, nullArguments) {
  EXPECT_EQ(nnf_program_load(nullptr, nullptr, &program), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(nnf_program_load("x", nullptr, nullptr), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(nnf_program_from_model(nullptr, &program), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(nnf_program_from_library(nullptr, nullptr, &program), NNF_ERROR_ARGUMENT);
  EXPECT_EQ(nnf_library_open(nullptr, nullptr), NNF_ERROR_ARGUMENT);
  nnf_program_destroy(nullptr);
  nnf_library_close(nullptr);
  nnf_context_destroy(nullptr);
}

void expectRefused(TestModel &model, int32_t status, const char *text) {
  nnf_program *program = nullptr;
  EXPECT_EQ(nnf_program_from_model(&model.get(), &program), status) << text;
  EXPECT_THAT(nnf_error_message(nullptr), HasSubstr(text));
  EXPECT_EQ(program, nullptr);
}

TEST(Descriptor, abi) {
  TestModel major = doubling(), minor = doubling(), size = doubling();
  major.get().abi_major = 2;
  expectRefused(major, NNF_ERROR_UNSUPPORTED, "the model has ABI 2.7, this runtime takes 1.0 to 1.7 [NNFC-E0703]");
  minor.get().abi_minor = NNF_ABI_MINOR + 1;
  expectRefused(minor, NNF_ERROR_UNSUPPORTED, "the model has ABI 1.");
  size.get().struct_size = 8;
  expectRefused(size, NNF_ERROR_MODEL, "or more, or no name [NNFC-E0706]");
}

/// What is said of launches on GPUs names images, kernels and slots that are there.
TEST(Descriptor, launchesOnGpus) {
  constexpr uint8_t text[] = "PTX";
  nnf_device_kernel kernels[] = {{NNF_DEVICE_KERNEL, 32, 2, 0, 0, 0, 0, 0, 0, "k0"}};
  nnf_device_image image = {NNF_IMAGE_PTX, 90, NNF_IMAGE_EXACT, 80, "sm_90a", text, sizeof text, kernels};
  const nnf_tensor_map good = {1, NNF_FLOAT16, 0, 2, 0, {64, 64}, {64, 64}, {128}};
  const nnf_map_window window = {{-1}, {-1}, {1}};
  auto status = [&](const nnf_device_launch &launch, const nnf_tensor_map &map,
                    uint32_t bytes = sizeof(nnf_device_code)) {
    nnf_device_launch whole = launch;
    whole.maps = launch.num_maps ? &map : nullptr;
    nnf_device_code code = {bytes, 1, &image, 1, 1, &whole, &window};
    TestModel model = doubling();
    model.get().device = &code;
    nnf_program *program = nullptr;
    int32_t result = nnf_program_from_model(&model.get(), &program);
    if (result)
      EXPECT_THAT(nnf_error_message(nullptr), HasSubstr("launches of its kernels for GPUs"));
    nnf_program_destroy(program);
    return result;
  };
  EXPECT_EQ(status({0, 0, 7, 1, nullptr}, good), NNF_OK);
  EXPECT_EQ(status({1, 0, 7, 1, nullptr}, good), NNF_ERROR_MODEL);
  EXPECT_EQ(status({0, 1, 7, 1, nullptr}, good), NNF_ERROR_MODEL);
  EXPECT_EQ(status({0, 0, 1u << 31, 1, nullptr}, good), NNF_ERROR_MODEL);
  EXPECT_EQ(status({0, 0, 7, NNF_MOST_TENSOR_MAPS + 1, nullptr}, good), NNF_ERROR_MODEL);
  nnf_tensor_map slot = good, rank = good, dtype = good;
  slot.slot = 2, rank.rank = 6, dtype.dtype = NNF_FLOAT32;
  for (const nnf_tensor_map &map : {slot, rank, dtype})
    EXPECT_EQ(status({0, 0, 7, 1, nullptr}, map), NNF_ERROR_MODEL);
  // Of an image, whose window is there: before 1.6 none was.
  nnf_tensor_map windowed = good;
  windowed.rank = 3, windowed.window = 1;
  EXPECT_EQ(status({0, 0, 7, 1, nullptr}, windowed), NNF_OK);
  EXPECT_EQ(status({0, 0, 7, 1, nullptr}, windowed, offsetof(nnf_device_code, windows)), NNF_ERROR_MODEL);
  nnf_tensor_map other = windowed, flat = windowed;
  other.window = 2, flat.rank = 2;
  for (const nnf_tensor_map &map : {other, flat})
    EXPECT_EQ(status({0, 0, 7, 1, nullptr}, map), NNF_ERROR_MODEL);
}

TEST(Descriptor, cpuFeatures) {
  TestModel model = doubling();
  model.get().cpu_features = 1ull << 60;
  expectRefused(
      model, NNF_ERROR_UNSUPPORTED,
      "model 'hand' is compiled for 'test', but this CPU lacks: and others this runtime does not know [NNFC-E0704]");
  const std::pair<uint64_t, const char *> features[] = {{NNF_CPU_SSE4_2, "sse4.2"},
                                                        {NNF_CPU_AVX, "avx"},
                                                        {NNF_CPU_AVX2, "avx2"},
                                                        {NNF_CPU_FMA, "fma"},
                                                        {NNF_CPU_F16C, "f16c"},
                                                        {NNF_CPU_AVX512F, "avx512f"},
                                                        {NNF_CPU_AVX512BW, "avx512bw"},
                                                        {NNF_CPU_AVX512VL, "avx512vl"},
                                                        {NNF_CPU_AVX512DQ, "avx512dq"},
                                                        {NNF_CPU_BMI2, "bmi2"},
                                                        {NNF_CPU_AVX512VNNI, "avx512vnni"},
                                                        {NNF_CPU_AVXVNNI, "avxvnni"}};
#if defined(__x86_64__)
  // The compiler's own library, asked independently.
  __builtin_cpu_init();
  const bool here[] = {bool(__builtin_cpu_supports("sse4.2")),     bool(__builtin_cpu_supports("avx")),
                       bool(__builtin_cpu_supports("avx2")),       bool(__builtin_cpu_supports("fma")),
                       bool(__builtin_cpu_supports("f16c")),       bool(__builtin_cpu_supports("avx512f")),
                       bool(__builtin_cpu_supports("avx512bw")),   bool(__builtin_cpu_supports("avx512vl")),
                       bool(__builtin_cpu_supports("avx512dq")),   bool(__builtin_cpu_supports("bmi2")),
                       bool(__builtin_cpu_supports("avx512vnni")), bool(__builtin_cpu_supports("avxvnni"))};
#else
  const bool here[std::size(features)] = {};
#endif
  for (size_t i = 0; i < std::size(features); ++i) {
    TestModel needs = doubling();
    needs.get().cpu_features = features[i].first;
    nnf_program *program = nullptr;
    int32_t status = nnf_program_from_model(&needs.get(), &program);
    EXPECT_EQ(status, here[i] ? NNF_OK : NNF_ERROR_UNSUPPORTED) << features[i].second;
    if (status)
      EXPECT_THAT(nnf_error_message(nullptr), HasSubstr(std::string("lacks: ") + features[i].second));
    nnf_program_destroy(program);
  }
}

/// Features that compilers of this test may have no name for: Linux lists them.
TEST(Descriptor, laterCpuFeatures) {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line) && !line.starts_with("flags"))
    ;
  if (!file)
    GTEST_SKIP() << "no list of flags in /proc/cpuinfo";
  line += ' ';
  const std::pair<uint64_t, const char *> features[] = {{NNF_CPU_BMI, "bmi1"},
                                                        {NNF_CPU_LZCNT, "abm"},
                                                        {NNF_CPU_MOVBE, "movbe"},
                                                        {NNF_CPU_POPCNT, "popcnt"},
                                                        {NNF_CPU_AVX512CD, "avx512cd"},
                                                        {NNF_CPU_AVX512VBMI, "avx512vbmi"},
                                                        {NNF_CPU_AVX512VBMI2, "avx512_vbmi2"},
                                                        {NNF_CPU_AVX512IFMA, "avx512ifma"},
                                                        {NNF_CPU_AVX512BITALG, "avx512_bitalg"},
                                                        {NNF_CPU_AVX512VPOPCNTDQ, "avx512_vpopcntdq"},
                                                        {NNF_CPU_AVX512BF16, "avx512_bf16"},
                                                        {NNF_CPU_AVX512FP16, "avx512_fp16"},
                                                        {NNF_CPU_GFNI, "gfni"},
                                                        {NNF_CPU_SSE4A, "sse4a"},
                                                        {NNF_CPU_FMA4, "fma4"},
                                                        {NNF_CPU_XOP, "xop"},
                                                        {NNF_CPU_TBM, "tbm"}};
  for (auto [bit, flag] : features) {
    bool isHere = line.find(' ' + std::string(flag) + ' ') != std::string::npos;
    TestModel needs = doubling();
    needs.get().cpu_features = bit;
    nnf_program *program = nullptr;
    EXPECT_EQ(nnf_program_from_model(&needs.get(), &program), isHere ? NNF_OK : NNF_ERROR_UNSUPPORTED) << flag;
    nnf_program_destroy(program);
  }
}

/// One model for three CPUs, the best first: this machine's must not need what no CPU has.
struct Versions {
  TestModel models[3] = {doubling(), doubling(), doubling()};
  const nnf_model *list[3];

  Versions() {
    const char *cpus[] = {"future", "plain", "plainest"};
    for (int i = 0; i < 3; ++i) {
      models[i].get().cpu = cpus[i];
      list[i] = &models[i].get();
    }
    models[0].get().cpu_features = 1ull << 60;
    models[0].get().versions = list;
    models[0].get().num_versions = 3;
  }
  /// The CPU of the version that is taken; else the error.
  std::string chosen() {
    nnf_program *program = nullptr;
    if (nnf_program_from_model(list[0], &program) != NNF_OK)
      return nnf_error_message(nullptr);
    std::string cpu = nnf_program_model(program)->cpu;
    nnf_program_destroy(program);
    return cpu;
  }
};

/// While it lives, NNFC_CPU has a value.
struct AskedCpu {
  explicit AskedCpu(const char *cpu) { setenv("NNFC_CPU", cpu, 1); }
  ~AskedCpu() { unsetenv("NNFC_CPU"); }
};

TEST(Versions, theFirstThatRunsIsTaken) { EXPECT_EQ(Versions().chosen(), "plain"); }

TEST(Versions, noneRuns) {
  Versions versions;
  versions.models[1].get().cpu_features = versions.models[2].get().cpu_features = 1ull << 61;
  EXPECT_EQ(versions.chosen(), "none of future, plain, plainest runs here: model 'hand' is compiled for 'test', but "
                               "this CPU lacks: and others this runtime does not know [NNFC-E0704]");
}

TEST(Versions, oneIsAskedFor) {
  Versions versions;
  AskedCpu cpu("plainest");
  EXPECT_EQ(versions.chosen(), "plainest");
  AskedCpu lacking("future");
  EXPECT_THAT(versions.chosen(), HasSubstr("this CPU lacks:"));
  AskedCpu unknown("abacus");
  EXPECT_EQ(versions.chosen(), "NNFC_CPU=abacus: model 'hand' is compiled for future, plain, plainest [NNFC-E0014]");
  AskedCpu none("");
  EXPECT_EQ(versions.chosen(), "plain");
}

TEST(Versions, brokenLists) {
  auto broken = [](const char *text, auto &&breakIt) {
    Versions versions;
    breakIt(versions);
    EXPECT_THAT(versions.chosen(), HasSubstr(text));
  };
  broken("its list of versions", [](Versions &v) { v.models[0].get().versions = nullptr; });
  broken("its list of versions", [](Versions &v) { v.models[0].get().num_versions = 65; });
  broken("a version is missing", [](Versions &v) { v.list[1] = nullptr; });
  broken("a version names no CPU", [](Versions &v) { v.models[1].get().cpu = nullptr; });
  broken("a version is of another model", [](Versions &v) { v.models[1].get().weights_hash = 1; });
  broken("a function is missing", [](Versions &v) { v.models[2].get().run = nullptr; });
  Versions other;
  broken("a version has versions", [&](Versions &v) { v.list[1] = other.list[0]; });
}

/// get() sets tables and counts anew, so these break a copy of what it gives.
TEST(Descriptor, brokenOnes) {
  auto broken = [](const char *text, auto &&breakIt, int32_t status = NNF_ERROR_MODEL) {
    TestModel whole = doubling();
    whole.check("c");
    nnf_model model = whole.get();
    nnf_tensor_info input = model.inputs[0], output = model.outputs[0];
    model.inputs = &input;
    model.outputs = &output;
    breakIt(model, input, output);
    nnf_program *program = nullptr;
    EXPECT_EQ(nnf_program_from_model(&model, &program), status) << text;
    EXPECT_THAT(nnf_error_message(nullptr), HasSubstr(text));
    EXPECT_EQ(program, nullptr);
  };
  using Model = nnf_model &;
  using Info = nnf_tensor_info &;
  broken("a table is missing", [](Model m, Info, Info) { m.symbols = nullptr; });
  broken("a function is missing", [](Model m, Info, Info) { m.run = nullptr; });
  broken("a function is missing", [](Model m, Info, Info) { m.arena_bytes = nullptr; });
  broken("more than a million", [](Model m, Info, Info) { m.num_inputs = UINT32_MAX; });
  broken("weights must be either embedded or in a file", [](Model m, Info, Info) { m.weights_bytes = 8; });
  broken("not aligned to 64 bytes",
         [](Model m, Info, Info) { m.weights = reinterpret_cast<const uint8_t *>(8), m.weights_bytes = 1; });
  broken("input 0 (''): no name", [](Model, Info i, Info) { i.name = nullptr; });
  broken(
      "input 'x' has dtype number 77, which this runtime does not know", [](Model, Info i, Info) { i.dtype = 77; },
      NNF_ERROR_UNSUPPORTED);
  broken("rank without sizes, or more than 64", [](Model, Info i, Info) { i.rank = 1000; });
  broken("input 0 ('x'): a size refers to no symbol", [](Model m, Info, Info) { m.num_symbols = 0; });
  static const int64_t computed[] = {NNF_DIM_COMPUTED};
  broken("input 0 ('x'): a size refers to no symbol", [](Model, Info i, Info) { i.dims = computed; });
  broken("in-out flag and tie do not agree", [](Model, Info i, Info) { i.flags = NNF_TENSOR_INOUT; });
  broken("output 0 ('y'): tied to nothing", [](Model, Info, Info o) { o.tied = 5; });
  broken("tied to a tensor that is not tied to it",
         [](Model, Info i, Info) { i.tied = 0, i.flags = NNF_TENSOR_INOUT; });
  broken("its sizes are data-dependent", [](Model, Info i, Info o) {
    i.tied = o.tied = 0, i.flags = NNF_TENSOR_INOUT, o.flags = NNF_TENSOR_DATA_DEPENDENT;
  });
}

} // namespace
