"""The program around the network (``program.c``): samples from standard input, or the one that the file keeps."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from spikeport.interop.c.arrays import Parts, Static
from spikeport.interop.c.text import Lines

PROGRAM: Final = Path(__file__).with_name("program.c")


class Kept(NamedTuple):
    """A sample that the file keeps, and what the reference's output node received of it.

    Attributes
    ----------
    x, drive : int32, flat
    timesteps, encoding : of the run
    """

    x: npt.NDArray[np.int32]
    drive: npt.NDArray[np.int32]
    timesteps: int
    encoding: str


def write_program(line: Lines, parts: Sequence[Parts], kept: Kept | None) -> None:
    """Write what reads, runs and prints."""
    if kept is not None:
        about = (("kept_input", kept.x, "a sample"), ("kept_drive", kept.drive, "its drive"))
        line("", "/* A sample, and its drive in the reference: what the program runs when it is given nothing. */")
        line("#ifndef NETWORK_ALONE", f"#define KEPT_T {kept.timesteps}")
        line(f"#define KEPT_ENCODING {kept.encoding.upper()}")
        for name, values, text in about:
            line(*Static(name, values.shape, values.dtype, text, values).definition())
        line("#endif")
    for text in PROGRAM.read_text("utf-8").splitlines():
        if text.strip() == "PRINT_NODES":
            line(*("    " + statement for statement in _print_nodes(parts)))
        else:
            line(text)


def _print_nodes(parts: Sequence[Parts]) -> list[str]:
    statements = []
    for part in parts:
        index, size = part.index, part.node.size
        statements.append(f'print_values("counts.{index}", S_{index}, {size});')
        if part.node.neuron.is_spiking:
            statements.append(f'print_values("v.{index}", v_{index}, {size});')
    return statements
