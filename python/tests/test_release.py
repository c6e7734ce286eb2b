"""One version, said in one place: every other place that has to say it does."""

import re
from pathlib import Path

import pytest
import tomllib

from spikeport import __version__

ROOT = Path(__file__).resolve().parents[2]

SAID = {
    "rust/Cargo.toml": r'^\[workspace\.package\]\nversion = "([^"]+)"',
    "julia/SpikePort/Project.toml": r'^version = "([^"]+)"',
    "mojo/spikeport/__init__.mojo": r'^comptime VERSION = "([^"]+)"',
    "CITATION.cff": r"^version: (\S+)",
    "CHANGELOG.md": r"^## (\S+)",
}


@pytest.mark.parametrize("name", SAID)
def test_every_place_says_the_version(name):
    found = re.search(SAID[name], (ROOT / name).read_text("utf-8"), re.MULTILINE)
    assert found is not None and found[1] == __version__, f"{name}: set it to {__version__}"


def test_every_crate_has_the_version():
    crates = {package["name"]: package for package in tomllib.loads((ROOT / "rust/Cargo.lock").read_text())["package"]}
    for manifest in (ROOT / "rust" / "crates").glob("*/Cargo.toml"):
        package = tomllib.loads(manifest.read_text("utf-8"))["package"]
        assert package["version"] == {"workspace": True}
        assert crates[package["name"]]["version"] == __version__


def test_the_julia_package_says_what_a_registry_asks_for():
    project = tomllib.loads((ROOT / "julia/SpikePort/Project.toml").read_text("utf-8"))
    assert {"name", "uuid", "version", "deps", "compat"} <= set(project)
    assert "julia" in project["compat"]
