"""nnfc's own kernels by way of CUDA C++: what NVRTC gets.

The emulator cannot run what NVRTC makes, so the text is compiled by clang for it: models of all families of kernels are
compared with numpy, also with tf32 and for sm_90a. NVRTC's PTX of the same text has the instructions that the templates
are written for, and goes through ptxas. Libraries with its images run through the driver that plays a GPU. One in three
models takes part, of NVRTC's PTX one in nine; with --all each does.
"""
import os
import re
import subprocess
import zlib
from functools import partial

import hopper
import hopper_attention
import tf32

TEXT = ("--cuda-compiler=clang-text",)
NVRTC = ("--cuda-compiler=nvrtc",)

# Always among those whose PTX goes through ptxas, since their registers are full; so are blocks of two groups on sm_90a.
CROWDED = ("attention_f16_wide_70x90x256x256", "attention_bf16_wide_bias", "attention_f16_40x33x128x96",
           "attention_f32_64x96x128x128")

# Plays an NVRTC that ends its process.
BROKEN = r"""
#include <signal.h>
int nvrtcCreateProgram(void **p, const char *s, const char *n, int h, const char *const *a, const char *const *b) { return 0; }
int nvrtcDestroyProgram(void **p) { return 0; }
int nvrtcCompileProgram(void *p, int n, const char *const *o) { return raise(SIGKILL); }
int nvrtcGetProgramLogSize(void *p, void *n) { return 1; }
int nvrtcGetProgramLog(void *p, char *l) { return 1; }
int nvrtcGetPTXSize(void *p, void *n) { return 1; }
int nvrtcGetPTX(void *p, char *l) { return 1; }
const char *nvrtcGetErrorString(int r) { return "broken"; }
"""


def spills(model):
    """Of an odd number of keys, and a mask of each query, ptxas keeps a few words of NVRTC's code for two groups on the
    stack: docs/design/0015-nvrtc.md, "Left"."""
    return "m" in model.inputs and model.inputs["m"].shape[-2] > 1 and model.inputs["m"].shape[-1] % 2 == 1


