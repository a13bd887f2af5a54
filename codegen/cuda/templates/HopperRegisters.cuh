// What attention and blocks that stay need beside Hopper.cuh: products that begin their sums, products whose left
// operand is in registers, and groups of warps that do different things until the end.
#pragma once

#include "codegen/cuda/templates/Hopper.cuh"

/// The number, of which LLVM knows nothing any more.
NNF_DEVICE inline int hiddenFromLlvm(int number) {
  asm volatile("mov.b32 %0, %1;" : "=r"(number) : "r"(number));
  return number;
}

/// The number, of which ptxas knows nothing either: it sees through moves, but does not know that no grid has 2^31
/// blocks.
NNF_DEVICE inline int hidden(int number) {
  u32 none = static_cast<u32>(hiddenFromLlvm(static_cast<int>(blockInGrid()))) >> 31;
  return hiddenFromLlvm(number + static_cast<int>(none));
}

/// All threads of the block meet, at whatever place in the code each is.
NNF_DEVICE inline void meetBlockAnywhere() { asm volatile("bar.sync 1;" ::: "memory"); }

/// A group's threads give registers away, down to `count`; or take them, as soon as others have.
template <int count> NNF_DEVICE inline void giveRegisters() {
  asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(count) : "memory");
}
template <int count> NNF_DEVICE inline void takeRegisters() {
  asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(count) : "memory");
}

/// Words of registers are a left operand from now on: nothing else may come there until products that read them have
/// been waited for. No instruction of a GPU; the emulator keeps the words here, and products take what it has when they
/// are done.
template <int first, int number, int count> NNF_DEVICE inline void setRowsFrom(u32 (&rows)[count]) {
  if constexpr (number > 1) {
    setRowsFrom<first, number / 2>(rows);
    setRowsFrom<first + number / 2, number - number / 2>(rows);
  } else {
    asm volatile("//wgmma.rows %1" : "+r"(rows[first]) : "n"(first));
  }
}
template <int count> NNF_DEVICE inline void setRows(u32 (&rows)[count]) { setRowsFrom<0, count>(rows); }

#define NNF_NEW_4(i) "=f"(s[i]), "=f"(s[i + 1]), "=f"(s[i + 2]), "=f"(s[i + 3])
#define NNF_NEW_16(i) NNF_NEW_4(i), NNF_NEW_4(i + 4), NNF_NEW_4(i + 8), NNF_NEW_4(i + 12)
#define NNF_NEW_32(i) NNF_NEW_16(i), NNF_NEW_16(i + 16)
#define NNF_NEW_64(i) NNF_NEW_32(i), NNF_NEW_32(i + 32)

#define NNF_FIRST_PRODUCT(columns, count, a, b, type, across)                                                          \
  asm volatile("wgmma.mma_async.sync.aligned.m64n" #columns "k16.f32." type "." type " {" NNF_SUMS_##count             \
               "}, %" #a ", %" #b ", 0, 1, 1, " across ";"                                                             \
               : NNF_NEW_##count(0)                                                                                    \
               : "l"(left), "l"(right), "n"(0), "n"(across[0] - '0'), "n"(across[3] - '0'))
#define NNF_FIRST_PRODUCTS(columns, count, a, b, type)                                                                 \
  if (leftAcross && rightAcross)                                                                                       \
    NNF_FIRST_PRODUCT(columns, count, a, b, type, "1, 1");                                                             \
  else if (leftAcross)                                                                                                 \
    NNF_FIRST_PRODUCT(columns, count, a, b, type, "1, 0");                                                             \
  else if (rightAcross)                                                                                                \
    NNF_FIRST_PRODUCT(columns, count, a, b, type, "0, 1");                                                             \
  else                                                                                                                 \
    NNF_FIRST_PRODUCT(columns, count, a, b, type, "0, 0")

/// s (64 x columns) = left (64 x 16) * right (16 x columns): as multiplyTiles, whatever the registers had.
#define NNF_BEGIN_SUMS(columns, count, a, b)                                                                           \
  NNF_DEVICE inline void multiplyFirstTiles(bool isBfloat, float (&s)[count], u64 left, bool leftAcross, u64 right,    \
                                            bool rightAcross) {                                                        \
    if (isBfloat) {                                                                                                    \
      NNF_FIRST_PRODUCTS(columns, count, a, b, "bf16");                                                                \
    } else {                                                                                                           \
      NNF_FIRST_PRODUCTS(columns, count, a, b, "f16");                                                                 \
    }                                                                                                                  \
  }
NNF_BEGIN_SUMS(64, 32, 32, 33)
NNF_BEGIN_SUMS(128, 64, 64, 65)
#undef NNF_BEGIN_SUMS
#undef NNF_FIRST_PRODUCTS
#undef NNF_FIRST_PRODUCT

#define NNF_ROWS_PRODUCT(columns, count, operands, type, across)                                                       \
  asm volatile("wgmma.mma_async.sync.aligned.m64n" #columns "k16.f32." type "." type " {" NNF_SUMS_##count             \
               "}, " operands ", 1, 1, 1, " #across ";"                                                                \
               : NNF_AT_##count(0)                                                                                     \
               : "r"(rows[first]), "r"(rows[first + 1]), "r"(rows[first + 2]), "r"(rows[first + 3]), "l"(right),       \
                 "n"(across), "n"(first))
#define NNF_ROWS_PRODUCTS(columns, count, operands, type)                                                              \
  if (rightAcross)                                                                                                     \
    NNF_ROWS_PRODUCT(columns, count, operands, type, 1);                                                               \
  else                                                                                                                 \
    NNF_ROWS_PRODUCT(columns, count, operands, type, 0)

/// s (64 x columns) += left (64 x 16) * right (16 x columns), whose left operand is four words from `first` on: thread
/// 4 i + j of warp w has of rows 16 w + i and 8 below steps 2 j and the next, then those 8 further.
#define NNF_MULTIPLY_ROWS(columns, count, operands)                                                                    \
  template <int first, int words>                                                                                      \
  NNF_DEVICE inline void multiplyRows(bool isBfloat, float (&s)[count], const u32(&rows)[words], u64 right,            \
                                      bool rightAcross) {                                                              \
    if (isBfloat) {                                                                                                    \
      NNF_ROWS_PRODUCTS(columns, count, operands, "bf16");                                                             \
    } else {                                                                                                           \
      NNF_ROWS_PRODUCTS(columns, count, operands, "f16");                                                              \
    }                                                                                                                  \
  }
NNF_MULTIPLY_ROWS(64, 32, "{%32, %33, %34, %35}, %36")
NNF_MULTIPLY_ROWS(128, 64, "{%64, %65, %66, %67}, %68")
NNF_MULTIPLY_ROWS(256, 128, "{%128, %129, %130, %131}, %132")
#undef NNF_MULTIPLY_ROWS
#undef NNF_ROWS_PRODUCTS
#undef NNF_ROWS_PRODUCT
