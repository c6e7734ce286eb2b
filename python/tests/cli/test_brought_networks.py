"""`spikeport convert` on ONNX files and folders of Hugging Face, `certify` beside them; pickles are not read."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli.command_line import spikeport

from spikeport.transfer import load_checkpoint

KERAS = Path(__file__).parents[1] / "interop" / "brought" / "keras_digits.onnx"


@pytest.fixture
def folder(tmp_path, monkeypatch, digits, torch):
    """An ONNX file, samples with their labels for calibration and for judgement; the current folder."""
    pytest.importorskip("onnx")
    monkeypatch.chdir(tmp_path)
    x_train, x_test, y_train, y_test = digits
    Path("digits.onnx").write_bytes(KERAS.read_bytes())
    np.savez("calibration.npz", x=x_train[:300].reshape(-1, 8, 8, 1), y=y_train[:300])
    np.savez("unseen.npz", x=x_test.reshape(-1, 8, 8, 1), y=y_test)
    return tmp_path


CONVERT = "convert digits.onnx --calibration calibration.npz --percentile 99.9 -T 32 -o out"


def test_an_onnx_file_is_converted_evaluated_and_certified(folder, capsys):
    code, out, err = spikeport(capsys, f"{CONVERT} --evaluate unseen.npz --json")
    said = json.loads(out)
    assert code == 0 and "note: digits.onnx: Softmax at the end was left off" in err and "--weights" not in err
    assert said["accuracy"]["current"] >= said["accuracy"]["trained"] - 0.02 and said["accuracy"]["trained"] > 0.95
    assert load_checkpoint("out").metadata["source"] == "digits.onnx"
    code, out, _ = spikeport(capsys, "certify out unseen.npz digits.onnx --json")
    assert code == 0 and json.loads(out)["certificate"]["agreement"] >= 0.97


def test_a_pickle_is_refused_with_what_to_do_in_python(folder, capsys):
    for name in ("model.joblib", "model.pkl"):
        Path(name).write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
        code, _, err = spikeport(capsys, f"convert {name} -o out")
        assert code == 2 and "runs code that the file brings" in err and "load it in Python" in err
    assert not Path("ran").exists()


def test_weights_beside_a_file_are_refused(folder, capsys):
    code, _, err = spikeport(capsys, CONVERT + " --weights calibration.npz")
    assert code == 2 and "digits.onnx has its own weights: leave --weights off" in err


def test_what_is_not_there_or_no_network_is_said(folder, capsys):
    assert "no_such.onnx: there is no such file" in spikeport(capsys, "convert no_such.onnx -o out")[2]
    Path("empty").mkdir()
    assert "empty holds no config.json" in spikeport(capsys, "convert empty -o out")[2]


def test_a_folder_of_hugging_face_is_converted(folder, capsys):
    transformers = pytest.importorskip("transformers")
    sizes = {"embedding_size": 8, "hidden_sizes": [8], "depths": [1], "layer_type": "basic", "num_channels": 1}
    transformers.ResNetForImageClassification(transformers.ResNetConfig(**sizes, num_labels=10)).save_pretrained(
        "resnet"
    )
    np.save("images.npy", np.random.default_rng(0).random((12, 1, 8, 8)).astype(np.float32))
    code, out, _ = spikeport(capsys, "convert resnet --calibration images.npy --percentile 99.9 -T 64 -o out")
    assert code == 0 and "saved as out.npz and out.json" in out
