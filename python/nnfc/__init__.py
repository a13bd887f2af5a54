"""nnfc: neural networks compiled ahead of time.

    import nnfc
    m = nnfc.compile("model.onnx", cpu="native")   # an nnfc.Model
    y = m(x)                                       # NumPy arrays and torch tensors, by their memory

    nnfc.compile("model.onnx", "model.so")         # the same, kept
    m = nnfc.load("model.so")                      # needs no compiler

    g = nnfc.Graph("net")                          # a graph made here: one method for each function of torch's
    x = g.input("x", "float32", ["N", 3, 8, 8])
    g.output("y", g.relu(g.conv2d(x, g.constant(weight), padding=1)))
    m = nnfc.compile(g)
"""
from ._runtime import Error
from .compiler import CompileError, compile
from .graph import Graph, Tensor
from .model import Model, TensorInfo, load

__all__ = ["CompileError", "Error", "Graph", "Model", "Tensor", "TensorInfo", "compile", "load"]
__version__ = "0.1.0"
