"""The runtime's CUDA half (runtime/cuda) behind test/gpu/FakeCuda.cpp: a driver whose GPU is the emulator.

Each model is compiled for the CPU, for CUDA and for the emulator; the CUDA library runs through the fake driver, which
takes kernels from the emulator's library, and has to give what the CPU's library gives.
"""
import ctypes
import json
import os
import subprocess
from ctypes import POINTER, byref, c_char_p, c_int64, c_long, c_size_t, c_uint64, c_void_p

import numpy as np

import nnf

CPU, CUDA, PINNED, MANAGED = 1, 2, 3, 13
ARGUMENT, DATA, MODEL, MEMORY, UNSUPPORTED, CANCELLED, INTERNAL = range(1, 8)


def tensor_type(dtype, *dims):
    sizes = "".join(f' dims {{ symbol: "{d}" }}' if isinstance(d, str) else f" dims {{ size: {d} }}" for d in dims)
    return f"type {{ dtype: {dtype}{sizes} }}"


def given(name, dtype, *dims):
    return f'inputs {{ name: "{name}" {tensor_type(dtype, *dims)} }}'


def node(op, outputs, **arguments):
    text = "".join(f' arguments {{ name: "{name}" {value} }}' for name, value in arguments.items())
    return f'nodes {{ op: "{op}" name: "{op}_node"{text}' + "".join(f' outputs: "{o}"' for o in outputs.split()) + " }"


def t(name):
    return f'tensor: "{name}"'


def graphs():
    """Name -> text."""
    def graph(name, outputs, *lines):
        return name, "\n".join([f'name: "{name}"', *lines] + [f'outputs: "{o}"' for o in outputs.split()]) + "\n"

    weights = [f'constants {{ name: "{name}" tensor {{ {tensor_type("FLOAT32", *dims)} file: "{name}.npy" }} }}'
               for name, dims in (("w", (48, 64)), ("v", (40, 48)))]
    return dict([
        graph("net", "y s", given("x", "FLOAT32", "N", 64), *weights, node("linear", "l", input=t("x"), weight=t("w")),
              node("relu", "r", input=t("l")), node("layer_norm", "n", input=t("r"), normalized_shape="ints { values: [48] }"),
              node("linear", "m", input=t("n"), weight=t("v")), node("softmax", "y", input=t("m"), dim="i: -1"),
              node("sum", "s", input=t("m"), dim="i: 1")),
        graph("lookup", "y", given("i", "INT64", 5), given("w", "FLOAT32", 7, 8),
              node("embedding", "e", input=t("i"), weight=t("w")), node("exp", "y", input=t("e"))),
        graph("inout", "x y", given("x", "FLOAT32", 6, 20), node("relu_", "r", input=t("x")),
              node("softmax", "y", input=t("x"), dim="i: -1")),
        graph("random", "y", given("x", "FLOAT32", 30, 20), node("dropout", "d", input=t("x"), p="f: 0.5", training="b: true"),
              node("sum", "y", input=t("d"), dim="i: 1")),
        graph("decided", "y", given("i", "INT64", "N"), node("one_hot", "y", tensor=t("i"))),
        graph("product", "y z", given("a", "FLOAT16", 70, 64), given("b", "FLOAT16", 48, 64), given("c", "FLOAT32", 70, 64),
              given("d", "FLOAT32", 48, 64), node("linear", "y", input=t("a"), weight=t("b")),
              node("linear", "z", input=t("c"), weight=t("d"))),
        # Heads of 128 take more shared memory than a kernel has of its own.
        graph("attention", "y", *(given(name, "FLOAT32", 2, 70, 128) for name in "qkv"),
              node("scaled_dot_product_attention", "y", query=t("q"), key=t("k"), value=t("v"))),
        graph("copied", "x y", given("x", "FLOAT32", 5, 7), node("neg", "y", input=t("x"))),
    ])


