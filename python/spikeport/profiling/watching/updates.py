"""How far an update moves weights: a sample of them before it, held against the same ones after it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from spikeport.profiling.pathology import ProfilingError
from spikeport.profiling.recording.causes import Update
from spikeport.profiling.watching.connections import Connection

_SAMPLE = 1 << 14


@dataclass(eq=False)
class _Before:
    weight: Tensor
    stride: int
    sample: Tensor
    layer: str | None = None


class Updates:
    """Updates of the connections' weights in recorded iterations.

    A norm of weights counts as no smaller than half that of a usual initialisation, so that a layer that begins at 0 is
    not said to be torn away from it.

    Parameters
    ----------
    optimiser : a torch optimiser that has the learning rates, or None
    """

    def __init__(self, optimiser: Any = None) -> None:
        if optimiser is not None and not isinstance(getattr(optimiser, "param_groups", None), list):
            raise ProfilingError(
                "optimizer", f"optimizer is {type(optimiser).__name__}: give a torch optimizer, which has param_groups"
            )
        self._optimiser = optimiser
        self._before: dict[str, _Before] = {}

    def connect(self, connection: Connection) -> None:
        """Keep a sample of the weights of a connection that is called."""
        weight = connection.module.weight
        if connection.name in self._before or not weight.requires_grad:
            return
        stride = max(1, weight.numel() // _SAMPLE)
        self._before[connection.name] = _Before(weight, stride, _some(weight, stride).clone())

    def reach(self, layer: str) -> None:
        """Say that a layer is called: the connections called since the last one feed it."""
        for before in self._before.values():
            before.layer = before.layer or layer

    def settle(self, step: int) -> dict[str, Update]:
        """Return the largest update by layer, and forget the weights; weights that did not move are left out."""
        found: dict[str, Update] = {}
        for name, before in self._before.items():
            now = _some(before.weight, before.stride)
            moved, was, norm = (float(x.norm()) for x in (now - before.sample, before.sample, now))
            if before.layer is None or not (math.isfinite(moved) and moved > 0):
                continue
            fan_in = max(1, before.weight[0].numel())
            ratio = moved / max(was, math.sqrt(before.sample.numel() / (3 * fan_in)) / 2)
            if before.layer not in found or ratio > found[before.layer].ratio:
                found[before.layer] = Update(
                    connection=name,
                    step=step,
                    ratio=ratio,
                    growth=norm / was if was else math.inf,
                    learning_rate=self._rate_of(before.weight),
                )
        self._before.clear()
        return found

    def _rate_of(self, weight: Tensor) -> float | None:
        if self._optimiser is None:
            return None
        groups = (g for g in self._optimiser.param_groups if any(p is weight for p in g["params"]))
        return next((float(group["lr"]) for group in groups if "lr" in group), None)


def _some(weight: Tensor, stride: int) -> Tensor:
    return weight.detach().reshape(-1)[::stride].float()
