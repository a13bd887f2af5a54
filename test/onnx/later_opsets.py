#!/usr/bin/env python3
"""Writes the operator cases of ONNX's operator sets 18 to 21, which are later than Debian's libonnx-testdata, into a
folder laid out like that package. Needs what requirements.txt names, so `./dev test` runs it in .venv.

    test/onnx/later_opsets.py FOLDER
"""
import shutil
import sys
import warnings
from pathlib import Path

import onnx
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

# 1.16 ends with set 21. Versions after it have fewer cases of these: each is made in the newest form of its operator.
OPSETS = range(18, 22)


def opset(model):
    return next((entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")), 0)


def message(value, info):
    """A value of a case as the suite stores it."""
    if isinstance(value, onnx.TensorProto):
        return value
    kind = info.type.WhichOneof("value")
    make = {"sequence_type": numpy_helper.from_list, "optional_type": numpy_helper.from_optional}
    return make.get(kind, numpy_helper.from_array)(value, info.name)


def write(case, folder):
    folder.mkdir(parents=True)
    onnx.save(case.model, folder / "model.onnx")
    graph = case.model.graph
    for i, values in enumerate(case.data_sets):
        data = folder / f"test_data_set_{i}"
        data.mkdir()
        for kind, infos, some in ("input", graph.input, values[0]), ("output", graph.output, values[1]):
            for j, (info, value) in enumerate(zip(infos, some)):
                (data / f"{kind}_{j}.pb").write_bytes(message(value, info).SerializeToString())


def main():
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    warnings.simplefilter("ignore")  # divisions by zero, which some cases are about
    cases = [case for case in collect_testcases(None) if opset(case.model) in OPSETS]
    for case in cases:
        path = folder / case.name
        # Some names are given twice.
        write(case, path.with_name(f"{case.name}_2") if path.exists() else path)
    print(f"{len(cases)} cases of operator sets {OPSETS[0]} to {OPSETS[-1]} in {folder}")


if __name__ == "__main__":
    main()
