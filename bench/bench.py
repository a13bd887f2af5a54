#!/usr/bin/env python3
"""nnfc beside ONNX Runtime, OpenVINO, PyTorch's torch.compile and IREE: whole models, single kernels, start-up.

    ./dev bench [--level models,kernels,startup] [--only TEXT,...] [--engines nnfc,onnxruntime,...] [--threads 1,2]
                [--batch 1,8] [--seconds S] [--write]

Each engine is a process of its own, pinned to the first cores. They take turns: one computes, the others sleep. All get
the same model and inputs, and first their results are compared with those of eager PyTorch; who is wrong is not timed. A
cell is the median of the wall time of a call, and the shortest. "of peak": the arithmetic of the model by the direct
method, in nnfc's best call, over the best rate that bench/peak.c reached just before.

Figures go to build/bench/results.json, where those of earlier runs stay until they are measured again. --write makes the
tables and plots of docs/benchmarks.md of them. Exit status 1 when nnfc fails at a case, or any engine gives other
numbers. Runs in ./dev's virtual environment.
"""
import argparse
import datetime
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import engines
import report
import startup
from results import Results
from team import Team, one_answer

ROOT = Path(__file__).resolve().parent.parent
LEVELS = ["models", "kernels", "startup"]


def exported(options, level):
    """Folders of the level's cases, exported where they are not yet."""
    batches = [1] if level == "startup" else options.batch
    # One thread: OpenMP's wait for each other, on a busy machine for minutes.
    done = subprocess.run(["/usr/bin/python3", "-B", ROOT / "bench" / "cases.py", "--out", options.build / "bench" / "cases",
                           "--level", "kernels" if level == "kernels" else "models", "--only", ",".join(options.only),
                           "--batch", ",".join(map(str, batches))],
                          stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    if done.returncode:
        sys.exit("error: bench/cases.py could not export the models; it says why above")
    if not done.stdout:
        print(f"{level}: no case with {' or '.join(map(repr, options.only))}")
    return [engines.Case(folder, options.build) for folder in done.stdout.split()]


def compiled(case, names, build):
    """Engine -> {}, or "unable" where compiling the case failed, for those that compile beforehand."""
    return {name: one_answer(name, build, "compile", case.folder) if hasattr(engines.module(name), "compile") else {}
            for name in names}


def measure(level, options, results):
    """Models: a fresh process for each. Kernels: one for all, since starting it takes longer than they do."""
    cases, made = exported(options, level), {}
    for group in [cases] if level == "kernels" else [[case] for case in cases]:
        for threads in options.threads:
            with Team(options.engines, options.build, threads) as team:
                for case in group:
                    if case.key not in made:
                        made[case.key] = compiled(case, options.engines, options.build)
                    able = [name for name, answer in made[case.key].items() if "unable" not in answer]
                    figures = {**made[case.key], **team.measure(case.folder, able, options.seconds)}
                    results.add(level, case, threads, figures)


def ways(options):
    """The engines, and what else they start as."""
    return [way for name in options.engines for way in (name, engines.STARTS_ALSO_AS.get(name)) if way]


def measure_startup(options, results):
    names = ways(options)
    report.print_head("startup", names)
    for case in exported(options, "startup"):
        made = compiled(case, names, options.build)
        for threads in options.threads:
            results.add("startup", case, threads, startup.measure(case, threads, made, options.build, options.repeats))


def peak(build, threads, *what):
    cores = ",".join(map(str, range(threads)))
    done = subprocess.run(["taskset", "-c", cores, build / "bin" / "nnf-peak", str(threads), *what],
                          stdout=subprocess.PIPE, check=True)
    return float(done.stdout)


def arguments():
    def listed(kind):
        return lambda text: [kind(part) for part in text.split(",")]
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--level", type=listed(str), default=LEVELS, help="default: models,kernels,startup")
    parser.add_argument("--only", type=listed(str), default=[""], metavar="TEXT,...", help="cases whose 'group name' holds one")
    parser.add_argument("--engines", type=listed(str), default=engines.ALL, help="default: " + ",".join(engines.ALL))
    parser.add_argument("--threads", type=listed(int), default=[1, 2])
    parser.add_argument("--batch", type=listed(int), default=[1, 8], help="of the whole models (default: 1,8)")
    parser.add_argument("--seconds", type=float, default=3, help="of calls, per case, engine and number of threads (default: 3)")
    parser.add_argument("--repeats", type=int, default=5, help="starts of each engine, for start-up (default: 5)")
    parser.add_argument("--write", action="store_true", help="tables and plots into docs/benchmarks.md")
    options = parser.parse_args()
    options.build = options.build.resolve()
    for given, known in ((options.level, LEVELS), (options.engines, engines.ALL)):
        for name in given:
            if name not in known:
                parser.error(f"'{name}', expected some of {','.join(known)}")
    if max(options.threads) > (cores := len(os.sched_getaffinity(0))):
        parser.error(f"{max(options.threads)} threads, expected at most the {cores} cores of this machine")
    return options


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # engines end with us
    folder = options.build / "bench"
    folder.mkdir(parents=True, exist_ok=True)
    lock = open(folder / "lock", "w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"error: another ./dev bench runs in {folder}")
    results = Results(folder / "results.json")
    for name in ways(options) if "startup" in options.level else options.engines:
        answer = one_answer(name, options.build, "version")
        if "unable" in answer:
            sys.exit(f"error: {engines.module(name).TITLE}: {answer['unable']}")
        results.versions[name] = answer["version"]
        print(answer["version"])
    for threads in options.threads:
        gflops, bandwidth = peak(options.build, threads), peak(options.build, threads, "memory")
        results.roof(threads, gflops, bandwidth)
        print(f"measured peak, {threads} thread{'s'[:threads > 1]}: {gflops:.0f} GFLOP/s, {bandwidth:.1f} GB/s of memory")
    if (load := os.getloadavg()[0]) > 1:
        print(f"note: other processes are busy (load average {load:.1f}): figures are rough")
    print(f"started {datetime.datetime.now():%Y-%m-%d %H:%M}", flush=True)
    for level in options.level:
        if level == "startup":
            measure_startup(options, results)
        else:
            report.print_head(level, options.engines)
            measure(level, options, results)
    if options.write:
        report.write(results, ROOT / "docs")
    return 1 if results.failed() else 0


if __name__ == "__main__":
    sys.exit(main())
