"""`spikeport convert`, `run` and `inspect` on files, as a user would call them."""

import json
import re
import sys

import numpy as np
import pytest
from cli.command_line import spikeport

from spikeport import LayerNode, Neuron, SNNGraph
from spikeport.operations import Linear
from spikeport.transfer import SNNCheckpoint, load_checkpoint, save_checkpoint

MODEL = """
import torch

def build():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))

def silent():
    model = build()
    torch.nn.init.constant_(model[0].weight, -1.0)
    torch.nn.init.constant_(model[0].bias, -1.0)
    return model

def tanh():
    return torch.nn.Sequential(torch.nn.Linear(4, 6), torch.nn.Tanh(), torch.nn.Linear(6, 3))

class Images(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.fc = torch.nn.Conv2d(1, 2, 3), torch.nn.Linear(8, 3)

    def forward(self, x):
        return self.fc(torch.nn.functional.max_pool2d(self.conv(x).relu(), 2).flatten(1))

def broken():
    raise KeyError("width")

def nothing():
    return None
"""


@pytest.fixture
def folder(tmp_path, monkeypatch, torch):
    """A folder with a model's code, its weights in every form, and samples; the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "user_model", raising=False)
    (tmp_path / "user_model.py").write_text(MODEL)
    monkeypatch.syspath_prepend(tmp_path)
    import user_model
    from safetensors.torch import save_file

    model = user_model.build()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    save_file(model.state_dict(), "weights.safetensors")
    torch.save(model.state_dict(), "weights.pt")
    torch.save(model, "whole.pt")
    x = np.random.default_rng(0).random((70, 4)).astype(np.float32)
    with torch.no_grad():
        np.savez("samples.npz", x=x, y=model(torch.tensor(x)).argmax(1).numpy())
    np.save("samples.npy", x)
    return tmp_path


CONVERT = "convert user_model:build --weights weights.pt --calibration samples.npz -o out "


@pytest.mark.parametrize("weights", ["weights.pt", "weights.safetensors"])
@pytest.mark.parametrize("samples", ["samples.npz", "samples.npy"])
def test_convert_writes_the_network_that_convert_makes(folder, capsys, torch, weights, samples):
    import user_model

    from spikeport.conversion import convert

    line = f"convert user_model:build --weights {weights} --calibration {samples} -T 8 -o out --json"
    code, out, err = spikeport(capsys, line)
    assert code == 0
    model = user_model.build()
    model.load_state_dict(torch.load("weights.pt", weights_only=True))
    snn = convert(model, np.load("samples.npy"), T=8)
    assert err == ""
    stored = load_checkpoint("out")
    assert stored.to_graph() == snn.graph
    assert stored.metadata["scales"] == snn.scales
    said = json.loads(out)
    assert (said["T"], said["source"]) == (8, "user_model:build")
    assert said["certificate"] == snn.certificate.to_dict()
    assert [layer["neurons"] for layer in said["layers"]] == [16, 3]


def test_convert_shows_layers_certificate_and_where_it_is(folder, capsys):
    code, out, _ = spikeport(capsys, CONVERT)
    assert code == 0
    assert "layer_0" in out
    assert "measured (" in out
    assert "saved as out.npz and out.json" in out


def test_weights_that_nobody_gave_are_said_to_be_untrained(folder, capsys):
    code, _, err = spikeport(capsys, "convert user_model:build --calibration samples.npz -o out")
    assert code == 0 and "no --weights were given" in err and "untrained unless it loads some" in err
    assert "no --weights" not in spikeport(capsys, CONVERT + "--force")[2]


def test_images_are_converted_run_and_inspected(folder, capsys, torch):
    import user_model

    model = torch.nn.DataParallel(user_model.Images())
    torch.save({"state_dict": model.state_dict(), "epoch": 3}, "images.pt")
    x = np.random.default_rng(1).random((20, 1, 6, 6)).astype(np.float32)
    y = model(torch.tensor(x)).argmax(1).numpy()
    np.savez("images.npz", x=x, y=y)
    line = "convert user_model:Images --weights images.pt --calibration images.npz --evaluate images.npz -T 64 -o out"
    code, out, err = spikeport(capsys, line)
    assert code == 0 and re.search(r"max_pool *│ *max_pool *│ *2×2×2 *│ *0 │", out)
    assert "'module.' was taken off" in err
    code, out, _ = spikeport(capsys, "run out images.npz --json")
    said = json.loads(out)
    assert code == 0 and said["accuracy"] >= 0.9 and len(said["counts"][0]) == 3
    code, out, _ = spikeport(capsys, "inspect out --json")
    layers = json.loads(out)["layers"]
    assert code == 0 and [(layer["name"], layer["dtype"]) for layer in layers] == [
        ("conv", "float32"),
        ("max_pool", None),
        ("fc", "float32"),
    ]
    assert [(layer["reads"], layer["operation"], layer["shape"]) for layer in layers] == [
        (["input"], "conv", [2, 4, 4]),
        (["conv"], "max_pool", [2, 2, 2]),
        (["max_pool"], "linear", [3]),
    ]
    assert json.loads(out)["input_shape"] == [1, 6, 6]
    code, out, _ = spikeport(capsys, "inspect out --html out.html")
    assert code == 0 and "3 layers, 47 parameters, 1×6×6 → 3" in out and "max_pool  conv      max_pool   2×2×2" in out
    page = (folder / "out.html").read_text("utf-8")
    assert all(f"<title>{edge}</title>" in page for edge in ("input → conv", "conv → max_pool", "max_pool → fc"))
    assert "<td>2×4×4</td>" in page
    code, _, err = spikeport(capsys, "inspect out --html nowhere/out.html")
    assert code == 2 and "there is no folder nowhere" in err


def test_a_whole_pickled_model_needs_trust(folder, capsys):
    code, _, err = spikeport(capsys, "convert --weights whole.pt -o out")
    assert code == 2
    assert "--trust-pickle" in err
    code, _, _ = spikeport(capsys, "convert --weights whole.pt --trust-pickle --calibration samples.npy -o out")
    assert code == 0
    assert load_checkpoint("out").metadata["source"] == "whole.pt"


def test_pickled_code_does_not_run_without_trust(folder, capsys, torch):
    class Payload:
        def __reduce__(self):
            return (open, ("ran", "w"))

    torch.save({"0.weight": Payload()}, "attack.pt")
    code, _, _ = spikeport(capsys, "convert user_model:build --weights attack.pt -o out")
    assert code == 2
    assert not (folder / "ran").exists()


def test_a_silent_layer_is_a_warning_on_standard_error(folder, capsys):
    code, out, err = spikeport(capsys, "convert user_model:silent --calibration samples.npy -o out --json")
    assert code == 0
    assert "warning: layer_0: no neuron is active" in err
    assert json.loads(out)["certificate"]["details"]["silent_layers"] == ["layer_0"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("convert -o out", "MODULE:FUNCTION"),
        ("convert user_model -o out", "is not MODULE:FUNCTION"),
        ("convert nowhere:build -o out", "No module named 'nowhere'"),
        ("convert user_model:missing -o out", "missing"),
        ("convert user_model:broken -o out", "raised KeyError: 'width'"),
        ("convert user_model:nothing -o out", "NoneType is no torch.nn.Module"),
        ("convert user_model:nothing --weights weights.pt -o out", "does not fit"),
        ("convert user_model:tanh -o out", "1 (Tanh) cannot be converted"),
        ("convert user_model:tanh --weights weights.pt -o out", "does not fit"),
        ("convert --weights weights.pt -o out", "MODULE:FUNCTION"),
        ("convert user_model:build --weights nowhere.pt -o out", "no such file"),
        ("convert user_model:build --weights samples.npy -o out", "more than tensors"),
        ("convert user_model:build --weights nowhere.safetensors -o out", "no such file"),
        ("convert user_model:build --weights whole.pt --trust-pickle -o out", "leave user_model:build off"),
        ("convert user_model:build --calibration nowhere.npz -o out", "no such file"),
        ("convert user_model:build --calibration user_model.py -o out", "no .npy or .npz"),
        ("convert user_model:build --calibration two.npz -o out", "arrays a, b"),
        ("convert user_model:build --calibration wide.npy -o out", "(batch, 4)"),
        ("convert user_model:build --calibration objects.npy -o out", "plain arrays"),
        ("convert user_model:build -T 0 -o out", "T must be"),
        ("convert user_model:build --percentile 0 -o out", "percentile must lie"),
        ("convert user_model:build -o nowhere/out", "nowhere"),
        ("convert user_model:build", "--output"),
        ("run nowhere samples.npz", "nowhere.json"),
        ("inspect nowhere", "nowhere.json"),
    ],
)
def test_a_users_mistake_is_a_message_and_exit_code_2(folder, capsys, line, words):
    np.savez("two.npz", a=np.zeros(3), b=np.zeros(3))
    np.save("wide.npy", np.zeros((3, 5)))
    np.save("objects.npy", np.array([{}, {}], dtype=object), allow_pickle=True)
    code, out, err = spikeport(capsys, line)
    assert code == 2
    assert out == ""
    assert words in err
    assert "Traceback" not in err
    assert not (folder / "out.npz").exists()


def test_run_answers_as_the_library_does(folder, capsys):
    spikeport(capsys, CONVERT + "-T 8")
    code, out, err = spikeport(capsys, "run out samples.npz --encoding poisson --seed 3 --json")
    assert (code, err) == (0, "")
    said = json.loads(out)
    graph = load_checkpoint("out").to_graph()
    with np.load("samples.npz") as samples:
        x, y = samples["x"], samples["y"]
    result = graph.run(x, T=8, encoding="poisson", seed=3)
    classes = result.drive.argmax(1)
    assert said["T"] == 8
    assert said["backend"] in ("rust", "reference")
    assert said["classes"] == classes.tolist()
    assert said["counts"] == result.counts[-1].tolist()
    assert said["accuracy"] == pytest.approx((classes == y).mean())
    assert said["spikes_per_inference"] == pytest.approx(sum(layer.sum() for layer in result.counts) / 70)
    assert said["rates"]["layer_0"] == pytest.approx(result.counts[0].mean() / 8)


def test_run_reads_late_as_the_library_does_and_counts_the_spikes_of_all_steps(folder, capsys):
    import spikeport as package

    spikeport(capsys, CONVERT + "-T 8")
    whole = json.loads(spikeport(capsys, "run out samples.npz --json")[1])
    said = json.loads(spikeport(capsys, "run out samples.npz --readout-delay 5 --json")[1])
    snn, x = package.load("out"), np.load("samples.npy")
    late = {"encoding": "current", "readout_delay": 5}
    assert said["counts"] == snn.run(x, **late).tolist() != whole["counts"]
    assert said["classes"] == snn.classify(x, **late).tolist()
    assert (said["readout_delay"], whole["readout_delay"]) == (5, 0)
    assert (said["rates"], said["spikes_per_inference"]) == (whole["rates"], whole["spikes_per_inference"])
    assert "T = 8, read after step 5, current" in spikeport(capsys, "run out samples.npz --readout-delay 5")[1]
    code, _, err = spikeport(capsys, "run out samples.npz --readout-delay 8")
    assert code == 2 and "--readout-delay 8 leaves none of 8 steps" in err


def test_a_lossless_network_is_converted_evaluated_and_run_until_it_settles(folder, capsys):
    import spikeport as package

    line = CONVERT + "-T 60 --neuron st_bif --levels 7 --evaluate samples.npz "
    code, out, _ = spikeport(capsys, line)
    assert code == 0 and "ST-BIF neurons, T = 60" in out and "exact: " in out and "% pulse" in out
    said = json.loads(spikeport(capsys, line + "--json --force")[1])
    assert (said["encoding"], said["certificate"]["level"]) == ("pulse", "exact")
    assert set(said["accuracy"]) == {"samples", "trained", "pulse"}
    snn, x = package.load("out"), np.load("samples.npy")
    answers, settled = snn.run(x, with_settled=True)
    ran = json.loads(spikeport(capsys, "run out samples.npz --json")[1])
    assert ran["encoding"] == "pulse" and ran["settled"] == settled.tolist()
    assert np.array_equal(ran["counts"], answers) and ran["classes"] == answers.argmax(1).tolist()
    whole = snn.graph.run(x, T=60, encoding="pulse", record=True, stop_when_settled=False)
    sent = np.abs(whole.spikes[0]).sum()
    assert ran["spikes_per_inference"] == pytest.approx(sent / 70)
    assert ran["rates"] == {"layer_0": pytest.approx(sent / (16 * settled.sum()))}
    code, out, err = spikeport(capsys, "run out samples.npz")
    assert f"70 of 70 settled, after {settled.mean():.1f} steps on average, {settled.max()} at most" in out
    code, out, err = spikeport(capsys, "run out samples.npz -T 2")
    assert code == 0 and "had not settled after 2 steps" in err
    for encoding in ("current", "poisson"):
        code, out, err = spikeport(capsys, f"run out samples.npz --encoding {encoding}")
        assert (code, out) == (2, "") and "it takes a pulse" in " ".join(err.split())
    spikeport(capsys, CONVERT + "--force")
    code, out, err = spikeport(capsys, "run out samples.npz --encoding pulse")
    assert (code, out) == (2, "") and "was converted to rates" in " ".join(err.split())
    code, _, err = spikeport(capsys, "convert user_model:build --levels 3 -o other")
    assert code == 2 and "--levels 3 belongs to --neuron st_bif" in err


def test_a_network_of_integers_is_converted_evaluated_and_run_on_the_same_samples(folder, capsys):
    code, out, _ = spikeport(capsys, CONVERT + "-T 8 --arithmetic int8 --evaluate samples.npz")
    assert code == 0 and "weights of 8 bits" in out and "current" in out and "poisson" not in out.split("accuracy")[1]
    from spikeport import load

    snn, x = load("out"), np.load("samples.npy")
    code, out, _ = spikeport(capsys, "run out samples.npz --json")
    said = json.loads(out)
    assert code == 0 and said["classes"] == snn.classify(x).tolist() and said["encoding"] == "current"
    code, _, err = spikeport(capsys, "run out samples.npz --encoding poisson")
    assert code == 2 and "integers" in err


def test_run_shows_a_few_samples_and_the_accuracy(folder, capsys):
    spikeport(capsys, CONVERT)
    code, out, _ = spikeport(capsys, "run out samples.npz --rows 3 -T 32")
    assert code == 0
    assert "70 samples, T = 32, current encoding" in out
    assert "accuracy" in out
    assert sum(line.startswith("│") for line in out.splitlines()) == 3


def test_run_takes_plain_samples_and_says_nothing_of_accuracy(folder, capsys):
    spikeport(capsys, CONVERT)
    code, out, _ = spikeport(capsys, "run out samples.npy --json")
    assert code == 0
    assert "accuracy" not in json.loads(out)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("run out samples.npz -T 0", "-T 0 is not at least 1"),
        ("run out samples.npz --encoding rate", "'rate'"),
        ("run out samples.npz --backend fpga", "fpga"),
        ("run out wide.npy", "(batch, 4)"),
        ("run out bright.npy --encoding poisson", "[0, 1]"),
        ("run out uneven.npz", "70 whole numbers"),
        ("run out columns.npz", "70 whole numbers"),
        ("run out row.npy", "one row per sample"),
        ("run out number.npy", "one row per sample"),
        ("run plain samples.npy", "-T 16"),
    ],
)
def test_run_refuses_what_it_cannot_run(folder, capsys, line, words):
    spikeport(capsys, CONVERT)
    x = np.load("samples.npy")
    np.save("wide.npy", np.zeros((3, 5)))
    np.save("bright.npy", 255 * x)
    np.savez("uneven.npz", x=x, y=np.zeros(3, int))
    np.savez("columns.npz", x=x, y=np.zeros((70, 1), int))
    np.save("row.npy", x[0])
    np.save("number.npy", 0.5)
    save_checkpoint(SNNCheckpoint.from_graph(load_checkpoint("out").to_graph()), "plain")
    code, out, err = spikeport(capsys, line)
    assert (code, out) == (2, "")
    assert words in err


def test_inspect_says_what_the_checkpoint_holds(folder, capsys):
    spikeport(capsys, CONVERT)
    code, out, _ = spikeport(capsys, "inspect out --json")
    said = json.loads(out)
    assert code == 0
    assert said["total_params"] == 4 * 16 + 16 + 16 * 3 + 3
    assert said["metadata"] == load_checkpoint("out").metadata
    assert said["layers"][0] == {
        "name": "layer_0",
        "inputs": 4,
        "neurons": 16,
        "bias": True,
        "dtype": "float32",
        "neuron": {"kind": "IF", "threshold": 1.0, "v_init": 0.5},
        "frozen": False,
    }
    code, out, _ = spikeport(capsys, "inspect out")
    assert code == 0
    assert "2 layers, 131 parameters" in out


def test_convert_gives_neurons_several_spikes_and_says_so(folder, capsys):
    code, out, _ = spikeport(capsys, CONVERT + "-T 2 --max-spikes 3")
    assert code == 0 and "up to 3 spikes a step" in " ".join(out.split())
    assert [neuron.max_spikes for neuron in load_checkpoint("out").neurons] == [3, 3]


def test_neurons_of_several_spikes_are_told_as_such(folder, capsys):
    """All inputs of 0.75 give the only neuron 3 of its at most 4 spikes at every step: no share of the steps."""
    neuron = Neuron("IF", threshold=0.25, max_spikes=4)
    graph = SNNGraph([LayerNode.of("only", Linear(np.array([[1.0]]), None), neuron)], (1,))
    save_checkpoint(SNNCheckpoint.from_graph(graph, metadata={"T": 4}), "several")
    np.save("given.npy", np.full((2, 1), 0.75))
    described = json.loads(spikeport(capsys, "inspect several --json")[1])["layers"][0]["neuron"]
    assert described["max_spikes"] == 4 and "up to 4 spikes a step" in graph.summary()
    out = spikeport(capsys, "run several given.npy")[1]
    assert "only: 3 spikes a step" in out and "steps with a spike" not in out


def test_inspect_cuts_long_lists_of_the_metadata_short_and_json_has_all(folder, capsys):
    scales = [0.123456 + k for k in range(400)]
    save_checkpoint(SNNCheckpoint([np.ones((2, 3))], ["a"], [(3, 2)], metadata={"scales": [scales, 1.0]}), "many")
    code, out, _ = spikeport(capsys, "inspect many")
    assert code == 0 and "0.123456" in out and "+384" in out and len(out.splitlines()) < 60
    assert json.loads(spikeport(capsys, "inspect many --json")[1])["metadata"]["scales"][0] == scales


def test_inspect_shows_labels_that_are_no_neurons_and_frozen_layers(folder, capsys):
    checkpoint = SNNCheckpoint([np.ones((2, 3))], ["hidden"], [(3, 2)], ["Izhikevich"], frozen_layers=["hidden"])
    save_checkpoint(checkpoint, "old")
    code, out, _ = spikeport(capsys, "inspect old --json")
    layer = json.loads(out)["layers"][0]
    assert code == 0
    assert (layer["neuron"], layer["frozen"], layer["bias"]) == ({"kind": "Izhikevich"}, True, False)


def test_names_that_look_like_markup_are_shown_as_they_are(folder, capsys):
    names = ["[red]in[/red]", "[/b] :o:"]
    save_checkpoint(SNNCheckpoint([np.ones((3, 4)), np.ones((2, 3))], names, [(4, 3), (3, 2)]), "odd")
    for line in ("inspect odd", "run odd samples.npy -T 2"):
        code, out, _ = spikeport(capsys, line)
        assert code == 0
        assert all(name in out for name in names)


def test_run_counts_spikes_of_both_signs_and_none_of_graded_layers(folder, capsys):
    graph = SNNGraph(
        [
            LayerNode("bipolar", 4, 3, -np.ones((3, 4)), "ST-BIF", tracer_min=-9, tracer_max=9, v_init=0.5),
            LayerNode("graded", 3, 2, np.full((2, 3), 0.5), "identity"),
        ]
    )
    save_checkpoint(SNNCheckpoint.from_graph(graph), "mixed")
    code, out, _ = spikeport(capsys, "run mixed samples.npy -T 8 --json")
    spikes = graph.run(np.load("samples.npy"), T=8, record=True).spikes[0]
    result = json.loads(out)
    assert code == 0
    assert result["spikes_per_inference"] == pytest.approx(np.abs(spikes).sum() / 70)
    assert result["rates"] == {"bipolar": pytest.approx(np.abs(spikes).mean())}
    assert "sums of the output neurons" in spikeport(capsys, "run mixed samples.npy -T 8")[1]


@pytest.mark.parametrize("timesteps", [10**12, 10**30])
def test_timesteps_beyond_any_memory_are_a_message(folder, capsys, timesteps):
    spikeport(capsys, "convert user_model:build -o snn")
    code, out, err = spikeport(capsys, f"run snn samples.npy --backend reference -T {timesteps}")
    assert (code, out) == (2, "")
    assert "memory" in err or "timesteps must be" in err


def test_nothing_is_written_over_without_force(folder, capsys):
    assert spikeport(capsys, CONVERT)[0] == 0
    before = (folder / "out.npz").read_bytes()
    code, _, err = spikeport(capsys, CONVERT + "-T 4")
    assert code == 2 and "out.npz exists" in err and "--force" in err
    assert (folder / "out.npz").read_bytes() == before
    assert spikeport(capsys, CONVERT + "-T 4 --force")[0] == 0
    assert load_checkpoint("out").metadata["T"] == 4


def test_accuracy_before_and_after_on_unseen_samples(folder, capsys):
    code, out, _ = spikeport(capsys, CONVERT + "-T 64 --evaluate samples.npz --json")
    said = json.loads(out)["accuracy"]
    assert code == 0 and said["samples"] == 70 and said["trained"] == 1
    assert said["current"] >= 0.9 and set(said) == {"samples", "trained", "current", "poisson"}
    assert load_checkpoint("out").metadata["accuracy"] == said
    assert (
        "accuracy on 70 unseen samples: 100.00% trained"
        in spikeport(capsys, CONVERT + "--evaluate samples.npz --force")[1]
    )
    code, _, err = spikeport(capsys, CONVERT + "--evaluate samples.npy --force")
    assert code == 2 and "holds no labels" in err


def test_accuracy_on_unseen_samples_is_read_late_where_that_is_asked_for(folder, capsys):
    from spikeport import load

    with np.load("samples.npz") as samples:
        x, y = samples["x"], samples["y"]
    code, out, _ = spikeport(capsys, CONVERT + "-T 8 --evaluate samples.npz --readout-delay 6 --json")
    assert code == 0
    said, snn = json.loads(out)["accuracy"], load("out")
    for encoding in ("current", "poisson"):
        late = snn.classify(x.reshape(len(x), -1), encoding=encoding, readout_delay=6)
        assert said[encoding] == (late == y).mean()
    assert said["readout_delay"] == json.loads(out)["readout_delay"] == snn.readout_delay == 6
    assert snn.certificate.details["readout_delay"] == 6  # it was converted for these steps, too
    run = json.loads(spikeport(capsys, "run out samples.npz --json")[1])
    assert run["readout_delay"] == 6 and run["accuracy"] == said["current"]
    assert json.loads(spikeport(capsys, "run out samples.npz --readout-delay 0 --json")[1])["readout_delay"] == 0
    code, _, err = spikeport(capsys, "run out samples.npz -T 6")
    assert code == 2 and "converted for, 6 leaves none of 6 steps" in " ".join(err.split())
    shown = spikeport(capsys, CONVERT + "-T 8 --evaluate samples.npz --readout-delay 6 --force")[1]
    assert "trained; spiking, read after step 6: " in shown
    for options, message in (
        ("-T 8 --readout-delay half", "neither a number of steps nor auto"),
        ("-T 8 --readout-delay 8 --evaluate samples.npz", "leaves none of 8 steps"),
    ):
        code, _, err = spikeport(capsys, CONVERT + options + " --force")
        assert code == 2 and message in " ".join(err.split())


def test_a_run_on_another_scale_warns_and_one_without_samples_is_refused(folder, capsys):
    spikeport(capsys, CONVERT)
    np.save("bytes.npy", np.full((3, 4), 255, np.uint8))
    code, _, err = spikeport(capsys, "run out bytes.npy")
    assert code == 0 and "warning: the input has values from 255 to 255, and the network was calibrated with" in err
    np.save("none.npy", np.zeros((0, 4)))
    code, _, err = spikeport(capsys, "run out none.npy")
    assert code == 2 and "holds no samples" in err
    assert spikeport(capsys, "run out samples.npy")[2] == ""


def test_one_output_is_a_sign(folder, capsys, torch):
    save_checkpoint(SNNCheckpoint.from_graph(SNNGraph([LayerNode("out", 1, 1, np.ones((1, 1)), "IF")])), "sign")
    np.savez("signs.npz", x=np.array([[0.5], [-0.5]]), y=np.array([1, 0]))
    assert json.loads(spikeport(capsys, "run sign signs.npz -T 4 --json")[1])["accuracy"] == 1
