#include "passes/Tuning.h"
#include "codegen/cpu/Caches.h"
#include "codegen/cpu/Target.h"
#include "compiler/tuning/Moves.h"
#include <gmock/gmock.h>

namespace nnf {
namespace {

constexpr char head[] = "nnfc-tuning 1\ncpu znver3 vector=32 registers=16 l1=32768 l2=524288\n";

std::string errorOf(const std::string &text) {
  llvm::Expected<Tuning> tuning = Tuning::parse(text, "file");
  return tuning ? "" : llvm::toString(tuning.takeError());
}

TEST(KernelChoice, TextIsReadBack) {
  for (const char *text : {"default", "direct", "direct rows=3", "winograd2 rows=6 tiles=12 panels=2", "winograd4",
                           "direct rows=6 tiles=5 panels=2 order=inner taps=0 chunk=0",
                           "direct rows=6 tiles=5 panels=2 order=outer taps=2 chunk=64", "direct order=outer"}) {
    llvm::Expected<KernelChoice> choice = KernelChoice::parse(text);
    ASSERT_TRUE(static_cast<bool>(choice)) << llvm::toString(choice.takeError());
    EXPECT_EQ(choice->text(), text);
  }
}

TEST(Tuning, FindsLinesByKeyAndMethodsByContraction) {
  llvm::Expected<Tuning> tuning =
      Tuning::parse(std::string("# a comment\n\n") + head +
                        "  kernel c|add default default=1.5us best=1.5us launches=2\r\n# another\n"
                        "kernel c|mul winograd2 tiles=4 best=3us\nkernel d|add direct\nkernel e|add default\n",
                    "file");
  ASSERT_TRUE(static_cast<bool>(tuning)) << llvm::toString(tuning.takeError());
  EXPECT_EQ(tuning->getMachine().text(), "cpu znver3 vector=32 registers=16 l1=32768 l2=524288");
  ASSERT_NE(tuning->find("c|mul"), nullptr);
  EXPECT_EQ(tuning->find("c|mul")->number, 7u);
  EXPECT_EQ(tuning->find("c|mul")->choice.text(), "winograd2 tiles=4");
  EXPECT_TRUE(tuning->find("c|add")->choice.isDefault());
  EXPECT_EQ(tuning->find("c|div"), nullptr);
  ASSERT_NE(tuning->methodOf("c"), nullptr);
  EXPECT_EQ(tuning->methodOf("c")->choice.winograd, 2);
  EXPECT_EQ(tuning->methodOf("d")->choice.winograd, 0);
  EXPECT_EQ(tuning->methodOf("e"), nullptr) << "the compiler decides";
}

TEST(Tuning, ErrorsNameTheLine) {
  EXPECT_EQ(errorOf(head), "");
  EXPECT_EQ(errorOf(std::string(head) + "\nkernel c direct\n"),
            "'file', line 4: 'c' found, expected a kernel's key, CONTRACTION|REST [NNFC-E0405]");
  EXPECT_EQ(errorOf(std::string(head) + "kernel c|add direct chunk=12\n"),
            "'file', line 3: 'chunk=12' found, expected a multiple of 8 [NNFC-E0405]");
  EXPECT_EQ(errorOf("nnfc-tuning 1"), "'file', line 2: the file ends, expected 'cpu …' [NNFC-E0405]");
}

TunableKernel kernelOf(const char *choice) {
  TunableKernel kernel;
  kernel.choice = llvm::cantFail(KernelChoice::parse(choice));
  kernel.tiles = 40, kernel.panels = 6, kernel.mostRows = 12, kernel.run = 256, kernel.spatial = 2;
  return kernel;
}

/// The tuner drops what the kernel cannot do: each move has to leave something that it can.
TEST(Moves, LeadToWhatTheKernelCanDo) {
  for (const char *choice :
       {"direct rows=12 tiles=10 panels=3 order=inner taps=0 chunk=0",
        "direct rows=12 tiles=10 panels=3 order=outer taps=0 chunk=0",
        "direct rows=12 tiles=10 panels=3 order=outer taps=2 chunk=128", "winograd2 rows=12 tiles=24 panels=3"}) {
    TunableKernel kernel = kernelOf(choice);
    std::set<std::string> reached;
    for (const Move &move : blockMoves())
      if (std::optional<KernelChoice> next = move.of(kernel)) {
        EXPECT_EQ(kernel.objectionTo(*next), "") << move.name << " of " << choice << " is " << next->text();
        reached.insert(next->text());
      }
    EXPECT_GE(reached.size(), 8u) << choice;
  }
  EXPECT_EQ(tasksOf(kernelOf("direct"), llvm::cantFail(KernelChoice::parse("direct tiles=12 panels=4"))), 8);
}

TEST(Caches, AreThoseOfTheCpuThatCodeIsFor) {
  auto infoOf = [](const char *cpu) { return llvm::cantFail(CpuTarget::create({"x86_64-linux-gnu", cpu, 2})).info(); };
  EXPECT_EQ(infoOf("haswell").l2Bytes, 256 << 10);
  EXPECT_EQ(infoOf("znver4").l1Bytes, 32 << 10);
  EXPECT_EQ(infoOf("sapphirerapids").l2Bytes, 2 << 20);
  EXPECT_EQ(infoOf("x86-64-v3").l2Bytes, 512 << 10);
  EXPECT_FALSE(cachesOf("x86-64-v3"));
  // Every name of the table is one that LLVM knows, or nobody could ask for it: infoOf would end the program.
  for (const char *cpu :
       {"nehalem",        "westmere",       "sandybridge", "ivybridge",      "haswell",        "broadwell",
        "skylake",        "icelake-client", "rocketlake",  "tigerlake",      "alderlake",      "raptorlake",
        "skylake-avx512", "cascadelake",    "cooperlake",  "icelake-server", "sapphirerapids", "emeraldrapids",
        "graniterapids",  "znver1",         "znver2",      "znver3",         "znver4",         "znver5"}) {
    ASSERT_TRUE(cachesOf(cpu)) << cpu;
    EXPECT_EQ(infoOf(cpu).l2Bytes, cachesOf(cpu)->l2) << cpu;
  }
}

} // namespace
} // namespace nnf
