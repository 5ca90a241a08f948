import torch.nn.functional as F
from torch import nn


# Submodules whose outputs are the blocks' outputs.
FEATURES = [
    "layer1.0", "layer1.1", "layer1.2", "layer2.0", "layer2.1", "layer2.2", "layer3.0", "layer3.1",
    "layer3.2", "layer3.3", "layer4.0", "layer4.1",
]


class Bottleneck(nn.Module):
    """layer1.1 to layer4.1, 8 in all."""

    def __init__(self, channels, width):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        x = self.bn3(self.conv3(y)) + x
        return F.relu(x)


class BottleneckDownsample(nn.Module):
    """layer1.0 to layer4.0, 4 in all."""

    def __init__(self, in_channels, out_channels, width, stride=2):
        super().__init__()
        self.downsample = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
            nn.BatchNorm2d(out_channels),
        )
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        x = self.bn3(self.conv3(y)) + self.downsample(x)
        return F.relu(x)


class ShapesResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(
            BottleneckDownsample(16, 64, 16, stride=1),
            Bottleneck(64, 16),
            Bottleneck(64, 16),
        )
        self.layer2 = nn.Sequential(
            BottleneckDownsample(64, 96, 24),
            Bottleneck(96, 24),
            Bottleneck(96, 24),
        )
        self.layer3 = nn.Sequential(
            BottleneckDownsample(96, 160, 40),
            *[Bottleneck(160, 40) for _ in range(3)],
        )
        self.layer4 = nn.Sequential(BottleneckDownsample(160, 256, 64), Bottleneck(256, 64))
        self.fc = nn.Linear(256, 10)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        x = F.adaptive_avg_pool2d(self.layer4(x), 1).flatten(1)
        return self.fc(x)


def build() -> nn.Module:
    """The network with fresh weights; load_state_dict() puts trained ones in."""
    return ShapesResNet()
