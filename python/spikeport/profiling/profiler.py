"""`SpikeProfiler`: record what the layers do, ask what is wrong."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from spikeport.graph import SNNGraph
from spikeport.graph.signals import fed
from spikeport.profiling.detectors.course import Detector
from spikeport.profiling.diagnosis import diagnose
from spikeport.profiling.pathology import ProfilingError, Thresholds
from spikeport.profiling.recording.ledger import Ledger
from spikeport.profiling.recording.statistics import LayerStats
from spikeport.profiling.recording.synaptic import Operations
from spikeport.profiling.report import ProfileReport

if TYPE_CHECKING:
    from spikeport.profiling.shown.live import LiveView
    from spikeport.profiling.watching.watch import Watch


class SpikeProfiler:
    """Streaming statistics of a spiking network's layers, and the diagnosis.

    Parameters
    ----------
    dead_threshold : a neuron with a lower rate (spikes per step and sample) is dead
    saturated_threshold : a neuron with a higher rate is saturated
    gradient_explosion_ratio : a gradient norm that many times the mean of the layer's norms before is an explosion
    thresholds : all the lines that are drawn; the three above take precedence where they are not at their defaults
    detectors : further functions of (layers, thresholds) that return pathologies
    seed : of the sample of windows that the raster shows

    Memory depends on the width of the layers, not on the number of steps. As a context manager, the profiler removes
    the hooks of every `watch` at the end.
    """

    def __init__(
        self,
        dead_threshold: float = 0.01,
        saturated_threshold: float = 0.95,
        gradient_explosion_ratio: float = 100.0,
        *,
        thresholds: Thresholds | None = None,
        detectors: Iterable[Detector] = (),
        seed: int = 0,
    ) -> None:
        given = {
            "dead_rate": dead_threshold,
            "saturated_rate": saturated_threshold,
            "explosion_ratio": gradient_explosion_ratio,
        }
        usual = Thresholds()
        changes = {name: value for name, value in given.items() if value != getattr(usual, name)}
        self.detectors = list(detectors)
        self._ledger = Ledger(replace(thresholds or Thresholds(), **changes), seed)  # type: ignore[arg-type]
        self._watches: list[Watch] = []

    @property
    def thresholds(self) -> Thresholds:
        """All the lines that are drawn."""
        return self._ledger.thresholds

    @thresholds.setter
    def thresholds(self, thresholds: Thresholds) -> None:
        self._ledger.thresholds = thresholds

    @property
    def operations(self) -> Operations:
        """Synaptic operations so far, by connection."""
        return self._ledger.operations

    @property
    def listeners(self) -> list[Callable[[], None]]:
        """Functions without arguments that are called after every recording of steps."""
        return self._ledger.listeners

    @property
    def dead_threshold(self) -> float:
        """The rate below which a neuron is dead."""
        return self.thresholds.dead_rate

    @property
    def saturated_threshold(self) -> float:
        """The rate above which a neuron is saturated."""
        return self.thresholds.saturated_rate

    @property
    def gradient_explosion_ratio(self) -> float:
        """The ratio of a gradient norm to the mean of those before it that is an explosion."""
        return self.thresholds.explosion_ratio

    def record_step(
        self,
        layer: str,
        spikes: Any,
        voltages: Any = None,
        gradients: Any = None,
        surrogate: Any = None,
        *,
        layout: str | None = None,
        bits: int | None = None,
        threshold: float | None = None,
        surrogate_peak: float | None = None,
        max_spikes: int = 1,
        step: int | None = None,
    ) -> None:
        """Add one recording of ``layer``. Layers are in network order: the order of their first recording.

        Parameters
        ----------
        layer : name
        spikes : shape (neurons,), (batch, neurons) or (batch, channels, h, w), or as ``layout`` says; NumPy, or torch
            on any device. A value that is not zero is a spike; whole numbers beyond ±1 are counts of spikes.
        voltages : membranes, any shape
        gradients : the gradient at this layer, any shape; its Euclidean norm is kept
        surrogate : derivatives of the surrogate at the membranes, any shape
        layout : one letter per axis: T for steps, B for samples, any other for neurons, such as "TBN" or "BCHW"
        bits : number of neurons, where the last axis holds them packed into unsigned integers, lowest bit first
        threshold : the neurons' threshold, in units of the membrane
        surrogate_peak : the surrogate's derivative at the threshold; without it, the largest one given
        max_spikes : the most spikes that a neuron sends in one step; one that sends nearly all of them is saturated
        step : training step for the curves; without it, the number of the recording

        Raises ProfilingError (``shape``, ``layout``, ``dtype``, ``spikes``, ``step``) where a recording cannot be read
        or does not fit the ones before it; then nothing of it is kept.
        """
        if spikes is None:
            raise ProfilingError("spikes", f"{layer}: there are no spikes; record_gradient takes a gradient by itself")
        recorder = self._ledger.recorder(layer)
        recorder.record(
            recorder.n_records if step is None else _whole(step),
            spikes,
            voltages,
            gradients,
            surrogate,
            layout=layout,
            bits=bits,
            threshold=threshold,
            surrogate_peak=surrogate_peak,
            max_spikes=max_spikes,
        )
        self._ledger.tell_listeners()

    def record_gradient(self, layer: str, gradients: Any, *, step: int | None = None) -> None:
        """Add a gradient of ``layer`` by itself, of any shape; its Euclidean norm is kept.

        ``step`` is the training step for the curves; without it, the number of the gradient.
        """
        recorder = self._ledger.recorder(layer)
        recorder.record(recorder.n_gradients if step is None else _whole(step), gradients=gradients)

    def end_sequence(self) -> None:
        """Say that membranes are reset: the next step recorded does not follow the last one."""
        for recorder in self._ledger.recorders.values():
            recorder.end_sequence()

    def record_graph(self, graph: SNNGraph, x: Any, *, T: int, **options: Any) -> None:
        """Run ``graph`` on ``x`` for ``T`` steps and record every layer's spikes and synaptic operations.

        ``options`` go to `SNNGraph.run` (encoding, seed, backend).
        """
        run = graph.run(x, T=T, record=True, **options)
        given = fed(graph, x, T, **{name: options[name] for name in ("encoding", "seed") if name in options})
        self.operations.add_graph_run(graph, given, run, self.record_step)

    def watch(
        self,
        model: Any,
        every: int | None = None,
        *,
        max_overhead: float | None = None,
        gradients: bool = True,
        follow: bool = True,
        optimizer: Any = None,
    ) -> Watch:
        """Record a torch model's spiking layers by hooks, without touching its training loop.

        Parameters
        ----------
        model : a torch module with neurons of snnTorch, SpikingJelly, Norse, sinabs or spikeport, or of a kind that
            `register_neuron` was told of
        every : record one training iteration in that many (default 20); an iteration is a forward pass of ``model``,
            or all of them up to a backward pass where the loop over time is outside
        max_overhead : share of the running time that recording may take, such as 0.02; ``every`` grows to keep it
        gradients : record the gradients at the spikes
        follow : let the model's forward and backward passes mark the iterations; without it, call the watch's
            ``begin``, ``see_backward`` and ``end``
        optimizer : the torch optimizer, so that a learning rate that is too high is named with its value; without it,
            with a divisor

        Returns the watch: call its ``remove()``, or use it or the profiler as a context manager.
        Raises ProfilingError (``no_neurons``) where the model has no known neuron, (``watched``) where the profiler
        watches layers of those names already.
        """
        from spikeport.profiling.watching.watch import DEFAULT_EVERY, Watch

        watch = Watch(
            self._ledger,
            model,
            DEFAULT_EVERY if every is None else every,
            max_overhead=max_overhead,
            gradients=gradients,
            follow=follow,
            optimizer=optimizer,
        )
        self._watches.append(watch)
        return watch

    def live(self, refresh_per_second: float = 4.0) -> LiveView:
        """Return a context manager that shows one line per layer on the terminal while it is open."""
        from spikeport.profiling.shown.live import LiveView

        return LiveView(self.report, self.listeners, refresh_per_second)

    def log_scalars(self, writer: Any, step: int, prefix: str = "spikes") -> None:
        """Write every figure of `scalars` to a TensorBoard ``SummaryWriter`` (or anything with ``add_scalar``)."""
        for name, value in self.scalars(prefix).items():
            writer.add_scalar(name, value, step)

    def scalars(self, prefix: str = "spikes") -> dict[str, float]:
        """Return the present figures by name, ``prefix/layer/figure``: those that are known, all finite."""
        found: dict[str, float] = {}
        for name, stats in self.layer_stats().items():
            figures = {
                "rate": self._ledger.recorders[name].last_rate,
                "dead": stats.dead_neuron_fraction if stats.n_neurons else float("nan"),
                "saturated": stats.saturated_neuron_fraction if stats.n_neurons else float("nan"),
                "voltage_mean": stats.voltage_mean,
                "voltage_std": stats.voltage_std,
                "gradient_norm": stats.gradient_norm_last,
            }
            found |= {f"{prefix}/{name}/{key}": v for key, v in figures.items() if v == v and abs(v) != float("inf")}
        return found

    def layer_stats(self) -> dict[str, LayerStats]:
        """Return the statistics of every layer, in network order."""
        for watch in self._watches:
            watch.flush()
        return self._ledger.layer_stats()

    def report(self) -> ProfileReport:
        """Return the diagnosis of everything recorded so far."""
        layers = self.layer_stats()
        return ProfileReport(
            layers, diagnose(layers, self.thresholds, self.detectors), self.thresholds, self.operations.summary(layers)
        )

    def reset(self) -> None:
        """Forget everything recorded; watches stay."""
        for watch in self._watches:
            watch.flush()
        self._ledger.clear()

    def close(self) -> None:
        """Remove the hooks of every watch."""
        with ExitStack() as stack:  # an error of one does not keep the others from it
            for watch in self._watches:
                stack.callback(watch.remove)

    def __enter__(self) -> SpikeProfiler:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _whole(step: Any) -> int:
    try:
        return operator.index(step)
    except TypeError:
        raise ProfilingError("step", f"step is {step!r}: give a whole number") from None
