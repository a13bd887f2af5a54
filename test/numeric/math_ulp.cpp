// Compares the expanded functions of one or more libraries with higher precision: f32 with the C library's double
// functions, f64 with its 80-bit ones, conversions with rounding done in the C library's exact operations.
//
// math-ulp STRIDE [LABEL=LIBRARY]...   f32 arguments are every STRIDE-th bit pattern. Prints for each function and
// library the largest error in units of the last place and where it is, `FAIL` lines, and last `N passed, N failed`.
// Libraries come from run.py, which says their interface.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

namespace {

constexpr size_t lanes = 16; // of a vector function of f32; element counts are multiples of it
constexpr double limitUlp = 2.0;

struct Library {
  std::string label;
  void *handle;
};

int passed = 0, failed = 0;
uint64_t stride = 0; // of f32 bit patterns

void report(const std::string &name, const Library &library, bool isGood, const std::string &finding) {
  std::printf("%-14s %-4s %s\n", name.c_str(), library.label.c_str(), finding.c_str());
  if (!isGood)
    std::printf("FAIL %s on %s: %s\n", name.c_str(), library.label.c_str(), finding.c_str());
  ++(isGood ? passed : failed);
}

template <typename T> using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
template <typename T> using Wide = std::conditional_t<sizeof(T) == 4, double, long double>;

/// |got - exact| in units of the last place of T at `exact`. What C calls special has to be met exactly: NaN, zeros and
/// infinities with their signs. What is beyond the largest float, and an infinity, counts as the
/// power of two after it.
template <typename T> double errorInUlp(T got, Wide<T> exact) {
  using Limits = std::numeric_limits<T>;
  constexpr double wrong = 1e30;
  if (std::isnan(exact) || std::isnan(got))
    return std::isnan(exact) && std::isnan(got) ? 0 : wrong;
  if (std::signbit(got) != std::signbit(exact))
    return wrong;
  if (std::isinf(exact) || exact == 0)
    return static_cast<Wide<T>>(got) == exact ? 0 : wrong;
  int exponent;
  std::frexp(exact, &exponent);
  exponent = std::clamp(exponent, Limits::min_exponent, Limits::max_exponent);
  const Wide<T> end = std::ldexp(Wide<T>(1), Limits::max_exponent);
  exact = std::clamp(exact, -end, end);
  Wide<T> value = std::clamp(static_cast<Wide<T>>(got), -end, end);
  return static_cast<double>(std::fabs(std::ldexp(value - exact, Limits::digits - exponent)));
}

template <typename T> std::string text(T value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%.*g", std::numeric_limits<T>::max_digits10, static_cast<double>(value));
  return buffer;
}

template <typename T> T fromBits(uint64_t bits) { return std::bit_cast<T>(static_cast<Bits<T>>(bits)); }

/// Values at which formulas change or end: both signs, with the neighbouring floats.
template <typename T> std::vector<T> specialValues() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> positive = {0,
                             Limits::denorm_min(),
                             Limits::min(),
                             Limits::max(),
                             Limits::infinity(),
                             Limits::epsilon(),
                             T(0.25),
                             T(0.35),
                             T(0.41421356237309503),
                             T(0.5),
                             T(0.625),
                             T(0.6931471805599453),
                             T(0.7071067811865476),
                             T(0.75),
                             1,
                             T(1.4142135623730951),
                             T(1.5),
                             2,
                             T(2.414213562373095),
                             3,
                             4,
                             5,
                             6,
                             7,
                             8.5,
                             9,
                             10,
                             17,
                             20,
                             40,
                             64,
                             88,
                             T(88.72284),
                             T(103.97),
                             104,
                             127,
                             128,
                             149,
                             150,
                             151,
                             T(709.782712893384),
                             T(745.1332191019411),
                             1023,
                             1024,
                             1074,
                             1075,
                             1076,
                             T(0x1p17),
                             T(0x1p20),
                             T(0x1p23),
                             T(0x1p24),
                             T(0x1p31),
                             T(0x1p52),
                             T(0x1p53),
                             T(0x1p63),
                             T(1e10),
                             T(1e30),
                             T(0x1.921fb54442d18p0),
                             T(0x1.921fb54442d18p1),
                             T(16367173.0 * 0x1p72),
                             T(6381956970095103.0 * 0x1p32)};
  if constexpr (sizeof(T) == 8)
    positive.push_back(0x1.6ac5b262ca1ffp849); // the double nearest to a multiple of pi/2
  std::vector<T> values = {Limits::quiet_NaN()};
  for (T v : positive)
    for (T w : {v, std::nextafter(v, T(0)), std::nextafter(v, Limits::infinity())}) {
      values.push_back(w);
      values.push_back(-w);
    }
  return values;
}

