"""The network of the story: two convolutions and two linear layers, trained as a user would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy.typing as npt

if TYPE_CHECKING:
    from torch import nn

    from spikeport.demo.full.images import Images

Array = npt.NDArray[Any]

SEED, BATCH, RATE = 3, 64, 2e-3


def trained_cnn(images: Images, epochs: int) -> nn.Sequential:
    """Return a trained network in eval mode, after so many passes over the images."""
    import torch
    from torch import nn

    torch.manual_seed(SEED)
    side = (images.x_train.shape[-1] + 3) // 4  # two strides of 2, rounded up
    model = nn.Sequential(
        *(nn.Conv2d(1, 8, 5, stride=2, padding=2), nn.ReLU(), nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(16 * side * side, 64), nn.ReLU(), nn.Linear(64, 10)),
    )
    optimiser = torch.optim.Adam(model.parameters(), lr=RATE)
    x, y = torch.from_numpy(images.x_train), torch.from_numpy(images.y_train)
    for _ in range(epochs):
        for rows in torch.split(torch.randperm(len(x)), BATCH):
            optimiser.zero_grad()
            loss = nn.functional.cross_entropy(model(x[rows]), y[rows])
            torch.autograd.backward(loss)
            optimiser.step()
    return model.eval()


def answers(model: nn.Module, x: Array) -> Array:
    """Return the class that the trained network gives each image."""
    import torch

    with torch.no_grad():
        classes: Array = model(torch.from_numpy(x)).argmax(axis=1).numpy()
    return classes
