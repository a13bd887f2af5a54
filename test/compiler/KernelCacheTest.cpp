#include "compiler/kernels/KernelCache.h"
#include "compiler/kernels/CompilerIdentity.h"
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <sstream>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace fs = std::filesystem;

namespace nnf {
namespace {

using testing::HasSubstr;
using Code = KernelSource::Code;

llvm::BLAKE3Result<> hashOf(const std::string &text) { return llvm::BLAKE3::hash(llvm::arrayRefFromStringRef(text)); }

Code codeOf(const std::string &declaration, const std::string &object) {
  Code code;
  code.declaration = declaration;
  code.object.assign(object.begin(), object.end());
  return code;
}

class KernelCacheTest : public testing::Test {
protected:
  KernelCacheTest() {
    std::string pattern = fs::temp_directory_path() / "nnf-cache-XXXXXX";
    root = mkdtemp(pattern.data());
    folder = root / "kernels";
  }
  ~KernelCacheTest() override { fs::remove_all(root); }

  std::unique_ptr<KernelCache> open(const std::string &compiler = "A", uint64_t maxBytes = 1 << 30) {
    return KernelCache::open(folder.string(), compiler, whyNot, maxBytes);
  }
  /// "declaration/object", or "nothing".
  std::string load(const std::string &source, const std::string &compiler = "A") {
    std::optional<Code> code = open(compiler)->load(hashOf(source));
    return code ? code->declaration + "/" + std::string(code->object.begin(), code->object.end()) : "nothing";
  }
  void store(const std::string &source, const std::string &object, const std::string &compiler = "A") {
    open(compiler)->store(hashOf(source), codeOf("d", object));
  }
  std::vector<fs::path> entriesOrNone() const { return fs::exists(folder) ? entries() : std::vector<fs::path>(); }
  std::vector<fs::path> entries() const {
    std::vector<fs::path> found;
    for (const fs::directory_entry &entry : fs::directory_iterator(folder))
      if (entry.path().extension().empty())
        found.push_back(entry.path());
    return found;
  }
  static std::string read(const fs::path &path) {
    std::stringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
  }
  static void write(const fs::path &path, const std::string &content) {
    std::ofstream(path, std::ios::binary) << content;
  }
  /// When an entry was read or written last, in seconds.
  static void setAge(const fs::path &path, int64_t time) {
    const timespec times[2] = {{time, 0}, {time, 0}};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }

  fs::path root, folder;
  std::string whyNot;
};

TEST_F(KernelCacheTest, GivesWhatWasStored) {
  EXPECT_EQ(load("k"), "nothing");
  store("k", std::string("a\0b", 3));
  EXPECT_EQ(load("k"), std::string("d/a\0b", 5));
  EXPECT_EQ(load("l"), "nothing");
  store("k", "");
  EXPECT_EQ(load("k"), "d/");
}

TEST_F(KernelCacheTest, CodeOfAnotherCompilerIsNone) {
  store("k", "a");
  EXPECT_EQ(load("k", "B"), "nothing");
  store("k", "b", "B");
  EXPECT_EQ(load("k", "A"), "d/a");
  EXPECT_EQ(load("k", "B"), "d/b");
}

TEST_F(KernelCacheTest, EveryDamageIsNoticed) {
  store("k", "object");
  fs::path entry = entries().front();
  const std::string whole = read(entry);
  for (size_t size = 0; size < whole.size(); ++size) {
    write(entry, whole.substr(0, size));
    EXPECT_EQ(load("k"), "nothing") << size;
  }
  for (size_t at = 0; at < whole.size(); ++at) {
    std::string flipped = whole;
    flipped[at] ^= 1 << at % 8;
    write(entry, flipped);
    EXPECT_EQ(load("k"), "nothing") << at;
  }
  write(entry, whole + "x");
  EXPECT_EQ(load("k"), "nothing");
  store("k", "object");
  EXPECT_EQ(load("k"), "d/object");
}

TEST_F(KernelCacheTest, EntryUnderAnotherNameIsNone) {
  store("k", "k");
  fs::path k = entries().front();
  store("l", "l");
  fs::path l = entries().front() == k ? entries().back() : entries().front();
  write(l, read(k));
  EXPECT_EQ(load("l"), "nothing");
  EXPECT_EQ(load("k"), "d/k");
}

TEST_F(KernelCacheTest, OnlyFilesThatNobodyElseCanWriteAreRead) {
  store("k", "k");
  fs::path entry = entries().front();
  fs::permissions(entry, fs::perms(0602));
  EXPECT_EQ(load("k"), "nothing");
  fs::permissions(entry, fs::perms(0620));
  EXPECT_EQ(load("k"), "nothing");
  fs::permissions(entry, fs::perms(0600));
  EXPECT_EQ(load("k"), "d/k");
  // Neither a link, which may lead anywhere, nor a pipe, which would wait.
  fs::rename(entry, root / "elsewhere");
  fs::create_symlink(root / "elsewhere", entry);
  EXPECT_EQ(load("k"), "nothing");
  fs::remove(entry);
  ASSERT_EQ(mkfifo(entry.c_str(), 0600), 0);
  EXPECT_EQ(load("k"), "nothing");
  store("k", "again");
  EXPECT_EQ(load("k"), "d/again");
  // What cannot be replaced stays as it is.
  fs::remove(entry);
  fs::create_directories(entry / "full");
  store("k", "k");
  EXPECT_EQ(load("k"), "nothing");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder), {}), 2); // and the mark of the last look at sizes
}

