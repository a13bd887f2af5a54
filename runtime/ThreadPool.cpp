#include "ThreadPool.h"
#include <dlfcn.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

namespace nnf::rt {
namespace {

constexpr uint64_t spinNanoseconds = 50'000;
/// Of a worker, while a run goes on that may have work for it again: waking it would take as long as many kernels.
constexpr uint64_t spinWithinRunNanoseconds = 2'000'000;
constexpr uint32_t jobMask = (1u << 24) - 1; // of a job's number

uint64_t now() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return uint64_t(t.tv_sec) * 1'000'000'000u + uint64_t(t.tv_nsec);
}

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

/// True as soon as `done()` is; false when `keepOn()` has not been true for the spinning time.
template <typename Done, typename KeepOn> bool spinUntil(Done done, KeepOn keepOn) {
  uint64_t end = 0, last = 0;
  for (uint32_t round = 1;; ++round) {
    if (done())
      return true;
    pause();
    if (round % 64 != 0)
      continue;
    uint64_t time = now();
    if (end == 0) {
      end = time + spinNanoseconds;
      last = time + spinWithinRunNanoseconds;
    } else if (keepOn() && time < last) {
      end = time + spinNanoseconds;
    } else if (time >= end) {
      return false;
    }
  }
}

long futex(std::atomic<uint32_t> &word, int operation, uint32_t value, uint32_t mask) {
  static_assert(sizeof word == 4 && std::atomic<uint32_t>::is_always_lock_free);
  return syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, mask);
}

/// The bit a lane waits with, so that a job wakes the lanes it wants and no others. Lanes from 31 on share one.
uint32_t wakeBit(uint32_t lane) { return uint32_t(1) << (lane < 31 ? lane : 31); }
/// The bits of lanes 1 … lanes-1.
uint32_t wakeBits(uint32_t lanes) { return (lanes > 31 ? ~uint32_t(0) : (uint32_t(1) << lanes) - 1) & ~uint32_t(1); }

/// Threads run code of this library until the process ends: it must never be unmapped.
void keepLibraryLoaded() {
  Dl_info info;
  if (dladdr(reinterpret_cast<void *>(&keepLibraryLoaded), &info) && info.dli_fname)
    dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
}

constinit ThreadPool processPool;

} // namespace

void Job::runChunk(int64_t chunk, uint32_t lane) const {
  if (cancelled())
    return;
  int64_t first = chunk * chunkTasks;
  int64_t last = tasks - first > chunkTasks ? first + chunkTasks : tasks;
  function(args, first, last, scratchStride ? scratch + lane * scratchStride : nullptr);
}

void chooseChunks(Job &job, uint32_t lanes) {
  int64_t wanted = int64_t(lanes) * 8;
  job.chunkTasks = job.tasks > wanted ? job.tasks / wanted : 1;
}

void runAlone(const Job &job) {
  for (int64_t chunk = 0, chunks = job.chunks(); chunk < chunks; ++chunk)
    job.runChunk(chunk, 0);
}

void runOnExecutor(const nnf_executor &executor, const Job &job, uint32_t lanes) {
  struct Shared {
    const Job &job;
    int64_t chunks;
    std::atomic<int64_t> next{0};
  } shared{job, job.chunks()};
  executor.parallel_for(
      executor.user, lanes,
      [](void *data, uint32_t lane) {
        DefaultFloatState floats;
        Shared &shared = *static_cast<Shared *>(data);
        for (int64_t chunk; (chunk = shared.next.fetch_add(1, std::memory_order_relaxed)) < shared.chunks;)
          shared.job.runChunk(chunk, lane);
      },
      &shared);
}

ThreadPool &ThreadPool::process() { return processPool; }

uint32_t ThreadPool::grow(uint32_t lanes) {
  if (lanes > maxLanes)
    lanes = maxLanes;
  if (workers + 1 >= lanes)
    return workers + 1;
  static bool prepared = false; // written by holders of the process's pool only
  if (!cpus && !prepared) {
    keepLibraryLoaded();
    pthread_atfork(nullptr, nullptr, &ThreadPool::afterForkInChild);
    prepared = true;
  }
  pthread_attr_t attributes;
  if (pthread_attr_init(&attributes) != 0)
    return workers + 1;
  if (cpus)
    pthread_attr_setaffinity_np(&attributes, sizeof cpus->bytes, cpus->set());
  else
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  // Signals are the application's business; a worker must never be the thread that gets one.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (workers + 1 < lanes) {
    Worker &worker = threads[workers + 1];
    worker.pool = this;
    worker.lane = workers + 1;
    if (pthread_create(&worker.thread, &attributes, &ThreadPool::threadMain, &worker) != 0)
      break;
    ++workers;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  return workers + 1;
}

void ThreadPool::stop() {
  stopping.store(true);
  epoch.fetch_add(1);
  futex(epoch, FUTEX_WAKE_BITSET, INT32_MAX, FUTEX_BITSET_MATCH_ANY);
  for (; workers > 0; --workers)
    pthread_join(threads[workers].thread, nullptr);
  stopping.store(false);
}

