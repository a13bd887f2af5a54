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
};

#if defined(__x86_64__)
uint64_t enabledStateOfSystem() {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
}

uint64_t availableFeatures() {
  uint32_t a, b, c, d, b7 = 0, c7 = 0, a71 = 0;
  if (!__get_cpuid(1, &a, &b, &c, &d))
    return 0;
  if (uint32_t a7, d7; !__get_cpuid_count(7, 0, &a7, &b7, &c7, &d7))
    b7 = c7 = 0;
  if (uint32_t b71, c71, d71; !__get_cpuid_count(7, 1, &a71, &b71, &c71, &d71))
    a71 = 0;
  // A register file the system does not save is one we do not have.
  uint64_t saved = (c & bit_OSXSAVE) ? enabledStateOfSystem() : 0;
  bool avx = (saved & 0x6) == 0x6, avx512 = (saved & 0xe6) == 0xe6;
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
  add(avx && (a71 & (1u << 4)), NNF_CPU_AVXVNNI); // older compilers have no name for it
  return found;
}
#else
uint64_t availableFeatures() { return 0; }
#endif

} // namespace

int32_t checkCpuFeatures(const nnf_model &model, Message &message) {
  uint64_t missing = model.cpu_features & ~availableFeatures();
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
