"""Cases and the vector files that hold them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parent / "vectors"
FILES = VECTORS / "checkpoint" / "files"
KEPT = VECTORS / "checkpoint" / "kept"
"""Files of released versions: never made anew."""
KERNELS = (
    "if.multistep",
    "if.constant",
    "st_bif.multistep",
    "operation.currents",
    "layer.forward",
    "network.run",
    "encode.poisson",
    "qcfs",
    "finetune.schedule",
    "finetune.unfreeze",
    "finetune.step",
    "checkpoint.read",
    "checkpoint.write",
    "checkpoint.reject",
)


@dataclass(frozen=True)
class Case:
    """One call of a kernel and its expected answer (see ``schema/vector.schema.json`` for the fields)."""

    kernel: str
    id: str
    comment: str
    flags: list[str]
    params: dict[str, Any]
    inputs: dict[str, Any]
    expected: dict[str, Any]
    compare: str = field(default="exact")

    @property
    def arguments(self) -> dict[str, Any]:
        """All that the kernel is given."""
        return {**self.params, **self.inputs}


def vector_path(kernel: str) -> Path:
    """Return the vector file of a kernel: ``vectors/<family>/<kernel>.json``."""
    family = kernel.split(".")[0] if kernel.split(".")[0] in ("operation", "finetune", "checkpoint") else "if"
    return VECTORS / family / f"{kernel}.json"


def load_cases(kernels: tuple[str, ...] = KERNELS) -> Iterator[Case]:
    """Yield every case of ``kernels``, file by file; behind those of ``checkpoint.read`` the files that are kept."""
    for kernel in kernels:
        for path in (vector_path(kernel), *([KEPT / "kept.json"] if kernel == "checkpoint.read" else [])):
            for case in json.loads(path.read_text("utf-8"))["cases"]:
                yield Case(kernel=kernel, **case)


def dump_vector(kernel: str, notes: dict[str, str], cases: list[Case]) -> str:
    """Return the text of a vector file: one line a field, arrays on one line, so that a diff can be read."""

    def text(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False)

    blocks = []
    for case in cases:
        fields = ("id", "comment", "flags", "params", "inputs", "expected", "compare")
        lines = [f"      {text(name)}: {text(getattr(case, name))}" for name in fields]
        blocks.append("    {\n" + ",\n".join(lines) + "\n    }")
    used = {flag for case in cases for flag in case.flags}
    listed = [f"    {text(flag)}: {text(notes[flag])}" for flag in sorted(used)]
    return (
        f'{{\n  "kernel": {text(kernel)},\n  "version": 1,\n  "notes": {{\n'
        + ",\n".join(listed)
        + '\n  },\n  "cases": [\n'
        + ",\n".join(blocks)
        + "\n  ]\n}\n"
    )
