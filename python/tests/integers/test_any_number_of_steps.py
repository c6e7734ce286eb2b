"""The three networks of the benchmarks: none is refused at any number of steps up to 256, shown by its bounds alone."""

import numpy as np
import pytest
from spikeport_data import data_path

from spikeport.conversion import convert
from spikeport.integers import quantize
from spikeport.interop import to_c

pytestmark = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")
LONGEST = 256


def mlp(torch, digits_mlp, digits):
    return digits_mlp, digits[0][:50]


def mnist(torch, *_):
    """Return a CNN that was trained on the first MNIST images for a moment: its weights are not random any more."""
    from benchmarks.bench_conversion.networks import BUILD
    from benchmarks.bench_optimizer_mnist import read

    data = read(data_path("mnist"))
    x, y = torch.tensor(data["x_train"][:600].reshape(-1, 1, 28, 28)), torch.tensor(data["y_train"][:600])
    torch.manual_seed(0)
    model = BUILD["MNIST CNN"]()
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    for some, labels in zip(x.split(50), y.split(50), strict=True):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(model(some), labels).backward()
        optimiser.step()
    return model.eval(), x[:50].numpy()


def resnet(torch, *_):
    data_path("resnet20_cifar10")
    from benchmarks.bench_conversion.trained import trained

    given = trained("ResNet-20", 0, 50, 2)
    return given.model, given.calibration


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("network", [mlp, mnist, resnet])
def test_no_run_up_to_256_steps_is_refused(torch, digits_mlp, digits, network, bits):
    model, x = network(torch, digits_mlp, digits)
    graph = convert(model, x, T=32, percentile=99.9).graph
    found = quantize(graph, bits, x, LONGEST, T=1)
    assert found.units.input.exact
    assert to_c(found.graph, largest_input=found.units.input.largest).T_max >= LONGEST
    found.graph.run(found.whole(np.full_like(x[:1], x.max())), T=LONGEST if x[0].size < 100 else 1)
