"""Verification: the graph before and after, run on the same drives by `SNNGraph.run`, spikes compared step by step.

The drives are those of `spikeport.snn_optimizer.replay.drives`, or the caller's own. Every layer whose neurons can be
followed through the passes is compared, so the first difference is named where it arises: layer, sample, step, neuron.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.checks import is_whole, takes
from spikeport.errors import GraphError
from spikeport.graph import SNNGraph
from spikeport.snn_optimizer.proofs.scope import as_data, as_samples
from spikeport.snn_optimizer.replay.layer_replay import LayerReplay

Array = npt.NDArray[Any]
VALUES_AT_ONCE = 1 << 22  # spikes that are held at once, for all layers of one graph: one byte each


@dataclass(frozen=True)
class Difference:
    """The first difference between two runs: the earliest layer, then the earliest step.

    ``neuron`` is an index, or (channel, row, column) in an image, as before the passes.
    """

    layer: str
    sample: int
    step: int
    neuron: int | tuple[int, ...]
    before: float
    after: float

    def __str__(self) -> str:
        return (
            f"layer {self.layer!r}, sample {self.sample}, step {self.step}, neuron {self.neuron} (as before the passes)"
            f": {self.before:g} before, {self.after:g} after"
        )


@dataclass(frozen=True)
class Verification:
    """What a replay of two graphs on the same drives showed.

    Attributes
    ----------
    samples, adversarial, timesteps : drives in all, how many of them were adversarial, and how long they ran
    identical : whether every output spike of every step was the same
    agreement : share of the drives that are not adversarial with the same answer (the output that received most)
    identical_samples : share of them whose output spikes were the same at every step
    adversarial_agreement : share of the adversarial drives with the same answer, None where there are none
    largest_difference : largest difference of an output neuron's spike count (its sum, without a neuron)
    first_difference : where the first difference is, or None
    layers : hidden layers replayed on adversarial spikes (`spikeport.snn_optimizer.replay.layer_replay`); those that
        were left out, since another path leads past them, have no trains
    """

    samples: int
    adversarial: int
    timesteps: int
    identical: bool
    agreement: float
    identical_samples: float
    largest_difference: float
    adversarial_agreement: float | None = None
    first_difference: Difference | None = None
    layers: list[LayerReplay] = field(default_factory=list)

    @property
    def is_alike(self) -> bool:
        """Whether nothing differed: neither an output spike nor what followed a hidden layer set by hand."""
        return self.identical and all(layer.identical for layer in self.layers)

    def figures(self) -> dict[str, Any]:
        """Return what a measured `Certificate` takes: agreement, largest difference and the samples they are of."""
        return {
            "agreement": self.agreement,
            "largest_difference": self.largest_difference,
            "samples": self.samples - self.adversarial,
        }

    def __str__(self) -> str:
        head = f"{self.samples} drives ({self.adversarial} adversarial), {self.timesteps} steps: "
        set_by_hand = [layer.identical for layer in self.layers if layer.trains]
        past = len(self.layers) - len(set_by_hand)
        inside = f"; {sum(set_by_hand)} of {len(set_by_hand)} hidden layers alike on adversarial spikes"
        inside = (inside if set_by_hand else "") + (f"; {past} left out, past which other paths lead" if past else "")
        if self.identical:
            return f"{head}every output spike is the same{inside}"
        chosen = (
            "" if self.adversarial_agreement is None else f" ({self.adversarial_agreement:.2%} on adversarial drives)"
        )
        return (
            f"{head}{self.agreement:.2%} the same answer{chosen}, {self.identical_samples:.2%} the same output spikes "
            f"at every step{inside}; first difference: {self.first_difference}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready data."""
        return asdict(self)


