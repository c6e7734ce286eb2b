"""The harness proved: bugs planted in a copy of the reference, each of which must turn at least one vector red.

A bug is a change of one place in the source; the copy runs in a process of its own over the committed vectors.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import spikeport
from conformance.languages import ROOT


class Bug(NamedTuple):
    """A planted bug: what it is, the file below the package, the text there and what stands in its place."""

    name: str
    file: str
    right: str
    wrong: str


BUGS = (
    Bug("> for >= at the threshold", "kernels/integrate_fire.py", "s = v >= θ", "s = v > θ"),
    Bug(
        "hard for soft reset",
        "kernels/integrate_fire.py",
        "v - θ if reset is None else reset",
        "0 if reset is None else reset",
    ),
    Bug("reset loses the leak's order", "kernels/integrate_fire.py", "v = β * v + I[t]", "v = β * (v + I[t])"),
    Bug(
        "T off by one",
        "kernels/integrate_fire.py",
        "(timesteps, *I.shape[1:])",
        "(max(timesteps - 1, 0), *I.shape[1:])",
    ),
    Bug(
        "a fused multiply-add",
        "kernels/integrate_fire.py",
        "v = β * v + I[t]",
        "v = (β * v.astype(np.longdouble) + I[t]).astype(v.dtype)",
    ),
    Bug("start not in units of the threshold", "kernels/integrate_fire.py", "v0 * θ, I.shape", "v0 + 0 * θ, I.shape"),
    Bug("tracer bound off by one", "kernels/st_bif.py", "(S < tracer_max)", "(S <= tracer_max)"),
    Bug("lower tracer bound off by one", "kernels/st_bif.py", "(S > tracer_min)", "(S >= tracer_min)"),
    Bug("> for >= at one", "kernels/st_bif.py", "(v >= 1)", "(v > 1)"),
    Bug("a product for the division by θ", "kernels/st_bif.py", "I[t] / θ", "I[t] * (1 / θ)"),
    Bug("a transposed weight", "operations/weighted.py", "* matrix[:, k]", "* matrix.T[:, k]"),
    Bug(
        "the bias first",
        "operations/weighted.py",
        "    return total if bias is None else total + bias",
        "    total = np.zeros_like(total) if bias is None else np.zeros_like(total) + bias\n"
        "    for k in range(matrix.shape[1]):\n"
        "        total += signal[..., k, None].astype(matrix.dtype) * matrix[:, k]\n"
        "    return total",
    ),
    Bug("the bias forgotten", "operations/weighted.py", "else total + bias", "else total"),
    Bug(
        "inputs summed backwards",
        "operations/weighted.py",
        "in np.flatnonzero(rows.any(axis=0))",
        "in range(matrix.shape[1])[::-1]",
    ),
    Bug(
        "BLAS for the contract's order",
        "operations/weighted.py",
        "    add = _term_by_term",
        "    return signal.astype(matrix.dtype) @ matrix.T + (0 if bias is None else bias)\n    add = _term_by_term",
    ),
    Bug(
        "draws by place, not by sample",
        "kernels/encode.py",
        "keys = sample_keys(p) if samples is None",
        "keys = np.arange(len(p), dtype=np.uint64) if samples is None",
    ),
    Bug("the seed ignored", "kernels/encode.py", "np.array([seed], np.uint64)", "np.array([0], np.uint64)"),
    Bug("<= for < in the draw", "kernels/encode.py", "spikes[t] = u < p", "spikes[t] = u <= p"),
    Bug("floor without the half", "kernels/qcfs.py", "values.dtype.type(0.5)", "values.dtype.type(0)"),
    Bug(
        "round for floor",
        "kernels/qcfs.py",
        "np.floor(values * T / θ + values.dtype.type(0.5))",
        "np.round(values * T / θ)",
    ),
    Bug(
        "an unsorted frozen list",
        "kernels/finetune.py",
        "return Schedule([name for name, is_kept in zip(names, kept, strict=True) if is_kept], rates)",
        "return Schedule(list(dict.fromkeys([*frozen, *(n for n, k in zip(names, kept, strict=True) if k)])), rates)",
    ),
    Bug(
        "a frozen head that learns",
        "kernels/finetune.py",
        "0.0 if kept[k] else float(",
        "0.0 if kept[k] and k < first_of_head else float(",
    ),
    Bug("freezing up to, not with", "kernels/finetune.py", "k <= last", "k < last"),
    Bug(
        "the gradient scaled by momentum",
        "kernels/finetune.py",
        "u = w.dtype.type(momentum) * u + g",
        "u = w.dtype.type(momentum) * (u + g)",
    ),
    Bug(
        "a skipped digest check",
        "transfer/store.py",
        "hashlib.sha256(content).hexdigest() == sidecar.archive_sha256",
        "True",
    ),
    Bug(
        "a skipped length check",
        "transfer/store.py",
        "if sidecar.archive_bytes > min(",
        "if False and sidecar.archive_bytes > min(",
    ),
    Bug("a skipped finiteness check", "transfer/archive.py", "if not np.isfinite(array).all():", "if False:"),
    Bug("duplicate keys let through", "transfer/strict_json.py", "if len(result) != len(pairs):", "if False:"),
    Bug("a timestamp in the archive", "transfer/archive.py", "DATE: Final = 0x0021", "DATE: Final = 0x5A21"),
)


def try_all() -> Iterator[tuple[Bug, str, int]]:
    """Yield every bug with the first vector that it turns red ("" for none) and how many it does."""
    for bug in BUGS:
        yield (bug, *_red(bug))


def _red(bug: Bug) -> tuple[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "spikeport"
        shutil.copytree(Path(spikeport.__file__).parent, copy, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        path = copy / bug.file
        source = path.read_text("utf-8")
        before, found, after = source.rpartition(bug.right)  # the last place: equations in docstrings stand above
        if not found:
            raise AssertionError(f"{bug.name}: {bug.right!r} is not in {bug.file}: adapt the bug to the source")
        path.write_text(before + bug.wrong + after, "utf-8")
        environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-m", "conformance", "--language", "reference", "--json"],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode == 0:
        return "", 0
    (column,) = json.loads(done.stdout)["columns"]
    failures = column["failures"]
    return failures[0]["case"], len(failures)


def print_table() -> bool:
    """Try every bug, print bug and vector, and return whether each was found."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("planted bug", "file", "first vector that turns red", "red in all")
    missed = 0
    for bug, case, count in try_all():
        missed += not case
        table.add_row(escape(bug.name), bug.file, case or "[bold red]none: the vectors are blind to it[/]", str(count))
    console = Console(width=150)
    console.print(table)
    console.print(f"{len(BUGS) - missed} passed, {missed} failed", highlight=False)
    return not missed
