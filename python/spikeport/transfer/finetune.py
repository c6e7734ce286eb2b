"""One step of fine-tuning a checkpoint: gradients in, a new checkpoint out, frozen layers untouched to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from spikeport.kernels import finetune
from spikeport.transfer.checkpoint import SNNCheckpoint

Array = npt.NDArray[Any]


def finetune_step(
    checkpoint: SNNCheckpoint,
    gradients: Sequence[npt.ArrayLike],
    rates: Sequence[float],
    *,
    momentum: float = 0.0,
    velocities: Sequence[npt.ArrayLike] | None = None,
) -> tuple[SNNCheckpoint, list[Array]]:
    """Return a new checkpoint after ``u = μ·u + g; w = w - η·u`` on its weights, and the velocities u.

    Parameters
    ----------
    gradients : one array of shape (out, in) for each layer
    rates : learning rate η of every layer, as `apply_transfer_config` returns them
    momentum : μ in [0, 1)
    velocities : u of the step before; zeros by default

    A layer in ``frozen_layers`` keeps its weights and velocity whatever its rate says. Raises
    `spikeport.errors.KernelError`: ``shape``, ``non_finite``, ``learning_rate``, ``momentum``.
    """
    weights, new_velocities = finetune.step(
        checkpoint.weights,
        gradients,
        rates,
        layer_names=checkpoint.layer_names,
        frozen=checkpoint.frozen_layers,
        momentum=momentum,
        velocities=velocities,
    )

    return replace(checkpoint, weights=weights), new_velocities
