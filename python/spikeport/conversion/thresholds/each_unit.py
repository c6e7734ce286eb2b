"""θ of each neuron and each channel by itself, as a share of the 99.9th percentile of what it puts out.

A neuron of a linear layer is as good a unit as a channel of an image: its θ goes into its own row of weights, and into
the weights that read it. Which share serves best hangs on the number of steps: few of them ask for fine rounding, and
clip more; many round finely anyway, and ask for room above all that was seen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.conversion.thresholds.network import has_free_theta

if TYPE_CHECKING:
    from spikeport.reading.network import ReadNetwork

Array = npt.NDArray[Any]

SHARES: Final = (
    *(0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.84, 0.87, 0.9, 0.93, 0.96, 1.0),
    *(1.03, 1.07, 1.11, 1.15, 1.22, 1.3, 1.4, 1.5, 1.62, 1.75, 1.87, 2.0),
)
"""Of the percentile, ascending; every second one first, those between them where the error is smallest."""

SMALLEST: Final = 1 / 32
"""Of the median θ of a layer. A unit that is nearly silent on the calibration data says little of what it puts out on
others, and θ near 0 makes its weights hundreds of times as large as all others, for which integers have no bits."""

AT_ONCE: Final = 256


def each_neuron(
    network: ReadNetwork, samples: Array, percentile: float, thetas: Mapping[str, Array]
) -> dict[str, Array]:
    """Return ``thetas`` with one for each neuron of a hidden layer without channels, from ``samples``.

    It is the percentile of the neuron's positive activations; one that has none gets the largest of the others, and a
    layer without any keeps what it has.
    """
    import torch

    free = [node for node in network.nodes if has_free_theta(network, node) and len(node.shape) == 1]
    seen: dict[str, list[Array]] = {node.name: [] for node in free if node is not network.output}
    for start in range(0, len(samples), AT_ONCE) if seen else ():
        x = torch.tensor(samples[start : start + AT_ONCE], dtype=network.dtype, device=network.device)
        for node, _, output in network.walk(x):
            if node.name in seen:
                seen[node.name].append(output.double().cpu().numpy())
    found = {name: _of_columns(np.concatenate(parts), percentile) for name, parts in seen.items()}
    return {**thetas, **{name: values for name, values in found.items() if values is not None}}


def shares_of(network: ReadNetwork, thetas: Mapping[str, Array], share: float) -> dict[str, Array]:
    """Return a share of every θ that is free to choose; never more than what an activation is clamped at.

    θ is at least `SMALLEST` parts of the median of its layer first.
    """
    found = dict(thetas)
    for node in network.nodes:
        if has_free_theta(network, node):
            most = np.inf if node.activation is None or node.activation.theta is None else node.activation.theta
            floored = np.maximum(thetas[node.name], SMALLEST * np.median(thetas[node.name]))
            found[node.name] = np.minimum(share * floored, most)
    return found


def _of_columns(values: Array, percentile: float) -> Array | None:
    active = values > 0
    if not active.any():
        return None
    found = np.array(
        [np.percentile(c[a], percentile) if a.any() else 0.0 for c, a in zip(values.T, active.T, strict=True)]
    )
    return np.where(found > 0, found, found.max())
