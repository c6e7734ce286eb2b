"""Numbers are tried before they are said: the first recorded batch is run once more with them.

Weights are multiplied and neurons run as `Opening.understand` knows them. A layer is well where neither half of it is
dead nor a third of it saturated (the lines of `Thresholds`). What cannot be run gets no number.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from spikeport.profiling.pathology import Thresholds
from spikeport.profiling.recording.causes import Entry, Rates, Remedy
from spikeport.profiling.watching.replay import Neuron
from spikeport.profiling.watching.stages import Stage, Weights

_Neurons = dict[str, Neuron | None]
_WANTED_RATE = 0.1
_STEPS = 24


class Trial:
    """Runs of the first recorded batch through the stages that are known.

    Attributes
    ----------
    entry : what enters the first layer, or None where nothing is known of it
    remedies : thresholds with which dead layers were well, by layer
    """

    def __init__(self, stages: list[Stage], limits: Thresholds) -> None:
        self.stages, self.limits = stages, limits
        self.before = {stage.name: stage.in_time(stage.spikes) for stage in stages if stage.spikes}
        first = stages[0] if stages else None
        self.entry = None if first is None or first.weights is None else self._enter(first, first.weights)
        self.remedies = {} if self._has_fault() else self._mend()

    def with_update(self, share: float) -> Rates | None:
        """Return the rates after a share of the weights' update since, or None where a layer falls ill by it."""
        spikes = self._run(share=share)
        ill = any(self._is_ill(s) and not self._is_ill(self.before[name]) for name, s in spikes.items())
        return None if ill or not spikes else _rates(spikes)

    def _has_fault(self) -> bool:
        θ = self.stages[0].population.threshold if self.stages else None
        return self.entry is not None and self.entry.fault(θ, self.limits) is not None

    def _enter(self, stage: Stage, weights: Weights) -> Entry | None:
        bias = weights.at_first.get("bias")
        if weights.source is not None:
            return None
        plain = weights.at_first | ({} if bias is None else {"bias": torch.zeros_like(bias)})
        drive = torch.stack(weights.run(stage.inputs, plain)).double().square().mean().sqrt()
        x = torch.stack([x.abs().max() for x in stage.inputs]).max()
        entry = Entry(
            connection=weights.name,
            largest=float(x),
            drive=float(drive),
            bias=0.0 if bias is None else float(bias.double().square().mean().sqrt()),
        )
        return self._scaled(stage, entry)

    def _scaled(self, stage: Stage, entry: Entry) -> Entry:
        """Return the entry with a factor of the input, where its scale is at fault and a factor heals it."""
        if entry.fault(stage.population.threshold, self.limits) is None or stage.neuron is None:
            return entry
        values = torch.stack(stage.inputs).double()
        usual = 1 / entry.largest if float(values.min()) >= 0 else 1 / max(float(values.std()), 1e-300)
        for more in (1, 0.5, 2, 0.25, 4):
            factor = _rounded(usual * more, 3)
            spikes = self._run(factor=factor)
            if spikes and not self._is_ill(spikes[stage.name]) and all(s.any() for s in spikes.values()):
                return Entry(**{**vars(entry), "factor": factor, "rates": _rates(spikes)})
        return entry

    def _mend(self) -> dict[str, Remedy]:
        """Return thresholds for the layers that are dead, each tried with those before it mended."""
        found: dict[str, Remedy] = {}
        neurons: _Neurons = {stage.name: stage.neuron for stage in self.stages}
        for stage in self.stages:
            spikes = self._run(neurons=neurons).get(stage.name)
            neuron = stage.neuron
            if spikes is None or neuron is None or not self._is_dead(spikes):
                continue
            for step in range(1, _STEPS):
                θ = _rounded(neuron.threshold / math.sqrt(2) ** step, 2)
                neurons[stage.name] = neuron.at(θ)
                tried = self._run(neurons=neurons)[stage.name]
                if float(tried.mean()) >= _WANTED_RATE and not self._is_ill(tried):
                    before = float(self.before[stage.name].mean())
                    found[stage.name] = Remedy(threshold=θ, before=before, after=float(tried.mean()))
                    break
            else:
                neurons[stage.name] = neuron
        return found

    def _run(self, factor: float = 1.0, share: float = 0.0, neurons: _Neurons | None = None) -> dict[str, Tensor]:
        """Return the spikes of every stage that can be run, (T, …) each."""
        found: dict[str, Tensor] = {}
        for stage in self.stages:
            neuron = stage.neuron if neurons is None else neurons[stage.name]
            weights = stage.weights
            if neuron is None or weights is None:
                continue
            inputs = stage.inputs
            if weights.source is None:
                inputs = inputs if factor == 1 else _times(inputs, factor)
            elif weights.source.name in found:
                steps = weights.source.as_calls(found[weights.source.name])
                inputs = [s.reshape(x.shape) for s, x in zip(steps, inputs, strict=True)]
            else:
                continue
            made = weights.run(inputs, weights.after(share) if share else weights.at_first)
            currents = [c.reshape(like.shape) for c, like in zip(made, stage.currents, strict=True)]
            found[stage.name] = neuron.run(stage.in_time(currents))
        return found

    def _is_dead(self, spikes: Tensor) -> bool:
        rates = spikes.flatten(2).double().mean((0, 1)) if spikes.ndim > 2 else spikes.double().mean(0)
        return float((rates < self.limits.dead_rate).double().mean()) > self.limits.dead_critical

    def _is_ill(self, spikes: Tensor) -> bool:
        rates = spikes.flatten(2).double().mean((0, 1)) if spikes.ndim > 2 else spikes.double().mean(0)
        saturated = float((rates > self.limits.saturated_rate).double().mean())
        return self._is_dead(spikes) or saturated > self.limits.saturated_warning


def _times(inputs: list[Tensor], factor: float) -> list[Tensor]:
    """Return the inputs times a factor; one that comes again is the same tensor again."""
    known: dict[tuple[int, tuple[int, ...]], Tensor] = {}
    return [known.setdefault((x.data_ptr(), x.stride()), x * factor) for x in inputs]


def _rounded(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _rates(spikes: dict[str, Tensor]) -> Rates:
    return {name: float(s.double().mean()) for name, s in spikes.items()}
