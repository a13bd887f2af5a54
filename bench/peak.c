/* nnf-peak [THREADS [memory]]: the highest float32 rate this machine reaches, in GFLOP/s, as one number: independent
 * chains of fused multiply-adds on registers, nothing else. With `memory`: the rate at which it reads memory that no
 * cache holds, in GB/s. Printed is the best of the rounds: other processes only ever slow one. Rounds are short, so
 * that on a busy machine some are undisturbed. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#if defined(__AVX512F__)
enum { Lanes = 16 };
#elif defined(__AVX__)
enum { Lanes = 8 };
#else
enum { Lanes = 4 };
#endif
/* 12 chains cover latency x units of every core so far: 5 cycles x 2 units at most. */
enum { Chains = 12, Rounds = 300, MaxThreads = 1024 };
typedef float Vector __attribute__((vector_size(Lanes * sizeof(float))));

#if defined(__x86_64__)
#define IN_REGISTER "+x"
#else
#define IN_REGISTER "+w"
#endif

/* Half a millisecond. */
static const long stepsPerRound = 200000;
/* Read in turn, slice by slice, round by round, each thread its part of a slice: all are more than any cache. */
static const size_t memoryBytes = (size_t)1 << 30, sliceBytes = (size_t)1 << 24;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* Rate of one thread over one round, in GFLOP/s. */
static double multiply(int thread, int round) {
  (void)thread, (void)round;
  Vector sum[Chains], factor = {0}, step = {0};
  for (int c = 0; c < Chains; ++c)
    sum[c] = step;
  __asm__ volatile("" : IN_REGISTER(factor), IN_REGISTER(step));
  double start = now();
  for (long s = 0; s < stepsPerRound; ++s) {
#pragma clang loop unroll(full)
    for (int c = 0; c < Chains; ++c) {
      sum[c] = __builtin_elementwise_fma(factor, step, sum[c]);
      /* Opaque, so that the chain is neither folded nor hoisted; costs no instruction. */
      __asm__ volatile("" : IN_REGISTER(sum[c]));
    }
  }
  double seconds = now() - start;
  return 2.0 * Lanes * Chains * stepsPerRound / seconds * 1e-9;
}

static Vector *memory;
static int threads = 1;

/* Rate of one thread over one round, in GB/s. */
static double readMemory(int thread, int round) {
  size_t slice = round % (memoryBytes / sliceBytes), count = sliceBytes / sizeof(Vector) / threads;
  const Vector *from = memory + slice * (sliceBytes / sizeof(Vector)) + thread * count;
  Vector sum[Chains];
  memset(sum, 0, sizeof sum);
  double start = now();
  for (size_t v = 0; v + Chains <= count; v += Chains) {
#pragma clang loop unroll(full)
    for (int c = 0; c < Chains; ++c) {
      sum[c] += from[v + c];
      __asm__ volatile("" : IN_REGISTER(sum[c]));
    }
  }
  double seconds = now() - start;
  return count * sizeof(Vector) / seconds * 1e-9;
}

static pthread_barrier_t ready;

typedef struct {
  double (*rateOf)(int thread, int round);
  int thread, round;
  double rate;
} Work;

static void *worker(void *argument) {
  Work *work = argument;
  pthread_barrier_wait(&ready);
  work->rate = work->rateOf(work->thread, work->round);
  return NULL;
}

int main(int argc, char **argv) {
  int reads = argc > 2 && strcmp(argv[2], "memory") == 0;
  if (argc > 1)
    threads = atoi(argv[1]);
  if (threads < 1 || threads > MaxThreads) {
    fprintf(stderr, "error: threads: '%s', expected 1 to %d\n", argv[1], MaxThreads);
    return 2;
  }
  if (argc > 2 + reads) {
    fprintf(stderr, "error: argument '%s', expected 'memory' or none\n", argv[2 + reads]);
    return 2;
  }
  if (reads) {
    if (!(memory = aligned_alloc(sizeof(Vector), memoryBytes))) {
      fprintf(stderr, "error: cannot allocate %zu MB\n", memoryBytes >> 20);
      return 1;
    }
    memset(memory, 1, memoryBytes); /* pages that nobody wrote are all one page of zeros */
  }
  double best = 0;
  for (int r = 0; r < Rounds; ++r) {
    Work works[MaxThreads];
    pthread_t ids[MaxThreads];
    pthread_barrier_init(&ready, NULL, threads);
    for (int t = 0; t < threads; ++t)
      works[t] = (Work){.rateOf = reads ? readMemory : multiply, .thread = t, .round = r};
    for (int t = 1; t < threads; ++t)
      if (pthread_create(&ids[t], NULL, worker, &works[t])) {
        fprintf(stderr, "error: cannot start %d threads\n", threads);
        return 1;
      }
    worker(&works[0]);
    double total = works[0].rate;
    for (int t = 1; t < threads; ++t) {
      pthread_join(ids[t], NULL);
      total += works[t].rate;
    }
    if (total > best)
      best = total;
    pthread_barrier_destroy(&ready);
  }
  printf("%.1f\n", best);
  return 0;
}
