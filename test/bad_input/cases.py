"""The table of broken inputs: name, files, what the first line of the error says, and (where it is not
`nnfc compile m.nnf.txt -o out.so`) the command."""
import struct
from collections import namedtuple

import craft
from craft import (Compiled, Folder, Link, Pipe, Ref, Sparse, adding, call, constant, entry, field, input_of, node, npy,
                   onnx_model, onnx_tensor, outputs, relu, safetensors, wire_graph, wire_type, x, y, z, w)

Case = namedtuple("Case", "name files says command status")
CASES = []
HUGE = 2**62
GOOD = call("relu", input=x)
NAMED = call("relu", dims=("N", 3), input=x)
LOOKUP = (input_of("i", (2,), "INT64") + constant("w", (3, 2), data=bytes(range(24))) +
          node("embedding", "y", name="words", input=Ref("i"), weight=w) + outputs("y"))
GRAPH, BINARY, ONNX, MLIR = "m.nnf.txt", "m.nnf", "m.onnx", "m.mlir"


def bad(name, files, says, *command, status=1):
    """`files` is a dictionary, or the text of the model alone."""
    assert name not in {case.name for case in CASES}, name
    if not isinstance(files, dict):
        files = {GRAPH if isinstance(files, str) else BINARY: files}
    command = command or ("nnfc", "compile", next((f for f in (GRAPH, BINARY, ONNX, MLIR) if f in files), GRAPH), "-o", "out.so")
    CASES.append(Case(name, files, says, command, status))


# ---- the model file itself

bad("no-such-model", {}, "m.nnf.txt': No such file")
bad("no-such-model-and-extension", {}, "'m.onx': No such file", "nnfc", "compile", "m.onx", "-o", "out.so")
bad("model-is-a-folder", {GRAPH: Folder()}, "no regular file")
bad("model-is-a-pipe", {GRAPH: Pipe()}, "no regular file")
bad("model-is-a-dangling-link", {GRAPH: Link("gone.nnf.txt")}, "No such file")
bad("text-is-no-graph", "hello", "m.nnf.txt:1:")
bad("text-with-unknown-field", GOOD + "colour: 3", "colour")
bad("text-not-closed", "nodes { op: \"relu\"", "m.nnf.txt:")
bad("text-nested-deeply", "nodes { " * 100000, "m.nnf.txt:")
bad("text-unknown-nested-deeply", "a { " * 100000, "m.nnf.txt:")
bad("text-is-binary", {GRAPH: bytes(range(256)) * 8}, "m.nnf.txt:")
bad("text-number-too-large", input_of("x", (2**63,)), "m.nnf.txt:1:")
bad("text-two-data-fields", adding(data=bytes(16), file="w.npy"), "m.nnf.txt:")
bad("binary-garbage", b"\xff" * 64, "no binary graph file")
bad("binary-truncated", wire_graph()[:-1], "no binary graph file")
bad("binary-length-beyond-the-end", field(1, "g") + b"\x12\xff\xff\xff\xff\x07", "no binary graph file")
bad("binary-groups-nested-deeply", b"\x3b" * 100000, "no binary graph file")
bad("binary-name-is-no-utf8", wire_graph(x=b"\xff\xfe"), "UTF-8")
bad("binary-is-text", {BINARY: GOOD.encode()}, "no binary graph file")
bad("format-says-otherwise", {GRAPH: GOOD}, "no binary graph file", "nnfc", "compile", GRAPH, "--format=nnf", "-o", "out.so")
bad("version-from-the-future", GOOD + "version: 2\n", "version 2, expected 0 or 1")
bad("empty-text", "", "no outputs")
bad("empty-binary", b"", "no outputs")
bad("no-outputs", input_of("x") + relu(), "no outputs")
bad("file-of-four-gigabytes", {BINARY: Sparse(4 << 30)}, "expected at most 2 GiB")

# ---- names

bad("input-twice", input_of("x") + GOOD, "defines tensor 'x'")
bad("node-output-is-an-input", input_of("x") + relu(result="x") + outputs("x"), "defines tensor 'x'")
bad("constant-named-as-input", input_of("w") + adding(data=bytes(16)), "defines tensor 'w'")
bad("outputs-of-two-nodes", input_of("x") + relu() + relu(name="other") + outputs("y"),
    "node 'other' (relu): defines tensor 'y', which node 'n' (relu) defines too")
bad("input-without-a-name", input_of("") + GOOD, "without a name")
bad("output-twice", input_of("x") + relu() + outputs("y y"), "output 'y'")
bad("output-unknown", input_of("x") + relu() + outputs("nothing"), "output 'nothing': no tensor of that name")
bad("argument-unknown-tensor", input_of("x") + relu("nothing") + outputs("y"),
    "node 'n' (relu), argument 'input': tensor 'nothing' is not there")
bad("cycle-of-two", input_of("x") + relu("z", "y", "a") + relu("y", "z", "b") + outputs("y"), "expected no cycle")
bad("cycle-of-one", input_of("x") + relu("y", "y", "a") + outputs("y"), "node 'a' (relu)")
bad("in-place-out-of-order", input_of("x") + relu("z", "y", "late") + relu("x", "z", "a") + node("relu_", "", "b", input=x) +
    outputs("y"), "topological order")
bad("name-with-newlines", input_of("x") + relu("a\nerror: b\n") + outputs("y"), "tensor '")
bad("name-with-zero-byte", {BINARY: wire_graph(x=b"a\0b")}, "input 'a\\00b': a zero byte in its name")
bad("symbol-with-zero-byte", {BINARY: field(2, field(1, "x") + field(2, field(1, 1) + field(2, field(2, b"N\0")))) +
                                      field(5, "x")},
    "a zero byte in its name")
bad("name-of-a-megabyte", input_of("x" * (1 << 20)) + outputs("x" * (1 << 20)), "bytes, expected at most")

# ---- types and sizes

