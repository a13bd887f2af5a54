"""Cases of run.py: tuning files (docs/tuning.md). Results are compared with numpy, and with those of an untuned model."""
import random
import re

import numpy as np

from craft import Ref, constant, input_of, node, outputs, x

HEADER = "nnfc-tuning 1\n"
LINE = re.compile(r"kernel (\S+\|\S+) (.*?)((?: (?:default|best)=[\d.]+us)*(?: launches=\d+)?)$")


def convolution(image, weight, padding, stride=1):
    """In double precision: NCHW, OIHW."""
    image = np.pad(image.astype(np.float64), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    kernel = weight.shape[2]
    windows = np.lib.stride_tricks.sliding_window_view(image, (kernel, kernel), axis=(2, 3))[:, :, ::stride, ::stride]
    return np.einsum("nchwij,ocij->nohw", windows, weight.astype(np.float64))


class Network:
    """Convolutions of 3 x 3 (at strides 1 and 2) and 1 x 1, one after the other, then a product of matrices."""

    def __init__(self, work, size=19, channels=24):
        draw = np.random.default_rng(7)
        self.work, self.image = work, draw.standard_normal((2, channels, size, size)).astype(np.float32)
        text, value, before = input_of("x", self.image.shape), self.image, "x"
        layers = (("a", 40, 3, 1, 1), ("b", 72, 1, 1, 0), ("c", 48, 3, 2, 1), ("d", 33, 3, 1, 0))
        for name, outs, kernel, stride, padding in layers:
            weight = (draw.standard_normal((outs, value.shape[1], kernel, kernel)) / 8).astype(np.float32)
            work.save(f"{name}.npy", weight)
            text += constant("w" + name, weight.shape, file=f"{name}.npy")
            text += node("conv2d", "y" + name, name, input=Ref(before), weight=Ref("w" + name), stride=stride, padding=padding)
            text += node("relu", "z" + name, "r" + name, input=Ref("y" + name))
            value, before = np.maximum(convolution(value, weight, padding, stride), 0), "z" + name
        matrix = (draw.standard_normal((70, value.shape[3])) / 4).astype(np.float32)
        work.save("m.npy", matrix)
        text += constant("wm", matrix.shape, file="m.npy") + node("linear", "y", "m", input=Ref(before), weight=Ref("wm"))
        self.want = value @ matrix.astype(np.float64).T
        work.write("net.nnf.txt", text + outputs("y"))
        work.nnfc("tune", "net.nnf.txt", "--dry-run", "-o", "plain.tuning")
        self.plain = (work / "plain.tuning").read_text()
        self.machine = next(line for line in self.plain.splitlines() if line.startswith("cpu "))
        self.vector, self.registers = (int(n) for n in re.search(r"vector=(\d+) registers=(\d+)", self.machine).groups())
        self.keys = [LINE.match(line)[1] for line in self.plain.splitlines() if line.startswith("kernel ")]

    def file(self, choices):
        """A tuning file with these choices by key."""
        lines = "".join(f"kernel {key} {choice}\n" for key, choice in choices.items())
        return self.work.write("net.tuning", f"# by hand\n{HEADER}{self.machine}\n\n{lines}")

    def key(self, part):
        return next(key for key in self.keys if part in key)

    def result(self, *flags):
        return self.work.result("net.nnf.txt", "y", *flags, x=self.image)


def near(expect, got, want, why):
    """Sums of up to 432 products, through five layers; F(4, 3) where accuracy is relaxed."""
    error = float(np.max(np.abs(got - want))) / float(np.max(np.abs(want)))
    expect(got.shape == want.shape and error < 1e-4, f"{why}: off by {error:.1e} of the largest")


def choices_are_taken_and_shown(work, expect):
    net = Network(work)
    expect(len(net.keys) == 5, f"kernels: {net.keys}")
    plain = net.result()
    near(expect, plain, net.want, "untuned")
    first = "direct rows=3 tiles=5 panels=1 order=outer taps=2 chunk=8"
    file = net.file({net.key("taps=3x3/pad"): first, net.key("in=2x19x19x40/out=72"): "direct rows=2 order=inner",
                     "conv/float32/in=1x1|of.another.model": "direct rows=1"})
    shown = work.nnfc("inspect", "net.nnf.txt", "--tuning", file)
    expect(f", {first}" in shown and ", direct rows=2 tiles=" in shown, f"inspect does not show the choices: {shown}")
    expect(first not in work.nnfc("inspect", "net.nnf.txt"), "the choice is the default's: nothing is shown by it")
    near(expect, net.result("--tuning", file), net.want, "tuned")
    text = work.nnfc("compile", "net.nnf.txt", "--phase=groups", "--tuning", file, "-o", "net.mlir") or (work / "net.mlir").read_text()
    expect(f'nnf.choice = "{first}"' in text, "the kernel does not carry its choice")


def what_a_dry_run_writes_changes_nothing(work, expect):
    net = Network(work)
    before, after = (work.nnfc("compile", "net.nnf.txt", "--no-cache", "--name=net", *flags, "-o", "net.s") or
                     (work / "net.s").read_text() for flags in ((), ("--tuning", "plain.tuning")))
    code = re.compile(r"^\s+(?!\.).*$", re.M)  # instructions: names hold hashes
    expect(code.findall(before) == code.findall(after), "the code is another one")
    expect("Winograd" not in before and before.count("vfmadd") > 20, "this is no code")


def random_choices_keep_the_result(work, expect):
    net = Network(work)
    draw = random.Random(5)
    plain = net.result("--accuracy=strict")
    rows = 12 if net.registers > 16 else 6
    for turn in range(9):
        choices = {}
        for key in net.keys:
            panels = -(-int(re.search(r"/out=(\d+)", key)[1]) // (net.vector // 2))
            choice = f"rows={draw.randint(1, rows)} tiles={draw.choice((1, 2, 3, 7, 50, 5000))} panels={draw.randint(1, panels)}"
            can_winograd = "taps=3x3" in key and "stride" not in key
            if can_winograd and turn % 3:
                choices[key] = f"winograd{2 if turn % 3 == 1 else 4} {choice}"
                continue
            order = draw.choice(("inner", "outer"))
            # Without padding the taps of a row and its channels are one run.
            spatial = 0 if "taps" not in key else 2 if "pad" in key else 1
            taps = draw.randint(0, spatial) if order == "outer" else 0
            run = int(re.search(r"/in=[\dx]*x(\d+)/", key)[1])
            chunk = draw.choice((0, 8, 16)) if order == "outer" and taps == spatial and run > 16 else 0
            choices[key] = f"direct {choice} order={order} taps={taps} chunk={chunk}"
        file = net.file(choices)
        accuracy = ("strict", "default", "relaxed")[turn % 3]
        got = net.result("--tuning", file, f"--accuracy={accuracy}", f"--threads={1 + turn % 2}")
        said = f"{accuracy}, {choices}"
        if accuracy == "strict":  # direct sums: blocks do not change the order of additions
            expect(np.array_equal(got, plain), f"not the same bytes: {said}")
        error = float(np.max(np.abs(got - net.want))) / float(np.max(np.abs(net.want)))
        expect(error < (1e-4 if accuracy == "relaxed" else 1e-5), f"off by {error:.1e} of the largest: {said}")


def tune_measures_and_writes(work, expect):
    net = Network(work, size=9)
    work.nnfc("tune", "net.nnf.txt", "--seconds=0.001", "--threads=2", "--accuracy=relaxed")
    text = (work / "net.nnf.txt.tuning").read_text()
    lines = [LINE.match(line) for line in text.splitlines() if line.startswith("kernel ")]
    expect([line[1] for line in lines] == net.keys and all("default=" in line[3] and "best=" in line[3] for line in lines),
           f"not a line with times for each kernel: {text}")
    expect(text.startswith("# net.nnf.txt, tuned by nnfc ") and net.machine in text and "2 threads" in text, f"no machine or date: {text}")
    near(expect, net.result("--tuning=net.nnf.txt.tuning", "--accuracy=relaxed"), net.want, "tuned")


def kernels_in_the_cache_are_those_of_their_choice(work, expect):
    net = Network(work)
    cache = work / "kernels"
    import kernel_cache
    with kernel_cache.environment(NNFC_CACHE_DIR=str(cache)):
        counts = []
        for choice in ("direct rows=2", "direct rows=3", "direct rows=2"):
            file = net.file({net.key("in=2x19x19x40/out=72"): choice})
            work.nnfc("compile", "net.nnf.txt", "--tuning", file, "-o", "net.so")
            counts.append(len(kernel_cache.entries(cache)))
    expect(counts[0] + 1 == counts[1] == counts[2], f"entries after each choice: {counts}")


def broken_files_are_refused(work, expect):
    net = Network(work)
    key, pointwise = net.key("taps=3x3/pad"), net.key("in=2x19x19x40/out=72")
    good = HEADER + net.machine + "\n"
    line3 = "net.tuning', line 3: "
    other = re.sub(r"vector=\d+", "vector=8", net.machine)
    cases = {
        "": "line 1: the file ends, expected 'nnfc-tuning 1'",
        "nnfc-tuning 2\n": "line 1: 'nnfc-tuning 2' found, expected 'nnfc-tuning 1'",
        HEADER: "line 2: the file ends, expected 'cpu",
        HEADER + "kernel a|b direct\n": "line 2: 'kernel' found, expected 'cpu'",
        HEADER + "cpu x\n": "line 2: expected 'cpu NAME vector=BYTES",
        HEADER + net.machine.replace("vector=", "vectors=") + "\n": "found, expected vector=N",
        HEADER + re.sub(r"l1=\d+", "l1=big", net.machine) + "\n": "'l1=big' found, expected a number",
        HEADER + other + "\n": "tiles are made of its vectors",
        good + net.machine + "\n": line3 + "'cpu' found, expected 'kernel': one machine a file",
        good + "kernels\n": line3 + "'kernels' found, expected 'kernel KEY CHOICE'",
        good + f"kernel {key}\n": line3,
        good + "kernel conv direct\n": line3 + "'conv' found, expected a kernel's key",
        good + f"kernel {key} best=3us\n": line3 + "nothing found, expected default, direct",
        good + f"kernel {key} fast\n": line3 + "'fast' found, expected default, direct, winograd2 or winograd4",
        good + f"kernel {key} default rows=2\n": line3 + "'rows=2' found after 'default', expected nothing",
        good + f"kernel {key} direct rows\n": line3 + "'rows' found, expected a number from 1",
        good + f"kernel {key} direct rows=0\n": line3 + "'rows=0' found, expected a number from 1",
        good + f"kernel {key} direct rows=-1\n": line3 + "'rows=-1' found, expected a number from 1",
        good + f"kernel {key} direct rows=99999999999999999999\n": line3 + "'rows=99999999999999999999' found, expected a number from 1",
        good + f"kernel {key} direct rows=2 rows=2\n": line3 + "'rows=2': rows is there twice",
        good + f"kernel {key} direct depth=2\n": line3 + "'depth=2' found, expected rows, tiles, panels",
        good + f"kernel {key} direct order=in\n": line3 + "'order=in' found, expected order=inner or order=outer",
        good + f"kernel {key} direct chunk=9\n": line3 + "'chunk=9' found, expected a multiple of 8",
        good + f"kernel {key} winograd2 order=inner\n": line3 + "'order=inner' goes with direct",
        good + f"kernel {key} direct best=fast\n": line3 + "'best=fast' found, expected a time",
        good + f"kernel {key} direct best=1us best=1us\n": line3 + "'best=1us' is there twice",
        good + f"kernel {key} direct\nkernel {key} direct\n": "line 4: kernel '" + key + "' is on line 3 already",
        good + f"kernel {key} direct\nkernel {key.split('|')[0]}|plain winograd2\n":
            "line 4: 'winograd2' found, but line 3 has another method for the same contraction",
        good + f"kernel {key} winograd4\n": line3 + "winograd4 found, expected direct or winograd2 without --accuracy=relaxed",
        # What only the kernel itself says no to.
        good + f"kernel {key} direct rows=13\n": line3 + "rows=13 found, expected at most",
        good + f"kernel {key} direct panels=99\n": line3 + "panels=99 found, expected at most",
        good + f"kernel {key} direct order=outer taps=3\n": line3 + "taps=3 found, expected at most 2",
        good + f"kernel {key} direct order=inner taps=1\n": line3 + "taps or chunk found with order=inner",
        good + f"kernel {key} direct order=outer chunk=8\n": line3 + "chunk=8 found, expected less than the 24",
        good + f"kernel {pointwise} winograd2\n": "tuning, line 3: winograd2 found, expected direct",
    }
    for text, says in cases.items():
        work.write("net.tuning", text)
        done = work.attempt("nnfc", "compile", "net.nnf.txt", "--tuning=net.tuning", "-o", "net.so")
        first = done.stderr.decode().split("\n")[0]
        expect(done.returncode == 1 and first.startswith("error: ") and says in first, f"{text!r}: '{first}', expected '{says}'")
        expect(not (work / "net.so").exists(), "a refused compile left its output")
    work.refused("cannot be read", "nnfc", "compile", "net.nnf.txt", "--tuning=gone", "-o", "net.so")
    work.refused("--tuning goes with --target=cpu", "nnfc", "compile", "net.nnf.txt", "--tuning=plain.tuning", "--target=cuda",
                 "-o", "net.ptx", status=2)
    work.refused("direct with --accuracy=strict", "nnfc", "compile", "net.nnf.txt", "--accuracy=strict", "-o", "net.so",
                 "--tuning", net.file({key: "winograd2"}))
    work.refused("is compiled, expected a model", "nnfc", "tune",
                 work.nnfc("compile", "net.nnf.txt", "-o", "net.so") or "net.so", status=2)
    work.refused("expected fixed sizes to measure: --dim N=SIZE", "nnfc", "tune", work.write("open.nnf.txt", OPEN))


OPEN = input_of("x", ("N", 4)) + node("matmul", "y", input=x, other=Ref("w")) + constant("w", (4, 4), data=bytes(64)) + outputs("y")


def other_machines_are_warned_of(work, expect):
    net = Network(work)
    for text, says in ((net.plain.replace("cpu ", "cpu not", 1), "what was faster there need not be here"),
                       (HEADER + net.machine + "\nkernel conv/float32/in=1x1|plain direct\n", "none of the kernels that")):
        work.write("net.tuning", text)
        done = work.attempt("nnfc", "compile", "net.nnf.txt", "--tuning=net.tuning", "-o", "net.so")
        expect(done.returncode == 0 and says in done.stderr.decode() and "warning: " in done.stderr.decode(),
               f"no warning: {done.stderr.decode()}")
    done = work.attempt("nnfc", "compile", "net.nnf.txt", "--tuning=plain.tuning", "-o", "net.so")
    expect(done.returncode == 0 and not done.stderr, f"{done.stderr.decode()}")


CASES = [choices_are_taken_and_shown, what_a_dry_run_writes_changes_nothing, random_choices_keep_the_result,
         tune_measures_and_writes, kernels_in_the_cache_are_those_of_their_choice, broken_files_are_refused,
         other_machines_are_warned_of]
