"""Weights of quantised models: cases of run.py. 8-bit weights with their scales, 32-bit biases, the zero points of what
is computed between; beside models whose weights are compiled in, and the same bytes as of the model compiled with them.
"""
import subprocess

import numpy as np
import onnx
from casefolder import Failure, expect
from onnx import TensorProto, helper, numpy_helper

import nnf

BATCH = 4


def rng_of(seed):
    return np.random.default_rng(seed)


def quantized_weight(shape, seed, dtype=np.int8, per_channel=True):
    """The weight, its scales and zero points of `shape[0]` channels: as quantising tools write them, 0 of signed bytes."""
    rng = rng_of(seed)
    info = np.iinfo(dtype)
    w = rng.integers(info.min, info.max, shape, dtype, endpoint=True)
    channels = (shape[0],) if per_channel else ()
    scale = (rng.uniform(0.5, 1.5, channels) / 127 / np.sqrt(np.prod(shape[1:]))).astype(np.float32)
    zero = np.full(channels, 0 if dtype == np.int8 else 128, dtype)
    return w, scale, zero


def qdq(seed):
    """conv, relu, conv, mean, Gemm between QuantizeLinear and DequantizeLinear. (constants, nodes, names compiled in)"""
    rng = rng_of(seed)
    c, nodes, fixed = {}, [], []

    def quantize(x, y, scale, zero):
        c[f"{y}_scale"], c[f"{y}_zero"] = np.float32(scale), np.uint8(zero)
        nodes.append(helper.make_node("QuantizeLinear", [x, f"{y}_scale", f"{y}_zero"], [f"{y}_q"]))
        nodes.append(helper.make_node("DequantizeLinear", [f"{y}_q", f"{y}_scale", f"{y}_zero"], [y]))
        return np.float32(scale)

    def weight(name, shape, seed, input_scale):
        w, scale, zero = quantized_weight(shape, seed)
        c.update({name: w, f"{name}_scale": scale, f"{name}_zero": zero})
        fixed.append(f"{name}_zero")
        nodes.append(helper.make_node("DequantizeLinear", [name, f"{name}_scale", f"{name}_zero"], [f"{name}_f"], axis=0))
        bias = rng_of(seed + 50).integers(-2000, 2000, shape[:1], np.int32)
        c.update({f"{name}_bias": bias, f"{name}_bias_scale": scale * input_scale})
        nodes.append(helper.make_node("DequantizeLinear", [f"{name}_bias", f"{name}_bias_scale"], [f"{name}_b"], axis=0))

    s = quantize("x", "xq", 0.03 * rng.uniform(0.8, 1.2), rng.integers(100, 150))
    weight("w1", (32, 3, 3, 3), seed + 1, s)
    nodes.append(helper.make_node("Conv", ["xq", "w1_f", "w1_b"], ["h1"], pads=[1, 1, 1, 1]))
    nodes.append(helper.make_node("Relu", ["h1"], ["r1"]))
    s = quantize("r1", "h1q", 0.02 * rng.uniform(0.8, 1.2), rng.integers(0, 9))
    weight("w2", (64, 32, 1, 1), seed + 2, s)
    nodes.append(helper.make_node("Conv", ["h1q", "w2_f", "w2_b"], ["h2"]))
    s = quantize("h2", "h2q", 0.02 * rng.uniform(0.8, 1.2), rng.integers(110, 140))
    nodes.append(helper.make_node("Flatten", ["h2q"], ["f"]))
    weight("w3", (10, 64 * 36), seed + 3, s)
    nodes.append(helper.make_node("Gemm", ["f", "w3_f", "w3_b"], ["y"], transB=1))
    return c, nodes, fixed


def qlinear(seed):
    """QLinearConv with a bias, then QLinearMatMul whose unsigned weight has a zero point of its own."""
    rng = rng_of(seed)
    w1, s1, z1 = quantized_weight((16, 3, 3, 3), seed + 1)
    w2, s2, _ = quantized_weight((24, 6), seed + 2, np.uint8, per_channel=False)
    c = {"x_scale": np.float32(0.03 * rng.uniform(0.8, 1.2)), "x_zero": np.uint8(rng.integers(100, 150)),
         "w1": w1, "w1_scale": s1, "w1_zero": z1, "b1": rng.integers(-2000, 2000, 16, np.int32),
         "h_scale": np.float32(0.02 * rng.uniform(0.8, 1.2)), "h_zero": np.uint8(rng.integers(100, 150)),
         "w2": w2, "w2_scale": s2, "w2_zero": np.uint8(rng.integers(90, 120)),
         "y_scale": np.float32(0.04 * rng.uniform(0.8, 1.2)), "y_zero": np.uint8(rng.integers(100, 150))}
    nodes = [helper.make_node("QuantizeLinear", ["x", "x_scale", "x_zero"], ["q"]),
             helper.make_node("QLinearConv", ["q", "x_scale", "x_zero", "w1", "w1_scale", "w1_zero", "h_scale", "h_zero", "b1"],
                              ["h"], pads=[1, 1, 1, 1]),
             helper.make_node("QLinearMatMul", ["h", "h_scale", "h_zero", "w2", "w2_scale", "w2_zero", "y_scale", "y_zero"],
                              ["p"]),
             helper.make_node("DequantizeLinear", ["p", "y_scale", "y_zero"], ["y"])]
    return c, nodes, ["w1_zero"]


