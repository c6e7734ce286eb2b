"""`spikeport certify` and `spikeport sweep` on files, by one process and by two under torchrun."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from cli.command_line import spikeport

from spikeport.conversion import convert

MODEL = """
from torch import nn

def build():
    return nn.Sequential(nn.Linear(64, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10))

def other():
    return nn.Sequential(nn.Linear(64, 10))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch, torch, digits_mlp, digits_snn, digits):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "digits_model", raising=False)
    (tmp_path / "digits_model.py").write_text(MODEL)
    torch.save(digits_mlp.state_dict(), "weights.pt")
    digits_snn.save("net")
    np.savez("test.npz", x=digits[1], y=digits[3])
    np.save("plain.npy", digits[1])
    np.save("logits.npy", digits_mlp(torch.tensor(digits[1])).detach().numpy())
    return tmp_path


def test_certify_prints_writes_a_page_and_gives_data(folder, capsys):
    pytest.importorskip("matplotlib")
    line = "certify net test.npz digits_model:build --weights weights.pt --report page.html"
    code, out, err = spikeport(capsys, line)
    assert (code, err) == (0, "") and "layer_1" in out and "Most is lost in" in out
    assert "Certification of net" in (folder / "page.html").read_text("utf-8")
    code, out, _ = spikeport(capsys, line + " --json -T 3 --encoding poisson --seed 4")
    data = json.loads(out)
    assert code == 0 and (data["timesteps"], data["encoding"]) == (3, "poisson") and data["drawing"] > 0


def test_a_network_of_integers_is_certified_by_the_same_command(folder, digits_mlp, digits, capsys):
    pytest.importorskip("matplotlib")
    convert(digits_mlp, digits[0], T=8, percentile=99.9, arithmetic="int8").save("whole")
    line = "certify whole test.npz digits_model:build --weights weights.pt --report whole.html"
    code, out, err = spikeport(capsys, line)
    assert (code, err) == (0, "") and "agreement 9" in out and "layer_1" in out
    assert "Certification of whole" in (folder / "whole.html").read_text("utf-8")
    data, real = (
        json.loads(spikeport(capsys, line.replace("whole", name) + " --json")[1]) for name in ("whole", "net")
    )
    assert data.keys() == real.keys() and data["logit_error"] == pytest.approx(real["logit_error"], abs=0.05)
    assert data["changed"] and "weights of 8 bits" in data["certificate"]["reason"]
    assert spikeport(capsys, f"{line} --encoding poisson")[0] == 2


def test_sweep_prints_writes_a_page_and_gives_data(folder, capsys):
    pytest.importorskip("matplotlib")
    line = "sweep net test.npz -T 1,2,8 --logits logits.npy --report page.html"
    code, out, err = spikeport(capsys, line)
    assert (code, err) == (0, "") and "Early exit" in out and "Modelled, not measured" in out
    (verdict,) = [p["energy"]["verdict"] for p in json.loads(spikeport(capsys, f"{line} --json")[1])["points"][-1:]]
    assert verdict in " ".join(out.split()) and verdict in (folder / "page.html").read_text("utf-8")
    line = "sweep net plain.npy -T 4 --calibration test.npz --assume weights=640 --assume input_once=no --json"
    code, out, _ = spikeport(capsys, line)
    data = json.loads(out)
    assert code == 0 and data["points"][0]["accuracy"] is None
    assert data["energy"]["assumptions"]["weights"] == 640 and data["energy"]["assumptions"]["input_once"] is False
    assert "360 calibration samples" in data["early_exit"]["learnt_on"]


@pytest.mark.parametrize(
    "line, words",
    [
        ("certify net test.npz", "give MODULE:FUNCTION"),
        ("certify net test.npz digits_model:other", "none of the model's"),
        ("certify net missing.npz digits_model:build", "no such file"),
        ("certify net test.npz digits_model:build -T 0", "at least 1"),
        ("certify net test.npz digits_model:build --report no/where.html", "folder"),
        ("sweep net test.npz -T 1,zero", "give -T 1,2,4,8"),
        ("sweep net test.npz --assume weight=3", "float_add"),
        ("sweep net test.npz --assume weights=heavy", "no number"),
        ("sweep net test.npz --tolerance 2", "share in [0, 1]"),
        ("sweep nothing test.npz", "nothing"),
    ],
)
def test_mistakes_end_in_a_message(folder, capsys, line, words):
    code, out, err = spikeport(capsys, line)
    assert (code, out) == (2, "") and words in err


def by_two(line):
    command = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        "2",
        "-m",
        "spikeport",
    ]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [*command, *line.split()], env=environment, capture_output=True, text=True, timeout=600, check=False
    )


def test_two_processes_share_the_samples_and_say_once_what_one_says(folder, capsys):
    line = "sweep net test.npz digits_model:build --weights weights.pt -T 1,4 --json"
    done = by_two(line)
    assert done.returncode == 0, done.stderr[-3000:]
    alone = json.loads(spikeport(capsys, line)[1])
    assert json.loads(done.stdout) == alone


def test_two_processes_certify_what_one_certifies(folder, capsys):
    line = "certify net test.npz digits_model:build --weights weights.pt --json"
    done = by_two(line)
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = json.loads(spikeport(capsys, line)[1]), json.loads(done.stdout)
    assert one["changed"] and [s["index"] for s in one["changed"]] == [s["index"] for s in two["changed"]]
    assert two["logit_error"] == pytest.approx(one["logit_error"], rel=1e-6)
    for ours, theirs in zip(one["layers"], two["layers"], strict=True):
        assert theirs["arrives"] == pytest.approx(ours["arrives"], rel=1e-4) and theirs["rate"] == ours["rate"]


def test_more_processes_than_samples_change_nothing(folder, capsys, digits):
    np.savez("one.npz", x=digits[1][:1], y=digits[3][:1])
    done = by_two("sweep net one.npz digits_model:build --weights weights.pt -T 2 --json")
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout)["samples"] == 1
