"""Shrinks a graph that fails to a smaller one that still does."""
import time
from dataclasses import replace

from graphs import Leaf, drop_unused, evaluate


def smaller(graph):
    """Graphs a little smaller: fewer outputs, a node's results as inputs, fixed sizes, inputs for constants."""
    for output in graph.outputs:
        if len(graph.outputs) > 1:
            yield replace(graph, outputs=[output])
            yield replace(graph, outputs=[o for o in graph.outputs if o != output])
    for i, node in enumerate(graph.nodes):
        values = evaluate(replace(graph, nodes=graph.nodes[:i + 1]))
        leaves = {o: Leaf(values[o], list(values[o].shape), "normal", False) for o in node.outputs}
        yield replace(graph, nodes=graph.nodes[:i] + graph.nodes[i + 1:], leaves={**graph.leaves, **leaves},
                      outputs=[o for o in graph.outputs if o not in node.outputs] or graph.outputs)
        if node.op not in ("reshape",) and len(graph.outputs) and i + 1 == len(graph.nodes) and i:
            yield replace(graph, nodes=graph.nodes[:i], outputs=list(graph.nodes[i - 1].outputs))
    for name, leaf in graph.leaves.items():
        if any(isinstance(d, str) for d in leaf.dims):
            yield replace(graph, leaves={**graph.leaves, name: replace(leaf, dims=list(leaf.data.shape))})
        if leaf.is_constant:
            yield replace(graph, leaves={**graph.leaves, name: replace(leaf, is_constant=False)})


def kind_of(why):
    """The part of a failure that a smaller graph must share."""
    for mark in ("differ", "other bits", "signal", "no end", "runs; PyTorch", "dtype", "shape"):
        if mark in why:
            return mark
    return " ".join(why.split()[:2])


def reduced(graph, why, checker, deadline):
    """The smallest graph found that fails for the same reason, and its reason."""
    progress = True
    while progress and time.time() < deadline:
        progress = False
        for candidate in smaller(graph):
            drop_unused(candidate)
            if not candidate.nodes or not candidate.outputs:
                continue
            (_, now), = checker.check([candidate])
            if now and kind_of(now) == kind_of(why):
                graph, why, progress = candidate, now, True
                break
    return graph, why
