"""Networks for ./dev test-models, one for each kind that torchvision does not have; sizes are small, shapes symbolic."""
import math

import torch
import torch.nn.functional as F
from torch import nn


class Attention(nn.Module):
    """Multi-head attention of `x` to `memory`; `past` is keys and values of earlier tokens, [N, heads, P, width] each."""

    def __init__(self, hidden, heads, bias=True):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.merge = (nn.Linear(hidden, hidden, bias=bias) for _ in range(4))

    def split(self, x):
        return x.view(x.size(0), x.size(1), self.heads, -1).transpose(1, 2)

    def forward(self, x, memory, bias=None, past=None, scale=None):
        query, key, value = self.split(self.query(x)), self.split(self.key(memory)), self.split(self.value(memory))
        if past is not None:
            key, value = torch.cat([past[0], key], dim=2), torch.cat([past[1], value], dim=2)
        scores = torch.matmul(query, key.transpose(-1, -2)) * (query.size(-1)**-0.5 if scale is None else scale)
        weights = F.softmax(scores if bias is None else scores + bias, dim=-1)
        mixed = torch.matmul(weights, value).transpose(1, 2).reshape(x.size(0), x.size(1), -1)
        return self.merge(mixed), (key, value)


class Block(nn.Module):
    """Attention and feed-forward with the norms before, as GPT-2, ViT and Whisper have them."""

    def __init__(self, hidden, heads, activation=F.gelu):
        super().__init__()
        self.attention_norm, self.forward_norm = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.attention, self.activation = Attention(hidden, heads), activation
        self.grow, self.shrink = nn.Linear(hidden, 4 * hidden), nn.Linear(4 * hidden, hidden)

    def forward(self, x, bias=None, past=None):
        normed = self.attention_norm(x)
        mixed, present = self.attention(normed, normed, bias, past)
        x = x + mixed
        return x + self.shrink(self.activation(self.grow(self.forward_norm(x)))), present


def causal_bias(tokens, total):
    """[tokens, total]: 0 where a token may look, a large negative number at those after it."""
    later = torch.ones(tokens, total).triu(1 + total - tokens)
    return later * -10000.0


class Gpt2(nn.Module):
    """A decoder with a key-value cache: ids [N, T], cache of P tokens -> logits [N, T, vocabulary], cache of P + T."""

    def __init__(self, layers=2, hidden=256, heads=4, vocabulary=5000, positions=128):
        super().__init__()
        self.words, self.positions = nn.Embedding(vocabulary, hidden), nn.Embedding(positions, hidden)
        self.blocks = nn.ModuleList(Block(hidden, heads, lambda x: F.gelu(x, approximate="tanh")) for _ in range(layers))
        self.norm = nn.LayerNorm(hidden)
        self.register_buffer("mask", torch.tril(torch.ones(positions, positions, dtype=torch.bool)))

    def forward(self, ids, *cache):
        past = cache[0].size(2)
        total = past + ids.size(1)
        places = torch.arange(past, total, device=ids.device).unsqueeze(0)
        x = self.words(ids) + self.positions(places)
        bias = torch.where(self.mask[past:total, :total], torch.tensor(0.0), torch.tensor(torch.finfo(torch.float32).min))
        presents = []
        for layer, block in enumerate(self.blocks):
            x, present = block(x, bias, cache[2 * layer:2 * layer + 2])
            presents += present
        return (F.linear(self.norm(x), self.words.weight), *presents)


class RmsNorm(nn.Module):
    def __init__(self, hidden):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(hidden) + 0.5)

    def forward(self, x):
        return self.weight * x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6)


