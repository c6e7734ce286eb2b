"""Trained networks with the data that calibrates and that tests them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from benchmarks.bench_conversion.networks import BUILD
from benchmarks.bench_networks import cifar, resnet20
from benchmarks.bench_optimizer_mnist import read
from benchmarks.result import ROOT

Array = npt.NDArray[Any]
DATA = Path(os.environ.get("SPIKEPORT_DATA", ROOT.parent / "shared" / "data"))


class Trained(NamedTuple):
    """One trained network.

    Attributes
    ----------
    model : in eval mode
    calibration : samples that conversion sees, with their labels, which only a peer that trains reads
    labels : of them
    x, y : test samples and their labels, seen by nothing before
    logits : what the trained network says of ``x``
    """

    model: nn.Module
    calibration: Array
    labels: Array
    x: Array
    y: Array
    logits: Array

    @property
    def accuracy(self) -> float:
        return float((self.logits.argmax(1) == self.y).mean())


def trained(name: str, seed: int, calibration: int, images: int) -> Trained:
    """Return the network of that name: trained here from ``seed``, but for the public ResNet-20.

    ``calibration`` and ``images`` are the numbers of samples of each kind, the first of their files.
    """
    x, labels, x_test, y_test = _data(name, calibration, images)
    model = BUILD[name]()
    if name == "ResNet-20":
        model.load_state_dict(resnet20().state_dict(), strict=False)  # the shortcut's zeros and ones are its own
    else:
        torch.manual_seed(seed)
        model = BUILD[name]()
        _train(model, x, labels, epochs=40 if name.startswith("digits") else 3)
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(some) for some in torch.tensor(x_test).split(100)]).numpy()
    return Trained(model, x[:calibration], labels[:calibration], x_test, y_test, logits)


def _data(name: str, calibration: int, images: int) -> tuple[Array, Array, Array, Array]:
    """Return samples to train and calibrate on with labels, samples to test on with labels."""
    if name == "ResNet-20":
        return *cifar("train_2000", calibration), *cifar("test_2000", images)
    if name.startswith("digits"):
        bunch = load_digits()
        pixels = (bunch.data / 16).astype(np.float32)
        x, x_test, y, y_test = train_test_split(pixels, bunch.target, test_size=0.2, random_state=7)
        shape = (1, 8, 8)
    else:
        data = read(DATA / "mnist")
        x, y, x_test, y_test = data["x_train"][:20000], data["y_train"][:20000], data["x_test"], data["y_test"]
        shape = (1, 28, 28)
    x_test, y_test = x_test[:images], y_test[:images]
    if name.endswith("CNN"):
        x, x_test = x.reshape(-1, *shape), x_test.reshape(-1, *shape)
    return x, y, x_test, y_test


def _train(model: nn.Module, x: Array, y: Array, epochs: int) -> None:
    """Train as a user would: Adam, batches of 64."""
    optimiser = torch.optim.Adam(model.parameters(), lr=2e-3)
    samples, labels = torch.tensor(x), torch.tensor(y)
    for _ in range(epochs):
        for rows in torch.randperm(len(samples)).split(64):
            optimiser.zero_grad()
            nn.functional.cross_entropy(model(samples[rows]), labels[rows]).backward()
            optimiser.step()
