# How lit runs the files under test/ that have RUN lines. Called by run-tests.py, or by hand:
#   /usr/lib/llvm-22/bin/lit -v test/passes
import os

import lit.formats

root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
build = os.path.abspath(lit_config.params.get("build", os.path.join(root, "build")))
llvm = "/usr/lib/llvm-22"

config.name = "nnfc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mlir", ".test"]
# Inputs: files that tests read. The others have no RUN lines but hold files with these suffixes.
config.excludes = ["Inputs", "models"]
config.test_source_root = os.path.join(root, "test")
config.test_exec_root = os.path.join(build, "test-lit")
config.environment["PATH"] = os.pathsep.join([os.path.join(build, "bin"), os.path.join(llvm, "bin"), os.environ["PATH"]])
# By hand, without run-tests.py, there is no cache rather than the user's own.
config.environment["NNFC_CACHE_DIR"] = os.environ.get("NNFC_CACHE_DIR", "")
for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]
config.substitutions.append(("%root", root))
config.substitutions.append(("%build", build))
config.substitutions.append(("%llvm", llvm))
config.substitutions.append(("%python", "/usr/bin/python3 -B"))

# NVIDIA's assembler, found by ./dev. Without it the tests that say `REQUIRES: ptxas` are counted as skipped.
if os.environ.get("NNF_PTXAS"):
    config.available_features.add("ptxas")
    config.substitutions.append(("%ptxas", os.environ["NNF_PTXAS"]))
