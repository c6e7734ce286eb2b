"""Networks as people have them, converted and saved, answer the same in every language: every count, every membrane.

Each is converted to floats and to integers; the integers answer so on torch and as a program in C, too.
"""

import shutil
import subprocess
import warnings

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from benchmarks.bench_networks import MNIST, ResNet20
from conformance.compare import compare
from conformance.in_process import answer
from conformance.languages import PATIENCE, converse
from conformance.lines import decode_reply, encode_line
from spikeport.backends import BIT_EQUAL, available_backends, get_backend
from spikeport.conversion import ConversionWarning, convert
from spikeport.interop import to_c
from spikeport.operations import Add, Concat, Conv, MaxPool
from spikeport.transfer import load_checkpoint

STEPS = 8


NETWORKS = {**{name: (build, (1, 28, 28)) for name, build in MNIST.items()}, "resnet20": (ResNet20, (3, 32, 32))}
HAS = {"lenet": MaxPool, "vgg": MaxPool, "branches": Concat, "mobilenet": Conv, "resnet20": Add}


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Each network as a checkpoint, an image or two, and what the reference answers, in the words of a reply."""
    found = {}
    for name, (build, shape) in NETWORKS.items():
        torch.manual_seed(1)
        model, images = build(), torch.rand(16, *shape)
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.momentum = None  # one pass tells it means and deviations
        with torch.no_grad():
            model(images)
        for arithmetic in ("float", "int8"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConversionWarning)  # of a network that was never trained
                snn = convert(model, images, T=1, arithmetic=arithmetic)
            assert any(isinstance(layer.operation, HAS[name]) for layer in snn.graph)
            path = snn.save(tmp_path_factory.mktemp("networks") / name).with_suffix("")
            x = snn.fed(images[: 1 if name == "resnet20" else 2].numpy())
            arguments = {"checkpoint": str(path), "shape": list(x.shape), "inputs": x.ravel().tolist()}
            arguments["timesteps"] = STEPS
            words = answer(get_backend("reference"), "network.run", arguments)
            counts = [set(values) for key, values in words.items() if key.startswith("counts.")]
            assert len(counts) == len(snn.graph) and not any(values <= {"0", "00000000"} for values in counts)
            found[f"{name} {arithmetic}"] = (arguments, words)
    return found


@pytest.mark.parametrize("backend", [name for name in BIT_EQUAL if name != "reference"])
def test_every_backend_answers_as_the_reference(backend, networks):
    reason = available_backends()[backend]
    if reason is not None:
        pytest.skip(reason)
    for name, (arguments, words) in networks.items():
        assert compare(words, answer(get_backend(backend), "network.run", arguments)) == "", name


def test_every_language_answers_as_the_reference(language, networks, tmp_path):
    lines = [encode_line(number, "network.run", given) for number, (given, _) in enumerate(networks.values())]
    replies, end = converse(language, lines, tmp_path, timeout=PATIENCE)
    assert end == ""
    for number, (reply, (name, (_, words))) in enumerate(zip(replies, networks.items(), strict=True)):
        assert compare(words, decode_reply(reply, number)) == "", name


def test_integers_answer_as_the_reference_on_torch(networks):
    for name, (arguments, words) in networks.items():
        if name.endswith("int8"):
            assert compare(words, answer(get_backend("torch:cpu"), "network.run", arguments)) == "", name


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here: cc is not on PATH")
def test_integers_answer_as_the_reference_in_c(networks, tmp_path):
    for name, (arguments, words) in networks.items():
        if not name.endswith("int8"):
            continue
        graph, x = load_checkpoint(arguments["checkpoint"]).to_graph(), np.array(arguments["inputs"], int)
        to_c(graph, largest_input=int(np.abs(x).max())).save(tmp_path / "network.c")
        subprocess.run(["cc", "-std=c99", "-O1", "network.c", "-o", "network"], cwd=tmp_path, check=True)
        given = "\n".join(map(str, x.tolist()))
        ran = subprocess.run(
            [tmp_path / "network", "current", str(STEPS)], input=given, capture_output=True, text=True, check=True
        )
        lines = [dict(word.split("=") for word in line.split()) for line in ran.stdout.splitlines()]
        assert len(lines) == arguments["shape"][0]
        spiking = [f"v.{k}" for k, layer in enumerate(graph) if layer.neuron.is_spiking]
        for key in ["drive", *(f"counts.{k}" for k in range(len(graph))), *spiking]:
            assert ",".join(line[key] for line in lines) == ",".join(words[key]), (name, key)
