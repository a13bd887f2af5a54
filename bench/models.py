"""The whole models of ./dev bench: architectures as published, random weights.

Both PyTorches build them, Debian's for the export and PyPI's to compile them, so nothing here is newer than torch 1.13.
torch is imported where it is needed: who only wants the names need not wait for it.
"""
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

ROOT = Path(__file__).resolve().parent.parent
NETWORKS, ARCHITECTURES, DIGITS = (
    ROOT / path for path in ("test/models/networks.py", "test/models/architectures.py", "examples/digits/network.py"))
sys.path += [str(NETWORKS.parent), str(DIGITS.parent)]


@dataclass
class Model:
    """`network` makes the module, `inputs` its tensors for a batch; `group` is the part of a table it stands in; `source` is
    the file of the project that has the network."""
    label: str
    network: Callable
    inputs: Callable[[int], dict]
    outputs: list
    source: Path | None = None
    group: str = "models"
    # What the kernels read and write at least, in bytes; whole models leave it out.
    bytes: int | None = None


def torchvision_network(name):
    def build():
        import torchvision
        return getattr(torchvision.models, name)(weights=None)
    return build


def image(channels, height, width):
    def make(batch):
        import torch
        return {"image": torch.randn(batch, channels, height, width)}
    return make


def ids(vocabulary, tokens):
    def make(batch):
        import torch
        return {"ids": torch.randint(0, vocabulary, (batch, tokens))}
    return make


def padded_sentences(batch):
    """For BERT; the first one ends early."""
    import torch
    mask = torch.ones(batch, 128, dtype=torch.int64)
    mask[0, 96:] = 0
    return {"input_ids": torch.randint(0, 30522, (batch, 128)), "attention_mask": mask}


def bert():
    import networks
    return networks.Encoder(12)


def gpt2():
    """GPT-2 small on a prompt: all tokens at once, no cache."""
    import torch
    import torch.nn.functional as F
    import architectures

    class Prompt(architectures.Gpt2):
        def forward(self, ids):
            tokens = ids.size(1)
            x = self.words(ids) + self.positions(torch.arange(tokens, device=ids.device).unsqueeze(0))
            bias = torch.zeros(tokens, tokens).masked_fill(~self.mask[:tokens, :tokens], torch.finfo(torch.float32).min)
            for block in self.blocks:
                x, _ = block(x, bias)
            return F.linear(self.norm(x), self.words.weight)

    return Prompt(layers=12, hidden=768, heads=12, vocabulary=50257, positions=1024)


def unet():
    import networks
    return networks.UNet()


def espcn():
    """ESPCN, after Shi et al. 2016: the convolutions and the pixel shuffle of SuperResolution, without its bicubic path."""
    import architectures

    class Espcn(architectures.SuperResolution):
        def forward(self, image):
            return self.convs(image)

    return Espcn()


def digits():
    import network
    return network.Digits()


def classifier(label, name):
    return Model(label, torchvision_network(name), image(3, 224, 224), ["logits"])


MODELS = {
    "resnet18": classifier("ResNet-18", "resnet18"),
    "resnet50": classifier("ResNet-50", "resnet50"),
    "mobilenet_v2": classifier("MobileNetV2", "mobilenet_v2"),
    "mobilenet_v3": classifier("MobileNetV3-L", "mobilenet_v3_large"),
    "efficientnet_b0": classifier("EfficientNet-B0", "efficientnet_b0"),
    "densenet121": classifier("DenseNet-121", "densenet121"),
    "convnext_t": classifier("ConvNeXt-T", "convnext_tiny"),
    "vit_b_16": classifier("ViT-B/16", "vit_b_16"),
    "swin_t": classifier("Swin-T", "swin_t"),
    "bert": Model("BERT-base, 128 tokens", bert, padded_sentences, ["hidden", "pooled"], NETWORKS),
    "gpt2": Model("GPT-2, 64 tokens", gpt2, ids(50257, 64), ["logits"], ARCHITECTURES),
    "unet": Model("U-Net, 128 x 128", unet, image(3, 128, 128), ["mask"], NETWORKS),
    "espcn": Model("ESPCN, 256 x 256 to 768 x 768", espcn, image(1, 256, 256), ["large"], ARCHITECTURES),
    "digits": Model("digits CNN, 8 x 8", digits, image(1, 8, 8), ["logprobs"], DIGITS),
}


def named(level, name):
    if level == "models":
        return MODELS[name]
    import kernels
    return kernels.cases()[name]