class LlamaBlock(nn.Module):
    """Grouped queries, rotary positions, a gated feed-forward."""

    def __init__(self, hidden, heads, groups):
        super().__init__()
        self.heads, self.groups, self.width = heads, groups, hidden // heads
        self.attention_norm, self.forward_norm = RmsNorm(hidden), RmsNorm(hidden)
        self.query, self.merge = (nn.Linear(hidden, hidden, bias=False) for _ in range(2))
        self.key, self.value = (nn.Linear(hidden, groups * self.width, bias=False) for _ in range(2))
        self.gate, self.up = (nn.Linear(hidden, 3 * hidden, bias=False) for _ in range(2))
        self.down = nn.Linear(3 * hidden, hidden, bias=False)

    def split(self, x, heads):
        return x.view(x.size(0), x.size(1), heads, self.width).transpose(1, 2)

    def repeat(self, x):
        n, groups, tokens, width = x.shape
        shape = (n, groups, self.heads // groups, tokens, width)
        return x[:, :, None].expand(*shape).reshape(n, self.heads, tokens, width)

    def forward(self, x, turn, bias, past_key, past_value):
        normed = self.attention_norm(x)
        query, key = turn(self.split(self.query(normed), self.heads)), turn(self.split(self.key(normed), self.groups))
        key = torch.cat([past_key, key], dim=2)
        value = torch.cat([past_value, self.split(self.value(normed), self.groups)], dim=2)
        scores = torch.matmul(query, self.repeat(key).transpose(2, 3)) / math.sqrt(self.width) + bias
        mixed = torch.matmul(F.softmax(scores, dim=-1, dtype=torch.float32), self.repeat(value))
        x = x + self.merge(mixed.transpose(1, 2).reshape(x.shape))
        normed = self.forward_norm(x)
        return x + self.down(F.silu(self.gate(normed)) * self.up(normed)), key, value


class Llama(nn.Module):
    """ids [N, T], cache of P tokens -> logits, cache of P + T."""

    def __init__(self, layers=2, hidden=256, heads=8, groups=2, vocabulary=4000):
        super().__init__()
        self.words, self.norm = nn.Embedding(vocabulary, hidden), RmsNorm(hidden)
        self.blocks = nn.ModuleList(LlamaBlock(hidden, heads, groups) for _ in range(layers))
        self.head = nn.Linear(hidden, vocabulary, bias=False)
        width = hidden // heads
        self.register_buffer("frequencies", 10000.0**(-torch.arange(0, width, 2).float() / width))

    def forward(self, ids, *cache):
        past, tokens = cache[0].size(2), ids.size(1)
        angles = torch.arange(past, past + tokens).float()[:, None] * self.frequencies
        angles = torch.cat([angles, angles], dim=-1)
        cos, sin = angles.cos(), angles.sin()

        def turn(x):
            half = x.size(-1) // 2
            return x * cos + torch.cat([-x[..., half:], x[..., :half]], dim=-1) * sin

        x, presents = self.words(ids), []
        bias = causal_bias(tokens, past + tokens)
        for layer, block in enumerate(self.blocks):
            x, *present = block(x, turn, bias, *cache[2 * layer:2 * layer + 2])
            presents += present
        return (self.head(self.norm(x)), *presents)


class RelativeBias(nn.Module):
    """T5's: a learned number for each head and bucket of distances, finer near and logarithmic far."""

    def __init__(self, heads, two_sided, buckets=32, far=128):
        super().__init__()
        self.table, self.two_sided, self.buckets, self.far = nn.Embedding(buckets, heads), two_sided, buckets, far

    def forward(self, queries, keys):
        distance = torch.arange(keys)[None, :] - torch.arange(queries)[:, None]
        buckets = self.buckets // 2 if self.two_sided else self.buckets
        base = (distance > 0).long() * buckets if self.two_sided else 0
        distance = distance.abs() if self.two_sided else -torch.min(distance, torch.zeros_like(distance))
        exact = buckets // 2
        spread = torch.log(distance.float() / exact) / math.log(self.far / exact) * (buckets - exact)
        large = torch.min(exact + spread.long(), torch.full_like(distance, buckets - 1))
        return self.table(base + torch.where(distance < exact, distance, large)).permute(2, 0, 1).unsqueeze(0)


class T5Layer(nn.Module):
    def __init__(self, hidden, heads, crosses):
        super().__init__()
        self.norms = nn.ModuleList(RmsNorm(hidden) for _ in range(3))
        self.attention = Attention(hidden, heads, bias=False)
        self.cross = Attention(hidden, heads, bias=False) if crosses else None
        self.grow, self.shrink = nn.Linear(hidden, 4 * hidden, bias=False), nn.Linear(4 * hidden, hidden, bias=False)

    def forward(self, x, bias, memory=None, memory_bias=None):
        normed = self.norms[0](x)
        x = x + self.attention(normed, normed, bias, scale=1.0)[0] * 0.3
        if self.cross is not None:
            x = x + self.cross(self.norms[1](x), memory, memory_bias, scale=1.0)[0] * 0.3
        return x + self.shrink(F.relu(self.grow(self.norms[2](x))))


class T5(nn.Module):
    """Source ids and mask [N, S], target ids [N, T] -> logits [N, T, vocabulary]."""

    def __init__(self, layers=2, hidden=256, heads=4, vocabulary=4000):
        super().__init__()
        self.words = nn.Embedding(vocabulary, hidden)
        self.source_bias, self.target_bias = RelativeBias(heads, True), RelativeBias(heads, False)
        self.encoder = nn.ModuleList(T5Layer(hidden, heads, False) for _ in range(layers))
        self.decoder = nn.ModuleList(T5Layer(hidden, heads, True) for _ in range(layers))
        self.norms = nn.ModuleList(RmsNorm(hidden) for _ in range(2))

    def forward(self, source, mask, target):
        hidden = (1.0 - mask[:, None, None, :].float()) * -10000.0
        x = self.words(source)
        bias = self.source_bias(source.size(1), source.size(1)) + hidden
        for layer in self.encoder:
            x = layer(x, bias)
        memory, y = self.norms[0](x), self.words(target)
        tokens = target.size(1)
        bias = self.target_bias(tokens, tokens) + causal_bias(tokens, tokens)
        for layer in self.decoder:
            y = layer(y, bias, memory, hidden)
        return F.linear(self.norms[1](y) * y.size(-1)**-0.5, self.words.weight)


class Whisper(nn.Module):
    """Log-mel spectrum [N, 80, 2*L] -> [N, L, hidden]: two convolutions, then a transformer."""

    def __init__(self, layers=2, hidden=256, heads=4, positions=200):
        super().__init__()
        self.stem = nn.Conv1d(80, hidden, 3, padding=1)
        self.halve = nn.Conv1d(hidden, hidden, 3, stride=2, padding=1)
        scale = torch.exp(-math.log(10000) / (hidden // 2 - 1) * torch.arange(hidden // 2))
        angles = torch.arange(positions)[:, None] * scale
        self.register_buffer("places", torch.cat([angles.sin(), angles.cos()], dim=1))
        self.blocks, self.norm = nn.ModuleList(Block(hidden, heads) for _ in range(layers)), nn.LayerNorm(hidden)

    def forward(self, mel):
        x = F.gelu(self.halve(F.gelu(self.stem(mel)))).permute(0, 2, 1)
        x = x + self.places[:x.size(1)]
        for block in self.blocks:
            x, _ = block(x)
        return self.norm(x)


class LstmLanguage(nn.Module):
    """ids [T, N] and the state of both layers -> logits, next state."""

    def __init__(self, vocabulary=2000, hidden=128):
        super().__init__()
        self.words, self.lstm = nn.Embedding(vocabulary, hidden), nn.LSTM(hidden, hidden, num_layers=2)
        self.head = nn.Linear(hidden, vocabulary)

    def forward(self, ids, h, c):
        x, (h, c) = self.lstm(self.words(ids), (h, c))
        return self.head(x), h, c


class GruTagger(nn.Module):
    """ids [N, T] -> tags [N, T, 20]; both directions."""

    def __init__(self, vocabulary=2000, hidden=96):
        super().__init__()
        self.words = nn.Embedding(vocabulary, hidden)
        self.gru = nn.GRU(hidden, hidden, num_layers=2, bidirectional=True, batch_first=True)
        self.head = nn.Linear(2 * hidden, 20)

    def forward(self, ids):
        return F.log_softmax(self.head(self.gru(self.words(ids))[0]), dim=-1)


class PackedLstm(nn.Module):
    """ids [N, T] and lengths [N], longest first -> [N, 20], from the last states; padding is not looked at."""

    def __init__(self, vocabulary=2000, hidden=96):
        super().__init__()
        self.words = nn.Embedding(vocabulary, hidden)
        self.lstm = nn.LSTM(hidden, hidden, bidirectional=True, batch_first=True)
        self.head = nn.Linear(2 * hidden, 20)

    def forward(self, ids, lengths):
        packed = nn.utils.rnn.pack_padded_sequence(self.words(ids), lengths, batch_first=True)
        _, (h, _) = self.lstm(packed)
        return self.head(torch.cat([h[0], h[1]], dim=-1))


class Crnn(nn.Module):
    """Text lines: image [N, 1, 32, W] -> log-probabilities [W/4 + 1, N, 80]."""

    def __init__(self, hidden=64):
        super().__init__()
        def level(inputs, outputs, pool):
            return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU(), pool]
        tall = nn.MaxPool2d((2, 2), (2, 1), (0, 1))
        self.stem = nn.Sequential(*level(1, 32, nn.MaxPool2d(2)), *level(32, 64, nn.MaxPool2d(2)),
                                  *level(64, 96, tall), *level(96, 128, nn.MaxPool2d((4, 1))))
        self.rnn, self.head = nn.LSTM(128, hidden, bidirectional=True), nn.Linear(2 * hidden, 80)

    def forward(self, image):
        x = self.stem(image).squeeze(2).permute(2, 0, 1)
        return F.log_softmax(self.head(self.rnn(x)[0]), dim=2)


class Generator(nn.Module):
    """DCGAN's: noise [N, 100, 1, 1] -> image [N, 3, 64, 64]."""

    def __init__(self, width=64):
        super().__init__()
        def grow(inputs, outputs, stride, padding):
            return [nn.ConvTranspose2d(inputs, outputs, 4, stride, padding, bias=False), nn.BatchNorm2d(outputs),
                    nn.ReLU(True)]
        self.main = nn.Sequential(*grow(100, 8 * width, 1, 0), *grow(8 * width, 4 * width, 2, 1),
                                  *grow(4 * width, 2 * width, 2, 1), *grow(2 * width, width, 2, 1),
                                  nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh())

    def forward(self, noise):
        return self.main(noise)


class SuperResolution(nn.Module):
    """ESPCN: [N, 1, H, W] -> [N, 1, 3H, 3W] by pixel shuffle."""

    def __init__(self):
        super().__init__()
        self.convs = nn.Sequential(nn.Conv2d(1, 64, 5, padding=2), nn.Tanh(), nn.Conv2d(64, 32, 3, padding=1), nn.Tanh(),
                                   nn.Conv2d(32, 9, 3, padding=1), nn.PixelShuffle(3))

    def forward(self, image):
        return self.convs(image) + F.interpolate(image, scale_factor=3, mode="bicubic", align_corners=False)


class Conformer(nn.Module):
    """Speech features [N, T, 80] -> log-probabilities [N, T/4, 40]: attention and gated depthwise convolution."""

    def __init__(self, hidden=144, heads=4):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 32, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(32, 32, 3, stride=2, padding=1),
                                  nn.ReLU())
        self.enter = nn.Linear(32 * 20, hidden)
        self.first, self.second = (nn.Sequential(nn.LayerNorm(hidden), nn.Linear(hidden, 4 * hidden), nn.SiLU(),
                                                 nn.Linear(4 * hidden, hidden)) for _ in range(2))
        self.attention_norm, self.attention = nn.LayerNorm(hidden), nn.MultiheadAttention(hidden, heads, batch_first=True)
        self.conv_norm, self.last_norm = nn.LayerNorm(hidden), nn.LayerNorm(hidden)
        self.conv = nn.Sequential(nn.Conv1d(hidden, 2 * hidden, 1), nn.GLU(dim=1),
                                  nn.Conv1d(hidden, hidden, 15, padding=7, groups=hidden), nn.BatchNorm1d(hidden), nn.SiLU(),
                                  nn.Conv1d(hidden, hidden, 1))
        self.head = nn.Linear(hidden, 40)

    def forward(self, features):
        x = self.stem(features.unsqueeze(1)).permute(0, 2, 1, 3).flatten(2)
        x = self.enter(x)
        x = x + 0.5 * self.first(x)
        normed = self.attention_norm(x)
        x = x + self.attention(normed, normed, normed, need_weights=False)[0]
        x = x + self.conv(self.conv_norm(x).transpose(1, 2)).transpose(1, 2)
        x = x + 0.5 * self.second(x)
        return F.log_softmax(self.head(self.last_norm(x)), dim=-1)


class TextBag(nn.Module):
    """fastText: ids of all texts in a row, the first of each text in `offsets` -> class scores of each text."""

    def __init__(self, vocabulary=3000, hidden=64):
        super().__init__()
        self.bag, self.head = nn.EmbeddingBag(vocabulary, hidden, mode="mean"), nn.Linear(hidden, 10)

    def forward(self, ids, offsets):
        return self.head(self.bag(ids, offsets))


class Word2Vec(nn.Module):
    """CBOW with bags of one size: context ids [N, C] -> scores of all words."""

    def __init__(self, vocabulary=3000, hidden=64):
        super().__init__()
        self.bag, self.head = nn.EmbeddingBag(vocabulary, hidden, mode="sum"), nn.Linear(hidden, vocabulary)

    def forward(self, context):
        return self.head(self.bag(context))


class Recommender(nn.Module):
    """DLRM: numbers [N, 13] and categories [N, 8] -> probability; products of all pairs of features."""

    def __init__(self, width=32, features=8):
        super().__init__()
        self.tables = nn.ModuleList(nn.Embedding(500, width) for _ in range(features))
        self.bottom = nn.Sequential(nn.Linear(13, 64), nn.ReLU(), nn.Linear(64, width), nn.ReLU())
        self.top = nn.Sequential(nn.Linear(width + 36, 64), nn.ReLU(), nn.Linear(64, 1), nn.Sigmoid())
        rows, columns = torch.tril_indices(features + 1, features + 1, -1)
        self.register_buffer("rows", rows)
        self.register_buffer("columns", columns)

    def forward(self, numbers, categories):
        x = self.bottom(numbers)
        all_features = torch.stack([x] + [t(categories[:, i]) for i, t in enumerate(self.tables)], dim=1)
        pairs = torch.bmm(all_features, all_features.transpose(1, 2))[:, self.rows, self.columns]
        return self.top(torch.cat([x, pairs], dim=1))


class SpatialTransformer(nn.Module):
    """Digits: an affine map of the image [N, 1, 28, 28], found by a network, before classification."""

    def __init__(self):
        super().__init__()
        self.locate = nn.Sequential(nn.Conv2d(1, 8, 7), nn.MaxPool2d(2, 2), nn.ReLU(True), nn.Conv2d(8, 10, 5),
                                    nn.MaxPool2d(2, 2), nn.ReLU(True))
        self.affine = nn.Sequential(nn.Linear(90, 32), nn.ReLU(True), nn.Linear(32, 6))
        self.classify = nn.Sequential(nn.Conv2d(1, 10, 5), nn.MaxPool2d(2), nn.ReLU(), nn.Conv2d(10, 20, 5), nn.MaxPool2d(2),
                                      nn.ReLU(), nn.Flatten(), nn.Linear(320, 50), nn.ReLU(), nn.Linear(50, 10))

    def forward(self, image):
        n, _, height, width = image.shape
        theta = torch.tanh(self.affine(self.locate(image).flatten(1))).view(-1, 2, 3)
        # affine_grid by hand: torch 1.13 does not export it.
        ys = (torch.arange(height) * 2 + 1.0) / height - 1
        xs = (torch.arange(width) * 2 + 1.0) / width - 1
        base = torch.stack([xs.expand(height, width), ys[:, None].expand(height, width), torch.ones(height, width)], dim=-1)
        grid = torch.matmul(base.view(1, -1, 3), theta.transpose(1, 2)).view(n, height, width, 2)
        return F.log_softmax(self.classify(F.grid_sample(image, grid, align_corners=False)), dim=1)


class Mixer(nn.Module):
    """MLP-Mixer: image [N, 3, 64, 64] -> classes."""

    def __init__(self, hidden=128, layers=3):
        super().__init__()
        def mlp(size, inner):
            return nn.Sequential(nn.Linear(size, inner), nn.GELU(), nn.Linear(inner, size))
        self.stem = nn.Conv2d(3, hidden, 8, stride=8)
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(2 * layers + 1))
        self.tokens, self.channels = (nn.ModuleList(mlp(size, 256) for _ in range(layers)) for size in (64, hidden))
        self.head = nn.Linear(hidden, 10)

    def forward(self, image):
        x = self.stem(image).flatten(2).transpose(1, 2)
        for i, (tokens, channels) in enumerate(zip(self.tokens, self.channels)):
            x = x + tokens(self.norms[2 * i](x).transpose(1, 2)).transpose(1, 2)
            x = x + channels(self.norms[2 * i + 1](x))
        return self.head(self.norms[-1](x).mean(dim=1))


