"""The models of ./dev test-models: torchvision's by name, and those of architectures.py.

Inputs are as small as an architecture takes them, so that many models fit into an hour.
"""
import json
import sys
from pathlib import Path
from unittest import mock

import torch
import torchvision
from torch import nn
from torchvision.models.video import mvit

import architectures
import networks
from export import Case, export, image

models = torchvision.models
CASES = {}


class Output(nn.Module):
    """One entry of the dictionary that a segmentation model returns."""

    def __init__(self, model, key):
        super().__init__()
        self.model, self.key = model, key

    def forward(self, image):
        return self.model(image)[self.key]


def spread(layer, size):
    """Draws the weight of a convolution so that the deviation of its first result, in calibration, is `size`."""
    nn.init.normal_(layer.weight)

    def scale(_, inputs, result):
        handle.remove()
        layer.weight *= size / result.std()
        return layer(*inputs)
    handle = layer.register_forward_hook(scale)


class Detector(nn.Module):
    """A detection model: boxes, scores and what else it finds in the first image, in the order of its dictionary.

    torchvision draws the heads narrow: at first all boxes have one score, and rounding decides their order. Here scores
    differ as after training, and boxes are near their anchors.
    """

    def __init__(self, model):
        super().__init__()
        self.model = model
        for name, layer in model.named_modules():
            if isinstance(layer, nn.Conv2d) and name.startswith(("head", "rpn", "roi_heads")):
                spread(layer, 0.25 if "bbox" in name or "regression" in name else 1.0)

    def forward(self, image):
        found = self.model(list(image))
        return tuple(found[0].values()) if isinstance(found, list) else found


# ---- torchvision, classification

# Side of the image where it is not 64, and arguments of the builder. VGG and AlexNet pool to 7x7 and 6x6, which exports
# only from a multiple of that.
SIDES = {"alexnet": 224, "vgg": 224, "inception_v3": 128, "maxvit_t": 224, "vit_b_32": 96, "vit_l_32": 96, "vit_h_14": 56}


def side_of(name):
    return next((side for start, side in SIDES.items() if name.startswith(start)), 64)


def builder_arguments(name):
    if name.startswith("vit_"):
        return {"image_size": side_of(name)}
    return {"init_weights": True} if name in ("googlenet", "inception_v3") else {}


def torchvision_network(name, **arguments):
    return lambda: models.get_model(name, weights=None, **arguments)


# Swin V2 sets a part of a bias to 0 in place, which torch 1.13 exports to no operator by itself.
torch.onnx.register_custom_op_symbolic("aten::zero", lambda g, x: g.op("Sub", x, x), 9)

# A batch of any size: one of each family.
ANY_BATCH = {"convnext_tiny", "densenet121", "efficientnet_b0", "googlenet", "mnasnet0_5", "mobilenet_v3_small",
             "regnet_y_400mf", "resnet18", "shufflenet_v2_x0_5", "squeezenet1_1", "swin_t", "swin_v2_t", "vit_b_32"}
OPSETS = (13, 14, 15, 16, 17)

for number, name in enumerate(models.list_models(models)):
    axes = {t: {0: "N"} for t in ("image", "logits")} if name in ANY_BATCH else None
    CASES[name] = Case(torchvision_network(name, **builder_arguments(name)), image(side_of(name)), ["logits"],
                       opset=OPSETS[number % len(OPSETS)], samples=16 if side_of(name) <= 128 else 2, axes=axes)

# ---- torchvision, segmentation, video, optical flow, detection

for name in models.list_models(models.segmentation):
    any_batch = {t: {0: "N"} for t in ("image", "mask")} if name.startswith("lraspp") else None
    CASES[name] = Case(lambda name=name: Output(models.get_model(name, weights=None, weights_backbone=None), "out"),
                       image(64), ["mask"], opset=13, samples=4, axes=any_batch)


def video(frames, side):
    return lambda batch: {"video": torch.randn(batch, 3, frames, side, side)}


class Padded:
    """Makes `x[:, :, 1:, 1:] += y` a sum with a padded y: torch exports the slice as an index for each of its numbers."""

    def __init__(self, x):
        self.x = x

    def __getitem__(self, _):
        return 0.0

    def __setitem__(self, index, value):
        self.x += nn.functional.pad(value, [n for part in reversed(index) for n in (part.start or 0, 0)])


def padded(add):
    return lambda x, *others: (add(Padded(x), *others), x)[1]


for function in (mvit._add_rel_pos, mvit._add_shortcut):
    setattr(mvit, function.__name__, padded(function))


def small_mvit(name):
    """For a side of 64, where torchvision's builder insists on 224."""
    def build():
        made = mvit._mvit
        with mock.patch.object(mvit, "_mvit", lambda **arguments: made(**{**arguments, "spatial_size": (64, 64)})):
            return models.get_model(name, weights=None)
    return build


VIDEOS = {"mc3_18": (8, 64), "mvit_v1_b": (16, 64), "mvit_v2_s": (16, 64), "r2plus1d_18": (8, 64), "r3d_18": (8, 64),
          "s3d": (16, 224)}
