"""The harness proved: bugs planted in a copy of the reference, each of which must turn at least one vector red.

A bug is one expression of one function that stands for another. The copy runs in a process of its own, over the
committed vectors.
"""

from __future__ import annotations

import ast
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
from spikeport.transfer.files.archive import NPY_HEADER


class Bug(NamedTuple):
    """A planted bug: the function it is in, an expression there, and what stands in its place."""

    name: str
    file: str
    """Below the package."""
    function: str
    """Its name; empty for the file's own statements."""
    right: str
    """Stands there exactly once; how it is spread over lines does not matter."""
    wrong: str


IF = ("kernels/integrate_fire.py", "if_multistep")
ST_BIF = ("kernels/st_bif.py", "st_bif_multistep")
SUMMED = ("operations/weighted.py", "summed_rows")
TERMS = ("operations/weighted.py", "_term_by_term")
POISSON = ("kernels/encode.py", "encode_poisson")
QCFS = ("kernels/qcfs.py", "qcfs")
SCHEDULE = ("kernels/finetune.py", "schedule")
STEP = ("kernels/finetune.py", "step")
ARCHIVE = ("transfer/store.py", "_read_archive")

BIAS_FIRST = "add(np.insert(rows, 0, 1, axis=1), np.insert(matrix, 0, bias, axis=1)).reshape(total.shape)"

ZIP = "transfer/files/archive.py"
JSON = "transfer/files/strict_json.py"
DIRECTORY = (ZIP, "_directory")
NAMES = (ZIP, "check_names")
PARTS = ("transfer/checkpoint.py", "from_parts")
WRITE = ("transfer/checkpoint.py", "parts")
LAYERS = ("transfer/files/members.py", "layers_of")
MEMBERS = ("transfer/files/version_1.py", "expected_members")
PATHS = ("transfer/store.py", "checkpoint_paths")
RATE = "not _is_finite(rate) or rate < 0"
SOME = "len(layer_names) == len(weights) == len(gradients) == len(rates) == len(velocities)"
LOW_HALF = "value.encode('utf-8', 'surrogatepass' if '\\udc00' in value else 'strict')"
IN_ORDER = "names == [member.file_name for member in expected if member.file_name in names]"
DIGITS = NPY_HEADER.pattern
NEURONS = "[a.neuron is None or neuron_from_rows(k, a.neuron) for k, a in zip(sidecar.neuron_types, layers)]"
PAIRS = "zip(expected, arrays, strict=True)"
TOTAL = "total != sidecar.total_params"