/// Arguments of a unary function: for f32 every stride-th bit pattern, for f64 random ones, some over all exponents,
/// some where the functions bend, some next to multiples of pi/2.
template <typename T> std::vector<T> arguments() {
  std::vector<T> x = specialValues<T>();
  std::mt19937_64 random(20);
  if constexpr (sizeof(T) == 4) {
    for (uint64_t bits = 0; bits < uint64_t(1) << 32; bits += stride)
      x.push_back(fromBits<T>(bits));
  } else {
    for (int i = 0; i < 60000; ++i)
      x.push_back(fromBits<T>(random()));
    for (double range : {1e-3, 1.0, 3.0, 10.0, 50.0, 800.0, 1e5}) {
      std::uniform_real_distribution<double> uniform(-range, range);
      for (int i = 0; i < 30000; ++i)
        x.push_back(uniform(random));
    }
    std::uniform_real_distribution<double> uniform(0.5, 2.0);
    for (int i = 0; i < 30000; ++i)
      x.push_back(uniform(random));
  }
  for (int i = 0; i < 50000; ++i) {
    long double multiple =
        static_cast<long double>(random() >> (random() % 64)) * 1.57079632679489661923132169163975144L;
    x.push_back(static_cast<T>(multiple));
  }
  while (x.size() % lanes)
    x.push_back(0);
  return x;
}

template <typename T> struct Pairs {
  std::vector<T> x, y;
};

/// All pairs of special values, random bit patterns, and pairs whose power is in range.
template <typename T> Pairs<T> argumentPairs() {
  Pairs<T> pairs;
  auto add = [&](T x, T y) { pairs.x.push_back(x), pairs.y.push_back(y); };
  std::vector<T> special = specialValues<T>();
  for (T x : special)
    for (T y : special)
      add(x, y);
  std::mt19937_64 random(21);
  std::uniform_real_distribution<double> unit(-1, 1);
  constexpr double logMax = sizeof(T) == 4 ? 104 : 746;
  for (int i = 0; i < 200000; ++i) {
    add(fromBits<T>(random()), fromBits<T>(random()));
    // Of the order of the result's whole range, x near 1 and over all exponents.
    double x = i % 2 ? std::exp(unit(random)) : std::fabs(double(fromBits<T>(random())));
    if (std::isfinite(x) && x > 0 && x != 1)
      add(static_cast<T>(x), static_cast<T>(unit(random) * logMax / std::log(x)));
    add(static_cast<T>(unit(random) * 20), std::round(static_cast<T>(unit(random) * 30)));
    double near = 1 + unit(random) * std::ldexp(1.0, -static_cast<int>(random() % std::numeric_limits<T>::digits));
    add(static_cast<T>(near), static_cast<T>(unit(random) * logMax / std::fabs(std::log(near))));
  }
  while (pairs.x.size() % lanes)
    add(1, 1);
  return pairs;
}

template <typename Signature> Signature *function(const Library &library, const std::string &name) {
  auto *address = reinterpret_cast<Signature *>(dlsym(library.handle, name.c_str()));
  if (!address) {
    std::printf("math-ulp: %s has no function %s\n", library.label.c_str(), name.c_str());
    std::exit(2);
  }
  return address;
}

template <typename T>
void reportWorst(const std::string &name, const Library &library, const std::vector<T> &got,
                 const std::vector<Wide<T>> &exact, const std::function<std::string(size_t)> &argumentText,
                 double limit) {
  double worst = -1;
  size_t where = 0;
  for (size_t i = 0; i < got.size(); ++i) {
    double error = errorInUlp(got[i], exact[i]);
    if (error > worst)
      worst = error, where = i;
  }
  char line[200];
  std::snprintf(line, sizeof line, "%8.3g ulp at %s: %s, exact %.20Lg", worst, argumentText(where).c_str(),
                text(got[where]).c_str(), static_cast<long double>(exact[where]));
  report(name, library, worst <= limit, line);
}