def inputs_of(name, rng, n=9):
    return {
        "net": lambda: {"x": rng.standard_normal((n, 64)).astype(np.float32)},
        "lookup": lambda: {"i": rng.integers(0, 7, 5), "w": rng.standard_normal((7, 8)).astype(np.float32)},
        "inout": lambda: {"x": rng.standard_normal((6, 20)).astype(np.float32)},
        "random": lambda: {"x": rng.standard_normal((30, 20)).astype(np.float32)},
        "decided": lambda: {"i": rng.integers(0, 5, n)},
        "product": lambda: {name: (rng.standard_normal((rows, 64)) / 4).astype(dtype) for name, rows, dtype in
                            (("a", 70, np.float16), ("b", 48, np.float16), ("c", 70, np.float32), ("d", 48, np.float32))},
        "attention": lambda: {name: rng.standard_normal((2, 70, 128)).astype(np.float32) for name in "qkv"},
        "copied": lambda: {"x": rng.standard_normal((5, 7)).astype(np.float32)},
    }[name]()


class Fake:
    """The fake driver, loaded as the runtime loads it; what its environment says can change from call to call."""

    def __init__(self, path):
        os.environ["NNFC_CUDA_DRIVER"] = str(path)
        self.lib = ctypes.CDLL(str(path))
        self.lib.nnf_fake_count.restype, self.lib.nnf_fake_count.argtypes = c_long, [c_char_p]
        for name in ("nnf_fake_write", "nnf_fake_read"):
            getattr(self.lib, name).restype = None
        self.lib.nnf_fake_write.argtypes = [c_uint64, c_void_p, c_size_t]
        self.lib.nnf_fake_read.argtypes = [c_void_p, c_uint64, c_size_t]
        self.lib.cuMemAlloc_v2.argtypes = [POINTER(c_uint64), c_size_t]
        self.lib.cuMemFree_v2.argtypes = [c_uint64]
        self.lib.cuMemHostAlloc.argtypes = [POINTER(c_void_p), c_size_t, ctypes.c_uint]
        self.lib.cuMemFreeHost.argtypes = [c_void_p]
        self.lib.cuStreamCreate.argtypes = [POINTER(c_void_p), ctypes.c_uint]
        for name in ("cuStreamSynchronize", "cuStreamDestroy_v2", "cuCtxPushCurrent_v2"):
            getattr(self.lib, name).argtypes = [c_void_p]

    def set(self, **settings):
        """NNF_FAKE_… of a lower-case name; None: unset."""
        for name, value in settings.items():
            variable = f"NNF_FAKE_{name.upper()}"
            os.environ.pop(variable, None)
            if value is not None:
                os.environ[variable] = str(value)

    def count(self, what):
        return self.lib.nnf_fake_count(what.encode())

    def reset(self):
        self.set(error=None, capability=None, devices=None, version=None, memory=None, multiprocessors=None)
        os.environ.pop("NNFC_CUDA_SYNC", None)
        self.lib.nnf_fake_reset()

    def enter(self, device=0):
        """Makes a device this thread's, for memory and streams of the test's own."""
        context = c_void_p()
        assert self.lib.cuDevicePrimaryCtxRetain(byref(context), device) == 0
        assert self.lib.cuCtxPushCurrent_v2(context) == 0

    def leave(self, device=0):
        context = c_void_p()
        assert self.lib.cuCtxPopCurrent_v2(byref(context)) == 0
        assert self.lib.cuDevicePrimaryCtxRelease_v2(device) == 0

    def allocate(self, bytes):
        address = c_uint64()
        assert self.lib.cuMemAlloc_v2(byref(address), bytes) == 0
        return address.value

    def read(self, address, shape, dtype):
        array = np.empty(shape, dtype)
        self.lib.nnf_fake_read(array.ctypes.data, address, array.nbytes)
        return array


def tensor(context, array, dtype, address=None, device=(CPU, 0), offset=0):
    made = context._tensor(array, context._dlpack(array, dtype))
    if address is not None:
        made.data = address
    made.device_type, made.device_id = device
    made.byte_offset = offset
    return made


def call(context, ins, outs, stream=None, profiler=None):
    options = nnf.RunOptions(ctypes.sizeof(nnf.RunOptions), 0, None, None, profiler, stream)

    def array(tensors):
        return (POINTER(nnf.Tensor) * max(len(tensors), 1))(*(ctypes.pointer(x) for x in tensors))

    lib = context.runtime.lib
    context.runtime.check(lib.nnf_run(context.handle, array(ins), len(ins), array(outs), len(outs), byref(options)),
                          context.handle)


