"""`--device`: which commands take it, what they say, and that it is where the network runs."""

import json
import sys

import numpy as np
import pytest
from cli.command_line import spikeport

from spikeport import LayerNode, SNNGraph
from spikeport.conversion import ConvertedSNN
from spikeport.transfer import SNNCheckpoint, save_checkpoint

MODEL = """
import torch

def build():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
"""
NOTE = "note: torch:cpu adds floats in an order of its own"


@pytest.fixture
def folder(tmp_path, monkeypatch, torch):
    """A network whose sums do not round, a trained model, samples and labels; the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "small_model", raising=False)
    (tmp_path / "small_model.py").write_text(MODEL)
    rng = np.random.default_rng(0)
    weights = rng.integers(-8, 9, (6, 4)) / 8, rng.integers(-8, 9, (3, 6)) / 8
    layers = [LayerNode(str(k), W.shape[1], W.shape[0], W, "IF", v_init=0.5) for k, W in enumerate(weights)]
    save_checkpoint(SNNCheckpoint.from_graph(SNNGraph(layers)), "net")
    x = rng.integers(0, 17, (20, 4)) / 16
    np.savez("samples.npz", x=x, y=rng.integers(0, 3, 20))
    return tmp_path


@pytest.fixture
def asked(monkeypatch):
    """Which backends a converted network was run on."""
    seen, classify = [], ConvertedSNN.classify
    monkeypatch.setattr(
        ConvertedSNN,
        "classify",
        lambda self, *x, backend="auto", **how: seen.append(backend) or classify(self, *x, **how),
    )
    return seen


def test_run_on_a_device_says_so_and_answers_the_same(folder, capsys):
    answers = {}
    for option in ("--device cpu", "--backend torch:cpu", "--backend reference", "--backend torch --device cpu"):
        code, out, err = spikeport(capsys, f"run net samples.npz -T 9 --json {option}")
        answers[option] = json.loads(out)
        name = answers[option].pop("backend")
        assert (code, name) == (0, "reference" if "reference" in option else "torch:cpu"), err
        assert (NOTE in err) == (name != "reference")
    first = answers.pop("--device cpu")
    assert len(set(first["classes"])) > 1
    assert all(answer == first for answer in answers.values())


def test_certify_and_sweep_run_on_a_device(folder, capsys):
    spikeport(capsys, "convert small_model:build --calibration samples.npz -o converted")
    for line in (
        "certify converted samples.npz small_model:build -T 3 --json",
        "sweep converted samples.npz -T 1,3 --json",
    ):
        code, out, err = spikeport(capsys, f"{line} --device cpu")
        assert (code, NOTE in err) == (0, True), err
        assert json.loads(out)


def test_convert_evaluates_on_a_device(folder, capsys, asked):
    convert = "convert small_model:build --calibration samples.npz -o converted --force"
    code, _, err = spikeport(capsys, f"{convert} --evaluate samples.npz --device cpu")
    assert (code, set(asked), NOTE in err) == (0, {"torch:cpu"}, True)
    asked.clear()
    assert spikeport(capsys, f"{convert} --evaluate samples.npz")[0] == 0
    assert asked and not any(name.startswith("torch") for name in asked)
    code, _, err = spikeport(capsys, f"{convert} --device cpu")
    assert code == 2 and "--evaluate" in err


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--device cpu --backend rust", "--backend rust is not torch"),
        ("--device nowhere", "torch has no device 'nowhere'"),
        ("--backend torch:", "no backend is called 'torch:'"),
    ],
)
def test_a_device_that_is_none_is_refused_before_anything_is_read(folder, capsys, option, said):
    for line in (
        "run no_file samples.npz -T 3",
        "certify no_file samples.npz small_model:build",
        "sweep no_file samples.npz",
    ):
        code, out, err = spikeport(capsys, f"{line} {option}")
        assert (code, out) == (2, "") and said in err, (line, err)
