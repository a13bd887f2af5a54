"""Products and convolutions as compute capability 9.0 multiplies them: tiles by tensor maps, wgmma
(docs/design/0014-hopper.md). Of attentions hopper_attention.py has the models; the suite runs all."""
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import numpy as np

import hopper_attention
import hopper_convolutions as convolutions
from models import Model, bfloat16, erf

# What stays with the code for every GPU: lines that no tensor map has, sizes that only a run knows, few rows.
ELSEWHERE = ("hopper_odd_lines", "hopper_odd_offset", "hopper_symbolic", "hopper_few_rows", "hopper_float",
             *convolutions.NOWHERE)


class Made:
    """Models whose inputs are drawn, each named with the prefix."""

    def __init__(self, prefix, seed):
        self.prefix, self.rng, self.models = prefix, np.random.default_rng(seed), []

    def f32(self, *shape):
        return self.rng.standard_normal(shape).astype(np.float32)

    def f16(self, *shape):
        return self.f32(*shape).astype(np.float16)

    def bf16(self, *shape):
        return bfloat16(self.f32(*shape))

    def add(self, name, inputs, nodes, reference, scale, **more):
        self.models.append(Model(f"{self.prefix}_{name}", "hopper", inputs, nodes, ["y"], reference, scale=scale, **more))


def product(a, b):
    return [a @ b]


def magnitude(a, b):
    return abs(a) @ abs(b)


MATMUL = [("matmul", {"input": "a", "other": "b"}, ["y"])]
TURNED = ("transpose", {"input": "a", "dim0": 0, "dim1": 1}, ["t"])