bad("dtype-unspecified", 'inputs { name: "x" type { dims { size: 4 } } }' + relu() + outputs("y"),
    "input 'x': dtype unspecified, expected one of float32")
bad("dtype-reserved", wire_graph(dtype=20), "input 'x': dtype 20")
bad("size-negative", call("relu", dims=(-1,), input=x), "input 'x': size -1")
bad("size-huge", call("relu", dims=(HUGE,), input=x), "input 'x'")
bad("sizes-overflow", call("relu", dims=(HUGE, HUGE), input=x), "input 'x'")
bad("sizes-overflow-beside-zero", call("relu", dims=(0, HUGE, HUGE), input=x), "input 'x'")
bad("sizes-overflow-of-result", input_of("x", (2**30, 1)) + input_of("z", (1, 2**30)) + node("add", "y", input=x, other=z) +
    outputs("y"), "node 'n' (add)")
bad("rank-1000", call("relu", dims=(1,) * 1000, input=x), "rank 1000, expected at most 16")
bad("size-without-a-value", field(2, field(1, "x") + field(2, field(1, 1) + field(2, b""))), "neither a number nor a name")
bad("symbol-of-the-dialect", call("relu", dims=("= max(N + -3, 0)",), input=x), "expected a name that does not begin with '= '")
bad("window-beyond-64-bits", call("max_pool1d", dims=(1, 1, "L"), input=x, kernel_size=2**62, dilation=2**62),
    "argument 'kernel_size': 4611686018427387904, expected at most 2^40")
bad("transposed-window-beyond-64-bits", input_of("x", (1, 2, "L")) + input_of("w", (2, 3, 3)) +
    node("conv_transpose1d", "y", input=x, weight=w, stride=2**62) + outputs("y"),
    "argument 'stride': 4611686018427387904, expected at most 2^40")
bad("window-of-a-product", call("max_pool1d", dims=(1, 1, "L"), input=x, kernel_size=2**32, dilation=2**32),
    "expected a window of at most 2^40")
bad("symbol-empty", call("relu", dims=("",), input=x), "neither a number nor a name")
bad("two-symbols-that-differ", input_of("x", (4, 3)) + input_of("z", (5, 3)) + node("add", "y", input=x, other=z) +
    outputs("y"), "node 'n' (add)")
bad("result-too-large", call("expand", "y", (1,), input=x, size=[2**40]), "node 'n' (expand)")
bad("arange-endless", input_of("x") + node("arange", "y", end=2**62) + outputs("y"), "node 'n' (arange)")
bad("full-overflows", input_of("x") + node("full", "y", size=[2**40, 2**40], fill_value=1.0) + outputs("y"), "node 'n' (full)")
bad("zero-channels", input_of("x", (1, 0, 4, 4)) + constant("w", (2, 0, 1, 1), data=b"") +
    node("conv2d", "y", input=x, weight=w) + outputs("y"), "node 'n' (conv2d)")

# ---- constants

bad("constant-with-a-symbol", input_of("x") + constant("w", ("N",), data=b"") + relu() + outputs("y"),
    "constant 'w': size 'N', expected a number")
bad("constant-without-data", adding(), "constant 'w': no data")
bad("constant-with-little-data", adding(data=bytes(15)), "constant 'w': 15 bytes of data, expected 16")
bad("constant-giant-with-little-data", adding((2**30, 2**3), x_dims=(1,), data=bytes(16)),
    "16 bytes of data, expected 34359738368")
bad("constant-overflows", adding((HUGE, HUGE), x_dims=(1,), data=bytes(16)), "constant 'w'")
bad("constant-rank-1000", adding((1,) * 1000, x_dims=(1,), data=bytes(4)), "constant 'w': rank 1000")
bad("constant-negative-size", adding((-4,), x_dims=(1,), data=bytes(16)), "constant 'w': size -4")
bad("constant-bool-of-twos", adding((4,), "BOOL", data=b"\1\0\2\1"), "constant 'w': byte 2 in a bool tensor, expected 0 or 1")
bad("constant-bool-of-twos-in-a-file", {GRAPH: adding((4,), "BOOL", file="w.npy"), "w.npy": npy("|b1", data=b"\1\0\2\1")},
    "constant 'w': byte 2 in a bool tensor")
bad("constants-of-all-memory", "".join(constant(f"w{i}", (2**35,), file="w.npy") for i in range(2)) + GOOD,
    "expected at most")
bad("constant-part-beyond-memory", input_of("x", (2**18,)) + constant("w", (2**18, 1), data=bytes(2**20)) +
    constant("v", (1, 2**18), data=bytes(2**20)) + node("matmul", "d", "outer", input=w, other=Ref("v")) +
    node("matmul", "y", input=Ref("d"), other=x) + outputs("y"), "constant part of the graph: no memory of 274877906944 bytes")

# ---- paths

NPY = {"w.npy": npy()}
bad("file-missing", adding(file="w.npy"), "constant 'w': file 'w.npy': not found")
bad("file-above", {GRAPH: adding(file="../w.npy")}, "outside the folder of the model")
bad("file-above-in-disguise", {GRAPH: adding(file="a/../../w.npy"), "a": Folder()}, "outside the folder of the model")
bad("file-absolute", adding(file="/etc/passwd.npy"), "an absolute path")
bad("file-link-out", {GRAPH: adding(file="w.npy"), "w.npy": Link("/etc/hostname")}, "outside the folder of the model")
bad("folder-link-out", {GRAPH: adding(file="out/hostname.npy"), "out": Link("/etc")}, "constant 'w': file 'out/hostname.npy'")
bad("file-link-to-itself", {GRAPH: adding(file="w.npy"), "w.npy": Link("w.npy")}, "constant 'w': file 'w.npy'")
bad("file-is-a-folder", {GRAPH: adding(file="w.npy"), "w.npy": Folder()}, "no regular file")
bad("file-is-a-pipe", {GRAPH: adding(file="w.npy"), "w.npy": Pipe()}, "no regular file")
bad("file-is-a-device", {GRAPH: adding(file="w.npy"), "w.npy": Link("/dev/zero")}, "outside the folder of the model")
bad("file-of-another-kind", {GRAPH: adding(file="w.bin"), "w.bin": bytes(16)}, "expected a path ending in .npy")
bad("file-empty-path", adding(file=""), "constant 'w'")

