// Processes that mpirun has started together, each with a part of the batch.
#pragma once
#include "tools/run/Failure.h"
#include "tools/run/RanksTable.h"
#include <cstdint>
#include <string>
#include <vector>

namespace nnf::run {

class Ranks {
public:
  Ranks() = default;
  ~Ranks();
  Ranks(const Ranks &) = delete;
  /// Loads lib/nnfc/nnf-mpi.so and joins the others; all are to call it.
  Failure open();

  uint32_t index() const { return uint32_t(table->rank); }
  uint32_t size() const { return uint32_t(table->size); }

  void send(uint32_t to, const void *data, uint64_t bytes) const { table->send(int32_t(to), data, bytes); }
  void receive(uint32_t from, void *data, uint64_t bytes) const { table->receive(int32_t(from), data, bytes); }
  void sendNumber(uint32_t to, int64_t number) const { send(to, &number, sizeof number); }
  int64_t receiveNumber(uint32_t from) const;
  void sendNumbers(uint32_t to, const std::vector<int64_t> &numbers) const;
  std::vector<int64_t> receiveNumbers(uint32_t from) const;
  /// A number of rank 0's, to all.
  int64_t broadcast(int64_t number) const;

  /// All call it with what has gone wrong with them; all get the failure of the first rank that has one. With
  /// `namesRank0` also rank 0's is said to be of a rank: the others' always are.
  Failure agree(const Failure &own, bool namesRank0) const;

private:
  void sendText(uint32_t to, const std::string &text) const;
  std::string receiveText(uint32_t from) const;

  const nnf_ranks_table *table = nullptr;
};

} // namespace nnf::run
