"""A whole network, node by node over all steps: the reference.

    s_input = encode(x);   s_n = neurons_n(operation_n(s_i, s_j, …))   for every node n, which reads i, j, …

A feed-forward network may finish one node over all its steps before the next begins. The readout needs no neuron of
its own: the output node's ``drive`` is what it received in all, ``Σ_t I[t]`` in the order of the steps, which under
soft reset and β = 1 is ``θ·count + v_end - v_start``, negative logits included.

A signal is steady where every step is the same, as a constant input is; then its currents are computed once. What
remembers, as a max pool does, makes no steady currents.

Under ``pulse`` the input is given once, at the first step, and biases act in that step alone. A sample has settled
after s steps where at step s no node passes on anything but 0: no later step changes anything then (SPEC.md 2.3).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.errors import KernelError
from spikeport.kernels.bounds import check_network
from spikeport.kernels.checks import as_element, as_float, as_whole, check_timesteps
from spikeport.kernels.encode import as_rates, check_seed, encode_poisson
from spikeport.kernels.integers import largest_of
from spikeport.kernels.integrate_fire import Trace
from spikeport.kernels.layer import fire, sum_in_order
from spikeport.kernels.nodes import INPUT, Node, PlacedNetwork, PlacedNode, check_values, place
from spikeport.neuron import Neuron
from spikeport.operations import Shape

Array = npt.NDArray[Any]
ENCODINGS = ("current", "poisson", "spikes", "pulse")


class Signal(NamedTuple):
    """What a node passes on: (T, batch, …), or, where every step is the same, (batch, …) and ``steady``."""

    values: Array
    steady: bool

    def steps(self, timesteps: int) -> Array:
        """Return the values of every step."""
        return np.broadcast_to(self.values, (timesteps, *self.values.shape)) if self.steady else self.values


@dataclass(frozen=True)
class RunResult:
    """What a run of a network gave; each list has one array for each node, of the node's shape.

    Attributes
    ----------
    counts : (batch, …): net spikes over the run, int64; of an ``identity`` node the sum of what it passed on, float
    membrane : (batch, …): membrane after the last step (ST-BIF: in units of the threshold; identity: 0)
    drive : (batch, …): what the output node received in all, ``θ·count + v_end - v_start`` under soft reset
    timesteps : number of steps
    spikes : (timesteps, batch, …), or None unless recorded
    settled : (batch,): after how many steps nothing moved any more, -1 where that was not seen; None unless "pulse"
    """

    counts: list[Array]
    membrane: list[Array]
    drive: Array
    timesteps: int
    spikes: list[Array] | None = None
    settled: Array | None = None


def network_run(
    nodes: Sequence[Node],
    inputs: npt.ArrayLike,
    *,
    timesteps: int,
    encoding: str = "current",
    seed: int = 0,
    record: bool = False,
    input_shape: Shape | None = None,
) -> RunResult:
    """Run ``nodes`` for ``timesteps`` steps.

    Parameters
    ----------
    nodes : the network, in an order in which each reads the input or nodes before it; the last one is the output
    inputs : (batch, *input_shape); with ``encoding="spikes"`` (timesteps, batch, *input_shape)
    encoding : "current" feeds the value at every step, "poisson" draws spikes with the value as rate in [0, 1],
        "spikes" takes the input as it is, step by step, "pulse" feeds value and biases at the first step alone
    seed : of the Poisson draws, 0 … 2^64 - 1; a draw depends on seed, step, the sample's values and the input's index
    record : keep the spikes of every node
    input_shape : of one sample; by default what a first linear node takes

    Raises
    ------
    KernelError
        ``timesteps``, ``encoding``, ``dtype``, ``shape``, ``inputs``, ``non_finite``, ``rate_range``, ``seed``; of
        integers ``not_whole``, ``overflow``, ``operation``, ``neuron_kind``.
    """
    check_timesteps(timesteps)
    network = place(nodes, input_shape)
    check_values(network)
    x = check_inputs(network, as_element("inputs", inputs), timesteps, encoding, seed)
    return walk(network, first_signal(x, timesteps, encoding, seed), timesteps, record, encoding == "pulse")


def first_signal(
    x: Array, timesteps: int, encoding: str, seed: int, encode: Callable[..., Array] = encode_poisson
) -> Signal:
    """Return the input as the signal that the first nodes read."""
    if encoding == "poisson":
        return Signal(encode(_flat(x), timesteps=timesteps, seed=seed).reshape(timesteps, *x.shape), False)
    if encoding == "pulse":
        values = np.zeros((timesteps, *x.shape), x.dtype)
        values[:1] = x
        return Signal(values, False)
    return Signal(x, encoding == "current")


Fire = Callable[[Neuron, Signal, int], Trace]


def node_currents(node: PlacedNode, signals: list[Signal], timesteps: int, dtype: Any) -> Signal:
    """Return the currents of ``node`` for the signals that it reads."""
    if all(signal.steady for signal in signals) and not node.operation.remembers:
        return Signal(node.operation.currents(*(signal.values[None] for signal in signals), dtype=dtype)[0], True)
    return Signal(node.operation.currents(*(signal.steps(timesteps) for signal in signals), dtype=dtype), False)


def node_fire(neuron: Neuron, currents: Signal, timesteps: int) -> Trace:
    """Run neurons on currents (T, batch, n), with one parameter for all or for each of the n."""
    return fire(currents.steps(timesteps), neuron)


def walk(
    network: PlacedNetwork,
    signal: Signal,
    timesteps: int,
    record: bool,
    pulse: bool = False,
    currents_of: Callable[[PlacedNode, list[Signal], int, Any], Signal] = node_currents,
    fire_of: Fire = node_fire,
) -> RunResult:
    """Run a network on a first signal; whoever computes currents and spikes otherwise says how.

    ``pulse`` says that biases act at the first step alone, and asks when each sample settles.
    """
    signals = {INPUT: signal}
    last_reader = {name: node.name for node in network.nodes for name in node.inputs}
    counts, membrane, spikes = [], [], []
    moved = np.zeros((timesteps, signal.values.shape[1]), bool) if pulse else None
    for node in network.nodes:
        read = [signals[name] for name in node.inputs]
        if moved is None:
            currents = currents_of(node, read, timesteps, network.dtype)
        else:
            currents = _with_bias_once(node, currents_of(without_bias(node), read, timesteps, network.dtype))
        trace = _fired(node, currents, timesteps, fire_of)
        if moved is not None:
            moved |= trace.spikes.reshape(*moved.shape, node.size).any(axis=2)
        passed_on = currents.steady and not node.neuron.is_spiking
        signals[node.name] = currents if passed_on else Signal(trace.spikes, False)
        for name in set(node.inputs):
            if last_reader[name] == node.name:
                del signals[name]
        counts.append(trace.counts)
        membrane.append(trace.membrane)
        if record:
            spikes.append(trace.spikes)
    drive = sum_in_order(currents.steps(timesteps))
    settled = None if moved is None else settled_after(moved)
    return RunResult(counts, membrane, drive, int(timesteps), spikes if record else None, settled)


def without_bias(node: PlacedNode) -> PlacedNode:
    """Return the node without the bias of its operation; the node itself where it has none."""
    arrays = node.operation.arrays()
    if arrays.pop("bias", None) is None:
        return node
    return replace(node, operation=node.operation.with_arrays(arrays))


def _with_bias_once(node: PlacedNode, currents: Signal) -> Signal:
    bias = node.operation.arrays().get("bias")
    if bias is not None:
        first = currents.values[:1]
        first += bias.reshape(-1, *(1,) * (len(node.shape) - 1))
    return currents


def settled_after(moved: Array) -> Array:
    """Return the first step s >= 1 in which nothing moved, for each sample, or -1."""
    still = ~moved[1:]
    first: Array = still.argmax(axis=0) + 1 if len(still) else np.zeros(moved.shape[1], np.int64)
    return np.where(still.any(axis=0), first, -1).astype(np.int64)


def _fired(
    node: PlacedNode, currents: Signal, timesteps: int, fire_of: Callable[[Neuron, Signal, int], Trace]
) -> Trace:
    """Run the neurons of ``node``, flat: a parameter for each entry of the first axis becomes one for each neuron."""
    if len(node.shape) == 1:
        return fire_of(node.neuron, currents, timesteps)
    n, values = node.size, currents.values
    lead = values.shape[: values.ndim - len(node.shape)]
    each = node.neuron if node.neuron.is_uniform else node.neuron.take(np.arange(n) // (n // node.shape[0]))
    trace = fire_of(each, Signal(values.reshape(*lead, n), currents.steady), timesteps)
    return Trace(*(part.reshape(*part.shape[:-1], *node.shape) for part in trace))


def check_encoding(encoding: Any) -> str:
    """Return an encoding, or raise `KernelError` ``encoding`` for what is none of `ENCODINGS`."""
    if encoding not in ENCODINGS:
        raise KernelError("encoding", f"encoding {encoding!r} is not one of {', '.join(ENCODINGS)}")
    return str(encoding)


def check_shape(network: PlacedNetwork, x: Array, timesteps: int, encoding: str) -> None:
    """Raise `KernelError` (``encoding``, ``shape``) unless ``x`` has the shape that a run with ``encoding`` takes."""
    check_encoding(encoding)
    shape, steps = network.input_shape, (timesteps,) if encoding == "spikes" else ()
    lead = len(steps) + 1
    if x.ndim != lead + len(shape) or x.shape[lead:] != shape or x.shape[: len(steps)] != steps:
        wanted = ("timesteps, " if steps else "") + f"batch, {', '.join(map(str, shape))}"
        raise KernelError("shape", f"inputs have shape {x.shape}: give ({wanted}) for encoding {encoding!r}")


def check_inputs(network: PlacedNetwork, x: Array, timesteps: int, encoding: str, seed: int) -> Array:
    """Return inputs ``x`` in the type of the network, or raise as `network_run` does."""
    check_shape(network, x, timesteps, encoding)
    if encoding == "poisson" and network.dtype == np.int32:
        raise KernelError("encoding", "integers have no encoding 'poisson': give its spikes, encoding='spikes'")
    if network.dtype == np.int32:
        x = as_whole("inputs", x)
        check_network(network, timesteps, largest_of(x))
        return x
    with np.errstate(over="ignore"):  # a double beyond float32 is refused by name
        x = as_float("inputs", x.astype(network.dtype, copy=False))
    if encoding == "poisson":
        check_seed(seed)
        as_rates(_flat(x))
    return x


def _flat(x: Array) -> Array:
    return x.reshape(len(x), math.prod(x.shape[1:]))
