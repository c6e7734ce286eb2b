"""What the Mojo package exports is documented in full; what only it calls itself is not held to that."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ROOT / "mojo" / "spikeport"
MOJO = ROOT / ".venv" / "bin" / "mojo"


@pytest.fixture(scope="module", autouse=True)
def there_is_a_mojo():
    if not MOJO.exists():
        assert "mojo" not in os.environ.get("SPIKEPORT_REQUIRE", ""), "no mojo: make toolchains"
        pytest.skip("mojo is not there: make toolchains")


def exported_names(package):
    """The names that the package's ``__init__.mojo`` imports from its own modules."""
    text = (package / "__init__.mojo").read_text("utf-8")
    lists = re.findall(r"^from \.\S* import (?:\(([^)]*)\)|(.*))$", text, re.MULTILINE)
    return {name.strip() for pair in lists for name in "".join(pair).split(",") if name.strip()}


def documentation(package, target):
    """What ``mojo doc`` finds in the package, by name: functions, structs, traits and constants of all its modules."""
    subprocess.run([MOJO, "doc", "-o", target, package], capture_output=True, check=True)
    found, packages = {}, [json.loads(target.read_text("utf-8"))["decl"]]
    for inner in packages:
        packages += inner["packages"]
        for module in inner["modules"]:
            for kind in ("aliases", "functions", "structs", "traits"):
                found |= {thing["name"]: thing for thing in module[kind]}
    return found


def undocumented(thing, place=""):
    """Yield what has no documentation in a thing: itself, its parameters, arguments, result, error, fields, methods."""
    place = f"{place}{thing['name']}"
    for call in thing.get("overloads", [thing]):
        described = call.get("parameters", []) + [item for item in call.get("args", []) if item["name"] != "self"]
        yield from (f"{place}: {item['name']}" for item in described if not item["description"])
        if not call["summary"]:
            yield f"{place}: what it is"
        if "returns" in call and thing["name"] != "__init__" and not call["returns"].get("doc"):
            yield f"{place}: what it returns"
        if call.get("raises") and not call["raisesDoc"]:
            yield f"{place}: what it raises"
    for part in ("aliases", "fields", "functions"):
        for inner in thing.get(part, []):
            yield from undocumented(inner, f"{place}.")


def missing(package, target):
    found = documentation(package, target)
    assert exported_names(package) <= found.keys()
    return sorted(fault for name in exported_names(package) for fault in undocumented(found[name]))


def test_what_the_package_exports_is_documented_in_full(tmp_path):
    assert len(exported_names(SOURCES)) > 20
    assert missing(SOURCES, tmp_path / "doc.json") == []


def test_what_an_exported_name_does_not_say_is_found(tmp_path):
    package = tmp_path / "spikeport"
    shutil.copytree(SOURCES, package)
    faults = {
        "qcfs: timesteps": ("qcfs.mojo", "        timesteps: Number of steps T, at least 1.\n"),
        "qcfs: what it returns": ("qcfs.mojo", "    Returns:\n        The quantised values.\n\n"),
        "sample_keys: what it raises": ("encode.mojo", "\n    Raises:\n        Error: `shape`.\n"),
        "Trace: dtype": ("trace.mojo", "\n    Parameters:\n        dtype: Element type of the membrane.\n"),
        "RunResult.membrane: what it is": ("network.mojo", '    """Membrane after the last step (B, n)."""\n'),
        "Neuron.__init__: beta": ("neuron.mojo", "            beta: Leak β.\n"),
        "StoredArray.of: values": ("checkpoint/npy.mojo", "            values: The values, row-major.\n"),
    }
    inner = [("checks.mojo", '    """Refuses NaN and infinity."""\n')]
    for file, text in [*faults.values(), *inner]:
        source = (package / file).read_text("utf-8")
        assert text in source
        (package / file).write_text(source.replace(text, "", 1), "utf-8")
    assert missing(package, tmp_path / "doc.json") == sorted(faults)
