"""Random graphs, compiled, run and compared with PyTorch; a mismatch is reduced. Run by hand:

    /usr/bin/python3 test/random/hunt.py --seed S --count N [--reduce SECONDS] [-- nnfc flags]
"""
import argparse
import collections
import os
import random
import select
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path
from graphs import *  # noqa: F401,F403

# ---- compiling and running

def compiled(nnfc, folder, graphs, flags):
    """[(graphs, library)] and [(graph, why it does not compile)]: a library that does not compile is halved."""
    for graph in graphs:
        (folder / f"{graph.name}.nnf.txt").write_text(graph.text())
    library = folder / f"{graphs[0].name}_{len(graphs)}.so"
    try:
        done = subprocess.run([nnfc, "compile", *(str(folder / f"{g.name}.nnf.txt") for g in graphs), "-o", str(library), *flags],
                              capture_output=True, text=True, errors="replace", timeout=COMPILE_TIMEOUT_S)
        first = (done.stderr.strip().splitlines() or ["no output"])[0]
        why = None if done.returncode == 0 else f"compile: {first}" if done.returncode > 0 else \
            f"compile: killed by signal {-done.returncode}: {first}"
    except subprocess.TimeoutExpired:
        why = f"compile: no end after {COMPILE_TIMEOUT_S} s"
    if why is None:
        return [(graphs, library)], []
    if len(graphs) == 1:
        return [], [(graphs[0], why)]
    left, right = (compiled(nnfc, folder, half, flags) for half in (graphs[:len(graphs) // 2], graphs[len(graphs) // 2:]))
    return left[0] + right[0], left[1] + right[1]


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


def run_library(graphs, library):
    """Yields (graph, None or why). In processes of their own: a crash or a hang costs one graph."""
    waiting = list(graphs)
    while waiting:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                runtime = nnf.Runtime(BUILD)
                for graph in waiting:
                    os.write(writer, f"{run_graph(graph, library, runtime) or ''}\n".encode()[:4000])
            except BaseException as error:
                os.write(writer, f"{type(error).__name__}: {error}".replace("\n", " ").encode()[:3900] + b"\n")
            os._exit(0)
        os.close(writer)
        text, dead = b"", None
        while dead is None and text.count(b"\n") < len(waiting):
            ready = select.select([reader], [], [], RUN_TIMEOUT_S)[0]
            piece = os.read(reader, 65536) if ready else b""
            text += piece
            if not ready:
                os.kill(child, signal.SIGKILL)
                dead = f"run: no end after {RUN_TIMEOUT_S} s"
            elif not piece:
                dead = "run: "
        os.close(reader)
        status = os.waitpid(child, 0)[1]
        lines = text.decode(errors="replace").split("\n")[:-1]
        for graph, why in zip(waiting, lines):
            yield graph, why or None
        waiting = waiting[len(lines):]
        if waiting and dead and (status or not lines):
            yield waiting.pop(0), f"{dead} signal {os.WTERMSIG(status)}"


def check(graphs, folder, flags):
    """Yields (graph, None or why). A graph that is refused for its named sizes is tried with fixed ones."""
    nnfc = str(BUILD / "bin" / "nnfc")
    libraries, refused = compiled(nnfc, folder, graphs, flags)
    again = []
    for graph, why in refused:
        if why.startswith("compile: error:") and with_other_sizes(graph):
            REFUSALS.append(f"{graph.name[1:]}: {why}")
            again.append(with_fixed_sizes(graph))
        else:
            yield graph, why
    if again:
        more, refused = compiled(nnfc, folder, again, flags)
        libraries += more
        yield from refused
    for members, library in libraries:
        yield from run_library(members, library)
        library.unlink(missing_ok=True)


# ---- reducing

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


def reduced(graph, why, folder, flags, deadline):
    progress = True
    while progress and time.time() < deadline:
        progress = False
        for candidate in smaller(graph):
            drop_unused(candidate)
            if not candidate.nodes or not candidate.outputs:
                continue
            (_, now), = check([candidate], folder, flags)
            if now and kind_of(now) == kind_of(why):
                graph, why, progress = candidate, now, True
                break
    return graph, why


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--per-library", type=int, default=30)
    parser.add_argument("--seconds", type=float, default=1e9, help="stop after this long")
    parser.add_argument("--reduce", type=float, default=0, metavar="SECONDS", help="shrink each failure, this long at most")
    parser.add_argument("--print", action="store_true", help="print the graphs, do nothing")
    parser.add_argument("--stats", action="store_true", help="how often each op was taken")
    parser.add_argument("flags", nargs="*", help="after --: flags for nnfc compile")
    options = parser.parse_args()
    global BUILD
    BUILD = options.build.resolve()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    passed, failed, start = 0, 0, time.time()
    with tempfile.TemporaryDirectory() as folder:
        for first in range(options.seed, options.seed + options.count, options.per_library):
            if time.time() - start > options.seconds:
                break
            graphs = [make_graph(s) for s in range(first, min(first + options.per_library, options.seed + options.count))]
            graphs = [g for g in graphs if g.outputs and g.nodes]
            if options.print:
                print("\n".join(g.text() for g in graphs))
                continue
            for graph, why in check(graphs, Path(folder), options.flags):
                passed, failed = passed + (why is None), failed + (why is not None)
                if why:
                    print(f"FAIL {graph.name[1:]}: {why}", flush=True)
                    if options.reduce:
                        apart = Path(folder) / "reduce"
                        apart.mkdir(exist_ok=True)
                        graph, why = reduced(graph, why, apart, options.flags, time.time() + options.reduce)
                        print(f"  reduced: {why}\n" + "".join("  " + line + "\n" for line in graph.text().splitlines()), flush=True)
    if options.stats:
        print("\n".join(["Refused for named sizes:", *REFUSALS]))
        print(" ".join(f"{op}:{Builder.taken[op]}/{n}" for op, n in Builder.tried.most_common()))
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
