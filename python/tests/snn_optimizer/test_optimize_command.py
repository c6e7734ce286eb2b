"""``spikeport optimize`` as a user meets it."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from spikeport import LayerNode, SNNGraph, cli
from spikeport.transfer import SNNCheckpoint, load_checkpoint, save_checkpoint


@pytest.fixture
def stored(tmp_path):
    rng = np.random.default_rng(0)
    W = rng.integers(-8, 9, (10, 4)) / 8
    W[7:] = W[:3]
    layers = [LayerNode("h", 4, 10, W, "IF", v_init=0.5), LayerNode("o", 10, 3, rng.integers(-8, 9, (3, 10)) / 8, "IF")]
    checkpoint = SNNCheckpoint.from_graph(SNNGraph(layers), metadata={"T": 12, "task": "toy"}, frozen_layers=["h"])
    save_checkpoint(checkpoint, tmp_path / "net")
    np.savez(tmp_path / "data.npz", x=rng.random((40, 4)), y=np.arange(40) % 3)
    return tmp_path


def spikeport(capsys, *arguments):
    with pytest.raises(SystemExit) as left:
        cli.main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return left.value.code or 0, out, err


def test_a_checkpoint_becomes_a_smaller_one_with_a_report(stored, capsys):
    pytest.importorskip("matplotlib")
    arguments = ["--passes", "merge", "--report", stored / "report.html", "--json"]
    code, out, err = spikeport(capsys, "optimize", stored / "net", "-o", stored / "small", *arguments)
    assert (code, err) == (0, "")
    told = json.loads(out)
    small = load_checkpoint(stored / "small")
    assert small.layer_sizes == [(4, 7), (7, 3)]
    assert small.metadata["task"] == "toy"
    assert small.metadata["optimization"]["level"] == "exact"
    assert small.frozen_layers == ["h"]
    assert told["verification"]["identical"] is True
    assert told["verification"]["timesteps"] == 12
    assert "redundancy_elimination" in (stored / "report.html").read_text()
    x = np.random.default_rng(1).random((9, 4))
    counts = [load_checkpoint(stored / name).to_graph().run(x, T=12).counts[-1] for name in ("net", "small")]
    assert np.array_equal(*counts)


def test_a_folder_that_is_not_there_is_named_before_any_work(stored, capsys):
    code, out, err = spikeport(capsys, "optimize", stored / "net", "-o", stored / "no" / "small")
    assert (code, out) == (2, "")
    assert "there is no folder" in err


def test_a_second_run_does_not_hide_what_the_first_one_did(stored, capsys):
    for source, passes in (("net", "quantize:bits=4"), ("small", "fold_scales"), ("small", "eliminate_unread")):
        line = ["optimize", stored / source, "-o", stored / "small", "--passes", passes]
        code, _, err = spikeport(capsys, *line)
        assert (code, "--force" in err) == ((2, True) if source == "small" else (0, False))
        assert code == 0 or spikeport(capsys, *line, "--force")[0] == 0
    last = load_checkpoint(stored / "small").metadata["optimization"]
    assert [last["level"], last["earlier"]["level"], last["earlier"]["earlier"]["level"]] == [
        "exact",
        "exact",
        "measured",
    ]


def test_passes_take_options(stored, capsys):
    code, out, _ = spikeport(
        capsys,
        "optimize",
        stored / "net",
        "-o",
        stored / "s",
        "--passes",
        "prune:pattern=1/2,quantize:bits=4:power_of_two=true",
    )
    assert code == 0
    assert "weight_quantization" in out
    weights = load_checkpoint(stored / "s").weights[0]
    assert (np.count_nonzero(weights.reshape(10, 2, 2), axis=2) <= 1).all()


def test_accuracy_is_reported_where_there_are_labels(stored, capsys):
    data = ["--data", stored / "data.npz", "--max-accuracy-drop", "0.5", "--json"]
    code, out, _ = spikeport(capsys, "optimize", stored / "net", "-o", stored / "s", *data)
    assert code == 0
    assert len(json.loads(out)["front"]) > 1


@pytest.mark.parametrize(
    "arguments, word",
    [
        (["--passes", "unheard_of"], "unheard_of"),
        (["--passes", "prune:half"], "option=value"),
        (["--passes", "prune:sparsity=half"], "sparsity"),
        (["--passes", "prune:sparsity=0.5:sparsity=0.7"], "twice"),
        (["--passes", "mrege"], "did you mean 'merge'"),
        (["--timesteps", "0"], "timesteps"),
        (["--horizon", "4"], "proofs hold for 4"),
        (["--report", "no/such/folder/report.html"], "folder"),
        (["--input-range", "1", "0"], "--input-range"),
        (["--max-accuracy-drop", "0.1"], "--max-accuracy-drop needs labels: give --data FILE.npz"),
        (["--max-accuracy-drop", "0.1", "--data", "{}/plain.npy"], "plain.npy has samples alone"),
        (["--max-accuracy-drop", "0.1", "--passes", "merge"], "--max-accuracy-drop chooses the passes itself"),
        (["--max-accuracy-drop", "2", "--data", "{}/data.npz"], "--max-accuracy-drop must be a share in [0, 1)"),
        (["--input-range", "0", "0.5", "--data", "{}/data.npz"], "lie outside --input-range"),
    ],
)
def test_mistakes_end_in_a_message_and_nothing_is_written(stored, capsys, arguments, word):
    np.save(stored / "plain.npy", np.ones((9, 4)))
    arguments = [argument.format(stored) for argument in arguments]
    code, out, err = spikeport(capsys, "optimize", stored / "net", "-o", stored / "bad", *arguments)
    assert (code, out) == (2, "")
    assert word in err
    assert "max_accuracy_drop" not in err and "input_range" not in err
    assert not list(stored.glob("bad*"))


def test_a_report_that_cannot_be_drawn_is_refused_before_any_work(stored, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setattr("spikeport.snn_optimizer.optimize", lambda *_, **__: pytest.fail("it went to work"))
    code, out, err = spikeport(
        capsys, "optimize", stored / "net", "-o", stored / "bad", "--report", stored / "bad.html"
    )
    assert (code, out) == (2, "")
    assert "matplotlib" in err and "spikeport[plot]" in err
    assert not list(stored.glob("bad*"))


def test_the_size_of_the_file_stands_beside_what_the_weights_are_kept_as(stored, capsys):
    code, out, _ = spikeport(capsys, "optimize", stored / "net", "-o", stored / "s", "--passes", "quantize")
    size = (stored / "s.npz").stat().st_size
    assert code == 0 and f"s.npz ({size:,} bytes, every weight as float64) and s.json" in out


def test_the_help_shows_whole_names_of_options_at_80_columns():
    done = subprocess.run(
        [sys.executable, "-m", "spikeport", "optimize", "--help"],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"COLUMNS": "80", "PYTHONIOENCODING": "utf-8"},
        encoding="utf-8",
    )
    assert "--max-accuracy-drop" in done.stdout and "LOW HIGH" in done.stdout
