"""`Causes`: what a watch keeps to tell causes from what follows from them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from spikeport.profiling.recording.ledger import Ledger
from spikeport.profiling.watching.connections import Connection
from spikeport.profiling.watching.libraries.neurons import Recording
from spikeport.profiling.watching.opening import Opening
from spikeport.profiling.watching.populations import Population
from spikeport.profiling.watching.trial import Trial
from spikeport.profiling.watching.updates import Updates


class Causes:
    """The first recorded iteration with what is tried on it, and the updates of the weights in all of them.

    Parameters
    ----------
    ledger : where it is written
    optimiser : a torch optimiser, or None
    """

    def __init__(self, ledger: Ledger, optimiser: Any = None) -> None:
        self._ledger = ledger
        self._updates = Updates(optimiser)
        self._opening: Opening | None = Opening()
        self._trial: Trial | None = None

    def connect(self, connection: Connection, x: Tensor, output: Any) -> None:
        """Hear of a call of a connection."""
        self._updates.connect(connection)
        if self._opening is not None and isinstance(output, Tensor):
            self._opening.connect(connection, x, output)

    def show(self, population: Population, recording: Recording, inputs: tuple[Any, ...]) -> None:
        """Hear of a call of a layer."""
        self._updates.reach(population.name)
        if self._opening is not None:
            current = inputs[0] if inputs and isinstance(inputs[0], Tensor) else None
            self._opening.show(population, recording, current)

    def try_numbers(self) -> None:
        """Try what may heal the layers, when the first recorded iteration has been shown."""
        if self._opening is None:
            return
        opening, self._opening = self._opening, None
        trial = self._trial = Trial(opening.understand(), self._ledger.thresholds)
        if trial.entry is not None:
            self._ledger.recorder(trial.stages[0].name).entry = trial.entry
        for name, remedy in trial.remedies.items():
            self._ledger.recorder(name).remedy = remedy

    def settle(self, step: int) -> None:
        """Hear that the iteration is over, the optimiser's step included."""
        trial, self._trial = self._trial, None
        limits = self._ledger.thresholds
        with torch.no_grad():
            updates = self._updates.settle(step)
            largest = max((update.ratio for update in updates.values()), default=0.0)
            if trial is not None and largest > limits.update_ratio > 0 < limits.update_wanted:
                divisor = float(f"{largest / limits.update_wanted:.2g}")
                rates = trial.with_update(1 / divisor)
                if rates is not None:
                    updates = {n: replace(update, divisor=divisor, rates=rates) for n, update in updates.items()}
            for name, update in updates.items():
                self._ledger.recorder(name).record_update(update)
