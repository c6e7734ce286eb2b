"""A converted network, trained on as a torch module: what the conversion knows of it comes home and is stored."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'spikeport[torch]'")

import spikeport  # noqa: E402
from spikeport.conversion import convert  # noqa: E402
from spikeport.interop.torch import from_torch, to_torch  # noqa: E402

nn = torch.nn
pytestmark = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")


def chain():
    return nn.Sequential(nn.Linear(6, 12), nn.ReLU(), nn.Linear(12, 3))


def images():
    features = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3))
    return features


MODELS = {"chain": (chain, (6,), {}), "images": (images, (1, 4, 4), {}), "pulse": (chain, (6,), {"neuron": "st_bif"})}


@pytest.mark.parametrize("which", MODELS)
def test_what_the_conversion_knows_comes_home_and_is_stored(which, tmp_path):
    build, shape, how = MODELS[which]
    torch.manual_seed(0)
    x = torch.rand(80, *shape)
    snn = convert(build(), x, T=8, classes=["a", "b", "c"], **how)
    net = to_torch(snn.graph, T=snn.T, encoding="pulse" if snn.is_pulsed else "current")
    answers = (net(x).detach().numpy() * np.asarray(snn.scales[-1])).argmax(axis=1)
    assert (answers == snn.classify(x.numpy(), encoding=net.encoding)).mean() > 0.9

    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    nn.functional.cross_entropy(net(x), torch.arange(80) % 3).backward()
    optimizer.step()
    home = snn.with_graph(from_torch(net))
    assert home.graph != snn.graph
    assert (home.scales, home.classes, home.encoding) == (snn.scales, snn.classes, snn.encoding)
    assert home.certificate.reason.startswith("of the network as it was converted, before")
    home.save(tmp_path / "home")
    back = spikeport.load(tmp_path / "home")
    assert back == home and back.certificate == home.certificate and back.classes == ["a", "b", "c"]
    answers = [of.classify(x.numpy(), encoding=net.encoding) for of in (back, home)]
    assert np.array_equal(*answers)


def test_a_network_of_integers_is_kept_whole_and_refused_by_name(tmp_path):
    torch.manual_seed(0)
    x = torch.rand(80, 6)
    whole = convert(chain(), x, T=8, arithmetic="int8")
    whole.save(tmp_path / "whole")
    back = spikeport.load(tmp_path / "whole")
    assert back == whole and back.units == whole.units and back.certificate == whole.certificate
    assert np.array_equal(back.classify(x.numpy()), whole.classify(x.numpy()))
    with pytest.raises(spikeport.GraphError, match="Train the float network") as error:
        to_torch(back.graph)
    assert error.value.code == "dtype"