TEST_F(KernelCacheTest, FolderMustBeOnesOwn) {
  EXPECT_TRUE(open());
  EXPECT_EQ(fs::status(folder).permissions(), fs::perms(0700));
  for (int mode : {0720, 0702, 0777}) {
    fs::permissions(folder, fs::perms(mode));
    EXPECT_FALSE(open());
    EXPECT_THAT(whyNot, HasSubstr("can be written by others, expected a folder of mode 0700"));
  }
  fs::permissions(folder, fs::perms(0755));
  EXPECT_TRUE(open());
  if (geteuid() == 0) { // only root can give a folder away
    ASSERT_EQ(chown(folder.c_str(), 1, 1), 0);
    EXPECT_FALSE(open());
    EXPECT_THAT(whyNot, HasSubstr("belongs to another user"));
  }
  fs::remove_all(folder);
  write(folder, "a file");
  EXPECT_FALSE(open());
  EXPECT_THAT(whyNot, HasSubstr("no kernel cache: '" + folder.string() + "' cannot be"));
}

TEST_F(KernelCacheTest, ReadingMarksAnEntry) {
  auto lastRead = [&] {
    struct stat status;
    EXPECT_EQ(stat(entries().front().c_str(), &status), 0);
    return std::pair(status.st_atim.tv_sec, status.st_atim.tv_nsec);
  };
  store("k", "k");
  load("k"); // this one the file system notes by itself, the next one not for a day
  auto before = lastRead();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  load("k");
  EXPECT_GT(lastRead(), before);
}

TEST_F(KernelCacheTest, WhatWasNotUsedForLongestGoesFirst) {
  for (int i = 0; i < 8; ++i) {
    std::string name = "k" + std::to_string(i);
    std::vector<fs::path> before = entriesOrNone();
    store(name, std::string(1000, 'x'));
    for (const fs::path &entry : entries())
      if (llvm::find(before, entry) == before.end())
        setAge(entry, 1000 + i);
  }
  EXPECT_EQ(load("k0"), "d/" + std::string(1000, 'x')); // used now
  fs::remove(folder / "llvmcache.timestamp");           // sizes are looked at once a minute
  size_t each = fs::file_size(entries().front());
  open("A", 4 * each)->store(hashOf("new"), codeOf("d", std::string(1000, 'y')));
  EXPECT_EQ(entries().size(), 4u);
  EXPECT_NE(load("new"), "nothing");
  EXPECT_NE(load("k0"), "nothing");
  EXPECT_NE(load("k7"), "nothing");
  EXPECT_EQ(load("k1"), "nothing");
}

TEST_F(KernelCacheTest, ManyWritersAndReadersAtOnce) {
  auto work = [&](unsigned seed) {
    std::unique_ptr<KernelCache> cache = open();
    for (unsigned i = 0; i < 300; ++i) {
      std::string name = std::to_string((i * 7 + seed) % 10), object(5000 + 100 * (name[0] - '0'), name[0]);
      if (std::optional<Code> code = cache->load(hashOf(name)))
        if (std::string(code->object.begin(), code->object.end()) != object)
          return false;
      if (i % 3 == 0)
        cache->store(hashOf(name), codeOf("d", object));
    }
    return true;
  };
  std::vector<pid_t> children;
  for (unsigned seed = 0; seed < 3; ++seed)
    if (pid_t child = fork(); child == 0)
      _exit(work(seed) ? 0 : 1);
    else
      children.push_back(child);
  std::atomic<int> failed = 0;
  std::vector<std::thread> threads;
  for (unsigned seed = 3; seed < 6; ++seed)
    threads.emplace_back([&, seed] { failed += !work(seed); });
  for (std::thread &thread : threads)
    thread.join();
  for (pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    failed += status != 0;
  }
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(entries().size(), 10u);
  for (int i = 0; i < 10; ++i)
    EXPECT_NE(load(std::to_string(i)), "nothing");
}

TEST(CacheFolder, ByTheEnvironment) {
  setenv("HOME", "/home/a", 1);
  unsetenv("XDG_CACHE_HOME");
  unsetenv("NNFC_CACHE_DIR");
  EXPECT_EQ(cacheFolder(), "/home/a/.cache/nnfc");
  setenv("XDG_CACHE_HOME", "relative", 1);
  EXPECT_EQ(cacheFolder(), "/home/a/.cache/nnfc");
  setenv("XDG_CACHE_HOME", "/var/cache", 1);
  EXPECT_EQ(cacheFolder(), "/var/cache/nnfc");
  setenv("NNFC_CACHE_DIR", "here", 1);
  EXPECT_EQ(cacheFolder(), "here");
  setenv("NNFC_CACHE_DIR", "", 1);
  EXPECT_EQ(cacheFolder(), "");
}

TEST(CacheFolder, Size) {
  auto size = [](const char *text) {
    setenv("NNFC_CACHE_SIZE", text, 1);
    return cacheBytes();
  };
  EXPECT_EQ(size(""), uint64_t(1) << 30);
  EXPECT_EQ(size("12"), 12u);
  EXPECT_EQ(size("3K"), 3u << 10);
  EXPECT_EQ(size("5M"), 5u << 20);
  EXPECT_EQ(size("20G"), uint64_t(20) << 30);
  for (const char *wrong : {"0", "-1", "1T", "G", "1.5G", "much", "99999999999G"})
    EXPECT_EQ(size(wrong), std::nullopt) << wrong;
  unsetenv("NNFC_CACHE_SIZE");
}

TEST(CompilerIdentity, NamesEveryLibrary) {
  std::string text = compilerIdentity();
  // This program, libLLVM, libMLIR, libc and more, each with a build id or what its file says.
  EXPECT_GE(llvm::StringRef(text).count('\n'), 4u);
  EXPECT_EQ(text, compilerIdentity());
}

} // namespace
} // namespace nnf
