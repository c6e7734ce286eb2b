"""Files of NIR."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from spikeport.errors import GraphError
from spikeport.interop.nir.present import nir_package


def load_nir(path: str | Path) -> Any:
    """Read a ``nir.NIRGraph``, shapes unchecked: NIR's own rule is wrong for kernels that are not square, and groups.

    Raises `GraphError` ``format`` for a file that holds none, OSError for one that cannot be read.
    """
    nir = nir_package()
    try:
        return nir.read(str(path), type_check=False)
    except (AssertionError, AttributeError, KeyError, TypeError, ValueError) as error:
        raise GraphError(
            "format", f"{path} holds no NIR graph that nir {nir.version} reads: {type(error).__name__}: {error}"
        ) from None


def save_nir(graph: Any, path: str | Path) -> None:
    """Write a ``nir.NIRGraph`` as a file that every tool with nir reads."""
    nir_package().write(str(path), graph)
