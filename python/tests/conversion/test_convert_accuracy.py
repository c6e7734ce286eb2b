"""A trained network becomes a spiking one that answers the same: real networks on real digits."""

import itertools

import numpy as np
import pytest

from spikeport.conversion import convert, replace_relu_with_qcfs


def points_lost(model, snn, x, y, **how):
    """Return by how many percentage points the spiking network is less accurate than the trained one."""
    import torch

    with torch.no_grad():
        trained = float((model(torch.tensor(x)).argmax(1).numpy() == y).mean())
    return 100 * (trained - float((snn.classify(x, **how) == y).mean()))


@pytest.fixture(scope="module")
def digits_snn(torch, digits, digits_mlp):
    return convert(digits_mlp, torch.tensor(digits[0]), T=16)


@pytest.mark.parametrize(("T", "points"), [(4, 1.5), (8, 0.6), (16, 0.3), (32, 0.3), (64, 0.3)])
def test_constant_current_keeps_the_accuracy(digits, digits_mlp, digits_snn, T, points):
    _, x, _, y = digits
    assert points_lost(digits_mlp, digits_snn, x, y, T=T, encoding="current") <= points


def test_poisson_keeps_the_accuracy_given_time(digits, digits_mlp, digits_snn):
    _, x, _, y = digits
    assert points_lost(digits_mlp, digits_snn, x, y, T=128, seed=1) <= 1.5


def test_eight_hidden_layers_keep_the_accuracy(torch, train, digits):
    nn = torch.nn
    x, x_test, y, y_test = digits

    def layers():
        widths = [64, *[96] * 8]
        hidden = [m for n, k in itertools.pairwise(widths) for m in (nn.Linear(n, k), nn.ReLU())]
        return [*hidden, nn.Linear(96, 10)]

    model = train(layers, x, y, epochs=60)
    snn = convert(model, torch.tensor(x), T=64)
    assert snn.n_layers == 9
    assert points_lost(model, snn, x_test, y_test, encoding="current") <= 1


def test_a_network_trained_with_qcfs_keeps_its_accuracy_at_those_timesteps_and_beyond(torch, train, digits):
    nn = torch.nn
    x, x_test, y, y_test = digits

    def layers():
        plain = nn.Sequential(nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10))
        return [replace_relu_with_qcfs(plain, T=4)]

    model = train(layers, x, y)
    snn = convert(model, torch.tensor(x), T=4)
    assert snn.scales[:2] == [model[0][1].threshold, model[0][3].threshold]
    assert snn.scales[0] != 1
    assert points_lost(model, snn, x_test, y_test, encoding="current") <= 0.6
    for T in (8, 16, 64, 256):
        assert points_lost(model, snn, x_test, y_test, T=T, encoding="current") <= 1


def test_the_membrane_readout_comes_to_the_logits(torch, digits, digits_mlp, digits_snn):
    x = digits[1][:64]
    with torch.no_grad():
        logits = digits_mlp(torch.tensor(x)).numpy()
    errors = [np.abs(digits_snn.run(x, T=T, encoding="current", readout="membrane") - logits).mean() for T in (16, 256)]
    assert errors[1] < errors[0] / 4
    assert errors[1] < 0.05 * np.abs(logits).mean()


def test_the_certificate_says_what_was_measured(torch, digits, digits_mlp, digits_snn):
    x = digits[0][:100]
    snn = convert(digits_mlp, torch.tensor(x), T=16, percentile=99.9)
    with torch.no_grad():
        logits = digits_mlp(torch.tensor(x)).numpy()
    got = snn.run(x, encoding="current", readout="membrane")
    assert snn.certificate.level == "measured"
    assert snn.certificate.samples == 100
    assert snn.certificate.agreement == (got.argmax(1) == logits.argmax(1)).mean()
    assert snn.certificate.largest_difference == pytest.approx(np.abs(got - logits).max(), rel=1e-4)
    assert digits_snn.certificate.samples == 256


def test_without_calibration_every_threshold_is_1(digits_mlp):
    snn = convert(digits_mlp, T=16)
    assert snn.scales == [1.0, 1.0, 1.0]
    assert snn.certificate.level == "unchecked"
    assert np.array_equal(snn.weights[0], digits_mlp[0].weight.detach().numpy())


def test_the_network_survives_a_checkpoint(tmp_path, digits, digits_snn):
    from spikeport.transfer import SNNCheckpoint, load_checkpoint, save_checkpoint

    save_checkpoint(SNNCheckpoint.from_graph(digits_snn.graph), tmp_path / "digits")
    loaded = load_checkpoint(tmp_path / "digits").to_graph()
    assert loaded == digits_snn.graph
    x = digits[1][:8]
    run = {"T": 16, "encoding": "poisson", "seed": 3, "record": True}
    before, after = digits_snn.graph.run(x, **run), loaded.run(x, **run)
    assert all(np.array_equal(a, b) for a, b in zip(before.spikes, after.spikes, strict=True))
    assert np.array_equal(before.counts[-1], digits_snn.run(x, seed=3))
