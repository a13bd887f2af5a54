#!/usr/bin/env python3
"""The accuracy of the expanded math, and that it calls no library.

For each function and element type a loop over vectors of 64 bytes and one over T are written as MLIR, expanded by
nnf-opt -nnf-expand-math, compiled for x86-64-v2 (no fused multiply-add, no F16C), x86-64-v3 and, where it runs,
x86-64-v4, and compared by math-ulp.
Code for x86-64-v2, v3, v4, aarch64 and nvptx64 (scalars only) must call no function, with vectors of other lengths too.
Prints a table, `FAIL case: why` lines and, last, `N passed, N failed`.
"""
import argparse
import platform
import subprocess
import sys
import tempfile
from pathlib import Path

LLVM = Path("/usr/lib/llvm-22/bin")
LANES = 16  # of f32, half as many of f64; math_ulp.cpp has it too
TIMEOUT_S = 600

UNARY = {name: f"math.{name}" for name in
         "exp exp2 expm1 log log2 log10 log1p sin cos tan atan tanh erf sqrt rsqrt round".split()}
# Quotients with a known divisor, and what is made one, as (lines before, op).
ONE_PLUS_EXP = """%one = arith.constant {one}
    %minus = arith.negf %x0 : {type}
    %exp = math.exp %minus : {type}
    %divisor = arith.addf %exp, %one : {type}
    """
QUOTIENTS = {"logistic": (ONE_PLUS_EXP, "arith.divf %one, %divisor"),
             "one_plus_tanh": ("%one = arith.constant {one}\n    %tanh = math.tanh %x0 : {type}\n    ",
                               "arith.addf %one, %tanh"),
             "sixth": ("%six = arith.constant {six}\n    ", "arith.divf %x0, %six")}
BINARY = {"pow": "math.powf", "rem": "arith.remf"}
# name: (from, to, op); u64 is i64 read as unsigned.
CONVERSIONS = {}
for half in ("f16", "bf16"):
    for wide in ("f32", "f64"):
        CONVERSIONS[f"{wide}_to_{half}"] = (wide, half, "arith.truncf")
        CONVERSIONS[f"{half}_to_{wide}"] = (half, wide, "arith.extf")
    for integer in ("i64", "i32", "i8"):
        CONVERSIONS[f"{integer}_to_{half}"] = (integer, half, "arith.sitofp")
    CONVERSIONS[f"u64_to_{half}"] = ("i64", half, "arith.uitofp")
    CONVERSIONS[f"{half}_to_i64"] = (half, "i64", "arith.fptosi")

# label: (target flags of clang, options of the pass)
V2 = ("x86-64-v2", ["--target=x86_64-linux-gnu", "-march=x86-64-v2"], "has-fma=false has-f16c=false")
V3 = ("x86-64-v3", ["--target=x86_64-linux-gnu", "-march=x86-64-v3"], "has-fma=true has-f16c=true")
V4 = ("x86-64-v4", ["--target=x86_64-linux-gnu", "-march=x86-64-v4"], "has-fma=true has-f16c=true has-avx512=true")
ARM = ("aarch64", ["--target=aarch64-linux-gnu"], "has-fma=true has-f16c=true")
PTX = ["--target=nvptx64-nvidia-cuda", "-march=sm_80"]


def loop(name, body, inputs, output, lanes):
    """void name(const inputs*..., output*, int64_t count): count is a multiple of the lanes; 0 lanes: scalars."""
    def shaped(element):
        return f"vector<{lanes}x{element}>" if lanes else element

    pointers = [f"%p{i}: !llvm.ptr" for i in range(len(inputs) + 1)]
    lines = [f"func.func @{name}({', '.join(pointers)}, %count: i64) {{",
             "  %zero = arith.constant 0 : i64", f"  %step = arith.constant {lanes or 1} : i64",
             "  scf.for %i = %zero to %count step %step : i64 {"]
    for i, element in enumerate([*inputs, output]):
        lines.append(f"    %a{i} = llvm.getelementptr %p{i}[%i] : (!llvm.ptr, i64) -> !llvm.ptr, {element}")
    for i, element in enumerate(inputs):
        lines.append(f"    %x{i} = llvm.load %a{i} {{alignment = 1 : i64}} : !llvm.ptr -> {shaped(element)}")
    *before, last = body(shaped).rsplit("\n", 1)
    lines += [*(f"    {line.strip()}" for line in before), f"    %y = {last.strip()}",
              f"    llvm.store %y, %a{len(inputs)} {{alignment = 1 : i64}} : {shaped(output)}, !llvm.ptr",
              "  }", "  return", "}"]
    return "\n".join(lines)