class ResidualGroup(nn.Module):
    def __init__(self, inputs, outputs, times):
        super().__init__()
        self.norm1, self.conv1 = nn.GroupNorm(8, inputs), nn.Conv2d(inputs, outputs, 3, padding=1)
        self.norm2, self.conv2 = nn.GroupNorm(8, outputs), nn.Conv2d(outputs, outputs, 3, padding=1)
        self.time = nn.Linear(times, outputs)
        self.skip = nn.Conv2d(inputs, outputs, 1) if inputs != outputs else nn.Identity()

    def forward(self, x, time):
        y = self.conv1(F.silu(self.norm1(x))) + self.time(F.silu(time))[:, :, None, None]
        return self.skip(x) + self.conv2(F.silu(self.norm2(y)))


class Diffusion(nn.Module):
    """A step of DDPM: noisy image [N, 3, 24, 24], time [N] int64 -> noise."""

    def __init__(self, width=32):
        super().__init__()
        self.width = width
        self.time = nn.Sequential(nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, 4 * width))
        self.stem = nn.Conv2d(3, width, 3, padding=1)
        sizes = [(width, width), (width, 2 * width), (2 * width, 2 * width), (4 * width, width), (2 * width, width)]
        self.groups = nn.ModuleList(ResidualGroup(i, o, 4 * width) for i, o in sizes)
        self.down = nn.ModuleList(nn.Conv2d(w, w, 3, stride=2, padding=1) for w in (width, 2 * width))
        self.norm, self.attention = nn.GroupNorm(8, 2 * width), Attention(2 * width, 4)
        self.head = nn.Sequential(nn.GroupNorm(8, width), nn.SiLU(), nn.Conv2d(width, 3, 3, padding=1))

    def forward(self, image, step):
        half = self.width // 2
        angles = step[:, None].float() * torch.exp(-math.log(10000) * torch.arange(half).float() / half)
        time = self.time(torch.cat([angles.sin(), angles.cos()], dim=1))
        a = self.groups[0](self.stem(image), time)
        b = self.groups[1](self.down[0](a), time)
        x = self.groups[2](self.down[1](b), time)
        tokens = self.norm(x).flatten(2).transpose(1, 2)
        x = x + self.attention(tokens, tokens)[0].transpose(1, 2).reshape(x.shape)
        x = self.groups[3](torch.cat([F.interpolate(x, scale_factor=2.0), b], dim=1), time)
        x = self.groups[4](torch.cat([F.interpolate(x, size=a.shape[2:], mode="bilinear"), a], dim=1), time)
        return self.head(x)


