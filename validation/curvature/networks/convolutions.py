"""A residual network with batch normalisation on digits enlarged to 16 x 16."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from validation.curvature import Task
from validation.curvature.networks.batches import Images, digits

LAST_STEP = 600


class Block(nn.Module):
    """Two convolutions beside a shortcut, which has one of its own where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.norm2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps to feature maps."""
        inner = self.norm2(self.conv2(self.norm1(self.conv1(x)).relu()))
        out: Tensor = (inner + self.shortcut(x)).relu()
        return out


class ResNet(nn.Module):
    """A stem and three stages of one block, each twice as wide as the one before."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(1, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)
        self.layer1 = Block(width, width, 1)
        self.layer2, self.layer3 = Block(width, 2 * width, 2), Block(2 * width, 4 * width, 2)
        self.fc = nn.Linear(4 * width, 10)

    def forward(self, x: Tensor) -> Tensor:
        """Images, shape (N, 1, 16, 16), to logits."""
        x = self.norm1(self.conv1(x)).relu()
        logits: Tensor = self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))
        return logits


def digits_resnet_24() -> Task:
    """Width 24 to 96; images move by two pixels and labels are smoothed, as is usual for the kind."""
    images, labels = digits()
    large = functional.interpolate(images, scale_factor=2, mode="bilinear")
    return Task(
        ResNet(24),
        Images(large, labels, 64, shift=2),
        nn.CrossEntropyLoss(label_smoothing=0.1),
        kind="resnet",
        width=24,
        data="scikit-learn digits, 16 x 16",
    )
