"""The rules of the house: who may know whom, what an import costs, what stands at the top."""

import ast
import graphlib
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import spikeport

PACKAGE = Path(spikeport.__file__).parent
ROOT = Path(__file__).resolve().parents[2]

ROOMS = {"transfer", "integers", "conversion", "certification", "snn_optimizer", "profiling", "interop", "roberta"}
BASE = {"errors", "checks", "certificate", "neuron", "operations", "picojoule", "projection", "lazy"}
MAY_KNOW = {
    "errors": set(),
    "certificate": set(),
    "picojoule": set(),
    "projection": {"operations"},
    "checks": {"errors"},
    "lazy": {"errors"},
    "neuron": {"errors"},
    "operations": {"errors", "checks"},
    "kernels": {"errors", "checks", "neuron", "operations"},
    "backends": {"errors", "checks", "neuron", "operations", "kernels"},
    "graph": {"errors", "checks", "neuron", "operations", "kernels", "backends"},
    "reading": {*BASE, "kernels", "graph"},
    "report": {"errors", "certificate", "release"},
    "doctor": {"errors", "neuron", "operations", "kernels", "backends", "graph", "release"},
    "demo": {*BASE, "kernels", "backends", "graph", "reading", "report", *ROOMS - {"roberta"}},
    **{room: {*BASE, "kernels", "backends", "graph", "reading", "report"} for room in ROOMS},
}
MAY_KNOW["conversion"] |= {"transfer", "integers"}  # a converted network is kept as a checkpoint; or made of integers
MAY_KNOW["transfer"] |= {"interop"}  # a network in torch, which learns
MAY_KNOW["certification"] |= {"conversion"}  # what it judges
NEVER_AT_IMPORT = (
    "torch",
    "transformers",
    "matplotlib",
    "sklearn",
    "juliacall",
    "nir",
    "onnx",
    "rich",
    "typer",
    "mojo",
    "scipy",
)


def imports_of(path):
    """Yield every spikeport room that a file names in an import, at any depth."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            if (
                parts[0] == "spikeport"
                and len(parts) > 1
                and ((PACKAGE / parts[1]).exists() or (PACKAGE / f"{parts[1]}.py").exists())
            ):
                yield parts[1]


@pytest.mark.parametrize("room", sorted(MAY_KNOW))
def test_a_room_knows_only_the_rooms_below_it(room):
    files = [PACKAGE / f"{room}.py"] if (PACKAGE / f"{room}.py").exists() else sorted((PACKAGE / room).rglob("*.py"))
    assert files
    known = {(str(file.relative_to(PACKAGE)), other) for file in files for other in imports_of(file)}
    assert {(file, other) for file, other in known if other not in MAY_KNOW[room] | {room}} == set()


def test_import_brings_in_nothing_heavy():
    code = f"import sys, json, spikeport; print(json.dumps([m for m in {NEVER_AT_IMPORT!r} if m in sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize(
    "room",
    ["transfer", "integers", "conversion", "certification", "snn_optimizer", "profiling", "interop", "demo", "doctor"],
)
def test_a_room_imports_without_its_extras(room):
    code = (
        f"import sys, spikeport.{room}; print([m for m in ('torch', 'matplotlib', 'transformers') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def arrows(package):
    """Map every module of a package to the modules of it that it imports, inside functions too."""
    files = {module_name(path, package.parent): path for path in package.rglob("*.py")}
    known = {}
    for module, path in files.items():
        nodes = list(ast.walk(ast.parse(path.read_text("utf-8"))))
        names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    names.append(inner if inner in files else node.module)
        known[module] = {name for name in names if name in files and name != module}
    return known


def module_name(path, above):
    parts = path.relative_to(above).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("package", [PACKAGE, ROOT / "conformance", ROOT / "benchmarks"], ids=lambda path: path.name)
def test_no_files_know_each_other_in_a_circle(package):
    try:
        graphlib.TopologicalSorter(arrows(package)).prepare()
    except graphlib.CycleError as error:
        pytest.fail(f"a circle of files: {' -> '.join(error.args[1])}")


def test_a_circle_is_seen_through_a_function(tmp_path):
    package = tmp_path / "house"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "cellar.py").write_text("from house.attic import dust\n")
    (package / "attic.py").write_text("def dust():\n    from house import cellar\n")
    known = {"house": set(), "house.cellar": {"house.attic"}, "house.attic": {"house.cellar"}}
    assert arrows(package) == known
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(known).prepare()


def test_no_folder_holds_more_files_than_a_reader_can_hold():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a checkout of git")
    code = (".py", ".rs", ".jl", ".mojo")
    folders = Counter(str(Path(name).parent) for name in listed.stdout.splitlines() if name.endswith(code))
    assert {folder: count for folder, count in folders.items() if count > 15} == {}


def test_no_file_is_called_utils():
    files = [*PACKAGE.rglob("*.py"), *(ROOT / "conformance").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    assert [file.name for file in files if file.stem in ("utils", "helpers", "common", "misc")] == []