# ---- .npy as a constant


def bad_npy(name, says, **how):
    bad("npy-" + name, {GRAPH: adding(file="w.npy"), "w.npy": npy(**how)}, "constant 'w': file 'w.npy': " + says)


bad("npy-empty", {GRAPH: adding(file="w.npy"), "w.npy": b""}, "no .npy file")
bad("npy-magic-only", {GRAPH: adding(file="w.npy"), "w.npy": b"\x93NUMPY\1\0"}, "no .npy file")
bad_npy("shape-overflows", "sizes whose product", shape=(HUGE, HUGE))
bad_npy("size-overflows", "broken header", shape=(2**70,))
bad_npy("size-negative", "broken header", shape=(-4,))
bad_npy("objects", "dtype '|O'", descr="|O", data=bytes(32))
bad_npy("strings", "dtype '<U4'", descr="<U4", data=bytes(64))
bad_npy("big-endian", "dtype '>f4'", descr=">f4")
bad_npy("records", "'descr' is no plain dtype", header="{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (4,), }")
bad_npy("truncated-data", "truncated or too long: 15 bytes of data, expected 16", data=bytes(15))
bad_npy("trailing-data", "truncated or too long: 17 bytes of data, expected 16", data=bytes(17))
bad_npy("header-beyond-the-end", "truncated: a header of 65535 bytes", length=65535)
bad_npy("header-cut", "broken header", length=20)
bad_npy("header-is-code", "broken header", header="__import__('os').system('touch pwned')")
bad_npy("key-twice", "key 'shape'", header="{'descr': '<f4', 'fortran_order': False, 'shape': (4,), 'shape': (4,), }")
bad_npy("key-missing", "header without", header="{'descr': '<f4', 'shape': (4,), }")
bad_npy("version-9", "version 9 of .npy", version=9)
bad_npy("other-sizes", "float32 [2, 2], expected float32 [4]", shape=(2, 2))
bad_npy("other-dtype", "int32 [4], expected float32 [4]", descr="<i4")
bad_npy("fortran-of-other-sizes", "float32 [4, 1], expected float32 [4]", shape=(4, 1), fortran=True)
bad_npy("fortran-neither", "broken header", fortran=7)
bad_npy("nested-deeply", "'descr' is no plain dtype", header="{'descr': " + "(" * 60000)

# ---- .safetensors


def bad_safetensors(name, says, header, **how):
    bad("safetensors-" + name, {GRAPH: adding(file="m.safetensors#w"), "m.safetensors": safetensors(header, **how)}, says)


bad("safetensors-empty", {GRAPH: adding(file="m.safetensors#w"), "m.safetensors": b""}, "no .safetensors file: 0 bytes")
bad_safetensors("length-overflows", "truncated: a header of", {"w": entry()}, length=2**64 - 1)
bad_safetensors("no-json", "broken header", b"{not json")
bad_safetensors("nested-deeply", "nested too deeply", b'{"w":' + b"[" * 100000)
bad_safetensors("list", "no JSON object", b"[]")
bad_safetensors("no-such-key", "no tensor 'w'", {"v": entry()})
bad_safetensors("offsets-beyond", "bytes 0 to 32, expected them within the 16", {"w": entry(shape=(8,), offsets=(0, 32))})
bad_safetensors("offsets-reversed", "bytes 16 to 0", {"w": entry(offsets=(16, 0))})
bad_safetensors("offsets-negative", "expected dtype, shape and two data_offsets", {"w": entry(offsets=(-16, 0))})
bad_safetensors("offsets-fractional", "expected dtype, shape and two data_offsets", {"w": entry(offsets=(0.5, 16))})
bad_safetensors("shape-overflows", "16 bytes, expected as many", {"w": entry(shape=(HUGE, HUGE))})
bad_safetensors("unknown-dtype", "dtype F8_E5M2", {"w": entry("F8_E5M2", (16,))})
bad_safetensors("other-sizes", "float32 [2, 2], expected float32 [4]", {"w": entry(shape=(2, 2))})

# ---- nodes

bad("op-unknown", call("conv2", input=x), "node 'n' (conv2)")
bad("op-empty", call("", input=x), "no op")
bad("argument-unknown", call("relu", input=x, colour=3), "node 'n' (relu), argument 'colour'")
bad("argument-missing", call("relu"), "node 'n' (relu), argument 'input'")
bad("argument-twice", input_of("x") + 'nodes { op: "relu" arguments { name: "input" tensor: "x" } '
    'arguments { name: "input" tensor: "x" } outputs: "y" }' + outputs("y"), "argument 'input'")
bad("argument-number-for-tensor", call("relu", input=3), "node 'n' (relu), argument 'input'")
bad("argument-tensor-for-bool", call("relu", input=x, inplace=x), "argument 'inplace'")
bad("argument-string-for-number", call("leaky_relu", input=x, negative_slope="much"), "argument 'negative_slope'")
bad("argument-float-for-integer", call("softmax", input=x, dim=0.5), "argument 'dim'")
bad("argument-list-too-long", call("max_pool2d", "y", (1, 1, 8, 8), input=x, kernel_size=[2, 2, 2]), "argument 'kernel_size'")
bad("argument-empty-list-of-tensors", 'nodes { op: "cat" name: "n" arguments { name: "tensors" tensors { } } outputs: "y" }' +
    outputs("y"), "node 'n' (cat), argument 'tensors'")
