"""custom_cuda: kernels in CUDA C++ that a model brings with it.

Each case is a graph, its inputs, and the formula in numpy. It runs on the emulator in three orders of threads, and, through
the driver that plays a GPU (test/gpu/FakeCuda.cpp), as a library by clang and as one by NVRTC where that is installed:
there the launch, its parameters and the images are what is tested, since the fake driver's kernels are the emulator's.
"""
import json
import os
import re
from pathlib import Path

import numpy as np

import nnf
import runtime
from runtime import given, node, t

SEEDS = (0, 1, 20240607)
CASES = {}


# The emulator runs such kernels as code of this machine.
EMULATOR = ["--target=cuda-emu", "--trust-kernels"]


def text(value):
    return f"s: {json.dumps(value)}"


def tensors(*names):
    return "tensors { names: [" + ", ".join(f'"{n}"' for n in names) + "] }"


def custom(outputs, inputs, source, kernel, types, grid, **more):
    return node("custom_cuda", outputs, inputs=tensors(*inputs), source=text(source), kernel=text(kernel),
                types=text(types), grid=text(grid), **{name: text(value) for name, value in more.items()})


def graph(name, outputs, *lines):
    return "\n".join([f'name: "{name}"', *lines] + [f'outputs: "{o}"' for o in outputs.split()]) + "\n"


def case(outputs, *lines, runs):
    """Registers the formula below it: arrays of the inputs by name -> the outputs in order."""
    def register(formula):
        CASES[formula.__name__] = (graph(formula.__name__, outputs, *lines), outputs.split(), runs, formula)
        return formula
    return register


def random(*shape, seed=0):
    return np.random.default_rng(seed + sum(shape)).standard_normal(shape).astype(np.float32)


SAXPY = r"""
// A comment, and what a template needs.
template <typename T> __device__ T times(T a, T b) { return a * b; }
extern "C" __global__ void saxpy(float a, const float *x, int n, const float *y, float *out) {
  int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n)
    out[i] = times(a, x[i]) + y[i];
}
"""


@case("z", given("x", "FLOAT32", "N", 3), given("y", "FLOAT32", "N", 3), node("relu", "r", input=t("x")),
      custom("s", ["r", "y"], SAXPY, "saxpy", "like(0)", "ceildiv(numel(0), 64)", block="64",
             arguments="float32(0.5), input(0), int32(numel(0)), input(1), output(0)"),
      custom("q", ["s", "s"], SAXPY, "saxpy", "float32[size(0, 0), size(0, 1)]", "ceildiv(size(0, 0) * 3, 64)", block="64",
             arguments="float32(-2), input(0), int32(3 * size(0, 0)), input(1), output(0)"),
      node("exp", "z", input=t("q")),
      runs=[{"x": random(n, 3), "y": random(n, 3, seed=1)} for n in (50, 1, 0, 201)])
def among_others(x, y):
    s = 0.5 * np.maximum(x, 0) + y
    return (np.exp(-s),)


TRANSPOSE = r"""
constexpr int tile = 16;
extern "C" __global__ void __launch_bounds__(128) transpose(const float *x, float *y, long long rows, long long columns) {
  __shared__ float part[tile][tile + 1];
  for (int j = threadIdx.y; j < tile; j += blockDim.y) {
    long long row = blockIdx.y * tile + j, column = blockIdx.x * tile + threadIdx.x;
    part[j][threadIdx.x] = row < rows && column < columns ? x[(blockIdx.z * rows + row) * columns + column] : 0.f;
  }
  __syncthreads();
  for (int j = threadIdx.y; j < tile; j += blockDim.y) {
    long long row = blockIdx.x * tile + j, column = blockIdx.y * tile + threadIdx.x;
    if (row < columns && column < rows)
      y[(blockIdx.z * columns + row) * rows + column] = part[threadIdx.x][j] + 1000 * gridDim.z;
  }
}
"""


