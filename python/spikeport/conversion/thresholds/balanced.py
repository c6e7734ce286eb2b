"""Local threshold balancing (Bu et al. 2025, "Inference-scale complexity in ANN-SNN conversion"), without labels.

Each θ starts at 0. Batch by batch, in all layers at once,

    θ_c ← θ_c + 2·mean((z - θ_c)⁺)          and clip(z, 0, θ_c) goes on to the next layer

so a θ grows as long as activations lie above it, and each layer meets what those before it will pass on.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor

    from spikeport.reading.network import ReadNetwork, ReadNode

Array = npt.NDArray[Any]

BATCH: Final = 32
"""Samples between two updates."""

UPDATES: Final = 128
"""How many there are, over the samples again and again: a deep network's θ take many to come up from 0."""

RATE: Final = 2.0


def locally_balanced(
    network: ReadNetwork, samples: Array, channels: Mapping[str, int], updates: int = UPDATES
) -> dict[str, Array]:
    """Return θ, shape (1,) or (channels,), of each node that ``channels`` names; the others keep their activation.

    A channel that is never active gets the largest θ of its layer; a layer that never is, is left out.
    """
    import torch

    thetas = {name: np.zeros(count) for name, count in channels.items()}

    def passing(node: ReadNode, value: Tensor) -> Tensor:
        if node.activation is None:
            return value
        active = node.activation.apply(value)
        theta = thetas.get(node.name)
        if theta is None:
            return active
        theta += (
            RATE
            * (active - _met(theta, active))
            .clamp(min=0)
            .transpose(0, 1)
            .reshape(len(theta), -1)
            .double()
            .mean(1)
            .cpu()
            .numpy()
        )
        return torch.minimum(active, _met(theta, active))

    starts = range(0, len(samples), BATCH)
    for start in itertools.islice(itertools.cycle(starts), updates):
        x = torch.tensor(samples[start : start + BATCH], dtype=network.dtype, device=network.device)
        for _ in network.walk(x, passing):
            pass
    return {name: np.where(theta > 0, theta, theta.max()) for name, theta in thetas.items() if theta.any()}


def _met(theta: Array, values: Tensor) -> Tensor:
    import torch

    along = (-1, *(1,) * (values.dim() - 2)) if len(theta) > 1 else (1,)
    return torch.tensor(theta, dtype=values.dtype, device=values.device).reshape(along)