class PointNet(nn.Module):
    """Points [N, 3, P] -> classes, after a rotation found by a network; order and number of points do not matter."""

    def __init__(self):
        super().__init__()
        def shared(*widths):
            return nn.Sequential(*(layer for i, o in zip(widths, widths[1:])
                                   for layer in (nn.Conv1d(i, o, 1), nn.BatchNorm1d(o), nn.ReLU())))
        self.turn, self.turn_head = shared(3, 64, 128), nn.Linear(128, 9)
        self.features = shared(3, 64, 128, 256)
        self.head = nn.Sequential(nn.Linear(256, 128), nn.PReLU(), nn.Linear(128, 40))

    def forward(self, points):
        matrix = self.turn_head(self.turn(points).max(dim=2)[0]).view(-1, 3, 3) + torch.eye(3)
        x = torch.bmm(points.transpose(1, 2), matrix).transpose(1, 2)
        return self.head(self.features(x).max(dim=2)[0])


class GraphNetwork(nn.Module):
    """Node features [V, 32] and edges [2, E] -> node classes: messages are added up at the nodes they go to."""

    def __init__(self, hidden=64):
        super().__init__()
        self.layers, self.head = nn.ModuleList([nn.Linear(32, hidden), nn.Linear(hidden, hidden)]), nn.Linear(hidden, 7)
        # Added rather than expanded to: torch exports a scatter only where it knows the index's sizes to be the messages'.
        self.register_buffer("spread", torch.zeros(1, hidden, dtype=torch.int64))

    def forward(self, nodes, edges):
        source, target = edges[0], edges[1]
        degree = torch.zeros(nodes.size(0)).scatter_add(0, target, torch.ones(edges.size(1))).clamp(min=1.0)
        x, places = nodes, target.unsqueeze(1) + self.spread
        for layer in self.layers:
            x = layer(x)
            x = F.relu(x + torch.zeros_like(x).scatter_add(0, places, x[source]) / degree.unsqueeze(1))
        return F.log_softmax(self.head(x), dim=1)


