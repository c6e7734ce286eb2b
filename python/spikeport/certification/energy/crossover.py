"""Below which activity a spiking network costs less than a conventional one: the lines that were published.

They disagree by an order of magnitude, because they count different things; so all of them stand beside each other.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Line(NamedTuple):
    """A published crossover.

    Attributes
    ----------
    source : who found it
    quantity : "spikes a synapse" (accumulates a synapse and inference) or "rate" (spikes a neuron and step)
    pays_below, costs_above : below the first it pays, above the second it does not; equal where there is one number
    timesteps : at which it was found, or None
    """

    source: str
    quantity: str
    pays_below: float
    costs_above: float
    timesteps: int | None = None

    def judge(self, spikes_a_synapse: float, rate: float) -> str:
        """Return "pays", "open" or "does not pay"."""
        value = rate if self.quantity == "rate" else spikes_a_synapse
        return "pays" if value < self.pays_below else "does not pay" if value > self.costs_above else "open"


LINES: Final = (
    Line("Davidson and Furber 2021", "spikes a synapse", 1.72, 1.72),
    Line("Dampfhoffer et al. 2022", "spikes a synapse", 0.15, 1.38),
    Line("Yan et al. 2024", "rate", 0.057, 0.057, timesteps=5),
)
