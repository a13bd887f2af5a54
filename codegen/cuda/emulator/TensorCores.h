// What the threads of a warp do together on tensor cores (ldmatrix, mma.sync): the last one to come does it for all.
// Products are exact and added in order in float32; a GPU adds them in an order of its own.
#ifndef NNF_CODEGEN_CUDA_EMULATOR_TENSORCORES_H
#define NNF_CODEGEN_CUDA_EMULATOR_TENSORCORES_H

#include "codegen/cuda/emulator/Copies.h"

namespace {

/// Waits for the other threads of the warp at a call that all of them make. True for the last one, which acts on the
/// operands and results of all and then lets them go on (`releaseWarp`); false: that has been done.
inline bool meetWarp(Thread *thread, uint32_t site, const void *operands, void *results) {
  Thread *warp = thread - thread->number % warpThreads;
  thread->operands = operands;
  thread->results = results;
  thread->members = nobody;
  thread->site = site;
  thread->state = State::AtShuffle;
  for (uint32_t i = 0; i < warpThreads; ++i)
    if (warp[i].state == State::AtShuffle && warp[i].site != site)
      fail(thread, NNF_FAULT_WARP, thread->number);
  for (uint32_t i = 0; i < warpThreads; ++i)
    if (warp[i].state != State::AtShuffle) {
      leave(thread);
      return false;
    }
  return true;
}

inline void releaseWarp(Thread *thread) {
  Thread *warp = thread - thread->number % warpThreads;
  for (uint32_t i = 0; i < warpThreads; ++i)
    warp[i].state = State::Ready;
}

/// Lane 4 i + j gets elements 2 j and 2 j + 1 of row i (transposed: column i) of each of four matrices, whose rows lie
/// where eight lanes each say.
inline void loadMatrices(Thread *thread, uint32_t *result, uint32_t address, bool transposed, uint32_t site) {
  const uint8_t *row = sharedAt(thread, address);
  nnf_emu_access(thread, row, 16, 16, 0);
  if (!meetWarp(thread, site, row, result))
    return;
  Thread *warp = thread - thread->number % warpThreads;
  for (uint32_t lane = 0; lane < warpThreads; ++lane)
    for (uint32_t matrix = 0; matrix < 4; ++matrix) {
      uint32_t word = 0;
      for (uint32_t half = 0; half < 2; ++half) {
        uint32_t major = lane / 4, minor = lane % 4 * 2 + half;
        uint32_t line = transposed ? minor : major, at = transposed ? major : minor;
        word |= uint32_t(static_cast<const uint16_t *>(warp[matrix * 8 + line].operands)[at]) << (16 * half);
      }
      static_cast<uint32_t *>(warp[lane].results)[matrix] = word;
    }
  releaseWarp(thread);
}

inline float fromBits(uint32_t bits) { return __builtin_bit_cast(float, bits); }

inline float widenBfloat(uint32_t bits) { return fromBits(bits << 16); }

inline float widenHalf(uint32_t bits) {
  uint32_t magnitude = (bits & 0x7fff) << 13;
  // Exponents are 112 apart; the multiplication also makes normal numbers of denormal ones.
  uint32_t infinite = 0x7f800000 | magnitude;
  float value = magnitude >= 0x0f800000 ? fromBits(infinite) : fromBits(magnitude) * 0x1p112f;
  return bits & 0x8000 ? -value : value;
}

/// Tensor cores do not look at the bits that tf32 does not have.
inline float widenTf32(uint32_t bits) { return fromBits(bits & 0xffffe000); }

struct ProductOperands {
  uint32_t a[4], b[2];
  float sums[4];
};

/// sums (16 x 8) + a (16 x depth) * b (depth x 8); of the sums lane 4 i + j has columns 2 j and 2 j + 1 of rows i and
/// i + 8. `place` puts what a lane has of A and B where it belongs.
template <uint32_t depth>
void multiplyWarp(Thread *thread, float *result, const ProductOperands &mine, uint32_t site,
                  void (*place)(const ProductOperands &, uint32_t lane, float (&a)[16][depth], float (&b)[depth][8])) {
  if (!meetWarp(thread, site, &mine, result))
    return;
  Thread *warp = thread - thread->number % warpThreads;
  float a[16][depth], b[depth][8];
  for (uint32_t lane = 0; lane < warpThreads; ++lane)
    place(*static_cast<const ProductOperands *>(warp[lane].operands), lane, a, b);
  for (uint32_t lane = 0; lane < warpThreads; ++lane)
    for (uint32_t r = 0; r < 4; ++r) {
      uint32_t row = lane / 4 + r / 2 * 8, column = lane % 4 * 2 + r % 2;
      float sum = static_cast<const ProductOperands *>(warp[lane].operands)->sums[r];
      for (uint32_t k = 0; k < depth; ++k)
        sum += a[row][k] * b[k][column];
      static_cast<float *>(warp[lane].results)[r] = sum;
    }
  releaseWarp(thread);
}

/// Of a row of A, lane 4 i + j has elements 2 j and 2 j + 1 of each half of eight, of rows i and i + 8; the same of a
/// column i of B.
template <float (*widen)(uint32_t)>
void placeHalves(const ProductOperands &operands, uint32_t lane, float (&a)[16][16], float (&b)[16][8]) {
  uint32_t i = lane / 4, j = lane % 4 * 2;
  for (uint32_t half = 0; half < 2; ++half) {
    auto element = [&](uint32_t word) { return widen(word >> (16 * half) & 0xffff); };
    for (uint32_t r = 0; r < 4; ++r)
      a[i + r % 2 * 8][j + half + r / 2 * 8] = element(operands.a[r]);
    for (uint32_t r = 0; r < 2; ++r)
      b[j + half + r * 8][i] = element(operands.b[r]);
  }
}

/// Of a row of A, lane 4 i + j has elements j and j + 4, of rows i and i + 8; the same of a column i of B.
inline void placeTf32(const ProductOperands &operands, uint32_t lane, float (&a)[16][8], float (&b)[8][8]) {
  uint32_t i = lane / 4, j = lane % 4;
  for (uint32_t r = 0; r < 4; ++r)
    a[i + r % 2 * 8][j + r / 2 * 4] = widenTf32(operands.a[r]);
  for (uint32_t r = 0; r < 2; ++r)
    b[j + r * 4][i] = widenTf32(operands.b[r]);
}

} // namespace