class Suite:
    def __init__(self, options, folder, ptxas, results, tools):
        self.nnfc, self.folder, self.ptxas = options.build / "bin" / "nnfc", folder, ptxas
        self.jobs, self.all, self.results, self.tools = options.jobs, options.all or options.only, results, tools

    def sample(self, models, one_in):
        return [model for model in models if self.all or zlib.crc32(model.name.encode()) % one_in == 0]

    def crowded(self, models):
        """Of both lists: as they are, with two groups, and as tf32."""
        wanted = [model for model in models if model.name in CROWDED]
        two_groups = [model for model in hopper_attention.crowded() if not spills(model)]
        wide = tf32.tf32_models(wanted)
        for model in (*wanted, *two_groups, *wide):
            self.file(model).write_text(model.text())
        return [*wanted, *two_groups], wide

    def file(self, model):
        return self.folder / f"{model.name}.nnf.txt"

    def compile(self, what, *arguments):
        code, _, err = self.tools.run(self.nnfc, "compile", *arguments)
        self.results.case(what, err.strip() or f"exit status {code}" if code else None)
        return code == 0

    def numbers(self, models, products, wide):
        """The text on the emulator, in the threads' own order: others are the business of clang's road."""
        for found, more in ((models, ()), (wide, ("--allow-tf32",)), (products, ("--cuda-arch=sm_90a",))):
            if found:
                self.tools.numbers(self.nnfc, self.folder, found, self.tools.SEEDS[:1], self.results, ("cuda-emu",),
                                   (*TEXT, *more))

    def ptx(self, models, products, wide, crowded, wide_crowded):
        """What NVRTC makes of it, on both architectures."""
        def sources(found, look):
            return {f"{model.name} by NVRTC": (self.file(model), partial(look, model=model)) for model in found}

        def of_family(text, model):
            # Through which cache memory is read is NVRTC's choice, and whether loads of one element become one.
            text = text.replace("ld.global.v4", "ld.global.nc.v4").replace("ld.shared.f", "ld.shared.v4.f")
            if model.name == "conv_cube":  # whose loads are counted: NVRTC unrolls the loop that adds the bias
                text = text.replace("ld.global", "ld")
            return self.tools.look_at(text, model)

        def of_hopper(text, model):
            return hopper.look_at(text, model) if "sm_90a" in text else None
        everything = sources([*self.sample(models, 9), *crowded], of_family) | sources(self.sample(products, 9), of_hopper)
        self.tools.ptx(self.nnfc, self.ptxas, self.folder, everything, self.jobs, self.results, NVRTC)
        wide = [*self.sample(wide, 9), *wide_crowded]
        self.tools.ptx(self.nnfc, self.ptxas, self.folder, sources(wide, tf32.look_at), self.jobs, self.results,
                       (*NVRTC, "--allow-tf32"))

    def without(self, library, what, pattern, model):
        os.environ["NNFC_NVRTC"] = str(library)
        out = self.folder / "none.so"
        code, _, err = self.tools.run(self.nnfc, "compile", self.file(model), "--target=cuda", *NVRTC, "-o", out)
        del os.environ["NNFC_NVRTC"]
        ok = code == 1 and re.match(pattern, err) and not out.exists()
        self.results.case(what, None if ok else f"exit status {code}: {err}")

    def broken(self, model):
        """A compiler that ends takes nothing with it: it runs in a process of its own."""
        source, library = self.folder / "broken.c", self.folder / "libbroken.so"
        source.write_text(BROKEN)
        subprocess.run(["cc", "-shared", "-fPIC", "-w", source, "-o", library], check=True)
        self.without(library, "NVRTC that ends its process", r"error: NVRTC \(.*libbroken\.so\): .*\[NNFC-E0403\]", model)

    def libraries(self, models, fake):
        """Images of two compilers in one library."""
        library, emulated = self.folder / "by-nvrtc.so", self.folder / "by-nvrtc-emulated.so"
        files = [self.file(model) for model in models]
        if not (self.compile("libraries by NVRTC", *files, "--target=cuda", "--cuda-arch=sm_80,sm_90a", *NVRTC, "-o", library) and
                self.compile("the same for the emulator", *files, "--target=cuda-emu", "-o", emulated)):
            return
        for model in models:
            fake.reset()
            fake.set(library=emulated, model=model.name, capability="8.0")
            self.results.case(f"{model.name} by NVRTC through a driver", self.tools.run_model(model, library, runs=2))
        fake.set(library=None, model=None, capability=None)
        _, text, _ = self.tools.run(self.nnfc, "inspect", library, "--model", models[0].name)
        images = re.findall(r"sm_(?:80|90a): PTX \d\.\d by NVRTC, [^,]*, (\d) kernels", text)
        ok = "cuda sm_80,sm_90a by nvrtc" in text and images == ["1", "1"]
        self.results.case("inspect of NVRTC", None if ok else text)
        if not self.ptxas:
            self.results.skipped += 2
            return
        os.environ["NNFC_PTXAS"] = self.ptxas
        self.compile("machine code by NVRTC", files[0], "--target=cuda", *NVRTC, "-o", self.folder / "by-nvrtc.cubin")
        self.compile("machine code by NVRTC in a library", files[0], "--target=cuda", "--cuda-cubin", *NVRTC, "-o",
                     self.folder / "by-nvrtc-cubin.so")

    def everything(self, all_models, fake):
        models = self.sample(all_models, 6)
        products, wide = hopper.products(), tf32.tf32_models(models)
        for model in (*models, *wide, *products):
            self.file(model).write_text(model.text())
        self.numbers(models, self.sample(products, 3), wide)
        product = products[0]
        self.without("/nowhere.so", "no NVRTC", r"error: --cuda-compiler=nvrtc: NNFC_NVRTC=/nowhere\.so: .*\[NNFC-E0403\]", product)
        code, _, err = self.tools.run(self.nnfc, "compile", self.file(product), "--target=cuda", *NVRTC, "-o", self.folder / "x.ptx")
        if "NVRTC was not found" in err:
            self.results.skipped += 4 * len(models)
            return
        self.ptx(models, products, wide, *self.crowded(all_models))
        self.broken(product)
        by_templates = [model for model in models if model.family in ("tensor", "attention", "convolution16")]
        self.libraries([product, *by_templates[:2], *by_templates[2:][-2:]], fake)
