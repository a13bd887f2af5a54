"""Files for tests, right ones and broken ones: graphs as text and as bytes, .npy, .safetensors, ONNX."""
import json
import struct


class Link:
    """A symbolic link."""

    def __init__(self, target):
        self.target = target


class Folder:
    """A folder; `mode` takes permissions away."""

    def __init__(self, mode=0o755):
        self.mode = mode


class Pipe:
    """A named pipe that nobody writes to."""


class Sparse:
    """A file of so many zero bytes that takes no room, `head` first."""

    def __init__(self, size, head=b""):
        self.size, self.head = size, head


class Compiled:
    """The library that a (right) graph compiles to."""

    def __init__(self, text):
        self.text = text


# ---- graphs in protobuf text format

def quoted(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def type_of(dtype, dims):
    sizes = " ".join(f"dims {{ size: {d} }}" if isinstance(d, int) else f"dims {{ symbol: {quoted(d)} }}" for d in dims)
    return f"type {{ dtype: {dtype} {sizes} }}"


def input_of(name, dims=(4,), dtype="FLOAT32"):
    return f"inputs {{ name: {quoted(name)} {type_of(dtype, dims)} }}\n"


def escaped(data):
    return '"' + "".join(f"\\{byte:03o}" for byte in data) + '"'


def constant(name, dims=(4,), dtype="FLOAT32", data=None, file=None):
    content = ("" if data is None else f"data: {escaped(data)} ") + ("" if file is None else f"file: {quoted(file)}")
    return f"constants {{ name: {quoted(name)} tensor {{ {type_of(dtype, dims)} {content} }} }}\n"


class Ref(str):
    """The name of a tensor, as an argument; a plain str is a string argument."""


def value(v):
    if isinstance(v, Ref):
        return f"tensor: {quoted(v)}"
    if isinstance(v, bool):
        return f"b: {str(v).lower()}"
    if isinstance(v, int):
        return f"i: {v}"
    if isinstance(v, float):
        return f"f: {v}"
    if isinstance(v, str):
        return f"s: {quoted(v)}"
    if v and all(isinstance(item, Ref) for item in v):
        return "tensors { names: [" + ", ".join(quoted(item) for item in v) + "] }"
    kind = "floats" if any(isinstance(item, float) for item in v) else "ints"
    return f"{kind} {{ values: [{', '.join(str(item) for item in v)}] }}"


def node(op, outputs, name="n", **arguments):
    text = f"nodes {{ op: {quoted(op)} name: {quoted(name)} "
    text += " ".join(f"arguments {{ name: {quoted(key)} {value(v)} }}" for key, v in arguments.items())
    return text + " " + " ".join(f"outputs: {quoted(o)}" for o in outputs.split()) + " }\n"


def outputs(names):
    return "".join(f"outputs: {quoted(name)}\n" for name in names.split())


x, y, z, w = Ref("x"), Ref("y"), Ref("z"), Ref("w")


def relu(source="x", result="y", name="n"):
    return node("relu", result, name, input=Ref(source))


def call(op, results="y", dims=(4,), dtype="FLOAT32", **arguments):
    """One input of this type, one node, one output."""
    return input_of("x", dims, dtype) + node(op, results, **arguments) + outputs(results.split()[0])


def adding(dims=(4,), dtype="FLOAT32", x_dims=None, **content):
    """y = x + w, where w is a constant with this content."""
    return (input_of("x", dims if x_dims is None else x_dims, dtype) + constant("w", dims, dtype, **content) +
            node("add", "y", input=x, other=w) + outputs("y"))


# ---- protobuf's wire format, to write what no library would

def varint(n):
    n &= 2**64 - 1
    out = b""
    while True:
        out += bytes([n & 127 | (128 if n > 127 else 0)])
        n >>= 7
        if not n:
            return out


def field(number, content):
    """A length-delimited field (bytes or str) or a varint (int)."""
    if isinstance(content, int):
        return varint(number << 3) + varint(content)
    content = content.encode() if isinstance(content, str) else content
    return varint(number << 3 | 2) + varint(len(content)) + content


def wire_type(dims, dtype=1):
    return field(1, dtype) + b"".join(field(2, field(1, d)) for d in dims)


def wire_graph(name=b"g", x=b"x", dtype=1, dims=(4,), constants=b"", more=b""):
    """y = relu(x), binary."""
    return (field(1, name) + field(2, field(1, x) + field(2, wire_type(dims, dtype))) + constants +
            field(4, field(1, "relu") + field(3, field(1, "input") + field(2, x)) + field(4, "y")) + field(5, "y") + more)


# ---- tensors in files

def npy(descr="<f4", shape=(4,), data=bytes(16), fortran=False, header=None, version=1, length=None):
    """A .npy file; `header` is the whole dictionary's text, `length` what the file says of its length."""
    if header is None:
        header = f"{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape!r}, }}"
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(text) if length is None else length) + text + data


def safetensors(header, data=bytes(16), length=None):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def entry(dtype="F32", shape=(4,), offsets=(0, 16)):
    return {"dtype": dtype, "shape": list(shape), "data_offsets": list(offsets)}


# ---- ONNX

def onnx_model(nodes, inputs=(("x", 1, [4]),), outs=(("y", 1, [4]),), initializers=(), opset=17, ir=8, change=None):
    """The bytes of a model; nodes as (op, inputs, outputs, attributes)."""
    import onnx
    from onnx import helper
    graph = helper.make_graph([helper.make_node(op, ins, outs_, name=op.lower(), **attributes)
                               for op, ins, outs_, attributes in nodes], "g",
                              [helper.make_tensor_value_info(*i) for i in inputs],
                              [helper.make_tensor_value_info(*o) for o in outs], list(initializers))
    model = helper.make_model(graph, opset_imports=[onnx.OperatorSetIdProto(domain="", version=opset)], ir_version=ir)
    if change:
        change(model)
    return model.SerializeToString()


def onnx_tensor(name, dims=(4,), dtype=1, raw=None, external=None):
    import onnx
    tensor = onnx.TensorProto(name=name, data_type=dtype, dims=list(dims))
    if raw is not None:
        tensor.raw_data = raw
    for key, text in (external or {}).items():
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key=key, value=text)
    return tensor
