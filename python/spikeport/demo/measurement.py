"""What the demonstration measures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Measurement:
    """The spiking network on the test digits, at one T and encoding.

    Attributes
    ----------
    T, encoding : how it was run
    accuracy : share of test digits whose label it gives
    agreement : share of test digits to which it gives the trained network's answer
    spikes_per_inference : spikes of all its neurons, output neurons included, for one digit
    """

    T: int
    encoding: str
    accuracy: float
    agreement: float
    spikes_per_inference: float
