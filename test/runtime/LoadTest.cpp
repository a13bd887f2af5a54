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
  expectRefused(major, NNF_ERROR_UNSUPPORTED, "the model has ABI 2.4, this runtime takes 1.0 to 1.4 [NNFC-E0703]");
