"""Compiles and runs random graphs and holds the numbers against PyTorch's."""
import subprocess

import numpy as np

from graphs import GRAPH_DTYPES, Expected, with_fixed_sizes, with_other_sizes  # first: it says where nnf and rows are

import nnf
import rows
from apart import each_apart

COMPILE_TIMEOUT_S, RUN_TIMEOUT_S = 300, 20


def run_graph(graph, library, runtime):
    """None, or why the graph fails."""
    def run(context, data):
        inputs = {n: rows.raw_bytes(leaf.data) for n, leaf in data.leaves.items() if not leaf.is_constant}
        inputs = {n: np.frombuffer(bytearray(raw), nnf.DTYPES[list(GRAPH_DTYPES).index(data.leaves[n].data.dtype) + 1])
                  .reshape(data.leaves[n].data.shape) for n, raw in inputs.items()}
        outputs = context.run(inputs)
        return {**{n: outputs[n] for n in data.outputs}, **{n: inputs[n] for n in data.changed_inputs()}}

    with nnf.Program(library, graph.name, runtime) as program, nnf.Context(program, threads=1) as one, \
            nnf.Context(program, threads=2) as two:
        for data in (graph, with_other_sizes(graph)):
            if data is None:
                continue
            try:
                expected = Expected(data)
            except Exception as error:
                expected = str(error).splitlines()[0]
            what = "" if data is graph else "other sizes: "
            try:
                found = run(one, data)
                again = run(two, data), run(two, data)
            except nnf.Error as error:
                if isinstance(expected, str):
                    continue
                return f"{what}run: {error}"
            if isinstance(expected, str):
                return f"{what}runs; PyTorch: {expected}"
            for name in found:
                if why := expected.difference(name, found[name]):
                    return what + why
            for other in again:
                for name in found:
                    if other[name].tobytes() != found[name].tobytes():
                        return f"{what}{name}: other bits with other threads or when repeated"
    return None


class Checker:
    """Checks graphs with one build and one set of flags. `refusals`: what was refused for its named sizes, and why."""

    def __init__(self, build, folder, flags=()):
        self.build, self.folder, self.flags, self.refusals = build, folder, list(flags), []

    def check(self, graphs):
        """Yields (graph, None or why). A graph that is refused for its named sizes is tried with fixed ones."""
        libraries, refused = self.compiled(graphs)
        again = []
        for graph, why in refused:
            if why.startswith("compile: error:") and with_other_sizes(graph):
                self.refusals.append(f"{graph.name}: {why}")
                again.append(with_fixed_sizes(graph))
            else:
                yield graph, why
        if again:
            more, refused = self.compiled(again)
            libraries += more
            yield from refused
        for members, library in libraries:
            yield from self.run_library(members, library)
            library.unlink(missing_ok=True)

    def compiled(self, graphs):
        """[(graphs, library)] and [(graph, why it does not compile)]: a library that does not compile is halved."""
        for graph in graphs:
            (self.folder / f"{graph.name}.nnf.txt").write_text(graph.text())
        library = self.folder / f"{graphs[0].name}_{len(graphs)}.so"
        command = [str(self.build / "bin" / "nnfc"), "compile", *(str(self.folder / f"{g.name}.nnf.txt") for g in graphs)]
        try:
            done = subprocess.run([*command, "-o", str(library), *self.flags], capture_output=True, text=True, errors="replace",
                                  timeout=COMPILE_TIMEOUT_S)
            first = (done.stderr.strip().splitlines() or ["no output"])[0]
            why = None if done.returncode == 0 else f"compile: {first}" if done.returncode > 0 else \
                f"compile: killed by signal {-done.returncode}: {first}"
        except subprocess.TimeoutExpired:
            why = f"compile: no end after {COMPILE_TIMEOUT_S} s"
        if why is None:
            return [(graphs, library)], []
        if len(graphs) == 1:
            return [], [(graphs[0], why)]
        left, right = (self.compiled(half) for half in (graphs[:len(graphs) // 2], graphs[len(graphs) // 2:]))
        return left[0] + right[0], left[1] + right[1]

    def run_library(self, graphs, library):
        """Yields (graph, None or why)."""
        runtime = nnf.Runtime(self.build)
        for graph, why in each_apart(graphs, lambda graph: run_graph(graph, library, runtime) or "", RUN_TIMEOUT_S):
            yield graph, why or None
