"""A case of run.py: what a long compilation says on a terminal."""
import os
import pty
import re
import subprocess

from craft import Ref, input_of, node, outputs


def on_a_terminal(command, folder, environment):
    """What it writes to standard error, which is a terminal."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=theirs)
    os.close(theirs)
    said = b""
    while True:
        try:
            piece = os.read(ours, 65536)
        except OSError:  # the other end is closed
            piece = b""
        if not piece:
            break
        said += piece
    os.close(ours)
    return child.wait(), said.decode(errors="replace")


KERNELS = 120
ONE_CORE = ["taskset", "-c", str(min(os.sched_getaffinity(0)))]


def long_compilations_say_what_is_left(work, expect):
    """One softmax of each size: kernels that differ, each some hundredths of a second, by one core: what is over within a
    second says nothing."""
    text = "".join(input_of(f"x{i}", (5, 40 + i)) + node("softmax", f"y{i}", input=Ref(f"x{i}"), dim=1)
                   for i in range(KERNELS))
    work.write("net.nnf.txt", text + outputs(" ".join(f"y{i}" for i in range(KERNELS))))
    nnfc = str(work.build / "bin" / "nnfc")
    for directory, is_new in ((str(work / "cache"), True), (str(work / "cache"), False)):
        status, said = on_a_terminal([*ONE_CORE, nnfc, "compile", "net.nnf.txt", "-o", "net.so"], work.folder,
                                     dict(os.environ, NNFC_CACHE_DIR=directory))
        expect(status == 0, f"exit status {status}: {said[-200:]}")
        steps = [(int(i), int(n)) for i, n in re.findall(r"kernels, (\d+) of (\d+), about \d+ (?:s|min) left", said)]
        if is_new:
            expect(len(steps) > 5 and steps == sorted(steps) and steps[-1][0] == steps[-1][1] == KERNELS,
                   f"it says of what is left: {steps}")
            expect(said.endswith("\r\x1b[K"), "the line is left on the terminal")
        else:
            expect(not steps, f"kernels of the cache take time: {steps[:3]}")


CASES = [long_compilations_say_what_is_left]
