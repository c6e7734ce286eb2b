"""A public ResNet-20 for CIFAR-10, its own file unchanged: by one call, and by one command."""

import sys

import numpy as np
import pytest
from spikeport_data import data_path

pytest.importorskip("torch")
pytest.importorskip("PIL")

from benchmarks.bench_networks import cifar, resnet20
from spikeport import cli, load
from spikeport.conversion import convert
from spikeport.reading.compute import compute
from spikeport.reading.torch import evaluating

pytestmark = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")  # of a single step


@pytest.fixture(scope="module")
def weights():
    return data_path("resnet20_cifar10") / "resnet20.th"


@pytest.fixture(scope="module")
def images():
    data_path("cifar10")
    return cifar("train_2000", 48)


def test_the_spiking_network_is_the_trained_one_in_the_limit_of_many_steps(torch, weights, images):
    model, (x, _) = resnet20(), images
    snn = convert(model, x, T=1, percentile=100)
    assert [layer.operation.kind for layer in snn.graph].count("conv") == 19 + 2  # and the shortcuts that halve
    assert len([layer for layer in snn.graph if layer.neuron.is_spiking]) == 20
    signals = {"input": torch.tensor(x)}
    with evaluating(model):
        for node in snn.graph.network("reference").nodes:
            current = compute(node.operation, [signals[name] for name in node.inputs], torch.float32, "cpu")
            threshold = torch.tensor(np.array(node.neuron.threshold), dtype=torch.float32)
            rate = (current / threshold.reshape(-1, *(1,) * (current.dim() - 2))).clip(0, 1)
            signals[node.name] = rate if node.neuron.is_spiking else current
        torch.testing.assert_close(current * snn.scales[-1], model(torch.tensor(x)), rtol=1e-3, atol=1e-2)


def test_one_command_converts_its_file_unchanged(weights, images, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "its_code", raising=False)
    (tmp_path / "its_code.py").write_text("from benchmarks.bench_networks import ResNet20 as build\n")
    np.savez("calibration.npz", x=images[0], y=images[1])
    line = f"convert its_code:build --weights {weights} --calibration calibration.npz -T 1 -o out"
    with pytest.raises(SystemExit) as left:
        cli.main(line.split())
    assert not left.value.code
    said = capsys.readouterr()
    assert "layer3.2.add" in said.out and "'state_dict'" in said.err and "'module.'" in said.err
    snn = load("out")
    assert snn.graph.input_shape == (3, 32, 32) and snn.certificate.level == "measured"
    scales = zip(snn.scales, convert(resnet20(), images[0], T=1).scales, strict=True)
    assert all(stored == pytest.approx(made, rel=1e-6) for stored, made in scales)
