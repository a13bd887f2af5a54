"""The ways in which the rows of one library are compiled besides the plain one: formats, levels, sizes, CPUs."""
import collections
import ctypes
import subprocess
import zlib
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path

from cases import COMPILE_TIMEOUT_S, compiled, first_line, write_text
from rows import TensorValue, tensors_of

CLANG = "clang-22"
# What /proc/cpuinfo must name for a level of --cpu (beside those that every x86-64 machine of today has).
CPUS = {"x86-64-v2": {"sse4_2", "popcnt", "ssse3"}, "x86-64-v3": {"avx2", "fma", "bmi1", "bmi2", "movbe", "f16c"},
        "x86-64-v4": {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}}


@dataclass
class Variant:
    """Some cases compiled in one way. `libraries`: model -> path of the library; `refused`: model -> why there is none."""
    title: str
    property: str
    libraries: dict = field(default_factory=dict)
    refused: dict = field(default_factory=dict)
    titles: dict = field(default_factory=dict)  # model -> what is special about its code, where `title` is not enough
    is_linked: bool = False  # the models are symbols of the library, which has no table of them
    may_refuse: bool = False  # not every row can be compiled so
    exact: bool = False  # the same bits as the plain one
    is_missing: bool = False  # this machine cannot run it

    def source(self, model):
        """The words of nnf.Program for a model."""
        path = self.libraries[model]
        return dict(path=None, linked=ctypes.CDLL(str(path))) if self.is_linked else dict(path=path)

    def take(self, built, refused):
        for cases, library in built:
            self.libraries.update((case.model, library) for case in cases)
        self.refused.update((case.model, why) for case, why in refused)
        return self


def command(words):
    """None, or why the command failed."""
    try:
        done = subprocess.run([str(word) for word in words], capture_output=True, text=True, errors="replace",
                              timeout=COMPILE_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        return f"no end after {COMPILE_TIMEOUT_S} s"
    if done.returncode < 0:
        return f"{words[0]} was killed by signal {-done.returncode}"
    return first_line(done.stderr) if done.returncode else None


class Workshop:
    """Makes the variants of some cases with one nnfc, below a folder."""

    def __init__(self, nnfc, folder, cases):
        self.nnfc, self.folder, self.cases = nnfc, Path(folder), cases

    def _place(self, title):
        place = self.folder / title.replace(" ", "-")
        place.mkdir()
        return place

    def plain(self):
        return Variant("plain", "plain").take(*compiled(self.nnfc, self._place("plain"), self.cases, []))

    def flags(self, property_, *flags):
        title = " ".join(flags)
        return Variant(title, property_).take(*compiled(self.nnfc, self._place(title), self.cases, flags))

    def cpus(self):
        here = set(next(line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")).split())
        for cpu, needs in CPUS.items():
            yield self.flags("cpus", f"--cpu={cpu}") if needs <= here else Variant(cpu, "cpus", is_missing=True)

    def converted(self, extension):
        """From another format, which `nnfc convert` wrote."""
        def write(place, case):
            path = place / f"{case.model}.{extension}"
            if not path.exists():
                if why := command([self.nnfc, "convert", write_text(place, case), "-o", path]):
                    path.write_text(why)  # which compiles even less
            return path

        variant = Variant(f"from .{extension}", "forms", exact=True)
        return variant.take(*compiled(self.nnfc, self._place(extension), self.cases, [], write))

    def linked(self, extension):
        """Through a .a of all cases, or a .o each, and the linker."""
        place, variant = self._place(extension), Variant(f"linked from .{extension}", "forms", exact=True, is_linked=True)
        files = {case.model: write_text(place, case) for case in self.cases}
        outs = {place / f"{model}.o": [file] for model, file in files.items()} if extension == "o" else \
            {place / "all.a": list(files.values())}
        for out, models in outs.items():
            if why := command([self.nnfc, "compile", *models, "-o", out]):
                variant.refused.update((model, why) for model, file in files.items() if file in models)
        library = place / "linked.so"
        made = [out for out in outs if out.exists()]
        why = command([CLANG, "-shared", "-Wl,-z,defs", "-o", library, "-Wl,--whole-archive", *made,
                       "-Wl,--no-whole-archive", "-lm"])
        for model in files.keys() - variant.refused.keys():
            if why:
                variant.refused[model] = why
            else:
                variant.libraries[model] = library
        return variant

    def other_sizes(self, all_dims):
        """Fixed sizes for rows with named ones; else one size named (with `all_dims` each in turn, a variant each)."""
        numbered = collections.defaultdict(list)
        for case in self.cases:
            for number, choices in enumerate(resized(case.row, all_dims)):
                numbered[number].append((case, choices))
        for number, entries in numbered.items():
            yield self._first_that_compiles(f"sizes {number}", entries)

    def _first_that_compiles(self, title, entries):
        """Of each [(case, [(title, row), ...])] the first row that compiles."""
        variant = Variant(title, "sizes", may_refuse=True)
        for turn in range(max(len(choices) for _, choices in entries)):
            tried = []
            for case, choices in entries:
                if turn < len(choices) and case.model not in variant.libraries:
                    other = copy(case)
                    variant.titles[case.model], other.row = choices[turn]
                    tried.append(other)
            if tried:
                variant.take(*compiled(self.nnfc, self._place(f"{title} {turn}"), tried, []))
        return variant


def with_dims(row, dim):
    """The row with other dims: `dim(name, i, dim)` says each."""
    def changed(name, value):
        return replace(value, dims=[dim(name, i, d) for i, d in enumerate(value.dims)])

    arguments = {}
    for name, value in row.arguments.items():
        if isinstance(value, TensorValue):
            value = changed(name, value)
        elif isinstance(value, list) and value and isinstance(value[0], TensorValue):
            value = [changed(f"{name}{i}", v) for i, v in enumerate(value)]
        arguments[name] = value
    return replace(row, arguments=arguments)


def resized(row, all_dims):
    """A list of choices, each [(title, row), ...] of which the first that compiles is taken."""
    inputs = {n: v for n, v in tensors_of(row).items() if not v.is_constant}
    if any(isinstance(d, tuple) for v in inputs.values() for d in v.dims):
        return [[("fixed sizes", with_dims(row, lambda _, __, d: d[1] if isinstance(d, tuple) else d))]]
    found = []
    for name, value in inputs.items():
        for i, size in enumerate(value.dims):
            equal = with_dims(row, lambda n, _, d: ("N", d) if n in inputs and d == size else d)
            alone = with_dims(row, lambda n, j, d: ("N", d) if (n, j) == (name, i) else d)
            found.append([(f"size {size} named", equal), (f"dimension {i} of {name} named", alone)])
    if all_dims or not found:
        return found
    return [found[zlib.crc32(row.text.encode()) // 7 % len(found)]]
