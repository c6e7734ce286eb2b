"""`train_qcfs`: replace, train, convert; the converted network answers as the trained one."""

from functools import partial

import numpy as np
import pytest

from spikeport.conversion import QCFSActivation, convert, replace_relu_with_qcfs, train_qcfs
from spikeport.errors import ConversionError


@pytest.fixture
def model(torch):
    """One hidden layer, in double precision: then the spiking network has no unevenness, and rounds as it does."""
    torch.manual_seed(0)
    nn = torch.nn
    return nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).double()


def test_a_short_training_learns_and_the_converted_network_gives_its_logits(torch, model, digits):
    x, x_test, y, y_test = digits
    history = train_qcfs(model, (x, y), T=4, epochs=8, validation=(x_test, y_test))
    assert len(history) == 8 and history[-1].loss < history[0].loss / 1.5
    assert history[-1].accuracy > 0.5 and history[-1].to_dict()["thetas"] == history[-1].thetas
    assert not model.training
    unseen = torch.tensor(x_test, dtype=torch.float64)
    logits = model(unseen).detach().numpy()
    assert history[-1].validation_accuracy == (logits.argmax(1) == y_test).mean()
    snn = convert(model, torch.tensor(x, dtype=torch.float64), T=4)
    drive = snn.run(unseen.numpy(), encoding="current", readout="membrane")
    # A constant input and one hidden layer: the counts are the activations, to the rounding of a double.
    np.testing.assert_allclose(drive, logits, atol=1e-9)
    assert (snn.classify(unseen.numpy(), encoding="current") == y_test).mean() == history[-1].validation_accuracy


def test_theta_begins_at_the_largest_activation_and_is_learnt(torch, model, digits):
    x, _, y, _ = digits
    first = [(torch.tensor(x[:64]), torch.tensor(y[:64]))]
    with torch.no_grad():
        largest = float(model[0](first[0][0].double()).max())
    still = partial(torch.optim.SGD, lr=0.0)
    assert train_qcfs(model, first, T=4, epochs=1, optimiser=still)[0].thetas == pytest.approx((largest,))
    moved = train_qcfs(model, first, T=4, epochs=3, optimiser=partial(torch.optim.SGD, lr=0.1))
    assert moved[-1].thetas[0] != pytest.approx(largest, abs=1e-6)
    assert isinstance(model[1].theta, torch.nn.Parameter)


def test_a_given_theta_is_where_it_begins(torch, model, digits):
    x, _, y, _ = digits
    history = train_qcfs(model, (x, y), T=2, epochs=1, theta=1.5, optimiser=partial(torch.optim.SGD, lr=0.0))
    assert history[0].thetas == (1.5,)


def test_the_seed_decides_and_torchs_generator_is_left_as_it_was(torch, digits):
    import copy

    x, _, y, _ = digits
    torch.manual_seed(0)
    nn = torch.nn
    fresh = nn.Sequential(nn.Linear(64, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 10))
    state = torch.get_rng_state()
    runs = [train_qcfs(copy.deepcopy(fresh), (x, y), T=4, epochs=2, seed=seed) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] and runs[0] != runs[2]
    assert torch.equal(state, torch.get_rng_state())


def test_values_are_learnt_by_mean_squared_error(torch):
    nn = torch.nn
    torch.manual_seed(0)
    x = np.random.default_rng(0).random((200, 3)).astype(np.float32)
    model = nn.Sequential(nn.Linear(3, 32), nn.ReLU(), nn.Linear(32, 1))
    faster = partial(torch.optim.Adam, lr=0.02)
    history = train_qcfs(model, (x, x.sum(axis=1, keepdims=True)), T=8, epochs=10, optimiser=faster)
    assert history[-1].accuracy is None and history[-1].loss < history[0].loss / 2


def test_a_network_with_qcfs_already_learns_on(torch, model, digits):
    x, _, y, _ = digits
    replace_relu_with_qcfs(model, 4, theta=0.9)
    kept = model[1]
    train_qcfs(model, (x[:64], y[:64]), T=4, epochs=1)
    assert model[1] is kept and isinstance(kept, QCFSActivation)
    with pytest.raises(ConversionError, match="T=4, and T=8"):
        train_qcfs(model, (x[:64], y[:64]), T=8, epochs=1)


@pytest.mark.parametrize(
    "change, code, word",
    [
        ({"T": 0}, "timesteps", "at least 1"),
        ({"epochs": 0}, "epochs", "at least 1"),
        ({"loader": iter([])}, "samples", "DataLoader"),
        ({"loader": []}, "samples", "no batch"),
        ({"loader": [np.zeros((2, 64))]}, "labels", "pairs"),
        ({"loader": (np.zeros((3, 64)), np.zeros(2))}, "labels", "2 labels"),
        ({"theta": -1.0}, "threshold", "above 0"),
    ],
)
def test_what_cannot_be_trained_is_refused(model, digits, change, code, word):
    given = {"loader": (digits[0][:64], digits[2][:64]), "T": 4, "epochs": 1} | change
    with pytest.raises(ConversionError, match=word) as caught:
        train_qcfs(model, **given)
    assert caught.value.code == code


def test_an_optimiser_without_the_new_thetas_and_a_model_without_relu_are_refused(torch, model, digits):
    data = (digits[0][:64], digits[2][:64])
    with pytest.raises(ConversionError, match="partial") as caught:
        train_qcfs(model, data, 4, 1, optimiser=torch.optim.SGD(model.parameters(), lr=0.1))
    assert caught.value.code == "optimiser" and isinstance(model[1], torch.nn.ReLU)
    with pytest.raises(ConversionError, match="ReLU") as caught:
        train_qcfs(torch.nn.Linear(64, 10), data, 4, 1)
    assert caught.value.code == "model"


def test_a_training_that_diverges_is_stopped_with_the_epoch(torch, model, digits):
    x, _, y, _ = digits
    with pytest.raises(ConversionError, match="lower learning rate") as caught:
        train_qcfs(model, (x * np.float32(1e20), y), T=4, epochs=20, optimiser=partial(torch.optim.SGD, lr=1e30))
    assert caught.value.code == "non_finite"