/// Do the scalar functions give the bits of the vector ones? Both are built from the same formula.
template <typename T>
void compareScalar(const std::string &name, const Library &library, const std::vector<T> &vector,
                   const std::function<void(T *, size_t)> &scalar) {
  size_t count = std::min<size_t>(vector.size(), 100000);
  std::vector<T> got(count);
  scalar(got.data(), count);
  for (size_t i = 0; i < count; ++i)
    if (std::bit_cast<Bits<T>>(got[i]) != std::bit_cast<Bits<T>>(vector[i]) &&
        !(std::isnan(got[i]) && std::isnan(vector[i])))
      return report(name + " scalar", library, false,
                    "element " + std::to_string(i) + ": " + text(got[i]) + ", of a vector " + text(vector[i]));
}

template <typename T>
void checkUnary(const std::vector<Library> &libraries, const std::string &base, Wide<T> (*reference)(Wide<T>),
                const std::vector<T> &x, double limit = limitUlp, bool isScalarEqual = true) {
  std::string name = base + (sizeof(T) == 4 ? "_f32" : "_f64");
  std::vector<Wide<T>> exact(x.size());
  for (size_t i = 0; i < x.size(); ++i)
    exact[i] = reference(x[i]);
  for (const Library &library : libraries) {
    std::vector<T> got(x.size());
    using Signature = void(const T *, T *, int64_t);
    function<Signature>(library, name)(x.data(), got.data(), x.size());
    reportWorst<T>(name, library, got, exact, [&](size_t i) { return text(x[i]); }, limit);
    if (!isScalarEqual)
      continue;
    auto *scalar = function<Signature>(library, name + "_scalar");
    compareScalar<T>(name, library, got, [&](T *out, size_t count) { scalar(x.data(), out, count); });
  }
}

template <typename T>
void checkBinary(const std::vector<Library> &libraries, const std::string &base, Wide<T> (*reference)(Wide<T>, Wide<T>),
                 const Pairs<T> &pairs, double limit = limitUlp) {
  std::string name = base + (sizeof(T) == 4 ? "_f32" : "_f64");
  std::vector<Wide<T>> exact(pairs.x.size());
  for (size_t i = 0; i < exact.size(); ++i)
    exact[i] = reference(pairs.x[i], pairs.y[i]);
  for (const Library &library : libraries) {
    std::vector<T> got(exact.size());
    using Signature = void(const T *, const T *, T *, int64_t);
    function<Signature>(library, name)(pairs.x.data(), pairs.y.data(), got.data(), got.size());
    reportWorst<T>(
        name, library, got, exact, [&](size_t i) { return "(" + text(pairs.x[i]) + ", " + text(pairs.y[i]) + ")"; },
        limit);
    auto *scalar = function<Signature>(library, name + "_scalar");
    compareScalar<T>(name, library, got,
                     [&](T *out, size_t count) { scalar(pairs.x.data(), pairs.y.data(), out, count); });
  }
}

/// A 16-bit float format: IEEE's layout with so many fraction bits.
struct HalfFormat {
  const char *name;
  int fractionBits, bias;

  uint16_t infinity() const { return static_cast<uint16_t>(((1 << (15 - fractionBits)) - 1) << fractionBits); }
  bool isNaN(uint16_t h) const { return (h & 0x7fff) > infinity(); }
  double value(uint16_t h) const {
    int exponent = (h & 0x7fff) >> fractionBits, fraction = h & ((1 << fractionBits) - 1);
    double magnitude = exponent ? std::ldexp((1 << fractionBits) + fraction, exponent - bias - fractionBits)
                                : std::ldexp(fraction, 1 - bias - fractionBits);
    if (isNaN(h))
      magnitude = std::numeric_limits<double>::quiet_NaN();
    else if ((h & 0x7fff) == infinity())
      magnitude = std::numeric_limits<double>::infinity();
    return h & 0x8000 ? -magnitude : magnitude;
  }
  /// The nearest, ties to even, of a number that is not NaN. long double holds every f64 and i64.
  uint16_t nearest(long double x) const {
    uint16_t sign = std::signbit(x) ? 0x8000 : 0;
    x = std::fabs(x);
    if (x == 0)
      return sign;
    int exponent = std::isinf(x) ? 20000 : std::max(std::ilogb(x), 1 - bias);
    if (exponent > bias)
      return sign | infinity();
    auto units = static_cast<uint32_t>(std::nearbyint(std::ldexp(x, fractionBits - exponent)));
    // `units` includes the leading one, unless denormal, and may carry into the exponent.
    uint32_t bits = (static_cast<uint32_t>(exponent + bias - 1) << fractionBits) + units;
    return sign | static_cast<uint16_t>(std::min<uint32_t>(bits, infinity()));
  }
};

constexpr HalfFormat f16{"f16", 10, 15}, bf16{"bf16", 7, 127};

