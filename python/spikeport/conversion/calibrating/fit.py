"""What can be fitted to a network as it spikes, and how a certificate tells of it."""

from __future__ import annotations

from typing import NamedTuple


class Fit(NamedTuple):
    """What is fitted to a network as it spikes, beside its readout.

    Attributes
    ----------
    biases : whether they are calibrated
    starts : whether neurons may begin late; then biases are calibrated, too
    weights : λ of a regression of each hidden layer's weights, or None where they are as trained; then, too
    thresholds : whether θ of each channel is chosen once more on the network as it spikes, with all the others
    """

    biases: bool = False
    starts: bool = False
    weights: float | None = None
    thresholds: bool = False

    @property
    def described(self) -> dict[str, str]:
        """What a certificate says of it."""
        return {
            "biases": "calibrated, late starts" if self.starts else "calibrated" if self.biases else "as trained",
            "weights": said(self.weights),
        }


def said(ridge: float | None) -> str:
    """Return how weights that a regression with λ fitted are told of."""
    return "as trained" if ridge is None else f"ridge {ridge:g}"
