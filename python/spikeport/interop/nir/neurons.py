"""Neurons in NIR's words and in ours.

NIR's IF and LIF go back to ``v_reset`` and fire for ``v > θ``. A soft reset is a circle of four nodes, in time::

    x ──▶ I or LI ──▶ Threshold ──▶ spikes
            ▲             │
            └── Delay ◀── Scale          one step late, -θ for every spike (-β·θ where the membrane leaks)

The threshold is the float just below ours, so that ``>`` is our ``>=``. NIR starts every membrane at 0, so a start of
``v_init·θ`` is taken off the threshold, and off ``v_reset``, instead: the membrane is then the same but for that shift.
In steps of ``dt``, with Euler's rule::

    I, IF      v = v + r·dt·x
    LI, LIF    v = β·v + (r·dt/τ)·x;    β = 1 - dt/τ
"""

from __future__ import annotations

import operator
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.errors import GraphError
from spikeport.interop.nir.amounts import above, below, combined, gathered, not_exact, spread
from spikeport.interop.nir.present import kind_of
from spikeport.neuron import Neuron
from spikeport.operations import Shape

Array = npt.NDArray[Any]
SAID: Final = "spikeport_neuron"
"""Under this name the metadata of a node keep a neuron as it was given."""


def check_neuron(name: str, neuron: Neuron) -> None:
    """Raise `GraphError` for a neuron that NIR has no nodes for."""
    if neuron.kind == "ST-BIF":
        raise GraphError("neuron_kind", f"{name}: NIR has no neuron with a tracer, and ST-BIF is one: convert to IF")
    if neuron.max_spikes > 1:
        raise GraphError(
            "max_spikes", f"{name}: NIR's neurons send one spike a step, not max_spikes={neuron.max_spikes}"
        )
    if neuron.kind == "LIF" and np.any(np.asarray(neuron.beta) != 1) and np.any(np.asarray(neuron.v_init) != 0):
        raise GraphError(
            "v_init", f"{name}: NIR's leaky membranes start at 0, not at v_init {neuron.v_init}: set it to 0"
        )


def arrays_of(name: str, neuron: Neuron, shape: Shape, dtype: Any, *, exact: bool = True) -> dict[str, Array]:
    """Return the numbers of a neuron's NIR nodes, of the layer's shape: r, v_threshold, with a leak tau, with a hard
    reset v_reset, else scale.

    Raises `GraphError` ``not_exact`` where one would be rounded and ``exact`` is wanted.
    """
    θ = np.asarray(neuron.threshold, dtype)
    start = np.asarray(neuron.v_init, dtype) * θ
    β = np.asarray(neuron.beta, dtype)
    fires = combined(name, "threshold - v_init·threshold", operator.sub, θ, start, exact=exact)
    numbers = {"r": np.ones((), dtype), "v_threshold": below(fires)}
    if (β != 1).any():
        numbers["tau"] = numbers["r"] = _tau(name, β, exact=exact)
    if neuron.v_reset is None:
        numbers["scale"] = -combined(name, "beta·threshold", operator.mul, β, θ, exact=exact)
    else:
        reset = np.asarray(neuron.v_reset, dtype)
        numbers["v_reset"] = combined(name, "v_reset - v_init·threshold", operator.sub, reset, start, exact=exact)
    return {word: spread(values, shape) for word, values in numbers.items()}


def _tau(name: str, β: Array, *, exact: bool) -> Array:
    """Return τ with ``1 - 1/τ`` = β."""
    if (β == 1).any():
        raise not_exact(name, "a beta of 1 beside others has no time constant") from None
    wide = β.astype(np.float64)
    τ = np.asarray(1 / (1 - wide))

    def says(τ: Array) -> Array:
        return np.asarray((1 - 1 / τ).astype(β.dtype) == β)

    for near in (np.nextafter(τ, np.inf), np.nextafter(τ, 1)):
        τ = np.where(~says(τ) & says(near), near, τ)
    if exact and not says(τ).all():
        raise not_exact(name, f"beta {β[~says(τ)].ravel()[0]!r} is 1 - 1/τ for no τ")
    return τ


def said_of(neuron: Neuron) -> dict[str, Any]:
    """Return a neuron as metadata."""
    given = {word: getattr(neuron, word) for word in ("threshold", "v_init", "beta", "v_reset")}
    return {"kind": neuron.kind} | {word: value for word, value in given.items() if value is not None}


def neuron_of(name: str, nodes: dict[str, Any], shape: Shape, dtype: Any, *, dt: float, exact: bool) -> Neuron:
    """Return the neuron of NIR nodes: of ``integrator`` (I, LI, IF or LIF), and for a soft reset of ``threshold`` and
    ``scale``.

    What the metadata say of it is taken where the numbers of the nodes are its numbers, in steps of 1.
    """
    given = _numbers(nodes)
    kept = _said(nodes["integrator"]) if dt == 1 else None
    if kept is not None and _is_said(name, kept, given, shape, dtype):
        return kept
    read = {word: gathered(name, word, values, shape) for word, values in given.items()}
    β, gain = leak_of(read, dtype, dt)
    if "v_leak" in read and (read["v_leak"] != 0).any():
        raise GraphError("beta", f"{name}: v_leak {given['v_leak'].ravel()[0]} is not 0, where membranes here leak to")
    if not (gain > 0).all() or not ((β >= 0) & (β <= 1)).all():
        raise GraphError("beta", f"{name}: in steps of dt={dt} β is {β}, and the gain {gain}: give a dt that suits τ")
    divided = {
        word: _divided(name, word, read[word], gain, exact) for word in ("v_threshold", "v_reset") if word in read
    }
    fires = above(divided["v_threshold"], dtype)
    kind = "IF" if (β == 1).all() else "LIF"
    if "scale" not in read:
        return _checked(name, kind=kind, threshold=fires, v_reset=divided["v_reset"].astype(dtype), beta=β)
    return _soft(name, kind, fires, -read["scale"].astype(dtype), β, exact)


