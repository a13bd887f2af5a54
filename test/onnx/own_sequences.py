"""Cases of sequences and optionals that are known while importing, and of scans of several lengths."""
import numpy as np
from own import case, fails, numbers
from own_parameters import add


@case("(float[N,6] x, float[N,2] a) => (float[N,6] y, int64[3,2] sizes) { "
      "two = Constant<value = int64 {2}>() s = SplitToSequence<axis = 1>(x, two) "
      "t, u = SequenceMap<body = b (float[N,2] e, float[N,2] f) => (float[N,2] g, int64[2] h) "
      "{ g = Add(e, f) h = Shape(e) }>(s, a) "
      "y = ConcatFromSequence<axis = 1>(t) sizes = ConcatFromSequence<axis = 0, new_axis = 1>(u) }", 17)
def sequence_map_with_a_tensor():
    x, a = numbers(4, 6), numbers(4, 2, seed=1)
    return [x, a], [x + np.tile(a, 3), np.array([[4, 2]] * 3)]


@case("(float[N,6] x) => (float[N,6] y) { one = Constant<value = int64 {1}>() s = SplitToSequence<axis = 1>(x, one) "
      "t = SequenceMap<body = b (float[N,1] e, float[N,1] f) => (float[N,1] g) { g = Mul(e, f) }>(s, s) "
      "y = ConcatFromSequence<axis = 1>(t) }", 17)
def sequence_map_of_two_sequences():
    x = numbers(4, 6)
    return [x], [x * x]


@case("(float[N] x) => (float[N] y, bool full, bool empty, bool missing) { some = Optional(x) none = Optional() "
      "full = OptionalHasElement(some) empty = OptionalHasElement(none) missing = OptionalHasElement() "
      "z = OptionalGetElement(some) y = If<then_branch = t () => (float[N] a) { a = Neg(z) }, "
      "else_branch = e () => (float[N] b) { b = OptionalGetElement(none) }>(full) }", 18)
def optionals():
    x = numbers(5)
    return [x], [-x, np.True_, np.False_, np.False_]


@case("(float[4] x) => (float[2] y) { none = Optional() two = Constant<value = int64 {2}>() "
      "yes = Constant<value = bool {1}>() one = Constant<value = int64[1] {1}>() "
      "out = Loop<body = b (int64 i, bool c, float[M] given) => (bool stays, float[M] made) { stays = Identity(c) "
      "has = OptionalHasElement(given) made = If<"
      "then_branch = t () => (float[M] a) { g = OptionalGetElement(given) a = SequenceInsert(g, x) }, "
      "else_branch = e () => (float[M] b) { halves = SplitToSequence(x, two) b = Optional(halves) }>(has) "
      "}>(two, yes, none) at = Constant<value = int64 {1}>() y = SequenceAt(out, at) }", 18)
def loop_that_carries_an_optional():
    x = numbers(4)
    return [x], [x[2:]]


SCAN_8 = ("(int64[N] lengths, float[N,2] start, float[N,L,2] x) => (float[N,2] y, float[N,L,2] z) "
          "{ y, z = Scan<num_scan_inputs = 1, directions = [%d], "
          "body = b (float[2] before, float[2] next) => (float[2] after, float[2] out) "
          "{ after = Add(before, next) out = Identity(after) }>(lengths, start, x) }")


def add_scan_8(direction):
    """Running sums of each entry of a batch, as far as its length."""
    x, start, lengths = numbers(3, 5, 2), numbers(3, 2, seed=1), (2, 5, 0)
    y, sums = start.copy(), np.zeros_like(x)
    for n, length in enumerate(lengths):
        for i, at in enumerate(range(length - 1, -1, -1) if direction else range(length)):
            y[n] += x[n, at]
            sums[n, i] = y[n]
    add(f"scan_8_of_lengths_{direction}", SCAN_8 % direction, [np.array(lengths), start, x], [y, sums], 8)


for direction in 0, 1:
    add_scan_8(direction)


@fails(SCAN_8 % 0, "node 'y' (Scan), argument 'sequence_lens': 6 steps, expected at most L", np.array([2, 6]),
       numbers(2, 2), numbers(2, 5, 2), opset=8)
def scan_8_beyond_the_end():
    pass
