"""The figures of ./dev bench, kept in a file from run to run: a row is a case with a number of threads."""
import datetime
import json
import os
import platform
import subprocess

import report


def machine():
    """In words, from the system: processor, cores, caches, kernel."""
    text = subprocess.run(["lscpu", "--json"], stdout=subprocess.PIPE, text=True, env={**os.environ, "LC_ALL": "C"}).stdout
    fields = {}

    def collect(entries):
        for entry in entries:
            fields[entry["field"].rstrip(":")] = entry["data"]
            collect(entry.get("children", []))
    collect(json.loads(text)["lscpu"])
    widest = next((name for name in ("avx512f", "avx2", "asimd") if name in fields.get("Flags", "").split()), "no wide vectors")
    caches = ", ".join(f"{level} {fields[f'{level} cache']}" for level in ("L1d", "L2", "L3") if f"{level} cache" in fields)
    virtual = f", virtual ({fields['Hypervisor vendor']})" if "Hypervisor vendor" in fields else ""
    return f"{fields.get('Model name', 'unknown')}, {fields['CPU(s)']} cores, {widest}, {caches}{virtual}, Linux {platform.release()}"


class Results:
    """Rows that were measured on this machine; another machine's are dropped."""

    def __init__(self, path):
        self.path, self.measured, self.versions = path, [], {}
        self.data = {"machine": machine(), "peaks": {}, "bandwidths": {}, "rows": {}}
        if path.exists() and (kept := json.loads(path.read_text()))["machine"] == self.data["machine"]:
            self.data = kept

    @property
    def peaks(self):
        return self.data["peaks"]

    @property
    def bandwidths(self):
        return self.data["bandwidths"]

    def roof(self, threads, gflops, bandwidth):
        """The best of all runs: other processes only ever slow one. Threads are text in JSON's keys."""
        for rates, rate in ((self.peaks, gflops), (self.bandwidths, bandwidth)):
            rates[str(threads)] = max(rate, rates.get(str(threads), 0))

    def add(self, level, case, threads, figures):
        """A row, printed and saved at once: a run that is stopped loses nothing."""
        key = f"{level} {case.key} {threads}"
        row = {"level": level, "threads": threads, "when": f"{datetime.datetime.now():%Y-%m-%d %H:%M}",
               "load": round(os.getloadavg()[0], 2), **{part: case.about[part] for part in (
                   "name", "group", "label", "batch", "flops", "bytes")}}
        for name in figures:
            figures[name]["version"] = self.versions[name]
        # Engines that this run left out keep the figures they had.
        row["engines"] = {**self.data["rows"].get(key, {}).get("engines", {}), **figures}
        self.data["rows"][key] = row
        self.measured.append((row, list(figures)))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(json.dumps(self.data, indent=1) + "\n")
        report.print_row(row, list(figures), self.peaks)

    def rows(self, level=None):
        return [row for row in self.data["rows"].values() if level in (None, row["level"])]

    def engines(self):
        """Engine -> the versions that the figures are of."""
        found = {}
        for row in self.rows():
            for name, figures in row["engines"].items():
                found.setdefault(name, {})[figures["version"]] = None
        return {name: list(versions) for name, versions in found.items()}

    def failed(self):
        """Whether in this run nnfc could not do a case, or any engine gave other numbers."""
        return any("wrong" in row["engines"][name] or (name == "nnfc" and "unable" in row["engines"][name])
                   for row, names in self.measured for name in names)
