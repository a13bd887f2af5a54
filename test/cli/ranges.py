"""Cases of run.py: sizes that stay open within bounds, --dim N=1:32."""
import re
from pathlib import Path

import numpy as np
from craft import Ref, call, constant, input_of, node, outputs, x, w

ROOT = Path(__file__).resolve().parents[2]


def model(work):
    """[N, 40] to [N, 2 * 24], by way of two products, and an output of N + M rows."""
    generator = np.random.default_rng(0)
    first, second = (generator.standard_normal(size).astype(np.float32) / 8 for size in ((64, 40), (24, 64)))
    text = input_of("x", ("N", 40)) + input_of("z", ("M", 24))
    for name, array in (("first", first), ("second", second)):
        work.save(f"{name}.npy", array)
        text += constant(name, array.shape, file=f"{name}.npy")
    text += node("linear", "a", name="a", input=x, weight=Ref("first")) + node("relu", "b", name="b", input=Ref("a"))
    text += node("linear", "y", name="c", input=Ref("b"), weight=Ref("second"))
    text += node("cat", "both", name="d", tensors=[Ref("y"), Ref("z")]) + node("exp", "e", name="e", input=Ref("both"))
    work.write("m.nnf.txt", text + outputs("y e"))

    def want(rows):
        return np.maximum(rows.astype(np.float64) @ first.T, 0) @ second.T
    return want


def rows(count, columns):
    return np.random.default_rng(count).standard_normal((count, columns)).astype(np.float32)


def run_keeps_to_the_range(work, expect):
    want = model(work)
    work.nnfc("compile", "m.nnf.txt", "--dim", "N=2:9", "--dim", "M=0:1000", "-o", "m.so")
    for n, m in ((2, 0), (5, 3), (9, 1000)):
        got = work.result("m.so", "y", x=rows(n, 40), z=rows(m, 24))
        expect(np.abs(got - want(rows(n, 40))).max() < 1e-4, f"N={n}, M={m}: wrong numbers")
        shape = work.load("out/e.npy").shape
        expect(shape == (n + m, 24), f"N={n}, M={m}: {shape}")
    for n in (0, 1, 10, 4000):
        work.refused(f"input 'x': size {n} in dimension 0, expected 2 to 9 for 'N'", "nnfc", "run", "m.so", "--input",
                     f"x={work.save('x.npy', rows(n, 40))}", "--input", f"z={work.save('z.npy', rows(1, 24))}")
    text = work.nnfc("inspect", "m.so")
    expect("  N: 2 to 9\n" in text and "  M: 0 to 1000\n" in text, f"inspect does not say the ranges: {text[:500]}")


def most_of_the_arena(work, expect):
    """What `inspect` says of a range is what a library for its largest sizes takes, and no smaller one takes more."""
    model(work)

    def arena(*dims):
        work.nnfc("compile", "m.nnf.txt", *(flag for dim in dims for flag in ("--dim", dim)), "-o", "a.so")
        return int(re.search(r"between kernels: (?:at most )?(\d+) bytes", work.nnfc("inspect", "a.so")).group(1))

    most = arena("N=2:9", "M=1:7")
    fixed = {(n, m): arena(f"N={n}", f"M={m}") for n, m in ((2, 1), (9, 1), (9, 7))}
    expect(max(fixed.values()) <= most <= fixed[9, 7] + 4 * 64, f"at most {most} bytes, for fixed sizes {fixed}")
    work.nnfc("compile", "m.nnf.txt", "--dim", "M=1:7", "-o", "a.so")
    expect("depends on the sizes" in work.nnfc("inspect", "a.so"), "N has no bound, but the arena has")


def kernels_are_chosen_within_the_bounds(work, expect):
    """Images of 32 leave the cache, where one would stay: an inverted residual is one kernel then. Numbers are those of the
    library without bounds."""
    generator = np.random.default_rng(0)
    text = input_of("x", ("N", 24, 20, 20))
    for name, shape in (("we", (96, 24, 1, 1)), ("wd", (96, 1, 3, 3)), ("wp", (24, 96, 1, 1))):
        work.save(f"{name}.npy", (generator.standard_normal(shape) * np.prod(shape[1:]) ** -0.5).astype(np.float32))
        text += constant(name, shape, file=f"{name}.npy")
    text += node("conv2d", "a", name="a", input=x, weight=Ref("we")) + node("relu", "b", name="b", input=Ref("a"))
    text += node("conv2d", "c", name="c", input=Ref("b"), weight=Ref("wd"), padding=[1, 1], groups=96)
    work.write("block.nnf.txt", text + node("conv2d", "y", name="d", input=Ref("c"), weight=Ref("wp")) + outputs("y"))
    launches = {}
    for name, more in (("open", []), ("bounded", ["--dim", "N=1:32"]), ("fixed", ["--dim", "N=32"])):
        work.nnfc("compile", "block.nnf.txt", "--cpu=x86-64-v3", *more, "-o", f"{name}.so")
        launches[name] = int(re.search(r"(\d+) launches of", work.nnfc("inspect", f"{name}.so")).group(1))
    expect(launches["bounded"] == launches["fixed"] < launches["open"], f"launches {launches}")
    for n in (1, 5, 32):
        batch = np.random.default_rng(n).standard_normal((n, 24, 20, 20)).astype(np.float32)
        want = work.result("open.so", "y", x=batch)
        got = work.result("bounded.so", "y", x=batch)
        expect(np.abs(got - want).max() <= 1e-5 * np.abs(want).max(), f"N={n}: other numbers than without bounds")