BUGS = (
    Bug("> for >= at the threshold", *IF, "v >= θ", "v > θ"),
    Bug("hard for soft reset", *IF, "v - θ if reset is None else reset", "0 if reset is None else reset"),
    Bug("reset loses the leak's order", *IF, "β * v + I[t]", "β * (v + I[t])"),
    Bug(
        "T off by one",
        "kernels/integrate_fire.py",
        "if_constant",
        "(timesteps, *I.shape[1:])",
        "(max(timesteps - 1, 0), *I.shape[1:])",
    ),
    Bug("a fused multiply-add", *IF, "β * v + I[t]", "(β * v.astype(np.longdouble) + I[t]).astype(v.dtype)"),
    Bug("start not in units of the threshold", *IF, "v0 * θ", "v0 + 0 * θ"),
    Bug("tracer bound off by one", *ST_BIF, "S < tracer_max", "S <= tracer_max"),
    Bug("lower tracer bound off by one", *ST_BIF, "S > tracer_min", "S >= tracer_min"),
    Bug("> for >= at one", *ST_BIF, "v >= 1", "v > 1"),
    Bug("a product for the division by θ", *ST_BIF, "I[t] / θ", "I[t] * (1 / θ)"),
    Bug("a transposed weight", *TERMS, "matrix[:, k]", "matrix.T[:, k]"),
    Bug("the bias first", *SUMMED, "total + bias", BIAS_FIRST),
    Bug("the bias forgotten", *SUMMED, "total + bias", "total"),
    Bug("inputs summed backwards", *TERMS, "np.flatnonzero(rows.any(axis=0))", "range(matrix.shape[1])[::-1]"),
    Bug("BLAS for the contract's order", *SUMMED, "add(rows, matrix)", "rows.astype(matrix.dtype) @ matrix.T"),
    Bug("draws by place, not by sample", *POISSON, "sample_keys(p)", "np.arange(len(p), dtype=np.uint64)"),
    Bug("the seed ignored", *POISSON, "np.array([seed], np.uint64)", "np.array([0], np.uint64)"),
    Bug("<= for < in the draw", *POISSON, "u < p", "u <= p"),
    Bug("floor without the half", *QCFS, "values.dtype.type(0.5)", "values.dtype.type(0)"),
    Bug("round for floor", *QCFS, "np.floor(values * T / θ + values.dtype.type(0.5))", "np.round(values * T / θ)"),
    Bug(
        "an unsorted frozen list",
        *SCHEDULE,
        "[name for name, is_kept in zip(names, kept, strict=True) if is_kept]",
        "list(dict.fromkeys([*frozen, *(n for n, k in zip(names, kept, strict=True) if k)]))",
    ),
    Bug("a frozen head that learns", *SCHEDULE, "kept[k]", "kept[k] and k < first_of_head"),
    Bug("freezing up to, not with", *SCHEDULE, "k <= last", "k < last"),
    Bug(
        "the gradient scaled by momentum",
        *STEP,
        "w.dtype.type(momentum) * u + g",
        "w.dtype.type(momentum) * (u + g)",
    ),
    Bug("a skipped digest check", *ARCHIVE, "hashlib.sha256(content).hexdigest() == sidecar.archive_sha256", "True"),
    Bug(
        "a skipped length check",
        *ARCHIVE,
        "sidecar.archive_bytes > min(largest_archive(expected), LARGEST_ARCHIVE)",
        "False",
    ),
    Bug("a skipped finiteness check", ZIP, "npy_array", "not np.isfinite(array).all()", "False"),
    Bug("duplicate keys let through", JSON, "_object", "len(result) != len(pairs)", "False"),
    Bug("a timestamp in the archive", ZIP, "", "0x0021", "0x5A21"),
    Bug(
        "a frozen layer's rate not checked",
        *STEP,
        "not _is_finite(rate) or rate < 0",
        f"index not in still and ({RATE})",
    ),
    Bug(
        "half a character let through",
        "transfer/files/strict_json.py",
        "_check_text",
        "value.encode('utf-8')",
        LOW_HALF,
    ),
    Bug("order before compression", *DIRECTORY, "fields[4] != 0", f"fields[4] != 0 and {IN_ORDER}"),
    Bug("duplicates before foreign names", *NAMES, "name in seen", "list(names).count(name) > 1"),
    Bug("foreign names before duplicates", *NAMES, "name in seen", "name in seen and known.issuperset(names)"),
    Bug(
        "numbers of eleven digits",
        "transfer/files/archive.py",
        "",
        repr(DIGITS),
        repr(DIGITS.replace(b"1,10", b"1,11")),
    ),
    Bug("neurons before the number of parameters", *PARTS, "total != sidecar.total_params", f"{NEURONS} and {TOTAL}"),
    Bug(
        "types behind all members",
        *LAYERS,
        PAIRS,
        PAIRS.replace("arrays", "list(arrays)"),
    ),
    Bug("a neuron's type before its shape", *MEMBERS, "FLOATS", "('<f8',) if part == 'neuron' else FLOATS"),
    Bug("two suffixes taken off", *PATHS, "base.with_suffix('')", "base.with_suffix('').with_suffix('')"),
    Bug("a non-finite weight written", *WRITE, "layer.arrays(finite=True)", "layer.arrays(finite=False)"),
    Bug("an unknown frozen name written", *WRITE, "name not in names", "False"),
    Bug("a chain not checked", "transfer/files/version_1.py", "check_chain", "before[1] != after[0]", "False"),
    Bug("some layers without velocities", *STEP, SOME, SOME.replace(" == len(velocities)", "")),
)


def try_all() -> Iterator[tuple[Bug, str, int]]:
    """Yield every bug with the first vector that it turns red ("" for none) and how many it does."""
    for bug in BUGS:
        yield (bug, *_red(bug))


def planted(source: str, bug: Bug) -> str:
    """Return a file's ``source`` with the bug in it; `AssertionError` unless its place is there exactly once."""
    tree = ast.parse(source)
    places: list[ast.AST] = [
        node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == bug.function
    ]
    plant = _Plant(bug)
    for place in places if bug.function else [tree]:
        plant.visit(place)
    if plant.found != 1:
        where = f"{bug.function or 'the statements'} of {bug.file}"
        raise AssertionError(f"{bug.name}: {bug.right!r} stands {plant.found} times in {where}: adapt the bug")
    return ast.unparse(ast.fix_missing_locations(tree))


class _Plant(ast.NodeTransformer):
    def __init__(self, bug: Bug) -> None:
        self.right, self.wrong = (ast.parse(text, mode="eval").body for text in (bug.right, bug.wrong))
        self.found = 0

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if ast.dump(node) != ast.dump(self.right):
            return super().generic_visit(node)
        self.found += 1
        return self.wrong


def _red(bug: Bug) -> tuple[str, int]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "spikeport"
        shutil.copytree(Path(spikeport.__file__).parent, copy, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
        path = copy / bug.file
        path.write_text(planted(path.read_text("utf-8"), bug), "utf-8")
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
