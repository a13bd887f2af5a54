"""Cases of run.py: compiled kernels that are kept (docs/design/0006). What is compiled is the same with and without."""
import contextlib
import os
import subprocess

KINDS = ("so", "o", "a")


@contextlib.contextmanager
def environment(**variables):
    before = dict(os.environ)
    os.environ.update(variables)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def compiled(work, expect, cache, kind="so", *flags):
    """The bytes of the example, compiled with this folder of kernels. The output's name is part of a shared library."""
    with environment(NNFC_CACHE_DIR=str(cache)):
        work.nnfc("compile", "tiny.nnf.txt", *flags, "-o", f"net.{kind}")
    expect(not list(cache.glob("llvmcache-*.*")) if cache and cache.is_dir() else True, "a temporary file is left")
    return (work / f"net.{kind}").read_bytes()


def entries(cache):
    return sorted(path for path in cache.iterdir() if path.name.startswith("llvmcache-"))


def written(cache):
    """Which files these are: a kernel that is compiled again is a new file."""
    return {path.name: path.stat().st_ino for path in entries(cache)}


def second_compile_takes_kernels_from_the_cache(work, expect):
    cache = work / "deep" / "kernels"
    for kind in KINDS:
        plain = compiled(work, expect, "", kind)
        cold = compiled(work, expect, cache, kind)
        files = written(cache)
        warm = compiled(work, expect, cache, kind)
        expect(files and written(cache) == files, f".{kind}: kernels were compiled again: {files} became {written(cache)}")
        expect(plain == cold == warm == compiled(work, expect, cache, kind, "--no-cache"), f".{kind}: the bytes differ")
    expect((cache.stat().st_mode & 0o777) == 0o700, "others may look into the folder")
    compiled(work, expect, cache, "so", "-O1")
    expect(len(entries(cache)) > len(files), "-O1 took kernels of -O2")
    fresh = work / "fresh"
    fresh.mkdir(mode=0o700)
    compiled(work, expect, fresh, "so", "--no-cache")
    expect(not list(fresh.iterdir()), "--no-cache left something")


def damaged_entries_are_made_anew(work, expect):
    cache = work / "kernels"
    want = compiled(work, expect, cache)

    def flipped(content, at):
        return content[:at] + bytes([content[at] ^ 4]) + content[at + 1:]

    damages = {"emptied": lambda c: b"", "cut short": lambda c: c[:len(c) // 2], "longer": lambda c: c + b"x",
               "of zeros": lambda c: bytes(len(c)), "flipped at the end": lambda c: flipped(c, len(c) - 1),
               "flipped in the middle": lambda c: flipped(c, len(c) // 2), "flipped at the begin": lambda c: flipped(c, 3)}
    for name, damage in damages.items():
        before = {path: path.read_bytes() for path in entries(cache)}
        for path, content in before.items():
            path.write_bytes(damage(content))
        expect(compiled(work, expect, cache) == want, f"{name}: other bytes")
        expect({path: path.read_bytes() for path in entries(cache)} == before, f"{name}: not repaired")
    # One in another's place, and what is no file at all.
    first, *others = entries(cache)
    for path in others:
        path.write_bytes(first.read_bytes())
    first.unlink()
    os.mkfifo(first)
    expect(compiled(work, expect, cache) == want, "exchanged: other bytes")
    expect(first.is_file(), "a pipe is still in the place of a kernel")


def several_compilers_share_a_cache(work, expect):
    cache = work / "kernels"
    want = compiled(work, expect, "")
    for i in range(3):  # onto nothing, onto damage, onto what is there
        running = []
        for n in range(6):
            folder = work / f"at-{i}-{n}"
            folder.mkdir()
            running.append((folder, subprocess.Popen(
                [str(work.build / "bin" / "nnfc"), "compile", str(work / "tiny.nnf.txt"), "-o", "net.so"], cwd=folder,
                env=dict(os.environ, NNFC_CACHE_DIR=str(cache)), stderr=subprocess.PIPE)))
        for folder, process in running:
            errors = process.communicate()[1]
            expect(process.returncode == 0, f"one of six failed: {errors[:300]}")
            expect((folder / "net.so").read_bytes() == want, "one of six made other bytes")
        if i == 0:
            for path in entries(cache):
                path.write_bytes(path.read_bytes()[:-9])
    expect(compiled(work, expect, cache) == want, "other bytes after all")


def folder_that_cannot_be_used_is_no_cache(work, expect):
    want = compiled(work, expect, "")
    work.write("file", "no folder")
    expect(compiled(work, expect, work / "file" / "kernels") == want, "below a file: other bytes")
    expect(compiled(work, expect, work / "file") == want, "a file: other bytes")
    for mode in (0o777, 0o770, 0o702):  # whoever can write it could have put anything there
        shared = work / f"shared-{mode:o}"
        shared.mkdir()
        shared.chmod(mode)
        expect(compiled(work, expect, shared) == want, f"mode {mode:o}: other bytes")
        expect(not list(shared.iterdir()), f"mode {mode:o}: used")


def cache_has_a_size(work, expect):
    other, cache = work / "other", work / "kernels"
    compiled(work, expect, other, "so", "-O1")
    size = sum(path.stat().st_size for path in entries(other))
    compiled(work, expect, cache)
    for path in entries(cache):
        os.utime(path, (1, 1))  # not used for long
    (cache / "llvmcache.timestamp").unlink(missing_ok=True)  # it looks once a minute
    with environment(NNFC_CACHE_SIZE=str(size)):
        compiled(work, expect, cache, "so", "-O1")
    expect(set(written(cache)) == set(written(other)), "what -O1 needs fits, and is to be all that is left")
    with environment(NNFC_CACHE_DIR=str(cache), NNFC_CACHE_SIZE="much"):
        work.refused("NNFC_CACHE_SIZE", "nnfc", "compile", "tiny.nnf.txt", "-o", "net.so", status=2)


CASES = [second_compile_takes_kernels_from_the_cache, damaged_entries_are_made_anew, several_compilers_share_a_cache,
         folder_that_cannot_be_used_is_no_cache, cache_has_a_size]
