"""The trained networks that are converted, as both sides build them: modules alone, so that every peer can follow."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain, pairwise

import torch
from torch import nn


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers with ReLU between them."""
    layers = [(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(widths)]
    return nn.Sequential(*chain.from_iterable(layers))[:-1]


def cnn(side: int) -> nn.Sequential:
    """conv16, pool, conv32, pool, linear, with batch normalisation, for grey images of ``side`` × ``side``."""
    features = chain.from_iterable(
        (nn.Conv2d(a, b, 3, padding=1), nn.BatchNorm2d(b), nn.ReLU(), nn.AvgPool2d(2)) for a, b in ((1, 16), (16, 32))
    )
    return nn.Sequential(*features, nn.Flatten(), nn.Linear(32 * (side // 4) ** 2, 10))


class Block(nn.Module):
    """A residual block of ResNet-20 whose shortcut is a convolution of zeros and ones where it halves the image."""

    def __init__(self, a: int, b: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.Conv2d(b, b, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(b), nn.BatchNorm2d(b)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
        self.shortcut: nn.Module = nn.Identity()
        if a != b:
            self.shortcut = nn.Conv2d(a, b, 1, stride, bias=False)
            with torch.no_grad():
                self.shortcut.weight.zero_()[(b - a) // 2 : (b + a) // 2, :, 0, 0] = torch.eye(a)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        out: torch.Tensor = self.relu2(y + self.shortcut(x))
        return out


class ResNet20(nn.Module):
    """The public ResNet-20, said in modules: the same parameters by the same names, and the same answers."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1, self.relu = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()
        self.layer1 = nn.Sequential(*(Block(16, 16, 1) for _ in range(3)))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.pool, self.flatten, self.linear = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layer3(self.layer2(self.layer1(self.relu(self.bn1(self.conv1(x))))))
        out: torch.Tensor = self.linear(self.flatten(self.pool(x)))
        return out


BUILD: dict[str, Callable[[], nn.Module]] = {
    "digits MLP": lambda: mlp(64, 256, 256, 10),
    "digits CNN": lambda: cnn(8),
    "MNIST MLP": lambda: mlp(784, 256, 256, 10),
    "MNIST CNN": lambda: cnn(28),
    "ResNet-20": ResNet20,
}
