"""The plots of docs/benchmarks.md, as SVG: bars for each model, and kernels under the machine's roof."""
FILES = {}


def write(results, folder):
    pass
