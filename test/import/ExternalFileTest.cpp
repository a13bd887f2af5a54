#include "compiler/import/ExternalFile.h"
#include "Folder.h"
#include "dialects/nnf/MappedBytes.h"
#include <gmock/gmock.h>
#include <sys/stat.h>

namespace nnf {
namespace {

using std::filesystem::create_symlink;

class ExternalFileTest : public testing::Test {
protected:
  ExternalFileTest() {
    model = folder.write("models/net.nnf", "");
    folder.write("models/sub/w.npy", "inside");
    folder.write("secret.npy", "outside");
    folder.write("data/d.npy", "data");
  }
  std::string open(const std::string &path, std::vector<std::string> dataDirs = {}) {
    ExternalFiles files(model, dataDirs);
    llvm::Expected<MappedFile> file = files.open(path);
    if (!file)
      return "error: " + llvm::toString(file.takeError());
    return std::string(file->bytes.begin(), file->bytes.end());
  }
  test::Folder folder;
  std::string model;
  const std::string isOutside = ": outside the folder of the model, expected a file inside it [NNFC-E0117]";
};

TEST_F(ExternalFileTest, OpensFilesBelowTheModel) {
  EXPECT_EQ(open("sub/w.npy"), "inside");
  EXPECT_EQ(open("./sub/../sub/w.npy"), "inside");
}

TEST_F(ExternalFileTest, PagesThatAreLetGoComeBack) {
  std::string text;
  while (text.size() < 1 << 20)
    text += std::to_string(text.size());
  llvm::Expected<MappedFile> file = mapFile(folder.write("models/large.bin", text));
  ASSERT_TRUE(bool(file));
  std::vector<uint8_t> copy(file->bytes);
  releaseMapped(file->bytes);
  EXPECT_EQ(std::vector<uint8_t>(file->bytes), copy);
  // Memory that is no file's keeps what is in it.
  std::vector<uint8_t> own(copy);
  releaseMapped(own);
  EXPECT_EQ(own, copy);
}

TEST_F(ExternalFileTest, PathsDoNotLeaveTheFolder) {
  EXPECT_EQ(open("../secret.npy"), "error: file '../secret.npy'" + isOutside);
  EXPECT_EQ(open("sub/../../secret.npy"), "error: file 'sub/../../secret.npy'" + isOutside);
  EXPECT_EQ(open("/etc/passwd"),
            "error: file '/etc/passwd': an absolute path, expected one relative to the model [NNFC-E0117]");
  EXPECT_EQ(open(""), "error: file '': no path, expected one relative to the model [NNFC-E0117]");
  EXPECT_EQ(open("missing.npy"), "error: file 'missing.npy': not found [NNFC-E0101]");
}

TEST_F(ExternalFileTest, LinksDoNotLeaveTheFolder) {
  create_symlink(folder.path / "secret.npy", folder.path / "models/link.npy");
  create_symlink(folder.path, folder.path / "models/up");
  create_symlink("sub/w.npy", folder.path / "models/fine.npy");
  EXPECT_EQ(open("link.npy"), "error: file 'link.npy'" + isOutside);
  EXPECT_EQ(open("up/secret.npy"), "error: file 'up/secret.npy'" + isOutside);
  EXPECT_EQ(open("fine.npy"), "inside");
}

TEST_F(ExternalFileTest, AFolderOfTheSameBeginningIsAnother) {
  folder.write("models-secret/w.npy", "outside");
  create_symlink(folder.path / "models-secret/w.npy", folder.path / "models/link.npy");
  EXPECT_EQ(open("link.npy"), "error: file 'link.npy'" + isOutside);
}

TEST_F(ExternalFileTest, DataFoldersAreRootsToo) {
  std::vector<std::string> dirs = {folder / "data"};
  EXPECT_EQ(open("d.npy", dirs), "data");
  create_symlink(folder.path / "data/d.npy", folder.path / "models/cached.npy");
  EXPECT_EQ(open("cached.npy"), "error: file 'cached.npy'" + isOutside);
  EXPECT_EQ(open("cached.npy", dirs), "data");
}

TEST_F(ExternalFileTest, TheModelsLinkIsResolved) {
  folder.write("cache/x.nnf", "");
  folder.write("cache/w.npy", "cached");
  create_symlink(folder.path / "cache/x.nnf", folder.path / "models/linked.nnf");
  model = folder / "models/linked.nnf";
  EXPECT_EQ(open("w.npy"), "cached");
}

TEST_F(ExternalFileTest, OnlyRegularFiles) {
  ASSERT_EQ(mkfifo((folder / "models/pipe").c_str(), 0600), 0);
  EXPECT_EQ(open("pipe"), "error: file 'pipe': no regular file [NNFC-E0101]");
  EXPECT_EQ(open("sub"), "error: file 'sub': no regular file [NNFC-E0101]");
}

} // namespace
} // namespace nnf