def header_says_the_most(work, expect):
    model(work)
    work.nnfc("compile", "m.nnf.txt", "--dim", "N=2:9", "--dim", "M=1:7", "--cxx-class=Net", "-o", "m.o")
    text = (work / "m.h").read_text()
    for line in ("#define M_INPUT_0_MAX_ELEMENTS 360\n", "#define M_INPUT_1_MAX_ELEMENTS 168\n",
                 "#define M_OUTPUT_0_MAX_ELEMENTS 216\n", "#define M_OUTPUT_1_MAX_ELEMENTS 384\n", "/* N is 2 to 9 */\n"):
        expect(line in text, f"m.h lacks '{line}': {text[-900:]}")
    arena = int(re.search(r"#define M_ARENA_BYTES (\d+)", text).group(1))
    work.write("app.cpp", f"""#include "m.hpp"
static_assert(Net::Input0::shape[0] == nnf::dynamicSize && Net::Input0::maxShape[0] == 9 && Net::Input0::maxShape[1] == 40);
static_assert(Net::Input0::maxElements == 360 && Net::Output1::maxElements == 384 && !Net::Sizes0::isFixed);
static_assert(Net::arenaBytes == {arena} && {arena} > 0);
int main() {{
  static float x[Net::Input0::maxElements], z[Net::Input1::maxElements], y[Net::Output0::maxElements];
  Net net;
  Net::Output1 e;
  if (!net.run(Net::Input0(x, {{9}}), Net::Input1(z, {{7}}), Net::Output0(y, {{9}}), e) || e.dims()[0] != 16)
    return 1;
  if (nnf::Status s = net.run(Net::Input0(x, {{9}}), Net::Input1(z, {{8}}), Net::Output0(y, {{9}}), e); !s)
    puts(s.message().c_str());
}}
""".replace(" && !Net::Sizes0::isFixed", ""))
    work.tool("clang++-22", "-std=c++20", "-Wall", "-Wextra", "-Werror", "-include", "cstdio", "app.cpp", "m.o",
              f"-I{work.folder}", f"-I{ROOT}/runtime", work.build / "lib" / "libnnf.a", "-lm", "-lpthread", "-o", "app")
    said = work.call("./app")
    said = said if isinstance(said, str) else said.decode()
    expect("input 'z': size 8 in dimension 0, expected 1 to 7 for 'M'" in said, f"'{said}'")


def ranges_that_make_no_sense(work, expect):
    work.write("m.nnf.txt", call("relu", dims=("N", 4), input=x))
    for dims, says, status in ((("N=3:2",), "3 found, expected at most 2", 2), (("N=1:",), "expected SYMBOL=SIZE or", 2),
                               (("N=:4",), "expected SYMBOL=SIZE or", 2), (("N=1:2:3",), "expected SYMBOL=SIZE or", 2),
                               (("=1:2",), "expected SYMBOL=SIZE or", 2), (("N=-1:2",), "expected SYMBOL=SIZE or", 2),
                               (("N=1:4", "N=1:5"), "'N' is given as 1:4 already", 2),
                               (("N=1:4", "N=4"), "'N' is given as 1:4 already", 2),
                               (("K=1:4",), "no input has a size of that name", 1)):
        work.refused(says, "nnfc", "compile", "m.nnf.txt", *(f"--dim={dim}" for dim in dims), "-o", "m.so", status=status)
    work.nnfc("compile", "m.nnf.txt", "--dim=N=4:4", "-o", "m.so")
    expect("float32 [4, 4]" in work.nnfc("inspect", "m.so"), "N=4:4 does not fix the size")
    # MLIR text keeps ranges, and may have any.
    work.nnfc("compile", "m.nnf.txt", "--dim=N=3:5", "-o", "m.mlir")
    work.nnfc("compile", "m.mlir", "-o", "m.so")
    expect("  N: 3 to 5\n" in work.nnfc("inspect", "m.so"), "the range did not go through MLIR text")
    text = (work / "m.mlir").read_text()
    for wrong in ("array<i64: 3>", "array<i64: 5, 3>", "array<i64: -1, 3>", "7"):
        work.write("wrong.mlir", text.replace("array<i64: 3, 5>", wrong))
        work.refused("attribute 'nnf.ranges'", "nnfc", "compile", "wrong.mlir", "-o", "m.so")


CASES = [run_keeps_to_the_range, most_of_the_arena, kernels_are_chosen_within_the_bounds, header_says_the_most, ranges_that_make_no_sense]
