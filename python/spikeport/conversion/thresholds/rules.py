"""θ by the name of a rule, from what a network was seen to put out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.conversion.thresholds.by_data import by_data
from spikeport.conversion.thresholds.distribution import Outputs, Theta
from spikeport.conversion.thresholds.each_unit import AT_ONCE, SHARES, each_neuron, shares_of
from spikeport.conversion.thresholds.network import channels_of, has_free_theta, thetas_of
from spikeport.conversion.thresholds.percentile import by_percentile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from spikeport.reading.network import ReadNetwork

Array = npt.NDArray[Any]
Thetas = dict[str, Array]

PERCENTILES: Final = (99.9, 99.0, 95.0)
"""Those that are tried where none was asked for."""

EVERY: Final = (*(f"percentile {share:g}" for share in PERCENTILES), "data", "balanced")
"""The names of all rules that are tried where none was asked for, but for the shares of a percentile."""


@dataclass(frozen=True)
class Rules:
    """What every rule says of the same samples.

    Attributes
    ----------
    network : what was read
    values : what each of its nodes put out
    samples : gives the samples, (n, …), where a rule looks at them again
    percentile : of the output, of units that a share is taken of, and of what no rule is asked for
    levels : the largest count of a neuron
    per_channel : whether each channel, and where shares are taken each neuron, has a θ of its own
    """

    network: ReadNetwork
    values: Mapping[str, Outputs]
    samples: Callable[[], Array]
    percentile: float
    levels: int
    per_channel: bool = True

    def seeing(self, samples: Array) -> Rules:
        """Return the same rules for what the network puts out for these samples alone."""
        import torch

        network = self.network
        values = {node.name: Outputs(channels_of(network, node, self.per_channel)) for node in network.nodes}
        for start in range(0, len(samples), AT_ONCE):
            x = torch.tensor(samples[start : start + AT_ONCE], dtype=network.dtype, device=network.device)
            for node, _, output in network.walk(x):
                if node.activation is not None or node is network.output:
                    values[node.name].add(output.cpu().numpy(), is_drive=node.activation is None)
        return Rules(network, values, lambda: samples, self.percentile, self.levels, self.per_channel)

    def plain(self) -> Thetas:
        """Return θ by the percentile."""
        return thetas_of(self.network, self.values, self.percentile)[0]

    def thetas(self, name: str) -> Thetas:
        """Return θ of every node by the rule ``name``: "percentile 99", "data", "balanced", "as learnt", or a share."""
        if name == "as learnt":
            return self.plain()
        if name == "balanced":
            from spikeport.conversion.thresholds.balanced import locally_balanced

            free = [node for node in self.network.nodes if has_free_theta(self.network, node)]
            channels = {node.name: channels_of(self.network, node, self.per_channel) for node in free}
            return {**self.plain(), **locally_balanced(self.network, self.samples(), channels)}
        if "×" in name:
            return self.shares()[name]
        rule: Theta = by_data(self.levels) if name == "data" else by_percentile(float(name.split()[1]))
        return thetas_of(self.network, self.values, self.percentile, rule)[0]

    def shares(self) -> dict[str, Thetas]:
        """Return θ of each unit for every share of its percentile, by the names of these rules, ascending."""
        thetas, whose = self.plain(), ""
        if self.per_channel:
            thetas, whose = each_neuron(self.network, self.samples(), self.percentile, thetas), " of each unit"
        named = f"percentile {self.percentile:g}{whose} × "
        return {f"{named}{share:g}": shares_of(self.network, thetas, share) for share in SHARES}


def are_equal(one: Thetas, other: Thetas) -> bool:
    """Whether two rules say the same of every node."""
    return all(np.array_equal(one[name], other[name]) for name in one)