for name, (frames, side) in VIDEOS.items():
    network = small_mvit(name) if name.startswith("mvit") else torchvision_network(name)
    CASES[name] = Case(network, video(frames, side), ["logits"], opset=14, samples=2 if side > 64 else 4)


class Flow(nn.Module):
    """RAFT with two steps; the last is the result."""

    def __init__(self, name):
        super().__init__()
        self.model = models.get_model(name, weights=None)

    def forward(self, first, second):
        return self.model(first, second, num_flow_updates=2)[-1]


for name in models.list_models(models.optical_flow):
    CASES[name] = Case(lambda name=name: Flow(name),
                       lambda batch: {t: torch.rand(batch, 3, 128, 128) * 2 - 1 for t in ("first", "second")}, ["flow"], opset=16)

BOXES = ["boxes", "labels", "scores"]
DETECTED = {"maskrcnn": [*BOXES, "masks"], "keypointrcnn": [*BOXES, "keypoints", "keypoint_scores"],
            "retinanet": ["boxes", "scores", "labels"], "ssd": ["boxes", "scores", "labels"],
            "fcos": ["boxes", "scores", "labels"]}


def scene(side):
    """Noise of several scales, as in photographs. White noise averages out on the way down, rounding errors do not."""
    def make(batch):
        parts = [torch.rand(batch, 3, n, n) for n in (10, 20, 40, 80, 160)]
        return {"image": sum(nn.functional.interpolate(part, size=side, mode="bilinear") for part in parts) / len(parts)}
    return make


for name in models.list_models(models.detection):
    outputs = next((o for start, o in DETECTED.items() if name.startswith(start)), BOXES)
    # All resize the image, and are given one of twice the side that they resize to: with a factor like 0.9375, a
    # coordinate's rounding error is the largest of all. Most resize to 800 if not told otherwise, which takes long.
    side = {"ssd300_vgg16": 600, "ssdlite320_mobilenet_v3_large": 640}.get(name, 320)
    options = {} if name.startswith("ssd") else {"min_size": 160}
    if name.startswith(("maskrcnn", "keypointrcnn")):
        # Their heads take long, and of a thousand proposals one or another overlaps by the threshold but for rounding.
        options |= {"rpn_pre_nms_top_n_test": 100, "rpn_post_nms_top_n_test": 50, "box_detections_per_img": 10}
    # torchvision exports RoiAlign as it is before opset 16, and to 16 wrongly: half a pixel off.
    CASES[name] = Case(lambda name=name, options=options: Detector(
                           models.get_model(name, weights=None, weights_backbone=None, **options)),
                       scene(side), outputs, opset=15, samples=4)

# ---- architectures.py


def named(**tensors):
    """{tensor: {dimension: name}} of names in a line each, "-" where a size is fixed."""
    return {tensor: {i: n for i, n in enumerate(names.split()) if n != "-"} for tensor, names in tensors.items()}


def add(name, network, inputs, outputs, opset, **options):
    CASES[name] = Case(network, inputs, outputs, opset, **options)


def ids(vocabulary, *shape):
    return torch.randint(0, vocabulary, shape)


def sentences(batch):
    mask = torch.ones(batch, 9 + batch, dtype=torch.int64)
    mask[0, 7:] = 0
    return {"input_ids": ids(30522, batch, 9 + batch), "attention_mask": mask}


def cache(batch, past, heads, width, layers):
    return {f"past_{part}{layer}": torch.randn(batch, heads, past, width) for layer in range(layers) for part in "kv"}


def decoder(name, network, vocabulary, heads, width, layers=2, opset=14):
    parts = [f"{part}{layer}" for layer in range(layers) for part in "kv"]
    add(name, network, lambda batch: {"ids": ids(vocabulary, batch, 2 + batch), **cache(batch, 4 + 2 * batch, heads, width, layers)},
        ["logits", *(f"present_{p}" for p in parts)], opset,
        axes=named(ids="N T", logits="N T", **{f"past_{p}": "N - P" for p in parts}, **{f"present_{p}": "N - total" for p in parts}))


add("bert", lambda: networks.Encoder(4, hidden=256, heads=4), sentences, ["hidden", "pooled"], 13,
    axes=named(input_ids="N T", attention_mask="N T", hidden="N T", pooled="N"))
decoder("gpt2", architectures.Gpt2, 5000, 4, 64)
decoder("llama", architectures.Llama, 4000, 2, 32, opset=15)
add("t5", architectures.T5,
    lambda batch: {"source": ids(4000, batch, 20 + batch), "mask": (torch.arange(20 + batch) < 17).long().expand(batch, -1).clone(),
                   "target": ids(4000, batch, 5 + batch)},
    ["logits"], 14, axes=named(source="N S", mask="N S", target="N T", logits="N T"))
add("whisper", architectures.Whisper, lambda batch: {"mel": torch.randn(batch, 80, 60 + 20 * batch)}, ["hidden"], 13,
    axes=named(mel="N - T", hidden="N T2"))
add("conformer", architectures.Conformer, lambda batch: {"features": torch.randn(batch, 40 + 8 * batch, 80)}, ["logprobs"], 15,
    axes=named(features="N T", logprobs="N T4"))
