// A library is loaded, used and closed again and again: nothing of it stays.
#include "Subject.h"
#include <fstream>

namespace nnf::soak {
namespace {

bool isMapped(const std::string &library) {
  std::string name = library.substr(library.rfind('/') + 1);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);)
    if (line.find(name) != std::string::npos)
      return true;
  return false;
}

std::string cycle(const Options &options) {
  nnf_program *program = load(options.library);
  nnf_context *context = createContext(program, 2);
  std::string result;
  {
    Inputs in(program, sizesOf(program, 1, options.maxSize));
    Outputs out(program);
    run(context, in, out);
    result = out.bytes();
  }
  nnf_program_destroy(program); // the context keeps it
  nnf_context_destroy(context);
  return result;
}

} // namespace

void soakCycles(const Options &options) {
  std::string first = cycle(options);
  cycle(options);
  Usage before = Usage::now();
  for (uint64_t i = 0; i < options.count; ++i)
    if (cycle(options) != first)
      fail("cycle " + std::to_string(i) + " gives other bytes than the first one");
  Usage after = Usage::now();
  if (isMapped(options.library))
    fail("the library is still mapped");
  if (after.pieces != before.pieces || after.descriptors != before.descriptors || after.threads != before.threads ||
      after.mappings > before.mappings + 2 || after.residentKb > before.residentKb + 4096)
    fail("after " + std::to_string(options.count) + " cycles: " + after.describe() + "; before: " + before.describe());
  printf("cycles %llu\nresident_kb %lld %lld\n", (unsigned long long)options.count, (long long)before.residentKb,
         (long long)after.residentKb);
}

} // namespace nnf::soak