class Suite:
    def __init__(self, build, folder, results, run):
        self.results, self.folder, self.run_command = results, folder, run
        self.nnfc, self.nnf_run = build / "bin" / "nnfc", build / "bin" / "nnf-run"
        self.fake = Fake(build / "unit" / "nnf-fake-cuda.so")
        self.rng = np.random.default_rng(8)
        self.names = list(graphs())
        self.libraries = {}

    def compile(self):
        files = []
        for name, dims in (("w", (48, 64)), ("v", (40, 48))):
            np.save(self.folder / f"{name}.npy", self.rng.standard_normal(dims).astype(np.float32) / 8)
        for name, text in graphs().items():
            files.append(self.folder / f"{name}.nnf.txt")
            files[-1].write_text(text)
        for target, flags in (("cpu", []), ("cuda", ["--cuda-arch=sm_80,sm_90a"]), ("cuda-emu", [])):
            library = self.folder / f"runtime-{target}.so"
            code, _, err = self.run_command(self.nnfc, "compile", *files, "-o", library, f"--target={target}", *flags)
            if code:
                self.results.case(f"runtime: models for {target}", err.strip())
                return False
            self.libraries[target] = library
        code = self.libraries["cuda"].read_bytes()
        self.results.case("runtime: templates are in the library", None if b"mma.sync" in code and b"cp.async" in code else "no")
        self.fake.set(library=self.libraries["cuda-emu"])
        return True

    def case(self, name, test):
        """Runs a test that raises where something is wrong, and sees that everything is given back."""
        self.fake.reset()
        kept = self.fake.count("kept")
        try:
            test()
            now = self.fake.count("kept")
            why = None if now == kept else f"{now - kept} things of the driver are not given back"
        except (AssertionError, nnf.Error) as error:
            why = f"{type(error).__name__}: {error}"
            import traceback
            why += "\n" + traceback.format_exc(limit=-2)
        self.results.case(f"runtime: {name}", why)

    def program(self, name, target="cuda"):
        self.fake.set(model=name)
        return nnf.Program(self.libraries[target], name)

    def expected(self, name, inputs, number=0):
        with self.program(name, "cpu") as program, nnf.Context(program, threads=1, seed=3) as context:
            context.set_run(number)
            copies = {key: value.copy() for key, value in inputs.items()}
            return context.run(copies), copies

    def same(self, found, expected, what=""):
        for name, value in expected.items():
            assert found[name].shape == value.shape, f"{what} {name}: shape {found[name].shape}, expected {value.shape}"
            exact = value.dtype.kind in "iub"
            near = 2e-3 if value.dtype == np.float16 else 1e-4
            assert np.array_equal(found[name], value) if exact else np.allclose(found[name], value, near, near / 10), \
                f"{what} {name}: {found[name].ravel()[:4]}, expected {value.ravel()[:4]}"

    # ---- what it computes

    def numbers(self, name):
        """Several runs: plain, captured, replayed; other sizes, and back."""
        with self.program(name) as program, nnf.Context(program, seed=3) as context:
            for i, n in enumerate((9, 9, 9, 9, 4, 4, 4, 9)):
                inputs = inputs_of(name, self.rng, n)
                expected, after = self.expected(name, inputs, i)
                found = context.run(inputs)
                self.same(found, expected, f"run {i}:")
                self.same(inputs, after, f"run {i}: input")

    def graphs_are_replayed(self):
        with self.program("net") as program, nnf.Context(program) as context:
            inputs = inputs_of("net", self.rng)
            run = context.prepare(inputs)
            launches = []
            for _ in range(5):
                before = self.fake.count("cuLaunchKernel"), self.fake.count("cuGraphLaunch")
                run()
                launches.append((self.fake.count("cuLaunchKernel") - before[0], self.fake.count("cuGraphLaunch") - before[1]))
            kernels = program.model.num_launches
            assert launches == [(kernels, 0), (kernels, 1), (0, 1), (0, 1), (0, 1)], launches
            assert self.fake.count("cuGraphInstantiateWithFlags") == 1

    def many_shapes(self):
        """More shapes than graphs are kept for."""
        with self.program("net") as program, nnf.Context(program) as context:
            for n in list(range(1, 25)) * 3:
                inputs = inputs_of("net", self.rng, n)
                self.same(context.run(inputs), self.expected("net", inputs)[0], f"N={n}:")

    def arena_of_bounded_sizes(self):
        """Is taken once, for the largest sizes; where the device has not so much, for those of the run."""
        bounded = {target: self.folder / f"bounded-{target}.so" for target in ("cuda", "cuda-emu")}
        for target, library in bounded.items():
            code, _, err = self.run_command(self.nnfc, "compile", self.folder / "net.nnf.txt", "-o", library, f"--target={target}",
                                            "--dim", "N=1:900")
            assert code == 0, err
        self.fake.set(library=bounded["cuda-emu"], model="net")
        try:
            for memory in (1 << 30, 300_000):
                self.fake.set(memory=memory)
                with nnf.Program(bounded["cuda"], "net") as program, nnf.Context(program) as context:
                    taken = []
                    for n in (1, 1, 9, 300):
                        inputs = inputs_of("net", self.rng, n)
                        before = self.fake.count("cuMemAlloc_v2")
                        found = context.run(inputs)
                        taken.append(self.fake.count("cuMemAlloc_v2") - before)
                        self.same(found, self.expected("net", inputs)[0], f"N={n}:")
                    # Larger inputs and outputs are three pieces of memory.
                    more = taken[3] - 3
                    assert taken[1] == 0 and (more == 0 if memory == 1 << 30 else more > 0), f"{memory} bytes: {taken}"
        finally:
            self.fake.set(library=self.libraries["cuda-emu"], memory=None)

    def weights_once(self):
        with self.program("net") as program, nnf.Context(program) as first, nnf.Context(program) as second:
            assert self.fake.count("cuMemcpyHtoD_v2") == 1 and self.fake.count("cuModuleLoadDataEx") == 1
            inputs = inputs_of("net", self.rng)
            expected = self.expected("net", inputs)[0]
            for context in (first, second, first):
                self.same(context.run(inputs), expected)
            assert first.bytes_held() > 0

    def two_devices(self):
        self.fake.set(devices=2)
        with self.program("net") as program, nnf.Context(program, device=(CUDA, 0)) as zero, \
                nnf.Context(program, device=(CUDA, 1)) as one:
            inputs = inputs_of("net", self.rng)
            expected = self.expected("net", inputs)[0]
            for context in (zero, one, one, zero):
                self.same(context.run(inputs), expected)
            assert self.fake.count("cuMemcpyHtoD_v2") == 2

    def batch_over_devices(self):
        """data_parallel: parts of 9 over 3 GPUs, of 4 (two), of 1; the weights are on each."""
        self.fake.set(devices=3)
        with self.program("net") as program:
            for devices in ([(CUDA, 0), (CUDA, 1), (CUDA, 2)], [], [(CUDA, 1)], [(CUDA, 0), (CUDA, 0)]):
                with nnf.Replicas(program, devices) as replicas:
                    for n in (9, 9, 9, 4, 1, 9):
                        inputs = inputs_of("net", self.rng, n)
                        self.same(replicas.run(inputs), self.expected("net", inputs)[0], f"{devices}, N={n}:")
            assert self.fake.count("cuMemcpyHtoD_v2") == 3, self.fake.count("cuMemcpyHtoD_v2")

    def inout_over_devices(self):
        """Every part of an input that is changed in place, from each device."""
        self.fake.set(devices=2)
        with self.program("inout") as program, nnf.Replicas(program, [(CUDA, 0), (CUDA, 1)]) as replicas:
            parts = [inputs_of("inout", self.rng) for _ in range(2)]
            results, after = zip(*(self.expected("inout", part) for part in parts))
            whole = {"x": np.concatenate([part["x"] for part in parts])}
            found = replicas.run(whole)
            self.same(found, {name: np.concatenate([one[name] for one in results]) for name in found})
            self.same(whole, {"x": np.concatenate([one["x"] for one in after])}, "input")

    def refused_replicas(self):
        """What batches over GPUs do not do, each with its error."""
        self.fake.set(devices=2)
        cases = [([(CUDA, 0), (CUDA, 2)], ARGUMENT, "replica 1 on cuda:2: no device cuda:2: this machine has 2"),
                 ([0], ARGUMENT, "replica 0 on cpu:0: model 'copied' is compiled for ")]
        with self.program("copied") as program:
            for devices, status, says in cases:
                try:
                    nnf.Replicas(program, devices).close()
                    raise AssertionError(f"{devices} are taken")
                except nnf.Error as error:
                    assert error.status == status and says in str(error), str(error)
            with nnf.Replicas(program, []) as replicas:
                ins = [tensor(replicas, np.zeros((10, 7), np.float32), program.inputs[0][1])]
                outs = [nnf.Tensor(device_type=CPU) for _ in program.outputs]
                for what, status, says in ((ins[0], UNSUPPORTED, "input 'x': on device 0 of type 2: batches are cut"),
                                           (outs[0], UNSUPPORTED, "output 'x': on device 0 of type 2: batches are cut"),
                                           (None, ARGUMENT, "run options: a stream is of one device, found one for 2 replicas")):
                    try:
                        if what:
                            what.device_type = CUDA
                        replicas.call(ins, outs, options=nnf.RunOptions(ctypes.sizeof(nnf.RunOptions), stream=None if what else 1))
                        raise AssertionError(f"taken: {says}")
                    except nnf.Error as error:
                        assert error.status == status and says in str(error), str(error)
                    if what:
                        what.device_type = CPU
                replicas.call(ins, outs)

    def device_tensors(self, stream, offset=0, name="net"):
        """Inputs and outputs in the device's memory, at `offset` from an aligned address."""
        fake = self.fake
        fake.enter()
        handle = c_void_p()
        if stream:
            assert fake.lib.cuStreamCreate(byref(handle), 0) == 0
        inputs = inputs_of(name, self.rng)
        with self.program(name) as program, nnf.Context(program) as context:
            memory = []

            def place(array, number, is_input):
                address = fake.allocate(array.nbytes + 64)
                memory.append(address)
                if is_input:
                    fake.lib.nnf_fake_write(address + offset, array.ctypes.data, array.nbytes)
                return tensor(context, array, number, address, (CUDA, 0), offset)

            expected, after = self.expected(name, inputs)
            ins = [place(inputs[n], d, True) for n, d, _ in program.inputs]
            outs = [place(expected[n], d, False) for n, d, _ in program.outputs]
            for i in range(4):
                for (n, _, _), x in zip(program.inputs, ins):
                    fake.lib.nnf_fake_write(x.data + offset, inputs[n].ctypes.data, inputs[n].nbytes)
                kernels = fake.count("kernel")
                call(context, ins, outs, stream=handle if stream else None)
                if stream and not program.model.num_checks:
                    assert fake.count("kernel") == kernels, "a run in the caller's stream waits for its end"
                    assert fake.lib.cuStreamSynchronize(handle) == 0
                for (n, _, _), x in zip(program.outputs, outs):
                    found = fake.read(x.data + offset, expected[n].shape, expected[n].dtype)
                    self.same({n: found}, {n: expected[n]}, f"run {i}:")
                for (n, _, _), x in zip(program.inputs, ins):
                    self.same({n: fake.read(x.data + offset, after[n].shape, after[n].dtype)}, {n: after[n]}, f"run {i}: input")
            if offset == 0:
                copies = [fake.count(c) for c in ("cuMemcpyHtoDAsync_v2", "cuMemcpyDtoHAsync_v2")]
                assert program.model.num_checks or copies == [0, 0], f"copies for tensors on the device: {copies}"
            for address in memory:
                fake.lib.cuMemFree_v2(address)
        if stream:
            assert fake.lib.cuStreamDestroy_v2(handle) == 0
        fake.leave()

    def asked_on_device(self):
        """An output without data goes to the device where its tensor says so, and is passed again as it is."""
        with self.program("net") as program, nnf.Context(program) as context:
            inputs = inputs_of("net", self.rng)
            expected = self.expected("net", inputs)[0]
            ins = [tensor(context, inputs["x"], 1)]
            outs = [nnf.Tensor(device_type=CUDA), nnf.Tensor(device_type=CPU)]
            for _ in range(3):
                call(context, ins, outs)
                assert outs[0].device_type == CUDA and outs[1].device_type == CPU
                self.same({"y": self.fake.read(outs[0].data, (9, 40), np.float32), "s": nnf._view(outs[1], 1)}, expected)

    def pinned_tensors(self):
        with self.program("net") as program, nnf.Context(program) as context:
            self.fake.enter()
            inputs = inputs_of("net", self.rng)
            expected = self.expected("net", inputs)[0]
            memory = []
            for array in (inputs["x"], expected["y"]):
                address = c_void_p()
                assert self.fake.lib.cuMemHostAlloc(byref(address), array.nbytes, 0) == 0
                memory.append(address)
            ctypes.memmove(memory[0], inputs["x"].ctypes.data, inputs["x"].nbytes)
            ins = [tensor(context, inputs["x"], 1, memory[0].value, (PINNED, 0))]
            outs = [tensor(context, expected["y"], 1, memory[1].value, (PINNED, 0)), nnf.Tensor(device_type=CPU)]
            for _ in range(3):
                ctypes.memset(memory[1], 0, expected["y"].nbytes)
                call(context, ins, outs)
                found = np.ctypeslib.as_array((ctypes.c_float * 360).from_address(memory[1].value)).reshape(9, 40).copy()
                self.same({"y": found}, {"y": expected["y"]})
            for address in memory:
                self.fake.lib.cuMemFreeHost(address)
            self.fake.leave()

    def own_buffers(self):
        """Outputs in memory of the caller's on the CPU."""
        with self.program("net") as program, nnf.Context(program) as context:
            inputs = inputs_of("net", self.rng)
            expected = self.expected("net", inputs)[0]
            arrays = {n: np.zeros_like(expected[n]) for n, _, _ in program.outputs}
            for _ in range(3):
                call(context, [tensor(context, inputs["x"], 1)], [tensor(context, arrays[n], d) for n, d, _ in program.outputs])
                self.same(arrays, expected)

    def profile(self):
        seen = []

        @ctypes.CFUNCTYPE(None, c_void_p, ctypes.c_uint32, c_uint64, c_uint64, c_int64)
        def launch(_, number, begin, end, tasks):
            seen.append((number, end - begin, tasks))

        class Profiler(ctypes.Structure):
            _fields_ = [("user", c_void_p), ("launch", type(launch))]

        with self.program("net") as program, nnf.Context(program) as context:
            inputs = inputs_of("net", self.rng)
            profiler = Profiler(None, launch)
            call(context, [tensor(context, inputs["x"], 1)], [nnf.Tensor(), nnf.Tensor()],
                 profiler=ctypes.cast(ctypes.pointer(profiler), c_void_p))
            assert [number for number, _, _ in seen] == list(range(program.model.num_launches)), seen
            assert all(time == 500000 for _, time, _ in seen), seen

    # ---- what goes wrong

    def fails(self, status, *says, name="net", make=lambda self: None, runs=2, device=(0, 0)):
        make(self)
        try:
            with self.program(name) as program, nnf.Context(program, device=device) as context:
                for _ in range(runs):
                    context.run(inputs_of(name, self.rng))
        except nnf.Error as error:
            assert error.status == status, f"status {error.status}, expected {status}: {error}"
            for text in says:
                assert text in str(error), f"'{error}', expected '{text}'"
        else:
            raise AssertionError("it went well")
        finally:
            self.fake.reset()

    def checks(self):
        """As on the CPU: the same words, in-out inputs as they were, and the next run is well."""
        with self.program("lookup") as program, nnf.Context(program) as context:
            good = inputs_of("lookup", self.rng)
            bad = dict(good, i=good["i"].copy())
            bad["i"][3] = 9
            texts = []
            for where in (context, None):
                try:
                    if where:
                        where.run(bad)
                    else:
                        self.expected("lookup", bad)
                except nnf.Error as error:
                    texts.append((error.status, str(error)))
            assert len(texts) == 2 and texts[0] == texts[1] and texts[0][0] == DATA, texts
            for _ in range(3):
                self.same(context.run(good), self.expected("lookup", good)[0])

    def best_image(self, capability, kind, arch):
        """The image for a compute capability, by what the driver is given."""
        self.fake.set(capability=capability)
        before = self.fake.count("ptx"), self.fake.count("cubin")
        with self.program("copied") as program, nnf.Context(program) as context:
            inputs = inputs_of("copied", self.rng)
            self.same(context.run(inputs), self.expected("copied", inputs)[0])
        after = self.fake.count("ptx"), self.fake.count("cubin")
        assert (after[0] - before[0], after[1] - before[1]) == ((1, 0) if kind == "ptx" else (0, 1)), (before, after)

    def subprocess(self, environment, *arguments):
        return subprocess.run([str(a) for a in arguments], capture_output=True, text=True, errors="replace",
                              env=os.environ | environment, timeout=300)

    def commands(self):
        """nnfc and nnf-run with --device, in processes of their own."""
        model = self.folder / "copied.nnf.txt"
        library = self.libraries["cuda"]
        fake = {"NNF_FAKE_LIBRARY": str(self.libraries["cuda-emu"]), "NNF_FAKE_MODEL": "copied"}
        good = [("nnfc run MODEL", fake, [self.nnfc, "run", model, "--device", "cuda:0", "--random-inputs"], "y: float32[5, 7]"),
                ("nnf-run LIBRARY", fake, [self.nnf_run, library, "--model", "copied", "--random-inputs"], "y: float32[5, 7]"),
                ("nnfc bench", fake, [self.nnfc, "bench", library, "--model", "copied", "--device", "cuda:0", "--iterations", 5],
                 "5 runs")]
        two = fake | {"NNF_FAKE_DEVICES": "2", "NNF_FAKE_MODEL": "net"}
        good += [("nnfc run MODEL on two", two, [self.nnfc, "run", self.folder / "net.nnf.txt", "--device", "cuda:0,cuda:1",
                                                 "--random-inputs", "--dim", "N=7"], "y: float32[7, 40]"),
                 ("nnf-run LIBRARY on all", two, [self.nnf_run, library, "--model", "net", "--data-parallel-dim", "0",
                                                  "--random-inputs", "--dim", "N=7"], "y: float32[7, 40]"),
                 ("nnfc bench on two", two, [self.nnfc, "bench", library, "--model", "net", "--device", "cuda:1,cuda:0",
                                             "--iterations", 5, "--dim", "N=7"], "2 devices of 1 and 1 threads"),
                 ("nnfc bench --kernels", fake, [self.nnfc, "bench", library, "--model", "copied", "--kernels",
                                                 "--iterations", 5, "--json", self.folder / "bench.json"], "% of roofline")]
        for title, environment, command, says in good:
            done = self.subprocess(environment, *command)
            ok = done.returncode == 0 and says in done.stdout
            self.results.case(f"runtime: {title}", None if ok else f"exit status {done.returncode}: {done.stdout}{done.stderr}")
        report = json.loads((self.folder / "bench.json").read_text())
        ok = report["device"] == "cuda:0" and "roofline" not in report and "of_roofline" not in report["kernels"][0]
        self.results.case("runtime: what bench says of a GPU", None if ok else str(report))
        nowhere = {"NNFC_CUDA_DRIVER": "/nowhere/libcuda.so"}
        bad = [("no driver", nowhere, 1, "error: no NVIDIA driver: /nowhere/libcuda.so", "cuda:0"),
               ("no GPU", fake | {"NNF_FAKE_ERROR": "cuInit=100"}, 1, "error: the NVIDIA driver finds no GPU (CUDA_ERROR_NO_DEVICE) [NNFC-E0801]", "cuda:0"),
               ("no such GPU", fake, 1, "error: no device cuda:3: this machine has 1, from cuda:0 on [NNFC-E0802]", "cuda:3"),
               ("cuda", fake, 2, "error: --device: found 'cuda', expected cpu, cpu:K, cuda:K or cuda-emu", "cuda"),
               ("cuda:x", fake, 2, "error: --device: found 'cuda:x'", "cuda:x"),
               ("the CPU", fake, 1, "it does not run on the CPU", "cpu"),
               ("a core set", fake, 1, "error: replica 0 on cpu:0: model 'copied' is compiled for ", "cpu:0"),
               ("both kinds", fake, 2, "error: --device: found 'cuda:0,cpu:0', expected devices of one kind", "cuda:0,cpu:0"),
               ("a GPU too many", fake, 1, "error: replica 1 on cuda:1: no device cuda:1: this machine has 1", "cuda:0,cuda:1")]
        for title, environment, status, says, device in bad:
            done = self.subprocess(environment, self.nnf_run, library, "--model", "copied", "--random-inputs", "--device", device)
            ok = done.returncode == status and says in (done.stderr.splitlines() or [""])[0]
            self.results.case(f"runtime: nnf-run on {title}", None if ok else f"exit status {done.returncode}: {done.stderr}")
        done = self.subprocess({}, self.nnfc, "inspect", library, "--model", "net")
        for says in ("sm_80: PTX 7.0", "sm_90a: PTX 8.0", "for compute capability 9.0 alone", "blocks of ", "of shared memory"):
            self.results.case(f"runtime: inspect says '{says}'", None if says in done.stdout else done.stdout + done.stderr)

    def everything(self):
        if not self.compile():
            return
        for name in self.names:
            self.case(f"numbers of {name}", lambda: self.numbers(name))
        self.case("graphs are replayed", self.graphs_are_replayed)
        self.case("many shapes", self.many_shapes)
        self.case("the arena of bounded sizes", self.arena_of_bounded_sizes)
        self.case("weights are copied once", self.weights_once)
        self.case("two devices", self.two_devices)
        self.case("a batch over devices", self.batch_over_devices)
        self.case("in-out inputs over devices", self.inout_over_devices)
        self.case("what batches over devices refuse", self.refused_replicas)
        for stream in (False, True):
            where = "in the caller's stream" if stream else "in its own"
            self.case(f"tensors on the device {where}", lambda: self.device_tensors(stream))
            self.case(f"tensors that are not aligned {where}", lambda: self.device_tensors(stream, offset=4))
            for name in ("inout", "lookup", "random", "copied"):
                if name != "random":
                    self.case(f"{name} on the device {where}", lambda: self.device_tensors(stream, name=name))
        self.case("outputs asked for on the device", self.asked_on_device)
        self.case("pinned tensors", self.pinned_tensors)
        self.case("outputs in the caller's memory", self.own_buffers)
        self.case("profile", self.profile)
        self.case("checks", self.checks)

        def error(text):
            return lambda suite: suite.fake.set(error=text)

        def separately(suite):
            error("kernel:3=719")(suite)
            os.environ["NNFC_CUDA_SYNC"] = "1"

        self.case("out of device memory", lambda: self.fails(MEMORY, "no ", "bytes of memory on the device", "OUT_OF_MEMORY",
                                                             make=lambda s: s.fake.set(memory=20000)))
        for number in range(1, 7):  # weights, checks, arena, an input, two outputs
            self.case(f"no memory at the {number}. call", lambda: self.fails(
                MEMORY, "OUT_OF_MEMORY", make=error(f"cuMemAlloc_v2:{number}=2")))
        self.case("no pinned memory", lambda: self.fails(MEMORY, "on the host", make=error("cuMemHostAlloc:2=2")))
        self.case("a driver too old for the PTX", lambda: self.fails(
            UNSUPPORTED, "the NVIDIA driver (CUDA 12.4) is too old for the PTX for sm_80, version 7.0", "[NNFC-E0803]",
            make=error("cuModuleLoadDataEx=222")))
        self.case("PTX that is refused", lambda: self.fails(INTERNAL, "the driver does not take the PTX for sm_80",
                                                            make=error("cuModuleLoadDataEx=218")))
        self.case("a GPU that is too old", lambda: self.fails(
            UNSUPPORTED, "has compute capability 7.5, but the model has PTX for sm_80, PTX for sm_90a [NNFC-E0804]",
            make=lambda s: s.fake.set(capability="7.5")))
        self.case("a launch that fails", lambda: self.fails(INTERNAL, "launch 1 failed: kernel '", "of node '", "LAUNCH_FAILED", "[NNFC-E0805]",
                                                            make=error("cuLaunchKernel:2=719")))
        self.case("a kernel that fails", lambda: self.fails(INTERNAL, "one of the launches of model 'net' failed",
                                                            make=error("kernel:3=719")))
        self.case("a kernel that fails, one by one", lambda: self.fails(INTERNAL, "launch 2 failed: kernel '", make=separately))
        self.case("a capture that fails", lambda: self.fails(INTERNAL, "capturing a graph", make=error("cuStreamEndCapture=900"),
                                                             runs=3))
        self.case("an older image where the driver is too old for the newer", lambda: (
            self.fake.set(capability="9.0", error="cuModuleLoadDataEx:1=222"), self.numbers("copied")))
        self.case("sm_80 for 8.6", lambda: self.best_image("8.6", "ptx", "sm_80"))
        self.case("sm_90a for 9.0", lambda: self.best_image("9.0", "ptx", "sm_90a"))
        self.case("the CPU for a model of CUDA", lambda: self.fails(ARGUMENT, "it does not run on the CPU", device=(CPU, 0)))
        self.case("a device that is not there", lambda: self.fails(ARGUMENT, "no device cuda:1", device=(CUDA, 1)))
        self.fake.reset()
        self.commands()
        self.fake.set(library=None, model=None)
