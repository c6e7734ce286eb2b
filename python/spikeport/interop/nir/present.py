"""The package nir, which not everyone has."""

from __future__ import annotations

from typing import Any

from spikeport.errors import MissingExtra


def nir_package() -> Any:
    """Return the package nir, or raise `MissingExtra`."""
    try:
        import nir
    except ImportError:
        raise MissingExtra("nir", "nir", "NIR") from None
    return nir


def kind_of(node: Any) -> str:
    """Return the word that NIR has for a node, such as "Conv2d"."""
    return type(node).__name__
