"""Networks as people have them, converted and saved, answer the same in every language: every count, every membrane."""

import warnings

import pytest

pytest.importorskip("torch")

import torch

from benchmarks.bench_networks import MNIST, ResNet20
from conformance.compare import compare
from conformance.harness import required_languages
from conformance.in_process import answer
from conformance.languages import PATIENCE, converse, load_languages
from conformance.lines import decode_reply, encode_line
from spikeport.backends import BIT_EQUAL, available_backends, get_backend
from spikeport.conversion import ConversionWarning, convert
from spikeport.operations import Add, Concat, Conv, MaxPool

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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConversionWarning)  # of a network that was never trained
            snn = convert(model, images, T=1)
        path = snn.save(tmp_path_factory.mktemp("networks") / name).with_suffix("")
        assert any(isinstance(layer.operation, HAS[name]) for layer in snn.graph)
        x = images[: 1 if name == "resnet20" else 2].numpy()
        arguments = {"checkpoint": str(path), "shape": list(x.shape), "inputs": x.ravel().tolist(), "timesteps": STEPS}
        words = answer(get_backend("reference"), "network.run", arguments)
        silent = [
            key for key, values in words.items() if key.startswith("counts.") and set(values) <= {"0", "00000000"}
        ]
        assert set(words) > {"drive", f"v.{len(snn.graph) - 1}"} and not silent
        found[name] = (arguments, words)
    return found


@pytest.mark.parametrize("backend", [name for name in BIT_EQUAL if name != "reference"])
def test_every_backend_answers_as_the_reference(backend, networks):
    reason = available_backends()[backend]
    if reason is not None:
        pytest.skip(reason)
    for name, (arguments, words) in networks.items():
        assert compare(words, answer(get_backend(backend), "network.run", arguments)) == "", name


@pytest.mark.parametrize("language", load_languages(), ids=lambda language: language.name)
def test_every_language_answers_as_the_reference(language, networks, tmp_path):
    absent = language.absent()
    if absent:
        assert language.name not in required_languages(), absent
        pytest.skip(absent)
    assert language.prepare() == ""
    lines = [encode_line(number, "network.run", given) for number, (given, _) in enumerate(networks.values())]
    replies, end = converse(language, lines, tmp_path, timeout=PATIENCE)
    assert end == ""
    for number, (reply, (name, (_, words))) in enumerate(zip(replies, networks.items(), strict=True)):
        assert compare(words, decode_reply(reply, number)) == "", name