@takes("timesteps", instead_of="T")
def verify(
    before: SNNGraph,
    after: SNNGraph,
    drives: npt.ArrayLike,
    *,
    timesteps: int = 16,
    encoding: str = "current",
    seed: int = 0,
    survivors: Mapping[str, Array] | None = None,
    adversarial: int = 0,
) -> Verification:
    """Run ``drives`` of shape (samples, *input_shape), or flat, through both graphs and compare their spikes.

    Parameters
    ----------
    survivors : for each layer of ``after`` that also ``before`` has, the indices there of its units (neurons, or
        channels); layers that are not named are compared only where they have the same shape, and the output always
    adversarial : how many drives, the last ones, are adversarial; they are counted apart

    Raises `GraphError` with ``shape`` where the graphs do not have the same inputs and outputs, or the drives do not
    fit; ``timesteps``; ``dtype``.
    """
    x = as_data(drives)
    if not is_whole(timesteps) or timesteps < 1:
        raise GraphError("timesteps", f"timesteps must be a whole number of at least 1, not {timesteps!r}")
    if x is None:
        raise GraphError("shape", "drives is None: give (samples, …) of the graph's input shape")
    x = as_samples(before, x, "drives")
    if (before.input_shape, before.output_shape) != (after.input_shape, after.output_shape):
        raise GraphError(
            "shape",
            f"{before!r} and {after!r} differ in inputs or outputs: "
            "only graphs that can take each other's place compare",
        )
    pairs = _followed(before, after, survivors or {})
    size = max(1, VALUES_AT_ONCE // (timesteps * sum(layer.n_neurons for layer in before)))
    agree, same = np.zeros(len(x), bool), np.zeros(len(x), bool)
    order = {layer.name: k for k, layer in enumerate(before)}
    largest = 0.0
    first: Difference | None = None
    for start in range(0, len(x), size):
        part = slice(start, start + size)
        runs = [g.run(x[part], T=timesteps, encoding=encoding, seed=seed, record=True) for g in (before, after)]
        spikes = [run.spikes or [] for run in runs]
        answers = [run.drive.reshape(len(run.drive), -1).argmax(axis=1) for run in runs]
        agree[part] = answers[0] == answers[1]
        differ = spikes[0][-1] != spikes[1][-1]
        same[part] = ~differ.any(axis=(0, *range(2, differ.ndim)))
        largest = max(largest, float(np.abs(runs[0].counts[-1] - runs[1].counts[-1]).max(initial=0)))
        first = _earlier(order, first, _first_difference(before, spikes, pairs, start))
    usual = slice(0, len(x) - adversarial)
    return Verification(
        samples=len(x),
        adversarial=adversarial,
        timesteps=timesteps,
        identical=bool(same.all()),
        agreement=float(agree[usual].mean()) if agree[usual].size else 1.0,
        identical_samples=float(same[usual].mean()) if same[usual].size else 1.0,
        largest_difference=largest,
        adversarial_agreement=float(agree[len(x) - adversarial :].mean()) if adversarial else None,
        first_difference=first,
    )


def _followed(before: SNNGraph, after: SNNGraph, survivors: Mapping[str, Array]) -> list[tuple[int, int, Array]]:
    """Return (layer before, layer after, units before) for every layer that can be compared, input side first."""
    place = {layer.name: k for k, layer in enumerate(before)}
    found = []
    for k, layer in enumerate(after):
        last = k == len(after) - 1
        at = len(before) - 1 if last else place.get(layer.name)
        if at is None or before.layers[at].neuron_type != layer.neuron_type:
            continue
        shape, own = before.layers[at].shape or (), layer.shape or ()
        rows = np.asarray(survivors.get(layer.name, np.arange(shape[0])))
        if (len(rows), *shape[1:]) == own:
            found.append((at, k, rows))
    return found


def _earlier(order: Mapping[str, int], one: Difference | None, other: Difference | None) -> Difference | None:
    found = [d for d in (one, other) if d is not None]
    return min(found, key=lambda d: (order[d.layer], d.step, d.sample), default=None)


def _first_difference(
    before: SNNGraph, spikes: list[list[Array]], pairs: list[tuple[int, int, Array]], start: int
) -> Difference | None:
    for at, k, rows in pairs:
        a, b = spikes[0][at], spikes[1][k]
        a = a if len(rows) == a.shape[2] and (rows == np.arange(len(rows))).all() else a[:, :, rows]
        if not np.array_equal(a, b):
            at_step = tuple(int(i) for i in np.argwhere(a != b)[0])
            step, sample, unit, *place = at_step
            return Difference(
                layer=before.layers[at].name,
                sample=start + sample,
                step=step,
                neuron=(int(rows[unit]), *place) if place else int(rows[unit]),
                before=float(a[at_step]),
                after=float(b[at_step]),
            )
    return None
