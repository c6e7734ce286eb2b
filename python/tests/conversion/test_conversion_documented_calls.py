"""The calls of the documentation that this room is a drop-in for, as a user would write them."""

import numpy as np
import pytest

pytestmark = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")  # little data, on purpose


def test_documented_conversion_calls(torch):
    from spikeport.conversion.ann_to_snn import ConvertedSNN, convert
    from spikeport.conversion.qcfs import QCFSActivation

    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    data = torch.rand(32, 8)
    snn = convert(model, calibration_data=data, T=16, percentile=99.9)

    assert isinstance(snn, ConvertedSNN)
    assert [type(W) for W in snn.weights] == [np.ndarray, np.ndarray]
    assert [b.shape for b in snn.biases] == [(16,), (3,)]
    assert all(isinstance(threshold, float) for threshold in snn.thresholds)
    assert (snn.T, snn.n_layers) == (16, 2)
    assert snn.run(np.full(8, 0.5)).shape == (3,)
    assert snn.run(data.numpy()).shape == (32, 3)
    assert snn.classify(data.numpy()).shape == (32,)
    rebuilt = ConvertedSNN(weights=snn.weights, biases=snn.biases, thresholds=snn.thresholds, T=snn.T)
    assert np.array_equal(rebuilt.run(data.numpy(), seed=9), snn.run(data.numpy(), seed=9))

    qcfs = QCFSActivation(T=4, theta=1.0, learn_theta=False)
    assert qcfs(torch.tensor([-0.2, 0.1, 0.13, 0.6, 2.0])).tolist() == [0.0, 0.0, 0.25, 0.5, 1.0]
    assert convert(model, T=4).scales == [1.0, 1.0]


def test_documented_qcfs_training_calls(torch):
    from spikeport.conversion import convert, replace_relu_with_qcfs

    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    model = replace_relu_with_qcfs(model, T=8, theta=1.0, learn_theta=True)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    x, y = torch.rand(64, 8), torch.randint(0, 3, (64,))
    losses = []
    for _ in range(60):
        optimiser.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    assert convert(model, x, T=8).certificate.agreement > 0.8


def test_importing_the_room_does_not_import_torch():
    import subprocess
    import sys

    code = "import sys, spikeport.conversion; assert 'torch' not in sys.modules; spikeport.conversion.QCFSActivation(4)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["QCFSActivation", "replace_relu_with_qcfs"])
def test_without_torch_its_modules_name_what_to_install(monkeypatch, name):
    import sys

    from spikeport import MissingExtra, conversion

    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtra, match=r"spikeport\[torch\]"):
        getattr(conversion, name)
