"""`spikeport doctor`: what works is said to work, what is absent, wrong or crashes is said to be that."""

import getpass
import importlib.metadata
import json
import os
from pathlib import Path

import numpy as np
import pytest
from cli.command_line import spikeport

from spikeport.backends import BACKENDS, get_backend
from spikeport.doctor import Examination, Outcome, examination, packages, trial, trying
from spikeport.doctor.discretion import discreet
from spikeport.doctor.packages import Package


@pytest.fixture
def at_start(tmp_path, monkeypatch):
    """A function that has every new Python process begin with some code."""

    def put(code):
        (tmp_path / "sitecustomize.py").write_text(code)
        monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")

    return put


def test_what_runs_here_works(capsys):
    code, out, err = spikeport(capsys, "doctor --json")
    found = json.loads(out)
    states = {outcome["backend"]: outcome["state"] for outcome in found["backends"]}
    assert (code, err, found["sound"]) == (0, "", True)
    assert list(states) == list(BACKENDS)
    assert states["reference"] == states["rust"] == "works"
    assert set(states.values()) <= {"works", "absent"}
    assert found["versions"]["spikeport"] == importlib.metadata.version("spikeport")
    numpy = next(package for package in found["packages"] if package["name"] == "numpy")
    assert (numpy["extra"], numpy["installed"], numpy["serves"]) == ("", np.__version__, True)


@pytest.mark.parametrize(
    ("backend", "module", "remedy"),
    [("rust", "spikeport._rust", "maturin develop"), ("torch", "torch", "pip install 'spikeport[torch]'")],
)
def test_what_is_missing_is_absent_with_the_remedy(at_start, backend, module, remedy):
    at_start(f"import sys\nsys.modules[{module!r}] = None\n")
    found = trying.attempt(backend)
    assert found.state == "absent" and remedy in found.detail


def test_a_crash_takes_only_its_own_process(at_start):
    at_start("import os, signal\nos.kill(os.getpid(), signal.SIGILL)\n")
    found = trying.attempt("rust")
    assert (found.state, found.detail) == ("fails", "crashed by SIGILL: built for another processor")


def test_an_error_nobody_thought_of_is_told_by_its_last_line(at_start):
    at_start("import numpy\nnumpy.array_equal = None\n")
    found = trying.attempt("rust")
    assert found.state == "fails" and found.detail.startswith("TypeError")


def test_what_never_answers_is_stopped():
    assert trying.attempt("reference", longest=0.01).detail == "no answer in 0.01 seconds"


def test_other_bits_are_seen(monkeypatch):
    backend = get_backend("rust")
    assert trial.differing(backend) is None
    firing = type(backend).if_multistep
    monkeypatch.setattr(type(backend), "if_multistep", lambda self, I, **given: firing(self, I, v_init=0.0))
    assert "the golden vector of IF has spikes [1, 1, 0, 1, 0]" in trial.differing(backend)
    monkeypatch.undo()
    monkeypatch.setattr(trial, "get_backend", lambda name: backend)
    graph = trial.networks()[0][1]
    run = type(graph).run
    monkeypatch.setattr(
        type(graph), "run", lambda self, x, T, backend: run(self, x, T=T - (backend == "rust"), backend=backend)
    )
    assert trial.answer("rust")["wrong"].startswith("a network of floats has other spikes")


@pytest.mark.parametrize(
    ("states", "sound"),
    [
        ({"reference": "works", "rust": "works", "julia": "absent"}, True),
        ({"reference": "works", "rust": "absent"}, False),
        ({"reference": "wrong", "rust": "works"}, False),
        ({"reference": "works", "rust": "works", "mojo": "fails"}, False),
    ],
)
def test_the_exit_code_says_whether_it_is_sound(capsys, monkeypatch, states, sound):
    monkeypatch.setattr(examination, "BACKENDS", states)
    monkeypatch.setattr(examination, "attempt", lambda name: Outcome(name, states[name], "a reason", 0.1))
    code, out, err = spikeport(capsys, "doctor")
    assert code == (0 if sound else 1)
    assert ("--bug-report" in err) is not sound
    assert all(f"  {name}: {state}" in out for name, state in states.items())


def test_the_extra_to_install_is_named(monkeypatch):
    lacking = (
        Package("numpy", "", ">=1.26", "2.4.6"),
        Package("torch", "torch", ">=2.4", None),
        Package("nir", "nir", ">=1.0.7,<1.0.9", "1.0.9"),
    )
    found = Examination({"spikeport": "1", "python": "3"}, examination.machine(), lacking, {}, (), ())
    lines = "\n".join(found.lines())
    assert "pip install 'spikeport[torch]': torch>=2.4 (not here)" in lines
    assert "pip install 'spikeport[nir]': nir>=1.0.7,<1.0.9 (1.0.9 is here)" in lines
    assert "pip install 'spikeport'" not in lines


def test_extras_are_read_from_the_metadata(monkeypatch):
    said = [
        "numpy>=1.26",
        "spikeport[torch] ; extra == 'all'",
        "torch>=2.4 ; extra == 'torch'",
        "ruff>=1; extra=='dev'",
    ]
    monkeypatch.setattr(packages.importlib.metadata, "requires", lambda name: said)
    assert [(p.name, p.extra, p.wanted) for p in packages.packages()] == [
        ("numpy", "", ">=1.26"),
        ("torch", "torch", ">=2.4"),
    ]


@pytest.mark.parametrize(
    ("installed", "wanted", "serves"),
    [
        ("2.4", ">=2.4", True),
        ("2.4.0a0+git", ">=2.4", True),
        ("2.10.1", ">=2.4", True),
        ("2.3.9", ">=2.4", False),
        ("6.0", ">=5.0,<6", False),
        (None, ">=1", False),
        ("1.0", "", True),
    ],
)
def test_a_version_outside_the_bounds_does_not_serve(installed, wanted, serves):
    assert Package("any", "", wanted, installed).serves is serves


def test_a_report_keeps_paths_names_and_addresses_to_itself(monkeypatch, capsys):
    monkeypatch.setattr(getpass, "getuser", lambda: "ada")
    told = (
        f"could not read {Path.home()}/secret project/a.so (by ada) from https://ada:word@example.org/simple, "
        r"C:\Users\ada\cache\kernels.dll or ~/own/b.mojo:7:3; run `python -c 'import juliacall'`"
    )
    shown = discreet(told)
    for word in (str(Path.home()), "ada", "word@", "example.org", "Users", "own"):
        assert word not in shown
    assert "…/b.mojo:7:3" in shown and "run `python -c 'import juliacall'`" in shown
    monkeypatch.setattr(examination, "BACKENDS", ("reference", "rust"))
    monkeypatch.setattr(examination, "attempt", lambda name: Outcome(name, "works", None, 0.1))
    monkeypatch.setenv("PYTHON_JULIACALL_EXE", "/opt/hidden/julia")
    code, out, _ = spikeport(capsys, "doctor --bug-report")
    assert code == 0 and "```text\nspikeport " in out
    assert "PYTHON_JULIACALL_EXE" in out and "hidden" not in out and str(Path.home()) not in out


def test_two_forms_at_once_are_refused(capsys):
    code, _, err = spikeport(capsys, "doctor --json --bug-report")
    assert code == 2 and "give one of them" in err
