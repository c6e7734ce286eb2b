"""A backend is tried in a process of its own: what crashes or never ends there is an outcome here."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

from spikeport.doctor.discretion import discreet

LONGEST = 900.0
"""Seconds: Mojo compiles its kernels at first use, Julia its own."""

PROGRAM = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from spikeport.doctor.trial import main; main(sys.argv[1])"
)


@dataclass(frozen=True)
class Outcome:
    """What came of trying a backend.

    Attributes
    ----------
    backend : its name
    state : ``works``, ``absent`` (not installed, or not usable here), ``wrong`` (other bits than the reference's) or
        ``fails`` (an error, a crash, no answer in time)
    detail : what is missing and how to get it, what differs, or how it failed; None where it works
    seconds : from the start of the process to its end, what is compiled or loaded at first use with it
    devices : the GPUs that torch found
    """

    backend: str
    state: str
    detail: str | None
    seconds: float
    devices: tuple[str, ...] = ()


def attempt(backend: str, longest: float = LONGEST) -> Outcome:
    """Run a backend's trial and return what came of it; after ``longest`` seconds it is stopped."""
    begun = time.perf_counter()

    def outcome(state: str, detail: str | None, devices: tuple[str, ...] = ()) -> Outcome:
        told = None if detail is None else discreet(detail)
        return Outcome(backend, state, told, round(time.perf_counter() - begun, 2), devices)

    command = [sys.executable, "-c", PROGRAM, backend, json.dumps(sys.path)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=longest, check=False)
    except subprocess.TimeoutExpired:
        return outcome("fails", f"no answer in {longest:g} seconds")
    except OSError as error:
        return outcome("fails", f"no process could be started: {error}")
    if done.returncode:
        return outcome("fails", _failure(done.returncode, done.stderr))
    answer = json.loads(done.stdout.strip().splitlines()[-1])
    state = "works" if answer["wrong"] is None else "absent" if answer["absent"] else "wrong"
    return outcome(state, answer["wrong"], tuple(answer["devices"]))


def _failure(code: int, errors: str) -> str:
    """Return how a process ended: by which signal, or with which last words."""
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        hint = ": built for another processor" if name == "SIGILL" else ""
        return f"crashed by {name}{hint}"
    lines = errors.strip().splitlines()
    return lines[-1] if lines else f"left with exit code {code}"
