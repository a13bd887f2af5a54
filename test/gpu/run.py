#!/usr/bin/env python3
"""PTX on a real GPU: every model of test/cuda and the digits network, compared with the CPU. `./dev gpu-check`.

Only run when asked for: it needs an NVIDIA GPU and its driver, no toolkit.
"""
import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cuda"))


def libraries(nnfc, model, folder):
    """The model for the emulator, the CPU and the GPU; or why there is none."""
    made = [folder / "emulated.so", folder / "cpu.so", folder / "model.ptx"]
    for out, flags in zip(made, (["--target=cuda-emu"], ["--target=cpu"], ["--target=cuda"])):
        done = subprocess.run([nnfc, "compile", model, "-o", out, *flags], capture_output=True, text=True, errors="replace")
        if done.returncode:
            return None, done.stderr.strip() or f"nnfc ends with {done.returncode}"
    return made, None


def check(build, model, folder, environment=None):
    """None, or why the GPU's answer is not the CPU's."""
    made, why = libraries(build / "bin" / "nnfc", model, folder)
    if why:
        return why
    done = subprocess.run([build / "unit" / "nnf-gpu-check", *made], capture_output=True, text=True, errors="replace",
                          env=environment(made) if environment else None)
    return None if done.returncode == 0 else done.stderr.strip() or f"exit status {done.returncode}"


def main():
    from models import models

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--all", action="store_true")
    options = parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = []
        for model in models():
            files.append(folder / f"{model.name}.nnf.txt")
            files[-1].write_text(model.text())
        for file in files + [HERE.parent.parent / "examples" / "digits" / "digits.onnx"]:
            why = check(options.build, file, folder)
            passed, failed = passed + (why is None), failed + (why is not None)
            if why:
                print(f"FAIL {file.name}: {why}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