extern "C" {

void nnf_emu_ldmatrix_sync_aligned_m8n8_x4_shared_b16(Thread *thread, uint32_t *result, uint32_t address,
                                                      uint32_t site) {
  loadMatrices(thread, result, address, false, site);
}
void nnf_emu_ldmatrix_sync_aligned_m8n8_x4_trans_shared_b16(Thread *thread, uint32_t *result, uint32_t address,
                                                            uint32_t site) {
  loadMatrices(thread, result, address, true, site);
}

void nnf_emu_mma_sync_aligned_m16n8k16_row_col_f32_f16_f16_f32(Thread *thread, float *result, uint32_t a0, uint32_t a1,
                                                               uint32_t a2, uint32_t a3, uint32_t b0, uint32_t b1,
                                                               float c0, float c1, float c2, float c3, uint32_t site) {
  multiplyWarp<16>(thread, result, {{a0, a1, a2, a3}, {b0, b1}, {c0, c1, c2, c3}}, site, placeHalves<widenHalf>);
}
void nnf_emu_mma_sync_aligned_m16n8k16_row_col_f32_bf16_bf16_f32(Thread *thread, float *result, uint32_t a0,
                                                                 uint32_t a1, uint32_t a2, uint32_t a3, uint32_t b0,
                                                                 uint32_t b1, float c0, float c1, float c2, float c3,
                                                                 uint32_t site) {
  multiplyWarp<16>(thread, result, {{a0, a1, a2, a3}, {b0, b1}, {c0, c1, c2, c3}}, site, placeHalves<widenBfloat>);
}
void nnf_emu_mma_sync_aligned_m16n8k8_row_col_f32_tf32_tf32_f32(Thread *thread, float *result, uint32_t a0, uint32_t a1,
                                                                uint32_t a2, uint32_t a3, uint32_t b0, uint32_t b1,
                                                                float c0, float c1, float c2, float c3, uint32_t site) {
  multiplyWarp<8>(thread, result, {{a0, a1, a2, a3}, {b0, b1}, {c0, c1, c2, c3}}, site, placeTf32);
}
}

#endif
