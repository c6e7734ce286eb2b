"""A head for another task: the last layer anew, with as many neurons as there are classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import numpy as np

from spikeport.checks import is_whole
from spikeport.graph import LayerNode, SNNGraph
from spikeport.kernels.encode import check_seed
from spikeport.neuron import Neuron
from spikeport.operations import Linear
from spikeport.transfer.checkpoint import SNNCheckpoint
from spikeport.transfer.errors import TransferError

CLAIMS: Final = ("certificate", "accuracy")
"""What metadata say of a network's answers, and no longer holds when it answers otherwise."""


def replace_head(checkpoint: SNNCheckpoint, n_classes: int, seed: int = 0) -> SNNCheckpoint:
    """Return the checkpoint with a new last layer of ``n_classes`` neurons, not frozen; the other layers are copied.

    Its weights are drawn from the uniform distribution on ±θ/√n, n the number of inputs and θ the neurons' mean
    threshold (LeCun et al. 1998, "Efficient BackProp", section 4.6, in units of the threshold), by NumPy's PCG64: one
    seed, one head on any machine. Where the old head had a bias, the new one has zeros. The neurons are of the old
    kind, with the mean of what differs from neuron to neuron. What the metadata say of the network's answers, which are
    others now, goes into ``before_fine_tuning``.

    Raises
    ------
    TransferError
        ``checkpoint`` for anything else, ``head`` unless the last layer is linear and n_classes a whole number of at
        least 2, ``dtype`` for a network of integers; `spikeport.errors.KernelError` ``seed``.
    """
    check_is_checkpoint("replace_head", checkpoint)
    check_seed(seed)
    if not is_whole(n_classes) or n_classes < 2:
        raise TransferError("head", f"n_classes must be a whole number of at least 2, not {n_classes!r}")
    checkpoint.validate()
    graph = checkpoint.graph
    old = graph[-1]
    if not isinstance(old.operation, Linear):
        raise TransferError(
            "head",
            f"the last layer, {old.name}, is {old.operation.kind} and no linear layer: build the graph with the head "
            "that you want, and take checkpoint.with_graph(graph)",
        )
    weight, bias = old.operation.weight, old.operation.bias
    if weight.dtype.kind != "f":
        raise TransferError("dtype", "integers do not learn: take the network of floats that they were made from")
    bound = float(np.mean(old.neuron.threshold)) / np.sqrt(weight.shape[1])
    drawn = np.random.default_rng(seed).uniform(-bound, bound, (n_classes, weight.shape[1])).astype(weight.dtype)
    zeros = None if bias is None else np.zeros(n_classes, bias.dtype)
    head = LayerNode.of(old.name, Linear(drawn, zeros), _of_any_width(old.neuron), old.inputs)
    new = checkpoint.with_graph(SNNGraph([*graph.layers[:-1], head], graph.input_shape))
    new.metadata = claims_put_away(new.metadata)
    new.frozen_layers = [name for name in new.frozen_layers if name != old.name]
    scales = new.metadata.get("scales")
    if isinstance(scales, list) and len(scales) == len(graph):
        new.metadata["scales"] = [*scales[:-1], 1.0]  # the unit of a head that no trained network had
    return new


def check_is_checkpoint(function: str, given: Any) -> None:
    """Raise `TransferError` ``checkpoint`` for a network in another form."""
    if not isinstance(given, SNNCheckpoint):
        raise TransferError(
            "checkpoint",
            f"{function} takes an SNNCheckpoint, not {type(given).__name__}: load_checkpoint(path) gives one, and so "
            "does SNNCheckpoint.from_graph(graph, metadata)",
        )


def claims_put_away(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return metadata with what they claim of a network's answers under ``before_fine_tuning``, the first ones."""
    kept = {name: value for name, value in metadata.items() if name not in CLAIMS}
    claims = {name: metadata[name] for name in CLAIMS if name in metadata}
    return {"before_fine_tuning": claims, **kept} if claims else kept


def _of_any_width(neuron: Neuron) -> Neuron:
    """Return the neuron with one number for all, the mean where it has an array."""
    if neuron.is_uniform:
        return neuron
    arrays = {name: getattr(neuron, name) for name in ("threshold", "v_init", "v_reset", "beta")}
    means: dict[str, Any] = {name: float(np.mean(array)) for name, array in arrays.items() if array is not None}
    return replace(neuron, **means)
