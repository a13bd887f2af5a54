// Coefficients of the math expansion. Written by derive.py; change that and run it again.
#pragma once

#include <cstdint>

namespace nnf::coefficients {

/// exp(r) = 1 + r + r^2 Q(r), |r| <= ln(2)/2. Error 2^-28.0.
inline constexpr double expF32[] = {
    0x1.fffffc0000000p-2, 0x1.5554920000000p-3, 0x1.5558f20000000p-5, 0x1.1239e20000000p-7, 0x1.6a24380000000p-10,
};
/// The same for powf in f64. Error 2^-34.2.
inline constexpr double expPowF32[] = {
    0x1.0000003a21708p-1, 0x1.55555442d9337p-3,  0x1.55548dc4fadafp-5,
    0x1.11127105f81bbp-7, 0x1.6d8d07db07c62p-10, 0x1.9f085719c478dp-13,
};
/// The same for f64. Error 2^-56.4.
inline constexpr double expF64[] = {
    0x1.000000000000ap-1,  0x1.55555555554fap-3,  0x1.555555555087ep-5,  0x1.1111111127c2bp-7,  0x1.6c16c18429c9dp-10,
    0x1.a01a012a41e30p-13, 0x1.a0199a0cf0268p-16, 0x1.71df257f8945ap-19, 0x1.28ad7270c2c43p-22, 0x1.ad7f2b973cd63p-26,
};
/// exp(-t) = 1 + t P(t), |t| <= ln(2)/32. Error 2^-29.2.
inline constexpr double expPartF32[] = {
    -0x1.0000000000000p+0,
    0x1.0002200000000p-1,
    -0x1.5552420000000p-3,
};
/// 2^(i/16) / (1 + i/16).
inline constexpr double expTableF32[] = {
    0x1.0000000000000p+0, 0x1.f737940000000p-1, 0x1.f04d5c0000000p-1, 0x1.eaff6a0000000p-1,
    0x1.e719680000000p-1, 0x1.e4715c0000000p-1, 0x1.e2e55a0000000p-1, 0x1.e259ba0000000p-1,
    0x1.e2b7de0000000p-1, 0x1.e3ed280000000p-1, 0x1.e5ea400000000p-1, 0x1.e8a27c0000000p-1,
    0x1.ec0b660000000p-1, 0x1.f01c680000000p-1, 0x1.f4ce760000000p-1, 0x1.fa1bd80000000p-1};
/// expm1(r) = r + r^2 Q(r), |r| <= ln(2)/2. Error 2^-28.8.
inline constexpr double expm1F32[] = {
    0x1.0000000000000p-1, 0x1.5555540000000p-3,  0x1.5554b20000000p-5,
    0x1.11118a0000000p-7, 0x1.6d71f80000000p-10, 0x1.a032c20000000p-13,
};
/// The same for f64. Error 2^-59.9.
inline constexpr double expm1F64[] = {
    0x1.0000000000000p-1,  0x1.5555555555559p-3,  0x1.555555555553fp-5,  0x1.111111110f6dap-7,
    0x1.6c16c16c1f092p-10, 0x1.a01a01afd3fcbp-13, 0x1.a01a017bbf21ap-16, 0x1.71ddf87e79c7dp-19,
    0x1.27e5363a1955cp-22, 0x1.af5e756c9a2b6p-26, 0x1.1ee874bce1dd5p-29,
};
/// log(1 + f) = f - f^2/2 + f^3 P(f), sqrt(1/2) <= 1 + f <= sqrt(2). Error 2^-28.4.
inline constexpr double logF32[] = {
    0x1.5555480000000p-2,  -0x1.0000060000000p-2, 0x1.99a4b40000000p-3,  -0x1.555c480000000p-3, 0x1.2337680000000p-3,
    -0x1.fc22a80000000p-4, 0x1.e6f11a0000000p-4,  -0x1.de39380000000p-4, 0x1.1452fa0000000p-4,
};
/// log((1 + s)/(1 - s)) = 2s + s^3 R(s^2), s = f/(2 + f) for the same f. Error 2^-59.5.
inline constexpr double logF64[] = {
    0x1.5555555555592p-1, 0x1.999999997ff4fp-2, 0x1.24924941dd17ep-2, 0x1.c71c52182f43bp-3,
    0x1.74663c1bf4053p-3, 0x1.39a1fdaa1c688p-3, 0x1.2f02ef207d0e2p-3,
};
/// log2((1 + s)/(1 - s)) = s R(s^2), for log2 and powf of f32 computed in f64. Error 2^-45.1.
inline constexpr double log2F32[] = {
    0x1.71547652b8251p+1, 0x1.ec709dc53c62ap-1, 0x1.2776c2935e351p-1,
    0x1.a61a2ea47d382p-2, 0x1.47955d76b73f8p-2, 0x1.21b075adbb734p-2,
};
/// log((1 + s)/(1 - s)) = 2s (1 + z/3 + z^2 T(z)), z = s^2, for f64 pow. Error 2^-77.0.
inline constexpr double logTailF64[] = {
    0x1.999999999999ap-3, 0x1.2492492492363p-3, 0x1.c71c71c747eb4p-4, 0x1.745d172bc6f7ap-4, 0x1.3b13ba5b98f2bp-4,
    0x1.110f1be6e1e35p-4, 0x1.e265997fabf94p-5, 0x1.a50699a564c9fp-5, 0x1.ecb68b957620ep-5,
};
/// sin(r) = r + r^3 S(r^2), |r| <= pi/4, for f32 computed in f64. Error 2^-37.5.
inline constexpr double sinF32[] = {
    -0x1.5555554c6fdf2p-3,
    0x1.11110868f63bcp-7,
    -0x1.a00f7e041b85dp-13,
    0x1.6cd1ac961f79ap-19,
};
/// The same for f64. Error 2^-57.9.
inline constexpr double sinF64[] = {
    -0x1.5555555555548p-3, 0x1.111111110f730p-7,   -0x1.a01a019be9221p-13,
    0x1.71de35552c480p-19, -0x1.ae5e4b84c61b9p-26, 0x1.5d8b55cf5be1fp-33,
};
/// cos(r) = 1 - r^2/2 + r^4 C(r^2), |r| <= pi/4, for f32 computed in f64. Error 2^-42.9.
inline constexpr double cosF32[] = {
    0x1.5555554ed829ap-5,
    -0x1.6c16b828a378bp-10,
    0x1.a010ddde2302bp-16,
    -0x1.241e6a4e89375p-22,
};
/// The same for f64. Error 2^-63.9.
inline constexpr double cosF64[] = {
    0x1.555555555554bp-5,   -0x1.6c16c16c15013p-10, 0x1.a01a019c8ed00p-16,
    -0x1.27e4f7f14062fp-22, 0x1.1ee9db8d835b8p-29,  -0x1.8fa65e1faed80p-37,
};
/// sin(r) = r + r^3 S(r^2), |r| <= 0.79, for f32 computed in f32. Error 2^-27.8.
inline constexpr double sinSingle[] = {
    -0x1.5555440000000p-3,
    0x1.1106c60000000p-7,
    -0x1.991c2c0000000p-13,
};
/// cos(r) = 1 - r^2/2 + r^4 C(r^2), |r| <= 0.79, for f32 computed in f32. Error 2^-32.9.
inline constexpr double cosSingle[] = {
    0x1.55554a0000000p-5,
    -0x1.6c0c1e0000000p-10,
    0x1.99e3360000000p-16,
};
/// tan(r) = r + r^3 T(r^2), |r| <= 0.79, for f32 computed in f32. Error 2^-29.3.
inline constexpr double tanSingle[] = {
    0x1.5555620000000p-2, 0x1.110d1a0000000p-3,   0x1.baf0d80000000p-5, 0x1.5bd2640000000p-6,
    0x1.67a68c0000000p-7, -0x1.7ee1c80000000p-14, 0x1.24c1f20000000p-8,
};
/// tanh(x) = x + x^3 P(x^2), |x| <= 0.625. Error 2^-27.7.
inline constexpr double tanhF32[] = {
    -0x1.5555320000000p-2, 0x1.1106f60000000p-3, -0x1.b835a40000000p-5, 0x1.51f8ce0000000p-6, -0x1.750cda0000000p-8,
};
/// The same for f64. Error 2^-56.4.
inline constexpr double tanhF64[] = {
    -0x1.55555555554fcp-2,  0x1.111111110a96ep-3,  -0x1.ba1ba1b4df54cp-5,  0x1.664f4773ed205p-6,
    -0x1.226e157788825p-7,  0x1.d6cf11704eacdp-9,  -0x1.7d67bbf7f1280p-10, 0x1.33602da43e184p-11,
    -0x1.df25e900eaa13p-13, 0x1.43251d9314ca0p-14, -0x1.0cd400069e087p-16,
};
/// atan(t) = t + t^3 P(t^2), |t| <= 1. Error 2^-28.5.
inline constexpr double atanF32[] = {
    -0x1.55553e0000000p-2, 0x1.9991e40000000p-3,  -0x1.2420840000000p-3, 0x1.c08c1a0000000p-4,   -0x1.5808140000000p-4,
    0x1.da24ca0000000p-5,  -0x1.fd6fba0000000p-6, 0x1.6410dc0000000p-7,  -0x1.d32d8c0000000p-10,
};
/// The same for f64, |t| <= tan(pi/8). Error 2^-63.9.
inline constexpr double atanF64[] = {
    -0x1.5555555555554p-2, 0x1.9999999999585p-3, -0x1.249249246f66ap-3, 0x1.c71c71b46233cp-4,
    -0x1.745d1451f92cbp-4, 0x1.3b13651eeef39p-4, -0x1.110beeab436f4p-4, 0x1.e168047728556p-5,
    -0x1.ab3e0efa14476p-5, 0x1.6feea2d825410p-5, -0x1.0feea2af265d0p-5, 0x1.e8befa83ab67fp-7,
};
/// erf(x) = x + x P(x^2), |x| <= 1. Error 2^-29.4.
inline constexpr double erfF32[] = {
    0x1.06eba80000000p-3, -0x1.81273e0000000p-2,  0x1.ce2ce60000000p-4,  -0x1.b7f71a0000000p-6,
    0x1.53f2240000000p-8, -0x1.a3515e0000000p-11, 0x1.4771fc0000000p-14,
};
/// The same for f64. Error 2^-56.3.
inline constexpr double erfF64[] = {
    0x1.06eba8214db69p-3,  -0x1.812746b037a25p-2,  0x1.ce2f21a0458d6p-4,  -0x1.b82ce31354c01p-6,
    0x1.565bcd2c60459p-8,  -0x1.c02db93290dd3p-11, 0x1.f9a3b9429b1bfp-14, -0x1.f4dcf0178f78fp-17,
    0x1.ba6905004fb40p-20, -0x1.63904a34ab64dp-23, 0x1.131e501199c07p-26, -0x1.c4ad535add705p-30,
    0x1.3b92423f40f63p-33,
};
/// The width of a part of erfTableF32.
inline constexpr double erfPartF32 = 0x1.06c0000000000p-2;
/// erf(i w + t) = t + sum of table[k][i] t^k, w = erfPartF32, |t| <= w/2. Error 2^-24.7, most of it the rounding of
/// table[0].
inline constexpr double erfTableF32[][16] = {
    {0x0.0p+0, 0x1.2219f80000000p-2, 0x1.1063720000000p-1, 0x1.7286620000000p-1, 0x1.b4eb9a0000000p-1,
     0x1.dc5ad40000000p-1, 0x1.f0ea680000000p-1, 0x1.fa53920000000p-1, 0x1.fe1b8e0000000p-1, 0x1.ff70f80000000p-1,
     0x1.ffdaac0000000p-1, 0x1.fff7660000000p-1, 0x1.fffe400000000p-1, 0x1.ffffb00000000p-1, 0x1.fffff40000000p-1,
     0x1.fffffe0000000p-1},
    {0x1.06eba80000000p-3, 0x1.ceb0120000000p-5, -0x1.1022120000000p-3, -0x1.8121740000000p-2, -0x1.3685c80000000p-1,
     -0x1.9099b80000000p-1, -0x1.ca014c0000000p-1, -0x1.e90ecc0000000p-1, -0x1.f774640000000p-1, -0x1.fd35b40000000p-1,
     -0x1.ff338c0000000p-1, -0x1.ffccb20000000p-1, -0x1.fff4b80000000p-1, -0x1.fffdd20000000p-1, -0x1.ffffa20000000p-1,
     -0x1.fffff20000000p-1},
    {0x0.0p+0, -0x1.15960a0000000p-2, -0x1.c7abc40000000p-2, -0x1.ebc8b00000000p-2, -0x1.9d95680000000p-2,
     -0x1.1dd92e0000000p-2, -0x1.4c87da0000000p-3, -0x1.49a8340000000p-4, -0x1.18a1ca0000000p-5, -0x1.9c629c0000000p-7,
     -0x1.0646ca0000000p-8, -0x1.2145fe0000000p-10, -0x1.1222860000000p-12, -0x1.da19fe0000000p-15,
     -0x1.ef36e80000000p-17, 0x1.5b9e740000000p-23},
    {-0x1.8126640000000p-2, -0x1.392a800000000p-2, -0x1.183b9e0000000p-3, 0x1.3b44b40000000p-5, 0x1.2954f00000000p-3,
     0x1.546e1e0000000p-3, 0x1.0d494c0000000p-3, 0x1.4d92440000000p-4, 0x1.52837a0000000p-5, 0x1.1faec40000000p-6,
     0x1.9e9ef60000000p-8, 0x1.feb1740000000p-10, 0x1.0e35f00000000p-11, 0x1.ed2a340000000p-14, 0x1.852b1e0000000p-16,
     0x1.0a1f100000000p-18},
    {0x0.0p+0, 0x1.078ed40000000p-3, 0x1.75be6c0000000p-3, 0x1.2877480000000p-3, 0x1.ef19240000000p-5,
     -0x1.a6e9900000000p-7, -0x1.7b9b9c0000000p-5, -0x1.7aa2b20000000p-5, -0x1.fed2040000000p-6, -0x1.0852880000000p-6,
     -0x1.c0e4500000000p-8, -0x1.4312500000000p-9, -0x1.d3b1300000000p-11, -0x1.06c4080000000p-13,
     0x1.8a4a4a0000000p-13, -0x1.8573000000000p-14},
    {0x1.cb9e440000000p-4, 0x1.47ba6e0000000p-4, 0x1.5066b20000000p-8, -0x1.c5f0ac0000000p-5, -0x1.156f200000000p-4,
     -0x1.5eb7c00000000p-5, -0x1.598ae40000000p-7, 0x1.1be7920000000p-7, 0x1.a8dda00000000p-7, 0x1.39deee0000000p-7,
     0x1.4d0f140000000p-8, 0x1.15f82c0000000p-9, 0x1.7af8320000000p-11, 0x1.ae8e840000000p-13, 0x1.9c8e760000000p-15,
     0x1.5011e80000000p-17}};
/// log(1 - erf(1 + u)) = G(u), 0 <= u <= 3. Error 2^-26.6.
inline constexpr double erfcF32[] = {
    -0x1.d97fc00000000p+0, -0x1.51c9800000000p+1,  -0x1.afb8300000000p-1,  -0x1.500d380000000p-5,
    0x1.1c94d40000000p-7,  -0x1.829fc80000000p-12, -0x1.4d7d560000000p-11, 0x1.6913de0000000p-13,
};
/// log(1 - erf(1 + u)) = G(u), 0 <= u <= 5. Error 2^-58.7.
inline constexpr double erfcF64[] = {
    -0x1.d97fbf27aa2a1p+0,  -0x1.51c9b0006c247p+1,  -0x1.afabc11a28558p-1,  -0x1.5477f09d997cfp-5,
    0x1.48c9d43ae9eeep-7,   -0x1.033f6f03c19adp-9,  0x1.f1b65d624f559p-13,  0x1.b8935bec8fa29p-16,
    -0x1.c6f52a8cba4d1p-16, 0x1.4001d8c4f9f5ep-17,  -0x1.08027607b0ab1p-19, 0x1.c6f435af9e519p-25,
    0x1.5edd4ab05244bp-23,  -0x1.7ba0d6f40f3e6p-24, 0x1.00f6857511422p-25,  -0x1.fd36318ae49cdp-28,
    0x1.72701d16287eep-30,  -0x1.770d0a9884663p-33, 0x1.d66a39d955286p-37,  -0x1.11eba38e10c00p-41,
};
/// ln(2) for Cody and Waite: the product of the first part with an exponent is exact.
inline constexpr double ln2F32[] = {0x1.62e4000000000p-1, 0x1.7f7d1c0000000p-20};
/// The same for f64.
inline constexpr double ln2F64[] = {0x1.62e42fefa4000p-1, -0x1.8432a1b0e2634p-43};
/// 1/ln(2) in two parts.
inline constexpr double log2eF64[] = {0x1.71547652b82fep+0, 0x1.777d0ffda0d24p-56};
/// 1/3 in two parts.
inline constexpr double thirdF64[] = {0x1.5555555555555p-2, 0x1.5555555555555p-56};
/// pi/2, its first three parts short enough to be multiplied by an integer of 20 bits.
inline constexpr double halfPiF64[] = {0x1.921fb54400000p+0, 0x1.0b4611a600000p-34, 0x1.3198a2e000000p-69,
                                       0x1.b839a252049c1p-104};
/// pi/2 in two full parts.
inline constexpr double halfPiPairF64[] = {0x1.921fb54442d18p+0, 0x1.1a62633145c07p-54};
/// pi/2 in three full parts of f32.
inline constexpr double halfPiF32[] = {0x1.921fb60000000p+0, -0x1.777a5c0000000p-25, -0x1.ee59da0000000p-50};
/// pi/4 in two parts.
inline constexpr double quarterPiF64[] = {0x1.921fb54442d18p-1, 0x1.1a62633145c07p-55};
/// 2/pi as a binary fraction, 64 bits a word, highest first.
inline constexpr uint64_t twoOverPi[] = {
    0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561, 0xb7246e3a424dd2e0,
    0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484, 0xe99c7026b45f7e41, 0x3991d639835339f4,
    0x9c845f8bbdf9283b, 0x1ff897ffde05980f, 0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d,
    0x7527bac7ebe5f17b, 0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab, 0xf0cfbc209af4361d};

} // namespace nnf::coefficients