@case("y", given("x", "FLOAT32", 3, "R", "C"),
      custom("y", ["x"], TRANSPOSE, "transpose", "float32[3, size(0, 2), size(0, 1)]",
             "ceildiv(size(0, 2), 16), (size(0, 1) + 15) / 16, size(0, 0)", block="16, 8",
             arguments="input(0), output(0), int64(size(0, 1)), int64(size(0, 2))"),
      runs=[{"x": random(3, *shape)} for shape in ((20, 35), (16, 16), (1, 3))])
def three_dimensions(x):
    return (x.transpose(0, 2, 1) + 3000,)


SOFTMAX = r"""
extern "C" __global__ void softmax(const float *x, float *y, int columns) {
  extern __shared__ float sums[];
  const float *row = x + (long long)blockIdx.x * columns;
  float sum = 0;
  for (int i = threadIdx.x; i < columns; i += blockDim.x)
    sum += expf(row[i]);
  for (int lanes = warpSize / 2; lanes; lanes /= 2)
    sum += __shfl_xor_sync(0xffffffff, sum, lanes);
  if (threadIdx.x % 32 == 0)
    sums[threadIdx.x / 32] = sum;
  __syncthreads();
  float all = 0;
  for (int i = 0; i < blockDim.x / 32; ++i)
    all += sums[i];
  for (int i = threadIdx.x; i < columns; i += blockDim.x)
    y[(long long)blockIdx.x * columns + i] = expf(row[i]) / all;
}
"""


@case("y", given("x", "FLOAT32", "N", 150),
      custom("y", ["x"], SOFTMAX, "softmax", "like(0)", "size(0, 0)", block="64", shared_memory="4 * 2",
             arguments="input(0), output(0), int32(size(0, 1))"),
      runs=[{"x": random(n, 150)} for n in (7, 1)])
def threads_meet(x):
    e = np.exp(x)
    return (e / e.sum(1, keepdims=True),)


HISTOGRAM = r"""
extern "C" __global__ void clear(int *counts, double *sum) {
  counts[threadIdx.x] = 0;
  if (threadIdx.x == 0)
    *sum = 0;
}
extern "C" __global__ void histogram(const long long *classes, const bool *counts_it, const int *zeros, const double *zero,
                                     int *counts, double *sum) {
  if (threadIdx.x < 8)
    counts[threadIdx.x] = zeros[threadIdx.x];
  if (threadIdx.x == 0)
    *sum = *zero;
  __syncthreads();
  if (counts_it[threadIdx.x]) {
    atomicAdd(counts + min(max(classes[threadIdx.x], 0ll), 7ll), 1);
    atomicAdd(sum, log1p((double)threadIdx.x));
  }
}
"""


@case("counts sum", given("classes", "INT64", 100), given("counted", "BOOL", 100),
      custom("zeros zero", [], HISTOGRAM, "clear", "int32[8], float64[]", "1", block="8"),
      custom("counts sum", ["classes", "counted", "zeros", "zero"], HISTOGRAM, "histogram", "like(2), like(3)", "1",
             block="50 * 2"),
      runs=[{"classes": np.random.default_rng(3).integers(-1, 9, 100), "counted": np.random.default_rng(4).random(100) < 0.7}])
def several_outputs(classes, counted):
    counts = np.bincount(np.clip(classes, 0, 7)[counted], minlength=8).astype(np.int32)
    return counts, np.log1p(np.arange(100.0))[counted].sum()


def build(nnfc, run, folder, name, target, *flags):
    library = folder / f"custom-{name}-{target}{''.join(flags)}.so".replace("=", "")
    code, _, err = run(nnfc, "compile", *(folder / f"{c}.nnf.txt" for c in CASES), f"--target={target}", *flags, "-o", library)
    if code:
        raise RuntimeError(err.strip())
    return library


def why_wrong(name, library):
    _, outputs, runs, formula = CASES[name]
    with nnf.Program(library, name) as program, nnf.Context(program, threads=2) as context:
        for number, inputs in enumerate(runs):
            for again in range(2): # the second time may come from a graph
                found = context.run(dict(inputs))
                wide = {n: v.astype(np.float64) if v.dtype == np.float32 else v for n, v in inputs.items()}
                for output, expected in zip(outputs, formula(**wide)):
                    value = found[output]
                    if value.shape != np.shape(expected):
                        return f"run {number}: {output} is {list(value.shape)}, expected {list(np.shape(expected))}"
                    if not np.allclose(value, expected, rtol=1e-5, atol=1e-6):
                        return f"run {number}, time {again}: {output} is off by {np.abs(value - expected).max()}"
    return None


