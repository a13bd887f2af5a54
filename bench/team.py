"""Engines in processes of their own, and the turns they take: one computes, the others sleep."""
import json
import os
import select
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

import engines

HERE = Path(__file__).resolve().parent
COMPILE_LIMIT_S, LOAD_LIMIT_S, RUN_LIMIT_S, PARTING_S = 900, 900, 300, 5
# A turn is some calls of one engine. Before it the last one's threads have time to park: OpenMP's spin for some 7 ms.
TURN_S, PAUSE_S = 0.1, 0.02
WARMUP_S, MIN_ROUNDS, MAX_ROUNDS, MAX_COUNT = 0.2, 5, 200, 2000
# The first call of a turn finds its data out of the caches. Where a call takes longer than this, that does not show.
SETTLED_S = 0.05
# A sleeping engine may wake now and then; one that takes this share of another's turn is noted.
MAX_IDLE_SHARE = 0.02


def command(engine, build, what, *arguments):
    return [sys.executable, "-B", str(HERE / "worker.py"), what, engine, str(build), *map(str, arguments)]


def log_file(build, engine):
    folder = Path(build) / "bench" / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    return open(folder / f"{engine}.log", "a")


def died(status):
    return {"unable": f"its process ended by signal {-status}" if status < 0 else f"its process ended with status {status}"}


def end(process):
    """With all it has started: compilers start others. So each process is a session of its own."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # all have ended by themselves
    process.wait()


# NumPy's OpenBLAS starts threads when it is imported, which spin for some 30 ms: on two cores, half of any start-up.
ALONE = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}


def one_answer(engine, build, what, *arguments, limit=COMPILE_LIMIT_S, threads=None):
    """What a worker that answers once says."""
    environment = engines.module(engine).environment(threads) if threads else {}
    with log_file(build, engine) as log:
        process = subprocess.Popen(command(engine, build, what, *arguments), stdout=subprocess.PIPE, stderr=log, text=True,
                                   env={**ALONE, **environment}, start_new_session=True,
                                   preexec_fn=pinned(threads) if threads else None)
    try:
        answer, _ = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        return {"unable": f"{what} took more than {limit} s"}
    finally:
        end(process)
    return json.loads(answer) if process.returncode == 0 else died(process.returncode)


def pinned(threads):
    return lambda: os.sched_setaffinity(0, set(range(threads)))


class Worker:
    """One engine's process. After one that crashed or hung comes a fresh one."""

    def __init__(self, engine, build, threads):
        self.engine, self.build, self.threads, self.process = engine, build, threads, None

    def start(self):
        with log_file(self.build, self.engine) as log:
            self.process = subprocess.Popen(
                command(self.engine, self.build, "serve", self.threads), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=log, env={**ALONE, **engines.module(self.engine).environment(self.threads)},
                start_new_session=True, preexec_fn=pinned(self.threads))
        return self.answer(LOAD_LIMIT_S)

    def ask(self, limit, **request):
        if self.process is None and "unable" in (failed := self.start()):
            return failed
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            return self.stop()
        return self.answer(limit)

    def answer(self, limit):
        text, end = b"", time.monotonic() + limit
        while not text.endswith(b"\n"):
            if not select.select([self.process.stdout], [], [], max(end - time.monotonic(), 0))[0]:
                self.stop()
                return {"unable": f"no answer in {limit} s"}
            part = os.read(self.process.stdout.fileno(), 1 << 20)
            if not part:
                return self.stop()
            text += part
        return json.loads(text)

    def stop(self):
        process, self.process = self.process, None
        if process is None:
            return {}
        process.stdin.close()
        try:
            process.wait(PARTING_S)
        except subprocess.TimeoutExpired:
            pass
        end(process)
        process.stdout.close()
        return died(process.returncode)

    def cpu_seconds(self):
        """All processor time of its process so far, by the kernel's clock for it."""
        return time.clock_gettime((~self.process.pid << 3) | 2) if self.process else 0.0


class Player:
    """An engine during one case: its figures, and the times of its calls, (wall, processor) in seconds each."""

    def __init__(self, worker, case):
        self.worker, self.calls, self.guess = worker, [], None
        self.figures = worker.ask(LOAD_LIMIT_S, do="load", case=str(case))

    def able(self):
        return not {"unable", "wrong"} & self.figures.keys()

    def turn(self, count=1, settle=False):
        ran = self.worker.ask(RUN_LIMIT_S, do="run", count=count, settle=settle)
        if "unable" in ran:
            self.figures["unable"] = ran["unable"]
        else:
            self.calls += zip(ran["wall"], ran["cpu"])

    def warm(self):
        end = time.monotonic() + WARMUP_S
        while self.able() and (not self.calls or time.monotonic() < end):
            self.turn()
        if self.able():
            self.guess = min(wall for wall, _ in self.calls)
            self.calls.clear()

    def timed_turn(self):
        self.turn(min(max(int(TURN_S / self.guess), 1), MAX_COUNT), settle=self.guess < SETTLED_S)

    def seconds(self):
        return sum(wall for wall, _ in self.calls)

    def finish(self):
        if self.worker.process:
            self.worker.ask(RUN_LIMIT_S, do="unload")
        if self.able():
            wall, cpu = zip(*self.calls)
            self.figures |= {"median_ms": statistics.median(wall) * 1e3, "best_ms": min(wall) * 1e3,
                             "cpu_ms": statistics.median(cpu) * 1e3, "best_cpu_ms": min(cpu) * 1e3, "runs": len(wall)}
        return self.figures


class Team:
    """The engines, with a number of threads each."""

    def __init__(self, names, build, threads):
        self.workers = {name: Worker(name, build, threads) for name in names}

    def measure(self, case, names, seconds):
        """Engine -> figures of one case; "unable" or "wrong" says why it has no times. `seconds`: of calls, each."""
        players = {name: Player(self.workers[name], case) for name in names}
        for player in players.values():
            if player.able():
                player.warm()
        for number in range(MAX_ROUNDS):
            order = [player for player in players.values() if player.able()]
            if not order or (number >= MIN_ROUNDS and min(player.seconds() for player in order) >= seconds):
                break
            start = number % len(order)  # nobody always comes after the same one
            for player in order[start:] + order[:start]:
                time.sleep(PAUSE_S)
                self.watched_turn(player, [other for other in order if other is not player])
        return {name: player.finish() for name, player in players.items()}

    @staticmethod
    def watched_turn(player, others):
        """A turn, and a note where another engine did not sleep meanwhile."""
        before, start = [other.worker.cpu_seconds() for other in others], time.monotonic()
        player.timed_turn()
        took = time.monotonic() - start
        for other, cpu in zip(others, before):
            share = (other.worker.cpu_seconds() - cpu) / took
            if share > MAX_IDLE_SHARE:
                other.figures["awake"] = max(share, other.figures.get("awake", 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for worker in self.workers.values():
            worker.stop()
