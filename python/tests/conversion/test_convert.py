"""`convert`: what it computes, what it leaves alone, what it refuses."""

import warnings

import numpy as np
import pytest

from spikeport.conversion import ConvertedSNN, SilentLayerWarning, convert
from spikeport.errors import ConversionError

pytestmark = pytest.mark.filterwarnings("ignore::spikeport.conversion.ConversionWarning")  # little data, on purpose


@pytest.fixture
def nn(torch):
    torch.manual_seed(0)
    return torch.nn


def small(nn, *more):
    """A 4-6-3 network; ``more`` modules stand in the middle."""
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), *more, nn.Linear(6, 3))


def set_weights(linear, weight, bias=None):
    import torch

    with torch.no_grad():
        linear.weight.copy_(torch.tensor(weight))
        if bias is not None:
            linear.bias.copy_(torch.tensor(bias))


def test_a_bias_only_neuron_fires_at_its_rate(torch, nn):
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    set_weights(model[0], [[0.0, 0.0], [0.0, 0.0]], [0.5, 2.0])
    set_weights(model[2], [[1.0, 0.0], [-1.0, 0.0]], [0.0, 0.0])
    snn = convert(model, torch.zeros(4, 2), T=32, percentile=100)
    result = snn.graph.run(np.zeros((1, 2)), T=32)
    assert snn.scales[0] == 2.0
    assert result.counts[0].tolist() == [[8, 32]]
    assert snn.classify(np.zeros(2), encoding="current") == 0
    assert snn.run(np.zeros(2), encoding="current", readout="membrane") == pytest.approx([0.5, -0.5])


def test_negative_logits_are_not_lost(torch, nn):
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 3))
    set_weights(model[0], [[1.0]], [0.0])
    set_weights(model[2], [[-3.0], [-1.0], [-2.0]], [0.0, 0.0, 0.0])
    snn = convert(model, torch.ones(4, 1), T=32)
    assert snn.run(np.ones(1), encoding="current").tolist() == [0, 0, 0]
    assert snn.classify(np.ones(1), encoding="current") == 1
    assert snn.run(np.ones(1), encoding="current", readout="membrane") == pytest.approx([-3, -1, -2], rel=1e-6)


def test_weights_and_biases_are_balanced_by_the_thresholds(torch, nn):
    model = nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 2))
    set_weights(model[0], [[4.0]], [0.0])
    set_weights(model[2], [[2.0]], [8.0])
    set_weights(model[4], [[1.0], [0.5]], [0.0, 16.0])
    snn = convert(model, torch.ones(1, 1), T=8, percentile=100)
    assert snn.scales == [4.0, 16.0, 24.0]
    assert [W.tolist() for W in snn.weights[:2]] == [[[1.0]], [[0.5]]]
    assert snn.weights[2] == pytest.approx(np.array([[16 / 24], [8 / 24]]))
    assert [b.tolist() for b in snn.biases[:2]] == [[0.0], [0.5]]
    assert snn.biases[2] == pytest.approx([0.0, 16 / 24])
    assert snn.thresholds == [1.0, 1.0, 1.0]


def test_the_percentile_is_of_the_active_neurons(torch, nn):
    model = nn.Sequential(nn.Linear(100, 100, bias=False), nn.ReLU(), nn.Linear(100, 2))
    set_weights(model[0], np.eye(100, dtype=np.float32) * np.where(np.arange(100) < 2, 3.0, -1.0)[:, None])
    snn = convert(model, torch.ones(5, 100), percentile=50)
    assert snn.scales[0] == 3.0


def test_dropout_identity_and_flatten_disappear(torch, nn):
    inner = nn.Sequential(nn.Dropout(0.9), nn.Identity(), nn.Linear(4, 6), nn.ReLU(), nn.AlphaDropout(0.9))
    model = nn.Sequential(nn.Flatten(), inner, nn.Sequential(nn.Sequential(nn.Linear(6, 3))))
    plain = nn.Sequential(inner[2], nn.ReLU(), model[2][0][0])
    x = torch.rand(16, 2, 2)
    snn = convert(model, x, T=8)
    assert [W.shape for W in snn.weights] == [(6, 4), (3, 6)]
    assert all(np.array_equal(a, b) for a, b in zip(snn.weights, convert(plain, x.flatten(1)).weights, strict=True))
    assert snn.run(x.numpy(), encoding="current").shape == (16, 3)


