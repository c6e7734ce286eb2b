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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import spikeport
from conformance.bugs import BUGS, Bug
from conformance.languages import ROOT


def try_all() -> Iterator[tuple[Bug, str, int]]:
    """Yield every bug with the first vector that it turns red ("" for none) and how many it does."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as processors:  # each waits for a process of its own
        for bug, found in zip(BUGS, processors.map(_red, BUGS), strict=True):
            yield (bug, *found)


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
