"""ONNX models compiled together, once for each of several ways, and each checked in each library."""
import subprocess
import tempfile
from pathlib import Path

import onnx

import nnf

TIMEOUT_S = 300
# --cpu, and what /proc/cpuinfo must name for it beside what every x86-64 machine of today has: vectors of 4, 8 and 16.
CPUS = {"native": "", "x86-64-v2": "sse4_2", "x86-64-v3": "fma", "x86-64-v4": "avx512bw"}


def cpus():
    """Those of CPUS that this machine can stand for."""
    here = Path("/proc/cpuinfo").read_text().split()
    return [cpu for cpu, needed in CPUS.items() if not needed or needed in here]


def check(build, models, flags, why_wrong):
    """Counts of what passed and failed: models by name, flags of `nnfc compile` by label. why_wrong(name, library, label)
    says what is wrong, or None. Prints `FAIL name (label): why`."""
    passed = failed = 0
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for name, model in models.items():
            files.append(Path(folder) / f"{name}.onnx")
            onnx.save(model, files[-1])
        for label, flag in flags.items():
            library = Path(folder) / f"{label}.so"
            done = subprocess.run([build / "bin" / "nnfc", "compile", *files, "-o", library, flag],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT_S)
            for name in models:
                try:
                    why = why_wrong(name, library, label) if done.returncode == 0 else done.stdout.strip()
                except nnf.Error as error:
                    why = f"run: {error}"
                if why:
                    failed += 1
                    print(f"FAIL {name} ({label}): {why}", flush=True)
                else:
                    passed += 1
    return passed, failed
