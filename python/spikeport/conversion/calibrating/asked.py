"""What `spikeport.conversion.convert` was asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Asked:
    """How to convert.

    Attributes
    ----------
    timesteps, max_spikes : how long, and with how many spikes a step
    rule : "auto", "percentile", "balanced" or "data"
    percentile : of the rule with this name, and of an output that only counts
    per_channel : whether each channel of an image has a θ of its own
    biases, readout : whether to fit them, None where that is to be chosen
    delay : steps at the start that will not be read, None where that is to be chosen
    """

    timesteps: int
    rule: str
    percentile: float
    per_channel: bool = True
    biases: bool | None = None
    readout: bool | None = None
    max_spikes: int = 1
    delay: int | None = 0

    @property
    def delays(self) -> tuple[int, ...]:
        """What is tried: the whole run, and its second half."""
        return tuple({0: None, self.timesteps // 2: None}) if self.delay is None else (self.delay,)