template <typename T> std::vector<T> conversionArguments(const HalfFormat &format) {
  std::vector<T> x;
  std::mt19937_64 random(22);
  if constexpr (std::is_floating_point_v<T>) {
    x = specialValues<T>();
    // Every value of the format, the middles to its neighbours, and what is next to those.
    for (uint32_t h = 0; h < 0x10000; ++h) {
      T value = format.value(h), after = format.value((h & 0x8000) | ((h + 1) & 0x7fff));
      T middle = value / 2 + after / 2;
      for (T v :
           {value, middle, std::nextafter(middle, T(0)), std::nextafter(middle, std::numeric_limits<T>::infinity())})
        x.push_back(v);
    }
    for (int i = 0; i < 500000; ++i)
      x.push_back(fromBits<T>(random()));
  } else {
    for (int i = 0; i < 500000; ++i)
      x.push_back(static_cast<T>(random() >> (random() % 64)));
    for (int bit = 8; bit < 64; ++bit)
      for (uint64_t offset : {0, 1, -1})
        for (uint64_t middle : {uint64_t(1) << bit, uint64_t(257) << (bit - 8), uint64_t(259) << (bit - 8)})
          x.push_back(static_cast<T>(middle + offset));
  }
  while (x.size() % lanes)
    x.push_back(0);
  return x;
}

template <typename T>
void checkToHalf(const std::vector<Library> &libraries, const std::string &from, const HalfFormat &format) {
  std::string name = from + "_to_" + format.name;
  std::vector<T> x = conversionArguments<T>(format);
  for (const Library &library : libraries)
    for (std::string suffix : {"", "_scalar"}) {
      std::vector<uint16_t> got(x.size());
      function<void(const T *, uint16_t *, int64_t)>(library, name + suffix)(x.data(), got.data(), x.size());
      size_t wrong = 0, where = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        bool isNaN = x[i] != x[i], isQuiet = format.isNaN(got[i]) && (got[i] >> (format.fractionBits - 1) & 1);
        if (isNaN ? !isQuiet : got[i] != format.nearest(x[i]))
          ++wrong, where = i;
      }
      char line[160];
      std::snprintf(line, sizeof line, "%zu wrong of %zu; %.20Lg gives 0x%04x", wrong, x.size(),
                    static_cast<long double>(x[where]), got[where]);
      report(name + suffix, library, wrong == 0, line);
    }
}

template <typename T>
void checkFromHalf(const std::vector<Library> &libraries, const HalfFormat &format, const std::string &to) {
  std::string name = std::string(format.name) + "_to_" + to;
  std::vector<uint16_t> x(0x10000);
  for (size_t h = 0; h < x.size(); ++h)
    x[h] = static_cast<uint16_t>(h);
  for (const Library &library : libraries)
    for (std::string suffix : {"", "_scalar"}) {
      std::vector<T> got(x.size());
      function<void(const uint16_t *, T *, int64_t)>(library, name + suffix)(x.data(), got.data(), x.size());
      size_t wrong = 0, where = 0;
      for (size_t i = 0; i < x.size(); ++i) {
        double exact = format.value(x[i]);
        if constexpr (std::is_integral_v<T>)
          exact = std::fabs(exact) < 0x1p62 ? std::trunc(exact) : got[i]; // out of range the op promises nothing
        if (exact != exact ? static_cast<double>(got[i]) == got[i] && std::is_floating_point_v<T>
                           : static_cast<double>(got[i]) != exact ||
                                 (std::is_floating_point_v<T> && std::signbit(double(got[i])) != std::signbit(exact)))
          ++wrong, where = i;
      }
      char line[160];
      std::snprintf(line, sizeof line, "%zu wrong of %zu; 0x%04x gives %.20Lg", wrong, x.size(), x[where],
                    static_cast<long double>(got[where]));
      report(name + suffix, library, wrong == 0, line);
    }
}

/// C's pow. With zeros and infinities double's is exact, and glibc's long double one is wrong at (-inf, -2^63).
template <typename T> Wide<T> power(Wide<T> x, Wide<T> y) {
  if (x == 0 || std::isinf(x) || std::isinf(y))
    return std::pow(static_cast<double>(x), static_cast<double>(y));
  return std::pow(x, y);
}