def products():
    """Both types, all four ways that operands lie, every tile, edges on every side, slabs that go round more than once,
    batches in any order, epilogues."""
    made = Made("hopper", 14)
    f32, f16, bf16, add = made.f32, made.f16, made.bf16, made.add
    # The last: more blocks than a GPU runs at once, in bands, of which the last one is lower.
    for m, k, n in ((64, 64, 64), (65, 72, 72), (200, 520, 136), (17, 8, 8), (1200, 40, 1000), (64, 40, 9000),
                    (24, 72, 20000), (2100, 16, 2600)):
        add(f"{m}x{k}x{n}", {"a": f16(m, k), "b": f16(k, n)}, MATMUL, product, magnitude)
    add("one_slab", {"a": bf16(40, 16), "b": bf16(16, 64)}, MATMUL, product, magnitude)
    add("b_lines_down", {"a": bf16(100, 200), "b": bf16(72, 200)}, [("linear", {"input": "a", "weight": "b"}, ["y"])],
        lambda a, b: [a @ b.T], lambda a, b: abs(a) @ abs(b.T))
    add("b_lines_down_wide", {"a": f16(24, 136), "b": f16(20000, 136)},
        [("linear", {"input": "a", "weight": "b"}, ["y"])], lambda a, b: [a @ b.T], lambda a, b: abs(a) @ abs(b.T))
    add("a_lines_across", {"a": f16(136, 72), "b": f16(136, 80)},
        [TURNED, ("matmul", {"input": "t", "other": "b"}, ["y"])], lambda a, b: [a.T @ b],
        lambda a, b: abs(a.T) @ abs(b))
    add("a_lines_across_tall", {"a": bf16(40, 1200), "b": bf16(40, 1000)},
        [TURNED, ("matmul", {"input": "t", "other": "b"}, ["y"])], lambda a, b: [a.T @ b],
        lambda a, b: abs(a.T) @ abs(b))
    add("a_across_b_down", {"a": f16(200, 72), "b": f16(64, 200)},
        [TURNED, ("linear", {"input": "t", "weight": "b"}, ["y"])], lambda a, b: [a.T @ b.T],
        lambda a, b: abs(a.T) @ abs(b.T))
    add("batch", {"a": f16(3, 40, 72), "b": f16(3, 72, 40)}, [("bmm", {"input": "a", "mat2": "b"}, ["y"])], product,
        magnitude)
    # Heads lie between rows: the batch is two dimensions, neither the longest distance.
    add("heads", {"a": f16(2, 40, 3, 64), "b": f16(2, 48, 3, 64)},
        [("transpose", {"input": "a", "dim0": 1, "dim1": 2}, ["p"]),
         ("permute", {"input": "b", "dims": [0, 2, 3, 1]}, ["q"]), ("matmul", {"input": "p", "other": "q"}, ["y"])],
        lambda a, b: [a.swapaxes(1, 2) @ b.transpose(0, 2, 3, 1)],
        lambda a, b: abs(a).swapaxes(1, 2) @ abs(b).transpose(0, 2, 3, 1))
    add("same_for_all", {"a": bf16(4, 5, 24, 64), "b": bf16(1, 5, 64, 24)}, MATMUL, product, magnitude)
    # Few tiles and much to contract: parts, by the model of an H100; the last one shorter, lines either way.
    for m, k, n in ((40, 4096, 64), (65, 1000, 72), (24, 3016, 64)):
        add(f"deep_{m}x{k}x{n}", {"a": f16(m, k), "b": f16(k, n)}, MATMUL, product, magnitude)
    add("deep_lines_across", {"a": bf16(1992, 72), "b": bf16(64, 1992)},
        [TURNED, ("linear", {"input": "t", "weight": "b"}, ["y"])], lambda a, b: [a.T @ b.T],
        lambda a, b: abs(a.T) @ abs(b.T))
    add("deep_batch", {"a": f16(2, 24, 2000), "b": f16(2, 2000, 64)}, [("bmm", {"input": "a", "mat2": "b"}, ["y"])],
        product, magnitude)
    add("bias_gelu", {"x": bf16(70, 136), "w": bf16(96, 136), "b": bf16(96)},
        [("linear", {"input": "x", "weight": "w", "bias": "b"}, ["l"]), ("gelu", {"input": "l"}, ["y"])],
        lambda x, w, b: [0.5 * (x @ w.T + b) * (1 + erf((x @ w.T + b) / np.sqrt(2)))],
        lambda x, w, b: 1024 * abs(x) @ abs(w.T))
    add("bias_relu_residual", {"x": f16(150, 72), "w": f16(136, 72), "b": f16(136), "r": f16(150, 136)},
        [("linear", {"input": "x", "weight": "w", "bias": "b"}, ["l"]), ("relu", {"input": "l"}, ["p"]),
         ("add", {"input": "p", "other": "r"}, ["y"])],
        lambda x, w, b, r: [np.maximum(x @ w.T + b, 0) + r], lambda x, w, b, r: 1024 * abs(x) @ abs(w.T))
    add("two_in_a_row", {"x": f16(70, 48), "v": f16(40, 48), "w": f16(56, 40)},
        [("linear", {"input": "x", "weight": "v"}, ["h"]), ("relu", {"input": "h"}, ["r"]),
         ("linear", {"input": "r", "weight": "w"}, ["y"])],
        lambda x, v, w: [np.maximum(x @ v.T, 0) @ w.T], lambda x, v, w: 1024 * (abs(x) @ abs(v.T)) @ abs(w.T))

    add("odd_lines", {"a": f16(65, 33), "b": f16(33, 70)}, MATMUL, product, magnitude)
    add("odd_offset", {"a": f16(40, 72), "b": f16(64, 40)},
        [("slice", {"input": "a", "dim": 1, "start": 4, "end": 68}, ["s"]),
         ("matmul", {"input": "s", "other": "b"}, ["y"])], lambda a, b: [a[:, 4:68] @ b],
        lambda a, b: abs(a[:, 4:68]) @ abs(b))
    add("symbolic", {"a": f16(45, 48), "b": f16(48, 40)}, MATMUL, product, magnitude, symbols={("a", 0): "N"})
    add("few_rows", {"a": f16(16, 64), "b": f16(64, 64)}, MATMUL, product, magnitude)
    add("float", {"a": f32(65, 72), "b": f32(72, 72)}, MATMUL, product, magnitude)
    convolutions.add_convolutions(made.models)
    return made.models


# Multiprocessors of the GPU that models are cut for whose blocks stay: each has several tiles.
FEW_MULTIPROCESSORS = 2