def check(name, library):
    try:
        return why_wrong(name, library)
    except nnf.Error as error:
        return str(error)


def numbers(nnfc, build_folder, folder, results, run):
    for name, (content, *_) in CASES.items():
        (folder / f"{name}.nnf.txt").write_text(content)
    emulated = {}
    for seed in SEEDS:
        try:
            emulated[seed] = build(nnfc, run, folder, "emulated", "cuda-emu", "--trust-kernels", f"--emu-seed={seed}")
        except RuntimeError as error:
            return results.case("custom_cuda for the emulator", str(error))
        for name in CASES:
            results.case(f"custom_cuda, {name} on the emulator, order {seed}", check(name, emulated[seed]))
    fake = runtime.Fake(build_folder / "unit" / "nnf-fake-cuda.so")
    for compiler in ("clang", "nvrtc"):
        try:
            library = build(nnfc, run, folder, "library", "cuda", f"--cuda-compiler={compiler}", "--cuda-arch=sm_80,sm_90a")
        except RuntimeError as error:
            if compiler == "nvrtc" and "NVRTC was not found" in str(error):
                results.skipped += len(CASES) + 2
                continue
            results.case(f"custom_cuda by {compiler}", str(error))
            continue
        for name in CASES:
            for capability in ("8.0", "9.0"):
                fake.reset()
                fake.set(library=emulated[0], model=name, capability=capability)
                results.case(f"custom_cuda, {name} by {compiler} on {capability}", check(name, library))
        fake.set(library=None, model=None, capability=None)  # who comes next has a model of its own
        _, inspected, _ = run(nnfc, "inspect", library, "--model", "three_dimensions")
        images = len(re.findall(r"^  sm_(?:80|90a): PTX", inspected, re.M))
        wanted = "transpose: custom_cuda, blocks of 16 x 8 threads" if compiler == "nvrtc" else "blocks of 16 x 8 threads"
        results.case(f"inspect of custom_cuda by {compiler}", None if images == (4 if compiler == "nvrtc" else 2) and
                     wanted in inspected else inspected)


def assembled(nnfc, ptxas, folder, results, run):
    """Machine code of kernels by either compiler."""
    for compiler in ("clang", "nvrtc"):
        library = folder / f"custom-cubin-{compiler}.so"
        code, _, err = run(nnfc, "compile", folder / "threads_meet.nnf.txt", "--target=cuda", "--cuda-cubin",
                           f"--cuda-compiler={compiler}", "-o", library)
        if not ptxas or "NVRTC was not found" in err:
            results.skipped += 1
            continue
        results.case(f"ptxas of custom_cuda by {compiler}", err.strip() if code else None)


GOOD = {"inputs": tensors("x"), "source": text('extern "C" __global__ void k(const float *x, float *y) { *y = *x; }'),
        "kernel": text("k"), "types": text("like(0)"), "grid": text("1")}

