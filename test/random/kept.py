"""Graphs that once came out wrong, shrunk: each stays as a test, whatever seeds come to mean."""
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
    # Padding of two dimensions around reads at computed places.
    yield Graph("_kept_pad_of_embedding", {"i": leaf(2, high=4), "w": leaf(4, 3)}, [
        Node("embedding", {"input": Name("i"), "weight": Name("w")}, ["y"]),
        Node("pad", {"input": Name("y"), "pad": [1, 0, 1, 0]}, ["z"])], ["z"])
    yield Graph("_kept_pad_of_broadcast", {"a": leaf(2, 1), "b": y}, [
        Node("add", {"input": Name("a"), "other": Name("b")}, ["s"]), Node("pad", {"input": Name("s"), "pad": [1, 0, 1, 0]}, ["z"])], ["z"])
