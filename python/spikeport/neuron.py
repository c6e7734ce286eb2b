"""The neuron: what turns a current into spikes.

Integrate-and-fire (``IF``) and leaky integrate-and-fire (``LIF``), for each step t::

    v = β·v + I[t]              β = 1 for IF
    s = v >= θ
    v = v - θ·s                 soft reset (v_reset is None)
    v = v_reset where s         hard reset

An IF neuron with soft reset may send up to ``max_spikes`` in one step: s is then how many m in 1 … max_spikes have
``v >= m·θ``.

Bipolar integrate-and-fire with a tracer (``ST-BIF``; You et al. 2024, "SpikeZIP-TF"), v in units of θ::

    v = v + I[t]/θ
    s = +1 where v >= 1 and S < tracer_max;  else -1 where v < 0 and S > tracer_min;  else 0
    S = S + s;  v = v - s

``identity`` is no neuron at all: what comes in goes out, one graded value per step.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError, SpikeportError

KINDS: Final = ("IF", "LIF", "ST-BIF", "identity")

MOST_SPIKES: Final = 127
"""Spikes of one neuron in one step, at most: a spike array holds bytes."""

PerNeuron = float | npt.NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Neuron:
    """The parameters of one layer's neurons: each one number for all of them, or an array of shape ``(n,)``.

    Attributes
    ----------
    kind : "IF", "LIF", "ST-BIF" or "identity"
    threshold : θ > 0, in units of the membrane
    v_init : membrane before the first step, in units of the threshold
    v_reset : membrane after a spike (hard reset, below the threshold), or None for soft reset
    beta : share of the membrane that one step keeps, in [0, 1]; 1 for every kind but LIF
    tracer_min, tracer_max : bounds of the tracer S, whole numbers with tracer_min <= 0 <= tracer_max (ST-BIF)
    max_spikes : the most spikes in one step, from 1 to 127; above 1 for IF with soft reset alone
    """

    kind: str = "LIF"
    threshold: PerNeuron = 1.0
    v_init: PerNeuron = 0.0
    v_reset: PerNeuron | None = None
    beta: PerNeuron = 1.0
    tracer_min: int = 0
    tracer_max: int = 31
    max_spikes: int = 1

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise GraphError("neuron_kind", f"neuron kind {self.kind!r} is not one of {', '.join(KINDS)}")
        for name in ("threshold", "v_init", "v_reset", "beta"):
            value = getattr(self, name)
            if value is not None or name != "v_reset":
                object.__setattr__(self, name, _per_neuron(name, value))
        if not np.all(np.asarray(self.threshold) > 0):
            raise GraphError("threshold", f"threshold {self.threshold} is not above 0 everywhere")
        if not np.all((np.asarray(self.beta) >= 0) & (np.asarray(self.beta) <= 1)):
            raise GraphError("beta", f"beta {self.beta} is not in [0, 1]: it is the share of v that one step keeps")
        if self.kind != "LIF" and not np.all(np.asarray(self.beta) == 1):
            raise GraphError("beta", f"{self.kind} has no leak, so beta must be 1, not {self.beta}: use 'LIF'")
        if self.v_reset is not None and self.kind in ("ST-BIF", "identity"):
            raise GraphError("v_reset", f"{self.kind} has no hard reset: leave v_reset=None")
        if self.v_reset is not None and not np.all(np.asarray(self.v_reset) < np.asarray(self.threshold)):
            raise GraphError("v_reset", f"v_reset {self.v_reset} is not below the threshold {self.threshold}")
        for name in ("tracer_min", "tracer_max"):
            object.__setattr__(self, name, _tracer_bound(name, getattr(self, name)))
        if not self.tracer_min <= 0 <= self.tracer_max:
            raise GraphError(
                "tracer", f"tracer bounds [{self.tracer_min}, {self.tracer_max}] do not hold 0, where the tracer starts"
            )
        object.__setattr__(self, "max_spikes", check_max_spikes(self.max_spikes, GraphError))
        if self.max_spikes > 1 and (self.kind != "IF" or self.v_reset is not None):
            raise GraphError(
                "max_spikes",
                f"max_spikes {self.max_spikes}: only IF with soft reset (v_reset=None) sends more than one in a step",
            )

    @property
    def is_spiking(self) -> bool:
        """Whether the neuron emits spikes at all (every kind but ``identity``)."""
        return self.kind != "identity"

    @property
    def spike_range(self) -> tuple[int, int]:
        """The least and the most that a neuron sends in one step; of ``identity`` nothing is known."""
        return (-1, 1) if self.kind == "ST-BIF" else (0, self.max_spikes)

    @property
    def is_uniform(self) -> bool:
        """Whether every parameter is a single number, the same for all neurons."""
        return all(np.ndim(v) == 0 for v in (self.threshold, self.v_init, self.v_reset, self.beta) if v is not None)

    def check_width(self, n: int) -> None:
        """Raise `GraphError` unless every per-neuron array has shape ``(n,)``."""
        for name in ("threshold", "v_init", "v_reset", "beta"):
            value = getattr(self, name)
            if np.ndim(value) == 1 and len(value) != n:
                raise GraphError("shape", f"{name} has {len(value)} values for {n} neurons: give one, or {n}")

    def take(self, rows: npt.ArrayLike) -> Neuron:
        """Return the neurons at ``rows`` (indices or a mask), parameters with them."""

        def pick(value: PerNeuron) -> PerNeuron:
            return value[np.asarray(rows)] if isinstance(value, np.ndarray) else value

        return replace(
            self,
            threshold=pick(self.threshold),
            v_init=pick(self.v_init),
            v_reset=None if self.v_reset is None else pick(self.v_reset),
            beta=pick(self.beta),
        )

    def __eq__(self, other: object) -> bool:
        """Compare kinds and parameters; one number is the same as that number for each of the neurons."""
        if not isinstance(other, Neuron):
            return NotImplemented
        if self.kind != other.kind or (self.v_reset is None) != (other.v_reset is None):
            return False
        pairs = [(getattr(self, n), getattr(other, n)) for n in ("threshold", "v_init", "v_reset", "beta")]
        whole = ("tracer_min", "tracer_max", "max_spikes")
        return all(getattr(self, n) == getattr(other, n) for n in whole) and all(
            _same(a, b) for a, b in pairs if a is not None
        )

    __hash__ = None  # type: ignore[assignment]


def _same(a: PerNeuron, b: PerNeuron) -> bool:
    alike = np.shape(a) == np.shape(b) or np.ndim(a) == 0 or np.ndim(b) == 0
    return alike and bool(np.all(np.asarray(a) == np.asarray(b)))


def check_max_spikes(max_spikes: Any, error: type[SpikeportError]) -> int:
    """Return ``max_spikes`` as an int, or raise ``error`` ``max_spikes`` unless it is whole, from 1 to 127."""
    if not _is_whole(max_spikes) or not 1 <= max_spikes <= MOST_SPIKES:
        raise error("max_spikes", f"max_spikes {max_spikes!r} is not a whole number from 1 to {MOST_SPIKES}")
    return int(max_spikes)


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _tracer_bound(name: str, value: Any) -> int:
    real = isinstance(value, int | float | np.number) and not isinstance(value, bool | np.complexfloating)
    if not real or not abs(value) <= 2**31 - 1 or int(value) != value:
        raise GraphError("tracer", f"{name} {value!r} is not a whole number of at most 31 bits")
    return int(value)


def _per_neuron(name: str, value: Any) -> PerNeuron:
    try:
        array = np.array(value)
    except ValueError:  # ragged
        array = np.array(None)
    if array.dtype.kind not in "fiub":
        raise GraphError("dtype", f"{name} {value!r} is not a number or an array of numbers")
    array = array.astype(np.float64)
    if array.ndim > 1 or array.size == 0:
        raise GraphError("shape", f"{name} has shape {array.shape}: give one number, or one for each neuron")
    if not np.isfinite(array).all():
        raise GraphError("non_finite", f"{name} {value!r} is not finite")
    if array.ndim == 0:
        return float(array)
    array.setflags(write=False)
    return array


PASS_ON: Final = Neuron("identity")
"""No neuron: the current goes on as it is."""
