"""Convolutional networks, converted: accuracy of the trained network and of the spiking one, step by step.

``python -m benchmarks.bench_networks [--only NAME …] [--images N] [--epochs N]``. Four networks are trained on MNIST
(``$SPIKEPORT_DATA/mnist``): like LeNet, like VGG, of two branches, like MobileNet v1. ``resnet20`` is a public one for
CIFAR-10 (``$SPIKEPORT_DATA/resnet20_cifar10``), as it was trained; its images are strongly compressed, which costs the
trained network itself ten points. Calibrated on training images, measured on the first test images. The results of the
two data sets are two files.
"""

from __future__ import annotations

import argparse
import io
import itertools
import os
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

from benchmarks.bench_optimizer_mnist import read
from benchmarks.result import ROOT, Measurement, write_result
from spikeport.backends import get_backend
from spikeport.conversion import ConversionWarning, convert

Array = npt.NDArray[Any]

DATA = Path(os.environ.get("SPIKEPORT_DATA", ROOT.parent / "shared" / "data"))
STEPS = {"resnet20": (64, 256)}
"""Timesteps to measure at; 16 and 64 where nothing is said."""


def conv(c_in: int, c_out: int, kernel: int = 3, stride: int = 1, groups: int = 1) -> list[nn.Module]:
    """A convolution, its batch normalisation, ReLU."""
    layer = nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False)
    return [layer, nn.BatchNorm2d(c_out), nn.ReLU()]


def lenet() -> nn.Module:
    features = *conv(1, 8, 5), nn.MaxPool2d(2), *conv(8, 16, 5), nn.MaxPool2d(2)
    return nn.Sequential(*features, nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))


def vgg() -> nn.Module:
    features = *conv(1, 8), *conv(8, 8), nn.MaxPool2d(2), *conv(8, 16), *conv(16, 16), nn.MaxPool2d(2)
    head = nn.Linear(784, 64), nn.ReLU(), nn.Dropout(0.5), nn.Linear(64, 10)
    return nn.Sequential(*features, nn.Flatten(), *head)


