"""One step of fine-tuning a checkpoint: gradients in, a new checkpoint out, frozen layers untouched to the bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from spikeport.errors import KernelError
from spikeport.kernels import finetune
from spikeport.transfer.checkpoint import SNNCheckpoint

Array = npt.NDArray[Any]


def finetune_step(
    checkpoint: SNNCheckpoint,
    gradients: Sequence[npt.ArrayLike | None],
    rates: Sequence[float],
    *,
    momentum: float = 0.0,
    velocities: Sequence[npt.ArrayLike | None] | None = None,
) -> tuple[SNNCheckpoint, list[Any]]:
    """Return a new checkpoint after ``u = μ·u + g; w = w - η·u`` on its weights, and the velocities u.

    Parameters
    ----------
    gradients : for each layer one array of the shape of its weights, None for a node without weights
    rates : learning rate η of every layer, as `apply_transfer_config` returns them
    momentum : μ in [0, 1)
    velocities : u of the step before, None for a node without weights; zeros by default

    A layer in ``frozen_layers`` keeps its weights and velocity whatever its rate says. Raises
    `spikeport.errors.KernelError`: ``shape``, ``non_finite``, ``learning_rate``, ``momentum``; ``dtype`` for a network
    of integers.
    """
    if any(weight is not None and weight.dtype.kind == "i" for weight in checkpoint.weights):
        raise KernelError("dtype", "integers do not learn: fine-tune the network of floats that they were made from")
    names, has = checkpoint.layer_names, [weight is not None for weight in checkpoint.weights]
    given = {"gradients": gradients, "rates": rates} | ({} if velocities is None else {"velocities": velocities})
    for what, values in given.items():
        if len(values) != len(has):
            raise KernelError("shape", f"{what} has {len(values)} entries for {len(has)} layers: give one for each")

    def learning(values: Sequence[Any]) -> list[Any]:
        return [value for value, learns in zip(values, has, strict=True) if learns]

    weights, new_velocities = finetune.step(
        learning(checkpoint.weights),
        learning(gradients),
        learning(rates),
        layer_names=learning(names),
        frozen=[name for name in checkpoint.frozen_layers if name in learning(names)],
        momentum=momentum,
        velocities=None if velocities is None else learning(velocities),
    )
    new, moved = iter(weights), iter(new_velocities)
    tuned = replace(checkpoint, weights=[next(new) if learns else None for learns in has])
    return tuned, [next(moved) if learns else None for learns in has]
