#include "Program.h"
#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace nnf::rt {
namespace {

struct Feature {
  uint64_t bit;
  const char *name;
};
constexpr Feature features[] = {
    {NNF_CPU_SSE4_2, "sse4.2"},
    {NNF_CPU_AVX, "avx"},
    {NNF_CPU_AVX2, "avx2"},
    {NNF_CPU_FMA, "fma"},
    {NNF_CPU_F16C, "f16c"},
    {NNF_CPU_AVX512F, "avx512f"},
    {NNF_CPU_AVX512BW, "avx512bw"},
    {NNF_CPU_AVX512VL, "avx512vl"},
    {NNF_CPU_AVX512DQ, "avx512dq"},
    {NNF_CPU_BMI2, "bmi2"},
    {NNF_CPU_AVX512VNNI, "avx512vnni"},
    {NNF_CPU_AVXVNNI, "avxvnni"},
    {NNF_CPU_BMI, "bmi"},
    {NNF_CPU_LZCNT, "lzcnt"},
    {NNF_CPU_MOVBE, "movbe"},
    {NNF_CPU_POPCNT, "popcnt"},
    {NNF_CPU_AVX512CD, "avx512cd"},
    {NNF_CPU_AVX512VBMI, "avx512vbmi"},
    {NNF_CPU_AVX512VBMI2, "avx512vbmi2"},
    {NNF_CPU_AVX512IFMA, "avx512ifma"},
    {NNF_CPU_AVX512BITALG, "avx512bitalg"},
    {NNF_CPU_AVX512VPOPCNTDQ, "avx512vpopcntdq"},
    {NNF_CPU_AVX512BF16, "avx512bf16"},
    {NNF_CPU_AVX512FP16, "avx512fp16"},
    {NNF_CPU_GFNI, "gfni"},
    {NNF_CPU_AVXIFMA, "avxifma"},
    {NNF_CPU_AVXNECONVERT, "avxneconvert"},
    {NNF_CPU_AVXVNNIINT8, "avxvnniint8"},
    {NNF_CPU_AVXVNNIINT16, "avxvnniint16"},
    {NNF_CPU_AVX10_2, "avx10.2"},
    {NNF_CPU_APX, "apx"},
    {NNF_CPU_SSE4A, "sse4a"},
    {NNF_CPU_FMA4, "fma4"},
    {NNF_CPU_XOP, "xop"},
    {NNF_CPU_TBM, "tbm"},
};

#if defined(__x86_64__)
uint64_t enabledStateOfSystem() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
}