# What is refused, by the arguments that differ from the good ones: a part of the first line.
REFUSED = [
    (dict(kernel=text("a b")), "argument 'kernel': 'a b', expected a name of C++"),
    (dict(kernel=text("other")), "argument 'source': the source has no kernel 'other', but 'k', expected extern \"C\" __global__ void other(...)"),
    (dict(source=text("__global__ void k(const float *x, float *y) {}")), "the source has no kernel 'k'"),
    (dict(source=text('extern "C" __global__ void k(const float *x, float *y) { *y = z; }')), "source"),
    (dict(source=text('extern "C" __global__ void k(const float *x) {}')), "kernel 'k' takes 1 parameters, the launch gives 2"),
    (dict(source=text('extern "C" __global__ void k(const float *x, int y) {}')), "kernel 'k' takes 4 bytes as parameter 1, the launch gives 8"),
    (dict(source=text('struct S { int a[4]; };\nextern "C" __global__ void k(const float *x, S y) {}')), "kernel 'k' takes 16 bytes as parameter 1, the launch gives 8"),
    (dict(source=text('#include "/etc/passwd"\nextern "C" __global__ void k(const float *x, float *y) {}')), "the source has '#include \"/etc/passwd\"', expected headers of CUDA's toolkit alone"),
    (dict(source=text('%: /* a */ inc\\\nlude <../secret.h>\n')), "the source has '#include <../secret.h>'"),
    (dict(source=text('#define F "/etc/passwd"\n#include F\n')), "the source has '#include F'"),
    (dict(source=text('#embed </etc/passwd>\n')), "the source has '#embed"),
    (dict(source=text('extern "C" __global__ void __launch_bounds__(64) k(const float *x, float *y) {}')), "is for blocks of at most 64 threads (__launch_bounds__), the launch has 256"),
    (dict(types=text("float32[size(1, 0)]")), "argument 'types': at character 14: input 1, expected 0 to 0"),
    (dict(types=text("float32[size(0, 2)]")), "argument 'types': at character 17: dimension 2, expected fewer than the 1 of that input"),
    (dict(types=text("float12[2]")), "argument 'types': at character 1: dtype 'float12', expected float32, float64"),
    (dict(types=text("float32[2 - 3]")), "argument 'types': size -1 of an output, expected at least 0"),
    (dict(types=text("float32[2")), "argument 'types': at character 10: the end, expected ']'"),
    (dict(types=text("float32[99999999999]")), "a size 99999999999, expected 0 to 2147483647"),
    (dict(types=text("float32[2147483647*2147483647*2147483647]")), "a size that is no 64-bit number"),
    (dict(types=text("")), "argument 'types': at character 1: dtype '', expected float32"),
    (dict(types=text(", ".join(["like(0)"] * 65))), "argument 'types': 65 outputs, expected 1 to 64"),
    (dict(grid=text("1, 1, 1, 1")), "argument 'grid': 4 sizes, expected 1 to 3"),
    (dict(grid=text("1, 65536")), "argument 'grid': 65536 blocks in dimension 1, expected 0 to 65535"),
    (dict(grid=text("(" * 100)), "more than 64 parentheses in each other"),
    (dict(grid=text("4 / 0")), "argument 'grid': at character 3: a division by 0, expected a number of at least 1"),
    (dict(grid=text("4 $ 2")), "argument 'grid': at character 3: '$', expected ',' or the end"),
    (dict(block=text("size(0, 0)")), "argument 'block': size N is symbolic, expected a number"),
    (dict(block=text("1025")), "argument 'block': 1025 threads in dimension 0, expected 1 to 1024"),
    (dict(block=text("64, 32")), "argument 'block': 2048 threads, expected at most 1024"),
    (dict(arguments=text("tensor(0)")), "argument 'arguments': at character 1: 'tensor', expected input, output, int32, int64, float32 or float64"),
    (dict(arguments=text("output(1)")), "argument 'arguments': at character 8: output 1, expected 0 to 0"),
    (dict(arguments=text("float32(x)")), "argument 'arguments': at character 9: 'x', expected a number"),
    (dict(arguments=text("int32(2147483647 + 1)")), "argument 'arguments': 2147483648 as an int32, expected -2147483648 to 2147483647"),
    (dict(arguments=text(", ".join(["input(0)"] * 257))), "argument 'arguments': 257 entries, expected at most 256"),
    (dict(shared_memory=text("232449")), "argument 'shared_memory': 232449 bytes, expected 0 to 232448"),
]


