"""The first recorded iteration, kept whole until it is over: which weights feed which layer, and with what.

A connection feeds a layer where its output is what the layer is called with; a layer feeds a connection likewise. What
stands in between (pooling, normalisation, dropout) ends the chain: what was not seen to be so is not replayed.
"""

from __future__ import annotations

from torch import Tensor, nn

from spikeport.profiling.watching.connections import Connection
from spikeport.profiling.watching.libraries.neurons import Recording
from spikeport.profiling.watching.populations import Population
from spikeport.profiling.watching.stages import Stage, Weights, is_chained, neuron_of

_LARGEST = 1 << 23
"""Values that an iteration may show, weights included; a larger one is not kept."""


def _key(tensor: Tensor) -> tuple[int, int]:
    return tensor.data_ptr(), tensor.numel()


class Opening:
    """What the first recorded iteration shows, in the order of its calls."""

    def __init__(self) -> None:
        self.stages: list[Stage] = []
        self._is_closed = False
        self._weights: dict[str, Weights] = {}
        self._makers: dict[tuple[int, int], Weights | Stage] = {}
        self._held: list[Tensor] = []
        self._size = 0

    def connect(self, connection: Connection, x: Tensor, output: Tensor) -> None:
        """Keep a call of a connection."""
        weights = self._weights.get(connection.name)
        more = connection.module.parameters() if weights is None else ()
        if not _is_plain(connection.module) or self._is_full(x, output, *more):
            return
        if weights is None:
            weights = Weights(connection.name, connection.module, is_first=not self.stages)
            self._weights[connection.name] = weights
        source = self._makers.get(_key(x))
        weights.source = source if isinstance(source, Stage) else None
        weights.inputs.add(x)
        self._note(output, weights)

    def show(self, population: Population, recording: Recording, current: Tensor | None) -> None:
        """Keep a call of a layer; ``current`` is what it was called with."""
        spikes = recording.spikes
        if current is None or current.numel() != spikes.numel() or self._is_full(current, spikes):
            return
        stage = next((s for s in self.stages if s.population is population), None)
        if stage is None:
            stage = Stage(population, recording.layout, recording.after_reset)
            self.stages.append(stage)
        maker = self._makers.get(_key(current))
        stage.weights = maker if isinstance(maker, Weights) else None
        stage.calls.add(current.reshape(spikes.shape))
        stage.given.add(spikes)
        self._note(spikes, stage)

    def _note(self, tensor: Tensor, maker: Weights | Stage) -> None:
        self._makers[_key(tensor)] = maker
        self._held.append(tensor.detach())  # so that no other tensor comes to lie in its place

    def _is_full(self, *tensors: Tensor) -> bool:
        self._size += sum(tensor.numel() for tensor in tensors)
        is_coarse = any(tensor.device.type == "mps" for tensor in tensors)  # which has no double precision
        if (self._size > _LARGEST or is_coarse) and not self._is_closed:
            self._is_closed = True
            self.stages, self._weights, self._makers, self._held = [], {}, {}, []
        return self._is_closed

    def understand(self) -> list[Stage]:
        """Return the stages with their neurons fitted and their chains held against what was recorded."""
        for stage in self.stages:
            stage.currents, stage.spikes = stage.calls.seen(), stage.given.seen()
            if stage.weights is not None:
                stage.inputs = stage.weights.inputs.seen()
            stage.keep_one_sequence()
            if len(stage.spikes) == len(stage.currents) and len({x.shape for x in stage.currents}) == 1:
                stage.neuron = neuron_of(stage)
            else:
                stage.spikes = []
            if not is_chained(stage):
                stage.weights = None
        self._held.clear()
        return self.stages


def _is_plain(module: nn.Module) -> bool:
    """Whether a module does what its class in torch does, with a weight and a bias and nothing else."""
    plain = {kind.forward for kind in (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)}
    return type(module).forward in plain and {name for name, _ in module.named_parameters()} <= {"weight", "bias"}
