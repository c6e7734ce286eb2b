"""What would help, by what is lost where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from spikeport.certification.layers.findings import LayerLoss
from spikeport.certification.layers.settled import Settled

SMALL: Final = 0.02
"""A loss below this share of the logits' deviation is not worth a word."""

UNLIKE: Final = 0.01
"""A threshold or weights further from what conversion made than this are named."""

IDLE: Final = 0.5
"""A layer whose largest activation is below this share of what it can say wastes levels."""


def advice_on(
    layers: Sequence[LayerLoss],
    timesteps: int,
    drawing: float | None,
    is_fitted: bool = False,
    settled: Settled | None = None,
) -> tuple[str, ...]:
    """Return what would help, what is wrong before what is only coarse.

    ``is_fitted`` says that weights may differ from the trained ones, ``settled`` how a lossless network settled.
    """
    worst = max(layers, key=lambda layer: layer.arrives["all"], default=None)
    most = 0.0 if worst is None else worst.arrives["all"]
    said = [*_wrong(layers, is_fitted)]
    if settled is not None and settled.share < 1:
        said.append(
            f"{1 - settled.share:.1%} of the samples had not settled, and their answers are not yet the quantised "
            f"network's: give more steps (T={4 * timesteps}); a run ends once all have settled."
        )
    if drawing is not None and drawing > max(most, SMALL):
        said.append("Drawing the input loses more than any layer: encoding='current' feeds the values themselves.")
    if worst is not None and most > SMALL and not _is_off(worst):
        said += _coarse(worst, timesteps) if settled is None else _coarse_levels(worst)
    return tuple(said)


def _coarse_levels(worst: LayerLoss) -> Iterator[str]:
    if worst.worst_kind == "clipping":
        yield f"{worst.name} clips {worst.clipped:.2%} of its active neurons: calibrate with data like this."
    more = 2 * worst.levels + 1
    yield f"{worst.name} rounds to {worst.levels} levels: levels={more} clips less and rounds more finely."
    yield "A network trained with the rounding has learnt to live with it: train_qcfs, or replace_relu_with_qcfs."


def _is_off(layer: LayerLoss) -> bool:
    return abs(layer.threshold - 1) > UNLIKE


def _wrong(layers: Sequence[LayerLoss], is_fitted: bool) -> Iterator[str]:
    for layer in layers:
        if _is_off(layer):
            charge = "more" if layer.threshold > 1 else "less"
            yield (
                f"{layer.name}: its threshold is {layer.threshold:.3g} times what its weights and scale ask for, so "
                f"each spike takes {charge} charge than it stands for: set it back, or convert again."
            )
        if layer.weights is not None and layer.weights > UNLIKE and not is_fitted:
            yield (
                f"{layer.name}: its weights differ from the trained ones by {layer.weights:.1%}, which counts as "
                "inherited by the layers behind it; certify the network before it was optimised, too."
            )
    for layer in layers:
        if 0 < layer.largest < IDLE * layer.stands_for[1] and layer.arrives["quantisation"] > SMALL:
            yield (
                f"{layer.name}: its largest activation is {layer.largest:.3g}, and as many spikes as a neuron can send "
                f"stand for {layer.stands_for[1]:.3g}, so most of its {layer.levels} levels are never used: convert "
                "again with calibration data like this."
            )


def _coarse(worst: LayerLoss, T: int) -> Iterator[str]:
    if worst.worst_kind == "clipping":
        yield (
            f"{worst.name} clips {worst.clipped:.2%} of its active neurons: calibrate with data like this, or with a "
            "higher percentile."
        )
        if worst.stands_for[0] == worst.stands_for[1]:
            yield "Where the layer has channels, a θ for each (per_channel=True) clips less for the same rounding."
        return
    if worst.worst_kind == "quantisation":
        yield f"{worst.name} rounds to {worst.levels} levels: T={4 * T} rounds to four times as many."
    else:
        yield (
            f"In {worst.name} spikes come unevenly, and a neuron that fired too early cannot take its spike back: "
            f"T={4 * T} leaves less of it; in a deep network, reading late (readout_delay) leaves out the worst steps."
        )
    yield "Several spikes a step (max_spikes) give as many levels in fewer steps."
    yield "A network trained with the rounding has learnt to live with it: train_qcfs, or replace_relu_with_qcfs."
