"""`spikeport transfer` on files, as a user would call it."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli.command_line import spikeport

from spikeport.transfer import SNNCheckpoint, TransferConfig, finetune, load_checkpoint, replace_head, save_checkpoint


@pytest.fixture
def folder(tmp_path, monkeypatch, torch):
    """A folder with a checkpoint for three classes, and labelled samples of two; the current folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    weights = [rng.uniform(-0.4, 0.6, (6, 4)).astype(np.float32), rng.uniform(-0.4, 0.6, (3, 6)).astype(np.float32)]
    given = SNNCheckpoint(weights, ["hidden", "head"], [(4, 6), (6, 3)], ["LIF", "LIF"], {"T": 4})
    save_checkpoint(given, "net")
    labels = np.arange(24) % 2
    x = rng.uniform(0, 0.25, (24, 4)).astype(np.float32)
    x[labels == 0, :2] += 0.75
    x[labels == 1, 2:] += 0.75
    np.save("x.npy", x)
    np.save("y.npy", labels)
    np.savez("both.npz", x=x, y=labels)
    np.save("floats.npy", labels.astype(float))
    return given, x, labels


def test_it_writes_what_finetune_gives(folder, capsys):
    given, x, labels = folder
    line = "transfer net --data x.npy --labels y.npy --classes 2 --freeze-until hidden,-1 --lr-backbone 0,0.001"
    options = "--lr-head 0.01 --epochs 2,3 --validation 0.25 --clip 1 --seed 3 -o out --json"
    code, out, _ = spikeport(capsys, f"{line} {options}")
    assert code == 0
    phases = [TransferConfig("hidden", 0.0, 0.01), TransferConfig(-1, 0.001, 0.01)]
    how = {"epochs": [2, 3], "validation": 0.25, "clip": 1.0, "seed": 3}
    expected = finetune(replace_head(given, 2, 3), x, labels, phases, **how)
    assert load_checkpoint("out") == expected.checkpoint
    assert load_checkpoint("out_phase_1") == expected.phases[0].checkpoint
    said = json.loads(out)
    assert said["output"] == "out.json" and [phase["frozen"] for phase in said["phases"]] == [["hidden"], []]
    assert said["phases"][1]["epochs"] == [epoch.to_dict() for epoch in expected.phases[1].outcome.epochs]


def test_it_shows_a_line_for_each_phase_and_where_all_is(folder, capsys):
    line = "transfer net --data both.npz --freeze-until 0,-1 --epochs 1 --validation both.npz --patience 2 -o out"
    code, out, _ = spikeport(capsys, line)
    assert code == 0
    assert "hidden" in out and "none" in out and "→" in out
    assert "after each phase: out_phase_1.json, out_phase_2.json" in out and "saved as out.npz and out.json" in out
    code, out, _ = spikeport(capsys, "transfer net --data both.npz --epochs 1 -o one")
    assert code == 0 and "after each phase" not in out


def test_it_watches_the_training(folder, capsys):
    pytest.importorskip("matplotlib")
    code, out, _ = spikeport(capsys, "transfer net --data both.npz --epochs 1 --profile seen.html -o out")
    assert code == 0 and "wrote seen.html" in out
    assert "hidden" in Path("seen.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--data x.npy", "x.npy holds no labels: give --labels FILE.npy"),
        ("--data both.npz --labels y.npy", "leave one of them off"),
        ("--data x.npy --labels x.npy", "give one label for each sample"),
        ("--data x.npy --labels floats.npy", "give whole numbers"),
        ("--data no.npy --labels y.npy", "there is no such file"),
        ("--data both.npz --freeze-until 0,-1 --epochs 1,2,3", "--freeze-until has 2 values for 3 phases"),
        ("--data both.npz --lr-head fast", "--lr-head 'fast' is not a number"),
        ("--data both.npz --epochs 1.5", "--epochs '1.5' is not a whole number"),
        ("--data both.npz --freeze-until nowhere", "no layer is called 'nowhere'"),
        ("--data both.npz --validation x.npy", "--validation wants a share"),
        ("--data both.npz --validation 2", "validation 2.0 is no share"),
        ("--data both.npz --patience 2", "give --validation 0.2"),
        ("--data both.npz --batch-size 0", "--batch-size must be a whole number"),
        ("--data both.npz --classes 1", "--classes must be a whole number"),
        ("--data both.npz -T 0", "give a whole number of at least 1"),
        ("--data both.npz --profile nowhere/seen.html", "there is no folder nowhere"),
    ],
)
def test_a_mistake_ends_in_a_message_and_writes_nothing(folder, capsys, options, words):
    before = sorted(Path().iterdir())
    code, out, err = spikeport(capsys, f"transfer net {options} -o out")
    assert (code, out) == (2, "") and words in " ".join(err.split())
    assert sorted(Path().iterdir()) == before


def test_what_is_there_is_not_written_over(folder, capsys):
    code, _, err = spikeport(capsys, "transfer net --data both.npz --epochs 1 -o net")
    assert code == 2 and "net.npz exists" in err