bad("argument-unknown-dtype", input_of("x") + node("to", "y", input=x, dtype="float8") + outputs("y"), "argument 'dtype'")
bad("argument-unknown-mode", call("gelu", input=x, approximate="roughly"), "argument 'approximate'")
bad("dim-out-of-range", call("softmax", input=x, dim=1), "node 'n' (softmax), argument 'dim'")
bad("dim-huge", call("softmax", input=x, dim=-2**63), "argument 'dim'")
bad("too-many-outputs", call("relu", "y z", input=x), "node 'n' (relu)")
bad("no-node-outputs", input_of("x") + node("neg", "", input=x) + outputs("x"), "no outputs")
bad("weight-of-wrong-rank", input_of("x", (1, 3, 8, 8)) + constant("w", (4, 3, 3), data=bytes(144)) +
    node("conv2d", "y", name="stem", input=x, weight=w) + outputs("y"), "node 'stem' (conv2d), argument 'weight': rank 3")
bad("weight-of-wrong-dtype", input_of("x", (1, 1, 8, 8)) + constant("w", (1, 1, 1, 1), "FLOAT64", data=bytes(8)) +
    node("conv2d", "y", input=x, weight=w) + outputs("y"), "node 'n' (conv2d)")
bad("stride-zero", call("max_pool2d", "y", (1, 1, 8, 8), input=x, kernel_size=2, stride=0), "argument 'stride'")
bad("padding-huge", call("avg_pool2d", "y", (1, 1, 8, 8), input=x, kernel_size=2, padding=2**62), "argument 'padding'")
bad("kernel-huge", call("max_pool2d", "y", (1, 1, 8, 8), input=x, kernel_size=2**62), "node 'n' (max_pool2d)")
bad("pad-overflows", call("pad", "y", (4,), input=x, pad=[2**62, 2**62]),
    "node 'n' (pad), argument 'pad': 4611686018427387904, expected at most 2^40 either way")
bad("groups-zero", input_of("x", (1, 1, 8, 8)) + constant("w", (1, 1, 1, 1), data=bytes(4)) +
    node("conv2d", "y", input=x, weight=w, groups=0) + outputs("y"), "argument 'groups'")
bad("matmul-sizes", input_of("x", (2, 3)) + input_of("z", (4, 2)) + node("matmul", "y", input=x, other=z) + outputs("y"),
    "node 'n' (matmul)")
bad("reshape-sizes", call("reshape", "y", (6,), input=x, shape=[4, -1]), "node 'n' (reshape), argument 'shape'")
bad("reshape-two-unknowns", call("reshape", "y", (6,), input=x, shape=[-1, -1]), "argument 'shape'")
bad("interpolate-scale-huge", call("interpolate", "y", (1, 1, 4, 4), input=x, scale_factor=1e300), "node 'n' (interpolate)")
bad("interpolate-scale-nan", input_of("x", (1, 1, 4, 4)) + 'nodes { op: "interpolate" name: "n" arguments { name: "input" '
    'tensor: "x" } arguments { name: "scale_factor" f: nan } outputs: "y" }' + outputs("y"), "node 'n' (interpolate)")
bad("one-hot-of-endless-classes", call("one_hot", "y", (4,), "INT64", input=x, num_classes=2**62), "node 'n' (one_hot)")
bad("split-into-a-million", call("split", "y", (2**30,), input=x, split_size_or_sections=1), "node 'n' (split)")
bad("repeat-of-nodes", input_of("x") + "".join(relu(f"t{i}", f"t{i+1}", f"n{i}") for i in range(20000)) + outputs("t20000"),
    "tensor 't0' is not there")

# ---- ONNX

bad("onnx-empty", {ONNX: b""}, "no valid ONNX model")
bad("onnx-garbage", {ONNX: b"\xff" * 100}, "no valid ONNX model")
bad("onnx-truncated", {ONNX: onnx_model([("Relu", "x", "y", {})])[:-5]}, "no valid ONNX model")
bad("onnx-batch-norm-of-each-place", {ONNX: onnx_model([("BatchNormalization", "xsbmv", "y", {"spatial": 0})], [
    ("x", 1, [2, 3])] + [(name, 1, [3]) for name in "sbmv"], [("y", 1, [2, 3])], opset=7)},
    "node 'batchnormalization' (BatchNormalization): spatial 0 is not there yet [NNFC-E0304]")
bad("onnx-einsum-of-two-terms", {ONNX: onnx_model([("Einsum", "x", "y", {"equation": "i,j->i"})])},
    "2 terms, expected 1, one for each input [NNFC-E0313]")
bad("onnx-nested-deeply", {ONNX: b"\x3b" * 100000}, "no valid ONNX model")
bad("onnx-unknown-op", {ONNX: onnx_model([("Relux", "x", "y", {})])}, "node 'relux' (Relux) is not supported: no operator of that name is known [NNFC-E0303]")
bad("onnx-unknown-ops", {ONNX: onnx_model([("Relux", "x", "z", {}), ("Magic", "z", "y", {})])},
    "node 'relux' (Relux) is not supported: no operator of that name is known; in all: [NNFC-E0303]")
bad("onnx-unknown-tensor", {ONNX: onnx_model([("Relu", "q", "y", {})])}, "'q'")
bad("onnx-opset-999", {ONNX: onnx_model([("Relu", "x", "y", {})], opset=999)}, "999")
bad("onnx-cycle", {ONNX: onnx_model([("Relu", "z", "y", {}), ("Relu", "y", "z", {})])}, "'")
# Operators with an axis, of a scalar.
for op, inputs, constants in (("Split", "x", {}), ("Split", "xs", {"s": [1]}), ("Hardmax", "x", {}), ("Unique", "x", {}),
                              ("Slice", "xse", {"s": [0], "e": [1]}), ("TopK", "xk", {"k": [1]}), ("LpNormalization", "x", {}),
                              ("ArgMax", "x", {}), ("ReduceMax", "x", {}), ("Concat", "x", {})):
    attributes = {"ArgMax": {"axis": 0, "select_last_index": 1}, "ReduceMax": {"axes": [0]}, "Slice": {}}.get(op, {"axis": 0})
    bad(f"onnx-{op.lower()}-of-a-scalar-{len(inputs)}", {ONNX: onnx_model([(op, inputs, "y", attributes)], [("x", 1, [])],
        initializers=[onnx_tensor(name, (len(values),), raw=struct.pack(f"<{len(values)}q", *values), dtype=7)
                      for name, values in constants.items()])},
        "of a scalar, expected a tensor of rank 1 or more [NNFC-E0210]")
