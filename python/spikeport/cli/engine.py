"""Who runs the kernels, and where: the options of every command that runs a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from spikeport.cli.app import explain, fail

if TYPE_CHECKING:
    from spikeport.graph import SNNGraph

Backend = Annotated[str, typer.Option(help="Who runs the kernels: see spikeport version.")]
Device = Annotated[
    str | None,
    typer.Option(help="Run on torch, on this device: cpu, cuda or cuda:1; the same as --backend torch:cuda."),
]


def engine(backend: str, device: str | None) -> str:
    """Return the backend that the options name, or leave with a message where they differ or it is not here."""
    from spikeport.backends import get_backend

    if device is not None and backend not in ("auto", "torch"):
        fail(f"--device says where torch runs, and --backend {backend} is not torch: leave one of them off")
    return get_backend(backend if device is None else f"torch:{device}").name


def say_if_measured(backend: str, graph: SNNGraph) -> None:
    """Print a note where results are not bit-equal to the reference's."""
    import numpy as np

    from spikeport.backends import get_backend
    from spikeport.graph.signals import dtype_of

    if not get_backend(backend).is_exact_on_floats and dtype_of(graph).kind == np.dtype(float).kind:
        explain(
            f"{backend} adds floats in an order of its own: a spike may differ where a membrane lies at its threshold",
            "note",
        )
