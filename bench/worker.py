#!/usr/bin/env python3
"""One engine in a process of its own, for bench.py.

    worker.py compile ENGINE BUILD CASE         what the engine does with a model beforehand
    worker.py version ENGINE BUILD
    worker.py serve ENGINE BUILD THREADS        commands on stdin, answers on stdout, a line of JSON each
    worker.py once ENGINE BUILD THREADS CASE    from nothing to the first result, timed: the answer is one line

Commands of `serve`: {"do": "load", "case": FOLDER}, which runs once and compares; {"do": "run", "count": N, "settle":
BOOL}, which gives the times of N calls, after one that is not timed if it is to settle; {"do": "unload"}. An answer with
"unable" says why there is none. Between commands the process sleeps: only one engine computes at a time.
"""
import gc
import json
import os
import sys
import time

import numpy as np

import engines

MAX_RELATIVE_ERROR = 1e-4


def compared(found, expected):
    """The largest difference of an output over the largest value that it should have; "wrong" says when that is too much."""
    worst = 0.0
    for name, wanted in expected.items():
        got = np.asarray(found[name])
        if got.shape != wanted.shape:
            return {"wrong": f"wrong: '{name}' has the shape {list(got.shape)}, expected {list(wanted.shape)}"}
        error = float(np.abs(got - wanted).max() / np.abs(wanted).max())
        if not error < MAX_RELATIVE_ERROR:  # nor if it is no number
            return {"wrong": f"wrong: '{name}' has a relative error of {error:.1e}"}
        worst = max(worst, error)
    return {"error": worst}


def memory_mb():
    """Peak of resident memory."""
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def libraries(engine, build):
    """The shared objects of the engine that this process has loaded, from the environment or the build: path to bytes."""
    places, without = (f"{sys.prefix}/", f"{os.path.realpath(build / 'lib')}/"), getattr(engine, "NOT_FOR_CPU", ())
    with open("/proc/self/maps") as maps:
        paths = {line.split(maxsplit=5)[5].strip() for line in maps if ".so" in line}
    return {path: os.path.getsize(path) for path in paths
            if path.startswith(places) and not any(part in path for part in without)}


class Serving:
    def __init__(self, engine, build, threads):
        self.engine, self.build, self.threads, self.call = engines.module(engine), build, threads, None

    def load(self, case):
        case = engines.Case(case, self.build)
        self.call = self.engine.load(case, self.threads)
        return compared(self.call(), case.tensors("expected"))

    def run(self, count, settle):
        if settle:
            self.call(False)
        wall, cpu = [], []
        for _ in range(count):
            cpu_start, start = time.process_time(), time.perf_counter()
            self.call(False)
            wall.append(time.perf_counter() - start)
            cpu.append(time.process_time() - cpu_start)
        return {"wall": wall, "cpu": cpu}

    def unload(self):
        self.call = None
        gc.collect()
        return {}


def answer(function, **arguments):
    try:
        return function(**arguments)
    except engines.Unable as reason:
        return {"unable": str(reason)}
    except Exception as error:  # an engine's own: whatever it is, it is the answer
        lines = str(error).strip().splitlines() or ["no message"]
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return {"unable": f"{type(error).__name__}: {lines[0]}"}


def once(engine, case, threads):
    """Imports are timed too, but numpy's, which reads the inputs: every engine has it beside it."""
    engine = engines.module(engine)
    case.tensors("inputs")
    before_mb, before = memory_mb(), libraries(engine, case.build)
    start = time.perf_counter()
    first = engine.load(case, threads)()
    seconds = time.perf_counter() - start
    peak_mb = memory_mb()  # before the comparison takes its own
    loaded = {path: size for path, size in libraries(engine, case.build).items() if path not in before}
    return {"seconds": seconds, "peak_mb": peak_mb, "before_mb": before_mb, "libraries": loaded,
            "model_bytes": sum(path.stat().st_size for path in engine.shipped(case)),
            **compared(first, case.tensors("expected"))}


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what engines print is not an answer

    def say(what):
        print(json.dumps(what), file=answers, flush=True)

    command, engine, build, *rest = sys.argv[1:]
    if command == "version":
        say(answer(lambda: {"version": engines.module(engine).version()}))
    elif command == "compile":
        say(answer(lambda: engines.module(engine).compile(engines.Case(rest[0], build)) or {}))
    elif command == "once":
        say(answer(once, engine=engine, case=engines.Case(rest[1], build), threads=int(rest[0])))
    elif command == "serve":
        serving = Serving(engine, build, int(rest[0]))
        say({})
        for line in sys.stdin:
            arguments = json.loads(line)
            say(answer(getattr(serving, arguments.pop("do")), **arguments))


if __name__ == "__main__":
    main()