def module(lanes, suffix=""):
    """Every function and conversion for one number of lanes."""
    text = []

    def quotient(before, op):
        def body(shaped, element):
            kind = shaped(element)
            number = lambda value: f"dense<{value}> : {kind}" if "vector" in kind else f"{value} : {kind}"
            return before.format(type=kind, one=number("1.0"), six=number("6.0")) + f"{op} : {kind}"
        return body

    widest = lanes
    for element in ("f32", "f64"):
        lanes = widest // 2 if element == "f64" and widest == LANES else widest
        for name, parts in QUOTIENTS.items():
            text.append(loop(f"{name}_{element}{suffix}", lambda shaped: quotient(*parts)(shaped, element), [element],
                             element, lanes))
        for name, op in UNARY.items():
            text.append(loop(f"{name}_{element}{suffix}", lambda shaped: f"{op} %x0 : {shaped(element)}",
                             [element], element, lanes))
        for name, op in BINARY.items():
            text.append(loop(f"{name}_{element}{suffix}", lambda shaped: f"{op} %x0, %x1 : {shaped(element)}",
                             [element, element], element, lanes))
    lanes = widest
    for name, (source, target, op) in CONVERSIONS.items():
        text.append(loop(f"{name}{suffix}", lambda shaped: f"{op} %x0 : {shaped(source)} to {shaped(target)}",
                         [source], target, lanes))
    return "\n".join(text) + "\n"


def call(command, given=None):
    done = subprocess.run([str(c) for c in command], input=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=TIMEOUT_S)
    if done.returncode:
        sys.exit(f"{Path(command[0]).name}: exit status {done.returncode}: {done.stderr[:2000]}")
    return done.stdout


def llvm_ir(nnf_opt, text, options):
    lowered = call([nnf_opt, "-", f"--nnf-expand-math={options}", "--convert-scf-to-cf", "--convert-vector-to-llvm",
                    "--convert-math-to-llvm", "--convert-arith-to-llvm", "--convert-cf-to-llvm",
                    "--convert-func-to-llvm", "--reconcile-unrealized-casts"], text)
    return call([LLVM / "mlir-translate", "--mlir-to-llvmir"], lowered)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path(__file__).resolve().parents[2] / "build")
    parser.add_argument("--jobs", type=int, default=1, help="not used: this is one program")
    parser.add_argument("--all", action="store_true", help="more f32 arguments, and vectors of more lengths")
    options = parser.parse_args()
    nnf_opt, math_ulp = options.build / "bin" / "nnf-opt", options.build / "unit" / "math-ulp"
    passed = failed = 0

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        sources = {}  # by the pass's options and the lanes
        for pass_options in {V2[2], V3[2], V4[2]}:
            both = module(LANES) + module(0, "_scalar")
            sources[pass_options, LANES] = llvm_ir(nnf_opt, both, pass_options)
            for lanes in (1, 3, 4, 16, 32) if options.all else (3,):
                sources[pass_options, lanes] = llvm_ir(nnf_opt, module(lanes), pass_options)

        for label, flags, pass_options in (V2, V3, V4, ARM):
            for (source_options, lanes), text in sources.items():
                if source_options != pass_options:
                    continue
                (folder / "math.ll").write_text(text)
                target = folder / f"{label}-{lanes}.o"
                optimise = "-O2" if lanes == LANES else "-O1"
                call([LLVM / "clang", "-x", "ir", optimise, "-fPIC", "-Wno-override-module", *flags, "-c",
                      folder / "math.ll", "-o", target])
                undefined = call([LLVM / "llvm-nm", "--undefined-only", "--just-symbol-name", target]).split()
                # A reference to the table of addresses is no call.
                undefined = [symbol for symbol in undefined if symbol != "_GLOBAL_OFFSET_TABLE_"]
                if undefined:
                    failed += 1
                    print(f"FAIL symbols {label} lanes {lanes}: undefined: {' '.join(undefined)}")
                else:
                    passed += 1
                    print(f"symbols        {label}, lanes {lanes}: none undefined")

        (folder / "math.ll").write_text(llvm_ir(nnf_opt, module(0), V3[2]))
        ptx = call([LLVM / "clang", "-x", "ir", "-O1", "-Wno-override-module", *PTX, "-S", folder / "math.ll",
                    "-o", "-"])
        called = sorted({line.strip() for line in ptx.splitlines() if ".extern .func" in line})
        if called or ".visible .func exp_f32" not in ptx:
            failed += 1
            print(f"FAIL symbols nvptx64: calls {' '.join(called) or 'no functions, and defines none'}")
        else:
            passed += 1
            print("symbols        nvptx64, scalars: none called")
        sys.stdout.flush()

        runnable = [V2]
        if platform.machine() == "x86_64" and "avx2" in Path("/proc/cpuinfo").read_text():
            runnable.append(V3)
            if "avx512dq" in Path("/proc/cpuinfo").read_text():
                runnable.append(V4)
        libraries = []
        for label, flags, _ in runnable:
            library = folder / f"{label}.so"
            call([LLVM / "clang", *flags, "-nostdlib", "-shared", "-fuse-ld=lld", folder / f"{label}-{LANES}.o",
                  "-o", library])
            libraries.append(f"{label.removeprefix('x86-64-')}={library}")
        done = subprocess.run([math_ulp, "31" if options.all else "509", *libraries], stdout=subprocess.PIPE, text=True,
                              timeout=TIMEOUT_S)
    *table, last = done.stdout.splitlines() or [""]
    print("\n".join(table))
    words = last.split()
    if len(words) == 4 and words[1::2] == ["passed,", "failed"]:
        passed, failed = passed + int(words[0]), failed + int(words[2])
    else:
        failed += 1
        print(f"FAIL math-ulp: exit status {done.returncode}: {last}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
