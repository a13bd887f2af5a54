#include "tools/run/Ranks.h"
#include <climits>
#include <cstdlib>
#include <dlfcn.h>

namespace nnf::run {
namespace {

/// lib/nnfc/nnf-mpi.so beside bin/, where this program is; "" where that cannot be told.
std::string pluginPath() {
  char path[PATH_MAX];
  if (!realpath("/proc/self/exe", path))
    return "";
  std::string program = path;
  size_t slash = program.rfind('/');
  return program.substr(0, slash) + "/../lib/nnfc/nnf-mpi.so";
}

} // namespace

Ranks::~Ranks() {
  if (table)
    table->close();
}

Failure Ranks::open() {
  std::string path = pluginPath();
  // MPI loads parts of itself that look for its symbols; it stays until the process ends.
  void *plugin = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL | RTLD_NODELETE);
  if (!plugin)
    return fault(std::string("--data-parallel: no MPI: ") + dlerror() +
                 ": expected nnfc's nnf-mpi.so, which is built where MPI is, and MPI's own library [NNFC-E0809]");
  auto start = reinterpret_cast<decltype(&nnf_ranks_open)>(dlsym(plugin, "nnf_ranks_open"));
  table = start ? start() : nullptr;
  if (!table || table->struct_size < sizeof *table) {
    table = nullptr;
    return fault("--data-parallel: '" + path + "' does not start MPI [NNFC-E0809]");
  }
  return {};
}

int64_t Ranks::receiveNumber(uint32_t from) const {
  int64_t number = 0;
  receive(from, &number, sizeof number);
  return number;
}

void Ranks::sendText(uint32_t to, const std::string &text) const {
  sendNumber(to, int64_t(text.size()));
  send(to, text.data(), text.size());
}

std::string Ranks::receiveText(uint32_t from) const {
  std::string text(size_t(receiveNumber(from)), ' ');
  receive(from, text.data(), text.size());
  return text;
}

int64_t Ranks::broadcast(int64_t number) const {
  if (index() != 0)
    return receiveNumber(0);
  for (uint32_t r = 1; r < size(); ++r)
    sendNumber(r, number);
  return number;
}

Failure Ranks::agree(const Failure &own) const {
  if (index() != 0) {
    sendNumber(0, own.status);
    sendText(0, own ? "rank " + std::to_string(index()) + " on " + link().host + ": " + own.text : "");
    int64_t status = receiveNumber(0);
    return status ? Failure(ExitStatus(status), receiveText(0)) : Failure();
  }
  Failure first = own;
  for (uint32_t r = 1; r < size(); ++r) {
    auto status = ExitStatus(receiveNumber(r));
    std::string text = receiveText(r);
    if (status && !first)
      first = Failure(status, text);
  }
  for (uint32_t r = 1; r < size(); ++r) {
    sendNumber(r, first.status);
    if (first)
      sendText(r, first.text);
  }
  return first;
}

} // namespace nnf::run
