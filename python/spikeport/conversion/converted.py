"""`ConvertedSNN`: a converted network that runs, a thin view on an `SNNGraph`."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from spikeport.certificate import Certificate
from spikeport.conversion.checks import as_array, check_theta, check_timesteps
from spikeport.errors import ConversionError
from spikeport.graph import LayerNode, RunResult, SNNGraph

Array = npt.NDArray[Any]
READOUTS = ("spikes", "membrane")
ENCODINGS = ("poisson", "current")


@dataclass(eq=False)
class ConvertedSNN:
    """A rate-coded spiking network of integrate-and-fire neurons with soft reset.

    Attributes
    ----------
    weights : one (out, in) array a layer
    biases : one (out,) array a layer, or None where a layer has none
    thresholds : one a layer, 1 after normalisation
    T : number of timesteps, unless a run names another
    names : of the layers in the graph
    v_init : membrane before the first step, in units of the threshold: 1/2 makes the rate round instead of truncate
    scales : per layer, the activation of the trained network that a rate of 1 stands for
    certificate : what the conversion did to the answer

    Raises
    ------
    spikeport.errors.ConversionError
        ``timesteps``; ``shape`` where the lists differ in length; ``threshold`` for a scale that is not above 0.
    spikeport.errors.GraphError
        for arrays that do not chain, are not finite, or thresholds that are not above 0.
    """

    weights: list[Array]
    biases: list[Array | None]
    thresholds: list[float]
    T: int
    _: KW_ONLY
    names: list[str] = field(default_factory=list)
    v_init: float = 0.5
    scales: list[float] = field(default_factory=list)
    certificate: Certificate = field(default_factory=lambda: Certificate("unchecked", "built from arrays alone"))

    def __post_init__(self) -> None:
        self.T = check_timesteps(self.T)
        n = len(_listed("weights", self.weights))
        self.names = self.names or [f"layer_{i}" for i in range(n)]
        self.scales = self.scales or [1.0] * n
        for name in ("biases", "thresholds", "names", "scales"):
            if len(_listed(name, getattr(self, name))) != n:
                raise ConversionError("shape", f"{name} has {len(getattr(self, name))} entries for {n} weights")
        self.scales = [check_theta(scale, "a scale") for scale in self.scales]
        self.graph.validate()

    @property
    def n_layers(self) -> int:
        """Number of layers, the output layer included."""
        return len(self.weights)

    @property
    def graph(self) -> SNNGraph:
        """The network as a new `SNNGraph`: it shares no memory with this object."""
        parts = zip(self.names, self.weights, self.biases, self.thresholds, strict=True)
        return SNNGraph(
            [LayerNode(name, *_widths(W), W, "IF", bias=b, threshold=θ, v_init=self.v_init) for name, W, b, θ in parts]
        )

    def run(
        self,
        x: npt.ArrayLike,
        *,
        T: int | None = None,
        encoding: str = "poisson",
        seed: int = 0,
        readout: str = "spikes",
        backend: str = "auto",
    ) -> Array:
        """Run the network on ``x`` and return what its output layer did.

        Parameters
        ----------
        x : (n_inputs,) or (batch, n_inputs); further axes of a sample are flattened
        T : number of timesteps, `T` of this object by default
        encoding : "poisson" draws spikes with the value as rate in [0, 1]; "current" feeds the value at every step,
            which needs no luck and far fewer steps
        seed : of the Poisson draws; a sample's draws do not depend on its place in the batch
        readout : "spikes" or "membrane"
        backend : see `spikeport.backends.get_backend`

        Returns
        -------
        (n_outputs,) or (batch, n_outputs)
            "spikes": the counts of the output neurons, whole numbers in [0, T].
            "membrane": what the output neurons received, averaged over the steps, in the units of the trained network's
            last Linear layer: its logits, negative ones included.

        Raises
        ------
        ConversionError
            ``timesteps``, ``shape``, ``encoding``, ``readout``.
        spikeport.errors.KernelError
            ``non_finite``, ``rate_range`` for Poisson input outside [0, 1], ``seed``.
        """
        if readout not in READOUTS:
            raise ConversionError("readout", f"readout {readout!r} is not one of {', '.join(READOUTS)}")
        result = self._simulate(x, T, encoding, seed, backend)
        values = result.counts[-1] if readout == "spikes" else result.drive * (self.scales[-1] / result.timesteps)
        return np.asarray(values[0] if np.ndim(x) == 1 else values)

    def classify(
        self, x: npt.ArrayLike, *, T: int | None = None, encoding: str = "poisson", seed: int = 0, backend: str = "auto"
    ) -> Any:
        """Return the class of each sample: the output neuron that received the largest drive.

        Unlike the spike counts, the drive is neither clipped nor rounded, so negative logits and ties of counts are
        told apart. Takes and raises what `run` does; returns an index for ``x`` of shape (n_inputs,), (batch,) indices
        otherwise.
        """
        classes = self._simulate(x, T, encoding, seed, backend).drive.argmax(axis=1)
        return classes[0] if np.ndim(x) == 1 else classes

    def _simulate(self, x: npt.ArrayLike, T: int | None, encoding: str, seed: int, backend: str) -> RunResult:
        timesteps = check_timesteps(self.T if T is None else T)
        if encoding not in ENCODINGS:
            raise ConversionError(
                "encoding",
                f"encoding {encoding!r} is not one of {', '.join(ENCODINGS)}; spikes of your own go to .graph.run",
            )
        graph, samples = self.graph, as_array("x", x)
        if samples.ndim != 2:
            samples = samples[None] if samples.ndim < 2 else samples.reshape(len(samples), -1)
        if samples.ndim != 2 or samples.shape[1] != graph.n_inputs:
            n = graph.n_inputs
            raise ConversionError("shape", f"x has shape {np.shape(x)}: give ({n},) for a sample, or (batch, {n})")
        return graph.run(samples, T=timesteps, encoding=encoding, seed=seed, backend=backend)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ConvertedSNN):
            return NotImplemented
        return (self.T, self.scales) == (other.T, other.scales) and self.graph == other.graph

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        widths = [np.shape(self.weights[0])[1], *(len(W) for W in self.weights)]
        return f"<ConvertedSNN {' -> '.join(map(str, widths))}, T={self.T}, {self.certificate.level}>"


def _listed(name: str, values: Any) -> Any:
    if not isinstance(values, list | tuple) and np.ndim(values) == 0:
        raise ConversionError("shape", f"{name} must be a list with one entry a layer, not {values!r}")
    return values


def _widths(weight: npt.ArrayLike) -> tuple[int, int]:
    shape = np.shape(weight)
    if len(shape) != 2:
        raise ConversionError("shape", f"weights have shape {shape}: give (n_outputs, n_inputs) for every layer")
    return shape[1], shape[0]