def staying():
    """Blocks that go through several tiles: both tiles, blocks with as many and with one more than others; slabs that end
    within the ring, that go round, that are fewer than its places or one; all ways that operands lie and results are
    stored."""
    made = Made("hopper_stay", 132)
    f16, bf16, add = made.f16, made.bf16, made.add
    for m, k, n in ((300, 136, 496), (700, 200, 200), (520, 136, 72), (640, 840, 72), (700, 16, 64), (600, 72, 1000)):
        add(f"{m}x{k}x{n}", {"a": f16(m, k), "b": f16(k, n)}, MATMUL, product, magnitude)
    add("lines_across", {"a": bf16(136, 304), "b": bf16(501, 136)},
        [TURNED, ("linear", {"input": "t", "weight": "b"}, ["y"])], lambda a, b: [a.T @ b.T],
        lambda a, b: abs(a.T) @ abs(b.T))
    add("heads", {"a": f16(2, 150, 3, 64), "b": f16(2, 48, 3, 64)},
        [("transpose", {"input": "a", "dim0": 1, "dim1": 2}, ["p"]),
         ("permute", {"input": "b", "dims": [0, 2, 3, 1]}, ["q"]), ("matmul", {"input": "p", "other": "q"}, ["y"])],
        lambda a, b: [a.swapaxes(1, 2) @ b.transpose(0, 2, 3, 1)],
        lambda a, b: abs(a).swapaxes(1, 2) @ abs(b).transpose(0, 2, 3, 1))
    add("bias_gelu", {"x": bf16(300, 136), "w": bf16(496, 136), "b": bf16(496)},
        [("linear", {"input": "x", "weight": "w", "bias": "b"}, ["l"]), ("gelu", {"input": "l"}, ["y"])],
        lambda x, w, b: [0.5 * (x @ w.T + b) * (1 + erf((x @ w.T + b) / np.sqrt(2)))],
        lambda x, w, b: 1024 * abs(x) @ abs(w.T))
    add("bias_relu_residual", {"x": f16(520, 72), "w": f16(136, 72), "b": f16(136), "r": f16(520, 136)},
        [("linear", {"input": "x", "weight": "w", "bias": "b"}, ["l"]), ("relu", {"input": "l"}, ["p"]),
         ("add", {"input": "p", "other": "r"}, ["y"])],
        lambda x, w, b, r: [np.maximum(x @ w.T + b, 0) + r], lambda x, w, b, r: 1024 * abs(x) @ abs(w.T))
    convolutions.add_cases(made.models, convolutions.STAYING, made.rng, "hopper_stay_conv")
    return made.models


def look_at_staying(text, model):
    if model.name.startswith("hopper_stay_conv_") and ".im2col." not in text:
        return "no .im2col."
    for wanted in ("wgmma.mma_async", "cp.async.bulk.tensor", "bar.warp.sync"):
        if wanted not in text:
            return f"no {wanted}"
    return "it has local memory" if ".local" in text else None


def look_at(text, model):
    """What the PTX for sm_90a should have."""
    if model.name.startswith("hopper_stay_"):
        return look_at_staying(text, model)
    if model.family == "attention":
        return hopper_attention.look_at(text, model)
    if model.name in ELSEWHERE:
        return "it has wgmma" if "wgmma" in text else None
    for wanted in ("wgmma.mma_async", "cp.async.bulk.tensor", "mbarrier.try_wait.parity", "cvta.param",
                   "fence.mbarrier_init"):
        if wanted not in text:
            return f"no {wanted}"
    # Neither of the other pipeline's: whatever of the product that is, it would be beside this one.
    if "mma.sync" in text:
        return "it has mma.sync"
    if ".local" in text:
        return "it has local memory"
    return convolutions.look_at(text, model.name) if model.name.startswith("hopper_conv_") else None


def assemble(run, ptxas, file):
    """None, or what ptxas finds wrong: notes that products wait for each other among it."""
    code, stdout, stderr = run(ptxas, "-arch=sm_90a", "-v", file, "-o", file.with_suffix(".cubin"))
    log = stdout + stderr
    if code or re.search(r"[1-9]\d* bytes (spill|stack frame)", log) or re.search(r"\(C7\d+\)|C75\d\d", log) \
            or "bytes spill" not in log:
        return log.strip()
    return None