bad("onnx-qlinearmatmul-of-vectors", {ONNX: onnx_model([("QLinearMatMul", "abcdefgh", "y", {})], [
    (name, 2 if name in "acdfh" else 1, [3]) for name in "abcdefgh"], [("y", 2, [])])},
    "node 'qlinearmatmul' (QLinearMatMul)")
bad("onnx-onehot-of-one-value", {ONNX: onnx_model([("OneHot", "xdv", "y", {})], [("x", 7, [3]), ("v", 1, [])],
    initializers=[onnx_tensor("d", (1,), raw=struct.pack("<q", 4), dtype=7)])}, "argument 'values': [], expected [2], off and on")
bad("onnx-raw-too-short", {ONNX: onnx_model([("Add", "xw", "y", {})], initializers=[onnx_tensor("w", raw=bytes(15))])},
    "initializer 'w': raw_data has 15 bytes")
bad("onnx-overflow", {ONNX: onnx_model([("Add", "xw", "y", {})], initializers=[onnx_tensor("w", (HUGE, HUGE), raw=bytes(16))])},
    "initializer 'w'")
bad("onnx-external-above", {ONNX: onnx_model([("Add", "xw", "y", {})], initializers=[
    onnx_tensor("w", external={"location": "../secret.bin"})])}, "outside the folder of the model")
bad("onnx-external-absolute", {ONNX: onnx_model([("Add", "xw", "y", {})], initializers=[
    onnx_tensor("w", external={"location": "/etc/passwd"})])}, "an absolute path")
bad("onnx-external-offset", {ONNX: onnx_model([("Add", "xw", "y", {})], initializers=[
    onnx_tensor("w", external={"location": "w.bin", "offset": str(2**63 - 8), "length": "16"})]), "w.bin": bytes(16)}, "'w'")
bad("onnx-output-twice", {ONNX: onnx_model([("Relu", "x", "y", {})], outs=(("y", 1, [4]), ("y", 1, [4])))}, "'y'")
bad("onnx-no-outputs", {ONNX: onnx_model([("Relu", "x", "y", {})], outs=())}, "output")
bad("onnx-input-of-strings", {ONNX: onnx_model([("Identity", "x", "y", {})], (("x", 8, [4]),), (("y", 8, [4]),))}, "'x'")
bad("onnx-size-overflows", {ONNX: onnx_model([("Relu", "x", "y", {})], (("x", 1, [HUGE, HUGE]),), (("y", 1, [HUGE, HUGE]),))},
    "'x'")
bad("onnx-rank-1000", {ONNX: onnx_model([("Relu", "x", "y", {})], (("x", 1, [1] * 1000),), (("y", 1, [1] * 1000),))},
    "input 'x': rank 1000, expected at most 16")

# ---- the dialect's text

RELU_MLIR = ('func.func @main(%x: tensor<4xf32> {nnf.name = "x"}) -> (tensor<4xf32> {nnf.name = "y"}) {\n'
             '  %y = nnf.relu %x : (tensor<4xf32>) -> tensor<4xf32>\n  return %y : tensor<4xf32>\n}\n')


def bad_mlir(name, text, says):
    bad("mlir-" + name, {MLIR: text}, says)


RELU_CALL = "nnf.relu %x : (tensor<4xf32>) -> tensor<4xf32>"


def instead(op):
    """The graph with another op in place of its relu."""
    return RELU_MLIR.replace(RELU_CALL, op)


bad_mlir("empty", "", "expected a function @main")
bad_mlir("garbage", "hello", "m.mlir:1:1: ")
bad_mlir("nested-deeply", "module { " * 100000, "nested too deeply")
bad_mlir("attributes-nested-deeply", "module attributes {a = " + "[" * 100000, "nested too deeply")
bad_mlir("unknown-function", instead(RELU_CALL.replace("relu", "relux")), "relux")
bad_mlir("unknown-dialect", instead('"my.op"(%x) : (tensor<4xf32>) -> tensor<4xf32>'), "m.mlir:2:")
bad_mlir("wrong-result", RELU_MLIR.replace("4xf32>) ->", "5xf32>) ->"), "expects different type than prior uses")
bad_mlir("wrong-return", RELU_MLIR.replace('-> (tensor<4xf32>', '-> (tensor<5xf32>'), "m.mlir:3:")
bad_mlir("no-body", "func.func private @main(tensor<4xf32>) -> tensor<4xf32>", "a body of one block")
bad_mlir("no-names", "func.func @main(%x: tensor<4xf32>) -> tensor<4xf32> { return %x : tensor<4xf32> }",
         "@main, input 0: no name")
bad_mlir("names-twice", RELU_MLIR.replace('%x: tensor<4xf32> {nnf.name = "x"}',
         '%x: tensor<4xf32> {nnf.name = "x"}, %z: tensor<4xf32> {nnf.name = "x"}'),
         "@main, input 1: named \"x\" as another one is")
bad_mlir("name-is-a-number", RELU_MLIR.replace('nnf.name = "x"', "nnf.name = 7"), "@main, input 0: no name")
bad_mlir("name-with-zero-byte", RELU_MLIR.replace('nnf.name = "x"', 'nnf.name = "a\\00b"'), "a zero byte in its name")
bad_mlir("no-outputs", 'func.func @main(%x: tensor<4xf32> {nnf.name = "x"}) { return }', "no outputs, expected at least one")
bad_mlir("no-tensor", 'func.func @main(%x: i32 {nnf.name = "x"}) -> (i32 {nnf.name = "y"}) { return %x : i32 }',
         "expected tensors of known rank")
