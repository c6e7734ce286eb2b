"""From a network that was read, and what was seen of it, to one that settles on its quantised activations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from spikeport.conversion.calibrating.asked import Asked
from spikeport.conversion.calibrating.spiking import Made, rules_of
from spikeport.conversion.calibration import Seen
from spikeport.conversion.lossless.balance import levelled
from spikeport.conversion.lossless.grid import on_grid
from spikeport.conversion.thresholds.distribution import Outputs
from spikeport.conversion.thresholds.network import has_free_theta, thetas_of

if TYPE_CHECKING:
    from spikeport.reading.network import ReadNetwork


def settling(network: ReadNetwork, values: Mapping[str, Outputs], seen: Seen, asked: Asked) -> Made:
    """Return the network of ST-BIF neurons for what each node put out, ``values``, on the samples ``seen``.

    ``asked.timesteps`` is the number of levels, which the rules for thresholds ask for.
    """
    plain, silent = thetas_of(network, values if seen.count else None, asked.percentile)
    name = f"percentile {asked.percentile:g}" if asked.rule == "percentile" else asked.rule
    if not seen.count or not any(has_free_theta(network, node) for node in network.nodes):
        name = "as learnt"
    thetas = plain if name == "as learnt" else rules_of(network, values, seen, asked).thetas(name)
    graph, scales = levelled(network, thetas, asked.timesteps)
    details = {"thresholds": name, **({"silent_layers": silent} if silent and seen.count else {})}
    return Made(on_grid(graph), scales, silent if seen.count else [], details)
