"""ONNX files that other exporters wrote, converted: the spiking network's accuracy beside that of the file's origin.

All are trained on scikit-learn's 8×8 digits and judged on 360 that nothing saw. torch writes a residual network by both
of its exporters, skl2onnx a pipeline of scikit-learn; the file of Keras was written by tf2onnx
(``python/tests/interop/keras_file.py``), and Keras's own answers lie beside it.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
import warnings
from collections.abc import Iterator
from importlib import metadata
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

from benchmarks.result import ROOT, write_result
from spikeport.conversion import convert
from spikeport.demo.digits import Recipe, load_digits

TIMESTEPS = (8, 32, 128)
KERAS = ROOT / "python" / "tests" / "interop"


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


def main() -> None:
    digits = load_digits(Recipe())
    rows = []
    with tempfile.TemporaryDirectory() as scratch:
        for origin in origins(Path(scratch), digits):
            rows.append(row(origin, digits))
            print(" | ".join(map(str, rows[-1].values())), flush=True)
    names = ("onnx", "onnxscript", "skl2onnx", "scikit-learn", "torch")
    path = write_result(
        "onnx",
        title=f"ONNX files of other exporters, converted: {len(digits.x_test)} digits that nothing saw",
        command="python -m benchmarks.bench_onnx",
        measurements=[],
        versions={name: metadata.version(name) for name in names},
        facts={"accuracy": rows},
    )
    print(path.name)


def row(origin: Origin, digits: Any) -> dict[str, Any]:
    """Return what the origin and the spiking network get right; nothing in the latter is fitted to a T."""
    shape = (-1, *origin.shape)
    x, test = digits.x_train.reshape(shape), digits.x_test.reshape(shape)
    found: dict[str, Any] = {"network": origin.network, "written by": origin.exporter}
    found["origin"] = f"{np.mean(origin.answers == digits.y_test):.2%}"
    snn = convert(origin.path, x, T=TIMESTEPS[-1], percentile=99.9)
    for T in TIMESTEPS:
        answers = snn.classify(test, T=T, encoding="current")
        found[f"spiking, T = {T}"] = f"{np.mean(answers == digits.y_test):.2%}"
    return found


def origins(folder: Path, digits: Any) -> Iterator[Origin]:
    """Yield the files, each with what its origin answers."""
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


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
