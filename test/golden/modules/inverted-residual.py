import torch
import torch.nn.functional as F
from torch import nn


# Submodules whose outputs are the blocks' outputs.
FEATURES = ["features.0"]


class InvertedResidual(nn.Module):
    """features.0."""

    def __init__(self):
        super().__init__()
        self.expand = nn.Conv2d(8, 24, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(24)
        self.depthwise = nn.Conv2d(24, 24, 3, padding=1, groups=24, bias=False)
        self.norm2 = nn.BatchNorm2d(24)
        self.fc1 = nn.Conv2d(24, 6, 1)
        self.fc2 = nn.Conv2d(6, 24, 1)
        self.project = nn.Conv2d(24, 8, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(8)

    def forward(self, x):
        y = F.relu(self.norm1(self.expand(x)))
        y = F.relu(self.norm2(self.depthwise(y)))
        z = F.relu(self.fc1(F.adaptive_avg_pool2d(y, 1)))
        y = y * torch.clamp(0.2 * self.fc2(z) + 0.5, 0.0, 1.0)
        return self.norm3(self.project(y)) + x


class InvertedResidual2(nn.Module):
    """features.1."""

    def __init__(self):
        super().__init__()
        self.expand = nn.Conv2d(8, 24, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(24)
        self.depthwise = nn.Conv2d(24, 24, 3, padding=1, groups=24, bias=False)
        self.norm2 = nn.BatchNorm2d(24)
        self.fc1 = nn.Conv2d(24, 6, 1)
        self.fc2 = nn.Conv2d(6, 24, 1)
        self.project = nn.Conv2d(24, 8, 1, bias=False)
        self.norm3 = nn.BatchNorm2d(8)

    def forward(self, x):
        y = F.relu(self.norm1(self.expand(x)))
        y = F.relu(self.norm2(self.depthwise(y)))
        z = F.relu(self.fc1(F.adaptive_avg_pool2d(y, 1)))
        y = y * torch.clamp(0.2 * self.fc2(z) + 0.5, 0.0, 1.0)
        x = self.norm3(self.project(y)) + x
        return F.adaptive_avg_pool2d(x, 1).flatten(1)


class Inverted(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(8)
        self.features = nn.Sequential(InvertedResidual(), InvertedResidual2())
        self.fc = nn.Linear(8, 5)

    def forward(self, x):
        x = F.relu(self.norm1(self.stem(x)))
        return self.fc(self.features(x))


def build() -> nn.Module:
    """The network with fresh weights; load_state_dict() puts trained ones in."""
    return Inverted()
