"""θ for every node of a network that was read: its own where it has one, else what a rule says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from spikeport.conversion.thresholds.distribution import Outputs, Theta
from spikeport.conversion.thresholds.percentile import by_percentile

if TYPE_CHECKING:
    from spikeport.reading.network import ReadNetwork, ReadNode

Array = npt.NDArray[Any]


def channels_of(network: ReadNetwork, node: ReadNode, per_channel: bool) -> int:
    """Return how many θ a node has: one for each channel of an image, else one."""
    return node.shape[0] if per_channel and len(node.shape) > 1 and node is not network.output else 1


def has_free_theta(network: ReadNetwork, node: ReadNode) -> bool:
    """Whether a rule chooses the θ of a node's neurons: not where it was learnt, and not for an output that counts."""
    if node.activation is None or node.activation.kind == "qcfs":
        return False
    return not (node is network.output and (node.is_weighted or node.activation.theta is not None))


def thetas_of(
    network: ReadNetwork, values: Mapping[str, Outputs] | None, percentile: float, rule: Theta | None = None
) -> tuple[dict[str, Array], list[str]]:
    """Return θ of every node with an activation and of the output, and the names of those that are never active.

    Parameters
    ----------
    network : what was read
    values : what each of these nodes put out; None where nothing was seen, and θ is 1 unless it is known
    percentile : of the output, and of all other nodes without another ``rule``
    rule : for the neurons whose θ is free
    """
    usual = by_percentile(percentile)
    thetas, silent = {}, []
    for node in network.nodes:
        activation = node.activation
        if activation is None and node is not network.output:
            continue
        fixed = activation is not None and (activation.kind == "qcfs" or node is network.output)
        given = activation.theta if activation is not None and (fixed or values is None) else None
        if given is not None or values is None:
            thetas[node.name] = np.array([given or 1.0])
            continue
        theta = values[node.name].thetas(rule if rule is not None and has_free_theta(network, node) else usual)
        if theta is None and activation is None:  # an output layer, whose values may all be negative
            theta = np.array([usual(values[node.name].negative) or 1.0])
        if theta is None:
            silent.append(node.name)
        thetas[node.name] = np.ones(1) if theta is None else theta
    return thetas, silent
