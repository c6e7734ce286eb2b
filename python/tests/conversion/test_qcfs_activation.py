"""`QCFSActivation` and `replace_relu_with_qcfs`: the documented formula, a gradient, every ReLU found."""

import copy

import numpy as np
import pytest

from spikeport import kernels
from spikeport.conversion import QCFSActivation, replace_relu_with_qcfs
from spikeport.errors import ConversionError


def documented(x, T, theta):
    return np.clip(np.floor(x * T / theta + 0.5), 0, T) * theta / T


@pytest.mark.parametrize("T", [1, 2, 4, 7, 16])
@pytest.mark.parametrize("theta", [0.25, 1.0, 3.0])
@pytest.mark.parametrize("learn_theta", [True, False])
def test_forward_is_the_documented_formula_bit_for_bit(torch, T, theta, learn_theta):
    x = np.concatenate([np.linspace(-2 * theta, 2 * theta, 1001), np.arange(-1, T + 2) * theta / T])
    got = QCFSActivation(T, theta, learn_theta)(torch.tensor(x)).detach().numpy()
    assert np.array_equal(got, documented(x, T, theta))
    assert np.array_equal(got, kernels.qcfs(x, timesteps=T, threshold=theta))
    assert len(np.unique(got)) == T + 1


def test_the_default_theta_is_1_and_not_learnt(torch):
    activation = QCFSActivation(8)
    assert activation.threshold == 1
    assert list(activation.parameters()) == []
    assert "theta" in activation.state_dict()
    assert [name for name, _ in QCFSActivation(8, learn_theta=True).named_parameters()] == ["theta"]
    assert repr(QCFSActivation(8, 2.0, True)) == "QCFSActivation(T=8, theta=2, learnt)"


def test_the_gradient_of_x_is_1_inside_the_clip_and_0_outside(torch):
    x = torch.linspace(-1, 3, 401, dtype=torch.float64, requires_grad=True)
    QCFSActivation(4, 2.0)(x).sum().backward()
    assert (x.grad[(x > 0) & (x < 2)] == 1).all()
    assert (x.grad[(x < 0) | (x > 2)] == 0).all()


def test_the_gradient_of_theta_is_the_documented_one(torch):
    for x, expected in [(-0.7, 0.0), (0.9, 0.5 - 0.45), (1.6, 0.75 - 0.8), (2.5, 1.0)]:
        activation = QCFSActivation(4, 2.0, learn_theta=True)
        activation(torch.tensor([x], dtype=torch.float64)).sum().backward()
        assert float(activation.theta.grad) == pytest.approx(expected, abs=1e-6), x


def test_theta_learns_and_stays_positive(torch):
    activation = QCFSActivation(4, 1.0, learn_theta=True)
    optimiser = torch.optim.SGD([activation.theta], lr=0.5)
    for target in (3.0, -5.0, 2.0):
        for _ in range(40):
            optimiser.zero_grad()
            ((activation(torch.full((8,), 10.0)) - target) ** 2).mean().backward()
            optimiser.step()
            assert activation.threshold > 0
            assert torch.isfinite(activation(torch.linspace(-1, 1, 11))).all()
    assert activation.threshold == pytest.approx(2.0, rel=0.05)


def test_a_learnt_theta_below_the_floor_can_rise_again(torch):
    activation = QCFSActivation(4, 1.0, learn_theta=True)
    with torch.no_grad():
        activation.theta.fill_(-3.0)
    (-activation(torch.ones(3))).sum().backward()
    assert activation.threshold == pytest.approx(1e-4)
    assert activation.theta.grad < 0


def test_a_small_theta_that_was_asked_for_is_kept(torch):
    assert float(QCFSActivation(2, 1e-6)(torch.tensor([1.0]))) == pytest.approx(1e-6)


@pytest.mark.parametrize("arguments", [(0,), (-2,), (1.5,), (4, 0.0), (4, -1.0), (4, float("nan")), (4, float("inf"))])
def test_bad_parameters_are_refused(arguments):
    with pytest.raises(ConversionError):
        QCFSActivation(*arguments)


def test_every_relu_is_replaced_by_an_activation_of_its_own(torch):
    nn = torch.nn
    shared = nn.ReLU()
    model = nn.Sequential(
        nn.Linear(4, 4), shared, nn.Sequential(nn.Linear(4, 4), shared), nn.ModuleDict({"a": nn.ReLU()})
    )
    assert replace_relu_with_qcfs(model, T=4, theta=2.0) is model
    replaced = [m for m in model.modules() if isinstance(m, QCFSActivation)]
    assert [(m.T, m.threshold) for m in replaced] == [(4, 2.0)] * 3
    assert len({id(m.theta) for m in replaced}) == 3
    assert not any(isinstance(m, nn.ReLU) for m in model.modules())
    assert len(list(model.parameters())) == 4 + 3


def test_defaults_and_modes_of_the_replacement(torch):
    nn = torch.nn
    model = replace_relu_with_qcfs(nn.Sequential(nn.Linear(2, 2), nn.ReLU()).eval())
    assert (model[1].T, model[1].threshold, model[1].training) == (8, 1.0, False)
    assert isinstance(model[1].theta, nn.Parameter)
    assert isinstance(replace_relu_with_qcfs(nn.ReLU(), T=2), QCFSActivation)
    assert isinstance(copy.deepcopy(model)[1], QCFSActivation)


def test_a_model_without_a_relu_module_is_an_error(torch):
    with pytest.raises(ConversionError, match=r"nn\.ReLU"):
        replace_relu_with_qcfs(torch.nn.Sequential(torch.nn.Linear(2, 2)))
    with pytest.raises(ConversionError, match="list"):
        replace_relu_with_qcfs([])
    with pytest.raises(ConversionError, match="T must"):
        replace_relu_with_qcfs(torch.nn.ReLU(), T=0)
