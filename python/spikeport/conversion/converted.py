"""`ConvertedSNN`: a converted network that runs, a view that holds one `SNNGraph`."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.checks import takes
from spikeport.conversion.checks import check_activation, check_classes, check_range, check_scale, check_timesteps
from spikeport.conversion.parts import Scale, whole_scales
from spikeport.conversion.running.readout import check_delay
from spikeport.conversion.running.samples import ENCODINGS, PULSE, RunsOnSamples
from spikeport.errors import ConversionError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.integers import IntegerNetwork, Units
from spikeport.neuron import PASS_ON

Array = npt.NDArray[Any]
BEFORE = "of the network as it was converted, before its layers were changed: "


class ConvertedSNN(RunsOnSamples):
    """A rate-coded spiking network of integrate-and-fire neurons with soft reset: a view that holds one `SNNGraph`.

    The lists are read from the graph. What is assigned to them, or written into their arrays, is what runs next.

    Parameters
    ----------
    weights : one (out, in) array for each layer, copied
    biases : one (out,) array for each layer, copied, or None where a layer has none
    thresholds : one for each layer, 1 after normalisation
    T : number of timesteps, unless a run names another
    names : of the layers in the graph, by default ``layer_0``, ``layer_1``, …
    v_init : membrane before the first step, in units of the threshold: 1/2 makes the rate round instead of truncate
    scales : for each layer, the activation of the trained network that a rate of 1 stands for, by default 1; or a list
        with one for each of its channels
    certificate : what the conversion did to the answer
    output_activation, output_levels : "relu" or "qcfs" where the trained network ends in one; the levels of the latter
    input_range : lowest and highest value that the network was calibrated with; a run far outside it warns
    classes : the names of the outputs; or whether the largest output is the answer (True), or the values are (False)

    A lossless network (`convert` with ``neuron="st_bif"``) is one too: its `encoding` is "pulse", its T the most steps.
    So is a network of integers (``arithmetic="int8"``): its `units` say what its numbers stand for, and it takes the
    same real inputs.

    Raises
    ------
    spikeport.errors.ConversionError
        ``timesteps``; ``shape`` where the lists differ in length; ``threshold`` for a scale that is not above 0;
        ``classes``; ``readout`` for an activation that is none of the two.
    spikeport.errors.GraphError
        for arrays that do not chain, are not finite, or thresholds that are not above 0.
    """

    @takes("T", instead_of="timesteps")
    def __init__(
        self,
        weights: Sequence[npt.ArrayLike],
        biases: Sequence[npt.ArrayLike | None],
        thresholds: Sequence[float],
        T: int,
        *,
        names: Sequence[str] = (),
        v_init: float = 0.5,
        scales: Sequence[Scale] = (),
        certificate: Certificate | None = None,
        output_activation: str | None = None,
        output_levels: int | None = None,
        input_range: tuple[float, float] | None = None,
        classes: bool | Sequence[str] = True,
    ) -> None:
        T = check_timesteps(T)
        n = len(_listed("weights", weights))
        names = names or [f"layer_{i}" for i in range(n)]
        lists = {"biases": biases, "thresholds": thresholds, "names": names, "scales": scales or [1.0] * n}
        for name, values in lists.items():
            if len(_listed(name, values)) != n:
                raise ConversionError("shape", f"{name} has {len(values)} entries for {n} weights")
        self._graph = SNNGraph(
            [
                LayerNode(name, *_widths(W), W, "IF", bias=b, threshold=θ, v_init=v_init)
                for name, W, b, θ in zip(names, weights, biases, thresholds, strict=True)
            ]
        )
        certificate = certificate or Certificate("unchecked", "built from arrays alone")
        self._describe(T, scales, certificate, output_activation, output_levels, input_range, classes)

    @classmethod
    def from_graph(cls, graph: SNNGraph, T: int, **described: Any) -> ConvertedSNN:
        """Return a view of ``graph``, whatever its neurons are.

        ``described`` are ``scales``, ``certificate`` and what follows it, as the class takes and refuses them, and
        ``encoding``: "pulse" for a network that is fed once and settles, by default "poisson"; and ``units``, what the
        numbers of a graph of integers stand for, see `spikeport.integers.Units`; and ``readout_delay``, fewer than
        ``T``, the steps at the start that `run` and `classify` do not read unless told otherwise.
        """
        view = cls.__new__(cls)
        view._graph = graph
        view._describe(T, **{"certificate": Certificate("unchecked", "built from a graph alone"), **described})
        return view

    def _describe(
        self,
        T: int,
        scales: Sequence[Scale] = (),
        certificate: Certificate | None = None,
        output_activation: str | None = None,
        output_levels: int | None = None,
        input_range: tuple[float, float] | None = None,
        classes: bool | Sequence[str] = True,
        encoding: str = ENCODINGS[0],
        units: Units | None = None,
        readout_delay: int = 0,
    ) -> None:
        self.T = check_timesteps(T)
        self.readout_delay = check_delay(readout_delay, self.T)
        if encoding not in (*ENCODINGS, PULSE):
            raise ConversionError("encoding", f"encoding {encoding!r} is not one of {', '.join((*ENCODINGS, PULSE))}")
        self.encoding = encoding
        self.units = units
        self.scales = [check_scale(scale) for scale in scales or [1.0] * len(self._graph)]
        if len(self.scales) != len(self._graph):
            raise ConversionError("shape", f"scales has {len(self.scales)} entries for {len(self._graph)} layers")
        self.certificate = certificate or Certificate("unchecked", "converted without a comparison")
        self.output_activation, self.output_levels = check_activation(output_activation, output_levels)
        self.input_range = check_range(input_range)
        self.classes = check_classes(classes, self._graph.n_outputs)

    @property
    def metadata(self) -> dict[str, Any]:
        """What a checkpoint says of the network beside its layers: T, scales, certificate, and how it is to be used."""
        said: dict[str, Any] = {"T": self.T, "scales": list(self.scales), "certificate": self.certificate.to_dict()}
        said["classes"] = self.classes
        known = {
            "input_range": self.input_range and list(self.input_range),
            "output_activation": self.output_activation,
            "output_levels": self.output_levels,
            "encoding": self.encoding if self.encoding != ENCODINGS[0] else None,
            "integers": self.units and self.units.to_dict(),
            "readout_delay": self.readout_delay or None,
        }
        return said | {key: value for key, value in known.items() if value is not None}

    def save(self, path: str | os.PathLike[str], **more: Any) -> Path:
        """Save the network as a checkpoint, ``path.npz`` and ``path.json``, and return the path of the sidecar.

        Its metadata is `metadata`, and ``more`` by name, so that `spikeport.load` gives the whole back. Raises what
        `spikeport.transfer.save_checkpoint` raises; nothing that was there before is lost then.
        """
        from spikeport.transfer import SNNCheckpoint, save_checkpoint

        return save_checkpoint(SNNCheckpoint.from_graph(self.graph, metadata={**self.metadata, **more}), path)

    def with_graph(self, graph: SNNGraph, survivors: Mapping[str, Array] | None = None) -> ConvertedSNN:
        """Return a view of ``graph`` with this one's T, scales (by the names of layers) and certificate.

        The certificate says then that it is of the network as it was converted. ``survivors`` are, by layer, the
        indices of the channels that are left: a scale for each of them stays with it.

        Raises `ConversionError` ``graph`` for a layer that is not here, or whose neurons are not ours but for θ.
        """
        scales = dict(zip(self.names, self.scales, strict=True))
        for layer in graph:
            if layer.name not in scales or not self._is_ours(layer, (survivors or {}).get(layer.name)):
                raise ConversionError("graph", f"{layer!r} is no layer of this conversion: take the graph as it is")
        view = copy.copy(self)
        for name, channels in (survivors or {}).items():
            if isinstance(of_each := scales.get(name), list):
                scales[name] = [of_each[channel] for channel in channels]
        view._graph, view.scales = graph, [scales[layer.name] for layer in graph]
        if graph != self.graph and not self.certificate.reason.startswith(BEFORE):
            view.certificate = replace(self.certificate, reason=BEFORE + self.certificate.reason)
        return view

    def with_integers(self, made: IntegerNetwork) -> ConvertedSNN:
        """Return a view of the integer network that was made of this one's graph, see `spikeport.integers.quantize`.

        It takes the same real inputs; its certificate has what whole numbers did behind this one's.
        """
        view = copy.copy(self)
        view._graph, view.units = made.graph, made.units
        view.scales = whole_scales(dict(zip(self.names, self.scales, strict=True)), made)
        view.encoding = PULSE if self.is_pulsed else ENCODINGS[1]
        view.certificate = replace(self.certificate, further=(*self.certificate.further, made.certificate))
        return view

    def _is_ours(self, layer: LayerNode, channels: Array | None) -> bool:
        """Whether a layer has the neurons that conversion gave the one of its name, but for θ, or to ``channels``."""
        own = self.graph[layer.name].neuron
        if not layer.neuron.is_spiking:
            return layer.neuron == PASS_ON
        return layer.neuron == replace(own if channels is None else own.take(channels), threshold=layer.threshold)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ConvertedSNN):
            return NotImplemented
        return (self.T, self.scales) == (other.T, other.scales) and self.graph == other.graph

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        widths = [str(n) for n in (self.graph.n_inputs, *(layer.n_neurons for layer in self.graph))]
        if not self.graph.is_linear_chain:
            ends = ["×".join(map(str, shape)) for shape in (self.graph.input_shape, self.graph.output_shape)]
            widths = [ends[0], f"{len(self.graph)} layers", ends[1]]
        return f"<ConvertedSNN {' -> '.join(widths)}, T={self.T}, {self.certificate.level}>"


def _listed(name: str, values: Any) -> Any:
    if not isinstance(values, list | tuple) and np.ndim(values) == 0:
        raise ConversionError("shape", f"{name} must be a list with one entry for each layer, not {values!r}")
    return values


def _widths(weight: npt.ArrayLike) -> tuple[int, int]:
    shape = np.shape(weight)
    if len(shape) != 2:
        raise ConversionError("shape", f"weights have shape {shape}: give (n_outputs, n_inputs) for every layer")
    return shape[1], shape[0]