class Branches(nn.Module):
    """Small and large windows beside each other."""

    def __init__(self) -> None:
        super().__init__()
        self.small, self.large = nn.Sequential(*conv(1, 8, 3, 2)), nn.Sequential(*conv(1, 8, 7, 2))
        self.both, self.head = nn.Sequential(*conv(16, 16, 3, 2)), nn.Linear(784, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.both(torch.cat([self.small(x), self.large(x)], 1))
        out: torch.Tensor = self.head(x.flatten(1))
        return out


def mobilenet() -> nn.Module:
    pairs = [(8, 16, 2), (16, 32, 1), (32, 32, 2)]
    body = [m for a, b, stride in pairs for m in (*conv(a, a, 3, stride, groups=a), *conv(a, b, 1))]
    return nn.Sequential(*conv(1, 8, 3, 2), *body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


class Block(nn.Module):
    """A residual block whose shortcut has no weights (He et al. 2015, option A)."""

    def __init__(self, c_in: int, c_out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(c_out), nn.BatchNorm2d(c_out)
        self.more = (c_out - c_in) // 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(x)))))
        out += functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more, self.more)) if self.more else x
        return functional.relu(out)


class ResNet20(nn.Module):
    """Nineteen convolutions and a linear layer, for images of 32 × 32 (He et al. 2015, section 4.2)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16)
        self.layer1 = nn.Sequential(*(Block(16, 16, 1) for _ in range(3)))
        self.layer2 = nn.Sequential(Block(16, 32, 2), Block(32, 32, 1), Block(32, 32, 1))
        self.layer3 = nn.Sequential(Block(32, 64, 2), Block(64, 64, 1), Block(64, 64, 1))
        self.linear = nn.Linear(64, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.layer3(self.layer2(self.layer1(functional.relu(self.bn1(self.conv1(x))))))
        out = functional.avg_pool2d(out, out.size()[3])
        result: torch.Tensor = self.linear(out.view(out.size(0), -1))
        return result


def resnet20() -> nn.Module:
    """The public one, with its weights."""
    path = DATA / "resnet20_cifar10" / "resnet20.th"
    stored = torch.load(path, map_location="cpu", weights_only=True)["state_dict"]
    model = ResNet20()
    model.load_state_dict({name.removeprefix("module."): values for name, values in stored.items()})
    return model


def cifar(name: str, count: int) -> tuple[Array, Array]:
    """The first images of a file, as the network takes them, and their labels."""
    from PIL import Image

    stored = np.load(DATA / "cifar10" / f"{name}.npz")
    raw, ends = stored["jpeg"].tobytes(), [0, *map(int, stored["ends"][:count])]
    images = [Image.open(io.BytesIO(raw[a:b])).convert("RGB") for a, b in itertools.pairwise(ends)]
    x = np.stack([np.asarray(image, np.float32) for image in images]) / 255
    x = (x - np.float32([0.485, 0.456, 0.406])) / np.float32([0.229, 0.224, 0.225])
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2)), stored["labels"][:count]


def train(model: nn.Module, x: Array, y: Array, epochs: int) -> None:
    torch.manual_seed(0)
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    images, labels = torch.tensor(x), torch.tensor(y)
    for _ in range(epochs):
        for rows in torch.randperm(len(x)).split(128):
            optimiser.zero_grad()
            functional.cross_entropy(model(images[rows]), labels[rows]).backward()  # type: ignore[no-untyped-call]
            optimiser.step()


MNIST: dict[str, Callable[[], nn.Module]] = {"lenet": lenet, "vgg": vgg, "branches": Branches, "mobilenet": mobilenet}


def measured(name: str, images: int, epochs: int) -> tuple[dict[str, Any], list[Measurement]]:
    """Train or load a network, convert it, and compare the two on test images."""
    torch.manual_seed(0)
    if name == "resnet20":
        model, (calibration, _), (x, y) = resnet20(), cifar("train_2000", 2000), cifar("test_2000", images)
    else:
        data = read(DATA / "mnist")
        x_train, x = data["x_train"].reshape(-1, 1, 28, 28), data["x_test"][:images].reshape(-1, 1, 28, 28)
        model, calibration, y = MNIST[name](), x_train[:1000], data["y_test"][:images]
        train(model, x_train[:20000], data["y_train"][:20000], epochs)
    model.eval()
    with torch.no_grad():
        trained = model(torch.tensor(x)).argmax(1).numpy()
    start = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConversionWarning)  # of few steps; what they give is what is measured here
        snn = convert(model, calibration, T=1, percentile=99.9)  # nothing fitted to T: it is run at many
    taken = [Measurement(f"{name}: conversion", "spikeport", [time.perf_counter() - start])]
    facts: dict[str, Any] = {"layers": len(snn.graph), "images": images, "trained": float((trained == y).mean())}
    for T in STEPS.get(name, (16, 64)):
        start = time.perf_counter()
        answers = np.concatenate([snn.classify(x[i : i + 50], T=T, encoding="current") for i in range(0, len(x), 50)])
        taken.append(
            Measurement(f"{name}: {images} images", "spikeport", [time.perf_counter() - start], params={"T": T})
        )
        facts[f"T={T}"] = {"accuracy": float((answers == y).mean()), "agreement": float((answers == trained).mean())}
    print(name, facts, flush=True)
    return facts, taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--only", nargs="+", choices=[*MNIST, "resnet20"], default=[*MNIST, "resnet20"])
    parser.add_argument("--images", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(1)
    for title, names in (("mnist", list(MNIST)), ("", ["resnet20"])):
        chosen = [name for name in names if name in options.only]
        only = "" if len(options.only) > len(MNIST) else f" --only {' '.join(options.only)}"
        results: dict[str, tuple[dict[str, Any], list[Measurement]]] = {}
        for name in chosen:  # written behind each, for whoever stops it
            results[name] = measured(name, options.images, options.epochs)
            path = write_result(
                "_".join(filter(None, ("networks", title))),
                title=f"Convolutional networks for {title.upper() or 'CIFAR-10'}, converted: accuracy step by step",
                command=f"python -m benchmarks.bench_networks{only} --images {options.images}",
                measurements=[measurement for _, taken in results.values() for measurement in taken],
                facts={"run by": get_backend("auto").name} | {name: facts for name, (facts, _) in results.items()},
            )
            print(path.name)
    return 0
