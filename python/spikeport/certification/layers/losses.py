"""What one layer loses: how far its rate is from the trained activation, in five parts that add up to it.

With θ the threshold, N = T·max_spikes the most spikes that T steps allow, u what a rate of 1 stands for, a the trained
activation, f the trained network's activation function, b what calibration added to the bias (0 where it left it alone)
and, where it did, took from the start, which is then said to be θ/2, for each neuron and sample::

    ẑ = (θ·count + v_end - v_start)/T, in the unit of the trained network        what the neuron received on average
    q = clip(floor(count + v_end/θ), 0, N)·u/T                                   what a constant ẑ would have given
    r = count·u/T                                                                what it gave

    r - a = (clip(a) - a) + (clip(f(ẑ - b)) - clip(a)) + (clip(f(ẑ)) - clip(f(ẑ - b))) + (q - clip(f(ẑ))) + (r - q)
             clipping        inherited                    shift                           quantisation      unevenness

with clip to [0, N·u/T]. Under soft reset nothing that arrives is lost, so that ẑ needs no record of the currents, and
``count + v_end/θ`` is the total charge, the start with it, in thresholds: what the neuron would have sent, had it come
evenly. `inherited` is what the layers before did; the others are the layer's own, the shift to make good for them.

The ST-BIF neurons of a lossless network are told apart in the same way: they are fed once, so that T is 1 and N the
largest tracer. Where all has settled the count is q, and there is no unevenness.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.certification.layers.trained import channelwise
from spikeport.errors import ConversionError
from spikeport.graph import LayerNode

Array = npt.NDArray[Any]

KINDS: Final = ("clipping", "quantisation", "unevenness")
"""What a layer loses by itself, in the order in which it happens."""


HALF: Final = 0.5
"""The start, in thresholds, with which counts are rounded means."""


class Losses(NamedTuple):
    """The five parts for a batch, of shape (batch, …), in the units of the trained network."""

    inherited: Array
    shift: Array
    clipping: Array
    quantisation: Array
    unevenness: Array
    clipped: Array
    """Where the trained activation lies above what N spikes stand for."""

    @property
    def own(self) -> dict[str, Array]:
        """What the layer loses by itself, by kind, and as "all" their sum with the shift."""
        found: dict[str, Array] = {kind: getattr(self, kind) for kind in KINDS}
        return {**found, "all": self.shift + sum(found.values())}


def check_neurons(layer: LayerNode, is_pulsed: bool = False) -> None:
    """Raise `ConversionError` ``neuron`` unless the rate of a layer's neurons is what conversion takes it for."""
    neuron = layer.neuron
    if neuron.is_spiking and (neuron.kind != ("ST-BIF" if is_pulsed else "IF") or neuron.v_reset is not None):
        reset = " with hard reset" if neuron.v_reset is not None else ""
        ours = (
            "ST-BIF neurons, which settle on the rounded sum of what they receive"
            if is_pulsed
            else "IF neurons with soft reset, whose counts are the rounded mean of what they receive"
        )
        raise ConversionError(
            "neuron", f"{layer.name} has {neuron.kind} neurons{reset}: what is lost is told apart for {ours}"
        )


def levels(layer: LayerNode, T: int) -> int:
    """Return N, the most spikes that a neuron can send in T steps; of ST-BIF neurons the largest sum of them."""
    return layer.neuron.tracer_max if layer.neuron.kind == "ST-BIF" else T * layer.neuron.max_spikes


def losses_of(
    layer: LayerNode,
    unit: Array,
    current_unit: Array,
    shift: Array,
    counts: Array,
    membrane: Array,
    T: int,
    activation: Array,
    function: Callable[[Array], Array],
) -> Losses:
    """Return what a layer loses.

    Parameters
    ----------
    unit, current_unit, shift : what a rate of 1, and a current of 1, stand for, and what calibration added to the bias:
        one number, or one for each channel
    counts, membrane : (batch, …), of a run of T steps
    T : steps at which the network is fed: 1 of a pulse
    activation : (batch, …), of the trained network
    function : the trained network's activation
    """
    axes = counts.ndim - 1
    u, c = channelwise(unit, axes), channelwise(current_unit, axes)
    θ, start = channelwise(layer.neuron.threshold, axes), channelwise(layer.neuron.v_init, axes)
    N = levels(layer, T)
    # ST-BIF neurons have their membrane in units of θ, but for integers.
    in_thresholds = layer.neuron.kind == "ST-BIF" and membrane.dtype.kind == "f"
    charge = counts + membrane.astype(np.float64) / (1 if in_thresholds else θ)
    added = channelwise(shift, axes)
    said = np.where(added != 0, HALF, start)
    received = (charge - said) * θ * c / T
    added = added + (start - said) * θ * c / T
    even = np.clip(np.floor(charge), 0, N) * u / T
    highest = N * u / T
    within, fed = np.clip(activation, 0, highest), np.clip(function(received), 0, highest)
    meant = np.clip(function(received - added), 0, highest) if np.any(added) else fed
    above = activation > highest
    return Losses(meant - within, fed - meant, within - activation, even - fed, counts * u / T - even, above)
