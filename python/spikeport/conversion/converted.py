"""`ConvertedSNN`: a converted network that runs, a view that holds one `SNNGraph`."""

from __future__ import annotations

import copy
import math
import os
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.checks import takes
from spikeport.conversion.cautions import InputRangeWarning, between_steps, far_outside, unsettled
from spikeport.conversion.checks import (
    as_array,
    check_activation,
    check_classes,
    check_range,
    check_scale,
    check_timesteps,
)
from spikeport.conversion.lossless.quantised import check_settles, quantised
from spikeport.conversion.parts import GraphParts, Scale
from spikeport.conversion.readout import Readout, check_delay, read_in_parts
from spikeport.errors import ConversionError
from spikeport.graph import LayerNode, SNNGraph
from spikeport.integers import Units
from spikeport.kernels.qcfs import qcfs
from spikeport.neuron import PASS_ON

Array = npt.NDArray[Any]
READOUTS = ("spikes", "membrane")
ENCODINGS = ("poisson", "current")
PULSE = "pulse"
BEFORE = "of the network as it was converted, before its layers were changed: "


class ConvertedSNN(GraphParts):
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
        numbers of a graph of integers stand for, see `spikeport.integers.Units`.
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
    ) -> None:
        self.T = check_timesteps(T)
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
    def is_pulsed(self) -> bool:
        """Whether its input is given once, as a pulse, and its values are sums: so of a lossless network."""
        return self.encoding == PULSE

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

    def _is_ours(self, layer: LayerNode, channels: Array | None) -> bool:
        """Whether a layer has the neurons that conversion gave the one of its name, but for θ, or to ``channels``."""
        own = self.graph[layer.name].neuron
        if not layer.neuron.is_spiking:
            return layer.neuron == PASS_ON
        return layer.neuron == replace(own if channels is None else own.take(channels), threshold=layer.threshold)

    @takes("T", instead_of="timesteps")
    def run(
        self,
        x: npt.ArrayLike,
        *,
        T: int | None = None,
        encoding: str | None = None,
        seed: int = 0,
        readout: str = "spikes",
        readout_delay: int = 0,
        backend: str = "auto",
        max_bytes: int | None = None,
        threads: int | None = None,
        with_settled: bool = False,
    ) -> Any:
        """Run the network on ``x`` and return what its output layer did.

        Parameters
        ----------
        x : a sample or a batch, of the shape that the network takes, or flat
        T : number of timesteps, `T` of this object by default
        encoding : "poisson", the default, draws spikes with the value as rate in [0, 1]; "current" feeds the value at
            every step, which needs no luck and far fewer steps. A lossless network takes "pulse" alone: the value
            once, and steps until nothing moves, at most T
        seed : of the Poisson draws; a sample's draws do not depend on its place in the batch
        readout : "spikes" or "membrane"
        readout_delay : steps at the start that are not read, fewer than T: in a deep network they pass before the
            signal has come through; costs a second run of so many steps
        backend : see `spikeport.backends.get_backend`
        max_bytes : about what the run may take beside ``x``, by default 512 MiB: a large batch runs in parts, with the
            same bits
        threads : on how many samples are shared out, with the same bits; see `SNNGraph.run`

        Returns
        -------
        (n_outputs,) or (batch, n_outputs)
            "spikes": the counts of the output neurons, whole numbers from 0 to the number of steps that are read,
            times ``max_spikes`` where neurons send several in one.
            "membrane": what the output neurons received, averaged over the steps that are read, in the units of the
            trained network's output: its logits, negative ones included; behind the activation where it ends in one.
            Of a lossless network, whose output neurons pass on what they receive, either is its sum, the logits.

            ``with_settled`` asks for a pair: this, and after how many steps each sample settled, -1 where it did not.

        Raises
        ------
        ConversionError
            ``timesteps``, ``shape``, ``encoding``, ``readout`` (a delay, or steps of settling, where there are none).
        spikeport.errors.KernelError
            ``non_finite``, ``rate_range`` for Poisson input outside [0, 1], ``seed``, ``memory`` where one sample takes
            more than ``max_bytes``.

        Warns
        -----
        InputRangeWarning
            where ``x`` lies far outside `input_range`.
        InputStepWarning
            where the inputs that a network of integers was made for are whole numbers, and ``x`` lies between them.
        UnsettledWarning
            where samples of a lossless network did not settle within T steps.
        """
        if readout not in READOUTS:
            raise ConversionError("readout", f"readout {readout!r} is not one of {', '.join(READOUTS)}")
        read = self._simulate(x, T, encoding, seed, readout_delay, backend, max_bytes, threads)
        values = read.counts if readout == "spikes" and not self.is_pulsed else self.decoded(read.drive, read.timesteps)
        return self._answer(x, values, read, with_settled)

    def _answer(self, x: npt.ArrayLike, values: Array, read: Readout, with_settled: bool) -> Any:
        alone = self._is_sample(x)
        answer = values[0] if alone else values
        if not with_settled:
            return answer
        if read.settled is None:
            raise ConversionError("readout", "rates never settle: with_settled is of networks that a pulse is given")
        return answer, read.settled[0] if alone else read.settled

    def quantised(self, x: npt.ArrayLike, *, backend: str = "auto") -> Array:
        """Return what the quantised network answers, the one that a lossless network settles on.

        Every activation is ``clip(floor(z/θ + 1/2), 0, N)·θ``, computed once, without steps; the answer is what `run`
        gives for samples that settle. Raises `ConversionError` ``neuron`` where neurons settle on no such thing.
        """
        check_settles(self.graph)
        samples = self._samples(x)
        drive = quantised(self.graph, self.fed(samples), backend).drive.reshape(len(samples), self.graph.n_outputs)
        values = self.decoded(drive, 1)
        return np.asarray(values[0] if self._is_sample(x) else values)

    def decoded(self, drive: Array, timesteps: int) -> Array:
        """Return what the output received in so many steps, (batch, n_outputs), as the trained network's output."""
        scale, spikes = np.asarray(self.scales[-1]), self.graph[-1].neuron.max_spikes
        values = drive * (scale * (1.0 if self.units is None else self.units.drive_step) / timesteps)
        if self.output_activation == "relu":
            return np.maximum(values, 0)
        if self.output_activation == "clamp":
            return np.clip(values, 0, scale * spikes)
        if self.output_activation == "qcfs":
            return qcfs(values, timesteps=self.output_levels or timesteps, threshold=scale * spikes)
        return values

    @takes("T", instead_of="timesteps")
    def classify(
        self,
        x: npt.ArrayLike,
        *,
        T: int | None = None,
        encoding: str | None = None,
        seed: int = 0,
        readout_delay: int = 0,
        backend: str = "auto",
        max_bytes: int | None = None,
        threads: int | None = None,
        with_settled: bool = False,
    ) -> Any:
        """Return the class of each sample: the output that came out largest; of a single output, whether it is above 0.

        What the output neurons received is compared, behind the activation where the trained network ends in one.
        Unlike the spike counts it is neither clipped at T nor rounded: negative logits and ties of counts are told
        apart. Takes and raises what `run` does; returns an index for one sample, (batch,) indices for a batch, and
        beside it the steps of settling where they are asked for.
        """
        read = self._simulate(x, T, encoding, seed, readout_delay, backend, max_bytes, threads)
        return self._answer(x, classes_of(self.decoded(read.drive, read.timesteps)), read, with_settled)

    def fed(self, x: Array) -> Array:
        """Return what the graph is fed for real inputs: these, or for a network of integers whole numbers."""
        return x if self.units is None else self.units.input.whole(x)

    def _is_sample(self, x: npt.ArrayLike) -> bool:
        return np.shape(x) == self.graph.input_shape or np.ndim(x) == 1

    def _simulate(
        self,
        x: npt.ArrayLike,
        T: int | None,
        encoding: str | None,
        seed: int,
        readout_delay: int,
        backend: str,
        max_bytes: int | None,
        threads: int | None,
    ) -> Readout:
        timesteps = check_timesteps(self.T if T is None else T)
        delay = check_delay(readout_delay, timesteps)
        encoding = self.encoding if encoding is None else encoding
        known = (PULSE,) if self.is_pulsed else ENCODINGS if self.units is None else ENCODINGS[1:]
        if encoding not in known:
            what = "a lossless network settles" if self.is_pulsed else "spikes of your own go to .graph.run"
            what = "integers draw no Poisson spikes" if self.units is not None and encoding == "poisson" else what
            raise ConversionError("encoding", f"encoding {encoding!r} is not one of {', '.join(known)}; {what}")
        samples = self._samples(x)
        if self.input_range is not None and samples.size and samples.dtype.kind in "fiub":
            message = far_outside(float(samples.min()), float(samples.max()), self.input_range)
            self._warn(InputRangeWarning(message) if message else None)
        how: dict[str, Any] = {"encoding": encoding, "seed": seed, "backend": backend, "threads": threads}
        if self.units is not None and samples.size and samples.dtype.kind in "fiub":
            self._warn(between_steps(samples, self.units.input))
        read = read_in_parts(self.graph, self.fed(samples), timesteps, delay, max_bytes, **how)
        if read.settled is not None:
            self._warn(unsettled(read.settled, timesteps))
        return read

    def _samples(self, x: npt.ArrayLike) -> Array:
        """Return ``x`` as a batch of the shape that the network takes."""
        graph, samples = self.graph, as_array("x", x)
        if self._is_sample(x) or samples.ndim < 1:
            samples = samples[None]
        if samples.ndim < 2 or math.prod(samples.shape[1:]) != graph.n_inputs:
            n = ", ".join(map(str, graph.input_shape))
            one = f"({n},)" if len(graph.input_shape) == 1 else f"({n})"
            raise ConversionError("shape", f"x has shape {np.shape(x)}: give {one} for a sample, or (batch, {n})")
        return samples.reshape(len(samples), *graph.input_shape)

    def _warn(self, warning: Warning | None) -> None:
        if warning is not None:
            warnings.warn(warning, stacklevel=5)  # past the check of the arguments' names

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


def classes_of(values: Array) -> Array:
    """Return the class of each sample from (batch, n_outputs): the largest output; of a single one, whether above 0."""
    return values.argmax(axis=1) if values.shape[1] > 1 else (values[:, 0] > 0).astype(np.int64)


def _listed(name: str, values: Any) -> Any:
    if not isinstance(values, list | tuple) and np.ndim(values) == 0:
        raise ConversionError("shape", f"{name} must be a list with one entry for each layer, not {values!r}")
    return values


def _widths(weight: npt.ArrayLike) -> tuple[int, int]:
    shape = np.shape(weight)
    if len(shape) != 2:
        raise ConversionError("shape", f"weights have shape {shape}: give (n_outputs, n_inputs) for every layer")
    return shape[1], shape[0]