# Of each kind one through the driver: other tiles and grids than those of sm_80, batches, an epilogue, two launches.
THROUGH_DRIVER = ("hopper_200x520x136", "hopper_heads", "hopper_same_for_all", "hopper_bias_gelu", "hopper_two_in_a_row",
                  "hopper_24x72x20000", "hopper_odd_lines", "hopper_deep_65x1000x72", *convolutions.THROUGH_DRIVER)


class Suite:
    def __init__(self, build, folder, ptxas, seeds, results, tools, only=""):
        self.build, self.folder, self.ptxas, self.results, self.tools = build, folder, ptxas, results, tools
        self.seeds = seeds
        self.nnfc = build / "bin" / "nnfc"
        self.only = only
        self.models = [m for m in products() + hopper_attention.models() if only in m.name]
        self.staying = [m for m in staying() if only in m.name]
        self.crowded = [m for m in hopper_attention.crowded() if only in m.name]
        everything = self.models + self.staying + self.crowded
        self.files = {model.name: folder / f"{model.name}.nnf.txt" for model in everything}
        for model in everything:
            self.files[model.name].write_text(model.text())

    def try_to_compile(self, models, out, *flags):
        """None, or why not."""
        code, _, err = self.tools.run(self.nnfc, "compile", *(self.files[m.name] for m in models), "-o", out, *flags)
        return err.strip() or f"exit status {code}" if code else None

    def compile(self, models, out, *flags):
        why = self.try_to_compile(models, out, *flags)
        if why:
            self.results.case(f"{out.name}", why)
        return not why

    def numbers(self, models, *flags):
        """On the emulator, in each order."""
        parts = [models[i::self.tools.LIBRARIES] for i in range(min(self.tools.LIBRARIES, len(models)))]
        libraries = [self.folder / f"hopper-orders-{i}{''.join(flags)}.so" for i in range(len(parts))]
        with ThreadPoolExecutor(self.tools.LIBRARIES) as pool:
            done = list(pool.map(lambda part, library: self.try_to_compile(part, library, *self.tools.EMULATOR,
                                                                           "--cuda-arch=sm_90a", *flags),
                                 parts, libraries))
        for part, library, why in zip(parts, libraries, done):
            if why:
                self.results.case(library.name, why)
                continue
            for seed in self.seeds:
                self.tools.set_order(library, seed)
                for model in part:
                    self.results.case(f"{model.name} on sm_90a, order {seed}", self.tools.run_model(model, library))

    def ptx(self, models, *flags):
        with ThreadPoolExecutor(self.tools.LIBRARIES) as pool:
            for model, (compiled, seen, assembled) in zip(models, pool.map(lambda m: self.ptx_of(m, *flags), models)):
                if compiled:
                    self.results.case(f"{model.name} as PTX", compiled)
                    continue
                self.results.case(f"PTX of {model.name}", seen)
                if self.ptxas:
                    self.results.case(f"ptxas of {model.name}", assembled)
                else:
                    self.results.skipped += 1

    def ptx_of(self, model, *flags):
        """What is wrong with compiling it, with its text, with the machine code."""
        out = self.folder / f"{model.name}.sm_90a.ptx"
        if why := self.try_to_compile([model], out, "--target=cuda", "--emit=ptx", "--cuda-arch=sm_90a", *flags):
            return why, None, None
        return None, look_at(out.read_text(), model), assemble(self.tools.run, self.ptxas, out) if self.ptxas else None

    def through_driver(self, fake):
        """A library with code for sm_80 and sm_90a: each on a device of its own, with its tensor maps and grids."""
        models = [model for model in self.models
                  if model.name in THROUGH_DRIVER + hopper_attention.THROUGH_DRIVER]
        library = self.folder / "hopper.so"
        emulated = {arch: self.folder / f"hopper-{arch}.so" for arch in ("sm_80", "sm_90a")}
        if not (self.compile(models, library, "--target=cuda", "--cuda-arch=sm_80,sm_90a") and
                all(self.compile(models, out, "--target=cuda-emu", f"--cuda-arch={arch}")
                    for arch, out in emulated.items())):
            return
        for arch, capability in (("sm_80", "8.0"), ("sm_80", "10.0"), ("sm_90a", "9.0")):
            for model in models:
                fake.reset()
                fake.set(library=emulated[arch], model=model.name, capability=capability)
                # Often enough that a graph is captured and replayed.
                why = self.tools.run_model(model, library, runs=3)
                maps = fake.count("cuTensorMapEncodeTiled")
                wanted = arch == "sm_90a" and model.name not in ELSEWHERE + hopper_attention.ELSEWHERE
                if not why and (maps > 0) != wanted:
                    why = f"{maps} tensor maps are made"
                images = fake.count("cuTensorMapEncodeIm2col")
                if not why and (images > 0) != (wanted and model.name in convolutions.THROUGH_DRIVER):
                    why = f"{images} tensor maps of images are made"
                self.results.case(f"{model.name} on {capability} through the driver", why)
        fake.reset()
        model = next(m for m in models if m.name == "hopper_bias_gelu")
        fake.set(library=emulated["sm_90a"], model=model.name, capability="9.0", error="cuTensorMapEncodeTiled=1")
        why = self.tools.run_model(model, library)
        self.results.case("a map that the driver refuses",
                          None if why and "cuTensorMapEncodeTiled: CUDA_ERROR_INVALID_VALUE" in why else f"it says {why}")
        fake.reset()
        fake.set(library=None, model=None)
        self.staying_through_driver(fake)
        self.older_driver(library, emulated["sm_80"], model)
        self.inspect(library)

    def staying_through_driver(self, fake):
        """No more blocks that stay than the GPU has multiprocessors for; however many they are, all tiles are done."""
        few = f"--cuda-multiprocessors={FEW_MULTIPROCESSORS}"
        models = [m for m in self.staying if m.name in ("hopper_stay_700x200x200", "hopper_stay_bias_gelu")]
        library, emulated = self.folder / "hopper-stay.so", self.folder / "hopper-stay-sm_90a.so"
        if not (self.compile(models, library, "--target=cuda", "--cuda-arch=sm_80,sm_90a", few) and
                self.compile(models, emulated, "--target=cuda-emu", "--cuda-arch=sm_90a", few)):
            return
        for multiprocessors in (1, FEW_MULTIPROCESSORS, 132):
            for model in models:
                fake.reset()
                fake.set(library=emulated, model=model.name, capability="9.0", multiprocessors=multiprocessors)
                why = self.tools.run_model(model, library)
                blocks = fake.count("blocks")
                if not why and blocks != min(multiprocessors, FEW_MULTIPROCESSORS):
                    why = f"{blocks} blocks"
                self.results.case(f"{model.name} on {multiprocessors} multiprocessors", why)
        fake.reset()
        fake.set(library=None, model=None)

    def older_driver(self, library, emulated, model):
        """One that makes no tensor maps runs what every GPU has."""
        older = self.folder / "older-driver.so"
        older.write_bytes((self.build / "unit" / "nnf-fake-cuda.so").read_bytes()
                          .replace(b"cuTensorMapEncodeTiled", b"cuTensorMapEncodeNoned"))
        done = subprocess.run(
            [self.nnfc, "run", library, "--model", model.name, "--device", "cuda:0", "--random-inputs"],
            capture_output=True, text=True, timeout=300,
            env=os.environ | {"NNFC_CUDA_DRIVER": str(older), "NNF_FAKE_LIBRARY": str(emulated),
                              "NNF_FAKE_MODEL": model.name, "NNF_FAKE_CAPABILITY": "9.0"})
        self.results.case("a driver without tensor maps",
                          None if done.returncode == 0 and "y: bfloat16[70, 96]" in done.stdout else done.stdout + done.stderr)

    def inspect(self, library):
        _, text, err = self.tools.run(self.nnfc, "inspect", library)
        wanted = r"k0_sm_90a: .*, blocks of \d+ threads, \S+ \S+ of shared memory, a grid of \d+, 2 tensor maps\n"
        self.results.case("inspect of tensor maps", None if re.search(wanted, text) else text + err)

    def everything(self, fake):
        few = f"--cuda-multiprocessors={FEW_MULTIPROCESSORS}"
        self.numbers(self.models)
        self.ptx(self.models)
        self.numbers(self.staying, few)
        self.ptx(self.staying, few)
        self.ptx(self.crowded)
        if not self.only:
            self.through_driver(fake)
