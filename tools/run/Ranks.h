// Processes that mpirun has started together: what a command tells the others beside the batch, which is nnf_ranks'.
#pragma once
#include "tools/run/Failure.h"
#include "tools/run/RanksTable.h"
#include <cstdint>
#include <string>

namespace nnf::run {

class Ranks {
public:
  Ranks() = default;
  ~Ranks();
  Ranks(const Ranks &) = delete;
  /// Loads lib/nnfc/nnf-mpi.so and joins the others; all are to call it.
  Failure open();

  const nnf_communicator &link() const { return table->link; }
  uint32_t index() const { return uint32_t(link().rank); }
  uint32_t size() const { return uint32_t(link().size); }

  /// A number of rank 0's, to all.
  int64_t broadcast(int64_t number) const;
  /// All call it with what has gone wrong with them; all get the failure of the first rank that has one. Those of
  /// others than rank 0 say whose they are.
  Failure agree(const Failure &own) const;

private:
  void send(uint32_t to, const void *data, uint64_t bytes) const { link().send(link().user, int32_t(to), data, bytes); }
  void receive(uint32_t from, void *data, uint64_t bytes) const {
    link().receive(link().user, int32_t(from), data, bytes);
  }
  void sendNumber(uint32_t to, int64_t number) const { send(to, &number, sizeof number); }
  int64_t receiveNumber(uint32_t from) const;
  void sendText(uint32_t to, const std::string &text) const;
  std::string receiveText(uint32_t from) const;

  const nnf_ranks_table *table = nullptr;
};

} // namespace nnf::run