bad_mlir("memref", 'func.func @main(%x: memref<4xf32> {nnf.name = "x"}) -> (memref<4xf32> {nnf.name = "y"}) '
         "{ return %x : memref<4xf32> }", "expected tensors of known rank")
bad_mlir("unranked", RELU_MLIR.replace("tensor<4xf32>", "tensor<*xf32>"), "m.mlir:")
bad_mlir("index-elements", RELU_MLIR.replace("xf32", "xindex"), "m.mlir:")
bad_mlir("sizes-without-names", RELU_MLIR.replace("4xf32", "?xf32"), "sizes that are not fixed")
bad_mlir("overflow", RELU_MLIR.replace("4xf32", "4611686018427387904x4611686018427387904xf32"), "expected at most")
bad_mlir("size-beyond-64-bits", RELU_MLIR.replace("4xf32", "99999999999999999999xf32"), "m.mlir:1:")
bad_mlir("division-by-zero", RELU_MLIR.replace("4xf32", "?xf32, #nnf.dims<[N floordiv 0]>"), "expected a positive divisor")
bad_mlir("two-blocks", RELU_MLIR.replace("  return %y : tensor<4xf32>\n", "  cf.br ^b\n^b:\n  return %y : tensor<4xf32>\n"), "")
bad_mlir("calls-itself", instead("func.call @main(%x) : (tensor<4xf32>) -> tensor<4xf32>"),
         "'func.call', expected functions and primitives")
bad_mlir("machine-code", RELU_MLIR + "llvm.func @system(!llvm.ptr)\n", "'llvm.func' beside the graph")
bad_mlir("code-to-run-while-compiling", RELU_MLIR + "func.func private @prepare() { return }\n",
         "function @prepare, expected one @main, and @body")
BODY_MLIR = ("func.func private @body0(%i: tensor<i64>, %v: tensor<4xf32>) -> tensor<4xf32> {\n"
             "  %w = nnf.relu %v : (tensor<4xf32>) -> tensor<4xf32>\n  return %w : tensor<4xf32>\n}\n")
LOOP_MLIR = "nnf.loop @body0 from(%x) captures() trips <[3]> : (tensor<4xf32>) -> tensor<4xf32>"
bad_mlir("body-of-nothing", RELU_MLIR + BODY_MLIR, "function @body0 is run by nothing")
bad_mlir("body-not-there", instead(LOOP_MLIR), "runs @body0, expected a function of its own")
bad_mlir("body-is-main", instead(LOOP_MLIR.replace("@body0", "@main")), "runs @main, expected a function of its own")
bad_mlir("body-runs-itself", instead(LOOP_MLIR) + BODY_MLIR.replace("nnf.relu %v :", "nnf.loop @body0 from(%v) captures() trips <[1]> :"),
         "runs @body0, expected a function of its own")
bad_mlir("body-of-another-type", instead(LOOP_MLIR) + BODY_MLIR.replace("4xf32", "5xf32"), "does not fit the signature of @body0")
bad_mlir("loop-without-end", instead(LOOP_MLIR.replace("[3]", "[]")) + BODY_MLIR, "0 numbers of steps, expected one")
bad_mlir("size-of-nothing", instead(LOOP_MLIR.replace("[3]", "[size(9223372036854775807)]")) + BODY_MLIR,
         "size(9223372036854775807) is used, but no nnf.size before defines it [NNFC-E0136]")
bad_mlir("kernels", RELU_MLIR + 'nnf.kernel @k(%a: tensor<4xf32>) -> tensor<4xf32> attributes {symbols = [], title = ""} '
         "{ nnf.yield %a : tensor<4xf32> }\n", "'nnf.kernel' beside the graph")
bad_mlir("notes-of-passes", RELU_MLIR.replace("nnf.relu %x :", "nnf.relu %x {check = 7} :"), 'attribute "check": not known here')
bad_mlir("notes-of-passes-on-the-module", "module attributes {nnf.weights_bytes = 7 : i64} {\n" + RELU_MLIR + "}",
         'attribute "nnf.weights_bytes"')
bad_mlir("op-without-its-attribute", instead('"nnf.weight"() : () -> tensor<4xf32>'), "requires attribute 'name'")
bad_mlir("weight-of-no-tensor", instead('"nnf.weight"() {name = "w"} : () -> i32'), "m.mlir:")
bad_mlir("weight-not-there", instead('nnf.weight "w" : tensor<4xf32>'), "weight 'w': the module names no file of weights")
bad_mlir("weights-above", 'module attributes {nnf.weights = "../w.safetensors"} {\n' +
         instead('nnf.weight "w" : tensor<4xf32>') + "}",
         "outside the folder of the model")
bad_mlir("inout-out-of-range", RELU_MLIR.replace('nnf.name = "x"', 'nnf.name = "x", nnf.inout = 7 : i64'), "nnf.inout = 7 : i64")
bad_mlir("random-number-negative", RELU_MLIR.replace("nnf.relu %x :", "nnf.dropout %x {nnf.random = -1 : i64} :"),
         "nnf.random = -1 : i64, expected a number (i64) from 0")
bad_mlir("random-number-is-a-word", RELU_MLIR.replace("nnf.relu %x :", 'nnf.dropout %x {nnf.random = "a"} :'), 'nnf.random = "a"')
bad_mlir("random-number-on-relu", RELU_MLIR.replace("nnf.relu %x :", "nnf.relu %x {nnf.random = 1 : i64} :"), "not known here")
bad("bench-warmup-negative", GOOD, "--warmup", "nnfc", "bench", GRAPH, "--random-inputs", "--warmup=-1", status=2)
bad("bench-iterations-negative", GOOD, "--iterations", "nnfc", "bench", GRAPH, "--random-inputs", "--iterations=-1", status=2)
bad_mlir("two-mains", RELU_MLIR * 2, "main")

# ---- options

GOODFILE = {GRAPH: GOOD}


def option(name, says, *flags, files=None, status=2, out="out.so"):
    bad("option-" + name, files or GOODFILE, says, "nnfc", "compile", GRAPH, *(["-o", out] if out else []), *flags, status=status)