class MixtureOfExperts(nn.Module):
    """[N, T, hidden]: each token by the two of its experts that a gate likes best."""

    def __init__(self, hidden=64, experts=4):
        super().__init__()
        self.gate = nn.Linear(hidden, experts)
        self.grow, self.shrink = (nn.Parameter(torch.randn(experts, *shape) / 8) for shape in ((hidden, 128), (128, hidden)))

    def forward(self, x):
        weights, chosen = torch.topk(self.gate(x), 2, dim=-1)
        weights = F.softmax(weights, dim=-1)
        gates = torch.zeros_like(self.gate(x)).scatter(-1, chosen, weights)
        each = torch.einsum("nteh,ehk->ntek", F.silu(torch.einsum("ntk,ekh->nteh", x, self.grow)), self.shrink)
        return (each * gates.unsqueeze(-1)).sum(dim=2)


class Clip(nn.Module):
    """Images [N, 3, 64, 64] and ids [M, T] -> similarities [N, M]; a text is what its largest id, the end, came to."""

    def __init__(self, hidden=128, heads=4, vocabulary=1000):
        super().__init__()
        self.patches = nn.Conv2d(3, hidden, 16, stride=16, bias=False)
        self.start, self.places = nn.Parameter(torch.randn(hidden)), nn.Parameter(torch.randn(17, hidden))
        self.words, self.positions = nn.Embedding(vocabulary, hidden), nn.Parameter(torch.randn(40, hidden) / 8)
        quick = lambda x: x * torch.sigmoid(1.702 * x)
        self.vision, self.text = (nn.ModuleList(Block(hidden, heads, quick) for _ in range(2)) for _ in range(2))
        self.norms = nn.ModuleList(nn.LayerNorm(hidden) for _ in range(2))
        self.project = nn.Parameter(torch.randn(hidden, 64) / 8)
        self.scale = nn.Parameter(torch.tensor(2.0))

    def forward(self, image, ids):
        x = self.patches(image).flatten(2).transpose(1, 2)
        x = torch.cat([self.start.expand(x.size(0), 1, -1), x], dim=1) + self.places
        for block in self.vision:
            x, _ = block(x)
        images = self.norms[0](x[:, 0]) @ self.project
        tokens = ids.size(1)
        y = self.words(ids) + self.positions[:tokens]
        bias = causal_bias(tokens, tokens)
        for block in self.text:
            y, _ = block(y, bias)
        texts = self.norms[1](y)[torch.arange(ids.size(0)), ids.argmax(dim=-1)] @ self.project
        return self.scale.exp() * F.normalize(images, dim=-1) @ F.normalize(texts, dim=-1).t()


