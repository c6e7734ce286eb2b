"""What each node of NIR does in one step of time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.interop.nir.geometry import POOLS, WEIGHTED, operation_of
from spikeport.interop.nir.neurons import leak_of
from spikeport.interop.nir.present import kind_of

Array = npt.NDArray[Any]


class Step(ABC):
    """One node while a graph runs: it is given what arrives, one array of shape (batch, …) for each edge, in order."""

    def __init__(self, name: str, node: Any, dtype: np.dtype[Any], dt: float) -> None:
        self.name, self.node, self.dtype, self.dt = name, node, dtype, dt

    @abstractmethod
    def step(self, arriving: Sequence[Array]) -> Array:
        """Return what the node passes on in this step."""


def added(arriving: Sequence[Array]) -> Array:
    """Return ``((0 + x_0) + x_1) + …``: several edges into a node add."""
    if len(arriving) == 1:
        return arriving[0]
    total = np.zeros_like(arriving[0])
    for signal in arriving:
        total = total + signal
    return total


class Apply(Step):
    """A weighted sum or a pool, in the order of sums of our own operations."""

    def __init__(self, name: str, node: Any, dtype: np.dtype[Any], dt: float) -> None:
        super().__init__(name, node, dtype, dt)
        self.operation = operation_of(name, node, dtype)

    def step(self, arriving: Sequence[Array]) -> Array:
        """Return the sums, or raise `GraphError` naming the node where shapes do not fit."""
        signal = added(arriving)[None]
        try:
            self.operation.output_shape(signal.shape[2:])
        except GraphError as error:
            raise GraphError(error.code, f"{self.name}: {error}") from None
        passed: Array = self.operation.currents(signal, dtype=self.dtype)[0]
        return passed


class Elementwise(Step):
    """Scale, Threshold, Flatten and Output: nothing is kept from step to step."""

    def step(self, arriving: Sequence[Array]) -> Array:
        """Return the values as they are now."""
        x, node, kind = added(arriving), self.node, kind_of(self.node)
        if kind == "Scale":
            return np.asarray(x * np.asarray(node.scale).astype(self.dtype))
        if kind == "Threshold":
            return np.asarray(x > np.asarray(node.threshold), self.dtype)
        if kind == "Flatten":
            shape = x.shape[1:]
            first, last = node.start_dim % len(shape), node.end_dim % len(shape)
            return x.reshape(len(x), *shape[:first], -1, *shape[last + 1 :])
        return x


class Membrane(Step):
    """I, LI, IF, LIF, CubaLI and CubaLIF by Euler's rule, from 0.

    What arrives at an I is added edge by edge in the order of the edges, so that a circle that begins with the
    feedback rounds as ``(v - θ·s) + x`` does.
    """

    def __init__(self, name: str, node: Any, dtype: np.dtype[Any], dt: float) -> None:
        super().__init__(name, node, dtype, dt)
        self.v: Any = dtype.type(0)
        self.current: Any = dtype.type(0)
        kind = kind_of(node)
        words = ("r", "tau") if not kind.startswith("Cuba") else ("r", "tau_mem")
        numbers = {word[:3]: np.asarray(getattr(node, word)) for word in words if hasattr(node, word)}
        self.β, self.gain = leak_of(numbers, dtype, dt)
        self.rest = (1 - self.β) * np.asarray(getattr(node, "v_leak", 0)).astype(dtype)
        self.fires, self.forgets = kind.endswith("IF"), kind not in ("I", "IF")
        if kind.startswith("Cuba"):
            self.kept, self.taken = leak_of({"tau": np.asarray(node.tau_syn), "r": np.asarray(node.w_in)}, dtype, dt)
        self.is_cuba = kind.startswith("Cuba")

    def step(self, arriving: Sequence[Array]) -> Array:
        """Return the membrane, or the spikes of what fires."""
        if self.is_cuba:
            self.current = self.kept * self.current + self.taken * added(arriving)
            arriving = [self.current]
        if self.forgets:
            self.v = self.β * self.v + (self.gain * added(arriving) + self.rest)
        else:
            for signal in arriving:
                self.v = self.v + self.gain * signal
        if not self.fires:
            return np.asarray(self.v)
        spikes = self.v > np.asarray(self.node.v_threshold)
        self.v = np.where(spikes, np.asarray(self.node.v_reset).astype(self.dtype), self.v)
        return np.asarray(spikes, self.dtype)


class Late(Step):
    """Delay, of whole steps: what is sent in a step is known before anything arrives in it, unless a delay is 0."""

    def __init__(self, name: str, node: Any, dtype: np.dtype[Any], dt: float) -> None:
        super().__init__(name, node, dtype, dt)
        steps = np.asarray(node.delay, np.float64) / dt
        self.steps = np.rint(steps).astype(int)
        if not np.allclose(steps, self.steps, rtol=1e-9, atol=0) or (self.steps < 0).any():
            raise GraphError(
                "not_exact", f"{name}: a delay of {node.delay.ravel()[0]} is no whole number of steps of {dt}"
            )
        self.history: list[Array] = []

    @property
    def is_late(self) -> bool:
        """Whether everything comes at least one step late."""
        return bool((self.steps > 0).all())

    def due(self, batch: int, ago: int = 0) -> Array:
        """Return what is sent in this step, of what arrived in the steps before it, the last one ``ago`` steps ago."""
        sent = np.zeros((batch, *self.steps.shape), self.dtype)
        for k, past in enumerate(reversed(self.history), ago):
            sent = np.where(self.steps == k, past, sent)
        return sent

    def step(self, arriving: Sequence[Array]) -> Array:
        """Take what arrives, and return what is sent where a delay is 0."""
        self.history.append(added(arriving))
        self.history = self.history[-int(self.steps.max(initial=0)) - 1 :]
        return self.due(len(self.history[-1]))


def step_of(name: str, node: Any, dtype: np.dtype[Any], dt: float) -> Step:
    """Return the node as it runs, or raise `GraphError` ``operation`` for one that NIR has not."""
    kind = kind_of(node)
    if kind in WEIGHTED or kind in POOLS:
        return Apply(name, node, dtype, dt)
    if kind in ("Scale", "Threshold", "Flatten", "Output"):
        return Elementwise(name, node, dtype, dt)
    if kind in ("I", "LI", "IF", "LIF", "CubaLI", "CubaLIF"):
        return Membrane(name, node, dtype, dt)
    if kind == "Delay":
        return Late(name, node, dtype, dt)
    raise GraphError("operation", f"{name}: no step in time is known for {kind}")
