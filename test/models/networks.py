"""The networks of the model tests: torchvision's, and three of our own that stand for a family each."""
import math

import torch
import torch.nn.functional as F
from torch import nn


def conv_norm(inputs, outputs):
    """Two rounds of 3x3 convolution, batch-norm, relu; keeps height and width."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True),
        nn.Conv2d(outputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class UNet(nn.Module):
    """Segmentation, after Ronneberger et al. 2015: image [N, 3, H, W] -> masks [N, classes, H, W] in 0 to 1.

    H and W are multiples of 16. Upsamples by transposed convolution at the lower levels and bilinearly at the upper.
    """

    def __init__(self, base=32, classes=2):
        super().__init__()
        widths = [base * 2**level for level in range(5)]
        self.down = nn.ModuleList(conv_norm(i, o) for i, o in zip([3] + widths, widths))
        self.grow = nn.ModuleList([nn.ConvTranspose2d(widths[4], widths[3], 2, stride=2),
                                   nn.ConvTranspose2d(widths[3], widths[2], 2, stride=2)])
        self.shrink = nn.ModuleList([nn.Conv2d(widths[2], widths[1], 1), nn.Conv2d(widths[1], widths[0], 1)])
        self.up = nn.ModuleList(conv_norm(2 * w, w) for w in reversed(widths[:4]))
        self.head = nn.Conv2d(widths[0], classes, 1)

    def forward(self, image):
        x, skips = image, []
        for level, block in enumerate(self.down):
            x = block(x if level == 0 else F.max_pool2d(x, 2))
            skips.append(x)
        for level, block in enumerate(self.up):
            if level < 2:
                x = self.grow[level](x)
            else:
                x = self.shrink[level - 2](F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False))
            x = block(torch.cat([skips[3 - level], x], dim=1))
        return torch.sigmoid(self.head(x))


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward, each with a residual and a layer-norm after it, as in BERT."""

    def __init__(self, hidden, heads):
        super().__init__()
        self.heads, self.width = heads, hidden // heads
        self.query, self.key, self.value, self.merge = (nn.Linear(hidden, hidden) for _ in range(4))
        self.attention_norm, self.output_norm = nn.LayerNorm(hidden, eps=1e-12), nn.LayerNorm(hidden, eps=1e-12)
        self.grow, self.shrink = nn.Linear(hidden, 4 * hidden), nn.Linear(4 * hidden, hidden)

    def split(self, x):
        return x.view(x.size(0), x.size(1), self.heads, self.width).permute(0, 2, 1, 3)

    def forward(self, x, bias):
        scores = torch.matmul(self.split(self.query(x)), self.split(self.key(x)).transpose(-1, -2))
        weights = F.softmax(scores / math.sqrt(self.width) + bias, dim=-1)
        mixed = torch.matmul(weights, self.split(self.value(x))).permute(0, 2, 1, 3).contiguous()
        x = self.attention_norm(x + self.merge(mixed.view(x.size(0), x.size(1), self.heads * self.width)))
        return self.output_norm(x + self.shrink(F.gelu(self.grow(x))))


class Encoder(nn.Module):
    """A BERT-like text encoder: token ids and mask [N, T] int64 -> hidden states [N, T, hidden], pooled [N, hidden]."""

    def __init__(self, layers, hidden=768, heads=12, vocabulary=30522, positions=512):
        super().__init__()
        self.words, self.positions = nn.Embedding(vocabulary, hidden), nn.Embedding(positions, hidden)
        self.norm = nn.LayerNorm(hidden, eps=1e-12)
        self.layers = nn.ModuleList(EncoderLayer(hidden, heads) for _ in range(layers))
        self.pooler = nn.Linear(hidden, hidden)
        self.register_buffer("places", torch.arange(positions).unsqueeze(0), persistent=False)

    def forward(self, input_ids, attention_mask):
        places = self.places[:, :input_ids.size(1)]
        x = self.norm(self.words(input_ids) + self.positions(places))
        bias = (1.0 - attention_mask[:, None, None, :].to(x.dtype)) * -10000.0
        for layer in self.layers:
            x = layer(x, bias)
        return x, torch.tanh(self.pooler(x[:, 0]))


class GatedBlock(nn.Module):
    """A dilated convolution with a tanh-sigmoid gate and a residual, as in WaveNet; keeps the length."""

    def __init__(self, channels, dilation):
        super().__init__()
        self.filter, self.gate = (nn.Conv1d(channels, channels, 3, padding=dilation, dilation=dilation)
                                  for _ in range(2))
        self.depthwise = nn.Conv1d(channels, channels, 5, padding=2, groups=channels, bias=False)
        self.norm = nn.BatchNorm1d(channels)
        self.mix = nn.Conv1d(channels, channels, 1)

    def forward(self, x):
        gated = torch.tanh(self.filter(x)) * torch.sigmoid(self.gate(x))
        return x + self.mix(F.elu(self.norm(self.depthwise(gated))))


class AudioNet(nn.Module):
    """Sound classification from raw audio, without recurrence: [N, 1, 16000] -> log-probabilities [N, 35]."""

    def __init__(self, channels=64, classes=35):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv1d(1, channels, 80, stride=4, padding=38, bias=False),
                                  nn.BatchNorm1d(channels), nn.ReLU(inplace=True), nn.MaxPool1d(4))
        self.blocks = nn.Sequential(*(GatedBlock(channels, 2**level) for level in range(6)))
        self.tail = nn.Sequential(nn.Conv1d(channels, 2 * channels, 3, stride=2, padding=1, bias=False),
                                  nn.BatchNorm1d(2 * channels), nn.Hardswish())
        self.classes = nn.Linear(4 * channels, classes)

    def forward(self, audio):
        x = self.tail(self.blocks(self.stem(audio)))
        features = torch.cat([x.mean(dim=2), x.amax(dim=2)], dim=1)
        return F.log_softmax(self.classes(features), dim=1)


class Blocks(nn.Module):
    """What convolutional networks are put together from, in sizes that fit no vector: dense blocks, whose 1x1
    convolutions read concatenations, channels that are gated by their means, depthwise and 3x3 convolutions."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 19, 3, stride=2, padding=1), nn.ReLU())
        self.grow = nn.ModuleList()
        for channels, added in ((19, 5), (24, 17)):
            self.grow.append(nn.Sequential(
                nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, 21, 1), nn.BatchNorm2d(21), nn.ReLU(),
                nn.Conv2d(21, added, 3, padding=1)))
        self.halve = nn.Sequential(nn.BatchNorm2d(41), nn.ReLU(), nn.Conv2d(41, 48, 1, stride=2))
        self.spread = nn.Sequential(nn.Conv2d(48, 48, 5, padding=2, groups=48), nn.BatchNorm2d(48), nn.SiLU())
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(48, 12, 1), nn.ReLU(), nn.Conv2d(12, 48, 1),
                                  nn.Hardsigmoid())
        self.project = nn.Sequential(nn.Conv2d(48, 40, 1), nn.BatchNorm2d(40))
        self.mix = nn.Sequential(nn.Conv2d(40, 40, 3, padding=1), nn.Hardswish())
        self.head = nn.Linear(40, 10)

    def forward(self, image):
        x = self.stem(image)
        for layer in self.grow:
            x = torch.cat([x, layer(x)], 1)
        x = self.spread(self.halve(x))
        x = self.project(x * self.gate(x))
        x = x + self.mix(x)
        return self.head(x.mean((2, 3)))