void ThreadPool::run(const Job &newJob, uint32_t lanes) {
  int64_t chunks = newJob.chunks();
  if (lanes > workers + 1)
    lanes = workers + 1;
  if (int64_t(lanes) > chunks)
    lanes = uint32_t(chunks);
  if (lanes <= 1 || chunks > int64_t(chunkMask))
    return runAlone(newJob);
  job = newJob;
  unfinished.store(uint32_t(chunks), std::memory_order_relaxed);
  jobNumber = (jobNumber + 1) & jobMask;
  for (uint32_t lane = 0; lane < lanes; ++lane) {
    uint64_t first = uint64_t(chunks) * lane / lanes, end = uint64_t(chunks) * (lane + 1) / lanes;
    ranges[lane].bits.store(uint64_t(jobNumber) << 2 * chunkBits | first << chunkBits | end, std::memory_order_release);
  }
  ticket.store(uint64_t(jobNumber) << 32 | lanes, std::memory_order_release);
  // Sequentially consistent against waitForNextJob: either we see the parked worker, or it sees the new epoch.
  epoch.fetch_add(1);
  if (parkedWorkers.load() != 0)
    futex(epoch, FUTEX_WAKE_BITSET, INT32_MAX, wakeBits(lanes));
  takeChunks(0);
  waitForChunks();
}

/// Claims a chunk of a lane's range and runs it.
ThreadPool::Claim ThreadPool::runOneOf(Range &range, bool isOwn, uint32_t number, uint32_t lane) {
  uint64_t open = range.bits.load(std::memory_order_acquire), next;
  do {
    if (jobOf(open) != number)
      return Claim::JobChanged;
    if (firstOf(open) == endOf(open))
      return Claim::None;
    next = isOwn ? open + (uint64_t(1) << chunkBits) : open - 1;
  } while (!range.bits.compare_exchange_weak(open, next, std::memory_order_acq_rel, std::memory_order_acquire));
  job.runChunk(int64_t(isOwn ? firstOf(open) : endOf(next)), lane);
  if (unfinished.fetch_sub(1) == 1 && callerParked.load())
    futex(unfinished, FUTEX_WAKE_BITSET, 1, FUTEX_BITSET_MATCH_ANY);
  return Claim::Done;
}

bool ThreadPool::takeChunks(uint32_t lane) {
  for (;;) {
    uint64_t current = ticket.load(std::memory_order_acquire);
    uint32_t lanes = uint32_t(current), number = uint32_t(current >> 32);
    if (lane >= lanes)
      return false;
    Claim claim = Claim::None;
    for (uint32_t i = 0; i < lanes && claim == Claim::None; ++i) {
      uint32_t of = lane + i < lanes ? lane + i : lane + i - lanes;
      claim = runOneOf(ranges[of], of == lane, number, lane);
    }
    if (claim == Claim::None)
      return true;
  }
}

void ThreadPool::waitForChunks() {
  if (spinUntil([&] { return unfinished.load(std::memory_order_acquire) == 0; }, [] { return false; }))
    return;
  callerParked.store(true);
  while (uint32_t left = unfinished.load())
    futex(unfinished, FUTEX_WAIT_BITSET, left, FUTEX_BITSET_MATCH_ANY);
  callerParked.store(false);
}

void ThreadPool::waitForNextJob(uint32_t seenEpoch, uint32_t lane, bool spin) {
  if (spin && spinUntil([&] { return epoch.load(std::memory_order_acquire) != seenEpoch; },
                        [&] { return held.load(std::memory_order_relaxed); }))
    return;
  parkedWorkers.fetch_add(1);
  // Not woken for jobs that do not want this lane: the wait's own comparison is with the epoch it saw, so a wake that
  // comes in between is not lost.
  while (epoch.load() == seenEpoch)
    if (futex(epoch, FUTEX_WAIT_BITSET, seenEpoch, wakeBit(lane)) == 0)
      break;
  parkedWorkers.fetch_sub(1);
}

void ThreadPool::work(uint32_t lane) {
  DefaultFloatState floats;
  for (;;) {
    uint32_t seenEpoch = epoch.load(); // before `stopping`: who misses that sees a changed epoch
    if (stopping.load())
      return;
    bool wanted = takeChunks(lane);
    waitForNextJob(seenEpoch, lane, wanted);
  }
}

void *ThreadPool::threadMain(void *workerPointer) {
  pthread_setname_np(pthread_self(), "nnf-worker");
  const Worker &worker = *static_cast<const Worker *>(workerPointer);
  worker.pool->work(worker.lane);
  return nullptr;
}

/// A child process has the memory of the pool, but none of its threads, and nobody in it is in a run.
void ThreadPool::afterForkInChild() {
  processPool.workers = 0;
  processPool.ticket.store(0);
  processPool.unfinished.store(0);
  processPool.callerParked.store(false);
  processPool.parkedWorkers.store(0);
  processPool.held.store(false);
}

#if defined(__x86_64__)
static uint32_t mxcsr() {
  uint32_t value;
  __asm__ volatile("stmxcsr %0" : "=m"(value));
  return value;
}
static void setMxcsr(uint32_t value) { __asm__ volatile("ldmxcsr %0" : : "m"(value)); }
DefaultFloatState::DefaultFloatState() : saved(mxcsr()) { setMxcsr(0x1F80); }
DefaultFloatState::~DefaultFloatState() { setMxcsr(uint32_t(saved)); }
#elif defined(__aarch64__)
DefaultFloatState::DefaultFloatState() {
  __asm__ volatile("mrs %0, fpcr" : "=r"(saved));
  __asm__ volatile("msr fpcr, %0" : : "r"(uint64_t(0)));
}
DefaultFloatState::~DefaultFloatState() { __asm__ volatile("msr fpcr, %0" : : "r"(saved)); }
#else
DefaultFloatState::DefaultFloatState() : saved(0) {}
DefaultFloatState::~DefaultFloatState() {}
#endif

} // namespace nnf::rt
