/* nnf-peak [THREADS]: the highest float32 rate this machine reaches, in GFLOP/s, as one number: independent chains of
 * fused multiply-adds on registers, nothing else. Printed is the best of the rounds: other processes only ever slow
 * one. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#if defined(__AVX512F__)
enum { Lanes = 16 };
#elif defined(__AVX__)
enum { Lanes = 8 };
#else
enum { Lanes = 4 };
#endif
/* 12 chains cover latency x units of every core so far: 5 cycles x 2 units at most. */
enum { Chains = 12, Rounds = 21 };
typedef float Vector __attribute__((vector_size(Lanes * sizeof(float))));

#if defined(__x86_64__)
#define IN_REGISTER "+x"
#else
#define IN_REGISTER "+w"
#endif

static const long stepsPerRound = 2000000;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

/* Rate of one thread over one round, in GFLOP/s. */
static double round_(void) {
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

static pthread_barrier_t ready;

static void *worker(void *rate) {
  pthread_barrier_wait(&ready);
  *(double *)rate = round_();
  return NULL;
}

int main(int argc, char **argv) {
  int threads = argc > 1 ? atoi(argv[1]) : 1;
  if (threads < 1 || threads > 1024) {
    fprintf(stderr, "error: threads: '%s', expected 1 to 1024\n", argv[1]);
    return 2;
  }
  double best = 0;
  for (int r = 0; r < Rounds; ++r) {
    double rates[1024];
    pthread_t ids[1024];
    pthread_barrier_init(&ready, NULL, threads);
    for (int t = 1; t < threads; ++t)
      if (pthread_create(&ids[t], NULL, worker, &rates[t])) {
        fprintf(stderr, "error: cannot start %d threads\n", threads);
        return 1;
      }
    worker(&rates[0]);
    double total = rates[0];
    for (int t = 1; t < threads; ++t) {
      pthread_join(ids[t], NULL);
      total += rates[t];
    }
    if (total > best)
      best = total;
    pthread_barrier_destroy(&ready);
  }
  printf("%.1f\n", best);
  return 0;
}
