"""The exceptions of spikeport: one base, a closed list of codes, messages that say what to do.

Every error carries a ``code``, a short word that stays the same across releases and languages, and a message that
names what was given, what was expected and the way out.
"""

from __future__ import annotations

import copyreg
from typing import Any


class SpikeportError(Exception):
    """Base of every error that spikeport raises on purpose."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[Any, ...]:
        # An exception is copied by its class called with its arguments, the message alone: too few for these. Without
        # this an error would not come back from a worker process, and take the pool with it.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class KernelError(SpikeportError, ValueError):
    """A kernel was given arrays or parameters outside its contract (codes in ``conformance/SPEC.md``)."""


class GraphError(SpikeportError, ValueError):
    """A graph, layer or neuron that cannot be: shapes that do not chain, values that are not finite."""


class ConversionError(SpikeportError, ValueError):
    """A trained network, or data for it, that cannot be converted faithfully."""


class BackendError(SpikeportError, ValueError):
    """A backend that does not exist, or that cannot run here; the message says what to install."""


class MissingExtra(SpikeportError, ImportError):
    """An optional dependency is absent; the message names the extra that brings it."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(
            "missing_extra",
            f"{purpose} needs {package}, not installed here: pip install 'spikeport[{extra}]'",
        )
