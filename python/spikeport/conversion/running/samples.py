"""What a converted network answers for samples: counts of spikes, logits, classes, and when they settled."""

from __future__ import annotations

import math
import warnings
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from spikeport.checks import takes
from spikeport.conversion.cautions import InputRangeWarning, between_steps, far_outside, unsettled
from spikeport.conversion.checks import as_array, check_timesteps
from spikeport.conversion.lossless.quantised import check_settles, quantised
from spikeport.conversion.parts import GraphParts, Scale
from spikeport.conversion.running.readout import Readout, check_delay, read_in_parts
from spikeport.errors import ConversionError
from spikeport.integers import Units
from spikeport.kernels.qcfs import qcfs

Array = npt.NDArray[Any]
READOUTS: Final = ("spikes", "membrane")
ENCODINGS: Final = ("poisson", "current")
PULSE: Final = "pulse"


class RunsOnSamples(GraphParts):
    """Runs one `SNNGraph` on samples, and says in the trained network's terms what came of it."""

    T: int
    scales: list[Scale]
    encoding: str
    units: Units | None
    input_range: tuple[float, float] | None
    output_activation: str | None
    output_levels: int | None
    readout_delay: int

    @property
    def is_pulsed(self) -> bool:
        """Whether its input is given once, as a pulse, and its values are sums: so of a lossless network."""
        return self.encoding == PULSE

    @takes("T", instead_of="timesteps")
    def run(
        self,
        x: npt.ArrayLike,
        *,
        T: int | None = None,
        encoding: str | None = None,
        seed: int = 0,
        readout: str = "spikes",
        readout_delay: int | None = None,
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
            signal has come through; costs a second run of so many steps. By default those that it was converted for
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
        readout_delay: int | None = None,
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
        readout_delay: int | None,
        backend: str,
        max_bytes: int | None,
        threads: int | None,
    ) -> Readout:
        timesteps = check_timesteps(self.T if T is None else T)
        delay = check_delay(readout_delay, timesteps, self.readout_delay)
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
            is_array = np.ndim(x) or samples.dtype != object
            what = f"x has shape {np.shape(x)}" if is_array else f"x is a {type(x).__name__}, and no array"
            raise ConversionError("shape", f"{what}: give {one} for a sample, or (batch, {n})")
        return samples.reshape(len(samples), *graph.input_shape)

    def _warn(self, warning: Warning | None) -> None:
        if warning is not None:
            warnings.warn(warning, stacklevel=5)  # past the check of the arguments' names


def classes_of(values: Array) -> Array:
    """Return the class of each sample from (batch, n_outputs): the largest output; of a single one, whether above 0."""
    return values.argmax(axis=1) if values.shape[1] > 1 else (values[:, 0] > 0).astype(np.int64)
