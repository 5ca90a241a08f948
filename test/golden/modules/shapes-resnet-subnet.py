import torch.nn.functional as F
from torch import nn


# Submodules whose outputs are the blocks' outputs.
FEATURES = [
    "layer1.0", "layer1.1", "layer1.2", "layer2.0", "layer2.1", "layer2.2", "layer3.1", "layer3.2",
    "layer3.3", "layer4.1",
]


class Bottleneck(nn.Module):
    """layer1.1 to layer4.1, 7 in all."""

    def __init__(self, channels, conv1_width, conv2_width):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, conv1_width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(conv1_width)
        self.conv2 = nn.Conv2d(conv1_width, conv2_width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(conv2_width)
        self.conv3 = nn.Conv2d(conv2_width, channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(channels)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        x = self.bn3(self.conv3(y)) + x
        return F.relu(x)


class Block(nn.Module):
    """layer3.0, layer4.0."""

    def __init__(self, in_channels, out_channels):
        super().__init__()
        self.downsample = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, 1, stride=2, bias=False),
            nn.BatchNorm2d(out_channels),
        )

    def forward(self, x):
        return F.relu(self.downsample(x))


class BottleneckDownsample(nn.Module):
    """layer1.0."""

    def __init__(self):
        super().__init__()
        self.downsample = nn.Sequential(nn.Conv2d(9, 34, 1, bias=False), nn.BatchNorm2d(34))
        self.conv2 = nn.Conv2d(9, 8, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(8)
        self.conv3 = nn.Conv2d(8, 34, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(34)

    def forward(self, x):
        y = F.relu(self.bn2(self.conv2(x)))
        x = self.bn3(self.conv3(y)) + self.downsample(x)
        return F.relu(x)


class BottleneckDownsample2(nn.Module):
    """layer2.0."""

    def __init__(self):
        super().__init__()
        self.downsample = nn.Sequential(
            nn.Conv2d(34, 87, 1, stride=2, bias=False), nn.BatchNorm2d(87)
        )
        self.conv1 = nn.Conv2d(34, 7, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(7)
        self.conv2 = nn.Conv2d(7, 14, 3, stride=2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(14)
        self.conv3 = nn.Conv2d(14, 87, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(87)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        x = self.bn3(self.conv3(y)) + self.downsample(x)
        return F.relu(x)


class BasicBlock(nn.Module):
    """layer2.1."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(87, 12, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(12)
        self.conv3 = nn.Conv2d(12, 87, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(87)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        x = self.bn3(self.conv3(y)) + x
        return F.relu(x)


class ShapesResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 9, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(9)
        self.layer1 = nn.Sequential(
            BottleneckDownsample(),
            Bottleneck(34, 4, 15),
            Bottleneck(34, 16, 5),
        )
        self.layer2 = nn.Sequential(
            BottleneckDownsample2(),
            BasicBlock(),
            Bottleneck(87, 20, 15),
        )
        self.layer3 = nn.Sequential(
            Block(87, 135),
            Bottleneck(135, 27, 31),
            Bottleneck(135, 40, 37),
            Bottleneck(135, 35, 13),
        )
        self.layer4 = nn.Sequential(Block(135, 231), Bottleneck(231, 36, 21))
        self.fc = nn.Linear(231, 10)

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