uint64_t findFeatures() {
  uint32_t a, b, c, d, b7 = 0, c7 = 0, d7 = 0, a71 = 0, d71 = 0, cExtended = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d))
    return 0;
  if (uint32_t a7; !__get_cpuid_count(7, 0, &a7, &b7, &c7, &d7))
    b7 = c7 = d7 = 0;
  if (uint32_t b71, c71; !__get_cpuid_count(7, 1, &a71, &b71, &c71, &d71))
    a71 = d71 = 0;
  if (uint32_t aExtended, bExtended, dExtended;
      !__get_cpuid(0x80000001, &aExtended, &bExtended, &cExtended, &dExtended))
    cExtended = 0;
  // A register file the system does not save is one we do not have.
  uint64_t saved = (c & bit_OSXSAVE) ? enabledStateOfSystem() : 0;
  bool avx = (saved & 0x6) == 0x6, avx512 = (saved & 0xe6) == 0xe6, apx = saved & (1u << 19);
  uint64_t found = 0;
  auto add = [&](bool has, uint64_t bit) { found |= has ? bit : 0; };
  add(c & bit_SSE4_2, NNF_CPU_SSE4_2);
  add(avx && (c & bit_AVX), NNF_CPU_AVX);
  add(avx && (c & bit_FMA), NNF_CPU_FMA);
  add(avx && (c & bit_F16C), NNF_CPU_F16C);
  add(avx && (b7 & bit_AVX2), NNF_CPU_AVX2);
  add(b7 & bit_BMI2, NNF_CPU_BMI2);
  add(avx512 && (b7 & bit_AVX512F), NNF_CPU_AVX512F);
  add(avx512 && (b7 & bit_AVX512BW), NNF_CPU_AVX512BW);
  add(avx512 && (b7 & bit_AVX512VL), NNF_CPU_AVX512VL);
  add(avx512 && (b7 & bit_AVX512DQ), NNF_CPU_AVX512DQ);
  add(avx512 && (c7 & bit_AVX512VNNI), NNF_CPU_AVX512VNNI);
  // By number: compilers differ in which of these they have names for, and in how they spell them.
  auto bit = [](uint32_t word, int number) { return (word >> number & 1) != 0; };
  add(avx && bit(a71, 4), NNF_CPU_AVXVNNI);
  add(bit(b7, 3), NNF_CPU_BMI);
  add(bit(cExtended, 5), NNF_CPU_LZCNT);
  add(bit(c, 22), NNF_CPU_MOVBE);
  add(bit(c, 23), NNF_CPU_POPCNT);
  add(avx512 && bit(b7, 28), NNF_CPU_AVX512CD);
  add(avx512 && bit(c7, 1), NNF_CPU_AVX512VBMI);
  add(avx512 && bit(c7, 6), NNF_CPU_AVX512VBMI2);
  add(avx512 && bit(b7, 21), NNF_CPU_AVX512IFMA);
  add(avx512 && bit(c7, 12), NNF_CPU_AVX512BITALG);
  add(avx512 && bit(c7, 14), NNF_CPU_AVX512VPOPCNTDQ);
  add(avx512 && bit(a71, 5), NNF_CPU_AVX512BF16);
  add(avx512 && bit(d7, 23), NNF_CPU_AVX512FP16);
  add(bit(c7, 8), NNF_CPU_GFNI);
  add(avx && bit(a71, 23), NNF_CPU_AVXIFMA);
  add(avx && bit(d71, 5), NNF_CPU_AVXNECONVERT);
  add(avx && bit(d71, 4), NNF_CPU_AVXVNNIINT8);
  add(avx && bit(d71, 10), NNF_CPU_AVXVNNIINT16);
  uint32_t a24, b24 = 0, c24, d24;
  add(avx512 && bit(d71, 19) && __get_cpuid_count(0x24, 0, &a24, &b24, &c24, &d24) && (b24 & 0xff) >= 2,
      NNF_CPU_AVX10_2);
  add(apx && bit(d71, 21), NNF_CPU_APX);
  add(bit(cExtended, 6), NNF_CPU_SSE4A);
  add(avx && bit(cExtended, 16), NNF_CPU_FMA4);
  add(avx && bit(cExtended, 11), NNF_CPU_XOP);
  add(bit(cExtended, 21), NNF_CPU_TBM);
  return found;
}
#endif

} // namespace

uint64_t availableCpuFeatures() {
#if defined(__x86_64__)
  return findFeatures();
#else
  return 0;
#endif
}

int32_t checkCpuFeatures(const nnf_model &model, Message &message) {
  uint64_t missing = model.cpu_features & ~availableCpuFeatures();
  if (!missing)
    return NNF_OK;
  Text<256> names;
  for (const Feature &feature : features)
    if (missing & feature.bit)
      names.add(" %s", feature.name);
  uint64_t known = 0;
  for (const Feature &feature : features)
    known |= feature.bit;
  if (missing & ~known)
    names.add(" and others this runtime does not know");
  return message.fail(NNF_ERROR_UNSUPPORTED, "model '%s' is compiled for '%s', but this CPU lacks:%s [NNFC-E0704]",
                      model.name, model.target ? model.target : "", names.str());
}

} // namespace nnf::rt
