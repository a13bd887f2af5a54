"""The plots of docs/benchmarks.md, as SVG: bars for each model, and the kernels under the machine's roof."""
import matplotlib
import numpy as np

import engines

matplotlib.use("svg")
import matplotlib.pyplot as plt  # noqa: E402

COLOURS = dict(zip(engines.ALL, ["#d1495b", "#1f6f8b", "#5c9ead", "#edae49", "#8d96a3"]))
MARKERS = "osD^vP"
# The same figures give the same bytes: no date, no random names. Text stays text.
plt.rcParams.update({"svg.hashsalt": "nnfc", "svg.fonttype": "none", "font.size": 9, "axes.spines.top": False,
                     "axes.spines.right": False})
DESCRIPTION = {"Date": None}


def save(figure, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, bbox_inches="tight", metadata=DESCRIPTION)
    plt.close(figure)


def threads_text(threads):
    return f"{threads} thread{'s'[:threads > 1]}"


def bars(rows, names, path, caption):
    """Speed of each engine at each model; the fastest is 1, one that could not has a cross."""
    figure, axes = plt.subplots(figsize=(10, 3.2))
    width = 0.8 / len(names)
    for i, name in enumerate(names):
        times = [row["engines"].get(name, {}).get("median_ms") for row in rows]
        fastest = [min((f["median_ms"] for f in row["engines"].values() if "median_ms" in f), default=None) for row in rows]
        places = np.arange(len(rows)) + (i - (len(names) - 1) / 2) * width
        axes.bar(places, [best / time if time else 0 for time, best in zip(times, fastest)], width,
                 color=COLOURS[name], label=engines.module(name).TITLE)
        missing = [place for place, time in zip(places, times) if not time]
        axes.plot(missing, [0.03] * len(missing), "x", color=COLOURS[name], markersize=5)
    axes.set_xticks(range(len(rows)), [row["label"].split(",")[0] for row in rows], rotation=35, ha="right")
    axes.set_ylabel("speed, fastest = 1")
    axes.set_title(caption, loc="left", pad=22)
    axes.legend(ncols=len(names), loc="lower left", bbox_to_anchor=(-0.01, 0.99), frameon=False)
    save(figure, path)


def roofline(rows, gflops, bandwidth, path, caption):
    """nnfc's best calls, and the best peer's, over the arithmetic for each byte that must be moved.

    What stays in the caches from call to call may lie above the slope, which is the memory's.
    """
    figure, axes = plt.subplots(figsize=(7, 4.5))
    rows = [row for row in rows if row["flops"]]
    for group, marker in zip(dict.fromkeys(row["group"] for row in rows), MARKERS):
        some = [row for row in rows if row["group"] == group]
        for ours in (False, True):
            points = []
            for row in some:
                times = [f["best_ms"] for name, f in row["engines"].items() if "best_ms" in f and (name == "nnfc") == ours]
                if times:
                    points.append((row["flops"] / row["bytes"], row["flops"] / min(times) / 1e6))
            axes.plot(*zip(*points) if points else ([], []), marker, markersize=4,
                      color=COLOURS["nnfc"] if ours else "#999999", fillstyle="full" if ours else "none",
                      label=f"{group}, {'nnfc' if ours else 'best peer'}")
    reach = np.geomspace(0.2, 1000, 200)
    axes.plot(reach, np.minimum(gflops, bandwidth * reach), color="black", linewidth=1)
    axes.annotate(f"{gflops:.0f} GFLOP/s", (1000, gflops), ha="right", va="bottom")
    axes.annotate(f"  {bandwidth:.0f} GB/s of memory", (0.4, bandwidth * 0.4), va="top")
    axes.set(xscale="log", yscale="log", xlabel="FLOP per byte that must be moved", ylabel="GFLOP/s, best call")
    axes.set_title(caption, loc="left")
    axes.legend(fontsize=7, frameon=False, loc="lower right")
    save(figure, path)


def write(results, folder):
    """The plots that the figures suffice for: [(file, caption)]."""
    made = []
    names = [name for name in engines.ALL if name in results.engines()]
    models, kernels = results.rows("models"), results.rows("kernels")
    for batch, threads in sorted({(row["batch"], row["threads"]) for row in models}):
        file, caption = f"models-batch{batch}-threads{threads}.svg", f"Whole models, batch {batch}, {threads_text(threads)}"
        bars([row for row in models if (row["batch"], row["threads"]) == (batch, threads)], names, folder / file, caption)
        made.append((file, caption))
    for threads in sorted({row["threads"] for row in kernels}):
        file, caption = f"kernels-threads{threads}.svg", f"Kernels under the roof, {threads_text(threads)}"
        roofline([row for row in kernels if row["threads"] == threads], results.peaks[str(threads)],
                 results.bandwidths[str(threads)], folder / file, caption)
        made.append((file, caption))
    return made
