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
from spikeport.roberta.modules.lsq import LSQInteger, level_bounds

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


def test_calibration_takes_twice_the_mean_over_the_root_of_qp_and_then_a_tenth_of_each_batch():
    quantiser = LSQInteger(32)
    quantiser.start_calibration()
    quantiser(torch.full((8,), 3.0))
    first = 2 * 3.0 / math.sqrt(31)
    assert quantiser.scale.item() == pytest.approx(first)
    quantiser(torch.full((8,), -5.0))
    assert quantiser.end_calibration() == 2
    assert quantiser.scale.item() == pytest.approx(0.9 * first + 0.1 * 2 * 5.0 / math.sqrt(31))
    quantiser(torch.full((8,), 100.0))
    assert quantiser.scale.item() == pytest.approx(0.9 * first + 0.1 * 2 * 5.0 / math.sqrt(31))


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
