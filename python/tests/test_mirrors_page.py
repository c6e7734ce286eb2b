"""What the guide shows of the other languages is what their examples do, and they do what it says."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from spikeport import LayerNode, SNNGraph
from spikeport.transfer import SNNCheckpoint, load_checkpoint, save_checkpoint

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "guide" / "mirrors.md"
EXAMPLES = {"rust": "rust/crates/*/examples/*.rs", "julia": "julia/*/examples/*.jl", "mojo": "mojo/examples/*.mojo"}
PROGRAMS = {"rust": "cargo", "julia": "build/julia/julia", "mojo": ".venv/bin/mojo"}


@pytest.mark.parametrize("language", EXAMPLES)
def test_the_lines_shown_stand_in_an_example_in_that_order(language):
    (shown,) = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    lines = [line.strip() for line in shown.splitlines() if line.strip()]
    for example in ROOT.glob(EXAMPLES[language]):
        rest = iter(line.strip() for line in example.read_text("utf-8").splitlines())
        if all(line in rest for line in lines):
            return
    pytest.fail(f"no {language} example has the lines that docs/guide/mirrors.md shows")


@pytest.fixture(scope="module", params=[np.float64, np.float32])
def saved(tmp_path_factory, request):
    """A checkpoint, and the counts and drives of its last layer for 25 steps on an input of one half."""
    rng = np.random.default_rng(5)
    graph = SNNGraph(
        [
            LayerNode("hidden", 12, 9, rng.normal(size=(9, 12)) * 0.3, "LIF", beta=0.9, v_reset=0.0),
            LayerNode("output", 9, 4, rng.normal(size=(4, 9)) * 0.5, "IF", v_init=0.5, bias=rng.normal(size=4)),
        ]
    )
    for layer in graph:  # converted networks are float32
        layer.weights = layer.weights.astype(request.param)
        layer.bias = None if layer.bias is None else layer.bias.astype(request.param)
    path = tmp_path_factory.mktemp("examples") / "my_snn"
    save_checkpoint(SNNCheckpoint.from_graph(graph), path)
    run = graph.run(np.full((1, 12), 0.5, request.param), T=25)
    return path, run.counts[-1][0].tolist(), run.drive[0].tolist(), request.param


@pytest.mark.parametrize("language", EXAMPLES)
def test_the_command_shown_prints_the_counts_and_drives_of_python(language, saved):
    program = PROGRAMS[language]
    if not shutil.which(program) and not (ROOT / program).exists():
        assert language not in os.environ.get("SPIKEPORT_REQUIRE", ""), f"no {program}: make toolchains"
        pytest.skip(f"{program} is not there: make toolchains")
    path, counts, drive, dtype = saved
    (command,) = re.findall(rf"^{re.escape(program)} .*run_checkpoint.*$", PAGE.read_text("utf-8"), re.MULTILINE)
    done = subprocess.run(
        command.replace("my_snn", str(path)).split(), cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "freeze" not in done.stdout and "frozen" not in done.stdout, "nobody asked to freeze a layer"
    said = dict(line.split(": ", 1) for line in done.stdout.splitlines() if ": " in line)
    assert said["hidden"] == "12 -> 9, LIF"
    assert json.loads(said["spikes of the last layer"]) == counts
    got = json.loads(said["its drive"].replace("f0", "").replace("Float32", ""))
    assert np.array_equal(np.array(got, dtype), np.array(drive, dtype))


def test_the_julia_example_of_fine_tuning_freezes_all_but_the_head_in_a_copy(saved, tmp_path):
    program = PROGRAMS["julia"]
    if not (ROOT / program).exists():
        pytest.skip(f"{program} is not there: make toolchains")
    example, path, copy = ROOT / "julia/SpikePort/examples/finetune_head.jl", saved[0], tmp_path / "tuned"
    command = [program, "--startup-file=no", "--project=julia/SpikePort", str(example), str(path), str(copy)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    before, after = load_checkpoint(path), load_checkpoint(copy)
    assert (before.frozen_layers, after.frozen_layers) == ([], ["hidden"])
    assert np.array_equal(before.weights[0], after.weights[0])
    assert np.allclose(before.weights[1] - 0.125, after.weights[1])
