#!/usr/bin/env python3
"""Random graphs, compiled, run and compared with PyTorch: a seed is a graph (graphs.py).

Runs with one and two threads and a repeated run are bitwise equal. Graphs with named sizes run with a second choice of
them from the same library; one that is refused for its named sizes counts as skipped and runs with fixed ones. The seeds
are fixed, so that a failure stays until it is mended; shrunk ones stay in kept.py. With --all ten times as many, and graphs with named sizes also with
fixed ones. Prints `FAIL seed: why` lines and, last, `N passed, N failed, N skipped`. To hunt for more, by hand:

    /usr/bin/python3 -B test/random/run.py --seed 100000 --count 2000 --reduce 60 [-- nnfc flags]
"""
import argparse
import collections
import concurrent.futures
import sys
import tempfile
import time
import warnings
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from checks import Checker
from graphs import Builder, make_graph, with_fixed_sizes, with_other_sizes
from kept import data_sized_graphs, kept_graphs
from reduction import reduced

ROOT = Path(__file__).resolve().parents[2]
COUNT, COUNT_OF_ALL = 200, 2000
# Enough that loading and linking do not count, few enough that every processor has work.
GRAPHS_PER_LIBRARY = 25


@dataclass
class Outcome:
    passed: int = 0
    failures: list = field(default_factory=list)
    refusals: list = field(default_factory=list)
    tried: dict = field(default_factory=dict)
    taken: dict = field(default_factory=dict)


def check_seeds(seeds, options):
    """The outcome of some seeds, compiled into one library."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    Builder.tried.clear()
    Builder.taken.clear()
    made = [graph for graph in map(make_graph, seeds) if graph.outputs and graph.nodes]
    if 0 in seeds:
        made += [*kept_graphs(), *data_sized_graphs()]
    outcome = Outcome(tried=dict(Builder.tried), taken=dict(Builder.taken))
    if options.all:
        made += [replace(with_fixed_sizes(graph), name=graph.name + "_fixed") for graph in made if with_other_sizes(graph)]
    with tempfile.TemporaryDirectory() as folder:
        checker = Checker(options.build, Path(folder), options.flags)
        for graph, why in checker.check(made):
            if why is None:
                outcome.passed += 1
                continue
            text = f"FAIL {graph.name[1:]}: {why}"
            if options.reduce:
                smallest, why = reduced(graph, why, Checker(options.build, Path(folder), options.flags),
                                        time.time() + options.reduce)
                text += f"\n  reduced: {why}" + "".join("\n  " + line for line in smallest.text().splitlines())
            outcome.failures.append(text)
        outcome.refusals = checker.refusals
    return outcome


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=ROOT / "build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--count", type=int, help=f"how many seeds ({COUNT}, with --all {COUNT_OF_ALL})")
    parser.add_argument("--reduce", type=float, default=0, metavar="SECONDS", help="shrink each failure, this long at most")
    parser.add_argument("--print", action="store_true", help="print the graphs, do nothing")
    parser.add_argument("--stats", action="store_true", help="what was refused for named sizes; how often each op was taken")
    parser.add_argument("flags", nargs="*", help="after --: flags for nnfc compile")
    options = parser.parse_args()
    options.build = options.build.resolve()
    seeds = range(options.seed, options.seed + (options.count or (COUNT_OF_ALL if options.all else COUNT)))
    if options.print:
        print("\n".join(make_graph(seed).text() for seed in seeds))
        return 0

    passed, failed, refusals, tried, taken = 0, 0, [], collections.Counter(), collections.Counter()
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        pieces = [seeds[i:i + GRAPHS_PER_LIBRARY] for i in range(0, len(seeds), GRAPHS_PER_LIBRARY)]
        for outcome in pool.map(check_seeds, pieces, [options] * len(pieces)):
            for failure in outcome.failures:
                print(failure, flush=True)
            passed, failed = passed + outcome.passed, failed + len(outcome.failures)
            refusals += outcome.refusals
            tried.update(outcome.tried)
            taken.update(outcome.taken)
    if options.stats:
        print("\n".join(["Refused for named sizes:", *refusals]))
        print(" ".join(f"{op}:{taken[op]}/{n}" for op, n in tried.most_common()))
    print(f"{passed} passed, {failed} failed, {len(refusals)} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