def test_layers_carry_the_names_of_the_modules(nn):
    model = nn.Sequential()
    model.add_module("hidden", nn.Linear(4, 6))
    model.add_module("relu", nn.ReLU())
    model.add_module("head", nn.Sequential(nn.Linear(6, 3)))
    assert [layer.name for layer in convert(model).graph] == ["hidden", "head.0"]
    assert [layer.name for layer in convert(small(nn)).graph] == ["layer_0", "layer_1"]


def test_a_single_linear_layer_and_a_last_relu_convert(torch, nn):
    x = torch.rand(32, 4)
    for model in (nn.Linear(4, 3), nn.Sequential(nn.Linear(4, 3), nn.ReLU())):
        assert convert(model, x, T=64).certificate.agreement == 1


def test_one_output_has_a_difference_and_no_agreement(torch, nn):
    certificate = convert(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 1)), torch.rand(8, 4)).certificate
    assert certificate.agreement is None
    assert certificate.largest_difference > 0


@pytest.mark.parametrize(
    ("given", "kept"), [("float32", np.float32), ("float64", np.float64), ("bfloat16", np.float32)]
)
def test_the_dtype_of_the_model_is_kept(torch, nn, given, kept):
    dtype = getattr(torch, given)
    snn = convert(small(nn).to(dtype), torch.rand(8, 4).to(dtype))
    assert {a.dtype.type for a in [*snn.weights, *snn.biases]} == {kept}


def test_the_model_is_left_as_it_was_found(torch, nn):
    model = small(nn, nn.Dropout(0.5))
    model.train()
    model[2].eval()
    before = [p.detach().clone() for p in model.parameters()]
    modes = [m.training for m in model.modules()]
    snn = convert(model, torch.rand(8, 4), T=8)
    assert [m.training for m in model.modules()] == modes
    assert not any(m._forward_hooks for m in model.modules())
    assert all(p.grad is None and torch.equal(p, q) for p, q in zip(model.parameters(), before, strict=True))
    parameters = [p.detach().numpy() for p in model.parameters()]
    assert not any(np.shares_memory(a, p) for a in [*snn.weights, *snn.biases] for p in parameters)


def test_modes_come_back_after_an_error(torch, nn):
    model = small(nn)
    model[0].register_forward_hook(lambda module, inputs, output: output + 1)
    model.train()
    with pytest.raises(ConversionError, match="hook"):
        convert(model, torch.rand(8, 4))
    assert all(m.training for m in model.modules())


def test_calibration_runs_without_dropout(torch, nn):
    model = small(nn, nn.Dropout(0.99)).train()
    x = torch.rand(64, 4)
    assert convert(model, x).certificate.agreement > 0.8


@pytest.mark.parametrize("kind", ["pre", "post"])
@pytest.mark.parametrize("calibrated", [True, False])
def test_a_hook_that_changes_the_answer_is_an_error_not_a_wrong_network(torch, nn, kind, calibrated):
    model = small(nn)
    if kind == "pre":
        model[2].register_forward_pre_hook(lambda module, inputs: (2 * inputs[0],))
    else:
        model.register_forward_hook(lambda module, inputs, output: -output)
    with pytest.raises(ConversionError, match="hook") as caught:
        convert(model, torch.rand(8, 4) if calibrated else None)
    assert caught.value.code == "unfaithful"


def test_a_hook_that_only_looks_is_welcome(torch, nn):
    model, seen = small(nn), []
    model[0].register_forward_hook(lambda module, inputs, output: seen.append(output.shape))
    convert(model, torch.rand(8, 4))
    assert seen