template <typename T> void checkFunctions(const std::vector<Library> &libraries) {
  using W = Wide<T>;
  std::vector<T> x = arguments<T>();
  checkUnary<T>(libraries, "exp", [](W x) { return std::exp(x); }, x);
  checkUnary<T>(libraries, "exp2", [](W x) { return std::exp2(x); }, x);
  checkUnary<T>(libraries, "expm1", [](W x) { return std::expm1(x); }, x);
  checkUnary<T>(libraries, "log", [](W x) { return x < 0 ? W(NAN) : std::log(x); }, x);
  checkUnary<T>(libraries, "log2", [](W x) { return x < 0 ? W(NAN) : std::log2(x); }, x);
  checkUnary<T>(libraries, "log10", [](W x) { return x < 0 ? W(NAN) : std::log10(x); }, x);
  checkUnary<T>(libraries, "log1p", [](W x) { return x < -1 ? W(NAN) : std::log1p(x); }, x);
  checkUnary<T>(libraries, "sin", [](W x) { return std::sin(x); }, x);
  checkUnary<T>(libraries, "cos", [](W x) { return std::cos(x); }, x);
  checkUnary<T>(libraries, "tan", [](W x) { return std::tan(x); }, x);
  checkUnary<T>(libraries, "atan", [](W x) { return std::atan(x); }, x);
  checkUnary<T>(libraries, "tanh", [](W x) { return std::tanh(x); }, x);
  checkUnary<T>(libraries, "erf", [](W x) { return std::erf(x); }, x);
  checkUnary<T>(libraries, "sqrt", [](W x) { return std::sqrt(x); }, x, 0.5);
  checkUnary<T>(libraries, "rsqrt", [](W x) { return x == 0 ? std::copysign(W(INFINITY), x) : 1 / std::sqrt(x); }, x);
  checkUnary<T>(libraries, "round", [](W x) { return std::round(x); }, x, 0);
  // By a reciprocal in two parts: exact, but for what the second loses next to the smallest normal number.
  checkUnary<T>(libraries, "sixth", [](W x) { return x / 6; }, x, 0.67, /*isScalarEqual=*/false);
  // What follows is below the normal range, and taken for zero.
  std::vector<T> above(x);
  for (T &value : above)
    value = std::max(value, T(sizeof(T) == 4 ? -87 : -708));
  // Three operations, each rounded: up to 2.3 ulp of theirs.
  checkUnary<T>(
      libraries, "logistic", [](W x) { return 1 / (1 + std::exp(-x)); }, above, 2.5,
      /*isScalarEqual=*/sizeof(T) == 4);
  if constexpr (sizeof(T) == 4) { // f64's is the sum, which has few bits where the tangent is near -1
    for (T &value : above)
      value = std::max(value, T(-43));
    checkUnary<T>(libraries, "one_plus_tanh", [](W x) { return 2 / (1 + std::exp(-2 * x)); }, above, 2.5);
  }
  Pairs<T> pairs = argumentPairs<T>();
  checkBinary<T>(libraries, "pow", power<T>, pairs);
  checkBinary<T>(libraries, "rem", [](W x, W y) { return std::fmod(x, y); }, pairs, 0);
}

} // namespace

int main(int argc, char **argv) {
  stride = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 0;
  if (stride == 0) {
    std::fprintf(stderr, "math-ulp: stride '%s', expected a positive number\n", argc > 1 ? argv[1] : "");
    return 2;
  }
  std::vector<Library> libraries;
  for (int i = 2; i < argc; ++i) {
    std::string argument = argv[i];
    size_t equals = argument.find('=');
    void *handle = equals == std::string::npos ? nullptr : dlopen(argument.c_str() + equals + 1, RTLD_NOW);
    if (!handle) {
      std::fprintf(stderr, "math-ulp: '%s', expected LABEL=LIBRARY: %s\n", argv[i],
                   equals == std::string::npos ? "no '='" : dlerror());
      return 2;
    }
    libraries.push_back({argument.substr(0, equals), handle});
  }
  checkFunctions<float>(libraries);
  checkFunctions<double>(libraries);
  for (const HalfFormat &format : {f16, bf16}) {
    checkToHalf<float>(libraries, "f32", format);
    checkToHalf<double>(libraries, "f64", format);
    checkToHalf<int64_t>(libraries, "i64", format);
    checkToHalf<uint64_t>(libraries, "u64", format);
    checkToHalf<int32_t>(libraries, "i32", format);
    checkToHalf<int8_t>(libraries, "i8", format);
    checkFromHalf<float>(libraries, format, "f32");
    checkFromHalf<double>(libraries, format, "f64");
    checkFromHalf<int64_t>(libraries, format, "i64");
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed ? 1 : 0;
}
