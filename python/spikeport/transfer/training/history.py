"""What happened while a checkpoint was fine-tuned."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spikeport.transfer.checkpoint import SNNCheckpoint
from spikeport.transfer.training.phases import Phase


@dataclass(frozen=True)
class Epoch:
    """One pass over the samples.

    Attributes
    ----------
    number : from 1 in each phase; 0 is the network before the phase, measured where samples are held out
    loss, accuracy : mean over the samples and share of right answers, while the network learnt; None for number 0
    validation_loss, validation_accuracy : of the network after the epoch, on the samples held out; None without any
    """

    number: int
    loss: float | None
    accuracy: float | None
    validation_loss: float | None = None
    validation_accuracy: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as JSON-ready data."""
        return asdict(self)


@dataclass(frozen=True)
class Outcome:
    """What the training of one phase gave.

    Attributes
    ----------
    epochs : in order
    kept : number of the epoch whose weights the network has: that of least validation loss, without one the last
    stopped_early : whether ``patience`` ended the phase
    """

    epochs: tuple[Epoch, ...]
    kept: int
    stopped_early: bool

    @property
    def result(self) -> Epoch:
        """The epoch whose weights the network has."""
        return next(epoch for epoch in self.epochs if epoch.number == self.kept)


@dataclass(frozen=True)
class FineTunedPhase:
    """One phase and what came of it.

    Attributes
    ----------
    checkpoint : after the phase
    phase : who was frozen in it, and how fast the others learnt
    outcome : its epochs, and the one whose weights were kept
    saved : where the checkpoint was saved, or None
    """

    checkpoint: SNNCheckpoint
    phase: Phase
    outcome: Outcome
    saved: Path | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return all but the checkpoint as JSON-ready data."""
        return {
            "frozen": list(self.phase.frozen),
            "rates": self.phase.rates,
            **asdict(self.outcome),
            "saved": None if self.saved is None else str(self.saved),
        }


@dataclass(frozen=True)
class FineTuned:
    """A fine-tuned checkpoint: the phases that made it, in order."""

    phases: tuple[FineTunedPhase, ...]

    @property
    def checkpoint(self) -> SNNCheckpoint:
        """The checkpoint after the last phase."""
        return self.phases[-1].checkpoint

    @property
    def history(self) -> list[Epoch]:
        """All epochs, one phase after the other."""
        return [epoch for phase in self.phases for epoch in phase.outcome.epochs]

    def to_dict(self) -> dict[str, Any]:
        """Return the phases as JSON-ready data."""
        return {"phases": [phase.to_dict() for phase in self.phases]}