def dynamic(seed):
    """MatMulInteger on what DynamicQuantizeLinear makes of the input, twice: its own constants are no weights."""
    c, nodes, last = {}, [helper.make_node("Flatten", ["x"], ["h0"])], "h0"
    for i, (depth, columns) in enumerate(((108, 48), (48, 10)), 1):
        w, scale, zero = quantized_weight((depth, columns), seed + i, per_channel=False)
        c.update({f"w{i}": w, f"s{i}": scale * np.float32(3), f"z{i}": zero, f"b{i}": rng_of(seed + 9 * i).standard_normal(columns).astype(np.float32)})
        nodes += [helper.make_node("DynamicQuantizeLinear", [last], [f"q{i}", f"qs{i}", f"qz{i}"]),
                  helper.make_node("MatMulInteger", [f"q{i}", f"w{i}", f"qz{i}", f"z{i}"], [f"p{i}"]),
                  helper.make_node("Cast", [f"p{i}"], [f"f{i}"], to=TensorProto.FLOAT),
                  helper.make_node("Mul", [f"qs{i}", f"s{i}"], [f"t{i}"]),
                  helper.make_node("Mul", [f"f{i}", f"t{i}"], [f"m{i}"]),
                  helper.make_node("Add", [f"m{i}", f"b{i}"], ["y" if i == 2 else f"h{i}"])]
        last = f"h{i}"
    return c, nodes, ["z1", "z2"]


def save(path, constants, nodes, shape):
    graph = helper.make_graph(nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
                              [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def results(program, batch):
    with nnf.Context(program, threads=1) as context:
        return context.run({"x": batch})["y"]


def check(work, make, shape, flag, *options):
    batch = rng_of(3).standard_normal((BATCH, *shape)).astype(np.float32)
    made = {name: make(seed) for name, seed in (("old", 10), ("new", 500))}
    reference = {}
    for name, (constants, nodes, _) in made.items():
        save(work.folder / f"{name}.onnx", constants, nodes, ["N", *shape])
        with work.program(work.compile(f"{name}.onnx", f"{name}-fixed.so", *options)) as fixed_weights:
            reference[name] = results(fixed_weights, batch)
    fixed = made["old"][2]
    given = {name: {n: a for n, a in made[name][0].items() if n not in fixed} for name in made}

    def near(got, name, why):
        want = reference[name]
        far = np.abs(got - want).max() / np.abs(want).max()
        expect(got.shape == want.shape and far < 0.02, f"{why}: {far:.3f} of the largest off what weights give that cannot be set")

    expect(np.abs(reference["new"] - reference["old"]).max() > 0.1 * np.abs(reference["new"]).max(), "the weights make no difference")
    with work.program(work.compile("new.onnx", "new.so", flag, *options)) as compiled:
        want = results(compiled, batch)
    near(want, "new", "compiled with the new weights")
    library = work.compile("old.onnx", "old.so", flag, *options)
    with work.program(library) as program:
        before = results(program, batch)
        near(before, "old", "as compiled")
        program.set_weights(given["new"])
        expect(results(program, batch).tobytes() == want.tobytes(), "other bytes than of a model compiled so")
        program.set_weights(given["old"])
        expect(results(program, batch).tobytes() == before.tobytes(), "other bytes with the first weights again")
        try:
            program.set_weights({**given["new"], fixed[0]: made["new"][0][fixed[0]]})
            raise Failure("a zero point that is compiled in can be set")
        except nnf.Error as error:
            expect(f"weight '{fixed[0]}': the model has no such constant that can be set" in str(error), str(error))
    return library


def multiplies_bytes(library):
    code = subprocess.run(["objdump", "-d", str(library)], stdout=subprocess.PIPE, text=True, check=True).stdout
    return "vpdpbusd" in code


def cases(flag):
    """Functions of a Work."""
    bytes_of, words_of = "--cpu=cascadelake", "--cpu=x86-64-v3"

    def quantize_and_dequantize(work):
        for cpu in (bytes_of, words_of):
            if cpu == bytes_of and "avx512_vnni" not in open("/proc/cpuinfo").read():
                continue
            library = check(work, qdq, (3, 6, 6), flag, cpu)
            expect(multiplies_bytes(library) == (cpu == bytes_of), f"{cpu}: bytes are multiplied, or they are not")

    def integer_operators(work):
        check(work, qlinear, (3, 12, 24), flag)

    def dynamically_quantized(work):
        library = check(work, dynamic, (3, 6, 6), flag)
        if "avx512_vnni" in open("/proc/cpuinfo").read():
            expect(multiplies_bytes(library), "bytes are not multiplied")

    def for_several_cpus_and_gpus(work):
        check(work, qdq, (3, 6, 6), flag, "--cpu=x86-64-v3,cascadelake")
        check(work, qdq, (3, 6, 6), flag, "--target=cuda-emu")

    return [quantize_and_dequantize, integer_operators, dynamically_quantized, for_several_cpus_and_gpus]
