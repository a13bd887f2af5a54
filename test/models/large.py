#!/usr/bin/env python3
"""A model above 2 GB, whose weights are in a file beside it: an embedding, products with and without a transposed
weight, a convolution, and a weight that is added as it is. Written tensor by tensor, with what numpy makes of it.

    test/models/large.py FOLDER
"""
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

LAYERS, WIDTH, WORDS, TOKENS = 30, 4096, 32000, 5


def main(folder):
    rng = np.random.default_rng(0)
    nodes, weights = [], []
    file = open(folder / "weights.bin", "wb")

    def weight(name, *shape):
        values = rng.standard_normal(shape, dtype=np.float32) / np.float32(np.sqrt(np.prod(shape[1:])))
        stored = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=shape, data_location=TensorProto.EXTERNAL)
        for key, value in (("location", "weights.bin"), ("offset", file.tell()), ("length", values.nbytes)):
            entry = stored.external_data.add()
            entry.key, entry.value = key, str(value)
        file.write(values.tobytes())
        weights.append(stored)
        return values.astype(np.float64) if values.nbytes < 1 << 28 else values

    def node(op, inputs, output, **attributes):
        nodes.append(helper.make_node(op, inputs, [output], **attributes))

    ids = rng.integers(0, WORDS, TOKENS)
    x = weight("words", WORDS, WIDTH)[ids].astype(np.float64)
    node("Gather", ["words", "ids"], "x0")
    for i in range(LAYERS):
        w = weight(f"w{i}", WIDTH, WIDTH)
        if i % 2:
            node("Gemm", [f"x{i}", f"w{i}"], f"p{i}", transB=1)
        else:
            node("MatMul", [f"x{i}", f"w{i}"], f"p{i}")
        x = np.tanh(x @ (w.T if i % 2 else w))
        node("Tanh", [f"p{i}"], f"x{i + 1}")
    node("Add", [f"x{LAYERS}", "positions"], "sum")
    x = x + weight("positions", TOKENS, WIDTH)
    # One pixel for each token.
    x = np.einsum("tc,kc->tk", x, weight("kernel", 64, WIDTH, 1, 1)[:, :, 0, 0])
    weights.append(helper.make_tensor("pixels", TensorProto.INT64, [4], [TOKENS, WIDTH, 1, 1]))
    node("Reshape", ["sum", "pixels"], "image")
    node("Conv", ["image", "kernel"], "y")
    file.close()

    graph = helper.make_graph(nodes, "large", [helper.make_tensor_value_info("ids", TensorProto.INT64, [TOKENS])],
                              [helper.make_tensor_value_info("y", TensorProto.FLOAT, [TOKENS, 64, 1, 1])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8), folder / "model.onnx")
    for name, values in (("inputs/ids", ids), ("expected/y", x.reshape(TOKENS, 64, 1, 1).astype(np.float32))):
        (folder / name).parent.mkdir(exist_ok=True)
        np.save(folder / f"{name}.npy", values)


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    main(Path(sys.argv[1]))