def test_a_parametrised_weight_is_the_one_in_use(torch, nn):
    model = small(nn)
    torch.nn.utils.parametrizations.weight_norm(model[0])
    with torch.no_grad():
        model[0].parametrizations.weight.original0.mul_(3)
    snn = convert(model, torch.rand(8, 4), percentile=100)
    assert snn.weights[0] * snn.scales[0] == pytest.approx(model[0].weight.detach().numpy(), rel=1e-5)


def test_a_silent_layer_is_said_aloud_and_never_nan(torch, nn):
    model = small(nn)
    set_weights(model[0], -np.ones((6, 4), np.float32), [0.0] * 6)
    with pytest.warns(SilentLayerWarning, match="layer_0"):
        snn = convert(model, torch.rand(8, 4), T=8)
    assert snn.scales[0] == 1
    assert snn.certificate.details["silent_layers"] == ["layer_0"]
    assert all(np.isfinite(W).all() for W in snn.weights)
    assert snn.certificate.agreement == 1


def test_an_active_layer_raises_no_warning(torch, nn):
    with warnings.catch_warnings():
        warnings.simplefilter("error", SilentLayerWarning)
        convert(small(nn), torch.rand(8, 4))


@pytest.mark.parametrize("T", [0, -1, 2.5, True, None, "16"])
def test_timesteps_must_be_a_whole_number_of_at_least_1(nn, T):
    with pytest.raises(ConversionError, match="T must be") as caught:
        convert(small(nn), T=T)
    assert caught.value.code == "timesteps"


@pytest.mark.parametrize("percentile", [0, -1, 100.1, float("nan"), "auto", True])
def test_the_percentile_must_lie_in_0_to_100(nn, percentile):
    with pytest.raises(ConversionError, match="percentile") as caught:
        convert(small(nn), percentile=percentile)
    assert caught.value.code == "percentile"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (np.zeros((0, 4)), "calibration_empty"),
        ([], "calibration_empty"),
        (np.zeros((3, 5)), "shape"),
        (np.zeros(4), "shape"),
        (np.zeros((3, 2, 2)), "shape"),
        (np.full((3, 4), np.nan), "non_finite"),
        (np.full((3, 4), -np.inf), "non_finite"),
        (np.full((3, 4), "a"), "dtype"),
        ([[0.0] * 4, [0.0] * 3], "shape"),
    ],
)
def test_calibration_data_that_cannot_serve_is_refused(nn, data, code):
    with pytest.raises(ConversionError) as caught:
        convert(small(nn), data)
    assert caught.value.code == code


def test_calibration_outside_0_to_1_serves_constant_current(torch, nn):
    x = 5 * torch.randn(64, 4)
    snn = convert(small(nn), x, T=64)
    assert snn.certificate.agreement > 0.9
    with pytest.raises(ValueError, match=r"\[0, 1\]"):
        snn.run(x.numpy())


@pytest.mark.parametrize(
    "name",
    ["Tanh", "Sigmoid", "GELU", "ELU", "LeakyReLU", "Softmax", "Hardtanh", "Threshold", "Bilinear", "GRU"],
)
def test_an_unsupported_module_is_refused_by_name(nn, name):
    arguments = {"Softmax": [1], "Threshold": [0.1, 0.0], "Bilinear": [2, 2, 2], "GRU": [6, 6]}.get(name, [])
    module = getattr(nn, name)(*arguments)
    with pytest.raises(ConversionError, match=rf"2 \({name}\) cannot be converted: \w+") as caught:
        convert(small(nn, module))
    assert caught.value.code == "unsupported_module"


def test_later_layers_say_what_would_serve(nn):
    for module, way_out in [
        (nn.Conv2d(1, 1, 3), "cannot be followed on a sample of shape \\(4,\\)"),
        (nn.ConvTranspose1d(1, 1, 3), "transposed"),
        (nn.LayerNorm(6), "train without it"),
        (nn.Tanh(), "ReLU or QCFSActivation"),
        (nn.Softmax(1), "leave it off"),
    ]:
        with pytest.raises(ConversionError, match=way_out):
            convert(small(nn, module))


