"""Start-up: a fresh process for each engine, from before its import to the first output, several times, in turn."""
import statistics

from team import LOAD_LIMIT_S, one_answer


def measure(case, threads, made, build, repeats):
    """Engine -> median and best of the seconds, peak memory, and what it has on disk."""
    figures = {name: {"unable": answer["unable"]} for name, answer in made.items() if "unable" in answer}
    starts = {name: [] for name in made if name not in figures}
    # Round 0 is not counted: after it files are in the page cache, and what PyTorch compiles is on disk.
    for number in range(1 + repeats):
        for name in list(starts):
            answer = one_answer(name, build, "once", threads, case.folder, limit=LOAD_LIMIT_S, threads=threads)
            if why := {"unable", "wrong"} & answer.keys():
                figures[name] = {key: answer[key] for key in why}
                del starts[name]
            elif number:
                starts[name].append(answer)
    for name, answers in starts.items():
        seconds, last = [answer["seconds"] for answer in answers], answers[-1]
        figures[name] = {
            "median_ms": statistics.median(seconds) * 1e3, "best_ms": min(seconds) * 1e3, "runs": len(seconds),
            "peak_mb": statistics.median(answer["peak_mb"] for answer in answers),
            "before_mb": statistics.median(answer["before_mb"] for answer in answers),
            "model_mb": last["model_bytes"] / 1e6, "engine_mb": sum(last["libraries"].values()) / 1e6,
            "libraries": last["libraries"]}
    return {name: figures[name] for name in made}
