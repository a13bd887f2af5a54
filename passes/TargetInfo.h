// What passes may know of the machine the code is for.
#ifndef NNF_PASSES_TARGETINFO_H
#define NNF_PASSES_TARGETINFO_H

#include <cstdint>

namespace nnf {

/// Facts of a target that decide fusion, layout and tiling. Filled in by codegen from --cpu: caches of this machine as
/// the system tells them, those of another by its CPU's name (codegen/cpu/Caches.cpp), else what most of its level
/// have. What follows from them is in CostModel.h.
struct TargetInfo {
  int64_t vectorBytes = 32; // of the widest float register worth using
  int64_t vectorRegisters = 16;
  bool hasFma = true;
  bool hasF16c = true;
  bool hasAvx512 = false;
  bool hasByteDots = false;        // one instruction adds four products of unsigned with signed bytes to 32 bits (VNNI)
  bool hasExtremes = false;        // one instruction for the larger or smaller of two floats, NaN where one is
  bool canStorePastCaches = false; // by an instruction of its own, and a fence
  int64_t l1Bytes = 32 << 10, l2Bytes = 512 << 10;

  /// Lanes of one register for elements of this many bytes.
  int64_t lanes(int64_t elementBytes) const { return vectorBytes / elementBytes; }
};

} // namespace nnf
#endif
