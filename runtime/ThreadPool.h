// Threads for runs: the process's, and those of a core set. One run holds a pool at a time; who finds it busy runs with
// its caller alone.
#ifndef NNF_RUNTIME_THREADPOOL_H
#define NNF_RUNTIME_THREADPOOL_H
#include "CoreSets.h"
#include "nnf.h"
#include <atomic>
#include <pthread.h>

namespace nnf::rt {

/// One launch of a kernel, cut into chunks of tasks. Lane 0 is the caller; a lane has its own scratch.
struct Job {
  nnf_kernel_fn function = nullptr;
  const void *const *args = nullptr;
  int64_t tasks = 0, chunkTasks = 1;
  uint8_t *scratch = nullptr;
  uint64_t scratchStride = 0; ///< bytes from one lane's scratch to the next; 0: no scratch
  const int32_t *cancel = nullptr;

  int64_t chunks() const { return tasks / chunkTasks + (tasks % chunkTasks != 0); }
  bool cancelled() const { return cancel && __atomic_load_n(cancel, __ATOMIC_RELAXED) != 0; }
  /// Runs one chunk, or nothing once the caller has asked to stop.
  void runChunk(int64_t chunk, uint32_t lane) const;
};

/// Chooses chunkTasks: several chunks a lane, so that a slow thread does not hold up the others.
void chooseChunks(Job &job, uint32_t lanes);

/// Runs the job on the calling thread alone.
void runAlone(const Job &job);
/// Runs the job on the caller's own threads.
void runOnExecutor(const nnf_executor &executor, const Job &job, uint32_t lanes);

/// CPUs the process may use: its affinity, cut by its cgroup's quota. At least 1.
uint32_t allowedCpus();

class ThreadPool {
public:
  static constexpr uint32_t maxLanes = 1024;

  static ThreadPool &process();

  constexpr ThreadPool() = default;
  /// Threads that stay on the CPUs of `cpus`, which outlives them. The process's stay where the system puts them.
  explicit ThreadPool(const CpuMask &cpus) : cpus(&cpus) {}
  ThreadPool(const ThreadPool &) = delete;
  /// Ends the threads and waits for them. Not of the process's pool, and not in a child that has forked away from them.
  void stop();

  /// False: another run has the pool.
  bool tryAcquire() { return !held.exchange(true, std::memory_order_acquire); }
  void release() { held.store(false, std::memory_order_release); }

  /// Starts threads until `lanes` can run at once, caller included; fewer where the system refuses. Returns how many
  /// lanes there are now. Only for the holder, as is run().
  uint32_t grow(uint32_t lanes);
  /// Runs the job on up to `lanes` threads, the caller being one; returns when all chunks are done.
  void run(const Job &job, uint32_t lanes);

private:
  struct Worker {
    ThreadPool *pool = nullptr;
    uint32_t lane = 0;
    pthread_t thread = {};
  };
  static void *threadMain(void *worker);
  static void afterForkInChild();
  void work(uint32_t lane);
  bool takeChunks(uint32_t lane); // false: the job did not want this lane
  enum class Claim { None, Done, JobChanged };
  struct Range;
  Claim runOneOf(Range &range, bool isOwn, uint32_t job, uint32_t lane);
  void waitForChunks();
  void waitForNextJob(uint32_t seenEpoch, uint32_t lane, bool spin);

  std::atomic<bool> held{false};
  const CpuMask *cpus = nullptr; // NULL: any; then this is the process's pool, whose threads run until it ends
  uint32_t workers = 0;          // the holder's
  std::atomic<bool> stopping{false};
  Job job; // written by the holder while no chunk is open, read by whoever has claimed a chunk
  /// Low 32 bits: lanes that may claim. Above: the job's number.
  alignas(64) std::atomic<uint64_t> ticket{0};
  /// Chunks that no one has claimed yet, a range for each lane: what one kernel leaves in a core's cache, the next
  /// finds there. A lane whose own are done takes the last of another's. From the top: 24 bits of the job's number, 20
  /// of the first chunk, 20 of the end. Claiming is one compare-and-exchange, and the job is read only after it: a
  /// chunk that is claimed keeps the job in place, so a thread that wakes late or sleeps through several jobs can do no
  /// harm.
  struct alignas(64) Range {
    std::atomic<uint64_t> bits{0};
  };
  static constexpr unsigned chunkBits = 20;
  static constexpr uint64_t chunkMask = (uint64_t(1) << chunkBits) - 1;
  static uint32_t jobOf(uint64_t bits) { return uint32_t(bits >> 2 * chunkBits); }
  static uint64_t firstOf(uint64_t bits) { return bits >> chunkBits & chunkMask; }
  static uint64_t endOf(uint64_t bits) { return bits & chunkMask; }
  Range ranges[maxLanes];
  Worker threads[maxLanes]; // [lane]
  uint32_t jobNumber = 0;   // the holder's
  /// Chunks not yet finished. The caller waits for 0.
  alignas(64) std::atomic<uint32_t> unfinished{0};
  std::atomic<bool> callerParked{false};
  /// Counts jobs; idle workers wait for it to change.
  alignas(64) std::atomic<uint32_t> epoch{0};
  std::atomic<uint32_t> parkedWorkers{0};
};

/// Rounding to nearest, no flush-to-zero: what a run's results must not depend on, whatever the thread was set to.
class DefaultFloatState {
public:
  DefaultFloatState();
  ~DefaultFloatState();
  DefaultFloatState(const DefaultFloatState &) = delete;

private:
  uint64_t saved;
};

} // namespace nnf::rt
#endif
