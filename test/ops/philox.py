"""The random functions as the documentation defines them, in numpy: Philox4x32-10 (Salmon et al. 2011), written from
the paper, and what each function makes of its draws. PyTorch draws other numbers.

Every row is a graph with one node (number 0), run once (run 0) with seed 0.
"""
import numpy as np
import torch

M0, M1, W0, W1 = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85
ALPHA = -1.7580993408473766


def philox_block(counter, key):
    """Four words for each column of `counter` (4 x n, uint64 holding 32 bits)."""
    c, k0, k1 = [word.copy() for word in counter], key[0], key[1]
    for _ in range(10):
        p0, p1 = c[0] * np.uint64(M0), c[2] * np.uint64(M1)
        low, high = (lambda p: p & np.uint64(0xffffffff)), (lambda p: p >> np.uint64(32))
        c = [high(p1) ^ c[1] ^ np.uint64(k0), low(p1), high(p0) ^ c[3] ^ np.uint64(k1), low(p0)]
        k0, k1 = (k0 + W0) & 0xffffffff, (k1 + W1) & 0xffffffff
    return c


def known_answer():
    """The authors' test vectors (kat_vectors of Random123)."""
    for word, want in ((0, [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]),
                       (0xffffffff, [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd])):
        got = philox_block([np.full(1, word, np.uint64)] * 4, (word, word))
        assert [int(w[0]) for w in got] == want, got


known_answer()


def bits(shape, seed=0, number=0, run=0):
    """32 bits for each element, in row-major order."""
    count = int(np.prod(shape, dtype=np.int64))
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    counter = [blocks & np.uint64(0xffffffff), blocks >> np.uint64(32), np.full_like(blocks, number), np.full_like(blocks, run)]
    words = philox_block(counter, (seed & 0xffffffff, seed >> 32))
    return np.stack(words, axis=1).reshape(-1)[:count].reshape(shape).astype(np.uint32)


def uniform(shape):
    return torch.tensor((bits(shape) >> 8).astype(np.float32) * np.float32(2.0 ** -24))


def open_uniform(shape):
    return torch.tensor(((bits(shape) >> 9) * 2 + 1).astype(np.float32) * np.float32(2.0 ** -24))


def kept(input, p, drawn):
    """Which elements stay: one draw for each index of the first `drawn` dimensions."""
    mask = uniform(tuple(input.shape[:drawn])) >= np.float32(p)
    return mask.reshape(tuple(mask.shape) + (1,) * (input.dim() - drawn)).expand(input.shape)


def dropout(drawn):
    def call(input, p=0.5, training=True, inplace=False):
        if not training or p == 0:
            return input
        result = torch.where(kept(input, p, drawn(input)), input * (0 if p == 1 else 1 / (1 - p)), torch.zeros_like(input))
        return input.copy_(result) if inplace else result
    return call


def alpha_dropout(drawn):
    def call(input, p=0.5, training=False, inplace=False):
        if not training or p == 0:
            return input
        if p == 1:
            return input.zero_() if inplace else torch.zeros_like(input)
        a = ((ALPHA ** 2 * p + 1) * (1 - p)) ** -0.5
        b = -a * ALPHA * p
        result = torch.where(kept(input, p, drawn(input)), a * input + b, torch.full_like(input, a * ALPHA + b))
        return input.copy_(result) if inplace else result
    return call


def rrelu(input, lower=1 / 8, upper=1 / 3, training=False, inplace=False):
    slope = uniform(tuple(input.shape)) * np.float32(upper - lower) + np.float32(lower) if training else (lower + upper) / 2
    result = torch.where(input > 0, input, input * slope)
    return input.copy_(result) if inplace else result


def gumbel_softmax(logits, tau=1.0, hard=False, eps=1e-10, dim=-1):
    exponential = -open_uniform(tuple(logits.shape)).double().log()
    y = ((logits.double() - exponential.log()) / tau).softmax(dim)
    if hard:
        y = torch.zeros_like(y).scatter_(dim, y.argmax(dim, keepdim=True), 1.0) if y.dim() else torch.ones_like(y)
    return y.to(logits.dtype)


def attention_dropout(weights, p):
    return torch.where(uniform(tuple(weights.shape)) >= np.float32(p), weights / (1 - p), torch.zeros_like(weights))


def fractional(function, spatial):
    def call(input, **rest):
        if rest.get("_random_samples") is None:
            batch = input.shape[0] if input.dim() == spatial + 2 else 1
            rest["_random_samples"] = uniform((batch, input.shape[-1 - spatial], spatial)).to(input.dtype)
        return function(input, **rest)
    return call


every = lambda x: x.dim()
FUNCTIONS = {
    "dropout": dropout(every), "dropout1d": dropout(lambda x: x.dim() - 1), "dropout2d": dropout(lambda x: 2),
    "dropout3d": dropout(lambda x: 2 if x.dim() == 5 else 1), "alpha_dropout": alpha_dropout(every),
    "feature_alpha_dropout": alpha_dropout(lambda x: 2), "rrelu": rrelu,
    "fractional_max_pool2d": fractional(torch.nn.functional.fractional_max_pool2d, 2),
    "fractional_max_pool3d": fractional(torch.nn.functional.fractional_max_pool3d, 3),
    "rrelu_": lambda **a: rrelu(inplace=True, **a), "gumbel_softmax": gumbel_softmax,
}
