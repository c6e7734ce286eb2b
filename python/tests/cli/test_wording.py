"""Messages of the library as the command line shows them."""

import importlib

import numpy as np
import pytest

from spikeport.cli.app import as_typed

for name in ("convert", "optimize", "run"):
    importlib.import_module(f"spikeport.cli.{name}")


@pytest.mark.parametrize(
    ("message", "typed"),
    [
        (
            "max_accuracy_drop must be a share in [0, 1), not 2.0",
            "--max-accuracy-drop must be a share in [0, 1), not 2.0",
        ),
        ("data lie outside input_range: widen the range", "data lie outside --input-range: widen the range"),
        ("run with encoding='current'", "run with --encoding current"),
        (
            "What helps: more timesteps (T=64); percentile=99.9.",
            "What helps: more timesteps (-T 64); --percentile 99.9.",
        ),
        ("take backend='rust'", "take --backend rust"),
        ("there is no file runs/input_range.npz", "there is no file runs/input_range.npz"),
        ("input_range.npz is no archive", "input_range.npz is no archive"),
        ("classes=False gives values, v_init=0.5", "classes=False gives values, v_init=0.5"),
    ],
)
def test_a_message_of_the_library_names_options_as_they_are_typed_and_leaves_paths_alone(message, typed):
    assert as_typed(message) == typed


def test_a_warning_of_a_conversion_names_options_as_they_are_typed(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch")
    from spikeport import cli

    (tmp_path / "small_model.py").write_text(
        "import torch\ndef build():\n    torch.manual_seed(0)\n"
        "    return torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3))\n"
    )
    np.save(tmp_path / "x.npy", np.random.default_rng(0).random((40, 4)))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        cli.main(["convert", "small_model:build", "--calibration", "x.npy", "--percentile", "0.5", "-o", "net"])
    assert "--percentile 0.5 lies among the smallest" in capsys.readouterr().err