def errors(nnfc, folder, results, run):
    def refused(what, file, flags, message, status=1):
        out = folder / "refused.so"
        code, _, err = run(nnfc, "compile", file, *flags, "-o", out)
        ok = code == status and err.startswith("error: ") and message in err and not out.exists()
        results.case(f"custom_cuda: {what}", None if ok else f"exit status {code}, '{err.strip()}', expected '{message}'")

    has_nvrtc = None
    for number, (change, message) in enumerate(REFUSED):
        file = folder / f"refused-{number}.nnf.txt"
        file.write_text(graph("refused", "y", given("x", "FLOAT32", "N"), node("custom_cuda", "y", **{**GOOD, **change})))
        refused(message, file, EMULATOR, f"node 'custom_cuda_node' (custom_cuda)" if message == "source" else message)
        if "source" in change and has_nvrtc is not False:
            code, _, err = run(nnfc, "compile", file, "--target=cuda", "-o", folder / "refused.so")
            has_nvrtc = "NVRTC was not found" not in err
            if has_nvrtc:
                refused(f"by NVRTC: {message}", file, ["--target=cuda", "--cuda-compiler=nvrtc"], message)
    good = folder / "among_others.nnf.txt"
    refused("a CPU", good, ["--target=cpu"], "node 'custom_cuda_node' (custom_cuda): a kernel in CUDA C++ runs on a GPU")
    refused("the emulator, without a word", good, ["--target=cuda-emu"], "node 'custom_cuda_node' (custom_cuda): the emulator makes code of this machine")
    refused("another compiler", good, ["--target=cuda", "--cuda-compiler=gcc"], "--cuda-compiler=gcc: expected nvrtc, clang or clang-text", 2)
    refused("NVRTC for the emulator", good, [*EMULATOR, "--cuda-compiler=nvrtc"], "expected clang", 2)
    for variable, flags, message in (
            ("NNFC_NVRTC", ["--target=cuda"], "--cuda-compiler=nvrtc: NNFC_NVRTC=/nowhere.so: "),
            ("NNFC_CLANG", EMULATOR, "NNFC_CLANG=/nowhere.so: no such program")):
        os.environ[variable] = "/nowhere.so"
        refused(f"{variable} of nothing", good, flags, message)
        del os.environ[variable]
    # The emulator looks at such a kernel as at nnfc's own.
    file, library = folder / "race.nnf.txt", folder / "race.so"
    file.write_text(CASES["threads_meet"][0].replace("__syncthreads();", ""))
    code, _, err = run(nnfc, "compile", file, *EMULATOR, "-o", library)
    if code:
        return results.case("custom_cuda: a missing barrier", err.strip())
    with nnf.Program(library) as program, nnf.Context(program, threads=1) as context:
        try:
            context.run({"x": random(2, 150)})
            results.case("custom_cuda: a missing barrier", "nothing is noticed")
        except nnf.Error as error:
            results.case("custom_cuda: a missing barrier", None if "shared memory" in str(error) else str(error))
    # What the emulator does not know, and a run that asks for more than a launch can have.
    file = folder / "refused-more.nnf.txt"
    file.write_text(graph("refused", "y", given("x", "FLOAT32", "N"), node("custom_cuda", "y", **GOOD | {
        "source": text('extern "C" __global__ void k(const float *x, float *y) { asm volatile("nanosleep.u32 20;"); }')})))
    refused("an instruction", file, EMULATOR, "node 'custom_cuda_node' (custom_cuda): cuda-emu: the emulator has no 'nanosleep.u32'")
    file.write_text(graph("refused", "y", given("x", "FLOAT32", "N"), node("custom_cuda", "y", **GOOD | {"grid": text("1, 65530 + size(0, 0)")})))
    library = folder / "too-many.so"
    code, _, err = run(nnfc, "compile", file, *EMULATOR, "-o", library)
    if code:
        return results.case("custom_cuda: blocks of a run", err.strip())
    with nnf.Program(library) as program, nnf.Context(program, threads=1) as context:
        try:
            context.run({"x": np.zeros(6, np.float32)})
            why = "it ran"
        except nnf.Error as error:
            wanted = "argument 'grid': 65536 blocks in dimension 1, expected 0 to 65535"
            why = None if wanted in str(error) else str(error)
    results.case("custom_cuda: blocks of a run", why)


def everything(build_folder, folder, ptxas, results, run):
    nnfc = Path(build_folder) / "bin" / "nnfc"
    numbers(nnfc, Path(build_folder), folder, results, run)
    assembled(nnfc, ptxas, folder, results, run)
    errors(nnfc, folder, results, run)
