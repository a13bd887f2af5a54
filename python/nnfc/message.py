"""Graph files: the protobuf message nnfc.Graph (compiler/import/nnfc.proto), written without protobuf."""
import struct

DTYPES = ["float32", "float64", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool", "uint16",
          "uint32", "uint64"]


def varint(number):
    number &= (1 << 64) - 1  # as protobuf has negative ones
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def integer(field, number):
    return varint(field << 3) + varint(number)


def double(field, number):
    return varint(field << 3 | 1) + struct.pack("<d", number)


def content(field, text):
    """A string, bytes or a message."""
    text = text.encode() if isinstance(text, str) else text
    return varint(field << 3 | 2) + varint(len(text)) + text


def tensor_type(dtype, shape):
    dims = (content(2, content(2, size) if isinstance(size, str) else integer(1, size)) for size in shape)
    return integer(1, DTYPES.index(dtype) + 1) + b"".join(dims)


def graph_input(name, dtype, shape):
    return content(1, name) + content(2, tensor_type(dtype, shape))


def constant(name, dtype, shape, data):
    return content(1, name) + content(2, content(1, tensor_type(dtype, shape)) + content(2, data))


def argument(name, kind, value):
    """`kind` is the member of Argument that holds the value; None: it takes its default."""
    encoded = content(1, name)
    if kind == "tensor":
        encoded += content(2, value)
    elif kind == "i":
        encoded += integer(3, value)
    elif kind == "f":
        encoded += double(4, value)
    elif kind == "b":
        encoded += integer(5, value)
    elif kind == "s":
        encoded += content(6, value)
    elif kind == "ints":
        encoded += content(7, content(1, b"".join(map(varint, value))))
    elif kind == "floats":
        encoded += content(8, content(1, struct.pack(f"<{len(value)}d", *value)))
    elif kind == "tensors":
        encoded += content(9, b"".join(content(1, name) for name in value))
    return encoded


def node(op, name, arguments, outputs):
    return (content(1, op) + content(2, name) + b"".join(content(3, a) for a in arguments) +
            b"".join(content(4, o) for o in outputs))


def graph(name, inputs, constants, nodes, outputs):
    return (content(1, name) + b"".join(content(2, i) for i in inputs) + b"".join(content(3, c) for c in constants) +
            b"".join(content(4, n) for n in nodes) + b"".join(content(5, o) for o in outputs) + integer(6, 1))
