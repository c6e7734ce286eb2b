"""What is imported when it is first asked for: a package does not bring in what most of its users do not need."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from spikeport.errors import MissingExtra


def import_torch(purpose: str) -> ModuleType:
    """Return torch, or raise `MissingExtra` for ``purpose``."""
    try:
        return importlib.import_module("torch")
    except ImportError:
        raise MissingExtra("torch", "torch", purpose) from None


def attributes_of(
    package: str, homes: Mapping[str, str], needs: Callable[[str], object] | None = None
) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of ``package``, which finds each name of ``homes`` in the module that is its home.

    ``needs`` is called with the name before that: with `import_torch` where the modules cannot be without torch.
    """

    def attribute(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        if needs is not None:
            needs(name)
        return getattr(importlib.import_module(homes[name]), name)

    return attribute
