"""What ./dev bench prints, and the tables it writes into docs/benchmarks.md."""
import engines

BEGIN, END = "<!-- ./dev bench: begin -->", "<!-- ./dev bench: end -->"
NO_TIME = ("unable", "wrong")
LONGEST_REASON = 60


def title(name):
    return engines.module(name).TITLE


def number(value):
    """Three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def reason(figures):
    return next((figures[why] for why in NO_TIME if why in figures), None)


def cell(figures):
    return f"{number(figures['median_ms'])} ({number(figures['best_ms'])})" if "median_ms" in figures else "-"


def of_peak(row, peaks):
    """nnfc's best call in the arithmetic rate of the machine, or None."""
    figures = row["engines"].get("nnfc", {})
    if not row["flops"] or "best_ms" not in figures or str(row["threads"]) not in peaks:
        return None
    return row["flops"] / figures["best_ms"] / 1e6 / peaks[str(row["threads"])]


def ratio(row):
    """The best peer's median over nnfc's: above 1 nnfc is faster than all."""
    medians = {name: figures["median_ms"] for name, figures in row["engines"].items() if "median_ms" in figures}
    ours = medians.pop("nnfc", None)
    return min(medians.values()) / ours if ours and medians else None


# ---- on the terminal

def print_head(level, names):
    print(f"\n{level}, ms: median (best)" + ("" if level != "startup" else ", peak MB"))
    print(f"{'':<32} {'batch':>5} {'threads':>7} " + " ".join(f"{title(name):>18}" for name in names) +
          f" {'peer/nnfc':>9} {'of peak':>7}", flush=True)


def print_row(row, names, peaks):
    share, quotient = of_peak(row, peaks), ratio(row)
    cells = [cell(row["engines"][name]) + (f", {row['engines'][name]['peak_mb']:.0f}" if "peak_mb" in row["engines"][name] else "")
             for name in names]
    print(f"{row['label'][:32]:<32} {row['batch']:>5} {row['threads']:>7} " + " ".join(f"{c:>18}" for c in cells) +
          f" {f'{quotient:.2f}' if quotient else '-':>9} {f'{share:.0%}' if share and row['level'] != 'startup' else '-':>7}", flush=True)
    for name in names:
        figures = row["engines"][name]
        if why := reason(figures):
            print(f"    {title(name)}: {why}", flush=True)
        if "awake" in figures:
            print(f"    {title(name)} was awake for {figures['awake']:.0%} of another's turn", flush=True)


# ---- in docs/benchmarks.md

def short(figures):
    """A cell of a table: times, or why there are none."""
    why = reason(figures)
    if not why:
        return cell(figures)
    why = why.replace("|", "\\|")
    return why if len(why) <= LONGEST_REASON else why[:LONGEST_REASON - 3] + "..."


def table(head, rows):
    return "\n".join(["| " + " | ".join(cells) + " |" for cells in (head, ["---"] * len(head), *rows)]) + "\n"


def times_table(rows, names, peaks, in_us=False):
    made = []
    for row in rows:
        best = min((f["median_ms"] for f in row["engines"].values() if "median_ms" in f), default=None)
        cells = []
        for name in names:
            figures = row["engines"].get(name)
            text = "not measured" if figures is None else short(scaled(figures, 1e3 if in_us else 1))
            cells.append(f"**{text}**" if figures and figures.get("median_ms") == best and best else text)
        share, quotient = of_peak(row, peaks), ratio(row)
        made.append([row["label"], *cells, f"{quotient:.2f}" if quotient else "-", f"{share:.0%}" if share else "-"])
    return table(["", *map(title, names), "best peer / nnfc", "of peak"], made)


def scaled(figures, factor):
    return {key: value * factor if key in ("median_ms", "best_ms") else value for key, value in figures.items()}


def startup_table(rows, names):
    made = []
    for row in rows:
        for name in names:
            f = row["engines"].get(name)
            if f is None:
                continue  # an engine this machine was never asked about
            made.append([row["label"], title(name), short(f)] + (
                [f"{f['peak_mb']:.0f}", f"{f['model_mb']:.1f}", f"{f['engine_mb']:.1f}"] if "peak_mb" in f else ["-"] * 3))
    return table(["", "engine", "ms", "peak memory, MB", "model on disk, MB", "its libraries, MB"], made)


def sections(results, pictures):
    versions = results.engines()
    names = [name for name in engines.ALL if name in versions]
    yield (f"Machine: {results.data['machine']}. Measured peak: " + ", ".join(
        f"{gflops:.0f} GFLOP/s and {results.bandwidths[threads]:.1f} GB/s of memory on {threads} thread{'s'[:threads != '1']}"
        for threads, gflops in results.peaks.items()) + ".\n")
    yield "\n".join(f"- {'; '.join(versions[name])}" for name in versions) + "\n"
    whens, loads = sorted(row["when"] for row in results.rows()), [row["load"] for row in results.rows()]
    yield f"Measured {whens[0]} to {whens[-1]}, load average {min(loads):.1f} to {max(loads):.1f}, by `./dev bench --write`.\n"
    for level, unit in (("models", "ms"), ("kernels", "us")):
        rows = results.rows(level)
        for group, batch, threads in dict.fromkeys((r["group"], r["batch"], r["threads"]) for r in rows):
            some = [r for r in rows if (r["group"], r["batch"], r["threads"]) == (group, batch, threads)]
            about = f"batch {batch}, " if level == "models" else ""
            yield f"### {group.capitalize()}, {about}{threads} thread{'s'[:threads > 1]}, {unit}: median (best)"
            yield times_table(some, names, results.peaks, unit == "us")
    rows = results.rows("startup")
    for threads in dict.fromkeys(row["threads"] for row in rows):
        yield f"### From nothing to the first result, batch 1, {threads} thread{'s'[:threads > 1]}: median (best)"
        yield startup_table([row for row in rows if row["threads"] == threads], versions)
    for file, caption in pictures:
        yield f"![{caption}](benchmarks/{file})\n"


def write(results, docs):
    import plots  # and with it matplotlib, which only this needs
    page = docs / "benchmarks.md"
    text = page.read_text()
    if BEGIN not in text or END not in text:
        raise SystemExit(f"error: {page}: no '{BEGIN}' and '{END}', between which the tables go")
    before, rest = text.split(BEGIN)
    pictures = plots.write(results, docs / "benchmarks")
    page.write_text(before + BEGIN + "\n" + "\n".join(sections(results, pictures)) + END + rest.split(END)[1])
