"""Fine-tuning: which layers are frozen, how fast the others learn, and one step of it: the reference.

frozen   = those frozen before, and layers 0 … k for ``freeze_until = k``, in the order of the network
rate[l]  = 0 where frozen;  lr_head from the head on;  lr_backbone before it
u = μ·u + g;   w = w - η·u                  in this order, no fused multiply-add; a frozen layer keeps its bits
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.checks import is_real, is_whole
from spikeport.errors import KernelError
from spikeport.kernels.checks import as_float

Array = npt.NDArray[Any]


class Schedule(NamedTuple):
    """Which layers are frozen (names, in network order) and the learning rate of every layer."""

    frozen: list[str]
    rates: list[float]


def schedule(
    layer_names: Sequence[str],
    *,
    freeze_until: int | str = -1,
    lr_backbone: float = 0.0,
    lr_head: float = 0.01,
    frozen: Sequence[str] = (),
    head: str | None = None,
) -> Schedule:
    """Return the frozen layers and the learning rates.

    Parameters
    ----------
    layer_names : the network's layers, input side first
    freeze_until : an index (layers 0 … k are frozen; -1 freezes none) or a name (up to and with that layer)
    lr_backbone, lr_head : learning rates of at least 0
    frozen : names frozen before; they stay frozen
    head : name of the first layer of the head; the last layer by default

    Raises
    ------
    KernelError
        ``unknown_layer``, ``index_range``, ``learning_rate``.
    """
    names = list(layer_names)
    for name, value in (("lr_backbone", lr_backbone), ("lr_head", lr_head)):
        if not _is_finite(value) or value < 0:
            raise KernelError("learning_rate", f"{name} must be a finite number of at least 0, not {value!r}")
    last = position(names, freeze_until) if isinstance(freeze_until, str) else _index(names, freeze_until)
    first_of_head = len(names) - 1 if head is None else position(names, head)
    before = {position(names, name) for name in frozen}
    kept = [k in before or k <= last for k in range(len(names))]
    rates = [0.0 if kept[k] else float(lr_head if k >= first_of_head else lr_backbone) for k in range(len(names))]
    return Schedule([name for name, is_kept in zip(names, kept, strict=True) if is_kept], rates)


def unfreeze(
    layer_names: Sequence[str], frozen: Sequence[str], *, names: Sequence[str] = (), all_layers: bool = False
) -> list[str]:
    """Return the layers that stay frozen, in network order, when ``names`` (or all) are set free.

    Raises `KernelError` with ``unknown_layer`` for a name that is not in ``layer_names``.
    """
    known = list(layer_names)
    free = {position(known, name) for name in names}
    before = {position(known, name) for name in frozen}
    return [] if all_layers else [known[k] for k in sorted(before - free)]


def step(
    weights: Sequence[npt.ArrayLike],
    gradients: Sequence[npt.ArrayLike],
    rates: Sequence[float],
    *,
    layer_names: Sequence[str],
    frozen: Sequence[str] = (),
    momentum: float = 0.0,
    velocities: Sequence[npt.ArrayLike] | None = None,
) -> tuple[list[Array], list[Array]]:
    """Return the weights and velocities after one step of gradient descent with momentum.

    A layer that is frozen, or whose rate is 0, keeps the bits of its weights and of its velocity.

    Parameters
    ----------
    weights, gradients, velocities : one array per layer, all three of one shape; velocities are zeros by default
    rates : learning rate η >= 0, one per layer
    layer_names, frozen : names of all layers, and of the frozen ones
    momentum : μ in [0, 1)

    Raises
    ------
    KernelError
        ``momentum``, ``shape``, ``unknown_layer``, ``learning_rate``, ``non_finite``, in this order.
    """
    if not (_is_finite(momentum) and 0 <= momentum < 1):
        raise KernelError("momentum", f"momentum must be in [0, 1), not {momentum!r}")
    if velocities is None:
        velocities = [np.zeros_like(np.asarray(w)) for w in weights]
    if not len(layer_names) == len(weights) == len(gradients) == len(rates) == len(velocities):
        raise KernelError("shape", "names, weights, gradients, rates, velocities differ in number: give one per layer")
    still = {position(layer_names, name) for name in frozen}
    new_weights, new_velocities = [], []
    layers = zip(weights, gradients, rates, velocities, strict=True)
    for index, (weight, gradient, rate, velocity) in enumerate(layers):
        if not _is_finite(rate) or rate < 0:
            raise KernelError("learning_rate", f"a rate must be a finite number of at least 0, not {rate!r}")
        w = as_float("weights", weight)
        g, u = (as_float(n, a).astype(w.dtype) for n, a in (("gradients", gradient), ("velocities", velocity)))
        if not w.shape == g.shape == u.shape:
            raise KernelError("shape", f"weights {w.shape}, gradients {g.shape} and velocities {u.shape} differ")
        if rate > 0 and index not in still:
            u = w.dtype.type(momentum) * u + g
            w = w - w.dtype.type(rate) * u
        new_weights.append(w.copy())
        new_velocities.append(u.copy())
    return new_weights, new_velocities


def position(layer_names: Sequence[str], name: str) -> int:
    """Return the index of a layer's name; `KernelError` with ``unknown_layer`` where there is none."""
    if name not in layer_names:
        raise KernelError("unknown_layer", f"no layer is called {name!r}: there are {', '.join(layer_names)}")
    return list(layer_names).index(name)


def _is_finite(value: float) -> bool:
    return is_real(value) and math.isfinite(value)


def _index(names: Sequence[str], until: int) -> int:
    if not is_whole(until):
        raise KernelError("index_range", f"freeze_until must be a layer's index or name, not {until!r}")
    if not -1 <= until < len(names):
        raise KernelError(
            "index_range", f"freeze_until={until} is not an index of {len(names)} layers: -1 freezes none"
        )
    return int(until)
