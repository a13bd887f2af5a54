"""Attentions as compute capability 9.0 computes them (docs/design/0014-hopper.md): those of attention.py that have such
code, and what only it has: a ring of slabs that goes round, blocks of two groups."""
import re

import numpy as np

from attention import attend, attentions
from models import Model, bfloat16

# Of attention.py: a type each, all widths, all that is done to a score, all ways of lying, parts of the keys.
SHARED = ("f16_70x130x72x40", "bf16_90x100x64x64", "bf16_17x150x80x80", "f16_66x70x112x128", "f16_wide_70x90x256x256",
          "bf16_wide_65x70x192x64", "f16_wide_padding", "bf16_wide_turned", "f16_causal_150", "bf16_causal_wide",
          "bf16_bias", "f16_padding_75", "bf16_decode_ragged", "f16_grouped", "f16_turned_72", "f16_heads_in_place",
          "bf16_spelled_out")
# What stays with the code for every GPU: no more keys than half a slab, odd lines, sizes that only a run knows.
ELSEWHERE = ("attention_f16_64x64x32x32", "attention_f16_33x65x30x18", "attention_f16_turned_75", "attention_bf16_symbolic")


def models():
    rng = np.random.default_rng(90)
    found = {model.name: model for model in attentions()}
    taken = [found[f"attention_{name}"] for name in SHARED] + [found[name] for name in ELSEWHERE]

    def add(name, shapes, more, reference, convert):
        inputs = {key: convert(rng.standard_normal(shape).astype(np.float32)) for key, shape in shapes.items()}
        nodes = [("scaled_dot_product_attention", {"query": "q", "key": "k", "value": "v"} | more, ["y"])]
        error = 2.0 ** (15 if convert is bfloat16 else 13)
        taken.append(Model(f"hopper_attention_{name}", "attention", inputs, nodes, ["y"], reference,
                           scale=lambda *arrays: np.full_like(reference(*arrays)[0], error)))

    def half(x):
        return x.astype(np.float16)

    # A prime number of keys stays whole: seven slabs of each kind in six places, in five, thirteen in four.
    for width, convert in ((64, half), (128, bfloat16), (256, half)):
        add(f"ring_{width}", {"q": (1, 40, width), "k": (1, 797, width), "v": (1, 797, width)}, {},
            lambda q, k, v: [attend(q, k, v)], convert)
    # Two groups of 64 queries: enough blocks for all multiprocessors.
    for width, keys, convert in ((128, 130, bfloat16), (256, 66, half)):
        add(f"two_groups_{width}", {"q": (132, 66, width), "k": (132, keys, width), "v": (132, keys, width)}, {},
            lambda q, k, v: [attend(q, k, v)], convert)
    add("two_groups_causal", {key: (66, 140, 24) for key in "qkv"}, {"is_causal": True},
        lambda q, k, v: [attend(q, k, v, causal=True)], half)
    add("two_groups_bias", {"q": (132, 65, 16), "k": (132, 140, 16), "v": (132, 140, 16), "m": (65, 140)},
        {"attn_mask": "m"}, lambda q, k, v, m: [attend(q, k, v, m)], half)
    return taken


def crowded():
    """Blocks of two groups whose registers are full, for ptxas alone: a number of keys that is odd or ends a slab early,
    what the graph reads for a score, two slabs (which no compiler may make straight code of). Of each some words were
    once on the stack."""
    found = []
    for kind, keys, width in (("none", 197, 128), ("keys", 197, 128), ("bools", 253, 96), ("bias", 257, 128),
                              ("bools", 198, 256), ("bias", 325, 64), ("keys", 255, 128)):
        inputs = {"q": np.zeros((132, 66, width), np.float16)} | {x: np.zeros((132, keys, width), np.float16) for x in "kv"}
        arguments = {"query": "q", "key": "k", "value": "v"}
        if kind != "none":
            inputs["m"] = {"keys": np.zeros((132, 1, keys), bool), "bools": np.zeros((132, 66, keys), bool),
                           "bias": np.zeros((66, keys), np.float16)}[kind]
            arguments["attn_mask"] = "m"
        found.append(Model(f"hopper_attention_two_groups_{kind}_{keys}x{width}", "attention", inputs,
                           [("scaled_dot_product_attention", arguments, ["y"])], ["y"], None))
    return found


def look_at(text, model):
    """What the PTX for sm_90a should have."""
    if model.name in ELSEWHERE:
        return "it has wgmma" if "wgmma" in text else None
    for wanted in ("cp.async.bulk.tensor", "mbarrier.try_wait.parity", "fence.mbarrier_init", "ex2.approx.ftz.f32"):
        if wanted not in text:
            return f"no {wanted}"
    # Of more than one slab: the mix of the slab before is under way where scores are waited for.
    if ("ring" in model.name or "two_groups" in model.name) and "wgmma.wait_group.sync.aligned 1;" not in text:
        return "products are waited for one after the other"
    # The second product: powers in registers.
    if not re.search(r"wgmma\.mma_async\S* \{[^}]*\}, \{%r\d+, %r\d+, %r\d+, %r\d+\}, %rd\d+, 1, 1, 1, [01];", text):
        return "no product with its left operand in registers"
    if ("setmaxnreg" in text) != ("two_groups" in model.name):
        return "groups that give each other registers where there is one, or none where there are two"
    if "mma.sync" in text or "ldmatrix" in text:
        return "it has the other pipeline's mma.sync"
    return "it has local memory" if ".local" in text else None


# Through the driver: maps of three operands, parts of keys, masks, heads that lie between rows.
THROUGH_DRIVER = ("attention_f16_70x130x72x40", "attention_bf16_decode_ragged", "attention_bf16_bias",
                  "attention_f16_heads_in_place", "attention_f16_turned_75")
