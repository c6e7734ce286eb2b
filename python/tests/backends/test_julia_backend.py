"""The Julia backend: what it says where it cannot run, that it never downloads, the reference's bits where it runs."""

import importlib.util
import os
import runpy
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from spikeport.backends import BackendError, julia

ROOT = Path(__file__).resolve().parents[3]
EMBEDDED = Path(__file__).with_name("embedded_julia.py")

LAUNCH = """
using Libdl
library = first(file for file in dllist() if occursin(r"libjulia\\.", basename(file)))
run(`$ARGS $library $(Sys.BINDIR) $(unsafe_string(Base.JLOptions().image_file)) julia/SpikePort`)
"""


@pytest.fixture
def _with_juliacall(monkeypatch):
    """Let juliacall seem installed."""
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: True if name == "juliacall" else find(name))
    monkeypatch.delenv("PYTHON_JULIACALL_EXE", raising=False)


class JuliaPkg(ModuleType):
    """juliapkg on a machine with no Julia: resolving downloads one, unless told to stay offline."""

    def __init__(self):
        super().__init__("juliapkg")
        self.is_offline, self.downloads = False, 0

    def offline(self, value=True):
        self.is_offline = self.is_offline if value is None else value
        return self.is_offline

    def resolve(self):
        if self.is_offline:
            raise Exception("could not find Julia ^1.10.3")
        self.downloads += 1


def test_without_juliacall_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(BackendError, match=r"pip install 'spikeport\[julia\]'") as caught:
        julia.load()
    assert caught.value.code == "backend_unavailable"


@pytest.mark.usefixtures("_with_juliacall")
def test_without_a_julia_the_error_says_so_and_nothing_is_downloaded(monkeypatch):
    juliapkg = JuliaPkg()
    monkeypatch.setitem(sys.modules, "juliapkg", juliapkg)
    with pytest.raises(BackendError, match=r"could not find Julia \^1\.10\.3.*PYTHON_JULIACALL_EXE") as caught:
        julia.load()
    assert caught.value.code == "backend_unavailable"
    assert juliapkg.downloads == 0
    assert not juliapkg.is_offline, "juliapkg must be left as it was"


@pytest.mark.usefixtures("_with_juliacall")
def test_a_julia_that_does_not_start_is_an_error_of_ours(monkeypatch):
    monkeypatch.setenv("PYTHON_JULIACALL_EXE", "/nowhere/julia")
    monkeypatch.setitem(sys.modules, "juliacall", None)
    with pytest.raises(BackendError, match="accepts") as caught:
        julia.load()
    assert caught.value.code == "backend_unavailable"


def test_without_the_package_the_error_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(julia, "SOURCES", (tmp_path,))
    with pytest.raises(BackendError, match="sources of the Julia package"):
        julia.load()


def test_through_juliacall_it_gives_the_bits_of_the_reference():
    try:
        backend = julia.load()
    except BackendError as error:
        pytest.skip(str(error))
    assert runpy.run_path(str(EMBEDDED))["compare"](backend) == []


def test_with_any_julia_it_gives_the_bits_of_the_reference():
    found = os.environ.get("SPIKEPORT_JULIA") or ROOT / "build" / "julia" / "julia"
    executable = shutil.which(found) or shutil.which("julia")
    if executable is None:
        assert "julia" not in os.environ.get("SPIKEPORT_REQUIRE", ""), "no Julia: make toolchains"
        pytest.skip("no Julia: make toolchains")
    command = [executable, "--startup-file=no", "-e", LAUNCH, sys.executable, str(EMBEDDED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


def test_another_thread_is_refused_before_it_hangs():
    backend = julia.Julia(lambda kernel, words: "")
    backend.call("qcfs", {})
    with ThreadPoolExecutor(1) as pool:
        error = pool.submit(backend.if_constant, [0.5], timesteps=4).exception()
    assert isinstance(error, BackendError) and error.code == "thread" and "backend='rust'" in str(error)


@pytest.mark.usefixtures("_with_juliacall")
@pytest.mark.parametrize(("theirs", "works"), [("0.9.31", True), ("0.9.24", False)])
def test_halves_of_juliacall_of_two_versions_are_named(monkeypatch, theirs, works):
    class Main:
        def seval(self, text):
            return theirs if "pkgversion" in text else lambda kernel, words: ""

    juliacall = ModuleType("juliacall")
    juliacall.__version__, juliacall.Main = "0.9.31", Main()
    monkeypatch.setitem(sys.modules, "juliacall", juliacall)
    monkeypatch.setenv("PYTHON_JULIACALL_EXE", "julia")
    if works:
        assert julia.load().name == "julia"
        return
    with pytest.raises(BackendError, match=r"juliacall is 0\.9\.31 and Julia's PythonCall 0\.9\.24"):
        julia.load()
