"""What the extras bring, by the package's own metadata, and which of it is here."""

from __future__ import annotations

import importlib.metadata
import re
from dataclasses import dataclass

_REQUIREMENT = re.compile(r"^([\w.-]+)\s*(?:\[([^\]]*)\])?\s*\(?([^;)]*)\)?\s*(?:;.*?extra\s*==\s*['\"]([\w-]+)['\"])?")
OURS = "spikeport"
NOT_SHOWN = ("all", "dev")


@dataclass(frozen=True)
class Package:
    """A package that an extra brings.

    Attributes
    ----------
    name : by which pip knows it
    extra : of spikeport, "" for what it always needs
    wanted : versions that serve, such as ``>=2.4``
    installed : the version that is here, None where there is none
    """

    name: str
    extra: str
    wanted: str
    installed: str | None

    @property
    def serves(self) -> bool:
        """Whether it is here in a version that serves."""
        return self.installed is not None and all(_holds(self.installed, bound) for bound in self.wanted.split(","))


def packages() -> list[Package]:
    """Return the packages of every extra but ``all`` and ``dev``; none where spikeport is not installed by pip."""
    try:
        requirements = importlib.metadata.requires(OURS) or []
    except importlib.metadata.PackageNotFoundError:
        return []
    found = [match.groups("") for match in map(_REQUIREMENT.match, requirements) if match]
    return [
        Package(name, extra, wanted.strip(), version(name))
        for name, _, wanted, extra in found
        if name != OURS and extra not in NOT_SHOWN
    ]


def version(name: str) -> str | None:
    """Return the version of a package, or None."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _holds(installed: str, bound: str) -> bool:
    """Whether a version keeps one bound, ``>=`` or ``<``, by its leading numbers; any other bound is not judged."""
    match = re.match(r"\s*(>=|<)\s*([\d.]+)", bound)
    if match is None:
        return True
    has, limit = _numbers(installed), _numbers(match[2])
    width = max(len(has), len(limit))
    left, right = (numbers + (0,) * (width - len(numbers)) for numbers in (has, limit))
    return left >= right if match[1] == ">=" else left < right


def _numbers(text: str) -> tuple[int, ...]:
    leading = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in leading[0].split(".")) if leading else ()
