"""The models that people bring: each converts to the same network, or is refused with words that serve."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
sys.path.insert(0, str(Path(__file__).parent))

import models
import torch

from spikeport.conversion import convert
from spikeport.reading.compute import compute

PAGE = Path(__file__).resolve().parents[3] / "docs" / "reference" / "models.md"
pytestmark = [
    pytest.mark.usefixtures("torch"),
    pytest.mark.filterwarnings("ignore"),  # torch's about quantisation and scripting, ours about little data
]


def limit(graph, x):
    """What the output neurons receive in each step when there are infinitely many: every rate is a clipped ReLU."""
    signals = {"input": x}
    network = graph.network("reference")
    for node in network.nodes:
        current = compute(node.operation, [signals[name] for name in node.inputs], x.dtype, x.device)
        threshold = torch.tensor(np.array(node.neuron.threshold)).to(x.dtype)
        threshold = threshold.reshape(-1, *(1,) * (current.dim() - 2))
        signals[node.name] = (current / threshold).clip(0, 1) if node.neuron.is_spiking else current
    return current.flatten(1)


@pytest.mark.parametrize("brought", models.CONVERTED, ids=lambda brought: brought.what)
def test_a_model_converts_to_the_same_network(brought):
    model, x = models.settled(brought.build, brought.shape)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    snn = convert(model, x, T=1, percentile=100)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    if "QCFS" in brought.what:
        return  # rates of infinitely many steps are not those of few levels; the comparison with the model was made
    with torch.no_grad():
        expected = models.unwrapped(model).eval()(x).double()
    double = x.to(torch.float64 if x.dtype == torch.float64 else torch.float32)
    got = limit(snn.graph, double.reshape(-1, *snn.graph.input_shape)).double() * snn.scales[-1]
    tolerance = 0.05 if x.dtype == torch.bfloat16 else 1e-3
    torch.testing.assert_close(got, expected, rtol=tolerance, atol=tolerance * float(expected.std()))


@pytest.mark.parametrize("brought", models.REFUSED, ids=lambda brought: brought.what)
def test_a_model_is_refused_with_words_that_serve(brought):
    assert brought.refused in models.outcome(brought)


def test_the_page_shows_what_the_test_finds():
    assert PAGE.read_text("utf-8") == models.table()