def test_the_way_out_for_batch_norm_is_one(torch, nn):
    from torch.nn.utils.fusion import fuse_linear_bn_eval

    linear, norm = nn.Linear(4, 6), nn.BatchNorm1d(6)
    norm(linear(torch.randn(64, 4)))
    last = nn.Linear(6, 3)
    model = nn.Sequential(linear, norm, nn.ReLU(), last).eval()
    x = torch.rand(32, 4)
    snn = convert(nn.Sequential(fuse_linear_bn_eval(linear.eval(), norm.eval()), nn.ReLU(), last), x, T=256)
    got = snn.run(x.numpy(), encoding="current", readout="membrane")
    assert got == pytest.approx(model(x).detach().numpy(), abs=0.05)


def test_order_that_makes_no_rate_is_refused(nn):
    for model, words in [
        (nn.Sequential(nn.ReLU(), nn.Linear(4, 3)), "before the first Linear"),
        (small(nn, nn.ReLU()), "another activation"),
        (nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 3)), "no activation"),
        (nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(5, 3)), "takes 5"),
        (nn.Sequential(nn.ReLU()), "before the first Linear"),
        (nn.Sequential(), "no Linear"),
        (nn.Sequential(nn.Flatten(0), nn.Linear(4, 3)), "flatten"),
        (nn.Sequential(nn.LazyLinear(3)), "run the model once"),
    ]:
        with pytest.raises(ConversionError, match=words):
            convert(model)


def test_a_place_left_empty_is_refused(nn):
    model = small(nn)
    model.add_module("softmax", None)
    with pytest.raises(ConversionError, match="softmax is None"):
        convert(model)


def test_code_of_its_own_is_followed(torch, nn):
    class Residual(nn.Sequential):
        def forward(self, x):
            return x + super().forward(x)

    class Doubled(nn.Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    x = torch.rand(32, 4)
    for module in (Residual(nn.Linear(6, 6), nn.ReLU()), Doubled(6, 6)):
        model = small(nn, module)
        got = convert(model, x, percentile=99.9).run(x.numpy(), T=512, encoding="current", readout="membrane")
        assert got == pytest.approx(model(x).detach().numpy(), abs=0.02)


@pytest.mark.parametrize("model", [None, {"0.weight": np.zeros((2, 2))}])
def test_what_is_no_module_is_refused(model):
    with pytest.raises(ConversionError, match=type(model).__name__):
        convert(model)


def test_a_path_that_leads_to_nothing_is_refused():
    with pytest.raises(ConversionError, match=r"model\.pt: there is no such file"):
        convert("model.pt")


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # users still have scripted models
def test_a_scripted_model_and_one_without_values_are_refused(torch, nn):
    with pytest.raises(ConversionError, match="convert the model before"):
        convert(torch.jit.script(small(nn)))
    with pytest.raises(ConversionError, match=r"0 \(Linear\) has no values"):
        convert(small(nn).to("meta"))


def test_a_sparse_tensor_is_refused(torch, nn):
    with pytest.raises(ConversionError, match="calibration data cannot be read") as caught:
        convert(small(nn), torch.eye(4).to_sparse())
    assert caught.value.code == "dtype"


def test_a_network_that_holds_nan_is_refused_by_layer(torch, nn):
    model = small(nn)
    with torch.no_grad():
        model[2].bias[1] = float("nan")
    with pytest.raises(ConversionError, match=r"2 \(Linear\): its bias"):
        convert(model)


def test_activations_that_overflow_are_refused(torch, nn):
    model = small(nn)
    set_weights(model[0], np.full((6, 4), 1e30, np.float32))
    with pytest.raises(ConversionError, match="layer_0 overflows"):
        convert(model, torch.full((8, 4), 1e30))


def test_convert_returns_what_is_documented(torch, nn):
    snn = convert(small(nn), torch.rand(8, 4))
    assert isinstance(snn, ConvertedSNN)
    assert snn.T == 16
    assert snn.n_layers == 2
