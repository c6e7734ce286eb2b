"""Makes the vectors from the reference, with fixed seeds, and refuses a case whose exactness it cannot show.

``python -m conformance --generate`` writes ``vectors/``; a test makes them again and compares bytes.
"""

from __future__ import annotations

from pathlib import Path

from conformance.cases import KERNELS, VECTORS, Case, dump_vector, vector_path
from conformance.generate import (
    checkpoint,
    encode,
    finetune,
    integers,
    integrate_fire,
    layer,
    qcfs,
    several,
    st_bif,
    step,
)
from conformance.generate.networks import graph_runs, pulses, runs, whole_runs
from conformance.generate.notes import NOTES
from conformance.generate.operations import geometry, operation


def all_cases() -> dict[str, list[Case]]:
    """Return the cases of every kernel."""
    made = [
        *integrate_fire.cases(),
        *several.cases(),
        *integers.cases(),
        *st_bif.cases(),
        *operation.cases(),
        *geometry.cases(),
        *layer.cases(),
        *runs.cases(),
        *graph_runs.cases(),
        *pulses.cases(),
        *whole_runs.cases(),
        *encode.cases(),
        *qcfs.cases(),
        *finetune.cases(),
        *step.cases(),
        *checkpoint.cases(),
    ]
    ids = [case.id for case in made]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise AssertionError(f"two cases share an id: {twice}")
    return {kernel: [case for case in made if case.kernel == kernel] for kernel in KERNELS}


def texts(made: dict[str, list[Case]]) -> dict[Path, str]:
    """Return every vector file's path below ``vectors/`` and its text."""
    return {
        vector_path(kernel).relative_to(VECTORS): dump_vector(kernel, NOTES, cases) for kernel, cases in made.items()
    }


def write(vectors: Path) -> int:
    """Write the checkpoint files and the vector files below ``vectors``; return the number of cases."""
    checkpoint.write_files(vectors / "checkpoint" / "files")
    made = all_cases()
    for path, text in texts(made).items():
        (vectors / path).parent.mkdir(parents=True, exist_ok=True)
        (vectors / path).write_text(text, "utf-8")
    return sum(len(cases) for cases in made.values())
