"""The images: MNIST where ``SPIKEPORT_DATA`` has it, else the 8×8 digits that scikit-learn ships."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

FOLDER = "SPIKEPORT_DATA"
SPLIT_SEED = 7
TESTED = 360
"""Of the 1797 small digits."""


class Images(NamedTuple):
    """Images of shape (n, 1, height, width), float32 in [0, 1], and labels of shape (n,), int64; and what they are."""

    name: str
    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array


def load_images(train: int, test: int) -> Images:
    """Return at most ``train`` and ``test`` images: those of ``$SPIKEPORT_DATA/mnist``, else digits."""
    folder = Path(os.environ[FOLDER], "mnist") if FOLDER in os.environ else None
    whole = _digits() if folder is None or not folder.is_dir() else _mnist(folder)
    return Images(whole.name, whole.x_train[:train], whole.y_train[:train], whole.x_test[:test], whole.y_test[:test])


def _mnist(folder: Path) -> Images:
    def images(name: str) -> Array:
        return (_idx(folder / f"{name}-images-idx3-ubyte.gz")[:, None] / 255).astype(np.float32)

    def labels(name: str) -> Array:
        return _idx(folder / f"{name}-labels-idx1-ubyte.gz").astype(np.int64)

    return Images("MNIST, 28×28", images("train"), labels("train"), images("t10k"), labels("t10k"))


def _idx(path: Path) -> Array:
    """Return an IDX file of bytes: two bytes 0, the type, the number of axes, their lengths, then the values."""
    data = gzip.decompress(path.read_bytes())
    axes = data[3]
    shape = np.frombuffer(data, ">u4", axes, 4).tolist()
    values: Array = np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)
    return values


def _digits() -> Images:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    x = (bunch.data / 16).astype(np.float32).reshape(-1, 1, 8, 8)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(x))
    train, test = order[TESTED:], order[:TESTED]
    y = bunch.target.astype(np.int64)
    return Images("scikit-learn's digits, 8×8", x[train], y[train], x[test], y[test])