def _soft(name: str, kind: str, fires: Array, lost: Array, β: Array, exact: bool) -> Neuron:
    if kind == "LIF":
        if (combined(name, "beta·threshold", operator.mul, β, fires, exact=False) != lost).any():
            raise GraphError(
                "v_reset", f"{name}: a spike takes {lost} off the next membrane, not β·θ: β {β}, θ {fires}"
            )
        return _checked(name, kind=kind, threshold=fires, beta=β)
    start = combined(name, "the start of the membrane", operator.sub, lost, fires, exact=exact)
    if (lost <= 0).any():
        raise GraphError("threshold", f"{name}: a spike takes {lost} off the membrane, which is not above 0")
    v_init = start.astype(np.float64) / lost
    if exact and (v_init.astype(start.dtype) * lost != start).any():
        raise not_exact(name, f"the start {start} is no multiple of the threshold {lost}")
    return _checked(name, kind=kind, threshold=lost, v_init=v_init)


def leak_of(numbers: dict[str, Array], dtype: Any, dt: float) -> tuple[Array, Array]:
    """Return β and the factor of what arrives, worked out in float64 and rounded once to ``dtype``."""
    r = numbers["r"].astype(np.float64)
    if "tau" not in numbers:
        return np.ones((), dtype), (r * dt).astype(dtype)
    τ = numbers["tau"].astype(np.float64)
    return (1 - dt / τ).astype(dtype), (r * dt / τ).astype(dtype)


def _numbers(nodes: dict[str, Any]) -> dict[str, Array]:
    neuron = nodes["integrator"]
    words = ("r", "tau", "v_leak", "v_threshold", "v_reset")
    numbers = {word: np.asarray(getattr(neuron, word)) for word in words if getattr(neuron, word, None) is not None}
    if "threshold" in nodes:
        numbers |= {"v_threshold": np.asarray(nodes["threshold"].threshold), "scale": np.asarray(nodes["scale"].scale)}
    return numbers


def _divided(name: str, word: str, values: Array, gain: Array, exact: bool) -> Array:
    """Take the factor of what arrives off the membrane."""
    return combined(name, f"{word} / (the gain of the input)", operator.truediv, values, gain, exact=exact)


def _said(node: Any) -> Neuron | None:
    said = (getattr(node, "metadata", None) or {}).get(SAID)
    try:
        return None if said is None else Neuron(**said)
    except (GraphError, TypeError):
        return None


def _is_said(name: str, neuron: Neuron, given: dict[str, Array], shape: Shape, dtype: Any) -> bool:
    try:
        check_neuron(name, neuron)
        wanted = arrays_of(name, neuron, shape, dtype, exact=False)
    except (GraphError, ValueError):
        return False
    wanted |= {"v_leak": np.zeros(shape, dtype)} if "v_leak" in given else {}
    return wanted.keys() == given.keys() and all(np.array_equal(wanted[word], given[word]) for word in wanted)


def _checked(name: str, **parts: Any) -> Neuron:
    try:
        return Neuron(**parts)
    except GraphError as error:
        raise GraphError(error.code, f"{name}: {error}") from None


def nodes_of(nir: Any, neuron: Neuron, numbers: dict[str, Array], *, metadata: dict[str, Any]) -> dict[str, Any]:
    """Return the NIR nodes with these numbers, as `neuron_of` takes them."""
    word = {"r": numbers["r"]}
    if "tau" in numbers:
        word |= {"tau": numbers["tau"], "v_leak": np.zeros_like(numbers["tau"])}
    if "scale" not in numbers:
        word |= {"v_threshold": numbers["v_threshold"], "v_reset": numbers["v_reset"]}
        return {"integrator": (nir.LIF if "tau" in numbers else nir.IF)(**word, metadata=metadata)}
    return {
        "integrator": (nir.LI if "tau" in numbers else nir.I)(**word, metadata=metadata),
        "threshold": nir.Threshold(threshold=numbers["v_threshold"]),
        "scale": nir.Scale(scale=numbers["scale"]),
        "delay": nir.Delay(delay=np.ones_like(numbers["scale"])),
    }


def alone(name: str, node: Any, shape: Shape, dtype: Any) -> Neuron:
    """Return the neuron of a Threshold without a membrane before it: one that keeps nothing."""
    fires = above(gathered(name, "threshold", node.threshold, shape), dtype)
    return _checked(name, kind="LIF", threshold=fires, beta=0.0)


def is_neuron(node: Any) -> bool:
    """Whether a NIR node fires by itself."""
    return kind_of(node) in ("IF", "LIF", "Threshold")
