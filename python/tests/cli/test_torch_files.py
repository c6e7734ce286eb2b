"""Weights and samples as people's programs leave them: read without running code, and what was done is said."""

import argparse
import io
import json
import sys
import zipfile

import numpy as np
import pytest
from cli.command_line import spikeport

from spikeport.transfer import load_checkpoint

MODEL = """
from torch import nn

def build():
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
"""
CONVERT = "convert user_model:build --weights {} -o {} --force"


@pytest.fixture
def plain(tmp_path, monkeypatch, capsys, torch):
    """A model's state dict, in a folder with its code: the current folder. Its network is the checkpoint "plain"."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "user_model", raising=False)
    (tmp_path / "user_model.py").write_text(MODEL)
    monkeypatch.syspath_prepend(tmp_path)
    import user_model

    stored = user_model.build().state_dict()
    torch.save(stored, "weights.pt")
    assert spikeport(capsys, CONVERT.format("weights.pt", "plain"))[0] == 0
    return dict(stored)


def prefixed(prefix, stored):
    return {f"{prefix}{key}": value for key, value in stored.items()}


def off(prefix):
    return f"the prefix '{prefix}' was taken off the names"


def within(entry):
    return f"the weights are those of its entry '{entry}'"


WRAPPED = [
    (lambda plain: prefixed("module.", plain), [off("module.")]),
    (lambda plain: prefixed("model.", plain), [off("model.")]),
    (lambda plain: prefixed("_orig_mod.", plain), [off("_orig_mod.")]),
    (lambda plain: prefixed("module._orig_mod.", plain), [off("module."), off("_orig_mod.")]),
    (lambda plain: {"state_dict": plain, "epoch": 3, "optimizer": {"state": {}}}, [within("state_dict")]),
    (lambda plain: {"model_state_dict": plain}, [within("model_state_dict")]),
    (lambda plain: {"net": prefixed("module.", plain), "acc": 93.1, "epoch": 7}, [within("net"), off("module.")]),
    (lambda plain: {"model": plain, "args": [1, 2]}, [within("model")]),
    (lambda plain: {"model": {"state_dict": plain}}, [within("model"), within("state_dict")]),
    (lambda plain: {"state_dict": prefixed("module.", plain)}, [within("state_dict"), off("module.")]),
    (
        lambda plain: {"state_dict": prefixed("model.", plain) | {"loss.weight": plain["0.bias"]}},
        [within("state_dict"), off("model."), "1 entries without that prefix were left aside: loss.weight"],
    ),
]


@pytest.mark.parametrize(("wrap", "said"), WRAPPED)
def test_state_dicts_as_training_loops_save_them(plain, capsys, torch, wrap, said):
    torch.save(wrap(plain), "kept.pt")
    code, _, err = spikeport(capsys, CONVERT.format("kept.pt", "kept"))
    assert code == 0, err
    assert err.splitlines() == [f"note: kept.pt: {note}" for note in said]
    assert load_checkpoint("kept").to_graph() == load_checkpoint("plain").to_graph()


def test_another_network_behind_a_prefix_is_refused(plain, capsys, torch):
    few = {key: value for key, value in plain.items() if key.startswith("0.")}
    for stored in (
        prefixed("model.", few) | {"loss.weight": plain["0.bias"]},
        prefixed("model.", plain | {"4.bias": few["0.bias"]}),
    ):
        torch.save(stored, "other.pt")
        code, _, err = spikeport(capsys, CONVERT.format("other.pt", "kept"))
        assert code == 2 and "does not fit the model" in err


@pytest.mark.parametrize("suffix", [".safetensors", ".bin"])
@pytest.mark.parametrize("given", ["folder", "index"])
def test_a_folder_of_shards_is_read_by_its_index(plain, capsys, torch, tmp_path, suffix, given):
    index = sharded(tmp_path, plain, suffix, torch)
    code, _, err = spikeport(capsys, CONVERT.format("sharded" if given == "folder" else index, "kept"))
    assert code == 0, err
    assert "4 tensors of 2 files that it lists" in err
    assert load_checkpoint("kept").to_graph() == load_checkpoint("plain").to_graph()


def sharded(folder, plain, suffix, torch):
    from safetensors.torch import save_file

    (folder / "sharded").mkdir()
    save, name = (save_file, "model") if suffix == ".safetensors" else (torch.save, "pytorch_model")
    places = {key: f"{name}-0000{1 + (k > 1)}-of-00002{suffix}" for k, key in enumerate(plain)}
    for file in set(places.values()):
        save({key: plain[key] for key, place in places.items() if place == file}, folder / "sharded" / file)
    index = folder / "sharded" / f"{name}{suffix}.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 1}, "weight_map": places}))
    return index


def test_a_folder_with_one_file_is_that_file(plain, capsys, tmp_path):
    from safetensors.torch import save_file

    (tmp_path / "one").mkdir()
    save_file(plain, tmp_path / "one" / "best.safetensors")
    code, _, err = spikeport(capsys, CONVERT.format("one", "kept"))
    assert code == 0 and "the weights are those of best.safetensors" in err
    save_file(plain, tmp_path / "one" / "last.safetensors")
    code, _, err = spikeport(capsys, CONVERT.format("one", "kept"))
    assert code == 2 and "which of best.safetensors, last.safetensors is meant is not said" in " ".join(err.split())


def test_an_index_that_does_not_fit_its_files_is_refused(plain, capsys, torch, tmp_path):
    index = sharded(tmp_path, plain, ".safetensors", torch)
    whole = json.loads(index.read_text())["weight_map"]

    def refused(places):
        index.write_text(json.dumps({"weight_map": places}))
        code, _, err = spikeport(capsys, CONVERT.format("sharded", "kept"))
        assert code == 2
        return " ".join(err.split())

    assert "has no tensor 'more', which the index says it has" in refused(whole | {"more": whole["0.bias"]})
    assert "has a tensor '0.bias', which the index does not list" in refused(
        {k: whole[k] for k in whole if k != "0.bias"}
    )
    assert "which is no file beside it: nothing was read" in refused(whole | {"0.bias": "../weights.pt"})
    assert "lists gone.safetensors, and there is no such file" in refused(whole | {"0.bias": "gone.safetensors"})
    assert "has no weight_map from tensors to files" in refused({})


def test_a_file_that_wants_code_is_refused_and_runs_none(plain, capsys, torch):
    torch.save({"state_dict": plain, "hyper_parameters": argparse.Namespace(lr=0.1)}, "lightning.ckpt")
    code, _, err = spikeport(capsys, CONVERT.format("lightning.ckpt", "kept"))
    said = " ".join(err.split())
    assert code == 2 and "wants code to run: argparse.Namespace. Nothing was run." in said
    assert "torch.save(model.state_dict(), path)" in said and "--trust-pickle" in said
    assert spikeport(capsys, CONVERT.format("lightning.ckpt", "kept") + " --trust-pickle")[0] == 0
    assert load_checkpoint("kept").to_graph() == load_checkpoint("plain").to_graph()


class Runs:
    """Leaves a file behind where it is unpickled."""

    def __reduce__(self):
        return open, ("ran", "w")


@pytest.mark.parametrize("option", ["--weights hostile.pt", "--weights weights.pt --calibration hostile.pt"])
def test_hostile_files_are_not_run(plain, capsys, torch, tmp_path, option):
    torch.save({"x": torch.rand(4, 4), "more": Runs()}, "hostile.pt")
    code, _, err = spikeport(capsys, f"convert user_model:build {option} -o kept")
    assert code == 2 and "Nothing was run" in err
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "kept", [lambda x, y: x, lambda x, y: {"x": x, "y": y}, lambda x, y: {"images": x}, lambda x, y: (x, y)]
)
def test_tensors_are_samples_as_arrays_are(plain, capsys, torch, kept):
    x, y = torch.rand(70, 4), torch.arange(70) % 3
    np.savez("samples.npz", x=x.numpy(), y=y.numpy())
    torch.save(kept(x, y), "samples.pt")
    graphs = []
    for samples in ("samples.npz", "samples.pt"):
        code, _, err = spikeport(capsys, CONVERT.format("weights.pt", "kept") + f" --calibration {samples}")
        assert code == 0, err
        graphs.append(load_checkpoint("kept").to_graph())
    assert graphs[0] == graphs[1]
    if isinstance(kept(x, y), torch.Tensor) or "images" in kept(x, y):
        return
    answers = [json.loads(spikeport(capsys, f"run kept {file} --json")[1]) for file in ("samples.npz", "samples.pt")]
    assert answers[0] == answers[1] and "accuracy" in answers[0]


def test_samples_of_16_bits_are_read_as_floats(plain, capsys, torch):
    torch.save(torch.rand(70, 4).bfloat16().requires_grad_(), "samples.pt")
    code, _, err = spikeport(capsys, CONVERT.format("weights.pt", "kept") + " --calibration samples.pt")
    assert code == 0, err


def test_torch_files_that_are_something_else_say_what_they_are(plain, capsys, torch, tmp_path):
    (tmp_path / "script.pt").write_bytes(_archive({"script/constants.pkl": b"", "script/code/x.py": b""}))
    code, _, err = spikeport(capsys, "convert --weights script.pt --trust-pickle -o out")
    assert code == 2 and "TorchScript" in err
    for found, message in (
        ({"a": torch.ones(2, 4), "b": torch.ones(2, 4)}, "holds the tensors a, b: call the samples x"),
        ([1, 2, 3], "holds a list: save a tensor of samples"),
        (torch.ones(2, 4).to(torch.complex64), "sparse, complex or quantised"),
        (torch.ones(3), "give one row per sample"),
    ):
        torch.save(found, "samples.pt")
        code, _, err = spikeport(capsys, CONVERT.format("weights.pt", "kept") + " --calibration samples.pt")
        assert code == 2 and message in " ".join(err.split())
    whole = (tmp_path / "weights.pt").read_bytes()
    for damaged in (b"no archive", whole[:200]):
        (tmp_path / "samples.pt").write_bytes(damaged)
        code, _, err = spikeport(capsys, CONVERT.format("weights.pt", "kept") + " --calibration samples.pt")
        assert code == 2 and "holds more than tensors, or is damaged" in err


def _archive(members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()
