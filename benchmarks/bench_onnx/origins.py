"""The files, and what their origins answer."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnx
import skl2onnx
import torch
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from benchmarks.result import ROOT

KERAS = ROOT / "python" / "tests" / "interop" / "brought"


class Origin(NamedTuple):
    """A file, who wrote it, the shape of a sample, and which class the origin gives each test digit."""

    network: str
    exporter: str
    path: Path
    shape: tuple[int, ...]
    answers: Any


class Block(nn.Module):
    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(after), nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.shortcut: nn.Module = nn.Identity()
        if stride > 1:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + self.shortcut(x))


def residual() -> nn.Module:
    body = [nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), Block(16, 16, 1), Block(16, 32, 2)]
    return nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


def origins(folder: Path, digits: Any) -> Iterator[Origin]:
    """Yield the files, each with what its origin answers."""
    torch.manual_seed(0)
    images = torch.from_numpy(digits.x_test.reshape(-1, 1, 8, 8))
    model = trained(residual(), torch.from_numpy(digits.x_train.reshape(-1, 1, 8, 8)), torch.from_numpy(digits.y_train))
    with torch.no_grad():
        answers = model(images).argmax(1).numpy()
    for exporter, dynamo in (("torch.onnx, TorchScript", False), ("torch.onnx, dynamo=True", True)):
        path = folder / f"residual_{dynamo}.onnx"
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            torch.onnx.export(model, (images[:1],), str(path), dynamo=dynamo)
        yield Origin("residual, 2 blocks", exporter, path, (1, 8, 8), answers)
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(hidden_layer_sizes=(128, 64), random_state=0))
    pipeline.fit(digits.x_train, digits.y_train)
    path = folder / "perceptron.onnx"
    onnx.save(skl2onnx.to_onnx(pipeline, digits.x_train[:1]), path)
    yield Origin("StandardScaler, MLPClassifier", "skl2onnx", path, (64,), pipeline.predict(digits.x_test))
    keras = np.load(KERAS / "keras_digits.npy").argmax(1)
    yield Origin("Keras, two convolutions", "tf2onnx", KERAS / "keras_digits.onnx", (8, 8, 1), keras)


def trained(model: nn.Module, x: torch.Tensor, y: torch.Tensor, epochs: int = 20) -> nn.Module:
    torch.manual_seed(0)
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(x[rows]), y[rows]).backward()
            optimiser.step()
    return model.eval()
