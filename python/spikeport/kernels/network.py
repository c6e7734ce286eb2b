"""A whole network, node by node over all steps: the reference.

    s⁰ = encode(x);   sˡ = neurons(operation(sˡ⁻¹))  for l = 1 … L

A feed-forward network may finish one node over all its steps before the next begins. The readout needs no neuron of
its own: the output node's ``drive`` is what it received in all, ``Σ_t I[t]`` in the order of the steps, which under
soft reset and β = 1 is ``θ·count + v_end - v_start``, negative logits included.

A signal is steady where every step is the same, as a constant input is; then its currents are computed once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from spikeport.errors import KernelError
from spikeport.kernels.checks import as_float, check_timesteps
from spikeport.kernels.encode import as_rates, check_seed, encode_poisson
from spikeport.kernels.integrate_fire import Trace
from spikeport.kernels.layer import fire, sum_in_order
from spikeport.neuron import Neuron
from spikeport.operations import Operation

Array = npt.NDArray[Any]
ENCODINGS = ("current", "poisson", "spikes")


class Node(Protocol):
    """What a kernel needs to know of a node: `spikeport.graph.LayerNode` is one."""

    @property
    def operation(self) -> Operation:
        """What it does with the signal it reads."""

    @property
    def neuron(self) -> Neuron:
        """The neurons behind it."""


class Signal(NamedTuple):
    """What a node passes on: (T, batch, n), or, where every step is the same, (batch, n) and ``steady``."""

    values: Array
    steady: bool


@dataclass(frozen=True)
class RunResult:
    """What a run of a network gave; each list has one array for each node.

    Attributes
    ----------
    counts : (batch, n): net spikes over the run, int64; of an ``identity`` node the sum of what it passed on, float
    membrane : (batch, n): membrane after the last step (ST-BIF: in units of the threshold; identity: 0)
    drive : (batch, n_out): what the output node received in all, ``θ·count + v_end - v_start`` under soft reset
    timesteps : number of steps
    spikes : (timesteps, batch, n), or None unless recorded
    """

    counts: list[Array]
    membrane: list[Array]
    drive: Array
    timesteps: int
    spikes: list[Array] | None = None


def network_run(
    nodes: Sequence[Node],
    inputs: npt.ArrayLike,
    *,
    timesteps: int,
    encoding: str = "current",
    seed: int = 0,
    record: bool = False,
) -> RunResult:
    """Run ``nodes`` for ``timesteps`` steps.

    Parameters
    ----------
    nodes : the network, input side first
    inputs : (batch, n_in); with ``encoding="spikes"`` (timesteps, batch, n_in)
    encoding : "current" feeds the value at every step, "poisson" draws spikes with the value as rate in [0, 1],
        "spikes" takes the input as it is, step by step
    seed : of the Poisson draws, 0 … 2^64 - 1; a draw depends on seed, step, the sample's values and the input's index
    record : keep the spikes of every node

    Raises
    ------
    KernelError
        ``timesteps``, ``encoding``, ``dtype``, ``shape``, ``non_finite``, ``rate_range``, ``seed``.
    """
    check_timesteps(timesteps)
    check_nodes(nodes)
    x = check_inputs(nodes[0].operation, as_float("inputs", inputs), timesteps, encoding, seed)
    signal = Signal(x, encoding == "current")
    if encoding == "poisson":
        signal = Signal(encode_poisson(x, timesteps=timesteps, seed=seed), False)
    return walk(nodes, signal, timesteps, record)


def node_currents(node: Node, signal: Array) -> Array:
    """Return the currents of ``node`` for the signal that it reads."""
    return node.operation.currents(signal)


def node_fire(node: Node, currents: Signal, timesteps: int) -> Trace:
    """Run the neurons of ``node`` on its currents."""
    I = currents.values
    return fire(np.broadcast_to(I, (timesteps, *I.shape)) if currents.steady else I, node.neuron)


def walk(
    nodes: Sequence[Node],
    signal: Signal,
    timesteps: int,
    record: bool,
    currents_of: Callable[[Node, Array], Array] = node_currents,
    fire_of: Callable[[Node, Signal, int], Trace] = node_fire,
) -> RunResult:
    """Run checked ``nodes`` on a first signal; whoever computes currents and spikes otherwise says how."""
    traces = []
    for node in nodes:
        currents = Signal(currents_of(node, signal.values), signal.steady)
        traces.append(fire_of(node, currents, timesteps))
        passed_on = currents.steady and not node.neuron.is_spiking
        signal = currents if passed_on else Signal(traces[-1].spikes, False)
    I = currents.values
    drive = sum_in_order(np.broadcast_to(I, (timesteps, *I.shape)) if currents.steady else I)
    spikes, membrane, counts = (list(part) for part in zip(*traces, strict=True))
    return RunResult(counts, membrane, drive, int(timesteps), spikes if record else None)


def check_nodes(nodes: Sequence[Node]) -> None:
    """Raise `KernelError` unless ``nodes`` make a network: ``shape``, ``dtype``, ``non_finite``."""
    if not nodes:
        raise KernelError("shape", "a network needs at least one layer")
    for node in nodes:
        dtype = node.operation.dtype
        if dtype not in (np.float32, np.float64) or dtype != nodes[0].operation.dtype:
            raise KernelError("dtype", f"a layer has weights of {dtype}: make all float32, or all float64")
        for name, array in node.operation.arrays().items():
            as_float(name, array)
        if (bias := node.operation.arrays().get("bias")) is not None and bias.shape != (node.operation.n_outputs,):
            raise KernelError(
                "shape", f"a layer of {node.operation.n_outputs} has a bias of shape {bias.shape}: give one per row"
            )
    for before, after in itertools.pairwise(node.operation for node in nodes):
        if before.n_outputs != after.n_inputs:
            raise KernelError("shape", f"a layer of {before.n_outputs} feeds one that reads {after.n_inputs}")


def check_inputs(first: Operation, x: Array, timesteps: int, encoding: str, seed: int) -> Array:
    """Return inputs ``x`` in the type of the ``first`` operation, which reads them, or raise as `network_run` does."""
    if encoding not in ENCODINGS:
        raise KernelError("encoding", f"encoding {encoding!r} is not one of {', '.join(ENCODINGS)}")
    n_in = first.n_inputs
    steps = (timesteps,) if encoding == "spikes" else ()
    if x.ndim != len(steps) + 2 or x.shape[-1] != n_in or x.shape[: len(steps)] != steps:
        wanted = ("timesteps, " if steps else "") + f"batch, {n_in}"
        raise KernelError("shape", f"inputs have shape {x.shape}: give ({wanted}) for encoding {encoding!r}")
    with np.errstate(over="ignore"):  # a double beyond float32 is refused where its current overflows
        x = x.astype(first.dtype, copy=False)
    if encoding == "poisson":
        check_seed(seed)
        as_rates(as_float("inputs", x))
    return x