option("cpu-unknown", "no-such-cpu", "--cpu=no-such-cpu")
option("cpu-of-another-machine", "cortex-a72", "--cpu=cortex-a72")
option("triple-unknown", "no-such-machine", "--triple=no-such-machine")
option("triple-of-another-machine", "riscv", "--triple=riscv128-banana")
option("target-unknown", "--target=tpu", "--target=tpu")
option("level-9", "expected -O0, -O1, -O2 or -O3", "-O9")
option("level-word", "", "-Ofast")
option("emit-unknown", "--emit=exe", "--emit=exe")
option("extension-unknown", "its extension says no kind of output", out="out.exe")
option("no-extension", "its extension says no kind of output", out="out")
option("phase-unknown", "--phase=soup", "--phase=soup", out="out.mlir")
option("phase-of-a-library", "--phase goes with", "--phase=tiles")
option("weights-elsewhere", "--weights=cloud", "--weights=cloud")
option("format-unknown", "--format=tflite", "--format=tflite")
option("no-output", "--output", out=None)
option("unknown", "--colour", "--colour")
option("dim-without-a-size", "--dim N: expected SYMBOL=SIZE", "--dim", "N")
option("dim-negative", "expected SYMBOL=SIZE", "--dim", "N=-1")
option("dim-of-100-digits", "expected SYMBOL=SIZE", "--dim", "N=" + "9" * 100)
option("dim-unknown", "size 'M': fixed to 3, but no input has a size of that name, those that are named are 'N'", "--dim", "M=3", files={GRAPH: NAMED}, status=1)
option("dim-huge", "", "--dim", "N=999999999999999999", files={GRAPH: NAMED}, status=1)
option("dim-twice", "given as 3 already", "--dim", "N=3", "--dim", "N=4", files={GRAPH: NAMED})
option("inout-unknown-input", "no input 'q'", "--inout", "q=y", status=1)
option("inout-unknown-output", "no output 'q'", "--inout", "x=q", status=1)
option("inout-of-other-type", "the output's type is", "--inout", "x=y", status=1,
       files={GRAPH: call("sum", "y", (4,), input=x)})
option("inout-without-equals", "expected IN=OUT", "--inout", "x")
option("two-models-one-object", "2 models given", GRAPH, out="out.o")
option("cxx-class-beside-so", "--cxx-class goes with an output of .o or .a", "--cxx-class=Net")
option("cxx-class-keyword", "expected a name that C++ takes for a class", "--cxx-class=class", out="out.o")
option("cxx-class-member", "expected a name that C++ takes for a class", "--cxx-class=Input0", out="out.o")
option("depfile-nowhere", "cannot be written", "--depfile=nowhere/out.d", status=1)
option("same-model-twice", "two models are called 'm'", GRAPH)
option("accuracy-unknown", "expected strict, default or relaxed", "--accuracy=exact")
option("multiprocessors-of-a-cpu", "--cuda-multiprocessors goes with --target=cuda or cuda-emu", "--cuda-multiprocessors=114")
option("multiprocessors-none", "--cuda-multiprocessors", "--target=cuda", "--cuda-multiprocessors=0")
option("tf32-on-a-cpu", "--allow-tf32 goes with --target=cuda or cuda-emu", "--allow-tf32")
option("dim-range-of-nothing", "size 'N': given as 1 to 32, but no input has a size of that name", "--dim=N=1:32", status=1)
bad("report-of-nothing", {}, "none.nnf", "nnfc", "report", "none.nnf", "-o", "out.html")
bad("report-without-output", {}, "--output is required", "nnfc", "report", "m.nnf", status=2)
bad("compare-with-nothing", {}, "none.nnf", "nnfc", "compare", "none.nnf", "none.nnf")
bad("compare-with-one", {}, "B is required", "nnfc", "compare", "m.nnf", status=2)
bad("report-as-a-picture", GOODFILE, "expected a name that ends in .html", "nnfc", "report", GRAPH, "-o", "out.png", status=2)
option("misspelled", "no option is called '--emti'; the nearest is '--emit'", "--emti=asm")
option("cut-short", "no option is called '--out'; the nearest is '--output'", "--out", "out.so", out="")
option("of-another-command", "no option is called '--random-inputs' [", "--random-inputs")
bad("two-models-at-once", GOODFILE, "'m.nnf' is one argument too many, expected MODEL_OR_COMPILED", "nnfc", "run", GRAPH, BINARY,
    status=2)
bad("misspelled-command", {}, "no command 'complie', the nearest is 'compile', expected one of", "nnfc", "complie", status=2)
bad("a-file-for-a-command", GOODFILE, "no command 'm.nnf.txt' (a file stands behind the command), expected", "nnfc", GRAPH, status=2)
bad("explain-as-a-command", {}, "the nearest is '--explain'", "nnfc", "explain", "NNFC-E0001", status=2)
bad("no-command", {}, "no command given", "nnfc", status=2)
bad("unknown-command", {}, "no command 'train'", "nnfc", "train", status=2)
bad("unknown-op", {}, "no function is called 'conv2'", "nnfc", "ops", "conv2")

# ---- where results go

bad("output-in-missing-folder", GOODFILE, "'gone/out.so' cannot be written", "nnfc", "compile", GRAPH, "-o", "gone/out.so")
bad("output-is-a-folder", {**GOODFILE, "out.so": Folder()}, "'out.so' cannot be written",
    "nnfc", "compile", GRAPH, "-o", "out.so")