add("detr", architectures.Detr, image(64), ["classes", "boxes"], 14, axes=named(image="N", classes="N", boxes="N"))
add("clip", architectures.Clip, lambda batch: {**image(64)(batch), "ids": ids(1000, batch + 1, 6 + batch)}, ["similarity"], 14,
    axes=named(image="N", ids="M T", similarity="N M"))
add("mixer", architectures.Mixer, image(64), ["logits"], 17, axes=named(image="N", logits="N"))
add("mixture_of_experts", architectures.MixtureOfExperts, lambda batch: {"x": torch.randn(batch, 5 + batch, 64)}, ["y"], 13,
    axes=named(x="N T", y="N T"))
add("lstm_language", architectures.LstmLanguage,
    lambda batch: {"ids": ids(2000, 6 + batch, batch), **{t: torch.randn(2, batch, 128) for t in "hc"}}, ["logits", "next_h", "next_c"],
    13, axes=named(ids="T N", h="- N", c="- N", logits="T N", next_h="- N", next_c="- N"))
add("gru_tagger", architectures.GruTagger, lambda batch: {"ids": ids(2000, batch, 6 + batch)}, ["tags"], 14,
    axes=named(ids="N T", tags="N T"))
add("packed_lstm", architectures.PackedLstm,
    lambda batch: {"ids": ids(2000, batch, 6 + batch), "lengths": torch.arange(6 + batch, 6, -1)}, ["classes"], 13,
    axes=named(ids="N T", lengths="N", classes="N"))
add("crnn", architectures.Crnn, lambda batch: {"image": torch.randn(batch, 1, 32, 60 + 20 * batch)}, ["logprobs"], 13,
    axes=named(image="N - - W", logprobs="T N"))
add("greedy_decoder", lambda: torch.jit.script(architectures.GreedyDecoder()),
    lambda batch: {"state": torch.randn(batch, 64), "steps": torch.tensor(3 + batch)}, ["scores", "last"], 14,
    axes=named(state="N", scores="N", last="N"))
add("gan_generator", architectures.Generator, lambda batch: {"noise": torch.randn(batch, 100, 1, 1)}, ["image"], 13, samples=4,
    axes=named(noise="N", image="N"))
add("super_resolution", architectures.SuperResolution,
    lambda batch: {"image": torch.rand(batch, 1, 20 + 4 * batch, 30 + 3 * batch)}, ["large"], 13,
    axes=named(image="N - H W", large="N - H3 W3"))
add("diffusion", architectures.Diffusion,
    lambda batch: {"image": torch.randn(batch, 3, 24, 24), "step": ids(1000, batch)}, ["noise"], 16,
    axes=named(image="N", step="N", noise="N"))
add("audionet", networks.AudioNet, lambda batch: {"audio": torch.randn(batch, 1, 4000)}, ["logprobs"], 15,
    axes=named(audio="N", logprobs="N"))
add("temporal_convolution", architectures.TemporalConvolution, lambda batch: {"series": torch.randn(batch, 8, 40 + batch)}, ["out"], 13,
    axes=named(series="N - T", out="N - T"))
add("text_bag", architectures.TextBag,
    lambda batch: {"ids": ids(3000, 9 + batch), "offsets": torch.tensor([0, 3, 4, 8, 9][:2 + batch])}, ["scores"], 14,
    axes=named(ids="I", offsets="N", scores="N"))
add("word2vec", architectures.Word2Vec, lambda batch: {"context": ids(3000, 1 + batch, 4)}, ["scores"], 13,
    axes=named(context="N", scores="N"))
add("recommender", architectures.Recommender, lambda batch: {"numbers": torch.randn(batch, 13), "categories": ids(500, batch, 8)},
    ["probability"], 13, axes=named(numbers="N", categories="N", probability="N"))
add("spatial_transformer", architectures.SpatialTransformer, lambda batch: {"image": torch.randn(batch, 1, 28, 28)}, ["logprobs"], 16,
    axes=named(image="N", logprobs="N"))
add("pointnet", architectures.PointNet, lambda batch: {"points": torch.randn(batch, 3, 50 + batch)}, ["classes"], 14, batch=2,
    axes=named(points="N - P", classes="N"))
add("graph_network", architectures.GraphNetwork,
    lambda batch: {"nodes": torch.randn(10 + batch, 32), "edges": ids(10 + batch, 2, 30 + 5 * batch)}, ["logprobs"], 16,
    axes=named(nodes="V", edges="- E", logprobs="V"))
add("nerf", architectures.Nerf, lambda batch: {t: torch.randn(20 + batch, 3) for t in ("points", "directions")}, ["radiance"], 13,
    axes=named(points="R", directions="R", radiance="R"))

if __name__ == "__main__":
    # A process of its own gives all memory back. NAME FOLDER: exports one; nothing: lists them.
    if len(sys.argv) == 3:
        export(sys.argv[1], CASES[sys.argv[1]], Path(sys.argv[2]))
    else:
        print(json.dumps({"torch": torch.__version__, "models": {name: case.missing for name, case in CASES.items()}}))
