"""Graphs that stay as tests, whatever seeds come to mean: those that once came out wrong, shrunk, and those of what no
random graph draws: sizes that data decide."""
import torch

from graphs import Graph, Leaf, Name, Node


def leaf(*shape, high=None):
    """An input of random numbers, or of integers below `high`."""
    generator = torch.Generator().manual_seed(sum(shape))
    data = torch.randint(0, high, shape, generator=generator) if high else torch.randn(shape, generator=generator)
    return Leaf(data, list(shape), (0, high) if high else "normal", False)


def kept_graphs():
    x, y = leaf(4), leaf(2, 3)
    # An ordered kernel's result that leaves it under two shapes.
    yield Graph("_kept_cumsum_and_view", {"x": x}, [
        Node("cumsum", {"input": Name("x"), "dim": 0}, ["y"]), Node("unsqueeze", {"input": Name("y"), "dim": 0}, ["z"])], ["z", "y"])
    yield Graph("_kept_argsort_and_view", {"x": x}, [
        Node("argsort", {"input": Name("x")}, ["y"]), Node("unsqueeze", {"input": Name("y"), "dim": 0}, ["z"])], ["z", "y"])
    # LLVM made a call of the comparisons.
    half = Leaf(torch.randn(33).bfloat16(), [33], "normal", False)
    yield Graph("_kept_argsort_bfloat16", {"x": half}, [
        Node("argsort", {"input": Name("x"), "dim": -1, "descending": True}, ["y"])], ["y"])
    # Padding of two dimensions around reads at computed places.
    yield Graph("_kept_pad_of_embedding", {"i": leaf(2, high=4), "w": leaf(4, 3)}, [
        Node("embedding", {"input": Name("i"), "weight": Name("w")}, ["y"]),
        Node("pad", {"input": Name("y"), "pad": [1, 0, 1, 0]}, ["z"])], ["z"])
    yield Graph("_kept_pad_of_broadcast", {"a": leaf(2, 1), "b": y}, [
        Node("add", {"input": Name("a"), "other": Name("b")}, ["s"]), Node("pad", {"input": Name("s"), "pad": [1, 0, 1, 0]}, ["z"])], ["z"])


def data_sized_graphs():
    def mask(*dims, sizes=None):
        return Leaf(leaf(*(sizes or dims), high=2).data, list(dims), (0, 2), False)

    def node(op, output, **arguments):
        return Node(op, {n: Name(v) if isinstance(v, str) and n != "dtype" else v for n, v in arguments.items()}, [output])

    # Rows that are picked, through a layer and a softmax, with all of them in the end.
    picked = [node("nonzero", "at", input="m"), node("squeeze", "rows", input="at", dim=1),
              node("index_select", "some", input="x", dim=0, index="rows"),
              node("linear", "h", input="some", weight="w"), node("relu", "r", input="h"),
              node("softmax", "p", input="r", dim=1), node("sum", "all", input="p", dim=0)]
    x, w = leaf(40, 16), leaf(24, 16)
    yield Graph("_sized_rows", {"m": mask(40), "x": x, "w": w}, picked, ["p", "all", "rows"])
    yield Graph("_sized_rows_symbolic", {"m": mask("N", sizes=(40,)), "x": Leaf(x.data, ["N", 16], "normal", False), "w": w},
                picked, ["all"])
    # One size after the other; the second is of data that have the first.
    yield Graph("_sized_twice", {"m": mask(50), "k": leaf(50, high=2), "x": leaf(50, 3)}, [
        *picked[:3], node("index_select", "k1", input="k", dim=0, index="rows"), node("nonzero", "at2", input="k1"),
        node("squeeze", "rows2", input="at2", dim=1), node("index_select", "few", input="some", dim=0, index="rows2"),
        node("sum", "s", input="few", dim=0), node("exp", "e", input="some"), node("transpose", "turned", input="at2", dim0=0, dim1=1)],
        ["s", "few", "e", "turned"])
    # Two at once, and what is computed of both.
    yield Graph("_sized_both", {"m": mask(4, 9), "c": leaf(30, high=7), "v": leaf(7, 2)}, [
        node("nonzero", "a", input="m"), node("one_hot", "h", tensor="c"), node("to", "f", input="h", dtype="float32"),
        node("sum", "counts", input="f", dim=0), node("unsqueeze", "col", input="a", dim=0),
        node("to", "af", input="col", dtype="float32"), node("sum", "total", input="af"), node("sub", "d", input="counts", other="total"),
        node("cumsum", "run", input="f", dim=0), node("argsort", "order", input="counts", dim=0)], ["d", "run", "a", "order"])
    # What nothing reads, and nothing that is not zero.
    yield Graph("_sized_unused", {"m": mask(6), "x": leaf(4)}, [node("nonzero", "a", input="m"), node("exp", "y", input="x")], ["y"])
    yield Graph("_sized_none", {"z": Leaf(torch.zeros(6, dtype=torch.int64), [6], (0, 1), False), "x": leaf(6, 3), "w": leaf(24, 3)},
                [node("nonzero", "at", input="z"), *picked[1:]], ["p", "all"])
