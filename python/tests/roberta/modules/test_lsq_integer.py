import json
import math

import hypothesis.extra.numpy as arrays
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spikeport.roberta import Transform
from spikeport.roberta.errors import RobertaError
from spikeport.roberta.modules import lsq
from spikeport.roberta.modules.lsq import LSQInteger, fitted_scale, level_bounds, levels

VALUES = arrays.arrays(np.float64, st.integers(1, 12), elements=st.floats(-50, 50, width=32))


@given(VALUES, st.integers(4, 64), st.booleans(), st.floats(0.015625, 4, width=32))
def test_value_is_scale_times_the_clamped_rounded_level(x, level, signed, scale):
    low, high = (-(level // 2), level // 2 - 1) if signed else (0, level - 1)
    quantiser = LSQInteger(level, signed, scale).double()
    s = quantiser.scale.item()
    expected = s * np.clip(np.floor(x / s + 0.5), low, high)
    with torch.no_grad():
        assert np.array_equal(quantiser(torch.tensor(x)).numpy(), expected)
    assert torch.equal(quantiser(torch.tensor(x)).detach(), torch.tensor(expected)), "training computes another value"


@given(VALUES, st.integers(4, 64), st.booleans(), st.floats(0.015625, 4, width=32))
def test_gradients_are_those_of_the_lsq_paper(x, level, signed, scale):
    quantiser = LSQInteger(level, signed, scale).double()
    low, high = level_bounds(level, signed)
    values = torch.tensor(x, requires_grad=True)
    weights = torch.arange(1.0, len(x) + 1, dtype=torch.float64)
    (quantiser(values) * weights).sum().backward()

    ratio = x / quantiser.scale.item()
    rounded = np.floor(ratio + 0.5)
    inside = (rounded >= low) & (rounded <= high)
    g = 1 / math.sqrt(high * len(x))
    to_scale = np.where(inside, rounded - ratio, np.clip(rounded, low, high)) * g
    assert np.array_equal(values.grad.numpy(), inside * weights.numpy())
    np.testing.assert_allclose(quantiser.scale.grad.item(), (to_scale * weights.numpy()).sum(), rtol=1e-9, atol=1e-9)


def test_calibration_finds_the_scale_that_the_values_were_made_with():
    quantiser = LSQInteger(8, signed=True)
    quantiser.start_calibration()
    quantiser(0.25 * torch.arange(-4.0, 4.0))
    assert quantiser.end_calibration() == 1
    assert quantiser.scale.item() == pytest.approx(0.25)
    quantiser(torch.full((8,), 100.0))
    assert quantiser.scale.item() == pytest.approx(0.25), "the calibration has ended"


@given(st.integers(0, 1000), st.sampled_from([4, 8, 32]), st.booleans())
def test_no_scale_of_a_hundred_others_has_a_smaller_error_worth_naming(seed, level, signed):
    x = torch.randn(500, generator=torch.Generator().manual_seed(seed)).double() ** 3
    x = x if signed else x.abs()
    low, high = level_bounds(level, signed)

    def error(scale):
        return float(((levels(x, torch.tensor(scale), low, high) * scale - x) ** 2).sum())

    found = fitted_scale(x, low, high)
    widest = float(x.abs().max())
    assert error(found) <= 1.05 * min(error(widest * k / 100) for k in range(1, 101))


def test_one_large_value_does_not_take_the_levels_from_the_many():
    many = torch.linspace(0, 1, 10001)
    assert fitted_scale(torch.cat([many, torch.tensor([2.0])]), 0, 31) < 1.1 / 31
    assert fitted_scale(many, 0, 31) == pytest.approx(1 / 31, rel=0.02)


@pytest.mark.parametrize("width", [96, 768, 5 * 7 * 16])
def test_values_that_calibration_looks_at_are_of_every_feature_alike(width, monkeypatch):
    monkeypatch.setattr(lsq, "ENOUGH", 2**12)
    x = torch.arange(width).repeat(400, 1)
    for shaped in (x, x.view(400, -1, 16)):
        looked_at = shaped.flatten()[:: lsq._stride(shaped)]
        assert 2**11 < len(looked_at) <= 2**12
        counts = torch.bincount(looked_at, minlength=width)
        assert counts.max() - counts.min() <= 1, "some features are looked at more than others"


def test_padding_has_no_part_in_a_scale():
    x = torch.full((2, 3, 4), 1.0)
    x[1, 2] = 1000.0
    counted = torch.tensor([[1, 1, 1], [1, 1, 0]])
    for shaped in (x, x[:, None].expand(2, 5, 3, 4)):  # as a layer's output, and as attention's rows
        quantiser = LSQInteger(8, signed=True)
        quantiser.start_calibration(counted)
        quantiser(shaped)
        assert quantiser.scale.item() <= 1.0


@pytest.mark.parametrize("values", [[], [0.0, 0.0], [-1.0, 0.0]])
def test_values_that_every_scale_quantises_alike_leave_the_scale_alone(values):
    quantiser = LSQInteger(8, scale=0.75)
    quantiser.start_calibration()
    quantiser(torch.tensor(values))
    assert quantiser.scale.item() == 0.75


def test_a_scale_that_an_optimiser_pushed_below_zero_still_acts_as_positive():
    quantiser = LSQInteger(32)
    with torch.no_grad():
        quantiser.scale.fill_(-0.5)
        assert quantiser(torch.tensor([1.1])).item() == 1.0
    quantiser(torch.tensor([1.1])).sum().backward()
    assert quantiser.scale.grad.item() != 0


def test_a_silent_batch_leaves_a_scale_above_zero():
    quantiser = LSQInteger(8, signed=True)
    quantiser.start_calibration()
    assert torch.equal(quantiser(torch.zeros(4)).detach(), torch.zeros(4))
    assert quantiser.scale.item() > 0


def test_the_scale_is_saved_and_loaded():
    quantiser = LSQInteger(32, scale=0.37)
    other = LSQInteger(32)
    other.load_state_dict(quantiser.state_dict())
    assert torch.equal(other.scale, quantiser.scale)
    assert quantiser.scale.shape == (1,), "FSDP shards no parameter of shape ()"


def test_a_tensor_of_no_and_of_one_value_without_a_dimension_are_quantised_too():
    quantiser = LSQInteger(8, signed=True, scale=0.5)
    quantiser(torch.zeros(0)).sum().backward()
    assert quantiser.scale.grad.tolist() == [0.0]
    assert quantiser(torch.tensor(0.7)).shape == ()
    with torch.no_grad():
        assert quantiser(torch.tensor(0.7)) == 0.5


@pytest.mark.parametrize(
    "level, signed", [(1, False), (0, False), (3, True), (2.5, False), (True, False), ("32", True)]
)
def test_too_few_levels_are_refused(level, signed):
    with pytest.raises(RobertaError, match="level") as caught:
        LSQInteger(level, signed)
    assert caught.value.code == "level"


@pytest.mark.parametrize("scale", [0.0, -1.0, float("nan"), float("inf")])
def test_a_scale_that_cannot_be_is_refused(scale):
    with pytest.raises(RobertaError, match="scale"):
        LSQInteger(32, scale=scale)


def test_a_numpy_level_is_kept_as_a_plain_number_so_that_a_config_can_be_saved():
    assert json.loads(json.dumps(Transform.default(np.int64(16)).to_dict())) == Transform.default(16).to_dict()
    quantiser = LSQInteger(np.int64(16), signed=True)
    assert json.dumps([quantiser.level, quantiser.q_min, quantiser.q_max]) == "[16, -8, 7]"
