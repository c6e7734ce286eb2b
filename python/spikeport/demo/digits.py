"""The network of the demonstration: a ReLU network trained on the 8×8 digits that scikit-learn ships."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import nn

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Recipe:
    """Everything that the trained weights depend on, and so what they are cached by."""

    widths: tuple[int, ...] = (64, 256, 256, 10)
    epochs: int = 40
    batch: int = 64
    learning_rate: float = 2e-3
    seed: int = 3
    test_share: float = 0.2
    split_seed: int = 7

    @property
    def digest(self) -> str:
        """A short name of the recipe: the first 12 hexadecimal digits of its SHA-256."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:12]


class Digits(NamedTuple):
    """Samples of shape (n, 64), float32 in [0, 1], and labels of shape (n,), int64."""

    x_train: Array
    x_test: Array
    y_train: Array
    y_test: Array


def load_digits(recipe: Recipe) -> Digits:
    """Return the 1797 digits, split for training and testing."""
    from sklearn.datasets import load_digits as load
    from sklearn.model_selection import train_test_split

    bunch = load()
    x, y = (bunch.data / 16).astype(np.float32), bunch.target.astype(np.int64)
    return Digits(*train_test_split(x, y, test_size=recipe.test_share, random_state=recipe.split_seed))


def trained_network(
    recipe: Recipe, digits: Digits, folder: Path, on_epoch: Callable[[int, int], None]
) -> tuple[nn.Sequential, bool]:
    """Return the trained network in eval mode, and whether it was read from ``folder`` instead of trained.

    ``on_epoch(done, of)`` is called after every epoch. A file that cannot be read is trained again.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file, save_file
    from torch import manual_seed

    path = folder / f"digits_mlp-{recipe.digest}.safetensors"
    manual_seed(recipe.seed)
    model = _network(recipe)
    if path.exists():
        try:
            model.load_state_dict(load_file(path))
        except (SafetensorError, RuntimeError):
            path.unlink()
        else:
            return model.eval(), True
    _train(model, recipe, digits, on_epoch)
    save_file(model.state_dict(), path)
    return model.eval(), False


def _network(recipe: Recipe) -> nn.Sequential:
    from torch import nn

    modules: list[nn.Module] = []
    for n_in, n_out in zip(recipe.widths, recipe.widths[1:], strict=False):
        modules += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*modules[:-1])


def _train(model: nn.Sequential, recipe: Recipe, digits: Digits, on_epoch: Callable[[int, int], None]) -> None:
    import torch

    optimiser = torch.optim.Adam(model.parameters(), lr=recipe.learning_rate)
    x, y = torch.from_numpy(digits.x_train), torch.from_numpy(digits.y_train)
    for epoch in range(recipe.epochs):
        for rows in torch.split(torch.randperm(len(x)), recipe.batch):
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(x[rows]), y[rows])
            torch.autograd.backward(loss)
            optimiser.step()
        on_epoch(epoch + 1, recipe.epochs)
