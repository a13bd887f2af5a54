"""Work in processes of its own, so that a crash or a hang costs one item. Not a product."""
import os
import select
import signal

TIMEOUT_S = 20


def each_apart(items, work, timeout=TIMEOUT_S):
    """Yields (item, text) for each item in order: the line that `work(item)` returned ("" is fine), or how its process died.

    One child does many items; after one that kills it, another goes on. `work` may raise: the text is the exception then.
    """
    waiting = list(items)
    while waiting:
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            _work_off(waiting, work, writer)
        os.close(writer)
        text, dead = b"", None
        while dead is None and text.count(b"\n") < len(waiting):
            ready = select.select([reader], [], [], timeout)[0]
            piece = os.read(reader, 65536) if ready else b""
            text += piece
            if not ready:
                os.kill(child, signal.SIGKILL)
                dead = f"no end after {timeout} s"
            elif not piece:
                dead = "killed by"
        os.close(reader)
        status = os.waitpid(child, 0)[1]
        lines = text.decode(errors="replace").split("\n")[:-1]
        yield from zip(waiting, lines)
        waiting = waiting[len(lines):]
        if waiting:
            yield waiting.pop(0), dead if dead != "killed by" else f"killed by signal {os.WTERMSIG(status)}"


def _work_off(items, work, writer):
    """The child: a line an item, then the end of the process."""
    try:
        for item in items:
            try:
                line = work(item)
            except Exception as error:
                line = f"{type(error).__name__}: {error}"
            line = line.replace("\n", " ").encode() + b"\n"
            while line:
                line = line[os.write(writer, line):]
    finally:
        os._exit(0)
