// An application around the class that nnfc_add_model makes of net.nnf.txt: y = relu(x w^T), x [N, 3], w [3, 3].
#include "bounded.hpp"
#include "fixed.hpp"
#include "net.hpp"
#include <cmath>
#include <cstdio>
#include <vector>

static_assert(Net::numInputs == 1 && Net::numOutputs == 1);
static_assert(std::is_same_v<Net::Input0::Element, float> && Net::Input0::rank == 2);
static_assert(Net::Input0::shape[0] == nnf::dynamicSize && Net::Input0::shape[1] == 3);
static_assert(!std::is_constructible_v<Net::Input0, double *, std::array<int64_t, 1>>, "doubles are no floats");
static_assert(!std::is_constructible_v<Net::Input0, float *>, "the dynamic size must be given");
static_assert(Fixed::Input0::elements == 6 && Fixed::arenaBytes >= 0 && Net::arenaBytes == Bounded::arenaBytes);
static_assert(Bounded::Input0::shape[0] == nnf::dynamicSize && Bounded::Input0::maxShape[0] == 5);
static_assert(Bounded::Output0::maxElements == 15 && BOUNDED_INPUT_0_MAX_ELEMENTS == 15 && Bounded::arenaBytes >= 0);
static_assert(std::is_convertible_v<std::array<float, 6> &, Fixed::Input0>);
static_assert(!std::is_convertible_v<std::array<float, 7> &, Fixed::Input0>, "one element too many");

int main() {
  std::vector<float> data(300);
  size_t rows = fread(data.data(), 12, 100, stdin);
  Net net;
  Net::Input0 x(data.data(), {int64_t(rows)});
  Net::Output0 y;
  if (nnf::Status status = net.run(x, y); !status) {
    fprintf(stderr, "error: %s\n", status.message().c_str());
    return 1;
  }
  if (y.dims()[0] != int64_t(rows) || y.dims()[1] != 3)
    return 2;
  fwrite(y.data(), 12, rows, stdout);

  // The same with all sizes fixed, from arrays: the first two rows again.
  Fixed fixed;
  std::array<float, 6> two, result = {};
  for (size_t i = 0; i < 6; ++i)
    two[i] = data[i];
  if (nnf::Status status = fixed.run(two, result); !status) {
    fprintf(stderr, "error: %s\n", status.message().c_str());
    return 1;
  }
  for (size_t i = 0; i < 6; ++i)
    if (std::abs(result[i] - y.data()[i]) > 1e-5f) // code for another CPU, without fused multiply-add
      return 3;

  // And with sizes that have bounds: two rows are in them, one is not.
  Bounded bounded;
  float some[Bounded::Output0::maxElements] = {};
  if (nnf::Status status = bounded.run(Bounded::Input0(two.data(), {2}), Bounded::Output0(some, {2})); !status) {
    fprintf(stderr, "error: %s\n", status.message().c_str());
    return 1;
  }
  for (size_t i = 0; i < 6; ++i)
    if (std::abs(some[i] - y.data()[i]) > 1e-5f)
      return 4;
  return bounded.run(Bounded::Input0(two.data(), {1}), Bounded::Output0(some, {1})) ? 5 : 0;
}
