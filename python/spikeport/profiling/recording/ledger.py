"""The ledger: what is recorded of every layer, and who is told of it.

The profiler and its watches write into one ledger, and know each other by nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from spikeport.profiling.pathology import ProfilingError, Thresholds
from spikeport.profiling.recording.layer import LayerRecorder
from spikeport.profiling.recording.statistics import LayerStats
from spikeport.profiling.recording.synaptic import Operations


class Ledger:
    """Recorders of layers by name, synaptic operations, listeners, and the names that watches have taken.

    Attributes
    ----------
    thresholds : the lines that recorders draw
    recorders : by layer, in the order of their first recording
    operations : synaptic operations by connection
    listeners : called without arguments after every recording of steps
    watched : names of the layers that a watch records
    """

    def __init__(self, thresholds: Thresholds, seed: int = 0) -> None:
        self.thresholds = thresholds
        self.recorders: dict[str, LayerRecorder] = {}
        self.operations = Operations()
        self.listeners: list[Callable[[], None]] = []
        self.watched: set[str] = set()
        self._seed = seed

    def recorder(self, layer: str) -> LayerRecorder:
        """Return the recorder of a layer, a new one where there is none yet."""
        if not isinstance(layer, str) or not layer:
            raise ProfilingError("layer", f"a layer's name must be a text that is not empty, not {layer!r}")
        if layer not in self.recorders:
            self.recorders[layer] = LayerRecorder(layer, self.thresholds, self._seed)
        return self.recorders[layer]

    def tell_listeners(self) -> None:
        """Call every listener."""
        for listener in self.listeners:
            listener()

    def take_names(self, names: Iterable[str]) -> None:
        """Take the names of layers for a watch; ProfilingError (``watched``) where another watch has one of them."""
        names = set(names)
        if twice := sorted(self.watched & names):
            raise ProfilingError(
                "watched",
                f"this profiler watches layers called {', '.join(twice)} already, and recordings are told apart by "
                "name: remove() the other watch, or give this model a profiler of its own",
            )
        self.watched |= names

    def give_back(self, names: Iterable[str]) -> None:
        """Free the names that a watch had taken."""
        self.watched -= set(names)

    def layer_stats(self) -> dict[str, LayerStats]:
        """Return the statistics of every layer of which anything is recorded, in network order."""
        return {name: recorder.stats() for name, recorder in self.recorders.items() if recorder.is_used}

    def clear(self) -> None:
        """Forget everything recorded; listeners and watched names stay."""
        self.recorders.clear()
        self.operations = Operations()