class Detr(nn.Module):
    """Image [N, 3, 64, 64] -> class scores [N, 20, 11] and boxes [N, 20, 4], by nn.Transformer and learned queries."""

    def __init__(self, hidden=64):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 32, 7, stride=4, padding=3), nn.BatchNorm2d(32), nn.ReLU(),
                                  nn.Conv2d(32, hidden, 3, stride=2, padding=1))
        self.transformer = nn.Transformer(hidden, 4, 2, 2, 128)
        self.queries = nn.Parameter(torch.rand(20, hidden))
        self.rows, self.columns = nn.Parameter(torch.rand(50, hidden // 2)), nn.Parameter(torch.rand(50, hidden // 2))
        self.classes, self.boxes = nn.Linear(hidden, 11), nn.Linear(hidden, 4)

    def forward(self, image):
        x = self.stem(image)
        height, width = x.shape[-2:]
        places = torch.cat([self.columns[:width].unsqueeze(0).repeat(height, 1, 1),
                            self.rows[:height].unsqueeze(1).repeat(1, width, 1)], dim=-1).flatten(0, 1).unsqueeze(1)
        x = self.transformer(places + 0.1 * x.flatten(2).permute(2, 0, 1),
                             self.queries.unsqueeze(1).repeat(1, x.size(0), 1)).transpose(0, 1)
        return self.classes(x), self.boxes(x).sigmoid()


class Nerf(nn.Module):
    """Points and directions [R, 3] -> colour and density [R, 4]; sines of growing frequency as features."""

    def __init__(self, hidden=128):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(63, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU())
        self.second = nn.Sequential(nn.Linear(hidden + 63, hidden), nn.ReLU(), nn.Linear(hidden, hidden))
        self.density = nn.Linear(hidden, 1)
        self.colour = nn.Sequential(nn.Linear(hidden + 27, hidden // 2), nn.ReLU(), nn.Linear(hidden // 2, 3), nn.Sigmoid())

    @staticmethod
    def waves(x, levels):
        return torch.cat([x] + [f(x * 2.0**level) for level in range(levels) for f in (torch.sin, torch.cos)], dim=-1)

    def forward(self, points, directions):
        x = self.waves(points, 10)
        features = self.second(torch.cat([self.first(x), x], dim=-1))
        colour = self.colour(torch.cat([features, self.waves(directions, 4)], dim=-1))
        return torch.cat([colour, F.softplus(self.density(features))], dim=-1)


class TemporalConvolution(nn.Module):
    """TCN: series [N, 8, T] -> [N, 4, T], causal dilated convolutions with weight norm."""

    def __init__(self, width=48):
        super().__init__()
        self.convs = nn.ModuleList(nn.utils.weight_norm(nn.Conv1d(i, width, 3, dilation=d))
                                   for i, d in ((8, 1), (width, 2), (width, 4), (width, 8)))
        self.head = nn.Conv1d(width, 4, 1)

    def forward(self, series):
        x = series
        for conv in self.convs:
            y = F.relu(conv(F.pad(x, (2 * conv.dilation[0], 0))))
            x = y if y.size(1) != x.size(1) else x + y
        return self.head(x)


class GreedyDecoder(nn.Module):
    """A scripted loop: state [N, 64] -> the scores of `steps` greedy steps of a gated cell, added up, and the last state."""

    def __init__(self, vocabulary=200, hidden=64):
        super().__init__()
        self.words, self.head = nn.Embedding(vocabulary, hidden), nn.Linear(hidden, vocabulary)
        self.gate, self.candidate = nn.Linear(2 * hidden, hidden), nn.Linear(2 * hidden, hidden)

    def forward(self, state: torch.Tensor, steps: torch.Tensor):
        scores = self.head(state)
        total = scores
        for _ in range(int(steps)):
            both = torch.cat([self.words(scores.argmax(dim=1)), state], dim=1)
            keep = torch.sigmoid(self.gate(both))
            state = keep * state + (1.0 - keep) * torch.tanh(self.candidate(both))
            scores = self.head(state)
            total = total + scores
        return total, state