bad("output-below-a-file", GOODFILE, "cannot be written", "nnfc", "compile", GRAPH, "-o", GRAPH + "/out.so")
bad("output-in-proc", GOODFILE, "cannot be written", "nnfc", "compile", GRAPH, "-o", "/proc/out.so")
bad("header-is-a-folder", {**GOODFILE, "out.h": Folder()}, "'out.h' cannot be written", "nnfc", "compile", GRAPH, "-o", "out.o")
bad("convert-in-missing-folder", GOODFILE, "cannot be written", "nnfc", "convert", GRAPH, "-o", "gone/out.nnf")
bad("convert-onto-a-folder", {**GOODFILE, "out.nnf": Folder()}, "cannot be written", "nnfc", "convert", GRAPH, "-o", "out.nnf")
bad("convert-to-unknown", GOODFILE, "expected a name that ends in", "nnfc", "convert", GRAPH, "-o", "out.txt", status=2)
bad("results-below-a-file", {**GOODFILE, "x.npy": npy()}, "cannot make the folder", "nnfc", "run", GRAPH, "--input", "x=x.npy",
    "--output-dir", GRAPH)
bad("result-is-a-folder", {**GOODFILE, "x.npy": npy(), "out/y.npy": Folder()}, "cannot write", "nnfc", "run", GRAPH, "--input",
    "x=x.npy", "--output-dir", "out")

# ---- running: the command line's .npy files, and what a compiled model checks

LIBRARY = {"m.so": Compiled(GOOD)}


bad("option-with-an-underline", LIBRARY, "no option is called '--output_dir'; the nearest is '--output-dir'", "nnf-run", "m.so",
    "--random-inputs", "--output_dir", "out", status=2)


def run(name, says, *arguments, files=None, model=LIBRARY, status=1):
    for program in (("nnfc", "run"), ("nnf-run",)):
        bad(f"{program[0]}-{name}", {**model, **(files or {})}, says, *program, "m.so", *arguments, status=status)


def given(name, says, content, model=LIBRARY):
    run("input-" + name, says, "--input", "x=x.npy", files={"x.npy": content}, model=model)


run("input-missing", "input 'x' is missing")
run("input-unknown", "no input 'q'", "--input", "q=x.npy")
run("input-twice", "given twice [NNFC-E0616]", "--input", "x=x.npy", "--input", "x=x.npy", files={"x.npy": npy()}, status=2)
run("input-without-equals", "expected NAME=FILE.npy", "--input", "x.npy", status=2)
run("input-no-file", "'x.npy': No such file", "--input", "x=x.npy")
given("empty", "not a .npy file", b"")
given("pipe", "not a regular file", Pipe())
given("wrong-dtype", "input 'x'", npy("<i4"))
given("wrong-rank", "input 'x'", npy(shape=(2, 2)))
given("wrong-size", "input 'x'", npy(shape=(5,), data=bytes(20)))
given("objects", "dtype '|O'", npy("|O", data=bytes(32)))
given("big-endian", "big-endian", npy(">f4"))
given("shape-overflows", "16 bytes of data", npy(shape=(HUGE, HUGE)))
given("header-beyond-the-end", "header has 65535 bytes", npy(length=65535))
given("truncated", "15 bytes of data", npy(data=bytes(15)))
given("sizes-that-differ", "input 'x'", npy(shape=(2, 4), data=bytes(32)), {"m.so": Compiled(NAMED)})
run("dim-unknown", "no size named 'N', all of its sizes are fixed", "--random-inputs", "--dim", "N=3")
run("dim-misspelled", "no size named 'n', those that are open are 'N' [", "--random-inputs", "--dim", "n=3", model={"m.so": Compiled(NAMED)})
run("dims-in-one-option", "no size named 'N=1,M', those that are open are 'N', each with a --dim of its own",
    "--random-inputs", "--dim", "N=1,M=2", model={"m.so": Compiled(NAMED)})
run("dim-other-than-the-file", "input 'x': size 2 in dimension 0, expected 5 as --dim N=5 says", "--input", "x=x.npy", "--dim", "N=5",
    files={"x.npy": npy(shape=(2, 3), data=bytes(24))}, model={"m.so": Compiled(NAMED)})
run("dim-huge", "input 'x': no memory", "--random-inputs", "--dim", "N=999999999999999", model={"m.so": Compiled(NAMED)})
run("model-unknown", "'q'", "--model", "q", "--random-inputs")
run("device-unknown", "--device", "--random-inputs", "--device", "tpu", status=2)
run("device-several", "found 'tpu' in 'cpu:0,tpu'", "--random-inputs", "--device", "cpu:0,tpu", status=2)
run("threads-word", "--threads: found 'many', expected a whole number, 0 or more", "--threads", "many", status=2)
run("index-beyond", "node 'words' (embedding)", "--input", "i=i.npy", files={"i.npy": npy("<i8", (2,), b"\3" + bytes(15))},
    model={"m.so": Compiled(LOOKUP)})
run("index-negative", "node 'words' (embedding)", "--input", "i=i.npy", "--output-dir", "out",
    files={"i.npy": npy("<i8", (2,), b"\xff" * 16)}, model={"m.so": Compiled(LOOKUP)})
run("library-missing", "m.so", model={})
run("two-libraries", "gone.so", "gone.so", status=2)
run("library-empty", "m.so", model={"m.so": b""})
run("library-garbage", "m.so", model={"m.so": b"\x7fELF" + bytes(100)})
run("library-truncated", "m.so", "--random-inputs", model={"m.so": Sparse(64, b"\x7fELF\2\1\1")})
run("library-of-others", "m.so", model={"m.so": Link("/lib/x86_64-linux-gnu/libm.so.6")})
bad("bench-output-in-missing-folder", LIBRARY, "cannot write", "nnf-run", "bench", "m.so", "--iterations", "1",
    "--json", "gone/a.json")
bad("bench-seconds-word", LIBRARY, "--seconds: found 'two', expected a number", "nnf-run", "bench", "m.so", "--seconds", "two", status=2)
bad("bench-seconds-nan", LIBRARY, "--seconds", "nnf-run", "bench", "m.so", "--seconds", "nan", status=2)
bad("inspect-garbage", {"m.so": b"\x7fELF" + bytes(100)}, "m.so", "nnfc", "inspect", "m.so")
bad("inspect-unknown-model", LIBRARY, "holds no such model", "nnfc", "inspect", "m.so", "--model", "q", status=2)
