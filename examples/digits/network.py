"""The digit recogniser of this example."""
import torch
import torch.nn.functional as F
from torch import nn


class Digits(nn.Module):
    """[N, 1, 8, 8] -> log-probabilities [N, 10]: a stem, a residual block with a gate, and two linear layers."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, padding=1, bias=False)
        self.stem_norm = nn.BatchNorm2d(16)
        self.widen = nn.Conv2d(16, 32, 3, padding=1)
        self.block = nn.Conv2d(32, 32, 3, padding=1, bias=False)
        self.block_norm = nn.BatchNorm2d(32)
        self.hidden = nn.Linear(32 * 2 * 2, 64)
        self.classes = nn.Linear(64, 10)

    def forward(self, images):
        x = F.relu(self.stem_norm(self.stem(images)))
        x = F.max_pool2d(F.leaky_relu(self.widen(x), 0.1), 2)
        y = self.block_norm(self.block(x))
        x = x + y * torch.sigmoid(y)
        x = torch.flatten(F.avg_pool2d(x, 2), 1)
        x = F.relu(self.hidden(x))
        return F.log_softmax(self.classes(x), dim=1)
