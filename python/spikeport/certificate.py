"""What a step did to the answer: exact, bounded, measured or unchecked.

A transformation returns a `Certificate` beside its result. The four levels are ordered by how much they promise:

- ``exact``: the outputs are equal on every input, and ``reason`` says why.
- ``bounded``: no output differs by more than ``bound``; ``reason`` names the proof.
- ``measured``: outputs were compared on ``samples`` inputs: ``agreement`` and ``largest_difference``.
- ``unchecked``: none of these.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Level = Literal["exact", "bounded", "measured", "unchecked"]
LEVELS: tuple[Level, ...] = ("exact", "bounded", "measured", "unchecked")

FEW_SAMPLES: Final = 100
"""Below so many, an agreement is printed with its interval."""


@dataclass(frozen=True)
class Certificate:
    """What one step did to the answer.

    Attributes
    ----------
    level : "exact", "bounded", "measured" or "unchecked"
    reason : why the level holds, in a sentence
    bound : largest possible absolute difference of an output (``bounded`` only)
    agreement : share of samples with the same answer, in [0, 1] (``measured`` only)
    largest_difference : largest absolute difference seen (``measured`` only)
    samples : number of samples compared (``measured`` only)
    details : further figures, by name
    further : what was found in other ways of running the same network, each with a reason of its own
    """

    level: Level
    reason: str
    bound: float | None = None
    agreement: float | None = None
    largest_difference: float | None = None
    samples: int | None = None
    details: dict[str, Any] = field(default_factory=dict)
    further: tuple[Certificate, ...] = ()

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"level {self.level!r} is not one of {', '.join(LEVELS)}")
        if not self.reason:
            raise ValueError("a certificate needs a reason: say why the level holds")
        if (self.level == "bounded") != (self.bound is not None):
            raise ValueError("a bound belongs to the level 'bounded', and to no other")
        for name in ("bound", "largest_difference"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} {value} is not a finite number of at least 0")
        if self.level == "measured" and (self.samples is None or self.samples <= 0):
            raise ValueError("a measured certificate needs the number of samples it was measured on, above 0")
        if self.agreement is not None and not 0 <= self.agreement <= 1:
            raise ValueError(f"agreement {self.agreement} is not a share in [0, 1]")

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Certificate:
        """Return the certificate that `to_dict` made ``data`` of; `ValueError` or `TypeError` where it is none."""
        further = tuple(cls.from_dict(part) for part in data.get("further", ()))
        return cls(**{**data, "further": further})

    @property
    def agreement_interval(self) -> tuple[float, float] | None:
        """The 95 % interval in which the share of all inputs with the same answer lies, by `samples` of them.

        Wilson's score interval: it holds for shares near 1 and for few samples. None without an agreement.
        """
        if self.agreement is None or not self.samples:
            return None
        n, z = self.samples, 1.959964
        middle = (self.agreement + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(self.agreement * (1 - self.agreement) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        figures = []
        if self.bound is not None:
            figures.append(f"within {self.bound:g}")
        if self.agreement is not None:
            figures.append(f"{self.agreement:.2%} agreement{self._interval_in_words()}")
        if self.largest_difference is not None:
            figures.append(f"largest difference {self.largest_difference:g}")
        if self.samples is not None:
            figures.append(f"{self.samples} sample{'s' * (self.samples != 1)}")
        own = f"{self.level}{' (' + ', '.join(figures) + ')' if figures else ''}: {self.reason}"
        return "\n".join([own, *map(str, self.further)])

    def _interval_in_words(self) -> str:
        interval = self.agreement_interval
        if interval is None or (self.samples or 0) >= FEW_SAMPLES:
            return ""
        return f" (95 % interval {interval[0]:.0%} to {interval[1]:.0%})"

    def to_dict(self) -> dict[str, Any]:
        """Return the certificate as JSON-ready data, without the fields that are not set."""
        own = {
            key: value for key, value in vars(self).items() if key != "further" and value is not None and value != {}
        }
        return own | ({"further": [part.to_dict() for part in self.further]} if self.further else {})


def weakest(certificates: Iterable[Certificate]) -> Level:
    """Return the level that a chain of steps keeps: that of its weakest link (``exact`` for no step at all)."""
    return max((c.level for c in certificates), key=LEVELS.index, default="exact")
