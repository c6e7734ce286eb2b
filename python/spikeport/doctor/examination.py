"""`examine`: the machine, the packages, and every backend tried; in words, as data, and as a report to paste."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Final

from spikeport.backends import BACKENDS
from spikeport.doctor.discretion import discreet
from spikeport.doctor.machine import PROGRAMS, machine, programs
from spikeport.doctor.packages import Package, packages
from spikeport.doctor.trying import Outcome, attempt
from spikeport.release import __version__

NEEDED: Final = ("reference", "rust")
"""What every wheel brings: where one of them does not work, the installation is broken."""

SETTINGS: Final = ("OMP_NUM_THREADS", "PYTHON_JULIACALL_EXE", "PYTHON_JULIACALL_PROJECT", "XDG_CACHE_HOME")
"""Variables that change what happens here; that they are set is said, to what is not."""


@dataclass(frozen=True)
class Examination:
    """What is here.

    Attributes
    ----------
    versions : of spikeport and Python
    machine : system, processor, instruction sets, cores
    packages : what spikeport needs and its extras bring
    programs : what each other language's program says of itself, None where it is not here
    settings : which of `SETTINGS` are set
    backends : what came of trying each
    """

    versions: dict[str, str]
    machine: dict[str, Any]
    packages: tuple[Package, ...]
    programs: dict[str, str | None]
    settings: tuple[str, ...]
    backends: tuple[Outcome, ...]

    @property
    def is_sound(self) -> bool:
        """Whether the reference and Rust work, and nothing that is here gives wrong answers or crashes."""
        states = {outcome.backend: outcome.state for outcome in self.backends}
        return all(states[name] == "works" for name in NEEDED) and not {"wrong", "fails"} & set(states.values())

    @property
    def absent_extras(self) -> dict[str, list[str]]:
        """Every extra of which something is missing or of another version, and what."""
        found: dict[str, list[str]] = {}
        for package in self.packages:
            if not package.serves:
                has = "not here" if package.installed is None else f"{package.installed} is here"
                found.setdefault(package.extra, []).append(f"{package.name}{package.wanted} ({has})")
        return found

    def to_dict(self) -> dict[str, Any]:
        """Return the examination as JSON-ready data."""
        listed = [{**asdict(package), "serves": package.serves} for package in self.packages]
        said = {"sound": self.is_sound, "versions": self.versions, "machine": self.machine, "packages": listed}
        tried = [asdict(outcome) for outcome in self.backends]
        return {**said, "programs": self.programs, "settings": list(self.settings), "backends": tried}

    def lines(self) -> list[str]:
        """Return the examination in words, a line for each thing."""
        m = self.machine
        said = [f"spikeport {self.versions['spikeport']}, Python {self.versions['python']}"]
        libc = f", {m['libc']}" if m["libc"] else ""
        said.append(f"{m['system']}{libc}, {m['architecture']}, {m['cores']} cores: {m['processor'] or 'unnamed'}")
        said.append(f"instructions: {' '.join(m['instructions']) or 'unknown'}")
        if self.settings:
            said.append(f"set: {', '.join(self.settings)}")
        said += ["", "backends, each tried on a golden vector and on two networks beside the reference:"]
        for outcome in self.backends:
            how = outcome.state + (f", {outcome.seconds:.1f} s" if outcome.state == "works" else "")
            gpus = f" on {', '.join(outcome.devices)}" if outcome.devices else ""
            said.append(f"  {outcome.backend}: {how}{gpus}" + (f": {outcome.detail}" if outcome.detail else ""))
        said += ["", "packages:"]
        for name in dict.fromkeys(package.name for package in self.packages):
            package = next(package for package in self.packages if package.name == name)
            said.append(f"  {name} {package.installed or 'is not here'}")
        if not self.packages:
            said.append("  unknown: spikeport was not installed by pip, so it cannot say what its extras are")
        said += ["", "programs:"]
        said += [f"  {PROGRAMS[name]}: {version or f'no {name} here'}" for name, version in self.programs.items()]
        return said + self._remedies()

    def _remedies(self) -> list[str]:
        if not self.absent_extras:
            return []
        said = ["", "to install:"]
        for extra, lacking in self.absent_extras.items():
            target = f"spikeport[{extra}]" if extra else "spikeport"
            said.append(f"  pip install '{target}': {', '.join(lacking)}")
        return said

    def bug_report(self) -> str:
        """Return Markdown to paste into an issue: no path, user's name, address or value of a setting is in it."""
        asked = "What I did, what I expected, what happened instead:\n\n\n"
        return f"{asked}```text\n{discreet(chr(10).join(self.lines()))}\n```"


def examine(on_trial: Callable[[str], None] = lambda backend: None) -> Examination:
    """Look at what is here and try every backend; ``on_trial(backend)`` is called before each.

    torch is tried where it runs by default: on a GPU if it finds one, else on the CPU. Mojo compiles its kernels at its
    first use, which takes a minute or more.
    """
    outcomes: list[Outcome] = []
    for name in BACKENDS:
        on_trial(name)
        outcomes.append(attempt(name))
    return Examination(
        versions={"spikeport": __version__, "python": platform.python_version()},
        machine=machine(),
        packages=tuple(packages()),
        programs=programs(),
        settings=tuple(name for name in SETTINGS if name in os.environ),
        backends=tuple(outcomes),
    )
