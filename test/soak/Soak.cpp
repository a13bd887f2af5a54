// nnf-soak WHAT LIBRARY [--threads N] [--count N] [--max-size N]: one kind of load on a compiled model. Prints figures;
// status 1 and a line `error: …` where something is wrong.
#include "Subject.h"
#include <cstdlib>
#include <cstring>

using namespace nnf::soak;

int main(int argc, char **argv) {
  constexpr struct {
    const char *name;
    void (*run)(const Options &);
  } kinds[] = {{"runs", soakRuns}, {"cycles", soakCycles},  {"failures", soakFailures}, {"cancelling", soakCancelling},
               {"cost", soakCost}, {"weights", soakWeights}};
  if (argc < 3)
    fail("usage: nnf-soak runs|cycles|failures|cancelling|cost|weights LIBRARY [--threads N] [--count N] "
         "[--max-size N]");
  Options options;
  options.library = argv[2];
  for (int i = 3; i + 1 < argc; i += 2) {
    uint64_t value = strtoull(argv[i + 1], nullptr, 10);
    if (strcmp(argv[i], "--threads") == 0)
      options.threads = uint32_t(value);
    else if (strcmp(argv[i], "--count") == 0)
      options.count = value;
    else if (strcmp(argv[i], "--max-size") == 0)
      options.maxSize = int64_t(value);
    else
      fail(std::string("unknown option '") + argv[i] + "'");
  }
  for (const auto &kind : kinds)
    if (strcmp(kind.name, argv[1]) == 0) {
      kind.run(options);
      return 0;
    }
  fail(std::string("unknown kind '") + argv[1] + "'");
}
